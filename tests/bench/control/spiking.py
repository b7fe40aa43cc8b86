"""A liquid of spiking neurons for the same plant, read by the same readout: leaky integrate-and-fire, in integers.

A value of a frame becomes a spike of each of a few of 24 inputs, the earlier the nearer it is to what that one prefers
(`gaussian_population`). After 20 steps of 1 ms the readout takes decaying traces of the liquid's spikes, and the frame,
as beside tanh units. Its settings are the same for all plants, but for the range of values.
"""

from __future__ import annotations

import lsm_deploy as ld

__all__ = ["spiking_of"]

SIZE, FIELDS = 300, 24
RANGES = {"cart_pole": 1.25, "pendulum": 1.25, "double_pendulum": 0.5}
"""Beyond which a value is as if it were this."""


def spiking_of(name: str, spec: ld.Spec) -> ld.Spec:
    """The spec of a plant, its reservoir exchanged for spiking neurons."""
    encoder = {
        "kind": "gaussian_population",
        "frame_ms": 20.0,
        "neurons": FIELDS,
        "range": [-RANGES[name], RANGES[name]],
        "code": "latency",
    }
    neuron = {
        "kind": "LIF",
        "tau_mem_ms": {"distribution": "lognormal", "mean": 20.0, "std": 10.0},
        "tau_syn_ms": 5.0,
        "bias": {"distribution": "uniform", "low": 0.0, "high": 0.15},
    }
    entering = {
        "source": "input",
        "target": "reservoir",
        "topology": {"kind": "erdos_renyi", "in_degree": 6},
        "weight": {"distribution": "uniform", "low": -0.3, "high": 0.3},
        "delay_ms": {"distribution": "uniform", "low": 1.0, "high": 30.0},
    }
    recurrent = {
        "source": "reservoir",
        "target": "reservoir",
        "topology": {"kind": "erdos_renyi", "in_degree": 10},
        "weight": {"EE": 0.02, "EI": 0.02, "IE": 0.04, "II": 0.04},
    }
    return ld.Spec.from_dict(
        {
            "dt_ms": 1.0,
            "seed": spec.seed,
            "input": {"channels": spec.input.channels, "encoder": encoder},
            "populations": {"reservoir": {"size": SIZE, "inhibitory_fraction": 0.2, "neuron": neuron}},
            "projections": [entering, recurrent],
            "readout": {
                "population": "reservoir",
                "target": "targets",
                "horizon": 0,
                "washout": 0,
                "features": {"kind": "states", "tau_ms": 10.0, "frame": True},
                "regularisation": [0.1, 1.0, 10.0, 100.0, 1000.0],
                "weight_bits": 20,
            },
        }
    )
