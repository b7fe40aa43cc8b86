"""The program of a case, for the simulators that speak this project's types."""

from __future__ import annotations

import numpy as np
from protocol import Case

from lsm_deploy.core.ir import Program, QNetwork, QPopulation, QProjection

__all__ = ["program_of"]


def program_of(case: Case) -> Program:
    arrays, n = case.arrays, case.neurons
    registers = {name: arrays[name] for name in ("du", "dv", "vth", "bias_mant", "bias_exp")}
    count = sum(name.startswith("post") for name in arrays)
    projections = tuple(
        QProjection(
            name=f"{i}",
            source=arrays[f"source{i}"].item(),
            target="n",
            sign_mode=arrays[f"sign_mode{i}"].item(),
            num_weight_bits=8,
            weight_exp=int(arrays[f"weight_exp{i}"]),
            indptr=arrays[f"indptr{i}"],
            post=arrays[f"post{i}"],
            weights=arrays[f"weights{i}"],
            delays=arrays[f"delays{i}"],
        )
        for i in range(count)
    )
    network = QNetwork(1.0, case.channels, 0, (QPopulation("n", "LIF", n, registers),), projections)
    return Program(network, np.zeros(n, np.int32), "oheo_gulch")
