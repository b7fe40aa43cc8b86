"""Programs and stimuli that reach every corner of the integer contract, for hypothesis and for plain seeds.

Drawn to be alive: a neuron that never spikes, or always does, hides most mistakes. So a threshold is drawn around the
voltage that its neuron can be expected to reach, and three in ten programs are there to leave the ranges instead.
hypothesis draws what is worth shrinking (sizes, counts, the regime) and the seed of everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import oracle
from hypothesis import strategies as st
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode, Stimulus
from lsm_deploy.core.messages import BINARY, Message

Regime = Literal["alive", "wrapping", "edge", "overflowing"]
"""`wrapping`: sums beyond 16 bits, `u` beyond 24, `v` clipped. `edge`: sums are multiples of 2**14, and `u` lands on
2**23 and -2**23 exactly. `overflowing`: `a << 6` beyond 32 bits."""

SIGN_MODES: tuple[SignMode, ...] = ("excitatory", "inhibitory", "mixed")
SynapseType = tuple[SignMode, int, int]
"""Sign mode, `num_weight_bits`, `weight_exp`."""
INTERVALS = st.one_of(st.just(0), st.integers(1, 40))
ALL_KINDS: tuple[str, ...] = ("LIF", "TernaryLIF", "LIFRefractory", "LIFSubtract", "ATRLIF")
"""That spike: what every backend has a rule for."""
GRADED_KINDS: tuple[str, ...] = ("GradedLI", "GatedLI")
REGISTERS = ("u", "v", "refractory", "i", "theta", "r", "clock", "w")
"""All that a kind may record; a backend gives 0 for those that a neuron's kind does not have."""
RATE = 0.2
"""Spikes a step that thresholds are drawn for."""


def random_program(
    rng: np.random.Generator,
    *,
    sizes: tuple[int, ...] | None = None,
    channels: int | None = None,
    projections: int | None = None,
    interval: int | None = None,
    regime: Regime | None = None,
    types: Sequence[SynapseType] = (),
    kinds: Sequence[str] = ALL_KINDS,
) -> Program:
    """A program; what is not given is drawn. `types`: those of its projections, but for what a regime asks for.

    `kinds`: those of its populations. Most are of one kind throughout, the first as often as all others together.
    """
    if sizes is None:
        sizes = tuple(rng.integers(1, 5, rng.integers(1, 4)).tolist())
    if channels is None:
        channels = int(rng.integers(1, 6))
    if projections is None:
        projections = int(rng.integers(0, 5))
    if interval is None:
        interval = int(rng.choice([0, 0, 0, rng.integers(1, 5), rng.integers(5, 40)]))
    if regime is None:
        regime = str(rng.choice(["alive", "wrapping", "edge", "overflowing"], p=[0.7, 0.1, 0.1, 0.1]))  # type: ignore[assignment]
    names = [f"p{number}" for number in range(len(sizes))]
    size_of = dict(zip(names, sizes, strict=True)) | {INPUT: channels}

    # Every population hears the input, if there is one; the rest goes anywhere.
    ends = [(INPUT, name) for name in names] + [
        (str(rng.choice([*names, INPUT])), str(rng.choice(names))) for _ in range(projections)
    ]
    made = tuple(
        _projection(rng, f"{source}->{target}:{number}", source, target, size_of, regime, types)
        for number, (source, target) in enumerate(ends)
    )
    share = np.array([max(len(kinds) - 1, 1), *[1.0] * (len(kinds) - 1)]) / max(2 * len(kinds) - 2, 1)
    mixed = rng.choice(kinds, len(names), p=share)
    if rng.random() < 0.4:
        mixed[:] = mixed[0]
    gated = {name for name, kind in zip(names, mixed.tolist(), strict=True) if kind == "GatedLI"}
    made = tuple(replace(p, port=int(rng.integers(2))) if p.target in gated else p for p in made)
    populations = tuple(
        _population(rng, name, size_of[name], made, regime, str(kind)) for name, kind in zip(names, mixed, strict=True)
    )
    graded = set(mixed.tolist()) & set(GRADED_KINDS)
    bits = int(rng.choice([16, int(rng.integers(2, 17))]))
    message = Message(bits, signed=True, fraction=bits - 1) if graded and rng.random() < 0.7 else BINARY
    network = QNetwork(1.0, channels, interval, populations, made, message)
    return Program(network, np.zeros(network.neurons, np.int32), "oheo_gulch")


