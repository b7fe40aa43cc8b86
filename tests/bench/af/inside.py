"""`python -m bench.af.inside`: other liquids for atrial fibrillation, the best of them chosen inside of the folds.

What is compared stands in `kinds`, several liquids of each. Each fold takes the kind with the best cross-validated
accuracy on its training records, the mean over liquids, and is judged on the others: the figure is of the choice.
Beside it stand the kinds themselves, and the best of them, which nobody knew beforehand. What is chosen, and what it is
to be better than, is then heard beat by beat (`detect`). Last, what a protocol gives that has windows of one record on
both sides, so that published figures can be read.

Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

import lsm_deploy as ld
from bench.af import inside_table as tables
from bench.af.beats import Ints
from bench.af.detect import Detected, of_heart_rate, of_spikes
from bench.af.kinds import AS_WRITTEN, ENCODED, LIQUIDS_OF, liquid_of, neurons_of
from bench.af.windows import FAULTY, SPLIT, Chosen, choose, front_of
from bench.experiment import beats_of, finish, parser_of
from bench.page import machine, say
from bench.workers import ROOT
from lsm_deploy.core.threads import VARIABLE
from lsm_deploy.data import Beats, Frames, splits
from lsm_deploy.data.front import AF, to_frames
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import readout_of
from lsm_deploy.learn.runs import run_samples
from lsm_deploy.measure.evaluation import Across, Evaluation, evaluate_one
from lsm_deploy.measure.evaluation.across import joined
from lsm_deploy.measure.evaluation.baselines import baselines, heart_rate_models, hrv
from lsm_deploy.measure.evaluation.score import integer_answers
from lsm_deploy.run.work import completed
from lsm_deploy.spec.schema import Spec

__all__ = ["measure"]

LIQUIDS = 3
SMALL = 32
"""Neurons that are spoken of."""


@dataclass(frozen=True, eq=False)
class Asked:
    spec: Spec
    data: Beats


@dataclass(frozen=True)
class Liquid:
    """Of a kind, with a seed; cut: without recurrence."""

    name: str
    seed: int
    cut: bool = False

    def of(self, spec: Spec) -> Spec:
        return replace(liquid_of(spec, self.name, cut=self.cut), seed=self.seed)


@dataclass(frozen=True, eq=False)
class Judged:
    """A liquid on each fold of records; and, if that was asked for, on folds of windows, with every record and without
    `FAULTY`."""

    folds: list[Evaluation]
    mixed: tuple[float, ...]


def main() -> None:
    options = parser_of(
        "af-inside", "liquids chosen inside of folds", "two kinds, one liquid each", "afdb_beats.npz"
    ).parse_args()
    spec, data = ld.load(ROOT / "configs" / "atrial_fibrillation.yaml"), beats_of(options.data)
    names, liquids = (list(LIQUIDS_OF), LIQUIDS) if not options.quick else ([ENCODED, AS_WRITTEN], 1)
    with ProcessPoolExecutor(os.cpu_count() or 1, initializer=_one_thread) as executor:
        found = measure(spec, data, names, liquids, executor)
    text = tables.render(found)
    finish(options, "af-inside", text, tables.facts(found))


def _one_thread() -> None:
    os.environ[VARIABLE] = "1"


def measure(
    spec: Spec, data: Beats, names: Sequence[str], liquids: int, executor: Executor | None = None
) -> tables.Found:
    begun, asked, seeds = time.monotonic(), Asked(spec, data), range(spec.seed, spec.seed + liquids)
    every, mixed = judged(asked, names, seeds, executor, begun)
    small = [name for name in names if neurons_of(liquid_of(spec, name)) <= SMALL]
    chosen = choose(spec, list(every.values()))
    fewer = choose(spec, [every[name] for name in small])
    ways = {
        tables.CHOSEN: _taken(names, chosen),
        tables.FEWER: _taken(small, fewer),
        tables.CUT: [(name, True) for name, _ in _taken(names, chosen)],
        **{name: [(name, False)] * len(chosen.answered.splits) for name in (AS_WRITTEN, ENCODED)},
    }
    cut = _recut(asked, every, ways[tables.CUT], seeds, executor)
    say("without recurrence", begun)
    beats, rate, mixed_rate = watched(asked, ways, seeds, executor)
    say("beat by beat, and heart-rate measures", begun)
    return tables.Found(
        f"{machine()} (shared with other work), {time.monotonic() - begun:.0f} s",
        every,
        {tables.CHOSEN: chosen.answered, tables.FEWER: fewer.answered, tables.CUT: cut},
        {tables.CHOSEN: _times(names, chosen), tables.FEWER: _times(small, fewer)},
        rate,
        beats,
        mixed | mixed_rate,
        small,
    )


def _times(names: Sequence[str], chosen: Chosen) -> dict[str, int]:
    return {names[i]: n for i, n in chosen.times.items() if n}


def _taken(names: Sequence[str], chosen: Chosen) -> list[tuple[str, bool]]:
    """The kind of each fold, with its recurrence."""
    return [(names[i], False) for i in chosen.each]


# --- work, in pieces --------------------------------------------------------------------------------------------------

_Item, _Result = TypeVar("_Item"), TypeVar("_Result")


def _done(
    work: Callable[[Asked, _Item], _Result], asked: Asked, items: Sequence[_Item], executor: Executor | None
) -> Iterator[tuple[_Item, _Result]]:
    for index, result in completed(work, asked, items, executor):
        yield items[index], result


def judge(asked: Asked, item: tuple[Liquid, bool]) -> Judged:
    """A piece of work: a liquid on all folds, as its windows are run once for all of them."""
    liquid, mixing = item
    spec, base = liquid.of(asked.spec), asked.spec
    folds = [
        evaluate_one(spec, (train, test), spec.seed, alone=True)
        for _, train, test in splits(asked.data, SPLIT, base.seed)
    ]
    return Judged(folds, _mixed(spec, to_frames(asked.data, front_of(base)), base.seed) if mixing else ())


def _mixed(spec: Spec, frames: Frames, seed: int) -> tuple[float, ...]:
    """Of one readout, trained on windows of every record; `evaluate_one` would refuse to test it on others of them."""
    section, ran = readout_of(spec), run_samples(ld.listen(spec, frames), readout_of(spec), frames, "train")

    def right(train: Ints, out: Ints) -> int:
        labels = np.array(frames.labels)
        classifier = readouts.fit(ran.samples.features[train], labels[train].tolist(), section, spec.seed)
        said = integer_answers(classifier, ran.samples.features[out], section.weight_bits).predicted
        return int((np.array(said) == labels[out]).sum())

    return _of_windows(frames, seed, right)


def _of_windows(frames: Frames, seed: int, right: Callable[[Ints, Ints], int]) -> tuple[float, ...]:
    """The accuracy on folds of windows, of every record and without `FAULTY`; right: how many of some have what others
    teach."""
    shares = []
    for some in (np.arange(frames.samples), np.flatnonzero(~np.isin(frames.groups, FAULTY))):
        y = np.array(frames.labels)[some] == AF
        folds = readouts.folds_of(y.astype(np.int64), 5, seed)
        shares.append(sum(right(some[train], some[out]) for train, out in folds) / len(some))
    return tuple(shares)


def judged(
    asked: Asked, names: Sequence[str], seeds: Sequence[int], executor: Executor | None, begun: float
) -> tuple[dict[str, Across], dict[str, tuple[float, ...]]]:
    """By kind its liquids on all folds of records; and its first one's accuracy on folds of windows."""
    items = [(Liquid(name, seed), seed == seeds[0]) for name in names for seed in seeds]
    found: dict[Liquid, Judged] = {}
    for (liquid, _), each in _done(judge, asked, items, executor):
        found[liquid] = each
        if all(Liquid(liquid.name, seed) in found for seed in seeds):
            say(liquid.name, begun)
    across = {name: _joined(asked, [found[Liquid(name, seed)].folds for seed in seeds], seeds) for name in names}
    return across, {name: found[Liquid(name, seeds[0])].mixed for name in names}


