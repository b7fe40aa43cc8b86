"""What is remembered is found by content, and by nothing less than all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from lsm_deploy.run.memo import Memo, digest


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True)
class Place:
    x: int
    y: int


# Each differs from every other one, though text, bytes or values of some are those of others.
DIFFERENT: list[tuple[Any, ...]] = [
    (),
    (None,),
    ("",),
    (b"",),
    ("1",),
    (b"1",),
    (1,),
    (1.0,),
    (True,),
    ("a", "b"),
    ("ab",),
    (("a",), "b"),
    (("a", "b"),),
    ({"a": "b"},),
    (Path("a"),),
    (Point(1, 2),),
    (Point(2, 1),),
    (Place(1, 2),),
    (np.array([1, 2]),),
    (np.array([1, 2], np.int32),),
    (np.array([[1, 2]]),),
    (np.array([1, 2]).tobytes(),),
    (np.array([1.0, 2.0]),),
    (np.zeros(0),),
]


def test_a_digest_tells_contents_apart() -> None:
    assert len({digest(*parts) for parts in DIFFERENT}) == len(DIFFERENT)


def test_a_digest_is_of_the_content() -> None:
    whole = np.arange(24).reshape(4, 6)
    assert digest(whole[:, ::2]) == digest(whole[:, ::2].copy())
    assert digest({"a": [Point(1, 2)]}) == digest(MappingProxyType({"a": (Point(1, 2),)}))
    with pytest.raises(TypeError, match="object has no digest"):
        digest(object())


def test_the_least_recently_used_goes() -> None:
    memo, made = Memo(room=10), []

    def value(name: str, size: int = 4) -> str:
        return memo.get(name.encode(), lambda: made.append(name) or name.upper(), lambda _: size)

    assert [value("a"), value("b"), value("a")] == ["A", "B", "A"]
    assert made == ["a", "b"]
    value("c")  # b goes: a was used after it
    assert [value("a"), value("c")] == ["A", "C"]
    assert made == ["a", "b", "c"]
    value("b")
    assert made == ["a", "b", "c", "b"]
    assert value("large", 11) == "LARGE"  # never held, and nothing goes for it
    value("c"), value("b"), value("large", 11)
    assert made == ["a", "b", "c", "b", "large", "large"]
    memo.clear()
    value("b")
    assert made[-1] == "b"


def test_what_fails_is_not_remembered() -> None:
    memo = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get(b"k", lambda: 1 // 0, lambda _: 1)
    assert memo.get(b"k", lambda: 7, lambda _: 1) == 7
