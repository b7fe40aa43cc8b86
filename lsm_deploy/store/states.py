"""Where a run stands, in a file: `save` of a session, to go on tomorrow or elsewhere.

A container of kind `state`. In `meta`: t, the steps so far; counts, events by name; program, the name of what was
running. In `arrays`: `register <name>` [neuron], and in_flight [step, column], what will arrive in the next steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, require_path, require_type
from lsm_deploy.core.ir import COUNTS, State
from lsm_deploy.core.shown import Reported
from lsm_deploy.store.container import facts_in, pack, unpack
from lsm_deploy.store.files import read_bytes
from lsm_deploy.store.kinds import refuse_other
from lsm_deploy.store.whole import write_bytes

__all__ = ["StateFile", "load_state", "read_state", "save_state"]


@dataclass(frozen=True, eq=False, repr=False)
class StateFile(Reported):
    """A state, and the `program_id` of what was running."""

    state: State
    program: str


def save_state(path: str | Path, state: State, *, program: str) -> None:
    """Write a state; program: the `program_id` of what was running."""
    require_type(state, State, "state", "give what a session saves")
    meta = {"t": state.t, "counts": dict(state.counts), "program": program}
    arrays: dict[str, NDArray[Any]] = {f"register {name}": values for name, values in state.registers.items()}
    arrays["in_flight"] = state.in_flight
    write_bytes(path, pack("state", meta, arrays))


def load_state(path: str | Path, *, program: str) -> State:
    """Read the state that was saved while `program` ran, a `program_id`.

    LsmError: the state is of another program, or the file is damaged.
    """
    saved = read_state(path)
    if saved.program != program:
        raise LsmError(
            f"the state is of program {saved.program}, this is {program}",
            where=str(path),
            hint="load the program that it was saved from",
        )
    return saved.state


def read_state(path: str | Path) -> StateFile:
    """A saved state, whatever program it is of."""
    where = str(path)
    refuse_other(path, "the state of a session", "state")
    meta, arrays = unpack(read_bytes(require_path(path)), "state", where)
    registers = {name.removeprefix("register "): values for name, values in arrays.items() if name != "in_flight"}
    try:
        facts = facts_in(meta, {"t": int, "counts": dict, "program": str}, "the state")
        counts = facts_in(facts["counts"], dict.fromkeys(COUNTS, int), "counts")
        return StateFile(State(facts["t"], registers, arrays["in_flight"], counts), facts["program"])
    except (KeyError, ValueError, TypeError) as error:
        what = (
            f"the checksum is right but the content is not: {f'no {error}' if isinstance(error, KeyError) else error}"
        )
        raise LsmError(what, where=where, hint="save it again") from None
