"""Public functions and values of a wrong type: a sentence says so, where no line within would know what it is about."""

from __future__ import annotations

import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any

import liquid
import numpy as np
import pytest

import lsm_deploy as ld

# What `conform` is given is compared with nothing: it runs probes, whatever backends it is to run them on.
FUNCTIONS = [
    name
    for name in ld.__all__
    if inspect.isfunction(getattr(ld, name)) and inspect.signature(getattr(ld, name)).parameters and name != "conform"
]
WRONG = [123, 1.5, None, "nowhere", b"x", [], {}, object(), np.zeros((2, 2)), Path("nowhere"), np.int64(3), len]


def whole(answer: object) -> None:
    """A generator begins when it is asked."""
    if inspect.isgenerator(answer):
        list(answer)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("others", ["the same", None, "nowhere"])
def test_a_wrong_first_argument_does_not_fail_further_in(name, others, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(ld, name)
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty][1:]
    for value in WRONG:
        rest = [p for p in needed if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        rest = [value if others == "the same" else others] * len(rest)
        named = {p.name: value if others == "the same" else others for p in needed if p.kind is p.KEYWORD_ONLY}
        with suppress(ld.LsmError):
            whole(function(value, *rest, **named))


@pytest.fixture(scope="module")
def right() -> dict[str, Any]:
    """Values that fit parameters, by the names of these."""
    program, stimulus = liquid.liquid(), liquid.stimulus(steps=10)
    trace = ld.run_program("emulator", program, stimulus, ("v",))
    spec = ld.load(Path(__file__).parents[1] / "configs" / "refractory.yaml")
    frames = ld.Frames(np.zeros((4, 2)), np.array([0, 2]), ("a", "b"))
    return {
        "spec": spec, "program": program, "stimulus": stimulus, "trace": trace, "first": trace, "second": trace,
        "source": spec, "data": frames, "train": frames, "test": frames, "frames": frames, "raw": frames,
        "name": "emulator", "backend": "emulator", "record": ("v",), "board": "oheo_gulch", "how": "folds=2",
        "network": ld.compile_spec(spec).network, "split": (frames, frames), "path": "new.file", "file": "new.file",
        "folder": "new", "channels": 3, "steps": 5, "rate_hz": 5.0, "dt_ms": 1.0, "seed": 0,
    }  # fmt: skip


CHECKED = {
    "spec", "program", "stimulus", "trace", "source", "data", "train", "test", "raw", "name", "backend", "record",
    "board", "how", "network", "path", "file", "folder", "front_end", "certificate", "population", "split",
}  # fmt: skip
"""Parameters that any of the functions has, and that no function may take for what they are not."""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_wrong_argument_beside_right_ones_fails_further_in(name, right, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parameters = inspect.signature(getattr(ld, name)).parameters.values()
    needed = {p.name: right.get(p.name) for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
    if None in needed.values():
        return  # what fits takes long to make
    for wrong in sorted(CHECKED & {p.name for p in parameters}):
        for value in (123, 1.5, b"x", {}, object(), np.zeros((2, 2)), len):
            if (name, wrong) == ("stream", "stimulus") and isinstance(value, dict):
                continue  # pieces of a stimulus, of which there are none
            with pytest.raises(ld.LsmError):
                whole(getattr(ld, name)(**{**needed, wrong: value}))


def test_what_is_wrong_is_named(tmp_path):
    for call, words in (
        (lambda: ld.run_program("emulator", "x.lsm", None), "the program is of type str, not Program"),
        (lambda: ld.run_program(3, "x.lsm", None), "the program is of type str"),
        (lambda: ld.compile_spec("spec.yaml"), "the spec is of type str, not Spec"),
        (lambda: ld.train("spec.yaml"), "the spec is of type str, not Spec"),
        (lambda: ld.evaluate(None), "the spec is of type NoneType"),
        (lambda: ld.predict("model", None), "the model is of type str, not Model"),
        (lambda: ld.compile_any(3), "the source is of type int, not Model or RegressionModel or Deployable"),
        (lambda: ld.save_stimulus(tmp_path / "s.npz", np.zeros((2, 2))), "the stimulus is of type ndarray"),
        (lambda: ld.load_stimulus(np.zeros((2, 2))), "the path is of type ndarray, not str or Path"),
        (lambda: ld.load(3), "the path is of type int"),
        (lambda: ld.loads(3), "the text is of type int, not str"),
        (lambda: ld.Spec.from_dict([]), "the spec is of type list, not Mapping"),
        (lambda: ld.dumps({}), "the spec is of type dict, not Spec"),
        (lambda: ld.check_board(3, "oheo"), "the source is of type int"),
        (lambda: ld.compile_network(3), "the path is of type int"),
    ):
        with pytest.raises(ld.LsmError, match=words):
            call()


def test_values_of_other_rows_are_not_compared():
    true = np.zeros((5, 1))
    for wrong in (np.zeros(5), np.zeros((5, 2)), np.zeros((1, 1)), np.zeros((0, 1)), "x"):
        with pytest.raises(ld.LsmError, match=r"shape|not numbers"):
            ld.nrmse(wrong, true)
