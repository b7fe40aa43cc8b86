"""Every mistake that is planted is named; the slice adds up to what the definition computes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from liquid import liquid, stimulus
from lsm_backends import emulator
from mutants import drawn

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Program, QProjection, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.parity.compare import in_view
from lsm_deploy.parity.forensics import (
    arrivals_at,
    explain,
    find_breaks,
    operations_of,
    reference_run,
    sums,
)
from lsm_deploy.parity.reduction.parts import assemble, keep_synapses, take_apart
from lsm_deploy.parity.variants import RULES, kinds_of, run_variant
from lsm_deploy.report.forensics import explanation_text, report_explanation

GOLDEN = Path(__file__).parent / "golden"


@cache
def case(seed: int) -> tuple[Program, Stimulus, Trace]:
    program, stimulus = drawn(seed)
    return program, stimulus, reference_run(program, stimulus)


@cache
def planted(rule: str) -> tuple[Program, Stimulus, Trace, Trace]:
    """The first case on which the rule's variant is seen."""
    for seed in range(400):
        program, stimulus, reference = case(seed)
        if kinds_of(RULES[rule]).isdisjoint(program.network.kinds):
            continue
        trace = run_variant(rule, program, stimulus, program.network.state_names)
        if differs(reference, trace):
            return program, stimulus, reference, trace
    raise AssertionError(f"no case shows rule {rule}")


def differs(a: Trace, b: Trace) -> bool:
    return not np.array_equal(a.spikes, b.spikes) or any(
        not np.array_equal(values, b.registers[name]) for name, values in a.registers.items()
    )


def named(explanation) -> list[str]:
    return [cause.name for cause in explanation.causes[: explanation.ties]]


# --- causes -----------------------------------------------------------------------------------------------------------


@pytest.mark.deep(one_in=3)
@pytest.mark.once
@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_named(rule):
    program, stimulus, reference, trace = planted(rule)
    found = explain(program, stimulus, trace, reference=reference)
    assert found.causes[0].explains_all
    assert rule in named(found)
    ranks = [(not cause.explains_all, -cause.until, cause.differing) for cause in found.causes]
    assert ranks == sorted(ranks)
    # Where others are named beside it, each of them gives this very trace: the run cannot tell.
    for other in set(named(found)) & set(RULES):
        assert not differs(trace, run_variant(other, program, stimulus, program.network.state_names))
    json.dumps(report_explanation(found).facts)
    assert rule in explanation_text(found)


@pytest.fixture(scope="module")
def small():
    program, given = liquid(), stimulus(starts=(0, 50))
    return program, given, reference_run(program, given)


def test_one_rule_is_told_from_all_others(small):
    program, given, reference = small
    for rule in ("rounding", "threshold-shift", "v-reset", "delay-late", "du-offset", "fresh"):
        found = explain(program, given, run_variant(rule, program, given, ("u", "v")), reference=reference)
        assert named(found) == [rule]


@pytest.mark.parametrize(
    ("rule", "operation"),
    [
        ("du-offset", "u = wrap24(x)"),
        ("dv-offset", "v = where(spikes, 0, v)"),
        ("threshold-shift", "spikes = v > vth << 6"),
        ("v-reset", "v = where(spikes, 0, v)"),
        ("delay-late", "u = wrap24(x)"),
    ],
)
def test_the_operation_at_which_they_part(small, rule, operation):
    program, given, reference = small
    found = explain(program, given, run_variant(rule, program, given, ("u", "v")), reference=reference)
    agreed = found.slice.operations[found.parting.agreed].text if found.parting.agreed >= 0 else ""
    at = found.slice.operations[found.parting.at].text
    if rule == "dv-offset":  # the voltage parts before the threshold, which both sides do not reach
        assert at in ("v = saturate24(sum_v)", operation)
        assert agreed == "u = wrap24(x)"
    else:
        assert at == operation
    if rule == "v-reset":
        assert agreed == "spikes = v > vth << 6"


def with_weight(program: Program, projection: int, synapse: int, **change: int) -> Program:
    p = program.network.projections[projection]
    values = {name: getattr(p, name).copy() for name in change}
    for name, value in change.items():
        values[name][synapse] = value
    projections = list(program.network.projections)
    projections[projection] = replace(p, **values)
    return replace(program, network=replace(program.network, projections=tuple(projections)))


def heard(program: Program, reference: Trace, given: Stimulus, p: QProjection) -> int:
    """A synapse over which much arrives, and that no other of its projection resembles."""
    pre = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
    first = program.network.offsets.get(p.source, 0)
    sent = (given.spikes if p.source == INPUT else reference.spikes)[:, first + pre].sum(axis=0)
    return int(np.argmax(sent))


