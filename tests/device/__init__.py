"""Programs and models in C, compiled and run: as a backend of the tests, on this machine or on a board in an emulator.

`run` is what a backend has: a program, a stimulus and registers to record give a trace. It compiles with sanitizers, so
that overflow, a shift too far or a place beyond an array ends a run. `Target` says with what, `missing` what is not
here.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.data import Frames
from lsm_deploy.exchange.c_files.encoders import numbers_of
from lsm_deploy.exchange.c_files.folder import export_c
from lsm_deploy.learn.model import AnyModel
from lsm_deploy.learn.regression.model import RegressionModel

HERE = Path(__file__).parent
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZED = ("-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Target:
    """A compiler with what it is told, and what runs its programs; both are looked for."""

    compiler: str = "gcc"
    flags: tuple[str, ...] = SANITIZED
    runner: tuple[str, ...] = ()

    def missing(self) -> str | None:
        gone = [tool for tool in (self.compiler, *self.runner[:1]) if shutil.which(tool) is None]
        gone += [specs for flag in self.flags if (specs := self._library_of(flag))] if not gone else []
        return f"{gone[0]} is not here" if gone else None

    def _library_of(self, flag: str) -> str | None:
        """The library that a flag names, where the compiler does not find it."""
        name = flag.removeprefix("--specs=")
        if name == flag:
            return None
        asked = [self.compiler, f"--print-file-name={name}"]
        place = subprocess.run(asked, capture_output=True, text=True, timeout=60).stdout.strip()
        return name if place == name else None  # what is there has a path


STEPS, FRAMES, BEATS = range(3)
HOST = Target()
CLANG = Target("clang")


def board(cpu: str, machine: str) -> Target:
    """A Cortex-M in QEMU, whose files are this machine's."""
    flags = (
        f"-mcpu={cpu}",
        "-mthumb",
        "-O2",
        "--specs=rdimon.specs",
        f"-T{HERE / 'mps2.ld'}",
        "-Wl,--no-warn-rwx-segments",
    )
    runner = (
        "qemu-system-arm",
        "-M",
        machine,
        "-nographic",
        "-semihosting-config",
        "enable=on,target=native",
        "-kernel",
    )
    return Target("arm-none-eabi-gcc", flags, runner)


_PLACES = {"flash": 0x80000000, "flash_size": 0x400000, "ram": 0x80400000, "ram_size": 0x400000}
RISC_V = Target(
    "riscv64-unknown-elf-gcc",
    (
        *("-march=rv32imac", "-mabi=ilp32", "-O2", "--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted"),
        *(f"-Wl,--defsym=__{name}={place:#x}" for name, place in _PLACES.items()),
    ),
    (
        *("qemu-system-riscv32", "-M", "virt", "-bios", "none", "-nographic"),
        *("-semihosting-config", "enable=on,target=native", "-kernel"),
    ),
)
CORTEX_M3, CORTEX_M4 = board("cortex-m3", "mps2-an385"), board("cortex-m4", "mps2-an386")


@dataclass(frozen=True, eq=False)
class Answers:
    """state: bytes of the struct. ticks: of SysTick in all frames and in answers, and how many frames.
    values `[answer, ...]`: chosen class and scores, or whole numbers of each output."""

    state: int
    ticks: np.ndarray
    values: np.ndarray
    floats: np.ndarray
    spikes: np.ndarray
    registers: dict[str, np.ndarray]


def missing() -> str | None:
    return HOST.missing()


def run(program: Program, stimulus: Stimulus, record: Sequence[str] = (), progress: object = None) -> Trace:
    """The trace of a program in C, as its users step it."""
    return run_on(HOST, program, stimulus, record)


def run_on(target: Target, program: Program, stimulus: Stimulus, record: Sequence[str] = ()) -> Trace:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        built = build(target, program, folder)
        starts = [0] if program.network.sample_interval else stimulus.starts.tolist()
        samples = np.split(stimulus.spikes.astype(np.int16), starts[1:])
        answers = ask(target, built, program, samples, how=STEPS)
    return Trace(
        answers.spikes.astype(program.network.message_type),
        {name: answers.registers.get(name, np.zeros(answers.spikes.shape, np.int32)) for name in record},
        stimulus.starts,
        {},
    )


def build(target: Target, source: Program | AnyModel, folder: Path, *, traced: bool = True) -> Path:
    """The harness with what is exported to a folder, as an executable."""
    export_c(folder / "c", source)
    made = folder / "run"
    shutil.copyfile(HERE / "harness.c", folder / "c" / "main.c")
    trace = ("-DLSM_TRACE",) if traced else ()
    command = [target.compiler, *STRICT, *trace, *target.flags, "-Ic", "c/lsm.c", "c/main.c", "-o", str(made)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return made


def ask(
    target: Target, built: Path, source: Program | AnyModel, samples: Sequence[np.ndarray], *, how: int,
    traced: bool = True, continues: Sequence[bool] = (),
) -> Answers:  # fmt: skip
    """Give samples, of STEPS, FRAMES or BEATS, and take back all registers and what is answered.

    continues: of windows of beats, which of them go on with a record."""
    program = source if isinstance(source, Program) else source.program
    folder, network = built.parent, program.network
    pieces = [np.array([how, traced, len(samples)], np.int32).tobytes()]
    for sample, goes_on in zip(samples, continues or [False] * len(samples), strict=True):
        pieces += [
            np.array(-len(sample) if goes_on else len(sample), np.int32).tobytes(),
            np.ascontiguousarray(sample).tobytes(),
        ]
    (folder / "in.bin").write_bytes(b"".join(pieces))
    done = subprocess.run([*target.runner, str(built)], cwd=folder, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    names = network.state_names
    row = np.dtype([("sent", np.int16, (network.neurons,)), ("seen", np.int32, (len(names), network.neurons))])
    rows = np.frombuffer((folder / "trace.bin").read_bytes(), row)
    raw = (folder / "answers.bin").read_bytes()
    state, rest = int(np.frombuffer(raw[:4], np.int32)[0]), np.frombuffer(raw[4:], np.int64)
    if isinstance(source, RegressionModel):
        both = rest.reshape(-1, len(source.outputs), 2)
        values, floats = both[:, :, 0], np.ascontiguousarray(both[:, :, 1]).view(np.float64)
    else:
        values = rest if isinstance(source, Program) else rest.reshape(-1, 1 + len(source.classes))
        floats = np.zeros(0)
    ticks = np.frombuffer((folder / "ticks.bin").read_bytes(), np.int64)
    return Answers(
        state, ticks, values, floats, rows["sent"], {name: rows["seen"][:, i] for i, name in enumerate(names)}
    )


def as_frames(model: AnyModel, data: Frames) -> tuple[list[np.ndarray], Frames]:
    """Samples as the device takes them, and the same numbers as frames for the host."""
    numbers = numbers_of(model.listener)
    if numbers.fraction is None:
        return np.split(data.frames, data.starts[1:]), data
    places = np.clip(np.rint(np.ldexp(data.frames, numbers.fraction)), -numbers.last, numbers.last).astype(np.int32)
    given = Frames(numbers.at(places), data.starts, data.labels, data.source, data.groups)
    return np.split(places, data.starts[1:]), given
