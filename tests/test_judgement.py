"""The judgement of a run: what it counts is counted here by loops, and liquids of a known vice have it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from calls import call
from programs import random_program
from test_misuse import SPEC

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.sides import types_of
from lsm_deploy.report.judgements import report_judgement
from lsm_deploy.report.text import to_text
from lsm_deploy.run.extremes import warn_of_extremes

INPUT, AMONG = "weight: 0.12", "0.2}, weight: 0.05"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        labels = np.arange(18) % 3
        np.savez(f"{name}.npz", frames=rng.random((18, 8, 3)), labels=labels)
    return tmp_path


def judged(program, stimulus):
    return ld.judge(program, stimulus, ld.run_program("emulator", program, stimulus))


@pytest.mark.parametrize("kinds", [("LIF",), ("TernaryLIF", "ATRLIF"), ("GradedLI",), ("GatedLI",)], ids="+".join)
def test_what_arrives_is_counted_synapse_by_synapse(kinds):
    program = random_program(np.random.default_rng(3), sizes=(5, 4), kinds=kinds)
    network = program.network
    largest = network.input.largest
    rng = np.random.default_rng(4)
    entered = rng.integers(network.input.least, largest + 1, (90, network.channels)).astype(network.input.dtype)
    stimulus = ld.Stimulus(entered, np.array([0]))
    trace = ld.run_program("emulator", program, stimulus)
    judgement = ld.judge(program, stimulus, trace)
    assert [p.name for p in judgement.populations] == [p.name for p in network.populations]
    for population, seen in zip(network.populations, judgement.populations, strict=True):
        sums = {"excites": 0.0, "inhibits": 0.0, "enters": 0.0}
        kind = KINDS[population.kind]
        for p in network.projections:
            if p.target != population.name or p.port:
                continue
            sent = entered if p.source == "input" else trace.spikes[:, network.columns(p.source)]
            for pre, post, weight in zip(p.pre, p.post, p.weights, strict=True):
                unit = kind.sum_units(population.registers, population.scale)[post]
                if kind.THRESHOLDS:
                    unit = max(kind.threshold(population.registers)[post], 1) / 64
                for message in sent[:, pre].tolist():
                    came = (int(weight) << p.weight_exp) * message / unit / len(sent) / population.size
                    sums["excites" if came > 0 else "inhibits"] += abs(came)
                    sums["enters"] += came if came > 0 and p.source == "input" else 0
        assert seen.excitation == pytest.approx(sums["excites"])
        assert seen.inhibition == pytest.approx(sums["inhibits"])
        assert seen.from_input == pytest.approx(sums["enters"] / sums["excites"] if sums["excites"] else 0.0)
        assert (seen.level is None) == bool(kind.THRESHOLDS)


@pytest.mark.parametrize(("kind", "sides"), [("LIF", [18, 6]), ("TernaryLIF", [0, 0])])
def test_whose_messages_have_a_sign_is_of_neither_side(kind, sides):
    network = ld.compile_spec(ld.loads(SPEC.replace("kind: LIF", f"kind: {kind}"))).program.network
    assert [side.sum() for side in types_of(network, "liquid")] == sides


def test_a_few_synapses_at_a_time_are_the_same(monkeypatch):
    program = random_program(np.random.default_rng(3), sizes=(9, 8), kinds=("LIF",))
    stimulus = ld.poisson_stimulus(program.network.channels, 90, 300.0, 1.0, 0)
    whole = judged(program, stimulus)
    monkeypatch.setattr("lsm_deploy.measure.judgement._AT_ONCE", 3)
    for one, other in zip(whole.populations, judged(program, stimulus).populations, strict=True):
        assert (one.excitation, one.inhibition) == pytest.approx((other.excitation, other.inhibition))


def verdicts(*changes):
    text = SPEC
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    Path("spec.yaml").write_text(text)
    result = call("check", "spec.yaml")
    facts = json.loads(call("check", "spec.yaml", "--json").stdout)["activity"]
    (population,) = facts["populations"]
    assert f"population 'liquid' is {population['verdict']}" in result.stdout
    if population["knob"]:
        assert population["knob"] in result.stdout
    return population


TYPES = ("inhibitory_fraction: 0.25", "inhibitory_fraction: 0.0")


@pytest.mark.parametrize(
    ("verdict", "knob", "changes"),
    [
        ("lively", "", []),
        ("silent", "raise the gain of 'input->liquid'", [(INPUT, "weight: 0.005")]),
        ("saturated", "lower the gain of 'input->liquid'", [(INPUT, "weight: 9.0")]),
        ("runaway", "raise the inhibition of 'liquid->liquid'", [(AMONG, "0.5}, weight: 0.4"), TYPES]),
    ],
)  # fmt: skip
def test_check_says_what_a_liquid_does_and_what_to_turn(folder, verdict, knob, changes):
    population = verdicts(*changes)
    assert population["verdict"] == verdict
    assert population["knob"].startswith(knob)
    assert bool(population["knob"]) == bool(knob)


def of_spikes(rows):
    """A judgement of given spikes of one population, that one input reaches."""
    neurons = rows.shape[1]
    spec = ld.Spec.from_dict(
        {
            "dt_ms": 1.0,
            "seed": 1,
            "input": {"channels": 1},
            "populations": {"a": {"size": neurons, "neuron": {"kind": "LIF"}}},
            "projections": [{"source": "input", "target": "a", "topology": {"kind": "all_to_all"}, "weight": 0.5}],
        }
    )
    program = ld.compile_spec(spec).program
    stimulus = ld.Stimulus(np.ones((len(rows), 1), np.int8), np.array([0]))
    (seen,) = ld.judge(program, stimulus, ld.Trace(rows.astype(np.int8), {}, np.array([0]), {})).populations
    return seen


def test_synchrony_is_1_together_0_apart_and_the_correlation_between():
    rng = np.random.default_rng(0)
    apart = rng.random((4000, 20)) < 0.1
    together = np.repeat(apart[:, :1], 20, axis=1)
    mixed = np.where(rng.random((4000, 1)) < 0.5, together, apart)
    assert of_spikes(apart).synchrony == pytest.approx(0, abs=0.01)
    assert of_spikes(apart).verdict == "lively"
    assert of_spikes(together).synchrony == pytest.approx(1)
    assert of_spikes(together).verdict == "synchronous"
    assert of_spikes(together).knob.startswith("let tau_mem_ms")  # the input drives it
    r = np.corrcoef(mixed.T.astype(float))
    assert of_spikes(mixed).synchrony == pytest.approx((r.sum() - 20) / (20 * 19), abs=0.01)
    assert of_spikes(apart[:, :1]).synchrony is None


def test_sparse_is_few_spikes_or_few_neurons():
    rows = np.zeros((4000, 20))
    rows[::2001] = 1  # 0.5 Hz
    rows[1::500, 0] = 1
    assert of_spikes(rows).verdict == "sparse"
    rows = np.zeros((4000, 20))
    rows[::10, 0] = 1  # 100 Hz of one
    assert of_spikes(rows).verdict == "sparse"
    assert of_spikes(rows).knob == "raise the gain of 'input->a'"


def test_run_says_it_too_and_a_trace_of_another_run_is_refused(folder):
    Path("spec.yaml").write_text(SPEC)
    shown = call("run", "spec.yaml", "-o", "t.npz")
    assert "population 'liquid' is lively" in shown.stdout
    made = ld.compile_any("spec.yaml")
    stimulus, _ = ld.stimulus_for(made)
    trace = ld.trace_of(made.program, stimulus)
    judgement = ld.judge(made.program, stimulus, trace)
    assert to_text(report_judgement(judgement).blocks) in shown.stdout
    assert judgement.to_dict()["activity"]["populations"][0]["rate_hz"] == pytest.approx(
        np.count_nonzero(trace.spikes) / trace.spikes.size * 1000
    )
    with pytest.raises(LsmError, match=r"the trace has \d+ steps"):
        ld.judge(made.program, ld.Stimulus(stimulus.spikes[:9], np.array([0])), trace)


# --- notes -----------------------------------------------------------------------------------------------------------


def test_integers_of_others_are_not_to_be_divided():
    program = random_program(np.random.default_rng(5), sizes=(6,), kinds=("LIF",))
    (population,) = program.network.populations
    assert population.scale == 1.0
    spikes = np.ones((90, 6), np.int8)
    stimulus = ld.Stimulus(np.ones((90, program.network.channels), np.int8), np.array([0]))
    with pytest.warns(LsmWarning, match="its integers are exact: change them where they come from") as notes:
        warn_of_extremes(program, spikes, stimulus)
    assert "divide" not in str(notes[0].message)


def test_of_folds_the_first_says_that_a_liquid_is_saturated(folder):
    Path("spec.yaml").write_text(SPEC.replace(INPUT, "weight: 3.0"))
    result = call("eval", "spec.yaml", "--data", "train.npz", "--split", "folds=3", "--seeds", 2)
    assert result.stderr.count("is saturated") == 1
