"""Brian 2 equals the emulator, register by register, and leaves the process as it was."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsm_backends import brian, emulator
from programs import (
    ALL_KINDS,
    GRADED_KINDS,
    INTERVALS,
    REGISTERS,
    disjoint,
    programs,
    random_case,
    random_program,
    random_stimulus,
    stimuli,
)

from lsm_deploy.core.errors import BackendError, LsmError, MisuseError
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.limits import Limits
from lsm_deploy.core.messages import Message

pytestmark = pytest.mark.skipif(brian.missing() is not None, reason=str(brian.missing()))

compiled = pytest.mark.skipif(
    shutil.which("g++") is None or shutil.which("make") is None, reason="g++ and make are not both there"
)


def check_against_emulator(program: Program, stimulus: Stimulus, codegen: brian.Codegen = "numpy") -> None:
    trace = brian.run(program, stimulus, REGISTERS, codegen=codegen)
    expected = emulator.run(program, stimulus, REGISTERS)
    assert np.array_equal(trace.spikes, expected.spikes)
    for name in REGISTERS:
        assert np.array_equal(trace.registers[name], expected.registers[name]), name
    assert trace.counts == expected.counts


@st.composite
def packed(draw: st.DrawFn) -> tuple[Program, Stimulus]:
    """Several programs in one run: starting Brian costs more than running them."""
    interval = draw(INTERVALS)
    program = disjoint(draw(st.lists(programs(st.just(interval)), min_size=1, max_size=6)))
    return program, draw(stimuli(program))


# A run takes a quarter of a second: an eighth of the examples, in either profile.
@settings(max_examples=max(1, settings.default.max_examples // 8))
@given(packed())
def test_equals_the_emulator(case: tuple[Program, Stimulus]) -> None:
    check_against_emulator(*case)


@pytest.mark.parametrize("seed", range(12))
def test_graded_messages(seed: int) -> None:
    kinds = (*GRADED_KINDS[:: 1 - 2 * (seed // 2 % 2)], *(("LIF", "TernaryLIF") if seed % 2 else ()))
    check_against_emulator(*random_case(100 + seed, kinds=kinds))


@pytest.mark.once
@pytest.mark.deep(one_in=4)
@compiled
@pytest.mark.parametrize("codegen", ["cython", "cpp_standalone"])
@pytest.mark.parametrize("kind", GRADED_KINDS)
def test_graded_messages_when_compiled(kind: str, codegen: brian.Codegen) -> None:
    check_against_emulator(*random_case(101, kinds=(kind, "TernaryLIF"), regime="alive"), codegen)


def test_graded_input_to_spiking_neurons() -> None:
    program, _ = random_case(3, kinds=ALL_KINDS, channels=3)
    program = replace(program, network=replace(program.network, input=Message(12, True, 11)))
    check_against_emulator(program, random_stimulus(np.random.default_rng(0), program, 80))


def everything(interval: int, steps: int = 120) -> tuple[Program, Stimulus]:
    """One case with every regime and kind in it, samples of several lengths, and every event that is counted."""
    rng = np.random.default_rng(11)
    regimes = ("alive", "alive", "alive", "wrapping", "edge", "overflowing")
    program = disjoint(
        [
            random_program(
                rng,
                sizes=(4, 3),
                channels=3,
                projections=4,
                interval=interval,
                regime=r,
                kinds=(*ALL_KINDS[i % 4 :], *ALL_KINDS),
            )
            for i, r in enumerate(regimes)
        ]
    )
    assert {p.kind for p in program.network.populations} == set(ALL_KINDS)
    starts = np.array([0, 40, 80]) if interval else np.array([0, 31, 95])
    stimulus = Stimulus(random_stimulus(rng, program, steps).spikes, starts)
    assert min(emulator.run(program, stimulus).counts.values()) > 0
    return program, stimulus


def without_detours(interval: int, kinds: tuple[str, ...]) -> tuple[Program, Stimulus]:
    """Every regime of these kinds, but no pair of kinds that shows nothing new: Brian compiles each for itself."""
    rng = np.random.default_rng(21)
    cells = [
        random_program(rng, sizes=(4,), channels=3, projections=0, interval=interval, regime=regime, kinds=(kind,))
        for kind in kinds
        for regime in ("alive", "wrapping", "edge", "overflowing")
    ]
    signed = random_program(
        np.random.default_rng(12), sizes=(5,), channels=3, projections=4, interval=interval, kinds=("TernaryLIF",)
    )
    program = disjoint([*cells, signed])
    stimulus = random_stimulus(rng, program, 80)
    trace = emulator.run(program, stimulus)
    assert min(trace.counts.values()) > 0
    assert set(np.unique(trace.spikes[:, -5:])) == {-1, 0, 1}
    return program, stimulus


@pytest.mark.parametrize("interval", [0, 8])
def test_numpy(interval: int) -> None:
    check_against_emulator(*everything(interval))


@pytest.mark.deep
@compiled
def test_cython() -> None:
    # A kind takes half a minute to compile for the first time; what it becomes is the C++ of the next test.
    check_against_emulator(*without_detours(8, ("TernaryLIF",)), "cython")


@pytest.mark.once
@pytest.mark.deep
@compiled
def test_cpp_standalone() -> None:
    b2 = brian._import()
    device, before = b2.get_device(), set(Path(tempfile.gettempdir()).glob("lsm-deploy-brian-*"))
    check_against_emulator(*without_detours(0, ALL_KINDS), "cpp_standalone")
    assert b2.get_device() is device
    assert set(Path(tempfile.gettempdir()).glob("lsm-deploy-brian-*")) <= before


def test_samples_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    program, stimulus = everything(0)
    monkeypatch.setattr(brian, "MAX_VALUES", 2 * 64 * program.network.neurons)
    told: list[tuple[int, int]] = []
    trace = brian.run(program, stimulus, progress=lambda done, total: told.append((done, total)))
    assert np.array_equal(trace.spikes, emulator.run(program, stimulus).spikes)
    assert told == [(95, 120), (120, 120)]


def test_long_runs_stay_on_their_steps() -> None:
    rng = np.random.default_rng(2)
    program = random_program(rng, sizes=(5,), channels=3, projections=3, interval=1000, regime="alive")
    check_against_emulator(program, Stimulus(random_stimulus(rng, program, 5000).spikes, np.array([0])))


def test_no_step_and_no_channel() -> None:
    program = random_program(np.random.default_rng(1), channels=0, interval=0)
    for steps in (0, 7):
        check_against_emulator(program, Stimulus(np.zeros((steps, 0), np.int8), np.array([0])))


def test_leaves_the_process_as_it_was() -> None:
    # In a process of its own, because importing Brian is what changes most.
    code = """
