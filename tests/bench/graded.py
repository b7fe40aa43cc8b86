"""A dense reservoir of tanh units: what a step takes here, at best on this machine, and elsewhere.

    python -m bench.graded [--units 300] [--rounds 60]

One network, drawn once: 300 units all to all, 8-bit weights, 16-bit messages, one channel. Ours are integers, equal to
the emulator's before anything is timed; NumPy and ReservoirPy compute the same reservoir in float64. A round asks each
once, for milliseconds, and the best of many rounds counts, because others may use the machine. Of Lava it is three.

    one stream    at best, every weight is read from the cache in which the matrix lies: its bytes / the bandwidth of a
                  loop that reads as many, again and again
    batch of 64   at best, the multiplier never waits: multiplications / the rate of the same instruction on a matrix
                  and messages in the first cache

Neurons, the call and what is written are in no limit. All run on one thread.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from importlib.util import find_spec

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import numba
import numpy as np
from lsm_backends import emulator, fast
from lsm_backends.fast.graded.layout import lay_out
from lsm_backends.fast.graded.session import Batch
from lsm_backends.fast.kernels.products import LANES, multiply
from lsm_backends.fast.rows import aligned
from lsm_backends.lava import sim
from numpy.typing import NDArray
from test_fast_graded import dense

from lsm_deploy.core.ir import Program, Stimulus

SAMPLES = 64
LEAK_RATE = 2000 / 4096


@numba.njit
def _read(array: NDArray[np.int64], times: int) -> int:
    total = 0
    for _ in range(times):
        for i in range(array.shape[0]):
            total ^= array[i]
    return total


@numba.njit
def _multiply(matrix: NDArray[np.int16], messages: NDArray[np.int16], sums: NDArray[np.int32], times: int) -> None:
    for _ in range(times):
        multiply(matrix, messages, sums, 0)


def limit_of_a_stream(program: Program) -> Callable[[], float]:
    """Seconds a step."""
    (matrix,) = [array for array in lay_out(program.network).held if array.ndim == 4]
    words = aligned((matrix.nbytes // 8,), np.int64)
    return lambda: _timed(lambda: _read(words, 300)) / 300


def limit_of_a_batch(units: int) -> Callable[[], float]:
    """Seconds a step of one sample."""
    blocks, pairs, samples = 6, 8, 16
    matrix, messages = aligned((blocks, pairs, LANES, 2), np.int16), aligned((samples, 2 * pairs), np.int16)
    sums = aligned((samples, LANES * blocks), np.int32)
    products = blocks * LANES * 2 * pairs * samples
    return lambda: _timed(lambda: _multiply(matrix, messages, sums, 300)) / 300 / products * units * (units + 1)


def ours(program: Program, stimulus: Stimulus) -> Callable[[], float]:
    session = fast.start(program)
    return lambda: _timed(lambda: session.run(stimulus.spikes)) / len(stimulus.spikes)


def ours_stepped(program: Program, stimulus: Stimulus) -> Callable[[], float]:
    session = fast.start(program)

    def run() -> None:
        for row in stimulus.spikes[:500]:
            session.step(row)

    return lambda: _timed(run) / 500


def ours_side_by_side(program: Program, stimulus: Stimulus) -> Callable[[], float]:
    """Seconds a step of one of the samples."""
    steps = len(stimulus.spikes) // SAMPLES
    batch = Batch(lay_out(program.network), (), SAMPLES)
    windows = np.stack([np.arange(SAMPLES) * steps, np.full(SAMPLES, steps)], axis=1)
    entering = np.ascontiguousarray(stimulus.spikes, np.int16)
    spikes = np.empty((len(entering), program.network.neurons), np.int16)
    registers = np.zeros((len(entering), 0, program.network.neurons), np.int32)
    return lambda: _timed(lambda: batch.advance(windows, entering, spikes, registers)) / steps / SAMPLES


def in_floats(w: NDArray[np.float64], w_in: NDArray[np.float64], samples: int, steps: int) -> Callable[[], float]:
    """NumPy, as everybody writes it: seconds a step of one sample."""
    u = np.random.default_rng(1).uniform(-1, 1, (steps, samples, 1))

    def run() -> None:
        x = np.zeros((samples, len(w))) if samples > 1 else np.zeros(len(w))
        for t in range(steps):
            driven = x @ w.T + u[t] @ w_in.T if samples > 1 else w @ x + w_in @ u[t, 0]
            x = x + LEAK_RATE * (np.tanh(driven) - x)

    return lambda: _timed(run) / steps / samples


def in_reservoirpy(w: NDArray[np.float64], w_in: NDArray[np.float64], steps: int) -> Callable[[], float]:
    from reservoirpy.nodes import Reservoir

    node = Reservoir(units=len(w), lr=LEAK_RATE, W=w, Win=w_in, bias=np.zeros(len(w)))
    u = np.random.default_rng(1).uniform(-1, 1, (steps, 1))
    node.run(u[:10])
    return lambda: _timed(lambda: node.run(u)) / steps


def in_lava(program: Program, stimulus: Stimulus) -> float:
    """Seconds a step: of the difference between a run of 100 steps and one of 2100, each the best of three."""
    parts = [Stimulus(np.resize(stimulus.spikes, (steps, 1)), np.zeros(1, np.int64)) for steps in (100, 2100)]
    short, long = (min(_timed(lambda part=part: sim.run(program, part)) for _ in range(3)) for part in parts)
    return (long - short) / 2000


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    program = dense(given.units, 1, rng)
    spikes = rng.integers(-32767, 32768, (20 * SAMPLES, 1)).astype(np.int16)
    stimulus = Stimulus(spikes, np.zeros(1, np.int64))
    some = Stimulus(spikes[:300], np.arange(0, 300, 100))
    expected, trace = (backend.run(program, some, ("u", "v")) for backend in (emulator, fast))
    assert np.array_equal(expected.spikes, trace.spikes)
    assert all(np.array_equal(expected.registers[name], trace.registers[name]) for name in ("u", "v"))

    w = rng.uniform(-1, 1, (given.units, given.units)) / np.sqrt(given.units)
    w_in = rng.uniform(-1, 1, (given.units, 1))
    streams = {
        "fast, one stream": ours(program, stimulus),
        "  at best": limit_of_a_stream(program),
        "  called in each step": ours_stepped(program, stimulus),
        "  NumPy": in_floats(w, w_in, 1, 200),
    }
    if find_spec("reservoirpy"):
        streams["  ReservoirPy"] = in_reservoirpy(w, w_in, 200)
    batches = {
        f"fast, {SAMPLES} samples": ours_side_by_side(program, stimulus),
        "  at best": limit_of_a_batch(given.units),
        "  NumPy": in_floats(w, w_in, SAMPLES, 10),
    }
    for table in (streams, batches):
        for run in table.values():  # compiled, and warm
            run()
        names = list(table)
        best = np.min([[run() for run in table.values()] for _ in range(given.rounds)], axis=0)
        if table is streams and sim.missing() is None:
            names, best = [*names, "  Lava"], np.append(best, in_lava(program, stimulus))
        for name, seconds in zip(names, best, strict=True):
            print(f"{name:26}{1e6 * seconds:10.2f} us a step{seconds / best[0]:12.3g} times ours")


if __name__ == "__main__":
    main()
