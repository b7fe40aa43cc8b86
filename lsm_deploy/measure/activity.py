"""How active neurons are: rates, and the shares that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

from lsm_deploy.core.ir import QNetwork
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.sides import types_of

__all__ = ["Activity", "TypedActivity", "activity_of", "activity_of_shares", "activity_of_types"]


@dataclass(frozen=True)
class Activity:
    """rate_hz: mean over neurons. silent: the share that never spikes; saturated: in more than half of all steps."""

    rate_hz: float
    silent: float
    saturated: float


@dataclass(frozen=True)
class TypedActivity:
    """`Activity` of a population, and the rates of its neurons that excite, and that inhibit, others; None: of none, or
    where that depends on the sign of a message."""

    rate_hz: float
    exc_hz: float | None
    inh_hz: float | None
    silent: float
    saturated: float


def activity_of(spikes: Messages, dt_ms: float) -> Activity:
    """The activity of the neurons whose spikes `[t, neuron]` these are."""
    return activity_of_shares((spikes != 0).mean(axis=0), dt_ms)


def activity_of_shares(per_step: Floats, dt_ms: float) -> Activity:
    """The activity of neurons that spike in these shares of all steps `[neuron]`."""
    return Activity(
        rate_hz=float(per_step.mean() * 1000 / dt_ms),
        silent=float((per_step == 0).mean()),
        saturated=float((per_step > 0.5).mean()),
    )


def activity_of_types(network: QNetwork, per_step: Floats) -> dict[str, TypedActivity]:
    """The activity of each population, whose neurons spike in these shares of all steps `[neuron]`."""
    activity = {}
    for population in network.populations:
        here = per_step[network.columns(population.name)]
        whole = activity_of_shares(here, network.dt_ms)
        exc_hz, inh_hz = (
            activity_of_shares(here[some], network.dt_ms).rate_hz if some.any() else None
            for some in types_of(network, population.name)
        )
        activity[population.name] = TypedActivity(whole.rate_hz, exc_hz, inh_hz, whole.silent, whole.saturated)
    return activity
