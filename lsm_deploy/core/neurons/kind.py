"""What a neuron kind is: the names that each kind's module in this folder defines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, get_type_hints

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.messages import Message, Messages

Floats: TypeAlias = NDArray[np.float64]
Policy: TypeAlias = Literal["fresh", "interval"]


@dataclass(frozen=True)
class Step:
    """What one step of `n` neurons leaves behind."""

    state: dict[str, Ints]
    spikes: Messages
    wrapped: NDArray[np.bool_]
    """Where the current (`u`, or `i`) left its 24 bits, and wrapped, or was clipped, as the kind has it."""
    saturated: NDArray[np.bool_]
    """Where `v` was clipped to its 24 bits."""


@dataclass(frozen=True)
class FloatStep:
    """What one step of `n` float neurons leaves behind."""

    state: dict[str, Floats]
    spikes: Messages | Floats
    """Of a graded kind what it sends, in floats."""


@dataclass(frozen=True)
class Rule:
    """What holds in the definition, what its variant does instead, and the expression in which they differ.

    `right` is an expression (or one statement) as it stands in `step`, in `initial` or in what they call; the variant
    has `wrong` in its place, wherever it stands.
    """

    name: str
    holds: str
    variant: str
    right: str
    wrong: str
    also: tuple[tuple[str, str], ...] = ()
    """Further expressions, right and wrong, where the same rule is written otherwise."""


class Kind(Protocol):
    """A neuron kind, which is a module: the functions have no `self`, and mypy holds each module to them.

    `Parameters` and `Registers` are dataclasses whose fields carry their bounds. `v` is the voltage of every kind. A
    kind whose messages are graded says in registers what they are (`message_bits`), and what its numbers stand for:
    `fraction_bits` of `u` and `v`, `message_shift` less of a message, `shift_in` more of a synaptic sum, and
    `shift_in_gate` more of one onto a second port. Any other has thresholds, and a bias in `bias_mant` and `bias_exp`.

    Synaptic sums, and bounds on what they come to, are `[..., neuron]`; of a kind of two ports `[port, ..., neuron]`.
    """

    NAME: str
    STATE: tuple[str, ...]
    """The registers that change in a run, in the order in which a step writes them."""
    CURRENT: str
    """The register of the synaptic current, one of `STATE`: of a current that is forgotten at once, what arrived."""
    DECAYS: tuple[str, str]
    """The registers of how current and voltage decay; the current's holds one less than it loses (see `leaks`).

    "" for a current that no register speaks of: it is forgotten at once, and `leaks` says 4096.
    """
    TIMES: tuple[str, str]
    """The parameters that are the time constants of current and voltage; "" for a current that is forgotten at once."""
    BOUNDED: tuple[str, ...]
    """Of `STATE`, what `largest_register` bounds beside current and voltage."""
    RULES: tuple[Rule, ...]
    """What only this kind has and one could get wrong; what it shares with others is in `parity/variants.py`."""
    THRESHOLDS: tuple[str, ...]
    """The parameters that `v` is compared with; the first is what a neuron at rest has to reach. None: it is graded."""
    LEVELS: tuple[str, ...]
    """The registers of `THRESHOLDS`, in their order."""
    RESETS: bool
    """A spike takes `v` down, to 0 or by the threshold, so that it has all of a threshold to gather for the next."""
    PORTS: int
    """Of synaptic sums that a neuron takes: 1, or 2 where a second one opens a gate."""
    MESSAGE: Message
    """What a spike can be: a synapse delivers its weight times that. Of a graded kind, the largest that there is."""
    LARGEST_SUM: int
    """Of synaptic sums that a neuron is known to take: what Lava declares, or what a graded one's registers hold.

    CPU backends hold more."""
    RECORDED: bool
    """A recording from silicon is reproduced; what `chip_view` says is known from it."""
    STOCK: tuple[Policy, ...]
    """The sample policies for which Lava has a fixed-point model of its own; for the others the model is ours."""
    SHARED: tuple[str, ...]
    """Registers of which that model takes one value for all neurons; where they differ, the model is ours too."""
    Parameters: type[Any]
    Registers: type[Any]

    def largest_scale(self, parameters: Mapping[str, Floats], headroom: int = ...) -> float:
        """The largest scale at which the parameters fit their registers, `v` with room for so many thresholds."""

    def to_registers(self, parameters: Mapping[str, Floats], scale: float, dt_ms: float) -> dict[str, Ints]:
        """The nearest registers, unbounded: the caller clips them to `Registers` and counts what that changed."""

    def to_parameters(self, registers: Mapping[str, Ints], scale: float, dt_ms: float) -> dict[str, Floats]:
        """The float parameters that registers stand for: the inverse of `to_registers`, for reports."""

    def largest_messages(self, registers: Mapping[str, Ints]) -> Ints:
        """The largest magnitude that each neuron `[neuron]` can send."""

    def message_units(self, registers: Mapping[str, Ints]) -> Floats:
        """Units of what each neuron `[neuron]` sends to 1.0 of its float."""

    def sum_units(self, registers: Mapping[str, Ints], scale: float, port: int = 0) -> Floats:
        """Units of each neuron's synaptic sum `[neuron]` to 1.0 of its float; scale: that of its population."""

    def leaks(self, registers: Mapping[str, Ints]) -> tuple[Ints, Ints]:
        """What the current and the voltage lose in a step, in units of 1/4096."""

    def largest_register(self, registers: Mapping[str, Ints], current: Floats) -> Floats:
        """What no register of 24 bits can exceed in magnitude, if the current does not exceed `current`."""

    def shortest_interval(self, registers: Mapping[str, Ints], most: Floats, least: Floats, cleared: bool) -> Ints:
        """No two spikes are closer than so many steps, if -least <= current <= most throughout; 0: it never spikes.

        cleared: registers may be cleared at any time, as under the `interval` policy.
        """

    def threshold(self, registers: Mapping[str, Ints]) -> Ints:
        """What `v` of a neuron at rest has to pass (or to reach) for it to spike."""

    def stuck(self, registers: Mapping[str, Ints], firing: bool) -> dict[str, Ints]:
        """Registers with which neurons that no synapse reaches send nothing, ever, or firing: in every step, and of
        what they can send the largest; a graded one in every step in which it sends."""

    def initial(self, registers: Mapping[str, Ints]) -> dict[str, Ints]:
        """The state in which a run begins, and to which the `interval` policy clears."""

    def step(self, registers: Mapping[str, Ints], state: Mapping[str, Ints], a: Ints) -> Step:
        """One step of every neuron, given its synaptic sum `a`."""

    def float_constants(self, parameters: Mapping[str, Floats], dt_ms: float) -> dict[str, Floats]:
        """What a float step needs: the parameters, with each time constant as what it makes of a step, or in steps."""

    def float_initial(self, constants: Mapping[str, Floats]) -> dict[str, Floats]:
        """`initial` in floats, of the same names."""

    def float_step(self, constants: Mapping[str, Floats], state: Mapping[str, Floats], a: Floats) -> FloatStep:
        """One step of the float neurons that the integers stand for, given their synaptic sum `a`."""

    def chip_view(self, register: str, values: NDArray[np.int32], spikes: Messages) -> NDArray[np.int32]:
        """A register as a probe on silicon reads it; an LsmError where nobody has seen that."""


