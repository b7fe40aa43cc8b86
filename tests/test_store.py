"""Files: canonical, checked, never half-written; whatever is wrong with one is said."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import random_program

from lsm_deploy import store
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Stimulus, Trace
from lsm_deploy.spec import load
from lsm_deploy.store.container import MAGIC, VERSION


@pytest.fixture
def program():
    return random_program(np.random.default_rng(5))


def test_a_program_comes_back_bit_for_bit(program, tmp_path):
    file = tmp_path / "p.lsm"
    store.save_program(file, program)
    again = store.load_program(file)
    assert store.program_to_bytes(again) == file.read_bytes() == store.program_to_bytes(program)
    assert store.program_id(again) == store.program_id(program)
    assert again.network.sample_interval == program.network.sample_interval
    for a, b in zip(again.network.projections, program.network.projections, strict=True):
        assert np.array_equal(a.weights, b.weights)
        assert np.array_equal(a.delays, b.delays)
        assert (a.name, a.sign_mode, a.weight_exp) == (b.name, b.sign_mode, b.weight_exp)


@given(st.data())
def test_any_altered_or_cut_byte_is_noticed(data):
    packed = store.program_to_bytes(random_program(np.random.default_rng(5)))
    if data.draw(st.booleans(), "cut"):
        broken = packed[: data.draw(st.integers(0, len(packed) - 1))]
    else:
        at = data.draw(st.integers(0, len(packed) - 1))
        broken = packed[:at] + bytes([packed[at] ^ data.draw(st.integers(1, 255))]) + packed[at + 1 :]
    with pytest.raises(LsmError) as caught:
        store.program_from_bytes(broken, "p.lsm")
    assert caught.value.where == "p.lsm"
    assert caught.value.hint


def signed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def with_header(header: object, rest: bytes = b"") -> bytes:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return signed(MAGIC + bytes([VERSION]) + len(text).to_bytes(8, "little") + text + rest)


GOOD_HEADER = {"kind": "program", "meta": {}, "arrays": []}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "this is no lsm_deploy program"),
        (b"GIF89a" * 20, "this is no lsm_deploy program"),
        (MAGIC[:5], "the file is truncated"),
        (signed(MAGIC + bytes([9]) + bytes(60)), "the file has format 9, this version reads 1"),
        (signed(MAGIC + bytes([1]) + (2**62).to_bytes(8, "little") + bytes(40)), "longer than the file"),
        (with_header(b"[" * 100_000 + bytes(-100_000 % 8)), "the checksum is right but the content is not"),
        (with_header([1]), "the checksum is right but the content is not"),
        (with_header({**GOOD_HEADER, "kind": "model"}, bytes(6)), "this is a model, not a program"),
        (with_header({**GOOD_HEADER, "arrays": [["a", "|O", [1]]]}, bytes(80)), "array a has type"),
        (with_header({**GOOD_HEADER, "arrays": [["a", "<i8", [10**18]]]}, bytes(80)), "reaches beyond the end"),
        (with_header({**GOOD_HEADER, "arrays": [["a", "<i8", [-1]]]}, bytes(80)), "has shape"),
        (with_header(GOOD_HEADER, bytes(80)), "bytes that no array owns"),
    ],
)  # fmt: skip
def test_hostile_files(data, message):
    with pytest.raises(LsmError, match=r"p\.lsm") as caught:
        store.program_from_bytes(data, "p.lsm")
    assert message in str(caught.value)


def test_a_valid_container_with_an_illegal_program(program):
    meta, arrays = store.program_to_parts(program)
    meta["populations"][0]["kind"] = "HodgkinHuxley"
    with pytest.raises(LsmError, match="no neuron kind 'HodgkinHuxley' in this version"):
        store.program_from_bytes(store.pack("program", meta, arrays), "p.lsm")
    meta, arrays = store.program_to_parts(program)
    arrays["population.0.vth"] = arrays["population.0.vth"] + 200_000
    with pytest.raises(LsmError, match="vth out of bounds"):
        store.program_from_bytes(store.pack("program", meta, arrays), "p.lsm")
    meta, arrays = store.program_to_parts(program)
    del arrays["cores"]
    with pytest.raises(LsmError, match="the program is not valid: no 'cores'"):
        store.program_from_bytes(store.pack("program", meta, arrays), "p.lsm")


def test_a_full_disk_leaves_the_old_file(tmp_path):
    file = tmp_path / "old.lsm"
    file.write_bytes(b"old")

    def fill(handle):
        handle.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(LsmError) as caught:
        store.write_file(file, fill)
    assert str(caught.value) == (
        f"{file}: cannot write: No space left on device; the old file is untouched\n  free some space"
    )
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["old.lsm"]


def test_a_file_has_the_mode_that_the_umask_gives(tmp_path):
    before = os.umask(0o027)
    try:
        store.write_file(tmp_path / "p.lsm", lambda handle: handle.write(b"x"))
    finally:
        os.umask(before)
    assert (tmp_path / "p.lsm").stat().st_mode & 0o777 == 0o640


def test_a_bug_while_writing_leaves_the_old_file_and_keeps_its_traceback(tmp_path):
    file = tmp_path / "old.lsm"
    file.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        store.write_file(file, lambda handle: 1 / 0)
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["old.lsm"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(LsmError, match="cannot write: No such file or directory"):
        store.write_file(tmp_path / "none" / "p.lsm", lambda handle: None)


def test_a_trace_comes_back(tmp_path):
    rng = np.random.default_rng(0)
    spikes = (rng.random((20, 3)) < 0.3).astype(np.int8)
    trace = Trace(spikes, {"u": np.arange(60, dtype=np.int32).reshape(20, 3)}, np.array([0, 7]), {"u_wraps": 4})
    store.save_trace(tmp_path / "t.npz", trace, program="abc", backend="emulator")
    again = store.load_trace(tmp_path / "t.npz")
    assert (again.program, again.backend, again.trace.view) == ("abc", "emulator", "sim")
    assert np.array_equal(again.trace.spikes, spikes)
    assert np.array_equal(again.trace.registers["u"], trace.registers["u"])
    assert again.trace.starts.tolist() == [0, 7]
    assert dict(again.trace.counts) == {"u_wraps": 4}


def test_a_view_is_taken_as_stated_or_as_said(tmp_path):
    np.savez(tmp_path / "bare.npz", spikes=np.zeros((3, 1)), v=np.zeros((3, 1)))
    assert store.load_trace(tmp_path / "bare.npz").trace.view == "sim"
    assert store.load_trace(tmp_path / "bare.npz", "chip").trace.view == "chip"
    np.savez(tmp_path / "sim.npz", spikes=np.zeros((3, 1)), view="sim")
    with pytest.raises(LsmError, match="its voltages are in the sim view, not chip"):
        store.load_trace(tmp_path / "sim.npz", "chip")


def test_a_stimulus_as_rows_or_as_events(tmp_path):
    spikes = np.zeros((5, 2), np.int8)
    spikes[[1, 4], [0, 1]] = 1
    store.save_stimulus(tmp_path / "rows.npz", Stimulus(spikes, np.array([0, 2])))
    np.savez(tmp_path / "events.npz", t=[1, 4], channel=[0, 1], shape=[5, 2], starts=[0, 2])
    for name in ("rows", "events"):
        loaded = store.load_stimulus(tmp_path / f"{name}.npz")
        assert np.array_equal(loaded.spikes, spikes)
        assert loaded.starts.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"rows": [[1]]}, "a stimulus has `spikes`, or `t`, `channel` and `shape`; here are rows"),
        ({"spikes": [0, 1]}, r"spikes has shape \[2\], not \[t, channel\]"),
        ({"spikes": [[0.5]]}, "spikes holds values that are not integers"),
        ({"spikes": [[np.nan]]}, "spikes holds values that are not integers"),
        ({"spikes": [[40000]]}, "spikes holds values that do not fit"),
        ({"spikes": [["a"]]}, "spikes holds values that are not integers"),
        ({"spikes": [[1], [0]], "starts": [1]}, "starts: the first is 1, not 0"),
        ({"spikes": [[1], [0]], "starts": [0, 2]}, "starts: entry 1 is 2, not 0 to 1"),
        ({"spikes": [[1], [0]], "starts": [0.5]}, "starts: float64 values are no integers"),
        ({"t": [5], "channel": [0], "shape": [5, 2]}, "t: entry 0 is 5, not 0 to 4"),
        ({"t": [0.5], "channel": [0], "shape": [5, 2]}, "t: float64 values are no integers"),
        ({"spikes": np.array([[None]], object)}, r"the file carries Python objects \(pickle\), which are not read"),
    ],
)
def test_bad_stimuli(arrays, message, tmp_path):
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(LsmError, match=message):
        store.load_stimulus(tmp_path / "s.npz")


def test_bad_traces(tmp_path):
    file = tmp_path / "t.npz"
    np.savez(file, v=[[1]])
    with pytest.raises(LsmError, match=r"a trace has `spikes` \[t, neuron\]"):
        store.load_trace(file)
    np.savez(file, spikes=[[1], [0]], v=[[1]])
    with pytest.raises(LsmError, match=r"v has shape \[1, 1\], spikes have \[2, 1\]"):
        store.load_trace(file)
    np.savez(file, spikes=[[1]], v=[[2**40]])
    with pytest.raises(LsmError, match="v holds values that do not fit"):
        store.load_trace(file)
    np.savez(file, spikes=[[1]], view="board")
    with pytest.raises(LsmError, match="view is 'board'"):
        store.load_trace(file)


def test_files_that_are_no_npz(tmp_path):
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(LsmError, match=r"not an \.npz file, or it is damaged"):
        store.load_stimulus(tmp_path / "text.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(LsmError, match=r"this is a single array \(\.npy\), not a stimulus"):
        store.load_stimulus(tmp_path / "single.npy")
    with pytest.raises(LsmError, match="cannot read: No such file"):
        store.load_stimulus(tmp_path / "none.npz")
    np.savez(tmp_path / "cut.npz", spikes=np.zeros((100, 100)))
    data = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(LsmError, match=r"not an \.npz file, or it is damaged"):
        store.load_stimulus(tmp_path / "cut.npz")


@pytest.mark.parametrize(
    ("value", "message"), [(3, "a spike is none of 0 and 1"), (-1, "a spike is -1, and no neuron")]
)
def test_a_trace_holds_spikes_that_its_program_can_send(value, message, tmp_path):
    configs = Path(__file__).parents[1] / "configs"
    program = compile_spec(load(configs / "refractory.yaml")).program
    spikes = np.zeros((10, program.network.neurons), np.int8)
    spikes[4, 2] = value
    np.savez(tmp_path / "t.npz", spikes=spikes)
    with pytest.raises(LsmError, match=message):
        store.load_trace_of(program, tmp_path / "t.npz")
