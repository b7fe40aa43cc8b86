"""Models that listen frame by frame: the same bits as samples that are recorded first, and nothing allocated."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from test_af import hearts
from test_regression import GRADED, SPEC, graded, series
from waves import INTERVAL, waves
from waves import spec as spec_of_waves

import lsm_deploy as ld
from lsm_deploy.cli.app import main
from lsm_deploy.core.errors import LsmError, LsmErrors, LsmWarning
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.messages import BINARY
from lsm_deploy.data import Audio, Frames, make_frames, subset
from lsm_deploy.data.coding import Coder, code_of
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.data.front import to_frames
from lsm_deploy.data.front.online import BeatsIn, SoundIn
from lsm_deploy.learn.live import Live, MostSpikes
from lsm_deploy.learn.live.answering import Racing
from lsm_deploy.learn.regression.states import run_states
from lsm_deploy.learn.runs import run_samples
from lsm_deploy.spec import schema
from lsm_deploy.spec.read import load_text

CONFIGS = Path(__file__).parents[1] / "configs"

# --- frames to spikes -------------------------------------------------------------------------------------------------

ENCODERS: list[schema.Encoder] = [
    schema.Rate(kind="rate", frame_ms=5.0, max_rate_hz=300.0),
    schema.Latency(kind="latency", frame_ms=7.0),
    schema.SendOnDelta(kind="send_on_delta", frame_ms=4.0, delta=0.07),
    schema.GaussianPopulation(kind="gaussian_population", frame_ms=10.0, neurons=10, beta=0.7, threshold=0.3),
    schema.GaussianPopulation(kind="gaussian_population", frame_ms=3.0, code="rate"),
    schema.Spikes(kind="spikes", frame_ms=3.0),
    schema.Graded(kind="graded", frame_ms=2.0),
    schema.Graded(kind="graded", frame_ms=1.0, message_bits=6, range=(-0.5, 0.5)),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda each: f"{each.kind}-{each.frame_ms:g}")
@pytest.mark.filterwarnings("ignore:.*clips it")
def test_a_frame_at_a_time_is_encoded_as_all_at_once(encoder: schema.Encoder) -> None:
    section, values = schema.Input(3, encoder), np.random.default_rng(1).normal(size=(600, 3))
    values[:, 2] = 0.3  # a channel that never changes
    if isinstance(encoder, schema.Spikes):
        values = (values > 0.5).astype(np.float64)
    data = make_frames(values, np.array([0, 200, 201, 500]))
    ranges = fit_ranges(make_frames(0.7 * values, np.array([0])), section)
    code = code_of(section, ranges, 1.0)
    assert code.spike_channels == section.spike_channels
    coder, entering = Coder(code, 7), np.zeros((code.steps, code.spike_channels), section.message.dtype)
    rows = []
    for i, (first, many) in enumerate(zip(data.starts.tolist(), data.lengths.tolist(), strict=True)):
        coder.begin(i)
        for frame in data.frames[first : first + many]:
            coder.encode(frame, entering)
            rows.append(entering.copy())
    expected = encode(section, ranges, data, 1.0, 7).spikes
    assert expected.any()
    assert (np.concatenate(rows) == expected).all()


# --- spikes to spikes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adaptive", "balanced_random", "gated", "mackey_glass", "refractory", "ternary"])
def test_steps_of_a_frame_are_those_of_the_emulator(name: str) -> None:
    spec = ld.load(CONFIGS / f"{name}.yaml")
    program = ld.compile_spec(replace(spec, readout=None)).program
    network = program.network
    stimulus = ld.poisson_stimulus(network.channels, 60, 150.0, network.dt_ms, 3, network.input)
    expected = ld.run_program("emulator", program, stimulus, network.state_names)
    running = ld.start("fast", program)
    frame = running.frame(5, 2)
    for first in range(0, 60, 5):
        frame.entering[:] = stimulus.spikes[first : first + 5]
        if network.input == BINARY:
            frame.entering *= 3  # anything but 0 is a spike
        frame.run()
        frame.look()
        assert (frame.sent == expected.spikes[first : first + 5]).all()
        for register, values in expected.registers.items():
            assert (running.register(register) == values[first + 4]).all()
    after = ld.run_program("emulator", program, _longer(stimulus, 2)).spikes[-2:]
    assert (frame.ahead == after).all()
    assert running.t == 60
    assert running.counts == dict(expected.counts)
    with pytest.raises(TypeError, match="holds addresses"):
        pickle.dumps(frame)


def _longer(stimulus: Stimulus, steps: int) -> Stimulus:
    silence = np.zeros((steps, stimulus.spikes.shape[1]), stimulus.spikes.dtype)
    return Stimulus(np.concatenate([stimulus.spikes, silence]), stimulus.starts)


def test_what_a_network_does_not_take_is_refused_before_a_step() -> None:
    program = ld.compile_spec(replace(ld.load(CONFIGS / "gated.yaml"), readout=None)).program
    frame = ld.start("fast", program).frame(1)
    frame.entering[0, 0] = np.iinfo(np.int16).min
    with pytest.raises(LsmError, match="is none of integers from -32767"):
        frame.run()


# --- samples to scores ------------------------------------------------------------------------------------------------


def check(live: Live, data: Frames, scores: Any, labels: tuple[str, ...] = ()) -> None:
    """Sample by sample, as all at once."""
    for i, (first, many) in enumerate(zip(data.starts.tolist(), data.lengths.tolist(), strict=True)):
        for frame in data.frames[first : first + many]:
            given = live.step(frame)
        if scores is not None:
            assert given.tolist() == scores[i].tolist()
        if labels:
            assert live.answer() == labels[i]
        live.reset()


@pytest.mark.parametrize("read", ["liquid", "[other, liquid]"])
@pytest.mark.parametrize(
    "features",
    [
        "{kind: bins}",
        "{kind: bins, bins: 2, root: true}",
        "{kind: traces}",
        "{kind: traces, samples: 3}",
        "{kind: rates, groups: 5, bins: 2}",
    ],
)
def test_scores_after_a_sample_are_those_of_the_sample(tmp_path: Path, features: str, read: str) -> None:
    model = ld.train(spec_of_waves(tmp_path, features=features, read=read), waves(6, 1))
    test = waves(2, 2)
    live = model.start()
    assert live.names == model.classes
    assert live.window == (None if features == "{kind: traces}" else 8)
    check(live, test, ld.scores(model, test), ld.predict(model, test))


def test_scores_at_any_time_are_those_of_a_sample_that_ends_there(tmp_path: Path) -> None:
    spec = spec_of_waves(tmp_path, features="{kind: bins, bins: 3}")
    model, frames = ld.train(spec, waves(6, 1)), waves(2, 2).frames[:12]
    live = model.start(12)
    for k, frame in enumerate(frames):
        live.take(frame)
        part = make_frames(frames[: k + 1], np.array([0]))
        assert live.scores.tolist() == ld.scores(model, part)[0].tolist()
        assert live.full == (k == 11)
    assert live.named() == dict(zip(model.classes, live.scores.tolist(), strict=True))


def test_a_window_trails(tmp_path: Path) -> None:
    """A window's features are those of its spikes in the endless run; so are those of output neurons."""
    from lsm_deploy.learn.model import OnHost
    from lsm_deploy.learn.readout import extract_features, scores

    data = waves(6, 1)
    for features in ("{kind: bins, bins: 2}", "{kind: traces, samples: 2}"):
        model = ld.train(spec_of_waves(tmp_path, features=features), data)
        assert isinstance(model.answerer, OnHost)
        whole = make_frames(data.frames, np.array([0]))
        spikes = ld.run_program("fast", model.program, model.listener.encode(whole)).spikes[:, :40]
        live = model.start(6)
        for k, frame in enumerate(whole.frames[:60]):
            live.take(frame)
            first = max(0, k - 5) * 5
            part = spikes[first : 5 * k + 5] if "bins" in features else spikes[: 5 * k + 5]
            expected = extract_features(part, np.zeros(1, np.int64), model.readout, 1.0)
            if "traces" in features and k > 5:  # the register goes on, and is read in the middle of the window
                middle = spikes[: first + 15]
                half = extract_features(middle, np.zeros(1, np.int64), model.readout, 1.0)[:, 40:]
                expected = np.concatenate([half, expected[:, 40:]], axis=1)
            assert live.scores.tolist() == scores(model.answerer.integers, expected)[0].tolist()