def random_stimulus(rng: np.random.Generator, program: Program, steps: int | None = None) -> Stimulus:
    """Input at a random rate, cut into samples that the program's policy allows."""
    network = program.network
    if steps is None:
        steps = int(rng.integers(1, 150))
    rate = rng.choice([RATE, rng.uniform(0.02, 0.9)])
    spikes = (rng.random((steps, network.channels)) < rate).astype(network.input.dtype)
    if network.input.graded:
        spikes *= rng.integers(-network.input.largest, network.input.largest + 1, spikes.shape, network.input.dtype)
    allowed = np.arange(0, steps, network.sample_interval or 1)[1:]
    cuts = rng.choice(allowed, min(len(allowed), int(rng.integers(0, 4))), replace=False)
    return Stimulus(spikes, np.concatenate([[0], np.sort(cuts)]).astype(np.int64))


def random_case(seed: int, **given: object) -> tuple[Program, Stimulus]:
    rng = np.random.default_rng(seed)
    program = random_program(rng, **given)  # type: ignore[arg-type]
    return program, random_stimulus(rng, program)


@st.composite
def programs(draw: st.DrawFn, intervals: st.SearchStrategy[int] = INTERVALS) -> Program:
    return random_program(
        np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        sizes=tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))),
        channels=draw(st.integers(0, 5)),
        projections=draw(st.integers(0, 4)),
        interval=draw(intervals),
        regime=draw(st.sampled_from(["alive"] * 6 + ["wrapping", "edge", "overflowing"])),
    )


@st.composite
def stimuli(draw: st.DrawFn, program: Program) -> Stimulus:
    steps = draw(st.integers(1, 150))
    return random_stimulus(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), program, steps)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Program, Stimulus]:
    program = draw(programs())
    return program, draw(stimuli(program))


def disjoint(parts: Sequence[Program]) -> Program:
    """Programs of one policy as one program without a synapse between them: many for the price of starting one."""
    channels = [part.network.channels for part in parts]
    populations, projections = [], []
    for number, part in enumerate(parts):
        before, after = sum(channels[:number]), sum(channels[number + 1 :])
        populations += [replace(p, name=f"{number}.{p.name}") for p in part.network.populations]
        for p in part.network.projections:
            source, indptr = f"{number}.{p.source}", p.indptr
            if p.source == INPUT:
                source, indptr = INPUT, np.pad(indptr, (before, after), mode="edge")
            name, target = f"{number}.{p.name}", f"{number}.{p.target}"
            projections.append(replace(p, name=name, source=source, target=target, indptr=indptr))
    message = max((part.network.input for part in parts), key=lambda message: message.largest)
    interval = parts[0].network.sample_interval
    network = QNetwork(1.0, sum(channels), interval, tuple(populations), tuple(projections), message)
    return Program(network, np.zeros(network.neurons, np.int32), "oheo_gulch")


