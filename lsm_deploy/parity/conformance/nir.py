"""The recording of a single neuron that NIR's paper published, as a recording of ours.

"Neuromorphic Intermediate Representation" (Nature Communications 2024), repository neuromorphs/NIR, `paper/01_lif`:
files `lif_*.csv` without a header, one row a step, three columns: input spike, voltage, output spike. One LIF neuron,
one input synapse. The parameters are not in the file: they are given, or stand in a JSON object beside it (the same
name, ending in `.json`). The voltage is the chip's view, 128 in the step of a spike.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY, MAX_WEIGHT_EXP
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_path, require_type
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, Stimulus, Trace
from lsm_deploy.core.neurons import KINDS, bounds
from lsm_deploy.formats.edges import Edges, exact_projections
from lsm_deploy.parity.conformance.recording import Recording
from lsm_deploy.store.files import read_json, reading

__all__ = ["REQUIRED", "import_nir"]

REQUIRED = ("weight", "du", "dv", "vth")
_OPTIONAL = {"bias_mant": 0, "bias_exp": 0, "weight_exp": 0, "delay": 0}
_LIMITS = {"weight": fixed.weight_range(mixed=False), "weight_exp": (0, MAX_WEIGHT_EXP), "delay": (0, MAX_DELAY)}
"""Of what the synapse has; the neuron's registers have those of its kind."""


def import_nir(
    file: Path, given: Mapping[str, int | None], *, recorded_on: str, silicon: bool, source: str, licence: str
) -> Recording:
    """The recording in a CSV file; `given` parameters go before those in the JSON beside it."""
    where = str(require_path(file))
    require_type(given, Mapping, "mapping of parameters", "give some by name, or {}")
    parameters = _parameters(file, {name: value for name, value in given.items() if value is not None})
    try:
        with reading(file), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which is refused below
            table = np.loadtxt(file, delimiter=",", ndmin=2, encoding="utf-8-sig")
    except ValueError as error:
        raise LsmError(f"this is no table of numbers: {error}", where=where, hint="give NIR's CSV") from None
    if table.shape[1] != 3 or not len(table) or (table != np.rint(table)).any():
        what = f"it has {table.shape[1]} columns of {len(table)} rows, or values that are not integers"
        raise LsmError(what, where=where, hint="the columns are input spike, voltage, output spike")
    if (outside := ~(np.abs(table[:, 1]) < fixed.UV_LIMIT)).any():
        step = int(np.argmax(outside))
        what = f"the voltage of step {step} is {table[step, 1]:g}, not {1 - fixed.UV_LIMIT} to {fixed.UV_LIMIT - 1}"
        raise LsmError(what, where=where, hint="give what the register holds, which has 24 bits")
    if not np.isin(table[:, [0, 2]], (0, 1)).all():
        raise LsmError("a spike is neither 0 nor 1", where=where, hint="the columns are input spike, voltage, spike")
    return Recording(
        name=file.stem,
        program=_program(parameters, where),
        stimulus=Stimulus(table[:, [0]].astype(np.int8), np.array([0])),
        trace=Trace(
            table[:, [2]].astype(np.int8),
            {"v": table[:, [1]].astype(np.int32)},
            np.array([0]),
            {},
            "chip" if silicon else "sim",
        ),
        silicon=silicon,
        recorded_on=recorded_on,
        source=source,
        licence=licence,
    )


def _parameters(file: Path, given: Mapping[str, int]) -> dict[str, int]:
    beside = file.with_suffix(".json")
    of_file: dict[str, int] = {}
    if beside.exists():
        of_file = read_json(beside)
        if not isinstance(of_file, dict) or any(type(value) is not int for value in of_file.values()):
            raise LsmError("this is no object of integers", where=str(beside), hint='write {"weight": 10, ...}')
    parameters = {**_OPTIONAL, **of_file, **given}
    if unknown := sorted(parameters.keys() - {*REQUIRED, *_OPTIONAL}):
        known, where = ", ".join((*REQUIRED, *_OPTIONAL)), str(beside if unknown[0] in of_file else file)
        raise LsmError(f"there is no parameter {unknown[0]!r}", where=where, hint=f"choose from {known}")
    if lacking := [name for name in REQUIRED if name not in parameters]:
        options = " ".join(f"--{name} N" for name in lacking)
        raise LsmError(
            f"the file does not say {', '.join(lacking)}",
            where=str(file),
            hint=f"give {options}, or write them into {beside.name}",
        )
    errors: list[LsmError] = []
    for name, value in parameters.items():
        low, high = _LIMITS[name] if name in _LIMITS else bounds(KINDS["LIF"].Registers, name)
        if not low <= value <= high:
            what = f"{name} is {value}, not {low:g} to {high:g}"
            errors.append((MisuseError if name in given else LsmError)(what, where=str(file), hint=f"change {name}"))
    raise_all(errors)
    return parameters


def _program(parameters: Mapping[str, int], where: str) -> Program:
    registers = {name: np.array([parameters[name]]) for name in KINDS["LIF"].Registers.__dataclass_fields__}
    one = np.zeros(1, np.int64)
    edges = Edges(1, one, one, np.array([parameters["weight"]]), np.array([parameters["delay"]]))
    synapse = exact_projections(
        "input->cell", INPUT, "cell", edges, parameters["weight_exp"], 8, mixed=False, where=where, array="weight"
    )
    network = QNetwork(1.0, 1, 0, (QPopulation("cell", "LIF", 1, registers),), tuple(synapse))
    return Program(network, np.zeros(1, np.int32), "oheo_gulch")