def is_stock(kind: Kind, policy: Policy, registers: Mapping[str, NDArray[Any]]) -> bool:
    """Whether Lava has a fixed-point model of its own for all these neurons of one kind."""
    return policy in kind.STOCK and all(len(np.unique(registers[name])) <= 1 for name in kind.SHARED)


def standing(kind: Kind, policy: Policy, registers: Mapping[str, NDArray[Any]]) -> str:
    """What speaks for the kind's arithmetic being the chip's, in words; "" where a recording from silicon does."""
    if kind.RECORDED:
        return ""
    return NOT_RECORDED if is_stock(kind, policy, registers) else NEVER_COMPARED


NEVER_COMPARED = "own model, never compared with silicon"
NOT_RECORDED = "Lava's model, never compared with silicon"


def unknown_view(name: str, state: tuple[str, ...], register: str, values: NDArray[np.int32]) -> NDArray[np.int32]:
    """The `chip_view` of a kind that no recording covers: registers that it does not have pass."""
    if register in state:
        raise LsmError(
            f"how silicon shows the registers of kind {name} is unknown: no recording covers it",
            hint="compare in the view of simulators, or spikes alone",
        )
    return values


def bounds(declaration: type[Any], field: str) -> tuple[float, float]:
    """The closed range that a field's annotation allows; an open bound counts as closed."""
    low, high = -np.inf, np.inf
    for mark in _metadata(declaration, field):
        low = max(low, getattr(mark, "ge", -np.inf), getattr(mark, "gt", -np.inf))
        high = min(high, getattr(mark, "le", np.inf), getattr(mark, "lt", np.inf))
    return low, high


def breaks_bound(declaration: type[Any], field: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where values lie outside what a field's annotation allows."""
    bad: NDArray[np.bool_] = ~np.isfinite(values)
    for mark in _metadata(declaration, field):
        for name, allowed in _ALLOWED.items():
            if hasattr(mark, name):
                bad |= ~allowed(values, getattr(mark, name))
    return bad


_ALLOWED: dict[str, Any] = {
    "ge": np.greater_equal,
    "gt": np.greater,
    "le": np.less_equal,
    "lt": np.less,
    "multiple_of": lambda values, unit: values % unit == 0,
}


def _metadata(declaration: type[Any], field: str) -> tuple[Any, ...]:
    return getattr(get_type_hints(declaration, include_extras=True)[field], "__metadata__", ())
