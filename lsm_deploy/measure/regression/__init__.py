"""Errors of deployed readouts of signals on series that they were not trained on, beside baselines and ablations."""

from lsm_deploy.measure.regression.evaluation import LiquidForecast, RegressionEvaluation, evaluate_regression
from lsm_deploy.measure.regression.free import FreeRun, measure_free

__all__ = ["FreeRun", "LiquidForecast", "RegressionEvaluation", "evaluate_regression", "measure_free"]
