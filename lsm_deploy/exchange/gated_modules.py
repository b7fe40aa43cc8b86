"""The weights of PyTorch's GRU, and of LTC and CfC of ncps, from the objects of the user's process.

This package does not import ncps, and this module no torch: types are known by their names. `forward` is not called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.exchange.gated_networks import BACKBONES, CfcLayer, LtcSynapses, cfc, gru, ltc
from lsm_deploy.exchange.imported import Imported, as_array
from lsm_deploy.exchange.turns import Linear, Options

__all__ = ["from_recurrent", "recurrent_kind"]

_KINDS = (("torch", "RNN"), ("torch", "GRU"), ("ncps", "LTC"), ("ncps", "CfC"))
_ACTIVATIONS = {"LeCun": "lecun_tanh", "Tanh": "tanh", "ReLU": "relu", "SiLU": "silu"}


def recurrent_kind(module: Any) -> str:
    """RNN, GRU, LTC or CfC, where the module is a whole recurrent network of one of these types; else ""."""
    kind = type(module)
    return kind.__name__ if (kind.__module__.partition(".")[0], kind.__name__) in _KINDS else ""


def from_recurrent(name: str, module: Any, notes: Sequence[str], *, timespan: float = 1.0, **options: Any) -> Imported:
    """The network of a GRU, an LTC or a CfC. timespan: the time between two rows of inputs, of the latter two.

    LsmErrors name the layer that there is no rule for.
    """
    kind, known = recurrent_kind(module), [field.name for field in fields(Options)]
    where = name or kind
    raise_all(
        [
            MisuseError(
                f"{option} is no option of a module of type {kind}",
                where=option,
                hint=f"choose from {', '.join(known)}",
            )
            for option in options
            if option not in known
        ]
    )
    given = Options(**options)
    if not 0 < timespan < np.inf or (kind == "GRU" and timespan != 1.0):
        hint = "leave it out" if kind == "GRU" else "give a positive number"
        raise MisuseError(f"timespan is {timespan}", where="timespan", hint=hint)
    if kind == "GRU":
        return _from_gru(module, given, notes)
    if module.use_mixed:
        what = "mixed_memory puts an LSTM before it, for which there is no rule"
        raise LsmError(what, where=f"layer {where + '.lstm'!r}", hint="train it with mixed_memory=False")
    said = [*notes, f"assumed: rows of inputs are {timespan:g} apart, as `timespans` says where it is given"]
    if kind == "LTC":
        return _from_ltc(where, module.rnn_cell, timespan, given, said)
    if type(module.fc).__name__ == "Linear":
        said.append(f"left out: the layer {where + '.fc'!r} reads the states; train a readout on them here")
    return _from_cfc(where, module.rnn_cell, timespan, given, said)


def _from_gru(module: Any, options: Options, notes: Sequence[str]) -> Imported:
    size = module.hidden_size
    weights = {key: _floats(value) for key, value in module.named_parameters()}
    none = np.zeros(3 * size)
    inputs, recurrent = (
        Linear(weights[f"weight_{of}_l0"].reshape(3, size, -1), weights.get(f"bias_{of}_l0", none).reshape(3, size))
        for of in ("ih", "hh")
    )
    return gru(inputs, recurrent, options, notes)


def _from_ltc(where: str, cell: Any, timespan: float, options: Options, notes: list[str]) -> Imported:
    held = {key: _floats(value) for key, value in cell.named_parameters()}
    positive = ("gleak", "cm", "w", "sensory_w")
    if cell._implicit_param_constraints:
        held |= {key: np.logaddexp(0.0, held[key]) for key in positive}
    masked = {key: held[key] * np.abs(held[f"{key[:-1]}sparsity_mask"]) for key in ("w", "sensory_w")}
    negative = [key for key in positive if (masked.get(key, held[key]) < 0).any()]
    raise_all(
        [
            LsmError(f"{key} is negative", where=f"layer {where!r}", hint="call rnn_cell.apply_weight_constraints()")
            for key in negative
        ]
    )
    if not held["cm"].all():
        raise LsmError("cm is 0: v would jump", where=f"layer {where!r}", hint="train it with cm above 0")
    ones = np.ones(cell.sensory_size)
    mapping = held.get("input_w", ones), held.get("input_b", 0 * ones)
    recurrent, sensory = (
        LtcSynapses(held[f"{of}sigma"], held[f"{of}mu"], masked[f"{of}w"], held[f"{of}erev"]) for of in ("", "sensory_")
    )
    if cell.motor_size < cell.state_size or "output_w" in held:
        notes.append("left out: the output mapping of the LTC; states are those of all units")
    unfolds = cell._ode_unfolds
    capacity = held["cm"] * unfolds / timespan
    leak, resting, epsilon = held["gleak"], held["vleak"], cell._epsilon
    return ltc(leak, resting, capacity, recurrent, sensory, mapping, unfolds, epsilon, options, notes)


def _from_cfc(where: str, cell: Any, timespan: float, options: Options, notes: Sequence[str]) -> Imported:
    wired = type(cell).__name__ == "WiredCfCCell"
    cells = {f"{where}.rnn_cell": cell}
    if wired:
        cells = {f"{where}.rnn_cell.{name}": each for name, each in cell.named_children()}
    errors: list[LsmError] = []
    layers = []
    for name, each in cells.items():
        if each.mode == "pure":
            what, hint = "there is no rule for its mode 'pure', which has an exp", "train it with mode='default'"
            errors.append(LsmError(what, where=f"layer {name!r}", hint=hint))
            continue
        backbone: list[tuple[Linear, str]] = []
        parts = list(each.backbone.named_children()) if each.backbone is not None else []
        for number, part in parts:
            kind = type(part).__name__
            if kind == "Linear":
                linear = _linear(part)
            elif kind in _ACTIVATIONS:
                backbone.append((linear, _ACTIVATIONS[kind]))
            elif kind != "Dropout":
                hint = f"train it with an activation of {', '.join(BACKBONES)}"
                place = f"layer {f'{name}.backbone.{number}'!r}"
                errors.append(LsmError(f"there is no rule for {kind}", where=place, hint=hint))
        mask = 1.0 if each.sparsity_mask is None else _floats(each.sparsity_mask)
        first, second = (Linear(part.weight * mask, part.bias) for part in (_linear(each.ff1), _linear(each.ff2)))
        a, b = _linear(each.time_a), _linear(each.time_b)
        gate = Linear(timespan * a.weight + b.weight, timespan * a.bias + b.bias)
        layers.append(CfcLayer(tuple(backbone), first, second, gate))
    raise_all(errors)
    channels = cell.sensory_size if wired else cell.input_size
    mixes = all(each.mode == "default" for each in cells.values())
    return cfc(layers, channels, mixes, options, notes)


def _linear(layer: Any) -> Linear:
    return Linear(_floats(layer.weight), _floats(layer.bias))


def _floats(tensor: Any) -> Floats:
    return as_array(tensor).astype(np.float64)
