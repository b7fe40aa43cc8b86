"""For the tests of somebody's own liquids: assertions, and a plugin that pytest finds where this package is installed.

    from lsm_deploy.testing import assert_accuracy, assert_parity

    def test_backends_agree():
        assert_parity("liquid.yaml", backends=["emulator", "fast"])

    def test_it_is_good_enough():
        assert_accuracy("liquid.yaml", at_least=0.95)

    def test_the_program_is_the_one_that_was_reviewed(golden_program):
        golden_program("liquid.yaml")

    def test_the_board_agrees(loihi2):
        assert_parity("liquid.yaml", backends=["emulator", loihi2], registers=False)

`golden_program` keeps the names of programs in a file beside the test; `pytest --update-program-ids` writes it, and
says so at its end. (That option has a name of its own: many a project has an `--update-golden`, and pytest ends where
two ask for one name.) Tests that take the fixture `loihi2`, or are marked so, run where `LOIHI_GEN` says that there is
a board, and skip elsewhere. pytest loads this file in every run of everybody: it imports nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lsm_deploy.learn.deployable import Compilable
    from lsm_deploy.parity.investigation import Comparison

__all__ = ["assert_accuracy", "assert_parity", "assert_program_id"]

_UPDATE = "--update-program-ids"
_RECORDED = "recorded program"


# --- assertions ----------------------------------------------------------------------------------------------------


def assert_parity(
    source: Compilable,
    backends: Sequence[str] = (),
    samples: int | None = 5,
    registers: bool = True,
    input: str | Path | None = None,
) -> Comparison:
    """Fail unless all backends give the same spikes, and the same values of every register; and where nothing spikes.

    source: a spec, a program or a model, or a file of one. backends: all that are here, if none are named; the first is
    compared with each other one. samples: the first so many of the spec's test data, or of `input`. The failure says
    where they differ, and why, as `lsm-deploy parity --explain` does.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    from lsm_deploy.parity.investigation import compare_sides, explain_sides, prepare_sides
    from lsm_deploy.report.comparison import report_comparison
    from lsm_deploy.report.forensics import report_explanation
    from lsm_deploy.report.text import to_text

    sides = prepare_sides(source, input, samples, on=backends)
    compared = compare_sides(sides, registers=registers)
    if not compared.equal:
        blocks = report_comparison(compared).blocks
        for suspect in explain_sides(compare_sides(sides, registers=registers, thorough=True)):
            blocks += report_explanation(suspect.explanation).blocks
        raise AssertionError(f"backends differ on {sides.words}\n{to_text(blocks)}")
    if not any(verdict.spikes[0] for verdict in compared.verdicts):
        raise AssertionError(f"no neuron spikes on {sides.words}: to agree on it proves nothing")
    return compared


def assert_accuracy(
    source: Compilable,
    at_least: float | None = None,
    *,
    nrmse_at_most: float | None = None,
    train: str | Path | None = None,
    test: str | Path | None = None,
    backend: str = "auto",
) -> float:
    """Fail unless a readout is as good as that on test data; the figure is returned.

    source: a spec, whose readout is trained here, or a trained model; or a file of one. at_least: of accuracy, for
    readouts of classes; nrmse_at_most: for those of signals. train, test: files of data, instead of the spec's own; a
    model needs `test`.
    """
    __tracebackhide__ = True
    from lsm_deploy.core.errors import MisuseError
    from lsm_deploy.learn.deployable import compile_any
    from lsm_deploy.measure.scored import score_model, score_spec

    if (at_least is None) == (nrmse_at_most is None):
        hint = "give `at_least` for a readout of classes, `nrmse_at_most` for one of signals"
        raise MisuseError("one bound is needed", where="assert_accuracy", hint=hint)
    made = compile_any(source)
    if made.model is not None:
        if test is None or train is not None:
            hint = "give `test`, and no `train`"
            raise MisuseError("a model is tested on data that are named", where="assert_accuracy", hint=hint)
        score = score_model(made.model, test, backend)
    elif made.spec is not None:
        score = score_spec(made.spec, train, test, backend)
    else:
        what, hint = "a program has no readout", "give its spec, or a trained model"
        raise MisuseError(what, where="assert_accuracy", hint=hint)
    bound = at_least if score.name == "accuracy" else nrmse_at_most
    if bound is None:
        other = "nrmse_at_most" if score.name == "nrmse" else "at_least"
        raise MisuseError(f"the readout has an {score.name}", where="assert_accuracy", hint=f"give `{other}`")
    if not (score.value >= bound if score.name == "accuracy" else score.value <= bound):
        side = "below" if score.name == "accuracy" else "above"
        raise AssertionError(f"{score.name} is {score.value:.4g} ({score.words}), {side} {bound:g}")
    return score.value


