"""How large a spec's network will be, before anything is drawn, and what compiling it takes."""

from __future__ import annotations

from lsm_deploy.compile.build.column import expected_synapses
from lsm_deploy.core.ir import INPUT
from lsm_deploy.spec import Spec, schema

__all__ = ["BYTES_A_NEURON", "BYTES_A_SYNAPSE", "bytes_to_compile", "synapses_of"]

BYTES_A_SYNAPSE = 36
"""While it compiles: target, weight and delay in floats (20) and in integers (7), the source by target (4), and, where
a source belongs to several projections, or there are several populations, its targets together (4), or what is moved
or taken out meanwhile. `make large` prints what it was."""
BYTES_A_NEURON = 700
BYTES_A_CHANNEL = 100
"""Of the input: where the synapses of each begin, several times over."""
BYTES_ANYWAY = 250_000_000
"""The interpreter with its libraries."""


def bytes_to_compile(neurons: float, synapses: float, channels: float = 0) -> float:
    """The peak of memory, about."""
    return BYTES_ANYWAY + BYTES_A_NEURON * neurons + BYTES_A_SYNAPSE * synapses + BYTES_A_CHANNEL * channels


def synapses_of(projection: schema.Projection, spec: Spec) -> float:
    """How many synapses a projection will have, on average; 0 for those that a file brings."""
    target = spec.drawn[projection.target]
    targets = target.neurons
    sources = spec.input.spike_channels if projection.source == INPUT else spec.drawn[projection.source].neurons
    pairs = float(sources) * targets
    match projection.topology:
        case schema.AllToAll():
            return pairs
        case schema.OneToOne():
            return targets
        case schema.ErdosRenyi(probability=p) if p is not None:
            return p * pairs
        case schema.ErdosRenyi(in_degree=degree) if degree is not None:
            return float(degree) * targets
        case schema.WattsStrogatz(neighbours=k):
            return float(k) * targets
        case schema.Ring(neighbours=k, direction=direction):
            return float(k) * targets * (2 if direction == "both" else 1)
        case schema.Maass() as topology if target.grid is not None:
            return expected_synapses(topology, target.grid, target.inhibitory_fraction or 0.0)[0]
    return 0.0
