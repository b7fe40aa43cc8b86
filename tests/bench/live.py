"""What a beat, or a frame, takes a model that listens, from the value to the scores: `make live`.

Beside it the old way, in turns with it: the frame is made into data, encoded, run and read by what does so for whole
samples. Both give the same scores, or this fails. Values are made up: what a frame takes hardly depends on them.

    beats     32 spiking neurons, 10 steps a beat, counts of 128 beats      configs/atrial_fibrillation.yaml
    words     600 spiking neurons, 2 steps a frame, counts in eighths       configs/spoken_digits.yaml, its frames
    forecast  300 tanh units, 1 step a frame, states and their squares      configs/laser.yaml
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.page import machine
from bench.workers import ROOT
from lsm_deploy.data import make_frames
from lsm_deploy.data.encoders import encode
from lsm_deploy.data.front.online import BeatsIn
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import OnHost
from lsm_deploy.learn.regression.integer import answer
from lsm_deploy.learn.regression.states import finished
from lsm_deploy.learn.runs import read
from lsm_deploy.report.blocks import table
from lsm_deploy.report.text import to_text
from lsm_deploy.spec.schema import BeatsFrontEnd, Readout, Regression

Floats = NDArray[np.float64]
Ask = Callable[[Any], Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description="what a frame takes, live")
    parser.add_argument("--frames", type=int, default=20000)
    frames = parser.parse_args().frames
    rows = []
    for name, what, case in (("beats", "beat", beats), ("words", "frame", words), ("forecast", "frame", forecast)):
        live, old, values = case(frames)
        took = timed(live, old, values)
        for way, seconds in zip(("live", "the old way"), took, strict=True):
            quantiles = np.quantile(1e6 * seconds, [0.5, 0.99, 0.999])
            rows.append((name, what, way, *(f"{each:.0f}" for each in quantiles)))
    print(f"{machine()}; µs, {frames} of each after {WARM}\n")
    print(to_text([table(["model", "each", "way", "median", "99 %", "99.9 %"], rows)], str))


WARM = 300


def timed(live: Ask, old: Ask, values: Any) -> tuple[Floats, Floats]:
    """Seconds of each value, both ways, some hundred values in turn; the first `WARM` are not counted."""
    took: tuple[list[float], list[float]] = ([], [])
    for first in range(0, len(values), WARM):
        given = []
        for ask, seconds in zip((live, old), took, strict=True):
            for value in values[first : first + WARM]:
                begun = time.perf_counter()
                scores = ask(value)
                seconds.append(time.perf_counter() - begun)
            given.append(np.array(scores))
        if not np.array_equal(*given):
            raise ValueError(f"scores are {given[0]}, and the old way {given[1]}")
    return np.array(took[0][WARM:]), np.array(took[1][WARM:])


def beats(many: int) -> tuple[Ask, Ask, list[float]]:
    """A window of beats is read of an endless run."""
    spec = ld.load(ROOT / "configs" / "atrial_fibrillation.yaml")
    assert isinstance(spec.front_end, BeatsFrontEnd)
    rng = np.random.default_rng(1)
    size = spec.front_end.window_beats
    train = make_frames(0.1 * rng.normal(size=(12 * size, 3)), size * np.arange(12), list("ab" * 6))
    model = ld.train(_quick(spec), train)
    coming = BeatsIn(spec.front_end)
    counted = _counted(model, size)
    rr = np.clip(0.8 + 0.1 * rng.normal(size=many + WARM), 0.3, 2.0).tolist()
    return model.start().push, lambda value: counted(next(coming.take(value))), rr


def words(many: int) -> tuple[Ask, Ask, Floats]:
    """A word of 60 frames, again and again without a rest."""
    spec = replace(ld.load(ROOT / "configs" / "spoken_digits.yaml"), front_end=None)
    values = np.random.default_rng(2).normal(size=(many + WARM, spec.input.channels))
    train = make_frames(values[:1200], 60 * np.arange(20), list("ab" * 10))
    model = ld.train(_quick(spec), train)
    return model.start().step, _counted(model, 60), values


def forecast(many: int) -> tuple[Ask, Ask, Floats]:
    """The step after each frame is looked at: by hand, the session is saved and set back."""
    spec = ld.load(ROOT / "configs" / "laser.yaml")
    assert isinstance(spec.readout, Regression)
    values = np.random.default_rng(3).uniform(0, 255, (many + WARM, 1))
    section = replace(spec.readout, regularisation=(1.0,))
    model = ld.train_regression(replace(spec, readout=section), make_frames(values[:1500], np.zeros(1, np.int64)))
    listener, network = model.listener, model.program.network
    session, columns = ld.start("fast", model.program), network.columns("reservoir")

    def by_hand(frame: Floats) -> Floats:
        data = make_frames(frame[None], np.zeros(1, np.int64))
        for row in encode(listener.input, listener.ranges, data, network.dt_ms, listener.seed).spikes:
            session.step(row)
        before = session.save()
        sent = session.step(np.zeros(network.channels, np.int8))[columns].astype(np.int64)
        session.restore(before)
        return answer(model.integers, finished(listener, section, sent[None], data))[0]

    return model.start().step, by_hand, values


def _counted(model: ld.Model[OnHost], window: int) -> Ask:
    """Scores of the spikes of the last frames, by hand."""
    listener, network, integers = model.listener, model.program.network, model.answerer.integers
    session, spikes = ld.start("fast", model.program), deque[Any](maxlen=window)

    def by_hand(frame: Floats) -> Any:
        data = make_frames(frame[None], np.zeros(1, np.int64))
        given = encode(listener.input, listener.ranges, data, network.dt_ms, listener.seed)
        spikes.append(read(model.program, session.run(given.spikes)[0], model.readout))
        held, start = np.concatenate(spikes), np.zeros(1, np.int64)
        return readouts.scores(integers, readouts.extract_features(held, start, model.readout, network.dt_ms))[0]

    return by_hand


def _quick(spec: ld.Spec) -> ld.Spec:
    assert isinstance(spec.readout, Readout)
    return replace(spec, readout=replace(spec.readout, regularisation=(1.0,), folds=2, centre="none"))


if __name__ == "__main__":
    main()
