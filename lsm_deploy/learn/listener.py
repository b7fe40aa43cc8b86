"""A program and all that turns recordings into its input: whatever is run on data is run through this.

    recordings --front end--> frames --encoder, ranges--> spikes --program--> spikes

Samples are run in pieces of bounded memory: 15 000 samples of 450 steps and 1000 neurons would take 7 GB. Pieces end
where samples do. Under the `interval` policy what is in flight reaches the next sample, and so the next piece: there a
session of the backend goes on from piece to piece, and a backend that has none runs everything at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.errors import raise_all, require_type
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress, part_of
from lsm_deploy.core.samples import contaminated
from lsm_deploy.core.shown import Brief
from lsm_deploy.data import Beats, Frames, Raw, Role, check_channels, load_raw
from lsm_deploy.data.checks import name_errors
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.data.front import to_frames
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import BeatsFrontEnd, Data, FrontEnd, Input, Spec

__all__ = ["Listener", "Piece", "listen"]


AT_ONCE = 1 << 28
"""Bytes of spikes, of channels and neurons, that a piece may have; a longer sample is a piece of its own."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Some samples that follow each other: what went in, what came out `[t, neuron]`, and events that were counted."""

    stimulus: Stimulus
    spikes: Messages
    counts: dict[str, int]
    contaminated: int


@dataclass(frozen=True, eq=False, repr=False)
class Listener(Brief):
    """A program with the front end, the encoder and its ranges `[channel, 2]` that its input comes through.

    seed: of random encoders. pattern: how sound files are named, if not as the default. targets: columns of a CSV that
    are no channels. names: what the channels are called, where they are. longest: frames of the longest sample that the
    ranges were fitted to, 0 where nobody knows. mono, rate_hz: what is done to sound as it is read. fault: what becomes
    of input spikes on their way, given the number of their first sample; of a trial, and in no file. What a sample's
    spikes depend on is all here, but for the role of the data (training and test noise differ) and the sample's place
    among them.
    """

    program: Program
    input: Input
    ranges: Floats
    seed: int
    front_end: FrontEnd | None = None
    pattern: str | None = None
    targets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    longest: int = 0
    mono: bool = False
    rate_hz: float | None = None
    fault: Callable[[Stimulus, int], Stimulus] | None = None

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, ranges=np.float64)
        if self.ranges.shape != (self.input.channels, 2) or not np.isfinite(self.ranges).all():
            raise ValueError(f"ranges have shape {self.ranges.shape} or are not finite")
        if (self.ranges[:, 0] > self.ranges[:, 1]).any():
            raise ValueError("a range ends before it begins")
        if self.input.spike_channels != self.program.network.channels:
            raise ValueError("the input does not fit the program")
        if self.input.message != self.program.network.input:
            raise ValueError(f"the input is {self.input.message}, and the program takes {self.program.network.input}")
        if self.seed < 0:
            raise ValueError(f"the seed is {self.seed}")
        if self.longest < 0:
            raise ValueError(f"the longest sample has {self.longest} frames")

    def load(self, path: str | Path, pattern: str | None = None) -> Raw:
        """Recordings of a file or a folder, named as those that this was made for if no other pattern is given. Targets
        are not read: a CSV to be answered need not know them; nor need names say labels where no pattern is given."""
        how: dict[str, Any] = {"mono": self.mono, "rate_hz": self.rate_hz, "labelled": pattern is not None}
        return load_raw(path, pattern or self.pattern, leave_out=self.targets, **how)

    def frames(self, raw: Raw, role: Role = "test") -> Frames:
        """What the front end makes of recordings; an LsmError where they are not what it, or the input, takes."""
        front_end = self.front_end
        if isinstance(raw, Beats) and isinstance(front_end, BeatsFrontEnd) and front_end.positive not in raw.rhythms:
            # A patient who was never in the rhythm is answered all the same: that takes no labels.
            raw = replace(raw, rhythm=np.zeros_like(raw.rhythm), rhythms=())
        frames = to_frames(raw, front_end, role=role, seed=self.seed)
        check_channels(frames, self.input)
        return frames

    def encode(self, data: Frames, role: Role = "test", first: int = 0) -> Stimulus:
        """The input spikes of all samples; first: the index of the first one, where these are a piece of more. An
        LsmError where channels are called otherwise than in training."""
        raise_all(name_errors(self.names, data))
        network = self.program.network
        given = self.input, self.ranges, data, network.dt_ms, self.seed, network.sample_interval
        stimulus = encode(*given, role, first)
        return stimulus if self.fault is None else self.fault(stimulus, first)

    def steps(self, data: Frames) -> Ints:
        """The steps that each sample takes `[sample]`."""
        network = self.program.network
        if network.sample_interval:
            return np.full(data.samples, network.sample_interval, np.int64)
        frame_ms = self.input.encoder.frame_ms if self.input.encoder is not None else network.dt_ms
        return data.lengths * round(frame_ms / network.dt_ms)

    def stimuli(self, data: Frames, role: Role = "test") -> Iterator[Stimulus]:
        """The encoded samples, in pieces that may be run one by one: under the `interval` policy there is one."""
        cuts = [0, data.samples] if self.program.network.sample_interval else self._cuts(data)
        for first, last in pairwise(cuts):
            yield self.encode(_samples(data, first, last), role, first)

    def pieces(
        self,
        data: Frames,
        role: Role = "test",
        backend: str = backends.DEFAULT,
        progress: Progress | None = None,
    ) -> Iterator[Piece]:
        """The samples encoded and run, a piece at a time."""
        network, cuts = self.program.network, self._cuts(data)
        backend = backends.choose(backend, self.program)
        total, done = int(self.steps(data).sum()), 0
        runner: _Whole | _GoingOn = _Whole(backend, self.program)
        if network.sample_interval and len(cuts) > 2:
            if hasattr(backends.require(backend), "start"):
                runner = _GoingOn(backend, self.program)
            else:
                cuts = [0, data.samples]
        before: Piece | None = None
        for first, last in pairwise(cuts):
            stimulus = self.encode(_samples(data, first, last), role, first)
            ahead = part_of(progress, done, total)
            spikes, counts = runner.run(stimulus, ahead)
            piece = Piece(stimulus, spikes, counts, _contaminated(self.program, before, stimulus, spikes))
            yield piece
            before, done = piece, done + len(spikes)

    def _cuts(self, data: Frames) -> list[int]:
        network = self.program.network
        return _cuts(self.steps(data) * (network.neurons + network.channels), AT_ONCE)


