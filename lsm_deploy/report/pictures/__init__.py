"""Pictures: of a divergence, of what quantisation did, of the states that a liquid goes through, and of forecasts."""

from lsm_deploy.report.pictures.divergence import picture_of_divergence
from lsm_deploy.report.pictures.fidelity import picture_of_bits, pictures_of_fidelity
from lsm_deploy.report.pictures.forecast import picture_of_forecast
from lsm_deploy.report.pictures.png import png_of, save_picture, save_pictures
from lsm_deploy.report.pictures.trajectories import picture_of_states

__all__ = [
    "picture_of_bits",
    "picture_of_divergence",
    "picture_of_forecast",
    "picture_of_states",
    "pictures_of_fidelity",
    "png_of",
    "save_picture",
    "save_pictures",
]
