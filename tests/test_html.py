"""Reports as HTML: what is escaped, and how tables are marked."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lsm_deploy.report.blocks import Cell, Column, Heading, Line, Picture, right, table
from lsm_deploy.report.html import fragment
from lsm_deploy.report.numbers import INTERVAL, PERCENT

HOSTILE = [
    "</script><script>alert(1)</script>",
    "\"' onmouseover=alert(1) x=",
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}",
]


class Elements(HTMLParser):
    """The elements of a text with their attributes, and the words within each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs), []))

    def handle_data(self, data: str) -> None:
        if self.all:
            self.all[-1][2].append(data)

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(words).strip()) for name, attributes, words in self.all if name == tag]


def draw() -> Any:
    from matplotlib.figure import Figure

    made = Figure(figsize=(1, 1))
    made.subplots().plot([1, 2])
    return made


def test_blocks() -> None:
    page = Elements(fragment([Heading("rates"), Line("a line"), Line("of\n  layout"), Picture("p", "a picture", draw)]))
    assert [(tag, text) for tag in ("h4", "p", "pre") for _, text in page.of(tag)] == [
        ("h4", "rates"),
        ("p", "a line"),
        ("pre", "of\n  layout"),
    ]
    ((image, _),) = page.of("img")
    assert (image["alt"], image["width"], image["height"]) == ("a picture", "100", "100")
    assert str(image["src"]).startswith("data:image/png;base64,")


def test_a_table_has_a_caption_and_headers_that_say_of_what() -> None:
    made = table(["name", "n", Column("share", PERCENT)], [["a", 12345, 0.5], ["b", -7, None]])
    page = Elements(fragment([Heading("sizes"), made]))
    assert [text for _, text in page.of("caption")] == ["sizes"]
    assert [(a["scope"], a["class"], text) for a, text in page.of("th")] == [
        ("col", "left short", "name"),
        ("col", "right short", "n"),
        ("col", "right short", "share"),
        ("row", "left short", "a"),
        ("row", "left short", "b"),
    ]
    assert [text for _, text in page.of("td")] == ["12 345", "50.0%", "-7", "-"]


def keys(*cells: Cell, form: str = "") -> list[str | None]:
    page = Elements(fragment([table(["row", Column("x", form)], [["", cell] for cell in cells])]))
    return [attributes.get("data-sort") for attributes, _ in page.of("td")]


def test_numbers_are_sorted_as_numbers() -> None:
    assert keys(12345, 0.5, None) == ["12345", "0.5", None]
    assert keys((0.25, 0.75), (None, 0.5), form=INTERVAL) == ["0.25", None]
    assert keys("1.5 to 2", "12 345 of 3", "-3.5%", "-") == ["1.5", "12345.0", "-3.5", None]
    assert keys("3", "three") == [None, None]
    assert keys("3..7", "2a") == [None, None]


def test_long_cells_are_broken_into_lines() -> None:
    page = Elements(fragment([table(["a", "b"], [["x" * 60, "y"], ["x", "y"]])]))
    assert [a["class"] for a, _ in page.of("td")] == ["left short"] * 2
    assert [a["class"] for a, _ in page.of("th")] == ["left", "left short", "left", "left"]


def test_a_long_table_is_cut_and_says_so() -> None:
    text = fragment([table(right("n"), [[i] for i in range(3000)])])
    assert len(Elements(text).of("tr")) == 2001
    assert "the first 2000 of 3 000 rows" in text


@given(st.sampled_from(HOSTILE) | st.text(max_size=20))
def test_names_are_text_wherever_they_stand(name: str) -> None:
    page = Elements(fragment([Heading(name), Line(name), table([name, name], [[name, (name, None)], [1, None]])]))
    calm = Elements(fragment([Heading("a"), Line("a"), table(["a", "a"], [["a", ("a", None)], [1, None]])]))
    assert [tag for tag, _, _ in page.all if tag not in ("p", "pre")] == [
        tag for tag, _, _ in calm.all if tag not in ("p", "pre")
    ]
    assert {key for _, attributes, _ in page.all for key in attributes} <= {
        "class", "scope", "role", "aria-label", "tabindex", "data-sort",
    }  # fmt: skip
