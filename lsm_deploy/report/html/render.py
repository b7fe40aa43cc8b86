"""Blocks as HTML, by the templates that stand here. The one module that imports jinja2.

Whatever a report says may come from anybody's file. The templates escape all of it; what a script reads is JSON in
which no `<` is left; and a page's policy lets nothing run, or be loaded, but the style and the script that stand here,
each by its hash.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray

from lsm_deploy.core.errors import require_type, visible
from lsm_deploy.report.blocks import Block, Cell, Heading, Line, Table
from lsm_deploy.report.numbers import count, finite
from lsm_deploy.report.pictures.images import png_of
from lsm_deploy.report.pictures.raster import SIDES, Raster, heading_of
from lsm_deploy.store import write_text

if TYPE_CHECKING:
    from lsm_deploy.report.page import Page

__all__ = ["fragment", "page_text", "save_page"]

_HERE = Path(__file__).parent
_MOST_ROWS = 2000
"""Of a table that are shown; the facts have all."""
_MOST_VALUES = 20_000
"""Of a list among the facts that a page holds; `--json` prints all."""
_DPI = 200.0
"""Of pictures, which are shown as large as at 100."""
_SHORT = 34
"""Letters of cells that are not broken into lines."""
_WITHIN_A_NUMBER = re.compile(r"(?<=\d) (?=\d{3}\b)")
"""Where no line may end."""
_NOTHING = (None, "", "-")


def fragment(blocks: Iterable[Block]) -> str:
    """The blocks as a piece of HTML, for a notebook: no script, and a style that reaches nothing else."""
    return _template("fragment.html").render(blocks=list(_shown(blocks, "")))


def save_page(path: str | Path, page: Page) -> None:
    """Write a page: one HTML file, which holds all that it shows."""
    from lsm_deploy.report.page import Page  # a notebook takes fragments, and none of what a page is made of

    require_type(page, Page, "page", "make one with `page_of`")
    write_text(path, page_text(page))


def page_text(page: Page) -> str:
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    script = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("page.js", "raster.js"))
    sections = [
        {
            "name": each.name,
            "title": each.title,
            "missing": each.missing.each() if each.missing is not None else (),
            "notes": each.notes,
            "blocks": list(_shown(each.report.blocks, each.title)),
        }
        for each in page.sections
    ]
    more = {
        "style": style,
        "script": script,
        "policy": _policy(style, script),
        "facts": _json(_short(finite(page.facts))),
    }
    text = _template("page.html").render(page=page, sections=sections, **more)
    return text.encode("utf-8", "backslashreplace").decode()  # a file's name may hold bytes that are no text


def _policy(style: str, script: str) -> str:
    """Nothing but these two, and pictures that the page holds."""
    allowed = "; ".join(
        f"{name}-src 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
        for name, text in (("style", style), ("script", script))
    )
    return f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'"


def _json(value: object) -> str:
    """JSON that can stand in a script element, which a `<` could end."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _short(value: Any) -> Any:
    """Facts without the lists, of every neuron of a large network, that would be longer than the page."""
    if isinstance(value, Mapping):
        return {name: _short(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return {"left_out": len(value)} if len(value) > _MOST_VALUES else [_short(each) for each in value]
    return value


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
            layout = "\n" in block.text
            text = block.text if layout else _WITHIN_A_NUMBER.sub("\u00a0", block.text)
            yield {"kind": "layout" if layout else "line", "text": text}
        elif isinstance(block, Table):
            yield {"kind": "table", "caption": caption, **_table(block)}
        else:
            png = png_of(block, _DPI)
            source = f"data:image/png;base64,{b64encode(png).decode()}"
            size = [round(int.from_bytes(png[at : at + 4], "big") * 100 / _DPI) for at in (16, 20)]  # as PNG says it
            raster = None if block.raster is None else _look(block.raster)
            yield {"kind": "picture", "caption": block.caption, "source": source, "size": size, "raster": raster}


def _look(raster: Raster) -> Mapping[str, Any]:
    """What the template takes, and `raster.js` in turn: dots as integers, shades in 127ths, rates by side."""
    sides = list(SIDES)
    by_side = {side: [curve for curve in raster.curves if curve.side == side] for side in sides}
    there = {side: curves for side, curves in by_side.items() if curves}
    shades = np.zeros((0, 0)) if raster.messages is None else raster.messages
    data = {
        **{name: getattr(raster, name) for name in ("first", "steps", "neurons", "dt_ms", "unit")},
        "bin": raster.bin_steps,
        "starts": raster.starts.tolist() if len(raster.starts) <= _MOST_ROWS else [],
        "t": _packed(raster.t, "<u4"),
        "neuron": _packed(raster.neuron, "<u4"),
        "side": _packed(raster.side, "u1"),
        "shades": _packed(np.round(shades * 127), "i1"),
        "cells": shades.shape,
        "sides": sides,
        "bands": [{"name": visible(b.name), "first": b.first, "size": b.size} for b in raster.bands],
        "rates": [
            {
                "side": sides.index(side),
                "values": np.average([c.rates for c in curves], axis=0, weights=[c.neurons for c in curves]).tolist(),
            }
            for side, curves in there.items()
        ],
    }
    note = f"1 in {raster.every} spikes is drawn; rates are of all." if raster.every > 1 else ""
    legend = {side: side for side in there}
    if raster.messages is not None:
        note = f"Shades are means over blocks, {shades.shape[0]} by {shades.shape[1]} in all."
        means = {side: f"mean of {side} neurons" for side in there}
        legend = {"positive": "message > 0", "negative": "message < 0", **means}
    return {"caption": heading_of(raster), "note": note, "legend": legend, "json": _json(data)}


def _packed(values: NDArray[Any], form: str) -> str:
    return b64encode(values.astype(form).tobytes()).decode()


def _table(table: Table) -> Mapping[str, Any]:
    cells = [[row[i] for row in table.rows] for i in range(len(table.columns))]
    texts = table.texts[:_MOST_ROWS]
    sides = ["right" if _are_numbers(column) else side for column, side in zip(cells, table.aligned, strict=True)]
    short = [all(len(row[i]) <= _SHORT for row in texts) for i in range(len(sides))]
    keys = [_sort_keys(column) for column in cells]
    rows = [[{"text": text, "key": keys[i][number]} for i, text in enumerate(row)] for number, row in enumerate(texts)]
    cut = f"the first {_MOST_ROWS} of {count(len(table.rows), 'row')}" if len(table.rows) > _MOST_ROWS else ""
    classes = [f"{side}{' short' * keeps}" for side, keeps in zip(sides, short, strict=True)]
    return {
        "columns": list(zip((column.name for column in table.columns), classes, strict=True)),
        "rows": rows,
        "cut": cut,
    }


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
