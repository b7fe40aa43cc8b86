"""One step of a kind of neuron, by its name, in each backend's own code, held to its definition on arrays of inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from prove.implementations import CHUNK, brian_kind

Step = Callable[[dict[str, Any], dict[str, Any], Any], "tuple[Any, ...]"]
"""(state, registers, a) to the state after it, in its order, and the spikes."""
Inputs = Callable[[int], Iterator[dict[str, Any]]]
"""By stride, arrays of states, registers and `a`; what is left out is neutral."""


class Kind(NamedTuple):
    name: str
    state: tuple[str, ...]
    registers: tuple[str, ...]
    defined: Step
    neutral: dict[str, int]


def implementations(kind: str, kernel: str, lava: Callable[[], Any]) -> dict[str, Callable[[], Any]]:
    """By backend, a context that gives its step. kernel: its name among those of `fast`."""
    return {
        "emulator": partial(_emulator, kind),
        "fast": partial(_fast, kind, kernel),
        "brian (numpy)": partial(brian_kind, kind),
        "lava": lava,
    }


@contextmanager
def _emulator(kind: str) -> Iterator[Step]:
    from lsm_deploy.core.neurons import KINDS

    def step(state: dict[str, Any], registers: dict[str, Any], a: Any) -> tuple[Any, ...]:
        after = KINDS[kind].step(registers, state, a)
        return (*(after.state[name] for name in state), after.spikes)

    yield step


@contextmanager
def _fast(kind: str, kernel: str) -> Iterator[Step]:
    from lsm_backends.fast import rules
    from lsm_backends.fast.kernels import neurons

    def step(state: dict[str, Any], registers: dict[str, Any], a: Any) -> tuple[Any, ...]:
        constants = np.stack(rules.RULES[kind].constants(registers)).astype(np.int32)
        made, spikes = np.stack([*state.values()]).astype(np.int32), np.zeros(len(a), np.int8)
        getattr(neurons, kernel)(constants, made, a.astype(np.int32), spikes, 0, len(a))
        return (*made, spikes)

    yield step


def crossed(axes: dict[str, list[int]], stride: int) -> dict[str, Any]:
    """Every value with every other, or one of so many of these."""
    grid = np.indices([len(axis) for axis in axes.values()]).reshape(len(axes), -1)[:, ::stride]
    return {name: np.asarray(axis)[index] for (name, axis), index in zip(axes.items(), grid, strict=True)}


def compare(kind: Kind, inputs: Inputs, step: Step, stride: int = 1) -> int:
    """How many inputs were compared; AssertionError with the first one that differs."""
    compared = 0
    for given in inputs(stride):
        size = max(np.size(values) for values in given.values())
        whole = {name: np.broadcast_to(np.asarray(x, np.int64), size) for name, x in (kind.neutral | given).items()}
        for start in range(0, size, CHUNK):
            part = {name: np.ascontiguousarray(values[start : start + CHUNK]) for name, values in whole.items()}
            state, registers = {n: part[n] for n in kind.state}, {n: part[n] for n in kind.registers}
            expected = kind.defined(state, registers, part["a"])
            found = step({n: values.copy() for n, values in state.items()}, registers, part["a"])
            for name, ours, theirs in zip((*kind.state, "s"), found, expected, strict=True):
                if (bad := np.flatnonzero(ours != theirs)).size:
                    i = bad[0]
                    case = {key: int(values[i]) for key, values in part.items()}
                    raise AssertionError(f"{kind.name}: {name} is {ours[i]}, not {theirs[i]}, for {case}")
            compared += len(part["a"])
    return compared
