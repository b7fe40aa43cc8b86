"""Backend `loihi2`: the same graph on a board, through Intel's lava-loihi.

Spikes enter and leave the chip through adapters, and these take time. How many steps is measured in the same run, on
two neurons that have nothing to do with the network under test:

    relay   driven by an input channel of its own with a known pattern; it comes back `shift_in + shift_out + 1` late
    clock   driven by its bias to spike in every step of the chip, from the first; it comes back `shift_out` late

A row t of the emulator's trace is then row `t + shift_in + shift_out` of the board's. If either neuron comes back
with as much as one wrong spike the run is refused: the data under test are never aligned by themselves.

A late input makes no difference to a network at rest. Where a bias or the clock moves the network (`bias_mant`,
the `interval` policy) it does: such a program is run again, cleared at the step in which its input begins.

The chip keeps `du`, `dv` and `vth` for a group of neurons, not for each: neurons that share all three form one Lava
process here. A core holds 8 groups (`semantics.md`), and Intel's compiler says when there are too many.
Fresh samples are one run each: a board has no room for copies, and nothing but a new run clears what is in flight.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_backends.lava import child, job
from lsm_backends.lava.export import export_jobs
from lsm_backends.lava.sim import carry_out, time_limit_of
from lsm_deploy.core.errors import BackendError, raise_all
from lsm_deploy.core.fixed import LARGEST_DECAY, WEIGHT_LIMIT
from lsm_deploy.core.ir import Program, QNetwork, Stimulus, Trace
from lsm_deploy.core.limits import Limits, beyond
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.samples import LongRun, run_side_by_side

__all__ = ["LIMITS", "export", "missing", "run"]

BOARD = "LSM_DEPLOY_LOIHI2_BOARD"
"""Environment variable: the SLURM node to run on; any that is free without it."""
PARTITION = "LSM_DEPLOY_LOIHI2_PARTITION"
"""Environment variable: the SLURM partition to take a board from."""
HOST = "LSM_DEPLOY_LOIHI2_HOST"
"""Environment variable: the address of a board's host on the network, for boards without SLURM."""
GENERATION = "LSM_DEPLOY_LOIHI2_GENERATION"
"""Environment variable: the generation of the chip as `lava.utils.loihi.ChipGeneration` names it; N3B3 without it."""

MAX_SHIFT = 16
"""The largest shift that is looked for, in steps; adapters are known to take one or two."""
_MIN_STEPS = 48
"""A relay pattern shorter than this could be garbled without showing it."""
_QUEUE_SECONDS = 1800.0
"""Added to the time limit: compiling for a board and waiting for one."""
_WHERE = "backend 'loihi2'"
LIMITS = Limits(
    kinds=("LIF",),
    because=dict.fromkeys(
        ("GradedLI", "GatedLI"), "a program for it is microcode of Loihi 2, whose assembler is not public"
    ),
    tables=False,
    signed_messages=False,
    graded_input=False,
    interval_of_two=True,
)
"""The kind that the chip has without microcode; how others would be programmed on it nobody here can try."""

_Results = dict[str, NDArray[np.int32]]


def missing() -> str | None:
    """Says what keeps a board from being used here, and the way out; None if nothing does."""
    if why := child.missing(child.LAVA):
        return why
    code = "from lava.utils.loihi import is_installed; print(is_installed())"
    if child.ask(child.interpreter(), code) != "True":
        return (
            "Intel's package lava-loihi is not installed (there is no module lava.utils.loihi2_profiler): it comes with"
            " membership of the Intel Neuromorphic Research Community; apply there, and install it beside lava-nc"
        )
    if not os.environ.get(HOST) and shutil.which("sinfo") is None:
        return (
            "no Loihi 2 board can be reached: SLURM's `sinfo` is not on the path;"
            f" run on a machine that has it, or set {HOST} to the address of a board's host"
        )
    return None


def run(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    time_limit: float | None = None,
    board: str | None = None,
    partition: str | None = None,
    host: str | None = None,
    generation: str | None = None,
) -> Trace:
    """Run every sample on a board; the options stand before the environment variables of this module."""
    network = program.network
    raise_all(beyond("loihi2", LIMITS, network))
    if record:
        raise BackendError(
            f"registers cannot be recorded on a board: {', '.join(record)}",
            where=_WHERE,
            hint="record spikes only, and compare registers between the backends 'lava' and 'emulator'",
        )
    options = {
        "board": board or os.environ.get(BOARD),
        "partition": partition or os.environ.get(PARTITION),
        "host": host or os.environ.get(HOST),
        "generation": generation or os.environ.get(GENERATION) or "N3B3",
    }
    shift_in = 0  # what the last run measured

    def once(long_run: LongRun) -> tuple[NDArray[np.int8], dict[str, NDArray[np.int32]], dict[str, int]]:
        nonlocal shift_in
        if not len(long_run.spikes):
            return np.zeros((0, network.neurons), np.int8), {}, {}
        moves = _moves_by_itself(network)
        for _ in range(2):
            expected = shift_in
            made, groups, relayed = _task(long_run, expected if moves else 0, options)
            results = carry_out(made, child.seconds(time_limit, _QUEUE_SECONDS + time_limit_of(made)), _WHERE)
            shift_in, shift_out = _shifts(results[f"spikes{len(groups)}"], relayed)
            if shift_in == expected or not moves:
                return _spikes(results, groups, len(long_run.spikes), shift_in, shift_out, moves), {}, {}
        raise BackendError(
            f"the input was late by {expected} steps in one run and by {shift_in} in the next",
            where=_WHERE,
            hint="run again; a program without biases on the `fresh` policy does not mind",
        )

    return run_side_by_side(program, stimulus, record, once, 0, progress)


