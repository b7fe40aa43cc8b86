"""Forecast against truth: of the deployed integers and of the float liquid, and how far each is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsm_deploy.measure.regression import RegressionEvaluation
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count
from lsm_deploy.report.pictures.style import DEPLOYED, FLOAT, NEUTRAL, beside, name_of, plain_ticks, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_forecast"]

SHOWN = 300
"""Frames: the first that are answered."""
_SMALLEST = 1e-6
"""Of the target's deviation: smaller errors are drawn as this one."""


def picture_of_forecast(evaluation: RegressionEvaluation) -> Picture:
    """The first liquid's forecasts of the first output; below them the errors, in deviations of the target."""
    section, liquid, output = evaluation.section, evaluation.liquids[0].liquid, name_of(evaluation.outputs[0])
    frames = min(SHOWN, len(evaluation.true))
    first = "" if frames == len(evaluation.true) else f"the first {frames} of "
    heading = (
        f"output {output} {count(section.horizon, 'frame')} ahead, {first}{count(len(evaluation.true), 'answer')}:"
        f" NRMSE {liquid.nrmse:.3g} over all of them"
    )
    return Picture("forecast", heading, lambda: _draw(heading, evaluation))


def _draw(heading: str, evaluation: RegressionEvaluation) -> Figure:
    true, liquid = evaluation.true[:SHOWN, 0], evaluation.liquids[0]
    deviation = evaluation.true[:, 0].std() or 1.0
    sides = {"liquid": ("deployed integers", DEPLOYED, "-"), "floats": ("the same in floats", FLOAT, "--")}
    figure, (values, errors) = sheet(heading, rows=2, size=(10.0, 2.6), sharex=True, height_ratios=(2, 1))
    values.plot(true, color=NEUTRAL, linewidth=2.4, alpha=0.5, label="truth")
    for name, (words, colour, line) in sides.items():
        if name in liquid.forecasts:
            forecast = liquid.forecasts[name][:SHOWN, 0]
            values.plot(forecast, line, color=colour, linewidth=1.1, label=words)
            off = np.maximum(np.abs(forecast - true) / deviation, _SMALLEST)
            errors.semilogy(off, line, color=colour, linewidth=0.8, label=words)
    plain_ticks(errors.yaxis)
    values.set(ylabel=f"output {name_of(evaluation.outputs[0])}")
    errors.set(ylabel="|error|, share of\nthe deviation", xlabel="frames answered")
    beside(values)
    return figure
