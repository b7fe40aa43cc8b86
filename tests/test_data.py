"""Frames: each format against plain lists, and what every bad input is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsm_deploy.data import (
    Frames,
    check_channels,
    check_labels,
    class_order,
    load_data,
    load_dataset,
    load_frames,
    make_frames,
)
from lsm_deploy.errors import LsmError
from lsm_deploy.spec.schema import Data, Input

SAMPLES = [[[0.0, 1.5], [2.0, -3.0]], [[4.0, 5.0]], [[6.0, 7.0], [8.0, 9.0], [10.0, 0.1]]]
FLAT = np.array([frame for sample in SAMPLES for frame in sample])
LABELS = ("a", "b", "a")


def same(got: Frames, labels: tuple[str, ...] = LABELS) -> None:
    stops = [*got.starts[1:].tolist(), len(got.frames)]
    assert [got.frames[a:b].tolist() for a, b in zip(got.starts, stops, strict=True)] == SAMPLES
    assert got.labels == labels
    assert got.lengths.tolist() == [2, 1, 3]
    assert (got.samples, got.channels) == (3, 2)


def error(call: Any, *arguments: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(LsmError) as caught:
        call(*arguments)
    return [(e.what, e.where, e.hint) for e in caught.value.each()]


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "d.npz", **arrays)
    return folder / "d.npz"


def text(folder: Path, content: str) -> Path:
    (folder / "d.csv").write_text(content)
    return folder / "d.csv"


# --- what is read --------------------------------------------------------------------------------------------------


def test_japanese_vowels_is_the_published_split() -> None:
    pytest.importorskip("sktime")
    train, test = load_dataset("japanese_vowels")
    assert (train.samples, test.samples, train.channels, test.channels) == (270, 370, 12, 12)
    assert (test.lengths.min(), test.lengths.max()) == (7, 29)
    assert class_order(train.labels) == tuple("123456789")
    assert [train.labels.count(c) for c in "123456789"] == [30] * 9
    assert [test.labels.count(c) for c in "123456789"] == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    # The first frames of UCI's ae.train, which the archive was made from.
    assert train.frames[:2, 0].tolist() == [1.860936, 1.891651]
    assert train.frames[0, 1:3].tolist() == [-0.207383, 0.261557]
    check_labels(train, test)


def test_npz_in_each_of_its_forms(tmp_path: Path) -> None:
    padded = np.full((3, 3, 2), np.nan)
    for i, sample in enumerate(SAMPLES):
        padded[i, : len(sample)] = sample
    same(load_frames(npz(tmp_path, frames=FLAT, starts=[0, 2, 3], labels=LABELS)))
    same(load_frames(npz(tmp_path, frames=FLAT, lengths=[2, 1, 3])), ())
    same(load_frames(npz(tmp_path, frames=padded, lengths=[2, 1, 3], labels=[7, -1, 7])), ("7", "-1", "7"))
    whole = load_frames(npz(tmp_path, frames=np.arange(12).reshape(2, 3, 2)))
    assert whole.frames.tolist() == np.arange(12.0).reshape(6, 2).tolist()
    assert whole.starts.tolist() == [0, 3]


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_csv(tmp_path: Path, bom: str) -> None:
    rows = [
        f"s{i},{LABELS[i]}, {','.join(repr(x) for x in frame)}" for i, sample in enumerate(SAMPLES) for frame in sample
    ]
    (tmp_path / "d.csv").write_text("\n".join([bom + "sample,label,x,y", *rows, ""]), encoding="utf-8")
    same(load_frames(tmp_path / "d.csv"))


def test_csv_without_labels_and_with_columns_in_any_order(tmp_path: Path) -> None:
    got = load_frames(text(tmp_path, "x,sample\r\n1,a\r\n\r\n2,a\r\n3,b\r\n"))
    assert (got.frames.ravel().tolist(), got.starts.tolist(), got.labels) == ([1.0, 2.0, 3.0], [0, 2], ())


def test_csv_with_quoted_labels(tmp_path: Path) -> None:
    assert load_frames(text(tmp_path, 'sample, label, x\n0, "a, b", 1\n')).labels == ("a, b",)


def test_a_label_that_pandas_would_take_for_missing_stays(tmp_path: Path) -> None:
    assert load_frames(text(tmp_path, "sample,label,x\n0,NA,1\n1,null,2\n")).labels == ("NA", "null")


def test_data_section(tmp_path: Path) -> None:
    path = npz(tmp_path, frames=FLAT, starts=[0, 2, 3], labels=LABELS)
    for part in load_data(Data(train=path, test=path)):
        same(part)


def test_frames_are_read_only_and_their_own() -> None:
    mine = FLAT.copy()
    frames = make_frames(mine, np.array([0, 2, 3]))
    mine[0, 0] = 99
    assert frames.frames[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        frames.frames[0, 0] = 1


@pytest.mark.parametrize(
    ("frames", "starts", "labels"),
    [
        (np.full((2, 1), np.nan), [0], ()),
        (np.zeros((0, 1)), [0], ()),
        (np.zeros((2, 1)), [1], ()),
        (np.zeros((2, 1)), [0, 2], ()),
        (np.zeros((2, 1)), [0, 0], ()),
        (np.zeros((2, 1)), [0, 1], ("a",)),
    ],
)
def test_an_illegal_value_is_not_built(frames: Any, starts: Any, labels: Any) -> None:
    with pytest.raises(ValueError, match=r"frames|starts|labels"):
        Frames(frames, np.array(starts), labels)


def test_classes_of_numbers_are_in_numerical_order() -> None:
    assert class_order(["10", "9", "1", "10"]) == ("1", "9", "10")
    assert class_order(["10", "9", "b"]) == ("10", "9", "b")


# --- what is refused, and with which words -------------------------------------------------------------------------

NAN = FLAT.copy()
NAN[4, 1], NAN[5, 0] = np.nan, np.inf


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (
            {"frames": NAN, "starts": [0, 2, 3]},
            [
                (
                    "sample 2, frame 1, channel 1 is nan (and 1 more values)",
                    "write finite numbers; where NaN pads short samples, cut it off, or give lengths",
                )
            ],
        ),
        (
            {"frames": FLAT * 1e301, "starts": [0]},
            [
                (
                    "sample 0, frame 0, channel 1 is 1.5e+301 (and 9 more values)",
                    "write finite numbers; where NaN pads short samples, cut it off, or give lengths",
                )
            ],
        ),
        (
            {"frames": FLAT.astype(str), "starts": [0, 2, 2], "labels": [1.5, 2.5]},
            [
                ("frames hold <U32 values, not numbers", "write floats"),
                (
                    "starts must be integers that ascend from 0",
                    "write the first frame of each sample, 0 for the first",
                ),
                ("labels are neither text nor integers", "write `labels.astype(str)`, one label a sample"),
            ],
        ),
        (
            {"frames": FLAT, "starts": [0, 6], "labels": ["a", "b", "c"]},
            [
                ("the last sample starts at frame 6, but there are 6", "count frames from 0"),
                ("there are 3 labels for 2 samples", "write one label a sample, or none at all"),
            ],
        ),
        (
            {"frames": FLAT, "starts": [0, 2], "labels": ["a", ""]},
            [("sample 1 has an empty label", "label every sample, or none at all")],
        ),
        (
            {"frames": FLAT[:, 0], "starts": [0]},
            [("frames have shape [6], not [frame, channel]", "put time first, then channels")],
        ),
        (
            {"frames": FLAT[:0], "starts": [0]},
            [("frames have shape [0, 2]: there is no data", "write at least one frame of one channel")],
        ),
        (
            {"frames": FLAT},
            [
                (
                    "frames [frame, channel] need either starts or lengths; here are frames",
                    "write the first frame of each sample as starts, or how many frames it has as lengths",
                )
            ],
        ),
        (
            {"frames": FLAT[None], "starts": [0]},
            [
                (
                    "frames [frame, channel] need either starts or lengths; here are frames, starts",
                    "write the first frame of each sample as starts, or how many frames it has as lengths",
                )
            ],
        ),
        (
            {"x": FLAT},
            [("there is no array 'frames'; here are x", "save frames [frame, channel] with np.savez")],
        ),
        (
            {"frames": FLAT, "starts": [0], "label": ["a"], "length": [6]},
            [
                ("there is an array 'label'", "did you mean 'labels'?"),
                ("there is an array 'length'", "did you mean 'lengths'?"),
            ],
        ),
        (
            {"frames": FLAT, "lengths": [2, 3]},
            [("lengths sum to 5, but there are 6 frames", "write how many frames each sample has")],
        ),
        (
            {"frames": FLAT, "lengths": [6, 0]},
            [("sample 1 has a length of 0 frames", "write how many frames each sample has, at least 1")],
        ),
        (
            {"frames": FLAT[None], "lengths": [7]},
            [
                (
                    "sample 0 has a length of 7 frames, of 6 that there are",
                    "write how many frames each sample has, at least 1",
                )
            ],
        ),
        (
            {"frames": FLAT[None], "lengths": [1, 1]},
            [("there are 2 lengths for 1 samples", "write how many frames each sample has, at least 1")],
        ),
        (
            {"frames": FLAT, "lengths": [6.0]},
            [("lengths is no list of integers", "write how many frames each sample has, at least 1")],
        ),
        (
            {"frames": np.array([[1.0], [1.0, 2.0]], dtype=object), "starts": [0]},
            [
                (
                    "the file carries Python objects (pickle), which are not read",
                    "save plain arrays with np.savez",
                )
            ],
        ),
    ],
)
def test_bad_npz(tmp_path: Path, arrays: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    path = npz(tmp_path, **arrays)
    assert error(load_frames, path) == [(what, str(path), hint) for what, hint in expected]


NUMBER = "write a number such as -1.5e-3"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", [("", "the file is empty", "write a header and one row a frame")]),
        ("sample,x\n", [("", "there is no data below the header", "write one row a frame")]),
        (
            "x,y\n1,2\n",
            [
                (
                    ":1",
                    "the header is 'x,y'",
                    "write `sample,label,<channel>,...`, each name once; label may go",
                )
            ],
        ),
        (
            "sample,x,x\n1,2,3\n",
            [
                (
                    ":1",
                    "the header is 'sample,x,x'",
                    "write `sample,label,<channel>,...`, each name once; label may go",
                )
            ],
        ),
        (
            "sample,label,x,y\n0,a,1,2\n0,b,1,two\n1,a,nan,\n0,a,1_0,1e999\n1,a,3\n",
            [
                (":3", "sample '0' is labelled 'b', and 'a' above", "give a sample one label"),
                (":3", "y is 'two', not a finite number", NUMBER),
                (":4", "x is 'nan', not a finite number", NUMBER),
                (":4", "y is '', not a finite number", NUMBER),
                (":5", "sample '0' goes on after another sample", "keep the rows of a sample together"),
                (":5", "x is '1_0', not a finite number", NUMBER),
                (":5", "y is '1e999', not a finite number", NUMBER),
                (":6", "there are 3 cells below 4 names", "write one cell for each name in the header"),
            ],
        ),
        (
            "sample,label,x\n0,a,1\n1,,2\n",
            [("", "sample 1 has an empty label", "label every sample, or none at all")],
        ),
    ],
)
def test_bad_csv(tmp_path: Path, content: str, expected: list[tuple[str, str, str]]) -> None:
    path = text(tmp_path, content)
    assert error(load_frames, path) == [(what, f"{path}{at}", hint) for at, what, hint in expected]


def test_a_wrong_column_does_not_fill_the_screen(tmp_path: Path) -> None:
    path = text(tmp_path, "sample,x\n" + "0,?\n" * 1000)
    errors = error(load_frames, path)
    assert len(errors) == 21
    assert errors[-1] == ("and 980 more mistakes", str(path), "mend those above first")


def test_files_that_are_no_frames(tmp_path: Path) -> None:
    missing, foreign = tmp_path / "no.csv", tmp_path / "d.wav"
    assert error(load_frames, missing) == [("cannot read: No such file or directory", str(missing), "check the path")]
    assert error(load_frames, foreign) == [
        ("frames cannot be read from a .wav file", str(foreign), "write .npz or .csv")
    ]
    (tmp_path / "d.csv").write_bytes(b"sample,x\n0,\xff\n")
    [(what, _, hint)] = error(load_frames, tmp_path / "d.csv")
    assert what.startswith("this is no CSV text: ")
    assert hint == "save it as UTF-8 CSV"


def test_sktime_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sktime.datasets", None)
    assert error(load_dataset, "japanese_vowels") == [
        (
            "japanese_vowels comes with sktime, which is not installed",
            "data set 'japanese_vowels'",
            "pip install -e '.[data]'",
        )
    ]


def test_unknown_data_set() -> None:
    assert error(load_dataset, "mnist")[0][0] == "there is no data set 'mnist'"


def test_channels_and_labels_that_do_not_fit() -> None:
    train = make_frames(FLAT, np.array([0, 2, 3]), LABELS, "train.npz")
    assert error(check_channels, train, Input(12)) == [
        (
            "the frames have 2 channels, the spec's input takes 12",
            "train.npz",
            "set `input: {channels: 2}`, or choose other data",
        )
    ]
    test = make_frames(FLAT, np.array([0, 2, 3]), ("a", "c", "d"), "test.npz")
    assert error(check_labels, train, test) == [
        (
            "class 'c', 'd' of the test data is not in the training data (train.npz)",
            "test.npz",
            "train on every class, or remove it from the test data",
        )
    ]
    bare = make_frames(FLAT, np.array([0]), source="bare.npz")
    assert (
        error(check_labels, bare, bare)
        == [("the samples have no labels", "bare.npz", "add labels; `predict` does without")] * 2
    )
