"""`lsm_backends.fast`: a session that goes on; or, for a batch, whole runs over that many samples on all cores.

Spikes are written step by step into a buffer of whole steps, as a run of the backend writes its trace. `--threads N`
limits the threads that a large network is cut into.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from lsm_backends import fast
from ours import program_of
from protocol import Case, Simulation, arguments, serve

from lsm_deploy import __name__ as package
from lsm_deploy.core.ir import Stimulus

AT_ONCE = 1 << 24
"""Neuron steps that the buffer holds; as the engine does."""


class Fast(Simulation):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        from importlib.metadata import version

        self.version = version(package.replace("_", "-"))
        options = {"threads": int(arguments()[0])} if arguments() else {}
        self.program = program_of(case)
        self.session = fast.start(self.program, **options)
        self.stimulus, self.period = case.stimulus, case.period
        self.buffer = np.zeros((max(1, min(case.period, AT_ONCE // case.neurons)), case.neurons), np.int8)
        self.found: list[Any] = []
        self.keep = True
        self.batch = case.settings["batch"]

    def run(self, steps: int) -> None:
        t, last = self.session.t, self.session.t + steps
        while t < last:
            row = t % self.period
            count = min(last - t, self.period - row, len(self.buffer))
            spikes, _ = self.session.run(self.stimulus[row : row + count], self.buffer[:count])
            if self.keep:
                when, who = np.nonzero(spikes)
                self.found.append((t + when, who))
            t += count

    def spikes(self) -> tuple[Any, Any]:
        self.keep = False  # only a check asks
        when, who = zip(*self.found, strict=True)
        return np.concatenate(when), np.concatenate(who)

    def time(self, seconds: float, most_steps: int) -> tuple[float, int]:
        if not self.batch:
            return super().time(seconds, 1 << 62)
        # Samples of 200 and of 1000 steps: the difference is what steps of a settled network take.
        short, long = self.period // 5, self.period
        taken, times = {short: 0.0, long: 0.0}, 0
        while taken[long] < seconds:
            for length in taken:
                rows = np.concatenate([np.roll(self.stimulus, 7 * i, axis=0)[:length] for i in range(self.batch)])
                stimulus = Stimulus(rows, np.arange(self.batch) * length)
                started = time.perf_counter()
                fast.run(self.program, stimulus)
                taken[length] += time.perf_counter() - started
            times += 1
        return (taken[long] - taken[short]) / ((long - short) * self.batch * times), long


if __name__ == "__main__":
    serve(Fast)
