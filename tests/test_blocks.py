"""Blocks, and what each renderer makes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsm_deploy.report.blocks import Cell, Column, Heading, Line, Picture, Report, right, table, tabulate
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.report.numbers import INTERVAL, PERCENT, count, span, text_of
from lsm_deploy.report.pictures.images import png_of, save_picture
from lsm_deploy.report.text import to_text


def figure(size: float = 2.0) -> Any:
    from matplotlib.figure import Figure

    made = Figure(figsize=(size, 1.0))
    made.subplots().plot([1, 2])
    return made


TABLE = table(
    ["name", "n", Column("share", PERCENT), Column("interval", INTERVAL)],
    [["液体 ±", 12345, 0.973, (0.95, 0.98)], ["b", -7, None, (None, 0.5)]],
)
BLOCKS = (Heading("a title"), Line("a line"), TABLE, Picture("drawn", "two points", figure))


def test_text() -> None:
    assert to_text(BLOCKS) == (
        "a title\n"
        "a line\n"
        "name         n  share  interval\n"
        "液体 ±  12 345  97.3%  95.0% to 98.0%\n"  # the wide characters take two cells
        "b           -7  -      -\n"
    )
    assert to_text(BLOCKS[:1], bold=lambda text: f"*{text}*") == "*a title*\n"


def test_markdown() -> None:
    assert to_markdown(BLOCKS) == (
        "## a title\n\na line\n\n"
        "| name | n | share | interval |\n| --- | ---: | --- | --- |\n"
        "| 液体 ± | 12 345 | 97.3% | 95.0% to 98.0% |\n| b | -7 | - | - |\n\n"
        "![two points](drawn.png)\n"
    )


def test_reports_add_up() -> None:
    whole = Report((Line("a"),), {"first": 1, "second": 2}) + Report((Line("b"),), {"second": 3})
    assert to_text(whole.blocks) == "a\nb\n"
    assert list(whole.facts.items()) == [("first", 1), ("second", 3)]
    assert (whole + Report(BLOCKS, {})).pictures == BLOCKS[3:]


# --- tables ---------------------------------------------------------------------------------------------------------


def test_numbers_stand_to_the_right_where_they_have_no_form_of_their_own() -> None:
    assert table(["a", "b", Column("c", PERCENT)], [["x", 1, 0.5]]).aligned == ["left", "right", "left"]
    assert table(["mixed"], [[1], [None]]).aligned == ["left"]
    assert table(["x", *right("a", "b")], [["x", "y", 0.5]]).aligned == ["left", "right", "right"]


def test_columns_ask_each_thing() -> None:
    asked = tabulate(["ab", "c"], {"text": lambda s: s, Column("length", "{:02}"): len})
    assert asked == table(["text", Column("length", "{:02}")], [["ab", 2], ["c", 1]])


def test_a_cell_of_several_lines() -> None:
    assert to_text([table(["a", "b"], [["one\n  two", ""], ["three", "x"]])]) == (
        "a      b\none\n  two\nthree  x\n"
    )  # fmt: skip


def test_a_table_of_nothing() -> None:
    assert to_text([table(["a", "b"], [])]) == "a  b\n"
    assert to_markdown([table(["a"], [])]) == "| a |\n| ---: |\n"


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        table(["a", "b"], [["x"]])


CELLS = st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.text("|\\\n\r a"))


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1)))
def test_no_cell_breaks_a_markdown_table(rows: list[list[Cell]]) -> None:
    columns = [f"c{i}" for i in range(len(rows[0]))]
    text = to_markdown([table(columns, rows)])
    lines = text.splitlines()
    assert len(lines) == 2 + len(rows)
    for line in lines:
        # As GitHub reads it: what follows a backslash neither ends a cell nor begins an escape.
        assert re.sub(r"\\.", "", line).count("|") == 1 + len(columns)


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (1234567, "", "1 234 567"),
        (-1234, "", "-1 234"),
        (0.123456, "", "0.1235"),
        (True, "", "True"),
        (None, "", "-"),
        (None, PERCENT, "-"),
        ((0.5, None), INTERVAL, "-"),
        ((3, 4), "{} of {}", "3 of 4"),
    ],
)
def test_how_values_are_written(value: object, form: str, expected: str) -> None:
    assert text_of(value, form) == expected


def test_counts_and_spans() -> None:
    assert [count(n, "step") for n in (0, 1, 1000)] == ["0 steps", "1 step", "1 000 steps"]
    assert [span(values) for values in ([], [3, 3], [3, 7])] == ["-", "3", "3..7"]


# --- pictures -------------------------------------------------------------------------------------------------------


def test_a_picture_is_drawn_when_it_is_asked_for(tmp_path: Path) -> None:
    asked: list[int] = []

    def draw() -> Any:
        asked.append(1)
        return figure()

    picture = Picture("p", "", draw)
    to_text([picture])
    to_markdown([picture])
    assert not asked
    save_picture(tmp_path / "p.png", picture)
    assert (tmp_path / "p.png").read_bytes() == png_of(picture)
    assert png_of(picture).startswith(b"\x89PNG")
    assert len(asked) == 3
