"""AF detected at one specificity, and alarms an hour: what is set is set on training records, and judged on the others.

One endless run a record, as on a wearable (`beats`). The threshold is that which leaves `SPECIFICITY` of the training
records' other windows alone, by the margins of readouts that were trained without the record of the window; the alarm
waits for k equal answers, with k as `monitor` chooses it. Of several liquids, records are drawn anew together with
them: of sensitivity and specificity as of accuracy, of rates as the ratio of what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.af.beats import Bools, Floats, Heart, Measured, heard, measured
from bench.af.monitor import AT_MOST, alarm, choose_k, outcome, windows_of
from bench.af.windows import SPLIT, front_of
from lsm_deploy.data import Beats, splits
from lsm_deploy.data.front import AF, NOT_AF
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import readout_of
from lsm_deploy.measure.evaluation.baselines import heart_rate_models
from lsm_deploy.measure.uncertainty import Draws, Resampled
from lsm_deploy.spec.schema import Spec

__all__ = ["SPECIFICITY", "Alarms", "Detected", "Fold", "at_specificity", "detected", "of_heart_rate", "of_spikes"]

SPECIFICITY = 0.95
"""Of training records, at which sensitivity is compared."""

Strings = NDArray[np.str_]
Margins = Callable[[Any], Floats]
"""How far AF is above all else in each row of features `[window, feature]`."""
Fit = Callable[[Any, Bools, Strings], tuple[Margins, Callable[[Any, Bools, Strings], Margins]]]
"""What features `[window, feature]` that are AF or not, of records, teach; and what teaches alike in less time: it has
nothing to choose."""


@dataclass(frozen=True)
class Alarms:
    """Of one tested record, with k of its fold."""

    in_a_row: int
    delays: tuple[int, ...]
    episodes: int
    missed: int
    false: int
    hours: float
    """Of rhythms other than AF."""


@dataclass(frozen=True, eq=False)
class Fold:
    """What was said of the tested records of a fold: of each window its record, whether it is AF, and whether its
    margin is above the threshold. alarms: by the rate that k was chosen for (None: for most beats right), by record."""

    records: Strings
    is_af: Bools
    above: Bools
    alarms: Mapping[float | None, Mapping[str, Alarms]]


def detected(data: Beats, records: Sequence[Heart], window: int, fit: Fit, seed: int) -> list[Fold]:
    """Train, and set what there is to set, on the training records of each fold; seed: the split's."""
    by_name = {record.name: record for record in records}
    folds = []
    for _, train_data, test_data in splits(data, SPLIT, seed):
        known, others = ([by_name[name] for name in part.groups] for part in (train_data, test_data))
        features, is_af, groups = windows_of(known, window)
        margins, alike = fit(features, is_af, groups)
        threshold = at_specificity(features, is_af, groups, alike, seed)
        features, is_af, groups = windows_of(others, window)
        said = {each.name: _says(margins, each, window) for each in records}
        alarms: dict[float | None, dict[str, Alarms]] = {}
        for at_most in (None, AT_MOST):
            k = choose_k([said[each.name] for each in known], known, at_most)
            alarms[at_most] = {each.name: _alarms(said[each.name], each, k) for each in others}
        folds.append(Fold(groups, is_af, margins(features) > threshold, alarms))
    return folds


def at_specificity(
    features: Any, is_af: Bools, groups: Strings, fit: Callable[[Any, Bools, Strings], Margins], seed: int
) -> float:
    """The threshold that leaves `SPECIFICITY` of these records' other windows alone, each of them heard by a readout
    that was trained without its record."""
    held_out = np.full(len(is_af), np.nan)
    for train, out in readouts.folds_of(is_af.astype(np.int64), 5, seed, groups.tolist()):
        held_out[out] = fit(features[train], is_af[train], groups[train])(features[out])
    return float(np.nanquantile(held_out[~is_af], SPECIFICITY))


def _says(margins: Margins, record: Heart, window: int) -> Bools:
    return np.concatenate([np.zeros(window - 1, bool), margins(record.counts(window)) > 0])


def _alarms(said: Bools, record: Heart, k: int) -> Alarms:
    delays, (episodes, missed, false, _) = outcome(alarm(said, k), record.is_af)
    return Alarms(k, tuple(delays), episodes, missed, false, record.calm_hours)


# --- what is trained --------------------------------------------------------------------------------------------------


