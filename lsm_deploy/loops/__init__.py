"""Loops over synapses: what numpy does only by sorting, by looking at every pair, or with arrays beyond the cache."""

from lsm_deploy.loops.compiled import CHUNK, chunks
from lsm_deploy.loops.cores import axons_of, deliver, fill_cores
from lsm_deploy.loops.events import gather, send
from lsm_deploy.loops.rows import Rows, append_sources, count_chosen, count_targets, distances, group, transpose
from lsm_deploy.loops.wires import distinct, join_near, rewire, skip

__all__ = [
    "CHUNK",
    "Rows",
    "append_sources",
    "axons_of",
    "chunks",
    "count_chosen",
    "count_targets",
    "deliver",
    "distances",
    "distinct",
    "fill_cores",
    "gather",
    "group",
    "join_near",
    "rewire",
    "send",
    "skip",
    "transpose",
]