def plain(program: Program) -> oracle.Net:
    """The same program in the oracle's terms: plain integers, neurons numbered through."""
    network = program.network
    first, sizes, number = {}, {}, 0
    neurons = []
    for population in network.populations:
        first[population.name], sizes[population.name] = number, population.size
        number += population.size
        columns = {name: values.tolist() for name, values in population.registers.items()}
        for i in range(population.size):
            neurons.append(oracle.KINDS[population.kind](**{name: column[i] for name, column in columns.items()}))
    projections = []
    for p in network.projections:
        indptr, post = p.indptr.tolist(), p.post.tolist()
        weights, delays = p.weights.tolist(), p.delays.tolist()
        synapses = [
            (first.get(p.source, 0) + j, first[p.target] + post[k], weights[k], delays[k])
            for j in range(len(indptr) - 1)
            for k in range(indptr[j], indptr[j + 1])
        ]
        projections.append(oracle.Projection(p.source == INPUT, p.weight_exp, synapses, p.port))
    return oracle.Net(network.sample_interval, neurons, projections)


# --- parts ---------------------------------------------------------------------------------------------------------


def _projection(
    rng: np.random.Generator,
    name: str,
    source: str,
    target: str,
    size_of: dict[str, int],
    regime: Regime,
    types: Sequence[SynapseType],
) -> QProjection:
    sources, targets = size_of[source], size_of[target]
    sign_mode: SignMode = SIGN_MODES[rng.choice(3, p=[0.5, 0.2, 0.3])]
    num_weight_bits = int(rng.choice([8, rng.integers(1, 9)]))
    weight_exp = int(rng.integers(0, 8) if regime == "alive" else rng.integers(5, 8))
    if types:
        sign_mode, num_weight_bits, weight_exp = types[rng.integers(len(types))]
    synapses = int(rng.integers(1, 1 + min(2 * sources * targets, 30))) if sources else 0
    if regime == "edge":
        num_weight_bits, weight_exp = 1, 7
        synapses = 30 if sources else 0
    if regime == "overflowing" and source == INPUT:
        # 2**31 takes at least 1029 spikes of 255 << 7 << 6 in one step: all on one target, at one delay.
        sign_mode, num_weight_bits, weight_exp = SIGN_MODES[rng.integers(2)], 8, 7
        synapses = int(rng.integers(1100, 1400)) if sources else 0
        targets = 1
    # Drawn with replacement, so that several synapses join the same pair.
    pre, post = rng.integers(0, max(sources, 1), synapses), rng.integers(0, targets, synapses)
    delays = rng.choice([0, 1, 62, rng.integers(0, 63)], synapses, p=[0.5, 0.2, 0.1, 0.2])
    delays = np.where(rng.random(synapses) < 0.3, rng.integers(0, 63, synapses), delays)
    if synapses >= 1000 or regime == "edge":
        delays = np.full(synapses, rng.integers(0, 5))
    mixed = sign_mode == "mixed"
    step = fixed.grid_step(num_weight_bits, mixed)
    low, high = {"excitatory": (0, 255), "inhibitory": (-255, 0), "mixed": (-256, 254)}[sign_mode]
    lowest, highest = -(-low // step), high // step
    weights = step * rng.integers(lowest, highest + 1, synapses)
    extreme = rng.random(synapses) < (0.9 if synapses >= 1000 else 0.2)
    weights[extreme] = step * rng.choice([lowest, highest] if mixed else [lowest if low else highest], extreme.sum())

    order = np.lexsort((delays, post, pre))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=sources)[:sources])]).astype(np.int64)
    return QProjection(
        name,
        source,
        target,
        sign_mode,
        num_weight_bits,
        weight_exp,
        indptr,
        post[order].astype(np.int32),
        weights[order].astype(np.int16),
        delays[order].astype(np.uint8),
    )


