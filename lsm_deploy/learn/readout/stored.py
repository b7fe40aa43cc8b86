"""Classifiers as plain arrays, for files, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.learn.readout.classifier import Classifier
from lsm_deploy.learn.readout.integer import IntegerReadout

__all__ = ["from_arrays", "integer_from_arrays", "integer_to_arrays", "to_arrays"]

_ARRAYS = ("kept", "mean", "scale", "coef", "intercept", "candidates", "cv_accuracy")
_INTEGERS = ("kept", "weights", "biases")


def to_arrays(classifier: Classifier) -> dict[str, NDArray[Any]]:
    return {
        "classes": np.array(classifier.classes),
        **{name: getattr(classifier, name) for name in _ARRAYS},
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
        **{name: arrays[name] for name in _ARRAYS},
    )


def integer_to_arrays(readout: IntegerReadout) -> dict[str, NDArray[Any]]:
    return {
        "integer.classes": np.array(readout.classes),
        **{f"integer.{name}": getattr(readout, name) for name in _INTEGERS},
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
        **{name: arrays[f"integer.{name}"] for name in _INTEGERS},
    )
