"""Each reader of index arrays is fed the same list of poisoned ones: every one is refused in a sentence.

What makes the list is what each could do: reach outside, wrap where it is subtracted, summed or made narrower, repeat
something for ever, or mean nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calls import SPEC, frames
from liquid import liquid
from numpy.typing import NDArray
from scipy import sparse

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.indices import ends_of, mistake_in
from lsm_deploy.formats.edges import load_floats
from lsm_deploy.store.container import pack, unpack

HUGE = 2**63 - 1


def poisoned(legal: NDArray[Any], ordered: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    """What an author who means harm, or a tool that means none, may have written in the place of an index array."""
    wide = np.atleast_1d(legal).astype(np.int64)
    for name, value in (("negative", -1), ("huge", HUGE), ("least", -HUGE - 1), ("4 GB on", int(wide[-1]) + 2**32)):
        for place in (0, -1):
            changed = wide.copy()
            changed[place] = value
            yield f"{name} at {place}", changed
    if len(wide) > 2:
        wrapping = wide.copy()
        wrapping[1:3] = HUGE, -2
        yield "a difference that wraps", wrapping
        wrapping = np.full(len(wide), HUGE)
        wrapping[2:] = 1
        wrapping[-1] += int(wide.sum()) + 2 - wrapping[2:].sum()  # the sum of all is the right one, in 64 bits
        yield "a sum that wraps", wrapping
    unsigned = wide.astype(np.uint64)
    unsigned[-1] = 2**64 - 1
    yield "unsigned and huge", unsigned
    for value in (0.5, np.nan, np.inf, -np.inf, 1e300):
        changed = wide.astype(float)
        changed[-1] = value
        yield f"{value} at the end", changed
    if (wide > 1).any():
        yield "truth values", wide > 0
    yield "text", wide.astype(str)
    yield "complex numbers", wide + 1j
    yield "two axes", wide.reshape(1, -1)
    yield "one entry more", np.concatenate([wide, wide[-1:]])
    yield "empty", wide[:0]
    if ordered and len(np.unique(wide)) > 1:
        yield "reversed", wide[::-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("legal")
    values, labels = frames(0)
    for name in ("train", "test"):
        np.savez(here / f"{name}.npz", frames=values, labels=labels)
    (here / "spec.yaml").write_text(SPEC)
    program = liquid()
    ld.save_program(here / "program", program)
    ld.save_model(here / "model", ld.train(ld.load(here / "spec.yaml")))
    stimulus = ld.Stimulus(np.eye(4, dtype=np.int8)[np.arange(40) % 4], np.array([0, 10, 20, 30]))
    ld.save_stimulus(here / "stimulus.npz", stimulus)
    np.savez(here / "events.npz", t=[0, 1, 2], channel=[2, 1, 0], shape=[5, 3])
    ld.save_trace(here / "trace.npz", ld.run_program("fast", program, stimulus), program="", backend="fast")
    ld.stream(program, stimulus, here / "parts")
    grown = np.arange(30.0).reshape(10, 3)
    np.savez(here / "starts.npz", frames=grown, starts=[0, 4, 5, 9], labels=list("abab"))
    np.savez(here / "lengths.npz", frames=grown, lengths=[4, 1, 4, 1], labels=list("abab"))
    np.savez(here / "padded.npz", frames=grown[:8].reshape(4, 2, 3), lengths=[2, 1, 2, 1])
    np.savez(here / "audio.npz", audio=np.zeros(400, np.float32), length=[100, 200, 50, 50], rate=8000)
    np.savez(here / "beats.npz", r_beats=[7, 100, 0, 90], r_onset=[3, 50, 120], r_rhythm=[1, 0, 1])
    matrix = np.diag(np.arange(1.0, 9)) + np.diag(np.ones(4), 4)
    for form in ("csr", "csc", "coo", "dia"):
        sparse.save_npz(here / f"{form}.npz", getattr(sparse, f"{form}_array")(matrix))
    sparse.save_npz(here / "bsr.npz", sparse.bsr_array(matrix, blocksize=(2, 2)))
    return here


def in_npz(name: str) -> Callable[[Path, Path, NDArray[Any] | None], NDArray[Any]]:
    def change(source: Path, target: Path, array: NDArray[Any] | None) -> NDArray[Any]:
        with np.load(source) as stored:
            arrays = dict(stored)
        legal = arrays[name]
        np.savez(target, **{**arrays, name: legal if array is None else array})
        return legal

    return change


def in_container(kind: str, name: str) -> Callable[[Path, Path, NDArray[Any] | None], NDArray[Any]]:
    """With a checksum that is right."""

    def change(source: Path, target: Path, array: NDArray[Any] | None) -> NDArray[Any]:
        meta, arrays = unpack(source.read_bytes(), kind, "")
        legal = arrays[name]
        target.write_bytes(pack(kind, meta, {**arrays, name: legal if array is None else array}))
        return legal

    return change


def _refused(load: Callable[[Path], object], file: Path) -> str:
    """What the reader says against the file; nothing, if it reads it."""
    try:
        load(file)
    except LsmError as error:
        return str(error)
    return ""


def _content(value: object) -> object:
    """What a value holds, down to lists: pickles differ where types of arrays are equal and not one."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.tolist()
    if is_dataclass(value):
        return {field.name: _content(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _content(each) for name, each in value.items()}
    return [_content(each) for each in value] if isinstance(value, tuple | list) else value


def _matrix(path: Path) -> object:
    return load_floats(path, (8, 8))


def _frames(path: Path) -> object:
    return ld.load_raw(path)


READERS = {
    "the indptr of a program": ("program", in_container("program", "projection.1.indptr"), ld.load_program, True),
    "the targets of a program": ("program", in_container("program", "projection.1.post"), ld.load_program, False),
    "the delays of a program": ("program", in_container("program", "projection.1.delays"), ld.load_program, False),
    "the cores of a program": ("program", in_container("program", "cores"), ld.load_program, False),
    "the features of a model": ("model", in_container("model", "kept"), ld.load_model, True),
    "the samples of a stimulus": ("stimulus.npz", in_npz("starts"), ld.load_stimulus, True),
    "the steps of events": ("events.npz", in_npz("t"), ld.load_stimulus, False),
    "the channels of events": ("events.npz", in_npz("channel"), ld.load_stimulus, False),
    "the samples of a trace": ("trace.npz", in_npz("starts"), ld.load_trace, True),
    "the samples of frames": ("starts.npz", in_npz("starts"), _frames, True),
    "the lengths of frames": ("lengths.npz", in_npz("lengths"), _frames, False),
    "the lengths of padded frames": ("padded.npz", in_npz("lengths"), _frames, False),
    "the lengths of sound": ("audio.npz", in_npz("length"), _frames, False),
    "the beats of a record": ("beats.npz", in_npz("r_beats"), _frames, False),
    "the onsets of rhythms": ("beats.npz", in_npz("r_onset"), _frames, True),
    "the rhythms": ("beats.npz", in_npz("r_rhythm"), _frames, False),
    **{
        f"the {name} of a {form} matrix": (f"{form}.npz", in_npz(name), _matrix, name == "indptr")
        for form, names in {
            "csr": ("indptr", "indices"),
            "csc": ("indptr", "indices"),
            "bsr": ("indptr", "indices"),
            "coo": ("row", "col"),
            "dia": ("offsets",),
        }.items()
        for name in names
    },
}
MEANT = {
    ("the beats of a record", "negative at 0"): "a record may begin before its clock does",
    ("the beats of a record", "one entry more"): "nothing says how many there are",
    ("the onsets of rhythms", "negative at 0"): "and a rhythm with it",
    **{("the beats of a record", f"4 GB on at {place}"): "records may be long" for place in (0, -1)},
    ("the onsets of rhythms", "4 GB on at -1"): "and a rhythm begin after the last beat",
    ("the offsets of a dia matrix", "negative at 0"): "a diagonal below the main one",
    ("the offsets of a dia matrix", "negative at -1"): "likewise",
}
"""What is legal, and why."""


@pytest.mark.parametrize("what", READERS)
def test_every_reader_refuses_every_poison(what, folder, tmp_path):
    name, change, load, ordered = READERS[what]
    legal = change(folder / name, tmp_path / f"legal{Path(name).suffix}", None)
    load(tmp_path / f"legal{Path(name).suffix}")
    for poison, array in poisoned(legal, ordered):
        file = tmp_path / f"poisoned{Path(name).suffix}"
        if array.dtype.kind == "c" and not name.endswith(".npz"):
            continue  # the container knows no such type
        change(folder / name, file, array)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if (what, poison) in MEANT:
                load(file)
                continue
            assert str(file) in _refused(load, file), f"{what} are read with {poison}: {array}"


@pytest.mark.parametrize("what", [what for what, (name, *_) in READERS.items() if name.endswith(".npz")])
@pytest.mark.parametrize("dtype", [">i8", ">u4", "i2", "u8"])
def test_what_is_legal_is_read_whatever_its_width_and_order(what, dtype, folder, tmp_path):
    name, change, load, _ = READERS[what]
    legal = change(folder / name, tmp_path / "file.npz", None)
    expected = _content(load(tmp_path / "file.npz"))
    change(folder / name, tmp_path / "file.npz", legal.astype(dtype))
    assert _content(load(tmp_path / "file.npz")) == expected


def test_a_difference_that_wraps_is_no_ascent():
    assert mistake_in(np.array([0, HUGE, -2, 3]), 4, "not descending") == f"entry 1 is {HUGE}, not 0 to 3"
    assert mistake_in(np.array([0, HUGE, -HUGE, 3]), HUGE + 1, "ascending", start=-HUGE - 1) == (
        f"entry 2 is {-HUGE} after {HUGE}: they must ascend"
    )


@pytest.mark.parametrize("lengths", [[HUGE, HUGE, 5], [HUGE, 1, HUGE, 4]])
def test_a_sum_that_wraps_is_seen(lengths):
    total = int(np.array(lengths, np.uint64).sum(dtype=np.uint64).astype(np.int64))
    assert total in range(10)
    ends = ends_of(np.array(lengths))
    assert ends[-1] == total
    assert mistake_in(ends, total + 1, "not descending", last=total)


@pytest.mark.parametrize(
    ("values", "options", "mistake"),
    [
        ([], {}, None),
        ([], {"first": 0}, "there is none"),
        ([0, 1, 1], {"order": "not descending"}, None),
        ([0, 1, 1], {"order": "ascending"}, "entry 2 is 1 after 1: they must ascend"),
        ([0, 2, 1], {"order": "not descending"}, "entry 2 is 1 after 2: they must not descend"),
        ([1, 2], {"first": 0}, "the first is 1, not 0"),
        ([0, 2], {"last": 3}, "the last is 2, not 3"),
        ([4], {}, "entry 0 is 4, not 0 to 3"),
        ([-1], {}, "entry 0 is -1, not 0 to 3"),
        ([0.0], {}, "float64 values are no integers"),
        ([[0]], {}, "shape [1, 1] is not that of a list"),
    ],
)
def test_what_is_wrong_is_said(values, options, mistake):
    given = np.array(values, None if values else np.int64)
    assert mistake_in(given, 4, **options) == mistake
