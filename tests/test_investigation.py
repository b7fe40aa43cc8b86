"""Comparing, explaining and shrinking in one go, as the command does it and as Python calls it."""

from __future__ import annotations

import json

import lsm_backends.emulator as emulator
import pytest
from click.testing import CliRunner
from liquid import liquid, stimulus

import lsm_deploy as ld
from lsm_deploy import report
from lsm_deploy.cli import main
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.variants import run_variant


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
    result = CliRunner().invoke(main, [*PARITY, "--backends", "fast,fast2", "--explain"])
    assert result.exit_code == 1, "there is no such backend"
    found = ld.investigate("p.lsm", "s.npz", on=("fast",), trace=trace_of_fast(case), explain=True, shrink=1.0)
    assert (found.comparison.equal, found.suspects, found.small, runs) == (True, (), None, [])


def trace_of_fast(case):
    program, given = case
    trace = ld.run_program("fast", program, given, program.network.state_names)
    ld.save_trace("fast.npz", trace, program=ld.program_id(program), backend="fast")
    return "fast.npz"


def test_python_is_told_what_the_command_prints(case):
    found = ld.investigate("p.lsm", "s.npz", trace="t.npz", registers=True, explain=True, shrink=5.0)
    result = CliRunner().invoke(main, [*PARITY, "--trace", "t.npz", *ALL], catch_exceptions=False)
    facts = json.loads(result.stdout)
    theirs = report.report_comparison(found.comparison).facts
    assert facts["verdicts"] == json.loads(json.dumps(theirs["verdicts"]))
    explained = [report.report_explanation(suspect.explanation).facts for suspect in found.suspects]
    assert facts["explanations"] == json.loads(json.dumps(explained))
    assert found.words == facts["stimulus"]
    assert found.small is not None
    assert found.small.stands_in
    small = report.report_shrunk(found.small.shrunk).facts
    assert {name: small[name] for name in ("neurons", "steps", "asked", "runs")} == {
        name: facts["shrunk"][name] for name in ("neurons", "steps", "asked", "runs")
    }


def test_a_shrunk_case_is_that_of_who_was_not_told_where_they_part(case):
    """What is known of the whole case changes nothing but the runs that it saves."""
    from lsm_deploy.parity.forensics import reference_run
    from lsm_deploy.parity.reduction import between, shrink

    program, given = case
    found = ld.investigate("p.lsm", "s.npz", trace="t.npz", shrink=60.0)

    def broken(program, given):
        return run_variant("rounding", program, given, program.network.state_names)

    alone = shrink(program, given, between(reference_run, broken))
    assert found.small is not None
    told = found.small.shrunk
    assert ld.program_id(told.program) == ld.program_id(alone.program)
    assert (told.stimulus.spikes == alone.stimulus.spikes).all()
    assert (told.asked, told.runs) == (alone.asked, alone.runs)
