"""The neuron kinds, one module each; a new one is a file here and a line in `KINDS`."""

from __future__ import annotations

from typing import cast

from lsm_deploy.core.neurons import atrlif, lif, refractory, ternary
from lsm_deploy.core.neurons.kind import FloatStep, Kind, Step, bounds, breaks_bound, is_stock, standing

__all__ = ["KINDS", "FloatStep", "Kind", "Step", "bounds", "breaks_bound", "is_stock", "standing"]

KINDS: dict[str, Kind] = {module.NAME: cast(Kind, module) for module in (lif, ternary, refractory, atrlif)}
