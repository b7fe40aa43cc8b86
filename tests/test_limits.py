"""What a backend lacks is said before anything runs: which backend, which neuron kind, and where it can run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from lsm_backends import fast
from programs import ALL_KINDS, random_case, random_program

from lsm_deploy import load
from lsm_deploy.cli import main
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.limits import Limits
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.report.programs import report_program
from lsm_deploy.report.text import to_text
from lsm_deploy.run import backends as backend
from lsm_deploy.store import load_trace

CONFIGS = Path(__file__).parents[1] / "configs"
TERNARY = CONFIGS / "ternary.yaml"
"""One population of neurons that spike up and down, and delays of up to 5 steps among them."""


def stand_in(monkeypatch: pytest.MonkeyPatch, limits: Limits) -> list[str]:
    """A backend `small` of these limits; the list of what was run."""
    ran: list[str] = []
    module = SimpleNamespace(LIMITS=limits, missing=lambda: None, run=lambda *_: ran.append("small"))
    emulate = backend.load_backend("emulator").run
    emulator = SimpleNamespace(missing=lambda: None, run=lambda *given: (ran.append("emulator"), emulate(*given))[1])
    real = backend.load_backend
    fakes: dict[str, Any] = {"small": module, "emulator": emulator}
    monkeypatch.setitem(backend.BACKENDS, "small", "small")
    monkeypatch.setattr(backend, "load_backend", lambda name: fakes.get(name) or real(name))
    return ran


KIND = """\
error: population 'liquid': backend 'small' has no rule for neurons of kind 'TernaryLIF', only for LIF
  run it on 'emulator', 'fast', 'brian' or 'lava'
"""
WIDTH = """\
error: projection 'liquid->liquid:exc': backend 'small' has messages of one bit, and spikes of kind 'TernaryLIF' carry a sign
  run it on 'emulator', 'fast', 'brian' or 'lava'
error: projection 'liquid->liquid:inh': backend 'small' has messages of one bit, and spikes of kind 'TernaryLIF' carry a sign
  run it on 'emulator', 'fast', 'brian' or 'lava'
"""  # noqa: E501
DELAY = """\
error: projection 'liquid->liquid:exc': backend 'small' has delays of up to 3 steps, a synapse onto neurons of kind 'TernaryLIF' has one of 5
  shorten it, or run it on 'emulator', 'fast', 'brian' or 'lava'
error: projection 'liquid->liquid:inh': backend 'small' has delays of up to 3 steps, a synapse onto neurons of kind 'TernaryLIF' has one of 5
  shorten it, or run it on 'emulator', 'fast', 'brian' or 'lava'
