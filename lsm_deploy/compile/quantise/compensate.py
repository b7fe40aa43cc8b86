"""What the integers lose between two spikes, and thresholds that make up for it.

A neuron under a constant drive of spikes, u at rest u0 = drive / (1 - alpha), gathers in n steps from a reset

    float     v(n) = drive / (1 - alpha) * (1 - beta^n) / (1 - beta)
    integers  v(n) = (drive / a - 1 / (2 a) - 1 / 2) * (1 - (1 - b)^n) / b

with a = (du + 1) / 4096 and b = dv / 4096 the decays that 12 bits hold, and 1/2 a step what t0 takes in the mean from u
(it is uniform in 0 .. 1: 1 / (2 a) once u is at rest) and from v. So the integer neuron reaches S * 64 * v_threshold
as late as the float one reaches v_threshold if its threshold is divided by

    gain = (a / (1 - alpha)) * (sum beta^k / sum (1 - b)^k) * 1 / (1 - lost),
    lost = (1 / (2 a) + 1 / 2) * sum (1 - b)^k / threshold                  both sums over k = 0 .. n - 1

and its bias, which does not pass through u, by a / (1 - alpha). Thresholds are registers of each neuron's own, and so
is its gain; weights stay on their grid. n is `INTERVAL_MS`, a neuron that spikes ten times a second. (nengo-loihi's
`decay_magnitude` makes up for the area of the response to a single spike from rest, which is truncated for as long as
it lasts: where spikes overlap, as they do in a liquid, that is many times too much.)

None of this holds where a spike does not reset v (`RESETS`): there what truncation takes from the adaptation works
against what it takes from v, and both are left alone.

Measured (`make faithful`): in runs of a second it brings liquids of slow neurons nearer to their floats, by up to a
fifth of the distance; in samples of a tenth of a second, in which slow currents never come to rest, it is too much, by
up to a tenth; for fast neurons it does nothing that their own sensitivity does not drown. So slow populations are
compensated, unless the spec says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lsm_deploy.compile.quantise.registers import registers_of
from lsm_deploy.core import fixed
from lsm_deploy.core.ir import Population
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats

__all__ = ["BEARABLE", "compensated", "is_slow", "lost_share"]

INTERVAL_MS = 100.0
"""Between two spikes of a typical neuron of a liquid."""
BEARABLE = 1e-3
"""The share of a threshold that truncation may cost; finer than what the decays' 12 bits do to a time constant."""
_MOST = 0.1
"""What is further off than this is lost, and counted as such; no threshold makes up for it."""


def compensated(population: Population, scale: float, dt_ms: float) -> tuple[Mapping[str, Floats], Floats]:
    """The parameters with thresholds and bias as they have to be asked for, and the gain of each neuron."""
    parameters, kind = population.parameters, KINDS[population.kind]
    if not kind.RESETS:
        return parameters, np.ones(population.size)
    a, b = _leaks(population, scale, dt_ms)
    steps = INTERVAL_MS / dt_ms
    with np.errstate(divide="ignore"):
        of_current, of_voltage = kind.TIMES
        asked_a = -np.expm1(-dt_ms / parameters[of_current]) if of_current else np.ones(population.size)
        asked_beta = np.exp(-dt_ms / parameters[of_voltage])
    current = np.clip(a / asked_a, 1 - _MOST, 1 + _MOST)
    voltage = _gathered(asked_beta, steps) / _gathered(1 - b, steps)
    lost = np.minimum(lost_share(population, scale, dt_ms), _MOST)
    gain = fixed.stable(np.clip(current * voltage / (1 - lost), 1 - _MOST, 1 + _MOST))
    changed = {name: parameters[name] / gain for name in kind.THRESHOLDS}
    changed["bias"] = parameters["bias"] / fixed.stable(current)
    return {**parameters, **{name: fixed.stable(values) for name, values in changed.items()}}, gain


def is_slow(population: Population, dt_ms: float) -> bool:
    """Whether truncation costs most of the neurons more than is bearable, with all the headroom that is usual."""
    largest = KINDS[population.kind].largest_scale(population.parameters)
    return bool(np.median(lost_share(population, largest, dt_ms)) > BEARABLE)


def lost_share(population: Population, scale: float, dt_ms: float) -> Floats:
    """What truncation takes of the voltage between two spikes, in thresholds."""
    a, b = _leaks(population, scale, dt_ms)
    threshold = (scale * (1 << fixed.ACT_SHIFT)) * np.abs(population.parameters[KINDS[population.kind].THRESHOLDS[0]])
    lost: Floats = (0.5 / a + 0.5) * _gathered(1 - b, INTERVAL_MS / dt_ms) / threshold
    return lost


def _leaks(population: Population, scale: float, dt_ms: float) -> tuple[Floats, Floats]:
    registers, _ = registers_of(population.kind, population.parameters, scale, dt_ms)
    a, b = KINDS[population.kind].leaks(registers)
    return a / fixed.DECAY_UNITY, b / fixed.DECAY_UNITY


def _gathered(beta: Floats, steps: float) -> Floats:
    """The sum of beta^k over so many steps; `steps` where nothing decays."""
    decays = beta < 1
    return np.where(decays, (1 - beta**steps) / np.where(decays, 1 - beta, 1.0), steps)
