"""The stepping interface gives the bits of a whole run, from any point on, alone or in blocks."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import count, islice

import numpy as np
import pytest
from lsm_backends import emulator, fast
from lsm_backends.fast import layout, rows, session
from lsm_backends.fast.kernels import neurons
from lsm_backends.fast.session import Session
from numpy.typing import NDArray
from programs import REGISTERS, random_case

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus, Trace

pytestmark = pytest.mark.once


def one_sample(seed: int, **given: object) -> tuple[Program, Stimulus, Trace]:
    """A program, a stimulus without a cut, and what the emulator makes of them."""
    program, stimulus = random_case(seed, **given)
    stimulus = Stimulus(stimulus.spikes, np.zeros(1, np.int64))
    return program, stimulus, emulator.run(program, stimulus, REGISTERS)


def compare_step_by_step(running: Session, program: Program, stimulus: Stimulus, expected: Trace) -> int:
    for t in range(running.t, len(stimulus.spikes)):
        assert np.array_equal(running.step(stimulus.spikes[t]), expected.spikes[t]), t
        for name in program.network.state_names:
            assert np.array_equal(running.register(name), expected.registers[name][t]), (t, name)
    assert running.counts == dict(expected.counts)
    return int(np.count_nonzero(expected.spikes))


def test_stepping_is_the_whole_run() -> None:
    spikes = 0
    for seed in range(60):
        program, stimulus, expected = one_sample(seed)
        spikes += compare_step_by_step(fast.start(program), program, stimulus, expected)
    assert spikes > 5000


def test_a_saved_state_goes_on_elsewhere() -> None:
    rng = np.random.default_rng(5)
    for seed in range(40):
        program, stimulus, expected = one_sample(seed)
        at = int(rng.integers(0, len(stimulus.spikes) + 1))
        first = fast.start(program)
        first.run(stimulus.spikes[:at])
        state = first.save()
        first.run(stimulus.spikes[at:])  # what was saved is a copy
        second = fast.start(program)
        second.run(stimulus.spikes[: int(rng.integers(0, at + 1))])  # whatever it did before is forgotten
        second.restore(state)
        compare_step_by_step(second, program, stimulus, expected)


def test_a_state_of_another_program_is_refused() -> None:
    one, other = fast.start(random_case(1)[0]), fast.start(random_case(2)[0])
    with pytest.raises(LsmError, match=r"sums in flight .*, not "):
        other.restore(one.save())
    program, stimulus, expected = one_sample(3)
    running = fast.start(program)
    running.run(stimulus.spikes[:5])
    state = running.save()
    narrow = np.iinfo(running._ring.dtype).max
    with pytest.raises(LsmError, match="are larger than any of this program"):
        running.restore(replace(state, in_flight=state.in_flight + narrow + 1))
    with pytest.raises(LsmError, match="it has no register "):
        running.restore(replace(state, registers={}))
    compare_step_by_step(running, program, stimulus, expected)  # which has gone on as if nothing had been asked


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_leaves_a_session_that_goes_on(in_blocks: None, threads: int) -> None:
    # The signal comes while the kernels run; Python hears of it when they have returned.
    program, stimulus, _ = one_sample(8, sizes=(70, 130), channels=40, projections=6)
    steps = 20_000
    row = np.tile(stimulus.spikes[:1], (steps + 5, 1))
    expected = fast.start(program, threads=1).run(row)[0]
    running = fast.start(program, threads=threads)
    running.run(row[:0])  # compiled by now
    timer = threading.Timer(0.01, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()

    def again_and_again() -> None:
        for _ in range(1000):
            running.reset()
            running.run(row[:steps])

    with pytest.raises(KeyboardInterrupt):
        again_and_again()
    timer.join()
    assert running.t in (0, steps), "whole steps"
    assert np.array_equal(running.run(row[running.t : running.t + 5])[0], expected[running.t - 5 : running.t])


def test_an_error_does_not_hang_the_other_samples() -> None:
    program, stimulus = random_case(3, interval=0)
    many = Stimulus(np.tile(stimulus.spikes, (20, 1)), np.arange(20) * len(stimulus.spikes))

    def fails(done: int, total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fast.run(program, many, progress=fails, threads=1)


def test_anything_but_0_is_a_spike_for_a_run_too() -> None:
    program, stimulus, expected = one_sample(4)
    for wrong in (stimulus.spikes * 2, stimulus.spikes.astype(np.uint8) * 255, stimulus.spikes.astype(np.float32)):
        assert np.array_equal(fast.start(program).run(wrong)[0], expected.spikes)


def test_text_is_no_spike_and_no_single_value() -> None:
    # numpy 1 takes `text != 0` for one True: the kernel would read on behind it.
    program, stimulus, _ = one_sample(4)
    with pytest.raises(TypeError):
        fast.start(program).run(stimulus.spikes.astype(str))


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "blocks_for", lambda network, threads: threads)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("storage", ["rows", "lists", "both"])
def test_blocks_are_the_same_network(
    in_blocks: None, monkeypatch: pytest.MonkeyPatch, threads: int, storage: str
) -> None:
    if storage != "both":
        monkeypatch.setattr(rows, "pays", lambda *given: storage == "rows")
    spikes = 0
    for seed in range(12):
        program, stimulus, expected = one_sample(seed, sizes=(70, 130, 64), channels=40, projections=6)
        assert layout.lay_out(program.network, threads).blocks == threads
        trace = fast.run(program, stimulus, REGISTERS, threads=threads)
        assert np.array_equal(trace.spikes, expected.spikes)
        assert all(np.array_equal(trace.registers[name], expected.registers[name]) for name in REGISTERS)
        assert dict(trace.counts) == dict(expected.counts)
        running = fast.start(program, threads=threads)
        running.run(stimulus.spikes[: len(stimulus.spikes) // 2])
        alone = Session.on(layout.lay_out(program.network, 1), ())
        alone.restore(running.save())
        compare_step_by_step(running, program, stimulus, expected)
        spikes += compare_step_by_step(alone, program, stimulus, expected)
    assert spikes > 20_000


def test_lists_that_are_asked_for_ahead_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "pays", lambda *given: False)
    monkeypatch.setattr(layout, "CACHED", 0)
    for seed in range(12):
        program, stimulus, expected = one_sample(seed, sizes=(70, 130), channels=40, projections=6)
        assert layout.lay_out(program.network).ahead == layout.AHEAD
        assert np.array_equal(fast.run(program, stimulus).spikes, expected.spikes)


def test_a_step_allocates_nothing() -> None:
    program, stimulus, _ = one_sample(8, sizes=(70, 130), channels=40, projections=6)
    running, row = fast.start(program), stimulus.spikes[0]
    buffer = running.step(row)
    tracemalloc.start()
    try:
        for _ in range(10):
            running.step(row)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(1000):
            running.step(row)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert running.step(row) is buffer
    assert after - before < 200, "integers, but nothing that grows"
    assert peak - before < 2 * program.network.neurons, "not even for a moment one array"


def test_a_stimulus_need_not_end() -> None:
    program, stimulus, expected = one_sample(3)
    steps = len(stimulus.spikes)

    def endless() -> Iterator[NDArray[np.int8]]:
        for t in count():
            yield stimulus.spikes[t % steps]

    fed = [spikes.copy() for spikes in islice(fast.start(program).feed(endless()), steps)]
    assert np.array_equal(fed, expected.spikes)


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    program, stimulus, expected = one_sample(6, channels=3)
    running = fast.start(program)
    for wrong in (np.zeros(1, np.int8), np.zeros(4, np.int8)):
        with pytest.raises(ValueError, match="input spikes for 3 channels"):
            running.step(wrong)
    with pytest.raises(ValueError, match="for 3 channels"):
        running.run(np.zeros((5, 2), np.int8))
    with pytest.raises(ValueError, match="cannot be written to"):
        running.run(stimulus.spikes, np.zeros((2, 2), np.int8))
    compare_step_by_step(running, program, stimulus, expected)


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float32])
def test_input_spikes_may_be_of_any_type(dtype: type) -> None:
    program, stimulus, expected = one_sample(4)
    running = fast.start(program)
    stepped = [running.step(row).copy() for row in stimulus.spikes.astype(dtype) * dtype(1)]
    assert np.array_equal(stepped, expected.spikes)


@cache
def _lists():
    """`list_active` as Python can call it."""
    import numba

    return numba.njit(lambda *given: neurons.list_active(*given))


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 15, 63, 64, 65, 127, 128, 200])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_the_list_of_the_active(size: int, rate: float) -> None:
    rng = np.random.default_rng(size)
    for shift in range(3):  # where in memory they begin does not matter
        fires = np.where(rng.random(size + shift) < rate, rng.choice([-1, 1], size + shift), 0).astype(np.int8)[shift:]
        active, signs = np.zeros(size + 1, np.int32), np.zeros(size + 1, np.int8)
        found = _lists()(fires.ctypes.data, size, 7, active, signs)
        assert np.array_equal(active[:found], np.flatnonzero(fires) + 7)
        assert np.array_equal(signs[:found], fires[fires != 0])


# --- copies ---------------------------------------------------------------------------------------------------------

COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda running: pickle.loads(pickle.dumps(running))}


@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_goes_on_in_memory_of_its_own(way, blocks):
    """A session's plan holds addresses: copied as they were, the copy wrote to what belongs to the original."""
    program, stimulus, expected = one_sample(5)
    running = Session.on(layout.lay_out(program.network, blocks), ("v",))
    half = len(stimulus.spikes) // 2
    running.run(stimulus.spikes[:half])
    copied = COPIES[way](running)
    assert copied.t == running.t == half
    for each in (copied, running):
        spikes, registers = each.run(stimulus.spikes[half:])
        assert np.array_equal(spikes, expected.spikes[half:])
        assert np.array_equal(registers[:, 0], expected.registers["v"][half:])
        assert each.counts == dict(expected.counts)


