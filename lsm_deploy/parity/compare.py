"""Two traces of one program: equal, or where they first part and how often they differ.

Spike-for-spike equality is the promise, register-for-register equality the test: spikes alone miss most arithmetic
mistakes for a long time. Voltages are compared in one view; a `sim` trace can be turned into what a chip would show,
not the other way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.ir import Program, Trace, View, standings
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.shown import Reported

__all__ = ["Divergence", "Verdict", "compare", "in_view"]


@dataclass(frozen=True)
class Divergence:
    """The first value that differs: by step, then register in the order of computation, then neuron."""

    t: int
    sample: int
    t_in_sample: int
    neuron: int
    population: str
    index: int
    """Within its population."""
    register: str
    first: int
    second: int


@dataclass(frozen=True, repr=False)
class Verdict(Reported):
    """What a comparison found. `compared` and `differing` count values by register, `s` being the spikes."""

    _short = ("equal", "names", "steps", "neurons", "samples", "compared", "differing", "divergence")

    names: tuple[str, str]
    view: View
    steps: int
    neurons: int
    samples: int
    spikes: tuple[int, int]
    compared: Mapping[str, int]
    differing: Mapping[str, int]
    divergence: Divergence | None
    standings: Mapping[str, str]
    """By neuron kind, why equality says nothing of silicon; kinds that a recording covers are left out."""

    @property
    def equal(self) -> bool:
        """Whether no value differs."""
        return self.divergence is None


def compare(
    program: Program,
    first: Trace,
    second: Trace,
    registers: Sequence[str] = (),
    *,
    names: tuple[str, str] = ("first", "second"),
    view: View | None = None,
) -> Verdict:
    """Compare spikes, and the named registers, in the given view (by default the chip's, if either trace has it).

    Raises LsmError where the traces are not comparable: other lengths, neurons, samples, or registers not recorded.
    """
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    for trace in (first, second):
        require_type(trace, Trace, "trace", "read one with `load_trace`, or run the program")
    view = view or ("chip" if "chip" in (first.view, second.view) else "sim")
    _check_comparable(program, first, second, registers, names)
    first, second = in_view(program, first, view), in_view(program, second, view)

    pairs: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        name: (first.registers[name], second.registers[name]) for name in registers
    }
    pairs["s"] = (first.spikes, second.spikes)
    differs = {name: a != b for name, (a, b) in pairs.items()}
    return Verdict(
        names=names,
        view=view,
        steps=len(first.spikes),
        neurons=first.spikes.shape[1],
        samples=len(first.starts),
        spikes=(int(np.count_nonzero(first.spikes)), int(np.count_nonzero(second.spikes))),
        compared={name: a.size for name, (a, _) in pairs.items()},
        differing={name: int(np.count_nonzero(where)) for name, where in differs.items()},
        divergence=_first_divergence(program, first, pairs, differs),
        standings=standings(program.network),
    )


def in_view(program: Program, trace: Trace, view: View) -> Trace:
    """The trace as a simulator (`sim`) or silicon (`chip`) shows it."""
    if trace.view == view or not trace.registers:
        return replace(trace, view=view)
    if view == "sim":
        raise LsmError(
            "a trace in the chip's view cannot be turned into a simulator's", hint="compare in the chip's view"
        )
    registers = {name: values.copy() for name, values in trace.registers.items()}
    for p in program.network.populations:
        here = program.network.columns(p.name)
        for name, values in registers.items():
            values[:, here] = KINDS[p.kind].chip_view(name, values[:, here], trace.spikes[:, here])
    return replace(trace, registers=registers, view=view)


def _check_comparable(
    program: Program, first: Trace, second: Trace, registers: Sequence[str], names: tuple[str, str]
) -> None:
    for trace, name in zip((first, second), names, strict=True):
        if trace.spikes.shape[1] != program.network.neurons:
            raise LsmError(
                f"it has {trace.spikes.shape[1]} neurons, the program has {program.network.neurons}",
                where=f"trace of {name}",
                hint="compare traces of this program",
            )
        for register in registers:
            if register not in trace.registers:
                held = ", ".join(["spikes", *trace.registers])
                raise LsmError(
                    f"{register!r} was not recorded, only {held}",
                    where=f"trace of {name}",
                    hint=f"record {','.join(registers)} as it runs (--record), or compare without registers",
                )
    if len(first.spikes) != len(second.spikes):
        raise LsmError(
            f"{names[0]} ran {len(first.spikes)} steps, {names[1]} {len(second.spikes)}",
            hint="run both on the same stimulus",
        )
    if not np.array_equal(first.starts, second.starts):
        t = next(t for t in range(len(first.spikes)) if (t in first.starts) != (t in second.starts))
        which = names if t in first.starts else names[::-1]
        raise LsmError(
            f"{which[0]} has a sample that starts at step {t}, {which[1]} has none",
            hint="run both on the same stimulus, cut into the same samples",
        )


def _first_divergence(
    program: Program,
    trace: Trace,
    pairs: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
    differs: Mapping[str, NDArray[np.bool_]],
) -> Divergence | None:
    order = [*program.network.state_names, "s"]
    firsts = []
    for name, where in differs.items():
        if where.any():
            t = int(np.argmax(where.any(axis=1)))
            firsts.append((t, order.index(name), int(np.argmax(where[t])), name))
    if not firsts:
        return None
    t, _, neuron, name = min(firsts)
    sample = int(np.searchsorted(trace.starts, t, "right")) - 1
    population, index = program.network.locate(neuron)
    a, b = pairs[name]
    return Divergence(
        t=t,
        sample=sample,
        t_in_sample=t - int(trace.starts[sample]),
        neuron=neuron,
        population=population,
        index=index,
        register=name,
        first=int(a[t, neuron]),
        second=int(b[t, neuron]),
    )
