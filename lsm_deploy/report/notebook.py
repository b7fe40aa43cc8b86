"""What `_repr_html_`, `to_dict`, `to_frame` and `plot` of a value give: the parts of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.ir import Stimulus, Trace
from lsm_deploy.report.blocks import Block, Heading, Line, Picture, Table
from lsm_deploy.report.html import fragment
from lsm_deploy.report.numbers import finite
from lsm_deploy.report.pictures.images import drawn
from lsm_deploy.report.values import report_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["facts_of", "figure_of", "frame_of", "html_of"]


def facts_of(value: object) -> dict[str, Any]:
    """What `--json` prints of it."""
    facts: dict[str, Any] = finite(report_of(value).facts)
    return facts


def html_of(value: object) -> str:
    """Its report as HTML, and which pictures `plot` draws: that takes longer than one waits for a cell's answer."""
    report = report_of(value)
    blocks: list[Block] = [block for block in report.blocks if not isinstance(block, Picture)]
    if report.pictures:
        blocks.append(Line(f"plot: {', '.join(repr(picture.name) for picture in report.pictures)}"))
    return fragment(blocks)


# --- data frames -----------------------------------------------------------------------------------------------------


def frame_of(value: object, table: int | str) -> Any:
    """A table of its report, numbers as numbers; of a trace or a stimulus its spikes, a row each."""
    columns = _spikes(value) if isinstance(value, Trace | Stimulus) else _columns(value, table)
    try:
        import pandas
    except ImportError as error:
        raise LsmError(f"a data frame needs pandas: {error}", hint="install pandas, or use `to_dict`") from None
    return pandas.DataFrame(columns)


def _spikes(value: Trace | Stimulus) -> dict[str, Any]:
    t, place = np.nonzero(value.spikes)
    sample = np.searchsorted(value.starts, t, side="right") - 1
    where = "neuron" if isinstance(value, Trace) else "channel"
    return {"t": t, "sample": sample, where: place, "spike": value.spikes[t, place]}


def _columns(value: object, asked: int | str) -> dict[str, list[Any]]:
    named: list[tuple[str, Table]] = []
    above = ""
    for block in report_of(value).blocks:
        if isinstance(block, Heading):
            above = block.text
        elif isinstance(block, Table):
            named.append((above, block))
    if not named:
        what = f"no table is made of a value of type {type(value).__name__}"
        raise MisuseError(what, hint="its facts are in `to_dict`")
    if isinstance(asked, str):
        fit = [table for words, table in named if asked in words]
    else:
        fit = [named[asked][1]] if -len(named) <= asked < len(named) else []
    if not fit:
        every = "; ".join(f"{i}: {words}" for i, (words, _) in enumerate(named))
        raise MisuseError(
            f"there is no table {asked!r} of a value of type {type(value).__name__}", hint=f"choose from {every}"
        )
    return {column.name: [row[i] for row in fit[0].rows] for i, column in enumerate(fit[0].columns)}


# --- pictures --------------------------------------------------------------------------------------------------------


def figure_of(value: object, picture: str | None) -> Figure:
    """One picture of its report."""
    pictures = report_of(value).pictures
    if not pictures:
        raise MisuseError(
            f"no picture is made of a value of type {type(value).__name__}", hint="its facts are in `to_dict`"
        )
    fit = [each for each in pictures if picture in (None, each.name)]
    if not fit:
        names = ", ".join(repr(each.name) for each in pictures)
        raise MisuseError(
            f"there is no picture {picture!r} of a value of type {type(value).__name__}", hint=f"choose from {names}"
        )
    return drawn(fit[0])
