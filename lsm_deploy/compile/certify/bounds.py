"""The overflow certificate: neurons whose synaptic sum and current no input can overflow; `v` saturates by design.

Geometry. With A the largest |sum| that one step can deliver (all excitatory, or all inhibitory, synapses at once, each
with the largest message of its source; one with signed spikes makes each of its synapses both), and
r = (4096 - (du + 1)) / 4096,

    u(t + 1) = t0(r u(t)) + 64 a(t + 1) <= r U + 64 A = U       for U = 64 A / (1 - r), if u(t) <= U:

t0 takes a positive value down, and leaves a negative one negative. The same holds for -u. No wrap occurs on the way as
long as U < 2**23. A neuron is certified when A fits 16 bits, and U + |bias| stays below 2**23; a kind with further
registers bounds those as well (`largest_register`).

Intervals. Let source j be silent for m(j) - 1 steps after each spike at least. What a synapse of weight w has added to
u is then at most 64 |w| (1 + r^m + r^2m + ...): its arrivals are the source's spikes, shifted by its delay, and the sum
over a train with gaps of at least m is largest for the train with gaps of m whose last arrival is now. So

    U = 64 * sum over j of |w(j)| / (1 - r^m(j))       over the synapses of one sign, in place of 64 A / (1 - r),

and a source that never spikes adds nothing to A either. Where the current of a neuron is bounded so is the voltage that
it can gather in n steps from a reset: `shortest_interval` of its kind says how soon it can spike again, and that bounds
its targets in turn. m = 1 holds of every source. If m is true of all of them, so is what follows from it, and m again:
each round is a proof by itself, wherever the rounds end. Nothing is concluded from the current of a neuron that is not
certified: its registers may hold anything, and only a refractory period speaks for it.

Delays would help only where they keep the synapses of one source apart, and are not looked at; nor is inhibition that
has to come with excitation. Where a bound fails the CPU backends still agree, a chip may not: the counts of a run say
what did occur.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.certify import kernels
from lsm_deploy.core import fixed
from lsm_deploy.core.certificate import Certificate
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, QNetwork
from lsm_deploy.core.neurons import KINDS, membrane
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["Certificate", "bounds_of", "certify_network", "check_certificate"]

_ROUNDS = 50
"""Most networks need two; a chain of neurons that silence each other one after the other needs its length."""


def certify_network(network: QNetwork) -> Certificate:
    """Bound what each neuron can be driven to, and how often it can spike."""
    intervals = np.ones(network.neurons, np.int64)
    geometric: NDArray[np.bool_] | None = None
    most = _largest_sums(network)
    for _ in range(_ROUNDS):
        sums, current = bounds_of(network, intervals)
        largest_u, closer = np.zeros(network.neurons), np.zeros(network.neurons, np.int64)
        for p in network.populations:
            here = network.columns(p.name)
            largest = KINDS[p.kind].largest_register(p.registers, network.sums_onto(p.name, current.max(axis=0)))
            largest_u[here] = fixed.stable_bound(largest)
        certified = (sums <= most) & (largest_u < fixed.UV_LIMIT)
        geometric = certified if geometric is None else geometric
        current[:, ~network.by_sum(certified)] = np.inf
        for p in network.populations:
            here = network.columns(p.name)
            cleared = network.sample_interval > 0
            closer[here] = KINDS[p.kind].shortest_interval(p.registers, current[0, here], current[1, here], cleared)
        if np.array_equal(closer, intervals):
            break
        intervals = closer
    assert geometric is not None
    return Certificate(sums, largest_u, intervals, certified, geometric)


def check_certificate(network: QNetwork, certificate: Certificate) -> None:
    """An LsmError unless what is said to be proved can be proved."""
    if len(certificate.certified) != network.neurons or not certificate.follows_from(
        certify_network(network), _largest_sums(network)
    ):
        raise LsmError("the certificate is not that of this program", where="certificate", hint="compile it again")


def _largest_sums(network: QNetwork) -> NDArray[np.int64]:
    """The largest |sum| that each neuron `[neuron]` is known to take."""
    return np.concatenate([np.full(p.size, KINDS[p.kind].LARGEST_SUM, np.int64) for p in network.populations])


def bounds_of(network: QNetwork, intervals: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """The largest |sum| `[neuron]`, and the current of either sign `[sign, sum]`, for such intervals of sources."""
    leaks = network.by_sum(np.concatenate([KINDS[p.kind].leaks(p.registers)[0] for p in network.populations]))
    stays = 1.0 - leaks / fixed.DECAY_UNITY
    most, drive = np.zeros((2, network.sums), np.int64), np.zeros((2, network.sums))
    populations = {p.name: p for p in network.populations}
    for p in network.projections:
        if p.source == INPUT:
            of_sources, signed = np.ones(network.channels, np.int64), network.input.signed
            largest = np.full(network.channels, network.input.largest, np.int64)
        else:
            source = populations[p.source]
            of_sources, signed = intervals[network.columns(p.source)], KINDS[source.kind].MESSAGE.signed
            largest = KINDS[source.kind].largest_messages(source.registers)
        kernels.deliver(
            p.indptr, p.post, p.weights, p.weight_exp, largest, signed, network.ports[p.target, p.port].start,
            of_sources, stays, most, drive,
        )  # fmt: skip
    lasting = drive * ((1 << fixed.ACT_SHIFT) * membrane.SLACK)
    current: Floats = np.minimum(lasting, membrane.largest_current(most, leaks))
    sums = most.max(axis=0)[: network.neurons]
    for (name, port), where in network.ports.items():
        if port:
            here = network.columns(name)
            sums[here] = np.maximum(sums[here], most[:, where].max(axis=0))
    return sums, current
