"""Pictures: of a divergence, and of what quantisation did."""

from lsm_deploy.picture.divergence import draw
from lsm_deploy.picture.fidelity import draw_curve, draw_fidelity

__all__ = ["draw", "draw_curve", "draw_fidelity"]
