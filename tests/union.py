"""Many programs as one: disjoint networks in a few big populations, run once, and taken apart again.

Lava takes a second to start and an operating-system process for each kind of connection, Brian builds its objects for a
tenth of a second: both hardly notice whether they step ten neurons or ten thousand. So all neurons of a kind share a
population, all synapses of a type share a projection, and no synapse leads from one case to another.

Sample s of the union is sample s of every case that has so many. What is short is padded with silence, and what it does
then is cut off: the counts of a run belong to the whole union, and say something only where nothing was padded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode, Stimulus, Trace

__all__ = ["Case", "Split", "union"]

Case = tuple[Program, Stimulus]
Split = Callable[[Trace], "list[Trace]"]
_Key = tuple[str, str, SignMode, int, int, int]
"""Source and target (a kind, or the input), sign mode, bits, exponent and port."""


def union(cases: Sequence[Case]) -> tuple[Program, Stimulus, Split]:
    """One program and stimulus for all cases, and what makes a trace of it a trace of each case.

    Raises ValueError unless all steps and all sample intervals are the same.
    """
    networks = [program.network for program, _ in cases]
    if len({(network.dt_ms, network.sample_interval) for network in networks}) != 1:
        raise ValueError("only programs of one step and one sample interval run together")
    windows = [_windows(network, stimulus) for network, (_, stimulus) in zip(networks, cases, strict=True)]
    # An interval is one sample here: where the stimulus says that samples start has no effect on a run.
    lengths = [max(w.stop - w.start for w in sample if w) for sample in zip_longest(*windows)]
    starts = np.cumsum([0, *lengths])

    kinds = list(dict.fromkeys(p.kind for network in networks for p in network.populations))
    registers: dict[str, list[Mapping[str, NDArray[np.int64]]]] = {kind: [] for kind in kinds}
    sizes = dict.fromkeys(kinds, 0)
    synapses: dict[_Key, list[NDArray[np.int64]]] = {}
    inputs: list[NDArray[np.signedinteger]] = []
    channels = 0
    places: list[list[tuple[str, int, int]]] = []  # by case and population: kind, first in it, size
    for network, (_, stimulus), samples in zip(networks, cases, windows, strict=True):
        first = {INPUT: channels}
        for p in network.populations:
            first[p.name] = sizes[p.kind]
            registers[p.kind].append(p.registers)
            sizes[p.kind] += p.size
        places.append([(p.kind, first[p.name], p.size) for p in network.populations])
        for key, source, target, (pre, post, weights, delays) in _synapses(network):
            moved = np.stack([first[source] + pre, first[target] + post, weights, delays])
            synapses.setdefault(key, []).append(moved)
        spikes = np.zeros((int(starts[-1]), network.channels), stimulus.spikes.dtype)
        for start, window in zip(starts.tolist(), samples, strict=False):
            rows = slice(start, start + window.stop - window.start)
            spikes[rows] = stimulus.spikes[window]
        inputs.append(spikes)
        channels += network.channels

    populations = tuple(
        QPopulation(kind, kind, sizes[kind], {n: np.concatenate([r[n] for r in registers[kind]]) for n in parts_of[0]})
        for kind in kinds
        if (parts_of := registers[kind])
    )
    sources = sizes | {INPUT: channels}
    projections = tuple(_projection(key, np.concatenate(parts, axis=1), sources) for key, parts in synapses.items())
    message = max((network.input for network in networks), key=lambda message: message.largest)
    whole = QNetwork(networks[0].dt_ms, channels, networks[0].sample_interval, populations, projections, message)
    offsets = whole.offsets
    columns = [np.concatenate([offsets[k] + first + np.arange(size) for k, first, size in case]) for case in places]
    rows = [
        np.concatenate(
            [start + np.arange(w.stop - w.start) for start, w in zip(starts.tolist(), samples, strict=False)]
        )
        for samples in windows
    ]

    def split(trace: Trace) -> list[Trace]:
        return [
            Trace(
                trace.spikes[np.ix_(t, neurons)],
                {name: values[np.ix_(t, neurons)] for name, values in trace.registers.items()},
                stimulus.starts,
                {},
                trace.view,
            )
            for (_, stimulus), t, neurons in zip(cases, rows, columns, strict=True)
        ]

    program = Program(whole, np.zeros(whole.neurons, np.int32), cases[0][0].target)
    return program, Stimulus(np.concatenate(inputs, axis=1), starts[:-1]), split


def _windows(network: QNetwork, stimulus: Stimulus) -> list[slice]:
    """The samples of a stimulus, if they start from zero."""
    steps = len(stimulus.spikes)
    if network.sample_interval:
        return [slice(0, steps)]
    return [slice(a, b) for a, b in zip(stimulus.starts.tolist(), [*stimulus.starts[1:].tolist(), steps], strict=True)]


def _synapses(network: QNetwork) -> Iterator[tuple[_Key, str, str, NDArray[np.int64]]]:
    """The synapses (pre, post, weight, delay) of each projection by type, with its source and target."""
    kinds = {p.name: p.kind for p in network.populations} | {INPUT: INPUT}
    for p in network.projections:
        key = (kinds[p.source], kinds[p.target], p.sign_mode, p.num_weight_bits, p.weight_exp, p.port)
        pre = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
        yield key, p.source, p.target, np.stack([pre, p.post, p.weights, p.delays])


def _projection(key: _Key, synapses: NDArray[np.int64], sources: dict[str, int]) -> QProjection:
    source, target, sign_mode, num_weight_bits, weight_exp, port = key
    pre, post, weights, delays = synapses[:, np.lexsort((synapses[3], synapses[1], synapses[0]))]
    indptr = np.searchsorted(pre, np.arange(sources[source] + 1))
    name = "_".join(str(part) for part in key)
    return QProjection(
        name, source, target, sign_mode, num_weight_bits, weight_exp, indptr, post, weights, delays, port
    )
