"""A whole network in the chip's own integers, in one `.npz`: they pass through unchanged, or it is said which cannot.

Of one population of LIF:

    weights [post, pre]           integers, which the chip shifts left by weight_exp
    input_weights [post, channel] likewise, by input_weight_exp
    du, dv, vth                   registers of LIF, a number or [neuron]
    bias_mant, bias_exp           likewise, 0 if left out
    delays, input_delays          steps, of the shapes of the weights; 0 if left out
    weight_exp, input_weight_exp  one number each, 0 if left out
    dt_ms                         1 if left out

Of several populations, of any kinds, where P and S stand for the names of two of them, or S for `input`:

    populations [population]      their names; the last one's spikes are the answer
    P.kind                        LIF if left out
    P.du, P.dv, ...               registers of the kind, a number or [neuron]: `lsm-deploy manual spec` lists them, and
                                  which may be left out
    S->P [post, pre]              weights from S to P; integers, which the chip shifts left by S->P.weight_exp
    S->P.delays, S->P.weight_exp  as above
    S->P.gate                     weights onto the gate of GatedLI, with S->P.gate.delays and S->P.gate.weight_exp
    S->P.sign_mode                excitatory, inhibitory, or mixed (even, -256 to 254); split by sign if left out
    S->P.num_weight_bits          8 if left out
    S->P.pre, S->P.post           [synapse]; S->P and its delays are then lists likewise: a pair may stand in them twice
    S->P:LABEL                    further weights from S to P, with all that belongs to them
    P.size, input.size            neurons, channels, where no matrix says how many
    sample_interval               registers are cleared every so many steps; 0 if left out: where samples begin
    input_message                 [bits, signed, fraction] of graded input; left out, inputs are 0 and 1
    dt_ms                         1 if left out

    np.savez("net.npz", **{"populations": ["exc", "out"], "exc.du": 400, ..., "input->exc": w_in, "exc->out": w})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed, memory
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.indices import mistake_in
from lsm_deploy.core.ir import INPUT, Network, QNetwork, QPopulation, QProjection, SignMode
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.core.neurons import KINDS, bounds, breaks_bound
from lsm_deploy.formats.edges import Edges, edges_in, exact_projections, steps_of
from lsm_deploy.store import read_arrays, refuse_other

__all__ = ["integers_in", "load_network"]

_KIND = "LIF"
_NEURONS = "liquid"
_LARGEST = (1 << 31) - 1
"""Neurons are numbered in 32 bits."""
_SIGNS: tuple[SignMode, ...] = ("excitatory", "inhibitory", "mixed")
_ARROW, _GATE = "->", ".gate"
_IN_FLOATS = "give floats to a spec, which quantises them: topology: {kind: explicit, file: ...}"
_REQUIRED = ("weights", "input_weights", "du", "dv", "vth")
_OPTIONAL = ("delays", "input_delays", "bias_mant", "bias_exp", "weight_exp", "input_weight_exp", "dt_ms")


class _Neurons(NamedTuple):
    """A population, and with what the names of its registers' arrays begin."""

    name: str
    kind: str
    size: int
    prefix: str


class _Synapses(NamedTuple):
    """Where synapses lead, and the names of the arrays that hold them."""

    source: str
    target: str
    weights: str
    delays: str
    weight_exp: str
    port: int = 0


def integers_in(file: Path) -> QNetwork:
    """An integer network; all mistakes are reported at once."""
    refuse_other(file, "an integer network", "network")
    arrays, where = read_arrays(file), str(file)
    neurons, synapses, channels = (_several if "populations" in arrays else _one)(arrays, where)
    sizes = {each.name: each.size for each in neurons}
    sizes[INPUT] = channels
    needed = 8.0 * sum(each.size * len(fields(KINDS[each.kind].Registers)) for each in neurons)
    needed += 8.0 * sum(sizes[each.source] for each in synapses)
    if too_many := memory.shortage(needed, "its neurons and channels take", where=where, hint="have fewer"):
        raise too_many
    errors: list[LsmError] = []
    populations: list[QPopulation] = []
    for each in neurons:
        try:
            registers = _registers(arrays, each, where)
            populations.append(QPopulation(each.name, each.kind, each.size, registers))
        except LsmError as error:
            errors += error.each()
    parts: list[QProjection] = []
    for joined in synapses:
        try:
            parts += _projections(arrays, joined, (sizes[joined.target], sizes[joined.source]), where)
        except LsmError as error:
            errors += error.each()
    dt_ms = arrays.get("dt_ms", np.array(1.0))
    if dt_ms.shape != () or dt_ms.dtype.kind not in "iuf" or not 1e-30 <= dt_ms <= 1e30:
        what = f"dt_ms is {dt_ms}, not a positive number, of 1e-30 to 1e30"
        errors.append(LsmError(what, where=where, hint="write milliseconds"))
    message, interval = BINARY, 0
    try:
        interval = _within("sample_interval", arrays, 0, 0, _LARGEST, where)
        message = _message(arrays, where)
    except LsmError as error:
        errors.append(error)
    raise_all(errors)
    return QNetwork(float(dt_ms), sizes[INPUT], interval, tuple(populations), tuple(parts), message)