def test_output_neurons_answer_as_they_come(tmp_path: Path) -> None:
    model, test = ld.train_on_chip(spec_of_waves(tmp_path), waves(6, 1)), waves(4, 2)
    check(model.start(), test, None, ld.predict(model, test))


def test_of_classes_with_most_spikes_it_is_the_one_that_had_them_first() -> None:
    racing = Racing(MostSpikes(("a", "b"), np.arange(2)), 3, 2)
    for sent, most in (("011000", 1), ("000000", 1), ("000000", 0), ("100100", 0)):
        racing.take(np.array(list(sent), np.int8).reshape(3, 2), np.zeros(1))
        racing.read(np.zeros((0, 2), np.int8))
        assert racing.chosen() == most
    assert racing.scores.tolist() == [1, 1]


@pytest.mark.parametrize("text", [SPEC, GRADED])
@pytest.mark.parametrize("more", [False, True])
def test_forecasts_after_each_frame(text: str, more: bool) -> None:
    spec = load_text(text, Path("spec.yaml"))
    features = schema.States("states", 10.0, frame=more, squares=more)
    spec = replace(spec, readout=replace(spec.readout, features=features))  # type: ignore[type-var, arg-type]
    trained, test = ld.train_regression(spec, series(200)), series(40, 200)
    live = trained.start()
    assert [live.step(frame).tolist() for frame in test.frames] == ld.forecast(trained, test).tolist()
    with pytest.raises(LsmError, match="has no classes"):
        live.answer()


