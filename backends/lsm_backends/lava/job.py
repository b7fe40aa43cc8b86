"""A job for `graph.py`: neuron and connection processes as arrays in a folder, and the result that comes back.

Synapses of one sign mode, bit width, exponent, source, target and port share a Lava process, unless two of them join
the same pair: a matrix would add their weights, and the sum may lie off the grid or beyond 255. Repeated pairs go to
further processes (where copies are free, `pairs.py` leaves none), delayed synapses to processes of their own, and
weights of zero nowhere.

    job.json    config `sim` or `loihi2`; steps; neurons: kind, registers and record (names) of each process;
                reset_interval (0: never) and reset_offset, in Lava's steps, which count from 1; connections: source (a
                neuron process; null for the input), target, port (1: onto its gate), graded (messages are more than a
                bit), sign_mode, num_weight_bits, weight_exp; tanh, ratio: the tables, where a kind looks them up; for a
                board also board, partition, host, generation
    arrays.npz  input [t, channel]; for neuron process i its registers, such as du<i> [neuron];
                for connection i post<i>, pre<i> (numbered within their process), weights<i>, delays<i> [synapse]
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.lava.child import LAVA, Needed
from lsm_backends.lava.pairs import repeats
from lsm_deploy.core.activations import RATIOS, TABLE
from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.errors import BackendError
from lsm_deploy.core.ir import INPUT, QNetwork, SignMode
from lsm_deploy.core.messages import BINARY, Messages
from lsm_deploy.core.neurons import KINDS as NEURONS

__all__ = [
    "KINDS",
    "Connection",
    "Job",
    "Neurons",
    "connections",
    "neurons_of",
    "read",
    "read_result",
    "tied",
    "write",
]

KINDS = ("LIF", "TernaryLIF", "LIFRefractory", "LIFSubtract", "ATRLIF", "GradedLI", "GatedLI")
"""Those of `RULES` in `graph.py`, which cannot be imported here; registers bear Lava's names already."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """One neuron process: its kind, its registers `[neuron]`, and the names of those that are recorded."""

    kind: str
    registers: Mapping[str, NDArray[np.int32]]
    record: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return len(next(iter(self.registers.values())))


@dataclass(frozen=True, eq=False)
class Connection:
    """One connection process; `source` None is the input. Arrays are per synapse, numbered within source and target."""

    source: int | None
    target: int
    sign_mode: SignMode
    num_weight_bits: int
    weight_exp: int
    post: NDArray[np.int64]
    pre: NDArray[np.int64]
    weights: NDArray[np.int32]
    delays: NDArray[np.int32]
    graded: bool = False
    """Messages are more than that there was a spike: they have signs, or are integers."""
    port: int = 0


@dataclass(frozen=True, eq=False)
class Job:
    """What `graph.py` is to build; `input` is `[t, channel]`. No kind but LIF may have two processes."""

    input: Messages
    neurons: tuple[Neurons, ...]
    connections: tuple[Connection, ...]
    config: str
    reset_interval: int
    reset_offset: int = 1
    board: Mapping[str, str | None] | None = None


def neurons_of(network: QNetwork, record: Sequence[str]) -> tuple[tuple[Neurons, ...], NDArray[np.int64]]:
    """One process a kind, which holds its neurons in order, and the process of each neuron, `[neuron]`."""
    made = []
    for kind in network.kinds:
        registers = {name: values.astype(np.int32) for name, values in network.registers(kind).items()}
        made.append(Neurons(kind, registers, tuple(name for name in NEURONS[kind].STATE if name in record)))
    numbers, sizes = [network.kinds.index(p.kind) for p in network.populations], list(network.sizes.values())
    return tuple(made), np.repeat(numbers, sizes).astype(np.int64)


def tied(made: tuple[Connection, ...], processes: int) -> tuple[Connection, ...]:
    """Connections that tie each neuron process to the first: Lava runs what is connected, even by a weight of 0."""
    zero, nothing = np.zeros(1, np.int64), np.zeros(1, np.int32)
    ties = [Connection(0, i, "excitatory", 8, 0, zero, zero, nothing, nothing) for i in range(1, processes)]
    return (*made, *ties)