def load_network(file: Path) -> Network:
    """The same as something to compile, of which no part is in floats."""
    made = integers_in(file)
    return Network(made.dt_ms, made.channels, made.sample_interval, made.populations, made.projections, made.input)


def _one(arrays: Mapping[str, Any], where: str) -> tuple[list[_Neurons], list[_Synapses], int]:
    """One population of LIF, its synapses, and the number of channels."""
    errors = _not_known(arrays.keys() - {*_REQUIRED, *_OPTIONAL}, [*_REQUIRED, *_OPTIONAL], where)
    for name in _REQUIRED:
        if name not in arrays:
            errors.append(LsmError(f"the array {name!r} is missing", where=where, hint=f"add {name!r}"))
    raise_all(errors)
    weights, inputs = arrays["weights"], arrays["input_weights"]
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not len(weights):
        what = f"weights has shape {list(weights.shape)}, not [neuron, neuron]"
        errors.append(LsmError(what, where=where, hint="make it square: rows are targets, columns sources"))
    elif inputs.ndim != 2 or len(inputs) != len(weights):
        what = f"input_weights has shape {list(inputs.shape)}, not [{len(weights)}, channel]"
        errors.append(LsmError(what, where=where, hint="give one row for each neuron"))
    raise_all(errors)
    synapses = [
        _Synapses(INPUT, _NEURONS, "input_weights", "input_delays", "input_weight_exp"),
        _Synapses(_NEURONS, _NEURONS, "weights", "delays", "weight_exp"),
    ]
    return [_Neurons(_NEURONS, _KIND, len(weights), "")], synapses, inputs.shape[1]


def _several(arrays: Mapping[str, Any], where: str) -> tuple[list[_Neurons], list[_Synapses], int]:
    """Populations by name, in their order; synapses in the order of their targets, then of their sources."""
    given = arrays["populations"]
    names: list[str] = given.tolist() if given.dtype.kind == "U" and given.ndim == 1 else []
    if not names or len({*names, INPUT, ""}) != len(names) + 2 or any(_ARROW in name for name in names):
        what = f"populations is {given.tolist()}, not a list of different names"
        hint = f"write text, and neither {INPUT!r} nor anything with {_ARROW!r}"
        raise LsmError(what, where=where, hint=hint)
    kinds = {name: arrays.get(f"{name}.kind", np.array(_KIND)) for name in names}
    bad = [name for name, kind in kinds.items() if kind.shape != () or str(kind) not in KINDS]
    hint = f"choose from {', '.join(KINDS)}"
    raise_all([LsmError(f"{name}.kind is {kinds[name]}", where=where, hint=hint) for name in bad])
    synapses = {each.weights: each for each in (_leading(name, names) for name in arrays) if each is not None}
    errors: list[LsmError] = []
    known = {"populations", "dt_ms", "input_message", "sample_interval", *(f"{name}.size" for name in (INPUT, *names))}
    for name, kind in kinds.items():
        declared = fields(KINDS[str(kind)].Registers)
        known |= {f"{name}.kind", *(f"{name}.{field.name}" for field in declared)}
        for array in (f"{name}.{field.name}" for field in declared if field.default is MISSING):
            if array not in arrays:
                what = f"the array {array!r} is missing"
                errors.append(LsmError(what, where=where, hint=f"add {array!r}, a register of {kind}"))
    for each in synapses.values():
        listed = _is_list(arrays, each)
        known |= {each.weights, each.delays, each.weight_exp, *(each.weights + field for field in _FIELDS)}
        if each.port >= KINDS[str(kinds[each.target])].PORTS:
            what = f"{each.weights!r} leads onto a gate, and {kinds[each.target]} has none"
            errors.append(LsmError(what, where=where, hint=f"call it {each.weights.removesuffix(_GATE)!r}"))
        if not listed and arrays[each.weights].ndim != 2:
            what = f"{each.weights} has shape {list(arrays[each.weights].shape)}, not [post, pre]"
            errors.append(LsmError(what, where=where, hint="rows are targets, columns sources"))
    errors += _not_known(arrays.keys() - known, known, where)
    if f"{INPUT}.size" not in arrays and not any(each.source == INPUT for each in synapses.values()):
        hint = f"add '{INPUT}{_ARROW}{names[0]}' [neuron, channel]"
        errors.append(LsmError(f"nothing leads from {INPUT!r} to a population", where=where, hint=hint))
    sizes: dict[str, int] = {}
    for name in (INPUT, *names):
        if f"{name}.size" in arrays:
            try:
                sizes[name] = _within(f"{name}.size", arrays, 0, int(name != INPUT), _LARGEST, where)
            except LsmError as error:
                errors.append(error)
    for each in synapses.values():  # whoever else says another size is refused with its matrix
        if arrays[each.weights].ndim == 2 and not _is_list(arrays, each):
            sizes.setdefault(each.target, arrays[each.weights].shape[0])
            if each.source == INPUT:
                sizes.setdefault(INPUT, arrays[each.weights].shape[1])
    if INPUT not in sizes:
        what = "no matrix says how many channels there are"
        errors.append(LsmError(what, where=where, hint=f"add '{INPUT}.size'"))
    raise_all(errors)
    for name in names:
        if not sizes.get(name):
            what = (
                f"no synapse leads to {name!r}, so its size is not known" if name not in sizes else f"{name!r} is empty"
            )
            errors.append(LsmError(what, where=where, hint=f"add 'S{_ARROW}{name}' [neuron, of S], or '{name}.size'"))
    raise_all(errors)
    order = {name: i for i, name in enumerate([INPUT, *names])}
    ordered = sorted(synapses.values(), key=lambda each: (order[each.target], order[each.source], each.port))
    return [_Neurons(name, str(kinds[name]), sizes[name], f"{name}.") for name in names], ordered, sizes[INPUT]


