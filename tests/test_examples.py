"""Every command's `--help` ends with examples, and every one of them runs, on files that others and these make."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from calls import SPEC, frames
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from test_conformance import CHANNELS, STEPS, by_the_oracle, layers, write_net
from test_regression import SPEC as SIGNALS
from test_regression import wave

import lsm_deploy as ld
from lsm_deploy.cli.app import COMMANDS, main
from lsm_deploy.data.templates import examples_folder
from lsm_deploy.report.published import COMMANDS as PUBLISHED

pytestmark = pytest.mark.once

SPACE = "projections.1.gain: {low: 0.5, high: 2.0, log: true}\n"
NEEDS = {"optuna": ["search"], "h5py": ["network.nir", "liquid.nir", "ground-truth"]}
"""What is an extra, and the words in an example that need it."""
ONCE = ("conformance ", "diagnose ", "quantise-report ", "--stream ")
"""Words of examples that are run as JSON alone: they take long, or write no second time. Other tests read the text."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with what a user calls it; `import-recording` goes first, whose folder `conformance` reads."""
    context = click.Context(main)
    for name in sorted(COMMANDS, key=lambda name: name != "import-recording"):
        command = main.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", command.commands[inner]) for inner in command.commands)
        else:
            yield name, command


def examples_of(command: click.Command) -> list[str]:
    lines = (command.epilog or "").removeprefix("\b\nExamples:\n").splitlines()
    return [line.removeprefix("  lsm-deploy ") for line in lines]


EXAMPLES = [(name, line) for name, command in commands() for line in examples_of(command)]


