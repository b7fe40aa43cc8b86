"""Network -> QNetwork, and what it cost.

All synapses onto a neuron share its `u`, `v` and `vth`, so a population has one scale S for threshold, bias and every
incoming weight: vth = S * v_threshold, and weights << weight_exp = S * weight. A projection chooses only its exponent.

Nothing is lost in silence: `Cost` counts what was rounded to zero, clipped, or collapsed onto few levels.
"""

from lsm_deploy.compile.quantise.cost import PopulationCost, ProjectionCost, RoundingLoss
from lsm_deploy.compile.quantise.network import quantise_network

__all__ = ["PopulationCost", "ProjectionCost", "RoundingLoss", "quantise_network"]