@pytest.mark.parametrize(("change", "words"), [({"weights": 37}, "weight 37"), ({"weights": 0}, "weight 0")])
@pytest.mark.parametrize("projection", [0, 1])
def test_an_altered_weight_is_named(small, projection, change, words):
    program, given, reference = small
    p = program.network.projections[projection]
    k = heard(program, reference, given, p)
    altered = emulator.run(with_weight(program, projection, k, **change), given, ("u", "v"))
    found = explain(program, given, altered, reference=reference)
    assert found.causes[0].explains_all
    assert named(found) == ["synapse"]
    assert f"has weight {p.weights[k]}, delay {p.delays[k]}" in found.causes[0].holds
    assert found.causes[0].instead == f"it has {words}"
    assert found.breaks is not None
    assert found.breaks.neurons == 1


def test_two_altered_weights_are_not_one(small):
    """What one synapse onto the culprit explains is said, and that it is not all."""
    program, given, reference = small
    p = program.network.projections[1]
    k = heard(program, reference, given, p)
    other = next(i for i in range(len(p.post) - 1, 0, -1) if p.post[i] != p.post[k])
    altered = with_weight(with_weight(program, 1, k, weights=11), 1, other, weights=3)
    found = explain(program, given, emulator.run(altered, given, ("u", "v")), reference=reference)
    assert found.breaks is not None
    assert found.breaks.neurons == 2
    assert named(found) == ["synapse"]
    assert not found.causes[0].explains_all
    assert found.causes[0].differing > 0


def test_what_a_run_does_not_tell_apart_is_named_together(small):
    """Where every delay is 1, one step less and no delay at all are the same."""
    program, given, _ = small
    projections = tuple(replace(p, delays=np.ones_like(p.delays)) for p in program.network.projections)
    ones = replace(program, network=replace(program.network, projections=projections))
    found = explain(ones, given, run_variant("delay", ones, given, ("u", "v")))
    assert named(found) == ["delay", "delay-none"]
    text = explanation_text(found)
    assert "explained by each of 2 mistakes, which this run does not tell apart" in text
    assert "\n  delay: " in text
    assert "\n  delay-none: " in text


def test_what_explains_all_stands_before_what_explains_a_part(small):
    """Two neurons, one delayed synapse each: another delay of the culprit's would explain the culprit alone."""
    program, given, _ = small
    parts = take_apart(program, given)
    delayed = np.flatnonzero(parts.from_input & (parts.delay > 1))
    two = [delayed[0], next(k for k in delayed if parts.target[k] != parts.target[delayed[0]])]
    kept = keep_synapses(parts, np.isin(np.arange(len(parts.target)), two))
    least, given, _ = assemble([kept])
    found = explain(least, given, run_variant("delay", least, given, ("u", "v")))
    assert [cause.name for cause in found.causes] == ["delay", "synapse"]
    assert found.ties == 1


def test_an_altered_delay_is_named(small):
    program, given, reference = small
    p = program.network.projections[1]
    k = heard(program, reference, given, p)
    altered = emulator.run(with_weight(program, 1, k, delays=p.delays[k] + 9), given, ("u", "v"))
    found = explain(program, given, altered, reference=reference)
    assert named(found) == ["synapse"]
    assert found.causes[0].explains_all
    assert found.causes[0].instead == f"it has delay {p.delays[k] + 9}"


def test_a_weight_off_its_grid_is_named(small):
    """What a program cannot hold, but a chip that takes 7 bits for 8 does."""
    program, given, _ = small
    coarse = replace(
        program.network.projections[0], num_weight_bits=7, weights=program.network.projections[0].weights & ~1
    )
    k = heard(program, reference_run(program, given), given, coarse)
    projections = (coarse, *program.network.projections[1:])
    on_grid = replace(program, network=replace(program.network, projections=projections))
    odd = replace(coarse, num_weight_bits=8, weights=coarse.weights.copy())
    altered = with_weight(
        replace(program, network=replace(program.network, projections=(odd, *projections[1:]))),
        0, k, weights=int(coarse.weights[k]) + 1,
    )  # fmt: skip
    found = explain(on_grid, given, emulator.run(altered, given, ("u", "v")))
    assert named(found) == ["synapse"]
    assert found.causes[0].instead == f"it has weight {coarse.weights[k] + 1}, which is off its grid of 2"


@pytest.mark.parametrize("shift", [1, 2, -1])
def test_a_shift_is_named(small, shift):
    program, given, reference = small
    moved = {name: np.roll(values, shift, axis=0) for name, values in reference.registers.items()}
    trace = replace(reference, spikes=np.roll(reference.spikes, shift, axis=0), registers=moved)
    found = explain(program, given, trace, reference=reference)
    assert named(found) == ["shift"]
    assert ("late" if shift > 0 else "early") in found.causes[0].instead


