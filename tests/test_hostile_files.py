"""Nothing that a file says is trusted: each is read, or refused in a sentence, before it takes memory."""

from __future__ import annotations

import os
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from lsm_backends import fast
from programs import random_case

from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError, LsmErrors, visible
from lsm_deploy.core.ir import Program, Trace
from lsm_deploy.data.encoders import poisson_stimulus
from lsm_deploy.exchange.lava_folder import export_for_lava
from lsm_deploy.exchange.sanafe import export_sanafe
from lsm_deploy.formats.integer_files import load_network
from lsm_deploy.report.blocks import Heading, Line, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.report.text import to_text
from lsm_deploy.store import (
    kind_of,
    load_state,
    load_stimulus,
    load_trace,
    pack,
    program_from_parts,
    program_to_parts,
    read_arrays,
    save_program,
    save_state,
    save_trace,
    unpack,
)
from lsm_deploy.store.npz import names_of_arrays, read_array

# --- .npz ------------------------------------------------------------------------------------------------------------


def npy(shape: object, descr: object = "|i1", data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    return b"\x93NUMPY" + version + length + header + data


def zipped(file: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


def patched(file: Path, offset: int, value: bytes) -> Path:
    """The bytes so far into the local header of the first member, and into its entry in the directory (2 later)."""
    data = bytearray(file.read_bytes())
    for start, at in ((b"PK\3\4", offset), (b"PK\1\2", offset + 2)):
        begin = data.index(start) + at
        data[begin : begin + len(value)] = value
    file.write_bytes(data)
    return file


GOOD = npy((2, 1), data=b"\0\1")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: zipped(f, ("spikes.npy", b"hello")), "array 'spikes' is no array of numpy's"),
        (lambda f: zipped(f, ("readme.txt", b"")), "array 'readme.txt' is no array of numpy's"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), data=b"\0\1", version=b"\x63\0"))), "version 99.0"),
        (lambda f: zipped(f, ("spikes.npy", npy((1 << 40, 12)))), "takes 13194139533312 bytes, and 0 are there"),
        (lambda f: zipped(f, ("spikes.npy", npy((1 << 40, 1 << 40)))), "and 0 are there"),
        (lambda f: zipped(f, ("spikes.npy", npy((-1, 2)))), "header of array 'spikes' is damaged"),
        (lambda f: zipped(f, ("spikes.npy", npy((2.0, 1)))), "header of array 'spikes' is damaged"),
        (lambda f: zipped(f, ("spikes.npy", npy([2, 1]))), "header of array 'spikes' is damaged"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), "|O"))), r"Python objects \(pickle\), which are not read"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), "(" * 9_000))), r"type '\({19}, which are not read"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), [("a", "<i4")]))), "has fields, which are not read"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), "|V8"))), "has type '|V8', which are not read"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), "<i3", bytes(6)))), "has type '<i3', which there is not"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), data=b"\0"))), "takes 2 bytes, and 1 are there"),
        (lambda f: zipped(f, ("spikes.npy", GOOD + b"\0")), "takes 2 bytes, and 3 are there"),
        (lambda f: zipped(f, ("spikes.npy", GOOD[:20])), "the header of array 'spikes' is cut off"),
        (lambda f: zipped(f, ("spikes.npy", npy((2, 1), "(" * 20_000))), "the header of array 'spikes' is cut off"),
        (lambda f: zipped(f, ("a.npy", GOOD), ("a.npy", GOOD)), "two arrays are called 'a'"),
        (lambda f: zipped(f, ("a.npy", GOOD), ("a", GOOD)), "two arrays are called 'a'"),
        (lambda f: zipped(f, ("a.npy", GOOD), method=zipfile.ZIP_LZMA), "compressed by method 14 of zip"),
        (lambda f: patched(zipped(f, ("a.npy", GOOD)), 8, b"\x63"), "compressed by method 99 of zip"),
        (lambda f: patched(zipped(f, ("a.npy", GOOD)), 6, b"\1"), "array 'a' is encrypted"),
        (lambda f: patched(zipped(f, ("a.npy", GOOD)), 4, b"\x63"), "or it is damaged: zip file version 9.9"),
        (lambda f: patched(zipped(f, ("a.npy", GOOD)), 14, b"\0\0\0\0"), "Bad CRC-32"),
        (lambda f: patched(zipped(f, ("a.npy", GOOD)), 22, b"\7"), "or it is damaged"),
        (lambda f: f.write_bytes(b"") and f, "the file is empty"),
        (lambda f: f.write_bytes(b"PK") and f, "File is not a zip file"),
        (lambda f: f.mkdir(), "cannot read: Is a directory"),
        (lambda f: os.mkfifo(f), "this is a pipe or a device, not a file"),
        (lambda f: f.symlink_to("/dev/zero"), "this is a pipe or a device, not a file"),
    ],
)  # fmt: skip
def test_an_archive_that_is_none_is_refused(make: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    make(file := tmp_path / "x.npz")
    with pytest.raises(LsmError, match=message) as caught:
        read_arrays(file)
    assert caught.value.where == str(file)
    assert caught.value.hint


def test_what_numpy_writes_is_read(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "big": np.arange(6, dtype=">i4").reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big_columns": np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3)),
        "empty": np.zeros((0, 4), np.int8),
        "scalar": np.array(2.5),
        "flags": np.array([True, False]),
        "text": np.array(["a", "längér"]),
        "big_text": np.array(["ab", "c"], ">U2"),
        "bytes": np.array(b"csr"),
        "times": np.array(["2020-01-01"], "M8[D]"),
        "half": np.ones(3, np.float16),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)
        assert names_of_arrays(tmp_path / "x.npz") == arrays.keys()
        for name, read in read_arrays(tmp_path / "x.npz").items():
            assert np.array_equal(read, arrays[name])
            assert read.dtype.isnative
            assert read.shape == arrays[name].shape
            assert read.flags.f_contiguous == arrays[name].flags.f_contiguous
    zipped(tmp_path / "2.npz", ("a.npy", npy((2, 1), data=b"\0\1", version=b"\2\0")))
    assert read_arrays(tmp_path / "2.npz")["a"].tolist() == [[0], [1]]
    zipped(tmp_path / "3.npz", ("a.npy", GOOD.replace(b"(2, 1)", b"(2L,1)")))  # as Python 2 wrote it
    assert read_arrays(tmp_path / "3.npz")["a"].tolist() == [[0], [1]]
    np.save(tmp_path / "x.npy", arrays["big"])
    assert read_array(tmp_path / "x.npy").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_an_npy_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(npy((1 << 40, 3)))
    with pytest.raises(LsmError, match=r"not an \.npy file, or it is damaged: the array of shape"):
        read_array(tmp_path / "x.npy")


# --- memory ----------------------------------------------------------------------------------------------------------


def bomb(file: Path, size: int) -> Path:
    """A valid archive of so many zeros in a thousandth of the space."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("spikes.npy", "w") as member:
        member.write(npy((size // 1000, 1000)))
        for _ in range(size // 1_000_000):
            member.write(bytes(1_000_000))
    return file


def test_what_inflates_beyond_its_grant_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb(tmp_path / "x.npz", 200_000_000)
    started = time.perf_counter()
    with pytest.raises(LsmError, match=r"declares 0\.2 GB, and one of its size may take 0\.071 GB") as caught:
        read_arrays(tmp_path / "x.npz")
    assert time.perf_counter() - started < 0.1
    assert "set LSM_DEPLOY_MAX_READ_GB=0.2 if you trust it" in caught.value.hint
    for refused in ("0.1", "nan", "-1"):
        monkeypatch.setenv("LSM_DEPLOY_MAX_READ_GB", refused)
        with pytest.raises(LsmError, match="declares"):
            read_arrays(tmp_path / "x.npz")
    monkeypatch.setenv("LSM_DEPLOY_MAX_READ_GB", "much")
    with pytest.raises(LsmError, match="LSM_DEPLOY_MAX_READ_GB is much"):
        read_arrays(tmp_path / "x.npz")
    monkeypatch.setenv("LSM_DEPLOY_MAX_READ_GB", "0.2")
    assert read_arrays(tmp_path / "x.npz")["spikes"].shape == (200_000, 1000)


def test_a_zip_that_understates_what_it_holds_is_read_no_further(tmp_path: Path) -> None:
    content = npy((1000, 1000), data=bytes(10_000_000))
    file = zipped(tmp_path / "x.npz", ("a.npy", content), method=zipfile.ZIP_DEFLATED)
    patched(file, 22, struct.pack("<I", len(npy((1000, 1000))) + 1_000_000))
    with pytest.raises(LsmError, match="Bad CRC-32"):
        read_arrays(file)


def test_our_own_traces_are_read_however_quiet_they_are(tmp_path: Path) -> None:
    quiet = np.zeros((1000, 80_000), np.int8)
    save_trace(tmp_path / "t.npz", Trace(quiet, {}, np.array([0]), {}), program="", backend="")
    assert load_trace(tmp_path / "t.npz").trace.spikes.shape == (1000, 80_000)
    save_trace(tmp_path / "s.npz", Trace(quiet[:10], {}, np.array([0]), {}), program="", backend="")
    assert (tmp_path / "s.npz").stat().st_size < 10_000  # small ones are still compressed


def test_a_stimulus_in_the_other_byte_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", spikes=np.array([[0, 1], [1, 0]], ">i8"), starts=np.array([0, 1], ">i4"))
    stimulus = load_stimulus(tmp_path / "s.npz")
    assert stimulus.spikes.tolist() == [[0, 1], [1, 0]]
    assert stimulus.starts.tolist() == [0, 1]


def test_a_pipe_does_not_hold_up_who_asks_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npz")
    with pytest.raises(LsmError, match="this is a pipe or a device"):
        kind_of(tmp_path / "x.npz")


def test_events_of_a_few_bytes_do_not_become_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "s.npz", t=[0, 1], channel=[0, 1], shape=[1_000_000, 100])
    with pytest.raises(LsmError, match=r"declares 0\.1 GB, and one of its size may take 0\.067 GB"):
        load_stimulus(tmp_path / "s.npz")
    monkeypatch.setenv("LSM_DEPLOY_MAX_READ_GB", "0.1")
    assert load_stimulus(tmp_path / "s.npz").spikes.sum() == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": np.zeros(9, np.int32)}, r"v is int32 of shape \[9\], not int32 \[5, 9\]"),
        ({"v": np.zeros((1, 9), np.int32)}, "v is int32 of shape"),
        ({"v": np.full((5, 9), 0.5)}, "v is float64 of shape"),
        ({"v": np.full((5, 9), 1 << 40)}, "v is int64 of shape"),
        ({"spikes": np.zeros((5, 1), np.uint8)}, "spikes is uint8 of shape"),
        ({"spikes": np.zeros((5, 2), np.int64)}, "spikes is int64 of shape"),
        ({"spikes": np.array(0, np.uint8)}, "spikes is uint8 of shape"),
        ({"neurons": np.array(1 << 50)}, "spikes is uint8 of shape"),
        ({"neurons": np.array(9.0)}, "neurons is no number"),
        ({"neurons": np.array([9])}, "neurons is no number"),
        ({"first": np.array(-1)}, "first is no number"),
        ({"first": np.array(1 << 40)}, "and one of its size may take"),
        ({"first": np.array(1 << 63, np.uint64)}, "first is no number"),
        ({"first": np.array(1)}, "a part is missing before this one"),
        ({"counts": np.array([0.5])}, "counts and count_names do not belong together"),
        ({"counts": np.array([1, 2])}, "counts and count_names do not belong together"),
        ({"starts": np.array([0.5])}, "a part is damaged"),
        ({"starts": np.array([0, 9])}, "a part is damaged"),
        ({"view": np.array(3)}, "a part is damaged: view is '3'"),
    ],
)
def test_a_part_of_a_trace_is_of_its_shape(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    part: dict[str, Any] = {
        "spikes": np.zeros((5, 2), np.uint8), "v": np.zeros((5, 9), np.int32), "first": np.array(0),
        "neurons": np.array(9), "starts": np.array([0]), "count_names": np.array(["a"]), "counts": np.array([1]),
        "program": "x", "backend": "fast", "view": "sim", "standings": np.zeros((0, 2), "U1"),
    }  # fmt: skip
    np.savez(tmp_path / "part-000000.npz", **part)
    assert load_trace(tmp_path).trace.spikes.shape == (5, 9)
    np.savez(tmp_path / "part-000000.npz", **{**part, **change})
    with pytest.raises(LsmError, match=message):
        load_trace(tmp_path)


@pytest.mark.parametrize(
    "given",
    [
        {"dt_ms": True}, {"dt_ms": np.nan}, {"dt_ms": np.inf}, {"dt_ms": 0}, {"dt_ms": "1"}, {"dt_ms": [1.0]},
        {"dt_ms": 1j}, {"vth": 0.5}, {"vth": 1j}, {"vth": True}, {"vth": np.uint64(1 << 63)}, {"vth": "a"},
        {"vth": [1]}, {"vth": -1}, {"weight_exp": 1.0}, {"weight_exp": -1}, {"weight_exp": np.uint64(1 << 63)},
        {"weight_exp": [1]}, {"weights": np.full((2, 2), np.nan)}, {"weights": np.full((2, 2), "a")},
        {"weights": np.ones((2, 2), bool)}, {"weights": np.full((2, 2), 1 << 40)},
        {"weights": np.ones((2, 2), complex)}, {"weights": 1},
        {"delays": np.full((2, 2), np.inf)}, {"delays": np.full((2, 2), "a")}, {"delay": np.full((2, 2), 1)},
    ],
)  # fmt: skip
def test_a_fact_of_an_integer_network_is_of_its_type(given: dict[str, Any], tmp_path: Path) -> None:
    net = {"weights": np.ones((2, 2), int), "input_weights": np.ones((2, 1), int), "du": 1, "dv": 1, "vth": 9}
    np.savez(tmp_path / "net.npz", **{**net, **given})
    with pytest.raises(LsmError, match=next(iter(given)).replace("weight_exp", "weight[_ ]exp")):
        load_network(tmp_path / "net.npz")


def test_floats_in_an_integer_network_are_sent_where_they_are_quantised(tmp_path: Path) -> None:
    net = {"weights": np.full((2, 2), 0.5), "input_weights": np.ones((2, 1), int), "du": 1, "dv": 1, "vth": 9}
    np.savez(tmp_path / "net.npz", **net)
    with pytest.raises(LsmError, match="an exact weight is an integer") as caught:
        load_network(tmp_path / "net.npz")
    assert "give floats to a spec" in caught.value.hint


# --- programs and states ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "fact", "value"),
    [
        *(("network", "dt_ms", value) for value in ("1", True, None, float("inf"), 0, -1.0, 10**400, [1])),
        *(("network", "channels", value) for value in (2.0, True, -1, 1 << 62, 10**400, "2", None)),
        *(("network", "sample_interval", value) for value in (2.0, True, -1, 10**400, "2", None)),
        *(("network", "target", value) for value in (7, None, "nowhere", ["oheo_gulch"])),
        *(("network", "populations", value) for value in ({}, None, [1], [[]])),
        *(("network", "more", value) for value in (1,)),
        *(("populations", "size", value) for value in (80.0, True, 0, -1, 10**30, "80", None)),
        *(("populations", "scale", value) for value in ("x", True, 0, -1, float("inf"), 10**400, None)),
        *(("populations", "name", value) for value in (7, None, ["a"], "input")),
        *(("populations", "kind", value) for value in (7, ["LIF"], {}, None, "lif")),
        *(("populations", "more", value) for value in (1,)),
        *(("projections", "weight_exp", value) for value in (1.5, 1.0, True, -1, 10**30, "1", None)),
        *(("projections", "num_weight_bits", value) for value in (8.0, True, 0, 10**30, None)),
        *(("projections", "name", value) for value in (7, None)),
        *(("projections", "source", value) for value in (7, None, ["input"], "nobody")),
        *(("projections", "sign_mode", value) for value in (7, None, ["mixed"])),
    ],
)
def test_a_fact_of_a_program_is_of_its_type_and_within_its_bounds(where: str, fact: str, value: Any) -> None:
    meta, arrays = program_to_parts(random_case(3)[0])
    facts = meta if where == "network" else meta[where][0]
    facts[fact] = value
    with pytest.raises(LsmError, match="the program is not valid") as caught:
        program_from_parts(meta, arrays, "p.lsm")
    assert len(str(caught.value)) < 400


def test_a_fact_that_is_missing_is_named() -> None:
    meta, arrays = program_to_parts(random_case(3)[0])
    del meta["populations"][0]["scale"]
    with pytest.raises(LsmError, match="population 0 does not have the facts name, kind, size, scale"):
        program_from_parts(meta, arrays, "p.lsm")


def test_a_stimulus_for_an_endless_interval_is_refused_before_it_is_drawn() -> None:
    with pytest.raises(LsmError, match="a stimulus of 6442450944 steps and 12 channels takes 773 GB of memory"):
        poisson_stimulus(12, 3 << 31, 50.0, 1.0, 0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m, a: m.pop("counts"), "the state does not have the facts t, counts, program"),
        (lambda m, a: m["counts"].pop("u_wraps"), "counts does not have the facts u_wraps"),
        (lambda m, a: m["counts"].update(u_wraps=-1), "u_wraps of counts is -1"),
        (lambda m, a: m["counts"].update(u_wraps="1"), "u_wraps of counts is '1', not a whole number"),
        (lambda m, a: m.update(counts=[]), "counts of the state is .*, not an object"),
        (lambda m, a: m.update(t=-1), "t of the state is -1"),
        (lambda m, a: m.update(t=1.0), "t of the state is 1.0, not a whole number"),
        (lambda m, a: m.update(t=10**30), "t of the state is 10{30}, not 0 to"),
        (lambda m, a: m.update(program=7), "program of the state is 7, not text"),
        (lambda m, a: a.pop("in_flight"), "no 'in_flight'"),
        (lambda m, a: a.update(in_flight=a["in_flight"] + 0.5), "values do not fit int64"),
        (lambda m, a: a.update(in_flight=a["in_flight"][:, :-1]), "u has shape"),
        (lambda m, a: a.update({"register v": a["register v"] + (1 << 40)}), "values do not fit int32"),
        (lambda m, a: a.update(in_flight=a["in_flight"][:-1]), "sums in flight have shape"),
        (lambda m, a: a.update(in_flight=a["in_flight"] + np.iinfo(np.int64).min), "sums in flight are larger"),
        (lambda m, a: a.update({"register v": a["register v"] + (1 << 24)}), "a voltage does not fit 24 bits"),
        (lambda m, a: a.pop("register u"), "it has no register u"),
        (lambda m, a: a.update({"register w": a["register v"]}), "it has no register w, or the program has none"),
    ],
)
def test_a_state_fits_its_program_before_a_kernel_sees_it(
    damage: Callable[[Any, Any], object], message: str, tmp_path: Path
) -> None:
    program, stimulus = next(case for case in map(random_case, range(99)) if case[0].network.state_names == ("u", "v"))
    session = fast.start(program)
    session.run(stimulus.spikes)
    save_state(tmp_path / "s", session.save(), program="x")
    meta, arrays = unpack((tmp_path / "s").read_bytes(), "state", "s")
    arrays = {name: values.astype(np.int64) for name, values in arrays.items()}
    damage(meta, arrays)
    (tmp_path / "s").write_bytes(pack("state", meta, arrays))
    with pytest.raises(LsmError, match=message):
        session.restore(load_state(tmp_path / "s", program="x"))


# --- names -----------------------------------------------------------------------------------------------------------

BAD_NAME = "a\x1b]0;title\x07\x9b31m\u202egnp\r\x00\u2028\ufeff'''\"\"\"; import os #"
UNSEEN = "\x1b\x07\x9b\u202e\r\x00\u2028\ufeff"


def test_what_would_move_a_terminal_is_shown_as_an_escape() -> None:
    blocks = [Heading(BAD_NAME), Line(BAD_NAME), table([BAD_NAME, "n"], [[BAD_NAME, 1]])]
    error = LsmErrors([LsmError(BAD_NAME, where=BAD_NAME, hint=BAD_NAME), LsmError(BAD_NAME)])
    for text in (to_text(blocks), to_markdown(blocks), str(error)):
        assert not set(text) & set(UNSEEN)
        assert r"a\x1b]0;title\x07\x9b31m\u202egnp\r\x00\u2028\ufeff" in text.replace("\\\\", "\\")
    assert visible("längér\n\tلیلی \U0001f642 \udc80") == "längér\n\tلیلی \U0001f642 \\udc80"


def named(program: Program, name: str) -> Program:
    """The program, with its first population called so."""
    meta, arrays = program_to_parts(program)
    old, meta["populations"][0]["name"] = meta["populations"][0]["name"], name
    for projection in meta["projections"]:
        for end in ("source", "target"):
            projection[end] = name if projection[end] == old else projection[end]
        projection["name"] = f"{name} {projection['name']}"
    return program_from_parts(meta, arrays, "p.lsm")


def test_commands_show_names_as_escapes(tmp_path: Path) -> None:
    save_program(tmp_path / "p.lsm", named(random_case(3)[0], BAD_NAME))
    for command in (
        ["inspect"],
        ["resources"],
        ["certify"],
        ["run", "-o", str(tmp_path / "t.npz")],
        ["inspect", "--json"],
    ):
        shown = CliRunner().invoke(main, [command[0], str(tmp_path / "p.lsm"), *command[1:]])
        assert not set(shown.output) & set(UNSEEN), command
        assert shown.exception is None or isinstance(shown.exception, SystemExit)


def test_a_name_of_code_reaches_no_script_as_code(tmp_path: Path) -> None:
    name = "x'''\"\"\"\n); open('owned', 'w') #"
    program, stimulus = next(
        case
        for case in map(random_case, range(99))
        if set(case[0].network.kinds) == {"LIF"} and case[0].network.neurons < 200
    )
    export_sanafe(tmp_path / "sanafe", named(program, name), stimulus, fast.run(program, stimulus))
    export_for_lava(tmp_path / "lava", named(program, name), stimulus)
    written = [file for file in tmp_path.rglob("*") if file.suffix in (".py", ".yaml", ".json", ".net")]
    assert len(written) > 3
    for file in written:
        assert "open('owned'" not in file.read_text()