@pytest.mark.parametrize("code", ["kind: rate, frame_ms: 5.0", "kind: send_on_delta, frame_ms: 5.0"])
def test_forecasts_of_codes_that_look_back_or_draw(code: str) -> None:
    text = SPEC.replace("kind: gaussian_population, frame_ms: 5.0, neurons: 8", code).replace(
        "in_degree: 3", "in_degree: 1"
    )
    trained = ld.train_regression(load_text(text, Path("spec.yaml")), series(200))
    test = series(40, 200)
    assert np.array_equal(list(ld.follow(trained, test.frames)), ld.forecast(trained, test))


def test_output_neurons_forecast_as_frames_come() -> None:
    trained = ld.train_regression(graded(GRADED), series(200), on_chip=True)
    test = series(40, 200)
    assert np.array_equal(list(ld.follow(trained, test.frames)), ld.forecast(trained, test))


def of_signals(name: str) -> tuple[ld.RegressionModel, Frames]:
    """A model of a made-up series, and one of the same."""
    spec = ld.load(CONFIGS / f"{name}.yaml")
    assert isinstance(spec.readout, schema.Regression)
    short = replace(spec.readout, horizon=2, washout=5, regularisation=(1.0,))
    channels, (low, high) = spec.input.channels, spec.input.encoder.range or (-1.0, 1.0)  # type: ignore[union-attr]
    values = low + (high - low) * np.random.default_rng(2).random((60, channels))
    train, test = (make_frames(part, np.array([0])) for part in (values, values[20:45]))
    return ld.train_regression(replace(spec, readout=short), train), test


@pytest.mark.once
@pytest.mark.parametrize(
    "name", ["el_nino", "hardtanh_core", "laser", "liquid_ode", "mackey_glass", "neurobench", "tanh_reservoir"]
)
def test_each_config_that_forecasts(name: str) -> None:
    model, test = of_signals(name)
    assert np.array_equal(list(ld.follow(model, test.frames)), ld.forecast(model, test))


