"""Gated recurrent networks from their weights: GRU, LTC and CfC, by turns (see `turns`).

States begin at 0, and state k is in `v` of `units` in the step `first + k * period`. In step 0, where phase 0 has a
turn before anything has come, units with a memory begin at what that turn leads to 0.

GRU (PyTorch's, in which r multiplies after the recurrent sum; Cho et al. 2014):

    1  reset   r * (W_hn h + b_hn), base 0                            r the gate
    2  units   h = h + (1 - z) * (tanh(W_in x + b_in + reset) - h)    1 - z = sigmoid(-...) the gate

CfC (Hasani et al. 2022), with one more turn before for each layer of its backbone:

    1  halves  (1 - g) * tanh(W_1 y + b_1) and g * tanh(W_2 y + b_2), base 0; y = [x, h] or the backbone's last layer
    2  units   h = the sum of both

LTC (ncps', Hasani et al. 2021), two steps for each unfold, with c = cm * unfolds / timespan:

    1  synapses  s_ij = sigmoid(sigma_ij (v_i - mu_ij)), one for each synapse, of inputs too
    2  units     v_j = (v_j + u_j) / (1 + d_j), the fused step by a ratio,
                 u_j = (gleak_j vleak_j + sum_i w_ij erev_ij s_ij) / c_j
                 d_j = (gleak_j + epsilon + sum_i w_ij s_ij) / c_j
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lsm_deploy.core import activations
from lsm_deploy.core.ir import Population, Projection
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import warn
from lsm_deploy.exchange.imported import Imported, network_of, population, stimulus_of
from lsm_deploy.exchange.profiles import UNBOUNDED
from lsm_deploy.exchange.turns import Drive, Linear, Options, Source, drive_of, in_range, parts_of, wires
from lsm_deploy.run.reference import run_float

__all__ = ["BACKBONES", "CfcLayer", "LtcSynapses", "cfc", "gru", "ltc"]

UNITS = "units"
FAR = 8.0
"""A beginning of `v` beyond it would cost fraction bits."""
RATIOS_END = 8.0
"""Where the table of a ratio does."""
BACKBONES = {
    "lecun_tanh": ("tanh", 0.666, 1.7159),
    "tanh": ("tanh", 1.0, 1.0),
    "relu": ("relu", 1.0, 1.0),
    "silu": ("identity", 1.0, 1.0),
}
"""By name: the activation, and what its argument and its value are multiplied by; silu, z sigmoid(z), is gated."""


class CfcLayer(NamedTuple):
    """A backbone, each of its layers with the name of its activation (see `BACKBONES`), the heads, and the gate."""

    backbone: tuple[tuple[Linear, str], ...]
    first: Linear
    second: Linear
    gate: Linear


class LtcSynapses(NamedTuple):
    """Matrices [pre, post]: a sigmoid's slope and centre, strength (0: no synapse), and reversal potential."""

    sigma: Floats
    mu: Floats
    w: Floats
    erev: Floats


def gru(inputs: Linear, recurrent: Linear, options: Options, notes: Sequence[str]) -> Imported:
    """Weights [3, unit, channel] and [3, unit, unit], biases [3, unit]: of r, of z and of n, as PyTorch stacks them."""
    said = list(notes)
    w, b = recurrent
    size, channels = w.shape[-1], inputs.weight.shape[-1]
    drive = drive_of(options, channels, said)
    w_in, more = drive.scaled(inputs.weight)
    b_in = inputs.bias + more
    # In step 0 the biases alone move h, by z = sigmoid(b_z); (1 - z) / z is exp(-b_z).
    begins = -np.tanh(b_in[2]) * np.exp(np.minimum(-b_in[1] - b[1], 50.0))
    period = 2 if np.abs(begins).max() <= FAR else 3  # with an idle step, no turn comes before its time
    every: dict[str, Any] = {"period": period, "message_bits": options.message_bits}
    of_reset = {
        **every,
        "base": 0.0,
        "bias": b[2],
        "bias_gate": b_in[0] + b[0],
        "state_range": (np.abs(w[2]).sum(axis=1) + np.abs(b[2])).max(),
        "phase": 1,
    }
    of_units = {
        **every,
        "bias": b_in[2],
        "bias_gate": -b_in[1] - b[1],
        "v_initial": begins if period == 2 else 0.0,
        "phase": 2 % period,
    }
    reset = population("reset", size, "identity", of_reset, gate="sigmoid")
    units = population(UNITS, size, "tanh", of_units, output="clip", gate="sigmoid")
    joined = [
        *wires(reset, [(units, w[2])], options),
        *wires(reset, [(units, w[0]), (None, w_in[0])], options, [1]),
        *wires(units, [(reset, np.eye(size)), (None, w_in[2])], options),
        *wires(units, [(units, -w[1]), (None, -w_in[1])], options, [1]),
    ]
    network = network_of(channels, [reset, units], joined, options.dt_ms)
    said.append(_held(period))
    return Imported(network, UNITS, 2, drive.values, 0, tuple(said), period)


