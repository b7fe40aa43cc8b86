"""The overflow certificate: what it promises holds under the worst input that there is."""

from __future__ import annotations

import numpy as np
from lsm_backends import emulator

from lsm_deploy.certify import certify
from lsm_deploy.ir import Program, QNetwork, QPopulation, QProjection, Stimulus


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
    found = certify(network)
    assert found.largest_sum.tolist() == [1200]
    assert found.largest_u[0] == 1200 * 64 * 4096 / 390
    assert found.certified.all()
    reached = np.abs(run_worst(network, 1).registers["u"]).max()
    assert 0.99 * found.largest_u[0] < reached <= found.largest_u[0]


def test_at_the_edge_of_24_bits():
    # 2**23 * 390 / (64 * 4096) = 12480: semantics.md names this limit for du = 389.
    for weight, exponent, certified in ((194, 6, True), (196, 6, False)):
        network = one_neuron([weight], exponent, 389)
        assert certify(network).certified.tolist() == [certified]
        assert (run_worst(network, 1).counts["u_wraps"] == 0) == certified


def test_bias_and_the_width_of_the_sum_count():
    assert certify(one_neuron([254, 254], 6, 4095)).certified.all()
    assert certify(one_neuron([254], 7, 4095)).largest_sum.tolist() == [32512]
    assert not certify(one_neuron([254, 254], 7, 4095)).certified.any()
    close = one_neuron([194], 6, 389, bias=-4096)
    assert certify(close).largest_u[0] == 194 * 64 * 64 * 4096 / 390 + 4096


def test_a_signed_source_counts_for_either_sign():
    ternary = {"du": 1, "dv": 1, "vth_hi": 9, "vth_lo": -9, "bias_mant": 0, "bias_exp": 0}
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
        return certify(QNetwork(1.0, 1, 0, populations, projections)).largest_sum.tolist()

    assert largest("input", "inhibitory", -30) == [0, 0, 260]
    assert largest("input", "excitatory", 30) == [0, 0, 260]
    assert largest("signed", "inhibitory", -30) == [0, 0, 260]
