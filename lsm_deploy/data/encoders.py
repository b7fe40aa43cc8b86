"""Frames become input spikes: rate, latency, send-on-delta and Gaussian population codes, or graded spikes.

A frame lasts `frame_ms / dt_ms` steps. Each value is mapped to x in 0..1 by its channel's range, clipped beyond it, and

    rate                 a spike in each step with probability x * max_rate_hz * dt_ms / 1000        Heeger (2000)
    latency              one spike a frame, in its step round((1 - x) * (steps - 1)), if x >= threshold
                                                                Thorpe, Delorme & Van Rullen, Neural Networks (2001)
    send_on_delta        a level starts each sample at 0 and follows x in whole deltas, one up or down spike for each,
                         evenly over the frame; what a frame has no steps for is sent in the next  Miskowicz (2006)
    spikes               a spike in the first step of a frame for every value that is not 0; ranges play no part
    gaussian_population  `neurons` fields exp(-(x - centre)**2 / (2 width**2)) a channel, each then coded as above;
                         centre_i = (2 i - 3) / (2 (neurons - 2)), i from 1; width = 1 / (beta (neurons - 2))
                                                                Bohte, Kok & La Poutre, Neurocomputing (2002)
    graded               a message in each step: (2 x - 1) * 2**(message_bits - 1) to the nearest integer, halves away
                         from zero, and within +-(2**(message_bits - 1) - 1)

Spike channels of a data channel stand together: up then down, or field by field. Every sample has a random stream of
its own, named by the seed, the role of its data (so that training and test noise differ) and its index.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed, memory
from lsm_deploy.core.errors import LsmError, MisuseError, require_type
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.messages import BINARY, Message, Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import warn
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Frames, Role, check_channels, rows_of
from lsm_deploy.spec.schema import Encoder, GaussianPopulation, Graded, Input, Latency, Rate, SendOnDelta, Spikes

__all__ = ["MIDDLE", "encode", "fields_of", "fit_ranges", "levels_of", "poisson_stimulus", "within_range"]

Trains = NDArray[np.bool_]

AT_ONCE = 1 << 12
"""Frames whose fields and steps a cache holds, about."""
MIDDLE = 0.5
"""Of a range, which is a message of 0: that of a channel that never changed in training."""


def fit_ranges(train: Frames, input: Input) -> Floats:
    """The values that map to 0 and 1 `[channel, 2]`: what the spec says, or the extremes of the training frames."""
    check_channels(train, input)
    if input.encoder is not None and input.encoder.range is not None:
        return np.tile(np.array(input.encoder.range, np.float64), (train.channels, 1))
    return np.stack([train.frames.min(axis=0), train.frames.max(axis=0)], axis=1)


def encode(
    input: Input,
    ranges: Floats,
    data: Frames,
    dt_ms: float,
    seed: int,
    sample_interval: int = 0,
    role: Role = "test",
    first: int = 0,
) -> Stimulus:
    """The spikes of every sample, end to end `[t, spike channel]`, in the narrowest type of the input's messages.

    ranges: from `fit_ranges`. sample_interval: 0, or N steps that every sample is padded to with silence; a longer one
    is an LsmError. first: the index of the first sample, where these are a piece of more. A sample's spikes depend on
    no other sample. An LsmWarning says how many frames graded spikes clip.
    """
    check_channels(data, input)
    encoder = input.encoder
    if encoder is None:
        raise LsmError("input has no encoder to turn frames into spikes", where=data.source, hint="add an encoder")
    steps = round(encoder.frame_ms / dt_ms)
    lengths = data.lengths * steps
    if sample_interval and lengths.max() > sample_interval:
        raise LsmError(
            f"sample {first + lengths.argmax()} has {data.lengths.max()} frames of {steps} steps, {lengths.max()} in"
            f" all, but the interval is {sample_interval}",
            where=data.source,
            hint=f"set `samples: {{policy: interval, steps: {lengths.max()}}}`, or shorten frame_ms",
        )
    if isinstance(encoder, Graded):
        _warn_of_clipped(data, ranges)
    still = MIDDLE if isinstance(encoder, Graded) else 0.0
    x = data.frames if isinstance(encoder, Spikes) else _normalise(data.frames, ranges, still)
    dtype = input.message.dtype
    padded = np.full_like(lengths, sample_interval) if sample_interval else lengths
    starts = np.concatenate([[0], np.cumsum(padded)])
    memory.require(
        2 * int(starts[-1]) * input.spike_channels * dtype().itemsize,  # a stimulus looks at each one
        "the spikes take",
        where=data.source,
        hint="shorten frame_ms, or give fewer samples at a time",
    )
    spikes = np.zeros((int(starts[-1]), input.spike_channels), dtype)
    rows = rows_of(starts[:-1], lengths)
    cuts = _cuts(encoder, data)
    for i, (low, high) in enumerate(pairwise(cuts)):
        random = stream(seed, "encode", role, first + i)
        spikes[rows[low * steps : high * steps]] = _encode(encoder, x[low:high], steps, dt_ms, random)
    return Stimulus(spikes, starts[:-1])


def within_range(frames: Floats, ranges: Floats) -> Floats:
    """Values of frames `[frame, channel]` as -1 to 1 within their range, clipped: what the encoder `graded` rounds."""
    return 2 * _normalise(frames, ranges, MIDDLE) - 1


def levels_of(frames: Floats, ranges: Floats, delta: float) -> Floats:
    """Where values of frames `[frame, channel]` lie in their range, in units of delta: what send_on_delta follows."""
    return fixed.stable(_normalise(frames, ranges, 0.0) / delta)


def poisson_stimulus(
    channels: int, steps: int, rate_hz: float, dt_ms: float, seed: int, message: Message = BINARY
) -> Stimulus:
    """Draw one sample of independent Bernoulli spikes `[t, channel]`, what a program runs on where nothing is given.

    message: the program's `network.input`; where that is graded, a spike carries any message, all alike.
    """
    for name, number in (("number of channels", channels), ("number of steps", steps), ("seed", seed)):
        require_type(number, (int, np.integer), name, "give an integer")
    for name, value in (("rate", rate_hz), ("step", dt_ms)):
        require_type(value, (int, float, np.number), name, "give a number")
    memory.require(
        10 * steps * channels,  # its draws are floats
        f"a stimulus of {steps} steps and {channels} channels takes",
        where="stimulus",
        hint="give one of your own, or shorten the interval between samples",
    )
    if not dt_ms > 0:
        raise MisuseError(f"steps of {dt_ms} ms", where="stimulus", hint="take more than 0")
    probability = rate_hz * dt_ms / 1000
    if not 0 <= probability <= 1:
        hint = f"choose from 0 to {1000 / dt_ms:g}"
        raise MisuseError(f"a rate of {rate_hz} Hz does not fit steps of {dt_ms} ms", where="stimulus", hint=hint)
    if steps < 1:
        raise MisuseError(f"a stimulus of {steps} steps", where="stimulus", hint="take at least 1")
    spikes = (stream(seed, "poisson").random((steps, channels)) < probability).astype(message.dtype)
    if message.graded:
        spikes *= stream(seed, "messages").integers(message.least, message.largest, spikes.shape, message.dtype, True)
    return Stimulus(spikes, np.zeros(1, np.int64))


def _normalise(frames: Floats, ranges: Floats, still: float) -> Floats:
    low, width = ranges[:, 0], ranges[:, 1] - ranges[:, 0]
    # A channel that never changed in training carries nothing: it is `still` everywhere.
    x: Floats = np.where(width > 0, (frames - low) / np.where(width > 0, width, np.inf), still)
    return np.clip(x, 0.0, 1.0)


def _warn_of_clipped(data: Frames, ranges: Floats) -> None:
    low, high = ranges.T
    beyond = (((data.frames < low) | (data.frames > high)) & (low < high)).any(axis=1)
    if beyond.any():
        many = f"{np.count_nonzero(beyond)} of {len(beyond)} frames of {data.source} lie"
        they = many if len(beyond) > 1 else "the frame lies"
        words = f"{they} beyond the range that the input takes, which clips it; give `input.encoder` a wider range"
        warn(words, level=3)


def _cuts(encoder: Encoder, data: Frames) -> list[int]:
    """Where what is encoded at once begins, and the end: samples, or any frames where each stands for itself."""
    alone = isinstance(encoder, Spikes | Latency | Graded) or (
        isinstance(encoder, GaussianPopulation) and encoder.code == "latency"
    )
    begin: list[int] = list(range(0, len(data.frames), AT_ONCE)) if alone else data.starts.tolist()
    return [*begin, len(data.frames)]


def _encode(encoder: Encoder, x: Floats, steps: int, dt_ms: float, random: np.random.Generator) -> Trains | Messages:
    """Spikes `[frame * steps, spike channel]` of values `[frame, channel]`."""
    if isinstance(encoder, Graded):
        return np.repeat(_messages(x, encoder.message_bits), steps, axis=0)
    if isinstance(encoder, Spikes):
        return _first_steps(x, steps)
    if isinstance(encoder, SendOnDelta):
        return _send_on_delta(x, encoder.delta, steps)
    if isinstance(encoder, Rate):
        return _rate(x, encoder.max_rate_hz, steps, dt_ms, random)
    if isinstance(encoder, Latency):
        return _latency(x, encoder.threshold, steps)
    fields = _receptive_fields(x, encoder)
    if encoder.code == "rate":
        return _rate(fields, encoder.max_rate_hz, steps, dt_ms, random)
    return _latency(fields, encoder.threshold, steps)


def _messages(x: Floats, bits: int) -> Messages:
    message = Message(bits, signed=True, fraction=bits - 1)
    return message.of((2 * x - 1) * message.unit)


def _first_steps(x: Floats, steps: int) -> Trains:
    spikes = np.zeros((len(x), steps, x.shape[1]), bool)
    spikes[:, 0] = x != 0
    return spikes.reshape(-1, x.shape[1])


def _rate(x: Floats, max_rate_hz: float, steps: int, dt_ms: float, random: np.random.Generator) -> Trains:
    probability = np.repeat(x * (max_rate_hz * dt_ms / 1000), steps, axis=0)
    spikes: Trains = random.random(probability.shape) < probability
    return spikes


def _latency(x: Floats, threshold: float, steps: int) -> Trains:
    # Most are silent in most steps: only spikes are written.
    frame, channel = np.nonzero(fixed.stable(x) >= fixed.stable(np.asarray(threshold)))
    step = np.rint(fixed.stable((1 - x[frame, channel]) * (steps - 1))).astype(np.int64)
    fires = np.zeros((len(x) * steps, x.shape[1]), bool)
    fires[frame * steps + step, channel] = True
    return fires


def _receptive_fields(x: Floats, encoder: GaussianPopulation) -> Floats:
    centres, spread = fields_of(encoder)
    fields = np.exp(-((x[:, :, None] - centres) ** 2) / spread)
    return fixed.stable(fields.reshape(len(x), -1))


def fields_of(encoder: GaussianPopulation) -> tuple[Floats, float]:
    """The centres `[field]`, and twice the square of the width."""
    i = np.arange(1, encoder.neurons + 1)
    width = 1 / (encoder.beta * (encoder.neurons - 2))
    return (2 * i - 3) / (2 * (encoder.neurons - 2)), 2 * width**2


def _send_on_delta(x: Floats, delta: float, steps: int) -> Trains:
    target = fixed.stable(x / delta)
    level = np.zeros(x.shape[1])
    moves = np.zeros(x.shape)
    for frame, goal in enumerate(target):
        moves[frame] = np.clip(np.trunc(goal - level), -steps, steps)
        level += moves[frame]
    # n spikes over the steps of a frame, as evenly as they go: Bresenham's line.
    count = np.abs(moves)[:, None]
    due = (np.arange(steps)[:, None] * count) % steps < count
    up_down: Trains = np.stack([due & (moves > 0)[:, None], due & (moves < 0)[:, None]], axis=-1)
    return up_down.reshape(len(x) * steps, -1)
