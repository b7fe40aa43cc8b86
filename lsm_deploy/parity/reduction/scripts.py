"""Stand-alone scripts of a small case: one that needs numpy only, and one that asks Lava."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from pprint import pformat
from string import Template
from typing import Any

import numpy as np

from lsm_deploy.core.ir import INPUT, Program, Stimulus, Trace
from lsm_deploy.parity.compare import Divergence
from lsm_deploy.parity.reduction.definition import definition_of

__all__ = ["lava_script", "numpy_script"]

_SHOWN = 8
"""Neurons that a script prints; the culprit is one of them."""

_IN_SOURCE = re.compile(r'["\\{}\n\r]')
"""What may not stand in a docstring, a comment and an f-string as it is: a file's name may hold it."""

_NUMPY = Template('''\
"""$title

Stand-alone: needs numpy, nothing else. `python replay.py` runs the case as it is defined, asserts the expected
values, and prints the registers of the neurons that matter beside what $other has.
"""

from collections import defaultdict

import numpy as np

# --- the case ------------------------------------------------------------

STEPS = $steps
STARTS = $starts  # of samples, which are runs of their own where INTERVAL is 0
INTERVAL = $interval  # steps between clearings of all registers; 0: none
CHANNELS = $channels
INPUT_SPIKES = $inputs  # (step, channel)
POPULATIONS = $populations  # name, kind, registers
# from the input?, source, target, weight << weight_exp, delay; neurons are numbered through all populations
SYNAPSES = $synapses
EXPECTED_SPIKES = $spikes  # (step, neuron, spike)
SHOWN = $shown  # neurons
# registers, and spikes as s, by neuron: one number a step; as expected, and what $other has
EXPECTED = $expected
OTHER = $others

# --- the definition ------------------------------------------------------


$definition

def run_from_zero(stimulus):
    """One run; yields the sums, the state by name and the spikes of all neurons, step by step."""
    sizes = [len(next(iter(registers.values()))) for _, _, registers in POPULATIONS]
    ends = np.cumsum(sizes)
    registers = [{k: np.array(v, np.int64) for k, v in values.items()} for _, _, values in POPULATIONS]
    states = [KINDS[kind][0](values) for (_, kind, _), values in zip(POPULATIONS, registers)]
    arriving = defaultdict(lambda: np.zeros(ends[-1], np.int64))
    for t in range(len(stimulus)):
        a = arriving.pop(t, np.zeros(ends[-1], np.int64))
        spikes = np.zeros(ends[-1], np.int64)
        shown = {}
        for i, (_, kind, _) in enumerate(POPULATIONS):
            here = slice(ends[i] - sizes[i], ends[i])
            if INTERVAL and t % INTERVAL == 0:
                states[i] = KINDS[kind][0](registers[i])
            step = KINDS[kind][1](registers[i], states[i], a[here])
            states[i] = step.state
            spikes[here] = step.spikes
            for name, values in step.state.items():
                shown.setdefault(name, np.zeros(ends[-1], np.int64))[here] = values
        for from_input, source, target, weight, delay in SYNAPSES:
            fired = stimulus[t, source] if from_input else spikes[source]
            if fired:
                arriving[t + 1 + delay][target] += weight * fired
        yield a, shown, spikes


def main():
    stimulus = np.zeros((STEPS, CHANNELS), np.int64)
    for t, channel in INPUT_SPIKES:
        stimulus[t, channel] = 1
    starts = [0] if INTERVAL else STARTS
    steps = []
    for start, stop in zip(starts, [*starts[1:], STEPS]):
        steps += run_from_zero(stimulus[start:stop])

    for neuron in SHOWN:
        theirs = OTHER[neuron]
        names = [name for name in steps[0][1] if name in theirs]
        print(f"neuron {neuron}: as defined | $other")
        columns = [f"{name:>11}" for name in (*names, "s")]
        expected = EXPECTED[neuron]
        print(f"{'step':>6} {'a':>9}", *columns, "  |", *columns)
        for t, (a, state, spikes) in enumerate(steps):
            ours = [int(state[name][neuron]) for name in names] + [int(spikes[neuron])]
            has = [theirs[name][t] for name in (*names, "s")]
            assert ours == [expected[name][t] for name in (*names, "s")], f"step {t}: {ours} is not as expected"
            mark = "" if ours == has else "  <- differs"
            print(f"{t:>6} {a[neuron]:>9}", *(f"{x:>11}" for x in ours), "  |", *(f"{x:>11}" for x in has), mark)

    found = [(t, int(n), int(s[n])) for t, (_, _, s) in enumerate(steps) for n in np.flatnonzero(s)]
    assert found == EXPECTED_SPIKES, f"spikes are {found}, not {EXPECTED_SPIKES}"
    print("spikes and registers are those expected of the definition")


if __name__ == "__main__":
    main()
''')


