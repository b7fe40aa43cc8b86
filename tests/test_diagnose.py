"""Liquid diagnostics: liquids whose answers are known, figures against computations of their own, and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from calls import SPEC as ONE
from calls import call

import lsm_deploy as ld
from lsm_deploy.compile import pipeline
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Network, Population, Projection, Stimulus
from lsm_deploy.data import Frames
from lsm_deploy.measure.diagnosis import (
    capacity,
    diagnosis,
    fading,
    growth,
    liquid,
    ranks,
    separation,
    shown,
    state_space,
    stimuli,
)
from lsm_deploy.measure.diagnosis.liquid import Specimen, deployed_liquid, float_liquid
from lsm_deploy.report.pictures.trajectories import in_a_plane

pytestmark = pytest.mark.once

TAU = 20.0
AT_ONCE = {"tau_mem_ms": 1e-3, "tau_syn_ms": 0.0, "v_threshold": 1.0, "bias": 0.0}
"""A neuron that relays a spike whose weight passes the threshold, and forgets."""


def projection(source, target, pairs, sources):
    """Synapses from (pre, post, weight, delay_ms)."""
    pairs = sorted(pairs)
    pre, post, weight, delay = (np.array(column) for column in zip(*pairs, strict=True))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=sources))])
    return Projection(f"{source}->{target}", source, target, "mixed", 8, indptr, post, weight, delay.astype(float))


def network(size, values, inputs, recurrent=(), channels=1):
    population = Population("liquid", "LIF", size, {name: np.full(size, value) for name, value in values.items()})
    projections = [projection(INPUT, "liquid", inputs, channels)]
    if recurrent:
        projections.append(projection("liquid", "liquid", recurrent, size))
    return Network(1.0, channels, 0, (population,), tuple(projections))


def both(given):
    """The float and the deployed liquid."""
    read = np.arange(sum(p.size for p in given.populations))
    return float_liquid(given, read), deployed_liquid(pipeline.compile_built(given).program, read, "emulator")


@pytest.fixture(params=[0, 1], ids=["float", "deployed"])
def side(request):
    """The liquid of a network, on either side."""
    return lambda given: both(given)[request.param]


def relay(channels, copies=1):
    inputs = [(c, c * copies + k, 1.5, 0) for c in range(channels) for k in range(copies)]
    return network(channels * copies, AT_ONCE, inputs, channels=channels)


def leaky(size=20, channels=6, recurrent=0.0, seed=1):
    rng = np.random.default_rng(seed)
    inputs = [(c, n, 0.4, 0) for n in range(size) for c in sorted(rng.choice(channels, 3, replace=False).tolist())]
    weights = rng.normal(0, recurrent, (size, size)) * (rng.random((size, size)) < 0.3)
    pairs = [(i, j, weights[j, i], 1) for i in range(size) for j in range(size) if weights[j, i]]
    values = {"tau_mem_ms": 10.0, "tau_syn_ms": 3.0, "v_threshold": 1.0, "bias": 0.0}
    return network(size, values, inputs, pairs, channels)


# --- states and stimuli ---------------------------------------------------------------------------------------------


def state_by_hand(spikes):
    x = np.zeros(spikes.shape)
    for t in range(len(spikes)):
        x[t] = spikes[t] + (np.exp(-1 / TAU) * x[t - 1] if t else 0)
    return x


def test_states_begin_at_rest_in_every_sample():
    spikes = (np.random.default_rng(0).random((50, 3)) < 0.2).astype(np.int8)
    stimulus = Stimulus(spikes, np.array([0, 20]))
    parts = [state_by_hand(spikes[:20]), state_by_hand(spikes[20:])]
    np.testing.assert_allclose(state_space.trajectories(spikes, stimulus, TAU), np.concatenate(parts))
    np.testing.assert_allclose(state_space.final_states(spikes, stimulus, TAU), [parts[0][-1], parts[1][-1]])


def test_ranks_and_dimensions_that_are_known():
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(9, 9)))[0] for _ in range(2))
    singular = np.array([100.0, 50.0, 2.0, 1.1, 0.9, 0.5, 0.0, 0.0, 0.0])
    assert state_space.numerical_rank(left @ np.diag(singular) @ right) == 4
    assert state_space.effective_rank(left) == pytest.approx(9)
    assert state_space.effective_rank(np.outer(left[0], right[0])) == pytest.approx(1)
    assert (state_space.numerical_rank(np.zeros((3, 4))), state_space.effective_rank(np.zeros((3, 4)))) == (0, 0.0)
    turned = np.concatenate([np.eye(4), -np.eye(4)]) @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 7
    assert state_space.dimension(turned) == pytest.approx(4)
    assert state_space.dimension(np.outer(np.arange(5.0), np.ones(3))) == pytest.approx(1)
    assert state_space.dimension(np.arange(5.0)[:, None]) == pytest.approx(1)
    assert state_space.dimension(np.ones((5, 3))) is None


def test_variants_of_a_sample():
    rows = stimuli.poisson(4000, 5, 0.04, np.random.default_rng(0))
    assert rows.mean() == pytest.approx(0.04, rel=0.1)
    assert (stimuli.redrawn(rows, 0.0, 0.04, np.random.default_rng(1)) == rows).all()
    again = stimuli.redrawn(rows, 0.3, 0.04, np.random.default_rng(1))
    assert (again != rows).mean() == pytest.approx(0.3 * 2 * 0.04 * 0.96, rel=0.1)
    one = np.zeros((1001, 2000), np.int8)
    one[500] = 1
    moved = np.argwhere(stimuli.jittered(one, 3.0, np.random.default_rng(2)))[:, 0] - 500
    assert len(moved) == 2000
    assert moved.std() == pytest.approx(3.0, rel=0.1)
    assert abs(moved.mean()) < 0.3
    ends = stimuli.jittered(np.ones((2, 500), np.int8), 9.0, np.random.default_rng(3))
    assert 500 <= ends.sum() <= 1000  # within the sample, and some have met


# --- separation -----------------------------------------------------------------------------------------------------


def test_identical_inputs_are_not_separated(side):
    pairs = separation.pairs_of(6, 0.05, 1.0, 3)
    same = separation.Pairs(pairs.samples, (pairs.samples,))
    assert separation.separate(side(leaky(recurrent=0.8)), same, TAU) == separation.Separation((0.0,), (0.0,))


def test_a_relay_separates_as_its_input_is(side):
    pairs = separation.pairs_of(4, 0.05, 1.0, 3)
    found = separation.separate(side(relay(4)), pairs, TAU)
    assert list(found.inputs) == sorted(found.inputs)
    assert 0.02 < found.inputs[0] < found.inputs[-1] < 1
    np.testing.assert_allclose(found.states, found.inputs, atol=0.01)  # the last step's spikes come too late

    def norm2(spikes):  # pair by pair
        times = [np.flatnonzero(spikes[:, c]) for c in range(spikes.shape[1])]
        return sum(np.exp(-np.abs(a[:, None] - a[None]) / TAU).sum() for a in times)

    def product(first, second):
        pairs = [(np.flatnonzero(first[:, c]), np.flatnonzero(second[:, c])) for c in range(first.shape[1])]
        return sum(np.exp(-np.abs(a[:, None] - b[None]) / TAU).sum() for a, b in pairs)

    apart = held = 0.0
    for a, b in zip(np.split(pairs.samples.spikes, 10), np.split(pairs.others[1].spikes, 10), strict=True):
        held += norm2(a) + norm2(b)
        apart += norm2(a) + norm2(b) - 2 * product(a, b)
    assert found.inputs[1] == pytest.approx(np.sqrt(apart / held))


def test_classes_by_hand():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 3)) + np.arange(7)[:, None]
    labels = ("a", "b", "c", "a", "b", "a", "c")
    found = separation.separate_classes(x, labels)
    of = {name: [x[i] for i in range(7) if labels[i] == name] for name in "abc"}
    mean = {name: sum(rows) / len(rows) for name, rows in of.items()}
    between = sum(np.sqrt(((mean[c] - mean[d]) ** 2).sum()) for c in "abc" for d in "abc") / 9
    within = sum(sum(np.sqrt(((r - mean[c]) ** 2).sum()) for r in of[c]) / len(of[c]) for c in "abc") / 3
    assert (found.between, found.within) == (pytest.approx(between), pytest.approx(within))
    assert found.separation == pytest.approx(between / (within + 1))
    assert found.ratio == pytest.approx(between / within)
    assert separation.separate_classes(x, ("a",) * 7) is None
    assert separation.separate_classes(x, ()) is None
    assert separation.separate_classes(x[:2], ("a", "b")).ratio is None


# --- ranks ----------------------------------------------------------------------------------------------------------


def test_the_kernel_rank_of_a_relay_is_the_number_of_its_channels(side):
    different, variants = ranks.rank_stimuli(8, 0.05, 1.0, 1)
    assert len(different.starts) == len(variants.starts) == ranks.INPUTS
    found = ranks.ranks(side(relay(8, copies=3)), (different, variants), TAU)
    assert found.most == 24
    assert found.kernel.numerical == 8  # three neurons to a channel, which say the same
    first = stimuli.end_to_end([different.spikes[:100]] * 5)
    again = ranks.ranks(side(relay(8, copies=3)), (different, first), TAU)
    assert again.generalisation.numerical == 1
    assert again.generalisation.effective == pytest.approx(1)
    assert found.generalisation.effective < found.kernel.effective


def test_variants_are_of_the_first_input_and_little_apart():
    different, variants = ranks.rank_stimuli(8, 0.05, 1.0, 1)
    first = different.spikes[:100]
    near, far = [], []
    for k in range(20):
        window = slice(100 * k, 100 * (k + 1))
        near.append(np.abs(np.cumsum(variants.spikes[window].astype(int) - first, axis=0)).sum())
        far.append(np.abs(np.cumsum(different.spikes[window].astype(int) - first, axis=0)).sum())
    assert max(near) < min(far[1:])


# --- memory capacity ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 6])
def test_the_capacity_of_a_delay_line_is_its_length(side, length):
    hop = capacity.SYMBOL_MS - 1  # a synapse takes one step more
    chain = [(i, i + 1, 1.5, hop) for i in range(length - 1)]
    line = network(length, AT_ONCE, [(0, 0, 1.5, hop)], chain)
    found = capacity.capacity(side(line), capacity.bit_stream(1, 0.05, 1.0, 5))
    assert found.total == pytest.approx(length, abs=0.1)
    np.testing.assert_allclose(found.curve[1 : length + 1], 1.0, atol=1e-6)
    assert max(found.curve[length + 1 :], default=0) < 0.05
    assert found.curve[0] < 0.05
    assert 0 < found.chance < 0.01


def test_capacity_by_hand(side):
    liquid, bits = side(leaky(recurrent=0.1)), capacity.bit_stream(6, 0.05, 1.0, 5)
    found = capacity.capacity(liquid, bits)
    spikes = liquid.spikes(bits.stimulus)
    counts = np.array([spikes[10 * k : 10 * k + 10].sum(axis=0) for k in range(len(bits.bits))], float)
    for delay in range(4):
        rows = range(20, len(counts))
        x = np.array([[*counts[k], 1.0] for k in rows])
        y = np.array([bits.bits[k - delay] for k in rows])
        coef = np.linalg.lstsq(x[:800], y[:800], rcond=None)[0]
        expected = np.corrcoef(x[800:] @ coef, y[800:])[0, 1] ** 2
        assert found.curve[delay] == pytest.approx(expected, abs=0.03)
    assert found.curve[0] > 0.9
    assert 0.1 < found.total < 5
    c = found.chance
    assert found.total == pytest.approx((sum(found.curve[1:]) - 20 * c) / (1 - c))


def test_a_bit_drives_half_of_the_channels():
    found = capacity.bit_stream(8, 0.05, 0.5, 5)
    assert found.steps == 20
    symbols = found.stimulus.spikes.reshape(len(found.bits), 20, 8)
    ones, zeros = symbols[found.bits == 1], symbols[found.bits == 0]
    assert (ones == ones[0]).all()
    assert (zeros == zeros[0]).all()
    assert ones[0].sum() == zeros[0].sum() == 4 * 2  # 2 * 0.05 * 20 steps
    assert (ones[0].any(axis=0) ^ zeros[0].any(axis=0)).all()
    assert 0.45 < found.bits.mean() < 0.55
    assert abs(np.corrcoef(found.bits, found.others)[0, 1]) < 0.1


def test_a_silent_liquid_remembers_nothing(side):
    quiet = network(3, AT_ONCE, [(0, n, 0.1, 0) for n in range(3)])
    assert capacity.capacity(side(quiet), capacity.bit_stream(1, 0.05, 1.0, 5)).total == 0
    assert growth.growth(side(quiet), growth.perturbed(1, 0.05, 1.0, 0), TAU).rate_per_s is None


# --- fading memory --------------------------------------------------------------------------------------------------


def test_without_recurrence_a_liquid_forgets_within_its_time_constants(side):
    liquid, pairs = side(leaky()), fading.histories(6, 0.05, 1.0, 2)
    found = fading.fading(liquid, pairs, TAU)
    for pair, spikes_ms, registers_ms in zip(pairs, found.spikes_ms, found.registers_ms, strict=True):
        a, b = np.split(pair.spikes, 2)
        assert (a[200:] == b[200:]).all()
        assert (a[:200] != b[:200]).any()
        spikes, registers = liquid.run(pair, ("u", "v"))
        differ = [t for t in range(1000) if (spikes[200 + t] != spikes[1400 + t]).any()]
        assert spikes_ms == max(differ, default=-1) + 1
        assert spikes_ms < 15 * 10  # tau_mem_ms
        differ = [t for t in range(1000) if any((r[200 + t] != r[1400 + t]).any() for r in registers.values())]
        assert registers_ms == (max(differ) + 1 if max(differ) < 900 else None)
        assert registers_ms is None or registers_ms >= spikes_ms
    assert found.distance[0] > 0.3
    assert found.distance[-1] < 1e-6


def test_integers_forget_exactly():
    _, deployed = both(leaky())
    found = fading.fading(deployed, fading.histories(6, 0.05, 1.0, 2), TAU)
    assert max(found.registers_ms) < 300


def test_what_is_latched_is_never_forgotten(side):
    """A neuron that excites itself for ever once it has been excited, which one history does and the other does not."""
    latch = network(1, AT_ONCE, [(0, 0, 1.5, 0)], [(0, 0, 1.5, 2)])
    rows = np.zeros((1200, 1), np.int8)
    kicked = rows.copy()
    kicked[50] = 1
    found = fading.fading(side(latch), [stimuli.end_to_end([rows, kicked])], TAU)
    assert (found.spikes_ms, found.registers_ms) == ((None,), (None,))
    assert found.distance[-1] == pytest.approx(1)


# --- growth ---------------------------------------------------------------------------------------------------------


def test_a_relay_lets_a_perturbation_fade_as_its_filter_does(side):
    pairs = growth.perturbed(4, 0.05, 1.0, 7)
    for pair in pairs:
        a, b = np.split(pair.spikes, 2)
        (at,) = np.argwhere(a != b)
        assert 100 <= at[0] < 150
    found = growth.growth(side(relay(4)), pairs, TAU)
    assert (found.perturbations, found.effective, found.lasting) == (15, 15, 0)
    assert found.rate_per_s == pytest.approx(-1000 / TAU)
    np.testing.assert_allclose(found.distance, np.exp(-np.arange(201) / TAU), rtol=1e-9)


@pytest.mark.parametrize(("hops", "lasting"), [(2, 0), (3, 0), (4, 15)])
def test_how_long_a_perturbation_lasts(side, hops, lasting):
    """It is seen as it enters a line, and after each hop of 50 ms."""
    line = network(hops + 1, AT_ONCE, [(0, 0, 1.5, 0)], [(i, i + 1, 1.5, 49) for i in range(hops)])
    found = growth.growth(side(line), growth.perturbed(1, 0.05, 1.0, 7), TAU)
    assert (found.effective, found.lasting) == (15, lasting)


def test_an_effect_that_comes_too_late_is_none(side):
    line = network(2, AT_ONCE, [(0, 0, 1.5, 61)], [(0, 1, 1.5, 61)])
    whole = side(line)
    last = Specimen(whole.network, whole.run, np.array([1]))
    pairs = growth.perturbed(1, 0.05, 1.0, 7)
    assert growth.growth(whole, pairs, TAU).effective == 15
    assert growth.growth(last, pairs, TAU).effective == 0


def test_a_strongly_coupled_liquid_is_chaotic_and_does_not_forget(side):
    liquid = side(leaky(size=150, recurrent=0.3))
    found = growth.growth(liquid, growth.perturbed(6, 0.05, 1.0, 7), TAU)
    assert found.rate_per_s > 10
    assert found.lasting == found.effective == 15
    assert fading.fading(liquid, fading.histories(6, 0.05, 1.0, 2), TAU).spikes_ms == (None,) * 5
    ordered = growth.growth(side(leaky(size=150)), growth.perturbed(6, 0.05, 1.0, 7), TAU)
    assert ordered.rate_per_s < -10
    assert ordered.lasting == 0


def test_the_growth_rate_by_hand(side):
    liquid, pairs = side(leaky(recurrent=0.3)), growth.perturbed(6, 0.05, 1.0, 7)
    found = growth.growth(liquid, pairs, TAU)
    curves = []
    for pair in pairs:
        a, b = (liquid.spikes(stimuli.end_to_end([half])) for half in np.split(pair.spikes, 2))
        first = next((t for t in range(451) if (a[t] != b[t]).any()), 999)
        moved = next(t for t in range(451) if (pair.spikes[t] != pair.spikes[451 + t]).any())
        if first <= moved + 100:
            apart = state_by_hand(a) - state_by_hand(b)
            curves.append([(apart[first + t] ** 2).sum() for t in range(201)])
    d = np.sqrt(np.mean(curves, axis=0))
    assert found.effective == len(curves) > 5
    np.testing.assert_allclose(found.distance, d)
    assert found.rate_per_s == pytest.approx(np.log(d[200] / d[0]) / 0.2)


def test_where_there_is_no_spike_to_take_one_is_added():
    pairs = growth.perturbed(3, 0.0, 1.0, 7)
    assert all(pair.spikes.sum() == 1 and pair.spikes[451:].sum() == 1 for pair in pairs)


# --- the whole ------------------------------------------------------------------------------------------------------

SPEC = ONE.replace(
    "projections:", "  other: {size: 6, neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}}\nprojections:"
).replace(
    "readout:",
    "  - {source: input, target: other, topology: {kind: erdos_renyi, in_degree: 2}, weight: 0.3}\nreadout:",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ranks, "INPUTS", 40)
    monkeypatch.setattr(capacity, "TRAINED", 120)
    monkeypatch.setattr(capacity, "TESTED", 60)
    (tmp_path / "spec.yaml").write_text(SPEC)
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 10)  # sorted, as many files are
    values = rng.random((30, 8, 3)) * 0.5
    values[np.arange(30), :, labels] += 0.4
    for name in ("train", "test"):
        np.savez(tmp_path / f"{name}.npz", frames=values, labels=labels)
    return tmp_path


def test_before_and_after(folder):
    spec, told = ld.load("spec.yaml"), []
    found = ld.diagnose(spec, samples=6, progress=lambda *done: told.append(done))
    assert told == [(1000 * k + 1000 * j // 6, 2000) for k in (0, 1) for j in (*range(1, 7), 6)]
    assert found.shown.labels == ("0", "0", "1", "1", "2", "2")
    assert (found.populations, found.neurons, found.read) == (("liquid",), 30, 24)
    compiled = pipeline.compile_spec(spec)
    floats = ld.run_float(compiled.network, found.shown.stimulus).spikes
    deployed = ld.run_program("emulator", compiled.program, found.shown.stimulus).spikes
    for side, spikes in ((found.floats, floats), (found.deployed, deployed)):
        read = spikes[:, :24]
        assert side.activity.rate_hz == pytest.approx(read.mean() * 1000)
        np.testing.assert_allclose(side.states[:40], state_by_hand(read[:40]))
        assert side.dynamics.spectral_radius is not None
        assert side.classes.classes == 3
        assert side.ranks.most == 24
        assert 24 >= side.ranks.kernel.numerical > 3
    assert found.floats.activity.rate_hz == pytest.approx(found.deployed.activity.rate_hz, rel=0.05)
    assert (found.floats.states != found.deployed.states).any()
    assert found.floats.dynamics.spectral_radius != found.deployed.dynamics.spectral_radius
    again, other = ld.diagnose(spec, samples=6), ld.diagnose(spec, samples=6, seed=9)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    assert other.deployed.separation != found.deployed.separation
    assert other.deployed.activity == found.deployed.activity  # data are no draw


def test_a_program_has_one_side_and_the_same_numbers(folder):
    spec = ld.load("spec.yaml")
    program = ld.compile_spec(spec).program
    alone = ld.diagnose(program, seed=4, samples=5)
    assert alone.floats is None
    assert alone.of_input is None
    assert alone.shown.words == "Poisson input, 5 samples of 200 ms"
    assert (alone.populations, alone.read) == ((), 30)
    exact = ld.diagnose(ld.compile_spec(spec), seed=4, samples=5)
    assert exact.floats is not None
    assert exact.deployed.to_json() == alone.deployed.to_json()


def test_registers_are_not_cleared_within_a_sample(folder):
    spec = ld.load("spec.yaml")
    (folder / "spec.yaml").write_text(SPEC + "samples: {policy: interval, steps: 40}\n")
    cleared = ld.diagnose(ld.load("spec.yaml"), samples=6)
    assert cleared.clears == 40
    fresh = ld.diagnose(spec, samples=6)
    assert cleared.deployed.to_json() == fresh.deployed.to_json()
    assert cleared.floats.to_json() == fresh.floats.to_json()
    assert "not cleared every 40 steps" in call("diagnose", "spec.yaml").stdout


def test_samples_of_each_class_in_turn():
    frames = Frames(np.arange(12.0)[:, None], np.array([0, 2, 3, 5, 6, 9]), ("b", "b", "b", "a", "a", "c"))
    some = shown._of_each_class(frames, 4)
    assert some.labels == ("b", "b", "a", "c")
    assert some.frames[:, 0].tolist() == [0, 1, 2, 5, 9, 10, 11]
    assert some.starts.tolist() == [0, 2, 3, 4]
    assert shown._of_each_class(frames, 99).labels == frames.labels


def test_of_many_neurons_some_are_read(monkeypatch):
    monkeypatch.setattr(liquid, "MOST_READ", 7)
    program = pipeline.compile_built(leaky()).program
    read = diagnosis._read(program, (), 3)
    assert len(set(read.tolist())) == 7
    assert (np.diff(read) > 0).all()
    assert read.tolist() == diagnosis._read(program, ("liquid",), 3).tolist() != list(range(7))


def test_what_cannot_be_examined(folder):
    weak = SPEC.replace("weight: 0.12", "weight: 0.0012")
    (folder / "spec.yaml").write_text(weak)
    error = call("diagnose", "spec.yaml", status=1).stderr
    assert "it never spikes on what it is shown" in error
    assert "raise the weights onto it about" in error
    with pytest.raises(LsmError, match="0 samples to show"):
        ld.diagnose(ld.load("spec.yaml"), samples=0)
    with pytest.raises(LsmError, match="a filter of 0 ms"):
        ld.diagnose(ld.load("spec.yaml"), tau_ms=0)
    assert "would replace an input" in call("diagnose", "spec.yaml", "--picture", "spec.yaml", status=2).stderr
    assert (folder / "spec.yaml").read_text() == weak


def test_both_sides_lie_in_the_plane_of_the_first():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 40, 5)) * [5, 3, 1, 1, 1]
    basis, places = in_a_plane({"float": first, "deployed": second})
    mean = first.mean(axis=0)
    axes = np.linalg.svd(first - mean)[2][:2]
    assert basis == "float"
    for name, values in (("float", first), ("deployed", second)):
        np.testing.assert_allclose(np.abs(places[name]), np.abs((values - mean) @ axes.T), atol=1e-9)
    basis, places = in_a_plane({"float": first[:, :1] * 0, "deployed": second[:, :1]})
    assert basis == "deployed"
    assert places["deployed"].shape == (40, 2)
    assert not places["deployed"][:, 1].any()


def test_the_command(folder):
    text = call("diagnose", "spec.yaml", "--samples", 9, "--picture", "states.png").stdout
    for words in ("(9 of 30 samples)", "24 of 30 neurons", "memory capacity", "growth rate", "difference", "fading"):
        assert words in text
    assert (folder / "states.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(call("diagnose", "spec.yaml", "--json", "--seed", 3).stdout)
    assert found["float"].keys() == found["deployed"].keys()
    assert found["seed"] == 3
    assert found["stimulus"]["samples"] == 30
    capacity_found = found["deployed"]["memory_capacity"]
    assert f"{capacity_found['total']:.3g}" in call("diagnose", "spec.yaml", "--seed", 3).stdout
    call("compile", "spec.yaml", "-o", "p.lsm")
    text = call("diagnose", "p.lsm", "--picture", "alone.png", "--samples", 3).stdout
    assert "as deployed" in text
    assert "float" not in text
    assert json.loads(call("diagnose", "p.lsm", "--json").stdout)["float"] is None
    assert (folder / "alone.png").read_bytes().startswith(b"\x89PNG")
