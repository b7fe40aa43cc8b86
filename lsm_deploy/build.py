"""Spec -> Network: types, wiring, delays and weights are drawn from the seed.

Where a population follows Dale's law its synapses carry its neurons' signs; synapses of either sign become projections
of their own, because one negative weight would coarsen the grid of all others on the chip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lsm_deploy import explicit, fixed
from lsm_deploy.errors import LsmError, raise_all
from lsm_deploy.ir import INPUT, Network, Population, Projection, QPopulation, QProjection, SignMode
from lsm_deploy.neurons import KINDS, breaks_bound
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.spec import Spec, schema
from lsm_deploy.streams import stream
from lsm_deploy.wiring import connect

__all__ = ["build"]


def build(spec: Spec) -> Network:
    """Sample the network that a spec describes; the same spec gives the same network everywhere."""
    errors: list[LsmError] = []
    populations: list[Population | QPopulation] = []
    for name, section in spec.populations.items():
        try:
            populations.append(_population(name, section, spec.seed))
        except LsmError as error:
            errors += error.each()
    types = {name: _inhibitory(name, section, spec.seed) for name, section in spec.populations.items()}
    projections: list[Projection | QProjection] = []
    for i, projection in enumerate(spec.projections):
        twins = [p.name for p in spec.projections[:i]].count(projection.name)
        name = f"{projection.name}#{twins + 1}" if twins else projection.name
        try:
            projections += _projection(name, projection, spec, types)
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    interval = spec.samples.steps or 0
    return Network(spec.dt_ms, spec.input.spike_channels, interval, tuple(populations), tuple(projections))


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
        parameters[field] = _draw(getattr(neuron, field), size, rng, allowed, where)
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
    return np.indices(section.grid).reshape(3, -1).T.astype(np.float64)


# --- values ---------------------------------------------------------------------------------------------------------


def _draw(
    value: Any, size: int, rng: np.random.Generator, allowed: Callable[[Floats], NDArray[np.bool_]], where: str
) -> Floats:
    """`size` draws; those that are not allowed are drawn again, which truncates the distribution."""
    values = _draw_once(value, size, rng)
    for _ in range(100):
        if (bad := ~allowed(values)).any():
            values[bad] = _draw_once(value, int(bad.sum()), rng)
        else:
            return values
    raise LsmError(
        f"{int(bad.sum())} of {size} draws are still out of range after 100 tries, such as {values[bad][0]:g}",
        where=where,
        hint="move the distribution into the allowed range, or narrow it",
    )


def _draw_once(value: Any, size: int, rng: np.random.Generator) -> Floats:
    match value:
        case float() | int():
            return np.full(size, float(value))
        case schema.Constant(value=constant):
            return np.full(size, constant)
        case schema.Uniform(low=low, high=high):
            return fixed.stable(low + (high - low) * rng.random(size))
        case schema.Normal(mean=mean, std=std):
            return fixed.stable(mean + std * rng.standard_normal(size))
        case schema.Lognormal(mean=mean, std=std):
            variance = np.log1p((std / mean) ** 2)
            log_mean = np.log(mean) - variance / 2
            return fixed.stable(np.exp(log_mean + np.sqrt(variance) * rng.standard_normal(size)))
        case schema.Gamma(mean=mean, std=std):
            return fixed.stable(rng.standard_gamma((mean / std) ** 2, size) * std**2 / mean)
    raise AssertionError(value)


# --- projections ----------------------------------------------------------------------------------------------------


def _projection(
    name: str, section: schema.Projection, spec: Spec, types: dict[str, NDArray[np.bool_]]
) -> list[Projection | QProjection]:
    source = None if section.source == INPUT else spec.populations[section.source]
    target = spec.populations[section.target]
    sources = spec.input.spike_channels if source is None else source.neurons
    where = f"projection {name!r}"
    dale = source is not None and source.inhibitory_fraction is not None

    weight_bits = section.weight_bits or spec.quantise.weight_bits

    if isinstance(section.topology, schema.Explicit):
        shape = (target.neurons, sources)
        if section.topology.exact:
            mixed = section.sign_mode == "mixed"
            matrix = explicit.load_integers(section.topology.file, shape)
            ends = (section.source, section.target)
            return list(
                explicit.exact_projections(
                    name, *ends, matrix, section.topology.weight_exp, weight_bits, mixed, where=where
                )
            )
        pre, post, weight, delay_steps = explicit.load_floats(section.topology.file, shape)
        delay = delay_steps * spec.dt_ms if delay_steps is not None else None
        if delay is not None and section.delay_ms != 0.0:
            what = f"delay_ms is given, but {section.topology.file.name} brings delays with it"
            raise LsmError(what, where=where, hint="remove one of them")
    else:
        rng = stream(spec.seed, "wiring", name)
        pre, post = connect(
            section.topology,
            sources,
            target.neurons,
            section.source == section.target,
            _positions(target),
            types[section.target],
            rng,
        )
        pre_types = types[section.source][pre] if source is not None else np.zeros(len(pre), bool)
        weight = _weights(section, dale, pre_types, types[section.target][post], spec.seed, name)
        delay = None
        if dale:
            weight = np.where(pre_types, -weight, weight)

    if delay is None:
        delay = _delays(section, pre, post, _positions(source), _positions(target), spec.seed, name)
    if section.spectral_radius is not None:
        weight = weight * _spectral_factor(section.spectral_radius, pre, post, weight, target.neurons, where)
    if not np.abs(weight).any():
        raise LsmError("no synapse was drawn, or all weights are 0", where=where, hint="raise its density or weight")
    return _by_sign(name, section, weight_bits, sources, pre, post, fixed.stable(weight), delay)


def _weights(
    section: schema.Projection,
    dale: bool,
    pre_inhibitory: NDArray[np.bool_],
    post_inhibitory: NDArray[np.bool_],
    seed: int,
    name: str,
) -> Floats:
    def allowed(values: Floats) -> NDArray[np.bool_]:
        return np.isfinite(values) & ((values >= 0) | (not dale))

    value = section.weight
    where = f"projection {name!r}, weight"
    if not isinstance(value, schema.PerType):
        return _draw(value, len(pre_inhibitory), stream(seed, "weight", name), allowed, where)
    weight = np.zeros(len(pre_inhibitory))
    for kind, first, second in (("EE", 0, 0), ("EI", 0, 1), ("IE", 1, 0), ("II", 1, 1)):
        chosen = (pre_inhibitory == first) & (post_inhibitory == second)
        rng = stream(seed, "weight", name, kind)
        weight[chosen] = _draw(getattr(value, kind), int(chosen.sum()), rng, allowed, where)
    return weight


def _delays(
    section: schema.Projection,
    pre: NDArray[np.int64],
    post: NDArray[np.int64],
    source_positions: Floats,
    target_positions: Floats,
    seed: int,
    name: str,
) -> Floats:
    if isinstance(section.delay_ms, schema.DelayByDistance):
        distance = np.sqrt(((source_positions[pre] - target_positions[post]) ** 2).sum(axis=1))
        return fixed.stable(section.delay_ms.offset_ms + section.delay_ms.per_unit_ms * distance)
    rng = stream(seed, "delay", name)
    return _draw(section.delay_ms, len(pre), rng, lambda values: values >= 0, f"projection {name!r}, delay_ms")


def _spectral_factor(
    radius: float, pre: NDArray[np.int64], post: NDArray[np.int64], weight: Floats, size: int, where: str
) -> float:
    """What the weights are to be multiplied by, so that their largest eigenvalue has this magnitude."""
    if size <= 1000:
        dense = np.zeros((size, size))
        np.add.at(dense, (post, pre), weight)
        now = float(np.abs(np.linalg.eigvals(dense)).max())
    else:
        matrix = sparse.csc_array((weight, (post, pre)), shape=(size, size))
        start = stream(0, "arnoldi", size).random(size)  # fixed, or the result would vary in its last digits
        try:
            now = float(np.abs(sparse.linalg.eigs(matrix, k=1, v0=start, tol=1e-12, return_eigenvectors=False)[0]))
        except sparse.linalg.ArpackError as error:
            raise LsmError(
                f"its spectral radius could not be computed: {error}", where=where, hint="scale the weights yourself"
            ) from None
    if now < 1e-9 * float(np.abs(weight).max(initial=1e-300)):
        raise LsmError(
            "its weights have a spectral radius of 0: there is no cycle to scale", where=where, hint="make it denser"
        )
    return float(f"{radius / now:.6g}")


def _by_sign(
    name: str,
    section: schema.Projection,
    weight_bits: int,
    sources: int,
    pre: NDArray[np.int64],
    post: NDArray[np.int64],
    weight: Floats,
    delay: Floats,
) -> list[Projection | QProjection]:
    """One projection for each sign that occurs; a synapse of weight 0 is none."""

    def part(name: str, sign_mode: SignMode, chosen: NDArray[np.bool_]) -> Projection:
        indptr = np.concatenate([[0], np.cumsum(np.bincount(pre[chosen], minlength=sources))])
        return Projection(
            name=name,
            source=section.source,
            target=section.target,
            sign_mode=sign_mode,
            weight_bits=weight_bits,
            indptr=indptr,
            post=post[chosen].astype(np.int32),
            weight=weight[chosen],
            delay_ms=delay[chosen],
        )

    if section.sign_mode == "mixed":
        return [part(name, "mixed", weight != 0)]
    parts = []
    if (weight > 0).any():
        parts.append(part(f"{name}:exc", "excitatory", weight > 0))
    if (weight < 0).any():
        parts.append(part(f"{name}:inh", "inhibitory", weight < 0))
    return list(parts)
