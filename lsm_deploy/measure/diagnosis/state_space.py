"""States of a liquid, and how many dimensions a set of them has.

The state is what `fidelity.filtered` makes of the spikes: x(t) = exp(-dt / tau) x(t - 1) + s(t), each sample from rest.
With s_1 >= s_2 >= ... the singular values of a matrix of states:

    rank            how many s_i exceed TOLERANCE * s_1
    effective rank  exp(-sum p_i ln p_i), p_i = s_i / sum s           Roy & Vetterli, EUSIPCO (2007)
    dimension       (sum l_i)^2 / sum l_i^2, l_i the eigenvalues of the states' covariance: the participation ratio
                    Abbott, Rajan & Sompolinsky, in: The Dynamic Brain (2011)
"""

from __future__ import annotations

import numpy as np

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.diagnosis.stimuli import windows
from lsm_deploy.measure.fidelity import filtered

__all__ = ["TOLERANCE", "dimension", "effective_rank", "final_states", "numerical_rank", "trajectories"]

TOLERANCE = 0.01
"""Of the largest singular value. What is smaller counts as nothing: almost any set of states has full rank in exact
arithmetic, but a direction that is lost in noise or in rounding is of no use to a readout."""


def trajectories(spikes: Messages, stimulus: Stimulus, tau_steps: float) -> Floats:
    """The states `[t, neuron]`."""
    return np.concatenate([filtered(spikes[window], tau_steps) for window in windows(stimulus)])


def final_states(spikes: Messages, stimulus: Stimulus, tau_steps: float) -> Floats:
    """The states in which samples end `[sample, neuron]`."""
    return np.stack([filtered(spikes[window], tau_steps)[-1] for window in windows(stimulus)])


def numerical_rank(states: Floats) -> int:
    """0 where all states are."""
    values = np.linalg.svd(states, compute_uv=False)
    return int((values > TOLERANCE * values[0]).sum())


def effective_rank(states: Floats) -> float:
    """0 where all states are."""
    values = np.linalg.svd(states, compute_uv=False)
    values = values[values > 0]
    p = values / values.sum()
    return float(np.exp(-(p * np.log(p)).sum())) if len(p) else 0.0


def dimension(states: Floats) -> float | None:
    """The participation ratio of states `[t, neuron]`; None where they never move."""
    covariance = np.cov(states, rowvar=False, ddof=0).reshape(states.shape[1], -1)
    total, squares = float(np.trace(covariance)), float((covariance**2).sum())
    return total**2 / squares if squares > 0 else None
