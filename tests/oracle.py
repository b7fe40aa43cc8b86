"""The third opinion: what a compiled program means, in scalar Python integers, from the integer contract alone.

It shares no code with the package and uses no array library, so a mistake in numpy, in `lsm_deploy.fixed` or in the
emulator's bookkeeping cannot agree with itself here. It looks spikes up where the contract says they are,
`s[j, t - 1 - d]`, instead of keeping sums in flight; Python's integers have no width, so each limit is written out.

Limits: it says what the contract says. Where the contract is a wrong reading of the chip, so is this. It is slow, it
knows LIF only, and how a `Program` becomes the plain values below is code of the tests (`programs.plain`).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Neuron:
    du: int
    dv: int
    vth: int
    bias_mant: int
    bias_exp: int


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
    """One list a step, one number a neuron."""

    spikes: list[list[int]] = field(default_factory=list)
    u: list[list[int]] = field(default_factory=list)
    v: list[list[int]] = field(default_factory=list)
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
    u, v = [0] * n, [0] * n
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
            for i in range(n):
                a[i] += sums[i] * 2**projection.weight_exp

        if net.interval != 0 and t % net.interval == 0:
            u, v = [0] * n, [0] * n

        spikes = [0] * n
        for i, neuron in enumerate(net.neurons):
            if a[i] > 32767 or a[i] < -32767:
                result.wide_sums += 1

            exact = t0(u[i] * (4096 - (neuron.du + 1))) + a[i] * 64
            x = exact % 2**32
            if x >= 2**31:
                x -= 2**32
            if x != exact:
                result.wide_words += 1
            if x > 2**23:
                u[i] = x - 2**24
                result.wraps += 1
            elif x <= -(2**23):
                u[i] = x + 2**24
                result.wraps += 1
            else:
                u[i] = x

            y = t0(v[i] * (4096 - neuron.dv)) + u[i] + neuron.bias_mant * 2**neuron.bias_exp
            v[i] = max(-(2**23 - 1), min(2**23 - 1, y))
            if v[i] != y:
                result.saturations += 1

            if v[i] > neuron.vth * 64:
                spikes[i] = 1
                v[i] = 0

        history.append(spikes)
        result.spikes.append(spikes)
        result.u.append(list(u))
        result.v.append(list(v))


def t0(x: int) -> int:
    """x / 4096, truncated toward zero."""
    return x // 4096 if x >= 0 else -(-x // 4096)
