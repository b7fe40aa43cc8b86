"""The third opinion: what a compiled program means, in scalar Python integers, from the integer contract alone.

It shares no code with the package and uses no array library, so a mistake in numpy, in `core.fixed` or in the
emulator's bookkeeping cannot agree with itself here. It looks spikes up where the contract says they are,
`s[j, t - 1 - d]`, instead of keeping sums in flight; Python's integers have no width, so each limit is written out.

Limits: it says what the contract says. Where the contract is a wrong reading of the chip, so is this. It is slow, and
how a `Program` becomes the plain values below is code of the tests (`programs.plain`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

# --- kinds: registers, what they start from, and one step -------------------------------------------------------------
# A step changes `state`, notes what it met in `result`, and returns the spike.


@dataclass
class LIF:
    du: int
    dv: int
    vth: int
    bias_mant: int
    bias_exp: int

    def start(self) -> dict[str, int]:
        return {"u": 0, "v": 0}

    def step(self, state: dict[str, int], a: int, result: Result) -> int:
        state["u"] = current(state["u"], self.du + 1, a, result)
        state["v"] = voltage(state["v"], self.dv, state["u"], self.bias_mant * 2**self.bias_exp, result)
        if state["v"] > self.vth * 64:
            state["v"] = 0
            return 1
        return 0


@dataclass
class TernaryLIF:
    du: int
    dv: int
    vth_hi: int
    vth_lo: int
    bias_mant: int
    bias_exp: int

    def start(self) -> dict[str, int]:
        return {"u": 0, "v": 0}

    def step(self, state: dict[str, int], a: int, result: Result) -> int:
        state["u"] = current(state["u"], self.du + 1, a, result)
        state["v"] = voltage(state["v"], self.dv, state["u"], self.bias_mant * 2**self.bias_exp, result)
        if state["v"] > self.vth_hi * 64:
            state["v"] = 0
            return 1
        if state["v"] < self.vth_lo * 64:
            state["v"] = 0
            return -1
        return 0


@dataclass
class LIFRefractory:
    du: int
    dv: int
    vth: int
    bias_mant: int
    bias_exp: int
    refractory_period: int

    def start(self) -> dict[str, int]:
        return {"u": 0, "v": 0, "refractory": 0}

    def step(self, state: dict[str, int], a: int, result: Result) -> int:
        state["u"] = current(state["u"], self.du + 1, a, result)
        if state["refractory"] > 0:
            state["refractory"] -= 1
            return 0
        state["v"] = voltage(state["v"], self.dv, state["u"], self.bias_mant * 2**self.bias_exp, result)
        if state["v"] > self.vth * 64:
            state["v"], state["refractory"] = 0, self.refractory_period
            return 1
        return 0


@dataclass
class LIFSubtract:
    du: int
    dv: int
    vth: int
    bias_mant: int
    bias_exp: int
    reset_delay: int

    def start(self) -> dict[str, int]:
        return {"u": 0, "v": 0}

    def step(self, state: dict[str, int], a: int, result: Result) -> int:
        added = self.bias_mant * 2**self.bias_exp
        if self.reset_delay == 1 and state["v"] > self.vth * 64:  # it spiked in the step before
            added -= self.vth * 64
        state["u"] = current(state["u"], self.du + 1, a, result)
        state["v"] = voltage(state["v"], self.dv, state["u"], added, result)
        if state["v"] > self.vth * 64:
            state["v"] -= 0 if self.reset_delay == 1 else self.vth * 64
            return 1
        return 0


@dataclass
class ATRLIF:
    delta_i: int
    delta_v: int
    delta_theta: int
    delta_r: int
    theta_0: int
    theta_step: int
    bias_mant: int
    bias_exp: int

    def start(self) -> dict[str, int]:
        return {"i": 0, "v": 0, "theta": self.theta_0 * 64, "r": 0}

    def step(self, state: dict[str, int], a: int, result: Result) -> int:
        state["i"] = current(state["i"], self.delta_i + 1, a, result)
        state["v"] = voltage(state["v"], self.delta_v, state["i"], self.bias_mant * 2**self.bias_exp, result)
        above_rest = state["theta"] - self.theta_0 * 64
        state["theta"] = t0(above_rest * (4096 - self.delta_theta)) + self.theta_0 * 64
        state["r"] = t0(state["r"] * (4096 - self.delta_r))
        if state["v"] - state["r"] >= state["theta"]:
            state["r"] += 2 * state["theta"]
            state["theta"] += self.theta_step * 64
            return 1
        return 0


@dataclass
class GradedLI:
    shift_in: int
    alpha: int
    leak: int
    activation: int
    output: int
    bias: int
    lo: int
    hi: int
    v_initial: int
    fraction_bits: int
    message_shift: int
    message_bits: int
    period: int
    phase: int

    widest = 2**23 - 1

    def start(self) -> dict[str, int]:
        return {"u": 0, "v": self.v_initial, "clock": 0}

    def step(self, state: dict[str, int], a: int, result: Result) -> int:
        word = (a + 2**31) % 2**32 - 2**31
        if word != a:
            result.wide_words += 1
        exact = nearest(word, self.shift_in) + self.bias
        state["u"] = max(-(2**23 - 1), min(2**23 - 1, exact))
        if state["u"] != exact:
            result.wraps += 1
        now = state["clock"]
        state["clock"] = now + 1 if now + 1 < self.period else 0
        if now != self.phase:
            return 0
        driven = self.function(self.activation, state["u"])
        exact = state["v"] + nearest(self.alpha * (driven - self.leak * state["v"]), 12)
        state["v"] = max(-(2**23 - 1), min(2**23 - 1, exact))
        if state["v"] != exact:
            result.saturations += 1
        largest = 2 ** (self.message_bits - 1) - 1
        return max(-largest, min(largest, nearest(self.function(self.output, state["v"]), self.message_shift)))

    def function(self, number: int, z: int) -> int:
        one = 2**self.fraction_bits
        if number == 0:
            return z
        if number == 1:
            return min(max(z, self.lo), self.hi)
        if number == 2:
            return z if z > 0 else 0
        if number == 3:
            return self.tanh(z)
        if number == 4:
            held = max(-2 * one, min(2 * one, z))
            return held - nearest(held * abs(held), self.fraction_bits + 2)
        return nearest(one + self.tanh(nearest(z, 1)), 1)

    def tanh(self, z: int) -> int:
        """From a table of tanh(i / 32), i = 0 .. 256, in units of 2**-22, by straight lines."""
        size = min(abs(z), 8 * 2**self.fraction_bits)
        unit = 2**self.fraction_bits // 32
        i, rest = divmod(size, unit)
        low, high = table(i), table(min(i + 1, 256))
        y = nearest(low + nearest((high - low) * rest, self.fraction_bits - 5), 22 - self.fraction_bits)
        return y if z >= 0 else -y


@dataclass
class GatedLI:
    shift_in: int
    shift_in_gate: int
    activation: int
    gate: int
    fused: int
    base: int
    output: int
    bias: int
    bias_gate: int
    lo: int
    hi: int
    v_initial: int
    fraction_bits: int
    message_shift: int
    message_bits: int
    period: int
    phase: int

    widest = 2**23 - 1
    function, tanh = GradedLI.function, GradedLI.tanh

    def start(self) -> dict[str, int]:
        return {"u": 0, "w": 0, "v": self.v_initial, "clock": 0}

    def step(self, state: dict[str, int], sums: tuple[int, int], result: Result) -> int:
        clipped = False
        ports = (("u", sums[0], self.shift_in, self.bias), ("w", sums[1], self.shift_in_gate, self.bias_gate))
        for name, a, shift, bias in ports:
            word = (a + 2**31) % 2**32 - 2**31
            if word != a:
                result.wide_words += 1
            exact = nearest(word, shift) + bias
            state[name] = max(-(2**23 - 1), min(2**23 - 1, exact))
            clipped = clipped or state[name] != exact
        if clipped:
            result.wraps += 1
        now = state["clock"]
        state["clock"] = now + 1 if now + 1 < self.period else 0
        if now != self.phase:
            return 0
        gamma = self.opening(state["w"])
        driven = self.function(self.activation, state["u"])
        old = state["v"] if self.base else 0
        if self.fused:
            exact = old + driven - nearest(gamma * (old + driven), 15)
        else:
            exact = old + nearest(gamma * (driven - old), 15)
        state["v"] = max(-(2**23 - 1), min(2**23 - 1, exact))
        if state["v"] != exact:
            result.saturations += 1
        largest = 2 ** (self.message_bits - 1) - 1
        return max(-largest, min(largest, nearest(self.function(self.output, state["v"]), self.message_shift)))

    def opening(self, w: int) -> int:
        """The gate in units of 2**-15, 0 to 2**15."""
        one = 2**self.fraction_bits
        opened = self.ratio(w) if self.gate == 6 else self.function(self.gate, w)
        return nearest(max(0, min(one, opened)), self.fraction_bits - 15)

    def ratio(self, z: int) -> int:
        """From a table of x / (1 + x) for x = i / 32, i = 0 .. 256, in units of 2**-22, by straight lines."""
        i, rest = divmod(min(max(z, 0), 8 * 2**self.fraction_bits), 2**self.fraction_bits // 32)
        low, high = (round(k / (32 + k) * 2**22) for k in (i, min(i + 1, 256)))
        return nearest(low + nearest((high - low) * rest, self.fraction_bits - 5), 22 - self.fraction_bits)


@cache
def table(i: int) -> int:
    return round(math.tanh(i / 32) * 2**22)


def nearest(x: int, bits: int) -> int:
    """x / 2**bits to the nearest whole number, halves away from zero."""
    if bits <= 0:
        return x * 2**-bits
    whole, rest = divmod(abs(x), 2**bits)
    whole += 2 * rest >= 2**bits
    return whole if x >= 0 else -whole


Neuron = LIF | TernaryLIF | LIFRefractory | LIFSubtract | ATRLIF | GradedLI | GatedLI
KINDS = {kind.__name__: kind for kind in (LIF, TernaryLIF, LIFRefractory, LIFSubtract, ATRLIF, GradedLI, GatedLI)}


def current(u: int, decay: int, a: int, result: Result) -> int:
    """A current that forgets decay / 4096, with a sum: added modulo 2^32, and wrapped once into 24 bits."""
    exact = t0(u * (4096 - decay)) + a * 64
    x = exact % 2**32
    if x >= 2**31:
        x -= 2**32
    if x != exact:
        result.wide_words += 1
    if x > 2**23:
        result.wraps += 1
        return x - 2**24
    if x <= -(2**23):
        result.wraps += 1
        return x + 2**24
    return x


def voltage(v: int, decay: int, u: int, bias: int, result: Result) -> int:
    """A voltage that forgets decay / 4096, clipped to 24 bits."""
    y = t0(v * (4096 - decay)) + u + bias
    clipped = max(-(2**23 - 1), min(2**23 - 1, y))
    if clipped != y:
        result.saturations += 1
    return clipped


def t0(x: int) -> int:
    """x / 4096, truncated toward zero."""
    return x // 4096 if x >= 0 else -(-x // 4096)


# --- networks -------------------------------------------------------------------------------------------------------


@dataclass
class Projection:
    """Synapses (source, target, weight, delay); sources are channels if `from_input`, else neurons. Port 1: gates."""

    from_input: bool
    weight_exp: int
    synapses: list[tuple[int, int, int, int]]
    port: int = 0


@dataclass
class Net:
    interval: int
    """Steps between clearings of all registers; 0: every sample is a run of its own."""
    neurons: list[Neuron]
    projections: list[Projection]


@dataclass
class Result:
    """One list a step, one number a neuron; 0 for a register that the neuron's kind does not have."""

    spikes: list[list[int]] = field(default_factory=list)
    u: list[list[int]] = field(default_factory=list)
    v: list[list[int]] = field(default_factory=list)
    refractory: list[list[int]] = field(default_factory=list)
    i: list[list[int]] = field(default_factory=list)
    theta: list[list[int]] = field(default_factory=list)
    r: list[list[int]] = field(default_factory=list)
    clock: list[list[int]] = field(default_factory=list)
    w: list[list[int]] = field(default_factory=list)
    wraps: int = 0
    saturations: int = 0
    wide_sums: int = 0
    """|a| > 32767, or what a graded neuron takes."""
    wide_words: int = 0
    """What is added to the current left 32 bits: not an event that a run reports, but one the tests must reach."""


