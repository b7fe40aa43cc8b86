"""The float network that a program stands for: what quantisation is measured against.

The schedule is the chip's (a synapse of delay d takes d + 1 steps; either sample policy), and so are times in whole
steps; nothing else is rounded, clipped or wrapped. Each kind's step in floats stands in its own file. Parts that a user
gave as exact integers run as the floats they stand for.

One more liberty than the chip has: delays beyond its 62 steps are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import require_type
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.in_floats import weights_in_floats
from lsm_deploy.core.ir import (
    INPUT,
    Network,
    Population,
    Projection,
    QPopulation,
    QProjection,
    Stimulus,
    check_messages,
)
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.run import kernels

__all__ = ["Feed", "FloatTrace", "run_float"]

SIDE_BY_SIDE = 1 << 13
"""Neurons, of all samples that run at a time: numpy's calls are shared, and what a step touches stays in the cache."""

Feed: TypeAlias = Callable[[NDArray[np.int64], "Messages | Floats"], Messages]
"""Rows of a stimulus `[sample]`, and what is sent in that step `[sample, neuron]`, to what enters `[sample, channel]`.
"""


@dataclass(frozen=True, eq=False, repr=False)
class FloatTrace(Reported):
    """Spikes `[t, neuron]` (of graded neurons what they send, in floats), the recorded state `[t, neuron]` by name (0
    where a kind has none), starts of samples."""

    spikes: Messages | Floats
    state: Mapping[str, Floats]
    starts: NDArray[np.int64]

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, spikes=self.spikes.dtype, state=np.float64, starts=np.int64)


def run_float(
    network: Network,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    feed: Feed | None = None,
) -> FloatTrace:
    """Run every sample of a stimulus through the float network that a program stands for.

    feed: says what enters in a step, where that depends on what is sent in it, in the place of the stimulus's spikes.
    """
    require_type(network, Network, "network", "give that of a compiled spec: `compile_spec(spec).network`")
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or encode it")
    require_type(record, (tuple, list), "record", "give names of states, such as ('u', 'v')")
    steps = len(stimulus.spikes)
    neurons = network.neurons
    graded = any(KINDS[kind].MESSAGE.graded for kind in network.kinds)
    spikes: Messages | Floats = np.zeros((steps, neurons), np.float64 if graded else np.int8)
    given = stimulus.spikes / network.input.unit if network.input.graded else stimulus.spikes
    check_messages(network, stimulus.spikes)
    state = {name: np.zeros((steps, neurons)) for name in record}
    starts = [0] if network.sample_interval else stimulus.starts.tolist()
    stops = [*starts[1:], steps]
    longest = max(stop - start for start, stop in zip(starts, stops, strict=True))
    synapses = [_Synapses.of(p, network, longest) for p in network.projections]
    windows = sorted((slice(*ends) for ends in zip(starts, stops, strict=True)), key=lambda w: w.start - w.stop)
    together, done = max(1, SIDE_BY_SIDE // neurons), 0
    for first in range(0, len(windows), together):
        batch = windows[first : first + together]
        _run_samples(network, synapses, given, batch, spikes, state, feed)
        done += sum(window.stop - window.start for window in batch)
        if progress:
            progress(done, steps)
    return FloatTrace(spikes, state, stimulus.starts)


@dataclass(frozen=True, eq=False)
class _Synapses:
    source: str
    indptr: NDArray[np.uint64]
    place: NDArray[np.uint64]
    """What each adds to, among the sums of all steps that follow."""
    weight: Floats
    longest: int
    """Delay, in steps."""

    @classmethod
    def of(cls, p: Projection | QProjection, network: Network, longest: int) -> _Synapses:
        if isinstance(p, QProjection):
            weight, delay = weights_in_floats(network, p), p.delays
        else:
            # The same rounding as on the way to the chip's delays; no sample is long enough for more than `longest`.
            weight, delay = p.weight, np.minimum(np.rint(fixed.stable(p.delay_ms / network.dt_ms)), longest)
        last, place = int(delay.max(initial=0)), delay.astype(np.int64)
        place *= network.sums
        place += network.ports[p.target, p.port].start
        place += p.post
        return cls(p.source, p.indptr.view(np.uint64), place.view(np.uint64), weight, last)


def _parameters(population: Population | QPopulation, dt_ms: float) -> Mapping[str, Floats]:
    if isinstance(population, Population):
        return population.parameters
    return KINDS[population.kind].to_parameters(population.registers, population.scale, dt_ms)


def _run_samples(
    network: Network,
    synapses: Sequence[_Synapses],
    stimulus: Messages | Floats,
    windows: Sequence[slice],
    spikes: Messages | Floats,
    recorded: Mapping[str, Floats],
    feed: Feed | None,
) -> None:
    """Samples side by side, the longest first: states are `[sample, neuron]`, and a sample that has ended goes."""
    here = {name: network.columns(name) for name in network.sizes}
    kinds = {p.name: KINDS[p.kind] for p in network.populations}
    constants = {
        p.name: kinds[p.name].float_constants(_parameters(p, network.dt_ms), network.dt_ms) for p in network.populations
    }
    cleared = {name: kinds[name].float_initial(values) for name, values in constants.items()}
    begins = np.array([window.start for window in windows])
    lengths = np.array([window.stop - window.start for window in windows])
    states: dict[str, Mapping[str, Floats]] = {
        name: {register: np.tile(values, (len(windows), 1)) for register, values in initial.items()}
        for name, initial in cleared.items()
    }
    horizon = 2 + max((s.longest for s in synapses), default=0)
    ring = np.zeros((len(windows), horizon, network.sums))
    sent = np.zeros((len(windows), network.neurons), spikes.dtype)
    flat = ring.reshape(len(windows), -1)
    interval, left = network.sample_interval, len(windows)
    for t in range(int(lengths[0])):
        if t >= lengths[left - 1]:
            left = int(np.count_nonzero(lengths > t))
            states = {n: {k: v[:left] for k, v in state.items()} for n, state in states.items()}
        rows = begins[:left] + t
        a = ring[:left, t % horizon].copy()
        ring[:left, t % horizon] = 0.0
        sent = sent[:left]
        for name, where in here.items():
            if interval and t % interval == 0:
                states[name] = {k: np.tile(v, (left, 1)) for k, v in cleared[name].items()}
            step = kinds[name].float_step(constants[name], states[name], network.sums_onto(name, a))
            states[name] = step.state
            sent[:, where] = step.spikes
            for register, values in recorded.items():
                values[rows, where] = step.state.get(register, 0.0)
        spikes[rows] = sent
        entering = stimulus[rows] if feed is None else feed(rows, sent) / network.input.unit
        begin = np.uint64((t + 1) % horizon * network.sums)
        for s in synapses:
            fired = entering if s.source == INPUT else np.ascontiguousarray(sent[:, here[s.source]])
            kernels.send(fired, s.indptr, s.place, s.weight, begin, flat[:left])