def export(program: Program, stimulus: Stimulus, folder: Path, record: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
    """Write what runs every sample on a board elsewhere, spikes alone; and what takes its results apart there."""
    raise_all(beyond("loihi2", LIMITS, program.network))
    moves = np.array(_moves_by_itself(program.network))

    def write(long_run: LongRun, where: Path) -> dict[str, NDArray[Any]]:
        made, groups, relayed = _task(long_run, 0, dict.fromkeys(("board", "partition", "host", "generation")))
        job.write(made, where)
        group = np.zeros(long_run.network.neurons, np.int64)
        for number, chosen in enumerate(groups):
            group[chosen] = number
        return {"group": group, "relayed": relayed, "moves_by_itself": moves}

    return export_jobs(program, stimulus, folder, "board", write, 0)


def _moves_by_itself(network: QNetwork) -> bool:
    """Whether the network changes before any input: by a bias, or by a clock that clears it."""
    return bool(network.sample_interval or any(p.registers["bias_mant"].any() for p in network.populations))


def _task(
    long_run: LongRun, shift_in: int, board: dict[str, str | None]
) -> tuple[job.Job, list[NDArray[np.int64]], NDArray[np.int8]]:
    """The job, the neurons of each of its LIF processes (the last one, relay and clock, apart), and what is relayed."""
    network, interval = long_run.network, long_run.network.sample_interval
    (neurons,), _ = job.neurons_of(network, ())
    registers = neurons.registers
    shared = np.stack([registers[name] for name in ("du", "dv", "vth")])
    group = np.unique(shared, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
    groups = [np.flatnonzero(group == number) for number in range(int(group.max()) + 1)]

    steps = max(len(long_run.spikes), _MIN_STEPS) + 2 * MAX_SHIFT
    relayed = np.random.Generator(np.random.PCG64(steps)).integers(0, 2, steps).astype(np.int8)
    relayed[0] = 1  # its first spike shows how late it is
    stimulus = np.zeros((steps, network.channels + 1), np.int8)
    stimulus[: len(long_run.spikes), :-1] = long_run.spikes
    stimulus[:, -1] = relayed

    # Both forget their input at once, and pass the threshold with one weight, or with the bias alone.
    probe = {"du": [LARGEST_DECAY] * 2, "dv": [0] * 2, "vth": [10] * 2, "bias_mant": [0, 1000], "bias_exp": [0] * 2}
    synapses = job.connections(network, group)
    fed = {c.target for c in synapses if c.source is None}
    ties = [_from_relay(network.channels, number, 0) for number in range(len(groups)) if number not in fed]
    return (
        job.Job(
            input=stimulus,
            neurons=(
                *(job.Neurons("LIF", {name: v[chosen] for name, v in registers.items()}) for chosen in groups),
                job.Neurons("LIF", {name: np.array(values, np.int32) for name, values in probe.items()}),
            ),
            # Lava runs what is connected: a weight of 0 ties a group that takes no input to the rest.
            connections=(*synapses, _from_relay(network.channels, len(groups), WEIGHT_LIMIT), *ties),
            config="loihi2",
            # A network that the `fresh` policy never clears is cleared once, where its late input begins.
            reset_interval=interval or (1 << steps.bit_length() if shift_in else 0),
            reset_offset=1 + shift_in,
            board=board,
        ),
        groups,
        relayed,
    )


def _from_relay(channel: int, target: int, weight: int) -> job.Connection:
    one = np.zeros(1, np.int64)
    weights, delays = np.array([weight], np.int32), np.zeros(1, np.int32)
    return job.Connection(None, target, "excitatory", 8, 0, one, one + channel, weights, delays)


def _shifts(probe: NDArray[np.int32], relayed: NDArray[np.int8]) -> tuple[int, int]:
    """How many steps input and output are late, from the spikes `[t, (relay, clock)]`."""
    relay, clock = probe.T
    shift_out = int(np.argmax(clock != 0))
    late = int(np.argmax(relay != 0))
    in_time = 1 + shift_out <= late <= 1 + MAX_SHIFT
    clean = bool((clock[shift_out:] == 1).all()) and np.array_equal(relay[late:], relayed[: len(relayed) - late])
    if not (in_time and clean):
        raise BackendError(
            f"the neurons that measure the board's delay came back garbled: the clock with {int(clock.sum())} spikes"
            f" in {len(clock)} steps, the relay with {int(relay.sum())} for {int(relayed.sum())} sent",
            where=_WHERE,
            hint="run again, or on another board: spikes are being lost, doubled or reordered on the way",
        )
    return late - 1 - shift_out, shift_out


def _spikes(
    results: _Results,
    groups: list[NDArray[np.int64]],
    steps: int,
    shift_in: int,
    shift_out: int,
    moves_by_itself: bool,
) -> NDArray[np.int8]:
    """The network's spikes `[t, neuron]`, as if the board had begun with the input and reported at once."""
    spikes = np.zeros((steps, sum(len(chosen) for chosen in groups)), np.int8)
    start = shift_in + shift_out
    for number, chosen in enumerate(groups):
        rows = results[f"spikes{number}"]
        # Clearing registers does not take back spikes in flight.
        if moves_by_itself and rows[:start].any():
            raise BackendError(
                f"the network spikes by itself in the {shift_in} steps before its input reaches the board",
                where=_WHERE,
                hint="lower the biases, or raise the thresholds",
            )
        spikes[:, chosen] = rows[start : start + steps]
    return spikes
