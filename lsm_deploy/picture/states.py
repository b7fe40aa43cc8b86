"""State trajectories: the transient of each sample in the plane in which states vary most, coloured by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.data import class_order
from lsm_deploy.diagnose import Diagnosis
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.store import write_file

__all__ = ["draw_states"]

_ONE_COLOUR = "#1f6fb4"
_MOST_CLASSES = 20
"""That a legend can name."""


def draw_states(file: Path, found: Diagnosis) -> None:
    """Write the picture, as PNG: one panel for the float liquid, one for the deployed, or the latter alone.

    Both are projected on the first two principal components of the float states (of the deployed, where there are no
    floats), so that the same place means the same state.
    """
    # Imported here: it takes half a second. No pyplot, which keeps figures, and a backend, for the whole process.
    from matplotlib import colormaps, style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from sklearn.decomposition import PCA

    sides = {"float": found.floats, "deployed": found.deployed}
    states = {name: side.states for name, side in sides.items() if side is not None}
    basis = next(name for name, values in states.items() if values.any())  # the deployed has spiked
    components = min(2, *states[basis].shape)
    pca = PCA(components, svd_solver="full").fit(states[basis])
    labels = found.shown.labels
    classes = class_order(set(labels))
    palette = colormaps["tab10" if len(classes) <= 10 else "turbo"]
    shades = [palette(i if len(classes) <= 10 else i / max(len(classes) - 1, 1)) for i in range(len(classes))]
    none: list[Any] = [_ONE_COLOUR] * len(found.shown.stimulus.starts)
    colours = [shades[classes.index(label)] for label in labels] or none
    with style.context("default"):
        figure = Figure(figsize=(5.2 * len(states) + 0.8, 5.2), layout="constrained")
        axes = figure.subplots(1, len(states), squeeze=False, sharex=True, sharey=True)[0]
        for axis, (name, values) in zip(axes, states.items(), strict=True):
            places = np.zeros((len(values), 2))
            places[:, :components] = pca.transform(values)
            _trajectories(axis, places, found.shown.stimulus.starts, colours)
            share = 1 - ((values - _back(pca, values)) ** 2).sum() / max(
                ((values - values.mean(axis=0)) ** 2).sum(), 1e-12
            )
            axis.set(title=f"{name}: {share:.0%} of the variance is in this plane", xlabel="component 1")
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel("component 2")
        figure.suptitle(
            f"states over time, a line a sample, a dot where it ends; principal components of the {basis} states",
            fontsize=10, x=0.01, ha="left",
        )  # fmt: skip
        if 1 < len(classes) <= _MOST_CLASSES:
            handles = [Line2D([], [], color=c, label=name) for c, name in zip(shades, classes, strict=True)]
            figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False, title="class")
        FigureCanvasAgg(figure)
        write_file(file, lambda f: figure.savefig(f, format="png", dpi=100, metadata={"Software": None}))


def _back(pca: Any, values: Floats) -> Floats:
    """The states that the plane has for them."""
    found: Floats = pca.inverse_transform(pca.transform(values))
    return found


def _trajectories(axis: Any, places: Floats, starts: NDArray[np.int64], colours: list[Any]) -> None:
    for path, colour in zip(np.split(places, starts[1:]), colours, strict=True):
        axis.plot(*path.T, color=colour, linewidth=0.7, alpha=0.55)
        axis.plot(*path[-1], "o", color=colour, markersize=4)
