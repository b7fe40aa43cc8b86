"""A network in space: at the places that its spec gives neurons, or, where it gives none, in a layout that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.ir import INPUT, QNetwork, QProjection
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.sides import types_of
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.style import EXCITATORY, INHIBITORY, NEUTRAL, beside, name_of, sheet
from lsm_deploy.spec.schema import Population, Spec
from lsm_deploy.spec.topologies import Ring, WattsStrogatz

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["picture_of_space"]

_SYNAPSES = 400
"""That are drawn of more."""
_SPECTRAL = 2000
"""Neurons, of more of which no layout is computed."""
_DEPTH = (0.45, 0.3)
"""Where the third axis of a grid goes, on paper."""
_GAP = 0.25
"""Between populations, as a share of the larger one's width."""


def picture_of_space(network: QNetwork, spec: Spec | None) -> Picture | None:
    """None where neurons have no places, and are too many, or joined to too few, for a layout to say anything."""
    own = {p.name: _own_places(spec, p.name) for p in network.populations}
    known = {name: place for name, place in own.items() if place is not None}
    inner = [q for q in network.projections if q.source != INPUT and len(q.post)]
    synapses = sum(len(q.post) for q in inner)
    if len(known) == len(own):
        words = f"at their places {' and '.join(sorted({place[0] for place in known.values()}))}"
    elif 4 <= network.neurons <= _SPECTRAL and synapses:
        words = "without places of their own, laid out by a spectrum of their synapses (near: strongly joined)"
    else:
        return None
    drawn = f"{_SYNAPSES} of {text_of(synapses)} synapses" if synapses > _SYNAPSES else f"{synapses} synapses"
    heading = f"{count(network.neurons, 'neuron')} {words}; {drawn} between them drawn"

    def draw() -> Figure:
        placed = len(known) == len(own)
        places = _side_by_side({n: place[1] for n, place in known.items()}) if placed else _spectral(network, inner)
        return _draw(heading, network, places, _some_synapses(network, inner), named=placed)

    return Picture("network", heading, draw)


def _some_synapses(network: QNetwork, inner: Sequence[QProjection]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The neurons that some synapses, at most `_SYNAPSES`, come from and go to."""
    ends = np.cumsum([0, *(len(q.post) for q in inner)])
    chosen = np.arange(min(ends[-1], _SYNAPSES))
    if ends[-1] > _SYNAPSES:
        chosen = np.sort(np.random.default_rng(0).integers(0, ends[-1], _SYNAPSES))
    pre, post = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for q, first, last in zip(inner, ends, ends[1:], strict=False):
        at = chosen[(first <= chosen) & (chosen < last)] - first
        pre.append(network.offsets[q.source] + np.searchsorted(q.indptr, at, side="right") - 1)
        post.append(network.offsets[q.target] + q.post[at].astype(np.int64))
    return np.concatenate(pre), np.concatenate(post)


def _own_places(spec: Spec | None, name: str) -> tuple[str, Floats] | None:
    population = spec.populations.get(name) if spec else None
    if spec is None or not isinstance(population, Population):
        return None
    if population.grid is not None:
        long = np.argsort(population.grid, kind="stable")[::-1]
        x, y, z = (np.indices(population.grid).reshape(3, -1)[axis] for axis in long)
        words = " × ".join(str(n) for n in population.grid)
        return f"in a grid of {words}", np.stack([x + _DEPTH[0] * z, y + _DEPTH[1] * z], axis=1)
    within = [p.topology for p in spec.projections if (p.source, p.target) == (name, name)]
    if within and all(isinstance(topology, Ring | WattsStrogatz) for topology in within):
        angles = 2 * np.pi * np.arange(population.neurons) / population.neurons
        return "on a ring", np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return None


def _side_by_side(places: Mapping[str, Floats]) -> Floats:
    """Each population to the right of the one before."""
    shifted, right = [], 0.0
    for at in places.values():
        low, high = at.min(axis=0), at.max(axis=0)
        shifted.append(at - [low[0], (low[1] + high[1]) / 2] + [right, 0])
        right += (high[0] - low[0]) + max(_GAP * (high[0] - low[0]), 0.5)
    return np.concatenate(shifted)


def _spectral(network: QNetwork, inner: Sequence[QProjection]) -> Floats:
    """The eigenvectors of the second and third eigenvalue of the normalised Laplacian of |weights|, by rank."""
    n = network.neurons
    joined = np.full((n, n), 1e-6)  # so that parts that nothing joins lie apart, and not anywhere
    for q in inner:
        at = (network.offsets[q.target] + q.post, network.offsets[q.source] + q.pre)
        np.add.at(joined, at, np.abs(q.weights.astype(float)) * (1 << q.weight_exp))
    joined += joined.T
    degree = joined.sum(axis=1)
    root = 1 / np.sqrt(degree)
    from scipy.linalg import eigh

    _, vectors = eigh(np.eye(n) - root[:, None] * joined * root, subset_by_index=[1, 2])
    vectors *= root[:, None]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), [0, 1]])  # else they are anybody's
    ranks: Floats = np.argsort(np.argsort(vectors * signs, axis=0, kind="stable"), axis=0) / n
    return ranks


def _draw(
    heading: str, network: QNetwork, places: Floats, synapses: tuple[NDArray[np.int64], NDArray[np.int64]], named: bool
) -> Figure:
    from matplotlib.collections import LineCollection

    span = np.maximum(np.ptp(places, axis=0), 1e-9)
    height = float(np.clip(7.0 * span[1] / span[0], 2.0, 6.0))
    figure, (axis,) = sheet(heading, size=(8.6, height + 0.4))
    colours = np.full(network.neurons, NEUTRAL, dtype=object)
    for p in network.populations:
        here = colours[network.columns(p.name)]
        for side, colour in zip(types_of(network, p.name), (EXCITATORY, INHIBITORY), strict=True):
            here[side] = colour
    pre, post = synapses
    lines = np.stack([places[pre], places[post]], axis=1)
    axis.add_collection(LineCollection(lines, colors=list(colours[pre]), linewidths=0.5, alpha=0.35))
    size = float(np.clip(4000 / network.neurons, 3, 40))
    for colour, label in ((EXCITATORY, "excitatory"), (INHIBITORY, "inhibitory"), (NEUTRAL, "other")):
        here = colours == colour
        if here.any():
            axis.scatter(*places[here].T, s=size, c=colour, label=label, zorder=3, linewidths=0)
    if len(network.populations) > 1 and named:
        for p in network.populations:
            left, low = places[network.columns(p.name)].min(axis=0)
            axis.annotate(name_of(p.name, 20), (left, low), (0, -12), textcoords="offset points", fontsize=8)
    axis.set(aspect="equal", xticks=[], yticks=[])
    axis.margins(0.05)
    axis.spines[:].set_visible(False)
    beside(axis, title="neurons")
    return figure
