"""A program for a host that has Lava, or a board, and nothing of this project; its trace comes back to `parity`.

    run.py  any_python.py  graph.py  models.py  graded_li/  lif_subtract/  layout.npz  README.txt
    cpu/0, cpu/1, ...      jobs for Lava's CPU models: job.json, arrays.npz (see `lsm_backends/lava/job.py`)
    board/0, ...           the same for Loihi 2, where the program can run there

The graph is the one that the backends `lava` and `loihi2` build, which copy their files. `run.py` is `lava_script.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.run import backends
from lsm_deploy.store import new_folder, program_id, save_program, save_stimulus

__all__ = ["NAMES", "export_for_lava", "export_lava"]

NAMES = (
    *("README.txt", "run.py", "any_python.py", "graph.py", "models.py", "graded_li", "lif_subtract"),
    *("layout.npz", "cpu", "board", "program.lsm", "stimulus.npz"),
)
"""All that a folder may hold."""

_README = """\
Program {identity}: {neurons} neurons, {steps} steps in {samples} sample(s).

    python run.py                    Lava's CPU models; needs a Python with lava-nc 0.10.0 and nothing else
    python run.py --loihi2           a board (needs Intel's lava-loihi): --board NAME --partition NAME --host ADDRESS
                                     --generation N3B3{board}

Either writes trace.npz, which goes back to

    lsm-deploy parity FILE.lsm --input STIMULUS --trace trace.npz --registers
"""


def export_for_lava(folder: str | Path, program: Program, stimulus: Stimulus) -> None:
    """`export_lava` with every register; and, as the host has no spec, the program and the stimulus themselves.

    Its trace comes back to be compared on this very stimulus.
    """
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or encode it")
    with new_folder(folder, NAMES) as made:
        _fill(made, program, stimulus, program.network.state_names)
        save_program(made / "program.lsm", program)
        save_stimulus(made / "stimulus.npz", stimulus)


def export_lava(folder: Path, program: Program, stimulus: Stimulus, record: Sequence[str]) -> None:
    """Write a folder that runs the program on the stimulus; an LsmError if Lava has no rule for a kind."""
    with new_folder(folder, NAMES) as made:
        _fill(made, program, stimulus, record)


def _fill(folder: Path, program: Program, stimulus: Stimulus, record: Sequence[str]) -> None:
    network = program.network
    backends.check(["lava"], program)
    if not len(stimulus.spikes):
        raise LsmError("the stimulus has no steps", where="stimulus", hint="export a longer one")

    facts: dict[str, NDArray[Any]] = {
        "program": np.array(program_id(program)),
        "starts": stimulus.starts,
        "shape": np.array([len(stimulus.spikes), network.neurons]),
        "record": np.array(list(record)),
        **backends.export("lava", program, stimulus, folder, record),
    }
    refused = None
    try:
        facts |= backends.export("loihi2", program, stimulus, folder)
    except LsmError as error:
        refused = error.what
    save_arrays(folder / "layout.npz", facts, compressed=True)
    shutil.copyfile(Path(__file__).with_name("lava_script.py"), folder / "run.py")
    readme = _README.format(
        identity=facts["program"],
        neurons=network.neurons,
        steps=len(stimulus.spikes),
        samples=len(stimulus.starts),
        board="" if refused is None else f"\n                                     (not this program: {refused})",
    )
    (folder / "README.txt").write_text(readme, encoding="utf-8")
