"""Quantisation: one scale a population, on the grid, within the registers, and nothing lost in silence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsm_backends import emulator
from programs import ALL_KINDS

from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.compile.quantise import quantise_network
from lsm_deploy.compile.quantise.compensate import compensated
from lsm_deploy.compile.quantise.grid import COARSE, exponent_of, to_grid
from lsm_deploy.core.errors import LsmWarning
from lsm_deploy.core.ir import Network, Population, Program, Projection, QPopulation, QProjection, Stimulus
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.run.reference import run_float


def population(name="n", size=3, **parameters):
    values = {"tau_mem_ms": 20.0, "tau_syn_ms": 5.0, "v_threshold": 1.0, "bias": 0.0, **parameters}
    return Population(name, "LIF", size, {field: np.full(size, value) for field, value in values.items()})


def projection(weights, *, name="i", target="n", bits=8, sign_mode="excitatory", delay_ms=0.0):
    weight = np.asarray(weights, float)
    count = len(weight)
    return Projection(
        name=name,
        source="input",
        target=target,
        sign_mode=sign_mode,
        weight_bits=bits,
        indptr=np.arange(count + 1),
        post=np.zeros(count, np.int32),
        weight=weight,
        delay_ms=np.broadcast_to(np.asarray(delay_ms, float), count).copy(),
    )


def network(*projections, populations=None, channels=None, dt_ms=1.0):
    channels = channels or len(projections[0].weight)
    return Network(dt_ms, channels, 0, tuple(populations or [population()]), projections)


def realised(q: QProjection, scale: float) -> np.ndarray:
    """Float weights by source; sources whose synapse is gone count as 0."""
    values = np.zeros(len(q.indptr) - 1)
    values[np.flatnonzero(np.diff(q.indptr))] = (q.weights.astype(np.int64) << q.weight_exp) / scale
    return values


weights = st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=12)


@given(weights, st.integers(1, 8), st.sampled_from(["excitatory", "inhibitory"]), st.floats(0.01, 50))
def test_every_weight_is_within_half_a_step_or_counted(values, bits, sign_mode, threshold):
    sign = 1 if sign_mode == "excitatory" else -1
    given_network = network(
        projection(sign * np.array(values), bits=bits, sign_mode=sign_mode),
        populations=[population(v_threshold=threshold)],
    )
    quantised, cost = quantise_network(given_network)
    (q,), (c,) = quantised.projections, cost.projections
    scale = quantised.populations[0].scale
    step = (1 << (8 - bits)) * (1 << q.weight_exp) / scale
    error = np.abs(realised(q, scale) - sign * np.array(values))
    assert (error <= step / 2 * (1 + 1e-9)).sum() >= len(values) - c.clipped
    assert c.rounded_to_zero == len(values) - len(q.weights)
    # Of few bits, the largest may be clipped so that the rest is rounded less.
    assert c.clipped == 0 or c.weight_exp == 7 or bits <= COARSE
    assert c.synapses == len(values)
    assert q.num_weight_bits == bits
    assert abs(quantised.populations[0].registers["vth"][0] - scale * threshold) <= 0.5


@given(st.lists(st.floats(-1, 1).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=12), st.integers(2, 8))
def test_mixed_weights_lie_on_the_doubled_grid(values, bits):
    quantised, cost = quantise_network(network(projection(values, bits=bits, sign_mode="mixed")))
    (q,), (c,) = quantised.projections, cost.projections
    step = 2 << (8 - bits)
    assert not (q.weights % step).any()
    error = np.abs(realised(q, quantised.populations[0].scale) - values)
    allowed = step * (1 << q.weight_exp) / quantised.populations[0].scale / 2
    assert (error <= allowed * (1 + 1e-9)).sum() >= len(values) - c.clipped


def test_threshold_bias_and_weights_share_the_scale():
    given_network = network(
        projection([0.5, 0.25]),
        projection([-0.01, -0.02], name="j", sign_mode="inhibitory"),
        populations=[population(bias=0.125)],
    )
    quantised, _ = quantise_network(given_network)
    p = quantised.populations[0]
    r = p.registers
    assert r["vth"][0] / p.scale == pytest.approx(1.0, rel=1e-3)
    assert (r["bias_mant"][0] << r["bias_exp"][0]) / (64 * p.scale) == pytest.approx(0.125, rel=1e-3)
    strong, weak = quantised.projections
    assert realised(strong, p.scale) == pytest.approx([0.5, 0.25], rel=1e-2)
    assert realised(weak, p.scale) == pytest.approx([-0.01, -0.02], rel=1e-2)
    assert strong.weight_exp > weak.weight_exp


def test_the_heaviest_weight_uses_the_whole_mantissa_where_it_can():
    quantised, _ = quantise_network(network(projection([0.9, 0.1])))
    assert quantised.projections[0].weights.max() == 255


def test_scales_belong_to_the_postsynaptic_population():
    a, b = population("a", 2), population("b", 2, v_threshold=100.0)
    given_network = network(
        projection([0.5, 0.5], target="a"), projection([0.5, 0.5], name="j", target="b"), populations=[a, b]
    )
    quantised, _ = quantise_network(given_network)
    first, second = (p.scale for p in quantised.populations)
    assert first > 10 * second


def test_what_is_lost_is_counted_and_named():
    quantised, cost = quantise_network(network(projection([1.0, 1e-4, 2e-3], bits=4, delay_ms=[0.0, 3.4, 100.0])))
    (c,) = cost.projections
    assert (c.rounded_to_zero, c.clipped, c.delays_clipped, c.delays_far) == (2, 0, 1, 1)
    assert c.delay_error_ms == pytest.approx(38.0)
    assert list(cost.losses) == [
        "2 of 3 synapses of 'i' rounded to zero",
        "delays of 3 synapses of 'i' clipped to 62 steps: 1",
        "delays of 3 synapses of 'i' off by more than 10 %: 1",
    ]
    assert len(quantised.projections[0].post) == 1


def test_a_time_constant_that_the_registers_cannot_hold_is_counted():
    _, cost = quantise_network(network(projection([0.5]), populations=[population(tau_syn_ms=1e9)]))
    assert cost.populations[0].clipped["du"] == 3
    assert cost.losses == [
        "3 values of du of population 'n' clipped",
        "3 values of tau_syn_ms of population 'n' off by more than 10 %",
    ]
    assert cost.populations[0].realised["tau_syn_ms"] == pytest.approx(4096, rel=1e-3)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"bias": 1e-7}, "bias"),
        ({"bias": 1e-300}, "bias"),
        ({"tau_mem_ms": 0.01}, "tau_mem_ms"),
    ],
)
def test_a_parameter_that_is_rounded_away_is_a_loss(parameters, name):
    _, cost = quantise_network(network(projection([0.5]), populations=[population(**parameters)]))
    assert cost.losses == [f"3 values of {name} of population 'n' off by more than 10 %"]


def test_a_time_constant_that_becomes_infinite_comes_first_among_the_losses():
    _, cost = quantise_network(network(projection([0.5, 1e-9]), populations=[population(tau_mem_ms=1e9)]))
    forever = "3 values of tau_mem_ms of population 'n' became infinite: dt_ms is too small for tau_mem_ms"
    assert cost.gone == [forever]
    assert cost.losses == [forever, "1 of 2 synapses of 'i' rounded to zero"]


def test_a_projection_that_loses_every_synapse_comes_first_among_the_losses():
    light = projection([1e-9, 1e-9], name="light")
    _, cost = quantise_network(network(projection([0.5, 1e-9]), light))
    assert cost.gone == ["all 2 synapses of 'light' rounded to zero"]
    assert cost.losses == [*cost.gone, "1 of 2 synapses of 'i' rounded to zero"]
    with pytest.warns(LsmWarning, match="^all 2 synapses of 'light' rounded to zero$"):
        compile_built(network(projection([0.5, 1e-9]), light))


@pytest.mark.parametrize(
    ("delay_ms", "off"),
    [([0.49], 1), ([2.5], 1), ([0.0], 0), ([5.5], 0), ([4.4, 4.5, 1e-9], 2), ([0.96, 1.1, 61.6], 0), ([1e9], 0)],
)
def test_delays_that_rounding_moves_by_more_than_a_tenth_are_losses(delay_ms, off):
    _, cost = quantise_network(network(projection([0.5] * len(delay_ms), delay_ms=delay_ms)))
    assert cost.projections[0].delays_far == off
    assert any("off by more than 10 %" in loss for loss in cost.losses) == bool(off)


def test_a_threshold_far_below_the_weights_is_a_loss():
    _, cost = quantise_network(network(projection([20000.0]), populations=[population(v_threshold=1e-3)]))
    assert cost.losses == ["3 values of v_threshold of population 'n' off by more than 10 %"]


def test_the_largest_exponent_bounds_the_scale():
    quantised, cost = quantise_network(network(projection([20000.0, 1.0])))
    assert quantised.projections[0].weight_exp == 7
    assert quantised.projections[0].weights.max() == 255
    assert cost.projections[0].clipped == 0


def test_weights_beyond_the_grid_are_counted_as_clipped():
    registers = {"du": 3, "dv": 4, "vth": 700, "bias_mant": 0, "bias_exp": 0}
    exact = QPopulation("n", "LIF", 1, {name: np.array([value]) for name, value in registers.items()})
    quantised, cost = quantise_network(network(projection([50000.0, 128.0]), populations=[exact]))
    assert quantised.projections[0].weights.tolist() == [255, 1]
    assert cost.losses == ["weights of 2 synapses of 'i' clipped: 1"]


def test_delays_are_steps_of_dt():
    quantised, _ = quantise_network(network(projection([1, 1, 1, 1], delay_ms=[0, 0.5, 0.74, 31.0]), dt_ms=0.5))
    assert quantised.projections[0].delays.tolist() == [0, 1, 1, 62]


def test_exact_parts_pass_through_untouched():
    registers = {"du": 3, "dv": 4096, "vth": 7, "bias_mant": 2, "bias_exp": 1}
    exact = QPopulation("n", "LIF", 1, {name: np.array([value]) for name, value in registers.items()})
    wires = QProjection(
        "i", "input", "n", "mixed", 8, 5, np.array([0, 2]), np.zeros(2, np.int32), np.array([2, -256], np.int16),
        np.array([0, 62], np.uint8),
    )  # fmt: skip
    quantised, cost = quantise_network(Network(1.0, 1, 0, (exact,), (wires,)))
    assert quantised.populations[0] is exact
    assert quantised.projections[0] is wires
    assert cost.losses == []


def test_float_weights_onto_exact_neurons_use_their_unit():
    registers = {"du": 3, "dv": 4, "vth": 700, "bias_mant": 0, "bias_exp": 0}
    exact = QPopulation("n", "LIF", 1, {name: np.array([value]) for name, value in registers.items()})
    quantised, _ = quantise_network(network(projection([100.4, 7.0]), populations=[exact]))
    assert quantised.projections[0].weights.tolist() == [100, 7]


# --- slow neurons ---------------------------------------------------------------------------------------------------

SLOW = {"tau_mem_ms": 90.0, "tau_syn_ms": 60.0}
EVERY = 20
"""Steps between two spikes."""
OF_KIND = {
    "LIF": {"v_threshold": 1.0},
    "TernaryLIF": {"v_threshold_hi": 1.0, "v_threshold_lo": -1.0},
    "LIFRefractory": {"v_threshold": 1.0, "t_refractory_ms": 2.0},
    "LIFSubtract": {"v_threshold": 1.0, "reset_delay": 0.0},
    "ATRLIF": {"v_threshold": 1.0, "threshold_step": 0.1, "tau_threshold_ms": 100.0, "tau_refractory_ms": 10.0},
}


def driven(kind, bias=0.0, size=40):
    """Slow neurons under regular spikes that each brings a different part of what takes them to their threshold."""
    slow = {name: SLOW[name] for name in KINDS[kind].TIMES if name}
    values = {**slow, **OF_KIND[kind], "bias": bias}
    parameters = {name: np.full(size, value) for name, value in values.items()}
    rest = 1 / np.prod([-np.expm1(-1 / tau) for tau in slow.values()])  # of v under a spike of weight 1 in every step
    drive = (1.0 - bias / -np.expm1(-1 / 90.0)) / rest * np.linspace(1.05, 2.5, size) * EVERY
    wires = Projection(
        "i", "input", "n", "excitatory", 8, np.array([0, size]), np.arange(size, dtype=np.int32), drive, np.zeros(size)
    )
    return Network(1.0, 1, 0, (Population("n", kind, size, parameters),), (wires,))


def spike_counts(net, compensate, steps=3000):
    stimulus = Stimulus((np.arange(steps) % EVERY == 0).astype(np.int8)[:, None], np.zeros(1, np.int64))
    quantised, cost = quantise_network(net, compensate=compensate)
    program = Program(quantised, np.zeros(quantised.neurons, np.int32), "oheo_gulch")
    floats = np.abs(run_float(net, stimulus).spikes).sum(axis=0).astype(float)
    return floats, np.abs(emulator.run(program, stimulus).spikes).sum(axis=0), cost


@pytest.mark.once
@pytest.mark.deep(one_in=3)
@pytest.mark.parametrize("bias", [0.0, 0.002])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_compensation_brings_the_rates_of_slow_neurons_back(kind, bias):
    floats, without, cost = spike_counts(driven(kind, bias), False)
    _, made_up, with_cost = spike_counts(driven(kind, bias), True)
    assert floats.min() > 5
    assert cost.populations[0].compensation == 1
    if not KINDS[kind].RESETS:
        assert (made_up == without).all()
        return
    assert 0.9 < with_cost.populations[0].compensation != 1
    # In the sum over neurons, because such weights are a few units of a coarse grid, each off by its own rounding.
    if not KINDS[kind].DECAYS[0]:  # truncation takes nothing of a current that is forgotten at once: little is lost
        assert abs((made_up - floats).sum()) < len(floats)
        return
    assert abs((made_up - floats).sum()) < 0.5 * abs((without - floats).sum())


def test_a_current_without_a_time_constant_is_one_that_is_forgotten_at_once(monkeypatch):
    net = network(projection([0.01]), populations=[population(tau_mem_ms=90.0, tau_syn_ms=0.0)])
    expected, gain = compensated(net.populations[0], 1000.0, 1.0)
    monkeypatch.setattr(KINDS["LIF"], "TIMES", ("", "tau_mem_ms"))
    parameters, again = compensated(net.populations[0], 1000.0, 1.0)
    assert (gain != 1).all()
    assert (again == gain).all()
    assert all((parameters[name] == expected[name]).all() for name in expected)


def test_only_slow_neurons_are_compensated_by_default():
    for tau, slow in ((90.0, True), (20.0, False)):
        net = network(projection([0.01]), populations=[population(tau_mem_ms=tau, tau_syn_ms=tau / 2)])
        for choice, expected in ((None, slow), (True, True), (False, False)):
            _, cost = quantise_network(net, compensate=choice)
            assert (cost.populations[0].compensation != 1) == expected


def test_what_is_out_of_reach_is_not_compensated():
    _, cost = quantise_network(network(projection([0.5]), populations=[population(tau_syn_ms=1e9)]), compensate=True)
    assert cost.populations[0].compensation == pytest.approx(1.1)


def test_slow_neurons_give_headroom_for_scale_where_nothing_overflows_for_it():
    def found(weight, tau):
        net = network(projection([weight] * 8), populations=[population(tau_mem_ms=tau, tau_syn_ms=tau / 2)])
        return quantise_network(net, compensate=False)[0]

    assert found(0.001, 20.0).populations[0].registers["vth"][0] <= 8192
    assert 2 * 8192 < found(0.001, 200.0).populations[0].registers["vth"][0] <= 4 * 8192
    # 8 * 0.3 thresholds of twice 8192 are more than the 32767 of a sum.
    assert found(0.3, 200.0).populations[0].registers["vth"][0] <= 8192


# --- few bits -------------------------------------------------------------------------------------------------------


def test_with_few_bits_a_long_tail_is_clipped_where_all_others_are_served_better():
    weights = np.random.default_rng(0).exponential(0.01, 2000)
    for bits in (1, 2, 3, 8):
        (p,) = network(projection(weights, bits=bits)).projections
        quantised, cost = quantise_network(network(p))
        scale = quantised.populations[0].scale
        fits = next(e for e in range(8) if np.rint(weights.max() * scale / (1 << e)) <= 256 - (1 << (8 - bits)))
        exponent = exponent_of(p, scale)
        assert exponent == fits if bits == 8 else exponent < fits
        assert to_grid(p, scale, exponent)[0] <= to_grid(p, scale, fits)[0]
        assert bool(cost.projections[0].clipped) == (bits < 8)
        assert cost.projections[0].collapsed == (bits <= 3)
        if bits == 1:
            assert cost.projections[0].rounded_to_zero < 1400
            assert "weights of 2000 synapses of 'i' collapsed onto 1 levels" in cost.losses


def test_few_values_do_not_collapse():
    _, cost = quantise_network(network(projection([0.1, 0.2, 0.3] * 4, bits=4)))
    assert not cost.projections[0].collapsed
