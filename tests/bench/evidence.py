"""`python -m bench.evidence`: where a liquid earns its place, and what stands here behind claims of popular texts.

Nothing is measured: figures are those that other experiments left in `build`, of the very runs whose tables stand in
the manual. A claim is held against them by the rule beside it; what was not measured is said to be so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from bench.page import PAGES, leave, publish, standing
from bench.spotting.table import SHOWN
from bench.workers import ROOT
from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.measure.uncertainty import Difference
from lsm_deploy.report.blocks import Block, Heading, table
from lsm_deploy.report.markdown import to_markdown

Facts: TypeAlias = Mapping[str, Any]

SOURCES = {
    "af": "af",
    "digits": "digits",
    "knows": "knows",
    "spotting": "spotting",
    "cart_pole": "control/cart_pole",
    "pendulum": "control/pendulum",
    "tracking": "tracking",
    "climate": "climate",
    "forecast": "forecast",
    "drift": "drift",
}
"""By the marks of tables, where in `build` they come from: the folder's first part is the make target."""
PLANTS = {"cart_pole": "cart-pole", "pendulum": "pendulum"}
LIMIT_LOOP_MS, LIMIT_WORD_MS = 20.0, 50.0
CLAIMED_AF, CLAIMED_WATTS = 0.987, 1e-3
CLEAN = "clean"
MEAN = Figure(lambda sums: sums[..., 0] / sums[..., 1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.evidence", description="claims beside measurements")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="where experiments left their results")
    build = parser.parse_args().build
    facts = {name: published(build, name) for name in SOURCES}
    rows, claims = list(earned(facts)), [(claim, *claim.held(facts)) for claim in CLAIMS]
    text = to_markdown(_blocks(rows, claims))
    print(text)
    leave(build / "evidence", text, {"claims": {claim.words: verdict for claim, verdict, _ in claims}})
    publish("evidence", text)


def published(build: Path, name: str) -> Facts:
    """What an experiment left, if its tables are those of the manual: else figures here and there would differ."""
    folder, page = build / SOURCES[name], PAGES[name]
    command = f"make {SOURCES[name].partition('/')[0]}"
    try:
        text, facts = (folder / "results.md").read_text(), (folder / "results.json").read_text()
    except OSError as error:
        sys.exit(f"{error.filename} is not there: {command}")
    if text != standing(page.read_text(), name):
        sys.exit(f"{folder} is of another run than the tables of {page.name}: {command}")
    loaded: Facts = json.loads(facts)
    return loaded


# --- where a liquid earns its place --------------------------------------------------------------------------------


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
        yield _controlled(f"{title}, velocities hidden: return", facts[plant])
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
        return f"{100 * np.mean([d['mean'] for d in of_each]):+.1f}: {told}"

    figure = f"{np.mean(accuracies):.1f} ({min(accuracies):.1f} to {max(accuracies):.1f} of {len(liquids)} liquids)"
    task = f"which word was over {AFTER_MS:g} ms ago, by the last 100 ms: accuracy, %"
    best = "a buffer of as many frames as numbers", less("buffer")
    return Earned(task, figure, less("feedforward"), less("encoded"), best, "+.1f", "make knows")


def _of_streams(facts: Facts, name: str) -> list[Mapping[str, Any]]:
    """What came of clean streams, by liquid and speaker, of the operating point that the page shows."""
    points: list[Mapping[str, Any]] = facts["ways"][name]
    return [point for point in points if (point["at_most"], point["condition"]) == (SHOWN, CLEAN)]


def _spotted(facts: Facts) -> Earned:
    speakers = sorted({point["tested"] for point in _of_streams(facts, "liquid")})
    sums = {}
    for name in ("liquid", "feedforward", "encoded", "buffer"):
        points = _of_streams(facts, name)
        counts = np.zeros((1 + max(point["liquid"] for point in points), len(speakers), 2))
        for point in points:
            counts[point["liquid"], speakers.index(point["tested"])] = point["detected"], point["words"]
        sums[name] = counts * [100, 1]  # in per cent of words
    of = Sums(sums, "speakers")
    low, high = of.interval("liquid", MEAN)
    off, encoded, buffer = (of.difference("liquid", name, MEAN) for name in ("feedforward", "encoded", "buffer"))
    figure, best = f"{of.value('liquid', MEAN):.1f} ({low:.1f} to {high:.1f})", ("a buffer of frames", buffer)
    return Earned("digits in a stream, new speakers: detected, %", figure, off, encoded, best, "+.1f", "make spotting")


OTHERS = {
    "window": "the readout on a buffer",
    "nvar": "a buffer and its products",
    "gru": "a GRU",
    "differences": "finite differences",
    "filtered": "a Kalman filter",
}


def _controlled(task: str, plant: Facts) -> Earned:
    returns = {name: np.array(each, np.float64) for name, each in next(iter(plant["returns"].values())).items()}
    sums = Sums({name: np.stack([each, np.ones_like(each)], axis=-1) for name, each in returns.items()}, "episodes")
    there = [name for name in OTHERS if name in returns]
    best = max(there, key=lambda name: returns[name].mean())
    low, high = sums.interval("liquid", MEAN)
    figure = f"{sums.value('liquid', MEAN):.0f} ({low:.0f} to {high:.0f})"
    off, frame, other = (sums.difference("liquid", name, MEAN) for name in ("cut", "frame", best))
    return Earned(task, figure, off, frame, (OTHERS[best], other), "+.0f", "make control")


def _tracked(task: str, of: Facts, kind: str, what: str) -> Earned:
    from bench.tracking.table import NAMES

    less = {name: Difference(**each[what]) for name, each in of["less"][kind].items()}
    best = min(("kalman", "decaying", "velocity", "stays"), key=lambda name: of["off"][name][what])
    off, encoded = less[f"{kind}, cut"], less["encoded"]
    return Earned(
        task, f"{of['off'][kind][what]:.2f}", off, encoded, (NAMES[best], less[best]), "+.2f", "make tracking"
    )


def _hindcast(task: str, of: Facts) -> Earned:
    from bench.climate.table import NAMES

    less = {name: Difference(**each) for name, each in of["differences"].items()}
    best = max(("ar", "damped", "persistence"), key=lambda name: of[name]["skill"])
    return Earned(
        task,
        f"{of['liquid']['skill']:.2f}",
        less["feedforward"],
        "-",
        (NAMES[best], less[best]),
        "+.2f",
        "make climate",
    )


CLASSICAL = ("persistence", "AR", "NVAR")


def _forecast(task: str, rows: list[Facts]) -> Earned:
    """Of a task of `make forecast`. Intervals are Student's over reservoirs; those of differences leave as much room as
    both together."""
    row = next(each for each in rows if each["task"] == task)
    liquid, off = row["liquid"], row["feedforward"]

    def less(mean: float, low: float, high: float) -> Difference:
        return Difference(mean - liquid["mean"], low - liquid["high"], high - liquid["low"])

    best = min(CLASSICAL, key=lambda name: row["others"][name])
    figure = f"{liquid['mean']:.4f} ({liquid['low']:.4f} to {liquid['high']:.4f})"
    without, best_less = less(off["mean"], off["low"], off["high"]), less(*[row["others"][best]] * 3)
    no_liquid = less(*[row["others"]["input alone"]] * 3)
    return Earned(f"{task}: NRMSE", figure, without, no_liquid, (best, best_less), "+.3f", "make forecast")


# --- claims --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claim:
    """held: whether it was shown here, by a rule, and the figures; by what command."""

    words: str
    held: Callable[[Mapping[str, Facts]], tuple[str, str]]
    command: str


def _loop(facts: Mapping[str, Facts]) -> tuple[str, str]:
    at = {
        title: facts[plant]["latencies"]["`step` of the live interface"]["quantiles"][-1]
        for plant, title in PLANTS.items()
    }
    figures = ", ".join(f"{title} {each:.0f} µs" for title, each in at.items())
    met = max(at.values()) < 1000 * LIMIT_LOOP_MS
    return _shown(
        met, "on this processor"
    ), f"from a frame to the command, 99.9 % of steps: {figures}; no chip was asked"


def _word(facts: Mapping[str, Facts]) -> tuple[str, str]:
    d = facts["digits"]["decision"]
    known = sum(d[part] for part in ("front_end", "encode", "run", "answer"))
    late = np.concatenate([point["late_ms"] for point in _of_streams(facts["spotting"], "liquid")])
    middle, most = np.percentile(late, [50, 95])
    met = most < LIMIT_WORD_MS
    return ("shown, of streams too" if met else "shown of words that somebody cuts, not of streams"), (
        f"{known:.0f} ms where the end of the word is known; in a stream {middle:.0f} ms after its end "
        f"at the median, {most:.0f} at 95 %"
    )


def _hearts(facts: Mapping[str, Facts]) -> tuple[str, str]:
    best, name = max(
        (each[which]["scores"]["liquid"]["accuracy"]["mean"], f"{beats} beats, {words}")
        for beats, each in facts["af"]["windows"].items()
        for which, words in (("all", "all records"), ("fewer", "two records left out"))
    )
    return _shown(best >= CLAIMED_AF, name), f"new patients: {100 * best:.1f} % at best ({name})"


def _milliwatt(facts: Mapping[str, Facts]) -> tuple[str, str]:
    power = facts["af"]["on_chip"]["power"]["power"]
    return ("modelled of events, not shown of a chip" if power["most"] < CLAIMED_WATTS else "not shown"), (
        f"{1e9 * power['least']:.0f} to {1e9 * power['most']:.0f} nW of events, modelled on Loihi 1; nobody publishes "
        "what a chip takes that waits, and the one figure there is, of another network, is above 1 mW"
    )


def _thousand(facts: Mapping[str, Facts]) -> tuple[str, str]:
    cost = facts["tracking"]["cost"]
    energy = cost["energy"]
    return "not measured", (
        f"a tracker's forecast: {1e9 * energy['least']:.0f} to {1e9 * energy['most']:.0f} nJ of events, modelled, and "
        f"{1e6 * cost['static']:.0f} µJ of static power until the next, if that of another network holds; "
        f"{1e6 * cost['whole']:.0f} µs of a processor's core, measured. No GPU and no chip was"
    )


def _drifting(facts: Mapping[str, Facts]) -> tuple[str, str]:
    said, held = [], True
    for drift, each in facts["drift"].items():
        batch, *_, forgets = each.values()
        held &= forgets["later"]["high"] < batch["later"]["low"]
        said.append(f"{drift}: {batch['later']['mean']:.2f} and {forgets['later']['mean']:.2f}")
    words = f"errors long after a drift, of a readout trained at once and of one that learns on: {'; '.join(said)}"
    return _shown(held, "where somebody says what was right"), words


def _interpretable(_: Mapping[str, Facts]) -> tuple[str, str]:
    return "not measured", (
        "nobody was asked whether he understands. What there is: runs that repeat bit for bit, a cause for every value "
        "in which two of them differ, what a liquid still knows"
    )


def _shown(met: bool, how: str) -> str:
    return f"shown ({how})" if met else "not shown"


CLAIMS = (
    Claim("a liquid steers within 20 ms", _loop, "make control"),
    Claim("a word is named 50 ms after its end", _word, "make digits spotting"),
    Claim("98.7 % of fibrillation with 32 neurons", _hearts, "make af"),
    Claim("... at 1 mW", _milliwatt, "make af"),
    Claim("a thousand times less energy than a GPU", _thousand, "make tracking"),
    Claim("readouts follow what is not stationary", _drifting, "make drift"),
    Claim("liquids are interpretable", _interpretable, "lsm-deploy diagnose --knows"),
)


def _blocks(rows: list[Earned], claims: list[tuple[Claim, str, str]]) -> Iterator[Block]:
    yield Heading("Where a liquid earns its place")
    head = ["task", "the liquid", "better than without recurrence by", "than no liquid", "than the best classical one"]
    yield table([*head, "command"], [row.row() for row in rows])
    yield Heading("What is claimed of liquids")
    yield table(
        ["claim", "is", "figures here", "command"],
        [[claim.words, verdict, figures, f"`{claim.command}`"] for claim, verdict, figures in claims],
    )


if __name__ == "__main__":
    main()
