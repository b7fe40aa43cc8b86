"""The liquids of an evaluation, and what they make of samples: deployed, in floats, and with their recurrence cut.

Splits of the same data share most of their samples. Where a sample's spikes depend on nothing but its frames (a fresh
run, and an encoder without randomness), training and test samples are run together, each that is there twice once, in
blocks that do not depend on who is trained on and who is tested: the samples of one group, or all. A block that was run
before, for another split, is known again by its content (`run.memo`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.pipeline import Compiled, compile_spec
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import INPUT, Program
from lsm_deploy.core.progress import Progress, part_of
from lsm_deploy.data import Frames, Role, lengths
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.known import known_float_run, known_run
from lsm_deploy.learn.listener import AT_ONCE, Listener, listen
from lsm_deploy.learn.model import readout_of
from lsm_deploy.learn.runs import Run, Samples, read, sizes_of
from lsm_deploy.run.memo import MEMO, digest
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec.schema import Explicit, FromFile, GaussianPopulation, Rate, Readout, Spec

__all__ = [
    "Both",
    "Liquid",
    "Together",
    "compiled",
    "content_of",
    "liquids_of",
    "run_both",
    "run_in_blocks",
    "without_recurrence",
]


BLOCK = 32
"""Samples that groups have on average, at least, to be run one by one."""


@dataclass(frozen=True, eq=False)
class Liquid:
    """One way to make features of samples. shared: whether these depend on nothing else, so that samples may be run
    together with any others."""

    listener: Listener
    shared: bool
    run: Callable[[Frames, Role, Progress | None], Run]


@dataclass(frozen=True, eq=False)
class Both:
    """What a liquid made of the training and of the test samples, and what it went through over both together."""

    train: Samples
    test: Samples
    fired: Ints
    steps: int
    counts: Mapping[str, int]
    contaminated: int


def liquids_of(
    spec: Spec, train: Frames, test: Frames, backend: str, *, hold: bool = False
) -> tuple[Liquid, Liquid | None, Liquid]:
    """The liquid as it is deployed, with its recurrence cut (None where it has none), and in floats; ranges of `train`.

    hold: keep the spikes of the deployed one's runs, unless they are many.
    """
    liquid = compiled(spec)
    deployed = listen(spec, train, liquid.program)
    cut = without_recurrence(liquid.program)
    readout = readout_of(spec)
    shared = _shared(spec, liquid.program)
    most = int(deployed.steps(train).sum() + deployed.steps(test).sum()) * sum(sizes_of(liquid.program, readout))

    def integers(listener: Listener, held: int) -> Liquid:
        def run(data: Frames, role: Role, progress: Progress | None) -> Run:
            return known_run(listener, readout, data, role, backend, progress, hold=held)

        return Liquid(listener, shared, run)

    def in_floats(data: Frames, role: Role, progress: Progress | None) -> Run:
        run = partial(_run_float, liquid, deployed, readout, data, role, progress)
        return known_float_run(deployed, readout, data, role, program_content(spec), run)

    return (
        integers(deployed, AT_ONCE if hold and most <= AT_ONCE else 0),
        integers(replace(deployed, program=cut), 0) if cut else None,
        Liquid(deployed, shared, in_floats),
    )


def _shared(spec: Spec, program: Program) -> bool:
    """Whether what a sample becomes depends on its frames alone."""
    encoder = spec.input.encoder
    random = isinstance(encoder, Rate) or (isinstance(encoder, GaussianPopulation) and encoder.code == "rate")
    return not random and not program.network.sample_interval


def run_in_blocks(spec: Spec, listener: Listener, train: Frames, backend: str) -> Run:
    """Training data run as the deployed liquid is, by parts that other splits of the same data have, too: what one of
    them ran before is known again."""
    readout = readout_of(spec)
    if not _shared(spec, listener.program):
        return known_run(listener, readout, train, "train", backend)

    def run(data: Frames, role: Role, progress: Progress | None) -> Run:
        return known_run(listener, readout, data, role, backend, progress)

    both = run_both(Liquid(listener, True, run), train, train, together=Together.of(train, train))
    return Run(both.train, both.fired, both.steps, both.counts, both.contaminated)


@dataclass(frozen=True, eq=False)
class Together:
    """The different samples of both parts, in blocks that are run at once; and which of them, one block after the
    other, those of the training and of the test data are."""

    blocks: tuple[Frames, ...]
    train: Ints
    test: Ints

    @classmethod
    def of(cls, train: Frames, test: Frames) -> Together:
        contents = _contents(train), _contents(test)
        blocks = list(_blocks((train, test), contents))
        place = {name: i for i, name in enumerate(chain.from_iterable(names for names, _ in blocks))}
        rows = (np.array([place[name] for name in names], np.int64) for names in contents)
        return cls(tuple(data for _, data in blocks), *rows)


def run_both(
    liquid: Liquid, train: Frames, test: Frames, progress: Progress | None = None, together: Together | None = None
) -> Both:
    """Both parts run, by parts that were not run before; together: of these, where that is known."""
    total = int(liquid.listener.steps(train).sum() + liquid.listener.steps(test).sum())
    done = 0

    def run(data: Frames, role: Role) -> Run:
        nonlocal done
        ahead = (lambda now, _, done=done: progress(min(done + now, total), total)) if progress else None
        run = liquid.run(data, role, ahead)
        done += run.steps
        return run

    if not liquid.shared:
        # Noise is drawn by a sample's role and place, and under the interval policy samples reach each other.
        runs = [run(train, "train"), run(test, "test")]
        both = runs[0].samples, runs[1].samples
    else:
        together = Together.of(train, test) if together is None else together
        runs = [run(data, "test") for data in together.blocks]
        made = [run.samples for run in runs]
        both = _gather(made, together.train), _gather(made, together.test)
    if progress:
        progress(total, total)
    counts = sum((Counter(run.counts) for run in runs), Counter[str]())
    # Not `+` alone: it drops counts of 0, and that there were none is worth saying.
    every = {name: counts[name] for run in runs for name in run.counts}
    return Both(
        *both,
        fired=np.sum([run.fired for run in runs], axis=0),
        steps=sum(run.steps for run in runs),
        counts=every,
        contaminated=sum(run.contaminated for run in runs),
    )


# --- which samples are run together ---------------------------------------------------------------------------------


def _contents(data: Frames) -> list[bytes]:
    ends = data.starts + lengths(data)
    return [digest(data.frames[a:b]) for a, b in zip(data.starts.tolist(), ends.tolist(), strict=True)]


def _blocks(
    parts: tuple[Frames, Frames], contents: tuple[Sequence[bytes], Sequence[bytes]]
) -> Iterator[tuple[tuple[bytes, ...], Frames]]:
    """All different samples, in blocks and an order that do not depend on the part that a sample is in."""
    where: dict[bytes, tuple[str, Frames, int]] = {}
    for data, names in zip(parts, contents, strict=True):
        for i, name in enumerate(names):
            group = data.groups[i] if data.groups else ""
            if name not in where or group < where[name][0]:
                where[name] = group, data, i
    groups = {group for group, _, _ in where.values()}
    apart = len(where) >= BLOCK * len(groups)
    order = sorted(where, key=lambda name: (where[name][0] if apart else "", name))
    for _, block in groupby(order, key=lambda name: where[name][0] if apart else ""):
        chosen = tuple(block)
        rows = [_frames_of(*where[name][1:]) for name in chosen]
        many = np.array([len(each) for each in rows])
        yield chosen, Frames(np.concatenate(rows), np.cumsum(many) - many, source=parts[0].source)


def _frames_of(data: Frames, i: int) -> NDArray[np.float64]:
    end = data.starts[i + 1] if i + 1 < data.samples else len(data.frames)
    return data.frames[data.starts[i] : end]


def _gather(made: Sequence[Samples], at: Ints) -> Samples:
    """The samples at these places of all runs, one after the other."""

    def column(name: str) -> NDArray[Any]:
        return np.asarray(np.concatenate([getattr(samples, name) for samples in made])[at])

    every = [raster for samples in made for raster in samples.rasters]
    rasters = tuple(every[i] for i in at.tolist()) if all(samples.rasters for samples in made) else ()
    return Samples(
        column("features"), column("encoded"), column("whole"), column("busiest"), column("entered"), rasters
    )


# --- the liquids -----------------------------------------------------------------------------------------------------


def content_of(spec: Spec) -> bytes:
    """All that a trained liquid comes from, beside data: what is written in its spec, and the files that it names."""
    files = [p.topology.file for p in spec.projections if isinstance(p.topology, Explicit)]
    files += [p.file for p in spec.populations.values() if isinstance(p, FromFile)]
    contents = [file.read_bytes() if file.is_file() else None for file in files]  # compiling says what is wrong
    return digest(replace(spec, data=None, search=None), contents)


def program_content(spec: Spec) -> bytes:
    """All that a spec compiles from: liquids are the same, whatever is read of them."""
    return content_of(replace(spec, readout=None))


def compiled(spec: Spec) -> Compiled:
    """A spec compiled, or known again."""

    def size(made: Compiled) -> int:
        return 40 * made.program.network.synapses

    return MEMO.get(digest("compiled", program_content(spec)), lambda: compile_spec(spec), size)


def _run_float(
    liquid: Compiled, listener: Listener, readout: Readout, data: Frames, role: Role, progress: Progress | None
) -> Run:
    """Features of the float liquid that the program stands for."""
    program, dt_ms = liquid.program, liquid.network.dt_ms
    sizes, total, steps = sizes_of(program, readout), int(listener.steps(data).sum()), 0
    features_of_pieces = []
    for stimulus in listener.stimuli(data, role):
        ahead = part_of(progress, steps, total)
        spikes = read(program, run_float(liquid.network, stimulus, progress=ahead).spikes, readout)
        features_of_pieces.append(readouts.float_features(spikes, stimulus.starts, readout, dt_ms, sizes))
        steps += len(stimulus.spikes)
    features = np.concatenate(features_of_pieces)
    none, nothing = np.zeros((len(features), 0), np.int64), np.zeros(len(features), np.int64)
    samples = Samples(features, none, none, nothing, nothing)
    return Run(samples, np.zeros(program.network.neurons, np.int64), steps, {}, 0)


def without_recurrence(program: Program) -> Program | None:
    """The same integers with every synapse between neurons cut; None where there is none."""
    # Not in the spec: compiled again, what remains might get another scale.
    inputs = tuple(p for p in program.network.projections if p.source == INPUT)
    if len(inputs) == len(program.network.projections):
        return None
    return replace(program, network=replace(program.network, projections=inputs))