def of_classes(name: str) -> tuple[ld.Model[ld.OnHost], Frames]:
    """A model of made-up frames, and these."""
    spec = ld.load(CONFIGS / f"{name}.yaml")
    assert isinstance(spec.readout, schema.Readout)
    quick = replace(spec.readout, regularisation=(1.0,), folds=2, centre="none")
    rng, each = np.random.default_rng(3), 16  # steps of a frame may be two, and a sample has eight parts
    values = np.clip(rng.normal(size=(8 * each, spec.input.channels)), -0.3, 0.3)
    data = make_frames(values, each * np.arange(8), list("abababab"))
    return ld.train(replace(spec, front_end=None, readout=quick), data), data


@pytest.mark.parametrize("name", ["japanese_vowels", "atrial_fibrillation", "spoken_digits"])
def test_each_config_that_tells_classes_apart(name: str) -> None:
    model, data = of_classes(name)
    check(model.start(), subset(data, [1, 4]), ld.scores(model, subset(data, [1, 4])))


# --- beats and sound --------------------------------------------------------------------------------------------------


def of_hearts() -> tuple[ld.Model[ld.OnHost], ld.Beats]:
    """A model of windows of 16 beats, and its data."""
    spec = ld.load(CONFIGS / "atrial_fibrillation.yaml")
    assert isinstance(spec.front_end, schema.BeatsFrontEnd)
    assert isinstance(spec.readout, schema.Readout)
    front_end = replace(spec.front_end, window_beats=16)
    quick = replace(spec.readout, regularisation=(1.0,), folds=2)
    data = hearts(4, 2, 40)
    return ld.train(replace(spec, front_end=front_end, readout=quick), to_frames(data, front_end)), data


def test_beats_are_answered_one_by_one() -> None:
    model, data = of_hearts()
    front_end = model.listener.front_end
    live = model.start()
    assert live.window == 16
    begun = live.save()
    for record in range(2):
        one = subset(data, [record])
        scores = ld.scores(model, to_frames(one, front_end))
        intervals = (np.diff(one.beats) / one.rate).tolist()
        for sample, expected in enumerate(scores):
            for rr in intervals[16 * sample : 16 * sample + 16]:
                given = live.push(rr)
            assert given is not None
            assert given.tolist() == expected.tolist()
            live.reset(recording=False)
        live.reset()
    assert live.push(intervals[:16]).tolist() == scores[0].tolist()  # type: ignore[union-attr]
    live.restore(begun)  # when no beat had come in
    assert live.push(intervals[:16]).tolist() == scores[0].tolist()  # type: ignore[union-attr]
    for wrong, words in ((-1.0, "an interval of -1 s"), ("a", "intervals of type str are no numbers")):
        with pytest.raises(LsmError, match=words):
            live.push(wrong)  # type: ignore[arg-type]


def test_a_wrong_interval_is_said_before_any_is_taken() -> None:
    coming = BeatsIn(schema.BeatsFrontEnd(kind="beats", window_beats=30))
    with pytest.raises(LsmError, match="an interval of -1 s"):
        coming.take([0.8, 0.9, -1.0])
    assert next(coming.take(0.7)).tolist() == [0.7, 0.0]  # the first that is taken


def test_channels_of_beats_are_those_of_the_front_end() -> None:
    every: Any = ("rr", "drr", "rr_relative", "drr_relative", "abs_drr_relative", "ddrr_relative")
    front_end = schema.BeatsFrontEnd(kind="beats", window_beats=30, channels=every)
    data = subset(hearts(2, 2, 30), [1])
    coming = BeatsIn(front_end)
    frames = np.array([frame.copy() for frame in coming.take(np.diff(data.beats) / data.rate)])
    assert np.array_equal(frames[:30], to_frames(data, front_end).frames[:30])
    rr = frames[:, 0]
    medians = [np.median(rr[max(0, i - 29) : i + 1]) for i in range(len(rr))]
    assert np.array_equal(frames[:, 2], rr / medians - 1)


SOUND = {"rate_hz": 2000.0, "bands": 6, "fmin_hz": 100.0, "window_ms": 21.0, "hop_ms": 8.0, "loudest_db": 10.0}


