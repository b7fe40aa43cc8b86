"""What a backend can run, as it declares it, and what a program asks beyond that: known before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lsm_deploy.core.activations import GATES, TABLES
from lsm_deploy.core.boards import MAX_DELAY
from lsm_deploy.core.errors import BackendError
from lsm_deploy.core.ir import QNetwork, QPopulation
from lsm_deploy.core.messages import BINARY
from lsm_deploy.core.neurons import KINDS

__all__ = ["Limits", "beyond"]


@dataclass(frozen=True)
class Limits:
    """What a backend has room for; a backend that declares nothing runs whatever a program may hold."""

    kinds: tuple[str, ...] = tuple(KINDS)
    because: Mapping[str, str] = field(default_factory=dict)
    """Why there is no rule for a kind, where that is worth saying."""
    tables: bool = True
    """An activation may look up a table."""
    signed_messages: bool = True
    """A message is wide enough for the sign of a spike; otherwise it says that there was one, and no more."""
    graded_input: bool = True
    """Input spikes may be other than 0 and 1."""
    longest_delay: int = MAX_DELAY
    interval_of_two: bool = False
    """Registers can be cleared every 2, 4, 8, ... steps only."""
    further: Callable[[QNetwork], Iterable[BackendError]] = lambda network: ()
    """What else a network asks of it in vain, where that takes more than a number to say."""


def beyond(
    name: str, limits: Limits, network: QNetwork, elsewhere: str = "the backend 'emulator', which knows every kind"
) -> Sequence[BackendError]:
    """All that the network asks of the backend `name` and the backend lacks; `elsewhere` is where it can run."""
    return tuple(_beyond(f"backend {name!r}", limits, network, f"run it on {elsewhere}"))


def _beyond(backend: str, limits: Limits, network: QNetwork, hint: str) -> Iterator[BackendError]:
    if network.input != BINARY and not limits.graded_input:
        yield BackendError(f"{backend} has no rule for input of {network.input}", where="input", hint=hint)
    kinds = {p.name: p.kind for p in network.populations}
    for p in network.populations:
        if p.kind not in limits.kinds:
            what = f"{backend} has no rule for neurons of kind {p.kind!r}, only for {', '.join(limits.kinds)}"
            why = f": {limits.because[p.kind]}" if p.kind in limits.because else ""
            yield BackendError(f"{what}{why}", where=f"population {p.name!r}", hint=hint)
        if not limits.tables and (looked_up := tables_of(p)):
            what = f"whether a neuron's program on the chip can hold the table of {looked_up} is unknown"
            table_free = "take one without a table (quadratic is like tanh; any gate is held within 0 .. 1)"
            yield BackendError(what, where=f"population {p.name!r}", hint=f"{table_free}, and {hint}")
    for q in network.projections:
        where, kind = f"projection {q.name!r}", kinds.get(q.source, "")
        if kind and kind in limits.kinds and KINDS[kind].MESSAGE.signed and not limits.signed_messages:
            what = f"{backend} has messages of one bit, and spikes of kind {kind!r} carry a sign"
            yield BackendError(what, where=where, hint=hint)
        if (longest := int(q.delays.max(initial=0))) > limits.longest_delay:
            what = (
                f"{backend} has delays of up to {limits.longest_delay} steps,"
                f" a synapse onto neurons of kind {kinds[q.target]!r} has one of {longest}"
            )
            yield BackendError(what, where=where, hint=f"shorten it, or {hint}")
    interval = network.sample_interval
    if limits.interval_of_two and interval & (interval - 1):
        what = f"registers are cleared every {interval} steps, and the chip's period is a power of two"
        yield BackendError(what, where=backend, hint=f"compile with an interval of {1 << interval.bit_length()} steps")
    yield from limits.further(network)


def tables_of(p: QPopulation) -> str:
    """The names of the activations that need a table; none of a kind without activations."""
    numbers = [p.registers[name] for name in ("activation", "gate", "output") if name in p.registers]
    used = np.unique(np.concatenate([np.zeros(0, np.int64), *numbers])).tolist()
    return " and ".join(GATES[number] for number in used if number in TABLES)
