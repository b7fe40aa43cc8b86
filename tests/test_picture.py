"""The picture of a divergence, and what `parity` does about one on the command line."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from liquid import liquid, stimulus
from programs import random_case

from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.forensics import reference_run
from lsm_deploy.parity.variants import run_variant
from lsm_deploy.report.pictures.divergence import picture_of_divergence
from lsm_deploy.report.pictures.images import save_picture
from lsm_deploy.store import load_program, load_stimulus, program_id, save_program, save_stimulus, save_trace

pytestmark = pytest.mark.once


def size_of(file: Path) -> tuple[int, int]:
    data = file.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


def drawn(path: Path, rule: str, registers=("u", "v"), seed: int | None = None) -> Path:
    program, given = (liquid(), stimulus()) if seed is None else random_case(seed)
    registers = registers if seed is None else program.network.state_names
    traces = reference_run(program, given), run_variant(rule, program, given, registers)
    verdict = compare(program, *traces, registers, names=("emulator", "lava"))
    save_picture(path, picture_of_divergence(program, traces, verdict))
    return path


def test_it_is_the_same_each_time_and_not_empty(tmp_path):
    from matplotlib.image import imread

    one, two = drawn(tmp_path / "1.png", "v-reset"), drawn(tmp_path / "2.png", "v-reset")
    assert one.read_bytes() == two.read_bytes()
    width, height = size_of(one)
    assert width == 1000
    assert height > 700
    bare = drawn(tmp_path / "3.png", "v-reset", ())  # without registers there is less to draw, and no other colour
    assert size_of(bare)[1] < height
    pixels = (imread(bare)[..., :3].reshape(-1, 3) * 255).round()
    # Only the first, only the second, both. The legend alone has some thirty of each.
    for colour, least in (("#0072b2", 100), ("#d55e00", 500), ("#b9b9b9", 2000)):
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - wanted).max(axis=1) < 60).sum() > least


def test_it_leaves_nothing_behind(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    matplotlib.rcParams["lines.linewidth"] = 9.0
    changed = dict(matplotlib.rcParams)
    try:
        file = drawn(tmp_path / "1.png", "rounding")
        assert dict(matplotlib.rcParams) == changed
    finally:
        matplotlib.rcParams["lines.linewidth"] = before["lines.linewidth"]
    assert file.read_bytes() == drawn(tmp_path / "2.png", "rounding").read_bytes()  # whatever a user has set


def test_no_pyplot(tmp_path):
    """In a process of its own: other packages may have imported it here."""
    code = (
        "import sys, pathlib, test_picture as t; t.drawn(pathlib.Path(sys.argv[1]), 'rounding');"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.png")], check=True, cwd=here)


@pytest.mark.parametrize("seed", range(6))
def test_every_kind_is_drawn(tmp_path, seed):
    program, given = random_case(seed)
    trace = reference_run(program, given)
    registers = {name: values.copy() for name, values in trace.registers.items()}
    name = next(iter(registers))
    registers[name][-1, -1] ^= 1
    other = replace(trace, registers=registers)
    verdict = compare(program, trace, other, program.network.state_names)
    save_picture(tmp_path / "x.png", picture_of_divergence(program, (trace, other), verdict))
    assert size_of(tmp_path / "x.png")[0] == 1000


def test_a_picture_that_cannot_be_written(tmp_path):
    with pytest.raises(LsmError, match="cannot write"):
        drawn(tmp_path / "none" / "x.png", "rounding")


# --- parity on the command line ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program, given = liquid(), stimulus()
    save_program("p.lsm", program)
    save_stimulus("s.npz", given)
    identity = program_id(program)
    for rule in ("rounding", "v-reset"):
        save_trace(f"{rule}.npz", run_variant(rule, program, given, ("u", "v")), program=identity, backend="chip")
    save_trace("spikes.npz", run_variant("v-reset", program, given), program=identity, backend="chip")
    save_trace("equal.npz", reference_run(program, given), program=identity, backend="chip")
    own = run_variant("v-reset", program, given, ("u", "v"))
    registers = {name: values.copy() for name, values in own.registers.items()}
    registers["u"][40, 2] += 1
    save_trace("odd.npz", replace(own, registers=registers), program=identity, backend="chip")
    return tmp_path


def parity(*arguments: str, status: int):
    result = CliRunner().invoke(main, ["parity", "p.lsm", "--input", "s.npz", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def test_explain_shrink_picture(folder):
    text = parity("--trace", "rounding.npz", "--explain", "--shrink", "small", "--picture", "x.png", status=1).stdout
    assert "diverged   emulator ≠ rounding.npz" in text
    assert "decay(u[t-1], du + 1)" in text
    assert "rounding: the rule is that decays round toward zero; here decays round down" in text
    assert "variant 'rounding' of the emulator gives the same, and stands in" in text
    assert "20 -> 1 neurons" in text
    assert "wrote x.png" in text
    assert size_of(folder / "x.png")[0] == 1000
    program, given = load_program("small/program.lsm"), load_stimulus("small/stimulus.npz")
    broken = run_variant("rounding", program, given, ("u", "v"))
    assert not compare(program, reference_run(program, given), broken, ("u", "v")).equal
    assert "rounding: the rule is" in (folder / "small" / "README.txt").read_text()


def test_as_json(folder):
    arguments = ("--trace", "v-reset.npz", "--explain", "--shrink", "small", "--picture", "x.png", "--json")
    facts = json.loads(parity(*arguments, status=1).stdout)
    assert not facts["equal"]
    (found,) = facts["explanations"]
    assert found["causes"][0]["name"] == "v-reset"
    assert found["divergence"] == facts["verdicts"][0]["divergence"] | {"first": found["divergence"]["first"]}
    assert found["parting"]["at"] == "v = where(spikes, 0, v)"
    assert facts["shrunk"]["neurons"] == [20, 1]
    assert facts["pictures"] == ["x.png"]


def test_a_trace_of_spikes_alone(folder):
    text = parity("--trace", "spikes.npz", "--explain", status=1).stdout
    assert "v-reset" in text
    assert "run it again with --record u,v" in text


def test_equal_traces(folder):
    assert "nothing to explain" in parity("--trace", "equal.npz", "--explain", "--shrink", "x", status=0).stdout
    assert not (folder / "x").exists()


def test_which_side_breaks_the_definition(folder, monkeypatch):
    """The first side is explained too, where it is the one that is wrong."""
    monkeypatch.setattr("lsm_backends.brian.run", lambda p, s, r, *a, **k: run_variant("du-offset", p, s, r))
    text = parity("--backends", "brian,emulator", "--explain", "--shrink", "small", status=1).stdout
    assert "brian parts from the definition" in text
    assert "emulator parts" not in text
    assert "du-offset: " in text
    assert "stands in" not in text  # brian is run again
    assert "20 -> 1 neurons" in text
    assert "brian parts from the definition" in (folder / "small" / "README.txt").read_text()


BAD = {
    "a trace that no rule gives": ["--trace", "odd.npz", "--shrink", "small"],
    "a file where the folder should be": ["--trace", "rounding.npz", "--shrink", "p.lsm/small"],
    "no folder for the picture": ["--trace", "rounding.npz", "--picture", "none/x.png"],
    "a picture over an input": ["--trace", "rounding.npz", "--picture", "p.lsm"],
}


def test_bad_input(folder, golden):
    before = sorted(f.name for f in folder.iterdir())
    told = []
    for name, arguments in BAD.items():
        error = parity(*arguments, status=2 if "over an input" in name else 1).stderr.replace(str(folder.resolve()), "")
        told.append(f"# {name}: lsm-deploy parity p.lsm --input s.npz {' '.join(arguments)}\n{error}")
    golden(Path(__file__).parent / "golden" / "bad-forensics.txt", "\n".join(told))
    assert sorted(f.name for f in folder.iterdir()) == before, "nothing was written"
