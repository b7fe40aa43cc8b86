"""The pass: scales, registers, exponents, weights and delays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build import rows
from lsm_deploy.compile.build.portions import chunks
from lsm_deploy.compile.quantise import kernels
from lsm_deploy.compile.quantise.compensate import compensated, is_slow
from lsm_deploy.compile.quantise.cost import FAR, FEW_LEVELS, PopulationCost, ProjectionCost, RoundingLoss
from lsm_deploy.compile.quantise.grid import exponent_of, to_grid
from lsm_deploy.compile.quantise.registers import registers_of
from lsm_deploy.compile.quantise.scale import choose_scale
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.ir import INPUT, Network, Population, Projection, QNetwork, QPopulation, QProjection
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["quantise_network"]


def quantise_network(
    network: Network, *, compensate: bool | None = None, ceilings: Mapping[str, float] = MappingProxyType({})
) -> tuple[QNetwork, RoundingLoss]:
    """Choose scales, registers and exponents.

    compensate: let thresholds make up for what the integers lose; None: those of slow neurons. ceilings: scales, by
    population, not to exceed.
    """
    signed = {p.name: KINDS[p.kind].SIGNED for p in network.populations} | {INPUT: False}
    populations: list[QPopulation] = []
    population_costs: list[PopulationCost] = []
    for p in network.populations:
        if isinstance(p, QPopulation):
            populations.append(p)
            continue
        incoming = [q for q in network.projections if isinstance(q, Projection) and q.target == p.name]
        scale = choose_scale(
            p, incoming, [signed[q.source] for q in incoming], network.dt_ms, ceilings.get(p.name, np.inf)
        )
        makes_up = is_slow(p, network.dt_ms) if compensate is None else compensate
        population, population_cost = _quantise_population(p, scale, network.dt_ms, makes_up)
        populations.append(population)
        population_costs.append(population_cost)

    scales = {p.name: p.scale for p in populations}
    projections: list[QProjection] = []
    costs: list[ProjectionCost] = []
    for q in network.projections:
        if isinstance(q, QProjection):
            projections.append(q)
            continue
        projection, cost = _quantise_projection(q, scales[q.target], network.dt_ms)
        projections.append(projection)
        costs.append(cost)
    quantised = QNetwork(
        network.dt_ms, network.channels, network.sample_interval, tuple(populations), tuple(projections)
    )
    return quantised, RoundingLoss(tuple(population_costs), tuple(costs))


def _quantise_population(
    p: Population, scale: float, dt_ms: float, compensate: bool
) -> tuple[QPopulation, PopulationCost]:
    parameters, gain = compensated(p, scale, dt_ms) if compensate else (p.parameters, np.ones(1))
    registers, clipped = registers_of(p.kind, parameters, scale, dt_ms)
    realised = KINDS[p.kind].to_parameters(registers, scale, dt_ms)
    infinite = {name: np.isinf(values) for name, values in realised.items()}
    far = {name: int((_is_far(asked, realised[name]) & ~infinite[name]).sum()) for name, asked in parameters.items()}
    cost = PopulationCost(
        name=p.name,
        scale=scale,
        asked=_means(p.parameters),
        realised=_means(realised),
        compensation=float(gain.mean()),
        clipped=clipped,
        far=far,
        infinite={name: int(values.sum()) for name, values in infinite.items()},
    )
    return QPopulation(p.name, p.kind, p.size, registers, scale), cost


def _is_far(asked: Floats, realised: Floats) -> NDArray[np.bool_]:
    far: NDArray[np.bool_] = ~(np.abs(realised - asked) <= FAR * np.abs(asked))
    return far


def _means(parameters: Mapping[str, Floats]) -> dict[str, float]:
    return {name: float(np.mean(values)) for name, values in parameters.items()}


def _quantise_projection(p: Projection, scale: float, dt_ms: float) -> tuple[QProjection, ProjectionCost]:
    exponent = exponent_of(p, scale)
    weights, delays = np.empty(len(p.weight), np.int16), np.empty(len(p.weight), np.uint8)
    seen = np.zeros(fixed.WEIGHT_LIMIT - fixed.LEAST_WEIGHT + 1, bool)
    error, size, clipped = to_grid(p, scale, exponent, weights, seen)
    late, far, error_ms = kernels.to_steps(p.delay_ms, dt_ms, MAX_DELAY, delays)
    present = weights != 0
    lost = len(weights) - int(np.count_nonzero(present))
    levels = int(np.count_nonzero(seen) - seen[-fixed.LEAST_WEIGHT])
    cost = ProjectionCost(
        name=p.name,
        synapses=len(weights),
        weight_exp=exponent,
        num_weight_bits=p.weight_bits,
        levels=levels,
        rounded_to_zero=lost,
        clipped=clipped,
        collapsed=levels < FEW_LEVELS and _has_many_values(p.weight),
        delays_clipped=late,
        delays_far=far,
        delay_error_ms=error_ms,
        rms_error=float(np.sqrt(error / max(size, 1e-300))),
    )
    quantised = QProjection(
        name=p.name,
        source=p.source,
        target=p.target,
        sign_mode=p.sign_mode,
        num_weight_bits=p.weight_bits,
        weight_exp=exponent,
        indptr=rows.count_chosen(p.indptr, present) if lost else p.indptr,
        post=p.post[present] if lost else p.post,
        weights=weights[present] if lost else weights,
        delays=delays[present] if lost else delays,
    )
    return quantised, cost


def _has_many_values(weight: Floats) -> bool:
    levels: set[float] = set()
    for part in chunks(len(weight)):
        levels.update(np.unique(weight[part])[: FEW_LEVELS + 1].tolist())
        if len(levels) > FEW_LEVELS:
            return True
    return False
