"""The neuron kinds, one module each; a new one is a file here and a name in `_MODULES`."""

from __future__ import annotations

from lsm_deploy.core.neurons import (
    atrlif,
    gated,
    graded,
    lif,
    refractory,
    subtract,
    ternary,
)
from lsm_deploy.core.neurons.kind import (
    FloatStep,
    Kind,
    Rule,
    Step,
    bounds,
    breaks_bound,
    is_stock,
    standing,
)

__all__ = [
    "KINDS",
    "FloatStep",
    "Kind",
    "Rule",
    "Step",
    "bounds",
    "breaks_bound",
    "is_stock",
    "standing",
]

# A list: of what is in one, mypy says which module is no `Kind`, and which of its names.
_MODULES: list[Kind] = [
    lif,
    ternary,
    refractory,
    subtract,
    atrlif,
    graded,
    gated,
]
KINDS = {kind.NAME: kind for kind in _MODULES}
