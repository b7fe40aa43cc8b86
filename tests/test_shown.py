"""How values show themselves: in a line, as HTML, as facts, as a data frame and as a picture."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import liquid
import numpy as np
import pytest
from calls import SPEC

import lsm_deploy as ld
from lsm_deploy.core.shown import Brief
from lsm_deploy.parity.investigation import Side
from lsm_deploy.report.numbers import finite
from lsm_deploy.report.values import REPORTS, report_of


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    program, stimulus = liquid.liquid(), liquid.stimulus()
    first = ld.run_program("emulator", program, stimulus, ("u", "v"))
    spikes = first.spikes.copy()
    spikes[50, 3] ^= 1
    second = replace(first, spikes=spikes)
    sides = Side("emulator", first, None), Side("<b>theirs</b>", second, None)
    verdict = ld.compare(program, first, second, ("u", "v"), names=("emulator", "<b>theirs</b>"))
    return {
        "program": program,
        "stimulus": stimulus,
        "trace": first,
        "verdict": verdict,
        "comparison": ld.Comparison(program, stimulus, (sides,), (verdict,), None, ()),
        "resources": ld.count_resources(program, stimulus, first),
        "certification": ld.certify_any(program),
        "chip": ld.OnChipAccuracy(10, 9, 9, 8, 8, 7, 1, 3.5, {}),
        "free": ld.FreeRun((3, 9), np.linspace(0.1, 1.0, 30), np.zeros((2, 30, 1)), np.ones((2, 30, 1))),
    }


NAMES = ("program", "stimulus", "trace", "verdict", "comparison", "resources", "certification", "chip", "free")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", NAMES)
def test_a_result_is_short_on_a_line_and_a_report_in_a_notebook(name: str, run: dict[str, Any]) -> None:
    value = run[name]
    assert repr(value).startswith(type(value).__name__)
    assert len(repr(value)) < 600, repr(value)
    report = report_of(value)
    tags = Tags(value._repr_html_())
    assert not tags.open
    assert not tags.seen & {"script", "img", "svg", "link"}  # nothing is drawn or fetched to show a line
    assert "b>theirs" not in value._repr_html_()  # what is between them may come from anybody's file
    assert value.to_dict() == json.loads(json.dumps(finite(report.facts), allow_nan=False))


def test_a_spec_shows_how_large_it_is() -> None:
    described = ld.loads(SPEC)
    assert described.sizes == {"liquid": 24}
    assert ", sizes={liquid: 24}, projections=<2>, " in repr(described)


def test_every_type_that_shows_itself_has_a_report_and_the_other_way_round() -> None:
    written = {
        name
        for file in Path(ld.__file__).parent.rglob("*.py")
        for name in re.findall(r"^class (\w+)\(Reported\b", file.read_text(), re.MULTILINE)
    }
    assert written == {each.__name__ for each in REPORTS}


def test_no_public_value_prints_at_length() -> None:
    """A dataclass prints its fields, and so the arrays in them, unless it says otherwise."""
    long = []
    for name in ld._MODULES:
        public = getattr(ld, name)
        if is_dataclass(public) and not issubclass(public, Brief):
            text = " ".join(str(field.type) for field in fields(public))
            long += [name] if "NDArray" in text or "Trace" in text or "Network" in text else []
    assert not long


def test_a_line_costs_nothing_and_cannot_fail() -> None:
    @dataclass(repr=False)
    class Odd(Brief):
        array: Any
        text: str
        many: tuple[Any, ...]
        inner: Any = None

    huge = np.lib.stride_tricks.as_strided(np.zeros(1), (10**6, 10**9), (0, 0))
    odd = Odd(huge, "\x1b[2J" + "x" * 10**6, tuple(range(10**6)), {f"a{i}\n": i for i in range(9)})
    odd.inner = {"me": odd}
    assert len(repr(odd)) < 300
    assert "\x1b" not in repr(odd)
    assert repr(object.__new__(Odd)) == "Odd(inner=None)"  # as a debugger meets it in its own `__init__`
    assert repr(Odd(np.float32(0.1), "a", (1, None), np.int64(3))).startswith("Odd(array=0.1, text='a', many=(1, None)")


def test_what_may_come_from_a_file_is_escaped(run: dict[str, Any]) -> None:
    assert "&lt;b&gt;theirs&lt;/b&gt;" in run["verdict"]._repr_html_()


# --- tables and pictures ---------------------------------------------------------------------------------------------


def test_a_data_frame_has_numbers(run: dict[str, Any]) -> None:
    pytest.importorskip("pandas")
    frame = run["resources"].to_frame()
    assert list(frame.columns) == ["event", "in all", "a step"]
    events = run["resources"].to_dict()["events"]
    assert frame.set_index("event")["in all"]["spikes"] == events["spikes"]
    assert "pJ each" in run["resources"].to_frame("energy")
    assert run["free"].to_frame()["frames ahead"].tolist() == [1, 2, 5, 10, 20, 30]
    spikes, trace = run["trace"].to_frame(), run["trace"].spikes
    assert len(spikes) == np.count_nonzero(trace)
    assert (trace[spikes["t"], spikes["neuron"]] == spikes["spike"]).all()
    with pytest.raises(ld.LsmError, match="no table 'enrgy' of a value of type Resources") as caught:
        run["resources"].to_frame("enrgy")
    assert "1: dynamic energy" in caught.value.hint
    with pytest.raises(ld.LsmError, match="no table is made of a value of type Verdict"):
        run["verdict"].to_frame()


def test_without_pandas_it_says_what_to_install(run: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ld.LsmError, match="needs pandas") as caught:
        run["resources"].to_frame()
    assert "install pandas" in caught.value.hint


def test_a_picture_is_a_figure(run: dict[str, Any]) -> None:
    figure = run["comparison"].plot()
    assert type(figure).__name__ == "Figure"
    assert figure.axes
    with pytest.raises(ld.LsmError, match="no picture 'states' of a value of type Comparison") as caught:
        run["comparison"].plot("states")
    assert "divergence" in caught.value.hint
    with pytest.raises(ld.LsmError, match="no picture is made of a value of type Verdict"):
        run["verdict"].plot()


def test_what_is_no_result_has_no_report() -> None:
    with pytest.raises(ld.LsmError, match="no report is made of a value of type int"):
        report_of(3)
