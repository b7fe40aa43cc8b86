"""Faults do what they say: counted, in the places that they name, the same for a seed, and on every engine."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from bench import robust
from lsm_backends import emulator, fast
from programs import ALL_KINDS, GRADED_KINDS, random_case

from lsm_deploy import store
from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.core.messages import Message
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.measure.faults import FAULTS, Fault, faulty_program, faulty_stimulus
from lsm_deploy.report.manual import manual_page

OF_PROGRAMS = [name for name, kind in FAULTS.items() if kind.program is not None]
OF_STIMULI = [name for name, kind in FAULTS.items() if kind.stimulus is not None]
STRENGTHS = {"lost-cores": 1.0}
MANY = 20_000


def one_projection(sign_mode: str, bits: int, weight: int = 0, many: int = MANY) -> Program:
    """A channel with so many synapses, of this weight, or of every one that there is in turn."""
    mixed = sign_mode == "mixed"
    least, most = {"mixed": (-(1 << (bits - 1)), (1 << (bits - 1)) - 1), "excitatory": (0, (1 << bits) - 1),
                   "inhibitory": (1 - (1 << bits), 0)}[sign_mode]  # fmt: skip
    codes = np.arange(many) % (most - least + 1) + least
    weights = np.full(many, weight) if weight else codes * fixed.grid_step(bits, mixed)
    p = QProjection("p", INPUT, "n", sign_mode, bits, 0, np.array([0, many]), np.arange(many), weights, np.zeros(many))
    ones = np.ones(many, np.int64)
    neurons = QPopulation("n", "LIF", many, {"du": 99 * ones, "dv": 99 * ones, "vth": 1000 * ones,
                                             "bias_mant": 0 * ones, "bias_exp": 0 * ones})  # fmt: skip
    cores = np.arange(many) * 5 // many
    return Program(QNetwork(1.0, 1, 0, (neurons,), (p,)), cores, "oheo_gulch")


def weights_of(program: Program) -> np.ndarray:
    return program.network.projections[0].weights.astype(np.int64)


# --- weights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize(("sign_mode", "bits"), [("excitatory", 8), ("inhibitory", 8), ("mixed", 8), ("excitatory", 3),
                                                 ("inhibitory", 5), ("mixed", 4)])  # fmt: skip
def test_a_bit_of_a_weight_flips_where_it_is_held(sign_mode: str, bits: int, bit: int) -> None:
    healthy = one_projection(sign_mode, bits, many=2000)
    before, after = weights_of(healthy), weights_of(faulty_program(healthy, f"weight-bit-{bit}", 1.0))
    if bit < 8 - bits:
        assert np.array_equal(before, after)
    elif sign_mode == "mixed":  # two's complement of halves
        assert np.array_equal((before // 2 & 0xFF) ^ (after // 2 & 0xFF), np.full(2000, 1 << bit))
    else:
        assert np.array_equal(np.abs(before) ^ np.abs(after), np.full(2000, 1 << bit))
        assert (np.sign(after) * (-1 if sign_mode == "inhibitory" else 1) >= 0).all()


def test_bits_flip_at_their_rate_each_by_itself() -> None:
    healthy = one_projection("excitatory", 8)
    flips = weights_of(healthy) ^ weights_of(faulty_program(healthy, "weight-bits", 0.03, seed=1))
    of_bit = np.array([(flips >> bit & 1).mean() for bit in range(8)])
    assert np.abs(of_bit - 0.03).max() < 4 * np.sqrt(0.03 * 0.97 / MANY)
    both = ((flips & 1) & (flips >> 7 & 1)).mean()
    assert both < 0.005  # 0.0009 where they are independent, 0.03 where they are the same


@pytest.mark.parametrize(("kind", "after"), [("stuck-synapses", 0), ("doubled-synapses", 200)])
def test_synapses_are_hit_at_their_rate(kind: str, after: int) -> None:
    healthy = one_projection("excitatory", 8, weight=100)
    weights = weights_of(faulty_program(healthy, kind, 0.2))
    assert set(weights.tolist()) == {100, after}
    assert abs((weights == after).mean() - 0.2) < 0.02


@pytest.mark.parametrize(("sign_mode", "bits", "ends"), [("excitatory", 8, (0, 255)), ("inhibitory", 4, (-240, 0)),
                                                         ("mixed", 8, (-256, 254)), ("mixed", 5, (-256, 240)),
                                                         ])  # fmt: skip
def test_a_doubled_weight_stays_on_its_grid(sign_mode: str, bits: int, ends: tuple[int, int]) -> None:
    healthy = one_projection(sign_mode, bits, many=1000)
    doubled = weights_of(faulty_program(healthy, "doubled-synapses", 1.0))
    assert np.array_equal(doubled, np.clip(2 * weights_of(healthy), *ends))


# --- neurons -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("seed", range(3))
def test_dead_neurons_send_nothing_and_stuck_ones_all_the_time(kind: str, seed: int) -> None:
    program, stimulus = random_case(seed, kinds=(kind,))
    assert not emulator.run(faulty_program(program, "dead-neurons", 1.0), stimulus).spikes.any()
    firing = faulty_program(program, "firing-neurons", 1.0)
    spikes = emulator.run(firing, stimulus).spikes
    for p in program.network.populations:
        mine, largest = spikes[:, program.network.columns(p.name)], KINDS[kind].largest_messages(p.registers)
        period = p.registers.get("period", np.ones(p.size, np.int64))
        due = np.arange(len(spikes))[:, None] % period == p.registers.get("phase", 0)
        if not program.network.sample_interval:
            for a, b in zip(stimulus.starts, [*stimulus.starts[1:], len(spikes)], strict=True):
                assert np.array_equal(mine[a:b], np.where(due[: b - a], largest, 0))


def test_neurons_and_cores_are_hit_as_often_as_asked() -> None:
    healthy = one_projection("excitatory", 8, weight=100)
    stuck = weights_of(faulty_program(healthy, "dead-neurons", 0.1, seed=3)) == 0
    assert abs(stuck.mean() - 0.1) < 0.01
    lost = weights_of(faulty_program(healthy, "lost-cores", 2, seed=3)) == 0
    assert np.bincount(healthy.cores[lost], minlength=5).tolist() in (
        np.where(np.isin(range(5), pair), MANY // 5, 0).tolist()
        for pair in [(a, b) for a in range(5) for b in range(a)]
    )
    with pytest.raises(LsmError, match="6 cores cannot be lost: the program is on 5"):
        faulty_program(healthy, "lost-cores", 6)


def test_thresholds_are_off_by_their_deviation() -> None:
    healthy = one_projection("excitatory", 8)
    vth = faulty_program(healthy, "thresholds", 0.1).network.populations[0].registers["vth"]
    assert abs(vth.mean() - 1000) < 5
    assert abs(vth.std() - 100) < 5
    assert faulty_program(healthy, "thresholds", 10.0).network.populations[0].registers["vth"].min() == 0


# --- what enters ---------------------------------------------------------------------------------------------------


def spikes_of(rows: str) -> Stimulus:
    return Stimulus(np.array([[int(s) for s in row] for row in rows.split()], np.int8), np.array([0, 3]))


def test_lost_and_doubled_spikes() -> None:
    stimulus = spikes_of("10 00 11 01 01 00")
    assert not faulty_stimulus(stimulus, "dropped-spikes", 1.0).spikes.any()
    doubled = faulty_stimulus(stimulus, "doubled-spikes", 1.0)
    # Not over the end of a sample, and not onto what is there.
    assert np.array_equal(doubled.spikes, spikes_of("10 10 11 01 01 01").spikes)
    graded = Stimulus(np.array([[5], [-100], [0]], np.int16), np.array([0]))
    twice = faulty_stimulus(graded, "doubled-spikes", 1.0, message=Message(8, signed=True))
    assert twice.spikes[:, 0].tolist() == [10, -127, 0]


@pytest.mark.parametrize("kind", OF_STIMULI)
def test_spikes_are_hit_at_their_rate_and_by_sample(kind: str) -> None:
    rng = np.random.default_rng(0)
    whole = Stimulus((rng.random((3000, 4)) < 0.2).astype(np.int8), np.array([0, 1000, 2500]))
    faulty = faulty_stimulus(whole, kind, 0.5, seed=4)
    second = Stimulus(whole.spikes[1000:], np.array([0, 1500]))
    alone = faulty_stimulus(second, kind, 0.5, seed=4, first=1)  # the same, whatever it is run with
    assert np.array_equal(alone.spikes, faulty.spikes[1000:])
    if kind == "dropped-spikes":
        assert abs(faulty.spikes.sum() / whole.spikes.sum() - 0.5) < 0.03
        assert not (faulty.spikes & ~whole.spikes).any()
    if kind == "doubled-spikes":
        assert not (whole.spikes & ~faulty.spikes).any()
        assert abs(faulty.spikes.sum() / whole.spikes.sum() - 1.4) < 0.03  # half of them, where there is room: 80 %


def test_jitter_moves_spikes_by_its_deviation() -> None:
    steps = np.arange(100, 60_000, 100)
    spikes = np.zeros((60_000, 1), np.int8)
    spikes[steps] = 1
    moved = np.flatnonzero(faulty_stimulus(Stimulus(spikes, np.array([0])), "jitter", 4.0).spikes)
    off = moved - steps
    assert abs(off.mean()) < 0.5
    assert abs(off.std() - 4.0) < 0.4


# --- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FAULTS)
def test_no_fault_is_the_program_and_the_stimulus_bit_for_bit(kind: str) -> None:
    program, stimulus = random_case(2)
    same, entering = faulty_program(program, kind, 0.0, seed=5), faulty_stimulus(stimulus, kind, 0.0, seed=5)
    assert store.program_id(same) == store.program_id(program)
    assert np.array_equal(entering.spikes, stimulus.spikes)


@pytest.mark.parametrize("kinds", [ALL_KINDS, GRADED_KINDS, (*ALL_KINDS, *GRADED_KINDS)])
@pytest.mark.parametrize("kind", OF_PROGRAMS)
def test_a_faulty_program_is_a_program(kind: str, kinds: tuple[str, ...], tmp_path) -> None:
    strength = STRENGTHS.get(kind, 0.3)
    compared = 0
    for seed in range(3):
        program, stimulus = random_case(seed, kinds=kinds)
        program = replace(program, cores=np.arange(program.network.neurons) % 3, target="oheo_gulch")
        if kind == "thresholds" and not any(KINDS[name].LEVELS for name in program.network.kinds):
            with pytest.raises(LsmError, match="none of its neurons has a threshold"):
                faulty_program(program, kind, strength)
            continue
        faulty = faulty_program(program, kind, strength, seed=seed)
        assert store.program_id(faulty) == store.program_id(faulty_program(program, kind, strength, seed=seed))
        store.save_program(tmp_path / "faulty.lsm", faulty)
        assert store.program_id(store.load_program(tmp_path / "faulty.lsm")) == store.program_id(faulty)
        record = faulty.network.state_names
        ours, theirs = emulator.run(faulty, stimulus, record), fast.run(faulty, stimulus, record)
        assert np.array_equal(ours.spikes, theirs.spikes)
        for name, values in ours.registers.items():
            assert np.array_equal(values, theirs.registers[name]), name
        compared += 1
    assert compared or kind == "thresholds"


@pytest.mark.parametrize("kind", ["weight-bits", "stuck-synapses", "dead-neurons"])
def test_what_a_weak_fault_breaks_a_strong_one_breaks_too(kind: str) -> None:
    healthy = one_projection("excitatory", 8, weight=100)
    weak, strong = (weights_of(faulty_program(healthy, kind, s, seed=7)) ^ 100 for s in (0.1, 0.3))
    assert not (weak & ~strong).any()
    other = weights_of(faulty_program(healthy, kind, 0.1, seed=8)) ^ 100
    assert (weak != other).any()


WRONG = {
    "there is no fault 'dead-neuron'": ("dead-neuron", 0.1, 0),
    "its strength \\(share of bits\\) is 1.5": ("weight-bits", 1.5, 0),
    "is -1": ("jitter", -1, 0),
    "is nan": ("jitter", float("nan"), 0),
    "its strength \\(cores\\) is 0.5": ("lost-cores", 0.5, 0),
    "the strength of a fault is of type str": ("jitter", "1", 0),
    "its seed is -1": ("jitter", 1, -1),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_fault_that_cannot_be_is_misuse(words: str) -> None:
    with pytest.raises(MisuseError, match=words):
        Fault(*WRONG[words])


def test_the_manual_has_every_fault_in_its_own_words() -> None:
    rows = [line for line in manual_page("sweep").splitlines() if re.match(r"\| `[a-z]+-?[a-z]*", line)]
    rows = rows[[row.startswith("| `weight-bits`") for row in rows].index(True) :]
    of_bits = {f"weight-bit-{bit}" for bit in range(7)}  # in one row with that of bit 7
    words = {name: kind.words.replace("bit 7 of", "bit 7 ... 0 of") for name, kind in FAULTS.items()}
    assert rows == [
        f"| `{name}`{' ... `weight-bit-0`' * (name == 'weight-bit-7')} | {words[name]} | {kind.unit} |"
        for name, kind in FAULTS.items()
        if name not in of_bits
    ]


def test_what_is_measured_for_the_manual_can_be() -> None:
    for faults in (
        robust.FAULTS,
        robust.OF_FORECASTS,
        robust.AGAIN,
        *(each for _, _, each in robust.REDUNDANCY.values()),
    ):
        for kind, strengths in faults.items():
            assert [Fault(kind, strength).strength for strength in strengths] == sorted(strengths)
