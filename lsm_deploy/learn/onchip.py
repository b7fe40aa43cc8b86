"""Train a readout that runs on the chip, in output neurons (see `attach`), and measure what each step to it costs.

A weight cannot tell early spikes from late ones, so the readout is trained on the counts of whole samples. Nor can a
neuron add a constant once: its bias is added in every step. So steps are one more feature, and there is no intercept:

    score = weights @ counts + bias * steps            which is what an output neuron has integrated in the end

A reset loses what exceeds the threshold, and what is negative never spikes. So a share of the least weight that each
neuron has onto any class is taken from all of its weights (this moves all scores alike): all of it makes every weight
positive, less of it leaves more of the drive to the difference between classes. Which share, and how many spikes a
winner has, is tried out on the training data: output neurons are integrated beside the spikes of its run, for each of
`SHARES` times `SPIKES` candidates, trained without the fold that a sample is in. The best accuracy is taken; of
several, the one that decides the fewest samples by a tie, then the one with the fewest spikes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lsm_deploy.compile.pipeline import integers_of_spec
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import BOARDS, NOWHERE
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS, bounds, membrane
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Frames, check_labels
from lsm_deploy.data.front import training_frames
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.attach import OutputWeights, attach_readout, first_of_most, output_of, winners
from lsm_deploy.learn.listener import AT_ONCE, Listener, listen
from lsm_deploy.learn.model import Model, OnChip, check_overlap, fit_to, folds_for, readout_of
from lsm_deploy.learn.readout import kernels
from lsm_deploy.learn.runs import Samples, read, require_spikes, run_samples, sizes_of, warn_of_run, whole_counts
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Bins, Readout, Spec

__all__ = ["OnChipAccuracy", "on_chip_accuracy", "train_on_chip"]


SHARES = (0.0, 0.25, 0.5, 1.0)
SPIKES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Of the winner, on average, were nothing lost."""
LARGEST_VTH = int(bounds(KINDS["LIF"].Registers, "vth")[1])


@dataclass(frozen=True, repr=False)
class OnChipAccuracy(Reported):
    """What unbinned readouts got right of the same test samples, step by step.

    floats, integers: the readout on the host, before and after its weights are rounded. summed: the chip's weights and
    biases on whole samples, were nothing lost at thresholds, in resets and in the last step. on_chip: output neurons.
    agreed: samples in which these say what the host's integers say. tied: those that spike counts alone leave open.
    output_spikes: of all output neurons, in a sample. counts: events of the whole program on the test samples, as in a
    trace.
    """

    samples: int
    floats: int
    integers: int
    summed: int
    on_chip: int
    agreed: int
    tied: int
    output_spikes: float
    counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """All of this by name, and the accuracy of each step."""
        steps = ("floats", "integers", "summed", "on_chip")
        return {**asdict(self), "accuracy": {name: getattr(self, name) / self.samples for name in steps}}


