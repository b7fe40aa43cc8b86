"""Models in motion: what they answer frame by frame is what they answer at once, and forecasts come back as input."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_regression import GRADED, SPEC, graded, series, wave

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import make_frames
from lsm_deploy.learn.listener import listen
from lsm_deploy.learn.regression.linear import fit, predict
from lsm_deploy.learn.regression.pairs import pairs_of
from lsm_deploy.learn.regression.states import run_float_states
from lsm_deploy.spec.read import load_text
from lsm_deploy.spec.schema import Regression, States

CODE = "kind: gaussian_population, frame_ms: 5.0, neurons: 8"


def model(horizon: int = 2, changed: str = CODE, **readout: object) -> ld.RegressionModel:
    text = SPEC if changed == CODE else SPEC.replace(CODE, changed).replace("in_degree: 3", "in_degree: 1")
    spec = load_text(text, Path("spec.yaml"))
    assert isinstance(spec.readout, Regression)
    return ld.train_regression(replace(spec, readout=replace(spec.readout, horizon=horizon, **readout)), series(300))


@pytest.mark.parametrize("features", [States("states", 10.0), States("states", 10.0, frame=True, squares=True)])
def test_frame_by_frame_is_at_once(features: States) -> None:
    trained, test = model(features=features), series(60, 300)
    at_once = ld.forecast(trained, test)
    one_by_one = np.array(list(ld.follow(trained, iter(test.frames))))
    assert (one_by_one == at_once).all()


def test_a_graded_reservoir_frame_by_frame_and_freely() -> None:
    spec = graded(GRADED.replace("horizon: 2", "horizon: 1, features: {kind: states, squares: true}"))
    trained, test = ld.train_regression(spec, series(300)), series(60, 300)
    assert (np.array(list(ld.follow(trained, iter(test.frames)))) == ld.forecast(trained, test)).all()
    freely = ld.free_run(trained, test, 3, [40])[0]
    fed = np.concatenate([test.frames[:41], freely[:2]])
    assert (ld.forecast(trained, make_frames(fed, np.array([0])))[-1] == freely[2]).all()


def test_an_endless_input_is_answered_as_it_comes() -> None:
    trained, taken = model(), []

    def endless() -> object:
        for k in range(10**9):
            taken.append(k)
            yield wave(1, k)[0]

    answers = ld.follow(trained, endless())
    first = [next(answers) for _ in range(3)]
    assert taken == [0, 1, 2]
    assert (np.array(first) == ld.forecast(trained, series(3))).all()


def test_lines_from_standard_input(tmp_path: Path) -> None:
    trained = model()
    ld.save_model(tmp_path / "a.model", trained)
    command = [sys.executable, "-m", "lsm_deploy", "predict", tmp_path / "a.model", "--follow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for frame, expected in zip(wave(5), ld.forecast(trained, series(5)), strict=True):
            process.stdin.write(f"{float(frame[0])!r}\n")
            process.stdin.flush()
            assert float(process.stdout.readline()) == pytest.approx(expected[0], rel=1e-8)
        process.stdin.close()
        assert process.wait() == 0
    for text, words in (
        ("1 2\n", "stdin:1: a frame has 2 values, the model takes 1"),
        ("1\na\n", "stdin:2: 'a' is no line of numbers"),
        ("1\nnan\n", "stdin:2: 'nan'"),
    ):
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        assert done.returncode == 1
        assert words in done.stderr


def test_forecasts_come_back_as_input() -> None:
    trained, test = model(horizon=1), series(80, 300)
    freely = ld.free_run(trained, test, 5, [20, 50])
    assert freely.shape == (2, 5, 1)
    for origin, run in zip([20, 50], freely, strict=True):
        fed = test.frames[: origin + 1]
        for value in run:
            assert ld.forecast(trained, make_frames(fed, np.array([0])))[-1] == value
            fed = np.concatenate([fed, value[None]])
    assert (ld.free_run(trained, ld.subset(test, [0]), 5)[0][0] == ld.forecast(trained, test)[-1]).all()


def test_what_cannot_be_followed_or_fed_back_is_said() -> None:
    with pytest.raises(LsmError, match="the signal, 2 frames later, and only the next frame"):
        ld.free_run(model(), series(40), 5)
    with pytest.raises(LsmError, match="are not ascending frames of one sample of 40"):
        ld.free_run(model(horizon=1), series(40), 5, [10, 40])
    for code, words in (
        ("kind: rate, frame_ms: 5.0", "the encoder rate is random"),
        ("kind: send_on_delta, frame_ms: 5.0", "looks back at the frames before"),
    ):
        with pytest.raises(LsmError, match=words):
            ld.free_run(model(horizon=1, changed=code), series(40), 5)
    for wrong in (np.zeros(2), np.array([np.nan])):
        with pytest.raises(LsmError, match="the model takes 1 finite numbers"):
            list(ld.follow(model(), [wrong]))


def test_the_horizon_of_free_runs_by_hand() -> None:
    trained, test = model(horizon=1), series(200, 300)
    run = ld.measure_free(trained, test, 20, origins=3)
    assert run.origins == (10, 94, 179)
    assert (run.forecasts == ld.free_run(trained, test, 20, run.origins)).all()
    assert run.true[1, 0, 0] == test.frames[95, 0]
    for k in (0, 7):
        errors = [run.forecasts[i, k, 0] - test.frames[origin + 1 + k, 0] for i, origin in enumerate(run.origins)]
        assert run.nrmse[k] == pytest.approx(np.sqrt(np.mean(np.square(errors)) / np.var(test.frames)))
    assert run.horizon(np.inf) == 20
    assert run.horizon(0.0) == 0
    assert (run.nrmse[: run.horizon(0.3)] <= 0.3).all()
    with pytest.raises(LsmError, match="200 frames hold no washout of 10 and 190 frames"):
        ld.measure_free(trained, test, 190)


@pytest.mark.parametrize("features", [States("states", 10.0), States("states", 10.0, frame=True, squares=True)])
@pytest.mark.parametrize("text", [SPEC, GRADED])
def test_the_float_liquid_runs_freely_beside_it(text: str, features: States) -> None:
    spec = load_text(text, Path("spec.yaml"))
    assert isinstance(spec.readout, Regression)
    section = replace(spec.readout, horizon=1, features=features)
    spec = replace(spec, readout=section)
    train, test = series(300), series(120, 300)
    run = ld.measure_free(ld.train_regression(spec, train), test, 12, 3, spec=spec, train=train)
    assert run.floats is not None
    network, listener = ld.compile_spec(spec).network, listen(spec, train)
    pairs = pairs_of(train, section)
    readout = fit(run_float_states(network, listener, section, train, "train")[pairs.rows], pairs.targets, section, 1)
    for origin, forecasts in zip(run.origins, run.floats.forecasts, strict=True):
        fed = np.concatenate([test.frames[: origin + 1], forecasts])
        states = run_float_states(network, listener, section, make_frames(fed, np.array([0])))
        assert predict(readout, states)[origin : origin + 12] == pytest.approx(forecasts, rel=1e-9)
    assert 0 < run.floats.nrmse[0] < 1


def test_floats_of_another_liquid_are_refused() -> None:
    spec = graded(GRADED.replace("horizon: 2", "horizon: 1"))
    on_chip = ld.train_regression(spec, series(100), on_chip=True)
    assert ld.measure_free(on_chip, series(60, 100), 3, 2, spec=spec, train=series(100)).floats is not None
    for other in (replace(spec, seed=2), graded()):
        with pytest.raises(LsmError, match="the model was not trained by this spec"):
            ld.measure_free(on_chip, series(60, 100), 3, 2, spec=other)