@pytest.mark.parametrize(
    "front_end",
    [
        schema.MelFrontEnd(kind="mel", **SOUND),
        schema.MelFrontEnd(kind="mel", pre_emphasis=0.9, deltas=True, **SOUND | {"hop_ms": 30.0, "floor_db": 20.0}),
        schema.GammatoneFrontEnd(kind="gammatone", deltas=True, **SOUND),
        schema.MelFrontEnd(kind="mel", deltas=True, pcen=schema.Pcen(), **SOUND | {"loudest_db": None}),
    ],
)
def test_sound_comes_in_pieces(front_end: Any) -> None:
    pytest.importorskip("librosa")
    rng = np.random.default_rng(4)
    for many, whole in ((1003, True), (17, False), (16, False)):
        sound = (3000 * rng.normal(size=many)).astype(np.int16) if whole else rng.normal(size=many)
        expected = to_frames(Audio(sound, np.zeros(1, np.int64), 2000.0), front_end).frames
        coming, frames, done = SoundIn(front_end), [], 0
        while done < many:
            piece = sound[done : done + int(rng.integers(1, 90))]
            frames += list(coming.take(piece))
            done += len(piece)
        frames += list(coming.end())
        assert np.array_equal(frames, expected)


def test_what_only_the_end_of_a_recording_tells_is_refused_at_once() -> None:
    spec = ld.load(CONFIGS / "spoken_digits.yaml")
    with pytest.raises(LsmErrors) as error:
        SoundIn(spec.front_end)  # type: ignore[arg-type]
    assert [each.what.split()[0] for each in error.value.errors] == ["floor_db", "level", "normalise"]
    for words in ("the whole utterance", "loudest_db: 0", "frames that `to_frames` makes"):
        assert words in str(error.value)


def test_the_example_of_the_manual_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = of_hearts()
    ld.save_model(tmp_path / "heart.model", model)
    monkeypatch.chdir(tmp_path)
    lines = ld.manual_page("live").splitlines()[1:]
    example = "\n".join(line for line in lines[: lines.index(next(filter(_is_text, lines)))])
    exec(dedent(example), {"intervals": (np.diff(data.beats[:40]) / data.rate).tolist()})
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 39 - 15
    assert all(line.startswith(("AF {'AF': ", "not AF {'AF': ")) for line in said)


def _is_text(line: str) -> bool:
    return bool(line) and not line.startswith(" ")


# --- a run that goes on -----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*saturated")
def test_a_reset_before_the_first_frame_is_no_sample(tmp_path: Path) -> None:
    """Who begins each sample with `reset`, the first one as well, had the noise of the next one each time."""
    model, data = ld.train(spec_of_waves(tmp_path), waves(6, 1)), waves(3, 2)
    live, at_once = model.start(), ld.scores(model, data)
    for sample, frames in enumerate(np.split(data.frames, data.starts[1:])):
        live.reset()
        live.reset()
        for frame in frames:
            live.step(frame)
        assert live.scores.tolist() == at_once[sample].tolist()
    with pytest.raises(LsmError, match="the state is of a window of 8 frames, and here it is 3"):
        model.start(3).restore(live.save())
    with pytest.raises(LsmError, match="is no list of numbers"):
        live.step([10**400, 0])


@pytest.mark.filterwarnings("ignore:.*saturated")
@pytest.mark.parametrize("encoder", [None, ENCODERS[2]], ids=["random", "send_on_delta"])
def test_it_goes_on_where_it_was_saved(tmp_path: Path, encoder: schema.Encoder | None) -> None:
    spec = spec_of_waves(tmp_path)
    if encoder is not None:
        spec = replace(spec, input=schema.Input(2, encoder))
    model, data = ld.train(spec, waves(6, 1)), waves(3, 2)
    live = model.start()
    live.reset()
    for frame in data.frames[:7]:
        live.step(frame)
    state = pickle.loads(pickle.dumps(live.save()))
    first = [live.step(frame).tolist() for frame in data.frames[7:14]]
    other = model.start()
    for going_on in (live, other):
        going_on.restore(state)
        assert going_on.frames == 7
        assert going_on.scores.tolist() != first[-1]
        assert [going_on.step(frame).tolist() for frame in data.frames[7:14]] == first
    another = ld.train(spec, waves(6, 3))  # the same program, and another readout
    assert ld.program_id(another.program) == ld.program_id(model.program)
    with pytest.raises(LsmError, match="the state is of another model"):
        another.start().restore(state)


