"""LIF whose threshold adapts: each spike raises it, and leaves a refractory state that is subtracted from the voltage.

Both decay by themselves, over hundreds of steps if asked to: that is memory of the neuron's own activity, longer than
its membrane's (Bellec et al., NeurIPS 2018, on adaptive thresholds in recurrent networks). The voltage is not reset.

Floats, once a step of `dt_ms`, with a decay of exp(-dt / tau) each:

    i decays, + sum of w * s;   v decays, + i + bias;   theta decays towards v_threshold;   r decays towards 0
    s = v - r >= theta;   where s: r = r + 2 * theta, then theta = theta + threshold_step

Integers (lava-nc 0.10.0, `PyATRLIFModelFixed`):

    x = t0(i * (4096 - (delta_i + 1))) + (a << 6)                      modulo 2**32
    i = x wrapped once into (-2**23, 2**23]
    v = clip(t0(v * (4096 - delta_v)) + i + (bias_mant << bias_exp))    to 24 bits
    theta = t0((theta - (theta_0 << 6)) * (4096 - delta_theta)) + (theta_0 << 6)
    r = t0(r * (4096 - delta_r))
    s = v - r >= theta;   where s: r = r + 2 * theta, then theta = theta + (theta_step << 6)

`theta` begins at `theta_0 << 6`, whatever it is given. Neither `theta` nor `r` is ever clipped; but a spike asks for
r + theta <= v < 2**23, so `r` stays below 2**24, and `theta` below 2**23 + (theta_step << 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import BINARY, Messages
from lsm_deploy.core.neurons import membrane
from lsm_deploy.core.neurons.kind import Floats, FloatStep, Policy, Rule, Step, unknown_view

NAME = "ATRLIF"
STATE: tuple[str, ...] = ("i", "v", "theta", "r")
CURRENT = "i"
DECAYS = ("delta_i", "delta_v")
TIMES = ("tau_syn_ms", "tau_mem_ms")
BOUNDED: tuple[str, ...] = ("theta", "r")
THRESHOLDS: tuple[str, ...] = ("v_threshold", "threshold_step")
LEVELS: tuple[str, ...] = ("theta_0",)
RESETS = False
PORTS = 1
MESSAGE = BINARY
LARGEST_SUM = fixed.SUM_LIMIT
RECORDED = False
STOCK: tuple[Policy, ...] = ("fresh",)
SHARED: tuple[str, ...] = ("theta_step",)
RULES: tuple[Rule, ...] = (
    Rule("adaptive-threshold", "a spike is v - r >= theta", "a spike is v - r > theta",
         "v - r >= theta", "v - r > theta"),
    Rule("theta-rest", "theta decays towards theta_0", "theta decays towards 0",
         'fixed.decay(state["theta"] - rest, registers["delta_theta"]) + rest',
         'fixed.decay(state["theta"], registers["delta_theta"])'),
    Rule("theta-offset", "theta decays by delta_theta", "theta decays by delta_theta + 1",
         'registers["delta_theta"]', 'registers["delta_theta"] + 1'),
    Rule("theta-start", "theta begins at theta_0 << 6", "theta begins at 0",
         '{"i": zero, "v": zero, "theta": threshold(registers), "r": zero}',
         '{"i": zero, "v": zero, "theta": zero, "r": zero}'),
    Rule("theta-step-shift", "theta_step is shifted by 6", "theta_step is not shifted",
         'registers["theta_step"] << fixed.ACT_SHIFT', 'registers["theta_step"]'),
    Rule("r-offset", "r decays by delta_r", "r decays by delta_r + 1",
         'registers["delta_r"]', 'registers["delta_r"] + 1'),
    Rule("r-order", "r grows by twice theta before its step", "r grows by twice theta after its step",
         "r + 2 * theta", 'r + 2 * (theta + (registers["theta_step"] << fixed.ACT_SHIFT))'),
    Rule("r-once", "r grows by twice theta", "r grows by theta", "r + 2 * theta", "r + theta"),
)  # fmt: skip

THRESHOLD_LIMIT = 4095
"""`theta_0` and `theta_step` are declared with 12 bits, where LIF's `vth` has 17."""


