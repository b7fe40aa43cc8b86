"""Classifiers as plain arrays, for files, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.learn.readout.classifier import Classifier
from lsm_deploy.learn.readout.integer import IntegerReadout

__all__ = ["from_arrays", "integer_from_arrays", "integer_to_arrays", "to_arrays"]

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
    (available,), (regularisation,), (converged,) = (
        arrays[name] for name in ("available", "regularisation", "converged")
    )
    return Classifier(
        classes=tuple(str(name) for name in arrays["classes"]),
        available=int(available),
        regularisation=float(regularisation),
        converged=bool(converged),
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
    (available,), (scale,) = arrays["integer.available"], arrays["integer.scale"]
    return IntegerReadout(
        classes=tuple(str(name) for name in arrays["integer.classes"]),
        available=int(available),
        scale=float(scale),
        **{name: arrays[f"integer.{stored}"] for stored, name in _INTEGERS.items()},
    )
