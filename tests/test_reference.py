"""The float reference: against scalars that share no code with it, against closed forms, and against the integers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from lsm_backends import emulator
from programs import ALL_KINDS, random_case

from lsm_deploy.core.ir import Network, Population, Projection, Stimulus
from lsm_deploy.run.reference import run_float

PARAMETERS = {
    "LIF": {"tau_mem_ms": 12.0, "tau_syn_ms": 4.0, "v_threshold": 1.0, "bias": 0.01},
    "TernaryLIF": {"tau_mem_ms": 12.0, "tau_syn_ms": 4.0, "v_threshold_hi": 1.0, "v_threshold_lo": -0.7, "bias": 0.01},
    "LIFRefractory": {"tau_mem_ms": 12.0, "tau_syn_ms": 4.0, "v_threshold": 1.0, "bias": 0.01, "t_refractory_ms": 3.0},
    "LIFSubtract": {"tau_mem_ms": 12.0, "tau_syn_ms": 4.0, "v_threshold": 1.0, "bias": 0.01, "reset_delay": 0.0},
    "ATRLIF": {
        "tau_mem_ms": 12.0, "tau_syn_ms": 4.0, "tau_threshold_ms": 50.0, "tau_refractory_ms": 6.0, "v_threshold": 1.0,
        "threshold_step": 0.2, "bias": 0.01,
    },
}  # fmt: skip


def population(kind, size=1, **changed):
    values = PARAMETERS[kind] | changed
    return Population("n", kind, size, {name: np.broadcast_to(value, size).copy() for name, value in values.items()})


def projection(source, weight, delay_ms, name="p"):
    """All to all; weight and delay are [post, pre]."""
    weight, delay_ms = np.asarray(weight, float), np.asarray(delay_ms, float)
    targets, sources = weight.shape
    return Projection(
        name=name,
        source=source,
        target="n",
        sign_mode="mixed",
        weight_bits=8,
        indptr=np.arange(sources + 1) * targets,
        post=np.tile(np.arange(targets, dtype=np.int32), sources),
        weight=weight.T.ravel().copy(),
        delay_ms=np.broadcast_to(delay_ms, weight.shape).T.ravel().copy(),
    )


def one_neuron(kind, weight=0.5, delay_ms=0.0, dt_ms=1.0, **changed):
    return Network(dt_ms, 1, 0, (population(kind, **changed),), (projection("input", [[weight]], delay_ms),))


def single_spike(steps=200, at=0):
    spikes = np.zeros((steps, 1), np.int8)
    spikes[at] = 1
    return Stimulus(spikes, np.zeros(1, np.int64))


# --- a scalar opinion -----------------------------------------------------------------------------------------------


def scalar_run(kind, p, dt, weights_in, delays_in, weights, delays, stimulus, starts, interval):
    """One neuron and one synapse at a time, from the docstrings of the kinds; p: parameter name -> list."""
    size = len(p["tau_mem_ms"])
    runs = [0] if interval else starts
    spikes, us, vs = [], [], []
    for start, stop in zip(runs, [*runs[1:], len(stimulus)], strict=True):
        first = len(spikes)
        state = [None] * size
        for t in range(stop - start):
            row_s, row_u, row_v = [], [], []
            for i in range(size):
                if state[i] is None or (interval and t % interval == 0):
                    state[i] = {"u": 0.0, "v": 0.0, "left": 0, "r": 0.0, "theta": p.get("v_threshold", [0] * size)[i]}
                a = 0.0
                for j in range(len(stimulus[0])):
                    k = t - 1 - delays_in[i][j]
                    a += weights_in[i][j] * stimulus[start + k][j] if k >= 0 else 0.0
                for j in range(size):
                    k = t - 1 - delays[i][j]
                    a += weights[i][j] * spikes[first + k][j] if k >= 0 else 0.0
                s = state[i]
                fired = scalar_step(kind, {name: values[i] for name, values in p.items()}, dt, s, a)
                row_s.append(fired)
                row_u.append(s["u"])
                row_v.append(s["v"])
            spikes.append(row_s)
            us.append(row_u)
            vs.append(row_v)
    return spikes, us, vs


def scalar_step(kind, p, dt, s, a):
    s["u"] = s["u"] * math.exp(-dt / p["tau_syn_ms"]) + a
    if kind == "LIFRefractory" and s["left"] > 0:
        s["left"] -= 1
        return 0
    late = kind == "LIFSubtract" and p["reset_delay"] == 1
    owed = p["v_threshold"] if late and s["v"] > p["v_threshold"] else 0.0
    s["v"] = s["v"] * math.exp(-dt / p["tau_mem_ms"]) + s["u"] + p["bias"] - owed
    if kind == "TernaryLIF":
        fired = int(s["v"] > p["v_threshold_hi"]) - int(s["v"] < p["v_threshold_lo"])
    elif kind == "ATRLIF":
        s["theta"] = p["v_threshold"] + (s["theta"] - p["v_threshold"]) * math.exp(-dt / p["tau_threshold_ms"])
        s["r"] *= math.exp(-dt / p["tau_refractory_ms"])
        fired = int(s["v"] - s["r"] >= s["theta"])
        if fired:
            s["r"] += 2 * s["theta"]
            s["theta"] += p["threshold_step"]
        return fired
    else:
        fired = int(s["v"] > p["v_threshold"])
    if kind == "LIFSubtract":
        s["v"] -= p["v_threshold"] if fired and not late else 0.0
    elif fired:
        s["v"] = 0.0
        if kind == "LIFRefractory":
            s["left"] = round(p["t_refractory_ms"] / dt)
    return fired


@pytest.mark.parametrize("interval", [0, 40])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_scalars_agree(kind, interval):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        size, channels, steps, dt = 6, 4, 160, 0.5
        drawn = {name: value * rng.uniform(0.7, 1.3, size) for name, value in PARAMETERS[kind].items()}
        if kind == "LIFSubtract":
            drawn["reset_delay"] = np.arange(size) % 2.0
            drawn["v_threshold"] *= 2  # what is left over makes it spike more often than the others
        weights_in, weights = rng.normal(0.1, 0.12, (size, channels)), rng.normal(0.0, 0.08, (size, size))
        delays_in, delays = rng.integers(0, 4, (size, channels)), rng.integers(0, 70, (size, size))
        network = Network(
            dt, channels, interval, (Population("n", kind, size, drawn),),
            (projection("input", weights_in, delays_in * dt), projection("n", weights, delays * dt, "q")),
        )  # fmt: skip
        stimulus = Stimulus((rng.random((steps, channels)) < 0.3).astype(np.int8), np.array([0, 80]))
        found = run_float(network, stimulus, ("u", "v", "i"))
        listed = {name: values.tolist() for name, values in drawn.items()}
        wiring = (weights_in.tolist(), delays_in.tolist(), weights.tolist(), delays.tolist())
        s, u, v = scalar_run(kind, listed, dt, *wiring, stimulus.spikes.tolist(), [0, 80], interval)
        assert found.spikes.tolist() == s
        assert 20 < np.abs(found.spikes).sum() < 0.7 * found.spikes.size
        np.testing.assert_allclose(found.state["i" if kind == "ATRLIF" else "u"], u, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.state["v"], v, rtol=1e-9, atol=1e-12)


# --- closed forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_the_response_to_one_spike_is_a_difference_of_exponentials(kind):
    network = one_neuron(kind, 0.1, delay_ms=3.0, bias=0.0)
    found = run_float(network, single_spike(at=5), ("u", "i", "v"))
    alpha, beta, k = math.exp(-1 / 4.0), math.exp(-1 / 12.0), np.arange(200 - 9)
    current = found.state["i" if kind == "ATRLIF" else "u"][:, 0]
    assert not current[:9].any()  # spiked in step 5, a delay of 3, and the one step that every synapse takes
    np.testing.assert_allclose(current[9:], 0.1 * alpha**k)
    expected = 0.1 * (beta ** (k + 1) - alpha ** (k + 1)) / (beta - alpha)
    np.testing.assert_allclose(found.state["v"][9:, 0], expected)
    assert not found.spikes.any()


@pytest.mark.parametrize(("kind", "frozen"), [("LIF", 0), ("TernaryLIF", 0), ("LIFRefractory", 3)])
@pytest.mark.parametrize("bias", [0.09, 0.2, 1.5])
def test_a_constant_bias_gives_the_rate_of_a_leaky_integrator(kind, frozen, bias):
    # n steps after a reset v = bias (1 - beta^n) / (1 - beta): the interval is the first n at which that exceeds 1.
    network = one_neuron(kind, bias=bias)
    beta = math.exp(-1 / 12.0)
    interval = math.floor(math.log(1 - (1 - beta) / bias) / math.log(beta)) + 1 if bias < 1 else 1
    found = run_float(network, Stimulus(np.zeros((400, 1), np.int8), np.zeros(1, np.int64)))
    assert set(np.diff(np.flatnonzero(found.spikes[:, 0])).tolist()) == {interval + frozen}


@pytest.mark.parametrize("reset_delay", [0.0, 1.0])
@pytest.mark.parametrize("bias", [0.125, 0.375, 0.875])
def test_a_spike_that_takes_the_threshold_loses_nothing(reset_delay, bias):
    # Without a leak every threshold that the bias brings is a spike. (These sums are exact.)
    network = one_neuron("LIFSubtract", bias=bias, tau_mem_ms=1e30, reset_delay=reset_delay)
    found = run_float(network, Stimulus(np.zeros((401, 1), np.int8), np.zeros(1, np.int64)), ("v",))
    counted = np.cumsum(found.spikes[:, 0])
    given = bias * np.arange(1, 402)
    assert (counted == np.ceil(given) - 1).all()
    kept = found.state["v"][:, 0] - reset_delay * found.spikes[:, 0]
    assert (kept == given - counted).all()


def test_an_adaptive_threshold_slows_a_neuron_down():
    network = one_neuron("ATRLIF", bias=0.5, threshold_step=0.3, tau_threshold_ms=1000.0)
    found = run_float(network, Stimulus(np.zeros((600, 1), np.int8), np.zeros(1, np.int64)), ("theta", "r"))
    at = np.flatnonzero(found.spikes[:, 0])
    assert at[0] == 2  # 0.5 (1 + beta + beta^2) = 1.38, the first beyond 1
    assert found.state["theta"][at[0], 0] == pytest.approx(1.3)
    assert found.state["r"][at[0], 0] == pytest.approx(2.0)
    assert np.diff(at)[-1] > np.diff(at)[0]


# --- and the integers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_exact_integers_run_as_the_floats_that_they_stand_for(seed):
    """Where nothing wraps, truncation alone tells the integers' registers from floats of 64 times their size."""
    program, stimulus = random_case(seed, regime="alive", interval=0)
    q = program.network
    network = Network(q.dt_ms, q.channels, 0, q.populations, q.projections)
    found = run_float(network, stimulus, ("u", "i", "v"))
    trace = emulator.run(program, stimulus, ("u", "i", "v"))
    if trace.counts["u_wraps"] or trace.counts["wide_sums"]:
        return
    differs = np.flatnonzero((found.spikes != trace.spikes).any(axis=1))
    end = int(differs[0]) if len(differs) else len(trace.spikes)
    for name in ("u", "i"):
        for p in q.populations:
            here = q.columns(p.name)
            decay = p.registers["delta_i" if p.kind == "ATRLIF" else "du"] + 1
            allowed = 4096 / decay + 1  # less than 1 is lost in a step, and forgotten with `decay`
            error = np.abs(64 * found.state[name][:end, here] - trace.registers[name][:end, here])
            assert (error <= allowed).all(), p.kind


