"""What a readout took for what, and how well its scores tell each class from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.evaluation import Answers
from lsm_deploy.measure.evaluation.score import curve_of
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.style import MARK, NEUTRAL, PALETTE, SEQUENTIAL, beside, name_of, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_confusion", "picture_of_roc"]

_CLOSE, _CORNER = 0.97, 0.2
"""Areas from which on all happens in one corner, and how much of it is drawn then."""
_COUNTED, _NAMED = 20, 40
"""Classes, of more of which cells bear no numbers, and axes no names."""


# --- what was taken for what -----------------------------------------------------------------------------------------


def picture_of_confusion(classes: Sequence[str], confusion: NDArray[np.int64]) -> Picture:
    """confusion: `[true class, answered class]`."""
    heading = _most_confused(classes, confusion)
    return Picture("confusion", heading, lambda: _matrix(heading, classes, confusion))


def _most_confused(classes: Sequence[str], confusion: NDArray[np.int64]) -> str:
    samples, right = int(confusion.sum()), int(np.trace(confusion))
    if not samples:
        return "no samples were tested"
    share = f"{text_of(right)} of {count(samples, 'sample')} are answered rightly ({right / samples:.1%})"
    wrong = confusion - np.diag(np.diag(confusion))
    if not wrong.any():
        return share
    names = [f"'{name_of(classes[i])}'" for i in divmod(int(wrong.argmax()), len(classes))]
    return f"{share}; most often wrong: {names[0]} taken for {names[1]}, {count(int(wrong.max()), 'time')}"


def _matrix(heading: str, classes: Sequence[str], confusion: NDArray[np.int64]) -> Figure:
    many = len(classes)
    side = float(np.clip(2.0 + 0.42 * many, 3.6, 9.0))
    figure, (axis,) = sheet(heading, size=(side + 2.2, side))
    of_class = confusion.sum(axis=1, keepdims=True)
    shares = np.where(of_class > 0, confusion / np.maximum(of_class, 1), np.nan)
    axis.set_facecolor("#DDDDDD")  # rows of which there is nothing to share
    image = axis.imshow(shares, cmap=SEQUENTIAL, vmin=0, vmax=1)
    figure.colorbar(image, ax=axis, shrink=0.8, format="{x:.0%}").set_label("share of the true class")
    if many <= _COUNTED:
        size = float(np.clip(90 / many, 5, 10))
        for (i, j), number in np.ndenumerate(confusion):
            if number or i == j:
                text = f"{number}\n{shares[i, j]:.0%}" if many <= 8 and of_class[i, 0] else f"{number}"
                colour = "white" if shares[i, j] > 0.6 else "black"
                axis.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
    if many <= _NAMED:
        names = [name_of(name, 18) for name in classes]
        size = float(np.clip(260 / many, 5, 9))
        long = max(map(len, names), default=0) * many > 30
        axis.set_xticks(range(many), names, fontsize=size, rotation=90 if long else 0)
        axis.set_yticks(range(many), names, fontsize=size)
    unnamed = ", by its number" if many > _NAMED else ""
    axis.set(xlabel=f"answered class{unnamed}", ylabel=f"true class{unnamed}")
    axis.spines[:].set_visible(False)
    empty = int((of_class == 0).sum())
    if empty and empty < many:
        axis.set_title(f"grey: {empty} class{'es' * (empty != 1)} without a test sample", color=MARK)
    return figure


# --- how well scores tell one from the others -----------------------------------------------------------------------


def picture_of_roc(classes: Sequence[str], labels: Sequence[str], answers: Answers) -> Picture | None:
    """The curve of each class against the others, or of one of two; None where answers have no scores, or none is
    tested beside others."""
    if answers.scores is None or answers.scores.shape[1] != len(classes):
        return None
    shown = range(len(classes)) if len(classes) > 2 else [_positive(answers)]
    curves = [
        (classes[i], *curve)
        for i in shown
        if (curve := _roc(classes[i], i, labels, answers, answers.scores)) is not None
    ]
    if not curves:
        return None
    heading = _areas(curves, len(shown))
    return Picture("roc", heading, lambda: _curves(heading, curves))


def _positive(answers: Answers) -> int:
    """Of two classes the one to be detected; the second, where nobody said."""
    assert answers.scores is not None
    difference = answers.scores[:, 0] - answers.scores[:, 1]
    return 0 if answers.margins is not None and np.array_equal(answers.margins, difference) else 1


def _roc(
    name: str, i: int, labels: Sequence[str], answers: Answers, scores: Floats
) -> tuple[Floats, Floats, float, tuple[float, float]] | None:
    """False and true positives as shares, the area under their curve, and where the readout's own answers lie on it."""
    is_class = np.array([label == name for label in labels])
    if is_class.all() or not is_class.any():
        return None
    margin = scores[:, i] - np.delete(scores, i, axis=1).max(axis=1)
    false, true, area = curve_of(is_class, margin)
    answered = np.array([each == name for each in answers.predicted])
    return false, true, area, (float(answered[~is_class].mean()), float(answered[is_class].mean()))


def _areas(curves: Sequence[Any], asked: int) -> str:
    areas = [curve[3] for curve in curves]
    if asked == 1:
        name, _, _, area, (false, true) = curves[0]
        return (
            f"'{name_of(name)}' is told from the other class with an area of {area:.3f} under the curve; as deployed "
            f"{true:.1%} of it is found, and {1 - false:.1%} of the others are left alone"
        )
    worst = min(curves, key=lambda curve: curve[3])
    untested = f"; {asked - len(curves)} without a test sample" if len(curves) < asked else ""
    return (
        f"each of {asked} classes against the others: areas of {min(areas):.3f} to {max(areas):.3f} under the curve, "
        f"{np.mean(areas):.3f} in the mean, least for '{name_of(worst[0])}'{untested}"
    )


def _curves(heading: str, curves: Sequence[Any]) -> Figure:
    figure, (axis,) = sheet(heading, size=(7.0, 4.8))
    axis.plot([0, 1], [0, 1], ":", color=NEUTRAL, linewidth=1.0, label="chance")
    named = sorted(curves, key=lambda curve: float(curve[3]))[: len(PALETTE)]
    shown = named if len(curves) > len(PALETTE) else curves
    for name, false, true, area, point in shown:
        colour = PALETTE[[each[0] for each in shown].index(name)]
        axis.plot(false, true, color=colour, linewidth=1.5, label=f"{name_of(name, 20)}: {area:.3f}")
        axis.plot(*point, "o", color=colour, markersize=6, markeredgecolor="white", clip_on=False, zorder=4)
    axis.plot([], [], "o", color=MARK, label="as deployed")
    close = all(area > _CLOSE and x < _CORNER and y > 1 - _CORNER for _, _, _, area, (x, y) in curves)
    part = _CORNER if close else 1.0
    axis.set(
        xlim=(-0.02 * part, part), ylim=(1 - part, 1 + 0.02 * part), aspect="equal",
        xlabel="share of the others that are taken for it", ylabel="share of the class that is found",
        title="the corner up to 20 %" if part < 1 else "",
    )  # fmt: skip
    some = f"the {len(shown)} least of {len(curves)} areas" if len(shown) < len(curves) else "area under the curve"
    beside(axis, title=some, alignment="left")
    return figure
