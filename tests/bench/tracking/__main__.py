"""`python -m bench.tracking`: an object tracked from events, by liquids and without; and the manual's tables.

Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's tables.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.experiment import finish, parser_of
from bench.page import machine, say
from bench.tracking import filters
from bench.tracking.chip import Cost, cost_of
from bench.tracking.filters import AHEAD, FIRST, Centroids
from bench.tracking.liquids import GRID, Candidate, chosen, forecasts, frames_of, spec_of
from bench.tracking.pedestrians import TEST, TRAIN, walks
from bench.tracking.scenes import SENSOR, Recording, simulate
from bench.tracking.table import DISTANCE, HIDDEN, NAMES, render, render_cost, sums_of
from bench.workers import ROOT
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.report.blocks import Block, Line
from lsm_deploy.report.markdown import to_markdown

TRAINING, TESTING, CHOOSING = 1, 2, 0
"""Seeds of scenes, and of the liquids that are chosen with; those that answer have the ones after it."""


@dataclass(frozen=True)
class Size:
    """train, test: sequences; choosing: those of the training sequences that candidates are compared on."""

    train: int
    choosing: int
    test: int
    neurons: int
    liquids: int


WHOLE, QUICK = Size(40, 12, 30, 200, 5), Size(6, 4, 4, 60, 1)


def without_neurons(train: Recording, test: Recording) -> tuple[dict[str, Floats], dict[str, Any]]:
    """Forecasts for the test sequences `[1, sequence, frame, 2]`, and what was fitted."""
    seen, asked = Centroids.of(train), Centroids.of(test)
    found: dict[str, Floats] = {}
    fitted: dict[str, Any] = {}
    for name, tracker in (("velocity", filters.constant_velocity), ("stays", filters.last_seen)):
        errors = {chosen: filters.error(tracker(seen, *chosen), train) for chosen in filters.WINDOWS}
        fitted[name] = min(errors, key=lambda chosen: errors[chosen])
        found[name] = tracker(asked, *fitted[name])
    for name, decays in (("kalman", False), ("decaying", True)):
        fitted[name] = filters.fitted(seen, train, decays=decays)
        found[name] = filters.kalman(asked, *fitted[name])
    found["middle"] = np.broadcast_to(train.centres.mean(axis=(0, 1)), test.centres.shape)
    return {name: each[None, :, FIRST:-AHEAD] for name, each in found.items()}, fitted


def within(forecasts: dict[str, Floats], low: Any, high: Any) -> dict[str, Floats]:
    """No forecast lies where no object can be."""
    return {name: np.clip(each, low, high) for name, each in forecasts.items()}


def answered(kind: str, candidate: Candidate, size: Size, train: Recording, test: Recording) -> dict[str, Floats]:
    """Forecasts of a kind for the test sequences `[liquid, sequence, frame, 2]`, and with its recurrence cut."""
    training, asked = frames_of(train), frames_of(test)
    answers: dict[str, list[Floats]] = {}
    for seed in range(1, 1 + (1 if kind == "encoded" else size.liquids)):
        for name, each in forecasts(kind, candidate, size.neurons, CHOOSING + seed, training, asked).items():
            answers.setdefault(name, []).append(each)
    return {name: np.stack(each) for name, each in answers.items()}


def tracked(size: Size, begun: float) -> tuple[list[Block], dict[str, Any], dict[str, Candidate]]:
    """What is simulated: tables, facts, and the candidates that were chosen."""
    train, test = simulate(TRAINING, size.train), simulate(TESTING, size.test)
    say(f"{size.train + size.test} sequences", begun)
    found, fitted = without_neurons(train, test)
    say("filters", begun)
    few = train[: size.choosing]
    picked: dict[str, Candidate] = {}
    for kind in GRID:
        picked[kind] = chosen(kind, size.neurons, CHOOSING, frames_of(few))
        say(f"chosen, {kind}", begun)
        found |= answered(kind, picked[kind], size, train, test)
        say(f"answered, {kind}", begun)
    spec = spec_of("spiking", picked["spiking"], size.neurons, CHOOSING + 1)
    cost = cost_of(spec, frames_of(few), frames_of(test))
    walls = train.centres.min(axis=(0, 1)), train.centres.max(axis=(0, 1))
    sums = sums_of(test, within(found, *walls))
    blocks = [*render("Simulated", sums), Line(_chosen(picked, fitted)), *render_cost(cost)]
    return blocks, {"simulated": _facts(sums), "chosen": picked, "fitted": fitted, "cost": _plain(cost)}, picked


def on_foot(wheel: Path, picked: dict[str, Candidate], size: Size, begun: float) -> tuple[list[Block], dict[str, Any]]:
    """Pedestrians: all are trained or fitted anew, with the candidates that were chosen on what is simulated."""
    train, test = (walks(wheel, name, seed) for name, seed in ((TRAIN, TRAINING), (TEST, TESTING)))
    found, fitted = without_neurons(train.recording, test.recording)
    for kind in GRID:
        found |= answered(kind, picked[kind], size, train.recording, test.recording)
    say("pedestrians", begun)
    sums = sums_of(test.recording, within(found, -0.5, SENSOR - 0.5), test.pedestrians, "pedestrians")
    many = len(np.unique(train.pedestrians))
    title = f"Pedestrians, trained on {many} of {TRAIN}, tested on those of {TEST}"
    return render(title, sums), {"pedestrians": _facts(sums), "fitted on pedestrians": fitted}


def _chosen(picked: dict[str, Candidate], fitted: dict[str, Any]) -> str:
    kinds = "; ".join(f"{kind} {', '.join(f'{k} {v:g}' for k, v in of.items())}" for kind, of in picked.items())
    names = ("acceleration", "spread", "gate", "decay")
    filters_ = "; ".join(
        f"{NAMES[name]} {', '.join(f'{k} {v:.3g}' for k, v in zip(names, fitted[name], strict=False))}"
        for name in ("kalman", "decaying")
    )
    windows = "; ".join(
        f"{NAMES[name]} {fitted[name][0]} frames, {fitted[name][1]} events" for name in ("velocity", "stays")
    )
    return f"Chosen on training sequences: {kinds}; {filters_}; {windows}."


def _facts(sums: Any) -> dict[str, Any]:
    figures = {"all": DISTANCE, "hidden": HIDDEN}
    return {
        "over": sums.over,
        "off": {n: {word: sums.value(n, figure) for word, figure in figures.items()} for n in sums.sums},
        "less": {
            liquid: {
                n: {word: asdict(sums.difference(liquid, n, figure)) for word, figure in figures.items()}
                for n in sums.sums
                if n != liquid
            }
            for liquid in ("spiking", "graded")
        },
    }


def _plain(cost: Cost) -> dict[str, Any]:
    return {
        "energy": asdict(cost.energy),
        "time": asdict(cost.time),
        "static": cost.static,
        "cpu": cost.cpu,
        "whole": cost.whole,
        "events": asdict(cost.resources.events),
    }


def main() -> None:
    parser = parser_of("tracking", "tracking, measured", "a few sequences, a small liquid")
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "wheels", help="where motmetrics' wheel is")
    options = parser.parse_args()
    size, begun = QUICK if options.quick else WHOLE, time.monotonic()
    blocks, facts, picked = tracked(size, begun)
    wheels = sorted(options.wheels.glob("motmetrics-*.whl"))
    if wheels:
        some, others = on_foot(wheels[-1], picked, size, begun)
        blocks, facts = [*blocks, *some], {**facts, **others}
    else:
        blocks.append(Line("Pedestrians are left out: motmetrics could not be downloaded."))
    tried = ", ".join(f"{len(of)} {kind}" for kind, of in GRID.items())
    how = (
        f"Measured on {machine()}, in {time.monotonic() - begun:.0f} s: {size.train} sequences to train on, {size.test}"
        f" to test, liquids of {size.neurons} neurons. Intervals are of 95 %. Candidates tried on {size.choosing} of"
        f" the training sequences: {tried}."
    )
    text = to_markdown([Line(how), *blocks])
    finish(options, "tracking", text, {"machine": machine(), **facts})


if __name__ == "__main__":
    main()
