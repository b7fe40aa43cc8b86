"""`python -m bench.digits`: everything that the manual says of spoken digits, measured; it writes what came out.

Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's tables. Exit status
1 where backends differ.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass

import numpy as np

import lsm_deploy as ld
from bench.decided import Parity, backends_here, parity, sampled, stimulus_of
from bench.digits.variants import VARIANTS
from bench.experiment import finish, parser_of, sound_of
from bench.page import ANSWERS, differences, machine, say, spread
from bench.workers import ROOT
from lsm_deploy.data import Audio, splits, subset
from lsm_deploy.data.front import frames_for
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import relative
from lsm_deploy.learn.runs import features_of
from lsm_deploy.measure.cost.resources import Range, count_resources
from lsm_deploy.measure.evaluation import Across, evaluate_across
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.spec.schema import Spec

LIQUIDS, ON_CHIP, VARIED = 5, 2, 2
"""Liquids for the main tables, for the way to the chip, and for each variant."""
HOW = ("official", "leave-one-group-out")
TIMED, COMPARED = 100, 60
"""Utterances whose decision is timed, and that backends are compared on."""
ROWS = {**ANSWERS, "raw": "linear on the frames", "svm": "RBF SVM on ten slices of the frames"}


@dataclass(frozen=True)
class Decision:
    """After the end of a word: ms here, median and longest, by part; ms modelled for the chip's steps; those steps."""

    front_end: float
    encode: float
    run: float
    answer: float
    longest: float
    chip: Range
    steps: float


def main() -> None:
    options = parser_of("digits", "spoken digits, measured", "one liquid, no variants", "fsdd.npz").parse_args()
    spec, data = ld.load(ROOT / "configs" / "spoken_digits.yaml"), sound_of(options.data)
    begun = time.monotonic()
    main_table = {how: evaluate_across(spec, data, how, 1 if options.quick else LIQUIDS) for how in HOW}
    say("accuracy", begun)
    chips = {} if options.quick else {how: _to_the_chip(spec, data, how) for how in HOW}
    say("on the chip", begun)
    varied = {} if options.quick else {name: _varied(change(spec), data) for name, change in VARIANTS.items()}
    say("variants", begun)
    decision, compared = _deployed(spec, data, ["emulator", "fast"] if options.quick else backends_here())
    say("decisions", begun)
    text = _render(main_table, chips, varied, decision, compared, time.monotonic() - begun)
    facts = {
        "accuracy": {how: found.to_json() for how, found in main_table.items()},
        "to_the_chip": chips,
        "variants": {
            name: {how: asdict(each.accuracy("liquid")) for how, each in found.items()}
            for name, found in varied.items()
        },
        "decision": asdict(decision),
        "parity": [asdict(each) for each in compared],
    }
    finish(options, "digits", text, facts)
    if any(each.differs for each in compared):
        sys.exit("backends differ")


def _to_the_chip(spec: Spec, data: Audio, how: str) -> dict[str, float]:
    found = evaluate_across(spec, data, how, ON_CHIP, on_chip=True, alone=True).on_chip
    return {step: float(np.mean([each[step] for each in found])) for step in found[0]}


def _varied(spec: Spec, data: Audio) -> dict[str, Across]:
    return {how: evaluate_across(spec, data, how, VARIED, alone=True) for how in HOW}


# --- one word after the other --------------------------------------------------------------------------------------


def _deployed(spec: Spec, data: Audio, names: Sequence[str]) -> tuple[Decision, list[Parity]]:
    """Of the official split, one liquid."""
    _, train, test = next(splits(data, "official", spec.seed))
    heard = frames_for(train, spec, "train")
    model, chip = ld.train(spec, heard), ld.train_on_chip(spec, heard)
    begun = time.perf_counter()
    frames = frames_for(test, spec)
    front_end = (time.perf_counter() - begun) / frames.samples
    x = ld.run_program("fast", model.program, stimulus_of(chip, frames))  # compiled code is loaded
    usual = features_of(model.program, x, model.readout)
    centre = usual - relative(usual, frames, model.readout)  # what is usual for each speaker, known by then
    spent: list[tuple[float, float, float]] = []
    for i in range(min(TIMED, frames.samples)):
        times = [time.perf_counter()]
        stimulus = model.listener.encode(subset(frames, [i]))
        times.append(time.perf_counter())
        trace = ld.run_program("fast", model.program, stimulus)
        times.append(time.perf_counter())
        readouts.answers(model.answerer.integers, features_of(model.program, trace, model.readout) - centre[i])
        times.append(time.perf_counter())
        spent.append(tuple(np.diff(times).tolist()))
    stimulus = stimulus_of(chip, frames)
    modelled = count_resources(
        chip.program, stimulus, ld.run_program("fast", chip.program, stimulus)
    ).estimate.step_time
    steps = len(stimulus.spikes) / frames.samples
    encode, run, answer = (1000 * float(np.median(part)) for part in zip(*spent, strict=True))
    decision = Decision(
        1000 * front_end,
        encode,
        run,
        answer,
        1000 * max(sum(each) for each in spent),
        Range(1000 * steps * modelled.least, 1000 * steps * modelled.most),
        steps,
    )
    return decision, parity(chip, stimulus_of(chip, sampled(frames, COMPARED)), names)


