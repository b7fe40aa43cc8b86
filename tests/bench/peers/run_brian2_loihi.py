"""brian2_loihi: Loihi 1 in Brian 2, on the target that Brian chooses (Cython, where there is a compiler).

It has no bias: one that is added to the voltage before the threshold is looked at, by one line of Brian, is the same.
Its input arrives in the step in which it is sent, so input synapses have a delay of one step more.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

import brian2 as b2
import numpy as np
from brian2_loihi import (
    LoihiNetwork,
    LoihiNeuronGroup,
    LoihiSpikeGeneratorGroup,
    LoihiSpikeMonitor,
    LoihiSynapses,
    synapse_sign_mode,
)
from protocol import Case, Simulation, serve


class Brian2Loihi(Simulation):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        logging.getLogger("brian2").setLevel(logging.ERROR)
        self.version = version("brian2-loihi") + " on Brian 2 " + b2.__version__
        group = LoihiNeuronGroup(
            case.neurons,
            refractory=1,
            threshold_v_mant=case.scalar("vth"),
            decay_v=case.scalar("dv"),
            decay_I=case.scalar("du") + 1,
        )
        group.variables.add_array("bias", size=case.neurons, values=case.bias.astype(float), constant=True)
        group.run_regularly("v += bias", when="before_thresholds")
        t, channel = np.nonzero(case.stimulus)
        source = LoihiSpikeGeneratorGroup(case.channels, channel, t, period=case.period / 1000, sorted=True)
        synapses = []
        for name, sign, exponent, pre, post, weights, delays in case.projections():
            assert not delays.any(), "a LoihiSynapses has one delay, and one for each delay compiles for minutes"
            made = LoihiSynapses(
                source if name == "input" else group,
                group,
                delay=int(name == "input"),
                w_exp=int(exponent),
                sign_mode=getattr(synapse_sign_mode, sign.upper()),
            )
            made.connect(i=pre, j=post)
            made.w = weights.astype(np.int64)
            synapses.append(made)
        self.monitor = LoihiSpikeMonitor(group)
        self.net = LoihiNetwork(group, source, self.monitor, *synapses)

    def run(self, steps: int) -> None:
        self.net.run(steps)

    def spikes(self) -> tuple[Any, Any]:
        return np.rint(self.monitor.t_ * 1000).astype(np.int64), np.asarray(self.monitor.i)


if __name__ == "__main__":
    serve(Brian2Loihi)
