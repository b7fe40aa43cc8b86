"""Synapses in lists, read where the program holds them."""

from __future__ import annotations

import numpy as np

from lsm_backends.fast.kernels import plan as at
from lsm_backends.fast.kernels.machine import U, array, inner, prefetch

__all__ = ["add_list", "add_list_of_one_delay", "add_magnitudes", "prefetch_list"]


@inner
def add_list(post, weights, delays, low, high, factor, begin_of, flat):  # type: ignore[no-untyped-def]
    """Add each synapse low..high, its weight times `factor`, to the sums that begin where its delay says."""
    for k in range(np.uint64(low), np.uint64(high)):
        flat[U(begin_of[delays[k]] + U(post[k]))] += weights[k] * factor


@inner
def add_list_of_one_delay(post, weights, low, high, factor, target):  # type: ignore[no-untyped-def]
    for k in range(np.uint64(low), np.uint64(high)):
        target[U(post[k])] += weights[k] * factor


@inner
def prefetch_list(of, indptr, next_source, later_source):  # type: ignore[no-untyped-def]
    """Have the list of one source fetched, and of another, whose turn comes after it, where it begins and ends.

    As many lines as a list usually has: its own length would cost a wrong guess, and a wait, more than a line does.
    """
    prefetch(of[at.INDPTR] + 8 * (later_source - of[at.SOURCE]))
    low = indptr[U(next_source - of[at.SOURCE])]
    for line in range(of[at.USUAL] // 16 + 1):
        prefetch(of[at.POST] + 4 * low + 64 * line)
    for line in range(of[at.USUAL] // 32 + 1):
        prefetch(of[at.WEIGHTS] + 2 * low + 64 * line)
    if of[at.DELAY] < 0:
        for line in range(of[at.USUAL] // 64 + 1):
            prefetch(of[at.DELAYS] + low + 64 * line)


def add_magnitudes(address):  # type: ignore[no-untyped-def]
    """Add what each synapse can deliver to the total of its target; address: of how many synapses and totals there
    are, the factor, and the addresses of targets (int32), weights (int16) and totals (int64)."""
    given = array(address, 6, np.int64)
    many, factor = given[0], given[2]
    post, weights = array(given[3], many, np.int32), array(given[4], many, np.int16)
    totals = array(given[5], given[1], np.int64)
    for k in range(many):
        totals[U(post[k])] += abs(np.int64(weights[k])) * factor
