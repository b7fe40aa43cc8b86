"""Gains that bring a liquid to a firing rate or a branching ratio, before it is quantised; measured after."""

from lsm_deploy.tune.gains import Tuned, tune
from lsm_deploy.tune.liquid import Measured

__all__ = ["Measured", "Tuned", "tune"]
