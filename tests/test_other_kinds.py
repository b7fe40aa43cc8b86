"""A file of a known other kind is called by its name by every reader that refuses it, with what to do instead."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_misuse import SPEC

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.formats.integer_files import load_network
from lsm_deploy.learn.files import open_any
from lsm_deploy.store import read_state

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(100)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((3, 2)))
    return file.getvalue()


SAFETENSORS = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()

FOREIGN = {
    "net.nir": (HDF5, "a NIR graph"),
    "net.net": (HDF5, "a network of lava-dl"),
    "x.h5": (HDF5, "an HDF5 file"),
    "x.hdf5": (HDF5, "an HDF5 file"),
    "new.mat": (HDF5, "a MATLAB 7.3 file"),
    "old.mat": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(90), "a MATLAB file"),
    "w.pt": (zipped("archive/data.pkl", "archive/data/0"), "a PyTorch file"),
    "w.pth": (zipped("w/data.pkl"), "a PyTorch file"),
    "w.ckpt": (zipped("w/data.pkl", "w/version"), "a PyTorch file"),
    "renamed.lsm": (zipped("w/data.pkl"), "a PyTorch file"),
    "old.pth": (pickle.dumps({"a": 1}, 2), "a PyTorch file"),
    "w.onnx": (b"\x08\x07\x12\x07pytorch" + bytes(20), "an ONNX network"),
    "w.safetensors": (len(SAFETENSORS).to_bytes(8, "little") + SAFETENSORS + bytes(4), "a safetensors file"),
    "x.aedat": (b"#!AER-DAT2.0\r\n" + bytes(30), "an AEDAT recording"),
    "x.aedat4": (b"#!AER-DAT4.0\r\n" + bytes(30), "an AEDAT recording"),
    "x.pkl": (pickle.dumps([1, 2]), "a pickle"),
    "x.parquet": (b"PAR1" + bytes(40) + b"PAR1", "a Parquet file"),
    "x.npy": (npy(), "a single array"),
    "x.npz": (npy(), "a single array"),
    "x.zip": (zipped("readme.txt"), "a zip archive"),
    "x.npz.gz": (gzip.compress(b"x" * 100), "a gzip archive"),
    "x.tar": (bytes(257) + b"ustar\0" + bytes(300), "a tar archive"),
    "x.png": (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG picture"),
    "x.bin": (bytes(range(64)), "a binary file"),
    "x.csv": (bytes(range(64)), "a binary file"),
    "x.yaml": (bytes(range(64)), "a binary file"),
    "lfs.npz": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a pointer of Git LFS"),
    "empty.npz": (b"", "an empty file"),
    "empty.lsm": (b"", "an empty file"),
    "empty.yaml": (b"", "an empty file"),
    "empty.csv": (b"", "an empty file"),
}

READERS = {
    "load": ld.load,
    "compile_any": ld.compile_any,
    "open_any": open_any,
    "load_program": ld.load_program,
    "load_model": ld.load_model,
    "load_stimulus": ld.load_stimulus,
    "load_trace": ld.load_trace,
    "load_raw": ld.load_raw,
    "load_frames": ld.load_frames,
    "load_network": load_network,
    "read_state": read_state,
}


def refusal(reader: str, file: Path) -> LsmError:
    with pytest.raises(LsmError) as caught:
        READERS[reader](file)
    (each,) = caught.value.each()
    return each


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_another_tool_is_called_by_its_name(reader, tmp_path):
    for name, (content, called) in FOREIGN.items():
        (tmp_path / name).write_bytes(content)
        error = refusal(reader, tmp_path / name)
        assert error.what.startswith(f"this is {called}"), (name, error.what)
        assert error.hint
        assert error.where == str(tmp_path / name)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours")
    rng = np.random.default_rng(0)
    labels = np.arange(18) % 3
    values = rng.random((18, 8, 3)) * 0.5
    values[np.arange(18), :, labels] += 0.5
    for name in ("train", "test"):
        np.savez(folder / f"{name}.npz", frames=values, labels=labels)
    (folder / "spec.yaml").write_text(SPEC)
    spec = ld.load(folder / "spec.yaml")
    program = ld.compile_spec(spec).program
    ld.save_program(folder / "p.lsm", program)
    ld.save_model(folder / "m.model", ld.train(spec))
    stimulus = ld.poisson_stimulus(3, 100, 50.0, 1.0, 0)
    ld.save_stimulus(folder / "stimulus.npz", stimulus)
    trace = ld.run_program("fast", program, stimulus, ("v",))
    ld.save_trace(folder / "trace.npz", trace, program=ld.program_id(program), backend="fast")
    ld.save_state(folder / "s.state", ld.start("fast", program).save(), program=ld.program_id(program))
    net = {"weights": np.ones((2, 2), int), "input_weights": np.ones((2, 1), int), "du": 1, "dv": 1, "vth": 1}
    np.savez(folder / "net.npz", **net)
    return folder


OURS = {
    "spec.yaml": ("a spec", {"load", "compile_any", "open_any"}),
    "p.lsm": ("a compiled program", {"compile_any", "open_any", "load_program"}),
    "m.model": ("a trained model", {"compile_any", "open_any", "load_model"}),
    "s.state": ("the state of a session", {"open_any", "read_state"}),
    "net.npz": ("an integer network", {"compile_any", "open_any", "load_network"}),
    "trace.npz": ("a trace", {"open_any", "load_trace", "load_stimulus"}),
    "stimulus.npz": ("a stimulus", {"open_any", "load_trace", "load_stimulus"}),
    "train.npz": ("data (frames)", {"open_any", "load_raw", "load_frames"}),
}


@pytest.mark.parametrize("name", OURS)
def test_a_file_of_ours_is_called_by_its_name_where_another_is_wanted(name, ours):
    called, takers = OURS[name]
    for reader in READERS:
        if reader in takers:
            READERS[reader](ours / name)
            continue
        error = refusal(reader, ours / name)
        of_a_spec = reader == "load" or name == "s.state"
        expected = (
            ("this is a compiled program", "these are arrays", f"this is {called}")
            if of_a_spec
            else f"this is {called}"
        )
        assert error.what.startswith(expected), (reader, error.what)
        assert error.hint


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_and_a_file_that_is_not_there_are_said_to_be_that(reader, tmp_path):
    assert "director" in (error := refusal(reader, tmp_path)).what.lower() or "folder" in error.what, error.what
    assert "No such file" in refusal(reader, tmp_path / "none.npz").what


def test_a_name_beside_what_a_file_is_called_by_does_not_make_it_another(tmp_path):
    """Weights may be those of samples, and letters the first of a text."""
    np.savez(tmp_path / "f.npz", frames=np.zeros((4, 2)), starts=[0, 2], weights=np.ones(2))
    assert ld.load_raw(tmp_path / "f.npz").samples == 2
    np.savez(tmp_path / "s.npz", spikes=np.zeros((4, 2), int), weights=np.ones(2))
    assert ld.load_stimulus(tmp_path / "s.npz").spikes.shape == (4, 2)
    (tmp_path / "t.csv").write_text("PAR1,sample\n1,0\n2,0\n")
    assert ld.load_raw(tmp_path / "t.csv").channels == 1


def test_a_name_that_is_too_long_is_said(tmp_path):
    with pytest.raises(LsmError, match="cannot read"):
        ld.load_stimulus(tmp_path / ("a" * 5000))
