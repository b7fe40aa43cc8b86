"""Front ends against plain computations, what each promises, and data from file to answer through the command line."""

from __future__ import annotations

import json
import math
import statistics
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calls import call

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import Audio, Beats, Events, Frames, check_split, digests, make_frames, subset
from lsm_deploy.data.front import load, load_data, to_frames
from lsm_deploy.data.front.audio import AT_ONCE, analysis_of
from lsm_deploy.spec.schema import Augment, BeatsFrontEnd, EventsFrontEnd, GammatoneFrontEnd, MelFrontEnd, Pcen

CONFIGS = Path(__file__).parents[1] / "configs"
RATE = 8000


def error(call: Any, *arguments: Any) -> tuple[str, str, str]:
    with pytest.raises(LsmError) as caught:
        call(*arguments)
    return caught.value.what, caught.value.where, caught.value.hint


def parts(data: Frames) -> list[Any]:
    return np.split(data.frames, data.starts[1:])


# --- sound ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def librosa() -> Any:
    return pytest.importorskip("librosa")


def mel(**options: Any) -> MelFrontEnd:
    return MelFrontEnd(kind="mel", rate_hz=float(RATE), **options)


def gammatone(**options: Any) -> GammatoneFrontEnd:
    return GammatoneFrontEnd(kind="gammatone", rate_hz=float(RATE), **options)


def audio(*sounds: Any, groups: tuple[str, ...] = (), labels: tuple[str, ...] = ()) -> Audio:
    many = [len(sound) for sound in sounds]
    return Audio(np.concatenate(sounds), np.cumsum(many) - many, RATE, labels, "said", groups)


def tone(hz: float, seconds: float = 0.4, loudness: float = 0.5) -> Any:
    return loudness * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def noise(seed: int, seconds: float = 0.3) -> Any:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def speech(seed: int = 0) -> Audio:
    """Six utterances of three speakers, of different lengths and colours."""
    sounds = [noise(seed + i, 0.2 + 0.03 * i) + tone(300 * (i % 3 + 1), 0.2 + 0.03 * i) for i in range(6)]
    return audio(*sounds, groups=tuple("aabbcc"), labels=tuple("012012"))


