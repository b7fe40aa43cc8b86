"""What a page has of each kind of file, and what it says where something is missing."""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import lsm_backends.fast as fast
import numpy as np
import pytest
from calls import SPEC, call, facts, frames
from liquid import liquid
from test_html import Elements
from test_regression import SPEC as SIGNALS
from test_regression import wave

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmWarning, MisuseError
from lsm_deploy.report.blocks import Report
from lsm_deploy.report.html import page_text
from lsm_deploy.report.page import Section, page_of

ON = ("emulator", "fast")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    for name, seed in (("train", 0), ("test", 1)):
        values, labels = frames(seed)
        np.savez(made / f"{name}.npz", frames=values, labels=labels)
    (made / "liquid.yaml").write_text(SPEC)
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> ld.Page:
    return page_of(folder / "liquid.yaml", on=ON)


@pytest.fixture(scope="module")
def text(page: ld.Page) -> str:
    return page_text(page)


def embedded(text: str) -> Any:
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1], parse_constant=pytest.fail)


def test_a_spec_has_every_part(page: ld.Page, folder: Path) -> None:
    assert [each.name for each in page.sections] == [
        "file", "run", "evaluation", "parity", "cost", "certificates", "spec",
    ]  # fmt: skip
    assert not any(each.missing for each in page.sections)
    assert [figure.label for figure in page.figures] == [
        "Neurons", "Activity", "Accuracy", "Parity", "Energy a step", "Certified",
    ]  # fmt: skip
    parts = page.facts["sections"]
    assert parts["evaluation"]["accuracy"] == ld.evaluate(ld.load(folder / "liquid.yaml")).liquid.accuracy
    assert parts["parity"]["backends"] == list(ON)
    assert parts["parity"]["equal"]
    assert parts["spec"]["text"] == SPEC


def test_the_page_holds_the_facts_and_allows_its_own_style_and_script_alone(page: ld.Page, text: str) -> None:
    assert embedded(text) == json.loads(json.dumps(page.facts))
    elements = Elements(text)
    policy = next(a["content"] for a, _ in elements.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(body.encode()).digest()).decode()}'" in str(policy)
    addresses = [a[name] for _, a, _ in elements.all for name in ("src", "href", "action", "srcset") if name in a]
    assert all(str(each).startswith(("#", "data:")) for each in addresses)
    assert not [a for _, a, _ in elements.all if "style" in a or any(name.startswith("on") for name in a)]


