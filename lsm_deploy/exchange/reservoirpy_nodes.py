"""ReservoirPy's reservoirs, from the objects of the user's process: this package does not import theirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.exchange.imported import Imported
from lsm_deploy.exchange.matrices import from_matrices

__all__ = ["from_reservoirpy"]

_ACTIVATIONS = ("identity", "relu", "tanh", "sigmoid")
"""Of ReservoirPy's functions, by name, those that there is a rule for."""


def from_reservoirpy(model: Any, **options: Any) -> Imported:
    """The network of a `Reservoir`, or of the one in an `ESN` or another model; options: as of `from_matrices`.

    Its states begin at 0, as those of a reservoir that has not run. An LsmError where it has no weights yet, where it
    is of another type, is fed back to, or has an activation without a rule.
    """
    nodes = [model, *getattr(model, "nodes", ())]
    reservoirs = [node for node in nodes if _is(node, "Reservoir")]
    if not _is(model, "Node", "Model"):
        what = f"this is of type {type(model).__name__}, no node or model of ReservoirPy"
        raise MisuseError(what, where="first argument", hint="give a Reservoir or an ESN")
    if len(reservoirs) != 1:
        there = ", ".join(type(node).__name__ for node in nodes[1:] or nodes)
        what = f"there is not one Reservoir but {len(reservoirs)}: {there}"
        raise LsmError(what, where=type(model).__name__, hint="give the Reservoir itself; other nodes have no rule")
    reservoir = reservoirs[0]
    errors = []
    if getattr(model, "feedback", False):
        hint = "train one without feedback, or feed the forecast back as an input"
        errors.append(LsmError("its readout is fed back into the reservoir", where="ESN", hint=hint))
    name = getattr(reservoir.activation, "__name__", str(reservoir.activation))
    if name not in _ACTIVATIONS:
        what, hint = f"there is no rule for its activation {name}", f"use one of {', '.join(_ACTIVATIONS)}"
        errors.append(LsmError(what, where="Reservoir", hint=hint))
    lacking = [field for field in ("W", "Win", "bias") if callable(getattr(reservoir, field))]
    if lacking:
        what = f"{', '.join(lacking)} {'are' if len(lacking) > 1 else 'is'} not drawn yet"
        errors.append(LsmError(what, where="Reservoir", hint="run it on some inputs first: `reservoir.run(x)`"))
    raise_all(errors)
    notes = ["assumed: the states begin at 0, whatever the reservoir ran on before; `state=` says otherwise"]
    if model is not reservoir:
        others = ", ".join(type(node).__name__ for node in model.nodes if node is not reservoir)
        notes.append(f"left out: {others}; train a readout on the states here")
    given = dict(leak_rate=reservoir.lr, bias=np.ravel(reservoir.bias), activation=name, notes=tuple(notes))
    return from_matrices(reservoir.W, reservoir.Win, **given, **options)


def _is(value: Any, *names: str) -> bool:
    """Whether it is of ReservoirPy's class of one of these names, or of a class derived from it."""
    return any(
        kind.__name__ in names and kind.__module__.partition(".")[0] == "reservoirpy" for kind in type(value).__mro__
    )
