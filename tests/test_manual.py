"""The manual and the READMEs: every page prints, and names commands, options, topics and files that there are."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import lsm_deploy as ld
from lsm_deploy.cli.app import main
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.data.templates import examples_folder
from lsm_deploy.report.manual import TOPICS
from lsm_deploy.spec import schema

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "lsm_deploy" / "manual"
READMES = [ROOT / folder / "README.md" for folder in ("", "lsm_deploy", "configs", "tests")]
WRITTEN = [*sorted(PAGES.glob("*.md")), *READMES]
NAMES = [topic for group in TOPICS.values() for topic in group]
SHOWN = (*WRITTEN, *sorted((ROOT / "configs").glob("*.yaml")), *sorted((ROOT / "lsm_deploy").rglob("*.py")))
"""Whatever tells a user which command to give."""


def shown(topic: str | None = None) -> str:
    run = CliRunner().invoke(main, ["manual", *([topic] if topic else [])])
    assert run.exit_code == 0, run.output
    return run.output


def commands_in(text: str) -> list[list[str]]:
    """The words of each command line after `lsm-deploy`: in backticks, or a line of its own."""
    lines = re.findall(r"`lsm-deploy ([^`]*)`|^[ #*-]*(?:run: )?lsm-deploy (?!\[)(.*)$", text, re.MULTILINE)
    return [shlex.split((quoted or line).partition("  ")[0], comments=True) for quoted, line in lines]


def unknown_in(words: list[str]) -> list[str]:
    """What of a command line there is not: the command, or an option."""
    if not words or words[0] == "COMMAND" or words[0].startswith("-"):
        return []
    group: click.Group = main
    while True:
        command = group.get_command(click.Context(group), words[0])
        if command is None:
            return words[:1]
        words = words[1:]
        if not isinstance(command, click.Group) or not words:
            break
        group = command
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in words if word.startswith("-") and word != "-" and word not in known | {"-h", "--help"}]


@pytest.mark.parametrize("topic", NAMES)
def test_every_topic_prints(topic: str) -> None:
    text = shown(topic)
    assert text.startswith("# ")
    assert " at 0x" not in text  # which would be another one in every run
    assert len(text) > 300
    if topic == "commands":
        with pytest.raises(ld.LsmError, match="makes its own page"):
            ld.manual_page(topic)
    else:
        assert text.strip() == ld.manual_page(topic).strip()


def test_topics_are_the_pages_and_those_that_are_made() -> None:
    made = {"spec", "neurons", "files", "commands", "python", "measures", "examples"}
    assert {page.stem for page in PAGES.glob("*.md")} | made == set(NAMES)
    assert len(NAMES) == len(set(NAMES))
    listed = shown()
    assert all(re.search(rf"^  {topic} +\w", listed, re.MULTILINE) for topic in NAMES)


def test_a_topic_that_there_is_not() -> None:
    with pytest.raises(LsmError, match="no topic 'own-dat'") as caught:
        ld.manual_page("own-dat")
    assert "'own-data'" in caught.value.hint
    run = CliRunner().invoke(main, ["manual", "../README"])
    assert (run.exit_code, run.output.split("\n")[0]) == (2, "error: the manual has no topic '../README'")


@pytest.mark.parametrize("file", SHOWN, ids=lambda file: str(file.relative_to(ROOT)))
def test_commands_and_their_options_exist(file: Path) -> None:
    for words in commands_in(file.read_text()):
        assert not unknown_in(words), words
        if words[:1] == ["manual"] and words[1:] not in ([], ["[TOPIC]"], ["TOPIC"]):
            assert words[1].rstrip('",') in NAMES, words


def test_what_is_not_a_command_is_seen() -> None:
    assert commands_in("`lsm-deploy run A -o B`\n    lsm-deploy check A  every mistake\n") == [
        ["run", "A", "-o", "B"],
        ["check", "A"],
    ]
    assert unknown_in(["chek", "A"]) == ["chek"]
    assert unknown_in(["check", "A", "--strikt"]) == ["--strikt"]
    assert unknown_in(["import-recording", "nirr", "A"]) == ["nirr"]


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_targets_and_files_exist(file: Path) -> None:
    text = file.read_text()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (file.parent / link).exists(), link
    for path in re.findall(r"`((?:configs|tests|lsm_deploy|backends|hardware-tests)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"(?:^ {4}|`)make ([a-z][\w-]*)", text, re.MULTILINE):
        assert target in targets, target
    for name in re.findall(r"\bld\.(\w+)", text):
        assert name in ld.__all__, name


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_pages_do_not_send_anybody_into_the_source() -> None:
    for page in PAGES.glob("*.md"):
        assert not re.search(r"lsm_deploy/\w+.*\.py", page.read_text()), page


def test_examples_and_tests_are_those_that_their_readmes_name() -> None:
    examples = {path.name for path in (ROOT / "configs").iterdir()} - {"README.md"}
    assert examples <= set(re.findall(r"`([\w.-]+)`", (ROOT / "configs" / "README.md").read_text()))
    tests = {path.stem for path in (ROOT / "tests").glob("test_*.py")}
    named = re.findall(r"`(test_\w+)`", (ROOT / "tests" / "README.md").read_text())
    assert set(named) <= tests
    assert len(named) == len(set(named))


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "lsm_deploy" / "README.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "lsm_deploy").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == rooms
    for room, first in re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", text, re.MULTILINE):
        assert all((ROOT / "lsm_deploy" / room / file).exists() for file in re.findall(r"`([^`]+)`", first)), room


def test_the_reference_of_a_spec_has_every_section_and_field() -> None:
    text = ld.manual_page("spec")
    for name in schema.__all__:
        section = getattr(schema, name)
        for field in fields(section) if is_dataclass(section) else ():
            if field.name not in (
                "kind",
                "length",
                "scale",
            ):  # what tells kinds apart, and two that files call otherwise
                assert re.search(rf"^    {field.name} ", text, re.MULTILINE), (name, field)
    for kind, definition in KINDS.items():
        assert f"kind: {kind}" in text
        for field in (*definition.Parameters.__dataclass_fields__, *definition.Registers.__dataclass_fields__):
            assert re.search(rf"^    {field} ", text, re.MULTILINE), (kind, field)
    assert "    lambda                 number > 0; required." in text
    assert "    weight_bits            whole number >= 1 and <= 15; default 8." in text
    assert "tau_syn_ms             number >= 0 or distribution, in ms; default 5.0. Time constant" in text


def test_examples_are_found_where_they_are() -> None:
    assert (examples_folder() / "japanese_vowels.yaml").exists()
    assert str(examples_folder()) in shown("examples")


def texts_in(file: Path) -> Iterator[str]:
    """The strings of a module that are not docstrings: what a user may be told."""
    tree = ast.parse(file.read_text())
    own = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in own:
            yield node.value


@pytest.mark.parametrize("folder", ["lsm_deploy", "backends"])
def test_no_message_sends_a_user_into_a_clone(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.py"):
        for text in texts_in(file):
            assert not re.search(r"lsm_deploy/|the README|configs/|hardware-tests|pip install -e", text), (file, text)