def _population(
    rng: np.random.Generator, name: str, size: int, projections: tuple[QProjection, ...], regime: Regime, kind: str
) -> QPopulation:
    if kind in GRADED_KINDS:
        return _graded_population(rng, name, size, projections, kind)
    mean, spread = np.zeros(size), np.zeros(size)
    for p in projections:
        if p.target == name:
            weights = p.weights.astype(np.float64) * 2.0**p.weight_exp
            np.add.at(mean, p.post, RATE * weights)
            np.add.at(spread, p.post, RATE * (1 - RATE) * weights**2)

    du = _decays(rng, size, 4095)
    if regime == "alive":
        # Slow currents add up: forget fast enough for `u` to stay in its 24 bits, most of the time.
        du = np.maximum(du, np.minimum(4095, (np.abs(mean) + 3 * np.sqrt(spread)) * 64 / 2**23 * 4096).astype(np.int64))
    if regime == "edge":
        du = np.full(size, 4095)
    dv = _decays(rng, size, 4096)
    # What a spike train of RATE drives `u`, then `v`, to within the ten steps that a neuron may take to its threshold.
    u = 64 * mean / np.maximum((du + 1) / 4096, 0.1)
    noise = 64 * np.sqrt(spread / np.maximum((du + 1) / 4096, 0.1))
    reach = u / np.maximum(dv / 4096, 0.1) + noise / np.sqrt(np.maximum(dv / 4096, 0.1))
    bias = np.zeros(size)
    # Some are driven by a bias, and those that are inhibited have to be.
    driven = (rng.random(size) < 0.2) | ((reach <= 0) & (rng.random(size) < 0.8))
    bias[driven] = rng.uniform(0.5, 2, driven.sum()) * np.maximum(np.abs(u) + noise, rng.integers(1, 100000))[driven]
    bias[rng.random(size) < 0.05] *= -1
    bias_exp = rng.integers(0, 8, size)
    bias_exp = np.where(np.abs(bias) > 4095 * 2.0**bias_exp, 7, bias_exp)
    bias_mant = np.clip(np.rint(bias / 2.0**bias_exp), -4096, 4095).astype(np.int64)
    reach = reach + (bias_mant << bias_exp) / np.maximum(dv / 4096, 0.1)
    reach = np.maximum(np.abs(reach) if kind == "TernaryLIF" else reach, 64)
    vth = np.clip(reach / 64 * 10 ** rng.uniform(-1.0, 0.2, size), 0, 131071).astype(np.int64)
    corner = rng.random(size)
    vth[corner < 0.05] = 0
    vth[corner > (0.95 if regime == "alive" else 0.7)] = 131071
    registers = {"du": du, "dv": dv, "bias_mant": bias_mant, "bias_exp": bias_exp}
    return QPopulation(name, kind, size, registers | _registers_of_kind(rng, kind, registers, vth))


def _graded_population(
    rng: np.random.Generator, name: str, size: int, projections: tuple[QProjection, ...], kind: str
) -> QPopulation:
    """Registers at which `u` moves within its 24 bits, mostly, for messages of some bits; and all corners."""
    reach = np.ones((2, size))
    for p in projections:
        if p.target == name:
            np.add.at(reach[p.port], p.post, np.abs(p.weights.astype(np.float64)) * 2.0**p.weight_exp)

    def one_of(*corners: int, least: int, most: int) -> NDArray[np.int64]:
        between = rng.integers(least, most + 1, size)
        return np.where(rng.random(size) < 0.5, rng.choice(corners, size), between)

    largest = (1 << 23) - 1
    message_bits = one_of(16, 12, 2, least=2, most=16)
    fraction = one_of(20, 20, 22, 5, least=5, most=22)

    def shift_of(reach: NDArray[np.float64]) -> NDArray[np.int64]:
        sums = np.log2(reach) + rng.choice([0, 8, 14], size)
        shift = np.clip(np.rint(sums - fraction + rng.integers(-3, 4, size)), -24, 24).astype(np.int64)
        return np.where(rng.random(size) < 0.9, shift, rng.integers(-24, 25, size))

    shift_in = shift_of(reach[0])
    ends = np.sort(rng.integers(-(2 << 20), 2 << 20, (2, size)), axis=0)
    straight = rng.random(size) < 0.9
    period = one_of(1, 1, 2, 3, least=1, most=7)
    own = {
        "alpha": one_of(4096, 1, 0, 2048, least=0, most=4096),
        "leak": one_of(1, 1, 0, least=0, most=1),
    }
    if kind == "GatedLI":
        own = {
            "shift_in_gate": shift_of(reach[1]),
            "bias_gate": one_of(0, 0, 1, largest, -largest, least=-(1 << 20), most=1 << 20),
            "gate": one_of(5, 6, 0, 3, least=0, most=6),
            "fused": rng.integers(0, 2, size),
            "base": one_of(1, 1, 0, least=0, most=1),
        }
    return QPopulation(
        name,
        kind,
        size,
        own
        | {
            "shift_in": shift_in,
            "activation": rng.integers(0, 6, size),
            "output": one_of(0, 0, 3, least=0, most=5),
            "bias": one_of(0, 1, -1, largest, -largest, least=-(1 << 18), most=1 << 18),
            "lo": np.where(straight, ends[0], ends[1]),
            "hi": np.where(straight, ends[1], ends[0]),
            "v_initial": one_of(0, 0, largest, -largest, least=-(1 << 20), most=1 << 20),
            "fraction_bits": fraction,
            "message_shift": one_of(0, 5, -3, 24, least=-8, most=22),
            "message_bits": message_bits,
            "period": period,
            "phase": rng.integers(0, period),
        },
    )


