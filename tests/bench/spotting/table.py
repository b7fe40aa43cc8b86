"""What came of all streams, by way and operating point, with intervals; and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.page import machine
from bench.spotting.experiment import Found, Sounds
from bench.spotting.outcome import ALARMS, THRESHOLDS, Bools, Outcome, Point, choose, outcome, tallies
from bench.spotting.sound import RATE, Floats, Ints
from lsm_deploy.measure.uncertainty import Resampled
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown

__all__ = ["AT_MOST", "CURVE", "NAMES", "Came", "Cost", "came", "facts", "render"]

AT_MOST = (10.0, 60.0, 300.0)
"""False alarms an hour that thresholds are chosen for."""
SHOWN = AT_MOST[1]
CURVE = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""False alarms an hour, at which curves are shown."""
NAMES = {
    "liquid": "**the liquid, deployed integers**",
    "feedforward": "recurrence off",
    "encoded": "encoded spikes, no liquid",
    "buffer": "buffer of frames",
    "windows": "the liquid, trained on windows from rest (one liquid)",
}
AN_HOUR = 3600 * RATE / ALARMS


@dataclass(frozen=True, eq=False)
class Came:
    """Of one way: points, and what came of test streams, by the rate that points were chosen for. points: by liquid and
    speaker who is tested; outcomes: by liquid, condition and speaker; curves: likewise, detections and false alarms at
    each threshold `[threshold, 2]`, all speakers together."""

    points: dict[tuple[float, int, str], Point]
    outcomes: dict[tuple[float, int, str, str], Outcome]
    curves: dict[tuple[int, str], Ints]
    liquids: int


@dataclass(frozen=True)
class Cost:
    """Bytes of the model's state and of its tables, in C; of a frame of the buffer; frames of the buffer's variants;
    seconds of a frame, live: median and 99 %."""

    state: int
    tables: int
    frame: int
    lengths: tuple[int, ...]
    median: float
    most: float
    compared: int = field(default=0)
    """Frames that were named live and at once alike."""


def came(given: Sounds, liquids: Sequence[Sequence[Found]]) -> Came:
    """liquids: of each the variants of this way."""
    points, outcomes, curves = {}, {}, {}
    for liquid, variants in enumerate(liquids):
        for tested in given.speakers:
            others = given.without(tested)
            some = [[(each.choose[name, tested], given.choose[name]) for name in others] for each in variants]
            tally, hours = tallies(some), sum(given.choose[name].stream.hours for name in others)
            for most in AT_MOST:
                point = points[most, liquid, tested] = choose(tally, hours, most)
                for condition in given.conditions:
                    one = variants[point.variant].test[tested, condition]
                    each = given.test[tested, condition]
                    outcomes[most, liquid, condition, tested] = outcome(one, each, point.threshold, point.refractory)
            point = points[SHOWN, liquid, tested]
            for condition in given.conditions:
                one, each = variants[point.variant].test[tested, condition], given.test[tested, condition]
                tried = [outcome(one, each, threshold, point.refractory) for threshold in THRESHOLDS.tolist()]
                sums = np.array([(int(o.detected.sum()), o.false) for o in tried])
                curves[liquid, condition] = curves.get((liquid, condition), 0) + sums
    return Came(points, outcomes, curves, len(liquids))


# --- figures ---------------------------------------------------------------------------------------------------------


def _right(of: Came, given: Sounds, most: float, condition: str, what: str) -> Bools:
    """`[liquid, word]`, or tenth of a second, of all speakers."""
    return np.array(
        [
            np.concatenate([getattr(of.outcomes[most, liquid, condition, name], what) for name in given.speakers])
            for liquid in range(of.liquids)
        ]
    )


def _resampled(ways: Mapping[str, Came], given: Sounds, most: float, condition: str, what: str) -> Resampled:
    units = [
        len(getattr(next(iter(ways.values())).outcomes[most, 0, condition, name], what)) for name in given.speakers
    ]
    groups = np.repeat(given.speakers, units).tolist()
    return Resampled({name: _right(of, given, most, condition, what) for name, of in ways.items()}, groups)


