"""A readout of signals on the chip: output neurons that send what is answered, one for each output.

A graded neuron with the activation identity and `leak_rate: 1` passes on what arrives; its message is the answer:

    v = RN(W @ messages, shift_in) + bias;   message = RN(v, message_shift);   y = message / scale + centre

W are weights of 16 bits with their sign, each a coarse and a fine synapse (`weight_exp` 7 and 0) onto one neuron. They
are as large as the 32 bits allow in which a neuron adds, whatever is sent: the wider a liquid, the fewer levels they
have. centre is the mean of the target, so that the message has its bits for what varies. The shifts leave `v` and the
message a bit more than training data used.

A synapse takes a step: what neurons sent in the step after a frame is answered in the next, two steps after the frame.
The frame itself comes through synapses from graded input, a step late, to arrive with them. Squares, and the traces of
spikes, have no synapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from lsm_deploy.core import fixed
from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.boards import MAX_WEIGHT_EXP
from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.fixed import Ints, stable
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import warn
from lsm_deploy.core.progress import Progress, part_of
from lsm_deploy.data import Frames
from lsm_deploy.learn.attach import OUTPUT, output_of, with_output
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.regression.integer import IntegerRegressor
from lsm_deploy.learn.regression.linear import Quantise
from lsm_deploy.learn.regression.states import (
    StatesRun,
    frame_rows,
    graded_populations,
    more_steps,
    states_of,
    steps_of_frame,
)
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Regression

__all__ = [
    "LATE",
    "OutputNeurons",
    "attach_regressor",
    "check_features",
    "for_chip",
    "largest_of",
    "messages_of",
    "run_output",
]

LATE = 2
"""Steps after a frame in which it is answered."""
LARGEST_WEIGHT = (fixed.WEIGHT_LIMIT << MAX_WEIGHT_EXP) + (1 << MAX_WEIGHT_EXP) - 1
_SPARE = 2
"""Times what training data used: what `v` and a message hold."""
_KIND = "GradedLI"
_REGISTERS: Mapping[str, int] = asdict(KINDS[_KIND].Registers(shift_in=0, activation=ACTIVATIONS.index("identity")))
_LARGEST_MESSAGE = (1 << _REGISTERS["message_bits"] - 1) - 1


@dataclass(frozen=True, eq=False)
class OutputNeurons:
    """What messages of the output neurons stand for: y = message / scale + centre, both `[output]`."""

    scale: Floats
    centre: Floats

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, scale=np.float64, centre=np.float64)
        if self.scale.ndim != 1 or self.scale.shape != self.centre.shape or not np.isfinite(self.centre).all():
            raise ValueError(f"scale {self.scale.shape} and centre {self.centre.shape} are not both [output]")
        if not ((self.scale > 0) & (self.scale < np.inf)).all():
            raise ValueError(f"the scale is {self.scale}")

    def check(self, program: Program, outputs: int) -> None:
        """A ValueError where the program has not a graded output neuron for each output."""
        there = [(p.kind, p.size) for p in program.network.populations if p.name == OUTPUT]
        if there != [(_KIND, outputs)] or len(self.scale) != outputs:
            raise ValueError(f"the program has not a graded output neuron for each of {outputs} outputs")

    def answers(self, messages: Ints) -> Floats:
        """Of messages `[..., output]`."""
        answered: Floats = messages / self.scale + self.centre
        return answered


def check_features(listener: Listener, section: Regression) -> None:
    """An LsmError for each feature that synapses onto output neurons do not carry."""
    errors = []
    if section.features.squares:
        what = "a readout on the chip has no squares: a synapse multiplies by its weight alone"
        errors.append(LsmError(what, where="readout.features", hint="set `squares: false`, or answer on the host"))
    if section.features.frame and not listener.program.network.input.graded:
        what = "the frame itself does not enter the chip: its encoder makes spikes of it"
        hint = "set `frame: false`, use the encoder graded, or answer on the host"
        errors.append(LsmError(what, where="readout.features", hint=hint))
    graded = graded_populations(listener.program)
    for name in section.populations:
        if name not in graded:
            what = "its neurons spike, and are read by traces that only a host has"
            hint = "read graded neurons, or answer on the host"
            errors.append(LsmError(what, where=f"population {name!r}", hint=hint))
    raise_all(errors)


# --- what is trained on ---------------------------------------------------------------------------------------------


def messages_of(run: StatesRun, listener: Listener, section: Regression, data: Frames) -> Ints:
    """What arrives at output neurons after each frame `[frame, source]`: messages, then those of the frame itself."""
    states = states_of(listener.program, section, run.features)
    if not section.features.frame:
        return states
    frame = steps_of_frame(listener)
    entered: Ints = listener.encode(data).spikes[frame - 1 :: frame].astype(np.int64)
    return np.column_stack([states, entered])


def largest_of(program: Program, section: Regression) -> Ints:
    """The largest magnitude of each of these `[source]`."""
    network = program.network
    there = {p.name: KINDS[p.kind].largest_messages(p.registers) for p in network.populations}
    entering = np.full(network.channels * section.features.frame, network.input.largest)
    largest: Ints = np.concatenate([*(there[name] for name in section.populations), entering]).astype(np.int64)
    return largest


def for_chip(largest: Ints) -> Quantise:
    """As output neurons answer: with weights of which no sum passes 32 bits, of messages up to largest `[source]`."""

    def deployed(mean: Floats, scale: Floats, coef: Floats, intercept: Floats) -> IntegerRegressor:
        real = stable(coef / scale)
        of_weights = np.abs(real).max(axis=1) / LARGEST_WEIGHT
        of_sums = (
            np.abs(real) @ largest / (fixed.LARGEST_ADDED - largest.sum() / 2)
        )  # rounding adds a half to each at most
        size = np.maximum(of_weights, of_sums)
        units = stable(1 / np.where(size > 0, size, 1.0))
        weights = np.rint(stable(real * units[:, None]))
        biases = np.rint(stable(units * intercept - weights @ mean))
        return IntegerRegressor(weights.astype(np.int64), biases.astype(np.int64), units)

    return deployed


# --- as neurons ------------------------------------------------------------------------------------------------------


def attach_regressor(
    network: QNetwork, section: Regression, integers: IntegerRegressor, x: Ints, centre: Floats
) -> tuple[QNetwork, OutputNeurons]:
    """Add output neurons; x: training data `[row, source]` whose answers they are to hold; centre `[output]`."""
    biases = integers.biases - np.rint(stable(integers.scale * centre))
    reached = _SPARE * np.abs(x @ integers.weights.T + biases).max(axis=0)
    held = fixed.UV_LIMIT - 1
    shift_in = _shift(np.maximum(reached, np.abs(biases)), held)
    message_shift = _shift(reached / np.exp2(shift_in), _LARGEST_MESSAGE)
    outputs = len(biases)
    registers = {
        **{name: np.full(outputs, value) for name, value in _REGISTERS.items()},
        "shift_in": shift_in,
        "message_shift": message_shift,
        "bias": np.rint(biases / np.exp2(shift_in)).astype(np.int64),
    }
    population = QPopulation(OUTPUT, _KIND, outputs, registers)
    sources = [(name, network.sizes[name], 0) for name in section.populations]
    if section.features.frame:
        sources.append((INPUT, network.channels, 1))
    ends = np.cumsum([0, *(size for _, size, _ in sources)])
    projections = [
        projection
        for i, (name, _, delay) in enumerate(sources)
        for projection in _projections(name, integers.weights[:, ends[i] : ends[i + 1]], delay)
    ]
    made = with_output(network, population, tuple(projections))
    return made, OutputNeurons(integers.scale / np.exp2(shift_in + message_shift), centre)


def _shift(largest: Floats, held: int) -> Ints:
    """By how many bits to divide for so much to be held."""
    bits: Ints = np.ceil(np.log2(np.maximum(largest / held, 1.0))).astype(np.int64)
    return bits


def _projections(source: str, weights: Ints, delay: int) -> list[QProjection]:
    """Of weights `[output, neuron]`: those of either sign, coarse and fine."""
    projections = []
    modes: dict[int, SignMode] = {1: "excitatory", -1: "inhibitory"}
    for sign, mode in modes.items():
        size = np.maximum(sign * weights, 0)
        for part, exponent in (("coarse", MAX_WEIGHT_EXP), ("fine", 0)):
            mantissa = size >> MAX_WEIGHT_EXP if exponent else size & (1 << MAX_WEIGHT_EXP) - 1
            pre, post = np.nonzero(mantissa.T)
            if len(post):
                projections.append(
                    QProjection(
                        name=f"{source}->{OUTPUT}:{mode[:3]}:{part}",
                        source=source,
                        target=OUTPUT,
                        sign_mode=mode,
                        num_weight_bits=fixed.WEIGHT_BITS,
                        weight_exp=exponent,
                        indptr=np.concatenate([[0], np.cumsum(np.count_nonzero(mantissa, axis=0))]).astype(np.int64),
                        post=post.astype(np.int32),
                        weights=(sign * mantissa.T[pre, post]).astype(np.int16),
                        delays=np.full(len(post), delay, np.uint8),
                    )
                )
    return projections


def run_output(
    listener: Listener,
    section: Regression,
    data: Frames,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Ints:
    """Run all samples, and read what the output neurons send for each frame `[frame, output]`.

    An LsmWarning says how many messages after the washout are as large as they can be: such answers may be clipped.
    """
    program, steps, total = listener.program, 0, int(listener.steps(data).sum()) + LATE * data.samples
    backend, columns, parts = backends.choose(backend, program), output_of(program), []
    for stimulus in listener.stimuli(data, "test"):
        longer = more_steps(stimulus, LATE)
        spikes = backends.run_program(backend, program, longer, progress=part_of(progress, steps, total)).spikes
        parts.append(spikes[frame_rows(longer.starts, len(spikes), steps_of_frame(listener), LATE), columns])
        steps += len(spikes)
    messages: Ints = np.concatenate(parts).astype(np.int64)
    washed = np.concatenate([np.arange(many) for many in data.lengths]) >= section.washout
    if clipped := int((np.abs(messages[washed]) >= _LARGEST_MESSAGE).any(axis=1).sum()):
        what = f"{clipped} of {np.count_nonzero(washed)} answers are beyond what training data had, and are clipped"
        warn(f"{what}: output neurons send {_SPARE} times that at most", level=3)
    return messages
