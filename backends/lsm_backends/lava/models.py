"""Process models that Lava lacks, on its own arithmetic: clearing at an interval, and refractory LIF in integers.

Imported by `graph.py` alone, and as stand-alone as that is. Each is a subclass of Lava's fixed-point model, so that no
decay, shift or wrap is written anew. None of them has been compared with silicon, and each is used only where Lava
has no model of its own:

    TernaryLIF     stock, but for the interval policy
    ATRLIF         stock, but for the interval policy and for steps of the threshold that differ from neuron to neuron
    LIFRefractory  always: Lava has it in floating point only

Lava runs what lies beside a module that defines a Process; here is none, so they may lie anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.atrlif.models import PyATRLIFModelFixed
from lava.proc.lif.models import AbstractPyLifModelFixed, PyTernLifModelFixed
from lava.proc.lif.process import LIFRefractory


class ClearedTernaryLif(PyTernLifModelFixed):  # type: ignore[misc]
    """Lava's model; the parameter `reset_interval` clears its registers in steps 1, 1 + N, 1 + 2N, ... (0: never)."""

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)
        self.reset_interval = proc_params["reset_interval"]

    def run_spk(self) -> None:
        if _is_due(self):
            self.u[:] = 0
            self.v[:] = 0
        super().run_spk()


class ClearedAtrlif(PyATRLIFModelFixed):  # type: ignore[misc]
    """Lava's model, cleared as above; `theta` goes back to `theta_0`, and `theta_step` may be an array."""

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)
        self.reset_interval = proc_params["reset_interval"]

    def run_spk(self) -> None:
        if _is_due(self) and self.isthrscaled:  # in the first step Lava sets it so itself
            self.i[:] = 0
            self.v[:] = 0
            self.r[:] = 0
            self.theta[:] = self.theta_0
        super().run_spk()

    def post_spike(self, spike_vector: Any) -> None:
        self.r[spike_vector] += 2 * self.theta[spike_vector]
        self.theta[spike_vector] += np.broadcast_to(self.theta_step, self.theta.shape)[spike_vector]


@implements(proc=LIFRefractory, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class FixedLifRefractory(AbstractPyLifModelFixed):  # type: ignore[misc]
    """The schedule of Lava's `PyLifRefractoryModelFloat` around the integers of LIF; cleared as above.

    A spike in step t leaves `v` at 0 in steps t + 1 .. t + R, and `refractory_period_end` at t + R.
    """

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: Any = LavaPyType(int, np.int32, precision=17)
    refractory_period_end: Any = LavaPyType(np.ndarray, np.int32)

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)
        self.effective_vth: Any = 0
        self.refractory_periods = proc_params["refractory_periods"]
        self.reset_interval = proc_params["reset_interval"]

    def scale_threshold(self) -> None:
        self.effective_vth = np.left_shift(self.vth, self.vth_shift)
        self.isthrscaled = True

    def spiking_activation(self) -> Any:
        return self.v > self.effective_vth

    def subthr_dynamics(self, activation_in: Any) -> None:
        frozen = self.refractory_period_end >= self.time_step
        before = self.v[frozen]
        super().subthr_dynamics(activation_in)
        self.v[frozen] = before

    def reset_voltage(self, spike_vector: Any) -> None:
        super().reset_voltage(spike_vector)
        self.refractory_period_end[spike_vector] = self.time_step + self.refractory_periods[spike_vector]

    def run_spk(self) -> None:
        if _is_due(self):
            self.u[:] = 0
            self.v[:] = 0
            self.refractory_period_end[:] = 0
        super().run_spk()


def _is_due(model: Any) -> bool:
    interval = model.reset_interval
    return bool(interval) and (model.time_step - 1) % interval == 0
