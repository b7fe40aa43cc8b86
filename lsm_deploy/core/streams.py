"""Randomness from one seed: a stream for each thing that is drawn, derived by its name.

Adding a population, or a sample, does not reshuffle another. Only `random`, `integers`, `standard_normal`,
`standard_gamma` and `geometric` are drawn from: they have given the same numbers since numpy 1.17.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(seed: int, *name: object) -> np.random.Generator:
    """The generator that belongs to this name under this seed."""
    digest = hashlib.sha256(repr(name).encode()).digest()
    words = np.frombuffer(digest, "<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))
