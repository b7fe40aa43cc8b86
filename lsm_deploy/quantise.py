"""Network -> QNetwork, and what it cost.

All synapses onto a neuron share its `u`, `v` and `vth`, so a population has one scale S for threshold, bias and every
incoming weight: vth = S * v_threshold, and weights << weight_exp = S * weight. A projection chooses only its exponent.

The scale: as large as the registers allow (threshold with headroom, bias, weights of 255 << 7), because what the decays
truncate in every step weighs less then; and, within a factor of two below that, where the weights lose least: each
projection proposes the scale that puts its largest weight on the largest mantissa, and the proposal with the smallest
squared rounding error over all incoming weights wins.

Nothing is lost in silence: `Cost` counts what was rounded to zero or clipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsm_deploy import fixed, loops
from lsm_deploy.ir import Network, Population, Projection, QNetwork, QPopulation, QProjection
from lsm_deploy.neurons import KINDS, bounds
from lsm_deploy.neurons.kind import Floats
from lsm_deploy.target import MAX_DELAY, MAX_WEIGHT_EXP

__all__ = ["Cost", "PopulationCost", "ProjectionCost", "quantise"]


FAR = 0.1


@dataclass(frozen=True)
class PopulationCost:
    """Parameters asked for and realised, as means over the population, and what could not be held."""

    name: str
    scale: float
    asked: Mapping[str, float]
    realised: Mapping[str, float]
    clipped: Mapping[str, int]
    """Values of each register that had to be clipped to its bounds."""
    far: Mapping[str, int]
    """Values of each parameter that are realised more than a tenth off: rounded to nothing, or out of reach."""


@dataclass(frozen=True)
class ProjectionCost:
    """What became of a projection's weights and delays."""

    name: str
    synapses: int
    weight_exp: int
    num_weight_bits: int
    levels: int
    """Different weights that are left."""
    rounded_to_zero: int
    """Synapses whose weight is less than half a step of the grid; they are gone."""
    clipped: int
    """Weights beyond the end of the grid at the largest exponent."""
    delays_clipped: int
    """Delays beyond 62 steps."""
    delay_error_ms: float
    """The largest change of a delay."""
    rms_error: float
    """Of the weights, as a share of their root mean square."""


@dataclass(frozen=True)
class Cost:
    """What quantisation changed; exact parts cost nothing and are not listed."""

    populations: tuple[PopulationCost, ...]
    projections: tuple[ProjectionCost, ...]

    @property
    def losses(self) -> Sequence[str]:
        """Each lossy step beyond rounding to the grid, as a sentence."""
        found = []
        for p in self.populations:
            here = f"of population {p.name!r}"
            found += [f"{count} values of {r} {here} clipped" for r, count in p.clipped.items() if count]
            found += [f"{count} values of {r} {here} off by more than 10 %" for r, count in p.far.items() if count]
        for q in self.projections:
            what = f"of {q.synapses} synapses of {q.name!r}"
            found += [f"{q.rounded_to_zero} {what} rounded to zero"] if q.rounded_to_zero else []
            found += [f"weights {what} clipped: {q.clipped}"] if q.clipped else []
            found += [f"delays {what} clipped to {MAX_DELAY} steps: {q.delays_clipped}"] if q.delays_clipped else []
        return found


def quantise(network: Network) -> tuple[QNetwork, Cost]:
    """Choose scales, registers and exponents."""
    populations: list[QPopulation] = []
    population_costs: list[PopulationCost] = []
    for p in network.populations:
        if isinstance(p, QPopulation):
            populations.append(p)
            continue
        incoming = [q for q in network.projections if isinstance(q, Projection) and q.target == p.name]
        scale = _choose_scale(p, incoming)
        population, population_cost = _quantise_population(p, scale, network.dt_ms)
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
    return quantised, Cost(tuple(population_costs), tuple(costs))


def _choose_scale(population: Population, incoming: Sequence[Projection]) -> float:
    # The scale at which each projection's largest weight is the largest on its grid, at exponent 0.
    aligned = []
    for p in incoming:
        low, high, _ = _range(p)
        aligned.append((high or -low) / _largest(p))
    limit = KINDS[population.kind].largest_scale(population.parameters)
    limit = min([limit, *(scale * (1 << MAX_WEIGHT_EXP) for scale in aligned)])
    candidates = [limit]
    for scale in aligned:
        exponent = np.floor(np.log2(limit / scale))
        if exponent >= 0:
            candidates.append(scale * 2.0**exponent)
    stable = [float(scale) for scale in fixed.stable(np.array(candidates))]

    def error(scale: float) -> float:
        total = sum(_to_grid(p, scale, _exponent(p, scale), _NOT_KEPT, _NOT_SEEN)[0] for p in incoming)
        return float(fixed.stable(np.array(total)))

    return min(stable, key=lambda scale: (error(scale), -scale))