def assert_program_id(source: Compilable, program: str) -> None:
    """Fail unless it compiles to the program of this name, 16 hex digits that are equal if and only if programs are."""
    __tracebackhide__ = True
    name = _program_id(source)
    if name != program:
        raise AssertionError(f"{_called(source)} compiles to program {name}, not to {program}")


def _program_id(source: Compilable) -> str:
    from lsm_deploy.learn.deployable import compile_any
    from lsm_deploy.store import program_id

    return program_id(compile_any(source).program)


def _called(source: object) -> str:
    return Path(source).name if isinstance(source, str | Path) else f"the {type(source).__name__}"


# --- the plugin ----------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lsm-deploy")
    group.addoption(_UPDATE, action="store_true", help="lsm-deploy: record programs anew instead of comparing them.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "loihi2: runs on a Loihi 2 board, which LOIHI_GEN says is here; skipped elsewhere"
    )
    if config.getoption(_UPDATE) and os.environ.get("CI"):
        raise pytest.UsageError(f"{_UPDATE} on a CI machine (CI is set) would let every change pass: run it at home")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("loihi2") is not None:
        _require_board()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was recorded: reports carry it, from other processes as well."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    recorded = [words for each in reports for key, words in getattr(each, "user_properties", ()) if key == _RECORDED]
    if recorded:
        terminalreporter.section("programs recorded anew: look at them")
        for words in dict.fromkeys(recorded):
            terminalreporter.write_line(words)


@pytest.fixture
def loihi2() -> str:
    """The name of the backend that runs on the board that is here; the test skips where there is none.

    It fails where `LOIHI_GEN` says that there is one and it cannot be used.
    """
    return _require_board()


def _require_board() -> str:
    from lsm_deploy.parity.suite import GENERATION, board_asked
    from lsm_deploy.run.backends import BOARD, load_backend

    if not board_asked():
        pytest.skip(f"no Loihi 2 board: {GENERATION} is not set")
    if why := load_backend(BOARD).missing():
        pytest.fail(f"{GENERATION} is {os.environ[GENERATION]}, and {why}", pytrace=False)
    return BOARD


@pytest.fixture
def golden_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Fail unless a spec compiles to the program whose name stands in the file beside the test.

    Call it with a spec or a file of one, and with `name`, by which it is recorded, where that is not the file's own.
    For tests in `test_liquid.py` the file is `test_liquid.programs.txt`.
    """
    file = request.path.with_suffix(".programs.txt")

    def compare(source: Compilable, name: str | None = None) -> None:
        __tracebackhide__ = True
        from filelock import FileLock

        known, program = name or _called(source), _program_id(source)
        if request.config.getoption(_UPDATE):
            with FileLock(tmp_path_factory.getbasetemp().parent / f"{file.name}.lock"):  # processes of xdist
                before = _read(file)
                if before.get(known) != program:
                    _write(file, {**before, known: program})
                    words = f"{file.name}: {known} {before.get(known, 'new')} -> {program}"
                    request.node.user_properties.append((_RECORDED, words))
            return
        golden = _read(file).get(known)
        if golden is None:
            raise AssertionError(f"{file.name} has no program of {known}: run `pytest {_UPDATE}`, and commit the file")
        if golden != program:
            hint = f"if it was to change, run `pytest {_UPDATE}`"
            raise AssertionError(f"{known} compiles to program {program}, and {golden} is recorded: {hint}")

    return compare


def _read(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    pairs = [(name, program) for name, _, program in (line.rpartition(" ") for line in lines if line.strip())]
    names = [name for name, _ in pairs]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:  # a merge that was not resolved
        raise AssertionError(f"{file.name} has two programs of {', '.join(twice)}: keep one of each")
    return dict(pairs)


def _write(file: Path, programs: dict[str, str]) -> None:
    from lsm_deploy.store.whole import write_text

    write_text(file, "".join(f"{name} {programs[name]}\n" for name in sorted(programs)))
