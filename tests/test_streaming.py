"""Traces that go to disk as they arise: the same as those that are held, whole at any time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise, repeat
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from lsm_backends import emulator, fast
from lsm_backends.fast import session
from numpy.typing import NDArray
from programs import random_case, random_program

from lsm_deploy.cli import main
from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Stimulus, Trace
from lsm_deploy.run import streaming as streams
from lsm_deploy.store import load_state, load_trace, pack, parts, program_id, save_program, save_state, save_stimulus


def check_equal(found: Trace, expected: Trace) -> None:
    assert np.array_equal(found.spikes, expected.spikes)
    assert found.registers.keys() == expected.registers.keys()
    assert all(np.array_equal(found.registers[name], expected.registers[name]) for name in expected.registers)
    assert np.array_equal(found.starts, expected.starts)
    assert dict(found.counts) == dict(expected.counts)


@pytest.mark.parametrize("part", [1, 3000, 1 << 26])
def test_a_streamed_trace_is_the_held_one(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", part)
    monkeypatch.setattr(parts, "PART_SECONDS", np.inf)
    monkeypatch.setattr(streams, "AT_ONCE", 200)
    files = signed = 0
    for seed in range(20):
        program, stimulus = random_case(seed)
        expected = emulator.run(program, stimulus, program.network.state_names)
        done = streams.stream(program, stimulus, tmp_path / str(seed), program.network.state_names)
        found = load_trace(tmp_path / str(seed))
        check_equal(found.trace, expected)
        assert (found.program, found.backend) == (program_id(program), "fast")
        assert (done.steps, done.samples) == (len(stimulus.spikes), len(stimulus.starts))
        assert np.array_equal(done.fired, np.count_nonzero(expected.spikes, axis=0))
        assert done.counts == dict(expected.counts)
        files += len(list((tmp_path / str(seed)).iterdir()))
        signed += int((expected.spikes < 0).any())
    assert signed >= 2
    assert files == 20 if part == 1 << 26 else files > 25


def test_parts_are_read_with_numpy_alone(tmp_path: Path) -> None:
    program, stimulus = random_case(3)
    streams.stream(program, stimulus, tmp_path / "t", ("v",))
    with np.load(tmp_path / "t" / "part-000000.npz") as part:
        fired = np.unpackbits(part["spikes"], axis=1, count=int(part["neurons"]))
        assert np.array_equal(fired, emulator.run(program, stimulus).spikes != 0)


class PlugPulledError(Exception):
    """Somebody pulls the plug."""


@pytest.mark.parametrize("plug", [PlugPulledError, KeyboardInterrupt])
def test_what_ends_a_run_leaves_whole_steps(plug: type[BaseException], tmp_path: Path) -> None:
    program, stimulus = random_case(9, interval=0)
    whole = Stimulus(stimulus.spikes, np.zeros(1, np.int64))
    expected = emulator.run(program, whole, ("v",))

    def pieces() -> Iterator[NDArray[np.int8]]:
        for t in range(len(whole.spikes)):
            if t == 17:
                raise plug
            yield whole.spikes[t : t + 1]

    with pytest.raises(plug):
        streams.stream(program, pieces(), tmp_path / "t", ("v",))
    assert not load_trace(tmp_path / "t").ended
    found = load_trace(tmp_path / "t").trace
    assert np.array_equal(found.spikes, expected.spikes[:17])
    assert np.array_equal(found.registers["v"], expected.registers["v"][:17])


def test_an_interrupt_at_the_start_of_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, stimulus = random_case(9, interval=0)
    stimulus = Stimulus(stimulus.spikes[:30], np.array([0, 10, 20]))
    run, calls = session.Session.run, []

    def interrupted(self: session.Session, *given: object) -> object:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(session.Session, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        streams.stream(program, stimulus, tmp_path / "t")
    found = load_trace(tmp_path / "t").trace
    assert found.starts.tolist() == [0, 10]
    assert np.array_equal(found.spikes, emulator.run(program, stimulus).spikes[:20])


def test_pieces_of_another_shape_are_refused(tmp_path: Path) -> None:
    program, _ = random_case(9, channels=3)
    for wrong in (np.zeros((5, 2), np.int8), np.zeros(3, np.int8)):
        with pytest.raises(LsmError, match=r"a piece has shape .*, the program takes 3 channels"):
            streams.stream(program, iter([wrong]), tmp_path / str(wrong.ndim))


def test_a_trace_that_memory_cannot_hold_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, stimulus = random_case(9)
    streams.stream(program, stimulus, tmp_path / "t", ("v",))
    monkeypatch.setattr(memory, "available", lambda: 5 * stimulus.spikes.shape[0] * program.network.neurons - 1)
    monkeypatch.setattr(parts, "read_arrays", lambda file: dict(np.load(file)))
    with pytest.raises(LsmError, match=r"it takes .* of memory"):
        load_trace(tmp_path / "t")


def test_memory_does_not_grow_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1000)
    program, _ = random_case(4)
    held = []
    append = parts.TraceFolder.append

    def watched(self: parts.TraceFolder, *given: object) -> None:
        append(self, *given)  # type: ignore[arg-type]
        held.append(self._bytes)

    monkeypatch.setattr(parts.TraceFolder, "append", watched)
    row = np.ones((5, program.network.channels), np.int8)
    streams.stream(program, repeat(row, 400), tmp_path / "t", ("v",))
    assert max(held) < 1000
    assert len(load_trace(tmp_path / "t").trace.spikes) == 2000


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    program, stimulus = random_case(1)
    (tmp_path / "precious").write_text("x")
    with pytest.raises(LsmError, match="a folder of its own"):
        streams.stream(program, stimulus, tmp_path)
    with pytest.raises(LsmError, match="a folder of its own"):
        streams.stream(program, stimulus, tmp_path / "precious")
    assert [file.name for file in tmp_path.iterdir()] == ["precious"]


def test_only_what_can_step_streams(tmp_path: Path) -> None:
    program, stimulus = random_case(1)
    with pytest.raises(LsmError, match="it runs whole stimuli only"):
        streams.stream(program, stimulus, tmp_path / "t", backend="emulator")
    with pytest.raises(LsmError, match="no register 'w'"):
        streams.stream(program, stimulus, tmp_path / "t", ("w",))
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "part-000001.npz").unlink(), "a part is missing before this one"),
        (lambda folder: (folder / "part-000000.npz").unlink(), "a part is missing before this one"),
        (lambda folder: (folder / "part-000001.npz").write_bytes(b"PK"), "is not an .npz file, or it is damaged"),
        (lambda folder: np.savez(folder / "part-000001.npz", spikes=np.zeros(3)), "this is no part of a trace"),
        (lambda folder: [file.unlink() for file in folder.iterdir()], "this folder holds no trace"),
    ],
)
def test_damage_is_named(damage: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1)
    monkeypatch.setattr(streams, "AT_ONCE", 1)
    program, stimulus = random_case(5)
    streams.stream(program, stimulus, tmp_path / "t")
    damage(tmp_path / "t")  # type: ignore[operator]
    with pytest.raises(LsmError, match=message):
        load_trace(tmp_path / "t")


def test_parts_of_two_runs_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1)
    monkeypatch.setattr(streams, "AT_ONCE", 1)
    for seed in (5, 6):
        program, stimulus = random_case(seed)
        streams.stream(program, stimulus, tmp_path / str(seed))
    (tmp_path / "6" / "part-000001.npz").replace(tmp_path / "5" / "part-000001.npz")
    with pytest.raises(LsmError, match="this part is of another run"):
        load_trace(tmp_path / "5")


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, stimulus = random_case(7)
    save_program("p.lsm", program)
    save_stimulus("s.npz", stimulus)
    call = ["run", "p.lsm", "--input", "s.npz", "--record", "v", "-o", "trace", "--stream"]
    done = CliRunner().invoke(main, call, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "wrote trace" in done.output
    check_equal(load_trace("trace").trace, emulator.run(program, stimulus, ("v",)))
    seen = CliRunner().invoke(main, ["inspect", "trace"], catch_exceptions=False)
    assert f"{np.count_nonzero(emulator.run(program, stimulus).spikes)} spikes" in seen.output.replace(" ", " ")
    same = CliRunner().invoke(main, ["parity", "p.lsm", "--input", "s.npz", "--trace", "trace"], catch_exceptions=False)
    assert same.exit_code == 0, same.output
    again = CliRunner().invoke(main, call)
    assert again.exit_code == 1
    assert "a folder of its own" in again.output


def test_a_state_goes_on_from_a_file(tmp_path: Path) -> None:
    program, stimulus = random_case(12)
    expected = emulator.run(program, Stimulus(stimulus.spikes, np.zeros(1, np.int64)))
    running, half = fast.start(program), len(stimulus.spikes) // 2
    running.run(stimulus.spikes[:half])
    save_state(tmp_path / "s", running.save(), program=program_id(program))
    fresh = fast.start(program)
    fresh.restore(load_state(tmp_path / "s", program=program_id(program)))
    assert np.array_equal(fresh.run(stimulus.spikes[half:])[0], expected.spikes[half:])
    assert fresh.counts == dict(expected.counts)
    save_state(tmp_path / "s", running.save(), program=program_id(program))
    seen = CliRunner().invoke(main, ["inspect", str(tmp_path / "s")], catch_exceptions=False)
    assert f"state after {half} steps of program {program_id(program)}" in seen.output
    damaged = tmp_path / "damaged"
    damaged.write_bytes(pack("state", {"program": program_id(program)}, {}))
    with pytest.raises(LsmError, match="the content is not: the state does not have the facts t"):
        load_state(damaged, program=program_id(program))
    other = program_id(random_program(np.random.default_rng(13)))
    with pytest.raises(LsmError, match="the state is of program"):
        load_state(tmp_path / "s", program=other)
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[:-5])
    with pytest.raises(LsmError, match="checksum"):
        load_state(tmp_path / "s", program=program_id(program))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (0.5, "is none of 0 and 1"),
        (2, "is 2, and the program takes 0 and 1"),
        (-1, "is -1, and the program takes 0 and 1"),
        (np.nan, "is none of 0 and 1"),
        ("1", "is none of 0 and 1"),
    ],
)
def test_pieces_of_anything_but_spikes_are_refused(tmp_path: Path, values: object, words: str) -> None:
    program = random_case(4)[0]
    pieces = [np.full((3, program.network.channels), value) for value in (0, values)]
    with pytest.raises(LsmError, match=f"an input spike {words}"):
        streams.stream(program, iter(pieces), tmp_path / "t")


def test_parts_begin_small_and_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1 << 12)
    monkeypatch.setattr(parts, "PART_SECONDS", np.inf)
    program, _ = random_case(4)
    row = np.ones((1, program.network.channels), np.int8)
    size = -(-program.network.neurons // 8)
    streams.stream(program, repeat(row, 20_000 // size), tmp_path / "t")
    lengths = [len(np.load(file)["spikes"]) for file in sorted((tmp_path / "t").iterdir())]
    assert lengths[0] * size <= 1 << 4
    assert max(lengths[:-1]) * size > 1 << 11
    assert all(later <= 2 * length + 1 for length, later in pairwise(lengths[1:-1]))


def test_what_comes_slowly_does_not_wait_for_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_SECONDS", 0.0)
    program, _ = random_case(4)
    row, there = np.ones((1, program.network.channels), np.int8), []

    def pieces() -> Iterator[NDArray[np.int8]]:
        for _ in range(4):
            yield row
            there.append(len(list((tmp_path / "t").iterdir())))

    streams.stream(program, pieces(), tmp_path / "t")
    assert there == [0, 1, 2, 3]
    assert load_trace(tmp_path / "t").ended


KILLED = """
import sys, time
import numpy as np
from programs import random_case
from lsm_deploy.run.streaming import stream
from lsm_deploy.store import parts
parts.PART_SECONDS = 0
program, stimulus = random_case(9, interval=0)
def pieces():
    for row in stimulus.spikes[:17]:
        yield row[None]
    print("begun", flush=True)
    time.sleep(600)
