"""Liquid diagnostics: what a liquid separates, remembers, forgets and amplifies, in floats and as it is deployed.

Read in order: `liquid`, `stimuli`, `shown`, `states`, one file for each measure with its paper, `measures`, the folder
`knowledge`, `diagnosis`.
"""

from lsm_deploy.measure.diagnosis.capacity import DELAYS, SYMBOL_MS, Capacity
from lsm_deploy.measure.diagnosis.diagnosis import Diagnosis, diagnose
from lsm_deploy.measure.diagnosis.fading import SAME_MS, Fading
from lsm_deploy.measure.diagnosis.growth import HORIZON_MS, PERTURBATIONS, Growth
from lsm_deploy.measure.diagnosis.knowledge import Curves, Estimate, Knowledge
from lsm_deploy.measure.diagnosis.measures import Measures
from lsm_deploy.measure.diagnosis.ranks import INPUTS, JITTER_MS, Rank, Ranks
from lsm_deploy.measure.diagnosis.separation import SHARES, ClassSeparation, Separation
from lsm_deploy.measure.diagnosis.shown import SAMPLES, Shown
from lsm_deploy.measure.diagnosis.state_space import TOLERANCE

__all__ = [
    "DELAYS",
    "HORIZON_MS",
    "INPUTS",
    "JITTER_MS",
    "PERTURBATIONS",
    "SAME_MS",
    "SAMPLES",
    "SHARES",
    "SYMBOL_MS",
    "TOLERANCE",
    "Capacity",
    "ClassSeparation",
    "Curves",
    "Diagnosis",
    "Estimate",
    "Fading",
    "Growth",
    "Knowledge",
    "Measures",
    "Rank",
    "Ranks",
    "Separation",
    "Shown",
    "diagnose",
]
