"""A program that runs where nothing of this project is, and the trace that comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from liquid import liquid, stimulus
from lsm_backends.lava import sim
from programs import random_case

from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.exchange.lava_folder import export_lava
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.forensics import reference_run
from lsm_deploy.store import load_trace, program_id, save_program, save_stimulus

NO_LAVA = sim.missing()
STANDIN = Path(__file__).with_name("standin")

# An import hook in every process that is started: whatever asks for this project fails.
REFUSE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("lsm_deploy", "lsm_backends"):
            raise ImportError(f"{name} is not on this host")
sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture
def stranger(tmp_path):
    """Runs Python as on a host without this project."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(REFUSE)

    def run(*arguments: object, path: tuple[Path, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(map(str, (site, *path)))}
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path,
        )  # fmt: skip

    gone = run("-c", "import lsm_deploy")
    assert gone.returncode == 1
    assert "lsm_deploy is not on this host" in gone.stderr
    return run


def uniform(program: Program) -> Program:
    """One group of neurons a population, as the chip has them: each group is a Lava process, which takes a second."""
    populations = tuple(
        replace(p, registers={name: np.full_like(values, int(values[0])) for name, values in p.registers.items()})
        for p in program.network.populations
    )
    return replace(program, network=replace(program.network, populations=populations))


@pytest.mark.parametrize("case", ["fresh", "interval", "kinds"])
@pytest.mark.lava
@pytest.mark.skipif(NO_LAVA is not None, reason=str(NO_LAVA))
def test_an_exported_program_comes_back_equal(tmp_path, stranger, case):
    if case == "kinds":
        program, given = next(
            (program, given)
            for program, given in map(random_case, range(200))
            if len({p.kind for p in program.network.populations}) > 1
            and "LIF" not in {p.kind for p in program.network.populations}
            and program.network.synapses < 300
        )
    else:
        interval = 32 if case == "interval" else 0
        program, given = liquid(interval=interval), stimulus(96, (0, 32) if interval else (0, 20, 70))
    save_program(tmp_path / "p.lsm", program)
    save_stimulus(tmp_path / "s.npz", given)
    made = CliRunner().invoke(
        main, ["export", str(tmp_path / "p.lsm"), "--lava", str(tmp_path / "out"), "--input", str(tmp_path / "s.npz")]
    )
    assert made.exit_code == 0, made.output
    assert "bring trace.npz back" in made.stdout
    done = stranger(tmp_path / "out" / "run.py", "-o", tmp_path / "trace.npz")
    assert done.returncode == 0, done.stderr
    # As the message says: the folder has all that the comparison needs.
    found = CliRunner().invoke(
        main,
        ["parity", str(tmp_path / "out/program.lsm"), "--input", str(tmp_path / "out/stimulus.npz"),
         "--trace", str(tmp_path / "trace.npz"), "--registers"],
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "equal" in found.stdout
    trace = load_trace(tmp_path / "trace.npz")
    assert trace.program == program_id(program)
    assert set(trace.trace.registers) == set(program.network.state_names)
    assert trace.trace.spikes.any()


@pytest.mark.lava
@pytest.mark.skipif(NO_LAVA is not None, reason=str(NO_LAVA))
def test_a_board_that_is_late(tmp_path, stranger):
    """Up to the border of the board: Intel's adapters are stood in for, on the CPU. The clock makes it run twice."""
    program, given = uniform(liquid(interval=32)), stimulus(64, (0,))
    export_lava(tmp_path / "out", program, given, ("u", "v"))
    sinfo = tmp_path / "sinfo"
    sinfo.write_text("#!/bin/sh\necho 'NODELIST NODES PARTITION STATE'\necho 'board-7 1 shared idle'\n")
    sinfo.chmod(0o755)
    done = stranger(
        tmp_path / "out" / "run.py", "--loihi2", "-o", tmp_path / "trace.npz",
        path=(STANDIN,), STANDIN_IN="2", STANDIN_OUT="1",
        PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    trace = load_trace(tmp_path / "trace.npz")
    assert trace.backend == "loihi2 (exported)"
    assert compare(program, reference_run(program, given), trace.trace).equal


def test_a_program_that_no_board_runs_says_so(tmp_path, stranger):
    program, given = liquid(interval=30), stimulus(60)
    export_lava(tmp_path / "out", program, given, ())
    assert not (tmp_path / "out" / "board").exists()
    assert "period is a power of two" in (tmp_path / "out" / "README.txt").read_text()
    done = stranger(tmp_path / "out" / "run.py", "--loihi2")
    assert done.returncode == 1
    assert "cannot run on a board" in done.stderr or "no lava-nc" in done.stderr


def test_bad_input(tmp_path):
    program = liquid()
    with pytest.raises(LsmError, match="the stimulus has no steps"):
        export_lava(tmp_path, program, Stimulus(np.zeros((0, 4), np.int8), np.array([0])), ())
    (tmp_path / "file").write_text("")
    with pytest.raises(LsmError, match="cannot make this folder"):
        export_lava(tmp_path / "file" / "out", program, stimulus(), ())
    save_program(tmp_path / "p.lsm", program)
    told = CliRunner().invoke(main, ["export", str(tmp_path / "p.lsm"), "--lava", str(tmp_path / "file" / "out")])
    assert told.exit_code == 1
    assert "a file is in the way" in told.stderr
