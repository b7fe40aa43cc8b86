"""What synapses take of a core's memory: a model of how the vendor's compiler writes them, fitted to what it reported.

The synapses of one axon on one core are one list, in words of 64 bits (the "units" of the compiler's report):

    words = ceil((header + the bits of its synapses) / 64)          0 for an axon that does not enter the core

The shape is that of Loihi 1's lists, as nengo-loihi writes them in the open: a synapse takes the bits of its weight, of
the index of its target and of its delay. Its sizes are fitted. Every dense layer of PilotNet SNN is met exactly with
`HEADER` and 15 bits a synapse of 8-bit weights, those of the Oxford network with the same header and 20; MNIST's lie
within a word of 15. What makes the compiler choose is not published, so `INDEX_BITS` is that of the larger: an estimate
is never below a published allocation, and up to a third above. None of these networks has delays or fewer than 8 bits;
there the model rests on Loihi 1 alone.

A list costs at least a word. An axon with a single synapse on a core takes three times what its share of a long list
would be: scattered targets cost memory and not only traffic.
"""

from __future__ import annotations

from dataclasses import dataclass

from lsm_deploy.core.ir import QProjection

__all__ = [
    "HEADER",
    "INDEX_BITS",
    "PUBLISHED",
    "SHORT_INDEX_BITS",
    "WORD",
    "Allocation",
    "errors_of_estimate",
    "estimate",
    "synapse_bits",
]

WORD = 64
"""Bits a unit of synapse memory: nengo-loihi's `bits_per_axon` rounds to it; 12000 are 96 of a core's 128 KB."""
HEADER = 24
"""Bits a list. Whole layers of the Oxford network and PilotNet allow 19 to 32."""
INDEX_BITS = 12
"""Bits of a synapse beyond those of its weight and delay: 20 - 8, fitted to the Oxford network."""
SHORT_INDEX_BITS = 7
"""The same for PilotNet and MNIST: 15 - 8."""


@dataclass(frozen=True)
class Allocation:
    """Words that the vendor's compiler reported for a core: `axons`, each with `fan_outs` synapses there, 8 bits each.

    fan_outs: one value, or one for each of several cores of which the report gives the mean.
    """

    network: str
    layer: str
    axons: int
    fan_outs: tuple[int, ...]
    words: float
    source: str


_OXFORD = "lava-dl tutorials/lava/lib/dl/netx/oxford/run.ipynb"
_MNIST = "lava-dl tutorials/lava/lib/dl/netx/mnist/run.ipynb, share of 12000"
_PILOTNET = "lava-dl tutorials/lava/lib/dl/netx/pilotnet_snn/benchmark.ipynb"

PUBLISHED = (
    Allocation("Oxford", "256 -> 200, unsplit", 256, (200,), 16128, _OXFORD),
    Allocation("Oxford", "200 -> 256, unsplit", 200, (256,), 16200, _OXFORD),
    Allocation("Oxford", "256 -> 200, on 2 cores", 256, (100,), 8064, _OXFORD),
    Allocation("Oxford", "200 -> 256, on 3 cores", 200, (85, 85, 86), 5400, _OXFORD),
    Allocation("MNIST", "784 -> 128, 50 on a core", 784, (50,), 9408, _MNIST),
    Allocation("MNIST", "128 -> 64", 128, (64,), 2016, _MNIST),
    Allocation("MNIST", "64 -> 10", 64, (10,), 192, _MNIST),
    Allocation("PilotNet SNN", "2560 -> 100, unsplit", 2560, (100,), 61440, _PILOTNET),
    Allocation("PilotNet SNN", "2560 -> 100, 17 on a core", 2560, (17,), 12800, _PILOTNET),
    Allocation("PilotNet SNN", "2560 -> 100, on 12 cores", 2560, (9,) * 11 + (1,), 7253, _PILOTNET),
    Allocation("PilotNet SNN", "100 -> 50", 100, (50,), 1300, _PILOTNET),
    Allocation("PilotNet SNN", "50 -> 10", 50, (10,), 150, _PILOTNET),
    Allocation("PilotNet SNN", "10 -> 1", 10, (1,), 10, _PILOTNET),
)
"""Dense layers only: convolutions share their weights, which a liquid cannot."""


def synapse_bits(p: QProjection) -> int:
    """Bits of a synapse of a projection: its weight, its delay if any synapse of the projection has one, its index."""
    return p.num_weight_bits + int(p.delays.max(initial=0)).bit_length() + INDEX_BITS


def estimate(allocation: Allocation, index_bits: int = INDEX_BITS) -> float:
    """The words that the model gives for a published allocation."""
    lists = [-(-(HEADER + fan_out * (8 + index_bits)) // WORD) for fan_out in allocation.fan_outs]
    return allocation.axons * sum(lists) / len(lists)


def errors_of_estimate() -> tuple[float, float]:
    """The least and the largest error of the model on what was published, as a share of the latter."""
    errors = [estimate(allocation) / allocation.words - 1 for allocation in PUBLISHED]
    return min(errors), max(errors)