# --- what is written -------------------------------------------------------------------------------------------------


def _render(
    found: dict[str, Across],
    chips: dict[str, dict[str, float]],
    varied: dict[str, dict[str, Across]],
    decision: Decision,
    compared: Sequence[Parity],
    seconds: float,
) -> str:
    return to_markdown(_blocks(found, chips, varied, decision, compared, seconds))


def _blocks(
    found: dict[str, Across],
    chips: dict[str, dict[str, float]],
    varied: dict[str, dict[str, Across]],
    d: Decision,
    compared: Sequence[Parity],
    seconds: float,
) -> Iterator[Block]:
    yield Line(
        f"Measured on {machine()}. Intervals, 95 %, are of a bootstrap over {found[HOW[0]].over} (official) or "
        f"{found[HOW[1]].over} (speakers never heard) together, those of differences paired. Four speakers are few: "
        "theirs are as wide as they look."
    )
    yield from _accuracies(found)
    if chips:
        yield Line(f"**To the chip** (readouts of whole words, not centred: a weight a neuron; {ON_CHIP} liquids), %:")
        names = {
            "floats": "in floats",
            "integers": "in integers",
            "summed": "the chip's weights, were nothing lost",
            "on_chip": "output neurons on the chip",
        }
        rows = [[words, *(100 * chips[how][name] for how in HOW)] for name, words in names.items()]
        yield table(["unbinned readout", *right(*HOW, form="{:.1f}")], rows)
    if varied:
        yield Line(f"**One thing changed** (deployed integers, mean of {VARIED} liquids, each of them in brackets), %:")
        rows = [[name, *(spread_of(each[how]) for how in HOW)] for name, each in varied.items()]
        yield table(["", *right(*HOW)], rows)
    yield Line(
        f"**Decision after the end of a word:** here {d.front_end:.1f} ms of front end, {d.encode:.2f} of encoding, "
        f"{d.run:.2f} of running {d.steps:.0f} steps and {d.answer:.2f} of answering (medians of {TIMED} words, one "
        f"after the other; without the front end the longest took {d.longest:.1f} ms). The chip's steps are modelled "
        f"to take {d.chip.least:.2f} to {d.chip.most:.2f} ms."
    )
    yield Line("**Parity of the program with output neurons:**")
    counts = right("words", "spikes", "differ", "values of u, v", "differ", "decisions differ", form="{}")
    yield table(["emulator and", *counts], [astuple(each) for each in compared])
    took = ", ".join(f"{how} {found[how].seconds:.0f} s" for how in HOW)
    yield Line(
        f"**Time:** training and evaluating {len(found[HOW[0]].seeds)} liquids with all baselines: {took}; all of "
        f"this {seconds / 60:.0f} min."
    )


def _accuracies(found: dict[str, Across]) -> Iterator[Block]:
    official, unseen = (found[how] for how in HOW)
    rows = []
    for name, words in ROWS.items():
        cells = []
        for across in (official, unseen):
            cells.append(spread(across.accuracy(name)))
        rows.append([words, *cells, *(f"{100 * each[name]:.1f}" for each in unseen.splits.values())])
    splits = f"official split, {official.samples} words", f"speakers never heard, {unseen.samples} words"
    yield Line(f"**Accuracy** ({len(official.seeds)} liquids of 600 neurons):")
    yield table(["accuracy in %, readout on", *right(*splits, *unseen.splits)], rows)
    yield Line("**The liquid beside the others** (deployed integers less each of them, in points):")
    beside = {name: words for name, words in ROWS.items() if name != "liquid"}
    yield table(["the liquid beside", *right(*splits)], differences(beside, official, unseen))


def spread_of(found: Across) -> str:
    each = ", ".join(f"{100 * score.accuracy:.1f}" for score in found.scores["liquid"])
    return f"{100 * found.accuracy('liquid').mean:.1f} ({each})"


if __name__ == "__main__":
    main()
