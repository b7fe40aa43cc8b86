"""A program with output neurons on several backends: the same spikes, registers and decisions?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.ir import Stimulus
from lsm_deploy.data import Frames, subset
from lsm_deploy.learn.model import Model
from lsm_deploy.parity.compare import compare
from lsm_deploy.run import backends

__all__ = ["Parity", "backends_here", "parity", "sampled", "stimulus_of"]

REGISTERS = ("u", "v")


@dataclass(frozen=True)
class Parity:
    """The emulator beside another backend: values that were compared, and that differ."""

    backend: str
    samples: int
    spikes: int
    spikes_differ: int
    values: int
    values_differ: int
    decisions_differ: int

    @property
    def differs(self) -> bool:
        return bool(self.spikes_differ or self.values_differ or self.decisions_differ)


def backends_here() -> list[str]:
    """What simulates and is installed, the emulator first."""
    return [name for name in ("emulator", "fast", "lava", "brian") if backends.load_backend(name).missing() is None]


def sampled(data: Frames, samples: int) -> Frames:
    """So many samples, evenly from all of them."""
    return subset(data, np.unique(np.linspace(0, data.samples - 1, min(samples, data.samples)).astype(np.int64)))


def stimulus_of(chip: Model, data: Frames) -> Stimulus:
    return chip.listener.encode(data)


def parity(chip: Model, stimulus: Stimulus, names: Sequence[str]) -> list[Parity]:
    """Run the same samples on each backend: what the others are beside the first."""
    traces = {name: backends.run_program(name, chip.program, stimulus, REGISTERS) for name in names}
    first, found = traces[names[0]], []
    for name in names[1:]:
        verdict = compare(chip.program, first, traces[name], REGISTERS)
        said = zip(chip.decisions(first), chip.decisions(traces[name]), strict=True)
        found.append(
            Parity(
                backend=name,
                samples=len(stimulus.starts),
                spikes=verdict.spikes[0],
                spikes_differ=verdict.differing["s"],
                values=sum(verdict.compared[register] for register in REGISTERS),
                values_differ=sum(verdict.differing[register] for register in REGISTERS),
                decisions_differ=sum(one != other for one, other in said),
            )
        )
    return found
