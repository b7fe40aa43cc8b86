"""Readouts of signals: states after each frame, a linear regressor of them, and its answers in integers.

states -> fit -> Regressor (floats) -> quantise_regressor -> IntegerRegressor (what answers on the host)
"""
