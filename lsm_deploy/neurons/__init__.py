"""The neuron kinds, one module each; a new one is a file here and a line in `KINDS`."""

from __future__ import annotations

from typing import cast

from lsm_deploy.neurons import lif
from lsm_deploy.neurons.kind import Kind, Step, bounds, breaks_bound

__all__ = ["KINDS", "Kind", "Step", "bounds", "breaks_bound"]

KINDS: dict[str, Kind] = {module.NAME: cast(Kind, module) for module in (lif,)}
