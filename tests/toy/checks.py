"""What has to hold of the toy kind and the toy backend, in a copy of the package to which they were added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import oracle
import pytest
from fuzz import run_oracle
from mutants import differing
from programs import random_case

from lsm_deploy.compile.certify.bounds import certify_network
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.measure.attack import attack
from lsm_deploy.parity.forensics import explain, operations_of, reference_run
from lsm_deploy.parity.variants import RULES, kinds_of, run_variant
from lsm_deploy.run import backends

KIND = "UndershootLIF"


@dataclass
class UndershootLIF(oracle.LIF):
    """One step in plain integers, as in `oracle.py`."""

    def step(self, state: dict[str, int], a: int, result: oracle.Result) -> int:
        state["u"] = oracle.current(state["u"], self.du + 1, a, result)
        state["v"] = oracle.voltage(state["v"], self.dv, state["u"], self.bias_mant * 2**self.bias_exp, result)
        if state["v"] > self.vth * 64:
            state["v"] = -self.vth * 64
            return 1
        return 0


oracle.KINDS[KIND] = UndershootLIF  # type: ignore[assignment]


def case(seed: int) -> tuple[Program, Stimulus]:
    """Populations of LIF, of which most become the toy kind."""
    program, stimulus = random_case(seed, kinds=("LIF",))
    first, *others = program.network.populations
    populations = (replace(first, kind=KIND), *(replace(p, kind=(KIND, "LIF")[i % 2]) for i, p in enumerate(others)))
    return replace(program, network=replace(program.network, populations=populations)), stimulus


def test_the_emulator_and_the_new_backend_agree_with_the_oracle() -> None:
    spikes = 0
    for seed in range(60):
        program, stimulus = case(seed)
        expected = run_oracle(program, stimulus, ("u", "v"))
        trace = backends.run_program("emulator", program, stimulus, ("u", "v"))
        assert differing(expected, trace) == (), seed
        other = backends.run_program("dense", program, stimulus, ("u", "v"))
        assert differing(replace(expected, counts={}), other) == (), seed
        spikes += int(trace.spikes.sum())
    assert spikes > 2000


def test_rules_are_broken_in_it_and_a_divergence_is_explained() -> None:
    assert [name for name, rule in RULES.items() if kinds_of(rule) == {KIND}] == ["undershoot"]
    for shared in ("du-offset", "dv-offset", "order", "bias-shift", "sum-shift", "u-no-reset"):
        assert KIND in kinds_of(RULES[shared])
    for seed in range(20):
        program, stimulus = case(seed)
        reference = reference_run(program, stimulus)
        trace = run_variant("undershoot", program, stimulus, ("u", "v"))
        if differing(reference, trace):
            break
    assert "undershoot" in [cause.name for cause in explain(program, stimulus, trace, reference=reference).causes]


def test_each_rule_that_is_found_in_it_changes_what_it_does() -> None:
    """A rule that is found and changes nothing would be a variant that is the emulator."""
    cannot = {"message-sign", "message-lost", "reset-others"}  # it has neither negative spikes nor other registers
    # Nor is what graded kinds call any of its arithmetic.
    cannot |= {"rounding-halves"} | {r.name for kind in KINDS.values() if kind.MESSAGE.graded for r in kind.RULES}
    left = {name for name, rule in RULES.items() if KIND in kinds_of(rule)} - cannot
    for seed in range(200):
        program, stimulus = case(seed)
        populations = tuple(replace(p, kind=KIND) for p in program.network.populations)
        program = replace(program, network=replace(program.network, populations=populations))
        reference = reference_run(program, stimulus)
        left -= {name for name in left if differing(reference, run_variant(name, program, stimulus, ("u", "v")))}
    assert left == set()


def test_its_operations_are_shown() -> None:
    registers = {"du": 4095, "dv": 0, "vth": 10, "bias_mant": 0, "bias_exp": 0}
    noted, step = operations_of(KIND, registers, {"u": 0, "v": 600}, 3)
    assert [o.value for o in noted if o.register] == [192, -640] == [int(step.state[name][0]) for name in ("u", "v")]
    assert "v = where(spikes, -threshold(registers), v)" in [o.text for o in noted]


def test_its_certificate_holds() -> None:
    for seed in range(3):
        program, _ = case(seed)
        certificate = certify_network(program.network)
        found = attack(program, certificate, rounds=3, backend="emulator")
        assert (found.reached <= certificate.largest_u).all()
        seen = found.shortest_interval > 0
        assert (found.shortest_interval[seen] >= certificate.shortest_interval[seen]).all()


@pytest.mark.parametrize("name", ["fast", "brian", "lava", "loihi2"])
def test_others_say_which_kinds_they_can_run(name: str) -> None:
    program, _ = case(0)
    with pytest.raises(LsmError, match=f"backend '{name}' has no rule for neurons of kind '{KIND}', only for LIF") as e:
        backends.check([name], program)
    assert e.value.each()[0].hint == "run it on 'dense' or 'emulator'"


def test_where_nobody_chose_the_emulator_runs_it() -> None:
    program, stimulus = case(0)
    with pytest.warns(LsmWarning, match=f"no rule for neurons of kind '{KIND}', .*; the emulator runs it"):
        trace = backends.run_program(backends.DEFAULT, program, stimulus)
    assert np.array_equal(trace.spikes, backends.run_program("emulator", program, stimulus).spikes)
