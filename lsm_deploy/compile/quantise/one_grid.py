"""Numbers that lava-dl's layers hold: even weights of -254 to 254 onto a population, and biases in units of a weight.

A layer has one grid for all that reaches it, of either sign, and no exponent (`core/layered.py`). So each population's
scale is held where its largest weight fits, all of its weights give up their last bit, and biases are rounded as
lava-dl's are, to 64.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lsm_deploy.compile.quantise.grid import largest_weight
from lsm_deploy.core import fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Network, Projection, QNetwork, QPopulation
from lsm_deploy.core.layered import BIAS_EXP, KIND

__all__ = ["ceilings_of", "with_even_weights", "with_rounded_biases"]


def with_even_weights(network: Network) -> Network:
    """The network, whose projections of one sign have a bit less, and so the steps of those of both."""
    projections = tuple(
        replace(p, weight_bits=min(p.weight_bits, fixed.WEIGHT_BITS - (p.sign_mode != "mixed")))
        if isinstance(p, Projection)
        else p
        for p in network.projections
    )
    return replace(network, projections=projections)


def ceilings_of(network: Network) -> dict[str, float]:
    """The scale of each population at which its largest weight is the largest on the grid."""
    ceilings: dict[str, float] = {}
    for p in network.projections:
        if isinstance(p, Projection) and (largest := largest_weight(p)):
            fits = float(fixed.stable(np.array((fixed.WEIGHT_LIMIT - 1) / largest)))
            ceilings[p.target] = min(ceilings.get(p.target, np.inf), fits)
    return ceilings


def with_rounded_biases(network: QNetwork) -> QNetwork:
    """The network, whose biases are the nearest that lava-dl has."""
    return replace(network, populations=tuple(_rounded(p) if p.kind == KIND else p for p in network.populations))


def _rounded(p: QPopulation) -> QPopulation:
    mantissa, exponent = p.registers["bias_mant"], p.registers["bias_exp"]
    theirs: Ints = fixed.round_shift(mantissa << exponent, BIAS_EXP)
    large = exponent > BIAS_EXP  # of those it has all
    registers = {
        **p.registers,
        "bias_mant": np.where(large, mantissa, theirs),
        "bias_exp": np.where(large, exponent, BIAS_EXP * (theirs != 0)),
    }
    return replace(p, registers=registers)
