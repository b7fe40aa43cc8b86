"""A small case as one script for Lava, which needs nothing of this project: `python lava_replay.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pprint import pformat
from string import Template
from typing import Any

import numpy as np

from lsm_backends.lava import job
from lsm_backends.lava.pairs import apart
from lsm_deploy.core.ir import Program, Stimulus, Trace

__all__ = ["script"]

_LAVA = Template('''\
"""$title

Stand-alone: needs lava-nc 0.10.0 (with its numpy and scipy), nothing else. `python lava_replay.py` prints
spikes and registers of Lava's fixed-point CPU models beside those expected, and whether they agree (exit status 0).
"""

import dataclasses
import signal
import sys

import numpy as np

made = dataclasses.dataclass


def with_hash(cls=None, **how):  # Python 3.11 and newer ask for one that a dataclass of Lava's lacks
    return made(cls, **how, unsafe_hash=getattr(cls, "__name__", "") == "ByteEncoder")


dataclasses.dataclass = with_hash
import lava.magma.compiler.var_model  # noqa: E402, F401

dataclasses.dataclass = made
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import Read
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF, LIFReset
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils.weightutils import SignMode
from scipy.sparse import csr_matrix

STEPS = $steps
CHANNELS = $channels
INPUT_SPIKES = $inputs  # (step, channel), steps from 0
RESET_INTERVAL = $interval  # 0: never
REGISTERS = $registers
NEURONS = $neurons  # those of the case; any others are copies of them, so that no pair has two synapses
# one connection process each: from the input or from the neurons; a row is post, pre, weight, delay
CONNECTIONS = $connections
# by step, then neuron
EXPECTED = $expected


def main():
    shape = (len(REGISTERS["vth"]),)
    registers = {name: np.array(values, np.int32) for name, values in REGISTERS.items()}
    if RESET_INTERVAL:
        lif = LIFReset(shape=shape, **registers, reset_interval=RESET_INTERVAL, reset_offset=1)
    else:
        lif = LIF(shape=shape, **registers)

    spikes = np.zeros((CHANNELS, STEPS), np.int32)
    for t, channel in INPUT_SPIKES:
        spikes[channel, t] = 1
    source = Source(data=spikes) if CHANNELS else None
    for c in CONNECTIONS:
        post, pre, weights, delays = np.array(c["synapses"]).T
        sources = CHANNELS if c["from_input"] else shape[0]
        options = {
            "weights": csr_matrix((weights.astype(np.int32), (post, pre)), shape=(shape[0], sources)),
            "num_weight_bits": c["num_weight_bits"],
            "weight_exp": c["weight_exp"],
            "sign_mode": SignMode[c["sign_mode"].upper()],
            "num_message_bits": 0,
        }
        if delays.any():
            delays = csr_matrix((delays, (post, pre)), shape=(shape[0], sources))
            connection = DelaySparse(delays=delays, **options)
        else:
            connection = Sparse(**options)
        (source if c["from_input"] else lif).s_out.connect(connection.s_in)
        connection.a_out.connect(lif.a_in)

    sinks = {"s": Sink(shape=shape, buffer=STEPS)}
    lif.s_out.connect(sinks["s"].a_in)
    for name in ("u", "v"):
        sinks[name] = Read(buffer=STEPS)
        sinks[name].connect_var(getattr(lif, name))

    lif.run(condition=RunSteps(num_steps=STEPS), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    found = {name: sink.data.get().reshape(shape[0], STEPS).T.astype(int)[:, NEURONS] for name, sink in sinks.items()}
    lif.stop()

    agree = True
    for neuron in range(len(NEURONS)):
        print(f"neuron {neuron}: Lava | expected")
        print(f"{'step':>6}", *(f"{name:>10}" for name in "uvs"), "  |", *(f"{name:>10}" for name in "uvs"))
        for t in range(STEPS):
            has = [found[name][t, neuron] for name in "uvs"]
            expected = [EXPECTED[name][t][neuron] for name in "uvs"]
            agree &= has == expected
            mark = "" if has == expected else "  <- differs"
            print(f"{t:>6}", *(f"{x:>10}" for x in has), "  |", *(f"{x:>10}" for x in expected), mark)
    print("Lava agrees with the expected values" if agree else "Lava DIFFERS from the expected values")
    return 0 if agree else 1


if __name__ == "__main__":
    signal.alarm(300)  # Lava waits forever when a process model raises
    sys.exit(main())
''')


def script(program: Program, stimulus: Stimulus, expected: Trace, title: str) -> str | None:
    """A script that runs the case on Lava's own LIF; None where that takes more than stock processes, or many runs.

    expected: with registers u and v. title: of one line, which stands in the script's docstring.
    """
    network = program.network
    if {p.kind for p in network.populations} != {"LIF"} or network.input.graded or len(stimulus.starts) > 1:
        return None
    copied = apart(network)
    (neurons,), group = job.neurons_of(copied.network, ())
    connections = [
        {
            "from_input": c.source is None,
            "sign_mode": c.sign_mode,
            "num_weight_bits": c.num_weight_bits,
            "weight_exp": c.weight_exp,
            "synapses": np.stack([c.post, c.pre, c.weights, c.delays], axis=1).tolist(),
        }
        for c in job.connections(copied.network, group)
    ]
    return _LAVA.substitute(
        title=title,
        steps=len(stimulus.spikes),
        channels=copied.network.channels,
        inputs=_literal(np.argwhere(stimulus.spikes[:, copied.channels]).tolist()),
        interval=network.sample_interval,
        neurons=_literal(copied.neurons.tolist()),
        registers=_literal({name: values.tolist() for name, values in neurons.registers.items()}),
        connections=_literal(connections),
        expected=_literal(
            {
                "s": expected.spikes.tolist(),
                "u": expected.registers["u"].tolist(),
                "v": expected.registers["v"].tolist(),
            }
        ),
    )


def _literal(value: Sequence[Any] | Mapping[Any, Any]) -> str:
    """Python source of plain lists, tuples, dicts and numbers, in lines of no more than the width."""
    return pformat(value, width=110, compact=True, sort_dicts=False)
