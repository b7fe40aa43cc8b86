"""The third opinion: what a compiled program means, in scalar Python integers, from the integer contract alone.

It shares no code with the package and uses no array library, so a mistake in numpy, in `core.fixed` or in the
emulator's bookkeeping cannot agree with itself here. It looks spikes up where the contract says they are,
`s[j, t - 1 - d]`, instead of keeping sums in flight; Python's integers have no width, so each limit is written out.

Limits: it says what the contract says. Where the contract is a wrong reading of the chip, so is this. It is slow, and
how a `Program` becomes the plain values below is code of the tests (`programs.plain`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

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


Neuron = LIF | TernaryLIF | LIFRefractory | ATRLIF
KINDS = {kind.__name__: kind for kind in (LIF, TernaryLIF, LIFRefractory, ATRLIF)}


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
    """Synapses (source, target, weight, delay); sources are channels if `from_input`, else neurons."""

    from_input: bool
    weight_exp: int
    synapses: list[tuple[int, int, int, int]]


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
    wraps: int = 0
    saturations: int = 0
    wide_sums: int = 0
    """|a| > 32767."""
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
        a = [0] * n
        for projection in net.projections:
            sums = [0] * n
            for source, target, weight, delay in projection.synapses:
                seen = t - 1 - delay
                if seen >= 0:
                    s = stimulus[seen][source] if projection.from_input else history[seen][source]
                    sums[target] += weight * s
            for k in range(n):
                a[k] += sums[k] * 2**projection.weight_exp

        if net.interval != 0 and t % net.interval == 0:
            states = [neuron.start() for neuron in net.neurons]

        for k in range(n):
            if a[k] > 32767 or a[k] < -32767:
                result.wide_sums += 1
        spikes = [net.neurons[k].step(states[k], a[k], result) for k in range(n)]

        history.append(spikes)
        result.spikes.append(spikes)
        for name in ("u", "v", "refractory", "i", "theta", "r"):
            getattr(result, name).append([state.get(name, 0) for state in states])
