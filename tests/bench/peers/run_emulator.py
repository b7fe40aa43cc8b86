"""`lsm_backends.emulator`: it always starts from rest, so a step is the difference of a long and a settled run."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from lsm_backends import emulator
from ours import program_of
from protocol import Case, Simulation, serve

from lsm_deploy.core.ir import Stimulus


class Emulator(Simulation):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        from importlib.metadata import version

        self.version = version("lsm-deploy")
        self.program, self.case, self.more = program_of(case), case, 0

    def run(self, steps: int) -> None:
        rows = np.resize(self.case.stimulus, (steps, self.case.channels))
        self.trace = emulator.run(self.program, Stimulus(rows, np.array([0])))

    def spikes(self) -> tuple[Any, Any]:
        when, who = np.nonzero(self.trace.spikes)
        return when, who

    def time(self, seconds: float, most_steps: int) -> tuple[float, int]:
        settled = self.case.settled
        more = self.more or max(20, settled)  # or the noise of the settled run, which is taken away, would count
        while True:
            taken = []
            for steps in (settled, settled + more):
                started = time.perf_counter()
                self.run(steps)
                taken.append(time.perf_counter() - started)
            difference = taken[1] - taken[0]
            if self.more or difference > seconds / 2 or more >= most_steps:
                self.more = more
                return difference / more, more
            more = min(most_steps, int(more * min(10.0, 1.2 * seconds / max(difference, 1e-6))))


if __name__ == "__main__":
    serve(Emulator)
