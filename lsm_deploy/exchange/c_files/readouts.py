"""What answers from the spikes or the states: its weights in flash, what it remembers, and its code.

Scores and answers are sums of whole numbers in 64 bits, the host's to the last digit.
"""

from __future__ import annotations

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program
from lsm_deploy.exchange.c_files.liquid import Part
from lsm_deploy.exchange.c_files.tables import Field, Table, literal, string
from lsm_deploy.learn.attach import output_of
from lsm_deploy.learn.model import AnyModel, OnChip, OnHost
from lsm_deploy.learn.readout import parts_of, trace_registers
from lsm_deploy.learn.readout.features import group_starts
from lsm_deploy.learn.regression.integer import FEATURE_BITS
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.learn.regression.states import graded_populations
from lsm_deploy.learn.regression.traces import TRACE_BITS, TraceRegister
from lsm_deploy.learn.runs import sizes_of
from lsm_deploy.spec.schema import Bins, Rates, Readout, Traces

__all__ = ["mistakes", "readout_of_model"]


_LISTENS = {"LSM_LISTEN(s)": "lsm_listen(s)"}
"""What a step ends with, of a readout that follows every one."""


def mistakes(model: AnyModel) -> list[LsmError]:
    """Why a model's answers have no C, if they have none."""
    errors = []
    if model.program.network.sample_interval:
        what = "samples begin where the clock says so, and what is in flight reaches the next one"
        errors.append(LsmError(what, where="samples", hint="train it with `samples: {policy: fresh}`"))
    if isinstance(model, RegressionModel):
        if model.on_chip:
            what = "output neurons answer two steps after a frame, when the next one has entered"
            errors.append(LsmError(what, where="readout", hint="train it without `--on-chip`: it answers at once"))
    elif isinstance(model.answerer, OnHost) and model.readout.centre == "group":
        what = "features are less the mean of their group's samples, which a device has not seen"
        errors.append(LsmError(what, where="readout.centre", hint="train it with `readout: {centre: none}`"))
    return errors


def readout_of_model(model: AnyModel) -> Part:
    """The C of what answers."""
    if isinstance(model, RegressionModel):
        return _signals(model)
    names = {"LSM_CLASSES": f"{len(model.classes)}u", "LSM_NAMES": ", ".join(map(string, model.classes))}
    if isinstance(model.answerer, OnChip):
        fields = (
            Field("uint32_t", "spikes", "[LSM_CLASSES]", len(model.classes), "of each output neuron"),
            Field("uint32_t", "reached", "[LSM_CLASSES]", len(model.classes), "the step of the last one"),
            Field("uint32_t", "steps"),
        )
        macros = {**names, **_LISTENS, "LSM_OUTPUT": f"{output_of(model.program).start}u"}
        return Part(("winners.c", "names.c"), macros, fields=fields)
    return _classes(model.program, model.readout, model.answerer, names)


def _classes(program: Program, readout: Readout, answerer: OnHost, names: dict[str, str]) -> Part:
    integers, features, parts = answerer.integers, readout.features, parts_of(readout)
    sizes = sizes_of(program, readout)
    read, lines = sum(sizes), (_read(program, readout.populations),)
    wide = program.network.message.graded
    ctype, tables, fields = "int64_t" if wide else "int32_t", [], []
    macros = {
        **names,
        **_LISTENS,
        "LSM_READ": f"{read}u",
        "LSM_READ_RANGES": f"{len(sizes)}u",
        "LSM_PARTS": f"{parts}u",
        "LSM_FEATURES_WIDE": str(int(wide)),
        "LSM_ROOT": str(int(isinstance(features, Bins) and features.root)),
        "LSM_GROUPS": "0",
        "LSM_SUPPORT": f"{len(integers.support)}u",
        "LSM_FEATURE_OF(i)": "i",
        "LSM_FEATURE(s, i)": "(s)->feature[i]",
    }
    if isinstance(features, Traces):
        du, weight = trace_registers(features.tau_ms, program.network.dt_ms)
        macros["LSM_TRACE_KEEP"] = str(fixed.DECAY_UNITY - (du + 1)) + ("" if wide else "u")
        macros["LSM_TRACE_STEP"] = str(weight << fixed.ACT_SHIFT)
        fields.append(Field(ctype, "trace", "[LSM_READ]", read))
        values = read
        if parts == 1:
            macros["LSM_FEATURE(s, i)"] = "(s)->trace[i]"
    else:
        values = read
        if isinstance(features, Rates):
            firsts = group_starts(sizes, features.groups)
            values = len(firsts)
            macros["LSM_GROUPS"] = f"{values}u"
            tables.append(Table("lsm_group", np.array(firsts)))
        macros["LSM_VALUES"] = f"{values}u"
    if parts > 1 or not isinstance(features, Traces):
        fields.append(Field(ctype, "feature", f"[{parts * values}]", parts * values))
    if parts > 1:
        fields += [Field("uint32_t", name) for name in ("expected", "steps", "part")]
    if len(integers.support) < integers.available:
        macros["LSM_FEATURE_OF(i)"] = "lsm_support[i]"
        tables.append(Table("lsm_support", integers.support))
    tables.append(Table("lsm_weight", integers.weights.ravel()))
    tables.append(Table("lsm_bias", integers.biases))
    listening = "traces.c" if isinstance(features, Traces) else "counts.c"
    code = (*(("parts.c",) if parts > 1 else ()), listening, "classes.c", "names.c")
    return Part(code, macros, tuple(tables), lines, tuple(fields), structs=12 * len(sizes))


