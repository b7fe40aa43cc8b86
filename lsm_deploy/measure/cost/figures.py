"""What an event costs, by whom, and on which chip. Nobody has published such figures for Loihi 2: these are Loihi 1's.

Two sources, and where they differ a range. `SANA_FE` is the published `arch/loihi.yaml` of the simulator SANA-FE, which
cites Davies et al. 2018 for its numbers; `DAVIES` are figures that are widely attributed to that paper (M. Davies et
al., "Loihi: a neuromorphic manycore processor with on-chip learning", IEEE Micro 38(1), 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ENERGY", "MEASURED", "NOT_COUNTED", "SANA_FE_COSTS", "SYNC", "TIME", "Cost", "Figure", "Measured"]

SANA_FE = "SANA-FE 2.2, arch/loihi.yaml"
DAVIES = "attributed to Davies et al. 2018"


@dataclass(frozen=True)
class Cost:
    """Energy and time of one event."""

    pj: float
    ns: float


SANA_FE_COSTS = {
    "sparse synapse": Cost(33.6, 4.7),
    "neuron access": Cost(51.2, 6.0),
    "neuron update": Cost(21.6, 3.7),
    "spike": Cost(69.3, 30.0),
    "message out": Cost(111.0, 5.1),
    "message in": Cost(0.0, 16.0),
    "hop along x": Cost(3.0, 4.1),
    "hop along y": Cost(4.2, 6.5),
}
"""As they stand in `SANA_FE`: a neuron is accessed in every step, and updated where its state may change."""


@dataclass(frozen=True)
class Figure:
    """The least and the most that one event costs, in pJ or ns, on Loihi 1."""

    least: float
    most: float
    source: str


ENERGY = {
    "synaptic operation": Figure(23.6, 35.5, f"{DAVIES}; {SANA_FE}, dense synapse (sparse: 33.6)"),
    "neuron update": Figure(51.2, 81.0, f"{SANA_FE}, access alone; {DAVIES}, active neuron"),
    "spike": Figure(69.3, 69.3, SANA_FE),
    "message": Figure(111.0, 111.0, f"{SANA_FE}, message out"),
    "hop along x": Figure(3.0, 3.0, SANA_FE),
    "hop along y": Figure(4.2, 4.2, SANA_FE),
}
"""pJ."""

TIME = {
    "synaptic operation": Figure(3.1, 4.7, f"{SANA_FE}, convolutional and sparse synapse"),
    "neuron update": Figure(6.0, 9.7, f"{SANA_FE}, access alone, and with update"),
    "spike": Figure(30.0, 33.7, f"{SANA_FE}, without and with the update"),
    "message out": Figure(5.1, 5.1, SANA_FE),
    "message in": Figure(16.0, 16.0, SANA_FE),
    "hop": Figure(4.1, 6.5, f"{SANA_FE}, along x and along y"),
}
"""ns."""

SYNC = {1: 600.0, 2: 1000.0, 4: 1400.0, 29: 1800.0}
"""ns that the barrier takes from so many tiles on; SANA-FE's `latency_sync`. None is published for several chips."""

NOT_COUNTED = "static power, the host and its link, and links between chips: no figure is published"


@dataclass(frozen=True)
class Measured:
    """A whole workload on silicon: for scale, and not to be compared event by event."""

    what: str
    chip: str
    watts: float
    static_watts: float
    step_us: float
    source: str


MEASURED = Measured(
    "PilotNet SNN, 74 cores",
    "Loihi 2",
    0.679,
    0.232,
    153.0,
    "lava-dl tutorials/lava/lib/dl/netx/pilotnet_snn/benchmark.ipynb",
)
"""Its input, a frame of a driving data set, is not published with it: the same run cannot be modelled."""
