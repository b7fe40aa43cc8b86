"""Public functions and values of a wrong type: a sentence says so, where no line within would know what it is about."""

from __future__ import annotations

import inspect
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import lsm_deploy as ld

# What `conform` is given is compared with nothing: it runs probes, whatever backends it is to run them on.
FUNCTIONS = [name for name in ld.__all__ if inspect.isfunction(getattr(ld, name)) and name != "conform"]
WRONG = [123, 1.5, None, "nowhere", b"x", [], {}, object(), np.zeros((2, 2)), Path("nowhere"), np.int64(3), len]


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
            answer = function(value, *rest, **named)
            if inspect.isgenerator(answer):  # which begins when it is asked
                list(answer)


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
    ):
        with pytest.raises(ld.LsmError, match=words):
            call()


def test_values_of_other_rows_are_not_compared():
    true = np.zeros((5, 1))
    for wrong in (np.zeros(5), np.zeros((5, 2)), np.zeros((1, 1)), np.zeros((0, 1)), "x"):
        with pytest.raises(ld.LsmError, match=r"shape|not numbers"):
            ld.nrmse(wrong, true)
