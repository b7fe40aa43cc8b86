"""`python -m bench.soak`: is memory flat? A program is run, stepped, saved and restored, and streamed to disk, for
millions of steps: the same spikes each way, and memory in the second half no more than in the first.

Exit status 1 if it has grown, or spikes differ.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import liquid
import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld

PIECE = 10_000
"""Steps between two looks."""
GROWTH = 8 << 20
"""Bytes that Python and its allocator may be apart by."""


def memory() -> int:
    """The memory of this process that is in use, in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pieces(steps: int) -> Iterator[NDArray[np.int8]]:
    """The same random input each time, drawn piece by piece."""
    rng = np.random.default_rng(1)
    for _ in range(steps // PIECE):
        yield (rng.random((PIECE, liquid.CHANNELS)) < 0.2).astype(np.int8)


Way = Callable[[ld.Program, int, Path], Iterator[NDArray[np.int8]]]
"""Gives the spikes of each piece, as they come."""


def by_step(program: ld.Program, steps: int, folder: Path) -> Iterator[NDArray[np.int8]]:
    session = ld.start("fast", program)
    for piece in pieces(steps):
        yield np.array([session.step(row).copy() for row in piece])


def by_run(program: ld.Program, steps: int, folder: Path) -> Iterator[NDArray[np.int8]]:
    session = ld.start("fast", program, ("u", "v"))
    for piece in pieces(steps):
        yield session.run(piece)[0]


def by_save(program: ld.Program, steps: int, folder: Path) -> Iterator[NDArray[np.int8]]:
    """Each piece in a session of its own, which goes on from a file."""
    identity, file = ld.program_id(program), folder / "a.state"
    for number, piece in enumerate(pieces(steps)):
        session = ld.start("fast", program)
        if number:
            session.restore(ld.load_state(file, program=identity))
        yield session.run(piece)[0]
        ld.save_state(file, session.save(), program=identity)


def by_stream(program: ld.Program, steps: int, folder: Path) -> Iterator[NDArray[np.int8]]:
    """To disk; what is there is read back part by part."""
    looks: list[int] = []

    def watched() -> Iterator[NDArray[np.int8]]:
        for piece in pieces(steps):
            looks.append(memory())
            yield piece

    ld.stream(program, watched(), folder / "trace", ("v",))
    judge("stream, as it runs", looks)
    for file in sorted((folder / "trace").glob("part-*.npz")):
        with np.load(file) as part:
            yield np.unpackbits(part["spikes"], axis=1, count=program.network.neurons).astype(np.int8)


_grown: list[str] = []


def judge(name: str, looks: list[int]) -> None:
    """By the peaks of both halves, so that a part of a trace, which is held until it is full, is in each of them."""
    half = len(looks) // 2
    peaks = max(looks[1:half]), max(looks[half:])
    early, late = looks[min(10, half)], looks[-1]
    if peaks[1] - peaks[0] > GROWTH:
        _grown.append(name)
    print(
        f"{name:20} {early / 1e6:7.1f} MB after {min(10, half) * PIECE} steps, {late / 1e6:7.1f} MB after"
        f" {len(looks) * PIECE}; peaks of the halves {peaks[0] / 1e6:.1f} and {peaks[1] / 1e6:.1f} MB"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="memory over millions of steps")
    parser.add_argument("--steps", type=int, default=2_000_000)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "population 'inh' is saturated")
    program = liquid.liquid()
    digests: dict[str, str] = {}
    ways: dict[str, Way] = {"run": by_run, "step": by_step, "save and restore": by_save, "stream": by_stream}
    for name, way in ways.items():
        folder, began, digest = Path(tempfile.mkdtemp(prefix="soak-")), time.monotonic(), hashlib.sha256()
        looks = []
        try:
            for spikes in way(program, options.steps, folder):
                digest.update(spikes.tobytes())
                looks.append(memory())
        finally:
            shutil.rmtree(folder)
        digests[name] = digest.hexdigest()
        if name != "stream":  # it has been judged, and what reads it back may take what it takes
            judge(name, looks)
        print(f"{'':20} {time.monotonic() - began:.0f} s, spikes {digests[name][:16]}")
    if len({*digests.values()}) > 1:
        print("the ways differ in their spikes")
    if _grown:
        print(f"memory grows: {', '.join(_grown)}")
    return 1 if _grown or len({*digests.values()}) > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