def _joined(asked: Asked, liquids: Sequence[Sequence[Evaluation]], seeds: Sequence[int]) -> Across:
    names = [f"fold {i + 1}" for i in range(len(liquids[0]))]
    return joined(SPLIT, tuple(seeds), names, liquids, asked.spec, 0.0)


def _recut(
    asked: Asked,
    every: Mapping[str, Across],
    way: Sequence[tuple[str, bool]],
    seeds: Sequence[int],
    executor: Executor | None,
) -> Across:
    """What is chosen, without its recurrence; kinds that have none are what they were."""
    names = dict.fromkeys(name for name, _ in way)
    changed = [name for name in names if _recurrent(asked.spec, name)]
    items = [(Liquid(name, seed, cut=True), False) for name in changed for seed in seeds]
    found = {liquid: each.folds for (liquid, _), each in _done(judge, asked, items, executor)}
    found |= {
        Liquid(name, seed, cut=True): list(folds)
        for name in names
        if name not in changed
        for seed, folds in zip(seeds, every[name].evaluations, strict=True)
    }
    liquids = [[found[Liquid(name, seed, cut)][i] for i, (name, cut) in enumerate(way)] for seed in seeds]
    return _joined(asked, liquids, seeds)


def _recurrent(spec: Spec, name: str) -> bool:
    return liquid_of(spec, name) != liquid_of(spec, name, cut=True)


