"""Hints work for somebody who installed from an index: no paths of the repository, and only commands that there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from test_misuse import SPEC, commands

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.data.checks import check_labels
from lsm_deploy.report.manual import TOPICS

ROOT = Path(__file__).parents[1]
EXTRAS = set(
    re.findall(
        r"^(\w+) = \[",
        (ROOT / "pyproject.toml").read_text().partition("optional-dependencies]")[2].partition("\n[")[0],
        re.M,
    )
)


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the sources that is no docstring, with the names in braces left out."""
    for file in sorted([*(ROOT / "lsm_deploy").rglob("*.py"), *(ROOT / "backends").rglob("*.py")]):
        tree = ast.parse(file.read_text())
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inside = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in ast.walk(node)
            if part is not node
        }
        for node in ast.walk(tree):
            if id(node) in alone or id(node) in inside:
                continue
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
                yield f"{file.relative_to(ROOT)}:{node.lineno}", "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node.value


TEXTS = list(texts())
COMMANDS = {name: command for name, command in commands(main, click.Context(main))}
ELSEWHERE = ("exchange/", "parity/reduction/", "conformance/lavadl", "conformance.py", "lava/")
"""Texts that go into folders for others, or name files of others'."""


@pytest.mark.parametrize(
    "wrong",
    [
        "pip install -e",
        r"'\.\[",
        r"\bmake (check|test|lava|bench|\w+ [A-Z]+=)",
        r"\bconfigs/\w",
        r"\.\./shared",
        r"\btests/",
    ],
)
def test_nothing_of_the_repository_is_hinted_at(wrong):
    assert [at for at, text in TEXTS if re.search(wrong, text) and not any(part in at for part in ELSEWHERE)] == []


def test_what_is_to_be_installed_is_an_extra_or_a_package():
    named = [
        (at, extra)
        for at, text in TEXTS
        for extras in re.findall(r"lsm-deploy\[([\w,]+)\]", text)
        for extra in extras.split(",")
    ]
    assert {extra for _, extra in named} <= EXTRAS
    assert len(named) > 5


def test_commands_and_options_in_hints_are_there():
    wrong = []
    for at, text in TEXTS:
        for line in re.findall(r"`lsm-deploy ([^`]+)`", text):
            words = line.split()
            name = " ".join(words[:2]) if words[0] == "import-recording" and len(words) > 1 else words[0]
            if name not in {*COMMANDS, "import-recording"} or (
                name == "manual" and len(words) > 1 and words[1] not in [t for group in TOPICS.values() for t in group]
            ):
                wrong.append((at, line))
            elif name in COMMANDS:
                options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
                wrong += [(at, line) for word in words if word.startswith("--") and word not in options]
    assert not wrong


def test_options_in_hints_are_there():
    """Also where no command is named: some command has them."""
    known = {option for command in COMMANDS.values() for parameter in command.params for option in parameter.opts}
    known |= {"--no-", "--no-board", "--simulated", "--help", "--version"}
    known |= {"--update-program-ids"}  # of pytest, by the plugin
    known |= {"--scheduler-file", "--no-dashboard"}  # of Dask's scheduler
    at_all = [(at, option) for at, text in TEXTS for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)]
    assert [each for each in at_all if each[1] not in known and not any(part in each[0] for part in ELSEWHERE)] == []


def test_public_names_in_hints_are_there():
    named = [(at, name) for at, text in TEXTS for name in re.findall(r"`?\bld\.(\w+)", text)]
    assert [each for each in named if not hasattr(ld, each[1])] == []


def test_values_are_said_to_be_no_labels(tmp_path):
    rng = np.random.default_rng(0)
    frames, values = rng.random((40, 5, 3)), rng.random(40)
    np.savez(tmp_path / "floats.npz", frames=frames, labels=values)
    with pytest.raises(ld.LsmError, match=r"labels are values such as 0\.\d+, and labels are classes") as caught:
        ld.load_raw(tmp_path / "floats.npz")
    assert "`data: {targets: [...]}`" in caught.value.hint
    text = [str(round(value, 3)) for value in values]
    np.savez(tmp_path / "text.npz", frames=frames, labels=text)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("train.npz, test: test.npz", "text.npz, test: text.npz"))
    with pytest.raises(ld.LsmError, match="labels are different numbers, such as") as caught:
        ld.train(ld.load(tmp_path / "spec.yaml"))
    assert len(str(caught.value)) < 400


def test_many_unknown_classes_are_counted_and_not_listed():
    def data(names: list[str]) -> ld.Frames:
        values = np.random.default_rng(0).random((len(names), 2))
        return ld.Frames(values, np.arange(len(names)), tuple(names), "x")

    with pytest.raises(
        ld.LsmError, match=r"class .* and 295 more of the test data is not in the training data"
    ) as caught:
        check_labels(data(["a", "b"] * 300), data([f"c{i}" for i in range(300)]))
    assert len(str(caught.value)) < 400


def test_two_missing_files_are_named_at_once(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    with pytest.raises(ld.LsmError) as caught:
        ld.evaluate(ld.load(tmp_path / "spec.yaml"))
    assert [Path(error.where).name for error in caught.value.each()] == ["train.npz", "test.npz"]
    with pytest.raises(ld.LsmError) as caught:
        ld.evaluate(ld.load(tmp_path / "spec.yaml"), "a.npz", "b.npz")
    assert [error.where for error in caught.value.each()] == ["a.npz", "b.npz"]
