"""Forecasts frame by frame: without an end, or fed back as input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.indices import mistake_in
from lsm_deploy.core.ir import Network, Stimulus
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.notes import silence
from lsm_deploy.data import Frames
from lsm_deploy.data.encoders import encode
from lsm_deploy.learn.regression.linear import Regressor, predict
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.learn.regression.states import finished_in_floats, graded_populations, steps_of_frame
from lsm_deploy.run import backends
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec.schema import GaussianPopulation, Rate, SendOnDelta

__all__ = ["follow", "free_run", "free_run_in_floats"]


def follow(model: RegressionModel, frames: Iterable[Floats], backend: str = backends.DEFAULT) -> Iterator[Floats]:
    """The answer `[output]` to each frame `[channel]` of any iterator, which may be endless, as soon as it is there."""
    require_type(model, RegressionModel, "model", "read one with `load_model`, or `train_regression` it")
    live = model.start(backend=backend)
    return (live.step(frame).copy() for frame in frames)


def free_run(
    model: RegressionModel,
    data: Frames,
    steps: int,
    origins: Sequence[int] | None = None,
    backend: str = backends.DEFAULT,
) -> Floats:
    """Forecasts that are fed back as input `[origin, step, channel]`: the frames of a series after each origin.

    data: one sample, which is followed up to the origins. origins: frames after which the model runs freely, ascending;
    left out, the last one alone. An LsmError for a model that does not forecast its own next frame.
    """
    places = _checked_origins(model, data, origins)
    live, every = model.start(backend=backend), []
    for k, frame in enumerate(data.frames[: places[-1] + 1]):
        live.take(frame)
        if k not in places:
            continue
        state, freely = live.save(), [live.scores.copy()]
        while len(freely) < steps:
            freely.append(live.step(freely[-1]).copy())
        live.restore(state)
        every.append(freely)
    return np.array(every)


def free_run_in_floats(
    network: Network, regressor: Regressor, model: RegressionModel, data: Frames, steps: int, origins: Sequence[int]
) -> Floats:
    """The same of the float liquid, with a readout of its states in floats: all origins side by side.

    network: that the model's program stands for; regressor: trained on what `run_float_states` gives.
    """
    places, listener, section = np.array(_checked_origins(model, data, origins)), model.listener, model.readout
    frame, channels, many = steps_of_frame(listener), data.channels, len(places)
    length = (places[-1] + steps) * frame + 1
    columns = np.concatenate([np.arange(network.neurons)[network.columns(name)] for name in section.populations])
    graded = graded_populations(model.program)
    forgets = np.concatenate([np.full(network.sizes[name], name in graded) for name in section.populations])
    keep = np.where(forgets, 0.0, np.exp(-network.dt_ms / section.features.tau_ms))
    states, forecasts = np.zeros((many, len(columns))), np.zeros((many, steps, channels))
    frames, entering = np.zeros((many, channels)), np.zeros((many, frame, network.channels), np.int16)

    def feed(rows: NDArray[np.int64], spikes: Messages | Floats) -> Messages:
        who, (k, step) = rows // length, divmod(int(rows[0] % length), frame)
        states[who] = keep * states[who] + spikes[:, columns]
        if step == 0:
            given = Frames(frames[who], np.arange(len(who)), source="frame")
            ahead = k - 1 - places[who]  # of the frame before, which has reached the states now
            due = (ahead >= 0) & (ahead < steps)
            answers = predict(regressor, finished_in_floats(listener, section, states[who], given))
            forecasts[who[due], ahead[due]] = answers[due]
            fed = forecasts[who, np.clip(ahead, 0, steps - 1)]
            frames[who] = np.where((ahead >= 0)[:, None], fed, data.frames[min(k, len(data.frames) - 1)])
            given = Frames(frames[who], np.arange(len(who)), source="frame")
            spikes_in = encode(listener.input, listener.ranges, given, network.dt_ms, listener.seed).spikes
            entering[who] = spikes_in.reshape(len(who), frame, -1)
        enters: Messages = entering[who, step]
        return enters

    silent = Stimulus(np.zeros((many * length, network.channels), np.int8), np.arange(many) * length)
    with silence():  # about forecasts beyond the input's range, which `free_run` tells of
        run_float(network, silent, feed=feed)
    return forecasts


def _checked_origins(model: RegressionModel, data: Frames, origins: Sequence[int] | None) -> list[int]:
    require_type(model, RegressionModel, "model", "read one with `load_model`, or `train_regression` it")
    require_type(data, Frames, "data", "read them with `load_frames`")
    section = model.readout
    if section.target != "signal" or section.horizon != 1:
        what = f"it answers {'the signal' if section.target == 'signal' else 'targets'}, {section.horizon} frames later"
        hint = "train one with `readout: {target: signal, horizon: 1}`"
        raise LsmError(f"{what}, and only the next frame can be fed back", where="model", hint=hint)
    places = [len(data.frames) - 1] if origins is None else list(origins)
    if data.samples != 1 or not places or mistake_in(np.array(places), len(data.frames), "ascending"):
        what = f"origins {places} are not ascending frames of one sample of {len(data.frames)}"
        raise LsmError(what, where=data.source, hint="give one series, and the numbers of frames in it")
    _check_encoder(model)
    return places


def _check_encoder(model: RegressionModel) -> None:
    encoder = model.listener.input.encoder
    random = isinstance(encoder, Rate) or (isinstance(encoder, GaussianPopulation) and encoder.code == "rate")
    if isinstance(encoder, SendOnDelta) or random:
        assert encoder is not None
        why = "looks back at the frames before" if isinstance(encoder, SendOnDelta) else "is random"
        what = f"the encoder {encoder.kind} {why}: a frame cannot be encoded by itself"
        raise LsmError(what, where="input", hint="use graded, latency, or gaussian_population with `code: latency`")
