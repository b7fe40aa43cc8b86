"""What an imported recurrence does on inputs, in floats: the range of its states, and how many are saturated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Network, Population, Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import warn
from lsm_deploy.core.streams import stream
from lsm_deploy.exchange.imported import Imported, stimulus_of
from lsm_deploy.run.reference import run_float

__all__ = ["UNBOUNDED", "largest_states", "profiled", "with_range"]

UNBOUNDED = ("identity", "relu")
"""Activations whose range is that of what comes in: it has to be profiled, or given."""
DRIVE_STEPS = 200
"""Of the random drive that stands in for inputs, where the states are only looked at."""
WILD = 1.5
"""The spectral radius from which the states of most reservoirs are saturated."""
RUNAWAY = 2.0**15
"""States beyond it are taken for ones that grow without end."""


def profiled(
    imported: Imported,
    samples: Floats | None,
    activation: str,
    clip: tuple[float, float],
    state_range: float,
    radius: float,
) -> Imported:
    """The same with the range that its states need, and with what its dynamics call for to be said."""
    network, said = imported.network, list(imported.notes)
    if activation in UNBOUNDED:
        if samples is None and not state_range:
            what = f"nothing bounds the states of units with the activation {activation}"
            raise LsmError(what, where="state_range", hint="give `inputs` to profile them on, or `state_range`")
        if samples is not None:
            largest = largest_states(network, stimulus_of(imported, samples))[imported.population]
            if state_range and largest > state_range:
                what = (
                    f"the states reach {largest:.6g} on the inputs, beyond the range of {state_range:g} that is given"
                )
                raise LsmError(what, where="state_range", hint=f"give at least {largest:.3g}, or leave it out")
            if not state_range:
                said.append(f"assumed: states stay within {2 * largest:.4g}, twice what they reach on the inputs")
                network = with_range(network, imported.population, 2 * largest)
    if radius > WILD:
        said.append(_warn_of(radius, replace(imported, network=network), samples, activation, clip))
    return replace(imported, network=network, notes=tuple(said))


def largest_states(network: Network, stimulus: Stimulus) -> dict[str, float]:
    """The largest |u| or |v| of each population of the float network; an LsmError where the states run away."""
    with np.errstate(over="ignore", invalid="ignore"):
        trace = run_float(network, stimulus, ("u", "v"))
    of_neuron = np.maximum(*(np.abs(values).max(axis=0) for values in trace.state.values()))
    if not (of_neuron < RUNAWAY).all():
        what = f"the states run away: they pass {RUNAWAY:g} within {len(stimulus.spikes)} steps"
        raise LsmError(what, where="weights", hint="give a `spectral_radius` below 1, or smaller steps of an ODE")
    return {name: float(of_neuron[network.columns(name)].max()) for name in network.sizes}


def with_range(network: Network, population: str, state_range: float) -> Network:
    """The same with the `state_range` of a population."""
    populations = []
    for p in network.populations:
        if p.name == population and isinstance(p, Population):
            p = replace(p, parameters={**p.parameters, "state_range": np.full(p.size, state_range)})
        populations.append(p)
    return replace(network, populations=tuple(populations))


def _warn_of(
    radius: float, imported: Imported, samples: Floats | None, activation: str, clip: tuple[float, float]
) -> str:
    """That of a spectral radius at which most reservoirs saturate, with the share of saturated states here."""
    drive = "the inputs"
    if samples is None:
        low, high = imported.input_range
        rng = stream(0, "import", imported.network.channels)
        samples = rng.uniform(low, high, (1, DRIVE_STEPS, imported.network.channels))
        drive = f"{DRIVE_STEPS} random inputs"
    what = f"the recurrent weights have a spectral radius of {radius:.3g}"
    if activation in _SATURATED:
        u = run_float(imported.network, stimulus_of(imported, samples), ("u",)).state["u"]
        share = _SATURATED[activation](u[1:, imported.network.columns(imported.population)], clip).mean()
        what += f": on {drive} {100 * share:.1f} % of the states are saturated, and tell little of them"
    warn(f"{what}; scale them with `spectral_radius=0.9`", level=4)
    return f"warning: {what}"


_SATURATED: dict[str, Callable[[Floats, tuple[float, float]], Any]] = {
    "tanh": lambda u, ends: np.abs(np.tanh(u)) > 0.99,
    "sigmoid": lambda u, ends: np.abs(np.tanh(u / 2)) > 0.99,
    "quadratic": lambda u, ends: np.abs(u) > 1.8,
    # Below a floor of 0 a unit is at rest.
    "clip": lambda u, ends: (u >= ends[1]) | ((u <= ends[0]) & (ends[0] < 0)),
}
"""By activation, where a sum `u` leads to less than 1 % from what the state cannot exceed."""