def test_samples_do_not_reach_each_other_and_order_is_kept():
    network = one_neuron("LIF", 0.4, 2.0)
    once = run_float(network, single_spike(20), ("v",)).state["v"]
    spikes = np.tile(single_spike(20).spikes, (2, 1))
    told = []
    twice = run_float(network, Stimulus(spikes, np.array([0, 20])), ("v",), lambda *done: told.append(done))
    assert (twice.state["v"] == np.tile(once, (2, 1))).all()
    assert told == [(40, 40)], "both samples ran side by side"


def test_the_interval_clears_registers_and_leaves_what_is_in_flight():
    network = replace(one_neuron("LIF", 0.4, 4.0), sample_interval=10)
    found = run_float(network, single_spike(30, at=8), ("u", "v"))
    assert found.state["u"][:, 0].nonzero()[0].tolist() == list(range(13, 20))


def test_a_delay_is_the_nearest_whole_number_of_steps():
    for delay_ms, steps in ((2.4, 2), (2.6, 3), (0.3, 0)):
        found = run_float(one_neuron("LIF", 0.4, delay_ms), single_spike(20), ("u",))
        assert found.state["u"][:, 0].nonzero()[0][0] == 1 + steps


def test_delays_beyond_the_chips_are_kept():
    found = run_float(one_neuron("LIF", 0.4, 100.0), single_spike(200), ("u",))
    assert found.state["u"][:, 0].nonzero()[0][0] == 101
    assert not run_float(one_neuron("LIF", 0.4, 1e9), single_spike(200), ("u",)).state["u"].any()
