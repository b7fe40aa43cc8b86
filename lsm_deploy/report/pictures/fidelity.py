"""What quantisation did, as pictures: weights on their grid, time constants, rasters, and states drifting apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lsm_deploy.core.ir import QNetwork
from lsm_deploy.measure.fidelity import Baseline, Fidelity, Fitted
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.style import DEPLOYED, FLOAT, NEUTRAL, beside, name_of, sheet
from lsm_deploy.report.pictures.weights import picture_of_constants, picture_of_weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_bits", "pictures_of_fidelity"]

_DOTS = 20_000
"""Spikes that are drawn of more, of either side."""
_RASTER_STEPS = 400


def pictures_of_fidelity(baseline: Baseline, network: QNetwork, fidelity: Fidelity) -> Iterator[Picture]:
    yield from filter(
        None, (picture_of_weights(network, baseline.network), picture_of_constants(baseline.network, network))
    )
    starts = baseline.stimulus.starts
    steps = min(int(starts[1]) if len(starts) > 1 else fidelity.steps, _RASTER_STEPS)
    sides = (baseline.reference.spikes[:steps], fidelity.deployed.spikes[:steps])
    fired = [np.count_nonzero(spikes) for spikes in sides]
    in_step = (
        f"{text_of(fired[0])} spikes of the float liquid, {text_of(fired[1])} of the deployed one, in the first"
        f" {count(steps, 'step')}"
    )
    yield Picture("rasters", in_step, lambda: _rasters(in_step, baseline, fidelity, steps))
    furthest = max(fidelity.populations, key=lambda p: float(np.mean(p.distance.over_time)))
    apart = (
        f"float and deployed states are {np.mean(furthest.distance.over_time):.3f} apart in the mean over a sample, in"
        f" {name_of(furthest.name)}" + (", where they are furthest apart" if len(fidelity.populations) > 1 else "")
    )
    yield Picture("distance", apart, lambda: _distances(apart, fidelity))


def picture_of_bits(fitted: Fitted) -> Picture:
    """The curve of a search for bits."""
    bound = f"a bound of {fitted.bound.most:g} on {fitted.bound.criterion}"
    enough = f"{count(fitted.bits, 'bit')} a weight keep" if fitted.bits is not None else "no number of bits keeps"
    return Picture("fit_bits", f"{enough} {bound}", lambda: _curve(f"{enough} {bound}", fitted))


def _curve(heading: str, fitted: Fitted) -> Figure:
    bits = [point.bits for point in fitted.curve]
    figure, (axis,) = sheet(heading, size=(7.0, 2.8))
    axis.plot(bits, [point.value for point in fitted.curve], "o-", color=DEPLOYED, label=fitted.bound.criterion)
    axis.axhline(fitted.bound.most, color=FLOAT, linestyle="--", linewidth=1.0, label="the bound")
    if fitted.bound.criterion == "distance" and fitted.floor is not None:
        axis.axhline(fitted.floor, color=NEUTRAL, linewidth=1.0, label="the liquid's own floor")
    unit = "relative spike distance" if fitted.bound.criterion == "distance" else "points of accuracy lost"
    axis.set(xlabel="bits a weight", ylabel=unit)
    axis.xaxis.get_major_locator().set_params(integer=True)
    beside(axis)
    return figure


def _distances(heading: str, fidelity: Fidelity) -> Figure:
    figure, axes = sheet(heading, rows=len(fidelity.populations), size=(9.0, 2.2))
    for axis, p in zip(axes, fidelity.populations, strict=True):
        t = np.arange(len(p.distance.over_time))
        axis.plot(t, p.distance.over_time, color=DEPLOYED, linewidth=1.2, label="float and deployed")
        if p.floor is not None:
            axis.plot(t, p.floor.over_time, color=NEUTRAL, linewidth=1.2, label="float, an input\nspike moved")
        axis.set(ylim=(0, None), ylabel="distance", title=name_of(p.name))
        beside(axis)
    axes[-1].set_xlabel("step of a sample")
    return figure


def _rasters(heading: str, baseline: Baseline, fidelity: Fidelity, steps: int) -> Figure:
    figure, axes = sheet(heading, rows=2, size=(10.0, 2.6), sharex=True)
    sides = ((baseline.reference.spikes, "float", FLOAT), (fidelity.deployed.spikes, "deployed", DEPLOYED))
    for axis, (spikes, title, colour) in zip(axes, sides, strict=True):
        at = np.argwhere(spikes[:steps])
        every = -(-len(at) // _DOTS) or 1
        t, neuron = at[::every].T
        height = float(np.clip(150 / spikes.shape[1], 2.0, 12.0))
        axis.scatter(
            t, neuron, s=height**2, c=colour, marker="|", linewidths=0.9, rasterized=bool(len(t) > 3000),
        )  # fmt: skip
        thinned = f", 1 spike in {every} drawn" if every > 1 else ""
        axis.set(
            xlim=(-0.5, steps - 0.5), ylim=(-0.5, spikes.shape[1] - 0.5), ylabel="neuron", title=f"{title}{thinned}"
        )
        axis.yaxis.get_major_locator().set_params(integer=True)
    axes[-1].set_xlabel("step")
    return figure