def _late(of: Came, given: Sounds, most: float, condition: str) -> Floats:
    """ms, of all that was detected."""
    some = [of.outcomes[most, i, condition, name].late for i in range(of.liquids) for name in given.speakers]
    return np.concatenate(some) * 1000 / RATE


def _share(of: Resampled, name: str, times: float, form: str) -> str:
    mean, interval = times * float(of.right[name].mean()), of.interval(name)
    if interval is None:
        return form.format(mean)
    return f"{form.format(mean)} ({' to '.join(form.format(times * end) for end in interval)})"


def _row(ways: Mapping[str, Came], given: Sounds, most: float, condition: str, name: str) -> list[str]:
    detected, confused, alarms = (
        _resampled(ways, given, most, condition, what) for what in ("detected", "confused", "alarms")
    )
    late = _late(ways[name], given, most, condition)
    quantiles = [f"{each:.0f}" for each in np.quantile(late, [0.5, 0.95])] if len(late) else ["-", "-"]
    return [
        NAMES[name],
        _share(detected, name, 100, "{:.1f}"),
        f"{100 * confused.right[name].mean():.1f}",
        _share(alarms, name, AN_HOUR, "{:.0f}"),
        *quantiles,
    ]


def at_rate(curve: Ints, rate: float, words: int, hours: float) -> float | None:
    """The share of words that are detected at so many false alarms an hour, between thresholds in a straight line."""
    detected, false = curve.T
    per_hour = false[::-1] / hours  # from the strictest on
    per_hour = np.maximum.accumulate(per_hour)
    if not per_hour[0] <= rate <= per_hour[-1]:
        return None
    return float(np.interp(rate, per_hour, detected[::-1] / words))


def _curve_row(of: Came, given: Sounds, condition: str, name: str) -> list[str]:
    words = sum(len(given.test[speaker, condition].stream.digit) for speaker in given.speakers)
    hours = sum(given.test[speaker, condition].stream.hours for speaker in given.speakers)
    cells = []
    for rate in CURVE:
        some = [at_rate(of.curves[liquid, condition], rate, words, hours) for liquid in range(of.liquids)]
        there = [each for each in some if each is not None]
        cells.append(f"{100 * np.mean(there):.1f}" if len(there) == len(some) else "-")
    return [NAMES[name], *cells]


# --- the page --------------------------------------------------------------------------------------------------------

HEAD = ("detected, %", "confused, %", "false alarms an hour", "late: median, ms", "95 %, ms")


def render(ways: Mapping[str, Came], given: Sounds, cost: Cost, seconds: float) -> str:
    return to_markdown(_blocks(ways, given, cost, seconds))


def _blocks(ways: Mapping[str, Came], given: Sounds, cost: Cost, seconds: float) -> Iterator[Block]:
    hours = sum(each.stream.hours for each in given.test.values()) / len(given.conditions)
    words = sum(len(given.test[name, given.conditions[0]].stream.digit) for name in given.speakers)
    of = _resampled(ways, given, SHOWN, given.conditions[0], "detected")
    yield Line(
        f"Measured on {machine()}, in {seconds / 60:.1f} min of a processor. {words} words in {hours:.2f} hours a "
        "condition; "
        f"intervals, 95 %, over {of.over} together, those of differences paired. Thresholds were chosen for the most "
        f"detections less confusions with at most {SHOWN:.0f} false alarms an hour, on streams of the other three "
        "speakers, all conditions together:"
    )
    for condition in given.conditions:
        yield table([condition, *right(*HEAD)], [_row(ways, given, SHOWN, condition, name) for name in ways])
    yield Line("**The liquid beside the others** (detected, the liquid less each of them, in points):")
    yield table(["the liquid beside", *given.conditions], list(_beside(ways, given)))
    yield Line("**By who is tested** (clean, detected, %):")
    yield table(["", *right(*given.speakers, form="{:.1f}")], list(_by_speaker(ways, given)))
    yield Line("**Other operating points**, clean:")
    rows = [
        [f"{most:.0f}", *_row(ways, given, most, given.conditions[0], name)]
        for most in AT_MOST
        if most != SHOWN
        for name in ways
    ]
    yield table(["chosen for", "", *right(*HEAD)], rows)
    yield Line(
        "**Detections, %, against false alarms an hour**, as one threshold for all speakers moves (on the tested "
        "streams themselves, so a description, and no operating point; confusions, which grow with it, not counted; "
        "the mean over liquids; - where no threshold has so many):"
    )
    for condition in (given.conditions[0], given.conditions[-1]):
        rows = [_curve_row(of, given, condition, name) for name, of in ways.items()]
        yield table([condition, *right(*(f"{rate:.0f}" for rate in CURVE))], rows)
    yield from _costs(ways, cost)


