"""Faults of synapses, in the integers of their weights; what comes out is on each projection's grid again.

A weight is held in 8 bits: a magnitude where a projection has one sign, in two's complement where it has both. Of fewer
weight bits the upper ones are held. Which synapses are hit is drawn for each projection, once for all strengths: those
of a smaller strength are among those of a greater one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.ir import Program, QProjection
from lsm_deploy.core.streams import stream

__all__ = ["doubled_synapses", "flipped_bits", "stuck_synapses"]


def flipped_bits(
    program: Program, share: float, seed: int, bits: Collection[int] = range(fixed.WEIGHT_BITS)
) -> Program:
    """Each of these bits that is held flips with a probability of `share`; bit 7 is the highest, or the sign's."""

    def flipped(index: int, p: QProjection) -> NDArray[np.int64]:
        mixed = p.sign_mode == "mixed"
        unit = fixed.grid_step(p.num_weight_bits, mixed) * (-1 if p.sign_mode == "inhibitory" else 1)
        least = fixed.WEIGHT_BITS - p.num_weight_bits  # of the bits that are held
        codes = p.weights.astype(np.int64) // unit & ((1 << p.num_weight_bits) - 1)
        for bit in sorted({*bits} & {*range(least, fixed.WEIGHT_BITS)}):
            codes ^= _hit(share, seed, len(codes), "weight bit", bit, index, p.name).astype(np.int64) << (bit - least)
        if mixed:
            codes -= (codes >> (p.num_weight_bits - 1)) << p.num_weight_bits
        return codes * unit

    return _with_weights(program, flipped)


def stuck_synapses(program: Program, share: float, seed: int) -> Program:
    """Each synapse has a weight of 0 with a probability of `share`: it loses every spike."""

    def stuck(index: int, p: QProjection) -> NDArray[np.int64]:
        return np.where(_hit(share, seed, len(p.weights), "stuck synapse", index, p.name), 0, p.weights)

    return _with_weights(program, stuck)


def doubled_synapses(program: Program, share: float, seed: int) -> Program:
    """Each synapse delivers every spike twice with a probability of `share`: twice its weight, as far as 8 bits go."""

    def doubled(index: int, p: QProjection) -> NDArray[np.int64]:
        mixed = p.sign_mode == "mixed"
        step = fixed.grid_step(p.num_weight_bits, mixed)
        least, most = (end // step * step for end in fixed.weight_range(mixed))
        if not mixed:
            least = -most
        twice = np.clip(2 * p.weights.astype(np.int64), least, most)
        return np.where(_hit(share, seed, len(p.weights), "doubled synapse", index, p.name), twice, p.weights)

    return _with_weights(program, doubled)


def _hit(share: float, seed: int, many: int, *name: object) -> NDArray[np.bool_]:
    return stream(seed, "fault", *name).random(many) < share


def _with_weights(program: Program, weights: Callable[[int, QProjection], NDArray[np.int64]]) -> Program:
    network = program.network
    projections = tuple(replace(p, weights=weights(i, p).astype(np.int16)) for i, p in enumerate(network.projections))
    return replace(program, network=replace(network, projections=projections))
