"""Scales at which every neuron certifies, and what they cost.

The bounds on a neuron's sum and registers grow with its population's scale: where they do not fit, the scale comes down
by what is missing, and all is quantised and certified again, because smaller weights are rounded elsewhere and other
sources may spike more often or less. It does not follow a neuron that cannot certify at any scale, unless that is the
last thing to try; what was tried for nothing is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType

import numpy as np

from lsm_deploy.compile.certify.bounds import Certificate, certify_network
from lsm_deploy.compile.quantise import RoundingLoss, quantise_network
from lsm_deploy.core import fixed
from lsm_deploy.core.ir import Network, Population, QNetwork
from lsm_deploy.core.neurons import KINDS

__all__ = ["Price", "price_of", "quantise_certified"]

_ROUNDS = 20
LEAST_THRESHOLD = 256
"""Integer units that a threshold keeps: below that a weight of a hundredth of it is nearly nothing."""


@dataclass(frozen=True)
class Price:
    """What other scales cost. certified: neurons before and after; scales, and signal to noise in decibels (None where
    nothing is rounded), before and after, of populations and projections."""

    certified: tuple[int, int]
    scales: Mapping[str, tuple[float, float]]
    snr_db: Mapping[str, tuple[float | None, float | None]]


def quantise_certified(
    network: Network, compensate: bool | None, ceilings: Mapping[str, float] = MappingProxyType({})
) -> tuple[QNetwork, RoundingLoss, Certificate, Price]:
    """Quantise with the largest scales found at which all neurons certify, or as many as can.

    ceilings: scales, by population, not to exceed.
    """
    ceilings = dict(ceilings)
    quantised, cost = quantise_network(network, compensate=compensate, ceilings=ceilings)
    certificate = certify_network(quantised)
    first, before = cost, int(certificate.certified.sum())
    tried = [(_counts(quantised, certificate), dict(ceilings))]
    for _ in range(_ROUNDS):
        lower = _lower(network, quantised, certificate)
        if not lower:
            break
        ceilings |= lower
        quantised, cost = quantise_network(network, compensate=compensate, ceilings=ceilings)
        certificate = certify_network(quantised)
        tried.append((_counts(quantised, certificate), dict(ceilings)))
    # Ceilings only come down, so the earliest of equal rounds has the largest scales.
    most, best = max(tried, key=lambda each: sum(each[0].values()))
    each_best = {
        name: ceiling
        for name in most
        if (ceiling := max(tried, key=lambda each: each[0][name])[1].get(name)) is not None
    }
    for chosen in (each_best, best):  # what is best for each population by itself need not be so for its targets
        if chosen != ceilings:
            quantised, cost = quantise_network(network, compensate=compensate, ceilings=chosen)
            certificate, ceilings = certify_network(quantised), chosen
        if int(certificate.certified.sum()) >= sum(most.values()):
            break
    return quantised, cost, certificate, price_of(first, before, cost, int(certificate.certified.sum()))


def price_of(first: RoundingLoss, certified: int, cost: RoundingLoss, certified_now: int) -> Price:
    """What it cost to come from the first scales, at which so many neurons certify, to these."""
    return Price(
        certified=(certified, certified_now),
        scales={a.name: (a.scale, b.scale) for a, b in zip(first.populations, cost.populations, strict=True)},
        snr_db={a.name: (a.snr_db, b.snr_db) for a, b in zip(first.projections, cost.projections, strict=True)},
    )


def _counts(quantised: QNetwork, certificate: Certificate) -> dict[str, int]:
    """The neurons of each population that certify."""
    return {name: int(certificate.certified[quantised.columns(name)].sum()) for name in quantised.sizes}


def _lower(network: Network, quantised: QNetwork, certificate: Certificate) -> dict[str, float]:
    """The scales of populations with neurons that do not certify, as far down as it takes those that can."""
    scales = {}
    for p, q in zip(network.populations, quantised.populations, strict=True):
        here = quantised.columns(p.name)
        missing = ~certificate.certified[here]
        if not isinstance(p, Population) or not missing.any():
            continue
        fits = np.minimum(
            KINDS[p.kind].LARGEST_SUM / np.maximum(certificate.largest_sum[here][missing], 1),
            fixed.UV_LIMIT / np.maximum(certificate.largest_u[here][missing], 1.0),
        )
        thresholds = KINDS[p.kind].THRESHOLDS
        threshold = float(np.median(np.abs(p.parameters[thresholds[0]]))) if thresholds else inf
        least = LEAST_THRESHOLD / threshold
        needed = fixed.stable(q.scale * np.minimum(fits, 1.0) * 0.999)
        scale = float(needed[needed >= least].min(initial=inf))
        if scale == inf:
            scale = least
        if scale < q.scale:
            scales[p.name] = scale
    return scales