def connections(network: QNetwork, group: NDArray[np.int64]) -> tuple[Connection, ...]:
    """The synapses as connection processes between neuron processes; `group` `[neuron]` is the process of each."""
    graded_input = network.input != BINARY
    signed = np.repeat([NEURONS[p.kind].MESSAGE.signed for p in network.populations], list(network.sizes.values()))
    within = np.zeros_like(group)
    for number in np.unique(group):
        within[group == number] = np.arange(int((group == number).sum()))

    by_type: dict[tuple[bool, SignMode, int, int, int], list[NDArray[np.int64]]] = {}
    for p in network.projections:
        pre = p.pre
        if p.source != INPUT:
            pre += network.offsets[p.source]
        synapses = np.stack([p.post.astype(np.int64) + network.offsets[p.target], pre, p.weights, p.delays])
        key = (p.source == INPUT, p.sign_mode, p.num_weight_bits, p.weight_exp, p.port)
        by_type.setdefault(key, []).append(synapses[:, synapses[2] != 0])

    made = []
    for (from_input, sign_mode, num_weight_bits, weight_exp, port), parts in by_type.items():
        post, pre, weights, delays = np.concatenate(parts, axis=1)
        source = np.full(len(pre), -1) if from_input else group[pre]
        for chosen in _processes(source, group[post], delays, pre, post):
            made.append(
                Connection(
                    source=None if from_input else int(source[chosen[0]]),
                    target=int(group[post[chosen[0]]]),
                    sign_mode=sign_mode,
                    num_weight_bits=num_weight_bits,
                    weight_exp=weight_exp,
                    post=within[post[chosen]],
                    pre=pre[chosen] if from_input else within[pre[chosen]],
                    weights=weights[chosen].astype(np.int32),
                    delays=delays[chosen].astype(np.int32),
                    graded=graded_input if from_input else bool(signed[pre[chosen[0]]]),
                    port=port,
                )
            )
    return tuple(made)


def write(job: Job, folder: Path) -> None:
    """Put a job into its folder."""
    arrays: dict[str, NDArray[Any]] = {"input": job.input}
    for i, neurons in enumerate(job.neurons):
        arrays |= {f"{name}{i}": values for name, values in neurons.registers.items()}
    for i, c in enumerate(job.connections):
        arrays |= {f"post{i}": c.post, f"pre{i}": c.pre, f"weights{i}": c.weights, f"delays{i}": c.delays}
    save_arrays(folder / "arrays.npz", arrays)
    fields = ("source", "target", "port", "graded", "sign_mode", "num_weight_bits", "weight_exp")
    tables = {"tanh": TABLE.tolist(), "ratio": RATIOS.tolist()}
    description = {
        "config": job.config,
        "steps": len(job.input),
        "neurons": [{"kind": n.kind, "registers": tuple(n.registers), "record": n.record} for n in job.neurons],
        "reset_interval": job.reset_interval,
        "reset_offset": job.reset_offset,
        **(tables if any(NEURONS[n.kind].MESSAGE.graded for n in job.neurons) else {}),
        "connections": [{name: getattr(c, name) for name in fields} for c in job.connections],
        **(job.board or {}),
    }
    (folder / "job.json").write_text(json.dumps(description), encoding="utf-8")


def read(job: Job, folder: Path, where: str) -> dict[str, NDArray[np.int32]]:
    """The result of a job: `spikes<i>` and each recorded `<register><i>`, `[t, neuron]`."""
    shapes = {
        f"{name}{i}": (len(job.input), neurons.size)
        for i, neurons in enumerate(job.neurons)
        for name in ("spikes", *neurons.record)
    }
    return read_result(folder, shapes, where, LAVA)


def read_result(
    folder: Path, shapes: Mapping[str, tuple[int, int]], where: str, needed: Needed
) -> dict[str, NDArray[np.int32]]:
    """The arrays that a child process left, by name, each of the shape that it must have."""
    results = {}
    try:
        with np.load(folder / "result.npz", allow_pickle=False) as stored:
            for name, shape in shapes.items():
                values = stored[name]
                results[name] = values.astype(np.int32)
                if values.shape != shape or not np.array_equal(values, results[name]):
                    raise ValueError(f"{name} is {values.dtype} of shape {values.shape}, not integers {shape}")
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise BackendError(
            f"Lava's process left no result that can be read: {error}",
            where=where,
            hint=f"check the disk, and what {needed.variable} points to",
        ) from error
    return results


def _processes(*columns: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The indices of the synapses of each process; columns: source, target, delays, pre, post."""
    source, target, delays, pre, post = columns
    delayed = (delays > 0).astype(np.int64)
    repeat = repeats(source, target, delayed, post, pre)
    order = np.lexsort((repeat, delayed, target, source))
    joined = np.stack([source, target, delayed, repeat])[:, order]
    starts = np.flatnonzero(_changes(joined))
    yield from (order[start:stop] for start, stop in pairwise([*starts.tolist(), len(order)]))


def _changes(columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a column differs from the one before it; the first one does."""
    changes = np.ones(columns.shape[1], np.bool_)
    changes[1:] = (columns[:, 1:] != columns[:, :-1]).any(axis=0)
    return changes