def _leading(array: str, names: Sequence[str]) -> _Synapses | None:
    """The synapses that an array of this name holds, if it does."""
    pair = array.removesuffix(_GATE)
    source, _, rest = pair.partition(_ARROW)
    target, label = (rest, "") if rest in names else rest.partition(":")[::2]
    if "." in label:  # of what belongs to labelled synapses
        return None
    if target not in names or source not in (INPUT, *names):
        return None
    return _Synapses(source, target, array, f"{array}.delays", f"{array}.weight_exp", int(pair != array))


def _not_known(names: Iterable[str], known: Iterable[str], where: str) -> list[LsmError]:
    errors, among = [], sorted(known)
    for name in sorted(names):
        near = get_close_matches(name, among, 1)
        hint = f"did you mean {near[0]!r}?" if near else "remove it"
        errors.append(LsmError(f"there is no array {name!r} in a network", where=where, hint=hint))
    return errors


def _projections(
    arrays: Mapping[str, Any], synapses: _Synapses, shape: tuple[int, int], where: str
) -> list[QProjection]:
    source, target, array, delays, exponent, port = synapses
    edges = (_listed if _is_list(arrays, synapses) else edges_in)(arrays, array, delays, shape, where)
    weight_exp = _scalar(exponent, arrays.get(exponent, np.array(0)), where)
    bits = _within(f"{array}.num_weight_bits", arrays, 8, 1, fixed.WEIGHT_BITS, where)
    given = arrays.get(f"{array}.sign_mode")
    sign = next((sign for sign in _SIGNS if given is not None and given.shape == () and str(given) == sign), None)
    if given is not None and not sign:
        what = f"{array}.sign_mode is {given}"
        raise LsmError(what, where=where, hint=f"choose from {', '.join(_SIGNS)}, or leave it out")
    name = array if _ARROW in array else f"{source}{_ARROW}{target}"
    made = exact_projections(
        name, source, target, edges, weight_exp, bits, sign == "mixed",
        where=where, array=array, otherwise=_IN_FLOATS, sign=sign,
    )  # fmt: skip
    return [replace(each, port=port) for each in made]


_FIELDS = (".pre", ".post", ".sign_mode", ".num_weight_bits")
"""What may belong to the synapses of an array, beside delays and an exponent."""


def _is_list(arrays: Mapping[str, Any], synapses: _Synapses) -> bool:
    return f"{synapses.weights}.pre" in arrays or f"{synapses.weights}.post" in arrays


