"""State trajectories: the transient of each sample in the plane in which states vary most, coloured by class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import class_order
from lsm_deploy.measure.diagnosis import Diagnosis
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count
from lsm_deploy.report.pictures.style import PALETTE, beside, name_of, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["in_a_plane", "picture_of_states"]

_MOST_CLASSES = 20
"""That a legend can name."""


def picture_of_states(diagnosis: Diagnosis) -> Picture:
    """One panel for the float liquid, one for the deployed, or the latter alone."""
    samples = len(diagnosis.shown.stimulus.starts)
    return Picture(
        "states",
        f"states of {count(samples, 'sample')} over time, a line each, a dot where it ends, in the plane in which they"
        " vary most",
        lambda: _draw(diagnosis),
    )


def _draw(diagnosis: Diagnosis) -> Figure:
    from matplotlib import colormaps
    from matplotlib.lines import Line2D

    sides = {"float": diagnosis.floats, "deployed": diagnosis.deployed}
    states = {name: side.states for name, side in sides.items() if side is not None}
    basis, places = in_a_plane(states)
    labels, starts = diagnosis.shown.labels, diagnosis.shown.stimulus.starts
    classes = class_order(set(labels))
    many = len(classes) > len(PALETTE)
    shades: list[Any] = [
        colormaps["viridis"](0.92 * i / (len(classes) - 1)) if many else PALETTE[i] for i in range(len(classes))
    ]
    none: list[Any] = [PALETTE[0]] * len(starts)
    colours = [shades[classes.index(label)] for label in labels] or none
    words = (
        f"states of {count(len(starts), 'sample')} over time, a line each, a dot where it ends, in the plane of the"
        f" first two principal components of the {basis} states"
    )
    figure, axes = sheet(words, columns=len(states), size=(5.2 * len(states) + 1.6, 5.0), sharex=True, sharey=True)
    for axis, (name, at) in zip(axes, places.items(), strict=True):
        for path, colour in zip(np.split(at, starts[1:]), colours, strict=True):
            axis.plot(*path.T, color=colour, linewidth=0.7, alpha=0.55)
            axis.plot(*path[-1], "o", color=colour, markersize=4)
        share = at.var(axis=0).sum() / max(states[name].var(axis=0).sum(), 1e-12)
        axis.set(title=f"{name}: {share:.0%} of the variance is in this plane", xlabel="component 1")
    axes[0].set_ylabel("component 2")
    if 1 < len(classes) <= _MOST_CLASSES:
        handles = [Line2D([], [], color=c, label=name_of(name)) for c, name in zip(shades, classes, strict=True)]
        beside(axes[-1], handles=handles, title="class")
    return figure


def in_a_plane(states: Mapping[str, Floats]) -> tuple[str, Mapping[str, Floats]]:
    """Where the states `[t, neuron]` of each side lie in one plane `[t, 2]`, so that a place means the same for all.

    It is that of the first two principal components of the first side that moves, whose name comes first.
    """
    from sklearn.decomposition import PCA

    basis = next((name for name, values in states.items() if values.any()), "deployed")
    components = min(2, *states[basis].shape)
    pca = PCA(components, svd_solver="full").fit(states[basis])
    padding = ((0, 0), (0, 2 - components))  # a single neuron has a line, not a plane
    return basis, {name: np.pad(pca.transform(values), padding) for name, values in states.items()}
