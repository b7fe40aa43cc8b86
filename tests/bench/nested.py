"""Spoken digits of speakers that nobody tuned on: `make nested`, and the manual's tables.

Each row is a way to hear a speaker who was not trained on: what has to be known of him beforehand, and how his voice is
taken off his words. Of each the spec is evaluated as it is written, and with values that are chosen anew for every
speaker among the same candidates, by cross-validation over the other three (`ld.evaluate_nested`). Beside it stands
what these candidates come to where the best is named by the figure itself, as it is by whoever tunes on those whom he
tests. The same liquids answer together, too: by the mean of their scores.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.experiment import finish, parser_of, sound_of
from bench.page import machine, say, spread
from bench.workers import ROOT
from lsm_deploy.core import fixed
from lsm_deploy.data import Audio, Frames, lengths
from lsm_deploy.data.front import to_frames
from lsm_deploy.data.raw import rows_of
from lsm_deploy.measure.evaluation import Across, evaluate_across
from lsm_deploy.measure.uncertainty import Difference, Resampled, Spread
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.report.numbers import setting
from lsm_deploy.spec.edit import to_yaml
from lsm_deploy.tune.nested import AS_WRITTEN, Nested, evaluate_nested

HOW = "leave-one-group-out"
NEURONS, LIQUIDS, TRIALS = 300, 3, 15
TAKES = range(17, 32)
"""Of each digit and speaker; takes 5 to 16 were looked at when the rows were made."""

SPACE: Mapping[str, Any] = {
    "projections.0.gain": {"low": 0.5, "high": 1.6, "log": True},
    "populations.liquid.neuron.tau_mem_ms.mean": [30.0, 90.0],
    "populations.liquid.size": {"choices": [150, 300, 600]},
    "readout.features.bins": [4, 12],
}
ALONE: Mapping[str, Any] = {"front_end.normalise": "none", "readout.centre": "none"}
STREAM: Mapping[str, Any] = {**ALONE, "front_end.level": False}
AUGMENTED = {"copies": 1, "warp": [0.85, 1.18], "stretch": [0.8, 1.25]}
PCEN = {"gain": 0.8, "power": 0.2, "time_constant_ms": 1000.0}


@dataclass(frozen=True)
class Way:
    """Changes of `configs/spoken_digits.yaml`, and what may vary beside SPACE. so_far: whether frames are less the mean
    of all that their speaker has said so far."""

    changes: Mapping[str, Any]
    space: Mapping[str, Any] = field(default_factory=dict)
    so_far: bool = False


@dataclass(frozen=True)
class Found:
    """tested: each candidate that runs, by its number, on the speakers whom the figure is of. baselines: of the spec as
    it is written, of one liquid."""

    nested: Nested
    tested: Mapping[int, Across]
    baselines: Across

    @property
    def best(self) -> float:
        """The accuracy of the candidate that is named by it."""
        return max(across.accuracy("liquid").mean for across in self.tested.values())

    @property
    def best_together(self) -> float:
        return max(float(together(across).mean()) for across in self.tested.values())


WAYS: Mapping[str, Way] = {
    "his other words": Way({}),
    "his other words; centring chosen, too": Way(
        {},
        {
            "front_end.normalise": {"choices": ["none", "utterance", "group"]},
            "readout.centre": {"choices": ["none", "group"]},
        },
    ),
    "his other words; altered copies": Way({"front_end.augment": AUGMENTED}),
    "the whole word": Way(ALONE),
    "the whole word; altered copies": Way({**ALONE, "front_end.augment": AUGMENTED}),
    "the whole word; PCEN": Way({**ALONE, "front_end.pcen": PCEN}),
    "the whole word; its front end chosen, too": Way(
        ALONE,
        {
            "front_end.normalise": {"choices": ["none", "utterance"]},
            "front_end.pcen": {"choices": [None, PCEN]},
            "front_end.augment": {"choices": [None, AUGMENTED]},
        },
    ),
    "his words so far, in dB less their mean": Way(
        {**STREAM, "front_end.loudest_db": 0.0, "input.encoder.range": [-20.0, 20.0]},
        {"input.encoder.range": {"choices": [[-15.0, 15.0], [-20.0, 20.0], [-30.0, 30.0]]}},
        so_far=True,
    ),
    "what came so far, in dB": Way(
        {**STREAM, "front_end.loudest_db": 0.0, "input.encoder.range": [-60.0, 0.0]},
        {"input.encoder.range": {"choices": [[-60.0, 0.0], [-50.0, 0.0], [-40.0, 0.0]]}},
    ),
    "what came so far, PCEN": Way(
        {**STREAM, "front_end.pcen": {}, "input.encoder.range": [0.0, 3.0]},
        {"input.encoder.range": {"choices": [[0.0, 1.5], [0.0, 3.0], [0.0, 6.0]]}},
    ),
}
"""By what has to be known before a word is answered: the speaker's other words, which bands and states are measured
against; the word to its end, whose level is taken off; no more than each moment's past, of all that he has said or of
the word alone."""


def main() -> None:
    options = parser_of("nested", "speakers that nobody tuned on", "two ways, few words", "fsdd.npz").parse_args()
    data = sound_of(options.data)
    if not len(data.takes):
        sys.exit(f"{options.data} does not say which take a word is")
    begun = time.monotonic()
    takes, ways, liquids = TAKES, list(WAYS), LIQUIDS
    if options.quick:
        takes, ways, liquids = range(17, 20), ["his other words", "his words so far, in dB less their mean"], 2
    data = ld.subset(data, np.isin(data.takes, takes))
    found: dict[str, Found] = {}
    with ld.workers(os.cpu_count() or 1) as executor:
        for name in ways:
            found[name] = measured(WAYS[name], data, liquids, executor)
            say(name, begun)
    text = to_markdown(render(found, time.monotonic() - begun))
    finish(options, "nested", text, {name: _facts(each) for name, each in found.items()})


def measured(way: Way, data: Audio, liquids: int, executor: Executor | None = None) -> Found:
    written = ld.load(ROOT / "configs" / "spoken_digits.yaml")
    spec = written.with_({"populations.liquid.size": NEURONS, **way.changes})
    with tempfile.TemporaryDirectory() as folder:
        file, space = Path(folder) / "spec.yaml", Path(folder) / "space.yaml"
        file.write_text(ld.dumps(spec))
        space.write_text(to_yaml({**SPACE, **way.space}))
        raw = so_far(to_frames(data, spec.front_end), data.takes) if way.so_far else data
        nested = evaluate_nested(file, raw, HOW, TRIALS, liquids, space=space, alone=True, executor=executor)
    assert not nested.failed, nested.failed
    tested = {AS_WRITTEN: nested.as_written}
    for i, each in enumerate(nested.candidates):
        if i != AS_WRITTEN and not each.reason:
            changed = spec.with_(dict(each.values))
            tested[i] = evaluate_across(changed, raw, HOW, liquids, alone=True, executor=executor)
    baselines = evaluate_across(spec, raw, HOW, executor=executor)
    return Found(nested, tested, baselines)


def so_far(data: Frames, takes: NDArray[np.int64]) -> Frames:
    """Each frame less the mean of all frames of its speaker so far, itself among them, as a stream can do it. takes: of
    each word, by which, then by label, a speaker's words follow each other."""
    words = np.lexsort((data.labels, takes))
    frames, groups = data.frames.copy(), np.array(data.groups)
    for name in sorted(set(data.groups)):
        rows = rows_of(data.starts[words], lengths(data)[words])[np.repeat(groups[words] == name, lengths(data)[words])]
        frames[rows] -= np.cumsum(frames[rows], axis=0) / np.arange(1, len(rows) + 1)[:, np.newaxis]
    return replace(data, frames=fixed.stable(frames))


