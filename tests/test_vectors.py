"""The recording of a Loihi 2 board, replayed: a small witness, for what it does not cover see its README."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lsm_backends import emulator

from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.core.neurons import lif

RECORDING = Path(__file__).parents[2] / "shared" / "vectors" / "loihi2_lif_1000_steps.csv"


def test_equals_a_recorded_loihi2() -> None:
    if not RECORDING.exists():
        pytest.skip(f"there is no recording {RECORDING.name}")
    spikes_in, voltage, spikes_out = np.loadtxt(RECORDING, delimiter=",").T
    registers = {"du": 4095, "dv": 163, "vth": 25, "bias_mant": 0, "bias_exp": 0}
    cell = QPopulation("cell", "LIF", 1, {name: np.array([value]) for name, value in registers.items()})
    synapse = QProjection(
        "in", INPUT, "cell", "excitatory", 8, 0, np.array([0, 1]), np.array([0]), np.array([10]), np.array([0])
    )
    program = Program(QNetwork(1.0, 1, 0, (cell,), (synapse,)), np.zeros(1, np.int32), "oheo_gulch")
    trace = emulator.run(program, Stimulus(spikes_in[:, np.newaxis], np.array([0])), ("v",))
    seen = lif.chip_view("v", trace.registers["v"], trace.spikes)

    assert len(voltage) == 1000
    assert spikes_out.sum() == 4
    assert (trace.spikes[:, 0] != spikes_out).sum() == 0
    assert (seen[:, 0] != voltage).sum() == 0
