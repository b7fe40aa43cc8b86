"""Frozen values own their arrays: one policy of copying and of types, in one place.

An array is taken over, not copied, unless somebody else could still write to it, and set read-only: whoever made it for
the value can no longer change it. What cannot be seen is a view that was taken of it before.
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lsm_deploy.core.masked import unmasked

__all__ = ["freeze", "own", "rebuilt"]


def _proxy(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


# Python itself does not know how to send one to another process.
copyreg.pickle(MappingProxyType, lambda mapping: (_proxy, (dict(mapping),)))


def freeze(value: object, *mappings: str, **arrays: DTypeLike) -> None:
    """Make fields of a frozen dataclass its own: mappings, and arrays (or mappings of names to them) of a type.

    ValueError: the values of an array do not fit its type.
    """
    for name in mappings:
        object.__setattr__(value, name, MappingProxyType(dict(getattr(value, name))))
    for name, dtype in arrays.items():
        given = getattr(value, name)
        if isinstance(given, Mapping):
            object.__setattr__(value, name, MappingProxyType({key: own(each, dtype) for key, each in given.items()}))
        else:
            object.__setattr__(value, name, own(given, dtype))


def rebuilt(value: Any) -> tuple[Any, ...]:
    """The `__reduce__` of a frozen dataclass: sent to another process, it is made, checked and frozen there again."""
    return type(value), tuple(getattr(value, field.name) for field in fields(value))


def own(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """The array with its values in that type, C-contiguous and read-only. ValueError: they do not fit it."""
    given, wanted = np.asarray(unmasked(array)), np.dtype(dtype)
    with np.errstate(invalid="ignore"):
        owned = given.astype(wanted, order="C", copy=_is_shared(given))
    if not np.can_cast(given.dtype, wanted) and not np.array_equal(owned, given):
        raise ValueError(f"values do not fit {wanted}")
    owned.setflags(write=False)
    return owned


def _is_shared(array: NDArray[Any]) -> bool:
    """Whether somebody could write to its values through what it is a view of."""
    base = array.base
    if array.flags.writeable:
        return base is not None
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return True
        base = base.base
    return base is not None and not isinstance(base, bytes)
