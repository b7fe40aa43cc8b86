"""What quantisation did to a liquid: the deployed integers beside the float network that they stand for."""

from lsm_deploy.measure.fidelity.bits import CRITERIA, Bound, Curve, Fitted, fit_bits
from lsm_deploy.measure.fidelity.distances import TAU_MS, Distance, compare_spikes, filtered
from lsm_deploy.measure.fidelity.dynamics import branching_ratio, spectral_radius
from lsm_deploy.measure.fidelity.quantisation import SAMPLES, Quantisation, fit_weight_bits, measure_quantisation
from lsm_deploy.measure.fidelity.side_by_side import (
    Baseline,
    Dynamics,
    Fidelity,
    PopulationFidelity,
    baseline_of,
    measure_fidelity,
)
from lsm_deploy.measure.fidelity.transfer import FloatReadout, Transfer, measure_transfer, teach

__all__ = [
    "CRITERIA",
    "SAMPLES",
    "TAU_MS",
    "Baseline",
    "Bound",
    "Curve",
    "Distance",
    "Dynamics",
    "Fidelity",
    "Fitted",
    "FloatReadout",
    "PopulationFidelity",
    "Quantisation",
    "Transfer",
    "baseline_of",
    "branching_ratio",
    "compare_spikes",
    "filtered",
    "fit_bits",
    "fit_weight_bits",
    "measure_fidelity",
    "measure_quantisation",
    "measure_transfer",
    "spectral_radius",
    "teach",
]
