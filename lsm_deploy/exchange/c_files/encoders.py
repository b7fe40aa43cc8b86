"""A model's encoder in C: how a frame becomes spikes or messages, the host's bit by bit.

Where a spike's step says how large a value is, or how near a field's centre, the values at which the step changes are
searched for, with the host's own encoder, among all numbers that a frame can hold; the device only compares. So there
is no exponential on it, and no float: a value is a whole number of 2**-fraction. Graded messages take an addition, a
division and two products of doubles, the host's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames
from lsm_deploy.data.encoders import encode, fields_of, levels_of
from lsm_deploy.exchange.c_files.liquid import Part
from lsm_deploy.exchange.c_files.tables import Field, Table, literal, narrowest_type
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.regression.states import steps_of_frame
from lsm_deploy.spec.schema import BeatsFrontEnd, GaussianPopulation, Graded, Latency, SendOnDelta, Spikes

__all__ = ["Numbers", "edges_of", "encoder_of", "numbers_of", "why_none"]

_LAST = (1 << 31) - 2
MOST_LEVELS = int(np.iinfo(np.int16).max)
"""Of a range, that send_on_delta follows in 16 bits."""


@dataclass(frozen=True)
class Numbers:
    """What a frame's values are: `int32_t` of which 2**fraction are 1.0, or doubles, where fraction is None."""

    fraction: int | None

    @property
    def ctype(self) -> str:
        return "double" if self.fraction is None else "int32_t"

    @property
    def last(self) -> int:
        """The largest place, beyond which is one more, where nothing ever is; of doubles that of 1e300."""
        return _LAST if self.fraction is not None else int(np.float64(1e300).view(np.int64))

    def at(self, places: Ints) -> Floats:
        """The values at places, which ascend as they do: of doubles their bits."""
        if self.fraction is not None:
            return np.ldexp(places.astype(np.float64), -self.fraction)
        return np.where(places < 0, -np.abs(places).view(np.float64), np.abs(places).view(np.float64))

    def nearest(self, value: float) -> int:
        """The place below a value, or where it is."""
        if self.fraction is not None:
            return int(np.clip(math.floor(math.ldexp(value, self.fraction)), -_LAST, _LAST - 1))
        size = int(np.float64(abs(value)).view(np.int64))
        return -size if value < 0 else size

    def table(self, name: str, places: Ints) -> Table:
        return Table(
            name,
            places if self.fraction is not None else self.at(places),
            "" if self.fraction is not None else "double",
        )


def numbers_of(listener: Listener) -> Numbers:
    """As many bits behind the point as leave the range of every channel, and as much beyond it, in 31 bits."""
    if isinstance(listener.front_end, BeatsFrontEnd) or isinstance(listener.input.encoder, Graded):
        return Numbers(None)
    if isinstance(listener.input.encoder, Spikes):
        return Numbers(0)
    largest = float(np.abs(listener.ranges).max(initial=0.0))
    return Numbers(16 if largest == 0 else int(np.clip(29 - math.ceil(math.log2(largest)), -30, 30)))


def why_none(listener: Listener) -> str:
    """Why a model's encoder has no C; "" where it has."""
    encoder = listener.input.encoder
    if isinstance(encoder, GaussianPopulation) and encoder.code == "latency":
        return ""
    if isinstance(encoder, SendOnDelta) and 1 / encoder.delta > MOST_LEVELS:
        return f"its encoder tells more than {MOST_LEVELS} levels apart"
    if isinstance(encoder, Latency | SendOnDelta | Spikes | Graded):
        return ""
    return "its encoder is random, from a stream of the host's" if encoder is not None else "it has no encoder"


def encoder_of(listener: Listener) -> Part:
    """The C of an encoder that has some."""
    encoder, numbers = listener.input.encoder, numbers_of(listener)
    channels, steps = listener.input.channels, steps_of_frame(listener)
    macros = {"LSM_FRAME": f"{channels}u", "LSM_FRAME_STEPS": f"{steps}u"}
    if numbers.fraction is not None and not isinstance(encoder, Spikes):
        macros["LSM_ONE"] = literal(math.ldexp(1.0, numbers.fraction))
    if isinstance(encoder, Graded):
        message = listener.input.message
        macros |= {
            "LSM_MESSAGE_UNIT": literal(message.unit),
            "LSM_MESSAGE_LARGEST": str(message.largest),
        }
        low, high = listener.ranges.T
        tables = (Table("lsm_low", low, "double"), Table("lsm_width", high - low, "double"))
        field = Field("int16_t" if message.largest > 127 else "int8_t", "entering", "[LSM_FRAME]", channels)
        return Part((), macros, tables, fields=(field,), after=("encode_graded.c", "frame.c"))
    if isinstance(encoder, Spikes):
        return Part(
            (), macros, fields=(Field("uint8_t", "due", "[LSM_FRAME]", channels),), after=("encode_spikes.c", "frame.c")
        )
    if isinstance(encoder, SendOnDelta):
        return _delta(listener, encoder, numbers, macros)
    fields = encoder.neurons if isinstance(encoder, GaussianPopulation) else 1
    up, down = edges_of(listener, numbers, fields, steps)
    reached = [s for s in range(steps) if s == 0 or (up[s] != up[s - 1]).any() or (down[s] != down[s - 1]).any()]
    if not (up[0] <= down[0]).any() and len(reached) > 1:
        reached = reached[1:]
    # [channel, field, level], of the first channel alone where all are alike.
    ups, downs = (np.moveaxis(values[reached], 0, 2) for values in (up, down))
    same = bool((ups == ups[:1]).all() and (downs == downs[:1]).all())
    ups, downs = (values[:1] if same else values for values in (ups, downs))
    macros |= {
        "LSM_FIELDS": f"{fields}u",
        "LSM_SAME_RANGES": str(int(same)),
        "LSM_LEVELS": f"{len(reached)}u",
        "LSM_LEVEL(l)": "lsm_level[l]",
        "LSM_UP(i)": "lsm_up[i]",
        "LSM_DOWN(i)": "lsm_down[i]",
    }
    due = narrowest_type(np.array([steps]))
    return Part(
        (),
        macros,
        (
            numbers.table("lsm_up", ups.ravel()),
            numbers.table("lsm_down", downs.ravel()),
            Table("lsm_level", np.array(reached), due),
        ),
        fields=(Field(due, "due", "[LSM_CHANNELS]", channels * fields, "the step in which each spikes in a frame"),),
        after=("encode_due.c", "frame.c"),
    )