def test_mel_as_computed_one_window_at_a_time(librosa: Any) -> None:
    sound = noise(1, 0.1)
    section = mel(bands=10, fmin_hz=100.0, fmax_hz=3000.0, window_ms=20.0, hop_ms=5.0, floor_db=300.0)
    got = to_frames(audio(sound), section).frames
    window, hop, n = 160, 40, 512
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    bank = librosa.filters.mel(sr=RATE, n_fft=n, n_mels=10, fmin=100.0, fmax=3000.0, dtype=np.float64)
    around = np.concatenate([np.zeros(window // 2), sound, np.zeros(window)])
    assert len(got) == 1 + len(sound) // hop
    turns = np.exp(-2j * np.pi * np.outer(np.arange(n // 2 + 1), np.arange(window)) / n)
    for i, frame in enumerate(got):
        power = np.abs(turns @ (hann * around[i * hop : i * hop + window])) ** 2
        np.testing.assert_allclose(frame, 10 * np.log10(bank @ power), atol=1e-6)


def test_power_is_that_of_librosas_stft(librosa: Any) -> None:
    analysis = analysis_of(mel(pre_emphasis=None), "here")
    half, sound = analysis.n_fft // 2, np.random.default_rng(3).normal(size=(2 * AT_ONCE + 7) * analysis.hop)
    for many in (1, analysis.hop, len(sound)):  # as few windows as one, and more than are transformed at once
        around = np.pad(sound[:many], half)
        window = {"n_fft": analysis.n_fft, "hop_length": analysis.hop, "win_length": analysis.window}
        expected = np.abs(librosa.stft(around, center=False, **window)) ** 2
        got = analysis.power(sound[:many])
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12 * expected.max())


@pytest.mark.parametrize("make", [mel, gammatone])
def test_a_tone_is_in_its_band_and_a_warp_moves_it(librosa: Any, make: Any) -> None:
    section = make(bands=20, fmin_hz=80.0)
    bands = [int(to_frames(audio(tone(hz)), section).frames[20].argmax()) for hz in (200, 400, 800, 1600, 3200)]
    assert bands == sorted(set(bands))
    # 800 Hz heard through a vocal tract that is 1.5 times as short is 1200 Hz.
    moved = make(bands=20, fmin_hz=80.0, augment=Augment(copies=1, warp=(1.5, 1.5)))
    original, copy = parts(to_frames(audio(tone(800)), moved, role="train"))
    heard = to_frames(audio(tone(1200)), section).frames[20]
    assert original[20].argmax() == bands[2]
    assert copy[20].argmax() == heard.argmax() > bands[2]
    lower = make(bands=20, fmin_hz=80.0, augment=Augment(copies=1, warp=(0.5, 0.5)))
    assert parts(to_frames(audio(tone(800)), lower, role="train"))[1][20].argmax() == bands[1]


def test_gammatone_bands_are_1_at_their_centre_and_fall_off_as_published(librosa: Any) -> None:
    from lsm_deploy.data.front.banks import filter_bank

    section, n = gammatone(bands=4, fmin_hz=200.0, fmax_hz=2000.0), 8192
    bank, hz = filter_bank(section, n), np.arange(n // 2 + 1) * RATE / n
    low, high = (21.4 * math.log10(1 + 0.00437 * f) for f in (200, 2000))
    for i, row in enumerate(bank):
        centre = (10 ** ((low + (i + 0.5) / 4 * (high - low)) / 21.4) - 1) / 0.00437
        assert abs(hz[row.argmax()] - centre) < 8
        assert abs(row.max() - 1) < 0.01
        # A gammatone of order 4 has |H|**2 = (1 + (f - centre)**2 / b**2)**-4, b = 1.019 ERB.
        erb = 1.019 * 24.7 * (0.00437 * centre + 1)
        there = np.interp(centre + erb, hz, row)
        assert abs(10 * math.log10(there) - 10 * math.log10(2**-4)) < 0.7


def test_nothing_is_further_below_the_loudest_than_the_floor(librosa: Any) -> None:
    data = audio(np.concatenate([np.zeros(2000), tone(500)]), np.zeros(900))
    loud, silent = parts(to_frames(data, mel(floor_db=40.0)))
    assert abs(loud.max() - loud.min() - 40) < 1e-6
    assert (loud[:10] == loud.min()).all()
    assert (silent == silent[0, 0]).all()


def test_bands_are_normalised_by_their_past(librosa: Any) -> None:
    """As Wang et al. have it, one frame after the other; dB are the same bands, and so tell their power."""
    pcen = Pcen(gain=0.9, bias=1.5, power=0.4, time_constant_ms=60.0, eps=1e-5)
    for section, data in ((mel(bands=6, floor_db=300.0), speech()), (gammatone(bands=5, floor_db=300.0), speech(3))):
        got = parts(to_frames(data, replace(section, floor_db=None, pcen=pcen)))
        for values, decibels in zip(got, parts(to_frames(data, section)), strict=True):
            power = 10 ** (decibels / 10)
            t = 60.0 / section.hop_ms
            step = (math.sqrt(1 + 4 * t**2) - 1) / (2 * t**2)
            smooth = power[0]
            for energy, frame in zip(power, values, strict=True):
                smooth = (1 - step) * smooth + step * energy
                expected = (energy / (1e-5 + smooth) ** 0.9 + 1.5) ** 0.4 - 1.5**0.4
                np.testing.assert_allclose(frame, expected, rtol=1e-5, atol=1e-7)


def test_a_level_goes_by_the_gain_and_what_comes_later_changes_nothing(librosa: Any) -> None:
    sound, section = noise(6, 0.3), mel(bands=8, pcen=Pcen(gain=1.0, eps=1e-12))
    soft, loud = (to_frames(audio(level * sound), section).frames for level in (0.1, 1.0))
    np.testing.assert_allclose(soft, loud, rtol=1e-4)
    assert soft.std() > 0.1
    early = to_frames(audio(sound[:1200]), section).frames
    np.testing.assert_array_equal(early[:13], loud[:13])  # windows that end before the sound does


def test_int16_is_the_same_sound(librosa: Any) -> None:
    counts = (tone(440) * 20000).astype(np.int16)
    ints, floats = (to_frames(audio(sound), mel()).frames for sound in (counts, counts / 32768))
    np.testing.assert_array_equal(ints, floats)


def test_both_ends_are_trimmed(librosa: Any) -> None:
    quiet = np.zeros(4000)
    around = audio(np.concatenate([quiet, noise(3), quiet]), quiet)
    whole, trimmed = (parts(to_frames(around, mel(**options))) for options in ({}, {"trim_db": 30.0}))
    bare = 1 + len(noise(3)) // 80
    assert len(whole[0]) == 1 + (len(noise(3)) + 8000) // 80
    assert bare <= len(trimmed[0]) <= bare + 6
    assert len(trimmed[1]) == len(whole[1])  # silence alone stays


def test_pre_emphasis(librosa: Any) -> None:
    sound = noise(5)
    by_hand = np.array([sound[0], *(b - 0.97 * a for a, b in pairwise(sound))])
    got, expected = (to_frames(audio(s), mel(pre_emphasis=p)).frames for s, p in ((sound, 0.97), (by_hand, None)))
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("over", ["utterance", "group"])
def test_normalised_over(librosa: Any, over: str) -> None:
    data = speech()
    raw, got = parts(to_frames(data, mel())), parts(to_frames(data, mel(normalise=over)))
    sets = [[i] for i in range(6)] if over == "utterance" else [[0, 1], [2, 3], [4, 5]]
    for members in sets:
        values = np.concatenate([raw[i] for i in members])
        for i in members:
            np.testing.assert_allclose(got[i], (raw[i] - values.mean(axis=0)) / values.std(axis=0), atol=1e-6)
    silent = to_frames(audio(np.zeros(900)), mel(normalise="utterance"))
    assert not silent.frames.any()  # what does not vary is 0, not infinite


def test_frames_in_time_and_deltas(librosa: Any) -> None:
    data = audio(noise(1, 0.3), noise(2, 0.1), np.ones(1))
    raw = parts(to_frames(data, mel()))
    got = to_frames(data, mel(frames=7, deltas=True))
    assert got.channels == mel(deltas=True).frame_channels == 48
    assert got.lengths.tolist() == [7, 7, 7]
    for before, after in zip(raw, parts(got), strict=True):
        at = [i * (len(before) - 1) / 6 for i in range(7)]
        for t, row in zip(at, after, strict=True):
            below = min(int(t), len(before) - 2) if len(before) > 1 else 0
            above = min(below + 1, len(before) - 1)
            expected = before[below] + (t - below) * (before[above] - before[below])
            np.testing.assert_allclose(row[:24], expected, atol=1e-6)
        assert not after[0, 24:].any()
        np.testing.assert_allclose(after[1:, 24:], np.diff(after[:, :24], axis=0), atol=1e-6)


def test_what_an_utterance_becomes_does_not_depend_on_others(librosa: Any) -> None:
    section, data = mel(normalise="utterance", trim_db=40.0), speech()
    alone = to_frames(subset(data, [3]), section)
    np.testing.assert_array_equal(alone.frames, parts(to_frames(data, section))[3])


# --- altered copies -------------------------------------------------------------------------------------------------

AUGMENT = Augment(copies=3, warp=(0.8, 1.2), stretch=(0.7, 1.4), noise_db=20.0, time_shift_ms=40.0)


def test_originals_come_first_as_they_are_and_copies_say_whose_they_are(librosa: Any) -> None:
    data = speech()
    plain, got = to_frames(data, mel(), role="train"), to_frames(data, mel(augment=AUGMENT), role="train")
    np.testing.assert_array_equal(got.frames[: len(plain.frames)], plain.frames)
    assert plain.origin.tolist() == list(range(6))
    assert got.origin.tolist() == list(range(6)) * 4
    assert (got.labels, got.groups) == (data.labels * 4, data.groups * 4)
    assert got.digests.tolist() == digests(data).tolist() * 4
    every = parts(got)
    for i in range(6):
        for j in range(6, 24):
            assert every[i].shape != every[j].shape or not np.array_equal(every[i], every[j])
    for i in range(6, 24):
        assert 0.68 * len(every[i % 6]) <= len(every[i]) <= 1.42 * len(every[i % 6])
    assert len({len(every[i]) / len(every[i % 6]) for i in range(6, 24)}) > 10


def test_test_data_are_not_altered(librosa: Any) -> None:
    plain, got = to_frames(speech(), mel()), to_frames(speech(), mel(augment=AUGMENT), role="test")
    np.testing.assert_array_equal(got.frames, plain.frames)
    assert got.samples == 6


def test_the_seed_draws(librosa: Any) -> None:
    first, again, other = (to_frames(speech(), mel(augment=AUGMENT), role="train", seed=s).frames for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_noise_is_as_loud_as_asked_for(librosa: Any) -> None:
    section = mel(fmin_hz=50.0, floor_db=200.0, augment=Augment(copies=1, noise_db=30.0))
    copy = parts(to_frames(audio(tone(500, 5.0)), section, role="train"))[1]
    # White noise of variance s has power s * sum(window**2) in every bin; the tone's variance is 0.5**2 / 2.
    bank = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=24, fmin=50.0, fmax=4000.0, dtype=np.float64)
    expected = bank.sum(axis=1) * (0.125 / 1000) * (200 * 3 / 8)
    power = (10 ** (copy[5:-5] / 10)).mean(axis=0)
    np.testing.assert_allclose(power[12:], expected[12:], rtol=0.15)  # bands far from the tone


def test_a_shift_moves_what_is_said(librosa: Any) -> None:
    click = np.zeros(8000)
    click[4000] = 1.0
    section = mel(augment=Augment(copies=20, time_shift_ms=200.0))
    at = [int(part.sum(axis=1).argmax()) for part in parts(to_frames(audio(click), section, role="train"))]
    assert at[0] == 50
    assert all(30 <= frame <= 70 for frame in at)
    assert min(at) < 40
    assert max(at) > 60


def test_copies_are_normalised_as_speakers_of_their_own(librosa: Any) -> None:
    section = mel(normalise="group", augment=Augment(copies=2, warp=(0.8, 0.8)))
    got = to_frames(speech(), section, role="train")
    every = parts(got)
    for copy in range(3):
        for speaker in range(3):
            values = np.concatenate([every[6 * copy + 2 * speaker], every[6 * copy + 2 * speaker + 1]])
            np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
            np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-6)
    np.testing.assert_array_equal(got.frames[: got.starts[6]], to_frames(speech(), mel(normalise="group")).frames)


@pytest.mark.parametrize(
    ("section", "what"),
    [
        (MelFrontEnd(kind="mel", rate_hz=16000.0), "the sound has 8000 values a second, the front end takes 16000"),
        (mel(normalise="group"), "each speaker is to be normalised, but the data do not say who speaks"),
        (mel(bands=600), "of 600 bands are narrower than the spectrum's 15.6 Hz"),
        (None, "this is audio, and the spec has no front end"),
        (BeatsFrontEnd(kind="beats", window_beats=4), "this is audio, and the spec's front end is for beats"),
    ],
)
def test_sound_that_does_not_fit(librosa: Any, section: Any, what: str) -> None:
    told, where, hint = error(to_frames, audio(noise(1)), section)
    assert told.endswith(what)
    assert where == ("front_end" if "bands" in what else "said")
    assert hint


def test_librosa_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    assert error(to_frames, audio(noise(1)), mel()) == (
        "sound is analysed with librosa, which is not installed",
        "said",
        "pip install 'lsm-deploy[audio]'",
    )


# --- heart beats ----------------------------------------------------------------------------------------------------

CHANNELS = ("rr", "rr_relative", "drr", "drr_relative", "abs_drr_relative", "ddrr_relative")


def records(seed: int, many: tuple[int, ...] = (40, 1, 9, 23)) -> Beats:
    rng = np.random.default_rng(seed)
    at = [rng.integers(0, 99) + np.cumsum(rng.integers(30, 300, n)) for n in many]
    at[0][20:] += 2000  # a pause of 8 s, and below two beats 0.12 s apart
    rhythm = np.repeat(rng.integers(0, 3, sum(many) // 4 + 1), 4)[: sum(many)]
    starts = np.cumsum(many) - many
    return Beats(np.concatenate(at), starts, 250.0, rhythm, ("N", "AFIB", "AFL"), tuple("pqrs"), "hearts")


def slow_windows(data: Beats, size: int, stride: int) -> list[tuple[str, str, list[list[float]]]]:
    windows = []
    stops = [*data.starts[1:].tolist(), len(data.beats)]
    for name, start, stop in zip(data.groups, data.starts.tolist(), stops, strict=True):
        at, rhythm = data.beats[start:stop].tolist(), data.rhythm[start:stop].tolist()
        rr = [min(3.0, max(0.2, (b - a) / data.rate)) for a, b in pairwise(at)]
        drr = [b - a for a, b in zip(rr[:1] + rr, rr, strict=False)]
        relative = [d / ((b + a) / 2) for a, b, d in zip(rr[:1] + rr, rr, drr, strict=False)]
        ddrr = [b - a for a, b in zip(relative[:1] + relative, relative, strict=False)]
        for first in range(0, len(rr) - size + 1, stride):
            rows = [
                [
                    rr[i],
                    rr[i] / statistics.median(rr[first : i + 1]) - 1,
                    drr[i],
                    relative[i],
                    abs(relative[i]),
                    ddrr[i],
                ]
                for i in range(first, first + size)
            ]
            af = sum(rhythm[i + 1] == 1 for i in range(first, first + size)) > size / 2
            windows.append((name, "AF" if af else "not AF", rows))
    return windows


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("size", "stride"), [(8, None), (1, None), (5, 2), (4, 7), (39, None)])
def test_windows_as_computed_one_beat_at_a_time(seed: int, size: int, stride: int | None) -> None:
    data = records(seed)
    got = to_frames(data, BeatsFrontEnd(kind="beats", window_beats=size, stride_beats=stride, channels=CHANNELS))
    expected = slow_windows(data, size, stride or size)
    assert got.lengths.tolist() == [size] * len(expected)
    assert list(zip(got.groups, got.labels, strict=True)) == [(name, label) for name, label, _ in expected]
    for part, (_, _, rows) in zip(parts(got), expected, strict=True):
        np.testing.assert_allclose(part, rows, atol=1e-12)
    assert got.origin.tolist() == list(range(got.samples))  # windows are no copies of each other


def test_channels_are_those_asked_for_in_their_order() -> None:
    section = BeatsFrontEnd(kind="beats", window_beats=4, channels=("drr", "rr"))
    every = to_frames(records(1), BeatsFrontEnd(kind="beats", window_beats=4, channels=CHANNELS)).frames
    np.testing.assert_array_equal(to_frames(records(1), section).frames, every[:, [2, 0]])


def test_half_of_a_window_is_no_majority_and_other_rhythms_may_be_asked_for() -> None:
    data = Beats(np.arange(5) * 200, [0], 250.0, [1, 1, 1, 0, 2], ("N", "AFIB", "AFL"), ("p",), "hearts")
    for positive, rhythm, label in (("AFIB", [1, 1, 1, 0, 2], "not AF"), ("AFIB", [0, 1, 1, 1, 2], "AF")):
        changed = Beats(data.beats, [0], 250.0, rhythm, data.rhythms, ("p",))
        section = BeatsFrontEnd(kind="beats", window_beats=4, positive=positive)
        assert to_frames(changed, section).labels == (label,)
    flutter = BeatsFrontEnd(kind="beats", window_beats=1, positive="AFL")
    assert to_frames(data, flutter).labels == ("not AF", "not AF", "not AF", "AF")


def test_a_record_keeps_its_digest_whatever_its_windows() -> None:
    data, section = records(1), BeatsFrontEnd(kind="beats", window_beats=1, stride_beats=1)
    part, rest = subset(data, [0, 1]), subset(data, [2, 3])
    check_split(to_frames(part, section), to_frames(rest, section))  # single beats that are equal are no leak
    with pytest.raises(LsmError) as caught:
        check_split(to_frames(part, section), to_frames(data, section))
    shared, twice = (e.what for e in caught.value.each())
    assert shared == "'p' of the test data is in the training data (hearts) too"
    assert twice == "39 samples, such as 0, are in the training data (hearts) too, 0 as its sample 0"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            BeatsFrontEnd(kind="beats", window_beats=40),
            (
                "no record has the 41 beats that a window of 40 intervals takes, the longest 40",
                "hearts",
                "shorten window_beats, or give longer records",
            ),
        ),
        (
            BeatsFrontEnd(kind="beats", window_beats=4, positive="AFIP"),
            (
                "there is no rhythm 'AFIP'; here are N, AFIB, AFL",
                "hearts",
                "write one of them as `front_end: {positive: ...}`",
            ),
        ),
    ],
)
def test_beats_that_do_not_fit(section: BeatsFrontEnd, expected: tuple[str, str, str]) -> None:
    assert error(to_frames, records(1), section) == expected


@pytest.mark.parametrize(
    "options",
    [{"frames": 10**12}, {"frames": 2**63}, {"window_ms": 1e30}, {"augment": Augment(copies=10**12, noise_db=20.0)}],
    ids=lambda options: next(iter(options)),
)
def test_a_front_end_of_sound_that_does_not_fit_into_memory(librosa: Any, options: Any) -> None:
    what, _, hint = error(lambda: to_frames(speech(), mel(**options), role="train"))
    assert "the front end takes " in what
    assert hint


def test_a_hop_that_whole_samples_miss_is_refused() -> None:
    with pytest.raises(ValueError, match=r"hop_ms is 1\.4 samples of 8000 Hz, and a whole number is too far off"):
        mel(hop_ms=1.4 / 8)


def test_windows_that_do_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsm_deploy.core.memory.available", lambda: 2000)
    what, _, hint = error(to_frames, records(1), BeatsFrontEnd(kind="beats", window_beats=8, stride_beats=1))
    assert what.startswith("the windows take ")
    assert hint == "widen stride_beats, or give fewer records at a time"


# --- events ---------------------------------------------------------------------------------------------------------


def camera(seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    many = np.array([30, 0, 12])
    t = np.concatenate([np.sort(rng.integers(5000, 25000, n)) for n in many])
    x, y, p = (rng.integers(0, limit, 42) for limit in (5, 4, 2))
    return Events(t, x, y, p, np.cumsum(many) - many, (5, 4, 2), tuple("abc"), "camera", tuple("stu"))


@pytest.mark.parametrize("pool", [(1, 1), (2, 3)])
@pytest.mark.parametrize("merge", [True, False])
def test_events_as_binned_one_at_a_time(pool: tuple[int, int], merge: bool) -> None:
    data = camera()
    got = to_frames(data, EventsFrontEnd(kind="events", bin_ms=1.5, pool=pool, merge_polarity=merge))
    columns, rows = math.ceil(5 / pool[0]), math.ceil(4 / pool[1])
    assert got.channels == columns * rows * (1 if merge else 2)
    assert (got.labels, got.groups, got.samples) == (data.labels, data.groups, 3)
    stops = [*data.starts[1:].tolist(), len(data.t_us)]
    for part, start, stop in zip(parts(got), data.starts.tolist(), stops, strict=True):
        events = [(data.t_us[i], data.x[i], data.y[i], data.p[i]) for i in range(start, stop)]
        seen = {
            (
                int((t - events[0][0]) // 1500),
                int(((y // pool[1]) * columns + x // pool[0]) * (1 if merge else 2) + (0 if merge else p)),
            )
            for t, x, y, p in events
        }
        assert {(int(b), int(c)) for b, c in np.argwhere(part)} == seen
        assert set(np.unique(part)) <= {0.0, 1.0}
        assert len(part) == max((b for b, _ in seen), default=0) + 1


def test_frames_that_do_not_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsm_deploy.core.memory.available", lambda: 2_000_000)
    what, where, hint = error(to_frames, camera(), EventsFrontEnd(kind="events", bin_ms=0.001))
    assert what.endswith(" bins of 40 channels take 0.023 GB of memory, 0.002 GB are available")
    assert (where, hint) == ("camera", "raise bin_ms or pool, or give fewer recordings")


def test_frames_need_no_front_end() -> None:
    data = make_frames(np.ones((3, 2)), np.array([0]))
    assert to_frames(data, None) is data
    assert error(to_frames, data, mel()) == (
        "this is frames, and the spec's front end is for mel",
        "data",
        "give the recordings, or remove front_end",
    )


# --- from files to answers -------------------------------------------------------------------------------------------

SPEC = """
dt_ms: 1.0
seed: 4
input: {{channels: {channels}, encoder: {encoder}}}
front_end: {front}
data: {data}
populations:
  liquid: {{size: 30, neuron: {{kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}}}}
projections:
  - {{source: input, target: liquid, topology: {{kind: erdos_renyi, in_degree: 2}}, weight: 0.3}}
  - {{source: liquid, target: liquid, topology: {{kind: erdos_renyi, in_degree: 3}}, weight: 0.05}}
readout: {{population: liquid, features: {{kind: bins, bins: 2}}, folds: 2, regularisation: [1.0]}}
"""
RATE_CODE = "{kind: rate, frame_ms: 5.0, max_rate_hz: 400.0}"


def spoken(file: Path, seed: int, speakers: str) -> None:
    """Two words, a low and a high tone in noise, six times by each speaker."""
    sounds, labels, groups = [], [], []
    for i in range(12 * len(speakers)):
        sounds.append(tone((400, 1600)[i % 2], 0.2) + noise(1000 * seed + i, 0.2))
        labels.append(i % 2)
        groups.append(speakers[i // 12])
    sound = (np.concatenate(sounds) * 8000).astype(np.int16)
    np.savez(file, audio=sound, length=[1600] * len(labels), digit=labels, speaker=groups, rate=RATE)


def test_sound_from_file_to_answer(tmp_path: Path, librosa: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    front = "{kind: mel, rate_hz: 8000, bands: 8, normalise: group, frames: 10, augment: {warp: [0.95, 1.05]}}"
    text = SPEC.format(channels=8, encoder=RATE_CODE, front=front, data="{shared_groups: true}")
    Path("shared.yaml").write_text(text)
    Path("spec.yaml").write_text(text.replace("shared_groups: true", "shared_groups: false"))
    spoken(Path("train.npz"), 1, "ab")
    spoken(Path("test.npz"), 2, "cd")
    spoken(Path("leak.npz"), 3, "bc")
    facts = json.loads(call("eval", "spec.yaml", "--train", "train.npz", "--test", "test.npz", "--json").stdout)
    assert (facts["train_samples"], facts["test_samples"]) == (48, 24)
    assert facts["liquid"]["accuracy"] >= 0.9

    leak = ("--train", "train.npz", "--test", "leak.npz")
    told = call("eval", "spec.yaml", *leak, status=1).stderr
    assert "leak.npz: 'b' of the test data is in the training data (train.npz) too" in told
    assert json.loads(call("eval", "shared.yaml", *leak, "--json").stdout)["test_samples"] == 24
    told = call("eval", "shared.yaml", "--train", "train.npz", "--test", "train.npz", status=1).stderr
    assert "24 samples, such as 0, are in the training data" in told

    call("train", "spec.yaml", "--train", "train.npz", "-o", "model.lsm")
    answers = json.loads(call("predict", "model.lsm", "test.npz", "--json").stdout)["labels"]
    assert sum(a == str(i % 2) for i, a in enumerate(answers)) >= 22
    model = ld.load_model("model.lsm")
    assert model.listener.front_end == ld.load("spec.yaml").front_end

    other = SPEC.format(channels=9, encoder=RATE_CODE, front=front, data="{}").replace("bands: 8", "bands: 9")
    Path("other.yaml").write_text(other.replace("rate_hz: 8000", "rate_hz: 16000"))
    told = call("eval", "other.yaml", "--train", "train.npz", "--test", "test.npz", status=1).stderr
    assert "the sound has 8000 values a second, the front end takes 16000" in told
    assert "the spec names no data" in call("eval", "other.yaml", status=2).stderr
    assert "Poisson" in call("run", "spec.yaml", "-o", "t.npz").stdout


def test_beats_from_file_to_answer(tmp_path: Path) -> None:
    front = "{kind: beats, window_beats: 16, channels: [rr_relative, abs_drr_relative]}"
    file, rng = tmp_path / "spec.yaml", np.random.default_rng(0)
    for part in ("train", "test"):
        arrays = {}
        for i in range(4):  # every record is regular, then not
            rr = np.concatenate([rng.normal(200, 3, 160), rng.normal(160, 50, 160).clip(60)])
            arrays |= {f"{part}{i}_beats": rr.astype(np.int32), f"{part}{i}_onset": [1, int(rr[:160].sum())]}
            arrays[f"{part}{i}_rhythm"] = np.array([0, 1], np.int8)
        np.savez(tmp_path / f"{part}.npz", **arrays)
    data = "{train: train.npz, test: test.npz}"
    file.write_text(SPEC.format(channels=2, encoder=RATE_CODE, front=front, data=data))
    spec = ld.load(file)
    assert load(tmp_path / "train.npz", spec, "train").frames.tolist() == load_data(spec)[0].frames.tolist()
    found = ld.evaluate(spec)
    assert (found.classes, found.train_samples) == (("AF", "not AF"), 4 * 19)
    assert found.liquid.accuracy > 0.9
    assert json.loads(call("parity", file, "--samples", 2, "--backends", "emulator,fast", "--json").stdout)


def test_events_reach_the_liquid_as_they_are(tmp_path: Path) -> None:
    from lsm_deploy.data.encoders import encode, fit_ranges

    file = tmp_path / "spec.yaml"
    encoder = "{kind: spikes, frame_ms: 2.0}"
    file.write_text(SPEC.format(channels=40, encoder=encoder, front="{kind: events, bin_ms: 2.0}", data="{}"))
    spec = ld.load(file)
    frames = to_frames(camera(), spec.front_end)
    stimulus = encode(spec.input, fit_ranges(frames, spec.input), frames, spec.dt_ms, spec.seed)
    np.testing.assert_array_equal(stimulus.spikes[0::2], frames.frames)
    assert not stimulus.spikes[1::2].any()


def test_input_that_does_not_take_what_the_front_end_makes(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    encoder = "{kind: spikes, frame_ms: 2.0}"
    front = "{kind: beats, window_beats: 2}"
    file.write_text(SPEC.format(channels=2, encoder=encoder, front=front, data="{}"))
    spec = ld.load(file)
    object.__setattr__(spec.input, "channels", 3)
    np.savez(tmp_path / "d.npz", a_beats=[1, 200, 200], a_onset=[], a_rhythm=[])
    assert error(load, tmp_path / "d.npz", spec) == (
        "the front end (beats) makes 2 channels, the spec's input takes 3",
        str(tmp_path / "d.npz"),
        "set `input: {channels: 2}`",
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"floor_db": 50}, "floor_db is of dB, and pcen stands in their place: leave one out"),
        ({"floor_db": 60.0}, "floor_db is of dB"),
        ({"loudest_db": 0}, "loudest_db is of dB"),
        ({"floor_db": 50, "loudest_db": 0}, "floor_db and loudest_db are of dB"),
    ],
)
def test_what_is_of_db_has_no_use_beside_pcen(given: dict[str, Any], words: str) -> None:
    front = {"kind": "mel", "rate_hz": 8000, "bands": 24, "pcen": {}}
    spec = ld.load(CONFIGS / "digit_spotting.yaml").with_({"front_end": front})
    assert ld.loads(ld.dumps(spec)) == spec
    with pytest.raises(LsmError, match=words) as error:
        spec.with_({"front_end": {**front, **given}})
    assert error.value.where == "front_end"
