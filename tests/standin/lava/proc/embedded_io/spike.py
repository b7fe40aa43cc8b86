"""Stand-ins for lava-loihi's spike adapters: on the CPU, and late by as many steps as STANDIN_IN and STANDIN_OUT say.

STANDIN_GARBLE makes the output adapter lose spikes, or make some up: `lose`, `add`.
This shows that this project measures and undoes a shift. That Intel's adapters behave so is for a board to show.
"""

import os

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class PyToNxAdapter(AbstractProcess):
    """From the CPU to the chip."""

    def __init__(self, *, shape):
        super().__init__(shape=shape)
        self.inp = InPort(shape=shape)
        self.out = OutPort(shape=shape)


class NxToPyAdapter(AbstractProcess):
    """From the chip to the CPU."""

    def __init__(self, *, shape):
        super().__init__(shape=shape)
        self.inp = InPort(shape=shape)
        self.out = OutPort(shape=shape)


class Late(PyLoihiProcessModel):
    inp = None
    out = None
    variable = ""

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.waiting = [np.zeros(proc_params["shape"], np.int32)] * int(os.environ.get(self.variable, "0"))

    def run_spk(self):
        self.waiting = [*self.waiting, self.garbled(self.inp.recv())]
        self.out.send(self.waiting[0])
        self.waiting = self.waiting[1:]

    def garbled(self, spikes):
        return spikes


@implements(proc=PyToNxAdapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyToNxModel(Late):
    inp = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    variable = "STANDIN_IN"


@implements(proc=NxToPyAdapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class NxToPyModel(Late):
    inp = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    variable = "STANDIN_OUT"

    def garbled(self, spikes):
        spikes = spikes.copy()
        how = os.environ.get("STANDIN_GARBLE", "")
        if how == "lose" and self.time_step % 17 == 0:
            spikes[:] = 0
        if how == "add" and self.time_step in range(40, 44):
            spikes[:] = 1
        return spikes
