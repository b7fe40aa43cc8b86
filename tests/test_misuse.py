"""Exit status 2 for what is asked wrongly, 1 for what files say: every option of every command with wrong values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from lsm_deploy import store
from lsm_deploy.cli import main
from lsm_deploy.cli.app import FILE
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.run.backends import load_backend
from lsm_deploy.spec import load

SPEC = """
dt_ms: 1.0
seed: 4
input: {channels: 3, encoder: {kind: rate, frame_ms: 5.0, max_rate_hz: 300.0}}
populations:
  liquid: {size: 24, inhibitory_fraction: 0.25, neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}}
projections:
  - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 2}, weight: 0.12}
  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, probability: 0.2}, weight: 0.05, delay_ms: 2.0}
readout: {population: liquid, features: {kind: bins, bins: 2}, folds: 3}
data: {train: train.npz, test: test.npz}
"""

BASE = {
    "check": ["spec.yaml"],
    "compile": ["spec.yaml", "-o", "x"],
    "run": ["spec.yaml", "-o", "x"],
    "parity": ["spec.yaml"],
    "eval": ["spec.yaml", "--data", "train.npz", "--split", "folds=2"],
    "train": ["spec.yaml", "-o", "x"],
    "predict": ["m.model", "test.npz"],
    "tune": ["spec.yaml", "-o", "x"],
    "search": ["spec.yaml", "-o", "x", "--trials", "1", "--journal", "j"],
    "sweep": ["spec.yaml", "--vary", "projections.0.gain=1,2", "--out", "x"],
    "robustness": ["spec.yaml", "--out", "x"],
    "diagnose": ["spec.yaml"],
    "quantise-report": ["spec.yaml"],
    "certify": ["spec.yaml", "--attack", "1"],
    "resources": ["spec.yaml"],
    "conformance": [],
    "ci": ["spec.yaml"],
    "schema": [],
    "import": ["weights.npz", "-o", "x", "--activation", "tanh"],
    "import-recording nir": ["one.csv", "-o", "x"],
    "import-recording lava-dl": ["folder", "-o", "x"],
    "export": ["spec.yaml", "--sanafe", "x"],
    "manual": [],
    "completion": [],
}
"""How each command is called, but for the option that is wrong."""

TEXT = {
    "--backend": ["emulater", "", "fast,brian", "FAST"],
    "--backends": ["emulator,nobody", "emulator", "fast,fast", ","],
    "--record": ["w", "u,w", "spikes"],
    "--split": ["nonsense", "folds=1", "folds=x", "folds=-2", "group-folds=0", "folds=99999999999999999999", ""],
    "--without": ["nobody"],
    "--population": ["nobody", ""],
    "--rate": ["-5", "0", "nan", "inf", "1e9"],
    "--branching": ["-1", "0", "nan", "inf", "2"],
    "--level": ["-1", "0", "nan", "inf", "1", "0.5"],
    "--vary": [
        "",
        "x",
        "x=1",
        "projections.0.gain=",
        "projections.0.gain=3..1",
        "populations.liquid.size=0.5,1",
        "seed=1,2",
    ],
    "--fault": [
        "",
        "x",
        "x=1",
        "jitter",
        "jitter=-1",
        "jitter=nan",
        "weight-bits=2",
        "lost-cores=0.5",
        "dead-neurons=few",
    ],
    "--fit-bits": ["x", "distance", "distance:", "distance:x", "distance:-1", "distance:nan", "distance:inf", ":1", ""],
    "--cluster": ["nobody", "", "nothing://x:1"],
    "--simulators": ["nobody", "lava,nobody"],
    "--spot": ["x", ""],
    "--nothing": ["x"],
    "--pattern": ["("],
    "--prefix": ["int", "1a", "a b", ""],
    "--after": ["x", "", ",", "-1", "nan", "0,inf", "1;2"],
    "--last": ["nan", "inf", "1e-9"],
    "--clip": ["1 0", "nan 1", "0 x"],
    "--input-range": ["1 0", "nan 1", "0 x"],
    "--dt-ms": ["0", "nan", "x"],
    "--max-synapses": ["1"],
    "--leak-rate": ["0", "2", "nan", "x"],
    "--state-range": ["-1", "nan", "inf", "x"],
    "--spectral-radius": ["-1", "0", "nan", "inf", "x"],
    "--recurrent": ["nobody"],
    "--input-layer": ["nobody"],
    "--storage": ["nothing", "", "nothing://x", "sqlite:///s"],
    "--study": ["", "x"],
    "topic": ["nothing"],
    "--time-limit": ["nan"],
    "--shrink-seconds": ["nan"],
}
"""Wrong values of what is no file, no choice and no bounded number, and of numbers those that a bound does not stop."""

NEVER_WRONG = {"--licence", "--source", "--recorded-on", "--board", "--partition", "--ignore"}
"""Text that says what it likes, or what is left out if it is there; a board and a partition are known to the host of a
board alone."""

BESIDE = {
    "--time-limit": ["--backend", "lava"],
    "--codegen": ["--backend", "brian"],
    "--after": ["--knows"],
    "--last": ["--knows"],
}
"""What an option needs beside it."""

REGISTERS = ("--weight", "--du", "--dv", "--vth", "--bias-mant", "--bias-exp", "--weight-exp", "--delay")


def commands(group: click.Group, context: click.Context, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, click.Context(command, context, info_name=name), f"{name} ")
        elif command is not None:
            yield before + name, command


def wrong_values(parameter: click.Parameter) -> list[str]:
    name, kind = max(parameter.opts, key=len), parameter.type
    if name in REGISTERS:
        return ["x", "1.5", "-99999999", "99999999999999999999"]
    values = list(TEXT.get(name, ()))
    if isinstance(kind, click.Choice):
        values += ["nothing", ""]
    if isinstance(kind, click.IntRange | click.FloatRange):
        assert kind.min is not None
        values += ["x", "", "1e", str(int(kind.min) - 1), *(["0"] if kind.min or kind.min_open else [])]
    if kind is click.INT or isinstance(kind, click.IntRange):
        values += ["1.5", "nan"]
    assert values or kind is FILE or name in NEVER_WRONG, f"{name} has no wrong value in the table"
    return values


def calls(name: str) -> Iterator[list[str]]:
    for parameter in dict(commands(main, click.Context(main)))[name].params:
        if isinstance(parameter, click.Option) and parameter.is_flag:
            continue
        option = max(parameter.opts, key=len)
        if option == "--time-limit" and load_backend("lava").missing():
            continue  # that Lava is not here comes first, and is no misuse
        for value in wrong_values(parameter):
            given = [option, *value.split(" ")] if option.startswith("-") else [value]
            beside = BESIDE.get(option, [])
            if name == "parity" and beside:
                beside = ["--backends", f"emulator,{beside[1]}"]
            yield [*name.split(), *BASE[name], *beside, *given]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("misuse")
    (folder / "spec.yaml").write_text(SPEC)
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        labels = np.arange(18) % 3
        values = rng.random((18, 8, 3)) * 0.5
        values[np.arange(18), :, labels] += 0.5
        groups = np.array(["ann", "bob"])[np.arange(18) // 3 % 2]
        np.savez(folder / f"{name}.npz", frames=values, labels=labels, groups=groups)
    (folder / "one.csv").write_text("0,0,0\n1,0,0\n0,3,0\n")
    (folder / "one.json").write_text('{"weight": 10, "du": 0, "dv": 0, "vth": 100}')
    (folder / "folder").mkdir()
    np.savez(folder / "weights.npz", W=np.eye(4), W_in=np.ones((4, 1)))
    call(folder, "train", "spec.yaml", "-o", "m.model")
    return folder


def call(folder: Path, *arguments: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(main, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("command", BASE)
def test_a_wrong_value_of_an_option_is_misuse(folder, command):
    wrong = []
    for arguments in calls(command):
        result = call(folder, *arguments)
        if result.exit_code != 2 or len(result.stderr.splitlines()) < 2 or (folder / "x").exists():
            wrong.append(f"{' '.join(arguments)}: status {result.exit_code}\n{result.output}")
            (folder / "x").unlink(missing_ok=True)
    assert not wrong, "\n".join(wrong)


def test_every_command_is_called():
    assert {name for name, _ in commands(main, click.Context(main))} == {
        *BASE,
        "inspect",
        "backends",
        "init",
        "doctor",
        "report",
    }  # have no option that can be wrong; a page says what it lacks


TOGETHER = [
    "tune spec.yaml -o x",
    "search spec.yaml -o x --trials 2 --journal j",
    "search spec.yaml -o x --trials 2",
    "search spec.yaml -o x --trials 2 --journal j --storage sqlite:///s",
    "search spec.yaml -o x --trials 2 --journal j --study s",
    "sweep spec.yaml --out x",
    "sweep nodata.yaml --out x --vary projections.0.gain=1,2",
    "sweep spec.yaml --out x --vary projections.0.gain=1 --vary projections.0.gain=2",
    "sweep spec.yaml --out x --vary projections.0.gain=0.5..2",
    "sweep spec.yaml --out x --vary projections.0.gain=1,2 --on test --train train.npz",
    "robustness nodata.yaml --out x",
    "robustness spec.yaml --out x --fault jitter=0",
    "eval nodata.yaml",
    "train nodata.yaml -o x",
    "eval spec.yaml --train train.npz",
    "eval spec.yaml --data train.npz",
    "eval spec.yaml --data train.npz --split folds=2 --train train.npz",
    "eval spec.yaml --split folds=2",
    "eval spec.yaml --seeds 2",
    "eval spec.yaml --without ann",
    "eval spec.yaml --tune-inside 2",
    "eval spec.yaml --data train.npz --split folds=2 --space space.yaml",
    "eval spec.yaml --data train.npz --split folds=2 --tune-inside 2",
    "eval spec.yaml --data train.npz --split folds=2 --without ann,bob",
    "eval spec.yaml --data train.npz --split folds=19",
    "eval spec.yaml --data train.npz --split group-folds=3",
    "eval spec.yaml --data train.npz --split official",
    "parity spec.yaml --view chip",
    "parity spec.yaml --backends emulator,fast --codegen numpy",
    "parity spec.yaml --shrink-seconds 5",
    "run spec.yaml -o x --board oheo_gulch",
    "run spec.yaml",
    "run spec.yaml -o spec.yaml",
    "certify spec.yaml --neuron 1",
    "certify spec.yaml -o x",
    "certify spec.yaml --attack 1 --neuron 99",
    "diagnose p.lsm --train train.npz",
    "diagnose spec.yaml --after 0,100",
    "diagnose spec.yaml --last 100",
    "quantise-report nodata.yaml --fit-bits accuracy:1",
    "compile p.lsm -o x --certified",
    "export spec.yaml",
    "export spec.yaml --lava x --sanafe y",
    "export spec.yaml --lava x --trace t.npz",
    "export spec.yaml --lava x --backend fast",
    "resources spec.yaml --trace t.npz --backend fast",
    "predict m.model --follow --refractory 3",
    "predict m.model --follow --spot 3 --every 2",
    "predict m.model --follow --spot 3 --nothing x",
    "predict m.model --follow --nothing a",
    "predict m.model test.npz --nothing a",
    "predict m.model --follow --nothing 0 --spot 12345678901234567890123",
    "predict m.model --follow --nothing 0 --spot 3 --refractory 12345678901234567890123",
    "predict m.model test.npz --spot 3",
    "manual commandz",
    "no-such-command",
]


@pytest.mark.parametrize("line", TOGETHER)
def test_what_does_not_go_together_is_misuse(folder, line):
    (folder / "nodata.yaml").write_text(SPEC.replace("data: {", "# {"))
    store.save_program(folder / "p.lsm", compile_spec(load(folder / "spec.yaml")).program)
    result = call(folder, *line.split())
    assert result.exit_code == 2, result.output
    assert not (folder / "x").exists()


@pytest.mark.parametrize(
    ("line", "what", "where"),
    [
        ("predict m.model test.npz --spot 3", "go with --follow", " predict"),
        ("predict m.model test.npz --window x", "invalid value for '--window': 'x' is not", " predict"),
        ("predict --bogus", "--bogus", " predict"),
        ("predict", "missing argument 'MODEL'", " predict"),
        ("check spec.yaml more", "got unexpected extra argument (more)", " check"),
        ("no-such-command", "no such command 'no-such-command'", ""),
        ("--bogus check spec.yaml", "--bogus", ""),
        ("import-recording nir", "missing argument 'FILE.csv'", " import-recording nir"),
    ],
)
def test_how_a_command_is_called_is_told_as_json_where_that_is_asked_for(folder, line, what, where):
    plain, asked = call(folder, *line.split()), call(folder, *line.split(), "--json")
    assert (asked.exit_code, asked.stderr) == (plain.exit_code, "") == (2, "")
    assert (plain.stdout, plain.stderr[:6]) == ("", "Usage:")
    facts = json.loads(asked.stdout)
    assert (facts["ok"], len(facts["errors"])) == (False, 1)
    error = facts["errors"][0]
    assert what in error["what"]
    name = f"main{where}"
    assert (error["where"], error["hint"]) == (name, f"see `{name} --help`")
    assert call(folder, *line.split(), "--", "--json").stdout == ""


FILES = [
    "check none.yaml",
    "run spec.yaml -o none/x",
    "run spec.yaml -o .",
    "predict test.npz test.npz",
    "eval spec.yaml --train none.npz --test test.npz",
    "eval bad.yaml --split folds=2 --data train.npz",
    "eval spec.yaml --split folds=2 --data train.npz --tune-inside 1 --space none.yaml",
    "parity spec.yaml --trace none.npz",
    "search spec.yaml -o x --trials 2 --journal j --space none.yaml",
    "conformance none",
]


@pytest.mark.parametrize("line", FILES)
def test_what_files_say_is_status_1(folder, line):
    (folder / "bad.yaml").write_text(SPEC.replace("size: 24", "size: -24"))
    result = call(folder, *line.split())
    assert result.exit_code == 1, result.output


def test_misuse_among_other_mistakes_is_misuse():
    mistakes = [LsmError("the file is wrong"), MisuseError("and so is the option")]
    with pytest.raises(LsmError) as caught:
        raise_all(mistakes)
    assert [isinstance(each, MisuseError) for each in caught.value.each()] == [False, True]


def test_ctrl_c_is_status_130(folder, monkeypatch):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("lsm_deploy.learn.deployable.check_spec", stopped)
    monkeypatch.setattr("lsm_deploy.check_spec", stopped, raising=False)
    result = call(folder, "check", "spec.yaml")
    assert (result.exit_code, result.stderr) == (130, "stopped\n")


@pytest.mark.parametrize(
    ("function", "command"),
    [
        ("sweep", "sweep spec.yaml --vary seed=1 --out o"),
        ("robustness", "robustness spec.yaml --out o"),
        ("search_file", "search spec.yaml --trials 1 --journal j -o x"),
    ],
)
def test_ctrl_c_of_what_is_kept_says_how_to_go_on(folder, monkeypatch, function, command):
    def stopped(*arguments, **options):
        options["progress"](1, 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(f"lsm_deploy.{function}", stopped, raising=False)
    result = call(folder, *command.split())
    assert (result.exit_code, result.stderr) == (130, "stopped; the same command goes on from there\n")
