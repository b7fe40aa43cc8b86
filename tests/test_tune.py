"""Tuning: the targets are met on the deployed integers, and where they cannot be, that is said."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace

import numpy as np
import pytest
from calls import call

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import make_frames
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.learn.listener import listen
from lsm_deploy.measure.fidelity import branching_ratio
from lsm_deploy.run import backends
from lsm_deploy.spec import load, load_text, put
from lsm_deploy.spec.schema import PerTypeGain
from lsm_deploy.tune import gains, liquid, tune_gains

pytestmark = pytest.mark.once

SPEC = """\
dt_ms: 1.0
seed: 4
input:
  channels: 2
  encoder: {kind: gaussian_population, frame_ms: 2.0, neurons: 5, code: rate, max_rate_hz: 600.0}
data: {train: train.npz, test: train.npz}
populations:
  liquid: # a comment
    size: 60
    inhibitory_fraction: 0.2
    neuron: {kind: LIF, tau_mem_ms: {distribution: lognormal, mean: 20.0, std: 5.0}, tau_syn_ms: 4.0}
projections:
  - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 3}, weight: 0.05} # in
  - source: liquid
    target: liquid
    topology: {kind: erdos_renyi, in_degree: 8}
    weight: 0.02 # a comment of its own
    delay_ms: 1.0
