"""Brian 2, on the target that is named: the same integers in doubles, with nothing that this network does not need.

Less than the backend `brian` does: no wraps, no clipping, no counts, no further kinds. None occurs on these networks
(the check would see one), and so Brian is as fast as it can be here. `int` truncates toward zero, as the chip does.

    numpy, cython     the difference of a long and a short `run`
    cpp_standalone    the binary is built once; each call runs it anew, and the time is that of its second `run`, after
                      the network has settled, as the binary itself measures it: neither compiling nor loading count
"""

from __future__ import annotations

import logging
from typing import Any

import brian2 as b2
import numpy as np
from protocol import Case, Simulation, arguments, serve

STEP = """
    u = int(u * keep_u) + 64 * a
    v = int(v * keep_v) + u + bias
    a = 0
"""
STANDALONE_STEPS = 2e9
"""Neuron steps and synaptic events, roughly, of the binary's timed run: a second or so."""


class Brian(Simulation):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.version, self.target, self.case = b2.__version__, arguments()[0], case
        logging.getLogger("brian2").setLevel(logging.ERROR)
        self.standalone = self.target == "cpp_standalone"
        if self.standalone:
            b2.set_device("cpp_standalone", directory=str(case.folder / "cpp"), build_on_run=False, with_output=False)
        else:
            b2.prefs.codegen.target = "numpy"  # for wiring; see below
        b2.defaultclock.dt = 1 * b2.ms
        arrays, n = case.arrays, case.neurons
        group = b2.NeuronGroup(
            n,
            "u : 1\nv : 1\na : 1\nkeep_u : 1 (constant)\nkeep_v : 1 (constant)\nbias : 1 (constant)\n"
            "theta : 1 (constant)",
            threshold="v > theta",
            reset="v = 0",
            namespace={},
        )
        group.keep_u = (4096 - (arrays["du"] + 1)) / 4096.0
        group.keep_v = (4096 - arrays["dv"]) / 4096.0
        group.bias = case.bias.astype(float)
        group.theta = (arrays["vth"] << 6).astype(float)
        group.run_regularly(STEP, when="groups")
        t, channel = np.nonzero(case.stimulus)
        source = b2.SpikeGeneratorGroup(
            case.channels, channel, t * b2.ms, period=case.period * b2.ms, sorted=True, when="thresholds"
        )
        sources = {"input": source, "n": group}
        synapses = [self._synapses(name, sources[name], group) for name in sources]
        self.monitor = b2.SpikeMonitor(group)
        self.net = b2.Network(group, source, self.monitor, *synapses)
        self.net.schedule = ["start", "groups", "thresholds", "synapses", "resets", "end"]
        b2.prefs.codegen.target = "cython" if self.target == "cython" else "numpy"
        if self.standalone:
            events = case.settings["events"]
            self.timed = int(np.clip(STANDALONE_STEPS / (10 * n + 5 * events), 50, 100_000))
            for steps in (case.settled, self.timed):
                self.net.run(steps * b2.ms)
            b2.device.build(directory=str(case.folder / "cpp"), run=False, with_output=False)

    def _synapses(self, name: str, source: Any, group: Any) -> Any:
        """One object for both signs: an object costs more a step than its synapses do."""
        parts = [part for part in self.case.projections() if part[0] == name]
        pre, post, weights, delays = (np.concatenate([part[i] for part in parts]) for i in range(3, 7))
        exponents = np.repeat([part[2] for part in parts], [len(part[3]) for part in parts])
        synapses = b2.Synapses(source, group, "w : 1 (constant)", on_pre="a_post += w", namespace={})
        synapses.connect(i=pre, j=post)
        synapses.w = (weights.astype(np.int64) << exponents).astype(float)
        if delays.any():
            synapses.pre.delay = delays * b2.ms
        return synapses

    def run(self, steps: int) -> None:
        if self.standalone:
            b2.device.run(directory=str(self.case.folder / "cpp"), with_output=False, run_args=[])
        else:
            self.net.run(steps * b2.ms, namespace={})

    def spikes(self) -> tuple[Any, Any]:
        when, who = np.rint(self.monitor.t_[:] / 1e-3).astype(np.int64), self.monitor.i[:]
        return when[when < self.case.settled], who[when < self.case.settled]

    def time(self, seconds: float, most_steps: int) -> tuple[float, int]:
        if not self.standalone:
            return super().time(seconds, most_steps)
        self.run(0)
        return b2.device._last_run_time / self.timed, self.timed


if __name__ == "__main__":
    serve(Brian)
