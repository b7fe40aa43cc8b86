"""Which faults there are, how strong they may be, and what of a program they can be of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.errors import LsmError, MisuseError, require_type
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.measure.faults.inputs import doubled_spikes, dropped_spikes, jittered
from lsm_deploy.measure.faults.neurons import lost_cores, shifted_thresholds, stuck_neurons
from lsm_deploy.measure.faults.synapses import doubled_synapses, flipped_bits, stuck_synapses
from lsm_deploy.spec.mistakes import suggest

__all__ = ["FAULTS", "Fault", "FaultKind", "faulty_program", "faulty_stimulus", "inapplicable"]


@dataclass(frozen=True)
class FaultKind:
    """words: what happens. unit: of its strength, which is 0 to `most`. usual: strengths to begin with; none: it is not
    among the faults that are tried where none is asked for. program, stimulus: what makes it, one of the two."""

    words: str
    unit: str
    most: float
    usual: tuple[float, ...] = ()
    whole: bool = False
    program: Callable[[Program, float, int], Program] | None = None
    stimulus: Callable[[Stimulus, float, int, Message, int], Stimulus] | None = None


FAULTS: Mapping[str, FaultKind] = {
    "weight-bits": FaultKind(
        "bits of weights flip, each by itself", "share of bits", 1.0, (0.001, 0.003, 0.01, 0.03), program=flipped_bits
    ),
    **{
        f"weight-bit-{bit}": FaultKind(
            f"bit {bit} of weights flips; 7 is the highest, or the sign's where a projection has both",
            "share of synapses",
            1.0,
            program=partial(flipped_bits, bits=(bit,)),
        )
        for bit in reversed(range(fixed.WEIGHT_BITS))
    },
    "stuck-synapses": FaultKind(
        "synapses have a weight of 0: they lose every spike",
        "share of synapses",
        1.0,
        (0.03, 0.1, 0.2, 0.4),
        program=stuck_synapses,
    ),
    "doubled-synapses": FaultKind(
        "synapses deliver every spike twice: twice their weight, as far as 8 bits go",
        "share of synapses",
        1.0,
        program=doubled_synapses,
    ),
    "dead-neurons": FaultKind(
        "neurons never fire",
        "share of neurons",
        1.0,
        (0.03, 0.1, 0.2, 0.4),
        program=partial(stuck_neurons, firing=False),
    ),
    "firing-neurons": FaultKind(
        "neurons fire in every step, graded ones send the largest that they can",
        "share of neurons",
        1.0,
        (0.003, 0.01, 0.03, 0.1),
        program=partial(stuck_neurons, firing=True),
    ),
    "thresholds": FaultKind(
        "thresholds are off, each neuron's by itself",
        "standard deviation, of the threshold",
        10.0,
        (0.03, 0.1, 0.2, 0.4),
        program=shifted_thresholds,
    ),
    "lost-cores": FaultKind(
        "all neurons of so many cores are dead",
        "cores",
        1e6,
        whole=True,
        program=lambda program, many, seed: lost_cores(program, int(many), seed),
    ),
    "dropped-spikes": FaultKind(
        "input spikes are lost", "share of input spikes", 1.0, (0.03, 0.1, 0.2, 0.4), stimulus=dropped_spikes
    ),
    "doubled-spikes": FaultKind(
        "input spikes come twice: a step later again, or twice as large where they are graded",
        "share of input spikes",
        1.0,
        stimulus=doubled_spikes,
    ),
    "jitter": FaultKind(
        "input spikes come earlier or later",
        "standard deviation, in steps",
        1e4,
        (0.5, 1.0, 2.0, 4.0),
        stimulus=jittered,
    ),
}
"""By name; those of programs, then those of what enters."""


@dataclass(frozen=True)
class Fault:
    """A fault of this kind and strength, as one seed draws it."""

    kind: str
    strength: float
    seed: int = 0

    def __post_init__(self) -> None:
        require_type(self.kind, str, "fault", f"choose from {', '.join(FAULTS)}")
        where = f"fault {self.kind!r:.40}"
        if self.kind not in FAULTS:
            hint = suggest(self.kind, list(FAULTS))
            raise MisuseError(f"there is no fault {self.kind!r:.40}", hint=hint)
        kind = FAULTS[self.kind]
        require_type(self.strength, (int, float, np.number), "strength of a fault", "give a number")
        if not 0 <= self.strength <= kind.most or (kind.whole and self.strength != int(self.strength)):
            hint = f"give {'a whole number' if kind.whole else 'a number'} from 0 to {kind.most:g}"
            raise MisuseError(f"its strength ({kind.unit}) is {self.strength:g}", where=where, hint=hint)
        require_type(self.seed, (int, np.integer), "seed of a fault", "give a whole number")
        if self.seed < 0:
            raise MisuseError(f"its seed is {self.seed}", where=where, hint="give 0 or more")


def faulty_program(program: Program, kind: str, strength: float, seed: int = 0) -> Program:
    """The program with a fault, a valid one of the same size: `lsm-deploy manual sweep` lists kinds and strengths.

    The same seed makes the same; strength 0, and a fault of what enters, leave the program as it is. An LsmError where
    it has nothing that could break so.
    """
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    fault = Fault(kind, strength, seed)
    make = FAULTS[fault.kind].program
    if make is None or not fault.strength:
        return program
    if why := inapplicable(program, kind):
        raise LsmError(why, where=f"fault {kind!r}", hint="leave it out")
    return make(program, fault.strength, fault.seed)


def faulty_stimulus(
    stimulus: Stimulus, kind: str, strength: float, seed: int = 0, *, message: Message = BINARY, first: int = 0
) -> Stimulus:
    """The stimulus with a fault, of as many steps. The same seed makes the same; strength 0, and a fault of
    the program, leave the stimulus as it is.

    message: what its spikes can be (`program.network.input`). first: its first sample's number, of a piece of more.
    """
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or encode it")
    fault = Fault(kind, strength, seed)
    make = FAULTS[fault.kind].stimulus
    return stimulus if make is None or not fault.strength else make(stimulus, fault.strength, seed, message, first)


def inapplicable(program: Program, kind: str) -> str:
    """Why a program cannot have a fault of this kind; "" where it can."""
    network = program.network
    if kind == "thresholds" and not any(KINDS[name].LEVELS for name in network.kinds):
        return "none of its neurons has a threshold"
    if kind == "lost-cores" and program.target == NOWHERE.name:
        return "the program is placed on no board"
    if kind == "jitter" and network.input.graded:
        return "graded input has a value in every step, and so no times"
    return ""
