"""Reports on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

from rich.cells import cell_len

from lsm_deploy.report.blocks import Block, Heading, Line, Table

__all__ = ["to_text"]


def to_text(blocks: Iterable[Block], bold: Callable[[str], str] = str) -> str:
    """The blocks in lines, which are as long as they have to be: a cut number is worse than a wrapped line.

    `bold` makes a heading stand out. Pictures are not shown.
    """
    return "".join(f"{line}\n" for block in blocks for line in _lines(block, bold))


def _lines(block: Block, bold: Callable[[str], str]) -> Iterator[str]:
    if isinstance(block, Heading):
        yield bold(block.text)
    elif isinstance(block, Line):
        yield block.text
    elif isinstance(block, Table):
        yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    rows = [[column.name for column in table.columns]]
    for texts in table.texts:  # a cell of several lines takes as many rows
        rows += map(list, zip_longest(*(text.splitlines() or [""] for text in texts), fillvalue=""))
    widths, sides = [max(map(cell_len, column)) for column in zip(*rows, strict=True)], table.aligned
    for row in rows:
        padded = []
        for text, width, side in zip(row, widths, sides, strict=True):
            room = " " * (width - cell_len(text))  # a wide character takes two cells
            padded.append(room + text if side == "right" else text + room)
        yield "  ".join(padded).rstrip()  # or one long cell wraps all lines