stream(program, pieces(), sys.argv[1])
"""


def test_a_killed_run_leaves_its_parts_and_says_that_it_did_not_end(tmp_path: Path) -> None:
    call = [sys.executable, "-c", KILLED, str(tmp_path / "t")]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        run.kill()
    program, stimulus = random_case(9, interval=0)
    left = load_trace(tmp_path / "t")
    whole = emulator.run(program, Stimulus(stimulus.spikes, np.zeros(1, np.int64)))
    assert np.array_equal(left.trace.spikes, whole.spikes[:16])
    assert not left.ended
    seen = CliRunner().invoke(main, ["inspect", str(tmp_path / "t")], catch_exceptions=False)
    assert "unfinished: the run has not come to its end" in seen.output
    seen = CliRunner().invoke(main, ["inspect", str(tmp_path / "t"), "--json"], catch_exceptions=False)
    assert json.loads(seen.output)["ended"] is False


def test_folders_of_older_versions_are_read(tmp_path: Path) -> None:
    program, stimulus = random_case(3)
    streams.stream(program, stimulus, tmp_path / "t")
    with np.load(tmp_path / "t" / "part-000000.npz") as part:
        arrays = {name: part[name] for name in part.files if name != "ended"}
    np.savez(tmp_path / "t" / "part-000000.npz", **arrays)
    assert load_trace(tmp_path / "t").ended
