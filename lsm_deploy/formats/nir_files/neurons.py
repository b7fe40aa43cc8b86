"""Neurons of a graph as populations of ours, and what their inputs are multiplied by on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import LARGEST_DECAY
from lsm_deploy.core.ir import Population, QPopulation
from lsm_deploy.core.neurons import KINDS, graded
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.formats.nir_files.discretisation import Discretisation
from lsm_deploy.formats.nir_files.graph import Node, at
from lsm_deploy.formats.nir_files.linear import spread

__all__ = ["CURRENT", "Unit", "always_on", "identity", "units_of"]

_IDENTITY = float(ACTIVATIONS.index("identity"))
CURRENT = "current"
"""The first of the two units of a CubaLI."""
_KINDS = {
    "zero": ("LIF", {}),
    "zero-delayed": ("LIFRefractory", {"t_refractory_ms": 1.0}),
    "subtract": ("LIFSubtract", {"reset_delay": 0.0}),
    "subtract-delayed": ("LIFSubtract", {"reset_delay": 1.0}),
}
"""The kind of a reset, and what it has beyond LIF: times in steps."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A population to be. gain `[neuron]`: of its inputs. constant `[neuron]`: an input of every step, in units of v.

    parameters: without `bias` of a current that is remembered: `early`, added to v itself, cannot wait for its inputs.
    """

    name: str
    kind: str
    size: int
    parameters: dict[str, Floats]
    gain: Floats
    constant: Floats
    early: Floats | None = None
    what: str = ""

    def population(self) -> Population:
        parameters = dict(self.parameters)
        if self.early is not None:
            parameters["bias"] = self.early
        fields = KINDS[self.kind].Parameters.__dataclass_fields__
        values = {name: parameters.get(name, field.default) for name, field in fields.items()}
        full = {name: np.full(self.size, _IDENTITY if isinstance(v, str) else v) for name, v in values.items()}
        return Population(self.name, self.kind, self.size, full)


def units_of(node: Node, size: int, how: Discretisation, where: str) -> list[Unit]:
    """The populations that a node becomes, the last of which sends what it sends; an LsmError where there is none."""
    here = at(where, node.name)
    zeros, ones = np.zeros(size), np.ones(size)

    def of(name: str, default: float | None = None) -> Floats:
        return spread(node, name, size, where, default)

    def decay(name: str) -> tuple[Floats, Floats]:
        tau = of(name)
        if (tau <= 0).any() or (how.scheme == "euler" and (tau * 1e3 < how.dt_ms * (1 - 1e-6)).any()):
            what = f"{name} is {tau.min():g} s, and a step {how.dt_ms / 1e3:g} s"
            hint = "give its source's --dt-ms; a step of Euler's is no longer than a time constant"
            raise LsmError(what, where=here, hint=hint)
        left, taken = how.of(tau)
        return np.maximum(left, 0.0), taken

    if node.kind in ("LI", "CubaLI"):
        return _integrators(node, size, of, decay)
    syn_left, syn_gain, leak = zeros, ones, zeros
    if node.kind == "Threshold":
        mem_left, gain, threshold, reset = zeros, ones, of("threshold"), zeros
    else:
        threshold, reset = of("v_threshold"), of("v_reset", 0.0)
        if node.kind == "IF":
            mem_left, gain = ones, of("r") * (1.0 if how.if_input == "per-step" else how.dt_ms / 1e3)
        else:
            mem_left, taken = decay("tau" if node.kind == "LIF" else "tau_mem")
            gain, leak = taken * of("r"), taken * (of("v_leak") - reset)
        if node.kind == "CubaLIF":
            syn_left, syn_taken = decay("tau_syn")
            syn_gain = syn_taken * of("w_in", 1.0)
    wait = "zero" if node.kind == "Threshold" else how.reset
    if wait.startswith("subtract") and reset.any():
        what = f"v_reset is {reset[np.argmax(reset != 0)]:g}, and a spike is to subtract the threshold"
        raise LsmError(what, where=here, hint="give --reset zero, or write v_reset as 0")
    if (threshold <= reset).any():
        i = int(np.argmax(threshold <= reset))
        what = f"the threshold of neuron {i} is {threshold[i]:g}, and a spike takes it to {reset[i]:g}"
        raise LsmError(what, where=here, hint="a threshold is above what a neuron is reset to: change either")
    kind, more = _KINDS[wait]
    more = {name: (value * how.dt_ms if name.endswith("_ms") else value) for name, value in more.items()}
    parameters = {
        "tau_mem_ms": how.tau_ms(mem_left),
        "tau_syn_ms": np.where(syn_left == 0, 0.0, how.tau_ms(syn_left)),
        "v_threshold": threshold - reset,
        **{name: np.full(size, value) for name, value in more.items()},
    }
    what = f"{size} {kind}"
    if reset.any():
        what += f", v counted from v_reset, {_span(reset)}"
    filtered = node.kind == "CubaLIF"
    return [
        Unit(
            node.name,
            kind,
            size,
            parameters,
            gain * syn_gain,
            zeros if filtered else leak,
            leak if filtered and leak.any() else None,
            what,
        )
    ]


def _integrators(
    node: Node, size: int, of: Callable[..., Floats], decay: Callable[[str], tuple[Floats, Floats]]
) -> list[Unit]:
    """v goes 1 - beta of the way to gain / (1 - beta) times its input: a graded unit that sends v itself."""
    stages = [("tau", of("r"))] if node.kind == "LI" else [("tau_syn", of("w_in", 1.0)), ("tau_mem", of("r"))]
    units = []
    for i, (tau, factor) in enumerate(stages):
        left, taken = decay(tau)
        last = i == len(stages) - 1
        gain = taken / (1 - left)
        name = node.name if last else f"{node.name}/{CURRENT}"
        constant = gain * of("v_leak") if last else np.zeros(size)
        what = f"{size} {graded.NAME}, which send {'v' if last else 'the current'}"
        units.append(Unit(name, graded.NAME, size, {"leak_rate": 1 - left}, gain * factor, constant, None, what))
    return units


def identity(name: str, size: int) -> Unit:
    """Units that send what comes to them: an output without neurons."""
    what = f"{size} {graded.NAME}, which send what comes to them"
    return Unit(name, graded.NAME, size, {}, np.ones(size), np.zeros(size), None, what)


def always_on(name: str) -> QPopulation:
    """A neuron that spikes in every step, from step 0 on, in the chip's integers: its bias is above its threshold."""
    registers = {"du": LARGEST_DECAY, "dv": LARGEST_DECAY, "vth": 0, "bias_mant": 1, "bias_exp": 0}
    return QPopulation(name, "LIF", 1, {field: np.full(1, value) for field, value in registers.items()})


def _span(values: Floats) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
