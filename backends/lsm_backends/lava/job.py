"""A job for `graph.py`: LIF processes and connection processes as arrays in a folder, and the result that comes back.

Synapses of one sign mode, bit width, exponent, source and target share a Lava process, unless two of them join the same
pair: a matrix would add their weights, and the sum may lie off the grid or beyond 255. Repeated pairs go to further
processes, delayed synapses to processes of their own, and weights of zero nowhere.

    job.json    config `sim` or `loihi2`; steps; lifs (how many); record (registers); reset_interval (0: never) and
                reset_offset, in Lava's steps, which count from 1; connections: source (a LIF process; null for the
                input), target, sign_mode, num_weight_bits, weight_exp; for a board also board, partition, host,
                generation
    arrays.npz  input [t, channel]; for LIF process i du<i>, dv<i>, vth<i>, bias_mant<i>, bias_exp<i> [neuron];
                for connection i post<i>, pre<i> (numbered within their process), weights<i>, delays<i> [synapse]
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.errors import BackendError
from lsm_deploy.ir import INPUT, QNetwork, SignMode

__all__ = ["KINDS", "Connection", "Job", "check_kinds", "connections", "read", "registers", "write"]

KINDS: Mapping[str, tuple[str, ...]] = {"LIF": ("du", "dv", "vth", "bias_mant", "bias_exp")}
"""By neuron kind that has a rule here: the registers that its Lava process takes, under Lava's names."""


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


@dataclass(frozen=True, eq=False)
class Job:
    """What `graph.py` is to build: `lifs` are the registers of each LIF process, `input` is `[t, channel]`."""

    input: NDArray[np.int8]
    lifs: tuple[Mapping[str, NDArray[np.int32]], ...]
    connections: tuple[Connection, ...]
    record: tuple[str, ...]
    config: str
    reset_interval: int
    reset_offset: int = 1
    board: Mapping[str, str | None] | None = None


def check_kinds(network: QNetwork, backend: str) -> None:
    """Refuse a network that has neurons without a rule here."""
    for population in network.populations:
        if population.kind not in KINDS:
            raise BackendError(
                f"backend {backend!r} has no rule for neurons of kind {population.kind!r}, only for {', '.join(KINDS)}",
                where=f"population {population.name!r}",
                hint="run it on the backend 'emulator', which knows every kind",
            )


def registers(network: QNetwork) -> dict[str, NDArray[np.int32]]:
    """The registers of all neurons, `[neuron]` each."""
    return {
        name: np.concatenate([p.registers[name] for p in network.populations]).astype(np.int32) for name in KINDS["LIF"]
    }


def connections(network: QNetwork, group: NDArray[np.int64]) -> tuple[Connection, ...]:
    """The synapses as connection processes between LIF processes; `group` `[neuron]` is the process of each neuron."""
    within = np.zeros_like(group)
    for number in np.unique(group):
        within[group == number] = np.arange(int((group == number).sum()))

    by_type: dict[tuple[bool, SignMode, int, int], list[NDArray[np.int64]]] = {}
    for p in network.projections:
        pre = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
        if p.source != INPUT:
            pre += network.offsets[p.source]
        synapses = np.stack([p.post.astype(np.int64) + network.offsets[p.target], pre, p.weights, p.delays])
        key = (p.source == INPUT, p.sign_mode, p.num_weight_bits, p.weight_exp)
        by_type.setdefault(key, []).append(synapses[:, synapses[2] != 0])

    found = []
    for (from_input, sign_mode, num_weight_bits, weight_exp), parts in by_type.items():
        post, pre, weights, delays = np.concatenate(parts, axis=1)
        source = np.full(len(pre), -1) if from_input else group[pre]
        for chosen in _processes(source, group[post], delays, pre, post):
            found.append(
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
                )
            )
    return tuple(found)


def write(job: Job, folder: Path) -> None:
    """Put a job into its folder."""
    arrays: dict[str, NDArray[Any]] = {"input": job.input}
    for i, lif in enumerate(job.lifs):
        arrays |= {f"{name}{i}": values for name, values in lif.items()}
    for i, c in enumerate(job.connections):
        arrays |= {f"post{i}": c.post, f"pre{i}": c.pre, f"weights{i}": c.weights, f"delays{i}": c.delays}
    np.savez(folder / "arrays.npz", **arrays)
    fields = ("source", "target", "sign_mode", "num_weight_bits", "weight_exp")
    description = {
        "config": job.config,
        "steps": len(job.input),
        "lifs": len(job.lifs),
        "record": job.record,
        "reset_interval": job.reset_interval,
        "reset_offset": job.reset_offset,
        "connections": [{name: getattr(c, name) for name in fields} for c in job.connections],
        **(job.board or {}),
    }
    (folder / "job.json").write_text(json.dumps(description))


def read(job: Job, folder: Path, where: str) -> dict[str, NDArray[np.int32]]:
    """The result of a job: `spikes<i>` and each recorded `<register><i>`, `[t, neuron]`."""
    results = {}
    try:
        with np.load(folder / "result.npz", allow_pickle=False) as stored:
            for i, lif in enumerate(job.lifs):
                shape = (len(job.input), len(lif["vth"]))
                for name in ("spikes", *job.record):
                    values = stored[f"{name}{i}"]
                    results[f"{name}{i}"] = values.astype(np.int32)
                    if values.shape != shape or not np.array_equal(values, results[f"{name}{i}"]):
                        raise ValueError(f"{name}{i} is {values.dtype} of shape {values.shape}, not integers {shape}")
    except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise BackendError(
            f"Lava's process left no result that can be read: {error}",
            where=where,
            hint="check the disk, and what LSM_DEPLOY_LAVA_PYTHON points to",
        ) from error
    return results


def _processes(*columns: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The indices of the synapses of each process; columns: source, target, delays, pre, post."""
    source, target, delays, pre, post = columns
    delayed = (delays > 0).astype(np.int64)
    order = np.lexsort((pre, post, delayed, target, source))
    joined = np.stack([source, target, delayed, post, pre])[:, order]
    # How many synapses of the same pair stand before each one: 0, but for repeated pairs.
    positions = np.arange(len(order))
    starts = np.flatnonzero(_changes(joined))
    repeat = np.zeros_like(order)
    repeat[order] = positions - np.repeat(starts, np.diff(starts, append=len(order)))

    order = np.lexsort((repeat, delayed, target, source))
    joined = np.stack([source, target, delayed, repeat])[:, order]
    starts = np.flatnonzero(_changes(joined))
    yield from (order[start:stop] for start, stop in pairwise([*starts.tolist(), len(order)]))


def _changes(columns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a column differs from the one before it; the first one does."""
    changes = np.ones(columns.shape[1], np.bool_)
    changes[1:] = (columns[:, 1:] != columns[:, :-1]).any(axis=0)
    return changes
