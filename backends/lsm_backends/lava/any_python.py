"""Lava 0.10.0 where Python is newer than the 3.10 that it was made for: import this before anything of Lava's.

Since 3.11 the default of a dataclass's field must have a hash. In one module of Lava's it is a dataclass without one,
`ByteEncoder` in `magma/compiler/var_model.py`, which is why it cannot be imported; nothing ever asks for the hash.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from typing import Any

_made = dataclasses.dataclass


def _with_hash(cls: Any = None, **options: Any) -> Any:
    if cls is not None and cls.__name__ == "ByteEncoder":
        return _made(cls, unsafe_hash=True)
    return _made(cls, **options)


if sys.version_info >= (3, 11):
    dataclasses.dataclass = _with_hash
    try:
        importlib.import_module("lava.magma.compiler.var_model")
    finally:
        dataclasses.dataclass = _made
