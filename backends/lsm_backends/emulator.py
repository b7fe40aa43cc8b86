"""The plain emulator: THE definition of what a program means. Every other backend is held to it, register by register.

One step, for each neuron: take what arrives now, clear registers where a sample starts (`interval` policy), integrate,
spike, and put the synaptic sums that this step's spikes cause into the steps in which they arrive.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from lsm_deploy.core import fixed
from lsm_deploy.core.ir import COUNTS, INPUT, Program, QNetwork, QPopulation, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.progress import Progress

__all__ = ["missing", "run"]


def missing() -> str | None:
    """Nothing is: it needs numpy and scipy only."""
    return None


def run(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
) -> Trace:
    """Run every sample and record spikes and the named registers; `progress(done, total)` is told steps."""
    network = program.network
    steps = len(stimulus.spikes)
    spikes = np.zeros((steps, network.neurons), network.message_type)
    registers = {name: np.zeros((steps, network.neurons), np.int32) for name in record}
    counts = dict.fromkeys(COUNTS, 0)
    # `fresh`: every sample is a run of its own. `interval`: one long run, cleared by the clock and not by `starts`.
    starts = [0] if network.sample_interval else stimulus.starts.tolist()
    synapses = _by_delay(network)
    for start, stop in zip(starts, [*starts[1:], steps], strict=True):
        window = slice(start, stop)
        recorded = {name: values[window] for name, values in registers.items()}
        _run_sample(network, synapses, stimulus.spikes[window], spikes[window], recorded, counts)
        if progress:
            progress(stop, steps)
    return Trace(spikes, registers, stimulus.starts, counts)


def _run_sample(
    network: QNetwork,
    synapses: list[_Synapses],
    stimulus: Messages,
    spikes: Messages,
    recorded: dict[str, NDArray[np.int32]],
    counts: dict[str, int],
) -> None:
    slices = {name: network.columns(name) for name in network.sizes}
    states = {p.name: _cleared(p) for p in network.populations}
    horizon = 1 + max((delay + 1 for _, _, delay, _ in synapses), default=1)
    arriving = np.zeros((horizon, network.sums), np.int64)  # a ring: row t % horizon is the sums due in step t

    for t in range(len(stimulus)):
        a = arriving[t % horizon].copy()
        arriving[t % horizon] = 0

        for population in network.populations:
            if network.sample_interval and t % network.sample_interval == 0:
                states[population.name] = _cleared(population)
            here = slices[population.name]
            kind = KINDS[population.kind]
            given = network.sums_onto(population.name, a)
            step = kind.step(population.registers, states[population.name], given)
            states[population.name] = step.state
            spikes[t, here] = step.spikes
            counts["wide_sums"] += int((np.abs(given) > kind.LARGEST_SUM).sum())
            counts["u_wraps"] += int(step.wrapped.sum())
            counts["v_saturations"] += int(step.saturated.sum())
            for name, values in recorded.items():
                values[t, here] = step.state.get(name, 0)

        for source, onto, delay, weights in synapses:
            fired = stimulus[t] if source == INPUT else spikes[t, slices[source]]
            if fired.any():
                arriving[(t + 1 + delay) % horizon, onto] += weights @ fired.astype(np.int64)


_Synapses = tuple[str, slice, int, csc_array]
"""Source, the sums that they add to, delay, and the weights of that delay `[post, pre]` with their exponent applied."""


def _by_delay(network: QNetwork) -> list[_Synapses]:
    groups: list[_Synapses] = []
    for p in network.projections:
        pre = p.pre
        shape = (network.sizes[p.target], len(p.indptr) - 1)
        weights = p.weights.astype(np.int64) << p.weight_exp
        for delay in np.unique(p.delays):
            chosen = p.delays == delay
            matrix = csc_array((weights[chosen], (p.post[chosen], pre[chosen])), shape=shape)
            groups.append((p.source, network.ports[p.target, p.port], int(delay), matrix))
    return groups


def _cleared(population: QPopulation) -> dict[str, fixed.Ints]:
    return KINDS[population.kind].initial(population.registers)