def numpy_script(
    program: Program, stimulus: Stimulus, ours: Trace, theirs: Trace, d: Divergence, title: str, other: str
) -> str:
    """A script that runs the case by the definition, `ours`, and shows it beside `theirs`."""
    other = _IN_SOURCE.sub("_", other)
    network = program.network
    shown = _shown(ours, theirs, d)
    registers = [name for name in program.network.state_names if name in theirs.registers]
    synapses = []
    for p in network.projections:
        pre = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
        source = pre + (0 if p.source == INPUT else network.offsets[p.source])
        weights = p.weights.astype(np.int64) << p.weight_exp
        target = p.post + network.offsets[p.target]
        columns = (source.tolist(), target.tolist(), weights.tolist(), p.delays.tolist())
        synapses += [(p.source == INPUT, *synapse) for synapse in zip(*columns, strict=True)]

    def rows(trace: Trace) -> dict[int, dict[str, list[int]]]:
        values = {name: trace.registers[name] for name in registers} | {"s": trace.spikes}
        return {n: {name: array[:, n].tolist() for name, array in values.items()} for n in shown}

    return _NUMPY.substitute(
        title=_IN_SOURCE.sub("_", title),
        other=other,
        steps=len(stimulus.spikes),
        starts=stimulus.starts.tolist(),
        interval=network.sample_interval,
        channels=network.channels,
        inputs=_literal(np.argwhere(stimulus.spikes).tolist()),
        populations=_literal(
            [(p.name, p.kind, {k: v.tolist() for k, v in p.registers.items()}) for p in network.populations]
        ),
        synapses=_literal(synapses),
        spikes=_literal([(int(t), int(n), int(ours.spikes[t, n])) for t, n in np.argwhere(ours.spikes)]),
        shown=shown,
        expected=_literal(rows(ours)),
        others=_literal(rows(theirs)),
        definition=definition_of(dict.fromkeys(p.kind for p in network.populations)),
    )


_LAVA = Template('''\
"""$title

Stand-alone: needs lava-nc 0.10.0 (Python 3.10, with its numpy and scipy), nothing else. `python lava_replay.py` prints
spikes and registers of Lava's fixed-point CPU models beside those expected, and whether they agree (exit status 0).
"""

import signal
import sys

import numpy as np
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


def lava_script(program: Program, stimulus: Stimulus, ours: Trace, title: str) -> str | None:
    """A script that runs the case on Lava's own LIF; None where that takes more than stock processes, or many runs."""
    network = program.network
    if {p.kind for p in network.populations} != {"LIF"} or len(stimulus.starts) > 1:
        return None
    job: Any = importlib.import_module("lsm_backends.lava.job")
    pairs: Any = importlib.import_module("lsm_backends.lava.pairs")
    copied = pairs.apart(network)
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
        title=_IN_SOURCE.sub("_", title),
        steps=len(stimulus.spikes),
        channels=copied.network.channels,
        inputs=_literal(np.argwhere(stimulus.spikes[:, copied.channels]).tolist()),
        interval=network.sample_interval,
        neurons=_literal(copied.neurons.tolist()),
        registers=_literal({name: values.tolist() for name, values in neurons.registers.items()}),
        connections=_literal(connections),
        expected=_literal(
            {"s": ours.spikes.tolist(), "u": ours.registers["u"].tolist(), "v": ours.registers["v"].tolist()}
        ),
    )


def _shown(ours: Trace, theirs: Trace, d: Divergence) -> list[int]:
    differ = (ours.spikes != theirs.spikes).any(axis=0)
    for name, values in theirs.registers.items():
        differ |= (values != ours.registers[name]).any(axis=0)
    others = [int(n) for n in np.flatnonzero(differ) if n != d.neuron]
    return [d.neuron, *others][:_SHOWN]


def _literal(value: Sequence[Any] | Mapping[Any, Any]) -> str:
    """Python source of plain lists, tuples, dicts and numbers, in lines of no more than the width."""
    return pformat(value, width=110, compact=True, sort_dicts=False)
