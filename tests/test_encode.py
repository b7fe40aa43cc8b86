"""Encoders against plain Python, one value at a time; what their promises are; the same bytes on every Python."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest

from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.messages import BINARY, Message
from lsm_deploy.core.streams import stream
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.data.encoders import encode, fit_ranges, poisson_stimulus
from lsm_deploy.spec.schema import GaussianPopulation, Graded, Input, Latency, Rate, SendOnDelta, Spikes

DT_MS, SEED, CHANNELS = 0.5, 11, 3
ENCODERS: dict[str, Any] = {
    "rate": Rate(kind="rate", frame_ms=4.0, max_rate_hz=900.0),
    "latency": Latency(kind="latency", frame_ms=4.0, threshold=0.2),
    "send_on_delta": SendOnDelta(kind="send_on_delta", frame_ms=2.0, delta=0.07),
    "gaussian_latency": GaussianPopulation(kind="gaussian_population", frame_ms=4.0, neurons=5),
    "gaussian_rate": GaussianPopulation(kind="gaussian_population", frame_ms=4.0, neurons=3, code="rate", beta=1.0),
    "graded": Graded(kind="graded", frame_ms=2.0, message_bits=12),
}


def frames(lengths: tuple[int, ...] = (5, 1, 8), seed: int = 1) -> Frames:
    values = stream(seed, "test frames").random((sum(lengths), CHANNELS)) * [1.0, 20.0, 300.0] - [0.5, 0.0, 100.0]
    return make_frames(values, np.concatenate([[0], np.cumsum(lengths)[:-1]]))


def spikes(name: str, data: Frames, ranges: Any = None, **options: Any) -> Stimulus:
    section = Input(CHANNELS, ENCODERS[name])
    ranges = fit_ranges(data, section) if ranges is None else ranges
    return encode(section, ranges, data, DT_MS, SEED, **options)


# --- each encoder against a slow computation ------------------------------------------------------------------------


def normalised(data: Frames, ranges: Any) -> list[list[list[float]]]:
    stops = [*data.starts[1:].tolist(), len(data.frames)]
    return [
        [
            [
                min(1.0, max(0.0, (value - low) / (high - low)))
                for value, (low, high) in zip(frame, ranges.tolist(), strict=True)
            ]
            for frame in data.frames[a:b].tolist()
        ]
        for a, b in zip(data.starts.tolist(), stops, strict=True)
    ]


def slow(name: str, data: Frames, ranges: Any, role: str) -> list[list[int]]:
    encoder = ENCODERS[name]
    steps = int(encoder.frame_ms / DT_MS)
    rows: list[list[int]] = []
    for i, sample in enumerate(normalised(data, ranges)):
        if isinstance(encoder, GaussianPopulation):
            n = encoder.neurons
            centres = [(2 * k - 3) / 2 / (n - 2) for k in range(1, n + 1)]
            width = 1 / encoder.beta / (n - 2)
            sample = [[math.exp(-((x - c) ** 2) / 2 / width**2) for x in f for c in centres] for f in sample]
        code = encoder.code if isinstance(encoder, GaussianPopulation) else encoder.kind
        if code == "rate":
            draws = stream(SEED, "encode", role, i).random((len(sample) * steps, len(sample[0]))).tolist()
            for t, row in enumerate(draws):
                probability = [x * encoder.max_rate_hz * DT_MS / 1000 for x in sample[t // steps]]
                rows.append([int(u < p) for u, p in zip(row, probability, strict=True)])
        elif code == "latency":
            for frame in sample:
                due = [round((1 - x) * (steps - 1)) if x >= encoder.threshold else None for x in frame]
                rows += [[int(at == t) for at in due] for t in range(steps)]
        elif code == "graded":
            most = 2 ** (encoder.message_bits - 1)
            for frame in sample:
                nearest = [math.floor(abs(2 * x - 1) * most + 0.5) * (1 if x >= 0.5 else -1) for x in frame]
                rows += [[max(1 - most, min(most - 1, message)) for message in nearest]] * steps
        else:
            level = [0] * CHANNELS
            for frame in sample:
                sent = [[0] * (2 * CHANNELS) for _ in range(steps)]
                for channel, x in enumerate(frame):
                    n = max(-steps, min(steps, math.trunc(x / encoder.delta - level[channel])))
                    level[channel] += n
                    for k in range(abs(n)):  # the k-th of n spikes, k / n of the frame later
                        sent[math.ceil(k * steps / abs(n))][2 * channel + (n < 0)] = 1
                rows += sent
    return rows


@pytest.mark.parametrize("role", ["train", "test"])
@pytest.mark.parametrize("name", ENCODERS)
def test_as_computed_one_value_at_a_time(name: str, role: Any) -> None:
    data, wide = frames(), frames(seed=2)
    section = Input(CHANNELS, ENCODERS[name])
    ranges = fit_ranges(wide, section) * 0.9  # so that some values lie beyond and are clipped
    got = spikes(name, data, ranges, role=role)
    assert got.spikes.tolist() == slow(name, data, ranges, role)
    assert got.spikes.shape[1] == section.spike_channels
    assert got.spikes.any()
    assert got.starts.tolist() == (data.starts * int(ENCODERS[name].frame_ms / DT_MS)).tolist()


GOLDEN = {
    "rate": "ca26f3958a9f8a9d",
    "latency": "049436d350f450e1",
    "send_on_delta": "e7ecdc44b9171dc9",
    "gaussian_latency": "e7ffe5e80f706db5",
    "gaussian_rate": "2a822769d31f824a",
    "graded": "41d489c152f69693",
}


@pytest.mark.parametrize("name", ENCODERS)
def test_the_same_bytes_on_every_python(name: str) -> None:
    data = frames((30, 7, 100))
    assert hashlib.sha256(spikes(name, data).spikes.tobytes()).hexdigest()[:16] == GOLDEN[name]


# --- what each promises ---------------------------------------------------------------------------------------------


def test_rate_is_the_rate() -> None:
    data = make_frames(np.tile([0.0, 0.25, 1.0], (4000, 1)), np.array([0]))
    section = Input(3, Rate(kind="rate", frame_ms=5.0, max_rate_hz=200.0, range=(0.0, 1.0)))
    hz = encode(section, fit_ranges(data, section), data, 1.0, SEED).spikes.mean(axis=0) * 1000
    deviation = [1000 * math.sqrt(p * (1 - p) / 20000) for p in (0.05, 0.2)]
    assert hz[0] == 0
    assert abs(hz[1] - 50) < 4 * deviation[0]
    assert abs(hz[2] - 200) < 4 * deviation[1]


def test_latency_is_earlier_for_larger_values_and_silent_below_threshold() -> None:
    data = make_frames(np.array([[1.0, 0.5, 0.2, 0.19, 0.0]]), np.array([0]))
    section = Input(5, Latency(kind="latency", frame_ms=11.0, threshold=0.2, range=(0.0, 1.0)))
    got = encode(section, fit_ranges(data, section), data, 1.0, SEED)
    assert np.argwhere(got.spikes).tolist() == [[0, 0], [5, 1], [8, 2]]


def test_send_on_delta_can_be_summed_back_to_within_one_delta() -> None:
    data = frames((40,))
    section = Input(CHANNELS, SendOnDelta(kind="send_on_delta", frame_ms=10.0, delta=0.06))
    ranges = fit_ranges(data, section)
    got = encode(section, ranges, data, DT_MS, SEED).spikes.astype(int)
    summed = np.cumsum(got[:, 0::2] - got[:, 1::2], axis=0)[19::20] * 0.06
    assert np.abs(summed - np.array(normalised(data, ranges)[0])).max() < 0.06 + 1e-9


def test_a_move_of_exactly_n_deltas_is_n_spikes() -> None:
    data = make_frames(np.arange(11)[:, None] / 10, np.arange(11))  # 0.3 / 0.1 is less than 3 in floats
    section = Input(1, SendOnDelta(kind="send_on_delta", frame_ms=10.0, delta=0.1, range=(0.0, 1.0)))
    got = encode(section, fit_ranges(data, section), data, 1.0, SEED).spikes
    assert got.reshape(11, 10, 2).sum(axis=1).tolist() == [[n, 0] for n in range(11)]


def test_send_on_delta_carries_over_what_a_frame_has_no_steps_for() -> None:
    data = make_frames(np.ones((3, 1)), np.array([0]))
    section = Input(1, SendOnDelta(kind="send_on_delta", frame_ms=4.0, delta=0.1, range=(0.0, 1.0)))
    got = encode(section, fit_ranges(data, section), data, 1.0, SEED).spikes
    assert got[:, 0].tolist() == [1] * 8 + [1, 0, 1, 0]
    assert not got[:, 1].any()


def test_receptive_fields_are_those_of_the_paper() -> None:
    # Bohte et al. (2002), section 4: 8 fields over [-1, 2] have centres at -1.25 .. 2.25 in steps of 0.5.
    centres = np.array([-1.25, -0.75, -0.25, 0.25, 0.75, 1.25, 1.75, 2.25])[1:-1]
    data = make_frames(centres[:, None], np.array([0]))
    section = Input(1, GaussianPopulation(kind="gaussian_population", frame_ms=5.0, neurons=8, range=(-1.0, 2.0)))
    got = encode(section, fit_ranges(data, section), data, 1.0, SEED).spikes
    assert np.argwhere(got[::5]).tolist() == [[i, i + 1] for i in range(6)]  # each fires its own field at once


@pytest.mark.parametrize("name", ENCODERS)
def test_a_sample_does_not_depend_on_those_around_it(name: str) -> None:
    three, two = frames((5, 1, 8)), frames((5, 1, 8)).frames[:6]
    ranges = fit_ranges(three, Input(CHANNELS, ENCODERS[name]))
    whole = spikes(name, three, ranges)
    part = spikes(name, make_frames(two, np.array([0, 5])), ranges)
    np.testing.assert_array_equal(whole.spikes[: len(part.spikes)], part.spikes)
    changed = three.frames.copy()
    changed[:5] *= 0.5
    again = spikes(name, make_frames(changed, three.starts), ranges)
    np.testing.assert_array_equal(whole.spikes[whole.starts[1] :], again.spikes[whole.starts[1] :])


def test_noise_differs_between_samples_roles_and_seeds() -> None:
    data = make_frames(np.full((40, CHANNELS), 0.5), np.array([0, 20]))
    section = Input(CHANNELS, Rate(kind="rate", frame_ms=4.0, range=(0.0, 1.0)))
    ranges = fit_ranges(data, section)
    test, train = (encode(section, ranges, data, DT_MS, SEED, role=role).spikes for role in ("test", "train"))
    other = encode(section, ranges, data, DT_MS, SEED + 1).spikes
    assert not np.array_equal(test[:160], test[160:])
    assert not np.array_equal(test, train)
    assert not np.array_equal(test, other)


@pytest.mark.parametrize("name", ENCODERS)
def test_an_interval_pads_with_silence(name: str) -> None:
    data = frames((5, 1, 8))
    alone, padded = spikes(name, data), spikes(name, data, sample_interval=70)
    assert padded.starts.tolist() == [0, 70, 140]
    assert len(padded.spikes) == 210
    stops = [*alone.starts[1:].tolist(), len(alone.spikes)]
    for i, (start, stop) in enumerate(zip(alone.starts.tolist(), stops, strict=True)):
        length = stop - start
        np.testing.assert_array_equal(padded.spikes[70 * i : 70 * i + length], alone.spikes[start:stop])
        assert not padded.spikes[70 * i + length : 70 * (i + 1)].any()


def test_what_is_spikes_already_stays_as_it_is() -> None:
    data = make_frames(np.array([[1.0, 0.0], [0.0, 0.0], [-2.0, 1e-9]]), np.array([0, 2]))
    section = Input(2, Spikes(kind="spikes", frame_ms=3.0))
    for ranges in (fit_ranges(data, section), np.array([[5.0, 6.0]] * 2)):
        got = encode(section, ranges, data, 1.0, SEED)
        assert np.argwhere(got.spikes).tolist() == [[0, 0], [6, 0], [6, 1]]
        assert (got.starts.tolist(), got.spikes.shape) == ([0, 6], (9, 2))


@pytest.mark.parametrize(
    ("bits", "dtype", "values", "expected"),
    [
        (16, np.int16, [-1, 1, 0, 0.5, -0.25, 2, -9], [-32767, 32767, 0, 16384, -8192, 32767, -32767]),
        (16, np.int16, [2.0**-16, -(2.0**-16), 2.0**-17, 3 * 2.0**-16], [1, -1, 0, 2]),  # halves away from zero
        (9, np.int16, [-1, 0.5, 1], [-255, 128, 255]),
        (8, np.int8, [-1, 0.5, 1], [-127, 64, 127]),
        (4, np.int8, [-1, -1 / 16, 3 / 16, 0.9, 0.95], [-7, -1, 2, 7, 7]),
        (2, np.int8, [-1, -0.25, 0.2, 0.25, 1], [-1, -1, 0, 1, 1]),
    ],
)
def test_graded_messages(bits: int, dtype: Any, values: list[float], expected: list[int]) -> None:
    data = make_frames(np.array([values, values[::-1]]), np.array([0, 1]))
    section = Input(len(values), Graded(kind="graded", frame_ms=3.0, message_bits=bits, range=(-1.0, 1.0)))
    got = encode(section, fit_ranges(data, section), data, 1.0, SEED, sample_interval=4)
    assert got.spikes.tolist() == [*[expected] * 3, [0] * len(values), *[expected[::-1]] * 3, [0] * len(values)]
    assert (got.spikes.dtype, section.message.largest, section.spike_channels) == (
        dtype,
        2 ** (bits - 1) - 1,
        len(values),
    )


def test_graded_messages_of_the_training_range() -> None:
    train = make_frames(np.array([[10.0, 5.0], [30.0, 5.0]]), np.array([0]))
    section = Input(2, Graded(kind="graded", frame_ms=1.0, message_bits=8))
    ranges = fit_ranges(train, section)
    test = make_frames(np.array([[25.0, 9.0], [40.0, 5.0], [10.0, 6.0]]), np.array([0]))
    with pytest.warns(LsmWarning, match="^1 of 3 frames of data lie beyond the range that the input takes"):
        got = encode(section, ranges, test, 1.0, SEED)
    assert got.spikes.tolist() == [[64, 0], [127, 0], [-127, 0]]  # the second channel never changed


def test_spikes_that_do_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_frames(np.ones((1000, 2)), np.array([0]))
    section = Input(2, Spikes(kind="spikes", frame_ms=1000.0))
    monkeypatch.setattr("lsm_deploy.core.memory.available", lambda: 3_999_999)
    with pytest.raises(LsmError) as caught:
        encode(section, np.zeros((2, 2)), data, 1.0, SEED)
    assert caught.value.what == "the spikes take 0.004 GB of memory, 0.004 GB are available"
    monkeypatch.setattr("lsm_deploy.core.memory.available", lambda: 4_000_000)
    assert len(encode(section, np.zeros((2, 2)), data, 1.0, SEED).spikes) == 1_000_000


# --- ranges ---------------------------------------------------------------------------------------------------------


def test_ranges_are_the_extremes_of_the_training_frames_or_the_specs() -> None:
    data = frames()
    section = Input(CHANNELS, ENCODERS["rate"])
    columns = list(zip(*data.frames.tolist(), strict=True))
    assert fit_ranges(data, section).tolist() == [[min(c), max(c)] for c in columns]
    given = Input(CHANNELS, Rate(kind="rate", frame_ms=4.0, range=(-1.0, 2.0)))
    assert fit_ranges(data, given).tolist() == [[-1.0, 2.0]] * 3


def test_a_channel_that_never_changed_in_training_is_zero() -> None:
    train = make_frames(np.array([[1.0, 5.0], [2.0, 5.0]]), np.array([0]))
    test = make_frames(np.array([[2.0, 7.0], [2.0, 5.0]]), np.array([0]))
    section = Input(2, Latency(kind="latency", frame_ms=3.0, threshold=0.0))
    got = encode(section, fit_ranges(train, section), test, 1.0, SEED).spikes
    assert got[:, 0].tolist() == [1, 0, 0, 1, 0, 0]
    assert got[:, 1].tolist() == [0, 0, 1, 0, 0, 1]  # at threshold 0, the value 0 fires last


# --- the stimulus of a program without data -------------------------------------------------------------------------


def test_poisson_stimulus() -> None:
    got = poisson_stimulus(50, 4000, 30.0, 1.0, SEED)
    assert got.spikes.shape == (4000, 50)
    assert got.starts.tolist() == [0]
    assert abs(got.spikes.mean() * 1000 - 30) < 4 * 1000 * math.sqrt(0.03 * 0.97 / 200000)
    assert hashlib.sha256(got.spikes.tobytes()).hexdigest()[:16] == GOLDEN_POISSON


GOLDEN_POISSON = "2e68d0503422ac2e"


def test_a_poisson_stimulus_of_graded_messages() -> None:
    message = Message(10, signed=True, fraction=9)
    plain, graded = (poisson_stimulus(20, 3000, 100.0, 1.0, SEED, each).spikes for each in (BINARY, message))
    assert (graded.dtype, graded.min(), graded.max()) == (np.int16, -511, 511)
    assert not graded[plain == 0].any()
    assert abs(graded[plain == 1].mean()) < 4 * 295 / math.sqrt(plain.sum())


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: spikes("rate", frames((5, 1, 8)), sample_interval=50),
            (
                "sample 2 has 8 frames of 8 steps, 64 in all, but the interval is 50",
                "data",
                "set `samples: {policy: interval, steps: 64}`, or shorten frame_ms",
            ),
        ),
        (
            lambda: encode(Input(3), np.zeros((3, 2)), frames(), 1.0, 0),
            ("input has no encoder to turn frames into spikes", "data", "add an encoder"),
        ),
        (
            lambda: encode(Input(4, ENCODERS["rate"]), np.zeros((4, 2)), frames(), 1.0, 0),
            (
                "the frames have 3 channels, the spec's input takes 4",
                "data",
                "set `input: {channels: 3}`, or choose other data",
            ),
        ),
        (
            lambda: fit_ranges(frames(), Input(4, ENCODERS["rate"])),
            (
                "the frames have 3 channels, the spec's input takes 4",
                "data",
                "set `input: {channels: 3}`, or choose other data",
            ),
        ),
        (
            lambda: poisson_stimulus(3, 10, 600.0, 2.0, 0),
            ("a rate of 600.0 Hz does not fit steps of 2.0 ms", "stimulus", "choose from 0 to 500"),
        ),
        (
            lambda: poisson_stimulus(3, 0, 20.0, 1.0, 0),
            ("a stimulus of 0 steps", "stimulus", "take at least 1"),
        ),
        (
            lambda: poisson_stimulus(3, 10, -20.0, -1.0, 0),  # whose product is a probability
            ("steps of -1.0 ms", "stimulus", "take more than 0"),
        ),
    ],
)
def test_refused(call: Any, expected: tuple[str, str, str]) -> None:
    with pytest.raises(LsmError) as caught:
        call()
    assert (caught.value.what, caught.value.where, caught.value.hint) == expected
