"""Parity on a board. `make hardware` runs this, and fails where there is none: a skipped test proves nothing."""

from __future__ import annotations

import numpy as np
import pytest
from lsm_backends import emulator
from lsm_backends.lava import hardware

from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus


@pytest.fixture(scope="module", autouse=True)
def board() -> None:
    if why := hardware.missing():
        pytest.fail(why, pytrace=False)


def liquid(interval: int, bias: int, longest: int) -> Program:
    """16 neurons in two groups of registers; sums stay within 16 bits, so that a chip must agree."""
    rng = np.random.default_rng(longest)
    registers = {"du": 1200, "vth": 250, "bias_mant": bias, "bias_exp": 0}
    population = QPopulation(
        "liquid",
        "LIF",
        16,
        {**{name: np.full(16, value) for name, value in registers.items()}, "dv": np.arange(16) // 8 * 100 + 50},
    )

    def projection(source: str, sources: int, sign: int, each: int) -> QProjection:
        count = sources * each
        return QProjection(
            f"{source}{sign}",
            source,
            "liquid",
            "excitatory" if sign > 0 else "inhibitory",
            8,
            0,
            np.arange(sources + 1) * each,
            np.concatenate([np.sort(rng.choice(16, each, replace=False)) for _ in range(sources)]),
            sign * rng.integers(60, 256, count),
            rng.integers(0, longest + 1, count),
        )

    projections = (projection(INPUT, 6, 1, 6), projection("liquid", 16, 1, 2), projection("liquid", 16, -1, 2))
    network = QNetwork(1.0, 6, interval, (population,), projections)
    return Program(network, np.zeros(16, np.int32), "loihi2")


@pytest.mark.parametrize(
    ("interval", "bias", "longest"),
    [(0, 0, 0), (0, 0, 5), (0, 0, 62), (0, 200, 0), (32, 0, 0), (32, 200, 5)],
    ids=["plain", "delays", "longest delays", "bias", "interval", "all"],
)
def test_the_board_spikes_as_the_emulator_does(interval: int, bias: int, longest: int) -> None:
    program = liquid(interval, bias, longest)
    stimulus = Stimulus(np.random.default_rng(1).random((128, 6)) < 0.25, np.array([0, 64]))
    expected = emulator.run(program, stimulus)
    assert expected.spikes.sum() > 200
    assert not expected.counts["wide_sums"]
    trace = hardware.run(program, stimulus)
    different = np.argwhere(trace.spikes != expected.spikes)
    assert not len(different), f"{len(different)} spikes differ, the first in step, neuron {different[0].tolist()}"