def run(net: Net, stimulus: list[list[int]], starts: list[int]) -> Result:
    """Run all samples; `stimulus` is [t][channel]."""
    result = Result()
    if net.interval:
        _run_from_zero(net, stimulus, result)
    else:
        for start, stop in zip(starts, [*starts[1:], len(stimulus)], strict=True):
            _run_from_zero(net, stimulus[start:stop], result)
    return result


def _run_from_zero(net: Net, stimulus: list[list[int]], result: Result) -> None:
    n = len(net.neurons)
    states = [neuron.start() for neuron in net.neurons]
    history: list[list[int]] = []  # history[t][neuron]

    for t in range(len(stimulus)):
        a, gates = [0] * n, [0] * n
        for projection in net.projections:
            sums = [0] * n
            for source, target, weight, delay in projection.synapses:
                seen = t - 1 - delay
                if seen >= 0:
                    s = stimulus[seen][source] if projection.from_input else history[seen][source]
                    sums[target] += weight * s
            for k in range(n):
                if projection.port == 1:
                    gates[k] += sums[k] * 2**projection.weight_exp
                else:
                    a[k] += sums[k] * 2**projection.weight_exp

        if net.interval != 0 and t % net.interval == 0:
            states = [neuron.start() for neuron in net.neurons]

        for k in range(n):
            widest = getattr(net.neurons[k], "widest", 32767)
            result.wide_sums += (abs(a[k]) > widest) + (abs(gates[k]) > widest)
        spikes = []
        for k in range(n):
            neuron = net.neurons[k]
            arrived = (a[k], gates[k]) if isinstance(neuron, GatedLI) else a[k]
            spikes.append(neuron.step(states[k], arrived, result))

        history.append(spikes)
        result.spikes.append(spikes)
        for name in ("u", "v", "refractory", "i", "theta", "r", "clock", "w"):
            getattr(result, name).append([state.get(name, 0) for state in states])