def _read(program: Program, populations: tuple[str, ...], places: dict[str, int] | None = None) -> str:
    """The neurons that are read; places: of each population's traces, counted from 1."""
    columns = [(name, program.network.columns(name)) for name in populations]
    rows = ", ".join(f"{{{there.start}u, {there.stop}u, {(places or {}).get(name, 0)}u}}" for name, there in columns)
    return f"static const lsm_range lsm_read[{len(columns)}] = {{{rows}}};\n"


def _signals(model: RegressionModel) -> Part:
    program, section, integers = model.program, model.readout, model.integers
    network, graded, places, traced, bits = program.network, graded_populations(program), {}, 0, []
    by_name = {p.name: p for p in network.populations}
    for name in section.populations:
        size = by_name[name].size
        if name in graded:
            bits.append(by_name[name].registers["message_bits"])
        else:
            places[name] = traced + 1
            traced += size
            bits.append(np.full(size, TRACE_BITS))
    shifts = FEATURE_BITS - np.concatenate(bits)
    read, channels = len(shifts), model.listener.input.channels
    states = read + channels * section.features.frame
    outputs, features = integers.weights.shape
    macros = {
        "LSM_OUTPUTS": f"{outputs}u",
        "LSM_READ": f"{read}u",
        "LSM_READ_RANGES": f"{len(section.populations)}u",
        "LSM_READ_FRAME": str(int(section.features.frame)),
        "LSM_STATES": f"{states}u",
        "LSM_FEATURES": f"{features}u",
        "LSM_SQUARES": str(int(section.features.squares)),
        "LSM_TRACES": str(int(traced > 0)),
        "LSM_SCALES": ", ".join(literal(float(scale)) for scale in integers.scale),
    }
    tables, fields = [Table("lsm_weight", integers.weights.ravel()), Table("lsm_bias", integers.biases)], []
    if (shifts == shifts[0]).all():
        macros["LSM_STATE_SHIFT(i)"] = str(shifts[0])
    else:
        macros["LSM_STATE_SHIFT(i)"] = "lsm_state_shift[i]"
        tables.append(Table("lsm_state_shift", shifts))
    if traced:
        macros |= _LISTENS
        register = TraceRegister.of(section.features.tau_ms, network.dt_ms)
        macros["LSM_TRACE_KEEP"] = f"{register.keep}u"
        macros["LSM_TRACE_STEP"] = str(register.step)
        macros["LSM_TRACE_SHIFT"] = str(register.shift)
        fields.append(Field("int32_t", "trace", f"[{traced}]", traced))
    if section.features.frame:
        fields.append(Field("int32_t", "frame", f"[{channels}]", channels, "as features of 24 bits"))
    code = (*(("state_traces.c",) if traced else ()), "signals.c")
    lines = (_read(program, section.populations, places),)
    return Part(code, macros, tuple(tables), lines, tuple(fields), structs=12 * len(section.populations))
