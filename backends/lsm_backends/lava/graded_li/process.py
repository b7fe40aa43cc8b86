"""GradedLI for Lava: a leaky integrator with an activation, which sends its value; process and fixed-point model.

Stands alone, like `graph.py`, and is written from the equations at the head of `lsm_deploy/core/neurons/graded.py`. It
has not been compared with silicon: whether a neuron program of Loihi 2 can hold a table is unknown.

    u = clip(RN(a, shift_in) + bias);   v = clip(v + RN(alpha * (activation(u) - leak * v), 12))   where clock = phase
    s = clip(RN(output(v), message_shift)) there, else 0;   clock = (clock + 1) modulo period

`a` is what Lava's ports add in int32, and so is taken modulo 2**32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

_HELD = (1 << 23) - 1
_TABLE_FRACTION, _SEGMENT, _LAST = 22, 5, 256


class GradedLI(AbstractProcess):  # type: ignore[misc]
    """registers: `[neuron]` by name; table: of tanh at 0, 1/32 .. 8, times 2**22; reset_interval: 0 for never."""

    def __init__(self, *, registers: dict[str, Any], table: Any, reset_interval: int) -> None:
        shape = registers["alpha"].shape
        super().__init__(shape=shape, registers=registers, table=table, reset_interval=reset_interval)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.u = Var(shape=shape, init=0)
        self.v = Var(shape=shape, init=registers["v_initial"])
        self.clock = Var(shape=shape, init=0)


@implements(proc=GradedLI, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGradedLI(PyLoihiProcessModel):  # type: ignore[misc]
    """All in int64, which holds every product; registers are cleared in steps 1, 1 + N, 1 + 2N, ... of Lava's."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=16)
    u: Any = LavaPyType(np.ndarray, np.int32, precision=24)
    v: Any = LavaPyType(np.ndarray, np.int32, precision=24)
    clock: Any = LavaPyType(np.ndarray, np.int32)

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)
        self.registers = {name: values.astype(np.int64) for name, values in proc_params["registers"].items()}
        self.table = proc_params["table"].astype(np.int64)
        self.reset_interval = proc_params["reset_interval"]

    def run_spk(self) -> None:
        r = self.registers
        a = self.a_in.recv().astype(np.int32).astype(np.int64)
        if self.reset_interval and (self.time_step - 1) % self.reset_interval == 0:
            self.v[:] = r["v_initial"]
            self.clock[:] = 0
        u = np.clip(_nearest(a, r["shift_in"]) + r["bias"], -_HELD, _HELD)
        old = self.v.astype(np.int64)
        moved = old + _nearest(r["alpha"] * (self._of(r["activation"], u) - r["leak"] * old), np.int64(12))
        due = self.clock == r["phase"]
        v = np.where(due, np.clip(moved, -_HELD, _HELD), old)
        largest = (1 << (r["message_bits"] - 1)) - 1
        message = np.clip(_nearest(self._of(r["output"], v), r["message_shift"]), -largest, largest)
        self.u[:], self.v[:] = u, v
        self.clock[:] = (self.clock + 1) % r["period"]
        self.s_out.send(np.where(due, message, 0).astype(np.int32))

    def _of(self, number: Any, z: Any) -> Any:
        """identity, clip, relu, tanh, quadratic or sigmoid of `z`, by number."""
        r, fraction = self.registers, self.registers["fraction_bits"]
        near = np.clip(z, -2 << fraction, 2 << fraction)
        return np.choose(
            number,
            [
                z,
                np.minimum(np.maximum(z, r["lo"]), r["hi"]),
                np.maximum(z, 0),
                self._tanh(z),
                near - _nearest(near * np.abs(near), fraction + 2),
                _nearest((1 << fraction) + self._tanh(_nearest(z, np.int64(1))), np.int64(1)),
            ],
        )

    def _tanh(self, z: Any) -> Any:
        fraction = self.registers["fraction_bits"]
        size = np.minimum(np.abs(z), 8 << fraction)
        segment, rest = size >> fraction - _SEGMENT, size & (1 << fraction - _SEGMENT) - 1
        low, high = self.table[segment], self.table[np.minimum(segment + 1, _LAST)]
        between = low + _nearest((high - low) * rest, fraction - _SEGMENT)
        return np.sign(z) * _nearest(between, _TABLE_FRACTION - fraction)


def _nearest(x: Any, bits: Any) -> Any:
    """x / 2**bits to the nearest, halves away from zero; x << -bits where `bits` is negative."""
    half = np.where(bits > 0, 1 << np.maximum(bits - 1, 0), 0)
    return np.sign(x) * ((np.abs(x) + half >> np.maximum(bits, 0)) << np.maximum(-bits, 0))
