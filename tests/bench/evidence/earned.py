"""Where a liquid earns its place: beside itself without recurrence, beside no liquid, and beside what is classical."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bench.climate.table import NAMES as HINDCASTS
from bench.control.measured import TRAINED
from bench.control.table import mean_return, returns_of
from bench.evidence.sources import PLANTS, Facts, of_streams
from bench.tracking.table import NAMES as TRACKERS
from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.measure.uncertainty import Difference

__all__ = ["Earned", "earned"]

PERCENT = Figure(lambda sums: sums[..., 0] / sums[..., 1], (0.0, 100.0))


@dataclass(frozen=True)
class Earned:
    """A task: what its liquid reached, and by how much it is better than the same without recurrence, than no liquid,
    and than the best of what has no spiking or graded neurons; in words where there is no such difference."""

    task: str
    figure: str
    without_recurrence: Difference | str
    no_liquid: Difference | str
    best: tuple[str, Difference | str]
    form: str
    command: str

    def row(self) -> list[str]:
        name, best = self.best
        cells = (self._cell(self.without_recurrence), self._cell(self.no_liquid), f"{name}: {self._cell(best)}")
        return [self.task, self.figure, *cells, f"`{self.command}`"]

    def _cell(self, d: Difference | str) -> str:
        return (
            d if isinstance(d, str) else f"{d.mean:{self.form}} ({d.low:{self.form}} to {d.high:{self.form}}): {d.says}"
        )


def earned(facts: Mapping[str, Facts]) -> Iterator[Earned]:
    """Of every experiment that compares a liquid with what stands beside it."""
    hearts, words = facts["af"]["windows"]["128"]["all"], facts["digits"]["accuracy"]["leave-one-group-out"]
    classical = {"hrv_logistic": "logistic on heart rate variability", "hrv_boosting": "boosting on the same"}
    yield _classified("fibrillation, 128 beats, new patients: accuracy, %", hearts, classical, "make af")
    on_frames = {"raw": "linear on the frames", "svm": "SVM on the frames"}
    yield _classified("spoken digits, new speakers: accuracy, %", words, on_frames, "make digits")
    yield _remembered(facts["knows"])
    yield _spotted(facts["spotting"])
    for plant, title in PLANTS.items():
        yield _controlled(f"{title}, velocities hidden: return", facts[plant], mean_return(plant))
    for what, frames in (("all", "all frames"), ("hidden", "while it is hidden")):
        for kind in ("spiking", "graded"):
            yield _tracked(f"tracking, {kind}, {frames}: pixels", facts["tracking"]["simulated"], kind, what)
    for task in ("Mackey-Glass +84", "Santa Fe laser +1"):
        yield _forecast(task, facts["forecast"]["rows"])
    for series, lead, unit in (("El Niño", 3, "months"), ("El Niño", 6, "months"), ("Sunspots", 1, "year")):
        yield _hindcast(f"{series}, {lead} {unit} ahead: skill", facts["climate"][series][str(lead)])


def _classified(task: str, across: Facts, others: Mapping[str, str], command: str) -> Earned:
    differences, scores = across["differences"]["liquid"], across["scores"]
    best = max(others, key=lambda name: scores[name]["accuracy"]["mean"])
    figure = scores["liquid"]["accuracy"]

    def less(name: str) -> Difference:
        return Difference(*(100 * differences[name][end] for end in ("mean", "low", "high")))

    cell = f"{100 * figure['mean']:.1f} ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"
    return Earned(task, cell, less("feedforward"), less("encoded"), (others[best], less(best)), "+.1f", command)


AFTER_MS, HOP_MS = 250.0, 10.0
"""Of sound: the question, and a frame, which takes the network less."""


def _remembered(facts: Facts) -> Earned:
    """Intervals are of each liquid by itself."""
    at = facts["liquids"][0]["labels"]["after_ms"].index(AFTER_MS / HOP_MS * facts["liquids"][0]["frame_ms"])
    liquids = [each["labels"] for each in facts["liquids"]]
    accuracies = [100 * each["values"]["deployed"][at]["value"] for each in liquids]

    def less(name: str) -> str:
        of_each = [each["differences"][name][at] for each in liquids]
        better, worse = (sum(sign * d[end] > 0 for d in of_each) for sign, end in ((1, "low"), (-1, "high")))
        told = f"better in {better} of {len(of_each)}" + (f", worse in {worse}" if worse else "")
        if not better and not worse:
            told = f"not distinguishable in {len(of_each)} of {len(of_each)}"
        return f"{100 * np.mean([d['mean'] for d in of_each]):+.1f}: {told}"

    figure = f"{np.mean(accuracies):.1f} ({min(accuracies):.1f} to {max(accuracies):.1f} of {len(liquids)} liquids)"
    task = f"which word was over {AFTER_MS:g} ms ago, by the last 100 ms: accuracy, %"
    best = "a buffer of as many frames as numbers", less("buffer")
    return Earned(task, figure, less("feedforward"), less("encoded"), best, "+.1f", "make knows")


def _spotted(facts: Facts) -> Earned:
    speakers = sorted({point["tested"] for point in of_streams(facts, "liquid")})
    sums = {}
    for name in ("liquid", "feedforward", "encoded", "buffer"):
        points = of_streams(facts, name)
        counts = np.zeros((1 + max(point["liquid"] for point in points), len(speakers), 2))
        for point in points:
            counts[point["liquid"], speakers.index(point["tested"])] = point["detected"], point["words"]
        sums[name] = counts * [100, 1]  # in per cent of words
    of = Sums(sums, "speakers")
    low, high = of.interval("liquid", PERCENT)
    off, encoded, buffer = (of.difference("liquid", name, PERCENT) for name in ("feedforward", "encoded", "buffer"))
    figure, best = f"{of.value('liquid', PERCENT):.1f} ({low:.1f} to {high:.1f})", ("a buffer of frames", buffer)
    return Earned("digits in a stream, new speakers: detected, %", figure, off, encoded, best, "+.1f", "make spotting")


OTHERS = {
    "window": "the readout on a buffer",
    "nvar": "a buffer and its products",
    "gru": "a GRU",
    "differences": "finite differences",
    "filtered": "a Kalman filter",
}


def _controlled(task: str, plant: Facts, figure: Figure) -> Earned:
    returns = returns_of(plant["returns"][TRAINED])
    there = [name for name in OTHERS if name in returns.sums]
    best = max(there, key=lambda name: returns.value(name, figure))
    low, high = returns.interval("liquid", figure)
    cell = f"{returns.value('liquid', figure):.0f} ({low:.0f} to {high:.0f})"
    off, frame, other = (returns.difference("liquid", name, figure) for name in ("cut", "frame", best))
    return Earned(task, cell, off, frame, (OTHERS[best], other), "+.0f", "make control")


def _tracked(task: str, of: Facts, kind: str, what: str) -> Earned:
    less = {name: Difference(**each[what]) for name, each in of["less"][kind].items()}
    best = min(("kalman", "decaying", "velocity", "stays"), key=lambda name: of["off"][name][what])
    off, encoded = less[f"{kind}, cut"], less["encoded"]
    return Earned(
        task, f"{of['off'][kind][what]:.2f}", off, encoded, (TRACKERS[best], less[best]), "+.2f", "make tracking"
    )


def _hindcast(task: str, of: Facts) -> Earned:
    less = {name: Difference(**each) for name, each in of["differences"].items()}
    best = max(("ar", "damped", "persistence"), key=lambda name: of[name]["skill"])
    return Earned(
        task,
        f"{of['liquid']['skill']:.2f}",
        less["feedforward"],
        "-",
        (HINDCASTS[best], less[best]),
        "+.2f",
        "make climate",
    )


CLASSICAL = ("persistence", "AR", "NVAR")


def _forecast(task: str, rows: list[Facts]) -> Earned:
    """Of a task of `make forecast`."""
    row = next(each for each in rows if each["task"] == task)
    liquid = row["liquid"]
    less = {name: Difference(**each) for name, each in row["less"].items()}
    best = min(CLASSICAL, key=lambda name: row["others"][name])
    figure = f"{liquid['mean']:.4f} ({liquid['low']:.4f} to {liquid['high']:.4f})"
    off, no_liquid = less["recurrence off"], less["input alone"]
    return Earned(f"{task}: NRMSE", figure, off, no_liquid, (best, less[best]), "+.3f", "make forecast")
