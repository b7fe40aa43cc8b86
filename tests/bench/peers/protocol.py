"""What every simulator's process does: build a case, run it, say who spiked, say how long it took.

Runs under whatever Python a simulator needs, so it imports numpy only. The process is given a folder, the number of a
pipe, the time at which it was started (seconds since 1970), and what its peer's `arguments` say; it answers commands, a
line of JSON each on its standard input, with a line of JSON in the pipe.

    case.npz    du, dv, vth, bias_mant, bias_exp [neuron]; stimulus [step, channel], which repeats; for projection i
                source<i> ("input" or "n"), sign_mode<i>, weight_exp<i>, indptr<i> [source + 1], post<i>, weights<i>,
                delays<i> [synapse]
    case.json   settled: the steps that `check` runs; batch; most_steps: those that a process may be asked for in all

    (built)                     {"version", "started", "built"}: the simulator's version; seconds until it was imported,
                                and seconds that building the network took, compiling included
    {"do": "check"}             {"seconds"}: runs from rest; leaves spikes.npz: t, neuron of each spike, sorted
    {"do": "time", "seconds"}   {"per_step", "steps"}: time of a step, from runs that take about that many seconds
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SHORTEST = 10
"""Steps."""
ROUNDS = 16
"""Measurements that must fit into the steps that there are."""


class Case:
    """What the folder holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with np.load(folder / "case.npz", allow_pickle=False) as stored:
            self.arrays = {name: stored[name] for name in stored.files}
        self.settings: dict[str, Any] = json.loads((folder / "case.json").read_text())
        self.stimulus = self.arrays["stimulus"]
        self.period, self.channels = self.stimulus.shape
        self.neurons = len(self.arrays["vth"])
        self.bias = self.arrays["bias_mant"] << self.arrays["bias_exp"]
        self.settled: int = self.settings["settled"]
        self.most_steps: int = self.settings["most_steps"]

    def projections(self) -> Any:
        """Of each: source, sign mode, exponent; pre, post, weights, delays of its synapses."""
        i = 0
        while f"post{i}" in self.arrays:
            indptr = self.arrays[f"indptr{i}"]
            pre = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
            yield (
                *(self.arrays[f"{name}{i}"].item() for name in ("source", "sign_mode", "weight_exp")),
                pre,
                *(self.arrays[f"{name}{i}"] for name in ("post", "weights", "delays")),
            )
            i += 1

    def scalar(self, name: str) -> int:
        """A register that all neurons share, for simulators that know no other."""
        values = self.arrays[name]
        assert (values == values[0]).all(), name + " is not the same everywhere"
        return int(values[0])

    def input_events(self, steps: int) -> tuple[Any, Any]:
        """Step and channel of each input spike of the first so many steps, in order of time."""
        return np.nonzero(np.resize(self.stimulus, (steps, self.channels)))


class Simulation:
    """One simulator with the network of a case in it; `run` goes on where it stopped."""

    version = ""

    def __init__(self, case: Case) -> None:
        self.done = 0
        self.long = 0

    def run(self, steps: int) -> None:
        raise NotImplementedError

    def spikes(self) -> tuple[Any, Any]:
        """Step and neuron of each spike so far."""
        raise NotImplementedError

    def time(self, seconds: float, most_steps: int) -> tuple[float, int]:
        """Seconds a step, and the steps of the longer run: the difference of a long and a short run.

        So whatever a call to `run` costs beside its steps is not counted. The first call finds out how many steps take
        that long; it is for warming up, too.
        """
        self.long = self.long or self._steps_in(seconds, most_steps)
        short = self.long // 10
        if self.done + self.long + short > most_steps:
            raise RuntimeError("there are no steps left to run")
        taken = [self._timed(steps) for steps in (short, self.long)]
        return (taken[1] - taken[0]) / (self.long - short), self.long

    def _steps_in(self, seconds: float, most_steps: int) -> int:
        fewest, most = SHORTEST, (most_steps - self.done) // ROUNDS
        taken = self._timed(fewest)
        long = 10 * fewest
        while True:
            more = self._timed(min(long, most)) - taken
            if more > seconds / 2 or long >= most:
                return min(long, most)
            long = int(long * min(10.0, 1.2 * seconds / max(more, 1e-6)))

    def _timed(self, steps: int) -> float:
        started = time.perf_counter()
        self.run(steps)
        self.done += steps
        return time.perf_counter() - started

    def check(self, steps: int) -> float:
        """Run from rest."""
        return self._timed(steps)


def arguments() -> list[str]:
    """What the peer's own arguments say."""
    return sys.argv[4:]


def serve(make: Callable[[Case], Simulation]) -> None:
    """Answer commands until there are no more."""
    answers = os.fdopen(int(sys.argv[2]), "w")
    started = time.time() - float(sys.argv[3])

    def answer(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    case = Case(Path(sys.argv[1]))
    before = time.perf_counter()
    simulation = make(case)
    answer(version=simulation.version, started=started, built=time.perf_counter() - before)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "check":
            seconds = simulation.check(case.settled)
            t, neuron = (np.asarray(values, np.int64) for values in simulation.spikes())
            order = np.lexsort((neuron, t))
            np.savez(case.folder / "spikes.npz", t=t[order], neuron=neuron[order])
            answer(seconds=seconds)
        else:
            per_step, steps = simulation.time(command["seconds"], case.most_steps)
            answer(per_step=per_step, steps=steps)
    os.killpg(os.getpid(), signal.SIGKILL)  # nobody asks any more; some simulators' own workers would never end
