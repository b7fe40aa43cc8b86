"""Readouts of signals on the chip: output neurons send what the integers say, and what they do not carry is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_regression import GRADED, SPEC, graded, series, wave

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.compile.certify.bounds import certify_network
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.data import make_frames
from lsm_deploy.learn.attach import OUTPUT
from lsm_deploy.learn.model import model_from_parts, model_to_parts
from lsm_deploy.learn.regression.integer import answer
from lsm_deploy.learn.regression.metrics import nrmse
from lsm_deploy.learn.regression.output_neurons import for_chip, messages_of
from lsm_deploy.learn.regression.states import run_states
from lsm_deploy.spec.schema import Regression, States


def trained(frame_ms: float = 2.0, text: str = GRADED, **features: bool) -> ld.RegressionModel:
    spec = graded(text.replace("frame_ms: 2.0", f"frame_ms: {frame_ms}"))
    assert isinstance(spec.readout, Regression)
    spec = replace(spec, readout=replace(spec.readout, features=States("states", **features)))
    return ld.train_regression(spec, series(300), on_chip=True)


@pytest.mark.parametrize(("frame_ms", "frame"), [(1.0, False), (1.0, True), (3.0, True)])
def test_output_neurons_send_what_the_integers_say(frame_ms: float, frame: bool) -> None:
    model, data = trained(frame_ms, frame=frame), series(80, 300, samples=2)
    x = messages_of(run_states(model.listener, model.readout, data), model.listener, model.readout, data)
    assert x.shape == (80, 20 + frame)
    assert model.chip is not None
    said, sent = answer(model.integers, x), ld.forecast(model, data)
    # Half a unit of a message; half a unit of `v`, and of its bias, at most as much again. Before, answers are clipped.
    late = np.r_[20:40, 60:80]
    assert (np.abs(said - sent)[late] <= 1 / model.chip.scale).all()
    assert nrmse(sent[25:38], data.frames[27:40]) < 0.1


def test_synapses_add_up_to_the_weights_and_no_sum_passes_32_bits() -> None:
    model = trained(frame=True)
    network = model.program.network
    columns = {"reservoir": slice(0, 20), "input": slice(20, 21)}
    weights = np.zeros(model.integers.weights.shape, np.int64)
    for p in network.projections:
        if p.target == OUTPUT:
            np.add.at(weights[:, columns[p.source]], (p.post, p.pre), p.weights.astype(np.int64) << p.weight_exp)
            assert (p.delays == (p.source == "input")).all()
    assert (weights == model.integers.weights).all()
    bound = certify_network(network).largest_sum[network.columns(OUTPUT)]
    assert (bound < 1 << 31).all()
    assert (bound > 1 << 30).all()  # no bit is left


def test_weights_end_at_what_two_synapses_hold() -> None:
    one = for_chip(np.array([1, 1]))(np.zeros(2), np.ones(2), np.array([[2.0, -1.0], [0.0, 0.0]]), np.zeros(2))
    assert one.weights.tolist() == [[32767, -16384], [0, 0]]
    largest = np.full(300, 32767)
    many = for_chip(largest)(np.zeros(300), np.ones(300), np.ones((1, 300)), np.zeros(1))
    assert (1 << 30) < np.abs(many.weights[0]) @ largest < 1 << 31


def test_several_outputs_of_a_wide_range() -> None:
    section = Regression("reservoir", "targets", horizon=0, washout=20)
    x = wave(400)
    targets = np.column_stack([1000 + np.roll(x[:, 0], 1), 1e-4 * x[:, 0]])
    data = make_frames(x, np.array([0]), targets=targets)
    model = ld.train_regression(replace(graded(), readout=section), data, on_chip=True)
    answers = ld.forecast(model, data)[20:]
    assert max(nrmse(answers[:, [i]], targets[20:, [i]]) for i in range(2)) < 0.05


def test_answers_beyond_what_a_message_holds_are_said() -> None:
    model = ld.train_regression(graded(), make_frames(0.2 * wave(300), np.array([0])), on_chip=True)
    assert model.chip is not None
    with pytest.warns(LsmWarning, match=r"\d+ of 80 answers are beyond what training data had, and are clipped"):
        answers = ld.forecast(model, series(100, 300))
    assert np.abs((answers - model.chip.centre) * model.chip.scale).max() == pytest.approx(32767)


def test_followed_kept_and_fed_back_as_at_once(tmp_path: Path) -> None:
    model = trained(text=GRADED.replace("horizon: 2", "horizon: 1"), frame=True)
    data = series(30, 300)
    at_once = ld.forecast(model, data)
    assert (ld.forecast(model, data, "emulator") == at_once).all()
    assert (np.array(list(ld.follow(model, iter(data.frames)))) == at_once).all()
    freely = ld.free_run(model, data, 3, [20])[0]
    fed = np.concatenate([data.frames[:21], freely[:2]])
    assert (ld.forecast(model, make_frames(fed, np.array([0])))[-1] == freely[2]).all()
    ld.save_model(tmp_path / "a.model", model)
    again = ld.load_model(tmp_path / "a.model")
    assert isinstance(again, ld.RegressionModel)
    assert again.on_chip
    assert (ld.forecast(again, data) == at_once).all()


def test_a_model_whose_output_neurons_are_not_there_is_refused() -> None:
    model = trained()
    meta, arrays = model_to_parts(model)
    liquid = ld.train_regression(graded(), series(300)).program
    for program, changed in (
        (liquid, {}),
        (model.program, {"chip.scale": np.array([0.0])}),
        (model.program, {"chip.scale": np.ones(2), "chip.centre": np.zeros(2)}),
    ):
        with pytest.raises(LsmError, match="the model is not valid"):
            model_from_parts(program, meta, {**arrays, **changed})


def test_what_synapses_do_not_carry_is_said_at_once() -> None:
    spec = graded(SPEC.replace("{kind: states, tau_ms: 10.0}", "{kind: states, frame: true, squares: true}"))
    for ask in (
        lambda: ld.train_regression(spec, series(60), on_chip=True),
        lambda: ld.evaluate_regression(spec, series(60), series(60, 60), on_chip=True),
    ):
        with pytest.raises(LsmError) as caught:
            ask()
        said = str(caught.value)
        assert "a readout on the chip has no squares" in said
        assert "the frame itself does not enter the chip" in said
        assert "population 'liquid'" in said
    taken = graded(GRADED.replace("reservoir", "readout"))
    with pytest.raises(LsmError, match="there is a population 'readout' already"):
        ld.train_regression(taken, series(60), on_chip=True)


def test_what_it_costs_stands_beside_the_host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = ld.evaluate_regression(graded(), series(300), series(100, 300), alone=True, on_chip=True)
    forecasts = ld.forecast(trained(), series(100, 300))
    assert evaluation.to_json()["nrmse_on_chip"] == nrmse(forecasts[20:-2], series(100, 300).frames[22:])
    assert evaluation.liquids[0].on_chip != evaluation.liquids[0].liquid
    (tmp_path / "spec.yaml").write_text(GRADED)
    for name, frames, first in (("train", 300, 0), ("test", 100, 300)):
        np.savez(tmp_path / f"{name}.npz", frames=wave(frames, first), starts=np.array([0]))
    spec, train, test, model = (str(tmp_path / name) for name in ("spec.yaml", "train.npz", "test.npz", "a.model"))
    main(["eval", spec, "--train", train, "--test", test, "--on-chip"], standalone_mode=False)
    assert "output neurons on the chip" in capsys.readouterr().out
    main(["train", spec, "--train", train, "--on-chip", "-o", model], standalone_mode=False)
    assert "answers with 1 output neurons on the chip" in capsys.readouterr().out
    main(["predict", model, test, "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["forecasts"] == forecasts.tolist()
