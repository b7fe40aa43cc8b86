"""The experiment of `make nested`, in small."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bench import nested

import lsm_deploy as ld
from lsm_deploy.data import Audio, Frames
from lsm_deploy.data.front import to_frames
from lsm_deploy.measure.evaluation import evaluate_across
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.spec import load_text, read_space
from lsm_deploy.spec.edit import to_yaml

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("default::lsm_deploy.core.errors.LsmWarning")]


def spoken() -> Audio:
    """Three speakers say three words thrice: a tone of a height that is the word's, in noise that is the speaker's."""
    rng, sounds, labels, groups = np.random.default_rng(0), [], [], []
    for speaker in range(3):
        for word in range(3):
            for _ in range(3):
                t = np.arange(800) / 8000
                tone = np.sin(2 * np.pi * 300 * 2**word * (1 + 0.1 * speaker) * t) * np.hanning(800)
                sounds.append(0.3 * tone + 0.02 * (1 + speaker) * rng.standard_normal(800))
                labels.append(str(word))
                groups.append(["ann", "bob", "eve"][speaker])
    takes = np.arange(27) % 3
    return Audio(np.concatenate(sounds), 800 * np.arange(27), 8000, tuple(labels), "said", tuple(groups), takes)


@pytest.mark.deep
@pytest.mark.parametrize("name", ["what came so far, PCEN", "his words so far, in dB less their mean"])
def test_a_row_is_what_was_chosen_inside_beside_the_best_by_the_tested(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytest.importorskip("librosa")
    monkeypatch.setattr(nested, "NEURONS", 40)
    monkeypatch.setattr(nested, "TRIALS", 2)
    monkeypatch.setitem(nested.SPACE, "populations.liquid.size", {"choices": [25, 60]})  # type: ignore[arg-type]
    way, data = nested.WAYS[name], spoken()
    found = nested.measured(way, data, 2)
    written = ld.load(nested.ROOT / "configs" / "spoken_digits.yaml")
    spec = written.with_({"populations.liquid.size": 40, **way.changes})
    raw = nested.so_far(to_frames(data, spec.front_end), data.takes) if way.so_far else data
    alone = evaluate_across(spec, raw, nested.HOW, 2, alone=True)
    tested = [across.accuracy("liquid").mean for across in found.tested.values()]
    assert found.nested.as_written.accuracy("liquid").mean == alone.accuracy("liquid").mean == tested[0]
    assert len(tested) == len(found.nested.candidates) == 3
    assert len(set(tested)) > 1
    text = to_markdown(nested.render({name: found}, 60.0))
    rows = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    assert rows[0].startswith(f"| {name} | 3 | {100 * tested[0]:.1f} (")
    assert f"| {100 * max(tested):.1f} |" in rows[0]
    assert f"| {name} | {100 * nested.together(alone).mean():.1f} (" in rows[1]
    assert rows[1].endswith(f"| {100 * found.best_together:.1f} |")
    assert "(3 configurations were tried, those as written among them)" in text
    assert "| known | ann | bob | eve |" in text


def test_a_frame_is_less_the_mean_of_what_its_speaker_has_said_so_far() -> None:
    rng, many = np.random.default_rng(1), np.array([3, 2, 4, 3, 2, 5])
    data = Frames(rng.normal(size=(19, 2)), np.cumsum(many) - many, tuple("baabba"), "said", tuple("XYXXYX"))
    takes = np.array([1, 0, 1, 0, 1, 0])
    got = nested.so_far(data, takes)
    ends = np.append(data.starts, 19)
    for speaker, words in (("X", [5, 3, 2, 0]), ("Y", [1, 4])):  # by take, then by label
        assert {data.groups[i] for i in words} == {speaker}
        said = np.concatenate([data.frames[ends[i] : ends[i + 1]] for i in words])
        right = np.array([row - said[: i + 1].mean(axis=0) for i, row in enumerate(said)])
        made = np.concatenate([got.frames[ends[i] : ends[i + 1]] for i in words])
        np.testing.assert_allclose(made, right, atol=1e-12)
    assert (got.labels, got.groups) == (data.labels, data.groups)


def test_liquids_together_answer_by_the_mean_of_their_scores() -> None:
    def answering(scores: list[list[float]], labels: str) -> SimpleNamespace:
        return SimpleNamespace(
            classes=("a", "b"), labels=tuple(labels), group_of=("X",) * len(labels),
            answers={"liquid": SimpleNamespace(scores=np.array(scores))},
        )  # fmt: skip

    one = answering([[1.0, 0.9], [0.0, 3.0]], "ba"), answering([[0.0, 1.0]], "b")
    two = answering([[0.0, 0.5], [1.0, 0.0]], "ba"), answering([[0.4, 0.0]], "b")
    across: Any = SimpleNamespace(evaluations=(one, two))
    assert nested.together(across).tolist() == [True, False, True]


@pytest.mark.parametrize("name", [name for name, way in nested.WAYS.items() if way.space])
def test_every_row_is_a_spec_whose_values_may_vary_so(name: str) -> None:
    way = nested.WAYS[name]
    spec = ld.load(nested.ROOT / "configs" / "spoken_digits.yaml").with_(dict(way.changes))
    text = ld.dumps(spec) + to_yaml({"search": {**nested.SPACE, **way.space}})
    assert load_text(text, Path("spec.yaml")).readout == spec.readout
    assert len(read_space(text, Path("spec.yaml"))) == len({**nested.SPACE, **way.space})