def _beside(ways: Mapping[str, Came], given: Sounds) -> Iterator[list[str]]:
    resampled = [_resampled(ways, given, SHOWN, condition, "detected") for condition in given.conditions]
    for name in ways:
        if name != "liquid":
            some = [of.difference("liquid", name) for of in resampled]
            yield [
                NAMES[name],
                *(f"{100 * d.mean:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f}): {d.says}" for d in some),
            ]


def _by_speaker(ways: Mapping[str, Came], given: Sounds) -> Iterator[list[str | float]]:
    for name, of in ways.items():
        some = [
            [of.outcomes[SHOWN, i, given.conditions[0], speaker].detected.mean() for i in range(of.liquids)]
            for speaker in given.speakers
        ]
        yield [NAMES[name], *(100 * float(np.mean(each)) for each in some)]


def _costs(ways: Mapping[str, Came], cost: Cost) -> Iterator[Block]:
    read = sorted({cost.lengths[p.variant] for (most, _, _), p in ways["buffer"].points.items() if most == SHOWN})
    yield Line(
        f"**Bytes.** The liquid's state is {cost.state} bytes: what its C has (`lsm-deploy export --c`: what every "
        "neuron sent, u, v, sums that are due in steps to come, counts of the parts), and a byte for how often each "
        f"neuron spiked in each frame of the window. As many hold {cost.state // cost.frame} frames of {cost.frame} "
        "bands, a byte each. The"
        f" buffer may read the last {' or '.join(map(str, cost.lengths))} of them, whichever did better where its "
        f"thresholds were chosen: it reads {' or '.join(map(str, read))}, "
        f"{' or '.join(str(cost.frame * each) for each in read)} bytes. Tables in flash: {cost.tables} bytes."
    )
    yield Line(
        "**Time.** Late is from the end of a word to the last sample of sound that the name depends on: the hop and "
        f"half the window are in it. To that comes what 10 ms of sound take, live, front end and all: "
        f"{1e6 * cost.median:.0f} µs at the median, {1e6 * cost.most:.0f} at 99 %. {cost.compared} frames were named "
        "live, from pieces of sound, as at once, or there were no tables here."
    )


def facts(ways: Mapping[str, Came], given: Sounds) -> dict[str, object]:
    """All points, and what came of each, in numbers."""
    found = {}
    for name, of in ways.items():
        found[name] = [
            {
                "at_most": most, "liquid": liquid, "condition": condition, "tested": tested,
                **vars(of.points[most, liquid, tested]),
                "words": len(each.detected), "detected": int(each.detected.sum()), "confused": int(each.confused.sum()),
                "false_alarms": each.false, "hours": given.test[tested, condition].stream.hours,
                "late_ms": (each.late * 1000 / RATE).tolist(),
            }
            for (most, liquid, condition, tested), each in of.outcomes.items()
        ]  # fmt: skip
    return dict(found)