def test_the_chip_view_is_named(small):
    program, given, reference = small
    trace = replace(in_view(program, reference, "chip"), view="sim")
    found = explain(program, given, trace, reference=reference)
    assert named(found) == ["chip-view"]
    assert found.causes[0].explains_all


def test_two_mistakes_are_told_as_far_as_one_goes(small):
    program, given, reference = small
    trace = run_variant("v-reset", program, given, ("u", "v"))
    registers = {name: values.copy() for name, values in trace.registers.items()}
    registers["v"][100, 3] += 5
    found = explain(program, given, replace(trace, registers=registers), reference=reference)
    assert named(found) == ["v-reset"]
    assert not found.causes[0].explains_all
    assert (found.causes[0].until, found.causes[0].differing) == (100, 1)
    assert "explained in part by" in explanation_text(found)


def test_what_nothing_explains(small):
    program, given, reference = small
    registers = {name: values.copy() for name, values in reference.registers.items()}
    registers["v"][60, 3] += 5
    found = explain(program, given, replace(reference, registers=registers), reference=reference)
    assert found.causes == ()
    assert "no known mistake explains it" in explanation_text(found)
    assert found.breaks is not None
    assert found.breaks.first == ((60, 3), (61, 3))  # the step itself, and the one that does not follow from it


# --- the slice --------------------------------------------------------------------------------------------------------


def test_operations_are_the_definition():
    """For every kind: the registers that the operations leave are those of its step."""
    seen = set()
    for seed in range(40):
        program, given, reference = case(seed)
        for p in program.network.populations:
            column = program.network.offsets[p.name]
            seen.add(p.kind)
            initial = KINDS[p.kind].initial(p.registers)
            state = {name: int(values[0]) for name, values in initial.items()}
            a = sums(program, given, reference.spikes, column)
            registers = {name: int(values[0]) for name, values in p.registers.items()}
            for t in range(min(8, a.shape[-1], *given.starts[1:], program.network.sample_interval or 8)):
                noted, step = operations_of(
                    p.kind, registers, state, *a.reshape(-1, len(reference.spikes))[:, t].tolist()
                )
                left = {o.register: o.value for o in noted if o.register}
                state = {name: int(reference.registers[name][t, column]) for name in KINDS[p.kind].STATE}
                assert left == state
                assert int(step.spikes[0]) == reference.spikes[t, column]
                assert [o.value for o in noted if o.writes == "spikes"][-1] == reference.spikes[t, column]
    assert seen == set(KINDS)


def test_arrivals_add_up_to_the_sum(small):
    for program, given, reference in (small, case(3), case(5)):
        for neuron in range(program.network.neurons):
            a = sums(program, given, reference.spikes, neuron)
            for t in range(0, len(a), 7):
                assert sum(x.adds for x in arrivals_at(program, given, reference.spikes, neuron, t)) == a[t]


def test_the_definition_has_no_breaks(small):
    """One altered register is found beside nothing else: each other step follows from the one before."""
    for seed in range(12):
        program, given, reference = case(seed)
        registers = {name: values.copy() for name, values in reference.registers.items()}
        first = KINDS[program.network.populations[0].kind].STATE[0]
        registers[first][-1, 0] += 1
        found = find_breaks(program, given, replace(reference, registers=registers))
        assert (found.count, found.first) == (1, ((len(given.spikes) - 1, 0),))


def test_overflow_is_told():
    program, given, reference, trace = planted("u-wrap")
    found = explain(program, given, trace, reference=reference)
    assert any("u leaves its 24 bits in this step" in event for event in found.slice.overflows)


# --- what cannot be told ----------------------------------------------------------------------------------------------


def test_equal_traces_have_nothing_to_explain(small):
    program, given, reference = small
    with pytest.raises(LsmError, match="there is nothing to explain: x has spikes, u, v as the definition has them"):
        explain(program, given, reference, "x", reference=reference)


def test_a_trace_without_registers_says_what_to_record(small):
    program, given, _ = small
    found = explain(program, given, run_variant("du-offset", program, given))
    assert found.breaks is None
    assert "du-offset" in named(found)
    (note,) = found.notes
    assert "does not hold u, v" in note
    assert "--record u,v" in note


# --- golden -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bug", ["rounding", "threshold-shift", "weight"])
def test_what_is_printed(small, bug, golden):
    program, given, reference = small
    if bug == "weight":
        k = heard(program, reference, given, program.network.projections[1])
        trace = emulator.run(with_weight(program, 1, k, weights=11), given, ("u", "v"))
    else:
        trace = run_variant(bug, program, given, ("u", "v"))
    text = explanation_text(explain(program, given, trace, "lava", reference=reference))
    golden(GOLDEN / f"explain-{bug}.txt", text)
