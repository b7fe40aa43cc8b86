"""Elementwise work on more synapses than the processor's cache holds."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["CHUNK", "chunks"]

CHUNK = 1 << 14
"""Synapses that elementwise work takes at a time: its intermediate arrays stay in the processor's cache."""


def chunks(stop: int, start: int = 0) -> Iterator[slice]:
    """`start` to `stop` in parts that fit the cache."""
    return (slice(first, min(first + CHUNK, stop)) for first in range(start, stop, CHUNK))
