"""nengo-loihi's emulator of Loihi 1, given blocks of integers: what its own builder would make of a nengo model.

`EmulatorInterface.step` is what is timed, and taking down who spiked. It knows no delays.
"""

from __future__ import annotations

from typing import Any

import nengo_loihi
import numpy as np
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder import Model
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput
from protocol import Case, Simulation, serve


class NengoLoihi(Simulation):
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.version = nengo_loihi.__version__
        assert not any(part[6].any() for part in case.projections()), "nengo-loihi's emulator knows no delays"
        n, arrays = case.neurons, case.arrays
        block = LoihiBlock(n)
        compartment = block.compartment
        for name, values in (
            ("decay_u", arrays["du"]),
            ("decay_v", arrays["dv"]),
            ("vth", arrays["vth"] << 6),
            ("bias", case.bias),
        ):
            setattr(compartment, name, values.astype(np.int32))
        compartment.scale_u = compartment.scale_v = False
        compartment.vmin, compartment.vmax = -(2**23) + 1, 2**23 - 1
        self.input = SpikeInput(case.channels)
        for name, _, exponent, pre, post, weights, _delays in case.projections():
            sources = case.channels if name == "input" else n
            ends = np.searchsorted(pre, np.arange(1, sources))
            synapse = Synapse(sources)
            values = (weights.astype(np.int64) << (exponent + 6)).astype(np.int32)
            synapse._set_weights_indices(np.split(values, ends), np.split(post, ends), weight_dtype=np.int32)
            block.add_synapse(synapse)
            axon = Axon(sources)
            axon.target = synapse
            used = np.where(np.isin(np.arange(sources), pre), np.arange(sources), -1)
            axon.set_compartment_axon_map(used)
            (self.input if name == "input" else block).add_axon(axon)
        model = Model(dt=0.001)
        model.add_block(block)
        model.add_input(self.input)
        self.emulator = EmulatorInterface(model, seed=0)
        self.arriving = [np.flatnonzero(row) for row in case.stimulus]
        self.found: list[Any] = []

    def run(self, steps: int) -> None:
        emulator, period = self.emulator, len(self.arriving)
        for _ in range(steps):
            t = emulator.t  # it counts steps from 1
            self.input.add_spikes(t + 1, self.arriving[t % period])
            emulator.step()
            self.found.append(np.flatnonzero(emulator.compartment.spiked))

    def spikes(self) -> tuple[Any, Any]:
        counts = [len(who) for who in self.found]
        return np.repeat(np.arange(len(counts)), counts), np.concatenate(self.found)


if __name__ == "__main__":
    serve(NengoLoihi)
