"""A program's neurons and synapses as tables in flash, the state that they need, and which parts of the code.

Registers that all neurons of a kind share become macros, so that a compiler folds them; others are tables of the
narrowest type. A synapse is two bytes, its weight and how far its target is from the one before, and a third where a
projection's delays differ. A gap of more than 255 is bridged by synapses of no weight, and those of none are left out.
What synapses sum up to is added in 16 bits where no messages can make it more, else modulo 2**32, as in Lava.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import activations, fixed
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QProjection
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.exchange.c_files.tables import Field, Table, literal

__all__ = ["RULES", "Part", "liquid_of", "synapses_of_sources"]

RULES: Mapping[str, tuple[str, ...]] = {
    "LIF": ("LIF.c",),
    "TernaryLIF": ("TernaryLIF.c",),
    "LIFRefractory": ("LIFRefractory.c",),
    "LIFSubtract": ("LIFSubtract.c",),
    "ATRLIF": ("ATRLIF.c",),
    "GradedLI": ("activations.c", "GradedLI.c"),
    "GatedLI": ("activations.c", "GatedLI.c"),
}
"""The files of each kind that there is C for."""
_MADE_ANEW = {"GradedLI": ("u",), "GatedLI": ("u", "w")}
"""What a step makes anew from what arrives: no state, though a trace has it."""
_NARROW = {"refractory": "uint8_t", "clock": "uint16_t"}
_FUNCTIONS = ("activation", "output", "gate")
_MIDDLE = 128
"""Of a byte, which is a mixed weight of 0."""
_LARGEST_GAP = np.iinfo(np.uint8).max


@dataclass(frozen=True, eq=False)
class Part:
    """Something of a program in C: files of code in their order, macros, tables, further lines after them, the state.

    after: files of code that call what a step is."""

    code: tuple[str, ...] = ()
    macros: Mapping[str, str] | None = None
    tables: tuple[Table, ...] = ()
    lines: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    structs: int = 0
    """Bytes of constants in `lines`."""
    after: tuple[str, ...] = ()


def liquid_of(program: Program) -> Part:
    """The program's neurons and synapses; its kinds all have a rule."""
    network = program.network
    parts = [_neurons(network, kind) for kind in network.kinds]
    synapses = _synapses(network)
    lower = [kind.lower() for kind in network.kinds]
    macros = {
        "LSM_STEP(s)": "do { " + " ".join(f"{name}_step(s);" for name in lower) + " } while (0)",
        "LSM_CLEAR(s)": "do { " + " ".join(f"{name}_clear(s);" for name in lower) + " } while (0)",
    }
    functions = _functions(network)
    curves = {
        "LSM_TANH": (activations.TABLE, {activations.TANH, activations.SIGMOID}, "lsm_tanh"),
        "LSM_RATIO": (activations.RATIOS, {activations.RATIO}, "lsm_ratio"),
    }
    tables: list[Table] = []
    for macro, (values, numbers, name) in curves.items():
        macros[macro] = str(int(bool(functions & numbers)))
        if functions & numbers:
            tables.append(Table(name, values, "uint32_t"))
    for part in (*parts, synapses):
        macros |= part.macros or {}
        tables += part.tables
    return Part(
        code=tuple(dict.fromkeys(file for kind in network.kinds for file in RULES[kind])),
        macros=macros,
        tables=tuple(tables),
        lines=tuple(line for part in (*parts, synapses) for line in part.lines),
        fields=tuple(field for part in (synapses, *parts) for field in part.fields),
        structs=sum(part.structs for part in (*parts, synapses)),
    )


def _functions(network: QNetwork) -> set[int]:
    """The activations, by number, that any neuron has."""
    return {
        number
        for p in network.populations
        for name in _FUNCTIONS
        for number in np.unique(p.registers.get(name, np.zeros(0, np.int64))).tolist()
    }


# --- neurons ---------------------------------------------------------------------------------------------------------


