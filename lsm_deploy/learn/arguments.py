"""What users of scikit-learn give an estimator: features, samples of frames, classes, groups, parameters; all checked.

What is wrong with one is a ValueError, as it is in scikit-learn, and an LsmError where the rest of this found it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.validation import assert_all_finite, validate_data

from lsm_deploy.core.errors import BackendError, LsmError
from lsm_deploy.core.masked import unmasked
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.learn.readout.ridge import LARGEST
from lsm_deploy.spec.schema import Bins, Readout, Regression, Spec
from lsm_deploy.spec.sections import section_from_json
from lsm_deploy.spec.values import plain

__all__ = [
    "ArgumentError",
    "as_arguments",
    "checked_readout",
    "checked_regression",
    "frames_of",
    "groups_of",
    "one_each",
    "required",
    "seed_of",
    "validated",
]


class ArgumentError(LsmError, ValueError):
    """What is wrong with an argument, as the rest of this says it, and caught as scikit-learn's own are."""

    def __init__(self, error: LsmError) -> None:
        super().__init__(error.what, where=error.where, hint=error.hint)
        self.error = error

    def __str__(self) -> str:
        return str(self.error)

    def __reduce__(self) -> Any:
        return type(self), (self.error,)

    def each(self) -> Sequence[LsmError]:
        return self.error.each()


@contextmanager
def as_arguments() -> Iterator[None]:
    try:
        yield
    except (BackendError, ArgumentError):
        raise
    except LsmError as error:
        raise ArgumentError(error) from error


def checked_readout(**section: Any) -> Readout:
    """Parameters as a spec's readout section, by whose declaration they are checked; numpy's numbers are numbers."""
    unread = {"population": "features", "features": Bins("bins")}
    with as_arguments():
        checked: Readout = section_from_json(Readout, plain(unread | section), hint="change the parameter")
    return checked


def checked_regression(**section: Any) -> Regression:
    """The same of a readout of signals."""
    with as_arguments():
        checked: Regression = section_from_json(Regression, plain(section), hint="change the parameter")
    return checked


def required(spec: Spec | None) -> Spec:
    """The spec of an estimator, which has none by default."""
    if not isinstance(spec, Spec):
        what = "there is no spec" if spec is None else f"the spec is {spec!r:.80}"
        raise LsmError(what, hint="give one, as `lsm_deploy.load` reads it")
    return spec


def seed_of(seed: Any) -> int:
    if type(plain(seed)) is not int or seed < 0:
        raise ValueError(f"seed is {seed!r}; give a whole number from 0")
    return int(seed)


# --- data ---------------------------------------------------------------------------------------------------------


def validated(estimator: BaseEstimator, x: Any, y: Any = "no_validation", **options: Any) -> Any:
    """Features `[sample, feature]`, and targets if there are any, as scikit-learn checks them; no square overflows."""
    with as_arguments():
        unmasked(x), unmasked(y)
    checked = validate_data(estimator, x, y, dtype=np.float64, **options)
    if np.abs(checked[0] if isinstance(checked, tuple) else checked).max() > LARGEST:
        raise ValueError(f"X has a value beyond {LARGEST}; scale it")
    return checked


def one_each(given: Any, name: str) -> NDArray[Any]:
    """The class, or group, of each sample `[sample]`; a ValueError where one is missing, or where types are mixed."""
    # numpy would make text of numbers beside text.
    with as_arguments():
        unmasked(given)
    array = np.array(given, object) if isinstance(given, list | tuple) else np.asarray(given)
    if array.ndim == 2 and array.shape[1] == 1:
        words = f"A column-vector {name} was passed when a 1d array was expected; use ravel()"
        warnings.warn(words, DataConversionWarning, stacklevel=3)
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name} should be a 1d array, got an array of shape {array.shape} instead")
    if array.dtype.kind != "O":
        assert_all_finite(array, input_name=name)
        if array.dtype.kind == "M" and np.isnat(array).any():
            raise ValueError(f"Input {name} contains NaT")
        return array
    for i, value in enumerate(array):
        if not isinstance(value, str | Number | np.bool_) or value != value:
            raise ValueError(f"{name}[{i}] is {value!r}, neither text nor a number")
    text = [isinstance(value, str) for value in array]
    if any(text) and not all(text):
        raise ValueError(f"{name} is of mixed types, text and numbers")
    return array if all(text) and not isinstance(given, list | tuple) else np.array(array.tolist())


def groups_of(given: Any) -> list[str]:
    return [] if given is None or not np.size(given) else [str(group) for group in one_each(given, "groups")]


def frames_of(
    estimator: BaseEstimator, samples: Any, labels: Sequence[str] = (), groups: Sequence[str] = (), reset: bool = False
) -> Frames:
    """Samples as they were given, in floats; their channels are those of `fit`, or (reset) will be."""
    # An iterator would be at its end the second time, which scikit-learn does not expect of X.
    listed = np.iterable(samples) and not isinstance(samples, Iterator) and not issparse(samples)
    samples = list(samples) if listed else samples
    arrays = [_array(sample) for sample in samples] if isinstance(samples, list) else []
    odd = [i for i, a in enumerate(arrays) if a.ndim != 2 or not len(a) or a.shape[1:] != arrays[0].shape[1:]]
    if not arrays or odd:
        which, given = (f"sample {odd[0]}", samples[odd[0]]) if odd else ("what is given", samples)
        kind = f"{type(given).__module__}.{type(given).__name__}".removeprefix("builtins.")
        shown = f"has shape {list(arrays[odd[0]].shape)}" if odd and arrays[odd[0]].ndim else f"is of type {kind}"
        raise LsmError(
            "the samples are not arrays [frame, channel] of equally many channels, at least one frame each:"
            f" {which} {shown}",
            where="samples",
            hint="give a list of such arrays, or one array [sample, frame, channel]",
        )
    named = {tuple(getattr(sample, "columns", ())): sample for sample in samples}
    for i, sample in enumerate(named.values()):
        validate_data(estimator, sample, dtype=np.float64, ensure_all_finite=False, reset=reset and not i)
    starts = np.cumsum([0, *(len(a) for a in arrays[:-1])])
    return make_frames(np.concatenate(arrays), starts, labels, "samples", groups)


def _array(sample: Any) -> NDArray[Any]:
    try:
        array = np.asarray(unmasked(sample))
    except ValueError:  # ragged lists
        return np.empty((), object)
    try:
        return array.astype(np.float64, copy=False) if array.dtype.kind in "fO" else array
    except (TypeError, ValueError):  # objects that are no numbers
        return array
