"""What a scalar of YAML means: what YAML 1.1 and the core schema of YAML 1.2 agree on, and nothing that they do not.

The one exception is `1e3`, which 1.1 calls text for want of a dot and a sign, and nobody means so. What the two read
differently (`017` is 15 or 17, `1:30` is 90 or text, `yes` is true or text) is a mistake with a way out.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from lsm_deploy.core.errors import LsmError

__all__ = ["MAPPING", "MERGE", "NULL", "SEQUENCE", "Resolver", "check_text", "check_whole", "plain_value"]

NULL, _BOOL, _INT, _FLOAT, _TEXT, MAPPING, SEQUENCE, MERGE = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "map", "seq", "merge")
)
_DIFFERENT = "by YAML 1.1 "
_CORE = {
    NULL: re.compile(r"~|null|Null|NULL|"),
    _BOOL: re.compile(r"true|True|TRUE|false|False|FALSE"),
    _INT: re.compile(r"[-+]?(0*[0-7]|[1-9][0-9]*)|0x[0-9a-fA-F]+"),  # 017 is no such number: 1.1 counts it in eights
    _FLOAT: re.compile(
        r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(inf|Inf|INF))|\.(nan|NaN|NAN)"
    ),
}
_WORDS = {NULL: "null", _BOOL: "true or false", _INT: "a whole number", _FLOAT: "a number"}
_LONGEST = 5000
"""Of a text, in characters: more than the name of any file has."""
_MOST_DIGITS = 300
"""Of a whole number: what is larger is no float."""


class Resolver(yaml.resolver.Resolver):
    """Says what a plain scalar is: what both versions of YAML take it for, or that they differ."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        by_1_1: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        if kind is not yaml.ScalarNode or not implicit[0] or by_1_1 == MERGE:
            return by_1_1
        by_1_2 = next((tag for tag, pattern in _CORE.items() if pattern.fullmatch(value)), _TEXT)
        return by_1_2 if by_1_2 in (by_1_1, _FLOAT) else _DIFFERENT + by_1_1


def plain_value(tag: str, text: str, *, key: bool = False) -> Any:
    """The value of a scalar, or an LsmError without a place; key: it is one, and text, whatever it looks like."""
    check_text(text)
    if tag == _TEXT or (key and tag.startswith(_DIFFERENT)):
        return text
    if tag.startswith(_DIFFERENT):
        raise _different(tag.removeprefix(_DIFFERENT), text)
    if tag not in _CORE:
        raise LsmError(f"the tag {tag.replace('tag:yaml.org,2002:', '!!')} is not read", hint="remove it")
    if not (_CORE[tag].fullmatch(text) or (tag == _FLOAT and _CORE[_INT].fullmatch(text))):
        raise LsmError(f"{_short(text)!r} is not {_WORDS[tag]}, as its tag says", hint="remove the tag")
    if key:
        return text
    if tag == _INT:
        return _whole(text)
    return _number(text) if tag == _FLOAT else None if tag == NULL else text.lower() == "true"


def check_text(text: str) -> str:
    """The text itself, or an LsmError without a place."""
    if (bad := yaml.reader.Reader.NON_PRINTABLE.search(text)) is not None:
        raise LsmError(f"this text holds the character U+{ord(bad[0]):04X}", hint="remove it")
    if len(text) > _LONGEST:
        raise LsmError(f"this is {len(text)} characters long", hint=f"write at most {_LONGEST}")
    return text


def check_whole(number: int) -> int:
    """The number itself, or an LsmError without a place."""
    if abs(number) >= 10**_MOST_DIGITS:
        raise LsmError("this is a whole number of too many digits", hint=f"write at most {_MOST_DIGITS}")
    return number


def _different(by_1_1: str, text: str) -> LsmError:
    if re.fullmatch(r"[-+]?[0-7]{,100}", text):
        what, hint = (
            f"{text} is {int(text, 8)} by YAML 1.1 and {int(text)} by 1.2",
            f"write {int(text)}, or {int(text, 8)}",
        )
    elif by_1_1 == _BOOL:
        what, hint = (
            f"{text} is true or false by YAML 1.1 and text by 1.2",
            "write true or false, or quotes around text",
        )
    elif by_1_1 in (_INT, _FLOAT):
        what = f"{_short(text)} is a number by YAML 1.1 and text by 1.2"
        hint = "write it in decimal digits and without `_` or `:`, or quotes around text"
    else:
        what, hint = f"{_short(text)} is text by YAML 1.2, and not by 1.1", "write quotes around text"
    return LsmError(what, hint=hint)


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise LsmError(f"this is a whole number of {len(text)} digits", hint=f"write at most {_MOST_DIGITS}")
    return int(text, 16 if text.startswith("0x") else 10)


def _number(text: str) -> float:
    if "n" in text.lower():  # .inf and .nan
        return float(text.lower().replace(".", ""))
    value = float(text)
    mantissa = re.split("[eE]", text)[0]
    if abs(value) == float("inf") or (value == 0 and re.search("[1-9]", mantissa)):
        raise LsmError(f"{_short(text)} is beyond what a number can be", hint="write one of 2.3e-308 to 1.7e308, or 0")
    return value


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