def _neurons(network: QNetwork, kind: str) -> Part:
    upper, lower, registers = kind.upper(), kind.lower(), dict(network.registers(kind))
    if "bias_mant" in registers:
        registers["bias"] = registers.pop("bias_mant") << registers.pop("bias_exp")
    neurons = len(next(iter(registers.values())))
    turns = "period" in registers and bool((registers["period"] > 1).any())
    macros, tables = {f"{upper}_NEURONS": f"{neurons}u"}, []
    if "period" in registers:
        macros[f"{upper}_TURNS"] = str(int(turns))
    for name, values in registers.items():
        if name in ("period", "phase") and not turns:
            continue
        if (values == values[0]).all():
            macros[f"{upper}_{name.upper()}(k)"] = f"({literal(int(values[0]))})"
        else:
            macros[f"{upper}_{name.upper()}(k)"] = f"{lower}_{name}[k]"
            tables.append(Table(f"{lower}_{name}", values))
    ranges = _ranges(network, kind)
    macros[f"{upper}_RANGES"] = f"{len(ranges)}u"
    rows = ", ".join(f"{{{first}u, {last}u, {gate}u}}" for first, last, gate in ranges)
    anew = (*_MADE_ANEW.get(kind, ()), *(() if turns else ("clock",)))
    return Part(
        macros=macros,
        tables=tuple(tables),
        lines=(f"static const lsm_range {lower}_ranges[{len(ranges)}] = {{{rows}}};\n",),
        structs=12 * len(ranges),
        fields=tuple(
            Field(_NARROW.get(name, "int32_t"), f"{lower}_{name}", f"[{neurons}]", neurons)
            for name in KINDS[kind].STATE
            if name not in anew
        ),
    )


def _ranges(network: QNetwork, kind: str) -> list[tuple[int, int, int]]:
    """First and last + 1 of neurons of a kind that follow each other, and the column of their second sums."""
    ranges: list[tuple[int, int, int]] = []
    for p in network.populations:
        if p.kind != kind:
            continue
        columns = network.columns(p.name)
        gate = network.ports.get((p.name, 1), slice(0, 0)).start
        if ranges and ranges[-1][1] == columns.start:
            ranges[-1] = (ranges[-1][0], columns.stop, ranges[-1][2])
        else:
            ranges.append((columns.start, columns.stop, gate))
    return ranges


# --- synapses --------------------------------------------------------------------------------------------------------


