"""Memory beside capacity: what each source still knows over delays, and how many bits of a stream the liquid holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsm_deploy.measure.diagnosis import SYMBOL_MS, Curves, Diagnosis, Knowledge
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.knowledge import SOURCES
from lsm_deploy.report.pictures.style import DEPLOYED, FLOAT, NEUTRAL, PALETTE, beside, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_knowledge"]

_GREEN, _PURPLE, _ORANGE = PALETTE[2:5]
_LINES: dict[str, tuple[str, str]] = {
    "deployed": (DEPLOYED, "o-"),
    "float": (FLOAT, "s--"),
    "feedforward": (_GREEN, "^-"),
    "encoded": (_PURPLE, "v-"),
    "buffer": (_ORANGE, "D-"),
}
"""A colour and a mark for each source."""


def picture_of_knowledge(diagnosis: Diagnosis, knows: Knowledge) -> Picture:
    """A panel for labels and one for frames, where these were asked, and one of memory capacity."""
    total = diagnosis.deployed.capacity.total
    known = ""
    if knows.labels is not None and (span := knows.labels.known_ms("deployed")) is not None:
        known = f"the liquid names samples above chance until {span[1]:g} ms after their end; "
    heading = (
        f"{known}it holds {total:.3g} bits of a stream of {SYMBOL_MS:g} ms each; read: the last {knows.last_ms:g} ms"
    )
    return Picture("memory", heading, lambda: _draw(heading, diagnosis, knows))


def _draw(heading: str, diagnosis: Diagnosis, knows: Knowledge) -> Figure:
    panels: list[tuple[str, Curves]] = []
    if knows.labels is not None:
        panels.append(("samples named right, of all", knows.labels))
    if knows.frames is not None:
        panels.append(("R2 of past frames", knows.frames))
    figure, axes = sheet(heading, columns=len(panels) + 1, size=(3.4 * (len(panels) + 1) + 1.8, 3.0))
    for axis, (words, curves) in zip(axes, panels, strict=False):
        _draw_curves(axis, curves)
        axis.set(title=words, xlabel="after, ms")
    _draw_capacity(axes[-1], diagnosis)
    handles: list[Any] = []
    names: list[str] = []
    for axis in axes:
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            if name not in names:
                handles.append(handle)
                names.append(name)
    beside(axes[-1], handles=handles, labels=names)
    return figure


def _draw_curves(axis: Any, curves: Curves) -> None:
    axis.axhline(curves.chance, color=NEUTRAL, linewidth=0.8, linestyle=":", label="chance")
    lowest = curves.chance
    for name, (colour, mark) in _LINES.items():
        points = [
            (after, e) for after, e in zip(curves.after_ms, curves.values.get(name, ()), strict=False) if e is not None
        ]
        if not points:
            continue
        x, y = [after for after, _ in points], [e.value for _, e in points]
        axis.plot(x, y, mark, color=colour, markersize=3.5, linewidth=1.2, label=SOURCES[name])
        axis.vlines(x, [e.low for _, e in points], [e.high for _, e in points], color=colour, alpha=0.4, linewidth=0.9)
        lowest = min(lowest, *y)
    axis.set_ylim(min(0.0, max(lowest, -0.5)) - 0.03, 1.03)


def _draw_capacity(axis: Any, diagnosis: Diagnosis) -> None:
    """Of bits that are k symbols back, from k = 1 on, as the total counts them."""
    for name, measures in (("deployed", diagnosis.deployed), ("float", diagnosis.floats)):
        if measures is not None:
            curve = measures.capacity.curve[1:]
            colour, mark = _LINES[name]
            x = [SYMBOL_MS * k for k in range(1, len(curve) + 1)]
            axis.plot(x, curve, mark, color=colour, markersize=3.5, linewidth=1.2, label=SOURCES[name])
    axis.axhline(diagnosis.deployed.capacity.chance, color=NEUTRAL, linewidth=0.8, linestyle=":", label="chance")
    axis.set(title="memory capacity: squared correlation with a past bit", xlabel="after, ms", ylim=(-0.03, 1.03))
