"""Backend `loihi2` up to the border of the board: Intel's adapters are stood in for by `standin/`, on the CPU."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from lsm_backends import emulator
from lsm_backends.lava import child, hardware, sim
from numpy.typing import NDArray

from lsm_deploy.core.errors import BackendError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus
from lsm_deploy.run import backends as backend

NO_LAVA = sim.missing()
needs_lava = pytest.mark.skipif(NO_LAVA is not None, reason=str(NO_LAVA))
STANDIN = Path(__file__).with_name("standin")

SINFO = """#!/bin/sh
echo 'NODELIST NODES PARTITION STATE'
echo 'board-7 1 shared idle'
"""


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The stand-in for lava-loihi in the child's path, and a SLURM that knows one board."""
    for variable in (hardware.BOARD, hardware.PARTITION, hardware.HOST, hardware.GENERATION):
        monkeypatch.delenv(variable, raising=False)
    sinfo = tmp_path / "sinfo"
    sinfo.write_text(SINFO)
    sinfo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(STANDIN))
    return monkeypatch


def program(interval: int = 0, bias: int = 0, seed: int = 0) -> Program:
    """Two populations in three neuron groups, of which one takes no input; delays up to 3."""
    rng = np.random.default_rng(seed)
    sizes = {"exc": 12, "inh": 4}
    populations = tuple(
        QPopulation(
            name,
            "LIF",
            size,
            {
                "du": np.full(size, 1200),
                "dv": np.arange(size) % 2 * 150 + 50 if name == "exc" else np.full(size, 300),
                "vth": np.full(size, 250),
                "bias_mant": np.full(size, bias if name == "exc" else 0),
                "bias_exp": np.zeros(size, np.int64),
            },
        )
        for name, size in sizes.items()
    )

    def projection(source: str, sources: int, target: str, sign: int, each: int) -> QProjection:
        count = sources * each
        return QProjection(
            f"{source}-{target}",
            source,
            target,
            "excitatory" if sign > 0 else "inhibitory",
            8,
            1,
            np.arange(sources + 1) * each,
            rng.integers(0, sizes[target], count),
            sign * rng.integers(30, 256, count),
            rng.integers(0, 4, count),
        )

    projections = (
        projection(INPUT, 5, "exc", 1, 5),
        projection("exc", 12, "exc", 1, 2),
        projection("exc", 12, "inh", 1, 2),
        projection("inh", 4, "exc", -1, 4),
    )
    network = QNetwork(1.0, 5, interval, populations, projections)
    return Program(network, np.zeros(16, np.int32), "loihi2")


def stimulus(starts: list[int], steps: int) -> Stimulus:
    return Stimulus(np.random.default_rng(9).random((steps, 5)) < 0.3, np.array(starts))


@pytest.mark.lava
@needs_lava
class TestUpToTheBoard:
    @pytest.mark.deep(one_in=2)
    @pytest.mark.parametrize(("late_in", "late_out"), [(0, 0), (2, 3)])
    def test_a_shift_is_measured_and_undone(self, late_in: int, late_out: int, standin: pytest.MonkeyPatch) -> None:
        standin.setenv("STANDIN_IN", str(late_in))
        standin.setenv("STANDIN_OUT", str(late_out))
        liquid, heard = program(), stimulus([0], 60)
        trace = backend.run_program("loihi2", liquid, heard)
        expected = emulator.run(liquid, heard)
        assert expected.spikes.sum() > 100
        assert np.array_equal(trace.spikes, expected.spikes)
        assert not trace.registers

    def test_fresh_samples_are_runs_of_their_own(self, standin: pytest.MonkeyPatch) -> None:
        standin.setenv("STANDIN_OUT", "1")
        liquid, heard = program(), stimulus([0, 7], 60)
        told: list[tuple[int, int]] = []
        trace = hardware.run(liquid, heard, progress=lambda done, total: told.append((done, total)))
        assert np.array_equal(trace.spikes, emulator.run(liquid, heard).spikes)
        assert np.array_equal(trace.starts, heard.starts)
        assert told == [(7, 60), (60, 60)]

    @pytest.mark.deep(one_in=3)
    @pytest.mark.parametrize(("interval", "bias"), [(16, 0), (0, 300), (16, 300)])
    def test_what_moves_by_itself_is_cleared_when_its_late_input_begins(
        self, interval: int, bias: int, standin: pytest.MonkeyPatch
    ) -> None:
        standin.setenv("STANDIN_IN", "3")
        standin.setenv("STANDIN_OUT", "1")
        liquid, heard = program(interval, bias), stimulus([0, 32] if interval else [0], 64)
        trace = hardware.run(liquid, heard)
        expected = emulator.run(liquid, heard)
        assert expected.spikes.sum() > 100
        assert np.array_equal(trace.spikes, expected.spikes)

    def test_a_population_without_synapses_runs_as_well(self, standin: pytest.MonkeyPatch) -> None:
        standin.setenv("STANDIN_OUT", "1")
        network = program().network
        registers = {"du": 0, "dv": 40, "vth": 200, "bias_mant": 900, "bias_exp": 1}
        alone = QPopulation("alone", "LIF", 2, {name: np.full(2, value) for name, value in registers.items()})
        network = QNetwork(1.0, 5, 0, (*network.populations, alone), network.projections)
        liquid, heard = Program(network, np.zeros(18, np.int32), "loihi2"), stimulus([0], 30)
        trace = hardware.run(liquid, heard)
        assert trace.spikes[:, -2:].any()
        assert np.array_equal(trace.spikes, emulator.run(liquid, heard).spikes)

    def test_a_network_that_spikes_before_its_input_is_refused(self, standin: pytest.MonkeyPatch) -> None:
        standin.setenv("STANDIN_IN", "6")
        with pytest.raises(BackendError, match="spikes by itself in the 6 steps before its input reaches the board"):
            hardware.run(program(bias=4095), stimulus([0], 20))

    @pytest.mark.deep(one_in=2)
    @pytest.mark.parametrize("how", ["lose", "add"])
    def test_a_garbled_relay_is_refused(self, how: str, standin: pytest.MonkeyPatch) -> None:
        standin.setenv("STANDIN_GARBLE", how)
        with pytest.raises(
            BackendError, match=r"measure the board's delay came back garbled: the clock with \d+ spikes"
        ):
            hardware.run(program(), stimulus([0], 30))

    def test_a_shift_beyond_what_is_looked_for_is_refused(self, standin: pytest.MonkeyPatch) -> None:
        standin.setenv("STANDIN_OUT", str(hardware.MAX_SHIFT + 1))
        with pytest.raises(BackendError, match="garbled"):
            hardware.run(program(), stimulus([0], 30))

    def test_the_board_and_the_generation_are_passed_on(self, standin: pytest.MonkeyPatch) -> None:
        with pytest.raises(BackendError, match="KeyError: 'N9Z9'"):
            hardware.run(program(), stimulus([0], 4), generation="N9Z9")
        trace = hardware.run(program(), stimulus([0], 30), board="board-7", partition="shared", generation="N3C1")
        assert np.array_equal(trace.spikes, emulator.run(program(), stimulus([0], 30)).spikes)


