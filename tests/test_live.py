"""Models that listen frame by frame: the same bits as samples that are recorded first, and nothing allocated."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_regression import GRADED, SPEC, graded, series
from waves import spec as spec_of_waves
from waves import waves

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.messages import BINARY
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.data.coding import Coder, code_of
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.learn.live import Live
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
    live = model.start(3)
    live.step(test.frames[0])
    assert sum(live.named().values()) >= 0


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