def together(across: Across) -> NDArray[np.bool_]:
    """Which samples liquids have right by the mean of their scores `[sample]`."""
    right = []
    for liquids in zip(*across.evaluations, strict=True):  # on one split
        scores = np.mean([each.answers["liquid"].scores for each in liquids], axis=0)
        right.append(np.array(liquids[0].classes)[scores.argmax(axis=1)] == np.array(liquids[0].labels))
    return np.concatenate(right)


def beside_one(across: Across) -> tuple[Spread, Difference]:
    """The accuracy of the liquids together, and that less the mean of each by itself, with intervals over groups."""
    right, of = together(across), across.resampled
    both = Resampled({"together": right[np.newaxis], "one": of.right["liquid"]}, _groups(across))
    low, high = both.interval("together") or (None, None)
    mean = float(right.mean())
    return Spread(mean, low, high, mean, mean), both.difference("together", "one")


def _groups(across: Across) -> list[str]:
    return [group for each in across.evaluations[0] for group in each.group_of]


def _facts(found: Found) -> dict[str, Any]:
    """What is left beside the page."""
    both = {}
    for name, across in (("as_written", found.nested.as_written), ("nested", found.nested.nested)):
        accuracy, difference = beside_one(across)
        both[name] = {"accuracy": asdict(accuracy), "less_one": asdict(difference)}
    return {
        **found.nested.to_json(),
        "tested": {i: across.accuracy("liquid").mean for i, across in found.tested.items()},
        "together": {**both, "tested": {i: float(together(across).mean()) for i, across in found.tested.items()}},
    }


