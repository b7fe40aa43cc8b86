"""The overflow certificate: what it promises holds under the worst input that there is."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from lsm_backends import emulator
from programs import ALL_KINDS, random_case

from lsm_deploy import store
from lsm_deploy.cli import main
from lsm_deploy.compile.certify import kernels
from lsm_deploy.compile.certify.bounds import certify_network, check_certificate
from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.core import fixed
from lsm_deploy.core.certificate import TYPES
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import (
    Network,
    Population,
    Program,
    Projection,
    QNetwork,
    QPopulation,
    QProjection,
    Stimulus,
    Trace,
)
from lsm_deploy.core.neurons import KINDS, membrane
from lsm_deploy.learn.deployable import compile_any
from lsm_deploy.measure.attack import _peaks, attack
from lsm_deploy.spec.schema import Quantise

pytestmark = pytest.mark.once


def one_neuron(weights, weight_exp, du, bias=0):
    registers = {"du": du, "dv": 4095, "vth": 131071, "bias_mant": bias, "bias_exp": 0}
    population = QPopulation("n", "LIF", 1, {name: np.array([value]) for name, value in registers.items()})
    count = len(weights)
    projection = QProjection(
        "i", "input", "n", "mixed", 8, weight_exp, np.arange(count + 1), np.zeros(count, np.int32),
        np.array(weights, np.int16), np.zeros(count, np.uint8),
    )  # fmt: skip
    return QNetwork(1.0, count, 0, (population,), (projection,))


def run_worst(network, sign, steps=3000):
    """All synapses of one sign firing at every step: the input that the bound is about."""
    weights = network.projections[0].weights
    spikes = np.tile((sign * weights > 0).astype(np.int8), (steps, 1))
    program = Program(network, np.zeros(1, np.int32), "oheo_gulch")
    return emulator.run(program, Stimulus(spikes, np.array([0])), ("u",))


def test_the_bound_is_the_larger_sign_and_is_approached():
    network = one_neuron([200, 100, -254], 2, 389)
    found = certify_network(network)
    assert found.largest_sum.tolist() == [1200]
    assert found.largest_u[0] == pytest.approx(1200 * 64 * 4096 / 390, rel=1e-9)
    assert found.certified.all()
    reached = np.abs(run_worst(network, 1).registers["u"]).max()
    assert 0.99 * found.largest_u[0] < reached <= found.largest_u[0]


def test_at_the_edge_of_24_bits():
    # 2**23 * 390 / (64 * 4096) = 12480: semantics.md names this limit for du = 389.
    for weight, exponent, certified in ((194, 6, True), (196, 6, False)):
        network = one_neuron([weight], exponent, 389)
        assert certify_network(network).certified.tolist() == [certified]
        assert (run_worst(network, 1).counts["u_wraps"] == 0) == certified


def test_bias_and_the_width_of_the_sum_count():
    assert certify_network(one_neuron([254, 254], 6, 4095)).certified.all()
    assert certify_network(one_neuron([254], 7, 4095)).largest_sum.tolist() == [32512]
    assert not certify_network(one_neuron([254, 254], 7, 4095)).certified.any()
    close = one_neuron([194], 6, 389, bias=-4096)
    assert certify_network(close).largest_u[0] == pytest.approx(194 * 64 * 64 * 4096 / 390 + 4096, rel=1e-9)


def test_a_signed_source_counts_for_either_sign():
    ternary = {"du": 1, "dv": 1, "vth_hi": 9, "vth_lo": -9, "bias_mant": 1000, "bias_exp": 0}
    plain = {"du": 4095, "dv": 1, "vth": 9, "bias_mant": 0, "bias_exp": 0}
    populations = (
        QPopulation("signed", "TernaryLIF", 1, {name: np.array([value]) for name, value in ternary.items()}),
        QPopulation("n", "LIF", 2, {name: np.array([value] * 2) for name, value in plain.items()}),
    )

    def wires(source, sign_mode, weight, post):
        arrays = np.array([0, 1]), np.array([post], np.int32), np.array([weight], np.int16), np.zeros(1, np.uint8)
        return QProjection(source, source, "n", sign_mode, 8, 1, *arrays)

    def largest(source, sign_mode, weight):
        projections = (wires("signed", "excitatory", 100, 1), wires(source, sign_mode, weight, 1))
        return certify_network(QNetwork(1.0, 1, 0, populations, projections)).largest_sum.tolist()

    assert largest("input", "inhibitory", -30) == [0, 0, 260]
    assert largest("input", "excitatory", 30) == [0, 0, 260]
    assert largest("signed", "inhibitory", -30) == [0, 0, 260]


# --- how seldom sources can spike ------------------------------------------------------------------------------------


@given(
    st.integers(0, 1 << 17), st.integers(1, 1 << 22), st.integers(-(1 << 19), 1 << 19), st.integers(0, 4096),
)  # fmt: skip
def test_no_voltage_is_there_before_its_time(vth, current, bias, dv):
    threshold, added = np.array([vth << 6]), np.array([float(current + bias)])
    steps = int(membrane.steps_to(threshold, added, np.array([dv]))[0])
    v, reached = np.zeros(1, np.int64), 0
    for n in range(1, 3000):
        v = np.minimum(fixed.decay(v, np.array([dv])) + current + bias, fixed.UV_LIMIT - 1)
        if v[0] > threshold[0]:
            reached = n
            break
    if reached:
        assert 0 < steps <= reached
        assert steps >= 0.95 * reached - 1 or current + bias < 1000  # truncation alone comes between
    elif steps:
        assert steps > 2900 or current + bias < 5000 or vth << 6 > 0.99 * fixed.UV_LIMIT


def chain(kind="LIFRefractory", interval=0, **registers):
    """Input onto `a`, a onto `b`, both exciting."""
    defaults = {
        "LIFRefractory": {"du": 4095, "dv": 4095, "vth": 10, "refractory_period": 3},
        "LIF": {"du": 4095, "dv": 0, "vth": 450},
        "LIFSubtract": {"du": 4095},
    }[kind]
    a = {"bias_mant": 0, "bias_exp": 0, **defaults, **registers}
    b = {"du": 400, "dv": 4095, "vth": 131071, "bias_mant": 0, "bias_exp": 0}
    populations = (
        QPopulation("a", kind, 1, {name: np.array([value]) for name, value in a.items()}),
        QPopulation("b", "LIF", 1, {name: np.array([value]) for name, value in b.items()}),
    )
    wires = tuple(
        QProjection(
            target, source, target, "excitatory", 8, exponent, np.array([0, 1]), np.zeros(1, np.int32),
            np.array([200], np.int16), np.zeros(1, np.uint8),
        )
        for source, target, exponent in (("input", "a", 0), ("a", "b", 7))
    )  # fmt: skip
    return QNetwork(1.0, 1, interval, populations, wires)


def run_all(network, steps=4000):
    program = Program(network, np.zeros(network.neurons, np.int32), "oheo_gulch")
    return emulator.run(program, Stimulus(np.ones((steps, 1), np.int8), np.array([0])), ("u",))


def test_a_refractory_period_is_worth_its_length():
    network = chain()
    found = certify_network(network)
    # Four steps from spike to spike: the current of `b` forgets 401 / 4096 in each.
    assert found.shortest_interval.tolist()[0] == 4
    expected = (200 << 7) * 64 / (1 - (1 - 401 / 4096) ** 4)
    assert found.largest_u[1] == pytest.approx(expected)
    assert (found.by_geometry.tolist(), found.certified.tolist()) == ([True, False], [True, True])
    reached = run_all(network).registers["u"][:, 1].max()
    assert 0.99 * expected < reached <= found.largest_u[1]
    # Cleared at the right time, a neuron may spike again at once.
    assert certify_network(chain(interval=50)).shortest_interval.tolist()[0] == 1
    assert certify_network(chain(interval=50)).certified.tolist() == [True, False]


def test_a_threshold_is_worth_the_steps_to_it():
    # 200 a step without a leak: 200, 400, 600 exceed 450 in the third.
    found = certify_network(chain("LIF"))
    assert found.shortest_interval.tolist()[0] == 3
    spikes = np.flatnonzero(run_all(chain("LIF"), 50).spikes[:, 0])
    assert set(np.diff(spikes).tolist()) == {3}
    # The search sees the same.
    program = Program(chain("LIF"), np.zeros(2, np.int32), "oheo_gulch")
    assert attack(program, found, rounds=1).shortest_interval.tolist() == [3, 0]
    leaky = certify_network(chain("LIF", dv=1000, vth=820))  # 200 * 4096 / 1000 = 819.2
    assert leaky.shortest_interval.tolist() == [0, 0]
    assert leaky.largest_sum.tolist() == [200, 0]
    assert certify_network(chain("LIF", dv=1000, vth=819)).shortest_interval.tolist()[0] > 10
    assert certify_network(chain("LIF", dv=1000, vth=820, bias_mant=100)).shortest_interval.tolist()[0] > 10


def test_nothing_is_concluded_from_a_current_that_may_wrap():
    network = chain("LIF", du=0, vth=131071)  # 200 * 64 * 4096 exceeds 2**23
    assert certify_network(network).certified.tolist()[0] is False
    assert certify_network(network).shortest_interval.tolist()[0] == 1
    assert (
        certify_network(chain(du=0, vth=131071)).shortest_interval.tolist()[0] == 4
    )  # a refractory period holds all the same
    # A sum beyond 16 bits: what a chip makes of it may be anything, though it looks too small for a spike.
    wide = chain("LIF", dv=4095, vth=131071)
    twice = replace(
        wide.projections[0], weight_exp=7, indptr=np.array([0, 2]), post=np.zeros(2, np.int32),
        weights=np.array([200, 200]), delays=np.zeros(2, np.uint8),
    )  # fmt: skip
    assert certify_network(replace(wide, projections=(twice, wide.projections[1]))).shortest_interval.tolist()[0] == 1


def test_a_lower_threshold_counts_as_much_and_the_bias_helps_it():
    # Down: 200 a step exceed 990 in the fifth; a bias of -60 makes it the fourth, one of 10 the sixth.
    def ternary(bias):
        a = {"du": 4095, "dv": 0, "vth_hi": 2000, "vth_lo": -990, "bias_mant": bias, "bias_exp": 6}
        population = QPopulation("a", "TernaryLIF", 1, {name: np.array([value]) for name, value in a.items()})
        inhibits = replace(chain().projections[0], sign_mode="inhibitory", weights=np.array([-200]))
        return QNetwork(1.0, 1, 0, (population,), (inhibits,))

    for bias, steps in ((0, 5), (-60, 4), (10, 6)):
        assert certify_network(ternary(bias)).shortest_interval.tolist() == [steps]
        at = np.flatnonzero(run_all(ternary(bias), 60).spikes[:, 0])
        assert set(np.diff(at[1:]).tolist()) == {steps}


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("interval", [0, 7])
def test_what_a_spike_leaves_is_never_enough_before_its_time(late, interval):
    """Each step brings `most`, or what takes a neuron to its threshold and no further, from where the most is left."""
    kind, rng, size = KINDS["LIFSubtract"], np.random.default_rng(late), 20_000
    vth, dv = rng.integers(0, 2000, size), rng.choice([0, 1, 40, 800, 2048, 4095, 4096], size)
    most = np.maximum(1, vth * rng.uniform(0.02, 1.5, size)).astype(int)
    values = {"du": 4095, "dv": dv, "vth": vth, "bias_mant": 0, "bias_exp": 0, "reset_delay": late}
    registers = {name: np.broadcast_to(value, size) for name, value in values.items()}
    bound = kind.shortest_interval(registers, 64.0 * most, 64.0 * most, interval > 0)
    state, last, shortest = kind.initial(registers), np.full(size, -(10**6)), np.full(size, 10**6)
    for t in range(120):
        if interval and t % interval == 0:
            state = kind.initial(registers)
        to_threshold = np.clip(vth - (fixed.decay(state["v"], dv) >> 6), -most, most)
        step = kind.step(registers, state, np.where(rng.random(size) < 0.7, most, to_threshold))
        state, fired = step.state, step.spikes == 1
        shortest[fired] = np.minimum(shortest, t - last)[fired]
        last[fired] = t
    assert (last[bound == 0] < 0).all()
    assert (shortest >= bound).all()
    assert (bound > 1).mean() > 0.15
    assert (shortest == bound)[bound > 1].mean() > 0.4


def test_what_a_spike_leaves_takes_steps_off_the_next():
    # As LIF's 200, 400, 600 beyond 450: but a spike from 450 leaves 200, and 400, 600 is one step less.
    registers = {"dv": 0, "vth": 450, "reset_delay": 0}
    assert certify_network(chain("LIFSubtract", **registers)).shortest_interval.tolist()[0] == 2
    spikes = np.flatnonzero(run_all(chain("LIFSubtract", **registers), 50).spikes[:, 0])
    assert set(np.diff(spikes).tolist()) == {2, 3}
    # Cleared of what it owes, a neuron begins again at what arrives.
    late = {"dv": 2048, "vth": 300, "reset_delay": 1}
    assert certify_network(chain("LIFSubtract", **late)).shortest_interval.tolist()[0] == 3
    assert certify_network(chain("LIFSubtract", interval=9, **late)).shortest_interval.tolist()[0] == 2
    # More than a threshold in each step, and a spike is left over.
    assert certify_network(chain("LIFSubtract", vth=190, dv=0, reset_delay=0)).shortest_interval.tolist()[0] == 1


@pytest.mark.parametrize("delta_r", [50, 200, 800])
def test_an_adaptive_neuron_waits_for_its_refractory_state(delta_r):
    values = {"delta_i": 4095, "delta_v": 4095, "delta_theta": 0, "delta_r": delta_r, "theta_0": 100, "theta_step": 0}
    registers = {name: np.array([value]) for name, value in (values | {"bias_mant": 0, "bias_exp": 0}).items()}
    network = replace(
        chain(), populations=(QPopulation("a", "ATRLIF", 1, registers),), projections=(chain().projections[0],)
    )
    first = np.diff(np.flatnonzero(run_all(network, 400).spikes[:, 0]))[0]
    assert certify_network(network).shortest_interval.tolist() == [first] != [1]


# --- attempts to break it --------------------------------------------------------------------------------------------


def broken(program, seed):
    """What an adversarial search finds that a certificate excludes."""
    certificate = certify_network(program.network)
    found = attack(program, certificate, rounds=3, seed=seed, steps=60)
    held = (found.reached <= certificate.largest_u) | ~certificate.certified
    rare = (found.shortest_interval == 0) | (found.shortest_interval >= certificate.shortest_interval)
    silent = (certificate.shortest_interval > 0) | (found.shortest_interval == 0)
    wrapped = certificate.certified.all() and (found.counts["u_wraps"] or found.counts["wide_sums"])
    return [name for name, fine in zip("hrs", (held, rare, silent), strict=True) if not fine.all()] or wrapped


@pytest.mark.parametrize("seed", range(30))
def test_no_input_found_breaks_a_bound(seed):
    program, _ = random_case(seed, regime="alive", sizes=(4, 3), channels=3)
    assert not broken(program, seed)


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("interval", [0, 20])
def test_no_input_found_breaks_a_bound_where_intervals_matter(kind, interval):
    for seed in range(4):
        assert not broken(weakly_driven(kind, interval, seed), seed)


def weakly_driven(kind, interval, seed):
    """Sources that need several steps for a spike, and targets that are certified for it, or nearly."""
    rng = np.random.default_rng(seed)
    size, channels = 8, 3
    drawn = {
        "LIF": {"du": 1500, "dv": 300, "vth": 4000},
        "TernaryLIF": {"du": 1500, "dv": 300, "vth_hi": 4000, "vth_lo": -3500},
        "LIFRefractory": {"du": 1500, "dv": 300, "vth": 500, "refractory_period": 2},
        "LIFSubtract": {"du": 1500, "dv": 300, "vth": 4000, "reset_delay": 0},
        "ATRLIF": {
            "delta_i": 1500, "delta_v": 1500, "delta_theta": 50, "delta_r": 400, "theta_0": 2500, "theta_step": 50,
        },
    }[kind]  # fmt: skip
    registers = {name: np.rint(value * rng.uniform(0.7, 1.4, size)).astype(int) for name, value in drawn.items()}
    if kind == "LIFSubtract":
        registers["reset_delay"] = np.arange(size) % 2
    registers |= {"bias_mant": rng.integers(-300, 300, size), "bias_exp": np.full(size, 3)}
    wires = []
    for source, sources, exponent in (("input", channels, 0), ("n", size, 1)):
        weights = rng.integers(-60, 80, (sources, size)) * 2
        wires.append(
            QProjection(
                source, source, "n", "mixed", 8, exponent, np.arange(sources + 1) * size,
                np.tile(np.arange(size, dtype=np.int32), sources), weights.ravel().astype(np.int16),
                rng.integers(0, 4, weights.size).astype(np.uint8),
            )
        )  # fmt: skip
    network = QNetwork(1.0, channels, interval, (QPopulation("n", kind, size, registers),), tuple(wires))
    return Program(network, np.zeros(size, np.int32), "oheo_gulch")


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_the_search_comes_near_and_intervals_tell(kind):
    program = weakly_driven(kind, 0, 1)
    certificate = certify_network(program.network)
    found = attack(program, certificate, rounds=6, seed=1, steps=60)
    assert (certificate.shortest_interval != 1).any()
    assert found.share.max() > 0.4
    # What it calls the closest input does what it says.
    trace = emulator.run(program, found.closest, ("u", "i", "theta", "r"))
    bias = np.abs(program.network.populations[0].registers["bias_mant"].astype(int) << 3)
    peaks = [np.abs(trace.registers[n].astype(int)) + (bias if n in "ui" else 0) for n in ("u", "i", "theta", "r")]
    assert np.max(peaks, axis=(0, 1))[found.neuron] == found.reached[found.neuron]


def test_an_attack_takes_little_memory_beside_what_it_records():
    steps, neurons = 2000, 500
    registers = {"du": 1, "dv": 1, "vth": 1, "bias_mant": -3, "bias_exp": 1}
    population = QPopulation("n", "LIF", neurons, {name: np.full(neurons, v) for name, v in registers.items()})
    network = QNetwork(1.0, 1, 0, (population,), ())
    u = np.random.default_rng(0).integers(-100, 100, (4 * steps, neurons), np.int32)
    trace = Trace(np.zeros(u.shape, np.int8), {"u": u}, np.arange(4) * steps, {})
    tracemalloc.start()
    peaks = _peaks(network, trace, steps)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.array_equal(peaks, np.abs(u.astype(int)).reshape(4, steps, neurons).max(axis=1) + 6)
    assert most < u.nbytes / 20


# --- it travels with the program -------------------------------------------------------------------------------------


def test_a_certificate_is_in_the_file_and_is_proved_again(tmp_path):
    program = weakly_driven("LIFRefractory", 0, 0)
    certificate = certify_network(program.network)
    file = tmp_path / "p.lsm"
    store.save_program(file, program, certificate)
    saved, read = store.load_certified(file)
    assert all(np.array_equal(getattr(read, name), getattr(certificate, name)) for name in TYPES)
    assert store.program_id(store.load_program(file)) == store.program_id(saved) == store.program_id(program)
    check_certificate(saved.network, read)
    store.save_program(file, program)
    assert store.load_certified(file)[1] is None
    for name, value in (("certified", ~certificate.certified), ("largest_u", certificate.largest_u * 0.9)):
        with pytest.raises(LsmError, match="not that of this program"):
            check_certificate(program.network, replace(certificate, **{name: value}))
    with pytest.raises(LsmError, match="not that of this program"):
        check_certificate(chain(), certificate)


def test_a_file_is_read_once_for_both(tmp_path, monkeypatch):
    program, read = weakly_driven("LIFRefractory", 0, 0), []
    store.save_program(tmp_path / "p.lsm", program, certify_network(program.network))
    whole = Path.read_bytes
    for module in ("store.programs", "store.files"):
        monkeypatch.setattr(f"lsm_deploy.{module}.read_bytes", lambda file: read.append(file) or whole(file))
    assert compile_any(tmp_path / "p.lsm").proved is not None
    assert len(read) == 1


def test_a_file_may_promise_less_than_can_be_proved_and_no_more():
    program = weakly_driven("LIFRefractory", 0, 0)
    proved = certify_network(program.network)
    neuron = int(proved.shortest_interval.argmax())

    def changed(name, by):
        values = getattr(proved, name).copy()
        values[neuron] += by
        return replace(proved, **{name: values})

    assert proved.shortest_interval[neuron] > 1
    for name, by in (("shortest_interval", -1), ("largest_sum", 1), ("largest_u", 1.0)):
        check_certificate(program.network, changed(name, by))
        with pytest.raises(LsmError, match="not that of this program"):
            check_certificate(program.network, changed(name, -by))
    for name, value in (("shortest_interval", 0), ("shortest_interval", -1), ("largest_u", np.nan)):
        with pytest.raises(LsmError, match="not that of this program"):
            check_certificate(program.network, changed(name, value - getattr(proved, name)[neuron]))


def test_what_is_proved_does_not_depend_on_a_library(monkeypatch):
    """A logarithm or a power may differ in its last digits between machines: none is asked for."""

    def refuse(*_):
        raise AssertionError("no two libraries agree on this")

    networks = [random_case(seed, regime="alive")[0].network for seed in range(20)]
    for name in ("exp", "expm1", "log", "log1p", "log2", "power", "float_power"):
        monkeypatch.setattr(np, name, refuse)
    for network in networks:
        certify_network(network)
    # A power of 1 - 1 / 4096 as the products that it is.
    base, most, drive = 4095 / 4096, np.zeros((2, 1), np.int64), np.zeros((2, 1))
    one = np.array([0, 1]), np.zeros(1, np.int32), np.ones(1, np.int16)
    kernels.deliver(*one, 0, np.array([1]), False, 0, np.array([11]), np.array([base]), most, drive)
    two, four = base * base, base * base * (base * base)
    assert drive[0, 0] == 1 / (1 - base * two * (four * four))


# --- scales that certify ---------------------------------------------------------------------------------------------


def strong(weight, size=20):
    values = {"tau_mem_ms": 20.0, "tau_syn_ms": 50.0, "v_threshold": 1.0, "bias": 0.0}
    population = Population("n", "LIF", size, {name: np.full(size, value) for name, value in values.items()})
    rng = np.random.default_rng(0)
    wires = Projection(
        "i", "input", "n", "excitatory", 8, np.arange(11) * size, np.tile(np.arange(size, dtype=np.int32), 10),
        rng.uniform(0.1, 1.0, 10 * size) * weight, np.zeros(10 * size),
    )  # fmt: skip
    return Network(1.0, 10, 0, (population,), (wires,))


def test_certified_lowers_the_scale_until_all_neurons_are_and_says_what_for():
    network = strong(0.3)
    plain, chosen = compile_built(network), compile_built(network, how=Quantise(certified=True))
    assert not plain.certificate.certified.all()
    assert plain.price is None
    assert chosen.certificate.certified.all()
    price = chosen.price
    assert price.certified == (int(plain.certificate.certified.sum()), 20)
    before, after = price.scales["n"]
    assert (before, after) == (plain.cost.populations[0].scale, chosen.cost.populations[0].scale)
    assert after < before
    assert price.snr_db["i"][1] == pytest.approx(-20 * np.log10(chosen.cost.projections[0].rms_error))
    # No further than need be: 20 % more would not certify.
    assert chosen.certificate.largest_u.max() > 0.5 * fixed.UV_LIMIT
    unneeded = compile_built(strong(0.001), how=Quantise(certified=True))
    assert unneeded.price.scales["n"][0] == unneeded.price.scales["n"][1]


def test_certified_keeps_what_each_population_needs():
    # The voltage of an adaptive neuron bounds its refractory state: its scale comes down more than once.
    network = strong(0.3)
    values = {"tau_threshold_ms": 200.0, "tau_refractory_ms": 10.0, "threshold_step": 0.1}
    fast = network.populations[0]
    parameters = {**fast.parameters, **{name: np.full(20, value) for name, value in values.items()}}
    adaptive = Population("a", "ATRLIF", 20, parameters)
    (wires,) = network.projections
    weaker = replace(wires, name="j", target="a", weight=wires.weight * 0.04)
    both = replace(network, populations=(fast, adaptive), projections=(wires, weaker))
    assert compile_built(both, how=Quantise(certified=True)).certificate.certified.all()


def test_certified_stops_where_the_threshold_would_be_nothing():
    chosen = compile_built(strong(60.0), how=Quantise(certified=True))
    assert not chosen.certificate.certified.any()
    assert chosen.price.certified[1] < 20
    # Nothing was gained, and nothing is paid.
    before, after = chosen.price.scales["n"]
    assert before == after


def test_certified_does_not_follow_a_neuron_that_never_will():
    network = strong(0.3)
    (wires,) = network.projections
    weight = wires.weight * np.where(wires.post == 7, 100.0, 1.0)
    hopeless = replace(network, projections=(replace(wires, weight=weight),))
    chosen = compile_built(hopeless, how=Quantise(certified=True))
    certificate = chosen.certificate
    assert certificate.certified.tolist() == [i != 7 for i in range(20)]
    assert certificate.largest_u[certificate.certified].max() > 0.5 * fixed.UV_LIMIT, "no further than the others need"


def test_certified_weighs_each_population_by_itself():
    # All of one population come to certify, none of the other.
    network = strong(0.3)
    (fast,), (wires,) = network.populations, network.projections
    worse = replace(wires, name="j", target="m", weight=wires.weight * 200)
    both = replace(network, populations=(fast, replace(fast, name="m")), projections=(wires, worse))
    chosen = compile_built(both, how=Quantise(certified=True))
    assert chosen.certificate.certified.tolist() == [True] * 20 + [False] * 20
    (before, after), (first, last) = chosen.price.scales["n"], chosen.price.scales["m"]
    assert after < before
    assert last == first


# --- the commands ----------------------------------------------------------------------------------------------------


def test_the_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = weakly_driven("LIFRefractory", 0, 0)
    store.save_program("p.lsm", made, certify_network(made.network))

    def call(*arguments, status=0):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == status, result.output
        return result

    assert "no input can overflow" in call("certify", "p.lsm").stdout
    facts = json.loads(call("certify", "p.lsm", "--attack", 2, "--neuron", 3, "-o", "close.npz", "--json").stdout)
    assert facts["attack"]["neuron"] == 3
    assert len(facts["certified"]) == 8
    trace = emulator.run(store.load_program("p.lsm"), store.load_stimulus("close.npz"), ("u",))
    bias = abs(int(store.load_program("p.lsm").network.populations[0].registers["bias_mant"][3])) << 3
    assert np.abs(trace.registers["u"][:, 3]).max() + bias == facts["attack"]["reached"][3]
    assert "came closest" in call("certify", "p.lsm", "--attack", 1).stdout
    assert "there is no neuron 9" in call("certify", "p.lsm", "--attack", 1, "--neuron", 9, status=2).stderr
    call("certify", "p.lsm", "--neuron", 1, status=2)
    # A file whose certificate was not earned is refused.
    program = store.load_program("p.lsm")
    forged = replace(certify_network(program.network), largest_u=np.ones(8))
    store.save_program("forged.lsm", program, forged)
    assert "not that of this program" in call("inspect", "forged.lsm", status=1).stderr


def test_certified_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(
        """
dt_ms: 1.0
seed: 1
input: {channels: 20}
populations:
  n: {size: 20, neuron: {kind: LIF, tau_syn_ms: 60.0}}
projections:
  - {source: input, target: n, topology: {kind: all_to_all}, weight: 0.3}
"""
    )
    for command in (("check", "spec.yaml"), ("compile", "spec.yaml", "-o", "p.lsm")):
        result = CliRunner().invoke(main, [*command, "--certified"])
        assert result.exit_code == 0, result.output
        assert "certified: 0 of 20 neurons at the scales that round least, 20 at these" in result.stdout
    assert store.load_certified("p.lsm")[1].certified.all()
    result = CliRunner().invoke(main, ["check", "p.lsm", "--certified"])
    assert (result.exit_code, "leave no scale to choose" in result.stderr) == (2, True)
    plain = json.loads(CliRunner().invoke(main, ["check", "spec.yaml", "--json"]).stdout)
    assert plain["certificate"]["certified"] == 0
    assert "certified" not in plain
