"""Spec -> Network: types, wiring, delays and weights are drawn from the seed.

Where a population follows Dale's law its synapses carry its neurons' signs; synapses of either sign become projections
of their own, because one negative weight would coarsen the grid of all others on the chip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lsm_deploy.compile.build import rows
from lsm_deploy.compile.build.draws import draw, fill
from lsm_deploy.compile.build.files import network_in_file
from lsm_deploy.compile.build.portions import chunks
from lsm_deploy.compile.build.spectrum import spectral_factor
from lsm_deploy.compile.build.wiring import connect
from lsm_deploy.core import fixed
from lsm_deploy.core.activations import GATES
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.ir import INPUT, Network, Population, Projection, QPopulation, QProjection, SignMode
from lsm_deploy.core.neurons import KINDS, breaks_bound
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.core.threads import parts, together
from lsm_deploy.formats import edges
from lsm_deploy.spec import Spec, schema
from lsm_deploy.spec.values import Uniform

__all__ = ["build_network"]


def build_network(spec: Spec) -> Network:
    """Sample the network that a spec describes; the same spec gives the same network everywhere."""
    errors: list[LsmError] = []
    populations: list[Population | QPopulation] = []
    for name, section in spec.drawn.items():
        try:
            populations.append(_population(name, section, spec.seed))
        except LsmError as error:
            errors += error.each()
    types = {name: _inhibitory(name, section, spec.seed) for name, section in spec.drawn.items()}
    projections: list[Projection | QProjection] = []
    for i, projection in enumerate(spec.projections):
        twins = [p.name for p in spec.projections[:i]].count(projection.name)
        name = f"{projection.name}#{twins + 1}" if twins else projection.name
        try:
            made = _projection(name, projection, spec, types)
            projections += [replace(p, port=1) for p in made] if projection.port == "gate" else made
        except LsmError as error:
            errors += error.each()
    for name, read in spec.read.items():
        try:
            network = network_in_file(name, read, spec)
            populations += network.populations
            projections += network.projections
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    interval = spec.samples.steps or 0
    message = spec.input.message
    return Network(spec.dt_ms, spec.input.spike_channels, interval, tuple(populations), tuple(projections), message)


def _population(name: str, section: schema.Population, seed: int) -> Population | QPopulation:
    neuron, size = section.neuron, section.neurons
    kind = KINDS[neuron.kind]
    if neuron.registers is not None:
        registers = {
            field: np.full(size, getattr(neuron.registers, field), np.int64)
            for field in kind.Registers.__dataclass_fields__
        }
        return QPopulation(name, neuron.kind, size, registers)
    parameters = {}
    for field in kind.Parameters.__dataclass_fields__:
        rng = stream(seed, "parameter", name, field)

        def allowed(values: Floats, field: str = field) -> NDArray[np.bool_]:
            return ~breaks_bound(kind.Parameters, field, values)

        where = f"population {name!r}, {field}"
        value = getattr(neuron, field)
        if isinstance(value, str):  # an activation, by its number
            parameters[field] = np.full(size, float(GATES.index(value)))
            continue
        parameters[field] = draw(value, size, rng, allowed, where)
    return Population(name, neuron.kind, size, parameters)


def _inhibitory(name: str, section: schema.Population, seed: int) -> NDArray[np.bool_]:
    size = section.neurons
    count = round((section.inhibitory_fraction or 0.0) * size)
    ranks = np.argsort(stream(seed, "inhibitory", name).random(size), kind="stable")
    inhibitory = np.zeros(size, bool)
    inhibitory[ranks[:count]] = True
    return inhibitory


def _positions(section: schema.Population | None) -> Floats:
    """`[neuron, 3]` on the grid, the last axis fastest; empty without one."""
    if section is None or section.grid is None:
        return np.zeros((0, 3))
    return np.ascontiguousarray(np.indices(section.grid).reshape(3, -1).T, np.float64)


# --- projections ----------------------------------------------------------------------------------------------------


def _projection(
    name: str, section: schema.Projection, spec: Spec, types: dict[str, NDArray[np.bool_]]
) -> list[Projection | QProjection]:
    source = None if section.source == INPUT else spec.drawn[section.source]
    target = spec.drawn[section.target]
    sources = spec.input.spike_channels if source is None else source.neurons
    where = f"projection {name!r}"
    dale = source is not None and source.inhibitory_fraction is not None

    weight_bits = section.weight_bits or spec.quantise.weight_bits

    if isinstance(section.topology, schema.Explicit):
        shape = (target.neurons, sources)
        if section.topology.exact:
            mixed = section.sign_mode == "mixed"
            matrix = edges.load_integers(section.topology.file, shape)
            ends = (section.source, section.target)
            return list(
                edges.exact_projections(
                    name, *ends, matrix, section.topology.weight_exp, weight_bits, mixed, where=where
                )
            )
        indptr, post, weight, delay_steps = edges.load_floats(section.topology.file, shape)
        if delay_steps is None:
            delay = _delays(section, indptr, post, _positions(source), _positions(target), spec.seed, name)
        elif section.delay_ms == 0.0:
            delay = delay_steps * spec.dt_ms
        else:
            what = f"delay_ms is given, but {section.topology.file.name} brings delays with it"
            raise LsmError(what, where=where, hint="remove one of them")
    else:
        rng = stream(spec.seed, "wiring", name)
        indptr, post = connect(
            section.topology,
            sources,
            target.neurons,
            section.source == section.target,
            target.grid,
            types[section.target],
            rng,
        )
        # The input's channels excite.
        pre_types = np.zeros(sources, bool) if source is None else types[section.source]
        weights = partial(_weights, section, dale, indptr, post, pre_types, types[section.target], spec.seed, name)
        delays = partial(_delays, section, indptr, post, _positions(source), _positions(target), spec.seed, name)
        weight, delay = together([weights, delays], len(post))
    factor = 1.0
    if section.spectral_radius is not None:
        matrix = sparse.csc_array((weight, post, indptr), shape=(target.neurons, target.neurons))
        factor = spectral_factor(section.spectral_radius, matrix, where)
    if section.input_scaling is not None:
        factor *= section.input_scaling
    gain: Floats | float
    if isinstance(section.gain, schema.PerTypeGain):
        of_kinds = np.array([getattr(section.gain, kind) for kind in _KINDS])
        gain = of_kinds[_kinds(indptr, post, types[section.source], types[section.target])]
    else:
        gain = section.gain

    def scale(low: int, high: int) -> None:
        for part in chunks(high, low):
            weight[part] *= factor
            weight[part] *= gain[part] if isinstance(gain, np.ndarray) else gain
            weight[part] = fixed.stable(weight[part])

    together([partial(scale, *part) for part in parts(len(post), len(post))], len(post))
    if not weight.any():
        raise LsmError("no synapse was drawn, or all weights are 0", where=where, hint="raise its density or weight")
    return _by_sign(name, section, weight_bits, indptr, post, weight, delay)


def _weights(
    section: schema.Projection,
    dale: bool,
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    pre_inhibitory: NDArray[np.bool_],
    post_inhibitory: NDArray[np.bool_],
    seed: int,
    name: str,
) -> Floats:
    def allowed(values: Floats) -> NDArray[np.bool_]:
        return np.isfinite(values) & ((values >= 0) | (not dale))

    value = section.weight
    if value is None:  # as echo state networks draw those of their input
        value = Uniform("uniform", low=-1.0, high=1.0)
    where = f"projection {name!r}, weight"
    if not isinstance(value, schema.PerType):
        weight = draw(value, len(post), stream(seed, "weight", name), allowed, where)
    else:
        weight, kinds = np.empty(len(post)), _kinds(indptr, post, pre_inhibitory, post_inhibitory)

        def of_kind(number: int, kind: str) -> None:
            rng = stream(seed, "weight", name, kind)
            places = (part.start + np.flatnonzero(kinds[part] == number) for part in chunks(len(post)))
            fill(weight, places, getattr(value, kind), rng, allowed, where)

        together([partial(of_kind, *each) for each in enumerate(_KINDS)], len(post))
    if dale:
        rows.turn_sign(indptr, pre_inhibitory, weight)
    return weight


_KINDS = ("EE", "EI", "IE", "II")


def _kinds(
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    pre_inhibitory: NDArray[np.bool_],
    post_inhibitory: NDArray[np.bool_],
) -> NDArray[np.int8]:
    """Which of `_KINDS` each synapse is."""
    kinds = np.empty(len(post), np.int8)
    rows.mark(indptr, post, pre_inhibitory, post_inhibitory, kinds)
    return kinds


def _delays(
    section: schema.Projection,
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    source_positions: Floats,
    target_positions: Floats,
    seed: int,
    name: str,
) -> Floats:
    if not isinstance(section.delay_ms, schema.DelayByDistance):
        rng = stream(seed, "delay", name)
        return draw(section.delay_ms, len(post), rng, lambda values: values >= 0, f"projection {name!r}, delay_ms")
    delay = rows.distances(indptr, post, source_positions, target_positions)
    by_distance = section.delay_ms

    def lengthen(low: int, high: int) -> None:
        for part in chunks(high, low):
            delay[part] = fixed.stable(by_distance.offset_ms + by_distance.per_unit_ms * delay[part])

    together([partial(lengthen, *part) for part in parts(len(post), len(post))], len(post))
    return delay


def _by_sign(
    name: str,
    section: schema.Projection,
    weight_bits: int,
    indptr: NDArray[np.int64],
    post: NDArray[np.int32],
    weight: Floats,
    delay: Floats,
) -> list[Projection | QProjection]:
    """One projection for each sign that occurs; a synapse of weight 0 is none."""

    def part(label: str, sign_mode: SignMode, indptr: NDArray[np.int64], values: Sequence[NDArray[Any]]) -> Projection:
        ends = (section.source, section.target)
        post, weight, delay = values
        return Projection(f"{name}{label}", *ends, sign_mode, weight_bits, indptr, post, weight, delay)

    values = (post, weight, delay)
    if (none := weight == 0).any():
        indptr, *_ = _take_out(indptr, values, none)
    if section.sign_mode == "mixed":
        return [part("", "mixed", indptr, values)]
    negative = weight < 0
    if negative.all():
        return [part(":inh", "inhibitory", indptr, values)]
    if not negative.any():
        return [part(":exc", "excitatory", indptr, values)]
    indptr, inhibitory_indptr, inhibitory = _take_out(indptr, values, negative)
    return [part(":exc", "excitatory", indptr, values), part(":inh", "inhibitory", inhibitory_indptr, inhibitory)]


def _take_out(
    indptr: NDArray[np.int64], values: Sequence[NDArray[Any]], out: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Sequence[NDArray[Any]]]:
    """Leave in `values`, in their memory, what is not `out`; the rows that stay, those taken out, and their values."""
    taken = rows.count_chosen(indptr, out)
    apart = [np.empty(taken[-1], array.dtype) for array in values]
    together([partial(rows.take_out, array, out, other) for array, other in zip(values, apart, strict=True)], len(out))
    return indptr - taken, taken, apart
