"""The table of backends. A backend is a module with `run` and `missing`; it is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import memory
from lsm_deploy.core.errors import BackendError, LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.ir import Program, State, Stimulus, Trace, check_messages, standings
from lsm_deploy.core.limits import Limits, beyond
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.notes import warn
from lsm_deploy.core.progress import Progress

__all__ = [
    "BACKENDS",
    "BOARD",
    "DEFAULT",
    "FAST",
    "Backend",
    "Frame",
    "Session",
    "check",
    "check_fit",
    "choose",
    "export",
    "limits_of",
    "load_backend",
    "missing",
    "options_for",
    "quickest",
    "require",
    "run_program",
    "start",
]

BACKENDS = {
    "emulator": "lsm_backends.emulator",
    "fast": "lsm_backends.fast",
    "brian": "lsm_backends.brian",
    "lava": "lsm_backends.lava.sim",
    "loihi2": "lsm_backends.lava.hardware",
    "netx": "lsm_backends.lava.netx",
}


FAST = "fast"
"""The emulator's answer, sooner."""
BOARD = "loihi2"
"""Runs on a board, which shows no registers."""
DEFAULT = "auto"
"""Where a program runs if nobody chose: on `FAST`, or on the emulator where that one has no rule for a neuron kind."""


OPTIONS = {
    "brian": ("codegen",),
    "lava": ("time_limit",),
    "netx": ("time_limit",),
    "loihi2": ("time_limit", "board", "partition"),
}
"""What else a run on a backend takes; none is all that the others do."""


class Backend(Protocol):
    """What a backend module defines; and `LIMITS`, where it cannot run all that a program may hold."""

    def run(
        self,
        program: Program,
        stimulus: Stimulus,
        record: Sequence[str] = (),
        progress: Progress | None = None,
        **options: Any,
    ) -> Trace:
        """Run every sample of the stimulus."""

    def missing(self) -> str | None:
        """What keeps this backend from running here, with a way out; None if it can run."""


class Frame(Protocol):
    """The steps of a frame, taken at once and again and again, in arrays that are made once.

    entering `[step, channel]` is written by whoever runs it; sent `[step, neuron]` is what neurons sent in these steps;
    ahead `[step, neuron]` what they send in silent steps after them, of the last `look`. Both are written over.
    """

    entering: Messages
    sent: Messages
    ahead: Messages

    def run(self) -> None:
        """Take the steps."""

    def look(self) -> None:
        """Show the steps ahead, without taking them."""


class Session(Protocol):
    """One run of a program, from rest, that is advanced as its input comes in; what `start` of a backend returns."""

    @property
    def t(self) -> int:
        """Steps since the sample began."""

    def step(self, spikes: NDArray[Any]) -> Messages:
        """Take the input spikes `[channel]` of one step, return those of the neurons `[neuron]`.

        They are a view of a buffer that the next step writes over.
        """

    def feed(self, rows: Iterable[NDArray[Any]]) -> Iterator[Messages]:
        """`step` for each row of any iterator, which may be endless."""

    def run(self, stimulus: Messages) -> tuple[Messages, NDArray[np.int32]]:
        """Advance by a stimulus `[t, channel]`; spikes `[t, neuron]`, recorded registers `[t, register, neuron]`."""

    def frame(self, steps: int, ahead: int = 0) -> Frame:
        """Room for the steps of a frame, which take this session on and allocate nothing; ahead: how many steps beyond
        them `look` shows."""

    def register(self, name: str) -> NDArray[np.int32]:
        """A register of every neuron `[neuron]` as the last step left it; 0 where the kind does not have it."""

    @property
    def counts(self) -> dict[str, int]:
        """Wraps, saturations and wide sums so far, as a trace counts them."""

    def reset(self) -> None:
        """Begin a sample: everything at rest, nothing in flight; the counts go on."""

    def save(self) -> State:
        """All that the next steps depend on."""

    def restore(self, state: State) -> None:
        """Go on where `state` was saved, in this session or another one of the same program."""


def load_backend(name: str) -> Backend:
    """The backend of that name, imported; an LsmError for `DEFAULT`, which is none before `choose` has a program."""
    require_type(name, str, "backend", f"choose one of {', '.join(BACKENDS)}")
    if name == DEFAULT:
        raise MisuseError(
            f"which backend {name!r} is depends on the program", hint=f"choose one of {', '.join(BACKENDS)}"
        )
    if name not in BACKENDS:
        near = get_close_matches(name, BACKENDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(BACKENDS)}"
        raise MisuseError(f"there is no backend {name!r}", hint=hint)
    return cast(Backend, importlib.import_module(BACKENDS[name]))


def require(name: str) -> Backend:
    """The backend of that name, or a BackendError that says what keeps it from running here."""
    backend = load_backend(name)
    if why := backend.missing():
        raise BackendError(why, where=f"backend {name!r}", hint="see `lsm-deploy backends` for those that can run here")
    return backend


def missing() -> dict[str, str | None]:
    """What keeps each backend from running here; None for those that can."""
    return {name: load_backend(name).missing() for name in BACKENDS}


