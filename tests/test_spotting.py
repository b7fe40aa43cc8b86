"""Classes that are named as they end: the rule, the command, and the benchmark of digits in a row, on made-up sound."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.spotting.experiment import Sounds, live, of_buffers, of_seed, sounds
from bench.spotting.outcome import choose, names_of, outcome
from bench.spotting.sound import CONDITIONS, PIECE, RATE, SPEECH_DB, Stream, Words, audible, compose, rms, words_of
from bench.spotting.table import at_rate
from bench.spotting.ways import Named, buffered, of_liquid, of_windows
from bench.spotting.windows import RECENT, UNSURE, Heard, chosen, heard, labels_of
from click.testing import CliRunner
from test_regression import GRADED, graded, series
from waves import spec as spec_of_waves
from waves import waves

import lsm_deploy as ld
from lsm_deploy.cli.app import main
from lsm_deploy.core.errors import LsmError, LsmErrors, MisuseError
from lsm_deploy.data import Audio, make_frames, subset
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.listener import listen
from lsm_deploy.learn.model import readout_of
from lsm_deploy.spec.schema import AudioFrontEnd, GaussianPopulation, Input, Spec, Traces

CONFIGS = Path(__file__).parents[1] / "configs"

# --- the rule ---------------------------------------------------------------------------------------------------------


def of_waves(tmp_path: Path) -> ld.Model[ld.OnHost]:
    return ld.train(spec_of(tmp_path), waves(6, 1))


def spec_of(tmp_path: Path) -> Spec:
    """Without a random code."""
    encoder = GaussianPopulation(kind="gaussian_population", frame_ms=5.0, neurons=5, code="latency")
    return replace(spec_of_waves(tmp_path, features="{kind: traces}"), input=Input(2, encoder))


def test_a_class_is_named_where_it_stands_out_and_not_again_for_a_while(tmp_path: Path) -> None:
    model, frames = of_waves(tmp_path), waves(10, 2).frames
    listening = model.start()
    scores = np.array([listening.step(frame).tolist() for frame in frames])
    margins = scores[:, :2].max(axis=1) - scores[:, 2]
    threshold = int(np.median(margins))
    expected, last = [], -100
    for frame, margin in enumerate(margins.tolist(), 1):
        if margin >= threshold and frame - last >= 4:
            expected.append(ld.Spotted("ab"[scores[frame - 1, :2].argmax()], frame, margin))
            last = frame
    assert {each.name for each in expected} == {"a", "b"}
    assert min(np.diff([each.frame for each in expected])) == 4
    spotter = ld.Spotter(model.start(), threshold, 4, nothing="c")
    for _ in range(2):
        assert [each for frame in frames if (each := spotter.step(frame))] == expected
        spotter.reset()
    spotter.live.reset()  # by whoever has it: a name of the sample before holds nothing up
    assert [each for frame in frames if (each := spotter.step(frame))] == expected
    halfway = expected[0].frame + 2  # within its refractory time, were it the same sample
    spotter = ld.Spotter(model.start(), threshold, 1000, nothing="c")
    assert [each for frame in frames[:halfway] if (each := spotter.step(frame))] == expected[:1]
    spotter.live.reset()
    late = next(each for each in expected if each.frame > expected[0].frame)
    quiet = ld.Spotter(model.start(), late.margin, 1000, nothing="c")
    spotter.threshold = late.margin
    assert [each for frame in frames if (each := spotter.step(frame))] == [
        each for frame in frames if (each := quiet.step(frame))
    ]
    every = ld.Spotter(model.start(), threshold, nothing="c")
    assert sum(every.step(frame) is not None for frame in frames) == np.count_nonzero(margins >= threshold)


def test_nothing_is_named_before_the_window_is_full(tmp_path: Path) -> None:
    model = ld.train(spec_of_waves(tmp_path), waves(6, 1))
    spotter = ld.Spotter(model.start(5), -(10**15), nothing="c")
    assert not spotter.live.full
    frames = waves(2, 2).frames[:9]
    assert [each.frame for frame in frames if (each := spotter.step(frame))] == [5, 6, 7, 8, 9]
    spotter.reset()
    assert [each.frame for frame in frames if (each := spotter.step(frame))] == [5, 6, 7, 8, 9]


def test_what_cannot_be_spotted_is_said(tmp_path: Path) -> None:
    model = of_waves(tmp_path)
    with pytest.raises(LsmErrors) as error:
        ld.Spotter(model.start(), 0.5, -1)  # type: ignore[arg-type]
    assert [each.what for each in error.value.errors] == [
        "the model has no class 'nothing' for all that is not to be spotted; it has a, b, c",
        "a threshold of 0.5",
        "a refractory of -1",
    ]
    with pytest.raises(LsmErrors) as error:
        ld.Spotter(model.start(), 10**22, 10**5000, nothing="c")
    assert [each.what for each in error.value.errors] == [
        "a threshold of more than 18 digits",
        "a refractory of more than 18 digits",
    ]
    with pytest.raises(MisuseError, match=f"a threshold of {-(10**15) - 1}\n  give a whole number from -10000"):
        ld.Spotter(model.start(), -(10**15) - 1, nothing="c")
    with pytest.raises(LsmError, match="answers signals, and has no classes to spot"):
        ld.Spotter(ld.train_regression(graded(GRADED), series(100)).start(), 1)
    with pytest.raises(MisuseError, match="live"):
        ld.Spotter(model, 1)  # type: ignore[arg-type]


def test_lines_are_spotted(tmp_path: Path) -> None:
    data = waves(6, 1)
    labels = tuple("nothing" if label == "c" else label for label in data.labels)
    model = ld.train(spec_of(tmp_path), replace(data, labels=labels))
    ld.save_model(tmp_path / "a.model", model)
    frames = waves(4, 2).frames
    spotter = ld.Spotter(model.start(), 0, 3)
    expected = [each for frame in frames if (each := spotter.step(frame))]
    assert len(expected) > 3
    text = "\n".join(json.dumps(frame) for frame in frames.tolist())
    command = ["predict", str(tmp_path / "a.model"), "--follow", "--spot", "0", "--refractory", "3"]
    done = CliRunner().invoke(main, command, input=text)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [f"{each.frame}\t{each.name}\t{each.margin}" for each in expected]
    ld.save_model(tmp_path / "c.model", ld.train(spec_of(tmp_path), data))
    called = ["predict", str(tmp_path / "c.model"), *command[2:], "--nothing", "c"]
    assert CliRunner().invoke(main, called, input=text).stdout == done.stdout
    done = CliRunner().invoke(main, [*command, "--json", "--skip-bad"], input="x y z 1\n" + text)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"frame": each.frame, "label": each.name, "margin": each.margin} for each in expected
    ]


# --- streams ----------------------------------------------------------------------------------------------------------


def spoken(each: int = 8) -> Audio:
    """Two words, tones that rise or fall, by four speakers of different pitch, with silence around."""
    rng, t = np.random.default_rng(0), np.arange(2400) / RATE
    sound, labels, groups = [], [], []
    for s, speaker in enumerate("abcd"):
        for i in range(each):
            digit = i % 2
            pitch = (700 + 60 * s) * (1 + (0.8 if digit else -0.5) * t / t[-1])
            word = 0.2 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
            sound.append(np.concatenate([np.zeros(400), word, np.zeros(800)]) + 1e-4 * rng.standard_normal(3600))
            labels.append(str(digit))
            groups.append(speaker)
    starts = 3600 * np.arange(len(sound))
    return Audio(np.concatenate(sound), starts, float(RATE), tuple(labels), "spoken", tuple(groups))


def small() -> Spec:
    spec = ld.load(CONFIGS / "digit_spotting.yaml")
    liquid = replace(spec.populations["liquid"], size=60)
    return replace(
        spec,
        populations={"liquid": liquid},
        readout=replace(spec.readout, regularisation=(30.0,), folds=2),  # type: ignore[arg-type, type-var]
    )


@pytest.fixture(scope="module")
def given() -> tuple[Spec, Sounds]:
    spec = small()
    return spec, sounds(spoken(), spec, ["clean", "babble, 10 dB"])


def test_a_word_ends_with_what_is_heard_of_it() -> None:
    words = words_of(spoken(2))
    assert words.begin == pytest.approx(400, abs=PIECE)
    assert words.end == pytest.approx(2800, abs=PIECE)
    for name in "abcd":
        own = words.of([name])
        said = np.concatenate([s[b:e] for s, b, e in zip(own.sound, own.begin, own.end, strict=True)])
        assert 20 * np.log10(rms(said)) == pytest.approx(SPEECH_DB)
    assert audible(np.concatenate([np.full(800, 1.0), np.full(800, 0.02), np.full(800, 0.04)])) == (0, 2400)
    assert audible(np.concatenate([np.full(800, 1.0), np.full(801, 0.02)])) == (0, 800)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_noise_is_as_loud_as_is_said(condition: str) -> None:
    words, rng = words_of(spoken()), np.random.default_rng(1)
    silent = Words(tuple(0 * each for each in words.sound), words.digit, words.speaker, words.begin, words.end)
    quiet = compose(silent.of("a"), words.of("bc"), [condition], rng)
    inside = np.concatenate([quiet.sound[b:e] for b, e in zip(quiet.begin, quiet.end, strict=True)]) / 32768
    kind, snr_db = CONDITIONS[condition]
    assert 20 * np.log10(rms(inside)) == pytest.approx(SPEECH_DB - snr_db if kind else -60, abs=1.0)


def test_frames_are_labelled_by_what_has_just_ended(given: tuple[Spec, Sounds]) -> None:
    spec, each = given[0], given[1].train["a"]
    labels, stream = labels_of(each), each.stream
    assert len(stream.digit) == 8
    assert set(labels) == {"0", "1", "", "nothing"}
    for label, known in zip(labels, each.known.tolist(), strict=True):
        since = known - stream.end
        ended = (since >= 0) & (since < RECENT)
        unsure = ~ended & (since >= -UNSURE) & (since < RECENT + UNSURE)
        if ended.any():
            assert label in (stream.digit[int(ended.argmax())], "")
        else:
            assert label == ("" if unsure.any() else "nothing")
    at, named = chosen(each, np.random.default_rng(0))
    assert [labels[i] for i in at] == named
    assert "" not in named
    assert named.count("nothing") > named.count("0") > 4
    # A frame is known when its window is full: no later sound moves it.
    assert isinstance(spec.front_end, AudioFrontEnd)
    cut = Stream(stream.sound[: each.known[50]], stream.digit, stream.begin, stream.end)
    assert np.array_equal(heard(cut, spec.front_end).frames, each.frames[:51])


def test_nobody_who_is_tested_is_trained_on(given: tuple[Spec, Sounds]) -> None:
    _, sound = given
    assert len(sound.sets) == 10  # of four speakers: three, or two
    assert all(len(each) in (2, 3) for each in sound.sets)
    found, _ = of_seed(sound, given[0], ("liquid", "windows", "encoded"))
    assert {*found} == {"liquid", "windows", "encoded"}
    assert {*found["liquid"].test} == {(name, c) for name in "abcd" for c in ("clean", "babble, 10 dB")}
    assert {*found["liquid"].choose} == {(one, other) for one in "abcd" for other in "abcd" if one != other}


def test_live_names_what_is_measured(given: tuple[Spec, Sounds]) -> None:
    """From sound in pieces, on an endless run, through everything that a user has."""
    spec, sound = given
    found, model = of_seed(sound, spec, ("liquid",))
    named, each = found["liquid"].test["a", "clean"], sound.test["a", "clean"]
    threshold = float(np.quantile(named.margin, 0.9)) / named.scale
    frames = names_of(named, threshold, 20)
    assert len(frames) > 3
    expected = [ld.Spotted(named.classes[named.best[at]], int(at) + 1, int(named.margin[at])) for at in frames.tolist()]
    spotter, spotted, first = live(model, threshold, 20), [], 0
    for many in np.random.default_rng(2).integers(1, 400, 10_000).tolist():
        spotted += spotter.push(each.stream.sound[first : first + many])
        first += many
    assert first > len(each.stream.sound)
    assert spotter.live.frames == len(each.frames)
    assert spotted == expected
    came = outcome(named, each, threshold, 20)
    assert came.detected.sum() + came.confused.sum() + came.false <= len(frames)
    assert came.detected.mean() > 0.5, "two tones, of which one rises, are told apart"


def test_windows_teach_what_live_reads(given: tuple[Spec, Sounds]) -> None:
    """The benchmark's readouts are `ld.train`'s; and after a reset, and the frames of a window, live has its scores."""
    spec, sound = given
    _, model = of_seed(sound, spec, ("windows",))
    rows = [i for i, name in enumerate(sound.windows.groups) if name != "a"]
    windows = subset(sound.windows, rows)
    trained = ld.train(spec, windows)
    assert np.array_equal(trained.answerer.integers.weights, model.answerer.integers.weights)
    assert np.array_equal(trained.answerer.integers.biases, model.answerer.integers.biases)
    some = subset(windows, range(0, windows.samples, 15))
    at_once, listening = ld.scores(trained, some), model.start()
    for scores, frames in zip(at_once, np.split(some.frames, some.starts[1:]), strict=True):
        for frame in frames:
            listening.take(frame)
        assert listening.scores.tolist() == scores.tolist()
        listening.reset()


def test_a_model_of_streams_reads_what_it_was_trained_on(given: tuple[Spec, Sounds]) -> None:
    """The benchmark's readouts of endless runs are `ld.train_on_streams`'s."""
    spec, sound = given
    _, expected = of_seed(sound, spec, ("liquid",))
    names, labels, done = sound.without("a"), list[str](), 0
    told = dict(zip(sound.speakers, sound.at, strict=True))
    for name in sound.speakers:
        each = np.full(len(sound.train[name].frames), "", object)
        each[told[name]] = sound.windows.labels[done : done + len(told[name])]
        done += len(told[name])
        labels += each.tolist() if name in names else []
    frames = [sound.train[name].frames for name in names]
    starts = np.cumsum([0, *map(len, frames)])[:-1]
    streams = make_frames(np.concatenate(frames), starts, groups=names)
    model = ld.train_on_streams(spec, streams, labels, 40)
    for of in ("weights", "biases", "support"):
        assert np.array_equal(getattr(model.answerer.integers, of), getattr(expected.answerer.integers, of))
    assert model.start().window == 40
    again = ld.train_on_streams(
        replace(spec, readout=replace(spec.readout, features=Traces("traces"))), streams, labels
    )  # type: ignore[arg-type, type-var]
    assert again.start().window is None
    # What it says of its own frames is what live says there.
    listening, right = model.start(), []
    for i, frame in enumerate(streams.frames):
        if i in starts:
            listening.reset()
        listening.take(frame)
        if labels[i]:
            right.append(listening.answer() == labels[i])
    assert np.mean(right) > 0.9


def test_streams_that_teach_nothing_are_refused(tmp_path: Path) -> None:
    streams, spec = waves(3, 1), spec_of_waves(tmp_path)
    with pytest.raises(LsmErrors) as error:
        ld.train_on_streams(spec, streams, ["a"])
    assert [each.what for each in error.value.errors] == [
        f"there are 1 labels for {len(streams.frames)} frames",
        "the readout reads a window, and nobody says how long it is",
    ]
    with pytest.raises(LsmErrors) as error:
        ld.train_on_streams(spec, streams, [""] * len(streams.frames), 0)
    assert [each.what for each in error.value.errors] == ["no frame has a label", "a window of 0 frames"]
    labels = ["ab"[i % 2] for i in range(len(streams.frames))]
    weak = tuple(replace(p, weight=0.0001) for p in spec.projections)
    with pytest.raises(LsmError, match="it never spikes on the streams"):
        ld.train_on_streams(replace(spec, projections=weak), streams, labels, 4)
    for wrong in (None, 3, "ab" * 100, [1] * len(labels), ["a", float("nan")], np.array([labels])):
        with pytest.raises(MisuseError, match="labels are no text for each frame"):
            ld.train_on_streams(spec, streams, wrong, 4)  # type: ignore[arg-type]
    with pytest.raises(LsmError, match="a window of 1000000000 frames, and the longest stream has 8"):
        ld.train_on_streams(spec, streams, np.array(labels), 10**9)  # type: ignore[arg-type]
    copied = replace(streams, origin=np.arange(streams.samples) // 2 * 2)
    together: list[Any] = []
    fit = readouts.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readouts, "fit", lambda *given: together.extend(given[4:6]) or fit(*given))
        ld.train_on_streams(spec, copied, labels, 4)
    of = np.searchsorted(streams.starts, np.arange(len(streams.frames)), "right") - 1
    assert [list(each) for each in together] == [[], (of // 2 * 2).tolist()]  # no copy without its original
    with pytest.raises(LsmError, match="output neurons answer, and no features are read"):
        _ = ld.train_on_chip(spec_of_waves(tmp_path), waves(6, 1)).start().features


def test_features_along_a_stream_are_those_of_one_long_window(given: tuple[Spec, Sounds]) -> None:
    spec, sound = given
    section, listener, frames = readout_of(spec), listen(spec, sound.windows), sound.train["b"].frames[:90]
    [(liquid, encoded)] = of_liquid(listener, section, frames)
    for long in (1, 3, 25, 40):
        window = replace(
            sound.windows, frames=frames[:long], starts=np.zeros(1, np.int64), labels=(), groups=(), origin=[0]
        )
        inside, outside = of_windows(listener, section, window)
        assert liquid[long - 1].tolist() == inside[0].tolist()
        assert encoded[long - 1].tolist() == outside[0].tolist()


def test_a_buffer_holds_the_last_frames() -> None:
    frames = np.array([[0.0, -50.0], [-25.0, 10.0], [-60.0, -10.0]])
    held = buffered(frames, np.array([0, 2]), 2, -50.0, 0.0)
    assert held.tolist() == [[0, 0, 255, 0], [128, 255, 0, 204]]


def test_buffers_are_asked_like_liquids(given: tuple[Spec, Sounds]) -> None:
    found = of_buffers(given[1], given[0], [5, 20])
    assert len(found) == 2
    for each in found:
        for who, named in each.test.items():
            assert len(named.margin) == len(given[1].test[who].frames)


# --- what comes of it -------------------------------------------------------------------------------------------------


def scripted(*names: tuple[int, str]) -> tuple[Named, Heard]:
    """Two words, 1 from 1000 to 2000 ms and 2 from 2300 to 2900, and what is named in which frame of 10 ms."""
    frames = 400
    margin, best = np.full(frames, -100), np.zeros(frames, np.int64)
    for frame, name in names:
        margin[frame], best[frame] = 100, "12".index(name)
    stream = Stream(
        np.zeros(frames * PIECE, np.int16), ("1", "2"), PIECE * np.array([100, 230]), PIECE * np.array([200, 290])
    )
    return Named(("1", "2", "nothing"), best, margin, 100.0), Heard(
        np.zeros((frames, 1)), PIECE * np.arange(frames), stream
    )


@pytest.mark.parametrize(
    ("names", "detected", "confused", "false", "late"),
    [
        ([], [0, 0], [0, 0], 0, []),
        ([(205, "1"), (290, "2")], [1, 1], [0, 0], 0, [50, 0]),
        ([(160, "1")], [1, 0], [0, 0], 0, [-400]),  # from the middle on
        ([(149, "1")], [0, 0], [0, 0], 1, []),
        ([(219, "1")], [1, 0], [0, 0], 0, [190]),
        ([(220, "1")], [0, 0], [0, 0], 1, []),
        ([(205, "2")], [0, 0], [1, 0], 0, []),
        ([(180, "2"), (205, "1")], [1, 0], [1, 0], 0, [50]),
        ([(205, "1"), (215, "1")], [1, 0], [0, 0], 1, [50]),  # again
        ([(50, "2"), (350, "1")], [0, 0], [0, 0], 2, []),
    ],
)
def test_outcomes_by_hand(names: Any, detected: list[int], confused: list[int], false: int, late: list[int]) -> None:
    came = outcome(*scripted(*names), 0.5, 5)
    assert came.detected.tolist() == detected
    assert came.confused.tolist() == confused
    assert came.false == came.alarms.sum() == false
    assert (came.late * 1000 / RATE).tolist() == late


def test_nothing_is_named_before_a_window_is_full() -> None:
    named, _ = scripted((38, "1"), (39, "2"), (300, "1"))
    assert names_of(named, 0.5, 1).tolist() == [39, 300]


def test_a_refractory_time_silences() -> None:
    named, each = scripted((205, "2"), (210, "1"), (226, "1"))
    assert names_of(named, 0.5, 6).tolist() == [205, 226]
    assert names_of(named, 0.5, 5).tolist() == [205, 210, 226]
    assert names_of(named, 1.01, 5).tolist() == []
    assert outcome(named, each, 0.5, 6).detected.tolist() == [0, 0]


def test_a_point_has_the_most_detections_at_its_rate() -> None:
    tally = np.zeros((2, 3, 33, 3), np.int64)
    tally[..., 2] = 100
    tally[0, 1, 5], tally[1, 2, 7], tally[1, 0, 9] = (40, 0, 9), (55, 5, 11), (70, 2, 21)
    tally[0, 0, 4] = 60, 30, 8
    point = choose(tally, 2.0, 6.0)
    assert (point.variant, point.refractory, point.kept) == (1, 60, True)
    assert point.threshold == pytest.approx(7 * 0.075 - 0.8)
    assert choose(tally, 2.0, 5.0).variant == 0
    assert not (nothing := choose(tally, 2.0, 1.0)).kept
    assert nothing.threshold == pytest.approx(4 * 0.075 - 0.8)  # the fewest


def test_a_curve_is_read_between_thresholds() -> None:
    curve = np.array([[90, 400], [80, 100], [50, 20], [10, 0]])
    assert at_rate(curve, 30.0, 100, 2.0) == pytest.approx(0.65)
    assert at_rate(curve, 0.0, 100, 2.0) == pytest.approx(0.1)
    assert at_rate(curve, 201.0, 100, 2.0) is None