def _listed(arrays: Mapping[str, Any], name: str, delays_name: str, shape: tuple[int, int], where: str) -> Edges:
    """Synapses of a list as they are, zeros included."""
    errors = []
    for array, stop in ((f"{name}.post", shape[0]), (f"{name}.pre", shape[1])):
        mistake = mistake_in(arrays[array], stop) if array in arrays else "it is missing"
        if mistake:
            errors.append(
                LsmError(f"{array}: {mistake}", where=where, hint="number the neurons of each synapse from 0")
            )
    raise_all(errors)
    post, pre = arrays[f"{name}.post"].astype(np.int64), arrays[f"{name}.pre"].astype(np.int64)
    delay = arrays.get(delays_name, np.zeros(post.shape, np.int64))
    for array, values in ((name, arrays[name]), (f"{name}.pre", pre), (delays_name, delay)):
        if values.shape != post.shape:
            what = f"{array} has shape {list(values.shape)}, {name}.post has {list(post.shape)}"
            errors.append(LsmError(what, where=where, hint="give one for each synapse"))
    if arrays[name].dtype.kind not in "iuf":
        what = f"{name} holds {arrays[name].dtype}, not numbers"
        errors.append(LsmError(what, where=where, hint="write numbers"))
    raise_all(errors)
    steps = steps_of(delay, delays_name, where)
    order = np.lexsort((steps, post, pre))
    return Edges(shape[1], pre[order], post[order], arrays[name][order], steps[order])


def _within(name: str, arrays: Mapping[str, Any], usual: int, low: int, high: int, where: str) -> int:
    value = _scalar(name, arrays.get(name, np.array(usual)), where)
    if not low <= value <= high:
        raise LsmError(f"{name} is {value}, not {low} to {high}", where=where, hint=f"change {name}")
    return value


def _registers(arrays: Mapping[str, Any], neurons: _Neurons, where: str) -> dict[str, NDArray[np.int64]]:
    errors: list[LsmError] = []
    registers: dict[str, NDArray[np.int64]] = {}
    for field in fields(KINDS[neurons.kind].Registers):
        usual = np.array(0 if field.default is MISSING else field.default)
        try:
            registers[field.name] = _register(
                field.name, arrays.get(neurons.prefix + field.name, usual), neurons, where
            )
        except LsmError as error:
            errors.append(error)
    if not errors and "phase" in registers and (registers["phase"] >= registers["period"]).any():
        what = f"{neurons.prefix}phase is not below {neurons.prefix}period"
        errors.append(LsmError(what, where=where, hint="count the first step that moves `v` from 0"))
    raise_all(errors)
    return registers


def _register(field: str, values: NDArray[Any], neurons: _Neurons, where: str) -> NDArray[np.int64]:
    declaration, size, name = KINDS[neurons.kind].Registers, neurons.size, neurons.prefix + field
    low, high = bounds(declaration, field)
    if values.shape not in ((), (size,)):
        what = f"{name} has shape {list(values.shape)}"
        raise LsmError(what, where=where, hint=f"write one value, or one for each of {size} neurons")
    if values.dtype.kind not in "iu":
        raise LsmError(f"{name} holds {values.dtype}, not integers", where=where, hint="write integers")
    full = np.broadcast_to(values, size)
    bad = breaks_bound(declaration, field, full)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        what = f"{name} of neuron {i} is {full[i]}, not {low:.0f} to {high:.0f}"
        raise LsmError(what, where=where, hint=f"change {name}")
    return full.astype(np.int64)


def _message(arrays: Mapping[str, Any], where: str) -> Message:
    """What the input may hold."""
    if "input_message" not in arrays:
        return BINARY
    given = arrays["input_message"]
    try:
        if given.shape != (3,) or given.dtype.kind not in "iu" or given[1] not in (0, 1):
            raise ValueError("not [bits, signed, fraction]")
        bits, signed, fraction = given.tolist()
        return Message(bits, bool(signed), fraction)
    except ValueError as error:
        what = f"input_message is {given.tolist()}: {error}"
        raise LsmError(what, where=where, hint="write [16, 1, 15] for signed numbers whose 1.0 is 2**15") from None


def _scalar(name: str, value: NDArray[Any], where: str) -> int:
    if value.shape != () or value.dtype.kind not in "iu":
        raise LsmError(f"{name} is not one integer", where=where, hint="write one integer")
    return int(value)
