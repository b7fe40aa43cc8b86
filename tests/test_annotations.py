"""Annotations of heart beats: as the library reads them where files are whole, within bounds where they are not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lsm_deploy as ld
from lsm_deploy.data import load_raw
from lsm_deploy.data.annotations import BEATS, rate_in_header, read_annotations
from lsm_deploy.data.front import to_frames
from lsm_deploy.learn.listener import listen
from lsm_deploy.spec.read import load_text
from lsm_deploy.spec.schema import BeatsFrontEnd

AT = [100 + 200 * i for i in range(12)]
Rows = list[tuple[int, str, str]]


def write(folder: Path, rows: Rows, record: str = "r", kind: str = "atr", **options: Any) -> Path:
    """What wfdb writes of rows of sample, symbol and note."""
    wfdb = pytest.importorskip("wfdb")
    samples, symbols, notes = zip(*sorted(rows), strict=True)
    options = {"fs": 250, **options}
    wfdb.wrann(record, kind, np.array(samples), list(symbols), aux_note=list(notes), write_dir=str(folder), **options)
    return folder / f"{record}.{kind}"


def beats(*marks: tuple[int, str], noted: dict[int, str] | None = None) -> Rows:
    """Twelve beats, of which some may have notes, and rhythms on marks of their own."""
    return [(t, "N", (noted or {}).get(t, "")) for t in AT] + [(t, "+", note) for t, note in marks]


def rhythms(folder: Path) -> list[str]:
    got: Any = load_raw(folder)
    return [got.rhythms[i] for i in got.rhythm]


def mistakes(folder: Path, **section: Any) -> list[str]:
    with pytest.raises(ld.LsmError) as caught:
        to_frames(load_raw(folder), BeatsFrontEnd(kind="beats", window_beats=2, **section))
    assert all(error.where.startswith(str(folder)) and error.hint for error in caught.value.each())
    return [error.what for error in caught.value.each()]


# --- as the library reads them ------------------------------------------------------------------------------------


def test_the_types_that_are_beats_are_the_librarys() -> None:
    annotation = pytest.importorskip("wfdb.io.annotation")
    assert [label.label_store for label in annotation.ann_labels if annotation.is_qrs[label.label_store]] == list(BEATS)


def drawn(seed: int) -> tuple[Rows, dict[str, Any]]:
    draw = random.Random(seed)
    t, rows = 0, []
    for _ in range(draw.randrange(1, 60)):
        t += draw.choice([0, 1, 7, 1023, 1024, 5000, 1 << 16, 1 << 20])
        rows.append((t, draw.choice('NLRV+~|"Qr'), draw.choice(["", "", "(N", "(AFIB\0", ")", "x" * 255])))
    many = len(rows)
    fields = {"chan": np.arange(many) % 3, "num": np.arange(many) % 5, "subtype": np.arange(many) % 2}
    return sorted(rows), fields


@pytest.mark.parametrize("seed", range(40))
def test_whole_files_are_read_as_the_library_reads_them(tmp_path: Path, seed: int) -> None:
    rows, fields = drawn(seed)
    file = write(tmp_path, rows, fs=[250, 128.5, None][seed % 3], **fields)
    wfdb = pytest.importorskip("wfdb")
    theirs = wfdb.rdann(str(file.with_suffix("")), "atr", return_label_elements=["label_store"])
    ours = read_annotations(file)
    real = (ours.types > 0) & ~((ours.samples == 0) & (ours.types == 22))
    assert ours.samples[real].tolist() == theirs.sample.tolist()
    assert ours.types[real].tolist() == theirs.label_store.tolist()
    notes = [ours.notes.get(i, "") for i in np.flatnonzero(real).tolist()]
    assert notes == [note.strip("\0 \t") for note in theirs.aux_note]
    assert ours.rate == theirs.fs


def test_damaged_files_are_refused_or_read_and_never_for_long(tmp_path: Path) -> None:
    """The library hangs on 6 % of these."""
    draw, refused = random.Random(12), 0
    whole = write(tmp_path, beats((50, "(AFIB"), (850, ")"), (1650, "(N"))).read_bytes()
    for _ in range(2000):
        damaged = bytearray(whole)
        for _ in range(draw.choice([1, 1, 2, 8])):
            place = draw.randrange(len(damaged) or 1)
            how = draw.randrange(4)
            if how == 0:
                damaged[place] ^= 1 << draw.randrange(8)
            elif how == 1:
                del damaged[place:]
                damaged += b"\0"
            elif how == 2:
                damaged[place : place + 2] = draw.randbytes(2)
            else:
                damaged[place:place] = damaged[: draw.randrange(20)]
        (tmp_path / "r.atr").write_bytes(damaged)
        try:
            load_raw(tmp_path)
        except ld.LsmError as error:
            refused += error.where.startswith(str(tmp_path))
    assert refused > 1000


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"\x64\x04\0", "it ends within a word of two bytes"),
        (b"\x64\x04\xc8\x04", "it has no end: it was cut off"),
        (b"\x64\x04\x05\xfcAB", "it has no end: it was cut off"),
        (b"\x00\xec\x01\x00", "it has no end: it was cut off"),
        (b"\x64\x04\0\0\xc8\x04", "it goes on behind its end, at byte 2"),
        (b"\x64\xd8\0\0", "annotation 0 is of type 54, which there is not"),
        (b"\x01\xfcA\0\x64\x04\0\0", "it begins with a note to no annotation"),
        (
            b"\x64\x04\x00\xec\xff\xff\x00\x80\x01\x04\0\0",
            "annotation 1, at sample -32667, lies before the one it follows",
        ),
        (
            b"\x00\x58\x17\xfc## time resolutikn: 250\0\x64\x04\0\0",
            "it begins with the remark '## time resolutikn: 250', which is nearly '## time resolution:'",
        ),
    ],
)
def test_what_is_wrong_with_a_damaged_file(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "r.atr").write_bytes(content)
    assert mistakes(tmp_path) == [f"the annotations cannot be read: {what}"]


@pytest.mark.parametrize(
    ("header", "rate"),
    [
        ("r 2 360 650000\n", 360),
        ("# a comment\n\nr/3 2 128.5/128(0) 5 12:00:00\nr.dat 16 200\n", 128.5),
        ("r 0 1e3\n", 1000),
        ("r 1\n", 250),  # as header(5) has it
        ("", "this is no header of a record: its first line does not say how many signals there are"),
        ("r two 360\n", "this is no header of a record: its first line does not say how many signals there are"),
        ("r 2 nan\n", "the rate is 'nan'"),
        ("r 2 0\n", "the rate is '0'"),
        ("r 2 1_0\n", "the rate is '1_0'"),
        ("r 2 -360\n", "the rate is '-360'"),
        ("r 2 1e999\n", "the rate is '1e999'"),
    ],
)
def test_the_rate_in_a_header(tmp_path: Path, header: str, rate: float | str) -> None:
    (tmp_path / "r.hea").write_text(header)
    write(tmp_path, beats((50, "(AFIB")), fs=None)
    if isinstance(rate, str):
        assert mistakes(tmp_path) == [rate]
    else:
        got: Any = load_raw(tmp_path)
        assert got.rate == rate_in_header(tmp_path / "r.hea") == rate


def test_rhythms_and_beats_that_count_differently(tmp_path: Path) -> None:
    write(tmp_path, [(50, "+", "(AFIB")], fs=1000)
    write(tmp_path, beats(), kind="qrs", fs=250)
    [what] = mistakes(tmp_path)
    assert what in ("its rhythms and beats are of 1000 and 250 Hz", "its rhythms and beats are of 250 and 1000 Hz")


# --- rhythms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (beats((50, "(AFIB"), (850, ")"), (1650, "(N")), "aaaa????NNNN"),
        (beats((50, "(AFIB"), (850, "AFIB)"), (1650, "(N")), "aaaa????NNNN"),
        (beats((50, "(AFIB"), (850, ""), (1650, "(N")), "aaaa????NNNN"),
        (beats((50, "(AFIB"), (850, "(SVTA)"), (1650, "(N")), "aaaa????NNNN"),
        (beats((50, "(AFIB\0"), (850, " ) "), (1650, "( N \0")), "aaaa????NNNN"),
        (beats((50, "N"), (850, "AFIB")), "NNNNaaaaaaaa"),  # a mark is a rhythm's, with a bracket or without
        (beats(noted={100: "(AFIB", 900: ")", 1700: "(N"}), "aaaa????NNNN"),  # Icentia11k's notes are on beats
        (beats((850, ")"), (1650, "(AFIB")), "????????aaaa"),  # what ended there is not said
        (beats((850, "(AFIB"), noted={300: "MISSB", 1100: "PSE"}), "NNNNaaaaaaaa"),
        ([*beats((850, "(AFIB")), (1250, '"', "(VT"), (1450, "s", "(ST0+")], "NNNNaaaaaaaa"),
    ],
)
def test_where_rhythms_begin_and_end(tmp_path: Path, rows: Rows, expected: str) -> None:
    write(tmp_path, rows)
    assert rhythms(tmp_path) == [{"a": "AFIB", "?": "unknown", "N": "N"}[letter] for letter in expected]


def test_icentias_convention(tmp_path: Path) -> None:
    """Rhythms that end, with as much between them: half of the beats are AF, and not all up to the next."""
    every = [(20 + 200 * i, "N", "") for i in range(1440)]
    marks = [(200 * i, "+", "(AFIB" if i % 120 == 0 else ")") for i in range(0, 1440, 60)]
    write(tmp_path, every + marks)
    assert rhythms(tmp_path).count("AFIB") == 720


def test_a_rhythm_that_does_not_occur_is_named(tmp_path: Path) -> None:
    write(tmp_path, beats((50, "(N"), (850, "(AF")))
    assert mistakes(tmp_path) == ["there is no rhythm 'AFIB'; here are AF, N"]
    assert mistakes(tmp_path, positive="SVTA") == ["there is no rhythm 'SVTA'; here are AF, N"]
    write(tmp_path, beats((50, "(afib")))
    assert mistakes(tmp_path) == ["there is no rhythm 'AFIB'; here are afib"]
    write(tmp_path, beats((850, "(AFIB"), (860, "(N")))  # no beat is in it
    assert mistakes(tmp_path) == ["there is no rhythm 'AFIB'; here are N"]


def test_a_beats_note_without_a_bracket_is_named(tmp_path: Path) -> None:
    write(tmp_path, beats((50, "(N"), noted={500: "AFIB"}))
    [what] = mistakes(tmp_path)
    assert what == "the beat at sample 500 has the note 'AFIB': a rhythm's name without its bracket"


def test_notes_that_are_no_names(tmp_path: Path) -> None:
    write(tmp_path, beats((50, "(N"), (850, "(AF\x1b[2J")))
    assert mistakes(tmp_path) == ["the note at sample 850 is '(AF\\x1b[2J', which is no rhythm's name"]
    write(tmp_path, [(200 * i, s, f"(R{i}" if s == "+" else "") for i in range(200) for s in "+N"])
    assert mistakes(tmp_path) == ["there are 200 different rhythms, more than 127"]


def test_a_record_that_notes_no_rhythm_is_not_n(tmp_path: Path) -> None:
    write(tmp_path, beats((50, "(AFIB")))
    write(tmp_path, beats(), "s")
    assert rhythms(tmp_path) == ["AFIB"] * 12 + ["unknown"] * 12


def test_without_any_rhythm_there_are_no_labels(tmp_path: Path) -> None:
    write(tmp_path, beats())  # as nsrdb and cudb are
    assert to_frames(load_raw(tmp_path), BeatsFrontEnd(kind="beats", window_beats=2)).labels == ()


SPEC = """
{dt_ms: 1.0, seed: 1, front_end: {kind: beats, window_beats: 2},
 input: {channels: 2, encoder: {kind: spikes, frame_ms: 1.0}},
 populations: {a: {size: 4, neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 5.0}}},
 projections: [{source: input, target: a, topology: {kind: all_to_all}, weight: 0.5}]}
"""


def test_a_patient_who_is_well_is_answered(tmp_path: Path) -> None:
    spec = load_text(SPEC, tmp_path / "spec.yaml")
    write(tmp_path, beats((50, "(AFIB")))
    listener = listen(spec, to_frames(load_raw(tmp_path), spec.front_end))
    write(tmp_path, beats((50, "(N")))
    assert listener.frames(load_raw(tmp_path)).labels == ()
