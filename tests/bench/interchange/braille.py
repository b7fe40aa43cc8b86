"""The Braille net of NIR's paper, beside its source's recorded spikes, and on all samples there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

import lsm_deploy as ld

NETS = Path("nets")


def rows(shared: Path) -> Iterator[tuple[str, str]]:
    """What was measured, and what it came to."""
    file, samples = shared / NETS / "braille_noDelay_bias_zero.nir", shared / "data" / "braille.npz"
    if not file.exists() or not samples.exists():
        yield "braille", f"left out: {file} or {samples} is not here"
        return
    reading = ld.read_network(file, source="snntorch", reset="zero")
    spikes = np.load(shared / NETS / "braille_sample0.npy")
    recorded = np.load(shared / NETS / "snntorch_activity_noDelay_bias_zero.npy").reshape(len(spikes), -1)
    one = ld.deploy(reading, samples=ld.Samples(spikes[None], recorded={"lif1.lif": recorded[None].astype(float)}))
    (stage,) = one.trial.reading
    yield "braille: source to floats, spikes that differ", f"{stage.differ} of {stage.places}"
    for bits, words in ((8, "8 bits"), (15, "coarse and fine")):
        reading = ld.read_network(file, source="snntorch", reset="zero", weight_bits=bits)
        deployed = ld.deploy(reading, samples=ld.load_samples(samples, reading))
        trial = deployed.trial
        assert trial.accuracy is not None
        assert trial.same is not None
        floats, integers = trial.accuracy
        certified = deployed.compiled.certificate.certified
        yield f"braille: {words}, right", f"{integers:.2%} (floats {floats:.2%})"
        yield f"braille: {words}, same answer as floats", f"{trial.same:.2%}"
        yield (
            f"braille: {words}, certified; wraps, wide sums",
            (f"{certified.sum()} of {len(certified)}; {trial.counts['u_wraps']}, {trial.counts['wide_sums']}"),
        )
