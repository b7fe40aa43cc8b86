"""NEST, one thread: `iaf_psc_exp` in steps of 1 ms, the float network that the integers stand for. Not exact.

Decays, thresholds and biases are the integers' own values in doubles, without truncation; the weight is such that a
spike moves the voltage by as much as the chip's does in the step that it is first felt, and that step comes one later:
NEST adds a spike to the synaptic current after it has moved the voltage. What is timed is `Run` after `Prepare`.
"""

from __future__ import annotations

from typing import Any

import nest
import numpy as np
from protocol import Case, Simulation, serve


class Nest(Simulation):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.version = nest.__version__
        nest.set_verbosity("M_ERROR")
        nest.ResetKernel()
        nest.SetKernelStatus({"resolution": 1.0, "local_num_threads": 1})
        leak_u = 1 - (case.scalar("du") + 1) / 4096
        leak_v = 1 - case.scalar("dv") / 4096
        tau_u, tau_v = -1 / np.log(leak_u), -1 / np.log(leak_v)
        # How far a current of 1 moves the voltage in a step, with a capacitance of 1.
        by_synapse = (leak_v - leak_u) / (1 / tau_u - 1 / tau_v)
        by_current = tau_v * (1 - leak_v)
        neurons = nest.Create(
            "iaf_psc_exp",
            case.neurons,
            {
                "C_m": 1.0,
                "tau_m": tau_v,
                "tau_syn_ex": tau_u,
                "tau_syn_in": tau_u,
                "t_ref": 0.0,
                "E_L": 0.0,
                "V_m": 0.0,
                "V_reset": 0.0,
                "V_th": float(case.scalar("vth") << 6),
            },
        )
        neurons.I_e = (case.bias / by_current).tolist()
        source = nest.Create("spike_generator", case.channels)
        t, channel = case.input_events(case.most_steps)
        order = np.lexsort((t, channel))
        times = np.split(t[order] + 1.0, np.searchsorted(channel[order], np.arange(1, case.channels)))
        source.set([{"spike_times": when} for when in times])
        first = {"input": source[0].global_id, "n": neurons[0].global_id}
        for name, _, exponent, pre, post, weights, delays in case.projections():
            nest.Connect(
                first[name] + pre,
                first["n"] + post.astype(np.int64),
                "one_to_one",
                {
                    "synapse_model": "static_synapse",
                    "weight": (weights.astype(np.int64) << exponent) * 64 / by_synapse,
                    "delay": delays + 1.0,
                },
            )
        self.recorder = nest.Create("spike_recorder")
        nest.Connect(neurons, self.recorder)
        self.first = first["n"]
        nest.Prepare()

    def run(self, steps: int) -> None:
        nest.Run(float(steps))

    def spikes(self) -> tuple[Any, Any]:
        events = self.recorder.events
        return np.rint(events["times"]).astype(np.int64) - 1, np.asarray(events["senders"]) - self.first


if __name__ == "__main__":
    serve(Nest)