def watch(asked: Asked, item: Liquid | str) -> Any:
    """A piece of work: a liquid beat by beat; or measures of heart rate, likewise, or of windows."""
    if isinstance(item, Liquid):
        return of_spikes(asked.spec, item.of(asked.spec), asked.data)
    return _OF_HEART_RATE[item](asked)


def watched(
    asked: Asked, ways: Mapping[str, Sequence[tuple[str, bool]]], seeds: Sequence[int], executor: Executor | None
) -> tuple[dict[str, Detected], dict[str, tables.Said], dict[str, tuple[float, ...]]]:
    """By way, which is a kind for each fold; each liquid is heard once for all of them. And what measures say."""

    def known(name: str, seed: int, cut: bool) -> Liquid:
        return Liquid(name, seed, cut and _recurrent(asked.spec, name))

    wanted = dict.fromkeys(known(name, seed, cut) for way in ways.values() for name, cut in way for seed in seeds)
    found = dict(_done(watch, asked, [*_OF_HEART_RATE, *wanted], executor))
    detected = {
        words: Detected([[found[known(name, seed, cut)][i] for i, (name, cut) in enumerate(way)] for seed in seeds])
        for words, way in ways.items()
    }
    detected[tables.RATE["hrv_logistic"]] = Detected([found["beats"]])
    return detected, found["windows"], found["mixed"]


# --- heart-rate measures, which depend on no liquid -------------------------------------------------------------------


def heart_rate(asked: Asked) -> dict[str, tables.Said]:
    """What models of heart rate variability say of the same windows."""
    spec, parts = asked.spec, list[Any]()
    for _, train, test in splits(asked.data, SPLIT, spec.seed):
        frames = to_frames(train, front_of(spec)), to_frames(test, front_of(spec))
        answers = baselines(spec.front_end, readout_of(spec), frames, (train, test), spec.seed)
        parts.append((answers, frames[1].labels, frames[1].groups))
    is_af = np.concatenate([np.array(labels) == AF for _, labels, _ in parts])
    groups = tuple(group for _, _, groups in parts for group in groups)
    said = {}
    for name, words in tables.RATE.items():
        predicted = np.concatenate([np.array(answers[name].predicted) == AF for answers, _, _ in parts])
        margins = np.concatenate([answers[name].margins for answers, _, _ in parts])
        said[words] = tables.Said(predicted[None], margins[None], is_af, groups)
    return said


def _mixed_heart_rate(asked: Asked) -> dict[str, tuple[float, ...]]:
    spec, front = asked.spec, front_of(asked.spec)
    frames = to_frames(asked.data, replace(front, channels=("rr",)))
    x, y = hrv(frames.frames.reshape(-1, front.window_beats)), np.array(frames.labels)

    def right_of(name: str) -> Callable[[Ints, Ints], int]:
        def right(train: Ints, out: Ints) -> int:
            model = heart_rate_models(len(train), spec.seed)[name]().fit(x[train], y[train])
            return int((model.predict(x[out]) == y[out]).sum())

        return right

    return {words: _of_windows(frames, spec.seed, right_of(name)) for name, words in tables.RATE.items()}


_OF_HEART_RATE: Mapping[str, Callable[[Asked], Any]] = {
    "beats": lambda asked: of_heart_rate(asked.spec, asked.data),
    "windows": heart_rate,
    "mixed": _mixed_heart_rate,
}


if __name__ == "__main__":
    main()
