"""A recurrent net with a subtracting reset, trained in snnTorch for some minutes, beside its own spikes and answers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import lsm_deploy as ld
from bench.interchange.simulators import HERE, VARIABLE

EPOCHS = 60


def rows(shared: Path) -> Iterator[tuple[str, str]]:
    """What was measured, and what it came to."""
    samples = shared / "data" / "braille.npz"
    python = _with_snntorch()
    if not python or not samples.exists():
        yield "trained in snnTorch", f"left out: {samples} is not here, or no Python of {VARIABLE} has snnTorch"
        return
    with TemporaryDirectory() as folder:
        graph, recorded = Path(folder) / "trained.nir", Path(folder) / "recorded.npz"
        command = [python, HERE / "train_in_snntorch.py", samples, graph, recorded, str(EPOCHS)]
        subprocess.run([str(each) for each in command], check=True, timeout=3600)
        with np.load(recorded) as did, np.load(samples) as data:
            hidden, output = did["hidden"].astype(float), did["output"].astype(float)
            frames, labels = data["frames"].astype(np.int8), data["labels"].astype(np.int64)
        theirs = output.sum(1).argmax(1)
        for bits, words in ((8, "8 bits"), (15, "coarse and fine")):
            reading = ld.read_network(graph, source="snntorch", reset="subtract-delayed", weight_bits=bits)
            (first,) = (p.name for p in reading.network.populations if p.size == hidden.shape[2])
            given = ld.Samples(frames, labels, {first: hidden, reading.output: output})
            trial = ld.deploy(reading, samples=given).trial
            assert trial.accuracy is not None
            if bits == 8:
                yield "trained in snnTorch: right, in its source", f"{np.mean(theirs == labels):.2%}"
                differ, places = sum(s.differ for s in trial.reading), sum(s.places for s in trial.reading)
                yield "trained in snnTorch: source to floats, spikes that differ", f"{differ} of {places}"
            yield f"trained in snnTorch: {words}, right", f"{trial.accuracy[1]:.2%}"
            yield f"trained in snnTorch: {words}, same answer", f"{trial.same:.2%}"


def _with_snntorch() -> str:
    for python in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        if not subprocess.run([python, "-c", "import snntorch, nir"], capture_output=True).returncode:
            return python
    return ""
