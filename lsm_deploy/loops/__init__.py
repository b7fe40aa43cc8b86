"""Loops over synapses and spikes: what numpy does by sorting, by looking at every pair, or beyond the cache."""

from lsm_deploy.loops.cores import deliver
from lsm_deploy.loops.counts import count_parts, decay_parts, race
from lsm_deploy.loops.events import count_reached, list_reached, spread
from lsm_deploy.loops.floats import gather, send
from lsm_deploy.loops.grids import to_grid, to_steps
from lsm_deploy.loops.placing import append_synapses, count_between, count_lists, count_messages, fill_cores, lone_loads
from lsm_deploy.loops.portions import CHUNK, chunks
from lsm_deploy.loops.rows import Rows, append_sources, count_chosen, count_targets, distances, group, transpose
from lsm_deploy.loops.wires import distinct, join_near, rewire, skip

__all__ = [
    "CHUNK",
    "Rows",
    "append_sources",
    "append_synapses",
    "chunks",
    "count_between",
    "count_chosen",
    "count_lists",
    "count_messages",
    "count_parts",
    "count_reached",
    "count_targets",
    "decay_parts",
    "deliver",
    "distances",
    "distinct",
    "fill_cores",
    "gather",
    "group",
    "join_near",
    "list_reached",
    "lone_loads",
    "race",
    "rewire",
    "send",
    "skip",
    "spread",
    "to_grid",
    "to_steps",
    "transpose",
]
