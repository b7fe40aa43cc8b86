"""The pass: scales, registers, exponents, weights and delays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.build import rows
from lsm_deploy.compile.build.portions import chunks
from lsm_deploy.compile.quantise import kernels
from lsm_deploy.compile.quantise.compensate import compensated, is_slow
from lsm_deploy.compile.quantise.cost import FAR, FEW_LEVELS, PopulationCost, ProjectionCost, RoundingLoss
from lsm_deploy.compile.quantise.graded import choose_graded_scale
from lsm_deploy.compile.quantise.grid import exponent_of, in_two, to_grid
from lsm_deploy.compile.quantise.registers import registers_of
from lsm_deploy.compile.quantise.scale import choose_scale
from lsm_deploy.compile.quantise.sources import Sent, in_units, message_of
from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.ir import INPUT, Network, Population, Projection, QNetwork, QPopulation, QProjection
from lsm_deploy.core.neurons import KINDS, membrane
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.threads import together

__all__ = ["quantise_network"]


def quantise_network(
    network: Network, *, compensate: bool | None = None, ceilings: Mapping[str, float] = MappingProxyType({})
) -> tuple[QNetwork, RoundingLoss]:
    """Choose scales, registers and exponents.

    compensate: let thresholds make up for what the integers lose; None: those of slow neurons. ceilings: scales, by
    population, not to exceed.
    """
    # Neurons in integers need no unit in common, unless floats are to be scaled by it.
    asked = {q.source for q in network.projections if isinstance(q, Projection)}
    messages = {INPUT: Sent.of(network.input)}
    for p in network.populations:
        if isinstance(p, Population) or p.name in asked:
            messages[p.name] = message_of(p, network.dt_ms)
    populations: list[QPopulation] = []
    population_costs: list[PopulationCost] = []
    for p in network.populations:
        if isinstance(p, QPopulation):
            populations.append(p)
            continue
        incoming = [
            (in_units(q, messages[q.source]), messages[q.source])
            for q in network.projections
            if isinstance(q, Projection) and q.target == p.name
        ]
        ceiling = ceilings.get(p.name, np.inf)
        if KINDS[p.kind].MESSAGE.graded:
            onto = [[each for each in incoming if each[0].port == port] for port in range(KINDS[p.kind].PORTS)]
            each_scale = [choose_graded_scale(p, each, network.dt_ms, ceiling) for each in onto]
            makes_up = False
        else:
            each_scale = [choose_scale(p, incoming, network.dt_ms, ceiling)]
            makes_up = is_slow(p, network.dt_ms) if compensate is None else compensate
        population, population_cost = _quantise_population(p, each_scale, network.dt_ms, makes_up)
        populations.append(population)
        population_costs.append(population_cost)

    made_of = {p.name: p for p in populations}
    projections: list[QProjection] = []
    costs: list[ProjectionCost] = []
    targets = _Targets(sum(len(q.post) * _parts_of(q) for q in network.projections if isinstance(q, Projection)))
    for q in network.projections:
        if isinstance(q, QProjection):
            projections.append(q)
            continue
        scale = _scale_onto(made_of[q.target], q.port)
        made, cost = _quantise_projection(in_units(q, messages[q.source]), scale, network.dt_ms, targets)
        projections += made
        costs.append(cost)
    quantised = QNetwork(
        network.dt_ms, network.channels, network.sample_interval, tuple(populations), tuple(projections), network.input
    )
    return quantised, RoundingLoss(tuple(population_costs), tuple(costs))


def _quantise_population(
    p: Population, scales: Sequence[float], dt_ms: float, compensate: bool
) -> tuple[QPopulation, PopulationCost]:
    """scales: of each port; a population is said to have that of the first."""
    scale = scales[0]
    parameters, gain = compensated(p, scale, dt_ms) if compensate else (p.parameters, np.ones(1))
    registers, clipped = registers_of(p.kind, parameters, scale, dt_ms)
    if len(scales) > 1:
        registers["shift_in_gate"] = registers["shift_in"] + round(np.log2(scales[1] / scale))
    realised = KINDS[p.kind].to_parameters(registers, scale, dt_ms)
    endless = {name: values >= dt_ms * membrane.NEVER_DECAYS for name, values in parameters.items()}
    infinite = {name: np.isinf(values) & ~endless[name] for name, values in realised.items()}
    # What a range was asked to be is no parameter of the neuron's any more.
    far = {
        name: int((_is_far(parameters[name], realised[name]) & ~np.isinf(realised[name])).sum()) for name in realised
    }
    cost = PopulationCost(
        name=p.name,
        scale=scale,
        asked=_means({name: p.parameters[name] for name in realised}),
        realised=_means(realised),
        compensation=float(gain.mean()),
        clipped=clipped,
        far=far,
        infinite={name: int(values.sum()) for name, values in infinite.items()},
    )
    return QPopulation(p.name, p.kind, p.size, registers, scale), cost


def _scale_onto(p: QPopulation, port: int) -> float:
    return float(KINDS[p.kind].sum_units(p.registers, p.scale, port)[0]) if port else p.scale


def _is_far(asked: Floats, realised: Floats) -> NDArray[np.bool_]:
    far: NDArray[np.bool_] = ~(np.abs(realised - asked) <= FAR * np.abs(asked))
    return far


def _means(parameters: Mapping[str, Floats]) -> dict[str, float]:
    return {name: float(np.mean(values)) for name, values in parameters.items()}


class _Targets:
    """Room for the targets of all projections, one behind the other: placing reads them as they lie, uncopied.

    Whoever is given a part of it sees an array that nobody writes to; here it is written through a view from before.
    """

    def __init__(self, room: int) -> None:
        self._all = np.empty(room, np.int32)
        self._writable, self._used = self._all[:], 0
        self._all.setflags(write=False)

    def put(self, post: NDArray[np.int32], chosen: NDArray[np.bool_], count: int) -> NDArray[np.int32]:
        """The `count` targets that are chosen, here."""
        here = slice(self._used, self._used + count)
        rows.take(post, chosen, self._writable[here])
        self._used += count
        return self._all[here]


def _parts_of(p: Projection) -> int:
    """How many integer projections it may become: of more than 8 bits two, a coarse and a fine one."""
    return 2 if p.weight_bits > fixed.WEIGHT_BITS else 1


def _quantise_projection(
    p: Projection, scale: float, dt_ms: float, targets: _Targets
) -> tuple[list[QProjection], ProjectionCost]:
    """The integer projection; of more than 8 bits two, a coarse and a fine one, on the same sums."""
    exponent = exponent_of(p, scale)
    finer = min(max(p.weight_bits - fixed.WEIGHT_BITS, 0), exponent)
    weights, delays = np.empty(len(p.weight), np.int16), np.empty(len(p.weight), np.uint8)
    seen = np.zeros(fixed.WEIGHT_LIMIT - fixed.LEAST_WEIGHT + 1, bool)
    rounding: list[Callable[[], tuple[Any, ...]]] = [
        partial(to_grid, p, scale, exponent, weights, seen),
        partial(kernels.to_steps, p.delay_ms, dt_ms, MAX_DELAY, delays),
    ]
    (error, size, clipped), (late, far, error_ms) = together(rounding, len(weights))
    levels = int(np.count_nonzero(seen) - seen[-fixed.LEAST_WEIGHT])
    fine = np.zeros(0, np.int16)
    if finer:
        weights, fine, error = in_two(p, scale, exponent, finer)
        levels = len(np.unique((weights.astype(np.int32) << finer) + fine))
    lost = len(weights) - int(np.count_nonzero((weights | fine) if finer else weights))
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
    bits = min(p.weight_bits, fixed.WEIGHT_BITS)
    if not fine.any():
        return [_chosen(p, p.name, bits, exponent, weights, delays, targets)], cost
    return [
        _chosen(p, f"{p.name}:coarse", bits, exponent, weights, delays, targets),
        _chosen(p, f"{p.name}:fine", bits, exponent - finer, fine, delays, targets),
    ], cost


def _chosen(
    p: Projection,
    name: str,
    bits: int,
    exponent: int,
    weights: NDArray[np.int16],
    delays: NDArray[np.uint8],
    targets: _Targets,
) -> QProjection:
    """The synapses whose weight is not 0."""
    present = weights != 0
    indptr = rows.count_chosen(p.indptr, present)
    count = int(indptr[-1])

    def taken(values: NDArray[Any]) -> NDArray[Any]:
        return values if count == len(values) else rows.take(values, present, np.empty(count, values.dtype))

    post, weights, delays = together(
        [partial(targets.put, p.post, present, count), partial(taken, weights), partial(taken, delays)], len(present)
    )
    return QProjection(
        name=name,
        source=p.source,
        target=p.target,
        sign_mode=p.sign_mode,
        num_weight_bits=bits,
        weight_exp=exponent,
        indptr=indptr,
        post=post,
        weights=weights,
        delays=delays,
        port=p.port,
    )


def _has_many_values(weight: Floats) -> bool:
    levels: set[float] = set()
    for part in chunks(len(weight)):
        levels.update(np.unique(weight[part])[: FEW_LEVELS + 1].tolist())
        if len(levels) > FEW_LEVELS:
            return True
    return False
