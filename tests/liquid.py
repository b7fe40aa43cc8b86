"""A small liquid that never changes, for golden outputs: what `programs` draws may."""

from __future__ import annotations

import numpy as np

from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode, Stimulus

CHANNELS = 4


def liquid(exc: int = 16, inh: int = 4, interval: int = 0, degree: int = 5) -> Program:
    """Excitatory and inhibitory LIF neurons, alive at 20 % input; delays 0..6."""
    rng = np.random.Generator(np.random.PCG64(11))
    sizes = {INPUT: CHANNELS, "exc": exc, "inh": inh}

    def projection(source: str, target: str, sign_mode: SignMode, low: int, high: int, exponent: int) -> QProjection:
        pre = np.repeat(np.arange(sizes[source]), degree)
        post = rng.integers(0, sizes[target], len(pre))
        delays, weights = rng.integers(0, 7, len(pre)), rng.integers(low, high, len(pre))
        order = np.lexsort((delays, post, pre))
        return QProjection(
            f"{source}->{target}",
            source,
            target,
            sign_mode,
            8,
            exponent,
            np.arange(sizes[source] + 1) * degree,
            post[order].astype(np.int32),
            weights[order].astype(np.int16),
            delays[order].astype(np.uint8),
        )

    projections = (
        projection(INPUT, "exc", "excitatory", 60, 200, 1),
        projection("exc", "exc", "excitatory", 10, 90, 0),
        projection("exc", "inh", "excitatory", 20, 120, 0),
        projection("inh", "exc", "inhibitory", -120, -20, 1),
    )
    populations = tuple(
        QPopulation(
            name,
            "LIF",
            sizes[name],
            {
                "du": rng.integers(500, 1500, sizes[name]),
                "dv": rng.integers(100, 400, sizes[name]),
                "vth": rng.integers(300, 500, sizes[name]),
                "bias_mant": rng.integers(0, 500, sizes[name]),
                "bias_exp": np.full(sizes[name], 1),
            },
        )
        for name in ("exc", "inh")
    )
    network = QNetwork(1.0, CHANNELS, interval, populations, projections)
    return Program(network, np.zeros(network.neurons, np.int32), "oheo_gulch")


def stimulus(steps: int = 120, starts: tuple[int, ...] = (0,), rate: float = 0.2) -> Stimulus:
    rng = np.random.Generator(np.random.PCG64(5))
    return Stimulus((rng.random((steps, CHANNELS)) < rate).astype(np.int8), np.array(starts))