def options_for(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the options that are given, and that a run on the named backend takes."""
    return {key: value for key, value in options.items() if value is not None and key in OPTIONS.get(name, ())}


def choose(name: str, program: Program) -> str:
    """The name of a backend; for `DEFAULT`, which of them it is for this program: the emulator with an LsmWarning."""
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    require_type(name, str, "backend", f"name one, such as {DEFAULT!r} or 'emulator'")
    if name != DEFAULT:
        return name
    if quickest(program) == FAST:
        return FAST
    first = beyond(FAST, limits_of(FAST), program.network)[0]
    warn(f"{first.where}: {first.what}; the emulator runs it, which takes longer")
    return "emulator"


def quickest(program: Program) -> str:
    """`FAST`, or the emulator where that one has no rule for a neuron kind."""
    return "emulator" if beyond(FAST, limits_of(FAST), program.network) else FAST


def check(names: Sequence[str], program: Program) -> None:
    """Refuse a program that asks for what one of the backends lacks: all of it at once, and who has it."""
    lacking = [name for name in names if beyond(name, limits_of(name), program.network)]
    if not lacking:
        return
    able = [repr(name) for name in BACKENDS if not beyond(name, limits_of(name), program.network)]
    elsewhere = f"{', '.join(able[:-1])} or {able[-1]}" if len(able) > 1 else "".join(able)
    raise_all([error for name in lacking for error in beyond(name, limits_of(name), program.network, elsewhere)])


def limits_of(name: str) -> Limits:
    """What the named backend has room for."""
    return cast(Limits, getattr(load_backend(name), "LIMITS", Limits()))


def run_program(
    name: str,
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
    **options: Any,
) -> Trace:
    """Run a program on the named backend: spikes, and the registers to record, of every step.

    options: of the backend, such as `codegen` for brian. LsmError: stimulus, registers or backend do not fit the
    program, or the backend is not here.
    """
    name = choose(name, program)
    backend = require(name)
    check([name], program)
    check_fit(program, stimulus, record)
    _check_memory(program, stimulus, record)
    trace = backend.run(program, stimulus, record, progress, **options)
    return replace(trace, standings=standings(program.network))


def start(name: str, program: Program, record: Sequence[str] = (), **options: Any) -> Session:
    """Start a program, at rest, on the named backend, to be advanced step by step: for closed loops and endless input.

    LsmError: the backend knows no stepping, or is not here.
    """
    name = choose(name, program)
    backend = require(name)
    if not hasattr(backend, "start"):
        raise BackendError(
            "it runs whole stimuli only",
            where=f"backend {name!r}",
            hint=f"step on {FAST!r}, which gives the same bits, where it has a rule for the neuron kinds",
        )
    check([name], program)
    _check_record(program, record)
    return cast(Session, backend.start(program, record, **options))


def export(
    name: str, program: Program, stimulus: Stimulus, folder: Path, record: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """Write files with which a host that has the named backend, and nothing else of this, runs the program.

    Returned is what takes the results apart there, which the backend says.
    """
    check([name], program)
    exporting: Any = load_backend(name)
    files: dict[str, NDArray[Any]] = exporting.export(program, stimulus, folder, record)
    return files


def check_fit(program: Program, stimulus: Stimulus, record: Sequence[str]) -> None:
    """An LsmError where a stimulus, or a register to record, does not belong to the program."""
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or encode it")
    network = program.network
    if stimulus.spikes.shape[1] != network.channels:
        raise LsmError(
            f"the stimulus has {stimulus.spikes.shape[1]} channels, the program takes {network.channels}",
            where="stimulus",
            hint="encode it with the spec that the program was compiled from",
        )
    check_messages(network, stimulus.spikes)
    interval = network.sample_interval
    if interval and (stimulus.starts % interval).any():
        at = int(stimulus.starts[(stimulus.starts % interval) != 0][0])
        raise LsmError(
            f"a sample starts at step {at}, but the program clears its registers every {interval} steps",
            where="stimulus",
            hint=f"start samples at multiples of {interval}, or compile with `samples: {{policy: fresh}}`",
        )
    _check_record(program, record)


def _check_memory(program: Program, stimulus: Stimulus, record: Sequence[str]) -> None:
    """Refuse, before it starts, a trace that memory could not hold: a byte a neuron and step, four for a register."""
    steps, neurons = len(stimulus.spikes), program.network.neurons
    fewer = "record fewer registers, or " if record else ""
    memory.require(
        steps * neurons * (1 + 4 * len(record)),
        f"spikes{''.join(f', {name}' for name in record)} of {neurons} neurons in {steps} steps take",
        where="trace",
        hint=f"{fewer}let the trace go to disk as it arises (`run --stream`), or run fewer samples",
    )


def _check_record(program: Program, record: Sequence[str]) -> None:
    require_type(record, (tuple, list), "record", "give names of registers, such as ('u', 'v')")
    known = sorted(program.network.state_names)
    for register in record:
        if register not in known:
            raise MisuseError(f"there is no register {register!r} to record", hint=f"choose from {', '.join(known)}")
