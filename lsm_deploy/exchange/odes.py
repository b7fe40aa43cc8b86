"""An ordinary differential equation dy/dt = W2 f(W1 y + b1) + b2 on a grid, by forward Euler, a step a neuron step.

With z = W1 y + b1, which is all that f sees of y, one step of size dt is

    z[k + 1] = z[k] + dt W1 W2 f(z[k]) + dt W1 b2        y[k + 1] = y[k] + dt W2 f(z[k]) + dt b2

Both are integrators: `hidden` holds z and sends f(z), `y` sums the messages that carry it. Step 0 sees no message, and
the bias, so each begins at what it is to be after step 0 less its bias: then row k of a trace holds z[k] and y[k].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import warn
from lsm_deploy.exchange.imported import Imported, network_of, population, projections
from lsm_deploy.exchange.matrices import activate
from lsm_deploy.exchange.profiles import largest_states, with_range
from lsm_deploy.run.reference import run_float

__all__ = ["integrate"]

HIDDEN, Y = "hidden", "y"
COARSE = 0.02
"""An error of Euler's, of the range of y, that is warned of."""


def integrate(
    first: tuple[Floats, Floats],
    activation: str,
    clip: tuple[float, float],
    second: tuple[Floats, Floats],
    dt: float,
    steps: int,
    y0: Floats,
    *,
    weight_bits: int = 8,
    message_bits: int = 16,
    dt_ms: float = 1.0,
    notes: tuple[str, ...] = (),
) -> Imported:
    """The network whose population `y` goes through `steps` states of the equation, y0 the first of them.

    first, second: the matrices [post, pre] and biases (W1, b1) and (W2, b2). An LsmError where the states run away.
    """
    (w1, b1), (w2, b2) = first, second
    said = list(notes)
    # A range has to be there before it can be profiled.
    ends = {"clip_lo": clip[0], "clip_hi": clip[1], "leak": 0.0, "message_bits": message_bits, "state_range": 1.0}
    z0, of_z, of_y = w1 @ y0 + b1, dt * w1 @ b2, dt * b2
    z_begins, y_begins = z0 - of_z, y0 - of_y
    hidden = population(HIDDEN, len(w1), "identity", {**ends, "bias": of_z, "v_initial": z_begins}, activation)
    y = population(Y, len(w2), "identity", {**ends, "bias": of_y, "v_initial": y_begins})
    joined = [
        *projections(HIDDEN, HIDDEN, dt * (w1 @ w2), weight_bits),
        *projections(HIDDEN, Y, dt * w2, weight_bits),
    ]
    network = network_of(0, (hidden, y), joined, dt_ms)
    still = Stimulus(np.zeros((steps, 0), np.int8), np.array([0]))
    reached = largest_states(network, still)
    for name, largest in reached.items():
        network = with_range(network, name, largest)
    said.append(f"assumed: |y| stays within {2 * reached[Y]:.4g}, twice what it reaches on this grid")
    states = run_float(network, still, ("v",)).state["v"][:, network.columns(Y)]

    def slope(y: Floats) -> Floats:
        return w2 @ activate(activation, w1 @ y + b1, clip) + b2

    exact = _runge_kutta(slope, y0, dt, steps)
    off = float(np.abs(states - exact).max() / max(np.ptp(exact), 1e-300))
    what = f"forward Euler in steps of {dt:.4g} is off by {100 * off:.2g} % of the range of y"
    said.append(f"approximated: {what} (beside Runge-Kutta of order 4 on the same grid)")
    if off > COARSE:
        warn(f"{what}; give a finer grid", level=3)
    return Imported(network, Y, 0, (-1.0, 1.0), steps, tuple(said))


def _runge_kutta(slope: Callable[[Floats], Floats], y: Floats, dt: float, steps: int) -> Floats:
    """The states [t, unit] of the classical method of order 4."""
    states = [y]
    for _ in range(steps - 1):
        k1 = slope(y)
        k2 = slope(y + dt / 2 * k1)
        k3 = slope(y + dt / 2 * k2)
        k4 = slope(y + dt * k3)
        y = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(y)
    return np.array(states)
