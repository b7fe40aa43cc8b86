"""Weights in files: a state dict of torch (`.pt`, `.pth`), `.safetensors`, or matrices in an `.npz`. No pickle runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError, MisuseError, require_path
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.exchange.imported import Imported
from lsm_deploy.exchange.layers import layers_of_arrays, recurrence_of
from lsm_deploy.exchange.matrices import from_matrices, with_biases
from lsm_deploy.exchange.torch_modules import load_state_dict
from lsm_deploy.store import read_arrays
from lsm_deploy.store.files import reading

__all__ = ["from_file"]

_NAMED = ("leak_rate", "bias", "state")
"""Arrays that a file of matrices may have beside them."""
SUFFIXES = (".safetensors", ".pt", ".pth", ".npz")


def from_file(
    file: str | Path,
    *,
    activation: str,
    recurrent: str = "",
    input: str = "",
    ignore: Sequence[str] = (),
    **options: Any,
) -> Imported:
    """The network of `h = activation(recurrent(h) + input(x))` with the weights in a file: see `from_torch`.

    The file has weights by name: those of linear layers or of an nn.RNN, or matrices [post, pre] without a bias. What
    it cannot say is given: the activation, and as options what `from_matrices` takes, in place of what stands beside
    matrices; a bias is added to those of layers.
    """
    path = require_path(file)
    ignore = (ignore,) if isinstance(ignore, str) else ignore
    if path.suffix not in SUFFIXES:
        what = f"a file of weights ends in {', '.join(SUFFIXES)}, not in {path.suffix or 'nothing'}"
        raise MisuseError(what, where=str(path), hint="save them as one of these")
    if path.suffix == ".safetensors":
        arrays = _safetensors(path)
    elif path.suffix == ".npz":
        arrays = read_arrays(path)
    else:
        arrays = load_state_dict(path)
    if "weight" not in arrays:  # a layer's own `bias`
        options = {**{name: arrays.pop(name) for name in _NAMED if name in arrays}, **options}
    core = recurrence_of(layers_of_arrays(arrays, ignore, str(path)), recurrent, input, ignore)
    said = f"assumed: h = {activation}(W h + W_in x + bias), from h = 0: a file of weights does not say it"
    notes = (said, *core.notes)
    options = with_biases(core.bias, options, notes)
    return from_matrices(core.weights, core.input_weights, activation=activation, **options)


def _safetensors(file: Path) -> dict[str, Floats]:
    try:
        import safetensors
        from safetensors.numpy import load_file
    except ImportError:
        what = "it is read with safetensors, which is not installed"
        raise LsmError(what, where=str(file), hint="pip install 'lsm-deploy[safetensors]'") from None
    try:
        with reading(file):
            arrays: dict[str, Floats] = load_file(file)
    except (safetensors.SafetensorError, TypeError, KeyError) as error:
        what, hint = f"safetensors does not read it: {error}", "save its tensors again, in float32"
        raise LsmError(what, where=str(file), hint=hint) from None
    return arrays
