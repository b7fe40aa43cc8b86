"""Classifiers as plain arrays, for files, and back."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.learn.readout.classifier import Classifier
from lsm_deploy.learn.readout.integer import IntegerReadout

__all__ = ["from_arrays", "integer_from_arrays", "integer_to_arrays", "names_in", "to_arrays"]

_SAME = ("mean", "scale", "coef", "intercept", "candidates", "cv_accuracy")
_ARRAYS = {"kept": "support"} | {name: name for name in _SAME}
_INTEGERS = {"kept": "support", "weights": "weights", "biases": "biases"}
"""What arrays are called in files, and here."""


def to_arrays(classifier: Classifier) -> dict[str, NDArray[Any]]:
    return {
        "classes": np.array(classifier.classes),
        **{stored: getattr(classifier, name) for stored, name in _ARRAYS.items()},
        "available": np.array([classifier.available]),
        "regularisation": np.array([classifier.regularisation]),
        "converged": np.array([classifier.converged]),
    }


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Classifier:
    """The classifier again; KeyError or ValueError where the arrays are none."""
    return Classifier(
        classes=names_in(arrays["classes"]),
        available=index(_one(arrays, "available")),
        regularisation=float(_one(arrays, "regularisation")),
        converged=bool(_one(arrays, "converged")),
        **{name: arrays[stored] for stored, name in _ARRAYS.items()},
    )


def integer_to_arrays(readout: IntegerReadout) -> dict[str, NDArray[Any]]:
    return {
        "integer.classes": np.array(readout.classes),
        **{f"integer.{stored}": getattr(readout, name) for stored, name in _INTEGERS.items()},
        "integer.available": np.array([readout.available]),
        "integer.scale": np.array([readout.scale]),
    }


def integer_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> IntegerReadout:
    """The readout again; KeyError or ValueError where the arrays are none."""
    return IntegerReadout(
        classes=names_in(arrays["integer.classes"]),
        available=index(_one(arrays, "integer.available")),
        scale=float(_one(arrays, "integer.scale")),
        **{name: arrays[f"integer.{stored}"] for stored, name in _INTEGERS.items()},
    )


def names_in(array: NDArray[Any]) -> tuple[str, ...]:
    """The names of classes in a file's array; ValueError where it is no list of text."""
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ValueError(f"classes are {array.dtype} of shape {list(array.shape)}, no list of text")
    return tuple(array.tolist())


def _one(arrays: Mapping[str, NDArray[Any]], name: str) -> Any:
    """The number that an array of one holds."""
    array = arrays[name]
    if array.shape != (1,) or array.dtype.kind not in "biuf":
        raise ValueError(f"{name} is {array.dtype} of shape {list(array.shape)}, not one number")
    return array.item()
