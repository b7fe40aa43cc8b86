"""A divergence becomes small, stays one, and can be replayed without this project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from liquid import liquid, stimulus
from lsm_backends import emulator
from lsm_backends.lava import sim
from mutants import drawn
from programs import random_case

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.parity import reduction as shrinking
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.forensics import reference_run
from lsm_deploy.parity.reduction import assemble, between, one_by_one, shrink, take_apart
from lsm_deploy.parity.reduction.parts import drop_rows, keep_neurons, replay, tidy, undelay
from lsm_deploy.parity.variants import run_variant
from lsm_deploy.store import load_program, load_stimulus

pytestmark = pytest.mark.once

UV = ("u", "v")


def variant(rule: str):
    return lambda program, given: run_variant(rule, program, given, program.network.state_names)


def question(rule: str, **options: int):
    return between(reference_run, variant(rule), **options)


# --- taking apart and putting together --------------------------------------------------------------------------------


def columns_equal(whole: Trace, part: Trace, columns, steps: int) -> bool:
    return np.array_equal(whole.spikes[:steps, columns], part.spikes) and all(
        np.array_equal(whole.registers[name][:steps, columns], values) for name, values in part.registers.items()
    )


def test_a_case_survives_being_taken_apart():
    for seed in range(20):
        program, given = random_case(seed)
        again, same, (columns,) = assemble([take_apart(program, given)])
        assert np.array_equal(columns, np.arange(program.network.neurons))
        assert columns_equal(reference_run(program, given), reference_run(again, same), columns, len(given.spikes))


def test_cases_side_by_side_do_not_meet():
    program, given = liquid(), stimulus()
    whole = take_apart(program, given)
    cases = [
        whole,
        keep_neurons(whole, np.array([1, 4, 17])),
        drop_rows(whole, np.arange(120) >= 40),
        drop_rows(keep_neurons(whole, np.arange(7, 20)), np.arange(120) < 33),
    ]
    together, joint, columns = assemble(cases)
    trace = reference_run(together, joint)
    for case, chosen in zip(cases, columns, strict=True):
        alone, own, _ = assemble([case])
        expected = reference_run(alone, own)
        rows = slice(0, len(case.spikes))
        assert np.array_equal(trace.spikes[rows, chosen], expected.spikes)
        for name in UV:
            assert np.array_equal(trace.registers[name][rows, chosen], expected.registers[name])


@pytest.mark.parametrize("seed", range(12))
def test_a_neuron_fed_with_recorded_spikes_does_as_it_did(seed):
    program, given = random_case(seed)
    whole, trace = take_apart(program, given), reference_run(program, given)
    for neuron in range(program.network.neurons):
        fed = replay(whole, np.array([neuron]), trace.spikes)
        if fed is None:
            assert (trace.spikes < 0).any()
            continue
        for case in (tidy(fed), tidy(undelay(tidy(fed)))):
            small, own, _ = assemble([case])
            assert columns_equal(trace, reference_run(small, own), [neuron], len(given.spikes))


# --- shrinking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "steps"), [("rounding", 3), ("delay", 3), ("du-offset", 3), ("v-reset", 12), ("threshold-shift", 1)]
)
def test_a_divergence_becomes_small(rule, steps):
    program, given = liquid(), stimulus()
    made = shrink(program, given, question(rule))
    assert not compare(
        made.program, reference_run(made.program, made.stimulus), variant(rule)(made.program, made.stimulus), UV
    ).equal
    assert made.neurons == (20, 1)
    assert made.steps[1] <= steps
    assert made.stopped == ""
    # One-minimal: nothing can be left out alone.
    parts = take_apart(made.program, made.stimulus)
    fewer = [drop_rows(parts, np.arange(made.steps[1]) != t) for t in range(made.steps[1])]
    assert not any(question(rule)(fewer))


def test_what_needs_two_neurons_keeps_two():
    """The sides part only where a spike of one population reaches the other, and not in any neuron by itself."""
    program, given = liquid(), stimulus()

    def meets(program: Program, given: Stimulus) -> bool:
        names = [p.name for p in program.network.populations]
        inner = [p for p in program.network.projections if p.source == "exc" and p.target == "inh"]
        if names != ["exc", "inh"] or not inner:
            return False
        sizes = program.network.populations[0].size
        spikes = emulator.run(program, given).spikes[:, :sizes]
        return bool(spikes.any())

    made = shrink(program, given, one_by_one(meets), seconds=30)
    assert meets(made.program, made.stimulus)
    assert made.neurons[1] == 2
    assert made.synapses[1] <= 3


def test_several_samples_and_the_interval_policy():
    program, given = liquid(), stimulus(starts=(0, 60))
    made = shrink(program, given, question("fresh"))
    assert len(made.stimulus.starts) == 2  # without a second sample there is no difference
    assert made.neurons[1] == 1
    program = liquid(interval=30)
    made = shrink(program, given, question("reset-none"))
    assert made.program.network.sample_interval == 30
    assert made.neurons[1] == 1
    assert made.steps[1] <= 31


def test_a_coincidence_is_found_again_in_a_few_steps():
    program, given = liquid(exc=150, inh=20, degree=8), stimulus(300)
    reference = reference_run(program, given)
    broken = variant("threshold")(program, given)
    assert not compare(program, reference, broken, UV).equal, "nobody met the threshold: draw another liquid"
    made = shrink(program, given, question("threshold"))
    assert made.neurons == (170, 1)
    assert made.steps[1] <= 12  # ddmin alone ends at twice as many


def test_sides_that_agree_cannot_be_shrunk():
    with pytest.raises(LsmError, match="do not part on this program"):
        shrink(liquid(), stimulus(20), between(reference_run, reference_run))


def test_out_of_time_and_interrupted_it_keeps_the_best():
    program, given = liquid(), stimulus()
    made = shrink(program, given, question("rounding"), seconds=0)
    assert made.stopped == "the time was up"
    assert made.neurons == (20, 20)

    asked = question("rounding")
    calls = 0

    def interrupted(cases):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return asked(cases)

    made = shrink(program, given, interrupted)
    assert made.stopped == "interrupted"
    assert made.steps[1] < 120
    assert any(question("rounding")([take_apart(made.program, made.stimulus)]))


def test_slow_sides_are_asked_about_many_cases_at_once():
    made = shrink(liquid(), stimulus(), question("v-reset"))
    assert made.asked > 2 * made.runs
    assert made.runs < 100


def test_a_difference_that_needs_company_is_still_found():
    """Sides that part in a run of many cases, but not on the small one alone, are asked one case at a time."""
    program, given = liquid(), stimulus()
    asked = question("rounding")

    def deceived(cases):
        return [True] * len(cases) if len(cases) > 1 else asked(cases)

    made = shrink(program, given, deceived, seconds=20)
    assert any(asked([take_apart(made.program, made.stimulus)]))


# --- the folder -------------------------------------------------------------------------------------------------------


def shrunk_folder(folder: Path, rule: str, program: Program, given: Stimulus) -> None:
    made = shrink(program, given, question(rule), seconds=20)
    shrinking.write(folder, made, variant(rule)(made.program, made.stimulus), 'a "{name}"\\', "because")


def run(script: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *flags, str(script)], capture_output=True, text=True, timeout=120)


# Neither the folder of the tests nor an installed package of ours is on the path: imports of either would fail.
ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("lsm_deploy", "lsm_backends"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import runpy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_alone(script: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", "-c", ALONE, str(script)], capture_output=True, text=True, timeout=120)


def kinds_of(program: Program) -> set[str]:
    return {p.kind for p in program.network.populations}


def test_replay_runs_alone_for_every_kind(tmp_path):
    """Whole cases, unshrunk: the script computes each spike that the emulator does."""
    left = set(KINDS)
    for seed in range(200):
        program, given = drawn(seed)
        if not left & kinds_of(program) or program.network.synapses > 500:
            continue
        ours = reference_run(program, given)
        registers = {name: values.copy() for name, values in ours.registers.items()}
        registers[KINDS[program.network.populations[0].kind].STATE[0]][-1, 0] += 1
        theirs = Trace(ours.spikes, registers, ours.starts, {})
        d = compare(program, ours, theirs, program.network.state_names).divergence
        assert d is not None
        script = tmp_path / f"replay{seed}.py"
        script.write_text(shrinking.scripts.numpy_script(program, given, ours, theirs, d, "title", "other"))
        done = run_alone(script)
        assert done.returncode == 0, done.stderr
        assert "spikes and registers are those expected" in done.stdout
        # Every row agrees but the last, which was altered.
        (last,) = [line for line in done.stdout.splitlines() if line.endswith("<- differs")]
        assert last.split()[0] == str(len(given.spikes) - 1)
        left -= kinds_of(program)
        if not left:
            return
    raise AssertionError(f"no case has {left}")


def test_a_replay_that_is_wrong_says_so(tmp_path):
    shrunk_folder(tmp_path / "case", "v-reset", liquid(), stimulus())
    script = tmp_path / "case" / "replay.py"
    script.write_text(script.read_text().replace("fixed_DECAY_UNITY = 1 <<", "fixed_DECAY_UNITY = 2 <<"))
    done = run_alone(script)
    assert done.returncode == 1
    assert "is not as expected" in done.stderr


def test_the_folder(tmp_path):
    folder = tmp_path / "case"
    shrunk_folder(folder, "rounding", liquid(), stimulus())
    assert {f.name for f in folder.iterdir()} == {
        "README.txt", "lava_replay.py", "program.lsm", "replay.py", "stimulus.npz",
    }  # fmt: skip
    program, given = load_program(folder / "program.lsm"), load_stimulus(folder / "stimulus.npz")
    assert any(question("rounding")([take_apart(program, given)]))
    assert "because" in (folder / "README.txt").read_text()
    assert (folder / "replay.py").read_text().startswith('"""a __name___ parts from the definition: 1 neuron, 3 steps')
    done = run_alone(folder / "replay.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("<- differs") == 1


@pytest.mark.lava
@pytest.mark.skipif(sim.missing() is not None, reason=str(sim.missing()))
def test_lava_agrees_in_its_own_script(tmp_path):
    folder = tmp_path / "case"
    shrunk_folder(folder, "v-reset", liquid(), stimulus())
    done = run_alone(folder / "lava_replay.py")
    assert done.returncode == 0, done.stderr
    assert "Lava agrees with the expected values" in done.stdout
    text = (folder / "lava_replay.py").read_text()
    weight = str(load_program(folder / "program.lsm").network.projections[0].weights[0])
    (folder / "lava_replay.py").write_text(text.replace("'s': [[0", "'s': [[1"))
    assert weight in text
    done = run_alone(folder / "lava_replay.py")
    assert done.returncode == 1
    assert "Lava DIFFERS from the expected values" in done.stdout


@pytest.mark.lava
@pytest.mark.skipif(sim.missing() is not None, reason=str(sim.missing()))
def test_lava_against_a_variant(tmp_path):
    """A side that takes seconds a run: few runs, many cases in each."""
    program, given = liquid(), stimulus(40)
    runs = 0

    def lava(program: Program, given: Stimulus) -> Trace:
        nonlocal runs
        runs += 1
        if runs > 5:
            raise KeyboardInterrupt  # as a user does who has seen enough
        return sim.run(program, given, UV)

    made = shrink(program, given, between(lava, variant("dv-offset")), seconds=300)
    assert made.stopped == "interrupted"
    assert made.neurons[1] == 1
    assert made.steps[1] <= 8
    assert made.asked > made.runs


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LsmError, match="cannot make this folder"):
        shrunk_folder(tmp_path / "file" / "case", "rounding", liquid(), stimulus())


