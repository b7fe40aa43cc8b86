"""What a command says, as values: headings, lines, tables and pictures, and beside them the facts for programs.

Whoever reports makes a `Report`; a renderer, one file each, makes of its blocks what is seen: `text` for a terminal,
`markdown` for a page. Numbers stay numbers until then, and a column says once how its own are written. `--json` prints
the facts. Names in blocks may come from anybody's file, and are made `visible`; facts are as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from lsm_deploy.core.errors import visible
from lsm_deploy.report.numbers import text_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lsm_deploy.report.pictures.raster import Raster

__all__ = ["Block", "Cell", "Column", "Heading", "Line", "Picture", "Report", "Table", "right", "table", "tabulate"]

T = TypeVar("T")

Cell: TypeAlias = str | int | float | tuple[str | int | float | None, ...] | None
"""A pair, such as the ends of an interval, stands in one cell; None is what is not there."""


@dataclass(frozen=True)
class Heading:
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", visible(self.text))


@dataclass(frozen=True)
class Line:
    """A sentence, or a few lines whose layout is their own."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", visible(self.text))


@dataclass(frozen=True)
class Column:
    """form: how its cells are written, such as `{:.1%}`, or `{} to {}` for pairs; without one, as `text_of` does.

    Numbers that are written as `text_of` does stand to the right, all else to the left, where `align` does not say.
    """

    name: str
    form: str = ""
    align: Literal["left", "right"] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", visible(self.name))


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells for {len(self.columns)} columns: {row}")

    @property
    def texts(self) -> list[list[str]]:
        """Every cell as it is written."""
        return [
            [visible(text_of(cell, c.form)) for cell, c in zip(row, self.columns, strict=True)] for row in self.rows
        ]

    @property
    def aligned(self) -> list[str]:
        """`left` or `right`, for each column."""
        return [column.align or self._side(i) for i, column in enumerate(self.columns)]

    def _side(self, i: int) -> str:
        plain = not self.columns[i].form and all(isinstance(row[i], int | float) for row in self.rows)
        return "right" if plain else "left"


@dataclass(frozen=True, eq=False)
class Picture:
    """What matplotlib draws when it is asked for; `name` is that of a file, without its ending.

    raster: what it shows, or more of it, where a page may let a reader look into it.
    """

    name: str
    caption: str
    draw: Callable[[], Figure]
    raster: Raster | None = None


Block: TypeAlias = Heading | Line | Table | Picture


@dataclass(frozen=True)
class Report:
    """What people see, and what programs read. Reports add up: blocks in turn, facts into one object."""

    blocks: tuple[Block, ...]
    facts: Mapping[str, Any]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Picture))

    def __add__(self, other: Report) -> Report:
        return Report(self.blocks + other.blocks, {**self.facts, **other.facts})


def table(columns: Iterable[str | Column], rows: Iterable[Iterable[Cell]]) -> Table:
    """A table whose columns may be mere names."""
    return Table(tuple(Column(c) if isinstance(c, str) else c for c in columns), tuple(map(tuple, rows)))


def right(*names: str, form: str = "") -> tuple[Column, ...]:
    """Columns whose cells stand to the right."""
    return tuple(Column(name, form, "right") for name in names)


def tabulate(things: Iterable[T], columns: Mapping[str | Column, Callable[[T], Cell]]) -> Table:
    """A table with a row for each thing: what each column asks of it."""
    return table(columns, [[ask(thing) for ask in columns.values()] for thing in things])
