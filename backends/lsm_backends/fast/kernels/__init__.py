"""The compiled loops. What they call stands in this folder: code that is kept is as old as the youngest file here."""

from lsm_backends.fast.kernels.lists import add_magnitudes
from lsm_backends.fast.kernels.loop import advance
from lsm_backends.fast.kernels.messages import advance_messages
from lsm_backends.fast.kernels.plan import PIECE, PLAN, PROJECTION

__all__ = ["PIECE", "PLAN", "PROJECTION", "add_magnitudes", "advance", "advance_messages"]
