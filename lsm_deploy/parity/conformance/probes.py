"""Small seeded programs on which broken rules show: what simulators are asked where there is no recording.

Each is three populations of one neuron kind. `alive` is an ordinary small liquid, its registers drawn on a scale of
ratios between their bounds, so that some of its neurons are neither silent nor saturated; `edge` gets sums that land on
+-2**23 exactly, `wide` sums beyond 32 bits. A probe is kept only if a rule shows on it that shows on none before it, so
that there are few of them: a simulator takes seconds for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY, MAX_WEIGHT_EXP
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS, bounds
from lsm_deploy.parity import variants
from lsm_deploy.run import backends as backend

__all__ = ["Probe", "all_probes", "same"]

CHANNELS = 8
CROWD = 1200
"""Channels of `wide`, one synapse each on a neuron: 2**31 takes at least 1029 spikes of 255 << 7 << 6 in one step."""
SIZES = {"alive": 24, "edge": 6, "wide": 4}
STEPS = 90
_WIDEST = fixed.UV_LIMIT >> fixed.ACT_SHIFT
"""A threshold at the edge of `u` and `v`."""
SEEDS = 8
"""Probes tried for each neuron kind, every other one with the interval policy."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A case, what the emulator makes of it, and the rules that show on it and on no probe before it."""

    name: str
    program: Program
    stimulus: Stimulus
    trace: Trace
    rules: frozenset[str]


@lru_cache(maxsize=1)
def all_probes() -> Sequence[Probe]:
    """The probes that show every rule which any of the seeds shows."""
    rules_left, probes = set(variants.RULES), []
    # LIF comes first: where a simulator has models of its own, LIF is among them.
    for kind, seed in product(KINDS, range(SEEDS)):
        rng = np.random.default_rng(seed)
        program = _program(rng, kind, interval=15 if seed % 2 else 0)
        stimulus = _stimulus(rng)
        state = program.network.state_names
        trace = backend.run_program("emulator", program, stimulus, state)
        shown = frozenset(
            rule
            for rule in rules_left
            if kind in variants.kinds_of(variants.RULES[rule])
            and not same(trace, variants.run_variant(rule, program, stimulus, state))
        )
        if shown:
            probes.append(Probe(f"{kind} probe {seed}", program, stimulus, trace, shown))
            rules_left -= shown
        if not rules_left:
            break
    return tuple(probes)


def same(a: Trace, b: Trace) -> bool:
    """Whether two traces of one program hold the same spikes and registers."""
    return np.array_equal(a.spikes, b.spikes) and all(
        np.array_equal(values, b.registers[name]) for name, values in a.registers.items()
    )


# --- drawing one ---------------------------------------------------------------------------------------------------