def _largest(p: Projection) -> float:
    return float(max(p.weight.max(initial=0.0), -p.weight.min(initial=0.0)))


def _range(p: Projection) -> tuple[int, int, int]:
    """The smallest and the largest weight that the projection's grid holds, and the step between them."""
    mixed = p.sign_mode == "mixed"
    step = fixed.grid(p.weight_bits, mixed)
    high = (254 if mixed else fixed.WEIGHT_LIMIT) // step * step
    return (-256 if mixed else -high), high, step


def _exponent(p: Projection, scale: float) -> int:
    """The smallest exponent at which the largest weight fits."""
    low, high, _ = _range(p)
    largest = fixed.stable(np.array(_largest(p) * scale))
    fitting = [e for e in range(MAX_WEIGHT_EXP + 1) if np.rint(largest / (1 << e)) <= (high or -low)]
    return fitting[0] if fitting else MAX_WEIGHT_EXP


_NOT_KEPT, _NOT_SEEN = np.zeros(0, np.int16), np.zeros(0, bool)


def _to_grid(
    p: Projection, scale: float, exponent: int, weights: NDArray[np.int16], seen: NDArray[np.bool_]
) -> tuple[float, float, int]:
    """The nearest weights on the grid, in `weights`: see `loops.to_grid`."""
    low, high, step = _range(p)
    factor, unit = scale / (1 << exponent) / step, (1 << exponent) / scale
    return loops.to_grid(p.weight, factor, step, low, high, unit, weights, seen)


def _quantise_population(p: Population, scale: float, dt_ms: float) -> tuple[QPopulation, PopulationCost]:
    kind = KINDS[p.kind]
    registers, clipped = {}, {}
    for name, values in kind.quantise(p.parameters, scale, dt_ms).items():
        low, high = bounds(kind.Registers, name)
        registers[name] = np.clip(values, int(low), int(high))
        clipped[name] = int((registers[name] != values).sum())
    realised = kind.realise(registers, scale, dt_ms)
    far = {name: int(_is_far(asked, realised[name]).sum()) for name, asked in p.parameters.items()}
    cost = PopulationCost(p.name, scale, _means(p.parameters), _means(realised), clipped, far)
    return QPopulation(p.name, p.kind, p.size, registers, scale), cost


def _is_far(asked: Floats, realised: Floats) -> NDArray[np.bool_]:
    far: NDArray[np.bool_] = ~(np.abs(realised - asked) <= FAR * np.abs(asked))
    return far


def _means(parameters: Mapping[str, Floats]) -> dict[str, float]:
    return {name: float(np.mean(values)) for name, values in parameters.items()}


def _quantise_projection(p: Projection, scale: float, dt_ms: float) -> tuple[QProjection, ProjectionCost]:
    exponent = _exponent(p, scale)
    weights, delays = np.empty(len(p.weight), np.int16), np.empty(len(p.weight), np.uint8)
    seen = np.zeros(512, bool)
    error, size, clipped = _to_grid(p, scale, exponent, weights, seen)
    late, far = loops.to_steps(p.delay_ms, dt_ms, MAX_DELAY, delays)
    kept = weights != 0
    lost = len(weights) - int(np.count_nonzero(kept))
    cost = ProjectionCost(
        name=p.name,
        synapses=len(weights),
        weight_exp=exponent,
        num_weight_bits=p.weight_bits,
        levels=int(np.count_nonzero(seen) - seen[256]),
        rounded_to_zero=lost,
        clipped=clipped,
        delays_clipped=late,
        delay_error_ms=far,
        rms_error=float(np.sqrt(error / max(size, 1e-300))),
    )
    quantised = QProjection(
        name=p.name,
        source=p.source,
        target=p.target,
        sign_mode=p.sign_mode,
        num_weight_bits=p.weight_bits,
        weight_exp=exponent,
        indptr=loops.count_chosen(p.indptr, kept) if lost else p.indptr,
        post=p.post[kept] if lost else p.post,
        weights=weights[kept] if lost else weights,
        delays=delays[kept] if lost else delays,
    )
    return quantised, cost
