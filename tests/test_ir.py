"""Illegal values are not built: each rule of a constructor, broken alone."""

from __future__ import annotations

import numpy as np
import pytest

from lsm_deploy.core.ir import Projection, QNetwork, QPopulation, QProjection
from lsm_deploy.core.neurons import KINDS

INTEGERS = {
    "name": "p", "source": "input", "target": "a", "sign_mode": "excitatory", "num_weight_bits": 8, "weight_exp": 0,
    "indptr": [0, 2], "post": [0, 1], "weights": [1, 255], "delays": [0, 62],
}  # fmt: skip
FLOATS = {
    "name": "p", "source": "input", "target": "a", "sign_mode": "excitatory", "weight_bits": 8,
    "indptr": [0, 2], "post": [0, 1], "weight": [0.5, 2.0], "delay_ms": [0.0, 1.5],
}  # fmt: skip
TYPES = {
    "indptr": np.int64, "post": np.int32, "weights": np.int16, "delays": np.uint8,
    "weight": np.float64, "delay_ms": np.float64,
}  # fmt: skip


def built(kind, fields):
    return kind(**{name: np.array(v, TYPES[name]) if name in TYPES else v for name, v in fields.items()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"weights": [0, 0]}, None),
        ({"indptr": [0], "post": [], "weights": [], "delays": []}, None),
        ({"sign_mode": "inhibitory", "weights": [-255, 0]}, None),
        ({"sign_mode": "mixed", "weights": [-256, 254]}, None),
        ({"num_weight_bits": 6, "weights": [4, 252]}, None),
        ({"num_weight_bits": 6, "sign_mode": "inhibitory", "weights": [-252, -4]}, None),
        ({"weights": [1, 256]}, "a weight is too large"),
        ({"weights": [-1, 1]}, "a weight is not excitatory"),
        ({"sign_mode": "inhibitory", "weights": [-1, 1]}, "a weight is not inhibitory"),
        ({"sign_mode": "inhibitory", "weights": [-256, -1]}, "a weight is too large"),
        ({"sign_mode": "mixed", "weights": [-258, 0]}, "a weight is too large"),
        ({"sign_mode": "mixed", "weights": [0, 256]}, "a weight is too large"),
        ({"sign_mode": "mixed", "weights": [2, 3]}, "a weight is off the grid of 2"),
        ({"num_weight_bits": 6, "weights": [4, 6]}, "a weight is off the grid of 4"),
        ({"num_weight_bits": 6, "sign_mode": "inhibitory", "weights": [-4, -6]}, "a weight is off the grid of 4"),
        ({"delays": [0, 63]}, "a delay exceeds 62"),
        ({"num_weight_bits": 9}, "9 weight bits"),
        ({"weight_exp": 8}, "weight exponent 8"),
        ({"indptr": [1, 2]}, "indptr: the first is 1, not 0"),
        ({"indptr": [0, 3]}, "indptr: entry 1 is 3, not 0 to 2"),
        ({"indptr": [0, 2, 1, 2]}, "indptr: entry 2 is 1 after 2: they must not descend"),
        ({"post": [-1, 0]}, "post: entry 0 is -1"),
        ({"delays": [0]}, r"\(1,\) values for \(2,\) synapses"),
    ],
)
def test_integer_synapses(change, message):
    if message is None:
        assert not built(QProjection, INTEGERS | change).weights.flags.writeable
    else:
        with pytest.raises(ValueError, match=message):
            built(QProjection, INTEGERS | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"sign_mode": "mixed", "weight": [-0.5, 2.0]}, None),
        ({"weight": [-0.5, 2.0]}, "a weight is not excitatory"),
        ({"sign_mode": "inhibitory"}, "a weight is not inhibitory"),
        ({"sign_mode": "mixed", "weight": [np.nan, 2.0]}, "weights are not finite"),
        ({"weight": [1.0, np.nan]}, "weights are not finite"),
        ({"weight": [1.0, np.inf]}, "weights are not finite"),
        ({"sign_mode": "inhibitory", "weight": [-1.0, -np.inf]}, "weights are not finite"),
        ({"delay_ms": [1.0, -0.1]}, "a delay is negative"),
        ({"delay_ms": [1.0, np.nan]}, "a delay is negative"),
    ],
)
def test_float_synapses(change, message):
    if message is None:
        built(Projection, FLOATS | change)
    else:
        with pytest.raises(ValueError, match=message):
            built(Projection, FLOATS | change)


def test_an_index_finds_each_neuron_and_no_other():
    def population(name, kind, size):
        empty = {field: np.zeros(size, np.int64) for field in KINDS[kind].Registers.__dataclass_fields__}
        return QPopulation(name, kind, size, empty | {"bias_mant": np.arange(size)})

    network = QNetwork(1.0, 0, 0, (population("b", "LIF", 3), population("a", "TernaryLIF", 1),
                                   population("c", "LIF", 2)), ())  # fmt: skip
    assert network.sizes == {"b": 3, "a": 1, "c": 2}
    assert network.offsets == {"b": 0, "a": 3, "c": 4}
    assert network.kinds == ("LIF", "TernaryLIF")
    assert network.state_names == ("u", "v")
    assert [network.locate(n) for n in range(6)] == [("b", 0), ("b", 1), ("b", 2), ("a", 0), ("c", 0), ("c", 1)]
    assert [network.columns(name) for name in "bac"] == [slice(0, 3), slice(3, 4), slice(4, 6)]
    assert network.registers("LIF")["bias_mant"].tolist() == [0, 1, 2, 0, 1]
    for ask in (
        lambda: network.locate(6),
        lambda: network.locate(-1),
        lambda: network.columns("d"),
        lambda: network.registers("ATRLIF"),
    ):
        with pytest.raises(ValueError, match="there is no"):
            ask()
