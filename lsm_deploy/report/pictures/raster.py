"""Who fires when: spikes as dots, the messages of graded neurons as shades, and below them rates.

`raster_of` makes a value of a run, which is thinned where it holds more than can be drawn; `picture_of_raster`
draws it, and a page may draw the same value in its own way.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import QNetwork, Trace
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.sides import types_of
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.style import DIVERGING, EXCITATORY, INHIBITORY, MARK, NEUTRAL, beside, name_of, sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SIDES", "Band", "Curve", "Raster", "heading_of", "picture_of_raster", "raster_of"]

SIDES = {"excitatory": EXCITATORY, "inhibitory": INHIBITORY, "other": NEUTRAL}
"""What a neuron does to others, and its colour; other: both, nothing, or what depends on its message, or is unknown."""
STEPS = 1000
"""That a picture shows, of more: to the end of the sample that they end in, if that is near."""
_LOOKED_AT = 20_000_000
"""Values, a step of a neuron each, for which a report takes time."""
DOTS = 20_000
_BINS = 120
_CELLS = (200, 400)
"""Rows of neurons, and columns of steps, of graded messages."""
_AS_DRAWING = 3000
"""Dots, of more a drawing holds an image."""
_NAMED = 4
"""Populations that have curves, and names, of their own."""
_DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Band:
    """The neurons of one population: `size` from the number `first` on; their rate over the steps shown."""

    name: str
    first: int
    size: int
    rate: float


@dataclass(frozen=True, eq=False)
class Curve:
    """The rates `[bin]` of a population's neurons of one side."""

    population: str
    side: str
    neurons: int
    rates: Floats

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, rates=np.float64)


@dataclass(frozen=True, eq=False)
class Raster:
    """Spikes in `steps` steps of `whole`, from `first` on, by the numbers of steps and neurons of each `[dot]`.

    side `[dot]`: an index into `SIDES`. every: one in so many spikes is among the dots. messages `[row, column]`:
    instead of dots, where a kind is graded, means over blocks of neurons and steps, as shares of the largest of the
    population. Rates are in `unit`, over bins of `bin_steps` steps. dt_ms is None where only a trace is known.
    """

    first: int
    steps: int
    whole: int
    neurons: int
    dt_ms: float | None
    starts: NDArray[np.int64]
    spikes: int
    every: int
    t: NDArray[np.int64]
    neuron: NDArray[np.int64]
    side: NDArray[np.int8]
    messages: Floats | None
    bands: tuple[Band, ...]
    curves: tuple[Curve, ...]
    bin_steps: int
    unit: str

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, starts=np.int64, t=np.int64, neuron=np.int64, side=np.int8)
        if self.messages is not None:
            freeze(self, messages=np.float64)


