"""Errors of deployed readouts of signals on series that they were not trained on, beside baselines and ablations."""

from lsm_deploy.measure.regression.evaluation import LiquidForecast, RegressionEvaluation, evaluate_regression

__all__ = ["LiquidForecast", "RegressionEvaluation", "evaluate_regression"]
