"""Every known mistake is noticed, and a table that says so cannot be trusted to say so of everything."""

from __future__ import annotations

import ast
import importlib.util
import sys
from functools import partial
from pathlib import Path

import pytest
from lsm_backends import emulator
from mutants import EXTRA, UNBROKEN, case, differing, drawn, hunt, table
from test_emulator import check_against_oracle

from lsm_deploy.core.ir import Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.parity.source import made_anew
from lsm_deploy.parity.variants import RULES, Rule, kinds_of, run_variant


@pytest.mark.deep(one_in=3)
@pytest.mark.once
@pytest.mark.parametrize("rule", [*RULES.values(), *EXTRA], ids=lambda rule: rule.name)
def test_a_mistake_is_noticed(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    fate = hunt(rule)
    assert fate.case is not None, f"{rule.variant}, and nobody notices in {fate.ran} cases: a hole in `programs`"
    # And so by what the emulator is held to in every run.
    monkeypatch.setattr(emulator, "run", partial(run_variant, rule))
    with pytest.raises(AssertionError):
        check_against_oracle(*drawn(fate.case))


def test_there_are_enough_of_them() -> None:
    names = [rule.name for rule in (*RULES.values(), *EXTRA)]
    assert len(names) == len(set(names)) >= 60


SHARED = (
    "graded-input-rounding", "graded-message-rounding", "graded-saturation", "graded-message-saturation",
    "graded-clock", "graded-silence", "graded-order",
)  # fmt: skip
"""Rules of one graded kind that the other has as well."""


def test_a_rule_is_broken_in_every_kind_that_has_it() -> None:
    # A kind that writes an expression otherwise would go on unbroken, and no table would show it.
    resets = frozenset(name for name, kind in KINDS.items() if kind.RESETS)
    binary = resets - frozenset(name for name, kind in KINDS.items() if kind.MESSAGE.signed)
    to_zero = resets - {"LIFSubtract"}
    remembering = frozenset(name for name, kind in KINDS.items() if kind.DECAYS[0])
    with_activations = ("interpolation", "odd", "quadratic", "sigmoid", "ratio")  # which any kind may come to use
    own = {
        rule.name: frozenset([name])
        for name, kind in KINDS.items()
        for rule in kind.RULES
        if not rule.name.endswith(with_activations)
    }
    own |= dict.fromkeys(SHARED, frozenset(["GradedLI", "GatedLI"]))
    some = {"threshold": binary, "threshold-shift": binary, "v-reset": binary & to_zero, "v-reset-none": to_zero}
    some |= own
    spiking = frozenset(name for name, kind in KINDS.items() if not kind.MESSAGE.graded)
    of_spiking = ('registers["bias_mant"]', 'registers["dv"]', "fixed.ACT_SHIFT")
    for rule in (*RULES.values(), *EXTRA):
        rest = spiking if any(words in rule.right for words in of_spiking) else frozenset(KINDS)
        rest = remembering if 'registers["du"]' in rule.right else rest
        assert kinds_of(rule) == some.get(rule.name, rest), rule.name


def test_what_a_kind_imports_by_name_is_broken_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, file = "lsm_deploy.core.by_name", tmp_path / "by_name.py"
    file.write_text("from lsm_deploy.core.fixed import saturate24\n\n\ndef step(x):\n    return saturate24(x)\n")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    broken = ast.parse("def saturate24(x): return 7").body[0]
    made = made_anew([(module, "step")], lambda _, tree: broken if tree.name == "saturate24" else tree)
    assert made[module].step(5) == 7


def test_the_emulator_itself_survives() -> None:
    fate = hunt(UNBROKEN, 20)
    assert (fate.case, fate.ran, fate.noticed) == (None, 20, 0)
    assert "SURVIVED" in "\n".join(table([fate], 1))


def test_a_variant_that_breaks_nothing_is_the_emulator() -> None:
    # Or else a mutant could die of how it is made.
    program, stimulus, expected = case(3)
    assert differing(expected, emulator.run(program, stimulus, tuple(expected.registers))) == ()


def test_each_property_can_kill() -> None:
    _, _, expected = case(0)
    assert differing(expected, expected) == ()
    for name, values in expected.registers.items():
        changed = values.copy()
        changed[-1, -1] += 1
        registers = {**expected.registers, name: changed}
        assert differing(expected, Trace(expected.spikes, registers, expected.starts, expected.counts)) == (name,)
    spikes = expected.spikes.copy()
    spikes[-1, -1] ^= 1
    assert differing(expected, Trace(spikes, expected.registers, expected.starts, expected.counts)) == ("spikes",)
    counts = {**expected.counts, "u_wraps": -1}
    assert differing(expected, Trace(expected.spikes, expected.registers, expected.starts, counts)) == ("counts",)