"""


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "train.npz", frames=rng.random((12, 50, 2)))
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def spec_of(folder, *changes):
    return load_text(put_in(SPEC, *changes), folder / "spec.yaml")


def put_in(text, *changes):
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def frames_of(folder):
    frames = np.load(folder / "train.npz")["frames"]
    return make_frames(frames.reshape(-1, 2), np.arange(0, 600, 50), source="train")


def measured(spec, folder):
    """Rate and branching ratio of the first population, by the emulator and by hand."""
    data = frames_of(folder)
    stimulus = encode(spec.input, fit_ranges(data, spec.input), data, 1.0, 4, spec.samples.steps or 0, "train")
    size = next(iter(spec.populations.values())).neurons
    trace = backends.run_program("emulator", compile_spec(spec).program, stimulus)
    spikes = trace.spikes[:, :size]
    return spikes.sum() / spikes.size * 1000, branching_ratio(spikes, trace.starts)


@pytest.mark.parametrize("rate_hz", [15.0, 40.0, 150.0])
def test_a_rate(folder, rate_hz):
    before = spec_of(folder)
    tuned = tune_gains(before, rate_hz)
    rate, branching = measured(tuned.spec, folder)
    assert rate == pytest.approx(rate_hz, rel=0.02)
    assert tuned.after.rate_hz == pytest.approx(rate)
    assert tuned.after.branching == pytest.approx(branching)
    assert tuned.before.rate_hz == pytest.approx(measured(before, folder)[0])
    assert set(tuned.gains) == {0}
    as_before = replace(tuned.spec, projections=tuple(replace(p, gain=1.0) for p in tuned.spec.projections))
    assert as_before == before


def test_a_branching_ratio(folder):
    before = spec_of(folder)
    now = measured(before, folder)[1]
    for wanted in (now - 0.05, now + 0.02):
        tuned = tune_gains(before, branching=wanted)
        assert measured(tuned.spec, folder)[1] == pytest.approx(wanted, abs=0.01)
        assert set(tuned.gains) == {1}


def test_both_in_turn(folder):
    now = measured(spec_of(folder), folder)[1]
    tuned = tune_gains(spec_of(folder), 30.0, now - 0.03)
    rate, branching = measured(tuned.spec, folder)
    assert rate == pytest.approx(30.0, rel=0.02)
    assert branching == pytest.approx(now - 0.03, abs=0.01)
    assert set(tuned.gains) == {0, 1}
    assert {step.part for step in tuned.steps} == {"input", "recurrent"}


def test_on_the_backend_that_is_asked_for(folder, monkeypatch):
    asked, run = [], backends.run_program
    monkeypatch.setattr(backends, "run_program", lambda name, *rest: (asked.append(name), run(name, *rest))[1])
    tuned = tune_gains(spec_of(folder), 40.0)
    assert set(asked) == {backends.DEFAULT, backends.FAST}  # as it is chosen for the run of what was found
    asked.clear()
    call("tune", folder / "spec.yaml", "-o", folder / "t.yaml", "--rate", 40, "--backend", "emulator")
    assert set(asked) == {"emulator"}
    assert load(folder / "t.yaml") == tuned.spec


def test_what_is_right_is_left(folder):
    spec = spec_of(folder)
    tuned = tune_gains(spec, measured(spec, folder)[0])
    assert tuned.gains == {}
    assert tuned.spec == spec
    assert len(tuned.steps) == 1


def test_gains_per_type_keep_their_balance(folder):
    now = measured(spec_of(folder), folder)[1]
    spec = spec_of(folder, ("delay_ms: 1.0", "gain: {II: 2, EE: 0.5}"))
    tuned = tune_gains(spec, branching=now - 0.03)
    gain = tuned.gains[1]
    assert isinstance(gain, PerTypeGain)
    assert pytest.approx(4 * gain.EE, rel=1e-3) == gain.II
    assert gain.EI == gain.IE == pytest.approx(gain.II / 2, rel=1e-3)


def test_the_interval_policy_and_other_data(folder):
    spec = replace(
        spec_of(folder, ("data: {train: train.npz, test: train.npz}", "samples: {policy: interval, steps: 130}"))
    )
    tuned = tune_gains(spec, 20.0, train=frames_of(folder))
    assert measured(tuned.spec, folder)[0] == pytest.approx(20.0, rel=0.02)
    with pytest.raises(LsmError, match="the spec names no data"):
        tune_gains(spec, 20.0)


def test_of_many_samples_some_that_are_evenly_spaced(folder, monkeypatch):
    monkeypatch.setattr(liquid, "SAMPLES", 4)
    spec, told = spec_of(folder), []
    tuned = tune_gains(spec, 40.0, progress=lambda done, total: told.append((done, total)))
    data = frames_of(folder)
    stimulus = encode(spec.input, fit_ranges(data, spec.input), data, 1.0, 4, 0, "train")
    spikes = backends.run_program("emulator", compile_spec(tuned.spec).program, stimulus).spikes.reshape(12, 100, 60)
    assert tuned.samples == 4
    assert tuned.after.rate_hz == pytest.approx(spikes[[0, 4, 7, 11]].mean() * 1000)
    assert [done for done, _ in told] == list(range(1, len(tuned.steps) + 1))
    assert all(done < total for done, total in told)


# --- first specs that behave badly ------------------------------------------------------------------------------------


LIQUID = "    inhibitory_fraction: 0.2\n"
INPUT = "in_degree: 3}, weight: 0.05"
AMONG = "in_degree: 8}\n    weight: 0.02 # a comment of its own"


def among(degree, weight):
    return (AMONG, f"in_degree: {degree}}}\n    weight: {weight}")


BADLY = {
    "a recurrence that saturates": ([among(8, 0.3)], "excitation"),
    "one whose currents wrap": ([among(16, 0.3)], "recurrent"),
    "excitation alone": ([(LIQUID, "    inhibitory_fraction: 0.0\n"), among(8, 0.2)], "excitation"),
    "no types": ([(LIQUID, ""), among(8, 0.2)], "excitation"),
    "mixed signs": ([(LIQUID, ""), among(8, "{distribution: normal, mean: 0.0, std: 0.4}")], "recurrent"),
    "silent": ([(INPUT, "in_degree: 3}, weight: 0.0005")], "input"),
    "huge weights": ([(INPUT, "in_degree: 3}, weight: 500.0"), among(8, 200.0)], "recurrent"),
    "inhibition alone": ([(LIQUID, "    inhibitory_fraction: 1.0\n"), among(8, 1.0)], "input"),
    "few that hear": ([("{kind: erdos_renyi, in_degree: 3}", "{kind: erdos_renyi, probability: 0.005}")], "excitation"),
    "adaptive": ([("kind: LIF,", "kind: ATRLIF,"), among(8, 0.3)], "inhibition"),
    "refractory": ([("kind: LIF,", "kind: LIFRefractory, t_refractory_ms: 3.0,"), among(8, 0.3)], "input"),
}
"""What is wrong, and the knob that decides."""


@pytest.fixture
def fewer(monkeypatch):
    monkeypatch.setattr(liquid, "SAMPLES", 4)


@pytest.mark.deep(one_in=4)
@pytest.mark.filterwarnings("ignore:.*is saturated")
@pytest.mark.parametrize("name", BADLY)
def test_a_first_spec_that_behaves_badly_is_brought_to_its_rate(folder, fewer, name):
    changes, knob = BADLY[name]
    tuned = tune_gains(spec_of(folder, *changes), 40.0)
    assert tuned.after.rate_hz == pytest.approx(40.0, rel=0.1)
    assert tuned.missed == ""
    assert tuned.turns[-1].knobs.split()[0] == knob
    assert all(turn.why for turn in tuned.turns[:-1])
    assert tuned.after == min(tuned.steps, key=lambda m: (m.wraps > 0, m.rate_hz == 0, abs(m.rate_hz - 40.0)))


def test_balance_is_written_as_gains_by_type(folder, fewer):
    (folder / "spec.yaml").write_text(put_in(SPEC, ("kind: LIF,", "kind: ATRLIF,"), among(8, 0.3)))
    shown = call("tune", folder / "spec.yaml", "-o", folder / "t.yaml", "--rate", 40)
    by_type = load(folder / "t.yaml").projections[1].gain
    assert by_type == PerTypeGain(EE=1.0, EI=1.0, IE=4.0, II=4.0)
    assert "input: it jumps from " in shown.stdout
    assert "what decides is more than the input's gain: inhibition × 4, then input" in shown.stdout
    facts = json.loads(call("tune", folder / "spec.yaml", "-o", folder / "u.yaml", "--rate", 40, "--json").stdout)
    assert (folder / "u.yaml").read_text() == (folder / "t.yaml").read_text()
    assert facts["met"]
    assert [turn["knobs"] for turn in facts["turns"]] == [
        "input",
        "inhibition × 2, then input",
        "inhibition × 4, then input",
    ]
    assert "jumps" in facts["turns"][0]["why_not"]


def test_populations_that_excite_and_inhibit_each_other(folder, fewer):
    """Inhibition of a population is that of all that inhibit it, wherever they are."""
    spec = spec_of(
        folder,
        (LIQUID, ""),
        among(8, 0.3),
        ("projections:\n", "  inh: {size: 15, inhibitory_fraction: 1.0, neuron: {kind: LIF}}\nprojections:\n"
         "  - {source: liquid, target: inh, topology: {kind: erdos_renyi, in_degree: 8}, weight: 0.2}\n"
         "  - {source: inh, target: liquid, topology: {kind: erdos_renyi, in_degree: 3}, weight: 0.3}\n"),
    )  # fmt: skip
    tuned = tune_gains(spec, 40.0, population="liquid")
    assert tuned.after.rate_hz == pytest.approx(40.0, rel=0.1)
    assert tuned.turns[-1].knobs.startswith("inhibition × ")
    assert tuned.gains[1] in (2.0, 4.0)


def test_it_is_the_same_again(folder, fewer):
    spec = spec_of(folder, (LIQUID, "    inhibitory_fraction: 0.0\n"), among(8, 0.2))
    assert tune_gains(spec, 60.0) == tune_gains(spec, 60.0)


# --- out of reach -----------------------------------------------------------------------------------------------------


def told(spec, *arguments, **options):
    with pytest.raises(LsmError) as caught:
        tune_gains(spec, *arguments, strict=True, **options)
    return str(caught.value)


def test_no_faster_than_refractory_periods_allow(folder, fewer):
    spec = spec_of(folder, ("kind: LIF,", "kind: LIFRefractory, t_refractory_ms: 19.0,"))
    message = told(spec, 200.0)
    assert message.startswith("population 'liquid': 50 Hz is the nearest to 200 Hz that its gains bring about")
    assert "it reaches 50 Hz at most, with its input gain" in message
    assert "shorten its refractory period" in message


def test_silent_at_any_gain(folder):
    spec = spec_of(folder, ("in_degree: 3}, weight: 0.05", "in_degree: 3}, weight: -0.05"))
    message = told(spec, 20.0)
    assert "it is silent with its input gain 0.0625 to 32 times what it was" in message
    assert "beyond which its currents overflow" in message
    with pytest.raises(LsmError, match="it is silent"):  # nothing was reached that could be written
        tune_gains(spec, 20.0)


def test_never_slower_than_its_bias_drives_it(folder, fewer, monkeypatch):
    monkeypatch.setattr(gains, "CALMER", {"inhibition": (2.0,)})
    (folder / "spec.yaml").write_text(put_in(SPEC, ("kind: LIF,", "kind: LIF, bias: 0.5,")))
    result = call("tune", folder / "spec.yaml", "-o", folder / "t.yaml", "--rate", 20, "--json")
    facts = json.loads(result.stdout)
    assert not facts["met"]
    assert facts["missed"].startswith(f"{facts['after']['rate_hz']:.4g} Hz is the nearest to 20 Hz that its gains")
    assert "it does not come below" in facts["missed"]
    assert facts["missed"] in result.stderr
    assert facts["after"]["rate_hz"] < facts["before"]["rate_hz"]
    assert load(folder / "t.yaml").projections[0].gain != 1.0
    again = call("tune", folder / "spec.yaml", "-o", folder / "u.yaml", "--rate", 20, "--strict", status=1)
    assert "does not come below" in again.stderr
    assert "bias" in again.stderr
    assert not (folder / "u.yaml").exists()


def test_the_nearest_where_the_integers_move_in_steps(folder):
    """Weights that are all the same, which the chip moves in steps: no rate lies within 2 %, but one near."""
    tuned = tune_gains(spec_of(folder), 5.0)
    assert measured(tuned.spec, folder)[0] == pytest.approx(5.0, rel=0.1)
    assert abs(tuned.after.rate_hz - 5.0) == min(abs(step.rate_hz - 5.0) for step in tuned.steps) > 0.1


def test_a_jump(folder):
    """One spike train into neurons that are all the same, and forget at once: all of them spike with it, or none."""
    spec = spec_of(
        folder,
        ("channels: 2", "channels: 1"),
        ("{kind: gaussian_population, frame_ms: 2.0, neurons: 5, code: rate, max_rate_hz: 600.0}",
         "{kind: latency, frame_ms: 10.0, threshold: 0.0}"),
        ("{distribution: lognormal, mean: 20.0, std: 5.0}, tau_syn_ms: 4.0", "0.1, tau_syn_ms: 0"),
        ("{kind: erdos_renyi, in_degree: 3}", "{kind: all_to_all}"),
    )  # fmt: skip
    data = make_frames(np.random.default_rng(1).random((40, 1)), np.array([0, 20]))
    message = told(spec, 30.0, train=data)
    assert "Hz is the nearest to 30 Hz" in message
    assert "it jumps from 0 Hz to 93.17 Hz where the input gain is" in message


def test_every_mistake_at_once(folder):
    spec = spec_of(
        folder,
        ("  - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 3}, weight: 0.05} # in\n", ""),
    )
    message = told(spec, 2000.0, 3.0)
    for what in (
        "a rate of 2000 Hz does not fit steps of 1 ms",
        "ratio of 3 is out of range",
        "no synapse joins the input",
    ):
        assert what in message
    assert told(spec).startswith("tune: there is nothing to tune for")
    assert "did you mean 'liquid'?" in told(spec, 20.0, population="liquit")


def test_which_population(folder):
    two = ("projections:\n", "  b: {size: 3, neuron: {kind: LIF}}\nprojections:\n")
    spec = spec_of(folder, two)
    assert "the spec has 2 populations" in told(spec, 20.0)
    assert tune_gains(spec, 20.0, population="liquid").population == "liquid"
    assert "population 'b': no synapse joins its neurons to each other" in told(spec, branching=0.9, population="b")


# --- graded neurons -------------------------------------------------------------------------------------------------


GRADED = (
    ("encoder: {kind: gaussian_population, frame_ms: 2.0, neurons: 5, code: rate, max_rate_hz: 600.0}",
     "encoder: {kind: graded, frame_ms: 2.0}"),
    ("neuron: {kind: LIF, tau_mem_ms: {distribution: lognormal, mean: 20.0, std: 5.0}, tau_syn_ms: 4.0}",
     "neuron: {kind: GradedLI, leak_rate: 0.5}"),
    ("erdos_renyi, in_degree: 3", "erdos_renyi, in_degree: 2"),
)  # fmt: skip


def test_a_level_of_graded_messages(folder, monkeypatch):
    monkeypatch.setattr(gains, "LOUDER", {})
    tuned = tune_gains(spec_of(folder, *GRADED), level=0.3)
    stimulus = listen(tuned.spec, frames_of(folder)).encode(frames_of(folder), "train")
    spikes = backends.run_program("emulator", compile_spec(tuned.spec).program, stimulus).spikes
    assert np.abs(spikes).mean() / 32767 == pytest.approx(tuned.after.level)
    assert tuned.after.level == pytest.approx(0.3, rel=0.02)
    assert tuned.before.level < 0.2
    assert list(tuned.gains) == [0]
    assert tuned.after.branching is None
    assert 0 <= tuned.after.saturated < 0.1
    with pytest.raises(LsmError, match=r"reaches a level of 0\.\d+ at most, .* messages are nearly the largest"):
        tune_gains(spec_of(folder, *GRADED), level=0.999, strict=True)


def test_graded_neurons_have_no_rate_and_spiking_ones_no_level(folder):
    graded = spec_of(folder, *GRADED)
    for asked in ({"rate_hz": 20.0}, {"branching": 0.9}, {"rate_hz": 20.0, "level": 0.3}):
        with pytest.raises(LsmError, match="they send in every step, and have no rate") as caught:
            tune_gains(graded, **asked)
        assert "give a level, or `search`" in str(caught.value)
    with pytest.raises(LsmError, match="a level of 2 is out of range"):
        tune_gains(graded, level=2.0)
    with pytest.raises(LsmError, match="all spikes are alike: there is no level"):
        tune_gains(spec_of(folder), level=0.3)


def test_the_command_shows_levels(folder):
    (folder / "graded.yaml").write_text(put_in(SPEC, *GRADED))
    target = folder / "tuned.yaml"
    shown = call("tune", folder / "graded.yaml", "-o", target, "--level", 0.3).stdout
    assert "level 0." in shown
    assert " -> 0.3" in shown
    assert "Hz" not in shown
    assert load(target).projections[0].gain != 1.0


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_changes_gains_and_nothing_else(folder):
    target = folder / "tuned.yaml"
    result = call("tune", folder / "spec.yaml", "-o", target, "--rate", 40, "--branching", 0.86)
    tuned = tune_gains(load(folder / "spec.yaml"), 40.0, 0.86)
    assert load(target) == tuned.spec
    lines = list(difflib.ndiff(SPEC.splitlines(), target.read_text().splitlines()))
    assert [x for x in lines if x[0] == "+"] == [
        "+   - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 3}, weight: 0.05, "
        f"gain: {tuned.gains[0]}}} # in",
        f"+     gain: {tuned.gains[1]}",
    ]
    assert len([x for x in lines if x[0] == "-"]) == 1
    assert f"rate {tuned.before.rate_hz:.4g} -> {tuned.after.rate_hz:.4g} Hz" in result.stdout
    assert result.stdout.count("\ninput ") + result.stdout.count("\nrecurrent ") == len(tuned.steps)


def test_json(folder):
    facts = json.loads(call("tune", folder / "spec.yaml", "-o", folder / "t.yaml", "--rate", 40, "--json").stdout)
    assert facts["after"]["rate_hz"] == pytest.approx(40, rel=0.02)
    text = put(SPEC, folder / "spec.yaml", {("projections", 0, "gain"): facts["gains"]["projections.0.gain"]})
    assert (folder / "t.yaml").read_text() == text


def test_nothing_is_written_where_a_target_is_out_of_reach(folder):
    result = call("tune", folder / "spec.yaml", "-o", folder / "t.yaml", "--rate", 4000, status=2)
    assert "does not fit steps" in result.stderr
    assert not (folder / "t.yaml").exists()