@pytest.mark.filterwarnings("ignore:.*saturated")
def test_features_are_those_that_were_trained_on(tmp_path: Path) -> None:
    """Also of a state that was set back to, and not those of the frames in between."""
    features = "features: {kind: states, frame: true, squares: true}"
    data = series(80, samples=2)
    model = ld.train_regression(graded(GRADED.replace("horizon: 2}", f"horizon: 2, {features}}}")), data)
    live, expected = model.start(), run_states(model.listener, model.readout, data).features
    for k, frame in enumerate(data.frames):
        if k in data.starts:
            live.reset()
        live.take(frame)
        assert live.features.tolist() == expected[k].tolist()
    state = live.save()
    live.step(data.frames[0])
    assert live.features.tolist() != expected[-1].tolist()
    live.restore(state)
    assert live.features.tolist() == expected[-1].tolist()
    with pytest.raises(ValueError, match="read-only"):
        live.features[0] = 1
    of_classes = ld.train(spec_of_waves(tmp_path, features="{kind: bins, bins: 2, root: true}"), waves(6, 1))
    test, rows, live = waves(2, 2), [], of_classes.start()
    for sample, frames in enumerate(np.split(test.frames, test.starts[1:])):
        live.reset()
        for frame in frames:
            live.take(frame)
        rows.append(live.features.tolist())
        assert live.frames == test.lengths[sample]
    assert rows == run_samples(of_classes.listener, of_classes.readout, test, "test").samples.features.tolist()
    live = ld.train_regression(graded(), series(200), on_chip=True).start()
    live.step([0.5])
    with pytest.raises(LsmError, match="output neurons answer, and no features are read"):
        _ = live.features


@pytest.mark.parametrize("name", ["spoken_digits", "laser"])
def test_nothing_is_allocated(name: str) -> None:
    """A value of each neuron, or feature, has 4800 bytes, and would be seen."""
    live = (of_classes if name == "spoken_digits" else of_signals)(name)[0].start()
    frame = live.streams.code.low + 0.3 * live.streams.code.width
    for _ in range(300):
        live.step(frame)
    tracemalloc.start()
    live.step(frame)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(300):
        live.step(frame)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 10_000  # the interpreter's own
    assert peak - max(before, after) < 4000


def test_mistakes_are_said(tmp_path: Path) -> None:
    data = waves(6, 1)
    model = ld.train(spec_of_waves(tmp_path, features="{kind: bins, bins: 2}"), data)
    live = model.start()
    for asked in (lambda: live.scores, live.answer, live.named):
        with pytest.raises(LsmError, match="no frame came in"):
            asked()
    for wrong in ([1.0], [np.nan, 1.0], [[1.0, 2.0]]):
        with pytest.raises(LsmError, match="the model takes 2 finite numbers"):
            live.step(wrong)
    with pytest.raises(LsmError, match="a frame of type str is no list of numbers"):
        live.step("a b")  # type: ignore[arg-type]
    with pytest.raises(LsmError, match="the model takes frames"):
        live.push([1.0, 2.0])
    assert repr(live) == "Live(a, b, c; frames=0, window=8)"
    assert len(repr(live.save())) + len(repr(live.streams)) < 1500
    with pytest.raises(LsmError, match="a window of 0 frames"):
        model.start(0)
    with pytest.raises(LsmError, match="it runs whole stimuli only"):
        model.start(backend="emulator")
    old = replace(model, listener=replace(model.listener, longest=0))
    with pytest.raises(LsmError, match="2 parts of a sample, and nobody knows how long one is"):
        old.start()
    assert old.start(8).window == 8
    with pytest.raises(LsmError, match="clears its registers every 40 steps"):
        ld.train(spec_of_waves(tmp_path, samples=INTERVAL), data).start()
    spec = spec_of_waves(tmp_path)
    assert isinstance(spec.readout, schema.Readout)
    grouped = replace(data, groups=tuple("xy"[i % 2] for i in range(data.samples)))
    with pytest.raises(LsmError, match="less the mean of their group"):
        ld.train(replace(spec, readout=replace(spec.readout, centre="group")), grouped).start()
    with live:
        live.step(data.frames[0])
    with pytest.raises(LsmError, match="the recording has ended"):
        live.step(data.frames[1])
    live.reset()
    live.step(data.frames[0])


