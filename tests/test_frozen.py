"""A frozen value owns its arrays: nobody else can write to them, and none is copied without need."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cloudpickle
import joblib
import numpy as np
import pytest
from waves import spec, waves

import lsm_deploy as ld
from lsm_deploy.core.errors import BackendError, LsmErrors
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


def arrays_in(value):
    """Every array of a value, and of the values in it, by path."""
    parts = {name: getattr(value, name) for name in getattr(value, "__dataclass_fields__", ())}
    if isinstance(value, np.ndarray):
        return {"": value}
    if isinstance(value, Mapping):
        parts = dict(value)
    elif isinstance(value, tuple):
        parts = dict(enumerate(value))
    return {f".{name}{path}": array for name, part in parts.items() for path, array in arrays_in(part).items()}


def by_joblib(value):
    file = io.BytesIO()
    joblib.dump(value, file)
    return joblib.load(io.BytesIO(file.getvalue()))


def out_of_band(value):
    buffers = []
    return pickle.loads(pickle.dumps(value, 5, buffer_callback=buffers.append), buffers=buffers)


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "joblib": by_joblib,
    "cloudpickle": lambda value: pickle.loads(cloudpickle.dumps(value)),
    "out of band": out_of_band,
    **{
        f"pickle {n}": lambda value, n=n: pickle.loads(pickle.dumps(value, n))
        for n in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}
MADE = [
    "program",
    "compiled",
    "stimulus",
    "trace",
    "frames",
    "listener",
    "model",
    "chip",
    "state",
    "certification",
    "verdict",
    "evaluation",
    "floats",
]


@pytest.mark.parametrize("made", MADE)
def test_a_value_is_the_same_and_frozen_in_another_process(made, tmp_path):
    described, data = spec(tmp_path), waves(4, 1)
    compiled = ld.compile_spec(described)
    listener = ld.listen(described, data, compiled.program)
    stimulus = listener.encode(data)
    trace = ld.run_program("emulator", compiled.program, stimulus, ("v",))
    running = ld.start("fast", compiled.program)
    running.run(stimulus.spikes)
    value = {
        "program": lambda: compiled.program,
        "compiled": lambda: compiled,
        "stimulus": lambda: stimulus,
        "trace": lambda: trace,
        "frames": lambda: data,
        "listener": lambda: listener,
        "model": lambda: ld.train(described, waves(8, 1)),
        "chip": lambda: ld.train_on_chip(described, waves(8, 1)),
        "state": running.save,
        "certification": lambda: ld.certify_any(compiled.program),
        "verdict": lambda: ld.compare(compiled.program, trace, trace, ("v",)),
        "evaluation": lambda: ld.evaluate(described, waves(8, 1, noise=0.3), waves(4, 2, noise=0.3)),
        "floats": lambda: ld.run_float(compiled.network, stimulus),
    }[made]()
    before = arrays_in(value)
    assert before or made == "verdict"
    for way, copied in COPIES.items():
        after = arrays_in(copied(value))
        assert before.keys() == after.keys(), way
        for path, array in after.items():
            assert array.dtype == before[path].dtype, (way, path)
            assert np.array_equal(array, before[path], equal_nan=array.dtype.kind == "f"), (way, path)
            assert array.flags.writeable == before[path].flags.writeable, (way, path)


@pytest.mark.parametrize("way", COPIES)
def test_specs_errors_and_estimators_are_copied_whole(way, tmp_path):
    described, data = spec(tmp_path), waves(8, 1, noise=0.3)
    samples, copied = np.split(data.frames, data.starts[1:]), COPIES[way]
    assert copied(described) == described
    single = BackendError("it is away", where="here", hint="look there")
    for error in (single, ld.LsmError("it is wrong"), LsmErrors([single, ld.LsmError("it is wrong", hint="mend it")])):
        again = copied(error)
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert [each.to_json() for each in again.each()] == [each.to_json() for each in error.each()]
    liquid = ld.LiquidClassifier(described).fit(samples, data.labels)
    assert copied(liquid).decision_function(samples).tolist() == liquid.decision_function(samples).tolist()
    features = np.random.default_rng(0).normal(size=(24, 3))
    online = ld.SpikeReadout("online").fit(features, data.labels)
    again = copied(online)
    assert again.decision_function(features).tolist() == online.decision_function(features).tolist()


def test_what_is_unpickled_is_checked(tmp_path):
    model = ld.train(spec(tmp_path), waves(8, 1))
    network = model.program.network
    for value in (model, model.answerer, model.listener, model.program, network, *network.populations):
        make, given = value.__reduce__()
        assert make is type(value)
        assert len(given) == len(value.__dataclass_fields__)
    make, given = network.__reduce__()
    with pytest.raises(ValueError, match="channels"):
        make(given[0], -1, *given[2:])
