"""What a program makes of labelled frames: encoded, run and turned into features, in pieces of bounded memory.

A sample's features depend on its own spikes alone, so no trace of all samples is ever held: 15 000 samples of 450 steps
and 1000 neurons would take 7 GB. Pieces end where samples do. Under the `interval` policy what is in flight reaches the
next sample, and so the next piece: there a session of the backend goes on from piece to piece, and a backend that has
none runs everything at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.samples import contaminated
from lsm_deploy.data import Frames, Role
from lsm_deploy.data.encoders import encode
from lsm_deploy.learn import readout as readouts
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Input, Readout

__all__ = [
    "Piece",
    "Run",
    "columns_of",
    "encode_for",
    "features_of",
    "pieces",
    "read",
    "refuse_silence",
    "require_spikes",
    "run_features",
    "sizes_of",
    "steps_of",
    "stimuli",
]

Progress: TypeAlias = Callable[[int, int], None]

AT_ONCE = 1 << 28
"""Bytes of spikes, of channels and neurons, that a piece may have; a longer sample is a piece of its own."""

DIAGNOSED_STEPS = 2000
"""Steps that are run again, with their voltages, to say why a liquid is silent."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Some samples that follow each other: what went in, what came out `[t, neuron]`, and events that were counted."""

    stimulus: Stimulus
    spikes: NDArray[np.int8]
    counts: dict[str, int]
    contaminated: int


@dataclass(frozen=True, eq=False)
class Run:
    """What is left of a run over all samples.

    features: of the liquid, and encoded: of the input spikes, with the same section, both `[sample, feature]`. fired
    `[neuron]`: steps in which each neuron spiked, of `steps` in all; busiest: the most neurons of those that are read
    that spiked in one step; entered: input spikes. counts: as in a trace. contaminated: samples that an older one
    reached.
    """

    features: Ints
    encoded: Ints
    fired: Ints
    steps: int
    busiest: int
    entered: int
    counts: dict[str, int]
    contaminated: int


