"""Run an exported program on Lava and write its trace: `python run.py [--loihi2]`. See README.txt beside this file.

Stands alone: needs a Python with lava-nc 0.10.0 and its numpy. Each job runs in a process of its own (`graph.py`),
because Lava waits forever when a process model raises.

On a board spikes enter and leave through adapters, which take time. A relay neuron (driven by a known pattern) and a
clock neuron (which spikes in every step) run beside the network and tell by how many steps; if they come back with as
much as one wrong spike the run is refused. The data under test are never aligned by themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
LAVA = "0.10.0"
MAX_SHIFT = 16
"""Steps that an adapter may take; the jobs for a board are so much longer."""

Arrays = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description="Run an exported program on Lava, and write its trace.")
    parser.add_argument("-o", "--output", type=Path, default=Path("trace.npz"))
    parser.add_argument("--loihi2", action="store_true", help="on a board, through Intel's lava-loihi")
    parser.add_argument("--board", help="the board to run on (SLURM)")
    parser.add_argument("--partition", help="the SLURM partition to take a board from")
    parser.add_argument("--host", help="the address of a board's host, where there is no SLURM")
    parser.add_argument("--generation", default="N3B3", help="of the chip, as lava.utils.loihi.ChipGeneration names it")
    parser.add_argument("--time-limit", type=float, default=3600.0, help="seconds a job")
    options = parser.parse_args()
    try:
        version = metadata.version("lava-nc")
    except metadata.PackageNotFoundError:
        sys.exit(f"this Python ({sys.executable}) has no lava-nc: use one with lava-nc {LAVA}")
    if version != LAVA:
        print(f"warning: this is lava-nc {version}; what is expected was read from {LAVA}", file=sys.stderr)

    with np.load(HERE / "layout.npz", allow_pickle=False) as stored:
        layout = {name: stored[name] for name in stored.files}
    place = "board" if options.loihi2 else "cpu"
    if f"{place}.parts" not in layout:
        sys.exit("this program cannot run on a board: see README.txt")
    steps, neurons = layout["shape"].tolist()
    names = [] if options.loihi2 else layout["record"].tolist()
    trace = {"spikes": np.zeros((steps, neurons), np.int8)}
    trace |= {name: np.zeros((steps, neurons), np.int32) for name in names}
    jobs = int(layout[f"{place}.parts"][:, 0].max()) + 1
    for job in range(jobs):
        started = time.monotonic()
        rows = run_on_board(job, layout, options) if options.loihi2 else run_on_cpu(job, layout, options.time_limit)
        for (of, start, stop), columns in zip(
            layout[f"{place}.parts"].tolist(), layout[f"{place}.columns"], strict=True
        ):
            if of == job:
                for name, values in trace.items():
                    values[start:stop] = rows[name][: stop - start, columns]
        print(f"job {job + 1} of {jobs}: {time.monotonic() - started:.1f} s", flush=True)
    facts = {
        "starts": layout["starts"],
        "view": np.array("sim"),
        "program": layout["program"],
        "backend": np.array("loihi2 (exported)" if options.loihi2 else "lava (exported)"),
    }
    part = options.output.with_name(f".{options.output.name}.part")
    with part.open("wb") as file:
        np.savez(file, **trace, **facts)
    os.replace(part, options.output)  # so that it is whole or not there
    print(f"{np.count_nonzero(trace['spikes'])} spikes of {neurons} neurons in {steps} steps; wrote {options.output}")


def run_on_cpu(job: int, layout: Arrays, limit: float) -> Arrays:
    """Spikes and registers `[t, neuron]` of a job's network."""
    result, _ = run_job(HERE / "cpu" / str(job), {}, limit)
    neurons = layout[f"cpu.kept.{job}"]
    # Neurons that are copied, so that no pair of them has two synapses, are there once in a trace.
    return {name: values[:, neurons] for name, values in gathered(result, layout[f"cpu.group.{job}"]).items()}


def run_on_board(job: int, layout: Arrays, options: argparse.Namespace) -> Arrays:
    """Spikes as if the board had begun with the input and reported at once.

    A late input makes no difference to a network at rest. One that a bias or a clock moves is run again, cleared in
    the step in which its input begins.
    """
    board = {name: getattr(options, name) for name in ("board", "partition", "host", "generation")}
    moves = bool(layout[f"board.moves_by_itself.{job}"])
    group, relayed = layout[f"board.group.{job}"], layout[f"board.relayed.{job}"]
    late = 0
    for _ in range(2):
        expected = late
        result, steps = run_job(HERE / "board" / str(job), board, options.time_limit, expected if moves else 0)
        late, shift_out = shifts(result[f"spikes{group.max() + 1}"], relayed)
        if late == expected or not moves:
            rows = gathered(result, group)
            start = late + shift_out
            if moves and rows["spikes"][:start].any():
                sys.exit(f"the network spikes by itself in the {late} steps before its input reaches the board")
            return {"spikes": rows["spikes"][start : start + steps]}
    sys.exit(f"the input was late by {expected} steps in one run and by {late} in the next: run again")


def shifts(probe: Any, relayed: Any) -> tuple[int, int]:
    """How many steps input and output are late, from the spikes `[t, (relay, clock)]`."""
    relay, clock = probe.T
    shift_out, late = int(np.argmax(clock != 0)), int(np.argmax(relay != 0))
    in_time = 1 + shift_out <= late <= 1 + MAX_SHIFT
    clean = (clock[shift_out:] == 1).all() and np.array_equal(relay[late:], relayed[: len(relayed) - late])
    if not (in_time and clean):
        sys.exit("the neurons that measure the board's delay came back garbled: run again, or on another board")
    return late - 1 - shift_out, shift_out


def gathered(result: Arrays, group: Any) -> Arrays:
    """The columns of all processes in the order of the neurons; `group` `[neuron]` is the process of each."""
    names = {name.rstrip("0123456789") for name in result}
    rows = {}
    for name in names:
        steps = len(result["spikes0"])
        rows[name] = np.zeros((steps, len(group)), np.int32)
        for process in range(int(group.max()) + 1):
            if f"{name}{process}" in result:
                rows[name][:, group == process] = result[f"{name}{process}"]
    return rows


def run_job(folder: Path, board: dict[str, Any], limit: float, late: int = 0) -> tuple[Arrays, int]:
    """What `graph.py` leaves of a job, and the job's steps; on any failure this process ends, and says why."""
    work = sockets = Path(tempfile.mkdtemp(prefix="lava-"))
    try:
        if len(str(work)) >= 64:  # the paths of sockets, which are made two folders deeper, end at 104 bytes
            sockets = Path(tempfile.mkdtemp(prefix="lava-", dir="/tmp"))
        shutil.copytree(folder, work, dirs_exist_ok=True)
        job = json.loads((work / "job.json").read_text(encoding="utf-8"))
        job.update(board)
        if late:
            job["reset_interval"] = job["reset_interval"] or 1 << job["steps"].bit_length()
            job["reset_offset"] = 1 + late
        (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(sockets)}
        child = subprocess.Popen(
            [sys.executable, str(HERE / "graph.py"), str(work), str(sockets)],
            cwd=work,
            env=environment,
            start_new_session=True,
        )
        try:
            status = child.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            sys.exit(f"Lava was ended after {limit:g} s: see --time-limit")
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGTERM)
        if status:
            sys.exit(f"Lava ended with status {status}")
        with np.load(work / "result.npz", allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}, int(job["steps"])
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)


if __name__ == "__main__":
    main()
