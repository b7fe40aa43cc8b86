"""What answers from the spikes or the states: its weights in flash, what it remembers, and its code.

The numbers are those of a model that listens (`learn.live.values`). Scores and answers are sums of whole numbers in 64
bits, the host's to the last digit.
"""

from __future__ import annotations

import numpy as np

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import Program
from lsm_deploy.exchange.c_files.liquid import Part
from lsm_deploy.exchange.c_files.tables import Field, Table, literal, string
from lsm_deploy.learn.live.values import Forecasts, MostSpikes, Scores, SentForecasts
from lsm_deploy.learn.model import AnyModel
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.learn.regression.states import steps_of_frame
from lsm_deploy.spec.schema import BeatsFrontEnd

__all__ = ["mistakes", "readout_of_model"]

_LISTENS = {"LSM_LISTEN(s)": "lsm_listen(s)"}
"""What a step ends with, of a readout that follows every one."""


def mistakes(model: AnyModel) -> list[LsmError]:
    """Why a model's answers have no C, if they have none."""
    errors = []
    if model.program.network.sample_interval and isinstance(model.listener.front_end, BeatsFrontEnd):
        what = "windows of beats begin at rest on a device, and not every so many steps"
        errors.append(LsmError(what, where="samples", hint="train it with `samples: {policy: fresh}`"))
    if not isinstance(model, RegressionModel) and not model.on_chip and model.readout.centre == "group":
        what = "features are less the mean of their group's samples, which a device has not seen"
        errors.append(LsmError(what, where="readout.centre", hint="train it with `readout: {centre: none}`"))
    return errors


def readout_of_model(model: AnyModel) -> Part:
    """The C of what answers; `mistakes` has none to tell of."""
    answers = model.streams.answers
    if isinstance(answers, Scores):
        longest = model.listener.longest * steps_of_frame(model.listener)
        return _classes(model.program, answers, model.program.network.sample_interval or longest)
    if isinstance(answers, MostSpikes):
        return _most_spikes(answers)
    if isinstance(answers, SentForecasts):
        return _sent_signals(model.program, answers)
    return _signals(answers, model.streams.code.channels)


def _names(classes: tuple[str, ...]) -> dict[str, str]:
    return {"LSM_CLASSES": f"{len(classes)}u", "LSM_NAMES": ", ".join(map(string, classes))}


def _most_spikes(answers: MostSpikes) -> Part:
    classes = len(answers.classes)
    fields = (
        Field("uint32_t", "spikes", "[LSM_CLASSES]", classes, "of each output neuron"),
        Field("uint32_t", "reached", "[LSM_CLASSES]", classes, "the step of the last one"),
        Field("uint32_t", "steps"),
    )
    macros = {**_names(answers.classes), **_LISTENS, "LSM_OUTPUT": f"{answers.columns[0]}u"}
    return Part(("winners.c", "names.c"), macros, fields=fields)


def _classes(program: Program, answers: Scores, expected: int) -> Part:
    wide = program.network.message.graded
    ctype, read, values, parts = "int64_t" if wide else "int32_t", len(answers.columns), answers.groups, answers.parts
    tables, fields, ranges = [], [], _ranges(answers.columns, np.zeros(read, np.int64))
    macros = {
        **_names(answers.classes),
        **_LISTENS,
        "LSM_READ": f"{read}u",
        "LSM_READ_RANGES": f"{len(ranges)}u",
        "LSM_PARTS": f"{parts}u",
        "LSM_FEATURES_WIDE": str(int(wide)),
        "LSM_ROOT": str(int(answers.root)),
        "LSM_VALUES": f"{values}u",
        "LSM_GROUPS": f"{values}u" if values < read else "0",
        "LSM_SUPPORT": f"{len(answers.support)}u",
        "LSM_FEATURE_OF(i)": "i",
        "LSM_FEATURE(s, i)": "(s)->feature[i]" if answers.counts or parts > 1 else "(s)->trace[i]",
    }
    if not answers.counts:
        macros["LSM_TRACE_KEEP"] = f"{answers.keep}" if wide else f"{answers.keep}u"
        macros["LSM_TRACE_STEP"] = str(answers.step)
        fields.append(Field(ctype, "trace", "[LSM_READ]", read))
    if values < read:
        tables.append(Table("lsm_group", np.flatnonzero(np.diff(answers.group, prepend=-1))))
    if parts > 1 or answers.counts:
        fields.append(Field(ctype, "feature", f"[{parts * values}]", parts * values))
    if parts > 1:
        macros["LSM_EXPECTED"] = f"{expected}u"
        fields += [Field("uint32_t", name) for name in ("expected", "steps", "part")]
    if len(answers.support) < parts * values:
        macros["LSM_FEATURE_OF(i)"] = "lsm_support[i]"
        tables.append(Table("lsm_support", answers.support))
    tables += [Table("lsm_weight", answers.weights.ravel()), Table("lsm_bias", answers.biases)]
    code = (*(("parts.c",) if parts > 1 else ()), "counts.c" if answers.counts else "traces.c", "classes.c", "names.c")
    return Part(code, macros, tuple(tables), (_read(ranges),), tuple(fields), structs=12 * len(ranges))


