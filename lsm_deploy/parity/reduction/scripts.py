"""A stand-alone script of a small case, which needs numpy only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pprint import pformat
from string import Template
from typing import Any

import numpy as np

from lsm_deploy.core.ir import INPUT, Program, Stimulus, Trace
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.parity.compare import Divergence
from lsm_deploy.parity.reduction.definition import definition_of

__all__ = ["in_source", "numpy_script"]

_SHOWN = 8
"""Neurons that a script prints; the culprit is one of them."""


def in_source(text: str) -> str:
    """The text as it may stand in a docstring, a comment and an f-string: a file's name may hold anything."""
    return re.sub(r'["\\{}\n\r]', "_", text)


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
INPUT_SPIKES = $inputs  # (step, channel, spike)
POPULATIONS = $populations  # name, kind, registers
GATES = $gates  # by number of a population that has gates, the first sum onto them; other sums are numbered as neurons
# from the input?, source, sum, weight << weight_exp, delay; neurons are numbered through all populations
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
    sums = ends[-1] + sum(sizes[i] for i in GATES)
    arriving = defaultdict(lambda: np.zeros(sums, np.int64))
    for t in range(len(stimulus)):
        a = arriving.pop(t, np.zeros(sums, np.int64))
        spikes = np.zeros(ends[-1], np.int64)
        shown = {}
        for i, (_, kind, _) in enumerate(POPULATIONS):
            here = slice(ends[i] - sizes[i], ends[i])
            if INTERVAL and t % INTERVAL == 0:
                states[i] = KINDS[kind][0](registers[i])
            given = np.stack([a[here], a[GATES[i] : GATES[i] + sizes[i]]]) if i in GATES else a[here]
            step = KINDS[kind][1](registers[i], states[i], given)
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
    for t, channel, spike in INPUT_SPIKES:
        stimulus[t, channel] = spike
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
    other = in_source(other)
    network = program.network
    shown = _shown(ours, theirs, d)
    registers = [name for name in program.network.state_names if name in theirs.registers]
    synapses = []
    for p in network.projections:
        source = p.pre + (0 if p.source == INPUT else network.offsets[p.source])
        weights = p.weights.astype(np.int64) << p.weight_exp
        target = p.post + network.ports[p.target, p.port].start
        columns = (source.tolist(), target.tolist(), weights.tolist(), p.delays.tolist())
        synapses += [(p.source == INPUT, *synapse) for synapse in zip(*columns, strict=True)]

    def rows(trace: Trace) -> dict[int, dict[str, list[int]]]:
        values = {name: trace.registers[name] for name in registers} | {"s": trace.spikes}
        return {n: {name: array[:, n].tolist() for name, array in values.items()} for n in shown}

    return _NUMPY.substitute(
        title=in_source(title),
        other=other,
        steps=len(stimulus.spikes),
        starts=stimulus.starts.tolist(),
        interval=network.sample_interval,
        channels=network.channels,
        inputs=_literal(_entries(stimulus.spikes)),
        populations=_literal(
            [(p.name, p.kind, {k: v.tolist() for k, v in p.registers.items()}) for p in network.populations]
        ),
        gates={i: network.ports[p.name, 1].start for i, p in enumerate(network.populations) if KINDS[p.kind].PORTS > 1},
        synapses=_literal(synapses),
        spikes=_literal(_entries(ours.spikes)),
        shown=shown,
        expected=_literal(rows(ours)),
        others=_literal(rows(theirs)),
        definition=definition_of(network.kinds),
    )


def _entries(spikes: Messages) -> list[tuple[int, int, int]]:
    return [(int(t), int(column), int(spikes[t, column])) for t, column in np.argwhere(spikes)]


def _shown(ours: Trace, theirs: Trace, d: Divergence) -> list[int]:
    differ = (ours.spikes != theirs.spikes).any(axis=0)
    for name, values in theirs.registers.items():
        differ |= (values != ours.registers[name]).any(axis=0)
    others = [int(n) for n in np.flatnonzero(differ) if n != d.neuron]
    return [d.neuron, *others][:_SHOWN]


def _literal(value: Sequence[Any] | Mapping[Any, Any]) -> str:
    """Python source of plain lists, tuples, dicts and numbers, in lines of no more than the width."""
    return pformat(value, width=110, compact=True, sort_dicts=False)
