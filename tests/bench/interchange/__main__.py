"""The figures of imported networks, one a line.

make interchange
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.interchange import braille, convolution, lava_dl, trained

SHARED = Path(__file__).parents[4] / "shared"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=SHARED, help="where nets/ and data/ are")
    shared = parser.parse_args().shared
    for part in (braille.rows(shared), _convolution(), lava_dl.rows(shared), trained.rows(shared)):
        for what, figure in part:
            print(f"{what:60} {figure}", flush=True)


def _convolution() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        taken = convolution.measure(Path(folder) / "conv.nir")
    yield f"convolutions: {taken.neurons} neurons, {taken.synapses} synapses, read in", f"{taken.seconds:.1f} s"
    yield "convolutions: read and compiled in", f"{taken.whole:.1f} s, {taken.gigabytes:.2f} GB at most"


if __name__ == "__main__":
    main()