def listen(spec: Spec, train: Frames, program: Program | None = None) -> Listener:
    """A spec's liquid, compiled (or the program, where it is already), with the ranges of training frames."""
    require_type(train, Frames, "training data", "read them with `load_frames`, or make them with `to_frames`")
    program = compile_spec(spec).program if program is None else program
    require_type(program, Program, "program", "compile one, or leave it out")
    section = spec.data if spec.data is not None else Data()
    ranges = fit_ranges(train, spec.input)
    return Listener(
        program,
        spec.input,
        ranges,
        spec.seed,
        spec.front_end,
        section.pattern,
        section.targets,
        train.names,
        int(train.lengths.max()),
        section.mono,
        spec.resampled_hz,
    )


# --- pieces --------------------------------------------------------------------------------------------------------


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

    def run(self, stimulus: Stimulus, progress: Progress | None) -> tuple[Messages, dict[str, int]]:
        trace = backends.run_program(self.backend, self.program, stimulus, progress=progress)
        return trace.spikes, dict(trace.counts)


class _GoingOn:
    """Every piece goes on where the last one ended."""

    def __init__(self, backend: str, program: Program) -> None:
        self.session = backends.start(backend, program)

    def run(self, stimulus: Stimulus, progress: Progress | None) -> tuple[Messages, dict[str, int]]:
        before = self.session.counts
        spikes, _ = self.session.run(stimulus.spikes)
        if progress:
            progress(len(spikes), len(spikes))
        return spikes, {name: count - before[name] for name, count in self.session.counts.items()}


def _contaminated(program: Program, before: Piece | None, stimulus: Stimulus, spikes: Messages) -> int:
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
