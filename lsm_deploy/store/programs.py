"""Compiled programs (`.lsm`), and the name that tells one from another.

A container of kind `program`. In `meta`: dt_ms, channels, sample_interval (0: samples are fresh runs) and target; of
input, unless it is 0 and 1, the bits, signed and fraction; of each population its name, kind, size and scale; of each
projection its name, source, target, sign_mode, num_weight_bits and weight_exp, and its port where that is not 0. In
`arrays`, with population and projection i counted from 0:

    cores                     [neuron]     the core of each neuron
    population.<i>.<register> [neuron]     int32, named as Lava names them
    projection.<i>.indptr     [source + 1] where the synapses of each source begin in the three below
    projection.<i>.post       [synapse]    the target neuron, counted within its population
    projection.<i>.weights    [synapse]    int16, before `<< weight_exp`
    projection.<i>.delays     [synapse]    steps, on top of the one that every synapse takes
    certificate.<name>        [neuron]     what is proved of it, where something was; read it as a claim, and prove it

A program is named by the first 16 hex digits of the checksum that its file has without a certificate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.certificate import TYPES, Certificate
from lsm_deploy.core.errors import LsmError, require_path, require_type
from lsm_deploy.core.ir import Program, QNetwork, QPopulation, QProjection
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.store.container import Arrays, facts_in, pieces, unpack
from lsm_deploy.store.files import read_bytes
from lsm_deploy.store.kinds import refuse_other
from lsm_deploy.store.whole import write_file

__all__ = [
    "load_certified",
    "load_program",
    "program_from_bytes",
    "program_from_parts",
    "program_id",
    "program_to_bytes",
    "program_to_parts",
    "save_program",
]


def program_to_bytes(program: Program, certificate: Certificate | None = None) -> bytes:
    """The `.lsm` file of a program, and of what is proved about it."""
    return b"".join(_pieces(program, certificate))


def _pieces(program: Program, certificate: Certificate | None) -> Iterator[bytes | memoryview]:
    meta, arrays = program_to_parts(program)
    proved = {f"{_CERTIFICATE}{name}": getattr(certificate, name) for name in TYPES} if certificate else {}
    return pieces("program", meta, {**arrays, **proved})


_CERTIFICATE = "certificate."
"""Its arrays stand behind those of the program, and are no part of what names the program."""


def program_id(program: Program) -> str:
    """The 16 hex digits that name a program: equal if and only if it is, bit for bit."""
    *_, checksum = pieces("program", *program_to_parts(program))
    return bytes(checksum).hex()[:16]


def program_to_parts(program: Program, prefix: str = "") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The facts and the arrays of a program; array names start with `prefix`."""
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    network = program.network
    arrays: dict[str, NDArray[Any]] = {f"{prefix}cores": program.cores}
    for i, population in enumerate(network.populations):
        for name, values in population.registers.items():
            arrays[f"{prefix}population.{i}.{name}"] = values.astype(np.int32)
    for i, p in enumerate(network.projections):
        for name in ("indptr", "post", "weights", "delays"):
            arrays[f"{prefix}projection.{i}.{name}"] = getattr(p, name)
    meta = {
        "dt_ms": network.dt_ms,
        "channels": network.channels,
        "sample_interval": network.sample_interval,
        "target": program.target,
        "populations": [
            {"name": p.name, "kind": p.kind, "size": p.size, "scale": p.scale} for p in network.populations
        ],
        "projections": [
            {name: getattr(p, name) for name in _PROJECTION_FACTS} | ({"port": p.port} if p.port else {})
            for p in network.projections
        ],
    }
    if network.input != BINARY:  # as every program was before there were others: their bytes stay the same
        meta["input"] = {name: getattr(network.input, name) for name in _MESSAGE_FACTS}
    return meta, arrays


_NETWORK_FACTS = {
    "dt_ms": float, "channels": int, "sample_interval": int, "target": str, "populations": list, "projections": list
}  # fmt: skip
_MESSAGE_FACTS = {"bits": int, "signed": bool, "fraction": int}
_POPULATION_FACTS = {"name": str, "kind": str, "size": int, "scale": float}
_PROJECTION_FACTS = {
    "name": str, "source": str, "target": str, "sign_mode": str, "num_weight_bits": int, "weight_exp": int
}  # fmt: skip


