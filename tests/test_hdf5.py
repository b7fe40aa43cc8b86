"""HDF5 that others wrote: what is in it comes back, and nothing leads out of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lsm_deploy.core.errors import LsmError
from lsm_deploy.store.hdf5 import read_tree, top_names, write_tree

h5py = pytest.importorskip("h5py")


def test_a_tree_comes_back(tmp_path):
    tree = {"a": {"b": {"x": np.arange(6.0).reshape(2, 3)}, "kind": "LIF", "names": [["p", "q"]]}, "n": 3}
    write_tree(tmp_path / "t.h5", tree)
    read = read_tree(tmp_path / "t.h5")
    assert top_names(tmp_path / "t.h5") == {"a", "n"}
    assert read["n"] == 3
    assert read["a"]["kind"] == "LIF"
    assert read["a"]["names"].tolist() == [["p", "q"]]
    np.testing.assert_array_equal(read["a"]["b"]["x"], tree["a"]["b"]["x"])
    first = (tmp_path / "t.h5").read_bytes()
    write_tree(tmp_path / "t.h5", tree)
    assert (tmp_path / "t.h5").read_bytes() == first


def soft(file):
    file["a/more"] = h5py.SoftLink("/a")


def external(file):
    file["a/more"] = h5py.ExternalLink("other.h5", "/a")


def hard(file):
    file["a/more"] = file["a"]


def elsewhere(file):
    file.create_dataset("a/more", (4,), "f8", external=[("values.bin", 0, 32)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("a/more", layout)


def objects(file):
    file.create_dataset("a/more", (1,), h5py.ref_dtype)


def fields(file):
    file["a/more"] = np.zeros(2, [("x", "f8"), ("y", "i4")])


def huge(file):
    file.create_dataset("a/more", (2**40,), "f8", chunks=(1024,))


def deep(file):
    file.create_group("a/more/" + "/".join("x" * 40))


def nothing(file):
    file["a/more"] = h5py.Empty("f8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (soft, "a/more: this is a link to '/a', which is not followed"),
        (external, "a/more: this is a link to '/a', which is not followed"),
        (hard, "a/more: this group is in itself, or has two names"),
        (elsewhere, "a/more: its values lie in another file"),
        (virtual, "a/more: its values lie in another file"),
        (objects, "a/more: it is of type object, neither numbers nor text"),
        (fields, "neither numbers nor text"),
        (huge, "the file declares 8796 GB"),
        (deep, "or is too deep"),
        (nothing, "a/more: it holds nothing"),
    ],
)
def test_what_is_no_tree_of_arrays_is_refused(damage, message, tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["a/x"] = np.zeros(3)
        damage(file)
    with pytest.raises(LsmError, match=re.escape(message)):
        read_tree(tmp_path / "t.h5")


def test_long_text_that_stands_once_is_no_way_to_much_memory(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        made = file.create_dataset("a", data=["x" * 300_000, *["y"] * 999], dtype=h5py.string_dtype())
        first = made.id.get_offset()
    content = bytearray((tmp_path / "t.h5").read_bytes())
    content[first : first + 16_000] = bytes(content[first : first + 16]) * 1000  # where a text is, a thousand times
    (tmp_path / "t.h5").write_bytes(content)
    with pytest.raises(LsmError, match="the file declares"):
        read_tree(tmp_path / "t.h5")


def test_what_is_no_hdf5_is_said(tmp_path):
    (tmp_path / "t.nir").write_text("no graph")
    with pytest.raises(LsmError, match="this is no HDF5 file"):
        read_tree(tmp_path / "t.nir")
    write_tree(tmp_path / "t.nir", {"a": {"x": np.zeros(1000)}})
    content = (tmp_path / "t.nir").read_bytes()
    (tmp_path / "t.nir").write_bytes(content[: len(content) // 2])
    with pytest.raises(LsmError, match="or it is damaged"):
        read_tree(tmp_path / "t.nir")
    with pytest.raises(LsmError, match="cannot read"):
        read_tree(tmp_path / "not there.nir")