def cfc(layers: Sequence[CfcLayer], channels: int, mixes: bool, options: Options, notes: Sequence[str]) -> Imported:
    """Layers, each of which reads the inputs, or the one before, and itself. mixes: (1 - g) f + g k, else f + g k."""
    said = list(notes)
    drive = drive_of(options, channels, said)
    sizes = [len(layer.first.weight) for layer in layers]
    turns = [len(layer.backbone) + 2 for layer in layers]
    ends, stops, period = np.cumsum(turns), np.cumsum(sizes), sum(turns)
    every: dict[str, Any] = {"period": period, "message_bits": options.message_bits}
    # Without a bias, and with no message yet, the turn of phase 0 in step 0 leaves them at 0.
    of_units = {**every, "leak_rate": 1.0, "phase": np.repeat(ends % period, sizes)}
    units = population(UNITS, sum(sizes), "identity", {**of_units, "state_range": 1.0 if mixes else 2.0})
    populations, joined = [units], []
    before = Source(None, slice(0, channels))
    for number, layer in enumerate(layers):
        label = str(number) if len(layers) > 1 else ""
        own = Source(units, slice(stops[number] - sizes[number], stops[number]))
        phased = {**every, "phase": ends[number] - turns[number] + 1}
        made, synapses = _cfc_layer(layer, [before, own], mixes, phased, label, drive, options)
        both = np.zeros((units.size, made[-1].size))
        both[own.columns] = np.tile(np.eye(sizes[number]), 2)
        populations += made
        joined += [*synapses, *wires(units, [(made[-1], both)], options)]
        before = own
    network = network_of(channels, populations, joined, options.dt_ms)
    said.append(_held(period))
    imported = Imported(network, UNITS, period, drive.values, 0, tuple(said), period)
    unbounded = [p.name for p in populations[1:] if p.parameters["state_range"].any()]
    return in_range(imported, drive.samples, unbounded)


def _cfc_layer(
    layer: CfcLayer,
    sources: Sequence[Source],
    mixes: bool,
    phased: Mapping[str, Any],
    label: str,
    drive: Drive,
    options: Options,
) -> tuple[list[Population], list[Projection]]:
    """The populations of a layer's turns, `halves` the last of them, and the synapses onto them."""
    populations: list[Population] = []
    joined: list[Projection] = []
    phase, gain, reach = phased["phase"], 1.0, 1.0 if mixes else 2.0
    for depth, (linear, name) in enumerate(layer.backbone):
        activation, inner, outer = BACKBONES[name]
        parts, bias = parts_of(Linear(gain * linear.weight, linear.bias).times(inner), sources, drive)
        driven = np.abs(bias) + reach * sum(np.abs(block).sum(axis=1) for _, block in parts)
        gate = "sigmoid" if name == "silu" else ""
        reach = float(driven.max()) if activation in UNBOUNDED else 1.0
        parameters = {**phased, "bias": bias, "phase": phase, "state_range": reach if activation in UNBOUNDED else 0.0}
        parameters |= {"base": 0.0, "bias_gate": bias} if gate else {"leak_rate": 1.0}
        hidden = population(f"backbone{label}{depth}", len(bias), activation, parameters, gate=gate)
        populations.append(hidden)
        joined += wires(hidden, parts, options, [0, 1] if gate else [0])
        sources, gain, phase = [Source(hidden, slice(0, hidden.size))], outer, phase + 1
    size = len(layer.first.weight)
    heads, bias = parts_of(_stacked(layer.first, layer.second, gain), sources, drive)
    closed = Linear(np.zeros_like(layer.gate.weight), np.zeros(size))  # it lets the first half through as it is
    gates, bias_gate = parts_of(_stacked(layer.gate if mixes else closed, layer.gate, gain), sources, drive)
    first_gate = activations.SIGMOID if mixes else activations.IDENTITY
    parameters = {
        **phased,
        "base": 0.0,
        "fused": np.repeat([1.0, 0.0], size),
        "gate": np.repeat([first_gate, activations.SIGMOID], size),
        "bias": bias,
        "bias_gate": bias_gate,
        "phase": phase,
    }
    halves = population(f"halves{label}", 2 * size, "tanh", parameters, gate="sigmoid")
    return [*populations, halves], [*joined, *wires(halves, heads, options), *wires(halves, gates, options, [1])]


