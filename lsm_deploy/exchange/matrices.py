"""A rate reservoir, or any other recurrence of one layer, from its matrices:

    h[t + 1] = h[t] + leak_rate (f(W h[t] + W_in x[t] + bias) - h[t])

One population of graded neurons computes it, a step a row of inputs: the message of step t is in the sum of step t + 1,
so the state after the first input is that of step 1. In step 0 no message has come and the bias is there already. So a
unit with a memory begins where step 0 leads it to h[0]; one without (leak_rate 1) is at f(bias) after step 0 whatever
it began at, and a neuron `start`, which sends once, adds the difference that this makes to the sums of step 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from lsm_deploy.compile.build.spectrum import spectral_factor, spectral_radius_of
from lsm_deploy.core import activations
from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all
from lsm_deploy.core.ir import INPUT
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.exchange.imported import (
    Imported,
    as_array,
    beyond,
    network_of,
    population,
    projections,
    samples_of,
)
from lsm_deploy.exchange.profiles import UNBOUNDED, profiled
from lsm_deploy.formats.bits import check_bits

__all__ = ["activate", "check_ends", "from_matrices", "input_range_of", "with_biases"]

UNITS, START = "units", "start"
SENT_ONCE = 0.5
"""What `start` sends in step 0, and its own synapse of -1 takes back in step 1, exactly."""


def from_matrices(
    weights: ArrayLike,
    input_weights: ArrayLike,
    *,
    leak_rate: ArrayLike = 1.0,
    bias: ArrayLike = 0.0,
    activation: str = "tanh",
    clip: tuple[float, float] = (0.0, 1.0),
    state: ArrayLike = 0.0,
    inputs: ArrayLike | None = None,
    input_range: tuple[float, float] | None = None,
    state_range: float = 0.0,
    spectral_radius: float | None = None,
    weight_bits: int = 8,
    input_weight_bits: int = 15,
    message_bits: int = 16,
    dt_ms: float = 1.0,
    notes: tuple[str, ...] = (),
) -> Imported:
    """The network of a recurrence, of `weights` [unit, unit] (W) and `input_weights` [unit, channel] (W_in).

    leak_rate, bias, state (h[0]): a number, or one a unit. activation: identity, clip, relu, tanh, quadratic or
    sigmoid; clip: the ends of that one. inputs `[t, channel]`: some that the program gets, to profile its states on.
    input_range: the least and the largest input; without it, that of `inputs`, and -1 to 1 without those.
    state_range: the largest state, where the activation bounds none and nothing is to be profiled. spectral_radius:
    scale `weights` to it. weight_bits, input_weight_bits: up to 8 for one synapse, up to 15 for a coarse and a fine
    one; those of the input are few, and share a scale with smaller ones. notes: what the caller has to say before. An
    LsmError names every mistake; an LsmWarning says that the program is likely broken.
    """
    said = list(notes)
    errors: list[LsmError] = []

    def read(name: str, value: ArrayLike, shape: tuple[int, ...] | None = None) -> Floats:
        try:
            return _numbers(name, value, shape, said)
        except LsmError as error:
            errors.append(error)
            return np.zeros(shape or (1, 1))

    recurrent, driven = read("weights", weights), read("input_weights", input_weights)
    raise_all(errors)  # all that follows is of their shapes
    if recurrent.ndim != 2 or recurrent.shape[0] != recurrent.shape[1] or not len(recurrent):
        what = f"the recurrent weights have shape {list(recurrent.shape)}, not [unit, unit]"
        errors.append(LsmError(what, where="weights", hint="give W, square: rows are targets, columns sources"))
        raise_all(errors)
    size = len(recurrent)
    if driven.ndim == 1 and len(driven) == size:
        driven = driven[:, None]
        said.append(f"repaired: input weights of shape [{size}] are taken for [{size}, 1], those of one input")
    if driven.ndim != 2 or len(driven) != size:
        turned = driven.ndim == 2 and driven.shape[1] == size
        what = f"the input weights have shape {list(driven.shape)}, not [{size}, channel]"
        hint = "transpose them" if turned else f"give one row for each of {size} units"
        errors.append(LsmError(what, where="input_weights", hint=hint))
        driven = np.zeros((size, 1))
    rates, biases, first = (
        read(name, value, (size,)) for name, value in (("leak_rate", leak_rate), ("bias", bias), ("state", state))
    )
    if not ((rates > 0) & (rates <= 1)).all():
        what = f"a leak rate is {rates[~((rates > 0) & (rates <= 1))][0]:g}, not above 0 and at most 1"
        errors.append(MisuseError(what, where="leak_rate", hint="give dt / tau, or 1 for units without memory"))
    errors += _mistakes(activation, clip, input_range, state_range, spectral_radius)
    errors += check_bits(weight_bits=weight_bits, input_weight_bits=input_weight_bits, message_bits=message_bits)
    if not 1e-30 <= dt_ms <= 1e30:
        errors.append(MisuseError(f"dt_ms is {dt_ms}", where="dt_ms", hint="give a positive number of milliseconds"))
    samples = None
    if inputs is not None:
        try:
            samples = samples_of(inputs, driven.shape[1])
        except LsmError as error:
            errors.append(error)
    raise_all(errors)

    values = input_range_of(samples, input_range, said)
    recurrent, radius = _scaled(recurrent, spectral_radius, said)
    half, middle = (values[1] - values[0]) / 2, (values[1] + values[0]) / 2
    biases = biases + driven.sum(axis=1) * middle
    begins, missing = _beginning(first, rates, activate(activation, biases, clip))
    parameters = {
        "leak_rate": rates,
        "bias": biases,
        "clip_lo": clip[0],
        "clip_hi": clip[1],
        "v_initial": begins,
        "message_bits": message_bits,
        "state_range": max(state_range, float(np.abs(first).max())) if activation in UNBOUNDED else 0.0,
    }
    populations = [population(UNITS, size, activation, parameters)]
    joined = [
        *projections(INPUT, UNITS, half * driven, input_weight_bits),
        *projections(UNITS, UNITS, recurrent, weight_bits),
    ]
    if (lacking := recurrent @ missing).any():
        populations.append(population(START, 1, "identity", {"leak": 0.0, "v_initial": SENT_ONCE, "state_range": 1.0}))
        joined += projections(START, START, -np.ones((1, 1)), weight_bits)
        joined += projections(START, UNITS, lacking[:, None] / SENT_ONCE, input_weight_bits)
    network = network_of(driven.shape[1], populations, joined, dt_ms)
    imported = Imported(network, UNITS, 1, values, 0, tuple(said))
    return profiled(imported, samples, activation, clip, state_range, radius)


def with_biases(own: Floats, options: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
    """Options of `from_matrices` with the biases of a program's layers `[unit]`, and one that is given added to them;
    with the notes, which say so."""
    said, bias = list(notes), own
    if "bias" in options:
        bias = own + _numbers("bias", options["bias"], own.shape, said)
        if own.any():
            said.append("assumed: the bias that is given is added to those that the layers have")
    return {**options, "bias": bias, "notes": tuple(said)}


def _beginning(first: Floats, rates: Floats, driven: Floats) -> tuple[Floats, Floats]:
    """What `v` begins at, and what it lacks of h[0] after step 0, in which only the bias drives it."""
    remembered = 1 - rates
    begins = np.divide(first - rates * driven, remembered, out=np.zeros(len(first)), where=remembered > 0)
    return begins, np.where(remembered > 0, 0.0, first - driven)


# --- what is given ----------------------------------------------------------------------------------------------------


def _numbers(name: str, value: ArrayLike, shape: tuple[int, ...] | None, said: list[str]) -> Floats:
    """An array of finite floats; of shape `(unit,)`, if one is given, beside which an axis of 1 may stand."""
    array = as_array(value)
    if array.dtype.kind not in "iuf":
        raise LsmError(f"{name} holds {array.dtype}, not numbers", where=name, hint="give numbers")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise LsmError(f"{name} holds values that are not finite", where=name, hint="give finite numbers")
    if shape is None:
        return array
    if array.size == shape[0] and array.ndim == 2 and shape[0] > 1:
        said.append(f"repaired: {name} of shape {list(array.shape)} is taken for [{shape[0]}], one for each unit")
        array = array.ravel()
    if array.size != 1 and array.shape != shape:
        what = f"{name} has shape {list(array.shape)}, not [{shape[0]}]"
        raise LsmError(what, where=name, hint="give a number, or one for each unit; a batch is run sample by sample")
    return np.broadcast_to(array.ravel(), shape)


def _mistakes(
    activation: str,
    clip: tuple[float, float],
    input_range: tuple[float, float] | None,
    state_range: float,
    spectral_radius: float | None,
) -> list[LsmError]:
    errors: list[LsmError] = []
    if activation not in ACTIVATIONS:
        what, hint = f"there is no rule for the activation {activation!r}", f"choose from {', '.join(ACTIVATIONS)}"
        errors.append(MisuseError(what, where="activation", hint=hint))
    errors += check_ends(clip=clip, input_range=input_range)
    if not 0 <= state_range < np.inf:
        errors.append(
            MisuseError(f"state_range is {state_range:g}", where="state_range", hint="give a positive number")
        )
    if spectral_radius is not None and not 0 < spectral_radius < np.inf:
        what = f"spectral_radius is {spectral_radius:g}"
        errors.append(MisuseError(what, where="spectral_radius", hint="give a positive number, 0.9 for example"))
    return errors


def check_ends(**given: tuple[float, float] | None) -> list[LsmError]:
    """A MisuseError for each range that is none."""
    return [
        MisuseError(f"{name} is {ends}", where=name, hint="give two numbers, the lower one first")
        for name, ends in given.items()
        if ends is not None and not (len(ends) == 2 and np.isfinite(ends).all() and ends[0] < ends[1])
    ]


def input_range_of(samples: Floats | None, given: tuple[float, float] | None, said: list[str]) -> tuple[float, float]:
    """The range that inputs are within: as given, or as samples say; a note of what was assumed goes to `said`."""
    if given is not None:
        if samples is not None and (outside := beyond(samples, given)):
            raise LsmError(outside, where="input_range", hint="widen it, or leave it out: the inputs say it")
        return float(given[0]), float(given[1])
    if samples is None:
        said.append("assumed: inputs are within -1 to 1, as neither `inputs` nor `input_range` says it")
        return -1.0, 1.0
    most = float(np.abs(samples).max()) or 1.0
    said.append(f"assumed: inputs stay within -{most:.6g} to {most:.6g}, as those given do")
    return -most, most


def _scaled(weights: Floats, wanted: float | None, said: list[str]) -> tuple[Floats, float]:
    """The recurrent weights, scaled where that is wanted, and their spectral radius."""
    matrix = sparse.csc_array(weights)
    if wanted is None:
        return weights, spectral_radius_of(matrix, "weights") if matrix.nnz else 0.0
    factor = spectral_factor(wanted, matrix, "weights")
    now = wanted / factor
    said.append(f"repaired: the recurrent weights are scaled from a spectral radius of {now:.3g} to {wanted:g}")
    return weights * factor, wanted


def activate(activation: str, z: Floats, clip: tuple[float, float]) -> Floats:
    """What an activation, by name, makes of `z`."""
    number = np.full(len(z), float(ACTIVATIONS.index(activation)))
    return activations.of_floats(number, z, np.full(len(z), clip[0]), np.full(len(z), clip[1]))
