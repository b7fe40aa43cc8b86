"""How every picture looks: one font, which comes with matplotlib, colours that the colour-blind tell apart, no frames.

The colours are those of Okabe & Ito, "Color Universal Design" (2008). A figure is headed by a sentence that says what
is seen, with a number; legends stand beside the axes, never over curves. Nothing that a user wrote is read as
mathematics or hidden: names go through `name_of`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from lsm_deploy.core.errors import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "DEPLOYED",
    "DIVERGING",
    "EXCITATORY",
    "FLOAT",
    "INHIBITORY",
    "MARK",
    "NEUTRAL",
    "PALETTE",
    "RC",
    "SEQUENTIAL",
    "VERMILION",
    "beside",
    "name_of",
    "plain_ticks",
    "sheet",
]

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
"""Of lines and points, in turn; yellow is too pale for white paper."""
EXCITATORY, INHIBITORY, NEUTRAL, MARK = VERMILION, BLUE, "#7A7A7A", "#4D4D4D"
DEPLOYED, FLOAT = VERMILION, BLUE
SEQUENTIAL, DIVERGING = "Blues", "PuOr"
"""Maps of colour for amounts, and for what has a sign."""

RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.0,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100.0,
    "figure.titlesize": 10.5,
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "savefig.dpi": 100.0,
    "svg.fonttype": "none",  # text that can be searched and read aloud
    "svg.hashsalt": "lsm-deploy",
    "text.parse_math": False,
}
_LETTERS_AN_INCH = 12.0
"""Of a heading; on average, with room to spare."""


def sheet(
    heading: str, rows: int = 1, columns: int = 1, size: tuple[float, float] = (8.0, 2.6), **grid: Any
) -> tuple[Figure, Sequence[Any]]:
    """A figure under a heading and its axes, row by row; size: the width of all, and the height of a row, in inches."""
    from matplotlib.figure import Figure

    width, height = size
    lines = textwrap.wrap(heading, int(_LETTERS_AN_INCH * width))
    figure = Figure(figsize=(width, height * rows + 0.2 * len(lines)))
    figure.suptitle("\n".join(lines), x=0.01, ha="left")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **grid).flat)


def beside(axis: Any, **more: Any) -> None:
    """What the axis shows, to its right; names that begin with `_` too, which matplotlib would leave out."""
    handles, _ = axis.get_legend_handles_labels()
    if handles or "handles" in more:
        axis.legend(**{"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.2, **more})


def plain_ticks(axis: Any) -> None:
    """Powers of ten of one axis (`axes.xaxis`) as numbers: matplotlib writes them as mathematics, which is off."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def name_of(name: str, most: int = 28) -> str:
    """What a user calls something, as it can be drawn: on one line, cut to `most` letters in its middle, with an escape
    for what the font lacks."""
    one_line = " ".join(visible(name).split())
    drawable = "".join(
        letter if letter.isascii() or ord(letter) in _glyphs() else f"\\u{ord(letter):04x}" for letter in one_line
    )
    if len(drawable) > most:
        drawable = f"{drawable[: most - most // 3 - 1]}…{drawable[-(most // 3) :]}"
    if not drawable:
        return "(no name)"
    return f"\u200a{drawable}" if drawable.startswith("_") else drawable  # a hair's space


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family=RC["font.family"]))).get_charmap())
