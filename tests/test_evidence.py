"""The scorecard of `make evidence`: figures of the runs that the manual shows, and verdicts that follow from them."""

import json
import re
from textwrap import dedent

import numpy as np
import pytest
from bench import page
from bench.af.inside_table import FEWER
from bench.af.kinds import LIQUIDS_OF
from bench.control.measured import TRAINED
from bench.control.table import mean_return
from bench.evidence import claims, earned, sources
from waves import FRESH, SPEC, waves

pytestmark = pytest.mark.once


@pytest.fixture
def build(tmp_path, monkeypatch):
    manual = tmp_path / "drift.md"
    manual.write_text("# Drift\n<!-- drift:begin -->\nthe table\n<!-- drift:end -->\n")
    monkeypatch.setitem(page.PAGES, "drift", manual)
    page.leave(tmp_path / "drift", "the table\n", {"mapping": {}})
    return tmp_path


def test_the_run_that_the_manual_shows_is_read(build):
    assert sources.published(build, "drift") == {"mapping": {}}


def test_a_run_that_the_manual_does_not_show_is_refused(build):
    page.leave(build / "drift", "of a quick run\n", {"mapping": {}})
    with pytest.raises(SystemExit, match=r"of another run than the tables of drift\.md: make drift"):
        sources.published(build, "drift")


def test_what_was_not_run_is_named(build):
    with pytest.raises(SystemExit, match=r"climate.results\.md is not there: make climate"):
        sources.published(build, "climate")


def control(micro: float):
    quantiles = {"quantiles": [30.0, 60.0, micro], "longest": 9e9}
    return {plant: {"latencies": {"`step` of the live interface": quantiles}} for plant in sources.PLANTS}


@pytest.mark.parametrize(("micro", "verdict"), [(19_999.0, "shown (on this processor)"), (20_001.0, "not shown")])
def test_a_loop_is_in_time_or_not(micro, verdict):
    assert claims._loop(control(micro))[0] == verdict


@pytest.mark.parametrize(("best", "verdict"), [(0.988, "shown (64 beats, two records left out)"), (0.97, "not shown")])
def test_fibrillation_is_as_claimed_or_not(best, verdict):
    def some(accuracy):
        return {"scores": {"liquid": {"accuracy": {"mean": accuracy}}}}

    facts = {
        "af": {
            "windows": {"64": {"all": some(0.96), "fewer": some(best)}, "128": {"all": some(0.95), "fewer": some(0.9)}}
        },
        "af-inside": {
            "accuracy": {FEWER: {"mean": 0.95, "low": 0.92, "high": 0.97}},
            "windows_in_folds": {
                kind: [0.91, 0.9 + int(kind.split()[0]) / 1000 + ("and" in kind)] for kind in LIQUIDS_OF
            },
        },
    }
    found, figures = claims._hearts(facts)
    assert found == verdict
    assert figures == (
        f"new patients: {100 * best:.1f} % at best (64 beats, two records left out); of kinds that were chosen inside"
        " of folds 95.0 (92.0 to 97.0). Patients who were trained on: 93.2 at best"
    )


@pytest.mark.parametrize(("later", "verdict"), [(0.3, "shown"), (1.9, "not shown")])
def test_what_drifts_is_followed_or_not(later, verdict):
    def errors(mean):
        return {"later": {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}}

    facts = {"drift": {"mapping": {"batch": errors(2.0), "online": errors(1.0), "forgets": errors(later)}}}
    assert claims._drifting(facts)[0].startswith(verdict)


def test_the_best_of_what_has_no_neurons_is_beside_a_controller():
    returns = {
        "liquid": [[90.0, 100.0, 95.0, 99.0], [92.0, 98.0, 97.0, 95.0], [93.0, 99.0, 96.0, 94.0]],
        "cut": [[10.0, 20.0, 15.0, 11.0]] * 3,
        "frame": [[5.0, 6.0, 5.0, 7.0]],
        "window": [[80.0, 81.0, 82.0, 80.0]],
        "differences": [[99.0, 99.0, 99.0, 99.0]],
        "expert": [[100.0] * 4],
    }
    row = earned._controlled("return", {"returns": {TRAINED: returns}}, mean_return("cart_pole"))
    assert row.figure.startswith("96 (")
    assert row.without_recurrence.says == "better"
    assert row.no_liquid.mean == pytest.approx(95.67 - 5.75, abs=0.01)
    assert row.best[0] == "finite differences"
    assert row.best[1].mean == pytest.approx(95.67 - 99, abs=0.01)
    assert re.fullmatch(r"[+-]\d+ \([+-]\d+ to [+-]\d+\): .*", row._cell(row.best[1]))
    json.dumps(row.row())
    # Costs are no less than 0, and so no return is more.
    best = {name: [[-1.0] * 4, [-1.0] * 4, [-100.0] * 4] for name in returns}
    assert earned._controlled("return", {"returns": {TRAINED: best}}, mean_return("pendulum")).figure.endswith(" to 0)")


def test_every_source_has_a_page():
    assert set(sources.SOURCES) <= set(page.PAGES)


def test_the_recipe_for_data_of_ones_own(tmp_path, monkeypatch, capsys):
    recipe = page.PAGES["evidence"].read_text().partition("import lsm_deploy as ld\n")
    code = dedent("    " + recipe[1] + recipe[2].partition("\nThe last two lines")[0])
    code = re.sub(r", 20, seeds=5", ", 1, seeds=1", code).replace("seeds=5", "seeds=1")
    assert code.count("seeds=1") == 2
    data = waves(6, 1)
    groups = ["ABC"[i // 3 % 3] for i in range(data.samples)]
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", frames=data.frames, starts=data.starts, labels=list(data.labels), groups=groups)
    text = SPEC.format(features="{kind: bins, bins: 2}", samples=FRESH, read="liquid")
    (tmp_path / "liquid.yaml").write_text(text + "search:\n  readout.features.bins: [1, 3]\n")
    exec(compile(code, "evidence.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert "over 3 groups" in lines[0]
    names = [line.split()[0] for line in lines[1:-1]]
    assert {"feedforward", "encoded", "raw"} <= set(names)
    assert all(line.endswith(("better", "worse", "not distinguishable")) for line in lines[1:-1])
    assert "Difference(" in lines[-1]
