"""Weights: which integers each backend makes of them, and what a spike then adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from prove import definition
from prove.implementations import Port

MODES = ("excitatory", "inhibitory", "mixed")
WEIGHTS = np.arange(-512, 513)
"""Beyond what a program may hold on both sides, because Lava clips."""


@dataclass(frozen=True)
class WeightClaim:
    primitive: str
    implementation: str
    range: str
    check: Callable[[], int]


def legal(mode: str, bits: int) -> Any:
    """The weights that a program may hold."""
    low, high = {"excitatory": (0, 255), "inhibitory": (-255, 0), "mixed": (-256, 254)}[mode]
    step = 2 ** (8 - bits + (mode == "mixed"))
    return WEIGHTS[(low <= WEIGHTS) & (high >= WEIGHTS) & (WEIGHTS % step == 0)]


def _lava_grid() -> int:
    """clip_weights and truncate_weights, dense and sparse, for every integer: the definition's grid."""
    from lava.utils.weightutils import SignMode, clip_weights, truncate_weights
    from scipy.sparse import csr_matrix

    compared = 0
    for mode in MODES:
        for bits in range(1, 9):
            expected = definition.on_grid(WEIGHTS, mode, bits)
            for make in (np.array, csr_matrix):
                lava = truncate_weights(
                    clip_weights(make(WEIGHTS[np.newaxis]), SignMode[mode.upper()], num_bits=8),
                    SignMode[mode.upper()],
                    bits,
                )
                found = np.asarray(lava.todense() if make is csr_matrix else lava).ravel()
                _same(f"{mode}, {bits} bits, {make.__name__}", WEIGHTS, found, expected)
                compared += len(WEIGHTS)
            kept = legal(mode, bits)
            _same(f"legal {mode}, {bits} bits", kept, definition.on_grid(kept, mode, bits), kept)
    return compared


def _lava_sum() -> int:
    """`run_spk` of the sparse and the dense process model: what one spike of one legal weight adds, a step later."""
    from lava.proc.dense.models import PyDenseModelBitAcc
    from lava.proc.sparse.models import PySparseModelBitAcc
    from lava.utils.weightutils import SignMode
    from scipy.sparse import csr_matrix

    compared = 0
    for model_of, make in ((PySparseModelBitAcc, csr_matrix), (PyDenseModelBitAcc, np.array)):
        for mode in MODES:
            for bits in range(1, 9):
                weights = legal(mode, bits)
                for exponent in range(8):
                    model = model_of(
                        {"weight_exp": exponent, "num_weight_bits": bits, "sign_mode": SignMode[mode.upper()]}
                    )
                    model.weights = make(weights[:, np.newaxis].astype(np.int32))
                    model.num_message_bits = np.array(0)
                    model.a_buff = np.zeros(len(weights), np.int32)
                    model.s_in, model.a_out = Port(np.ones(1, np.int32)), Port()
                    model.run_spk()
                    _same(f"{mode}, {bits} bits", weights, model.a_buff, weights * 2**exponent)
                    compared += len(weights)
    return compared


def _backend_sum(name: str) -> int:
    """A program with a neuron for every legal weight: its current after one spike, `u = weight << exponent << 6`."""
    from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus
    from lsm_deploy.run import backends as backend

    populations, projections, expected = [], [], []
    for mode in MODES:
        for bits in range(1, 9):
            for exponent in range(8):
                weights = legal(mode, bits)
                size, label = len(weights), f"{mode}{bits}{exponent}"
                registers = {"du": 4095, "dv": 4095, "vth": 131071, "bias_mant": 0, "bias_exp": 0}
                full = {field: np.full(size, value) for field, value in registers.items()}
                populations.append(QPopulation(label, "LIF", size, full))
                ends = np.array([0, size]), np.arange(size)
                projections.append(
                    QProjection(label, INPUT, label, mode, bits, exponent, *ends, weights, np.zeros(size, np.uint8))  # type: ignore[arg-type]
                )
                expected.append(weights * 2**exponent * 64)
    network = QNetwork(1.0, 1, 0, tuple(populations), tuple(projections))
    program = Program(network, np.zeros(network.neurons, np.int32), "oheo_gulch")
    stimulus = Stimulus(np.array([[1], [0]], np.int8), np.array([0]))
    u = backend.run_program(name, program, stimulus, ("u",)).registers["u"][1]
    weights = np.concatenate(expected)
    _same(name, weights, u, weights)
    return len(weights)


def _same(case: str, weights: Any, found: Any, expected: Any) -> None:
    bad = np.flatnonzero(found != expected)
    assert not bad.size, f"{case}: {weights[bad[0]]} becomes {found[bad[0]]}, not {expected[bad[0]]}"


_LEGAL = "all legal weights, 3 sign modes, 8 widths, 8 exponents"
CLAIMS = (
    WeightClaim("weight grid", "lava", "-512 .. 512, 3 sign modes, 8 widths", _lava_grid),
    WeightClaim("weight << weight_exp", "lava", _LEGAL, _lava_sum),
    *(
        WeightClaim("weight << weight_exp", name, _LEGAL, lambda name=name: _backend_sum(name.partition(" ")[0]))  # type: ignore[misc]
        for name in ("emulator", "fast", "brian (numpy)")
    ),
)
