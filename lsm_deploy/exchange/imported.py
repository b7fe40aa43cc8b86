"""What an importer makes: a float network that computes what somebody's program computes, and what was done to it.

The importers are `matrices` (and what is written on it: `reservoirpy_nodes`, `torch_modules`, `weight_files`), `odes`
and `gated_networks` (of which `gated_modules` reads the weights). `stimulus_of` and `states_of` turn the program's own
inputs into a stimulus, and a trace into its own states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from lsm_deploy.core.activations import ACTIVATIONS, GATES
from lsm_deploy.core.errors import LsmError, MisuseError, require_type
from lsm_deploy.core.frozen import rebuilt
from lsm_deploy.core.ir import Network, Population, Program, Projection, SignMode, Stimulus, Trace
from lsm_deploy.core.messages import LARGEST_BITS, Message
from lsm_deploy.core.neurons import KINDS, gated, graded
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Reported
from lsm_deploy.run.reference import FloatTrace

__all__ = ["Imported", "population", "projections", "states_of", "stimulus_of"]

VALUES = Message(LARGEST_BITS, signed=True, fraction=LARGEST_BITS - 1)
"""What an imported network takes: inputs as floats in -1 to 1."""


@dataclass(frozen=True, eq=False, repr=False)
class Imported(Reported):
    """A float network, and how it stands for the program that it was imported from.

    population: the one whose `v` is the program's state. first: the row of a sample's trace that holds the program's
    first state, 1 where an input comes before it, 0 where the program starts with it. input_range: the values that the
    network has as -1 and 1. steps: how many states there are, where no input says it; else 0. notes: what was
    repaired, assumed, approximated, left out or found wrong, each a sentence that begins with that word. period: steps
    for each state, through which an input is held.
    """

    network: Network
    population: str
    first: int
    input_range: tuple[float, float]
    steps: int
    notes: tuple[str, ...]
    period: int = 1

    __reduce__ = rebuilt


def stimulus_of(imported: Imported, inputs: ArrayLike | None = None) -> Stimulus:
    """The stimulus of inputs `[t, channel]` or `[sample, t, channel]`, or of a program without any; a step is added
    to each sample, in which its last state comes about."""
    require_type(imported, Imported, "first argument", "import a program first, with `from_torch` or another")
    channels = imported.network.channels
    if imported.steps:
        if inputs is not None:
            raise MisuseError("this program takes no inputs", where="inputs", hint="leave them out")
        return Stimulus(np.zeros((imported.steps, 0), np.int8), np.array([0]))
    samples = samples_of(inputs, channels)
    low, high = imported.input_range
    if outside := beyond(samples, imported.input_range):
        raise LsmError(outside, where="inputs", hint="import the program with an `input_range` that holds them")
    scaled = (samples - (high + low) / 2) * (2 / (high - low))
    messages = np.repeat(VALUES.of(scaled * VALUES.unit), imported.period, axis=1)
    count, steps, _ = messages.shape
    more = imported.first + 1 - imported.period
    longer = np.concatenate([messages, np.zeros((count, more, channels), VALUES.dtype)], axis=1)
    return Stimulus(longer.reshape(-1, channels), np.arange(count) * (steps + more))


def states_of(imported: Imported, trace: FloatTrace | Trace, program: Program | None = None) -> Floats:
    """The program's states `[t, unit]`, in its own units, of a trace that has `v`; one after the other where there are
    several samples. program: the one that ran, where the trace is in integers."""
    require_type(imported, Imported, "first argument", "import a program first, with `from_torch` or another")
    require_type(trace, (FloatTrace, Trace), "trace", "run the network with `run_float`, or its program")
    recorded = trace.state if isinstance(trace, FloatTrace) else trace.registers
    if "v" not in recorded:
        raise LsmError("the trace has no `v`, which is the state", where="trace", hint='run it with record=("v",)')
    unit: Floats = np.ones(1)
    if isinstance(trace, Trace):
        if program is None:
            raise MisuseError("a trace of integers has no unit", where="program", hint="give the program that ran")
        require_type(program, Program, "program", "compile one, or read it with `load_program`")
        one = next(p for p in program.network.populations if p.name == imported.population)
        unit = np.exp2(one.registers["fraction_bits"])
    t = np.arange(len(trace.spikes))
    since = t - trace.starts[np.searchsorted(trace.starts, t, side="right") - 1] - imported.first
    rows = (since >= 0) & (since % imported.period == 0)
    states: Floats = recorded["v"][rows][:, imported.network.columns(imported.population)] / unit
    return states


# --- for importers ----------------------------------------------------------------------------------------------------


def as_array(value: Any) -> NDArray[Any]:
    """An array of what may be one, a sparse matrix, or a tensor of torch, which may have a gradient."""
    if sparse.issparse(value):
        return np.asarray(value.toarray())
    return np.asarray(value.detach().cpu().double() if hasattr(value, "detach") else value)


def samples_of(inputs: ArrayLike | None, channels: int) -> Floats:
    """Inputs as `[sample, t, channel]`; an LsmError where they are no such array."""
    if inputs is None:
        raise MisuseError("there are no inputs", where="inputs", hint=f"give them as [t, {channels}]")
    given = as_array(inputs)
    if given.dtype.kind not in "iuf":
        raise LsmError(f"inputs are of type {given.dtype}, not numbers", where="inputs", hint="give numbers")
    values = given.astype(np.float64)
    if values.ndim == 1 and channels == 1:
        values = values[:, None]
    if values.ndim not in (2, 3) or values.shape[-1] != channels or 0 in values.shape:
        what = f"inputs have shape {list(values.shape)}, not [t, {channels}] or [sample, t, {channels}]"
        raise LsmError(what, where="inputs", hint="put time first, and one column for each input")
    if not np.isfinite(values).all():
        raise LsmError("inputs hold values that are not finite", where="inputs", hint="fill or drop them")
    return values if values.ndim == 3 else values[None]


def beyond(samples: Floats, allowed: tuple[float, float]) -> str:
    """Which value lies outside; "" where none does."""
    low, high = allowed
    least, most = float(samples.min()), float(samples.max())
    if low <= least and most <= high:
        return ""
    return f"inputs reach {least if least < low else most:.6g}, outside {low:.6g} to {high:.6g}"


def population(
    name: str,
    size: int,
    activation: str,
    given: Mapping[str, ArrayLike],
    output: str = "identity",
    gate: str = "",
) -> Population:
    """Graded neurons with the parameters that are given, each a number or an array `[size]`; gated ones with a gate."""
    kind = KINDS[gated.NAME if gate else graded.NAME]
    numbers = {"activation": ACTIVATIONS.index(activation), "output": ACTIVATIONS.index(output)}
    if gate:
        numbers["gate"] = GATES.index(gate)
    fields = kind.Parameters.__dataclass_fields__
    values = {name: field.default for name, field in fields.items()} | numbers | dict(given)
    parameters = {name: np.broadcast_to(np.asarray(value, np.float64), size) for name, value in values.items()}
    return Population(name, kind.NAME, size, parameters)


def projections(
    source: str,
    target: str,
    weights: Floats,
    weight_bits: int,
    *,
    port: int = 0,
    delay_ms: Floats | float = 0.0,
) -> list[Projection]:
    """A matrix `[post, pre]` as synapses, one projection a sign: so either has the whole of its bits. delay_ms: of all,
    or of each."""
    delays = np.broadcast_to(delay_ms, weights.shape).T
    parts: list[tuple[str, SignMode, NDArray[np.bool_]]] = [
        ("exc", "excitatory", weights > 0),
        ("inh", "inhibitory", weights < 0),
    ]
    made = []
    for label, sign_mode, chosen in parts:
        by_source = sparse.csr_array(np.where(chosen, weights, 0.0).T)
        if by_source.nnz:
            pre = np.repeat(np.arange(weights.shape[1]), np.diff(by_source.indptr))
            post, weight = by_source.indices, by_source.data
            name = f"{source}->{target}{':gate' if port else ''}:{label}"
            delay = delays[pre, post]
            made.append(
                Projection(name, source, target, sign_mode, weight_bits, by_source.indptr, post, weight, delay, port)
            )
    return made


def network_of(channels: int, populations: Sequence[Population], joined: Sequence[Projection], dt_ms: float) -> Network:
    """A network whose input channels are floats, and whose samples each begin at rest."""
    return Network(dt_ms, channels, 0, tuple(populations), tuple(joined), input=VALUES)