def _program(rng: np.random.Generator, kind: str, interval: int) -> Program:
    registers = {name: _registers(rng, kind, size) for name, size in SIZES.items()}
    # Half of `edge` forgets at once: `u` is then what arrives, and its sums meet some thresholds exactly.
    exact = {"du": fixed.LARGEST_DECAY, "dv": fixed.LARGEST_DECAY, "bias_mant": 0, "vth": _WIDEST // 4}
    for field in exact.keys() & registers["edge"].keys():
        registers["edge"][field][::2] = exact[field]
    populations = _shared([QPopulation(name, kind, size, registers[name]) for name, size in SIZES.items()])
    made = [
        _random(rng, f"{source}->alive:{mode}", source, mode, synapses)
        for source, synapses in ((INPUT, 80), ("alive", 160))
        for mode in ("excitatory", "inhibitory", "mixed")
    ]
    # 2**23 is four times 2**15 << 6, and so is 2**24 within one step; the edges of `u` are met from both sides.
    edge = rng.integers(0, 5, (CHANNELS, SIZES["edge"]))
    made.append(_parallel(rng, "edge", "mixed", 1, np.full(int(edge.sum()), fixed.LEAST_WEIGHT), edge))
    high = rng.integers(0, 9, (CHANNELS, SIZES["edge"]))
    made.append(_parallel(rng, "edge", "excitatory", 1, np.full(int(high.sum()), -fixed.LEAST_WEIGHT // 2), high))
    signs: tuple[tuple[SignMode, int], ...] = (
        ("excitatory", fixed.WEIGHT_LIMIT),
        ("inhibitory", 1 - fixed.WEIGHT_LIMIT),
    )
    for mode, weight in signs:
        crowd = np.zeros((CHANNELS + CROWD, SIZES["wide"]), np.int64)
        crowd[CHANNELS:] = (rng.random(SIZES["wide"]) < 0.5) == (mode == "excitatory")
        made.append(_parallel(rng, "wide", mode, 8, np.full(int(crowd.sum()), weight), crowd))
    if KINDS[kind].PORTS > 1:
        made += [replace(p, name=f"{p.name}:gate", port=1) for p in made[1:]]
    network = QNetwork(1.0, CHANNELS + CROWD, interval, populations, tuple(made))
    return Program(network, np.zeros(network.neurons, np.int32), "oheo_gulch")


def _registers(rng: np.random.Generator, kind: str, size: int) -> dict[str, NDArray[np.int64]]:
    declaration = KINDS[kind].Registers
    drawn = {}
    for field in declaration.__dataclass_fields__:
        low, high = (int(np.clip(bound, -_WIDEST, _WIDEST)) for bound in bounds(declaration, field))
        size_of = np.exp(rng.uniform(0, np.log(max(high, 1) + 1), size)).astype(np.int64) - 1
        sign = rng.choice([-1, 1], size) if low < 0 else 1
        values = np.where(rng.random(size) < 0.2, rng.choice([low, high], size), sign * size_of)
        drawn[field] = np.clip(values, low, high)
    if "phase" in drawn:
        drawn["phase"] %= drawn["period"]
    return drawn


def _shared(populations: Sequence[QPopulation]) -> tuple[QPopulation, ...]:
    """One value for all neurons of each register that Lava has one of: with others it would run a model of ours."""
    (kind,) = {p.kind for p in populations}
    values = {name: int(np.median(populations[0].registers[name])) for name in KINDS[kind].SHARED}
    return tuple(
        replace(p, registers={**p.registers, **{name: np.full(p.size, x) for name, x in values.items()}})
        for p in populations
    )


def _random(rng: np.random.Generator, name: str, source: str, mode: SignMode, synapses: int) -> QProjection:
    """Any weights on the grid of any bit width, four delays; with replacement, so that pairs repeat."""
    bits = int(rng.choice([fixed.WEIGHT_BITS, rng.integers(1, fixed.WEIGHT_BITS + 1)]))
    exponent = int(rng.integers(0, MAX_WEIGHT_EXP + 1))
    step = fixed.grid_step(bits, mode == "mixed")
    least, most = fixed.weight_range(mode == "mixed")
    low, high = 0 if mode == "excitatory" else least, 0 if mode == "inhibitory" else most
    weights = step * rng.integers(-(-low // step), high // step + 1, synapses)
    sources = CHANNELS if source == INPUT else SIZES[source]
    delays = rng.choice([0, 1, int(rng.integers(2, 20)), MAX_DELAY], synapses, p=[0.4, 0.2, 0.3, 0.1])
    ends = rng.integers(0, sources, synapses), rng.integers(0, SIZES["alive"], synapses)
    return _projection(name, source, "alive", mode, (bits, exponent), (*ends, weights, delays))


def _parallel(
    rng: np.random.Generator,
    target: str,
    mode: SignMode,
    bits: int,
    weights: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> QProjection:
    """`counts` [channel, neuron] synapses on each pair, all of one delay and of the largest exponent."""
    pre, post = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    delays = np.full(len(weights), rng.integers(0, 3))
    name = f"{INPUT}->{target}:{mode}"
    return _projection(name, INPUT, target, mode, (bits, 7), (pre, post, weights, delays))


def _projection(
    name: str,
    source: str,
    target: str,
    mode: SignMode,
    format_: tuple[int, int],
    synapses: tuple[NDArray[np.int64], ...],
) -> QProjection:
    pre, post, weights, delays = synapses
    order = np.lexsort((delays, post, pre))
    sources = CHANNELS + CROWD if source == INPUT else SIZES[source]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=sources))])
    return QProjection(name, source, target, mode, *format_, indptr, post[order], weights[order], delays[order])


def _stimulus(rng: np.random.Generator) -> Stimulus:
    """Three samples of bursts and quiet, in which decays are seen; all of the crowd, or most of it, in some steps."""
    bursts = np.where(np.arange(STEPS) % 12 < 6, 0.25, 0.05)[:, np.newaxis]
    crowd = rng.choice([0, 0, 0.95, 1], STEPS)[:, np.newaxis]
    spikes = np.hstack([rng.random((STEPS, CHANNELS)) < bursts, rng.random((STEPS, CROWD)) < crowd])
    return Stimulus(spikes.astype(np.int8), np.array([0, 30, 60]))
