"""YAML that is read without trust: what scalars mean, what is refused and where, and how much of it is read at all."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from lsm_deploy import check_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec import load, load_text, put
from lsm_deploy.spec.source import DEEPEST, MOST_BYTES, MOST_VALUES, parse, read_text

HERE = Path("x.yaml")
CONFIGS = Path(__file__).parents[1] / "configs"
TOO_DEEP = f"this is nested more than {DEEPEST} deep"
CONFIG = (CONFIGS / "refractory.yaml").read_text()


def read(text):
    """The data of a text without a mistake."""
    source = parse(text, HERE)
    assert not source.errors, source.errors
    return source.data


def mistakes(text):
    """What is wrong with a text, whether it stops the reading or not."""
    try:
        errors = parse(text, HERE).errors
    except LsmError as error:
        errors = error.each()
    return [(error.where.removeprefix("x.yaml:"), error.what, error.hint) for error in errors]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("0", 0), ("-0", 0), ("+12", 12), ("7", 7), ("007", 7), ("0x1F", 31), ("9" * 300, int("9" * 300))),
        *(("1.5", 1.5), (".5", 0.5), ("+.5", 0.5), ("5.", 5.0), ("01.5", 1.5), ("-0.0", -0.0)),
        *(("1e3", 1e3), ("1e-3", 1e-3), ("12e03", 12e3), ("1.5e3", 1.5e3), (".5E+3", 500.0), ("0e-999", 0.0)),
        *(("5e-324", 5e-324), (".inf", float("inf")), ("-.INF", -float("inf")), ("+.inf", float("inf"))),
        *(("true", True), ("False", False), ("~", None), ("", None), ("Null", None)),
        *(("y", "y"), ("NO!", "NO!"), ("1.2.3", "1.2.3"), ("08", "08"), ("0o17", "0o17"), ("nan", "nan")),
        *(("'017'", "017"), ('"yes"', "yes"), ("! 5", 5), ("!!str 017", "017"), ("!!float 3", 3.0), ("!!int '3'", 3)),
    ],
)  # fmt: skip
def test_what_both_versions_of_yaml_agree_on_is_read(written, value):
    data = read(f"a: {written}\n")["a"]
    assert (data, type(data), repr(data)) == (value, type(value), repr(value))


@pytest.mark.parametrize(
    ("written", "what", "hint"),
    [
        ("017", "017 is 15 by YAML 1.1 and 17 by 1.2", "write 17, or 15"),
        ("-020", "-020 is -16 by YAML 1.1 and -20 by 1.2", "write -20, or -16"),
        *((it, f"{it} is a number by YAML 1.1 and text by 1.2", "write it in decimal digits and without `_` or `:`, "
           "or quotes around text") for it in ("1:30", "1:30.5", "1_000", "1_0.5", "0b11", "-0x1F", "0x_1")),
        *((it, f"{it} is true or false by YAML 1.1 and text by 1.2", "write true or false, or quotes around text")
          for it in ("yes", "No", "on", "OFF")),
        ("2001-12-14", "2001-12-14 is text by YAML 1.2, and not by 1.1", "write quotes around text"),
        ("=", "= is text by YAML 1.2, and not by 1.1", "write quotes around text"),
        ("9" * 301, "this is a whole number of 301 digits", "write at most 300"),
        ("1e400", "1e400 is beyond what a number can be", "write one of 2.3e-308 to 1.7e308, or 0"),
        ("-1e-400", "-1e-400 is beyond what a number can be", "write one of 2.3e-308 to 1.7e308, or 0"),
        ("!!int x", "'x' is not a whole number, as its tag says", "remove the tag"),
        ("!!int 017", "'017' is not a whole number, as its tag says", "remove the tag"),
        ("!!bool yes", "'yes' is not true or false, as its tag says", "remove the tag"),
        *((f"{tag} x", f"the tag {tag} is not read", "remove it")
          for tag in ("!!timestamp", "!!binary", "!!python/name:os.system", "!mine", "!!seq")),
        *((f"{tag} [x]", f"the tag {tag} is not read", "remove it") for tag in ("!!str", "!!omap", "!!python/tuple")),
        ("!!set {x, y}", "the tag !!set is not read", "remove it"),
        (r'"\e[31m"', "this text holds the character U+001B", "remove it"),
        (r'"\ud800"', "this text holds the character U+D800", "remove it"),
        (r'"\0"', "this text holds the character U+0000", "remove it"),
        ("x" * 5001, "this is 5001 characters long", "write at most 5000"),
    ],
)  # fmt: skip
def test_what_may_mean_something_else_is_refused_with_its_place_and_what_to_write(written, what, hint):
    assert mistakes(f"b: 1\na: {written}\n") == [("2:4", what, hint)]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("? {a: b}\n: c\n", "1:3", "a key is text, and this is none"),
        ("a: {[b]: c}\n", "1:5", "a key is text, and this is none"),
        ("a: {~: c}\n", "1:5", "a key is text, and this is none"),
        ("a: 1\n'a': 2\n", "2:1", "the key 'a' stands here twice, first in line 1"),
        ("<<: [1]\n", "1:6", "`<<` takes mappings"),
        ("a: &a {b: *a}\n", "1:4", "an alias that contains itself"),
        ("a: &a {<<: *a}\n", "1:4", "an alias that contains itself"),
        ("a: *b\n", "1:4", "this is not YAML: found undefined alias 'b'"),
        ("a: 1\n---\nb: 1\n", "2:1", "a second document begins here"),
        ("a: 1\nb: \x00\n", "2:4", "this is not YAML: it holds the character U+0000"),
        ("a: 1\r\n# \x1b[0m", "2:3", "this is not YAML: it holds the character U+001B"),
        ('a: "\\UFFFFFFFF"\n', "1:7", "this is not YAML: a number in an escape or a directive is too large"),
        (f"%YAML 1.{'9' * 5000}\n---\n", "1:9", "this is not YAML: a number in an escape or a directive is too large"),
        ("? " * 400, "1:129", TOO_DEEP),
        ("[" * 100_000, "1:65", TOO_DEEP),
        (f"a: &a {'[' * 40}1{']' * 40}\nb: {'[' * 40}*a{']' * 40}\n", "1:30", TOO_DEEP),
    ],
)  # fmt: skip
def test_what_is_no_plain_mapping_is_refused_with_its_place(text, where, what):
    places = mistakes(text)
    assert [(place, said) for place, said, _ in places] == [(where, what)]
    assert places[0][2]


def test_keys_are_text_as_they_are_written():
    assert read("on: 1\n017: 2\n1.0: 3\n1e3: 4\nTrue: 5\n") == {"on": 1, "017": 2, "1.0": 3, "1e3": 4, "True": 5}


def test_what_is_merged_in_comes_first_and_gives_way():
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {d: 5, <<: [*x, *y], c: 6}\n"
    assert list(read(text)["z"].items()) == [("b", 2), ("c", 6), ("a", 1), ("d", 5)]


def bomb(aliases):
    lines = ["a: &a {k0: 1, k1: 1}" if aliases == "merge" else "a: &a [x,x]"]
    for a, b in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True):
        nine = ",".join([f"*{a}"] * 9)
        lines.append(
            f"{b}: &{b} "
            + {"merge": f"{{<<: [{nine}]}}", "list": f"[{nine}]", "mapping": f"{{p: *{a}, q: *{a}}}"}[aliases]
        )
    return "\n".join(lines)


@pytest.mark.once
@pytest.mark.parametrize(
    "text",
    [*map(bomb, ("list", "mapping", "merge")), "[" + "1," * MOST_VALUES + "1]"],
    ids=["list", "mapping", "merge", "plain"],
)
def test_aliases_count_as_all_that_they_name(text):
    tracemalloc.start()
    try:
        ((_, what, _),) = mistakes(text)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()
    assert what == f"a spec has at most {MOST_VALUES} values, where an alias counts as all that it names"


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (CONFIG.encode("utf-16"), ":1:1", "it is not UTF-8 text"),
        (CONFIG.encode("utf-16-le"), ":1:2", r"it holds the character U\+0000"),
        ("# ü\ndt_ms: ü".encode() + b"\xff", ":2:9", "it is not UTF-8 text"),
        (b"#" * (MOST_BYTES + 1), "", f"it has more than {MOST_BYTES} bytes"),
        (b"", "", "this is an empty file, not a spec"),
    ],
    ids=["UTF-16", "UTF-16 without its mark", "invalid", "large", "empty"],
)
def test_a_file_that_is_no_text_is_refused_with_its_place(data, where, what, tmp_path):
    file = tmp_path / "x.yaml"
    file.write_bytes(data)
    with pytest.raises(LsmError, match=what) as caught:
        load(file)
    assert caught.value.where == f"{file}{where}"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + CONFIG.encode())
    assert load(file) == load(CONFIGS / "refractory.yaml")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for ask in (check_spec, load):
        with pytest.raises(LsmError, match="this is a pipe or a device"):
            ask(tmp_path / "pipe")
    with pytest.raises(LsmError, match="Is a directory"):
        read_text(tmp_path)


def test_each_mistake_is_told_once_and_with_those_of_the_spec():
    text = (
        CONFIG.replace("seed: 17", "seed: 017")
        .replace("channels: 20", "channels: none")
        .replace("size: 120", "size: 1_000")
    )
    with pytest.raises(LsmError) as caught:
        load_text(text, HERE)
    assert [(error.where, error.what) for error in caught.value.each()] == [
        ("x.yaml:4:7", "017 is 15 by YAML 1.1 and 17 by 1.2"),
        ("x.yaml:6:13", "channels is 'none', not a whole number"),
        ("x.yaml:9:11", "1_000 is a number by YAML 1.1 and text by 1.2"),
    ]


def test_a_mistake_shows_no_more_of_a_value_than_one_reads():
    with pytest.raises(LsmError) as caught:
        load_text(CONFIG.replace("seed: 17", f"seed: [{'1, ' * 1000}]"), HERE)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "value",
    ["017", "1e3", "yes", "1:30", "0o17", "1_000", "2001-12-14", "", "~", "=", "<<", "a: b",
     17, 1e300, 5e-324, -0.0, 1e16, True, None],
)  # fmt: skip
def test_what_is_put_into_a_text_reads_back_as_it_was(value):
    back = read(put("a: 1\n", HERE, {("a",): value}))["a"]
    assert (back, type(back), repr(back)) == (value, type(value), repr(value))


@pytest.mark.parametrize(
    ("weight", "hint"),
    [
        ("{kind: uniform, low: 0, high: 1}", "write `distribution: uniform`, not `kind: uniform`"),
        ("uniform", "write a number, or `{distribution: uniform, ...}` with its parameters"),
        ("{low: 0, high: 1}", "add 'distribution' to weight"),
        ("heavy", "write a number"),
    ],
)
def test_a_distribution_in_another_spelling_is_told_its_own(weight, hint):
    topology = "{kind: erdos_renyi, in_degree: 1}"
    text = (
        "{dt_ms: 1.0, seed: 1, input: {channels: 2}, populations: {a: {size: 2, neuron: {kind: LIF}}},"
        f" projections: [{{source: input, target: a, topology: {topology}, weight: {weight}}}]}}"
    )
    with pytest.raises(LsmError) as caught:
        load_text(text, HERE)
    (mistake,) = caught.value.each()
    assert mistake.hint == hint
