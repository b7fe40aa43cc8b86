"""Forecast against truth: of the deployed integers and of the float liquid, and how far each is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lsm_deploy.measure.regression import RegressionEvaluation
from lsm_deploy.report.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_forecast"]

SHOWN = 300
"""Frames: the first that are answered."""
_TRUE, _DEPLOYED, _FLOAT = "#444444", "#1f6fb4", "#d9822b"
_SMALLEST = 1e-6
"""Of the target's deviation: smaller errors are drawn as this one."""


def picture_of_forecast(evaluation: RegressionEvaluation) -> Picture:
    """The first liquid's forecasts of the first output; below them the errors, in deviations of the target."""
    return Picture("forecast", "forecast against truth, and errors", lambda: _draw(evaluation))


def _draw(evaluation: RegressionEvaluation) -> Figure:
    from matplotlib.figure import Figure

    true, liquid = evaluation.true[:SHOWN, 0], evaluation.liquids[0]
    deviation = evaluation.true[:, 0].std() or 1.0
    sides = {"liquid": ("deployed integers", _DEPLOYED, "-"), "floats": ("the same liquid in floats", _FLOAT, "--")}
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    values, errors = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    values.plot(true, color=_TRUE, linewidth=2.2, alpha=0.45, label="truth")
    for name, (words, colour, line) in sides.items():
        if name in liquid.forecasts:
            forecast = liquid.forecasts[name][:SHOWN, 0]
            values.plot(forecast, line, color=colour, linewidth=1.0, label=words)
            off = np.maximum(np.abs(forecast - true) / deviation, _SMALLEST)
            errors.semilogy(off, line, color=colour, linewidth=0.8)
    section, output = evaluation.section, evaluation.outputs[0]
    ahead = f"{section.horizon} frame{'s' * (section.horizon != 1)} ahead"
    values.set(ylabel=f"output {output}", title=f"{ahead}: NRMSE {liquid.liquid.nrmse:.3g}")
    values.legend(frameon=False, fontsize=8, ncols=3, loc="upper right")
    errors.set(ylabel="|error| / deviation", xlabel="frames answered")
    for axis in (values, errors):
        axis.spines[["top", "right"]].set_visible(False)
    return figure
