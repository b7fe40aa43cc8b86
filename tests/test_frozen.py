"""A frozen value owns its arrays: nobody else can write to them, and none is copied without need."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest

from lsm_deploy.core.frozen import freeze, own


def test_what_nobody_else_holds_is_taken_over():
    made, from_file = np.arange(4), np.frombuffer(bytes(32), np.int64).reshape(2, 2)
    assert own(made, np.int64) is made
    assert not made.flags.writeable
    assert own(from_file, np.int64) is from_file
    assert np.shares_memory(own(made[1:], np.int64), made)


def read_only(array):
    view = array.view()
    view.setflags(write=False)
    return view


@pytest.mark.parametrize("view", [lambda a: a[:3], lambda a: read_only(a), lambda a: read_only(a[1:])[:2]])
def test_what_somebody_could_still_write_to_is_copied(view):
    whole = np.arange(4)
    owned = own(view(whole), np.int64)
    before = owned.copy()
    whole[:] = -1
    assert np.array_equal(owned, before)
    assert not owned.flags.writeable


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([256], np.uint8),
        ([-1], np.uint8),
        ([0.5], np.int64),
        ([2**63], np.int64),
        ([np.nan], np.int64),
        ([2], np.bool_),
    ],
)
def test_no_value_is_lost_on_the_way_to_a_type(values, dtype):
    with pytest.raises(ValueError, match="values do not fit"):
        own(np.array(values), dtype)


def test_values_that_fit_change_their_type_alone():
    for values, dtype in (([255], np.uint8), ([], np.int64), ([3.0], np.int16), ([1, 0], np.bool_), (4, np.int32)):
        owned = own(np.array(values), dtype)
        assert owned.dtype == dtype
        assert owned.tolist() == values
    columns = own(np.zeros((3, 2)).T, np.float64)
    assert columns.flags.c_contiguous


def test_fields_of_a_value_are_frozen_by_name():
    @dataclass(frozen=True)
    class Value:
        spikes: np.ndarray
        registers: object
        counts: object

        def __post_init__(self):
            freeze(self, "counts", spikes=np.int8, registers=np.int32)

    counts = {"a": 1}
    value = Value([1, 0], {"u": np.arange(2)}, counts)
    counts["a"] = 2
    assert value.counts == {"a": 1}
    assert isinstance(value.registers, MappingProxyType)
    assert [value.spikes.dtype, value.registers["u"].dtype] == [np.int8, np.int32]
    assert not value.registers["u"].flags.writeable