def test_a_session_goes_on_in_another_process():
    program, stimulus, expected = one_sample(5)
    running = Session(program)
    half = len(stimulus.spikes) // 2
    running.run(stimulus.spikes[:half])
    code = (
        "import pickle, sys; running, stimulus = pickle.load(sys.stdin.buffer);"
        "sys.stdout.buffer.write(pickle.dumps((running.run(stimulus)[0], running.counts)))"
    )
    given = pickle.dumps((running, stimulus.spikes[half:]))
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, check=True)
    spikes, counts = pickle.loads(done.stdout)
    assert np.array_equal(spikes, expected.spikes[half:])
    assert counts == dict(expected.counts)


def test_two_threads_at_once_lose_no_steps() -> None:
    program, stimulus, expected = one_sample(3)
    running, together = fast.start(program), threading.Barrier(2)
    refused = []

    def step_all() -> None:
        together.wait()
        for row in stimulus.spikes:
            for _ in range(20):
                try:
                    running.step(row)
                except LsmError as error:
                    refused.append(error)

    threads = [threading.Thread(target=step_all) for _ in range(2)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert running.t + len(refused) == 2 * 20 * len(stimulus.spikes)
    running.reset()
    assert np.array_equal(running.run(stimulus.spikes)[0], expected.spikes)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_session_that_another_thread_advances_is_refused(
    in_blocks: None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, stimulus, expected = one_sample(3)
    running = Session(program, threads=threads)
    state = running.save()
    advance, inside, go_on = Session._advance, threading.Event(), threading.Event()

    def slowly(self: Session, *given: int) -> None:
        inside.set()
        go_on.wait()
        advance(self, *given)

    monkeypatch.setattr(Session, "_advance", slowly)
    other = threading.Thread(target=running.run, args=(stimulus.spikes,))
    other.start()
    inside.wait()
    for act in (
        lambda: running.step(stimulus.spikes[0]),
        lambda: running.run(stimulus.spikes),
        lambda: next(running.feed(stimulus.spikes)),
        lambda: running.register("v"),
        lambda: running.restore(state),
        running.reset,
        running.save,
    ):
        with pytest.raises(LsmError, match="another thread is advancing this session"):
            act()
    go_on.set()
    other.join()
    assert running.t == len(stimulus.spikes)
    assert np.array_equal(running.register("v"), expected.registers["v"][-1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # 3.12 says that threads do not survive it: that is the point
@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_process_goes_on_by_itself(in_blocks: None, threads: int) -> None:
    program, stimulus, expected = one_sample(3)
    running, half = Session(program, threads=threads), len(stimulus.spikes) // 2
    running.run(stimulus.spikes[:half])
    child = os.fork()
    if not child:
        signal.alarm(60)
        os._exit(0 if np.array_equal(running.run(stimulus.spikes[half:])[0], expected.spikes[half:]) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(running.run(stimulus.spikes[half:])[0], expected.spikes[half:])
