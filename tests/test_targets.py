"""Targets of frames: what is read, that they go where their frames go, and what every bad one is told."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_data import error, npz, text

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import (
    Frames,
    check_labels,
    check_split,
    check_targets,
    digests,
    load_data,
    load_frames,
    load_raw,
    make_frames,
    splits,
    subset,
)
from lsm_deploy.report.files import report_file
from lsm_deploy.spec.read import load_text
from lsm_deploy.spec.schema import Data

FRAMES = np.array([[0.0, 1.5], [2.0, -3.0], [4.0, 5.0], [6.0, 7.0], [8.0, 9.0], [10.0, 0.1]])
TARGETS = np.array([[1.0], [0.5], [-2.0], [3.0], [4.5], [0.0]])
STARTS = np.array([0, 2, 3])
WRITE = (
    "give an array `targets` [frame, output], or columns of a CSV that `data: {targets: [...]}` names;"
    " `readout: {target: signal}` predicts the input itself"
)


def made(targets: Any = TARGETS, source: str = "data", **more: Any) -> Frames:
    return make_frames(FRAMES, STARTS, source=source, targets=targets, **more)


# --- what is read --------------------------------------------------------------------------------------------------


def test_npz(tmp_path: Path) -> None:
    got = load_frames(npz(tmp_path, frames=FRAMES, starts=STARTS, targets=TARGETS, target_names=["level"]))
    assert (got.targets.tolist(), got.target_names, got.outputs) == (TARGETS.tolist(), ("level",), 1)
    assert (got.labels, got.channels) == ((), 2)
    plain = load_frames(npz(tmp_path, frames=FRAMES, lengths=[2, 1, 3], targets=TARGETS.astype(np.float32)))
    assert (plain.targets.tolist(), plain.target_names, plain.targets.dtype) == (TARGETS.tolist(), (), np.float64)
    none = load_frames(npz(tmp_path, frames=FRAMES, starts=STARTS))
    assert (none.targets.shape, none.outputs) == ((0, 0), 0)


def test_npz_padded(tmp_path: Path) -> None:
    frames, targets = np.full((3, 3, 2), np.nan), np.full((3, 3, 1), np.nan)
    for i, (start, many) in enumerate(zip(STARTS, [2, 1, 3], strict=True)):
        frames[i, :many], targets[i, :many] = FRAMES[start : start + many], TARGETS[start : start + many]
    got = load_frames(npz(tmp_path, frames=frames, targets=targets, lengths=[2, 1, 3]))
    assert (got.frames.tolist(), got.targets.tolist()) == (FRAMES.tolist(), TARGETS.tolist())
    assert error(load_frames, npz(tmp_path, frames=frames, targets=targets[:, :2], lengths=[2, 1, 3])) == [
        (
            "targets have shape [3, 2, 1], frames [3, 3, 2]",
            str(tmp_path / "d.npz"),
            "write targets [sample, frame, output], padded as the frames are",
        )
    ]


def test_csv_columns_are_targets_and_no_channels(tmp_path: Path) -> None:
    path = text(tmp_path, "sample,b,x,a\n0,1,2,3\n0,4,5,6\n1,7,8,9\n")
    for got in (load_frames(path, ("a", "b")), load_data(Data(train=path, test=path, targets=("a", "b")))[1]):
        assert isinstance(got, Frames)
        assert (got.names, got.frames.tolist()) == (("x",), [[2], [5], [8]])
        assert (got.target_names, got.targets.tolist()) == (("a", "b"), [[3, 1], [6, 4], [9, 7]])
        assert got.starts.tolist() == [0, 2]


def test_a_column_called_target_may_be_one(tmp_path: Path) -> None:
    path = text(tmp_path, "sample,x,target\n0,1,2\n")
    [(what, _, hint)] = error(load_frames, path)
    assert what == "there is a column 'target' and none is called 'label'"
    assert "`data: {targets: [target]}`" in hint
    assert load_raw(path, targets=["target"]).targets.tolist() == [[2]]


def test_inspect_says_how_many() -> None:
    report = report_file(made(target_names=["level"]))
    assert (report.facts["outputs"], report.facts["target_names"]) == (1, ["level"])
    assert report.blocks[0].text.endswith("3 samples of 1 to 3 values, 1 target")


# --- they go where their frames go ---------------------------------------------------------------------------------


def test_subsets_copies_and_splits_keep_them() -> None:
    data = made(target_names=["level"])
    part = subset(data, [0, 2])
    assert (part.targets.ravel().tolist(), part.target_names) == ([1.0, 0.5, 3.0, 4.5, 0.0], ("level",))
    assert subset(make_frames(FRAMES, STARTS), [1]).targets.shape == (0, 0)
    for _, train, test in splits(replace(data, groups=("a", "b", "c")), "leave-one-group-out"):
        assert (len(train.targets), len(test.targets)) == (len(train.frames), len(test.frames))
    again = pickle.loads(pickle.dumps(data))
    assert (again.targets.tolist(), again.target_names) == (TARGETS.tolist(), ("level",))
    with pytest.raises(ValueError, match="read-only"):
        again.targets[0, 0] = 1


def test_the_same_recording_is_the_same_whatever_is_to_be_predicted() -> None:
    assert digests(made()).tolist() == digests(made(TARGETS + 1)).tolist()
    assert error(check_split, made(), made(TARGETS + 1, "other"), False, "targets")[0][0].startswith("3 samples, such")


@pytest.mark.parametrize(
    "changed",
    [
        {"targets": np.full((6, 1), np.nan)},
        {"targets": np.zeros((5, 1))},
        {"targets": np.zeros(6)},
        {"targets": np.zeros((6, 0))},
        {"target_names": ("a", "b")},
    ],
)
def test_an_illegal_value_is_not_built(changed: Any) -> None:
    with pytest.raises(ValueError, match="targets"):
        replace(made(), **changed)


# --- what is refused, and with which words -------------------------------------------------------------------------

NAN = TARGETS.copy()
NAN[4, 0], NAN[5, 0] = np.nan, np.inf
FINITE = (
    "write finite numbers; where NaN pads short samples, cut it off; a readout's `washout` passes over first frames"
)


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"targets": NAN}, [("sample 2, frame 1, target 0 is nan (and 1 more values)", FINITE)]),
        (
            {"targets": NAN, "frames": FRAMES * np.nan},
            [
                (
                    "sample 0, frame 0, channel 0 is nan (and 11 more values)",
                    "write finite numbers; where NaN pads short samples, cut it off, or give lengths",
                ),
                ("sample 2, frame 1, target 0 is nan (and 1 more values)", FINITE),
            ],
        ),
        (
            {"targets": TARGETS[:3]},
            [
                (
                    "there are 3 targets for 6 frames",
                    "write one row of targets a frame, and one of a whole sample in each of its frames",
                )
            ],
        ),
        (
            {"targets": TARGETS.astype(str), "labels": ["a", "b"]},
            [
                ("targets hold <U32 values, not numbers", "write floats"),
                ("there are 2 labels for 3 samples", "write one label a sample, or none at all"),
                (
                    "there are labels and targets, and one thing is learnt",
                    "leave out the labels, or the targets",
                ),
            ],
        ),
        (
            {"targets": TARGETS[:, 0]},
            [("targets have shape [6], not [frame, output]", "put time first, then outputs")],
        ),
        (
            {"targets": TARGETS[:, :0]},
            [("targets have shape [6, 0]: there is no data", "write at least one frame of one output")],
        ),
        (
            {"targets": TARGETS, "target_names": ["a", "b"]},
            [("there are 2 names for 1 targets", "name each target, or none")],
        ),
        ({"target": TARGETS}, [("there is an array 'target'", "did you mean 'targets'?")]),
    ],
)
def test_bad_npz(tmp_path: Path, arrays: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    path = npz(tmp_path, **{"frames": FRAMES, "starts": STARTS, **arrays})
    assert error(load_frames, path) == [(what, str(path), hint) for what, hint in expected]


@pytest.mark.parametrize(
    ("header", "targets", "expected"),
    [
        (
            "sample,group,x,y",
            ("z", "levl", "group"),
            [
                ("there is no column 'z' for a target", "choose from x, y"),
                ("there is no column 'levl' for a target", "choose from x, y"),
                ("'group' is no column of values for a target", "choose from x, y"),
            ],
        ),
        (
            "sample,group,level,z",
            ("levl",),
            [("there is no column 'levl' for a target", "did you mean 'level'?")],
        ),
        (
            "sample,group,x,z",
            ("x", "z"),
            [("every column is a target, and none a channel", "leave a column to predict from")],
        ),
    ],
)
def test_bad_columns(tmp_path: Path, header: str, targets: Any, expected: list[tuple[str, str]]) -> None:
    path = text(tmp_path, f"{header}\n0,g,1,2\n")
    assert error(load_frames, path, targets) == [(what, f"{path}:1", hint) for what, hint in expected]


def test_a_column_of_text_is_no_target(tmp_path: Path) -> None:
    path = text(tmp_path, "sample,x,level\n0,1,low\n0,2,nan\n")
    hint = "write a number such as -1.5e-3"
    assert error(load_frames, path, ("level",)) == [
        ("level is 'low', not a finite number", f"{path}:2", hint),
        ("level is 'nan', not a finite number", f"{path}:3", hint),
    ]


def test_columns_of_a_file_that_has_none(tmp_path: Path) -> None:
    path = npz(tmp_path, frames=FRAMES, starts=STARTS, targets=TARGETS)
    for call in (load_frames, lambda path, targets: load_raw(path, None, targets)):
        [(what, _, hint)] = error(call, path, ("x", "y"))
        assert what == "targets name the columns 'x', 'y' of a CSV, and this is none"
        assert hint.endswith("have an array `targets` [frame, output]")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("{dataset: japanese_vowels, targets: [x]}", "targets are columns of a CSV, and a data set has its own"),
        ("{train: a.csv, test: b.csv, targets: [x, x]}", "targets name a column twice"),
    ],
)
def test_a_section_that_contradicts_itself(data: str, what: str) -> None:
    written = f"dt_ms: 1.0\nseed: 0\ninput: {{channels: 1}}\npopulations: {{}}\nprojections: []\ndata: {data}\n"
    with pytest.raises(LsmError) as caught:
        load_text(written, Path("s.yaml"))
    assert any(each.what.startswith(what) for each in caught.value.each())


def test_labels_where_targets_are_needed_and_the_other_way_round() -> None:
    labelled = make_frames(FRAMES, STARTS, ["a", "b", "a"], "labelled")
    assert error(check_targets, labelled, make_frames(FRAMES, STARTS, source="bare")) == [
        ("the samples have labels and no targets", "labelled", WRITE),
        ("the frames have no targets", "bare", WRITE),
    ]
    assert error(check_labels, made()) == [
        ("the frames have targets and no labels", "data", "write `readout: {target: targets}`"),
    ]
    check_targets(made(), made())


def test_targets_that_tell_nothing_or_differ() -> None:
    assert error(check_targets, made(), made(np.hstack([TARGETS, TARGETS]), "test", target_names=["a", "b"])) == [
        (
            "the targets are a, b, in the training data (data) 1 without names",
            "test",
            "give both parts the same targets in the same order",
        )
    ]
    still = make_frames(FRAMES * 0, STARTS, targets=TARGETS * 0)
    assert [what for what, _, _ in error(check_targets, still)] == [
        "every target is constant: there is nothing to predict",
        "every channel is constant (0, 1): there is nothing to learn from",
    ]


def test_a_signal_needs_neither_labels_nor_targets() -> None:
    train, test = make_frames(FRAMES, STARTS), make_frames(FRAMES + 1, STARTS, source="test")
    check_split(train, test, False, "signal")
    assert error(check_split, train, test)[0][0] == "the samples have no labels"
    assert error(check_split, train, test, False, "targets")[0] == ("the frames have no targets", "data", WRITE)


def test_a_file_to_be_answered_need_not_know_its_targets(tmp_path: Path) -> None:
    rows = [f"{i // 40},{np.sin(0.3 * i):.6f},{np.cos(0.3 * i):.6f}\n" for i in range(80)]
    train = text(tmp_path, "sample,x,level\n" + "".join(rows))
    (tmp_path / "spec.yaml").write_text(
        "dt_ms: 1.0\nseed: 1\ndata: {train: d.csv, test: d.csv, targets: [level]}\n"
        "input: {channels: 1, encoder: {kind: gaussian_population, frame_ms: 5.0}}\n"
        "populations: {liquid: {size: 20, neuron: {kind: LIF}}}\n"
        "projections: [{source: input, target: liquid, topology: {kind: all_to_all}, weight: 0.1}]\n"
        "readout: {population: liquid, target: targets, washout: 5, folds: 2}\n"
    )
    model = ld.train_regression(ld.load(tmp_path / "spec.yaml"))
    ld.save_model(tmp_path / "model.lsm", model)
    again = ld.load_model(tmp_path / "model.lsm")
    assert again.listener.targets == ("level",)
    answers = []
    for name, column in (("known", [row.split(",")[2] for row in rows]), ("unknown", ["\n"] * 80), ("none", None)):
        cells = [f"{row.rpartition(',')[0]},{cell}" for row, cell in zip(rows, column or rows, strict=True)]
        cells = cells if column else [f"{row.rpartition(',')[0]}\n" for row in rows]
        (tmp_path / f"{name}.csv").write_text(f"sample,x{',level' if column else ''}\n{''.join(cells)}")
        answers.append(ld.forecast(again, again.listener.frames(again.listener.load(tmp_path / f"{name}.csv"))))
    assert answers[0].shape == (80, 1)
    assert all(each.tolist() == answers[0].tolist() for each in answers)
    assert load_raw(train, targets=["level"]).channels == 1
