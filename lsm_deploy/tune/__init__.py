"""Gains that bring a liquid to a firing rate or a branching ratio, before it is quantised; measured after."""

from lsm_deploy.tune.gains import Tuning, tune_gains
from lsm_deploy.tune.liquid import Measurement

__all__ = ["Measurement", "Tuning", "tune_gains"]
