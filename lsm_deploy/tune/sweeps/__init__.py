"""Sweeps over values of a spec, and over faults of the programs that it compiles to."""

from lsm_deploy.tune.sweeps.sweep import Point, Sweep

__all__ = ["Point", "Sweep"]