def program_from_parts(meta: Mapping[str, Any], arrays: Arrays, where: str, prefix: str = "") -> Program:
    """The program, checked again by the constructors of its parts."""
    try:
        facts = {name: value for name, value in meta.items() if name != "input"}
        input = Message(**facts_in(meta["input"], _MESSAGE_FACTS, "the input")) if "input" in meta else BINARY
        meta = facts_in(facts, _NETWORK_FACTS, "the network")
        populations = []
        for i, given in enumerate(meta["populations"]):
            facts = facts_in(given, _POPULATION_FACTS, f"population {i}")
            if facts["kind"] not in KINDS:
                raise ValueError(f"there is no neuron kind {facts['kind']!r} in this version")
            fields = KINDS[facts["kind"]].Registers.__dataclass_fields__
            registers = {name: _integers(arrays, f"{prefix}population.{i}.{name}") for name in fields}
            populations.append(QPopulation(registers=registers, **facts))
        projections = []
        for i, given in enumerate(meta["projections"]):
            of_port = {"port": int} if isinstance(given, dict) and "port" in given else {}
            facts = facts_in(given, _PROJECTION_FACTS | of_port, f"projection {i}")
            if facts["sign_mode"] not in ("excitatory", "inhibitory", "mixed"):
                raise ValueError(f"there is no sign mode {facts['sign_mode']!r}")
            wiring: dict[str, Any] = {
                n: _integers(arrays, f"{prefix}projection.{i}.{n}") for n in ("indptr", "post", "weights", "delays")
            }
            projections.append(QProjection(**facts, **wiring))
        network = QNetwork(
            dt_ms=float(meta["dt_ms"]),
            channels=meta["channels"],
            sample_interval=meta["sample_interval"],
            populations=tuple(populations),
            projections=tuple(projections),
            input=input,
        )
        if network.channels + network.neurons > np.iinfo(np.int32).max:
            raise ValueError(f"there are {network.channels} channels and {network.neurons} neurons")
        if meta["target"] not in BOARDS:
            raise ValueError(f"there is no board {meta['target']!r}, only {', '.join(BOARDS)}")
        return Program(network, _integers(arrays, f"{prefix}cores"), meta["target"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise LsmError(f"the program is not valid: {what}", where=where, hint="compile it again") from None


def _integers(arrays: Arrays, name: str) -> NDArray[Any]:
    """As they are: a value that was made by us may hold truth values, a file that was made by us does not."""
    if arrays[name].dtype.kind not in "iu":
        raise ValueError(f"{name} holds {arrays[name].dtype} values, not integers")
    return arrays[name]


def program_from_bytes(data: bytes, where: str) -> Program:
    """The program of a `.lsm` file."""
    return program_from_parts(*unpack(data, "program", where), where)


def save_program(path: str | Path, program: Program, certificate: Certificate | None = None) -> None:
    """Write a `.lsm` file, whole or not at all; certificate: what is proved about the program."""
    if certificate is not None:
        require_type(certificate, Certificate, "certificate", "give that of a compilation, or leave it out")
    write_file(path, lambda file: file.writelines(_pieces(program, certificate)))


def load_program(path: str | Path) -> Program:
    """Read a `.lsm` file without trust; an LsmError says what is wrong with one that is damaged."""
    refuse_other(path, "a compiled program", "program")
    return program_from_bytes(read_bytes(require_path(path)), str(path))


def load_certified(path: str | Path) -> tuple[Program, Certificate | None]:
    """A program, and what its file says is proved about it, if anything. To believe that, prove it again."""
    where = str(path)
    refuse_other(path, "a compiled program", "program")
    meta, arrays = unpack(read_bytes(require_path(path)), "program", where)
    program = program_from_parts(meta, arrays, where)
    if not any(name.startswith(_CERTIFICATE) for name in arrays):
        return program, None
    try:
        return program, Certificate(**{name: arrays[f"{_CERTIFICATE}{name}"] for name in TYPES})
    except (ValueError, KeyError, TypeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise LsmError(f"the certificate is not valid: {what}", where=where, hint="compile it again") from None