def _registers_of_kind(
    rng: np.random.Generator, kind: str, leaky: dict[str, NDArray[np.int64]], vth: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """What a kind has besides a leaky current and voltage, drawn around the threshold at which LIF is alive."""
    size = len(vth)
    if kind == "LIF":
        return {"vth": vth}
    if kind == "TernaryLIF":
        # Two thresholds are met more often than one; which of them is nearer is a toss.
        near = np.minimum(2 * vth, 131071)
        far = np.minimum(near * 10 ** rng.uniform(-0.3, 0.7, size), 131071).astype(np.int64)
        corner = rng.random(size)
        far[corner < 0.05] = 0
        far[corner > 0.95] = 131071
        up = rng.random(size) < 0.7
        return {"vth_hi": np.where(up, near, far), "vth_lo": -np.where(up, far, near)}
    if kind == "LIFRefractory":
        return {"vth": vth, "refractory_period": rng.choice([0, 1, 2, 63, int(rng.integers(0, 64)), 5], size)}
    if kind == "LIFSubtract":
        # A threshold far below what a step adds leaves `v` above it for many.
        low = rng.random(size) < 0.2
        return {"vth": np.where(low, vth >> rng.integers(1, 9, size), vth), "reset_delay": rng.integers(0, 2, size)}
    assert kind == "ATRLIF", f"how are the registers of kind {kind} drawn?"
    # A spike leaves r = 2 * theta: unless that decays, the neuron is silent for good.
    recovers = rng.random(size) < 0.7
    slow, fast = _decays(rng, (2, size), 4095), rng.integers(200, 4096, (2, size))
    theta_step = (vth * 10 ** rng.uniform(-2.0, 0.5, size)).astype(np.int64)
    corner = rng.random(size)
    theta_step[corner < 0.1] = 0
    theta_step[corner > 0.95] = 4095
    if rng.random() < 0.3:
        theta_step[:] = theta_step[0]
    return {
        "delta_i": leaky["du"],
        "delta_v": np.minimum(leaky["dv"], 4095),
        "delta_theta": np.where(recovers, fast[0], slow[0]),
        "delta_r": np.where(recovers, fast[1], slow[1]),
        "theta_0": np.minimum(vth, 4095),
        "theta_step": np.minimum(theta_step, 4095),
    }


def _decays(rng: np.random.Generator, size: int | tuple[int, ...], forgets: int) -> NDArray[np.int64]:
    """Both ends, the value beside each, and anything between, on a scale of ratios."""
    corners = rng.choice([0, 1, 4095, forgets], size)
    between = np.exp(rng.uniform(0, np.log(4096), size)).astype(np.int64)
    return np.where(rng.random(size) < 0.4, corners, between).astype(np.int64)
