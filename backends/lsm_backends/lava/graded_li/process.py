"""GradedLI and GatedLI for Lava: integrators with an activation, which send their value; fixed-point models.

Stands alone, like `graph.py`, and is written from the equations at the heads of `graded.py` and `gated.py` in
`lsm_deploy/core/neurons`. Neither has been compared with silicon: whether a neuron program of Loihi 2 can hold a table
is unknown.

    u = clip(RN(a, shift_in) + bias);   w = clip(RN(b, shift_in_gate) + bias_gate);   where clock = phase
    graded      v = clip(v + RN(alpha * (activation(u) - leak * v), 12))
    gated       v = clip(base * v + RN(gamma * (activation(u) - base * v), 15)), gamma = gate(w) of 15 fraction bits
    fused       v = clip(y - RN(gamma * y, 15)), y = base * v + activation(u)
    s = clip(RN(output(v), message_shift)) there, else 0;   clock = (clock + 1) modulo period

`a` and `b` are what Lava's ports add in int32, and so are taken modulo 2**32.
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
_TABLE_FRACTION, _SEGMENT, _LAST, _GATE_BITS = 22, 5, 256, 15


class GradedLI(AbstractProcess):  # type: ignore[misc]
    """registers: `[neuron]` by name; tables: of tanh and z / (1 + z) at 0, 1/32 .. 8, times 2**22; reset_interval: 0
    for never."""

    def __init__(self, *, registers: dict[str, Any], tables: Any, reset_interval: int) -> None:
        shape = registers["bias"].shape
        super().__init__(shape=shape, registers=registers, tables=tables, reset_interval=reset_interval)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.u = Var(shape=shape, init=0)
        self.v = Var(shape=shape, init=registers["v_initial"])
        self.clock = Var(shape=shape, init=0)


class GatedLI(AbstractProcess):  # type: ignore[misc]
    """As GradedLI; its second port opens the gate."""

    def __init__(self, *, registers: dict[str, Any], tables: Any, reset_interval: int) -> None:
        shape = registers["bias"].shape
        super().__init__(shape=shape, registers=registers, tables=tables, reset_interval=reset_interval)
        self.a_in = InPort(shape=shape)
        self.b_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.u = Var(shape=shape, init=0)
        self.w = Var(shape=shape, init=0)
        self.v = Var(shape=shape, init=registers["v_initial"])
        self.clock = Var(shape=shape, init=0)


class _Sending(PyLoihiProcessModel):  # type: ignore[misc]
    """What both have, in int64, which holds every product; registers are cleared in steps 1, 1 + N, ... of Lava's."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=16)
    u: Any = LavaPyType(np.ndarray, np.int32, precision=24)
    v: Any = LavaPyType(np.ndarray, np.int32, precision=24)
    clock: Any = LavaPyType(np.ndarray, np.int32)

    def __init__(self, proc_params: dict[str, Any]) -> None:
        super().__init__(proc_params)
        self.registers = {name: values.astype(np.int64) for name, values in proc_params["registers"].items()}
        self.tables = proc_params["tables"].astype(np.int64)
        self.reset_interval = proc_params["reset_interval"]

    def run_spk(self) -> None:
        r = self.registers
        if self.reset_interval and (self.time_step - 1) % self.reset_interval == 0:
            self.v[:] = r["v_initial"]
            self.clock[:] = 0
        u = _arrived(self.a_in, r["shift_in"], r["bias"])
        old = self.v.astype(np.int64)
        due = self.clock == r["phase"]
        v = np.where(due, np.clip(self.moved(old, self._of(r["activation"], u)), -_HELD, _HELD), old)
        largest = (1 << (r["message_bits"] - 1)) - 1
        message = np.clip(_nearest(self._of(r["output"], v), r["message_shift"]), -largest, largest)
        self.u[:], self.v[:] = u, v
        self.clock[:] = (self.clock + 1) % r["period"]
        self.s_out.send(np.where(due, message, 0).astype(np.int32))

    def _of(self, number: Any, z: Any) -> Any:
        """identity, clip, relu, tanh, quadratic, sigmoid or ratio of `z`, by number."""
        r, fraction = self.registers, self.registers["fraction_bits"]
        near = np.clip(z, -2 << fraction, 2 << fraction)
        return np.choose(
            number,
            [
                z,
                np.minimum(np.maximum(z, r["lo"]), r["hi"]),
                np.maximum(z, 0),
                self._looked_up(0, z),
                near - _nearest(near * np.abs(near), fraction + 2),
                _nearest((1 << fraction) + self._looked_up(0, _nearest(z, np.int64(1))), np.int64(1)),
                self._looked_up(1, np.maximum(z, 0)),
            ],
        )

    def _looked_up(self, which: int, z: Any) -> Any:
        """Odd, as tanh is."""
        table, fraction = self.tables[which], self.registers["fraction_bits"]
        size = np.minimum(np.abs(z), 8 << fraction)
        segment, rest = size >> fraction - _SEGMENT, size & (1 << fraction - _SEGMENT) - 1
        low, high = table[segment], table[np.minimum(segment + 1, _LAST)]
        between = low + _nearest((high - low) * rest, fraction - _SEGMENT)
        return np.sign(z) * _nearest(between, _TABLE_FRACTION - fraction)


@implements(proc=GradedLI, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGradedLI(_Sending):
    def moved(self, old: Any, x: Any) -> Any:
        """What `old` becomes, driven to `x`."""
        r = self.registers
        return old + _nearest(r["alpha"] * (x - r["leak"] * old), np.int64(12))


@implements(proc=GatedLI, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGatedLI(_Sending):
    b_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    w: Any = LavaPyType(np.ndarray, np.int32, precision=24)

    def moved(self, old: Any, x: Any) -> Any:
        """What `old` becomes, driven to `x`."""
        r, fraction = self.registers, self.registers["fraction_bits"]
        w = _arrived(self.b_in, r["shift_in_gate"], r["bias_gate"])
        self.w[:] = w
        gamma = _nearest(np.clip(self._of(r["gate"], w), 0, 1 << fraction), fraction - _GATE_BITS)
        base, bits = r["base"] * old, np.int64(_GATE_BITS)
        mixed = base + _nearest(gamma * (x - base), bits)
        return np.where(r["fused"] == 1, base + x - _nearest(gamma * (base + x), bits), mixed)


def _arrived(port: Any, shift: Any, bias: Any) -> Any:
    """A sum in the units of `u`, held within 24 bits."""
    return np.clip(_nearest(port.recv().astype(np.int32).astype(np.int64), shift) + bias, -_HELD, _HELD)


def _nearest(x: Any, bits: Any) -> Any:
    """x / 2**bits to the nearest, halves away from zero; x << -bits where `bits` is negative."""
    half = np.where(bits > 0, 1 << np.maximum(bits - 1, 0), 0)
    return np.sign(x) * ((np.abs(x) + half >> np.maximum(bits, 0)) << np.maximum(-bits, 0))
