"""Where neurons lie on the chip's cores, and what these send each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.mesh import CORES_PER_TILE
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.cost.resources import Traffic
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.style import MARK, SEQUENTIAL, VERMILION, beside, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_placement"]

_ARROWS = 60
"""Pairs of cores, of more of which the busiest are drawn."""
_NUMBERED = 64
"""Cores, of more of which none bears a number."""
_ACROSS = 2
"""Cores of a tile side by side."""


def picture_of_placement(traffic: Traffic, steps: int) -> Picture:
    """Each core a square on its tile, darker the more neurons it has; arrows for messages between cores."""
    heading = _heading(traffic, steps)
    return Picture("placement", heading, lambda: _draw(heading, traffic))


def _between(traffic: Traffic) -> NDArray[np.int64]:
    """Pairs of different cores, the busiest first."""
    m = traffic.messages
    away = m[(m[:, 0] >= 0) & (m[:, 0] != m[:, 1])]
    busiest: NDArray[np.int64] = away[np.argsort(-away[:, 2], kind="stable")]
    return busiest


def _heading(traffic: Traffic, steps: int) -> str:
    away = _between(traffic)
    where = f"{count(int(traffic.neurons.sum()), 'neuron')} on {count(int((traffic.neurons > 0).sum()), 'core')}"
    if not len(away):
        return f"{where}: nothing is sent from one core to another"
    a, b, busiest = away[0].tolist()
    some = f"; the busiest {_ARROWS} of {len(away)} ways drawn" if len(away) > _ARROWS else ""
    return (
        f"{where}: {text_of(int(away[:, 2].sum()) / max(steps, 1))} messages a step between cores, most from core"
        f" {a} to {b} ({text_of(busiest / max(steps, 1))} a step){some}"
    )


def _draw(heading: str, traffic: Traffic) -> Figure:
    from matplotlib.patches import Rectangle

    centres = _centres(traffic)
    low, high = traffic.places.min(axis=0), traffic.places.max(axis=0)
    wide, tall = ((high - low + 1) * float(np.clip(7.0 / max(high - low + 1), 0.25, 1.6))).tolist()
    figure, (axis,) = sheet(heading, size=(max(wide, 4.0) + 2.0, max(tall, 1.2) + 0.6))
    for x, y in np.unique(traffic.places, axis=0):
        axis.add_patch(Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, fill=False, edgecolor="#BBBBBB", linewidth=0.8))
    most = max(int(traffic.neurons.max(initial=0)), 1)
    side = 0.94 / _ACROSS * 0.86
    for core, (neurons, (x, y)) in enumerate(zip(traffic.neurons.tolist(), centres, strict=True)):
        corner = (x - side / 2, y - side / 2)
        axis.add_patch(Rectangle(corner, side, side, facecolor=_shade(neurons / most), edgecolor=MARK, linewidth=0.5))
        if len(centres) <= _NUMBERED:
            axis.text(x, y + side / 2 - 0.02, core, ha="center", va="top", fontsize=7, zorder=5)
    _arrows(axis, centres, _between(traffic)[:_ARROWS])
    axis.set(xlim=(low[0] - 0.5, high[0] + 0.5), ylim=(low[1] - 0.5, high[1] + 0.5), aspect="equal")
    axis.set(xlabel="tile, x", ylabel="tile, y", xticks=_few(low[0], high[0]), yticks=_few(low[1], high[1]))
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    _legend(axis, most, _between(traffic))
    return figure


def _few(low: int, high: int) -> NDArray[np.int64]:
    return np.arange(low, high + 1, max(1, (high - low) // 12))


def _shade(share: float) -> Any:
    from matplotlib import colormaps

    return colormaps[SEQUENTIAL](0.08 + 0.6 * share)


def _centres(traffic: Traffic) -> Floats:
    """Of each core `[core, 2]`: those of a tile lie two by two."""
    within = np.arange(len(traffic.neurons)) % CORES_PER_TILE
    offset = (np.stack([within % _ACROSS, within // _ACROSS], axis=1) - (_ACROSS - 1) / 2) * (0.94 / _ACROSS)
    centres: Floats = traffic.places + offset
    return centres


def _arrows(axis: Any, centres: Floats, away: NDArray[np.int64]) -> None:
    from matplotlib.patches import FancyArrowPatch

    most = int(away[:, 2].max(initial=1))
    for a, b, messages in away[::-1].tolist():
        arrow = FancyArrowPatch(
            tuple(centres[a]), tuple(centres[b]), connectionstyle="arc3,rad=0.18", arrowstyle="-|>", mutation_scale=8,
            shrinkA=3, shrinkB=3, **_stroke(messages / most),
        )  # fmt: skip
        axis.add_patch(arrow)


def _stroke(share: float) -> dict[str, Any]:
    return {"color": VERMILION, "linewidth": 0.4 + 2.6 * share, "alpha": 0.35 + 0.5 * share}


def _legend(axis: Any, most: int, away: NDArray[np.int64]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    full = Patch(facecolor=_shade(1.0), edgecolor=MARK, label=f"core of {count(most, 'neuron')}")
    handles: list[Any] = [full]
    for share in (1.0, 0.1) if len(away) else ():
        messages = max(round(share * int(away[0, 2])), 1)
        handles.append(Line2D([], [], label=count(messages, "message"), **_stroke(share)))
    beside(axis, handles=handles)