def _signals(answers: Forecasts, channels: int) -> Part:
    read, traced = len(answers.columns), int(answers.spiking.sum())
    ranges = _ranges(answers.columns, answers.spiking)
    outputs, features = answers.weights.shape
    macros = {
        "LSM_OUTPUTS": f"{outputs}u",
        "LSM_READ": f"{read}u",
        "LSM_READ_RANGES": f"{len(ranges)}u",
        "LSM_READ_FRAME": str(int(answers.frame)),
        "LSM_STATES": f"{read + channels * answers.frame}u",
        "LSM_FEATURES": f"{features}u",
        "LSM_SQUARES": str(int(answers.squares)),
        "LSM_TRACES": str(int(traced > 0)),
        "LSM_SCALES": ", ".join(literal(float(scale)) for scale in answers.scale),
    }
    tables, fields = [Table("lsm_weight", answers.weights.ravel()), Table("lsm_bias", answers.biases)], []
    if (answers.up == answers.up[0]).all():
        macros["LSM_STATE_SHIFT(i)"] = str(answers.up[0])
    else:
        macros["LSM_STATE_SHIFT(i)"] = "lsm_state_shift[i]"
        tables.append(Table("lsm_state_shift", answers.up))
    if traced:
        macros |= _LISTENS
        macros["LSM_TRACE_KEEP"] = f"{answers.keep}u"
        macros["LSM_TRACE_STEP"] = str(answers.step)
        macros["LSM_TRACE_SHIFT"] = str(answers.down)
        fields.append(Field("int32_t", "trace", f"[{traced}]", traced))
    if answers.frame:
        fields.append(Field("int32_t", "frame", f"[{channels}]", channels, "as features of 24 bits"))
    code = (*(("state_traces.c",) if traced else ()), "signals.c")
    return Part(code, macros, tuple(tables), (_read(ranges),), tuple(fields), structs=12 * len(ranges))


def _sent_signals(program: Program, answers: SentForecasts) -> Part:
    """Output neurons pass on what arrives, so their messages are known when it is on its way: a step before they send
    them, which is the step after the last in which a frame runs."""
    assert answers.late == 2
    first, network = int(answers.columns[0]), program.network
    kinds = [p.kind for p in network.populations for _ in range(p.size)]
    macros = {
        "LSM_OUTPUTS": f"{len(answers.outputs)}u",
        "LSM_OUTPUT": f"{first}u",
        "LSM_OUTPUT_GRADED": f"{kinds[:first].count(kinds[first])}u",
        "LSM_SCALES": ", ".join(map(literal, answers.scale.tolist())),
        "LSM_CENTRES": ", ".join(map(literal, answers.centre.tolist())),
    }
    return Part(("sent_signals.c",), macros)


def _ranges(columns: Ints, traced: Ints) -> list[tuple[int, int, int]]:
    """Neurons that are read and follow each other, as first and last + 1, and of what is traced its place, from 1."""
    cuts = np.flatnonzero((np.diff(columns) != 1) | (np.diff(traced) != 0)) + 1
    before = np.cumsum(traced) - traced
    return [
        (int(columns[a]), int(columns[b - 1]) + 1, int(before[a]) + 1 if traced[a] else 0)
        for a, b in zip([0, *cuts.tolist()], [*cuts.tolist(), len(columns)], strict=True)
    ]


def _read(ranges: list[tuple[int, int, int]]) -> str:
    rows = ", ".join(f"{{{first}u, {last}u, {place}u}}" for first, last, place in ranges)
    return f"static const lsm_range lsm_read[{len(ranges)}] = {{{rows}}};\n"