import logging, sys, warnings
from lsm_backends import brian
from test_brian import everything
assert "brian2" not in sys.modules
hook, show = sys.excepthook, warnings.showwarning
brian.run(*everything(0))
assert sys.excepthook is hook
assert warnings.showwarning is show
logging.captureWarnings(True)
assert warnings.showwarning is not show, "warnings were captured already, and to where they are put back is lost"
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)}, timeout=120)


def test_begins_in_any_thread() -> None:
    # As on a worker. Python lets only the main one say what Ctrl-C does, which Brian wants to as it is imported.
    code = """
import signal
from concurrent.futures import ThreadPoolExecutor
from lsm_backends import brian
from test_brian import everything
before, handler = signal.signal, signal.getsignal(signal.SIGINT)
ThreadPoolExecutor(1).submit(brian.run, *everything(0)).result()
assert signal.signal is before
assert signal.getsignal(signal.SIGINT) is handler
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)}, timeout=120)


def test_leaves_brian_as_it_was() -> None:
    b2 = brian._import()
    program, stimulus = everything(8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Brian 2.9 on newer pyparsing
        b2.prefs.codegen.target = "auto"
        mine = b2.NeuronGroup(1, "dx/dt = 1*Hz : 1", method="euler")
        device, clock = b2.get_device(), b2.defaultclock.dt
        brian.run(program, stimulus)
        assert b2.get_device() is device
        assert b2.defaultclock.dt == clock
        assert b2.prefs.codegen.target == "auto"
        b2.prefs.codegen.target = "numpy"
        b2.run(10 * b2.ms)
        b2.prefs.codegen.target = "auto"
    assert float(mine.x[0]) == pytest.approx(0.01)


def test_refuses_a_kind_without_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brian, "LIMITS", Limits(kinds=("Other",)))
    monkeypatch.setattr(brian, "_import", lambda: pytest.fail("Brian was started"))
    with pytest.raises(LsmError) as error:
        brian.run(*everything(0))
    assert str(error.value.each()[0]) == (
        "population '0.p0': backend 'brian' has no rule for neurons of kind 'LIF', only for Other\n"
        "  run it on the backend 'emulator', which knows every kind"
    )


def test_refuses_an_unknown_target() -> None:
    with pytest.raises(MisuseError, match="there is no code generation target 'cuda'"):
        brian.run(*everything(0), codegen="cuda")  # type: ignore[arg-type]


def test_says_that_a_compiler_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    b2 = brian._import()
    preferences = {name: b2.prefs[name] for name in ("codegen.target", "core.default_float_dtype")}
    monkeypatch.setattr(brian.shutil, "which", lambda program: None)
    with pytest.raises(BackendError, match="need a C\\+\\+ compiler: g\\+\\+ is not there"):
        brian.run(*everything(0), codegen="cpp_standalone")
    from brian2.codegen.runtime.cython_rt import CythonCodeObject

    monkeypatch.setattr(CythonCodeObject, "is_available", classmethod(lambda cls: False))
    with pytest.raises(BackendError, match="Cython cannot compile"):
        brian.run(*everything(0), codegen="cython")
    assert {name: b2.prefs[name] for name in preferences} == preferences
    check_against_emulator(*everything(0))


def test_says_that_brian_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brian, "find_spec", lambda name: None)
    assert brian.missing() == "Brian 2 is not installed: pip install 'lsm-deploy[brian]'"


def test_an_interrupt_is_not_silence() -> None:
    # Brian's own handler would stop the simulation and let the run return what there is.
    code = """
import os, signal, threading
import numpy as np
from lsm_backends import brian
from programs import random_program, random_stimulus
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.limits import Limits
from lsm_deploy.core.messages import Message
signal.signal(signal.SIGINT, signal.default_int_handler)
brian._import()
rng = np.random.default_rng(2)
program = random_program(rng, sizes=(5,), channels=3, projections=3, interval=1000, regime="alive")
stimulus = random_stimulus(rng, program, 1_000_000)
threading.Timer(6, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    brian.run(program, stimulus)
except KeyboardInterrupt:
    print("interrupted")
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == "interrupted\n"