def test_headings_go_down_one_level_at_a_time(text: str) -> None:
    elements = Elements(text).all
    levels = [int(tag[1]) for tag, _, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    ids = [a["id"] for _, a, _ in elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_parts_can_be_left_out(folder: Path) -> None:
    page = page_of(folder / "liquid.yaml", without=("evaluation", "parity", "run"))
    assert [each.name for each in page.sections] == ["file", "cost", "certificates", "spec"]
    with pytest.raises(MisuseError, match="a page has no part speed"):
        page_of(folder / "liquid.yaml", without=("speed",))
    with pytest.raises(MisuseError, match="there is no backend 'emu'"):
        page_of(folder / "liquid.yaml", on=("emu", "fast"))


def test_without_its_data_a_spec_is_run_all_the_same(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "liquid.yaml"
    file.write_text(SPEC)
    with pytest.warns(LsmWarning, match="not run on the spec's data"):
        page = page_of(file, without=("parity",))
    by_name = {each.name: each for each in page.sections}
    assert "train.npz" in page.facts["missing"]["evaluation"][0]["where"]
    assert any("not run on the spec's data" in note for note in by_name["run"].notes)
    assert "a Poisson stimulus" in page.facts["sections"]["run"]["stimulus"]
    text = page_text(page)
    assert "This part is not here" in text
    assert by_name["evaluation"].missing is not None
    assert "not run on the spec&#39;s data" in text


def test_a_backend_alone_is_compared_with_nothing(folder: Path) -> None:
    with pytest.raises(MisuseError, match="parity needs two sides"):
        ld.page_of(folder / "liquid.yaml", on=["emulator"])
    alone = ld.page_of(folder / "liquid.yaml", on=["emulator"], without=("parity", "run", "evaluation", "cost"))
    assert "parity" not in alone.facts["sections"]


def test_backends_that_differ(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = fast.run

    def broken(*arguments: Any, **options: Any) -> ld.Trace:
        trace = rule(*arguments, **options)
        spikes = trace.spikes.copy()
        spikes[7, 3] ^= 1
        return replace(trace, spikes=spikes)

    monkeypatch.setattr(fast, "run", broken)
    page = page_of(folder / "liquid.yaml", on=ON, without=("run", "evaluation", "cost", "certificates"))
    (parity,) = (figure for figure in page.figures if figure.label == "Parity")
    assert (parity.value, parity.note) == ("diverges", "fast from emulator")
    assert not page.facts["sections"]["parity"]["equal"]
    text = page_text(page)
    assert "step 7 (sample 0, its step 7), neuron 3 = liquid[3]" in text
    assert 'alt="' in text  # the picture of where they part


def test_a_readout_of_signals(tmp_path: Path) -> None:
    np.savez(tmp_path / "first.npz", frames=wave(200)[None])
    np.savez(tmp_path / "then.npz", frames=wave(100, 200)[None])
    (tmp_path / "series.yaml").write_text(f"{SIGNALS}data: {{train: first.npz, test: then.npz}}\n")
    page = page_of(tmp_path / "series.yaml", without=("parity",))
    assert "NRMSE" in [figure.label for figure in page.figures]
    assert page_text(page).count("<img ") >= 2


def test_a_model_a_trace_and_a_program(folder: Path) -> None:
    spec = ld.load(folder / "liquid.yaml")
    ld.save_model(folder / "answers.model", ld.train(spec))
    program = ld.compile_spec(spec).program
    ld.save_program(folder / "liquid.lsm", program)
    stimulus = ld.poisson_stimulus(3, 200, 50.0, 1.0, 0)
    ld.save_trace(folder / "trace.npz", ld.run_program("fast", program, stimulus), program="", backend="fast")
    pages = {name: page_of(folder / name, on=ON) for name in ("answers.model", "liquid.lsm", "trace.npz")}
    assert [page.kind for page in pages.values()] == ["model", "program", "trace"]
    assert set(pages["answers.model"].facts["missing"]) == {"evaluation"}
    assert set(pages["liquid.lsm"].facts["missing"]) == {"evaluation"}
    assert list(pages["trace.npz"].facts["sections"]) == ["file", "run"]
    for page in pages.values():
        assert 'class="raster"' in page_text(page)


def test_a_raster_holds_the_spikes(text: str, folder: Path) -> None:
    (data,) = re.findall(r'</div>\s*<script type="application/json">(.*?)</script>', text, re.DOTALL)
    raster = json.loads(data)
    made = ld.compile_any(folder / "liquid.yaml")
    stimulus, _ = ld.stimulus_for(made, samples=10)
    t, neuron = np.nonzero(ld.run_program("fast", made.program, stimulus).spikes)
    assert np.array_equal(np.frombuffer(b64decode(raster["t"]), "<u4"), t)
    assert np.array_equal(np.frombuffer(b64decode(raster["neuron"]), "<u4"), neuron)


def test_a_number_that_json_has_not_is_null() -> None:
    facts = {"snr_db": math.inf, "shares": (math.nan, 0.5)}
    page = ld.Page("a", "program", "0", (Section("file", "What it is", Report((), facts)),))
    assert embedded(page_text(page))["sections"] == {"file": {"snr_db": None, "shares": [None, 0.5]}}


def test_a_name_that_is_no_text_is_escaped(page: ld.Page) -> None:
    """Linux lets names of files hold any bytes; writing the page failed at its end."""
    assert "b\\udcff.yaml" in page_text(replace(page, name="b\udcff.yaml"))


def test_long_lists_are_left_out_of_a_page_and_not_of_json(monkeypatch: pytest.MonkeyPatch, page: ld.Page) -> None:
    monkeypatch.setattr("lsm_deploy.report.html.render._MOST_VALUES", 20)
    shown = embedded(page_text(page))["sections"]["certificates"]
    assert shown["largest_sum"] == {"left_out": 24}
    assert len(page.facts["sections"]["certificates"]["largest_sum"]) == 24


def test_a_large_network_goes_fewer_steps_and_on_our_backends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("_RUN", 2000), ("_COMPARED", 400), ("_LARGE", 50)):
        monkeypatch.setattr(f"lsm_deploy.report.parts.{name}", value)
    ld.save_program(tmp_path / "liquid.lsm", liquid())
    with pytest.warns(LsmWarning, match="saturated"):
        parts = page_of(tmp_path / "liquid.lsm").facts["sections"]
    assert parts["run"]["steps"] == 100
    assert "its first 100 steps: the network is large" in parts["run"]["stimulus"]
    assert parts["parity"]["backends"] == ["emulator", "fast"]
    assert parts["parity"]["verdicts"][0]["steps"] == 20


def test_the_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    said = call("report", "liquid.yaml", "-o", "it.html", "--without", "parity", "--without", "evaluation").output
    assert "wrote it.html" in said
    assert re.search(r"Neurons +24 ", said)
    told = facts("report", "liquid.yaml", "--without", "parity", "--without", "evaluation")
    assert (told["ok"], told["written"]) == (True, "report.html")
    assert told["sections"] == embedded(Path("report.html").read_text(encoding="utf-8"))["sections"]
    call("report", "liquid.yaml", "-o", "liquid.yaml", status=2)
    Path("bad.yaml").write_text("populations: {}\n")
    assert not facts("report", "bad.yaml", status=1)["ok"]
