"""Accuracy of deployed liquids on data that they were not trained on, beside baselines and ablations."""

from lsm_deploy.measure.evaluation.across import Across, evaluate_across
from lsm_deploy.measure.evaluation.evaluation import Evaluation, evaluate, evaluate_one
from lsm_deploy.measure.evaluation.score import Answers, Detection, Score

__all__ = [
    "Across",
    "Answers",
    "Detection",
    "Evaluation",
    "Score",
    "evaluate",
    "evaluate_across",
    "evaluate_one",
]