def test_nothing_to_show(tmp_path):
    made = shrink(liquid(), stimulus(), question("rounding"))
    with pytest.raises(LsmError, match="does as defined on the small case"):
        shrinking.write(tmp_path / "x", made, reference_run(made.program, made.stimulus), "brian", "")


@pytest.mark.lava
@pytest.mark.skipif(sim.missing() is not None, reason=str(sim.missing()))
def test_a_sum_beyond_32_bits_fits_a_script(tmp_path):
    """It takes a thousand synapses on a pair, and Lava's compiler bears no thousand processes."""
    synapses = 1100
    registers = {"du": 4095, "dv": 4095, "vth": 131071, "bias_mant": 0, "bias_exp": 0}
    population = QPopulation("p", "LIF", 1, {name: np.full(1, value) for name, value in registers.items()})
    ends, zeros = np.array([0, synapses]), np.zeros(synapses)
    projection = QProjection("c", INPUT, "p", "excitatory", 8, 7, ends, zeros, np.full(synapses, 255), zeros)
    program = Program(QNetwork(1.0, 1, 0, (population,), (projection,)), np.zeros(1), "oheo_gulch")
    given = Stimulus(np.array([[1], [0], [0]]), np.zeros(1, np.int64))
    ours = reference_run(program, given)
    assert synapses * 255 << 7 << 6 > 1 << 31
    assert ours.registers["u"].any()
    script = tmp_path / "lava_replay.py"
    script.write_text(sim.script(program, given, ours, "title"))
    done = run_alone(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Lava agrees with the expected values" in done.stdout


@pytest.mark.parametrize("rule", ["graded-rate-rounding", "graded-message-saturation", "weight-exponent"])
def test_a_graded_case_shrinks_and_its_replay_runs(rule, tmp_path):
    for seed in range(2, 300, 3):
        program, given = drawn(seed)
        if "GradedLI" in program.network.kinds and differ(rule, program, given):
            break
    shrunk_folder(tmp_path / "case", rule, program, given)
    small = load_program(tmp_path / "case" / "program.lsm")
    assert small.network.neurons <= 3
    assert differ(rule, small, load_stimulus(tmp_path / "case" / "stimulus.npz"))
    done = run_alone(tmp_path / "case" / "replay.py")
    assert "spikes and registers are those expected" in done.stdout, done.stderr


def differ(rule: str, program: Program, given: Stimulus) -> bool:
    ours, theirs = reference_run(program, given), variant(rule)(program, given)
    return compare(program, ours, theirs, program.network.state_names).divergence is not None