def test_another_thread_is_refused(tmp_path: Path) -> None:
    live, raised = ld.train(spec_of_waves(tmp_path), waves(6, 1)).start(), []

    def meanwhile() -> None:
        try:
            live.step([0.0, 0.0])
        except LsmError as error:
            raised.append(error.what)

    with live._turn:
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join()
    assert raised == ["another thread is advancing this session"]


def test_a_clipped_frame_is_said_once() -> None:
    live = ld.train_regression(graded(GRADED), series(100)).start()
    with pytest.warns(LsmWarning, match="a frame lies beyond the range"):
        live.step([50.0])
    live.step([50.0])  # warnings are errors here


# --- predict --follow -------------------------------------------------------------------------------------------------


def follow(model: Path, text: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["predict", str(model), "--follow", *options], input=text)


def test_lines_are_answered_with_names(tmp_path: Path) -> None:
    model = ld.train(spec_of_waves(tmp_path), waves(6, 1))
    ld.save_model(tmp_path / "a.model", model)
    frames = waves(2, 2).frames[:6]
    live = model.start()
    expected = [(live.step(frame).tolist(), live.answer()) for frame in frames]
    text = "x;y\n" + "".join(f"{a!r}, {b!r}\n" for a, b in frames.tolist())
    done = follow(tmp_path / "a.model", text)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{label}\t{' '.join(f'{name}={score}' for name, score in zip(model.classes, scores, strict=True))}"
        for scores, label in expected
    ]
    lines = [json.dumps(frame) for frame in frames.tolist()]
    lines.insert(3, "[1, 2")
    done = follow(tmp_path / "a.model", "\n".join(lines), "--json", "--every", "2", "--skip-bad", "--window", "8")
    assert done.exit_code == 0, done.stderr
    assert done.stderr == "note: stdin:4: '[1, 2' is no line of numbers; left out\n"
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["frame"] for each in said] == [2, 4, 6]
    assert [each["label"] for each in said] == [label for _, label in expected[1::2]]
    assert list(said[2]["scores"].values()) == expected[5][0]
    assert [each["full"] for each in said] == [False] * 3
    named = replace(model, listener=replace(model.listener, names=("y", "x")))
    ld.save_model(tmp_path / "named.model", named)
    done = follow(tmp_path / "named.model", text)
    assert "channel 0 is 'x', in the training data 'y'" in done.stderr
    wrong = ["[1, [2]]", "[null, 2]", "[true, 2]", "[" * 100_000, "1_0 2", "0,5;1,5", "nan 1", "\0 1"]
    done = follow(tmp_path / "a.model", "1 2\n" + "\n".join(wrong), "--skip-bad")
    assert done.exit_code == 0, done.exception
    assert (len(done.stdout.splitlines()), len(done.stderr.splitlines())) == (1, len(wrong))
    done = follow(tmp_path / "a.model", "1 2\n1 2 3\n")
    assert done.exit_code == 1
    assert "stdin:2: a frame has 3 values" in done.stderr
    assert "--skip-bad leaves such lines out" in done.stderr


def test_a_reader_that_goes_away_ends_it(tmp_path: Path) -> None:
    ld.save_model(tmp_path / "a.model", ld.train(spec_of_waves(tmp_path), waves(6, 1)))
    command = [sys.executable, "-m", "lsm_deploy", "predict", str(tmp_path / "a.model"), "--follow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"0 0\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        try:
            for _ in range(1000):
                process.stdin.write(b"0 0\n")
                process.stdin.flush()
                if process.poll() is not None:
                    break
        except BrokenPipeError:
            pass
        assert process.wait(20) == 0  # it has what it wants
        assert b"Traceback" not in process.stderr.read()
