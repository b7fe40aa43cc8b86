"""Elementwise work on more synapses than the processor's cache holds."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["CHUNK", "chunks"]

CHUNK = 1 << 14
"""Synapses that elementwise work takes at a time: its intermediate arrays stay in the processor's cache."""


def chunks(size: int) -> Iterator[slice]:
    """0 to `size` in parts that fit the cache."""
    return (slice(start, min(start + CHUNK, size)) for start in range(0, size, CHUNK))
