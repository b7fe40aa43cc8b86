"""LIFSubtract for Lava: its LIF, whose spike takes the threshold from the voltage, not all of it; a fixed-point model.

Stands alone, like `graph.py`. The arithmetic is Lava's own; the reset is ours, and has not been compared with silicon.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed
from lava.proc.lif.process import LIF


class LIFSubtract(LIF):  # type: ignore[misc]
    """reset_delay: `[neuron]`, 1 where the threshold is taken in the step after a spike; reset_interval: 0 for never.

    Registers are cleared in steps 1, 1 + N, 1 + 2N, ... of Lava's.
    """


@implements(proc=LIFSubtract, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyLifSubtract(AbstractPyLifModelFixed):  # type: ignore[misc]
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: Any = LavaPyType(int, np.int32, precision=17)

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)
        self.effective_vth: Any = 0
        self.effective_bias: Any = 0
        self.late = proc_params["reset_delay"] == 1
        self.reset_interval = proc_params["reset_interval"]

    def scale_threshold(self) -> None:
        self.effective_vth = np.left_shift(self.vth, self.vth_shift)
        self.isthrscaled = True

    def spiking_activation(self) -> Any:
        return self.v > self.effective_vth

    def subthr_dynamics(self, activation_in: Any) -> None:
        """Lava's; of a spike in the step before, which its voltage still shows, the threshold goes with the bias."""
        self.effective_bias = self.effective_bias - self.effective_vth * (self.late & (self.v > self.effective_vth))
        super().subthr_dynamics(activation_in)

    def reset_voltage(self, spike_vector: Any) -> None:
        self.v[:] -= self.effective_vth * (spike_vector & ~self.late)

    def run_spk(self) -> None:
        if self.reset_interval and (self.time_step - 1) % self.reset_interval == 0:
            self.u[:] = 0
            self.v[:] = 0
        super().run_spk()