def run(line: str, *more: str) -> Result:
    """An example as a shell would run it, with its `<` and `>`."""
    words = shlex.split(line, comments=True)
    given = Path(words.pop(words.index("<") + 1)).read_text() if "<" in words else None
    target = Path(words.pop(words.index(">") + 1)) if ">" in words else None
    result = CliRunner().invoke(main, [*(word for word in words if word not in "<>"), *more], input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    if target is not None:
        target.write_text(result.stdout)
    return result


def lacking(line: str) -> str:
    """The package that an example needs and that is not here."""
    return next((n for n, words in NEEDS.items() if not find_spec(n) and set(words) & set(shlex.split(line))), "")


@cache
def validator(name: str) -> Draft202012Validator:
    """Of what a command publishes; a subcommand prints what its group says."""
    schema = ld.json_schema(name.split()[0])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def make_files() -> None:
    """What a user has: specs, data, and networks of others. Everything else comes of the examples."""
    Path("liquid.yaml").write_text(SPEC)
    Path("series.yaml").write_text(f"{SIGNALS}data: {{train: first.npz, test: then.npz}}\n")
    Path("space.yaml").write_text(SPACE)
    for name, seed in (("train", 0), ("test", 1), ("new", 2)):
        values, labels = frames(seed)
        np.savez(f"{name}.npz", frames=values, labels=labels)
    values, labels = frames(0)
    for name, nothing in (("digits", "nothing"), ("words", "rest")):
        np.savez("spoken.npz", frames=values, labels=np.where(labels == labels[0], nothing, labels))
        ld.save_model(f"{name}.model", ld.train(ld.load("liquid.yaml"), "spoken.npz"))
    Path("sound.txt").write_text(
        "\n".join(" ".join(f"{value:.4f}" for value in row) for row in values[:9].reshape(-1, 3))
    )
    np.savez("first.npz", frames=wave(200)[None])
    np.savez("then.npz", frames=wave(100, 200)[None])
    Path("frames.txt").write_text("\n".join(f"{value:.6f}" for (value,) in wave(20, 300)))
    rng = np.random.default_rng(0)
    np.savez("stimulus.npz", spikes=(rng.random((90, 3)) < 0.2).astype(np.int8), starts=[0, 50])
    np.savez("weights.npz", recurrent=rng.normal(size=(8, 8)) / 8, input=rng.normal(size=(8, 2)))
    Path("lif.csv").write_text("1,0,0\n0,640,0\n0,614,0\n")
    Path("lif.json").write_text(json.dumps({"weight": 10, "du": 4095, "dv": 163, "vth": 25}))
    if find_spec("h5py"):
        ld.export_nir(Path("network.nir"), ld.compile_spec(ld.load("liquid.yaml")).network)
        truth, spikes = Path("ground-truth"), (rng.random((CHANNELS, STEPS)) < 0.3).astype(int)
        truth.mkdir(exist_ok=True)
        write_net(truth / "dense.net", layers())
        np.save(truth / "input.npy", spikes)
        np.save(truth / "output.npy", by_the_oracle(layers(), spikes)[None])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.fixture
def folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the examples ran, to be called there once more."""
    monkeypatch.chdir(place)
    return place


@pytest.fixture(scope="module")
def results(place: Path) -> dict[str, list[Result]]:
    """What each example printed, as JSON where there is such and as text, in the order in which they stand."""
    before = os.getcwd()
    os.chdir(place)
    try:
        make_files()
        return {line: list(_runs(name, line)) for name, line in EXAMPLES if not lacking(line)}
    finally:
        os.chdir(before)


def _runs(name: str, line: str) -> Iterator[Result]:
    if has_json(name, line):
        yield run(line, "--json")
    if not any(word in line for word in ONCE):
        yield run(line)


def has_json(name: str, line: str) -> bool:
    return any(option.name == "as_json" for option in dict(commands())[name].params) and "--follow" not in line


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_has_examples_at_the_end_of_its_help(name: str) -> None:
    command = dict(commands())[name]
    lines = examples_of(command)
    assert lines, "give `examples(...)` as its epilog"
    assert all(line == name or line.startswith(f"{name} ") for line in lines)
    shown = click.Context(command, info_name=name, terminal_width=120)
    assert command.get_help(shown).rstrip().endswith(lines[-1])


@pytest.mark.parametrize(("name", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_every_example_runs(name: str, line: str, results: dict[str, list[Result]]) -> None:
    if package := lacking(line):
        pytest.skip(f"{package} is not here")
    for result in results[line]:
        assert result.exit_code == 0, result.output
        assert result.stdout or ">" in line
    if has_json(name, line):
        told = json.loads(results[line][0].stdout, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
        assert told["ok"]
        wrong = best_match(validator(name).iter_errors(told))
        assert wrong is None, f"{wrong.json_path}: {wrong.message:.300}"


def test_every_command_with_json_publishes_what_it_prints() -> None:
    printing = {name.split()[0] for name, command in commands() if has_json(name, "")}
    assert printing == set(PUBLISHED)


def printed(*words: str, status: int | None = 0) -> Any:
    """What a command prints as JSON, which is what it publishes."""
    result = run(shlex.join(words), "--json")
    assert status in (None, result.exit_code), result.output
    told = json.loads(result.stdout, parse_constant=pytest.fail)
    wrong = best_match(validator(words[0]).iter_errors(told))
    assert wrong is None, f"{wrong.json_path}: {wrong.message:.300}"
    return told


def test_mistakes_are_published_too(results: dict[str, list[Result]], folder: Path) -> None:
    for line in ("check nowhere.yaml", "predict liquid.yaml new.npz", "parity liquid.yaml --backends a,b"):
        assert not printed(*line.split(), status=None)["ok"]


def test_what_any_file_is_and_what_differs_is_published(results: dict[str, list[Result]], folder: Path) -> None:
    program = ld.load_program("liquid.lsm")
    ld.save_state("run.state", ld.start("fast", program).save(), program=ld.program_id(program))
    for file in ("liquid.lsm", "trace.npz", "stimulus.npz", "train.npz", "first.npz", "liquid.model", "series.model"):
        printed("inspect", file)
    printed("inspect", "run.state")
    for name in ("maass_column", "balanced_random"):  # with distances that are cut off, and samples at intervals
        printed("check", str(examples_folder() / f"{name}.yaml"))
    printed("check", "series.yaml")
    printed("predict", "series.model", "then.npz")
    printed("train", "liquid.yaml", "--on-chip", "-o", "chip.model")
    printed("inspect", "chip.model")
    printed("eval", "liquid.yaml", "--on-chip")
    trace = ld.load_trace("trace.npz")
    spikes = trace.trace.spikes.copy()
    spikes[7, 3] ^= 1
    ld.save_trace("other.npz", replace(trace.trace, spikes=spikes), program=trace.program, backend="mine")
    told = printed("parity", "liquid.yaml", "--trace", "other.npz", "--explain", status=1)
    assert (told["ok"], told["equal"], len(told["explanations"])) == (True, False, 1)
    printed("ci", "liquid.yaml", "series.yaml", status=1)


def test_what_is_not_published_is_noticed() -> None:
    good = {"ok": False, "errors": [{"what": "a", "where": "", "hint": "b"}]}
    assert not list(validator("check").iter_errors(good))
    bad_error = {"ok": False, "errors": [{"what": "a"}]}
    for bad in ({**good, "more": 1}, {**good, "ok": True}, {"errors": good["errors"]}, bad_error, {"ok": True}):
        assert list(validator("check").iter_errors(bad)), bad


def test_what_is_infinite_is_null(folder: Path) -> None:
    make_files()
    np.savez("still.npz", frames=np.full((1, 60, 1), 0.5))
    told = printed("eval", "series.yaml", "--train", "first.npz", "--test", "still.npz")
    assert (told["nrmse"], told["baselines"]["persistence"]["smape"]) == (None, 0.0)