def _synapses(network: QNetwork) -> Part:
    entering = [p for p in network.projections if p.source == INPUT]
    ordered = [*entering, *(p for p in network.projections if p.source != INPUT)]
    made = [each for p in ordered if (each := _synapses_of(network, p)) is not None]
    rows = 1 + max((each.longest for each in made), default=0)
    wide = bool(largest_sums(network).max(initial=0) > fixed.SUM_LIMIT)
    begins = [begin for each in made if (begin := each.begin) is not None]
    most = max((int(begin[-1]) for begin in begins), default=0)
    index = "uint16_t" if most <= np.iinfo(np.uint16).max else "uint32_t"
    tables, lines = [], []
    for number, each in enumerate(made):
        names = {}
        for name, values, ctype in (
            ("begin", each.begin, index),
            ("gap", each.gap, "uint8_t"),
            ("weight", each.weight, "uint8_t"),
            ("delay", each.delay, "uint8_t"),
        ):
            names[name] = "NULL" if values is None else f"lsm_{name}_{number}"
            if values is not None:
                tables.append(Table(names[name], values, ctype))
        source = 0 if each.of.source == INPUT else network.offsets[each.of.source]
        lines.append(
            f"    {{{names['begin']}, {names['gap']}, {names['weight']}, {names['delay']}, {source}u,"
            f" {len(each.of.indptr) - 1}u, {network.ports[each.of.target, each.of.port].start}u, {each.each}u,"
            f" {each.scale}, {each.middle}, {each.same_delay}}},\n"
        )
    macros = {
        "LSM_ROWS": f"{rows}u",
        "LSM_SUMS_WRAP": str(int(wide)),
        "LSM_SYNAPSE": index,
        "LSM_PROJECTIONS": f"{len(made)}u",
        "LSM_INPUT_PROJECTIONS": f"{sum(each.of.source == INPUT for each in made)}u",
    }
    if made:
        lines = [f"static const lsm_projection lsm_projections[{len(made)}] = {{\n", *lines, "};\n"]
    return Part(
        macros=macros,
        tables=tuple(tables),
        lines=tuple(lines),
        structs=36 * len(made),  # with pointers of 32 bits
        fields=(
            Field("uint32_t" if wide else "int16_t", "sums", "[LSM_ROWS][LSM_SUMS]", rows * network.sums,
                  "what is due in steps to come"),
        ),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Synapses:
    of: QProjection
    begin: Ints | None
    gap: Ints | None
    weight: Ints
    delay: Ints | None
    each: int
    scale: int
    middle: int
    same_delay: int

    @property
    def longest(self) -> int:
        return self.same_delay if self.delay is None else int(self.delay.max())


def _synapses_of(network: QNetwork, p: QProjection) -> _Synapses | None:
    """The synapses of a projection that weigh anything; None where there are none."""
    pre, post = p.pre, p.post.astype(np.int64)
    weights, delays = p.weights.astype(np.int64), p.delays.astype(np.int64)
    sources, size = len(p.indptr) - 1, network.sizes[p.target]
    dense = len(post) == sources * size and np.array_equal(post, np.tile(np.arange(size), sources))
    if not dense:
        (pre, post, weights, delays) = (each[p.weights != 0] for each in (pre, post, weights, delays))
    if not weights.any():
        return None
    order = np.lexsort((delays, post, pre))
    pre, post, weights, delays = (each[order] for each in (pre, post, weights, delays))
    mixed = p.sign_mode == "mixed"
    sign, middle = (2, _MIDDLE) if mixed else (-1 if weights.min() < 0 else 1, 0)
    stored = weights // sign + middle
    first = np.concatenate([[True], pre[1:] != pre[:-1]])
    gap = post - np.where(first, -1, np.concatenate([[-1], post[:-1]]))
    bridges = np.maximum(gap - 1, 0) // _LARGEST_GAP  # of synapses without weight, each 255 on
    place = np.arange(len(gap)) + np.cumsum(bridges)
    many = len(gap) + int(bridges.sum())
    gaps, bytes_of, delay = np.full(many, _LARGEST_GAP), np.full(many, middle), np.full(many, delays[0])
    gaps[place], bytes_of[place], delay[place] = gap - _LARGEST_GAP * bridges, stored, delays
    begin = np.concatenate([[0], np.cumsum(np.bincount(pre, weights=1 + bridges, minlength=sources))]).astype(np.int64)
    return _Synapses(
        of=p,
        begin=None if dense else begin,
        gap=None if dense else gaps,
        weight=bytes_of,
        delay=delay if (delays != delays[0]).any() else None,
        each=size if dense else 0,
        scale=sign << p.weight_exp if sign > 0 else -(1 << p.weight_exp),
        middle=middle,
        same_delay=int(delays[0]),
    )


def largest_sums(network: QNetwork) -> NDArray[Any]:
    """The largest magnitude that each synaptic sum can come to in a step `[column]`, with whatever is in flight."""
    largest = np.zeros(network.sums, np.int64)
    sent = {p.name: KINDS[p.kind].largest_messages(p.registers) for p in network.populations}
    sent[INPUT] = np.full(network.channels, network.input.largest)
    for p in network.projections:
        added = (np.abs(p.weights.astype(np.int64)) << p.weight_exp) * sent[p.source][p.pre]
        np.add.at(largest, network.ports[p.target, p.port].start + p.post.astype(np.int64), added)
    return largest


def synapses_of_sources(network: QNetwork) -> tuple[Ints, Ints]:
    """Synapses that weigh anything of each neuron `[neuron]`, and of each channel `[channel]`."""
    neurons, channels = np.zeros(network.neurons, np.int64), np.zeros(network.channels, np.int64)
    for p in network.projections:
        many = np.bincount(p.pre[p.weights != 0], minlength=len(p.indptr) - 1)
        if p.source == INPUT:
            channels += many
        else:
            neurons[network.columns(p.source)] += many
    return neurons, channels
