"""Results as Markdown, for the manual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.af.chip import Deployed, Power
from bench.af.monitor import Watched
from bench.af.windows import FAULTY, Chosen, Windows
from bench.decided import Parity
from bench.page import ANSWERS, differences, spread
from lsm_deploy.measure.evaluation import Across
from lsm_deploy.measure.uncertainty import Spread
from lsm_deploy.report.blocks import Block, Line, Table, right, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.report.numbers import count

__all__ = ["Found", "render"]

ROWS = {
    **ANSWERS,
    "raw": "raw intervals",
    "hrv_logistic": "logistic, heart-rate measures",
    "hrv_boosting": "boosting, heart-rate measures",
}
STEPS = {
    "floats": "readout in floats, trained without bins or intercept",
    "integers": "the same in integers, on the host",
    "summed": "the chip's weights, were nothing lost",
    "on_chip": "output neurons on the chip",
}


@dataclass(frozen=True, eq=False)
class Found:
    """All that was measured; a part that was not asked for is empty."""

    machine: str
    windows: Sequence[Windows]
    chosen: tuple[Chosen, Chosen]
    """With every record, and without `FAULTY`."""
    best: Windows
    """Of the length that is chosen most often."""
    sizes: Mapping[int, Across]
    steps: Sequence[dict[str, float]]
    watched: Watched
    chip: Deployed
    seconds: dict[str, float]


def render(found: Found) -> str:
    return to_markdown(_blocks(found))


def _blocks(found: Found) -> Iterator[Block]:
    yield Line(
        f"Measured on {found.machine}. Intervals, 95 %, are of a bootstrap over records and liquids together, those of "
        "differences paired."
    )
    yield from _accuracies(found)
    yield _chosen(found)
    yield _detections(found.windows)
    if found.sizes:
        yield from _sizes(found)
    if found.steps:
        yield from _steps(found.steps)
    yield from _records(found.best)
    yield from _watches(found.watched)
    yield _power(found.chip.power)
    yield _parity(found.chip.parity)
    yield Line("**Time:** " + "; ".join(f"{name} {seconds:.0f} s" for name, seconds in found.seconds.items()) + ".")


# --- windows ----------------------------------------------------------------------------------------------------------


def _accuracies(found: Found) -> Iterator[Block]:
    first = found.windows[0].every
    names = [name for name in ROWS if name in first.scores]
    head = [f"{w.beats} beats, {which}" for w in found.windows for which in ("all records", f"{len(FAULTY)} left out")]
    rows = [
        [ROWS[name], *(spread(part.accuracy(name)) for w in found.windows for part in (w.every, w.fewer))]
        for name in names
    ]
    present = [name for name in FAULTY if name in first.groups]
    counted = [cell for w in found.windows for cell in ("", f"{100 * w.every.without(present):.1f}")]
    rows.insert(1, ["the same, the two trained on but not counted", *counted])
    liquids = ", ".join(str(len(w.every.seeds)) for w in found.windows)
    samples = ", ".join(f"{w.every.samples} of {w.beats}" for w in found.windows)
    yield Line(
        f"**Windows** ({len(first.groups)} records, 5 folds of records, {liquids} liquids of 32 neurons; "
        f"{samples} beats; left out of training and test: {', '.join(FAULTY)}):"
    )
    yield table(["accuracy in %, readout on", *right(*head)], rows)
    yield Line("**The liquid beside the others** (deployed integers less each of them, in points):")
    beside = {name: ROWS[name] for name in names if name != "liquid"}
    parts = [part for w in found.windows for part in (w.every, w.fewer)]
    yield table(["the liquid beside", *right(*head)], differences(beside, *parts))


def _chosen(found: Found) -> Line:
    lines = []
    for what, each in zip(("all records", "the two left out"), found.chosen, strict=True):
        some = {what: each.answered.detection("liquid", what) for what in ("sensitivity", "specificity")}
        detected = ", ".join(f"{what} {spread(figure)} %" for what, figure in some.items() if figure)
        times = ", ".join(f"{found.windows[i].beats} beats {n} times" for i, n in each.times.items() if n)
        lines.append(f"{what}: accuracy {spread(each.answered.accuracy('liquid'))} %, {detected} ({times})")
    return Line("**The window chosen by cross-validation within the training records:** " + "; ".join(lines) + ".")


def _detections(windows: Sequence[Windows]) -> Table:
    first = windows[0].every
    head = ["all records: sensitivity %, specificity %, AUC", *right(*(f"{w.beats} beats" for w in windows))]
    rows = [[ROWS[name], *(_detection(w.every, name) for w in windows)] for name in ROWS if name in first.scores]
    return table(head, rows)


def _detection(across: Across, name: str) -> str:
    found = [across.detection(name, what) for what in ("sensitivity", "specificity", "auc")]
    scales = (100, 100, 1)
    return ", ".join(
        "-" if f is None else f"{s * f.mean:.{1 if s > 1 else 3}f}" for f, s in zip(found, scales, strict=True)
    )


def _sizes(found: Found) -> Iterator[Block]:
    yield Line(f"**Sizes** (windows of {found.best.beats} beats, all records, deployed integers):")
    rows = [
        [str(neurons), str(len(each.seeds)), spread(each.accuracy("liquid")), _detection(each, "liquid")]
        for neurons, each in sorted(found.sizes.items())
    ]
    yield table(["neurons", *right("liquids", "accuracy, %", "sensitivity %, specificity %, AUC")], rows)


def _steps(on_chip: Sequence[dict[str, float]]) -> Iterator[Block]:
    agreed, tied = (np.mean([each[what] for each in on_chip]) for what in ("agreed", "tied"))
    yield Line(
        f"**To the chip** ({count(len(on_chip), 'liquid')}, the same windows and folds, accuracy in %; the chip says "
        f"what the host's integers say in {100 * agreed:.1f} % of windows, {100 * tied:.1f} % are tied in counts):"
    )
    rows = [[name, spread(Spread.of([each[step] for each in on_chip]))] for step, name in STEPS.items()]
    yield table(["step", *right("accuracy")], rows)


def _records(windows: Windows) -> Iterator[Block]:
    labels = [label for each in windows.every.evaluations[0] for label in each.labels]
    groups = [group for each in windows.every.evaluations[0] for group in each.group_of]
    cells = []
    for name, scores in windows.every.groups.items():
        af = sum(label == "AF" for label, group in zip(labels, groups, strict=True) if group == name)
        accuracy = 100 * np.mean([score.accuracy for score in scores])
        cells.append([name, str(scores[0].samples), str(af), f"{accuracy:.1f}"])
    half = -(-len(cells) // 2)
    rows = [a + b for a, b in zip(cells[:half], [*cells[half:], [""] * 4][:half], strict=True)]
    yield Line(f"**Record by record** (deployed integers, windows of {windows.beats} beats, the mean over liquids):")
    yield table(["record", *right("windows", "AF", "right, %", "record", "windows", "AF", "right, %")], rows)


# --- beats, power, parity ---------------------------------------------------------------------------------------------


def _watches(found: Watched) -> Iterator[Block]:
    head = right(
        "k is chosen for, in training",
        "k of each fold",
        "beats right, %",
        "episodes",
        "missed",
        "alarm on already",
        "beats to the alarm of the others: median (quartiles)",
        "false alarms an hour of other rhythms",
        "of them without AF in the last 128 beats",
    )
    rows = []
    for watch in found.watches:
        late = [delay for delay in watch.delays if delay]
        low, middle, high = np.quantile(late, (0.25, 0.5, 0.75)) if late else (np.nan,) * 3
        rows.append(
            [
                str(watch.window),
                "most beats right" if watch.at_most is None else f"at most {watch.at_most:g} false alarms an hour",
                ", ".join(map(str, watch.in_a_row)),
                f"{100 * watch.agreed:.1f}",
                str(watch.episodes),
                str(watch.missed),
                str(len(watch.delays) - len(late)),
                f"{middle:.0f} ({low:.0f} to {high:.0f})",
                f"{watch.false_alarms / watch.hours:.2f}",
                f"{watch.without_cause / watch.hours:.2f}",
            ]
        )
    middle, most, longest = (1e3 * seconds for seconds in found.beat_seconds)
    hours = found.watches[0].hours
    yield Line(f"**Beat by beat** (the spec's liquid, one endless run a record, {hours:.0f} hours of other rhythms):")
    yield table(["window", *head], rows)
    yield Line(
        f"A beat takes {middle:.3f} ms here, from the interval to the alarm (99 %: {most:.2f}, longest {longest:.1f}), "
        "through a model that listens (`make live`)."
    )


def _power(found: Power) -> Line:
    energy, power, latency = found.energy, found.power, found.latency
    return Line(
        f"**Power, modelled on Loihi 1 figures:** a beat of {found.steps} steps takes {1e9 * energy.least:.0f} to "
        f"{1e9 * energy.most:.0f} nJ of dynamic energy on {count(found.resources.cores, 'core')} and "
        f"{1e6 * latency.least:.0f} to {1e6 * latency.most:.0f} µs; at {found.beats_per_minute:.0f} beats a minute, "
        f"the mean of these records, {1e9 * power.least:.0f} to {1e9 * power.most:.0f} nW."
    )


def _parity(found: Sequence[Parity]) -> Table:
    rows = [
        [
            f"emulator and {each.backend}",
            str(each.samples),
            f"{each.spikes}, {each.spikes_differ}",
            f"{each.values}, {each.values_differ}",
            str(each.decisions_differ),
        ]
        for each in found
    ]
    head = right("test windows", "spikes, differing", "u and v, differing", "decisions differ")
    return table(["parity, readout on the chip", *head], rows)
