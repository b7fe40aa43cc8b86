"""The experiment of `make nested`, in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench import nested

import lsm_deploy as ld
from lsm_deploy.data import Audio
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
    return Audio(np.concatenate(sounds), 800 * np.arange(27), 8000, tuple(labels), "said", tuple(groups))


@pytest.mark.deep
def test_a_row_is_what_was_chosen_inside_beside_the_best_by_the_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("librosa")
    monkeypatch.setattr(nested, "NEURONS", 40)
    monkeypatch.setattr(nested, "TRIALS", 2)
    name = "what came so far, PCEN"
    way, data = nested.WAYS[name], spoken()
    found = nested.measured(way, data, 1)
    written = ld.load(nested.ROOT / "configs" / "spoken_digits.yaml")
    spec = written.with_({"populations.liquid.size": 40, **way.changes})
    alone = evaluate_across(spec, data, nested.HOW, alone=True)
    assert found.nested.as_written.accuracy("liquid").mean == alone.accuracy("liquid").mean == found.tested[0]
    assert len(found.tested) == len(found.nested.candidates) == 3
    assert len(set(found.tested)) > 1
    text = to_markdown(nested.render({name: found}, 60.0))
    row = next(line for line in text.splitlines() if line.startswith(f"| {name} | {100 * found.tested[0]:.1f} ("))
    assert f"| {100 * max(found.tested):.1f} |" in row
    assert "(3 configurations, 3 a row at most)" in text
    assert "| known | ann | bob | eve |" in text


@pytest.mark.parametrize("name", [name for name, way in nested.WAYS.items() if way.space])
def test_every_row_is_a_spec_whose_values_may_vary_so(name: str) -> None:
    way = nested.WAYS[name]
    spec = ld.load(nested.ROOT / "configs" / "spoken_digits.yaml").with_(dict(way.changes))
    text = ld.dumps(spec) + to_yaml({"search": {**nested.SPACE, **way.space}})
    assert load_text(text, Path("spec.yaml")).readout == spec.readout
    assert len(read_space(text, Path("spec.yaml"))) == len({**nested.SPACE, **way.space})