# --- what is written -------------------------------------------------------------------------------------------------


def render(found: Mapping[str, Found], seconds: float) -> Iterator[Block]:
    first = next(iter(found.values())).nested
    tried = sum(len(each.nested.candidates) for each in found.values())
    yield Line(
        f"Measured on {machine()}. {first.nested.samples} words, {NEURONS} neurons. Intervals, 95 %, are of a "
        f"bootstrap over {first.nested.over}, those of differences paired. Four speakers are "
        "few, and their intervals wide."
    )
    yield Line(f"**Accuracy in %, by what is known** ({tried} configurations were tried, those as written among them):")
    rows = []
    for name, each in found.items():
        d = each.nested.differences["liquid"]
        rows.append(
            [
                name,
                str(len(each.nested.candidates)),
                *(spread(across.accuracy("liquid")) for across in (each.nested.as_written, each.nested.nested)),
                _points(d),
                f"{100 * each.best:.1f}",
                *(f"{100 * each.baselines.accuracy(of).mean:.1f}" for of in ("encoded", "raw", "svm")),
            ]
        )
    named = ("tried", "as written", "chosen inside", "difference", "the best by the tested")
    yield table(["known", *right(*named, "encoded", "linear on frames", "RBF SVM")], rows)
    many = len(first.nested.seeds)
    yield Line(f"**{many} liquids together**, by the mean of their scores, in % (intervals over groups alone):")
    rows = []
    for name, each in found.items():
        written, chosen = beside_one(each.nested.as_written), beside_one(each.nested.nested)
        rows.append(
            [name, spread(written[0]), spread(chosen[0]), _points(chosen[1]), f"{100 * each.best_together:.1f}"]
        )
    named = ("as written", "chosen inside", "that less one liquid", "the best by the tested")
    yield table(["known", *right(*named)], rows)
    yield Line(
        "**Chosen for each speaker** by the other three (front end, range, mean τ, size, gain, centring of states, "
        "bins, as far as they vary):"
    )
    speakers = list(first.nested.splits)
    yield table(["known", *speakers], [[name, *_choices(each.nested)] for name, each in found.items()])
    yield Line("**By speaker**, chosen inside (as written), %:")
    rows = [[name, *_by_speaker(each.nested)] for name, each in found.items()]
    yield table(["known", *right(*speakers)], rows)
    yield Line(f"**Time:** {seconds / 60:.1f} min.")


def _points(d: Difference) -> str:
    return f"{100 * d.mean:+.1f} ({100 * d.low:+.1f} to {100 * d.high:+.1f})"


def _choices(nested: Nested) -> Sequence[str]:
    words = []
    for number in nested.chosen:
        values = [setting(value) for value in nested.candidates[number].values.values()]
        words.append("as written" if number == AS_WRITTEN else ", ".join(values))
    return words


def _by_speaker(nested: Nested) -> Sequence[str]:
    both = zip(nested.nested.splits.values(), nested.as_written.splits.values(), strict=True)
    return [f"{100 * chosen['liquid']:.1f} ({100 * written['liquid']:.1f})" for chosen, written in both]


if __name__ == "__main__":
    main()