def train_on_chip(
    spec: Spec,
    data: Frames | str | Path | None = None,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Model[OnChip]:
    """Compile a spec, train output neurons on the training data, attach and place them; data: as for `train`."""
    readout_of(spec)
    data = training_frames(data, spec)
    check_labels(data)
    check_overlap(spec, data)
    liquid = listen(spec, data, place_network(integers_of_spec(spec), NOWHERE))
    run = run_samples(liquid, readout_of(spec), data, "train", backend, progress, hold=AT_ONCE)
    chip, _ = _teach(spec, liquid, data, run.samples, backend)
    warn_of_run(liquid, data, run.fired, run.steps)
    return chip


def on_chip_accuracy(
    spec: Spec,
    train: Frames,
    test: Frames,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
    *,
    liquid: Listener | None = None,
    samples: Samples | None = None,
) -> OnChipAccuracy:
    """Train on `train`, both for the host and for the chip, and count what is right on `test`.

    liquid, samples: the spec's liquid and what its run over the training data left, where there are these already.
    """
    readout_of(spec)
    check_labels(train, test)
    check_overlap(spec, train)
    liquid = liquid or listen(spec, train, place_network(integers_of_spec(spec), NOWHERE))
    samples = samples or run_samples(liquid, readout_of(spec), train, "train", backend, progress, hold=AT_ONCE).samples
    chip, weights = _teach(spec, liquid, train, samples, backend)
    unbinned = chip.readout
    host = fit_to(samples.whole, train, unbinned, spec.seed)
    integers = readouts.quantise_readout(host, unbinned.weight_bits)
    counts: list[Ints] = []
    chosen: list[Ints] = []
    tied, spikes, events = 0, 0, Counter[str]()
    for piece in chip.listener.pieces(test, "test", backend):
        starts = piece.stimulus.starts
        events.update(piece.counts)
        counts.append(whole_counts(read(chip.program, piece.spikes, unbinned), starts, unbinned, spec.dt_ms))
        chosen.append(winners(chip.program, piece.spikes, starts))
        each = np.add.reduceat(piece.spikes[:, output_of(chip.program)], starts, axis=0, dtype=np.int64)
        tied += _ties(each)
        spikes += int(each.sum())
    features = np.concatenate(counts)
    sums = _sums(weights, features, chip.listener.steps(test))
    answers = {
        "floats": readouts.predict(host, features),
        "integers": readouts.answers(integers, features),
        "summed": _names(chip, np.argmax(sums, axis=1)),
        "on_chip": _names(chip, np.concatenate(chosen)),
    }
    return OnChipAccuracy(
        samples=test.samples,
        agreed=_equal(answers["on_chip"], answers["integers"]),
        tied=tied,
        output_spikes=spikes / test.samples,
        counts=dict(events),
        **{name: _equal(each, test.labels) for name, each in answers.items()},
    )


def _names(chip: Model[OnChip], chosen: Ints) -> tuple[str, ...]:
    return tuple(chip.classes[i] for i in chosen)


def _equal(some: tuple[str, ...], others: tuple[str, ...]) -> int:
    return sum(a == b for a, b in zip(some, others, strict=True))


def _ties(counts: Ints) -> int:
    """Samples whose largest count `[sample, class]` several classes have."""
    return int(np.count_nonzero((counts == counts.max(axis=1, keepdims=True)).sum(axis=1) > 1))


# --- training ------------------------------------------------------------------------------------------------------


def _teach(
    spec: Spec, liquid: Listener, data: Frames, samples: Samples, backend: str
) -> tuple[Model[OnChip], OutputWeights]:
    """Output neurons for the liquid whose run over the training data left these samples, by folds of these data."""
    readout, network = readout_of(spec), liquid.program.network
    # Of whole counts there may be fewer than the spec keeps of its features.
    keep = readout.keep and min(readout.keep, sum(sizes_of(liquid.program, readout)))
    readout = replace(readout, features=Bins("bins", 1), keep=keep, centre="none")
    require_spikes(liquid, readout, data, backend, samples)
    features = np.column_stack([samples.whole, liquid.steps(data)])
    classifier = fit_to(features, data, readout, spec.seed, centre=False)
    classes, strength = classifier.classes, classifier.regularisation
    y = np.array([classes.index(label) for label in data.labels])

    def candidates(rows: Ints) -> list[OutputWeights]:
        real = readouts.weights_at(features[rows], y[rows], len(classes), readout, strength)
        return _candidates(readout.populations, real, features[rows], int(samples.busiest.max()))

    folds = folds_for(data, y, readout, spec.seed)
    tried = [(set(held_out.tolist()), candidates(train)) for train, held_out in folds]
    results = np.zeros((len(SHARES) * len(SPIKES), 3), np.int64)
    first = 0
    for starts, spikes in _rasters(liquid, readout, data, samples, backend):
        for held_out, theirs in tried:
            here = np.array([i for i in range(len(starts)) if first + i in held_out], np.int64)
            if len(here):
                results += _try(theirs, *_samples(spikes, starts, here), y[first + here])
        first += len(starts)
    best = candidates(np.arange(len(y)))[max(range(len(results)), key=lambda i: tuple(results[i]))]
    program = place_network(attach_readout(network, best), BOARDS[spec.target.board])
    return Model(replace(liquid, program=program), OnChip(readout, classes)), best


def _rasters(
    liquid: Listener, readout: Readout, data: Frames, samples: Samples, backend: str
) -> Iterator[tuple[Ints, Messages]]:
    """The starts of some samples, and the spikes of what is read in them: as they were held, or of one more run."""
    if samples.rasters:
        lengths = np.array([len(raster) for raster in samples.rasters])
        yield np.cumsum(lengths) - lengths, np.concatenate(samples.rasters)
        return
    for piece in liquid.pieces(data, "train", backend):
        yield piece.stimulus.starts, read(liquid.program, piece.spikes, readout)


def _candidates(populations: tuple[str, ...], real: Floats, features: Ints, busiest: int) -> list[OutputWeights]:
    """Integers for weights of counts and steps `[class, neuron + 1]`: for each share, for each number of spikes.

    Weights are such that the sum of one step fits 16 bits with as many spikes as the busiest step of the training data.
    """
    deviation = features.std(axis=0)[:-1]
    limit = min(fixed.WEIGHT_LIMIT, fixed.SUM_LIMIT // max(1, busiest))
    candidates = []
    for share in SHARES:
        shifted = real - share * real.min(axis=0)
        # All of it leaves nothing negative: one sign, and so steps of 1. Mixed weights are even.
        step, low = (1, 0) if share == 1 else (2, None)
        scale, weights = readouts.choose_scale(shifted[:, :-1], deviation, max(1, limit // step), low)
        # A bias makes up for what rounding moved on average.
        moved = (shifted[:, :-1] - weights / scale) @ features[:, :-1].mean(axis=0) / features[:, -1].mean()
        bias = membrane.quantise_bias(shifted[:, -1] + moved, step * scale)
        mantissa = np.clip(bias["bias_mant"], *bounds(KINDS["LIF"].Registers, "bias_mant"))
        chosen = OutputWeights(populations, step * weights, LARGEST_VTH, mantissa, bias["bias_exp"])
        winner = float(_sums(chosen, features[:, :-1], features[:, -1]).max(axis=1).mean()) / (1 << fixed.ACT_SHIFT)
        candidates += [replace(chosen, vth=int(np.clip(np.rint(winner / n), 1, LARGEST_VTH))) for n in SPIKES]
    return candidates


def _sums(weights: OutputWeights, counts: Ints, steps: Ints) -> Ints:
    """What each class adds up to in all steps of each sample `[sample, class]`, in units of a voltage."""
    total: Ints = (counts @ weights.weights.T << fixed.ACT_SHIFT) + steps[:, None] * weights.drive
    return total


def _samples(spikes: Messages, starts: Ints, chosen: Ints) -> tuple[Messages, Ints]:
    """The spikes of some samples, and where each starts now."""
    ends = np.append(starts[1:], len(spikes))
    rows = np.concatenate([np.arange(starts[i], ends[i]) for i in chosen])
    lengths = ends[chosen] - starts[chosen]
    return spikes[rows], np.cumsum(lengths) - lengths


def _try(candidates: list[OutputWeights], spikes: Messages, starts: Ints, right: Ints) -> Ints:
    """For each candidate the samples that it gets right, minus those that it decides by a tie, minus its spikes."""
    results, drive, weights = [], np.zeros((0, 0), np.int64), None
    for candidate in candidates:
        if candidate.weights is not weights:  # else only the threshold differs
            drive, weights = _drive(candidate, spikes, starts), candidate.weights
        counts, reached = np.zeros((2, len(starts), drive.shape[1]), np.int64)
        kernels.race(drive, starts, candidate.vth << fixed.ACT_SHIFT, counts, reached)
        hits = int(np.count_nonzero(first_of_most(counts, reached) == right))
        results.append((hits, -_ties(counts), -int(counts.sum())))
    return np.array(results, np.int64)


def _drive(weights: OutputWeights, spikes: Messages, starts: Ints) -> Ints:
    """What each step adds to the voltages `[t, class]`, from the spikes of the step before; samples start from rest."""
    steps, neurons = spikes.shape
    drive = np.zeros((steps, len(weights.weights)), np.int64)
    matrix, rows = weights.weights.T.astype(np.float64), max(1, (1 << 22) // neurons)
    for low in range(0, steps - 1, rows):
        part = spikes[low : min(low + rows, steps - 1)].astype(np.float64)
        drive[low + 1 : low + 1 + len(part)] = part @ matrix  # small whole numbers: exact
    drive[starts] = 0
    added: Ints = (drive << fixed.ACT_SHIFT) + weights.drive
    return added