def raster_of(
    trace: Trace, network: QNetwork | None = None, first: int = 0, steps: int | None = None, dots: int = DOTS
) -> Raster:
    """What a run's neurons sent in `steps` steps from `first` on, or in all; network: that ran, where it is known."""
    whole, neurons = trace.spikes.shape
    end = whole if steps is None else min(first + steps, whole)
    shown = np.asarray(trace.spikes[first:end])
    t, neuron, every = _thinned(shown, dots)
    sides = _sides(network, neurons)
    graded = network is not None and network.message.graded
    unit = "mean |message|, share of the largest" if graded else "rate, Hz" if network else "share that spike in a step"
    bands = (
        [(p.name, network.offsets[p.name], p.size, KINDS[p.kind].MESSAGE.largest) for p in network.populations]
        if network
        else [("all neurons", 0, neurons, 1)]
    )
    size = max(1, -(-(end - first) // _BINS))
    curves, means, shades = [], [], np.zeros(shown.shape if graded else (0, 0), np.float32)
    for name, offset, many, largest in bands:
        here = shown[:, offset : offset + many]
        amount: NDArray[Any] = np.abs(here.astype(np.float32)) / largest if graded else here != 0
        scale = 1.0 if graded or network is None else 1000 / network.dt_ms
        means.append(Band(name, offset, many, float(amount.mean() * scale) if amount.size else 0.0))
        for i, side in enumerate(SIDES):
            of_side = sides[offset : offset + many] == i
            if of_side.any():
                rates = _binned(amount[:, of_side].mean(axis=1), size) * scale
                curves.append(Curve(name, side, int(of_side.sum()), rates))
        if graded:
            shades[:, offset : offset + many] = here / largest
    inside = trace.starts[(trace.starts >= first) & (trace.starts < end)]
    return Raster(
        first=first, steps=end - first, whole=whole, neurons=neurons, dt_ms=network.dt_ms if network else None,
        starts=inside, spikes=int(np.count_nonzero(shown)), every=every, t=t + first, neuron=neuron,
        side=sides[neuron], messages=_blocks(shades) if graded else None, bands=tuple(means), curves=tuple(curves),
        bin_steps=size, unit=unit,
    )  # fmt: skip


def _thinned(spikes: NDArray[Any], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """One spike of each `every` in a row, by chance: a fixed step would draw patterns of its own."""
    at = np.flatnonzero(spikes)
    every = max(1, -(-len(at) // most))
    if every > 1:
        groups = len(at) // every
        at = at[np.arange(groups) * every + np.random.default_rng(0).integers(0, every, groups)]
    t, neuron = np.divmod(at, max(spikes.shape[1], 1))
    return t, neuron, every


def _sides(network: QNetwork | None, neurons: int) -> NDArray[np.int8]:
    sides = np.full(neurons, list(SIDES).index("other"), np.int8)
    if network is not None:
        for p in network.populations:
            excites, inhibits = types_of(network, p.name)
            here = sides[network.columns(p.name)]
            here[excites], here[inhibits] = 0, 1
    return sides


def _binned(values: Floats, size: int) -> Floats:
    """Means over `size` steps each; the last over those that are left."""
    edges = np.arange(0, len(values), size)
    means: Floats = np.add.reduceat(values, edges) / np.minimum(size, len(values) - edges) if len(values) else values
    return means


def _blocks(values: NDArray[Any]) -> Floats:
    """`[t, neuron]` as an image `[row, column]` of blocks' means."""
    rows, columns = (max(1, -(-n // most)) for n, most in zip(values.T.shape, _CELLS, strict=True))
    image: Floats = np.stack([_binned(each, columns) for each in values.T.astype(np.float64)])
    return np.stack([_binned(each, rows) for each in image.T], axis=1)


# --- the picture ------------------------------------------------------------------------------------------------------


def picture_of_raster(trace: Trace, network: QNetwork | None = None, name: str = "raster") -> Picture:
    """The first steps of a run, to the end of a sample."""
    steps = int(np.clip(_LOOKED_AT // max(trace.spikes.shape[1], 1), 1, STEPS))
    later = trace.starts[trace.starts >= steps]
    end = int(later[0]) if len(later) and later[0] <= 2 * steps else steps
    raster = raster_of(trace, network, steps=end)
    return Picture(name, heading_of(raster), lambda: _draw(raster))


def heading_of(raster: Raster) -> str:
    """What is seen of how much, in a sentence."""
    cut = raster.steps < raster.whole
    steps = f"{'the first ' if cut else ''}{count(raster.steps, 'step')}{f' of {text_of(raster.whole)}' if cut else ''}"
    what = "message" if raster.messages is not None else "spike"
    where = f"{count(raster.neurons, 'neuron')} in {steps}"
    if not raster.spikes:
        return f"no {what} of {where}"
    thinned = f", 1 in {raster.every} drawn" if raster.every > 1 and raster.messages is None else ""
    means = "; ".join(f"{name_of(b.name)} {_amount(raster, b.rate)}" for b in raster.bands[:_NAMED])
    more = len(raster.bands) - _NAMED
    others = f"; {count(more, 'population')} more" if more > 0 else ""
    return f"{count(raster.spikes, what)} of {where}{thinned}: {means}{others}"


def _amount(raster: Raster, rate: float) -> str:
    if raster.unit.startswith("rate"):
        return f"at {rate:.3g} Hz"
    return (
        f"at {100 * rate:.2g} % of the largest message"
        if raster.messages is not None
        else f"{rate:.2%} spike in a step"
    )


def _draw(raster: Raster) -> Figure:
    figure, (dots, rates) = sheet(heading_of(raster), rows=2, size=(10.0, 2.7), sharex=True, height_ratios=(2.6, 1.0))
    left, right = raster.first - 0.5, raster.first + max(raster.steps, 1) - 0.5
    if raster.messages is not None:
        extent = (left, right, -0.5, raster.neurons - 0.5)
        most = max(float(np.abs(raster.messages).max(initial=0)), 1e-9)
        image = dots.imshow(
            raster.messages, cmap=DIVERGING, vmin=-most, vmax=most, extent=extent, origin="lower", aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        bar = figure.colorbar(image, ax=dots, pad=0.01 if len(raster.bands) == 1 else 0.1)
        bar.set_label("message, share of the largest")
    else:
        _dots(dots, raster)
    _names(dots, raster)
    dots.set(xlim=(left, right), ylim=(-0.5, max(raster.neurons, 1) - 0.5), ylabel="neuron")
    dots.yaxis.get_major_locator().set_params(integer=True)
    for band in raster.bands[1:]:
        dots.axhline(band.first - 0.5, color=MARK, linewidth=0.6)
    for axis in (dots, rates):
        for start in raster.starts[raster.starts > raster.first] if len(raster.starts) <= 60 else ():
            axis.axvline(start - 0.5, color=NEUTRAL, linewidth=0.5, alpha=0.6, zorder=0)
    at = raster.first + raster.bin_steps * (np.arange(-(-raster.steps // raster.bin_steps)) + 0.5) - 0.5
    for label, colour, dash, values in _curves(raster):
        rates.plot(at, values, dash, color=colour, linewidth=1.3, label=label)
    step = f"step, of {raster.dt_ms:g} ms" if raster.dt_ms else "step"
    rates.set(ylim=(0, None), ylabel=textwrap.fill(raster.unit, 20), xlabel=step)
    rates.xaxis.get_major_locator().set_params(integer=True)
    if len(raster.curves) > 1:
        beside(rates)
    return figure


def _dots(axis: Any, raster: Raster) -> None:
    height = float(np.clip(230 / max(raster.neurons, 1), 2.0, 12.0))  # points, of a row
    width = float(np.clip(500 / max(raster.steps, 1), 0.9, 2.0))
    for i, (side, colour) in enumerate(SIDES.items()):
        here = raster.side == i
        if here.any():
            axis.scatter(
                raster.t[here], raster.neuron[here], s=height**2, c=colour, marker="|", linewidths=width, label=side,
                rasterized=bool(len(raster.t) > _AS_DRAWING),
            )  # fmt: skip


def _names(axis: Any, raster: Raster) -> None:
    """Of populations, beside their neurons, where there is room for a line."""
    below = -np.inf
    for band in raster.bands if len(raster.bands) > 1 else ():
        middle = band.first + band.size / 2 - 0.5
        if middle - below > raster.neurons / 16:
            below = middle
            axis.annotate(
                name_of(band.name, 20), (1.0, middle), (4, 0), ("axes fraction", "data"), "offset points", fontsize=7,
                va="center", color=MARK,
            )  # fmt: skip


def _curves(raster: Raster) -> Iterator[tuple[str, str, str, Floats]]:
    """A line for each population and side; of many populations, one for each side of them all."""
    names = [band.name for band in raster.bands]
    if len(names) <= _NAMED:
        for curve in raster.curves:
            typed = any(c.population == curve.population and c.side != "other" for c in raster.curves)
            if curve.side == "other" and typed:  # a few that reach nobody, in grey dots
                continue
            label = name_of(curve.population, 20) + (f", {curve.side}" if curve.side != "other" else "")
            yield label, SIDES[curve.side], _DASHES[names.index(curve.population)], curve.rates
        return
    for side, colour in SIDES.items():
        here = [curve for curve in raster.curves if curve.side == side]
        if here:
            neurons = sum(curve.neurons for curve in here)
            mean = sum((curve.rates * curve.neurons for curve in here), np.zeros_like(here[0].rates)) / neurons
            yield f"all {side}", colour, "-", mean