def of_spikes(base: Spec, spec: Spec, data: Beats) -> list[Fold]:
    """Of a liquid, whose readout has integers; base: whose seed the split is of."""
    section = readout_of(spec)

    def trained(features: Any, is_af: Bools, groups: Strings, quick: tuple[float, ...] = ()) -> tuple[Margins, float]:
        asked = replace(section, regularisation=quick, folds=2) if quick else section
        labels = [AF if each else NOT_AF for each in is_af.tolist()]
        classifier = readouts.fit(features, labels, asked, spec.seed, groups.tolist())
        integers = readouts.quantise_readout(classifier, section.weight_bits)
        at = integers.classes.index(AF)

        def margins(rows: Any) -> Floats:
            scores = readouts.scores(integers, rows)
            # In units of the float scores: thresholds are of several readouts.
            return (scores[:, at] - scores[:, 1 - at]) / integers.scale

        return margins, classifier.regularisation

    def fit(*given: Any) -> tuple[Margins, Callable[[Any, Bools, Strings], Margins]]:
        margins, strength = trained(*given)
        return margins, lambda *some: trained(*some, quick=(strength,))[0]

    window, records = front_of(spec).window_beats, heard(spec, ld.compile_spec(spec).program, data)
    # Summed up once, for all folds.
    summed = [Measured(each.name, each.rr, each.is_af, each.counts(window).astype(np.int32)) for each in records]
    return detected(data, summed, window, fit, base.seed)


def of_heart_rate(base: Spec, data: Beats) -> list[Fold]:
    """Of logistic regression on measures of heart rate variability."""

    def alike(features: Any, is_af: Bools, _: Strings) -> Margins:
        model: Any = heart_rate_models(len(features), base.seed)["hrv_logistic"]().fit(features, is_af)
        return model.decision_function  # type: ignore[no-any-return]

    def fit(*given: Any) -> tuple[Margins, Callable[[Any, Bools, Strings], Margins]]:
        return alike(*given), alike

    return detected(data, measured(base, data), front_of(base).window_beats, fit, base.seed)


# --- what comes of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Detected:
    """Folds of each liquid, of one where it depends on none."""

    liquids: Sequence[Sequence[Fold]]

    def windows(self, af: bool) -> tuple[Bools, Strings]:
        """Of the windows that are AF, or of the others: whether each is said what it is `[liquid, window]`; records."""
        is_af, records = (np.concatenate([getattr(f, of) for f in self.liquids[0]]) for of in ("is_af", "records"))
        above = np.array([np.concatenate([fold.above for fold in liquid]) for liquid in self.liquids])
        return (above == af)[:, is_af == af], records[is_af == af]

    def by_record(self, af: bool, least: int = 1) -> dict[str, float]:
        """The share of these windows of each record that has so many of them, the mean over liquids."""
        right, records = self.windows(af)
        names, many = np.unique(records, return_counts=True)
        return {name: float(right[:, records == name].mean()) for name in names[many >= least].tolist()}

    def share(self, af: bool) -> tuple[float, float, float]:
        """Sensitivity, or specificity: the mean, and its interval."""
        right, records = self.windows(af)
        low, high = Resampled({"this": right}, records.tolist()).interval("this") or (np.nan, np.nan)
        return float(right.mean()), low, high

    def alarms(self, at_most: float | None) -> list[list[Alarms]]:
        """Of each liquid, of each record."""
        return [[each for fold in liquid for each in fold.alarms[at_most].values()] for liquid in self.liquids]

    def false_alarms(self, at_most: float | None) -> tuple[float, float, float]:
        """An hour of other rhythms: of all records, the mean over liquids, and its interval."""
        alarms = self.alarms(at_most)
        many = np.array([[each.false for each in liquid] for liquid in alarms], np.float64)
        hours, shares = np.array([each.hours for each in alarms[0]]), []
        drawn = Draws(*many.shape)
        for liquids, units in drawn.weights():
            with np.errstate(invalid="ignore"):
                shares.append(drawn.mean(units @ many.T / (units @ hours)[:, None], liquids))
        of_each = many.sum(axis=1) / hours.sum()
        low, high = drawn.between(np.concatenate(shares), of_each) or (np.nan, np.nan)
        return float(of_each.mean()), max(low, 0.0), high

    def missed(self, at_most: float | None) -> tuple[float, float, float]:
        """The share of episodes without an alarm, and its interval."""
        alarms = self.alarms(at_most)
        # Which of a record's episodes they are, nothing depends on.
        missed = np.array([[i < each.missed for each in liquid for i in range(each.episodes)] for liquid in alarms])
        records = [str(record) for record, each in enumerate(alarms[0]) for _ in range(each.episodes)]
        low, high = Resampled({"this": missed}, records).interval("this") or (np.nan, np.nan)
        return float(missed.mean()), low, high

    def late(self, at_most: float | None) -> tuple[float, float, float]:
        """Beats from an onset to the alarm: median and quartiles, of all liquids; where it was not on already."""
        delays = [late for liquid in self.alarms(at_most) for each in liquid for late in each.delays if late]
        low, middle, high = np.quantile(delays, (0.25, 0.5, 0.75)) if delays else (np.nan,) * 3
        return float(middle), float(low), float(high)
