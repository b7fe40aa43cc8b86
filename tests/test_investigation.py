"""Comparing, explaining and shrinking in one go, as the command does it and as Python calls it."""

from __future__ import annotations

import json
from pathlib import Path

import lsm_backends.emulator as emulator
import lsm_backends.fast as fast
import pytest
from click.testing import CliRunner
from liquid import liquid, stimulus

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.limits import Limits
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.variants import run_variant
from lsm_deploy.report.comparison import report_comparison
from lsm_deploy.report.forensics import report_explanation, report_shrunk, save_small_case
from lsm_deploy.run.backends import load_backend

pytestmark = pytest.mark.once


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A program, its input, and the trace of an emulator that rounds otherwise."""
    monkeypatch.chdir(tmp_path)
    program, given = liquid(), stimulus()
    ld.save_program("p.lsm", program)
    save(program, given)
    return program, given


def save(program, given):
    broken = run_variant("rounding", program, given, program.network.state_names)
    ld.save_stimulus("s.npz", given)
    ld.save_trace("t.npz", broken, program=ld.program_id(program), backend="broken")
    return broken


@pytest.fixture
def runs(monkeypatch):
    """The sizes, in steps and neurons, of all that the emulator runs."""
    sizes, run = [], emulator.run

    def counted(program, given, *arguments, **options):
        sizes.append((len(given.spikes), program.network.neurons))
        return run(program, given, *arguments, **options)

    monkeypatch.setattr(emulator, "run", counted)
    return sizes


PARITY = ["parity", "p.lsm", "--input", "s.npz"]
ALL = ["--registers", "--explain", "--shrink", "small", "--shrink-seconds", "5", "--json"]


def ends_where_they_part(program, given):
    """The same case without the steps after the first difference."""
    broken = save(program, given)
    ours = ld.run_program("emulator", program, given, program.network.state_names)
    last = compare(program, ours, broken, program.network.state_names).divergence.t
    short = ld.Stimulus(given.spikes[: last + 1], given.starts)
    save(program, short)
    return short


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("sides", [["--trace", "t.npz"], ["--backends", "fast,emulator", "--trace", "t.npz"]])
def test_the_full_case_is_run_on_the_emulator_once(case, runs, short, sides):
    program, given = case
    if short:
        given = ends_where_they_part(program, given)
        runs.clear()
    result = CliRunner().invoke(main, [*PARITY, *sides, *ALL], catch_exceptions=False)
    assert result.exit_code == 1
    facts = json.loads(result.stdout)
    assert facts["explanations"]
    assert facts["shrunk"]["neurons"][1] < program.network.neurons
    assert runs.count((len(given.spikes), program.network.neurons)) == 1
    assert len(runs) > 1, "smaller cases are run as well"


def test_it_is_not_run_at_all_for_sides_that_agree(case, runs):
    sides = ld.prepare_sides("p.lsm", "s.npz", on=("fast",), trace=trace_of_fast(case))
    compared = ld.compare_sides(sides, thorough=True)
    assert (compared.equal, len(compared.verdicts), ld.explain_sides(compared), runs) == (True, 1, (), [])


def test_one_side_alone_is_refused(case):
    with pytest.raises(LsmError, match="two sides"):
        ld.prepare_sides("p.lsm", on=("emulator",))


def test_a_view_of_no_trace_is_refused(case):
    with pytest.raises(LsmError, match="there is no trace"):
        ld.prepare_sides("p.lsm", on=("emulator", "fast"), view="chip")


@pytest.mark.parametrize("names", [("fast", "fast"), ("auto", "auto"), ("auto", "fast"), ("fast", "auto")])
def test_a_backend_is_not_compared_with_itself(case, names):
    with pytest.raises(LsmError, match="named twice"):
        ld.prepare_sides("p.lsm", on=names)
    result = CliRunner().invoke(main, [*PARITY, "--backends", ",".join(names)])
    assert result.exit_code == 2
    assert "named twice" in result.stderr


def test_the_side_has_the_name_of_the_backend_that_was_chosen(case):
    (pair,) = ld.compare_sides(ld.prepare_sides("p.lsm", "s.npz", on=("emulator", "auto"))).pairs
    assert [side.name for side in pair] == ["emulator", "fast"]


def test_the_emulator_by_choice_is_run_once(case, runs, monkeypatch):
    monkeypatch.setattr(fast, "LIMITS", Limits(kinds=()))
    with pytest.warns(LsmWarning, match="the emulator runs it"):
        sides = ld.prepare_sides("p.lsm", "s.npz", on=("auto",), trace="t.npz")
    monkeypatch.setattr(
        "lsm_deploy.parity.investigation.warn_of_extremes", lambda *run: None
    )  # it tries smaller weights
    compared = ld.compare_sides(sides, thorough=True)
    assert (sides.names, compared.equal, len(runs)) == (("emulator",), False, 1)


def test_a_choice_is_no_backend_before_there_is_a_program():
    with pytest.raises(LsmError, match="depends on the program"):
        load_backend("auto")


def test_what_differs_is_explained_by_a_thorough_comparison_only(case):
    compared = ld.compare_sides(ld.prepare_sides("p.lsm", "s.npz", trace="t.npz"), registers=True)
    assert not compared.equal
    with pytest.raises(LsmError, match="definition's own run"):
        ld.explain_sides(compared)


def trace_of_fast(case):
    program, given = case
    trace = ld.run_program("fast", program, given, program.network.state_names)
    ld.save_trace("fast.npz", trace, program=ld.program_id(program), backend="fast")
    return "fast.npz"


def test_python_is_told_what_the_command_prints(case):
    sides = ld.prepare_sides("p.lsm", "s.npz", trace="t.npz")
    compared = ld.compare_sides(sides, registers=True, thorough=True)
    suspects = ld.explain_sides(compared)
    small = ld.shrink_side(compared, suspects[0], 5.0)
    result = CliRunner().invoke(main, [*PARITY, "--trace", "t.npz", *ALL], catch_exceptions=False)
    facts = json.loads(result.stdout)
    theirs = report_comparison(compared).facts
    assert facts["verdicts"] == json.loads(json.dumps(theirs["verdicts"]))
    explained = [report_explanation(suspect.explanation).facts for suspect in suspects]
    assert facts["explanations"] == json.loads(json.dumps(explained))
    assert sides.words == facts["stimulus"]
    assert small.stands_in
    shown = report_shrunk(small.shrunk).facts
    assert {name: shown[name] for name in ("neurons", "steps", "asked", "runs")} == {
        name: facts["shrunk"][name] for name in ("neurons", "steps", "asked", "runs")
    }
    save_small_case("ours", small)
    ours, theirs = ({file.name: file.read_bytes() for file in Path(who).iterdir()} for who in ("ours", "small"))
    assert ours.keys() == theirs.keys()
    assert ours["replay.py"] == theirs["replay.py"]


def test_a_shrunk_case_is_that_of_who_was_not_told_where_they_part(case):
    """What is known of the whole case changes nothing but the runs that it saves."""
    from lsm_deploy.parity.forensics import reference_run
    from lsm_deploy.parity.reduction import between, shrink

    program, given = case
    compared = ld.compare_sides(ld.prepare_sides("p.lsm", "s.npz", trace="t.npz"), thorough=True)
    found = ld.shrink_side(compared, ld.explain_sides(compared)[0], 60.0)

    def broken(program, given):
        return run_variant("rounding", program, given, program.network.state_names)

    alone = shrink(program, given, between(reference_run, broken))
    told = found.shrunk
    assert ld.program_id(told.program) == ld.program_id(alone.program)
    assert (told.stimulus.spikes == alone.stimulus.spikes).all()
    assert (told.asked, told.runs) == (alone.asked, alone.runs)