# --- where a spike's step changes ------------------------------------------------------------------------------------


def edges_of(listener: Listener, numbers: Numbers, fields: int, steps: int) -> tuple[Ints, Ints]:
    """Places `[level, channel, field]` from which, and up to which, a field spikes by step `level`: of a field that
    never does, they are the wrong way round. A field rises up to its centre and falls behind it."""
    encoder, channels = listener.input.encoder, listener.input.channels
    rising = np.full((channels, 1), 1.0)
    if isinstance(encoder, GaussianPopulation):
        rising = np.tile(np.clip(fields_of(encoder)[0], 0.0, 1.0), (channels, 1))
    low, high = listener.ranges[:, :1], listener.ranges[:, 1:]
    centre = np.vectorize(numbers.nearest, otypes=[np.int64])(low + rising * (high - low))
    shape = (steps, channels, fields)

    def by(places: Ints) -> NDArray[np.bool_]:
        """Whether each field spikes by each step, where its channel is at these places."""
        due = _due(listener, numbers.at(places), steps)
        return due <= np.arange(steps)[:, None, None]

    # Of the two numbers beside the centre the one at which it spikes sooner.
    here, next_one = (by(np.broadcast_to(place, shape)) for place in (centre, centre + 1))
    top = np.where(next_one.sum(axis=0) > here.sum(axis=0), centre + 1, centre)
    top = np.broadcast_to(top, shape)
    ever = by(top)
    up = _first(by, np.full(shape, -numbers.last), top)
    if isinstance(encoder, Latency):  # the larger, the sooner, however large
        down = np.full(shape, numbers.last)
    else:
        down = -_first(lambda places: by(-places), np.full(shape, -numbers.last), -top)
    return np.where(ever, up, numbers.last + 1), np.where(ever, down, -numbers.last - 1)


def _first(holds: Callable[[Ints], NDArray[np.bool_]], low: Ints, high: Ints) -> Ints:
    """The first place from low to high at which something holds that holds from there on; high, if it is the only."""
    high = np.where(holds(low), low, high)
    for _ in range(64):  # halves what lies between, which is less than 2**64
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        there = holds(middle)
        low, high = np.where(there, low, middle), np.where(there, middle, high)
    return high


def _due(listener: Listener, values: Floats, steps: int) -> Ints:
    """The step `[level, channel, field]` in which a field spikes whose channel has this value, or `steps` for none."""
    levels, channels, fields = values.shape
    rows = np.moveaxis(values, 1, 2).reshape(-1, channels)  # [level and field, channel]: each field has its own
    spikes = _encoded(listener, rows).reshape(levels, fields, steps, channels, fields)
    own: NDArray[Any] = np.stack(
        [spikes[:, i, :, :, i] for i in range(fields)], axis=3
    )  # [level, step, channel, field]
    return np.where(own.any(axis=1), own.argmax(axis=1), steps)


def _encoded(listener: Listener, rows: Floats) -> NDArray[np.bool_]:
    frames = Frames(rows, np.arange(len(rows)))
    stimulus = encode(listener.input, listener.ranges, frames, listener.program.network.dt_ms, listener.seed)
    spikes: NDArray[np.bool_] = stimulus.spikes != 0
    return spikes


def _delta(listener: Listener, encoder: SendOnDelta, numbers: Numbers, macros: dict[str, str]) -> Part:
    channels = listener.input.channels
    top = np.full((1, channels), numbers.last)
    most = math.ceil(levels_of(numbers.at(top), listener.ranges, encoder.delta).max(initial=1.0))
    level = np.arange(most)[:, None]

    def goal(places: Ints) -> Floats:
        return levels_of(numbers.at(places), listener.ranges, encoder.delta)

    low, high = np.full((most, channels), -numbers.last), np.full((most, channels), numbers.last)
    reached = _first(lambda places: goal(places) >= level + 1, low, high)
    over = _first(lambda places: goal(places) > level, low, high)
    reached, over = (
        np.where(ever, places, numbers.last + 1)
        for places, ever in ((reached, goal(high) >= level + 1), (over, goal(high) > level))
    )
    same = bool((reached == reached[:, :1]).all() and (over == over[:, :1]).all())
    many = 1 if same else channels
    macros |= {"LSM_SAME_RANGES": str(int(same)), "LSM_LEVELS": f"{most}u"}
    return Part(
        (),
        macros,
        tuple(
            numbers.table(name, values[:, :many].T.ravel())
            for name, values in (("lsm_reached", reached), ("lsm_over", over))
        ),
        fields=(
            Field("int16_t", "level", "[LSM_FRAME]", channels, "that the encoder has followed"),
            Field("int16_t", "moves", "[LSM_FRAME]", channels, "in this frame, up or down"),
        ),
        after=("encode_delta.c", "frame.c"),
    )
