"""Blocks as HTML, by the templates that stand here. The one module that imports jinja2.

Whatever a report says may come from anybody's file: the templates escape all of it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from lsm_deploy.report.blocks import Block, Cell, Heading, Line, Table
from lsm_deploy.report.numbers import count
from lsm_deploy.report.pictures.images import png_of

__all__ = ["fragment"]

_HERE = Path(__file__).parent
_MOST_ROWS = 2000
"""Of a table that are shown; the facts have all."""
_NOTHING = (None, "", "-")


def fragment(blocks: Iterable[Block]) -> str:
    """The blocks as a piece of HTML, for a notebook: no script, and a style that reaches nothing else."""
    return _template("fragment.html").render(blocks=list(_shown(blocks, "")))


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> Template:
    return _templates().get_template(name)


# --- blocks ---------------------------------------------------------------------------------------------------------


def _shown(blocks: Iterable[Block], title: str) -> Iterator[Mapping[str, Any]]:
    """What the templates take of each block. A table is called as the heading before it, or else as all is called."""
    caption = title
    for block in blocks:
        if isinstance(block, Heading):
            caption = block.text
            yield {"kind": "heading", "text": block.text}
        elif isinstance(block, Line):
            yield {"kind": "layout" if "\n" in block.text else "line", "text": block.text}
        elif isinstance(block, Table):
            yield {"kind": "table", "caption": caption, **_table(block)}
        else:
            data = b64encode(png_of(block)).decode()
            yield {"kind": "picture", "caption": block.caption, "source": f"data:image/png;base64,{data}"}


def _table(table: Table) -> Mapping[str, Any]:
    cells = [[row[i] for row in table.rows] for i in range(len(table.columns))]
    sides = ["right" if _are_numbers(column) else side for column, side in zip(cells, table.aligned, strict=True)]
    keys = [_sort_keys(column) for column in cells]
    rows = [
        [{"text": text, "key": keys[i][number]} for i, text in enumerate(texts)]
        for number, texts in enumerate(table.texts[:_MOST_ROWS])
    ]
    cut = f"the first {_MOST_ROWS} of {count(len(table.rows), 'row')}" if len(table.rows) > _MOST_ROWS else ""
    names = [column.name for column in table.columns]
    return {"columns": list(zip(names, sides, strict=True)), "rows": rows, "cut": cut}


def _are_numbers(cells: Sequence[Cell]) -> bool:
    return any(cell is not None for cell in cells) and all(isinstance(cell, int | float | None) for cell in cells)


def _sort_keys(cells: Sequence[Cell]) -> Sequence[float | None]:
    """The numbers by which a column is sorted: of a pair the first, of texts those with which all of them begin.

    None is what is not there, or all of a column that is sorted as text.
    """
    firsts = [cell[0] if isinstance(cell, tuple) else cell for cell in cells]
    numbers = [_number_in(each) for each in firsts]
    is_text = any(number is None and each not in _NOTHING for number, each in zip(numbers, firsts, strict=True))
    return [None] * len(cells) if is_text else numbers


def _number_in(value: str | int | float | None) -> float | None:
    if not isinstance(value, str):
        return value
    begins = re.match(r"[-+]?\d+(?: \d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?=$|[ .%])", value)
    return float(begins[0].replace(" ", "")) if begins else None
