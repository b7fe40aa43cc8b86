"""Masked arrays, which numpy takes for arrays of whatever numbers are below their masks."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.ma import MaskedArray

from lsm_deploy.core.errors import MisuseError

__all__ = ["MaskedArray", "unmasked"]

_Values = TypeVar("_Values")


def unmasked(values: _Values) -> _Values:
    """What is given, as it is; a MisuseError of an array, or a list of arrays, in which something is masked.

    It stands wherever a user's arrays come in, before numpy turns them into others.
    """
    for each in values if isinstance(values, list | tuple) else (values,):
        if isinstance(each, MaskedArray) and (masked := int(np.count_nonzero(each.mask))):
            what = f"{masked} of {each.size} values are masked, and any number may be there"
            raise MisuseError(what, where="array", hint="fill them in (`array.filled(0)`), or leave them out")
    return values
