"""The liquids of an evaluation, and what they make of samples: deployed, in floats, and with their recurrence cut.

Splits of the same data share most of their samples. Where a sample's spikes depend on nothing but its frames (a fresh
run, and an encoder without randomness), it is run once, and known again by its content.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.pipeline import Compiled, compile_spec
from lsm_deploy.core.ir import INPUT, Program
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames, Role, lengths, subset
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import readout_of
from lsm_deploy.learn.states import columns_of, read, require_spikes, run_features, sizes_of, steps_of, stimuli
from lsm_deploy.measure.evaluation.score import Answers
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec.schema import GaussianPopulation, Rate, Spec

__all__ = ["Kept", "Liquid", "Liquids", "Progress", "without_recurrence"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Ran:
    """Of a run: features of the liquid, integers or floats, and of what went in, both `[sample, feature]`; the rest as
    in `states.Run`, empty for floats."""

    features: NDArray[Any]
    encoded: NDArray[Any]
    fired: NDArray[np.int64]
    steps: int
    counts: Mapping[str, int]
    contaminated: int


@dataclass(eq=False)
class Liquid:
    """Features of frames by one liquid, with all that its runs went through so far."""

    make: Callable[[Frames, Role, Progress | None], Ran]
    keeps: bool
    known: dict[bytes, int] = field(default_factory=dict)
    rows: list[NDArray[Any]] = field(default_factory=list)
    encoded: list[NDArray[Any]] = field(default_factory=list)
    fired: NDArray[np.int64] | None = None
    steps: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    contaminated: int = 0
    samples: int = 0

    def features(self, data: Frames, role: Role, progress: Progress | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Of its neurons, and of the spikes that go in."""
        if not self.keeps:
            run = self._run(data, role, progress)
            return run.features, run.encoded
        names = _contents(data)
        first = {name: i for i, name in reversed(list(enumerate(names)))}
        new = np.sort(np.array([i for name, i in first.items() if name not in self.known], np.int64))
        if len(new):
            run = self._run(subset(data, new), role, progress)
            for i, row, spikes in zip(new.tolist(), run.features, run.encoded, strict=True):
                self.known[names[i]] = len(self.rows)
                self.rows.append(row.copy())
                self.encoded.append(spikes.copy())
        at = [self.known[name] for name in names]
        return np.stack([self.rows[i] for i in at]), np.stack([self.encoded[i] for i in at])

    def _run(self, data: Frames, role: Role, progress: Progress | None) -> Ran:
        run = self.make(data, role, progress)
        self.fired = run.fired if self.fired is None else self.fired + run.fired
        self.steps += run.steps
        self.counts.update(run.counts)
        self.contaminated += run.contaminated
        self.samples += data.samples
        return run


def _contents(data: Frames) -> list[bytes]:
    ends = data.starts + lengths(data)
    return [
        hashlib.blake2b(data.frames[a:b].tobytes(), digest_size=16).digest()
        for a, b in zip(data.starts.tolist(), ends.tolist(), strict=True)
    ]


class Liquids:
    """A spec's liquid as it is compiled, for frames in these ranges."""

    def __init__(self, spec: Spec, ranges: Floats, backend: str) -> None:
        self.spec, self.ranges, self.backend = spec, ranges, backend
        self.compiled: Compiled = compile_spec(spec)
        program = self.compiled.program
        encoder = spec.input.encoder
        random = isinstance(encoder, Rate) or (isinstance(encoder, GaussianPopulation) and encoder.code == "rate")
        keeps = not random and not program.network.sample_interval
        cut = without_recurrence(program)
        self.deployed = Liquid(self._deployed(program, refuse=True), keeps)
        self.feedforward = Liquid(self._deployed(cut, refuse=False), keeps) if cut else None
        self.floats = Liquid(self._floats, keeps)

    @property
    def program(self) -> Program:
        return self.compiled.program

    def steps(self, alone: bool, *parts: Frames) -> int:
        """How long one run of these parts is: by the deployed liquid, or by each."""
        each = sum(int(steps_of(self.program, self.spec.input, part).sum()) for part in parts)
        return each if alone else each * (3 if self.feedforward else 2)

    def _deployed(self, program: Program, refuse: bool) -> Callable[[Frames, Role, Progress | None], Ran]:
        spec, section = self.spec, readout_of(self.spec)
        columns = np.concatenate([np.r_[columns_of(program, name)] for name in section.populations])

        def make(data: Frames, role: Role, progress: Progress | None) -> Ran:
            given = program, spec.input, section, self.ranges, data, spec.seed
            run = run_features(*given, role, self.backend, progress)
            before = self.deployed.fired
            if refuse and role == "train" and (before is None or not before[columns].any()):
                require_spikes(*given, self.backend, run)
            return Ran(run.features, run.encoded, run.fired, run.steps, run.counts, run.contaminated)

        return make

    def _floats(self, data: Frames, role: Role, progress: Progress | None) -> Ran:
        spec, section, program = self.spec, readout_of(self.spec), self.program
        found, done = [], 0
        total = int(steps_of(program, spec.input, data).sum())
        for stimulus in stimuli(program, spec.input, self.ranges, data, spec.seed, role):
            told = (lambda now, _, done=done: progress(done + now, total)) if progress else None
            spikes = read(program, run_float(self.compiled.network, stimulus, progress=told).spikes, section)
            found.append(
                readouts.float_features(spikes, stimulus.starts, section, spec.dt_ms, sizes_of(program, section))
            )
            done += len(stimulus.spikes)
        features = np.concatenate(found)
        nothing = np.zeros((len(features), 0), np.int64)
        return Ran(features, nothing, np.zeros(program.network.neurons, np.int64), done, {}, 0)


@dataclass(eq=False)
class Kept:
    """What several evaluations of a spec share: its liquids by the ranges of their input, and baselines by the split.

    unseeded: what does not depend on the liquid, by the name of the split; kept for the next liquid. frames: training
    and test frames of each split, where the front end knows no seed.
    """

    liquids: dict[bytes, Liquids] = field(default_factory=dict)
    unseeded: dict[str, dict[str, Answers]] = field(default_factory=dict)
    frames: dict[str, tuple[Frames, Frames]] = field(default_factory=dict)


def without_recurrence(program: Program) -> Program | None:
    """The same integers with every synapse between neurons cut; None where there is none."""
    # Not in the spec: compiled again, what remains might get another scale.
    kept = tuple(p for p in program.network.projections if p.source == INPUT)
    if len(kept) == len(program.network.projections):
        return None
    return replace(program, network=replace(program.network, projections=kept))