def ltc(
    leak: Floats,
    resting: Floats,
    capacity: Floats,
    recurrent: LtcSynapses,
    sensory: LtcSynapses,
    mapping: tuple[Floats, Floats],
    unfolds: int,
    epsilon: float,
    options: Options,
    notes: Sequence[str],
) -> Imported:
    """leak (gleak), resting (vleak) and capacity (cm * unfolds / timespan) `[unit]`; mapping: what inputs `[channel]`
    are multiplied by, and then get added. An LsmWarning where the integers' table of ratios may end too early."""
    said = list(notes)
    size, channels = len(leak), len(mapping[0])
    drive = drive_of(options, channels, said)
    pre, post = np.nonzero(recurrent.w)
    entry, onto = np.nonzero(sensory.w)
    count, targets = len(pre) + len(entry), np.concatenate([post, onto])
    slope, outer = recurrent.sigma[pre, post], sensory.sigma[entry, onto]
    of_units, of_inputs = np.zeros((count, size)), np.zeros((count, channels))
    of_units[np.arange(len(pre)), pre] = slope
    of_inputs[np.arange(len(pre), count), entry] = outer * mapping[0][entry]
    of_inputs, more = drive.scaled(of_inputs)
    of_sensory = outer * (mapping[1][entry] - sensory.mu[entry, onto])
    bias = more + np.concatenate([-slope * recurrent.mu[pre, post], of_sensory])
    every: dict[str, Any] = {"period": 2, "message_bits": options.message_bits}
    synapses = population("synapses", count, "sigmoid", {**every, "leak_rate": 1.0, "bias": bias, "phase": 1})
    conductance = np.zeros((size, count))
    strength = np.concatenate([recurrent.w[pre, post], sensory.w[entry, onto]])
    conductance[targets, np.arange(count)] = strength / capacity[targets]
    reversal = np.concatenate([recurrent.erev[pre, post], sensory.erev[entry, onto]])
    current, driven = conductance * reversal, leak * resting / capacity
    # v is a mean of what it was, of the resting and of the reversal potentials.
    largest = float(np.abs(np.concatenate([resting, reversal])).max())
    parameters = {
        **every,
        "fused": 1.0,
        "bias": driven,
        "bias_gate": (leak + epsilon) / capacity,
        "clip_lo": -largest,
        "clip_hi": largest,
        "state_range": max(largest, float((np.abs(current).sum(axis=1) + np.abs(driven)).max())),
        "v_initial": -driven,
        "phase": 0,
    }
    units = population(UNITS, size, "identity", parameters, output="clip", gate="ratio")
    joined = [
        *wires(synapses, [(units, of_units), (None, of_inputs)], options),
        *wires(units, [(synapses, current)], options),
        *wires(units, [(synapses, conductance)], options, [1]),
    ]
    network = network_of(channels, [synapses, units], joined, options.dt_ms)
    period = 2 * unfolds
    said.append(_held(period))
    imported = Imported(network, UNITS, period, drive.values, 0, tuple(said), period)
    return _with_ratios(imported, float((parameters["bias_gate"] + conductance.sum(axis=1)).max()), drive.samples)


def _with_ratios(imported: Imported, most: float, samples: Floats | None) -> Imported:
    """The same, with a warning where the ratio of an LTC's step, which weights bound by `most`, passes its table."""
    if most > RATIOS_END and samples is not None:
        most = float(run_float(imported.network, stimulus_of(imported, samples), ("w",)).state["w"].max())
    if most <= RATIOS_END:
        return imported
    reaches = "may reach" if samples is None else "reaches"
    what = f"dt (1 / tau + f) {reaches} {most:.3g}, and in integers it is held at {RATIOS_END:g}"
    warn(f"{what}; more unfolds make it smaller", level=4)
    return replace(imported, notes=(*imported.notes, f"warning: {what}"))


def _held(period: int) -> str:
    return f"assumed: states are 0 at first; a row of inputs is held for {period} steps, in which the units take turns"


def _stacked(first: Linear, second: Linear, gain: float) -> Linear:
    """Two layers of the same inputs, which are multiplied by `gain`."""
    return Linear(gain * np.concatenate([first.weight, second.weight]), np.concatenate([first.bias, second.bias]))