class TestMissing:
    @pytest.mark.lava
    @needs_lava
    def test_intels_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
        why = str(hardware.missing())
        assert "Intel's package lava-loihi is not installed" in why
        assert "membership of the Intel Neuromorphic Research Community" in why

    @pytest.mark.lava
    @needs_lava
    def test_a_way_to_a_board(self, standin: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert hardware.missing() is None
        (tmp_path / "sinfo").unlink()
        assert str(hardware.missing()).startswith(
            "no Loihi 2 board can be reached: SLURM's `sinfo` is not on the path;"
        )
        standin.setenv(hardware.HOST, "somewhere")
        assert hardware.missing() is None

    def test_lava_itself(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(child.PYTHON, "/nowhere/python")
        assert hardware.missing() == sim.missing() != None  # noqa: E711


class TestRefusals:
    def test_registers(self) -> None:
        with pytest.raises(BackendError) as caught:
            hardware.run(program(), stimulus([0], 5), ("u", "v"))
        assert str(caught.value) == (
            "backend 'loihi2': registers cannot be recorded on a board: u, v\n"
            "  record spikes only, and compare registers between the backends 'lava' and 'emulator'"
        )

    def test_an_interval_that_is_no_power_of_two(self) -> None:
        with pytest.raises(
            BackendError, match=r"every 20 steps, and the chip's period is a power of two\n.* of 32 steps"
        ):
            hardware.run(program(interval=20), stimulus([0], 5))


def probe(relayed: NDArray[np.int8], late: int, shift_out: int) -> NDArray[np.int32]:
    relay = np.concatenate([np.zeros(late, np.int32), relayed])[: len(relayed)]
    clock = (np.arange(len(relayed)) >= shift_out).astype(np.int32)
    return np.stack([relay, clock], axis=1)


class TestShifts:
    PATTERN = np.array([1, *np.random.default_rng(0).integers(0, 2, 79)], np.int8)

    @pytest.mark.parametrize(("shift_in", "shift_out"), [(0, 0), (2, 1), (0, 9), (16, 0)])
    def test_they_are_read_from_clean_spikes(self, shift_in: int, shift_out: int) -> None:
        spikes = probe(self.PATTERN, 1 + shift_in + shift_out, shift_out)
        assert hardware._shifts(spikes, self.PATTERN) == (shift_in, shift_out)

    def test_a_single_wrong_spike_anywhere_is_noticed(self) -> None:
        clean = probe(self.PATTERN, 4, 1)
        for t, neuron in np.ndindex(*clean.shape):
            spikes = clean.copy()
            spikes[t, neuron] ^= 1
            if neuron == 1 and t < 2:
                continue  # a clock that begins a step earlier or later is a clock that is less or more late
            with pytest.raises(BackendError, match="garbled"):
                hardware._shifts(spikes, self.PATTERN)

    def test_silence_is_noticed(self) -> None:
        with pytest.raises(BackendError, match="the clock with 0 spikes in 80 steps, the relay with 0"):
            hardware._shifts(np.zeros((80, 2), np.int32), self.PATTERN)