def run_features(
    program: Program,
    section: Input,
    readout: Readout,
    ranges: Floats,
    data: Frames,
    seed: int,
    role: Role,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Run:
    """Run all samples and keep their features; the result does not depend on how they are cut into pieces."""
    features, encoded = [], []
    fired, counts = np.zeros(program.network.neurons, np.int64), Counter[str]()
    steps = busiest = entered = reached = 0
    for piece in pieces(program, section, ranges, data, seed, role, backend, progress):
        starts, dt_ms = piece.stimulus.starts, program.network.dt_ms
        spikes = read(program, piece.spikes, readout)
        features.append(readouts.extract_features(spikes, starts, readout, dt_ms, sizes_of(program, readout)))
        encoded.append(readouts.extract_features(piece.stimulus.spikes, starts, readout, dt_ms))
        fired += np.count_nonzero(piece.spikes, axis=0)
        counts.update(piece.counts)
        steps += len(piece.spikes)
        busiest = max(busiest, int(np.count_nonzero(spikes, axis=1).max(initial=0)))
        entered += int(np.count_nonzero(piece.stimulus.spikes))
        reached += piece.contaminated
    return Run(
        features=np.concatenate(features),
        encoded=np.concatenate(encoded),
        fired=fired,
        steps=steps,
        busiest=busiest,
        entered=entered,
        counts=dict(counts),
        contaminated=reached,
    )


def pieces(
    program: Program,
    section: Input,
    ranges: Floats,
    data: Frames,
    seed: int,
    role: Role,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Iterator[Piece]:
    """The samples encoded and run, a piece at a time."""
    network = program.network
    lengths = steps_of(program, section, data)
    total, done = int(lengths.sum()), 0
    runner: _Whole | _GoingOn = _Whole(backend, program)
    cuts = _cuts(lengths * (network.neurons + network.channels), AT_ONCE)
    if network.sample_interval and len(cuts) > 2:
        if hasattr(backends.require(backend), "start"):
            runner = _GoingOn(backend, program)
        else:
            cuts = [0, data.samples]
    before: Piece | None = None
    for first, last in pairwise(cuts):
        stimulus = encode_for(program, section, ranges, _samples(data, first, last), seed, role, first)
        told = (lambda now, _, done=done: progress(done + now, total)) if progress else None
        spikes, counts = runner.run(stimulus, told)
        piece = Piece(stimulus, spikes, counts, _contaminated(program, before, stimulus, spikes))
        yield piece
        before, done = piece, done + len(spikes)


def stimuli(
    program: Program, section: Input, ranges: Floats, data: Frames, seed: int, role: Role
) -> Iterator[Stimulus]:
    """The encoded samples, in pieces that may be run one by one: under the `interval` policy there is one."""
    network = program.network
    sizes = steps_of(program, section, data) * (network.neurons + network.channels)
    cuts = [0, data.samples] if network.sample_interval else _cuts(sizes, AT_ONCE)
    for first, last in pairwise(cuts):
        yield encode_for(program, section, ranges, _samples(data, first, last), seed, role, first)


def _cuts(sizes: Ints, most: int) -> list[int]:
    """Where pieces of samples of these sizes begin, and the end."""
    cuts, held = [0], 0
    for i, size in enumerate(sizes.tolist()):
        if held and held + size > most:
            cuts.append(i)
            held = 0
        held += size
    return [*cuts, len(sizes)]


class _Whole:
    """Every piece is a run from rest."""

    def __init__(self, backend: str, program: Program) -> None:
        self.backend, self.program = backend, program

    def run(self, stimulus: Stimulus, progress: Progress | None) -> tuple[NDArray[np.int8], dict[str, int]]:
        trace = backends.run_program(self.backend, self.program, stimulus, progress=progress)
        return trace.spikes, dict(trace.counts)


class _GoingOn:
    """Every piece goes on where the last one ended."""

    def __init__(self, backend: str, program: Program) -> None:
        self.session = backends.start(backend, program)

    def run(self, stimulus: Stimulus, progress: Progress | None) -> tuple[NDArray[np.int8], dict[str, int]]:
        before = self.session.counts
        spikes, _ = self.session.run(stimulus.spikes)
        if progress:
            progress(len(spikes), len(spikes))
        return spikes, {name: count - before[name] for name, count in self.session.counts.items()}


def _contaminated(program: Program, before: Piece | None, stimulus: Stimulus, spikes: NDArray[np.int8]) -> int:
    if before is None or not program.network.sample_interval:
        return contaminated(program, stimulus, spikes)
    # What the piece before may have left in flight, as one more sample in front.
    tail = min(MAX_DELAY + 1, len(before.spikes))
    entered = np.concatenate([before.stimulus.spikes[-tail:], stimulus.spikes])
    left = np.concatenate([before.spikes[-tail:], spikes])
    return contaminated(program, Stimulus(entered, np.concatenate([[0], stimulus.starts + tail])), left)


def _samples(data: Frames, first: int, last: int) -> Frames:
    if (first, last) == (0, data.samples):
        return data
    ends = [*data.starts.tolist(), len(data.frames)]
    rows = slice(ends[first], ends[last])
    return Frames(data.frames[rows], data.starts[first:last] - ends[first], data.labels[first:last], data.source)


# --- the steps between ---------------------------------------------------------------------------------------------


def encode_for(
    program: Program, section: Input, ranges: Floats, data: Frames, seed: int, role: Role, first: int = 0
) -> Stimulus:
    network = program.network
    return encode(section, ranges, data, network.dt_ms, seed, network.sample_interval, role, first)


def steps_of(program: Program, section: Input, data: Frames) -> Ints:
    """The steps that each sample takes, once it is encoded."""
    network = program.network
    if network.sample_interval:
        return np.full(data.samples, network.sample_interval, np.int64)
    frame_ms = section.encoder.frame_ms if section.encoder is not None else network.dt_ms
    return data.lengths * round(frame_ms / network.dt_ms)


def columns_of(program: Program, population: str) -> slice:
    return program.network.columns(population)


def sizes_of(program: Program, section: Readout) -> list[int]:
    """How many neurons each population that is read has."""
    columns = [columns_of(program, name) for name in section.populations]
    return [there.stop - there.start for there in columns]


def read(program: Program, spikes: NDArray[np.int8], section: Readout) -> NDArray[np.int8]:
    """The spikes `[t, neuron]` of the populations that are read, one after the other."""
    parts = [spikes[:, columns_of(program, name)] for name in section.populations]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def features_of(program: Program, trace: Trace, section: Readout) -> Ints:
    spikes = read(program, trace.spikes, section)
    return readouts.extract_features(spikes, trace.starts, section, program.network.dt_ms, sizes_of(program, section))


def require_spikes(
    program: Program,
    section: Input,
    readout: Readout,
    ranges: Floats,
    data: Frames,
    seed: int,
    backend: str,
    run: Run,
) -> None:
    """Populations that are silent on the training data leave nothing to read: say how far they are from a threshold."""
    columns = np.concatenate([np.r_[columns_of(program, name)] for name in readout.populations])
    if run.fired[columns].any():
        return
    ends = np.cumsum(steps_of(program, section, data))
    few = max(1, int(np.searchsorted(ends, DIAGNOSED_STEPS, "right"))) if run.entered else data.samples
    stimulus = encode_for(program, section, ranges, _samples(data, 0, few), seed, "train")
    refuse_silence(program, stimulus, readout.populations, backend, "the training data")


def refuse_silence(program: Program, stimulus: Stimulus, populations: Sequence[str], backend: str, on: str) -> NoReturn:
    """An LsmError that says how far from its threshold the first part of a stimulus brings what never spikes."""
    where = f"population {', '.join(repr(name) for name in populations)}"
    if not stimulus.spikes.any():
        raise LsmError(
            f"{on}, as it is encoded, has no spikes",
            where="input",
            hint="raise max_rate_hz, or lower threshold or delta",
        )
    later = stimulus.starts[1:][stimulus.starts[1:] <= DIAGNOSED_STEPS]
    whole = int(later[-1]) if len(later) else DIAGNOSED_STEPS
    end = min(len(stimulus.spikes), max(whole, program.network.sample_interval))
    part = Stimulus(stimulus.spikes[:end].copy(), stimulus.starts[stimulus.starts < end].copy())
    columns = np.concatenate([np.r_[columns_of(program, name)] for name in populations])
    v = backends.run_program(backend, program, part, ("v",)).registers["v"].max(axis=0)
    thresholds = np.concatenate([KINDS[p.kind].threshold(p.registers) for p in program.network.populations])
    reached = float((v / np.maximum(thresholds, 1))[columns].max())
    if reached <= 0:
        hint = "join it to the input with excitatory weights, or raise its bias"
        raise LsmError(f"it never spikes on {on}: nothing raises its voltage", where=where, hint=hint)
    raise LsmError(
        f"it never spikes on {on}: the first samples raise it to {reached:.3g} of its threshold",
        where=where,
        hint=f"raise the weights onto it about {1.5 / reached:.2g}-fold, or lower its v_threshold",
    )