@dataclass(frozen=True)
class Parameters:
    """What a user writes, for each neuron or as a distribution over neurons."""

    tau_mem_ms: Annotated[float, Gt(0)] = 20.0
    """Membrane time constant."""
    tau_syn_ms: Annotated[float, Ge(0)] = 5.0
    """Time constant of the synaptic current; 0 forgets it at once."""
    tau_threshold_ms: Annotated[float, Gt(0)] = 200.0
    """Time constant with which the threshold comes back."""
    tau_refractory_ms: Annotated[float, Gt(0)] = 10.0
    """Time constant of the refractory state."""
    v_threshold: Annotated[float, Gt(0)] = 1.0
    """At rest, in units of weight."""
    threshold_step: Annotated[float, Ge(0)] = 0.1
    """What a spike adds to the threshold, in units of weight."""
    bias: float = 0.0
    """Added to `v` in each step, in units of weight."""


@dataclass(frozen=True)
class Registers:
    """What the chip is given for each neuron; Lava takes the four decays as floats, which must be k / 4096 exactly."""

    delta_i: Annotated[int, Ge(0), Le(4095)]
    """Current decays by (delta_i + 1) / 4096 a step."""
    delta_v: Annotated[int, Ge(0), Le(4095)]
    """Voltage decays by delta_v / 4096 a step."""
    delta_theta: Annotated[int, Ge(0), Le(4095)]
    """The threshold's distance from `theta_0` decays by delta_theta / 4096 a step."""
    delta_r: Annotated[int, Ge(0), Le(4095)]
    """The refractory state decays by delta_r / 4096 a step."""
    theta_0: Annotated[int, Ge(0), Le(THRESHOLD_LIMIT)]
    theta_step: Annotated[int, Ge(0), Le(THRESHOLD_LIMIT)] = 0
    bias_mant: Annotated[int, Ge(-4096), Le(4095)] = 0
    bias_exp: Annotated[int, Ge(0), Le(7)] = 0


def largest_scale(parameters: Mapping[str, Floats], headroom: int = membrane.THRESHOLD_HEADROOM) -> float:
    largest = float(np.max([parameters["v_threshold"], parameters["threshold_step"]]))
    return min(THRESHOLD_LIMIT / largest, membrane.largest_scale(parameters, parameters["v_threshold"], headroom))


def to_registers(parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]:
    return {
        "delta_i": membrane.decay_of(parameters["tau_syn_ms"], dt_ms) - 1,
        # 4096 would forget at once, but lies beyond 12 bits.
        "delta_v": np.minimum(membrane.decay_of(parameters["tau_mem_ms"], dt_ms), 4095),
        "delta_theta": np.minimum(membrane.decay_of(parameters["tau_threshold_ms"], dt_ms), 4095),
        "delta_r": np.minimum(membrane.decay_of(parameters["tau_refractory_ms"], dt_ms), 4095),
        "theta_0": membrane.nearest(scale * parameters["v_threshold"]),
        "theta_step": membrane.nearest(scale * parameters["threshold_step"]),
        **membrane.quantise_bias(parameters["bias"], scale),
    }


def to_parameters(registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]:
    return {
        "tau_mem_ms": membrane.tau_of(registers["delta_v"], dt_ms),
        "tau_syn_ms": membrane.tau_of(registers["delta_i"] + 1, dt_ms),
        "tau_threshold_ms": membrane.tau_of(registers["delta_theta"], dt_ms),
        "tau_refractory_ms": membrane.tau_of(registers["delta_r"], dt_ms),
        "v_threshold": registers["theta_0"] / scale,
        "threshold_step": registers["theta_step"] / scale,
        "bias": membrane.realise_bias(registers, scale),
    }


largest_messages = membrane.largest_messages
message_units = membrane.message_units
sum_units = membrane.sum_units


