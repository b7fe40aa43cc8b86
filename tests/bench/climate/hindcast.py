"""Hindcasts in the order of time: what is known at each origin, what is asked after it, and baselines.

At an origin a model is trained and chosen on the frames before it alone: climatology, autocorrelations, ranges, orders,
reservoirs and strengths of regularisation are all of these. From then on it forecasts, each time from what has been
seen by then, until the next origin. No forecast is issued by a model that has seen a later frame. What is forecast is
the anomaly: what a value differs from the mean of its month before the origin (of sunspots, which are of years, from
the mean before the origin).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import lsm_deploy as ld
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.data.series import load_series
from lsm_deploy.learn.regression.linear import fit, predict
from lsm_deploy.measure.regression.baselines import ORDERS, lagged
from lsm_deploy.spec.schema import Data, Regression

__all__ = ["EL_NINO", "FORMS", "SUNSPOTS", "WEIGEND", "Fold", "Task", "baselines", "folds", "forms", "values_of"]


@dataclass(frozen=True)
class Task:
    """A series, and what is asked of it.

    season: frames of a year. leads: frames ahead. origins: how many frames are known at each, in their order. targets:
    the frames that are forecast at every lead, the first of them and the first after them. washout: frames that teach
    nothing. size: units of a reservoir. unit: frames that intervals draw together, as long as errors depend on each
    other, from frame `phase` on.
    """

    title: str
    dataset: str
    season: int
    leads: tuple[int, ...]
    origins: tuple[int, ...]
    targets: tuple[int, int]
    washout: int
    size: int
    unit: int
    phase: int
    units: str
    step: str

    def units_of(self, frames: Ints) -> Ints:
        """The number of each frame's unit, from 0; less than half a unit at the end belongs to the one before."""
        whole = max(1, round((self.targets[1] - self.phase) / self.unit))
        numbers: Ints = np.minimum((frames - self.phase) // self.unit, whole - 1)
        return numbers


EL_NINO = Task(
    title="El Niño",
    dataset="el_nino",
    season=12,
    leads=(3, 6, 9, 12),
    origins=tuple(range(360, 732, 60)),  # the ends of 1979, 1984, ..., 2009
    targets=(372, 732),  # 1981 to 2010
    washout=60,
    size=300,
    # An event begins in the northern summer and is over by the next one. Three such years, from June 1980 on: how much
    # more one model is wrong than another still lasts from one year to the next.
    unit=36,
    phase=365,
    units="blocks of three years",
    step="months",
)
SUNSPOTS = Task(
    title="Sunspots",
    dataset="sunspots",
    season=1,
    leads=(1, 3, 5, 11),
    origins=tuple(range(150, 309, 20)),  # the ends of 1849, 1869, ..., 1989
    targets=(160, 309),  # 1860 to 2008
    washout=32,
    size=100,
    unit=11,
    phase=160,  # about a cycle each, from 1860 on
    units="cycles of eleven years",
    step="years",
)
WEIGEND = Task(
    title="Sunspots, trained on 1700 to 1920",
    dataset="sunspots",
    season=1,
    leads=(1,),
    origins=(221,),
    targets=(221, 280),  # 1921 to 1979
    washout=32,
    size=100,
    unit=1,
    phase=221,
    units="years",
    step="years",
)
"""The protocol of Weigend, Huberman & Rumelhart, Int. J. Neural Systems 1 (1990): one origin, one year ahead."""

FORMS = ("values", "anomalies")
"""What a model may be shown; of a series without seasons the two differ by a constant."""


@dataclass(frozen=True, eq=False)
class Fold:
    """An origin and a lead. anomalies `[frame]`: of the whole series, about what is known at the origin. train: the
    frames from which the lead reaches a frame before the origin; test: those from which forecasts are issued."""

    task: Task
    origin: int
    lead: int
    anomalies: Floats
    train: Ints
    test: Ints

    @property
    def learnt(self) -> Floats:
        """What was seen after each frame that is trained on `[row, 1]`."""
        return self.anomalies[self.train + self.lead][:, None]

    @property
    def truth(self) -> Floats:
        """What came `[row]`."""
        return self.anomalies[self.test + self.lead]


def values_of(task: Task) -> Floats:
    """The whole series `[frame]`."""
    parts = load_series(Data(dataset=task.dataset, train_size=max(task.origins)))
    return np.concatenate([part.frames[:, 0] for part in parts])


def climatology(values: Floats, season: int) -> Floats:
    """The mean of each frame of the year `[season]`."""
    return np.array([values[month::season].mean() for month in range(season)])


def folds(task: Task, values: Floats, lead: int) -> list[Fold]:
    """Of each origin, in their order; together they issue one forecast of every target."""
    made = []
    for origin, following in zip(task.origins, (*task.origins[1:], len(values) + lead + 1), strict=True):
        usual = climatology(values[:origin], task.season)
        anomalies = values - usual[np.arange(len(values)) % task.season]
        issued = np.arange(origin - 1, following - 1)
        asked = issued[(issued + lead >= task.targets[0]) & (issued + lead < task.targets[1])]
        made.append(Fold(task, origin, lead, anomalies, np.arange(task.washout, origin - lead), asked))
    return made


def forms(fold: Fold, values: Floats) -> Iterator[tuple[str, Frames]]:
    """The series as a model may be shown it, by name."""
    shown = {"values": values, "anomalies": fold.anomalies}
    for name in FORMS if fold.task.season > 1 else FORMS[:1]:
        yield name, make_frames(shown[name][:, None], np.zeros(1, np.int64))


# --- baselines -----------------------------------------------------------------------------------------------------


def baselines(fold: Fold, values: Floats, section: Regression) -> tuple[dict[str, Floats], str]:
    """The forecasts `[row]` of each, and what the autoregression chose, in words.

    persistence     the anomaly of now
    damped          the anomaly of now, times the slope of the later anomaly on it before the origin, which decays as
                    the autocorrelation at that lead does
    ar              ridge on the last frames, how many and in which form chosen on blocks held out before the origin
    climatology     no anomaly
    """
    now, before, after = fold.anomalies[fold.test], fold.anomalies[fold.train], fold.learnt[:, 0]
    slope = float(before @ after / (before @ before))
    best = None
    for form, data in forms(fold, values):
        for order in (order for order in ORDERS if order <= fold.task.washout):
            x = lagged(data, order, 1)
            regressor = fit(x[fold.train], fold.learnt, section, fold.lead)
            if best is None or regressor.error < best[0]:
                best = regressor.error, predict(regressor, x[fold.test])[:, 0], f"{order} {form}"
    assert best is not None  # there is an order
    answers = {"ar": best[1], "damped": slope * now, "persistence": now, "climatology": np.zeros(len(now))}
    return answers, best[2]


def section_of(spec: ld.Spec) -> Regression:
    assert isinstance(spec.readout, Regression)
    return spec.readout
