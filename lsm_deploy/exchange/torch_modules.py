"""PyTorch's modules, from the objects of the user's process, and its files of weights: the one module that needs torch.

What `forward` does is Python, and is not read: layers are known by their types, and what cannot be seen is named by the
caller, or said in the notes. An ODE's function is called, as torchdiffeq does, to see that it is what was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.streams import stream
from lsm_deploy.exchange.gated_modules import from_recurrent, recurrent_kind
from lsm_deploy.exchange.imported import Imported, as_array
from lsm_deploy.exchange.layers import Layer, recurrence_of
from lsm_deploy.exchange.matrices import activate, from_matrices, with_biases
from lsm_deploy.exchange.odes import integrate
from lsm_deploy.store.files import reading

__all__ = ["from_ode", "from_torch", "load_state_dict"]

_KNOWN = "Linear, RNN, GRU, ncps' LTC and CfC, Tanh, Sigmoid, ReLU, ReLU6, Hardtanh, Dropout, Identity"
_UNEVEN = 1e-4
"""How much a step of a grid may differ from another: what float32 makes of an even one is a tenth of it."""
_SAME = 1e-4
"""How far a function called in its own precision may be from what was read of it, of its largest value."""


def from_torch(
    module: Any,
    *,
    recurrent: str = "",
    input: str = "",
    activation: str = "",
    ignore: Sequence[str] = (),
    **options: Any,
) -> Imported:
    """The network of `h = f(recurrent(h) + input(x))`, one step a row of `x`, or of a module that is one as a whole: an
    nn.RNN or nn.GRU of one layer, an LTC or CfC of ncps.

    recurrent, input: names of the layers, as `named_modules` has them, where their shapes leave a choice; without an
    input layer `x` itself is added. activation: as of `from_matrices`, where no layer of the module is one. ignore:
    names of layers and parameters that the recurrence does not use. options: as of `from_matrices`, which are `inputs`
    to profile the states on, `input_range`, `state`, `leak_rate` and others; a `bias` is added to those of the layers.
    Gated networks have a few steps to a row, begin at 0, and take `inputs`, `input_range`, bits and `dt_ms` of these,
    and LTC and CfC the `timespan` between rows (1).
    LsmErrors name every layer without a rule.
    """
    nn = _torch("the module").nn
    if not isinstance(module, nn.Module):
        raise MisuseError(f"the module is of type {type(module).__name__}", where="module", hint="give an nn.Module")
    ignore = (ignore,) if isinstance(ignore, str) else ignore
    networks = [(name, each) for name, each in module.named_modules() if recurrent_kind(each) and name not in ignore]
    if len(networks) > 1:
        named = ", ".join(repr(name) for name, _ in networks)
        raise LsmError(
            f"several recurrent networks are in it: {named}", where="module", hint="give one, or `ignore=` the others"
        )
    if networks:
        arguments = {"recurrent": recurrent, "input": input, "activation": activation}
        given = [name for name, value in arguments.items() if value]
        return _from_network(*networks[0], module, given, ignore, options)
    layers, functions = _parts(module, ignore)
    clip: tuple[float, float] | None = None
    if not activation:
        different = list(dict.fromkeys(functions))
        if len(different) != 1:
            what = f"{len(different)} different activations are in it" if different else "no activation is in it"
            raise LsmError(what, where="activation", hint="name it: `activation='tanh'`, for example")
        activation, clip = different[0]
    if clip is not None:
        options.setdefault("clip", clip)
    core = recurrence_of(layers, recurrent, input, ignore)
    said = f"assumed: h = {activation}(W h + W_in x + bias), one step a row of x, from h = 0: `forward` is not read"
    notes = (said, *core.notes, *_of_buffers(module))
    options = with_biases(core.bias, options, notes)
    return from_matrices(core.weights, core.input_weights, activation=activation, **options)


def _from_network(
    name: str, network: Any, module: Any, given: Sequence[str], ignore: Sequence[str], options: dict[str, Any]
) -> Imported:
    kind = recurrent_kind(network)
    label = f"nn.{kind}" if type(network).__module__.startswith("torch.") else kind
    where = name or label
    errors: list[LsmError] = [
        MisuseError(f"the {label} says it itself", where=argument, hint=f"leave it out, or the {kind} with `ignore=`")
        for argument in given
    ]
    inside = [f"{name}.{each}".strip(".") for each, _ in network.named_modules()]
    errors += _without_a_layer(module, [*ignore, *inside])
    if getattr(network, "num_layers", 1) > 1:
        what, hint = (
            f"it has {network.num_layers} layers",
            "import each by itself, and feed the states of one to the next",
        )
        errors.append(LsmError(what, where=where, hint=hint))
    if getattr(network, "bidirectional", False):
        what, hint = "it is bidirectional: one half runs from the end", "train it with bidirectional=False"
        errors.append(LsmError(what, where=where, hint=hint))
    inputs = options.get("inputs")
    if inputs is not None and np.ndim(inputs) == 3 and not network.batch_first:
        what = "it is made without batch_first, so the first axis of three is time, and here it is the sample"
        errors.append(LsmError(what, where="inputs", hint="give [sample, t, channel]: `x.transpose(0, 1)`"))
    raise_all(errors)
    notes = [
        f"left out: {each or 'the module'} ({type(layer).__name__}), which is no part of the recurrence"
        for each, layer in module.named_modules()
        if each not in inside and layer is not module and not list(layer.children()) and each not in ignore
    ]
    if kind != "RNN":
        return from_recurrent(name, network, notes, **options)
    weights = {key: _floats(value) for key, value in network.named_parameters()}
    size = len(weights["weight_hh_l0"])
    bias = sum((weights[key] for key in ("bias_ih_l0", "bias_hh_l0") if key in weights), np.zeros(size))
    options = with_biases(np.zeros(size) + bias, options, notes)
    return from_matrices(weights["weight_hh_l0"], weights["weight_ih_l0"], activation=network.nonlinearity, **options)


def from_ode(module: Any, t: ArrayLike, y0: ArrayLike, **options: Any) -> Imported:
    """The network that solves `odeint(module, y0, t)` for a function of Linear, an activation and Linear, by Euler.

    t: an even grid; its first state is y0 `[unit]`, and row k of a trace holds that of t[k]. options: `weight_bits`,
    `message_bits` and `dt_ms`, as of `from_matrices`. The notes say what forward Euler costs. An LsmError where the
    function is another one than its layers make it, or the grid is not even.
    """
    torch = _torch("the function")
    if not isinstance(module, torch.nn.Module):
        raise MisuseError(f"the function is of type {type(module).__name__}", where="module", hint="give an nn.Module")
    layers, functions = _parts(module, ())
    if len(layers) != 2 or len(functions) != 1:
        what = f"its layers are {', '.join(map(str, layers)) or 'none'}, with {len(functions)} activations"
        raise LsmError(what, where="module", hint="give dy/dt as Linear, an activation and Linear")
    (activation, clip), (first, second) = functions[0], layers
    notes = []
    start, grid = _floats(y0), _floats(t)
    if start.ndim == 2 and len(start) == 1:
        notes.append(f"repaired: y0 of shape {list(start.shape)} is one state: its batch axis is dropped")
        start = start[0]
    size = len(second.weight)
    errors = []
    if first.weight.shape[1] != size or len(first.weight) != second.weight.shape[1]:
        what = f"{first} and {second} do not fit: y goes in, and dy/dt comes out"
        errors.append(LsmError(what, where="module", hint="give layers from y to hidden units and back"))
    elif start.shape != (size,):
        hint = "give one sample, y0[0]: each is a network of its own" if start.ndim == 2 else f"give {size} numbers"
        errors.append(LsmError(f"y0 has shape {list(start.shape)}, not [{size}]", where="y0", hint=hint))
    steps = np.diff(grid) if grid.ndim == 1 else np.zeros(0)
    if not len(steps) or not np.isfinite(steps).all():
        errors.append(LsmError("t is no list of two times or more", where="t", hint="give a grid, as to odeint"))
    elif (np.abs(steps - steps.mean()) > _UNEVEN * abs(steps.mean())).any():
        what = f"the steps of t are {steps.min():.4g} to {steps.max():.4g} long; a step here has one length"
        errors.append(LsmError(what, where="t", hint="give an even grid, such as torch.linspace makes"))
    raise_all(errors)
    _check_function(torch, module, first, activation, clip or (0.0, 1.0), second, grid)
    pair = ((first.weight, first.bias), (second.weight, second.bias))
    return integrate(
        pair[0], activation, clip or (0.0, 1.0), pair[1], steps.mean(), len(grid), start, notes=tuple(notes), **options
    )


def _check_function(
    torch: Any, module: Any, first: Layer, activation: str, clip: tuple[float, float], second: Layer, grid: Floats
) -> None:
    """An LsmError where calling the module as torchdiffeq does gives something else than what its layers say."""
    dtype = next(module.parameters()).dtype
    rng = stream(0, "ode", len(second.weight))
    for time in grid[[0, -1]]:
        y = rng.standard_normal(len(second.weight))
        given = torch.as_tensor(y, dtype=dtype)
        try:
            with torch.no_grad():
                there = module(given) if type(module) is torch.nn.Sequential else module(torch.tensor(time), given)
        except (RuntimeError, TypeError) as error:
            what = f"calling it as torchdiffeq does, f(t, y) with y of shape [{len(y)}], fails: {error}"
            raise LsmError(what, where="module", hint="mend its forward, or give its Sequential itself") from None
        here = second.weight @ activate(activation, first.weight @ y + first.bias, clip) + second.bias
        if np.shape(there) != here.shape or np.abs(_floats(there) - here).max() > _SAME * max(np.abs(here).max(), 1e-6):
            what = f"its forward is not {second.name}({activation}({first.name}(y))) alone"
            raise LsmError(what, where="module", hint="give a function of y that is these three layers")


def load_state_dict(file: Path) -> dict[str, Floats]:
    """The arrays of a file of `torch.save`, read as weights only: nothing in it is run."""
    torch = _torch(str(file))
    try:
        with reading(file):
            held = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        words = str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
        what = f"it is no state dict: {words}"
        raise LsmError(what, where=str(file), hint="save `module.state_dict()`, not the module") from None
    if isinstance(held, Mapping) and isinstance(held.get("state_dict"), Mapping):
        held = held["state_dict"]
    if not isinstance(held, Mapping) or not all(isinstance(value, torch.Tensor) for value in held.values()):
        what = f"it holds a {type(held).__name__}, not weights by name"
        raise LsmError(what, where=str(file), hint="save `module.state_dict()`")
    return {str(name): _floats(value) for name, value in held.items()}


# --- what is in a module ----------------------------------------------------------------------------------------------


def _torch(what: str) -> Any:
    try:
        import torch
    except ImportError:
        raise LsmError(
            f"{what} is read with torch, which is not installed", hint="pip install 'lsm-deploy[torch]'"
        ) from None
    return torch


def _floats(tensor: Any) -> Floats:
    return as_array(tensor).astype(np.float64)


def _parts(module: Any, ignore: Sequence[str]) -> tuple[list[Layer], list[tuple[str, tuple[float, float] | None]]]:
    """Its linear layers and its activations, in their order; LsmErrors name all that there is no rule for."""
    nn = _torch("the module").nn
    names = {nn.Tanh: "tanh", nn.Sigmoid: "sigmoid", nn.ReLU: "relu"}
    layers: list[Layer] = []
    functions: list[tuple[str, tuple[float, float] | None]] = []
    errors = _without_a_layer(module, ignore)
    for name, each in module.named_modules():
        if name in ignore:
            continue
        kind = type(each)
        if kind is nn.Linear:
            weight = _floats(each.weight)
            bias = np.zeros(len(weight)) if each.bias is None else _floats(each.bias)
            layers.append(Layer(name or "module", weight, bias))
        elif kind in names:
            functions.append((names[kind], None))
        elif kind in (nn.Hardtanh, nn.ReLU6):
            functions.append(("clip", (float(each.min_val), float(each.max_val))))
        elif kind in (nn.Dropout, nn.Identity):
            continue  # as in evaluation
        elif not list(each.children()):
            what = f"there is no rule for {kind.__name__}"
            hint = f"leave it out with ignore=({name!r},) if states do not depend on it; rules are for {_KNOWN}"
            errors.append(LsmError(what, where=f"layer {name or 'module'!r}", hint=hint))
    raise_all(errors)
    return layers, functions


def _without_a_layer(module: Any, ignore: Sequence[str]) -> list[LsmError]:
    """An error for each parameter of a module that has others in it: what it does is in a `forward`."""
    own = [
        f"{name}.{key}".lstrip(".")
        for name, each in module.named_modules()
        if name not in ignore and list(each.children())
        for key, _ in each.named_parameters(recurse=False)
    ]
    return [
        LsmError(
            "it is in no layer, and what `forward` does with it is not read",
            where=f"parameter {key!r}",
            hint=f"say it with an argument (leak_rate, bias, state), and leave it out with ignore=({key!r},)",
        )
        for key in own
        if key not in ignore
    ]


def _of_buffers(module: Any) -> list[str]:
    return [
        f"assumed: the buffer {name!r} of shape {list(value.shape)} is the state: one value a unit, no batch"
        for name, value in module.named_buffers()
    ]
