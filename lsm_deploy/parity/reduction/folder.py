"""A small case as a folder that can be sent: program, stimulus, what differs, and scripts that need nothing of ours.

README.txt  program.lsm  stimulus.npz  replay.py  lava_replay.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Trace
from lsm_deploy.core.limits import beyond
from lsm_deploy.exchange.lava_folder import NAMES as LAVA_NAMES
from lsm_deploy.exchange.lava_folder import export_lava
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.forensics import reference_run
from lsm_deploy.parity.reduction.delta import Shrunk
from lsm_deploy.parity.reduction.scripts import in_source, numpy_script
from lsm_deploy.run.backends import limits_of, load_backend
from lsm_deploy.store import check_own_folder, new_folder, program_id, save_program, save_stimulus, write_text

__all__ = ["NAMES", "write"]

NAMES = ("README.txt", "program.lsm", "stimulus.npz", "replay.py", "lava_replay.py", "lava")
"""All that a folder may hold."""


def write(folder: Path, shrunk: Shrunk, theirs: Trace, other: str, why: str) -> None:
    """Write a case on which `other` gave `theirs`; `why` explains it, in lines.

    What is expected is the definition's; where `theirs` is just that, on a small case, somebody else has parted: an
    LsmError, because then there is nothing to show.
    """
    program, stimulus = shrunk.program, shrunk.stimulus
    ours = reference_run(program, stimulus)
    registers = tuple(name for name in ours.registers if name in theirs.registers)
    d = compare(program, ours, theirs, registers, names=("definition", other)).divergence
    if d is None:
        raise LsmError(f"{other} does as defined on the small case", hint="give the other side")
    identity = program_id(program)
    size = f"{_count(shrunk.neurons[1], 'neuron')}, {_count(shrunk.steps[1], 'step')}"
    title = f"{other} parts from the definition: {size} (program {identity})."
    files = {"replay.py": numpy_script(program, stimulus, ours, theirs, d, title, other)}
    lava: Any = load_backend("lava")
    lacking = beyond("lava", limits_of("lava"), program.network)
    script = None if lacking else lava.script(program, stimulus, ours, in_source(title))
    if script is not None:
        files["lava_replay.py"] = script
    if lacking:
        of_lava = f"There is nothing for Lava: {lacking[0].what}."
    elif script is not None:
        of_lava = "lava_replay.py  the same on Lava's CPU models; needs lava-nc 0.10.0 only"
    else:
        of_lava = "lava/           the same for Lava: run lava/run.py; needs lava-nc 0.10.0 only"
    files["README.txt"] = _readme(shrunk, title, why, of_lava)
    check_own_folder(Path(folder) / "lava", LAVA_NAMES)  # what ran there may have left a trace, of a board perhaps
    with new_folder(folder, NAMES) as made:
        if script is None and not lacking:
            export_lava(made / "lava", program, stimulus, tuple(ours.registers))
        save_program(made / "program.lsm", program)
        save_stimulus(made / "stimulus.npz", stimulus)
        for name, text in files.items():
            write_text(made / name, text)


def _readme(s: Shrunk, title: str, why: str, lava: str) -> str:
    stopped = f" The search ended early: {s.stopped}." if s.stopped else ""
    original = ", ".join(str(n) for n in s.original[:20].tolist()) + (", ..." if len(s.original) > 20 else "")
    return f"""{title}

{why}

Shrunk from {s.neurons[0]} neurons, {s.steps[0]} steps, {s.synapses[0]} synapses and {s.input_spikes[0]} input spikes
to          {s.neurons[1]} neurons, {s.steps[1]} steps, {s.synapses[1]} synapses and {s.input_spikes[1]} input spikes,
in {s.seconds:.1f} s, {s.asked} cases and {s.runs} runs of each side.{stopped}
Its neurons are, of the whole program: {original}. A projection whose name ends in "(replayed)" carries the recorded
spikes of neurons that were left out.

replay.py       runs the case as it is defined, and shows both sides; needs numpy only
{lava}
program.lsm, stimulus.npz
                for `lsm-deploy parity program.lsm --input stimulus.npz --registers --explain`
"""


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
