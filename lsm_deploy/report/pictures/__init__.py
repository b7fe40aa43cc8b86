"""Pictures: of a divergence, of what quantisation did, and of the states that a liquid goes through."""

from lsm_deploy.report.pictures.divergence import draw
from lsm_deploy.report.pictures.fidelity import draw_curve, draw_fidelity
from lsm_deploy.report.pictures.trajectories import draw_states

__all__ = ["draw", "draw_curve", "draw_fidelity", "draw_states"]