"""  # noqa: E501


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(kinds=("LIF",), signed_messages=False), KIND),
        (Limits(signed_messages=False), WIDTH),
        (Limits(longest_delay=3), DELAY),
    ],
    ids=["kind", "message width", "delay"],
)
@pytest.mark.parametrize("command", ["run", "parity"])
def test_what_a_backend_lacks_is_refused_before_anything_runs(
    command: str, limits: Limits, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = stand_in(monkeypatch, limits)
    options = {"run": ["--backend", "small", "-o", str(tmp_path / "x.npz")], "parity": ["--backends", "emulator,small"]}
    result = CliRunner().invoke(main, [command, str(TERNARY), *options[command]])
    assert result.exit_code == 1
    assert result.stderr == message
    assert ran == []


def test_nobody_joins_a_community_in_vain(tmp_path: Path) -> None:
    """Whether or not there is a board here, what it lacks comes first."""
    result = CliRunner().invoke(main, ["run", str(TERNARY), "--backend", "loihi2", "-o", str(tmp_path / "x.npz")])
    assert result.exit_code == 1
    assert result.stderr == KIND.replace("small", "loihi2")


TABLE = "whether a neuron's program on the chip can hold the table of tanh is unknown"


def test_a_board_says_why_it_has_no_graded_neurons_and_what_it_thinks_of_tables() -> None:
    program, _ = random_case(1, kinds=("GradedLI",), sizes=(3,), interval=0)
    (p,) = program.network.populations
    for activation, sentences in ((3, 2), (4, 1)):
        registers = {**p.registers, "activation": np.full(3, activation), "output": np.zeros(3, np.int64)}
        network = replace(program.network, populations=(replace(p, registers=registers),), input=BINARY)
        with pytest.raises(LsmError) as caught:
            backend.check(["loihi2"], replace(program, network=network))
        found = [error.what for error in caught.value.each()]
        assert len(found) == sentences
        assert found[0] == (
            "backend 'loihi2' has no rule for neurons of kind 'GradedLI', only for LIF:"
            " a program for it is microcode of Loihi 2, whose assembler is not public"
        )
        assert (
            found[1:]
            == ["whether a neuron's program on the chip can hold the table of tanh is unknown"][: sentences - 1]
        )


@pytest.mark.parametrize(("activation", "board", "said"), [(3, "oheo_gulch", 1), (4, "oheo_gulch", 0), (3, "none", 0)])
def test_a_table_that_is_placed_on_a_board_is_said_in_the_report(activation: int, board: str, said: int) -> None:
    program, _ = random_case(1, kinds=("GradedLI",), sizes=(3,), interval=0)
    (p,) = program.network.populations
    registers = {**p.registers, "activation": np.full(3, activation), "output": np.zeros(3, np.int64)}
    network = replace(program.network, populations=(replace(p, registers=registers),))
    placed = place_network(network, BOARDS[board])
    words = "whether a core can hold the table of tanh is unknown; write `activation: quadratic`"
    assert to_text(report_program(placed).blocks).count(words) == said


def test_graded_input_is_refused_where_it_would_be_taken_for_a_bit() -> None:
    program, _ = random_case(1, kinds=("LIF",), sizes=(3,), channels=2)
    program = replace(program, network=replace(program.network, input=Message(8, True, 7)))
    with pytest.raises(LsmError, match="backend 'loihi2' has no rule for input of integers from -127 to 127"):
        backend.check(["loihi2"], program)
    backend.check(["emulator", "fast", "lava"], program)


def test_these_backends_have_all_kinds() -> None:
    programs = [random_program(np.random.default_rng(seed)) for seed in range(24)]
    assert {p.kind for program in programs for p in program.network.populations} == set(ALL_KINDS)
    for program in programs:
        backend.check(["emulator", "fast", "brian", "lava"], program)


def test_what_several_backends_lack_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, Limits(longest_delay=3))
    program: Program = compile_spec(load(TERNARY)).program
    program = replace(program, network=replace(program.network, sample_interval=20))
    with pytest.raises(LsmError) as caught:
        backend.check(["emulator", "small", "loihi2"], program)
    found = [(error.where, error.hint) for error in caught.value.each()]
    assert found == [
        ("projection 'liquid->liquid:exc'", "shorten it, or run it on 'emulator', 'fast', 'brian' or 'lava'"),
        ("projection 'liquid->liquid:inh'", "shorten it, or run it on 'emulator', 'fast', 'brian' or 'lava'"),
        ("population 'liquid'", "run it on 'emulator', 'fast', 'brian' or 'lava'"),
        ("backend 'loihi2'", "compile with an interval of 32 steps"),
    ]


# --- the backend that nobody chose -----------------------------------------------------------------------------------

LACKS = "population 'liquid': backend 'fast' has no rule for neurons of kind 'TernaryLIF', only for LIF"


def test_the_emulator_runs_what_the_fast_backend_lacks_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    program: Program = compile_spec(load(TERNARY)).program
    stimulus = Stimulus(np.ones((30, program.network.channels)), np.array([0]))
    expected = backend.run_program(backend.DEFAULT, program, stimulus)
    monkeypatch.setattr(fast, "LIMITS", Limits(kinds=("LIF",)))
    with pytest.warns(LsmWarning, match=f"^{LACKS}; the emulator runs it, which takes longer$"):
        trace = backend.run_program(backend.DEFAULT, program, stimulus)
    assert np.array_equal(trace.spikes, expected.spikes)
    with pytest.raises(LsmError, match=LACKS):  # where it was chosen
        backend.run_program("fast", program, stimulus)


@pytest.mark.filterwarnings("default")
def test_a_command_says_it_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "LIMITS", Limits(kinds=("LIF",)))
    call = ["run", str(TERNARY), "-o", str(tmp_path / "x.npz")]
    result = CliRunner().invoke(main, call)
    assert (result.exit_code, result.stderr) == (0, f"note: {LACKS}; the emulator runs it, which takes longer\n")
    assert load_trace(tmp_path / "x.npz").backend == "emulator"
    assert CliRunner().invoke(main, [*call, "--quiet"]).stderr == ""
    result = CliRunner().invoke(main, [*call, "--backend", "fast"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {LACKS}\n")
