"""Values put into a spec's text: what is asked for, and not a character besides."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec import parse, put

HERE = Path("s.yaml")
CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


def leaves(data, path=()):
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    inner = [leaf for step, value in items for leaf in leaves(value, (*path, step))]
    return inner or [path]


def mappings(data, path=()):
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    inner = [found for step, value in items for found in mappings(value, (*path, step))]
    return [path, *inner] if isinstance(data, dict) else inner


def at(data, path):
    for step in path:
        data = data[step]
    return data


def changed_lines(before, after):
    """Lines that went and came."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [x[2:] for x in lines if x[0] == "-"], [x[2:] for x in lines if x[0] == "+"]


@pytest.mark.once
@pytest.mark.parametrize("config", CONFIGS, ids=lambda file: file.stem)
def test_every_value_of_every_config_can_be_put_anew(config):
    text = config.read_text()
    for path in leaves(parse(text, config).data):
        edited = put(text, config, {path: 123.5})
        assert at(parse(edited, config).data, path) == 123.5
        gone, come = changed_lines(text, edited)
        assert len(gone) == len(come) == 1
        assert come[0].split("#")[1:] == gone[0].split("#")[1:], "the comment stays"


@pytest.mark.once
@pytest.mark.parametrize("config", CONFIGS, ids=lambda file: file.stem)
def test_a_key_is_put_into_every_mapping_of_every_config(config):
    text = config.read_text()
    for path in mappings(parse(text, config).data):
        edited = put(text, config, {(*path, "new"): [1, "two, three"]})
        assert at(parse(edited, config).data, path)["new"] == [1, "two, three"]
        gone, come = changed_lines(text, edited)
        assert len(gone) <= 1
        assert len(come) == len(gone) or (not gone and len(come) == 1)


TEXT = """\
a: 1   # one
b:
  c: {x: 1.0}  # inside
  d:
    - 1  # first
    - p: 2

    # about e
    - [3, 4]
empty:
none: {}
last: "text"   # no newline follows"""


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({("a",): 1e-7}, "a: 1.0e-07   # one"),
        ({("b", "c", "x"): True, ("b", "c", "y"): None}, "  c: {x: true, y: null}  # inside"),
        ({("b", "d", 0): "a: b"}, "    - 'a: b'  # first"),
        ({("b", "d", 1, "q"): {"r": [1, 2]}}, "      q: {r: [1, 2]}"),
        ({("b", "d", 2): 5}, "    - 5"),
        ({("empty",): 3}, "empty: 3"),
        ({("empty", "x"): 3}, "empty: {x: 3}"),
        ({("none", "x"): 3}, "none: {x: 3}"),
        ({("new", "er"): 3, ("new", "est"): 4}, "new: {er: 3, est: 4}"),
        ({("b", "c"): 7, ("a",): 8}, "a: 8   # one|  c: 7  # inside"),
        ({("b",): 7}, "  7"),
    ],
)
def test_what_is_written(changes, lines):
    edited = put(TEXT, HERE, changes)
    assert changed_lines(TEXT, edited)[1] == lines.split("|")
    for path, value in changes.items():
        assert at(parse(edited, HERE).data, path) == value


def test_nothing_put_is_nothing_changed():
    assert put(TEXT, HERE, {}) == TEXT


@pytest.mark.parametrize(
    "text", ["a: &it {x: 1}\nb: *it\n", "a: &it {x: 1}\nb: {<<: *it}\n"], ids=["an alias", "a merge"]
)
def test_what_two_places_share_is_not_changed_in_one(text):
    with pytest.raises(LsmError) as caught:
        put(text, HERE, {("a", "x"): 2})
    assert caught.value.what == "no value can be put into this text at a.x"
    assert caught.value.hint.startswith("write those places out in full")
