"""Frames: each format against plain lists, and what every bad input is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.data import (
    Audio,
    Beats,
    Events,
    Frames,
    check_channels,
    check_labels,
    check_split,
    class_order,
    constant_channels,
    digests,
    load_data,
    load_dataset,
    load_frames,
    load_raw,
    make_frames,
    splits,
    subset,
)
from lsm_deploy.data.frames import SIGNALS
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


def error(call: Any, *arguments: Any, **options: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(LsmError) as caught:
        call(*arguments, **options)
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


@pytest.mark.parametrize(
    "content",
    ["sample;label;x;y\n0;a;1,5;-2\n0;a;3;4e-1\n", "sample\tlabel\tx\ty\n0\ta\t1.5\t-2\n0\ta\t3\t0.4\n"],
)
def test_csv_with_other_marks(tmp_path: Path, content: str) -> None:
    got = load_frames(text(tmp_path, content))
    assert (got.frames.tolist(), got.labels, got.names, got.ids) == ([[1.5, -2], [3, 0.4]], ("a",), ("x", "y"), ("0",))


def test_csv_of_one_sample(tmp_path: Path) -> None:
    bare, labelled = load_frames(text(tmp_path, "x,y\n1,2\n3,4\n")), load_frames(text(tmp_path, "label,x\na,1\na,3\n"))
    assert (bare.frames.tolist(), bare.starts.tolist(), bare.labels, bare.ids) == ([[1, 2], [3, 4]], [0], (), ())
    assert (labelled.frames.tolist(), labelled.labels) == ([[1], [3]], ("a",))


def test_folders_of_tables(tmp_path: Path) -> None:
    for name, rows in (("up/a.csv", "1\n2\n"), ("up/b.csv", "3\n"), ("down/a.csv", "4\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"x\n{rows}")
    got = load_raw(tmp_path)
    assert isinstance(got, Frames)
    assert (got.frames.ravel().tolist(), got.starts.tolist(), got.labels) == (
        [4, 1, 2, 3],
        [0, 1, 3],
        ("down", "up", "up"),
    )
    assert got.ids == ("down/a.csv", "up/a.csv", "up/b.csv")
    assert load_raw(tmp_path / "up").labels == ()
    (tmp_path / "up" / "b.csv").write_text("y\n3\n")
    assert error(load_raw, tmp_path)[0][0] == "its columns are y, and those of a.csv x"
    (tmp_path / "up" / "b.csv").write_text("sample,x\n0,3\n")
    assert error(load_raw, tmp_path)[0][0].startswith("a table in a folder is one sample")


@pytest.mark.parametrize("mark", [".", ","])
def test_what_may_be_a_mark_of_thousands_is_not_guessed(tmp_path: Path, mark: str) -> None:
    [(what, _, hint)] = error(load_frames, text(tmp_path, f"x;y\n1{mark}000;5\n999;2\n"))
    assert what == f"x has numbers such as 1{mark}000 beside whole ones: a thousand, or 1"
    assert hint == "leave out marks of thousands, or write all with as many decimals"
    for rows in (f"1{mark}250\n999{mark}000\n", f"1{mark}250\n2\n2{mark}5\n", f"0{mark}250\n2\n"):
        assert (
            load_frames(text(tmp_path, f"x;y\n{rows}".replace("\n", ";1\n").replace("x;y;1", "x;y"))).frames[0, 0] < 2
        )


def test_no_table_of_a_folder_is_passed_over(tmp_path: Path) -> None:
    """Two tables of classes were lost in silence beside one of their folder, and those of a folder in a class."""
    for name in ("up/a.csv", "down/a.csv", ".ipynb_checkpoints/a.csv", "up/._a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n1\n")
    got = load_raw(tmp_path)
    assert isinstance(got, Frames)
    assert got.labels == ("down", "up")
    (tmp_path / "b.csv").write_text("x\n1\n")
    assert [Path(where).name for _, where, _ in error(load_raw, tmp_path)] == ["a.csv", "a.csv"]
    (tmp_path / "b.csv").unlink()
    (tmp_path / "up" / "old").mkdir()
    (tmp_path / "up" / "old" / "c.csv").write_text("x\n1\n")
    [(what, where, _)] = error(load_raw, tmp_path)
    assert (what, Path(where).name) == ("it lies deeper than others, and would be passed over", "c.csv")


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
                    "starts: entry 2 is 2 after 2: they must ascend",
                    "write the first frame of each sample, 0 for the first",
                ),
                ("labels are values such as 1.5, and labels are classes", SIGNALS),
            ],
        ),
        (
            {"frames": FLAT, "starts": [0, 6], "labels": ["a", "b", "c"]},
            [
                ("starts: entry 1 is 6, not 0 to 5", "write the first frame of each sample, 0 for the first"),
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
            [("lengths: entry 1 is 0, not 1 to 6", "write how many frames each sample has, at least 1")],
        ),
        (
            {"frames": FLAT[None], "lengths": [7]},
            [
                (
                    "lengths: entry 0 is 7, not 1 to 6",
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
            [("lengths: float64 values are no integers", "write how many frames each sample has, at least 1")],
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
        ("", [("", "this is an empty file, not frames", "write it again, or copy it again")]),
        ("sample,x\n", [("", "there is no data below the header", "write one row a frame")]),
        (
            "label,x\na,1\nb,2\n",
            [
                (
                    ":3",
                    "this row is labelled 'b', and 'a' above",
                    "add a column `sample` that says which rows are one sample",
                )
            ],
        ),
        (
            "trial,x\n0,1\n0,2\n",
            [
                (
                    ":1",
                    "there is a column 'trial' and none is called 'sample'",
                    "call it 'sample', or otherwise if it is a channel",
                )
            ],
        ),
        (
            "sample;x;y\n0;1,5;2.5\n0;3;3,5\n",
            [
                (":2", "y is '2.5', not a finite number", "write all decimals with a point, or all with a comma"),
                (":3", "y is '3,5', not a finite number", "write all decimals with a point, or all with a comma"),
            ],
        ),
        ("sample\tx\n0\t1,5\n", [(":2", "x is '1,5', not a finite number", "write decimals with a point")]),
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


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (",sample,label,a\n0,x,u,1\n", "column 1 has no name", "leave pandas' index out"),
        ("Unnamed: 0,sample,a\n0,x,1\n", "column 1 is called 'Unnamed: 0'", "leave pandas' index out"),
        ("sample,Label,a\n0,1,1\n", "column 2 is called 'Label'", "write 'label'"),
        ("sample,class,a\n0,1,1\n", "there is a column 'class' and none is called 'label'", "call it 'label'"),
        ("sample,label,Subject,a\n0,1,7,1\n", "there is a column 'Subject' and none is called", "call it 'group'"),
        ("sample|label|a\n0|1|1\n", "the header is 'sample|label|a'", "separate cells by commas"),
        ('sample,a\n0,"1,5"\n', "a is '1,5'", "write decimals with a point"),
        ('a,sample\n1,"0\n2,1\n', "a cell goes over several lines", "close each quote in its line"),
        ("sample,label,a\n0,nan,1\n", "sample 0 has the label 'nan': none, as text", "label every sample"),
    ],
)
def test_columns_that_are_no_channels(tmp_path: Path, content: str, what: str, hint: str) -> None:
    [(said, _, way_out)] = error(load_frames, text(tmp_path, content))
    assert said.startswith(what)
    assert way_out.startswith(hint)


def test_a_column_that_counts_rows_is_no_channel(tmp_path: Path) -> None:
    order = [7, 3, 9, 0, 1, 8, 2, 6, 5, 4]
    for name, counts in (("n", range(100, 110)), ("n", order), ("index", [3 * i for i in order])):
        rows = "".join(f"{i // 5},{count},{0.5 * i}\n" for i, count in enumerate(counts))
        [(what, _, _)] = error(load_frames, text(tmp_path, f"sample,{name},a\n{rows}"))
        assert what == f"column {name!r} numbers the rows, through all samples"
    fingers = "".join(f"{i // 5},{i % 3},{0.7 * i}\n" for i in range(10))
    assert load_frames(text(tmp_path, f"sample,index,a\n{fingers}")).names == ("index", "a")


def test_channels_in_another_order(tmp_path: Path) -> None:
    train = load_frames(text(tmp_path, "sample,label,a,b\n0,u,1,2\n1,u,3,5\n2,v,3,4\n3,v,5,5\n"))
    test = load_frames(text(tmp_path, "sample,label,b,a\n0,u,1,9\n1,v,3,7\n"))
    assert [what for what, _, _ in error(check_split, train, test)] == [
        f"channel 0 is 'b', in the training data ({tmp_path / 'd.csv'}) 'a'"
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_floats_of_every_size(tmp_path: Path, kind: Any) -> None:
    frames = np.arange(8, dtype=kind).reshape(4, 2)
    assert load_frames(npz(tmp_path, frames=frames, lengths=[2, 2])).frames.tolist() == frames.tolist()
    frames[3, 1] = np.inf
    assert (
        error(load_frames, npz(tmp_path, frames=frames, lengths=[2, 2]))[0][0] == "sample 1, frame 1, channel 1 is inf"
    )


def test_labels_that_are_none(tmp_path: Path) -> None:
    frames = np.zeros((2, 1))
    for labels, what in (
        ([[1], [2]], "labels have shape [2, 1], not [sample]"),
        ([1.0, np.nan], "labels are neither text nor integers"),
        (["a", "nan"], "sample 1 has the label 'nan': none, as text"),
        ([b"a", b"b"], "labels are neither text nor integers"),
    ):
        assert error(load_frames, npz(tmp_path, frames=frames, lengths=[1, 1], labels=labels))[0][0] == what
    for given in (["a", None], ["a", np.nan]):
        error(make_frames, frames, np.array([0, 1]), given)


def test_a_wrong_column_does_not_fill_the_screen(tmp_path: Path) -> None:
    path = text(tmp_path, "sample,x\n" + "0,?\n" * 1000)
    errors = error(load_frames, path)
    assert len(errors) == 21
    assert errors[-1] == ("and 980 more mistakes", str(path), "mend those above first")


def test_files_that_are_no_frames(tmp_path: Path) -> None:
    missing, foreign = tmp_path / "no.csv", tmp_path / "d.wav"
    foreign.touch()
    assert error(load_frames, missing) == [("cannot read: No such file or directory", str(missing), "check the path")]
    assert error(load_frames, foreign) == [
        ("this is an empty file, not frames", str(foreign), "write it again, or copy it again")
    ]
    foreign.write_text("0.1 0.2")
    assert error(load_frames, foreign) == [
        ("frames cannot be read from a .wav file", str(foreign), "give an .npz or .csv")
    ]
    (tmp_path / "d.csv").write_bytes(b"sample,x\n0,\xff\n")
    [(what, _, hint)] = error(load_frames, tmp_path / "d.csv")
    assert what.startswith("this is no CSV text: ")
    assert hint == "save it as UTF-8 CSV"


def test_sktime_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sktime", None)
    assert error(load_dataset, "japanese_vowels") == [
        (
            "japanese_vowels comes with sktime, which is not installed",
            "data set 'japanese_vowels'",
            "pip install 'lsm-deploy[data]'",
        )
    ]


def test_sktime_without_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sktime").mkdir()
    (tmp_path / "sktime" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "sktime", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    [(what, where, hint)] = error(load_dataset, "japanese_vowels")
    assert (
        what == "japanese_vowels comes with sktime, and the installed one does not have it: No such file or directory"
    )
    assert where.endswith("JapaneseVowels_TRAIN.ts")
    assert hint == "pip install 'sktime>=1.0,<2'"


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
        ),
        ("class 'b' has a single sample", "train.npz", "add samples of it, or remove it"),
    ]
    bare = make_frames(FLAT, np.array([0]), source="bare.npz")
    assert error(check_labels, bare, bare) == [
        (
            "the samples have no labels",
            "bare.npz",
            "add labels (`predict` does without), or forecast the input itself: `readout: {target: signal}`",
        )
    ]  # two parts of one file, one mistake


# --- groups, copies and leaks ---------------------------------------------------------------------------------------


def test_groups_of_npz_and_csv(tmp_path: Path) -> None:
    got = load_frames(npz(tmp_path, frames=FLAT, starts=[0, 2, 3], labels=LABELS, groups=[7, 8, 7]))
    assert (got.labels, got.groups) == (LABELS, ("7", "8", "7"))
    got = load_frames(text(tmp_path, "sample,group,label,x\n0,ann,a,1\n0,ann,a,2\n1,bob,b,3\n"))
    assert (got.labels, got.groups, got.channels) == (("a", "b"), ("ann", "bob"), 1)
    assert error(load_frames, text(tmp_path, "sample,group,x\n0,ann,1\n0,bob,2\n1,,3\n")) == [
        ("sample '0' is of group 'bob', and 'ann' above", f"{tmp_path / 'd.csv'}:3", "give a sample one group")
    ]
    assert error(load_frames, npz(tmp_path, frames=FLAT, starts=[0, 2], groups=["a"], labels=[1.5, 2])) == [
        (
            "labels are values such as 1.5, and labels are classes",
            f"{tmp_path / 'd.npz'}",
            SIGNALS,
        ),
        ("there are 1 groups for 2 samples", f"{tmp_path / 'd.npz'}", "write one group a sample, or none at all"),
    ]


def labelled(seed: int, source: str, groups: tuple[str, ...] = (), channels: int = 2) -> Frames:
    values = np.random.default_rng(seed).normal(size=(12, channels))
    return make_frames(values, np.arange(0, 12, 3), ["a", "b", "a", "b"], source, groups)


def test_a_group_on_both_sides_is_refused_unless_asked_for() -> None:
    train, test = labelled(0, "A", ("ann", "bob", "cy", "cy")), labelled(1, "B", ("dan", "bob", "cy", "eve"))
    assert error(check_split, train, test) == [
        (
            "'bob', 'cy' of the test data is in the training data (A) too",
            "B",
            "keep each speaker or record on one side, or ask for it: `data: {shared_groups: true}`",
        )
    ]
    check_split(train, test, shared_groups=True)
    check_split(train, labelled(1, "B", ("dan", "dan", "eve", "eve")))
    check_split(train, labelled(1, "B"))  # who is not named cannot be found


def test_a_sample_on_both_sides_is_always_refused() -> None:
    train, fresh = labelled(0, "A"), labelled(1, "B")
    mixed = fresh.frames.copy()
    mixed[3:6] = train.frames[9:]
    hint = "remove them from one side: who has seen the answer is not tested"
    expected = [("sample 1 is in the training data (A) too, 1 as its sample 3", "B", hint)]
    assert error(check_split, train, make_frames(mixed, fresh.starts, fresh.labels, "B")) == expected
    assert error(check_split, train, make_frames(mixed, fresh.starts, fresh.labels, "B"), True) == expected
    assert error(check_split, train, train, True)[0][0].startswith("4 samples, such as 0, are in the training data")
    check_split(train, fresh)


def test_every_mistake_of_a_split_at_once() -> None:
    train = make_frames(np.ones((4, 3)), np.arange(4), ["a", "a", "a", "b"], "A", ["x"] * 4)
    test = make_frames(np.ones((2, 3)), np.arange(2), ["a", "c"], "B", ["x", "y"])
    assert [what for what, _, _ in error(check_split, train, test)] == [
        "class 'c' of the test data is not in the training data (A)",
        "class 'b' has a single sample",
        "every channel is constant (0, 1, 2): there is nothing to learn from",
        "'x' of the test data is in the training data (A) too",
        "2 samples, such as 0, are in the training data (A) too, 0 as its sample 0",
    ]


def test_constant_channels_are_named_and_no_mistake_while_others_vary() -> None:
    values = np.array([[1.0, 5.0, 0.0], [2.0, 5.0, 0.0], [1.0, 5.0, 0.0], [2.5, 5.0, 0.0]])
    data = make_frames(values, np.arange(4), ["a", "b", "a", "b"])
    assert constant_channels(data) == (1, 2)
    check_labels(data)
    one = make_frames(values, np.arange(4), ["a"] * 4)
    assert error(check_labels, one) == [
        ("all samples are of class 'a'", "data", "give at least two classes to tell apart")
    ]


def test_copies_do_not_make_a_class_of_one_two() -> None:
    copied = Frames(np.arange(8.0)[:, None], np.arange(8), tuple("aabbaabc"), origin=np.array([0, 1, 2, 3, 0, 1, 2, 7]))
    assert error(check_labels, copied)[0][0] == "class 'c' has a single sample"
    twice = Frames(np.arange(4.0)[:, None], np.arange(4), tuple("aabb"), origin=np.array([0, 1, 2, 2]))
    assert error(check_labels, twice)[0][0] == "class 'b' has a single sample"


def test_a_subset_is_its_samples() -> None:
    data = Frames(
        FLAT[[0, 1, 2, 3, 4, 5]], [0, 2, 3], LABELS, "x", ("g", "h", "g"), np.array([0, 1, 0]), np.array([5, 6, 5])
    )
    got = subset(data, np.array([False, True, True]))
    assert got.frames.tolist() == FLAT[2:].tolist()
    assert (got.starts.tolist(), got.labels, got.groups, got.source) == ([0, 1], ("b", "a"), ("h", "g"), "x")
    assert (got.origin.tolist(), got.digests.tolist()) == ([0, 1], [6, 5])
    assert subset(data, [0, 2]).origin.tolist() == [0, 0]
    with pytest.raises(ValueError, match="at least one"):
        subset(data, [])


# --- sound ----------------------------------------------------------------------------------------------------------

SOUND = np.arange(-4, 6, dtype=np.int16)
UTTERANCES = {
    "audio": SOUND,
    "length": [4, 6],
    "digit": [3, 3],
    "speaker": ["ann", "bob"],
    "take": [0, 9],
    "rate": 8000,
}


def test_audio_npz(tmp_path: Path) -> None:
    got = load_raw(npz(tmp_path, **UTTERANCES))
    assert isinstance(got, Audio)
    assert (got.sound.tolist(), got.sound.dtype, got.starts.tolist(), got.rate) == (
        SOUND.tolist(),
        np.int16,
        [0, 4],
        8000,
    )
    assert (got.labels, got.groups, got.takes.tolist()) == (("3", "3"), ("ann", "bob"), [0, 9])
    bare = load_raw(npz(tmp_path, audio=SOUND / 7, length=[10], rate=[44100.0], labels=["x"], groups=["y"]))
    assert (bare.labels, bare.groups, len(bare.takes), bare.rate) == (("x",), ("y",), 0, 44100)
    assert bare.sound.tolist() == (SOUND / 7).tolist()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rate": None}, [("rate is missing", "write how many values a second has, in Hz")]),
        (
            {"length": [4, 5], "rate": -1, "take": [0], "digit": [1]},
            [
                ("rate is [-1]", "write how many values a second has, in Hz"),
                ("lengths sum to 9, but audio has 10 values", "write how many values each utterance has"),
                ("there are 1 labels for 2 samples", "write one label a sample, or none at all"),
                ("there are 1 takes for 2 samples", "write a whole number for each, or none at all"),
            ],
        ),
        (
            {"audio": SOUND.astype(np.int32), "length": [4.0, 6.0]},
            [
                ("audio is int32 of shape [10]", "write int16 or floats [t], all end to end"),
                ("length: float64 values are no integers", "write how many values each utterance has"),
            ],
        ),
        ({"audio": np.full(10, np.nan)}, [("audio has 10 values that are not finite", "write finite numbers")]),
    ],
)
def test_bad_audio_npz(tmp_path: Path, changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    arrays = {name: value for name, value in {**UTTERANCES, **changes}.items() if value is not None}
    path = npz(tmp_path, **arrays)
    assert error(load_raw, path) == [(what, str(path), hint) for what, hint in expected]


def wav(file: Path, sound: Any = SOUND, rate: int = 8000, subtype: str = "PCM_16") -> None:
    pytest.importorskip("soundfile").write(file, np.asarray(sound), rate, subtype=subtype)


def test_a_folder_of_wav_files(tmp_path: Path) -> None:
    wav(tmp_path / "3_ann_0.wav", SOUND[:4])
    wav(tmp_path / "3_bob_9.WAV", SOUND[4:])
    (tmp_path / "README").touch()
    pattern = r"(?P<label>\d)_(?P<group>\w+)_(?P<take>\d)\.(wav|WAV)"
    got, same_again = load_raw(tmp_path, pattern), load_raw(npz(tmp_path, **UTTERANCES))
    assert isinstance(got, Audio)
    for name in ("sound", "starts", "takes"):
        assert getattr(got, name).tolist() == getattr(same_again, name).tolist()
    assert (got.labels, got.groups, got.rate) == (same_again.labels, same_again.groups, same_again.rate)
    assert digests(got).tolist() == digests(same_again).tolist()
    (tmp_path / "3_bob_9.WAV").unlink()
    assert load_raw(tmp_path).groups == ("ann",)
    assert load_raw(tmp_path, r"(?P<label>\d).*").groups == ()
    wav(tmp_path / "4_ann_1.wav", [0.25, -0.5], subtype="FLOAT")
    assert load_raw(tmp_path).sound.tolist() == [*(SOUND[:4] / 32768).tolist(), 0.25, -0.5]


def test_bad_wav_files_are_all_named(tmp_path: Path) -> None:
    wav(tmp_path / "0_ann_0.wav")
    wav(tmp_path / "1_ann_0.wav", rate=16000)
    wav(tmp_path / "2_ann_0.wav", np.zeros((5, 2)))
    wav(tmp_path / "3_ann_0.wav", [])
    wav(tmp_path / "4.wav")
    (tmp_path / "5_ann_0.wav").write_text("no sound")
    told = error(load_raw, tmp_path)
    assert [(Path(where).name, what) for what, where, _ in told[:4]] == [
        ("1_ann_0.wav", "it has 16000 values a second, 0_ann_0.wav has 8000"),
        ("2_ann_0.wav", "it has 2 channels"),
        ("3_ann_0.wav", "it holds no sound"),
        ("4.wav", r"its name does not follow (?P<label>[^_]+)_(?P<group>[^_]+)_(?P<take>\d+)\.(wav|flac)"),
    ]
    assert told[4][0].startswith("it cannot be read: ")
    assert len(told) == 5


def test_wav_files_that_are_not_what_they_say(tmp_path: Path) -> None:
    wav(tmp_path / "0_ann_0.wav")
    wav(tmp_path / "1_ann_0.wav", np.zeros(4000))
    content = (tmp_path / "1_ann_0.wav").read_bytes()
    (tmp_path / "1_ann_0.wav").write_bytes(content[:1044])
    wav(tmp_path / "2_ann_0.wav", SOUND * 1.0, subtype="FLOAT")
    wav(tmp_path / "3_ann_0.wav", np.zeros(4000), subtype="MS_ADPCM")
    (tmp_path / "4_ann_0.wav").write_bytes(content[:40] + (1 << 31).to_bytes(4, "little") + content[44:])
    (tmp_path / "5_ann_0.wav").write_bytes(content[:30])
    assert [(Path(where).name[0], what.partition(",")[0]) for what, where, _ in error(load_raw, tmp_path)] == [
        ("1", "it was cut off: it has 1000 bytes of sound"),
        ("2", f"its values reach {np.abs(SOUND).max():g}"),
        ("3", "its sound is compressed (Microsoft ADPCM)"),
        ("4", "it was cut off: it has 8000 bytes of sound"),
        ("5", "it has no sound: it was cut off"),
    ]


def test_sound_of_an_npz_beyond_its_range(tmp_path: Path) -> None:
    told = error(load_raw, npz(tmp_path, **{**UTTERANCES, "audio": UTTERANCES["audio"] * 1.0}))
    assert told[0][0].startswith("audio reaches ")


def test_a_library_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0_a_0.wav").touch()
    monkeypatch.setitem(sys.modules, "soundfile", None)
    [(what, where, hint)] = error(load_raw, tmp_path)
    assert what.endswith("read with soundfile, which is not installed")
    assert (where, hint) == (str(tmp_path / "0_a_0.wav"), "pip install 'lsm-deploy[audio]'")


STEREO = np.stack([SOUND, np.roll(SOUND, 1)], axis=1)


def test_flac_is_the_same_sound(tmp_path: Path) -> None:
    wav(tmp_path / "3_ann_0.wav")
    one = load_raw(tmp_path)
    (tmp_path / "3_ann_0.wav").unlink()
    wav(tmp_path / "3_ann_0.flac")
    same_again = load_raw(tmp_path)
    assert isinstance(one, Audio)
    assert isinstance(same_again, Audio)
    assert one.sound.dtype == same_again.sound.dtype == np.int16
    assert one.sound.tolist() == same_again.sound.tolist() == SOUND.tolist()
    assert (one.labels, one.groups, one.rate) == (same_again.labels, same_again.groups, same_again.rate)
    assert (one.ids, same_again.ids) == (("3_ann_0.wav",), ("3_ann_0.flac",))


def test_a_flac_file_that_was_cut_off(tmp_path: Path) -> None:
    wav(tmp_path / "3_ann_0.flac", np.random.default_rng(0).integers(-99, 99, 40000).astype(np.int16))
    content = (tmp_path / "3_ann_0.flac").read_bytes()
    (tmp_path / "3_ann_0.flac").write_bytes(content[: len(content) // 2])
    [(what, *_)] = error(load_raw, tmp_path)
    assert what.startswith(("it was cut off", "it cannot be read"))


def test_what_would_be_passed_over_is_refused(tmp_path: Path) -> None:
    wav(tmp_path / "3_ann_0.wav")
    (tmp_path / "4_ann_0.mp3").write_bytes(b"ID3")
    [(what, where, _)] = error(load_raw, tmp_path)
    assert (what, where) == ("what it sounds like depends on its decoder", str(tmp_path / "4_ann_0.mp3"))


def test_a_folder_of_each_class(tmp_path: Path) -> None:
    for name in ("yes/a_nohash_0.wav", "yes/b_nohash_1.wav", "no/a_nohash_0.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        wav(tmp_path / name)
    got = load_raw(tmp_path)
    assert isinstance(got, Audio)
    assert got.labels == ("no", "yes", "yes")
    assert got.ids == ("no/a_nohash_0.flac", "yes/a_nohash_0.wav", "yes/b_nohash_1.wav")
    assert (got.groups, got.takes.tolist()) == ((), [])
    named = load_raw(tmp_path, r"(?P<group>.)_nohash_(?P<take>\d)\..*")
    assert (named.labels, named.groups) == (got.labels, ("a", "a", "b"))
    (tmp_path / "yes" / "c.wav").write_bytes((tmp_path / "yes" / "a_nohash_0.wav").read_bytes())
    [(what, where, _)] = error(load_raw, tmp_path, r"(?P<group>.)_nohash_(?P<take>\d)\..*")
    assert what.startswith("its name does not follow")
    assert where.endswith("c.wav")


def test_one_file_of_sound(tmp_path: Path) -> None:
    wav(tmp_path / "a word.wav")
    wav(tmp_path / "3_ann_0.wav")
    bare, named = load_raw(tmp_path / "a word.wav"), load_raw(tmp_path / "3_ann_0.wav")
    assert isinstance(bare, Audio)
    assert (bare.sound.tolist(), bare.labels, bare.ids) == (SOUND.tolist(), (), ("a word.wav",))
    assert (named.labels, named.groups) == (("3",), ("ann",))


def test_names_that_say_nothing_where_nothing_need_be_said(tmp_path: Path) -> None:
    wav(tmp_path / "3_ann_0.wav")
    wav(tmp_path / "a word.wav")
    got = load_raw(tmp_path, labelled=False)
    assert isinstance(got, Audio)
    assert (got.labels, got.groups, got.ids) == ((), (), ("3_ann_0.wav", "a word.wav"))


def test_channels_are_mixed_where_that_is_asked_for(tmp_path: Path) -> None:
    wav(tmp_path / "3_ann_0.wav", STEREO)
    wav(tmp_path / "3_bob_0.wav")
    mixed = (STEREO / 32768).mean(axis=1)
    assert error(load_raw, tmp_path)[0][0] == "it has 2 channels"
    got = load_raw(tmp_path, mono=True)
    assert isinstance(got, Audio)
    assert got.sound.tolist() == [*mixed.tolist(), *(SOUND / 32768).tolist()]
    arrays = {**UTTERANCES, "audio": STEREO}
    assert "mixed by `data: {mono: true}`" in error(load_raw, npz(tmp_path, **arrays))[0][2]
    of_arrays = load_raw(npz(tmp_path, **arrays), mono=True)
    assert isinstance(of_arrays, Audio)
    assert of_arrays.sound.tolist() == mixed.tolist()


@pytest.mark.parametrize(
    ("rate", "wanted", "words"),
    [
        (8000, 8000.5, "both have to be whole"),
        (2**31 - 1, 8000.0, "takes too long a filter"),
        (1, 1e6, "at most 134217728 are made"),
    ],
)
def test_rates_that_nobody_meant_take_no_memory(tmp_path: Path, rate: int, wanted: float, words: str) -> None:
    wav(tmp_path / "3_ann_0.wav", np.tile(SOUND, 200), rate)
    [(what, _, _)] = error(lambda path: load_raw(path, rate_hz=wanted), tmp_path)
    assert what.endswith(words)


@pytest.mark.parametrize("many", [0, (1 << 36) - 1])
def test_a_header_of_flac_is_not_trusted(tmp_path: Path, many: int) -> None:
    """It has 36 bits for how many values there are, 0 where nobody knows; memory for so many was asked for."""
    file = tmp_path / "3_ann_0.flac"
    wav(file, np.zeros(500_000, np.int16))
    assert load_raw(file).sound.size == 500_000  # type: ignore[union-attr]
    content = bytearray(file.read_bytes())
    content[21] = content[21] & 0xF0 | many >> 32
    content[22:26] = (many & 0xFFFFFFFF).to_bytes(4, "big")
    file.write_bytes(content)
    [(what, _, _)] = error(load_raw, file)
    assert what == "its header does not say how many values it has, or more than fit into it"


def test_each_file_is_resampled_where_that_is_asked_for(tmp_path: Path) -> None:
    """A tone stays the tone, at the rate that is wanted, whatever rate its file had."""
    seconds, hz = 0.5, 440.0
    for rate in (8000, 11025, 44100):
        wav(tmp_path / f"a_{rate}_0.wav", 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate), rate)
    assert error(load_raw, tmp_path)[0][2] == "set `data: {resample: true}`"
    got = load_raw(tmp_path, rate_hz=16000.0)
    assert isinstance(got, Audio)
    assert got.rate == 16000
    wanted = 0.5 * np.sin(2 * np.pi * hz * np.arange(8000) / 16000)
    for sound in np.split(got.sound, got.starts[1:]):
        assert abs(len(sound) - 8000) <= 2
        assert np.abs(sound[200:7800] - wanted[200:7800]).max() < 2e-3
    same_rate = load_raw(tmp_path / "a_8000_0.wav", rate_hz=8000.0)
    assert isinstance(same_rate, Audio)
    assert same_rate.sound.dtype == np.int16  # as it is
    lengths = [len(sound) for sound in np.split(got.sound, got.starts[1:])]
    rates = {
        "audio": np.zeros(1500),
        "length": [1000, 500],
        "rate": 8000,
        "take": [0, 1],
        "digit": [3, 3],
        "speaker": [1, 1],
    }
    of_arrays = load_raw(npz(tmp_path, **rates), rate_hz=16000.0)
    assert isinstance(of_arrays, Audio)
    assert (of_arrays.rate, of_arrays.starts.tolist(), len(of_arrays.sound)) == (16000, [0, 2000], 3000), lengths
    [(what, *_)] = error(load_raw, npz(tmp_path, **{**rates, "rate": 360.5}), rate_hz=16000.0)
    assert what == "360.5 values a second cannot be made 16000: both have to be whole"


# --- heart beats ----------------------------------------------------------------------------------------------------

AT = {"r1": [100, 300, 500, 720, 900], "r2": [50, 260]}
ONSETS = {"r1": ([300, 700], [1, 3]), "r2": ([], [])}


def beat_arrays() -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for record, at in AT.items():
        arrays[f"{record}_beats"] = np.diff(at, prepend=0).astype(np.int32)
        arrays[f"{record}_onset"], arrays[f"{record}_rhythm"] = (np.array(a, np.int32) for a in ONSETS[record])
    return arrays


def same_beats(got: Any) -> None:
    assert isinstance(got, Beats)
    assert got.beats.tolist() == AT["r1"] + AT["r2"]
    assert (got.starts.tolist(), got.groups, got.rate) == ([0, 5], ("r1", "r2"), 250)
    assert [got.rhythms[i] for i in got.rhythm] == ["N", "AFIB", "AFIB", "J", "J", "N", "N"]


def test_beats_npz(tmp_path: Path) -> None:
    same_beats(load_raw(npz(tmp_path, **beat_arrays())))
    assert load_raw(npz(tmp_path, **beat_arrays(), rate=128)).rate == 128
    part = subset(load_raw(npz(tmp_path, **beat_arrays())), [1])
    assert (part.beats.tolist(), part.groups) == (AT["r2"], ("r2",))


def test_a_record_is_the_same_whenever_it_began_and_however_it_is_annotated() -> None:
    def record(at: list[int], rhythm: int) -> Beats:
        return Beats(np.array(at), [0], 250.0, np.full(len(at), rhythm), ("N", "AFIB"), ("r",))

    first, later, other = record([10, 50, 99], 0), record([110, 150, 199], 1), record([10, 51, 99], 0)
    assert digests(first).tolist() == digests(later).tolist() != digests(other).tolist()


def test_bad_beats_npz(tmp_path: Path) -> None:
    arrays = beat_arrays() | {"r1_beats": np.array([5, 3, -2]), "r1_rhythm": np.array([1, 9, 0])} | {"rate": 0}
    del arrays["r2_onset"]
    path = npz(tmp_path, **arrays, r3_beats=[], r3_onset=[5, 2], r3_rhythm=[0, 0])
    assert [(what, where.removeprefix(str(path))) for what, where, _ in error(load_raw, path)] == [
        ("beat 2 comes 2 samples before the one it follows", ": record 'r1'"),
        ("there are 2 onsets for 3 rhythms", ": record 'r1'"),
        ("rhythm: entry 1 is 9, not 0 to 3", ": record 'r1'"),
        ("onset is no list of whole numbers", ": record 'r2'"),
        ("there are no beats", ": record 'r3'"),
        ("onset: entry 1 is 2 after 5: they must not descend", ": record 'r3'"),
        ("rate is 0", ""),
    ]


def wfdb_record(folder: Path, record: str, separate: bool = True) -> None:
    """As the MIT-BIH Atrial Fibrillation Database has them: rhythms in .atr, beats in .qrs, the rate in .hea."""
    wfdb = pytest.importorskip("wfdb")
    onset, rhythm = ONSETS[record]
    names = ["(" + ["N", "AFIB", "AFL", "J"][code] for code in rhythm]
    marks = [(t, "+", name) for t, name in zip(onset, names, strict=True)] or [(1, "+", "(N")]
    beats = [(t, "N", "") for t in AT[record]] + [(AT[record][0] + 7, "|", "")]  # an artefact is no beat
    for extension, rows in (("atr", marks), ("qrs", beats)) if separate else (("atr", marks + beats),):
        samples, symbols, notes = zip(*sorted(rows), strict=True)
        wfdb.wrann(record, extension, np.array(samples), list(symbols), aux_note=list(notes), write_dir=str(folder))
    (folder / f"{record}.hea").write_text(f"{record} 0 250 1000\n")


@pytest.mark.parametrize("separate", [True, False])
def test_a_folder_of_wfdb_annotations(tmp_path: Path, separate: bool) -> None:
    for record in AT:
        wfdb_record(tmp_path, record, separate)
    same_beats(load_raw(tmp_path))


def test_bad_wfdb_annotations(tmp_path: Path) -> None:
    for record in AT:
        wfdb_record(tmp_path, record)
    (tmp_path / "r1.atr").unlink()
    (tmp_path / "r2.hea").unlink()
    (tmp_path / "r3.atr").write_bytes(b"123")
    told = error(load_raw, tmp_path)
    assert told[:2] == [
        ("there is no r1.atr", f"{tmp_path}: record 'r1'", "put the rhythms beside the beats"),
        ("nothing says how many samples a second has", f"{tmp_path}: record 'r2'", "put its .hea beside its .atr"),
    ]
    assert told[2][0].startswith("the annotations cannot be read: ")
    assert len(told) == 3


def test_other_rhythms_keep_their_names(tmp_path: Path) -> None:
    wfdb_record(tmp_path, "r2")
    wfdb = pytest.importorskip("wfdb")
    wfdb.wrann("r2", "atr", np.array([60]), ["+"], aux_note=["(SVTA"], write_dir=str(tmp_path))
    got = load_raw(tmp_path)
    assert [got.rhythms[i] for i in got.rhythm] == ["N", "SVTA"]


def test_one_record_of_a_folder(tmp_path: Path) -> None:
    for record in AT:
        wfdb_record(tmp_path, record, True)
    every = load_raw(tmp_path)
    for ending in (".atr", ".qrs", ".hea"):
        one = load_raw(tmp_path / f"r2{ending}")
        assert isinstance(one, Beats)
        assert (one.beats.tolist(), one.groups, one.rate) == (AT["r2"], ("r2",), every.rate)
    assert error(load_raw, tmp_path / "r9.hea")[0][0] == "cannot read: No such file or directory"
    (tmp_path / "r9.hea").write_text("r9 1 250 10\n")
    assert error(load_raw, tmp_path / "r9.hea")[0][0] == "the record has no annotations here"


def test_a_folder_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert error(load_raw, tmp_path) == [
        (
            "the folder holds neither sound (.wav, .flac), tables (.csv) nor WFDB annotations; here are .txt",
            str(tmp_path),
            "check the path",
        )
    ]


# --- events, through tonic ------------------------------------------------------------------------------------------


def shd(root: Path) -> None:
    """Spiking Heidelberg Digits, as tonic unpacks it, with two short recordings a part."""
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("tonic")
    (root / "SHD").mkdir()
    for part, speakers in (("train", [1, 2]), ("test", [3, 3])):
        (root / "SHD" / f"shd_{part}.h5.zip").touch()  # only that it is there is looked at
        with h5py.File(root / "SHD" / f"shd_{part}.h5", "w") as file:
            for name, kind, rows in (
                ("times", np.float16, [[0.0, 0.25, 0.5], [0.125]]),
                ("units", np.uint16, [[0, 699, 3], [speakers[0]]]),
            ):
                rows = [np.array(row, kind) for row in rows]
                ragged = file.create_dataset(f"spikes/{name}", (2,), h5py.vlen_dtype(kind))
                for i, row in enumerate(rows):
                    ragged[i] = row
            file["labels"] = np.array([4, 17], np.uint16)
            file["extra/speaker"] = np.array(speakers)
            file["extra/keys"] = [b"zero", b"one"]


def test_a_tonic_data_set(tmp_path: Path) -> None:
    shd(tmp_path)
    train, test = load_data(Data(dataset="tonic:SHD", root=tmp_path))
    assert isinstance(train, Events)
    assert (train.t_us.tolist(), train.x.tolist()) == ([0, 250000, 500000, 125000], [0, 699, 3, 1])
    assert (train.starts.tolist(), train.labels, train.groups) == ([0, 3], ("4", "17"), ("1", "2"))
    assert (train.sensor, train.p.tolist(), train.y.tolist()) == ((700, 1, 1), [0] * 4, [0] * 4)
    assert (test.groups, test.x[-1]) == (("3", "3"), 3)


def test_tonic_events_with_pixels_and_polarities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("tonic.datasets")
    # N-MNIST: of each event x, y, and a bit of polarity before 23 of time, in 5 bytes. tonic wants 10,000 such files.
    monkeypatch.setattr(datasets.NMNIST, "_check_exists", lambda self: True)
    for part in ("Train", "Test"):
        for label, event in (("3", (33, 7, 1 << 23 | 1000)), ("5", (2, 3, 1 << 17))):
            folder = tmp_path / "NMNIST" / part / label
            folder.mkdir(parents=True)
            (folder / "0.bin").write_bytes(bytes(event[:2]) + event[2].to_bytes(3, "big"))
    train, test = load_data(Data(dataset="tonic:NMNIST", root=tmp_path))
    for data in (train, test):
        assert (data.t_us.tolist(), data.x.tolist(), data.y.tolist()) == ([1000, 1 << 17], [33, 2], [7, 3])
        assert (data.p.tolist(), data.sensor, data.labels, data.groups) == ([1, 0], (34, 34, 2), ("3", "5"), ())
    assert error(check_split, train, test)[1][0].startswith("2 samples, such as 0, are in the training data")


def test_events_off_the_sensor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("tonic.datasets")
    monkeypatch.setattr(datasets.NMNIST, "_check_exists", lambda self: True)
    inside, outside = bytes((3, 7)) + (1000).to_bytes(3, "big"), bytes((40, 7)) + (2000).to_bytes(3, "big")
    for part in ("Train", "Test"):
        for label, events in (("3", inside), ("5", inside + outside + inside)):
            (tmp_path / "NMNIST" / part / label).mkdir(parents=True)
            (tmp_path / "NMNIST" / part / label / "0.bin").write_bytes(events)
    assert error(load_data, Data(dataset="tonic:NMNIST", root=tmp_path)) == [
        (
            "event 1 of recording 1 is at x 40, y 7, off the sensor of 34 x 34",
            "NMNIST train",
            "set `data: {drop_outside: true}` to leave out such events",
        )
    ]
    with pytest.warns(LsmWarning, match="NMNIST t.*: 1 events off the sensor are dropped"):
        train, _ = load_data(Data(dataset="tonic:NMNIST", root=tmp_path, drop_outside=True))
    assert (train.starts.tolist(), train.x.tolist()) == ([0, 1], [3, 3, 3])


def test_tonic_data_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("tonic.datasets")

    def offline(_: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(datasets.SHD, "download", offline)
    assert error(load_dataset, "tonic:SHD", tmp_path) == [
        (
            "tonic cannot read or download it: no network",
            "SHD train",
            f"put the data below {tmp_path / 'SHD'} as tonic lays them out, or try again",
        )
    ]
    where = "data set 'tonic:NMIST'"
    assert error(load_dataset, "tonic:NMIST", tmp_path) == [
        ("tonic has no data set 'NMIST'", where, "did you mean 'NMNIST'?")
    ]
    assert error(load_dataset, "tonic:ASLDVS", tmp_path)[0][0].startswith("tonic does not divide it")
    monkeypatch.setitem(sys.modules, "tonic.datasets", None)
    assert error(load_dataset, "tonic:SHD", tmp_path)[0][2] == "pip install 'lsm-deploy[events]'"


# --- splits ---------------------------------------------------------------------------------------------------------


def spoken(samples: int = 40) -> Audio:
    """Utterances of 1 to 4 values that number them; ten words by four speakers of unequal diligence."""
    many = np.arange(samples) % 4 + 1
    groups = tuple("aaaaabbbcd"[i % 10] for i in range(samples))
    labels = tuple(str(i % 5) for i in range(samples))
    sound = np.repeat(np.arange(samples, dtype=np.int16), many)
    return Audio(sound, np.cumsum(many) - many, 8000.0, labels, "said", groups, np.arange(samples) % 8)


def members(part: Any) -> list[int]:
    return [int(part.sound[start]) for start in part.starts]


@pytest.mark.parametrize(
    ("how", "names"),
    [
        ("official", ["official"]),
        ("leave-one-group-out", ["a", "b", "c", "d"]),
        ("group-folds=3", ["fold 1", "fold 2", "fold 3"]),
        ("folds=5", [f"fold {i}" for i in range(1, 6)]),
    ],
)
def test_splits_divide_the_samples(how: str, names: list[str]) -> None:
    data = spoken()
    found = list(splits(data, how, seed=3))
    assert [name for name, _, _ in found] == names
    for name, train, test in found:
        assert sorted(members(train) + members(test)) == list(range(40))
        assert train.labels == tuple(data.labels[i] for i in members(train))
        check_split(train, test, shared_groups=how in ("official", "folds=5"))
        if how == "leave-one-group-out":
            assert set(test.groups) == {name}
        if how == "official":
            assert (set(test.takes), set(train.takes)) == ({0, 1, 2, 3, 4}, {5, 6, 7})
        if how == "folds=5":
            assert {test.labels.count(str(c)) for c in range(5)} <= {1, 2}  # 8 of each, in 5 folds
    if how != "official":
        assert sorted(i for _, _, test in found for i in members(test)) == list(range(40))
    if how == "group-folds=3":
        assert sorted(len(test.starts) for _, _, test in found) == [8, 12, 20]  # c and d together
    again = list(splits(data, how, seed=3))
    assert [members(test) for _, _, test in again] == [members(test) for _, _, test in found]


def test_the_seed_shuffles_folds() -> None:
    first, other = (members(next(splits(spoken(), "folds=5", seed))[2]) for seed in (1, 2))
    assert first != other


def test_folds_of_records_are_even_in_beats(tmp_path: Path) -> None:
    many = [60, 10, 10, 10, 10, 10, 50]
    beats = np.concatenate([np.arange(n) * 200 for n in many])
    data = Beats(beats, np.cumsum(many) - many, 250.0, np.zeros(160), ("N",), tuple("abcdefg"))
    assert sorted(len(test.beats) for _, _, test in splits(data, "group-folds=2")) == [80, 80]


def test_copies_stay_with_their_original() -> None:
    origin = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    data = Frames(np.arange(8.0)[:, None], np.arange(8), tuple("aabbaabb"), origin=origin)
    for _, train, test in splits(data, "folds=2"):
        assert {int(x) % 4 for x in train.frames[:, 0]} & {int(x) % 4 for x in test.frames[:, 0]} == set()
        assert (train.samples, test.samples) == (4, 4)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("official", "no take is known"),
        ("folds=1", "there is no split 'folds=1'"),
        ("loso", "there is no split 'loso'"),
        ("folds=5", "there are 4 samples for 5 folds"),
        ("leave-one-group-out", "there are 0 groups, leave-one-group-out needs at least 2"),
        ("group-folds=3", "there are 0 groups, group-folds=3 needs at least 3"),
    ],
)
def test_a_split_that_cannot_be(how: str, what: str) -> None:
    (told,) = error(lambda: list(splits(labelled(0, "A"), how)))
    assert told[:2] == (what, "A")
    assert ("say whose each sample is (`groups` of an .npz" in told[2]) == ("0 groups" in what)
    early = Audio(np.zeros(2), [0, 1], 1.0, takes=[0, 4])
    assert error(lambda: list(splits(early, "official")))[0][0] == "all takes are test data"


# --- the files that others exist of ---------------------------------------------------------------------------------

SHARED = Path(__file__).parents[2] / "shared" / "data"


def shared(name: str) -> Any:
    if not (SHARED / name).exists():
        pytest.skip(f"there is no {name}")
    return load_raw(SHARED / name)


def test_spoken_digits_and_their_official_split() -> None:
    data = shared("fsdd.npz")
    assert (len(data.starts), data.rate, len(data.sound)) == (2000, 8000, 6784910)
    assert sorted(set(data.groups)) == ["george", "jackson", "nicolas", "theo"]
    [(_, train, test)] = splits(data, "official")
    assert (len(train.starts), len(test.starts)) == (1800, 200)
    assert [test.labels.count(str(digit)) for digit in range(10)] == [20] * 10


def test_heart_beats_by_record() -> None:
    data = shared("afdb_beats.npz")
    assert (len(data.groups), data.rate) == (20, 250)
    assert data.rhythms == ("N", "AFIB", "AFL", "J")
    folds = [len(test.beats) for _, _, test in splits(data, "group-folds=5")]
    assert sum(folds) == len(data.beats)
    assert max(folds) < 1.02 * min(folds)


def test_recordings_without_an_event_are_no_leak() -> None:
    nothing = np.zeros(0, np.int64)

    def silent(source: str) -> Events:
        return Events(nothing, nothing, nothing, nothing, np.zeros(2, np.int64), (2, 2, 1), ("a", "b"), source)

    train = Events([0, 9], [0, 1], [0, 0], [0, 0], [0, 1, 2, 2], (2, 2, 1), ("a", "b", "a", "b"), "train")
    check_split(train, silent("test"))