def leaks(registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
    return registers["delta_i"] + 1, registers["delta_v"]


def largest_register(registers: Mapping[str, Ints], current: Floats) -> Floats:
    """The largest of |i| + |bias|, of `r`, which a spike takes to 2 * v at most, and of `theta`, to v + its step."""
    added = current + membrane.largest_bias(registers)
    with np.errstate(divide="ignore", invalid="ignore"):
        largest_v = np.where(added > 0, added * fixed.DECAY_UNITY / registers["delta_v"], 0)
    # `v` saturates, as it does in every kind; what follows from it does not.
    largest_v = np.minimum(largest_v, fixed.UV_LIMIT - 1)
    largest_theta = largest_v + (np.maximum(registers["theta_0"], registers["theta_step"]) << fixed.ACT_SHIFT)
    return np.maximum(np.maximum(added, 2 * largest_v), largest_theta)


_FAR = 1000
"""Steps beyond which no longer interval is looked for."""


def shortest_interval(registers: Mapping[str, Ints], most: Floats, least: Floats, cleared: bool) -> Ints:
    """The steps that `r` takes to leave room for `v`, which is not reset, below the threshold.

    theta never falls below rest = theta_0 << 6, nor `r` below 0, so a spike needs v >= rest, and leaves r >= 2 * rest.
    n steps later r >= t0^n(2 * rest), because t0(r * k) grows with r; and v <= V, the limit of `v` under the largest
    current. So there is no spike before V >= rest + t0^n(2 * rest). Clearing takes `r` to 0, but `v` as well: then
    `v` has to reach `rest` anew.
    """
    added = most + membrane.bias(registers)
    rest = threshold(registers)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = np.where(added > 0, added * fixed.DECAY_UNITY / registers["delta_v"] * membrane.SLACK, 0.0)
    limit = np.minimum(limit, fixed.UV_LIMIT - 1)
    loses = registers["delta_r"]
    r, steps = fixed.decay(2 * rest, loses), np.ones(len(rest), np.int64)
    for _ in range(_FAR):
        if not (waits := limit < rest + r).any():
            break
        r, steps = fixed.decay(r, loses), steps + waits
    if cleared:
        # A spike asks for v >= theta, and `steps_to` for v > theta: one unit makes them the same.
        again = membrane.steps_to(rest - 1, added, registers["delta_v"])
        steps = np.minimum(steps, np.maximum(again, 1))
    return np.where(limit < rest, 0, steps)


def threshold(registers: Mapping[str, Ints]) -> Ints:
    return registers["theta_0"] << fixed.ACT_SHIFT


def stuck(registers: Mapping[str, Ints], firing: bool) -> dict[str, Ints]:
    at_rest = {**registers, "theta_0": np.maximum(registers["theta_0"], 1)}  # at 0 it would fire at rest
    return membrane.stuck(at_rest, firing, "theta_0", theta_step=0)


def initial(registers: Mapping[str, Ints]) -> dict[str, Ints]:
    zero = np.zeros(len(registers["theta_0"]), np.int64)
    return {"i": zero, "v": zero, "theta": threshold(registers), "r": zero}


def step(registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step:
    x = fixed.wrap32(fixed.decay(state["i"], registers["delta_i"] + 1) + (a << fixed.ACT_SHIFT))
    i = fixed.wrap24(x)
    bias = registers["bias_mant"] << registers["bias_exp"]
    sum_v = fixed.decay(state["v"], registers["delta_v"]) + i + bias
    v = fixed.saturate24(sum_v)
    rest = registers["theta_0"] << fixed.ACT_SHIFT
    theta = fixed.decay(state["theta"] - rest, registers["delta_theta"]) + rest
    r = fixed.decay(state["r"], registers["delta_r"])
    spikes = v - r >= theta
    return Step(
        state={
            "i": i,
            "v": v,
            "theta": np.where(spikes, theta + (registers["theta_step"] << fixed.ACT_SHIFT), theta),
            "r": np.where(spikes, r + 2 * theta, r),
        },
        spikes=spikes.astype(np.int8),
        wrapped=i != x,
        saturated=v != sum_v,
    )


def float_constants(parameters: Mapping[str, Floats], dt_ms: float) -> dict[str, Floats]:
    return {
        "alpha": membrane.factor_of(parameters["tau_syn_ms"], dt_ms),
        "beta": membrane.factor_of(parameters["tau_mem_ms"], dt_ms),
        "gamma": membrane.factor_of(parameters["tau_threshold_ms"], dt_ms),
        "rho": membrane.factor_of(parameters["tau_refractory_ms"], dt_ms),
        **{name: parameters[name] for name in ("v_threshold", "threshold_step", "bias")},
    }


def float_initial(constants: Mapping[str, Floats]) -> dict[str, Floats]:
    zero = np.zeros(len(constants["v_threshold"]))
    return {"i": zero, "v": zero, "theta": constants["v_threshold"], "r": zero}


def float_step(constants: Mapping[str, Floats], state: Mapping[str, Floats], a: Floats) -> FloatStep:
    i = constants["alpha"] * state["i"] + a
    v = constants["beta"] * state["v"] + i + constants["bias"]
    rest = constants["v_threshold"]
    theta = constants["gamma"] * (state["theta"] - rest) + rest
    r = constants["rho"] * state["r"]
    spikes = v >= r + theta
    raised = np.where(spikes, theta + constants["threshold_step"], theta)
    return FloatStep(dict(i=i, v=v, theta=raised, r=np.where(spikes, r + 2.0 * theta, r)), spikes.astype(np.int8))


def chip_view(register: str, values: NDArray[np.int32], spikes: Messages) -> NDArray[np.int32]:
    """Unknown: no recording covers this kind."""
    return unknown_view(NAME, STATE, register, values)
