"""What is left of a run over labelled samples: features of each, and what the liquid went through.

A sample's features depend on its own spikes alone, so no trace of all samples is ever held (see `listener`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import freeze, own, rebuilt
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.progress import Progress
from lsm_deploy.data import Frames, Role, subset
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.listener import Listener
from lsm_deploy.run import backends
from lsm_deploy.run.extremes import TRIED_STEPS, first_steps, reach, warn_of_counts
from lsm_deploy.spec.schema import Bins, Readout

__all__ = [
    "Run",
    "Samples",
    "features_of",
    "read",
    "refuse_silence",
    "require_spikes",
    "run_samples",
    "sizes_of",
    "warn_of_run",
    "whole_counts",
]


DIAGNOSED_STEPS = 2000
"""Steps that are run again, with their voltages, to say why a liquid is silent."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What is left of each sample of a run.

    features: of the liquid, and encoded: of the input spikes, with the same section, both `[sample, feature]`. whole:
    spikes of each neuron that is read `[sample, neuron]`. busiest `[sample]`: the most of these neurons that spiked in
    one step; entered `[sample]`: input spikes. rasters: the spikes of what is read `[t, neuron]`, sample by sample, or
    none of them where they were not to be held.
    """

    features: NDArray[Any]
    encoded: NDArray[Any]
    whole: Ints
    busiest: Ints
    entered: Ints
    rasters: tuple[Messages, ...] = ()

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        # What is left of a run may be known to others (`run.memo`): nobody is to change it.
        for name in ("features", "encoded", "whole", "busiest", "entered"):
            freeze(self, **{name: getattr(self, name).dtype})
        object.__setattr__(self, "rasters", tuple(own(raster, raster.dtype) for raster in self.rasters))

    @property
    def nbytes(self) -> int:
        arrays = (self.features, self.encoded, self.whole, self.busiest, self.entered, *self.rasters)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, eq=False)
class Run:
    """A run over samples. fired `[neuron]`: steps in which each neuron of the network spiked, of `steps` in all.

    counts: as in a trace. contaminated: samples that an older one reached.
    """

    samples: Samples
    fired: Ints
    steps: int
    counts: Mapping[str, int]
    contaminated: int

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, "counts", fired=np.int64)

    @property
    def nbytes(self) -> int:
        return self.samples.nbytes + self.fired.nbytes


def run_samples(
    listener: Listener,
    readout: Readout,
    data: Frames,
    role: Role,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    hold: int = 0,
) -> Run:
    """Run all samples and keep their features; the result does not depend on how they are cut into pieces.

    hold: bytes of spikes that may be kept beside them; where all of them take more, none are.
    """
    readouts.check_parts(readout, listener.steps(data), data.source)
    program, dt_ms = listener.program, listener.program.network.dt_ms
    sizes = sizes_of(program, readout)
    holds = int(listener.steps(data).sum()) * sum(sizes) <= hold
    parts_of_pieces: list[tuple[NDArray[Any], ...]] = []
    rasters: list[Messages] = []
    fired, counts = np.zeros(program.network.neurons, np.int64), Counter[str]()
    steps = reached = 0
    for piece in listener.pieces(data, role, backend, progress):
        starts, entered = piece.stimulus.starts, piece.stimulus.spikes
        spikes = read(program, piece.spikes, readout)
        parts_of_pieces.append(
            (
                readouts.extract_features(spikes, starts, readout, dt_ms, sizes),
                readouts.extract_features(entered, starts, readout, dt_ms),
                whole_counts(spikes, starts, readout, dt_ms),
                np.maximum.reduceat(np.count_nonzero(spikes, axis=1), starts),
                np.add.reduceat(np.count_nonzero(entered, axis=1), starts),
            )
        )
        if holds:
            rasters += [part.copy() for part in np.split(spikes, starts[1:])]
        fired += np.count_nonzero(piece.spikes, axis=0)
        counts.update(piece.counts)
        steps += len(piece.spikes)
        reached += piece.contaminated
    features, encoded, whole, busiest, entries = (np.concatenate(parts) for parts in zip(*parts_of_pieces, strict=True))
    samples = Samples(features, encoded, whole, busiest, entries, tuple(rasters))
    return Run(samples, fired, steps, dict(counts), reached)


def sizes_of(program: Program, readout: Readout) -> list[int]:
    """How many neurons each population has that is read."""
    columns = [program.network.columns(name) for name in readout.populations]
    return [there.stop - there.start for there in columns]


def read(program: Program, spikes: Messages, readout: Readout) -> Messages:
    """The spikes `[t, neuron]` of the populations that are read, one after the other."""
    parts = [spikes[:, program.network.columns(name)] for name in readout.populations]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def features_of(program: Program, trace: Trace, readout: Readout) -> Ints:
    """The features `[sample, feature]` of a trace of the program."""
    spikes = read(program, trace.spikes, readout)
    return readouts.extract_features(spikes, trace.starts, readout, program.network.dt_ms, sizes_of(program, readout))


def whole_counts(spikes: Messages, starts: Ints, readout: Readout, dt_ms: float) -> Ints:
    """The spikes of each neuron in each sample `[sample, neuron]`."""
    return readouts.extract_features(spikes, starts, replace(readout, features=Bins("bins", 1)), dt_ms)


# --- silence -------------------------------------------------------------------------------------------------------


def warn_of_run(listener: Listener, data: Frames, fired: Ints, steps: int) -> None:
    """An LsmWarning for each population that is silent, or saturated, in a run on training data.

    fired `[neuron]`: the steps in which each neuron spiked, of `steps`.
    """
    few = max(1, int(np.searchsorted(np.cumsum(listener.steps(data)), TRIED_STEPS, "right")))
    beginning = listener.encode(subset(data, range(min(few, data.samples))), "train")
    warn_of_counts(listener.program, fired, steps, beginning)


def require_spikes(listener: Listener, readout: Readout, data: Frames, backend: str, samples: Samples) -> None:
    """Populations that are silent on the training data leave nothing to read: say how far they are from a threshold."""
    if samples.busiest.any():
        return
    ends = np.cumsum(listener.steps(data))
    few = max(1, int(np.searchsorted(ends, DIAGNOSED_STEPS, "right"))) if samples.entered.any() else data.samples
    stimulus = listener.encode(subset(data, range(min(few, data.samples))), "train")
    refuse_silence(listener.program, stimulus, readout.populations, backend, "the training data")


def refuse_silence(program: Program, stimulus: Stimulus, populations: Sequence[str], backend: str, on: str) -> NoReturn:
    """An LsmError that says how far from its threshold the first part of a stimulus brings what never spikes."""
    where = f"population {', '.join(repr(name) for name in populations)}"
    if not stimulus.spikes.any():
        raise LsmError(
            f"{on}, as it is encoded, has no spikes",
            where="input",
            hint="raise max_rate_hz, or lower threshold or delta",
        )
    part = first_steps(program, stimulus, max(DIAGNOSED_STEPS, program.network.sample_interval))
    columns = np.concatenate([np.r_[program.network.columns(name)] for name in populations])
    reached = reach(program, part, columns, backend)
    if reached <= 0:
        hint = "join it to the input with excitatory weights, or raise its bias"
        raise LsmError(f"it never spikes on {on}: nothing raises its voltage", where=where, hint=hint)
    raise LsmError(
        f"it never spikes on {on}: the first samples raise it to {reached:.3g} of its threshold",
        where=where,
        hint=f"raise the weights onto it about {1.5 / reached:.2g}-fold, or lower its v_threshold",
    )
