"""A program, or a model, as a folder of C99: no allocation, no recursion, no libraries, no globals but tables.

    lsm.h           what it takes and gives, and the struct that holds all its state: as many liquids run as there are
    lsm.c           the code, of the parts that this program needs
    lsm_tables.h    the program: `static const`, so that it stays in flash
    lsm_arithmetic.h  the arithmetic of the integer contract
    main.c          an example: numbers on standard input, answers on standard output
    Makefile  README.txt

Another prefix than `lsm` renames all of these, and every name in them that others see (`prefix`). The same program
gives the same bytes. Names that others gave appear in comments and as the classes' strings alone, where nothing in them
is C.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lsm_deploy.core.errors import LsmError, raise_all, require_path, require_type
from lsm_deploy.core.ir import Program
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.exchange.c_files.beats import beats_of
from lsm_deploy.exchange.c_files.encoders import encoder_of, numbers_of, why_none
from lsm_deploy.exchange.c_files.liquid import RULES, Part, liquid_of
from lsm_deploy.exchange.c_files.prefix import PREFIX, check_prefix, renamed
from lsm_deploy.exchange.c_files.readouts import mistakes, readout_of_model
from lsm_deploy.exchange.c_files.sizes import Sizes, sizes_of_parts
from lsm_deploy.exchange.c_files.tables import Field, by_width, comment
from lsm_deploy.learn.model import AnyModel, Model
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.spec.schema import BeatsFrontEnd, Graded
from lsm_deploy.store import new_folder, program_id, write_text

__all__ = ["Exported", "export_c", "names_of"]

_CODE = Path(__file__).with_name("code")


@dataclass(frozen=True)
class Exported:
    """What was written: sizes; takes: what `lsm_frame` takes, or "" without it; left_out: what of the model is not in
    it, and why; floats: which parts compute in floats."""

    sizes: Sizes
    takes: str
    left_out: tuple[str, ...]
    floats: tuple[str, ...]


def names_of(prefix: str = PREFIX) -> tuple[str, ...]:
    """All that a folder may hold."""
    own = (f"{prefix}.h", f"{prefix}.c", f"{prefix}_tables.h", f"{prefix}_arithmetic.h")
    return (*own, "main.c", "Makefile", "README.txt")


def export_c(folder: str | Path, source: Program | AnyModel, prefix: str = PREFIX) -> Exported:
    """Write a program, or a model with its readout and its encoder, as C99; an LsmError says all that has none.

    prefix: what its files and all names that others see begin with, so that several programs are linked together."""
    folder = require_path(folder)
    require_type(prefix, str, "prefix", "such as lsm")
    check_prefix(prefix)
    require_type(source, (Program, Model, RegressionModel), "source", "compile a program, or `load_model` one")
    program = source if isinstance(source, Program) else source.program
    model = None if isinstance(source, Program) else source
    raise_all([*_kinds_without(program), *(mistakes(model) if model is not None else [])])
    made = _Made.of(program, model)
    texts = made.texts()
    check_prefix(prefix, texts[:5])
    with new_folder(folder, names_of(prefix)) as there:
        for name, text in zip(names_of(prefix), texts, strict=True):
            write_text(there / name, renamed(text, prefix))
    exported = made.exported
    return replace(
        exported,
        left_out=tuple(renamed(words, prefix) for words in exported.left_out),
        floats=tuple(renamed(words, prefix) for words in exported.floats),
    )


def _kinds_without(program: Program) -> list[LsmError]:
    return [
        LsmError(
            f"there is no C for neurons of kind {kind}, only for {', '.join(RULES)}",
            where=f"population {next(p.name for p in program.network.populations if p.kind == kind)!r}",
            hint="take one of these",
        )
        for kind in program.network.kinds
        if kind not in RULES
    ]


@dataclass(frozen=True, eq=False)
class _Made:
    program: Program
    model: AnyModel | None
    parts: tuple[Part, ...]
    exported: Exported

    @classmethod
    def of(cls, program: Program, model: AnyModel | None) -> _Made:
        parts, left_out, floats, takes = [_frame_of(program), liquid_of(program)], [], [], ""
        if model is not None:
            listener, readout = model.listener, readout_of_model(model)
            why = why_none(listener)
            if why and isinstance(model, RegressionModel) and model.readout.features.frame:
                hint = "train it with an encoder that is not random, such as graded"
                raise LsmError(f"{why}, and the readout reads the frame itself", where="input.encoder", hint=hint)
            encoder = Part() if why else encoder_of(listener)
            if why:
                left_out.append(f"{why}: give lsm_step the spikes of {program.network.channels} channels")
            else:
                takes = numbers_of(listener).ctype
                if isinstance(listener.input.encoder, Graded):
                    floats.append("the encoder")
            if listener.front_end is not None and not isinstance(listener.front_end, BeatsFrontEnd):
                left_out.append(f"the front end ({listener.front_end.kind}): give it frames of its values")
            if isinstance(model, RegressionModel):
                floats.append("lsm_value_of, which divides an answer into the target's units")
            parts += [readout, encoder]
            if isinstance(listener.front_end, BeatsFrontEnd) and not why:
                floats.append("the front end of beats, and what compares its values")
                parts.append(beats_of(listener.front_end))
        return cls(
            program, model, tuple(parts),
            Exported(sizes_of_parts(program, parts), takes, tuple(left_out), tuple(floats)),
        )  # fmt: skip

    def texts(self) -> list[str]:
        """Of each of `names_of`."""
        parts = self.parts
        code = ["head.c", *(n for p in parts for n in p.code), "step.c", *(n for p in parts for n in p.after)]
        return [
            self._header(),
            "".join(_read(name) for name in code),
            self._tables(),
            *map(_read, ("arithmetic.h", "main.c", "Makefile")),
            self._readme(),
        ]

    def _header(self) -> str:
        network, macros = self.program.network, self._macros()
        lines = [f"/* Program {program_id(self.program)}. Neurons are numbered through all populations:\n"]
        lines += [
            f"   {there.start:>6} to {there.stop - 1:<6} {p.kind} {comment(p.name)}\n"
            for p in network.populations
            for there in [network.columns(p.name)]
        ]
        public = [f"#define {name} {macros[name]}\n" for name in _PUBLIC if name in macros]
        registers = ", ".join(f"LSM_REGISTER_{name}" for name in network.state_names)
        fields = by_width([field for part in self.parts for field in part.fields])
        sums = next(field.ctype for field in fields if field.name == "sums")
        sections = [_read("api.h")]
        if self.exported.takes:
            sections.append(_read("api_frame.h").replace("VALUE", self.exported.takes))
            if "LSM_ONE" in macros:
                sections.append(_read("api_fixed.h"))
        if self.model is not None:
            sections.append(_read("api_signals.h" if isinstance(self.model, RegressionModel) else "api_classes.h"))
            if self.program.network.sample_interval:
                sections.append(_read("api_interval.h"))
            if "LSM_WINDOW" in macros:
                sections.append(_read("api_beats.h"))
            if macros.get("LSM_PARTS", "1u") != "1u":
                sections.append(_read("api_parts.h"))
        return "".join(
            [
                *lines,
                "*/\n#ifndef LSM_H\n#define LSM_H\n\n#include <stdint.h>\n\n",
                *public,
                f"\ntypedef {_message_of(self.program)} lsm_message; /* of a neuron or a channel; 0 is none */\n",
                f"typedef {sums} lsm_sum;\n",
                f"typedef {'uint32_t' if sums == 'uint32_t' else 'int32_t'} lsm_wide;\n",
                f"typedef {macros['LSM_SYNAPSE']} lsm_synapse; /* counts the synapses of a projection */\n",
                *([f"typedef {_feature_of(macros)} lsm_feature;\n"] if "LSM_FEATURES_WIDE" in macros else []),
                f"\nenum {{ {registers} }};\n",
                "\n/* All that changes. Whatever is in it is for reading only. */\ntypedef struct {\n",
                *(field.text() + "\n" for field in fields),
                "} lsm;\n",
                *sections,
                "\n#endif\n",
            ]
        )

    def _macros(self) -> dict[str, str]:
        network = self.program.network
        macros = {
            "LSM_NEURONS": f"{network.neurons}u",
            "LSM_CHANNELS": f"{network.channels}u",
            "LSM_SUMS": f"{network.sums}u",
            "LSM_REGISTERS": f"{len(network.state_names)}u",
            "LSM_INTERVAL": f"{network.sample_interval}u",
            "LSM_AHEAD": str(int(isinstance(self.model, RegressionModel))),
            "LSM_LISTEN(s)": "((void)0)",
        }
        for part in self.parts:
            macros |= part.macros or {}
        # Of a model, all that is not the liquid's is a sample's alone.
        of_sample = [field for part in self.parts[2:] for field in part.fields]
        forget = " ".join(f"memset(&(s)->{field.name}, 0, sizeof (s)->{field.name});" for field in of_sample)
        macros["LSM_FORGET(s)"] = f"do {{ {forget or '(void)(s);'} }} while (0)"
        return macros

    def _tables(self) -> str:
        macros = self._macros()
        private = [f"#define {name} {macros[name]}\n" for name in macros if name not in (*_PUBLIC, "LSM_SYNAPSE")]
        tables = [table.text() for part in self.parts for table in part.tables]
        return "".join(
            [
                f"/* Program {program_id(self.program)}: {self.exported.sizes.flash} bytes. */\n\n",
                *private,
                "\n",
                *tables,
                *(line for part in self.parts for line in part.lines),
            ]
        )

    def _readme(self) -> str:
        sizes, exported = self.exported.sizes, self.exported
        return _README.format(
            identity=program_id(self.program),
            flash=sizes.flash,
            ram=sizes.ram,
            updates=sizes.updates,
            worst=sizes.worst,
            floats=", ".join(exported.floats) if exported.floats else "nothing",
            left_out="".join(f"\nNot in it: {words}.\n" for words in exported.left_out),
        )


def _read(name: str) -> str:
    return (_CODE / name).read_text(encoding="utf-8")


def _frame_of(program: Program) -> Part:
    """What every program has: what each neuron sent."""
    ctype, neurons = _message_of(program), program.network.neurons
    fields = [
        Field(ctype, "sent", "[LSM_NEURONS]", neurons, "by each neuron in the last step"),
        Field("uint32_t", "row"),
    ]
    if program.network.sample_interval:
        fields.append(Field("uint32_t", "since", words="registers were cleared, steps"))
    return Part(fields=tuple(fields))


def _feature_of(macros: dict[str, str]) -> str:
    return "int64_t" if macros["LSM_FEATURES_WIDE"] == "1" else "int32_t"


def _message_of(program: Program) -> str:
    """The narrowest type of what neurons send, and of what enters."""
    most = max(program.network.input.largest, *(KINDS[kind].MESSAGE.largest for kind in program.network.kinds))
    return "int8_t" if most <= 127 else "int16_t"


_PUBLIC = (
    *("LSM_INTERVAL", "LSM_NEURONS", "LSM_CHANNELS", "LSM_REGISTERS", "LSM_SUMS", "LSM_ROWS", "LSM_READ", "LSM_PARTS"),
    *("LSM_FRAME", "LSM_FRAME_STEPS", "LSM_ONE", "LSM_WINDOW", "LSM_STRIDE", "LSM_CLASSES", "LSM_OUTPUTS"),
)
"""Macros that a caller may need; the others stay with the tables."""

_README = """\
Program {identity} in C99, for any compiler that has integers of 8, 16, 32 and 64 bits.

    make            the example for this machine: it reads numbers, and says what it answers
    make size       what the compiler makes of lsm.c: text and data in flash, bss in RAM
    make CC=arm-none-eabi-gcc CFLAGS="-std=c99 -O2 -mcpu=cortex-m4 -mthumb" size

Take lsm.h, lsm.c, lsm_tables.h and lsm_arithmetic.h into your firmware; lsm.h says how they are called.

    tables   {flash} bytes of flash, beside the code
    state    {ram} bytes of RAM for each `lsm`, and some words of stack
    a step   {updates} neurons; {worst} synapses at most, where everybody sends

Floats are used by: {floats}. -DLSM_NO_FLOAT leaves these parts out.
{left_out}
With -DLSM_TRACE it calls `lsm_trace` for every register of every neuron and step, and `lsm_trace_step` after each;
you define both: that is how it is compared with the program on a host.
"""
