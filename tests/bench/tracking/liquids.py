"""Liquids that track: what each kind is shown of the events, the candidates of it, and the forecasts of those chosen.

A spiking liquid takes events as spikes, and is read as traces of its spikes; a graded one takes the number of events of
each channel in a frame. `encoded` is the readout on traces of the events themselves. Each kind has its candidates, one
of which is taken by the error of the deployed integers on training sequences that are held out, in turn; liquids that
answer have other seeds than the one that was chosen with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

import lsm_deploy as ld
from bench.tracking.filters import AHEAD, FIRST
from bench.tracking.scenes import FRAME_MS, SENSOR, Recording
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.regression.integer import FEATURE_BITS, answer
from lsm_deploy.learn.regression.linear import Regressor, fit, quantised, to_bits
from lsm_deploy.learn.regression.pairs import pairs_of
from lsm_deploy.learn.regression.states import run_states, steps_of_frame
from lsm_deploy.learn.regression.traces import TRACE_BITS, traces
from lsm_deploy.measure.evaluation.liquids import without_recurrence
from lsm_deploy.spec.schema import Regression

__all__ = ["GRID", "Candidate", "chosen", "forecasts", "frames_of", "section_of", "spec_of"]

Candidate = Mapping[str, float]
POOL = 2
"""Pixels along x and y that a channel gathers; of either polarity there are channels of their own."""
CHANNELS = (SENSOR // POOL) ** 2 * 2
MOST = 4.0
"""Events of a channel in a frame, beyond which a graded input is cut off."""


def _grid(**values: tuple[float, ...]) -> list[Candidate]:
    return [dict(zip(values, each, strict=True)) for each in product(*values.values())]


GRID: dict[str, list[Candidate]] = {
    "spiking": _grid(weight=(0.05, 0.15), tau_mem=(20.0, 60.0), recurrent=(0.01, 0.04), tau=(30.0, 100.0)),
    "graded": _grid(weight=(0.1, 0.4), leak_rate=(0.05, 0.2, 0.6), radius=(0.5, 0.95)),
    "encoded": _grid(tau=(10.0, 20.0, 30.0, 60.0, 100.0, 200.0)),
}
"""All that was tried of each kind: written down before any error was seen, and not changed after."""


def frames_of(recording: Recording) -> Frames:
    """The events of each channel in each frame `[frame, channel]`, sequences end to end, and where the object is."""
    sequences, frames = recording.hidden.shape
    few = SENSOR // POOL
    pooled = recording.events.reshape(sequences, frames, few, POOL, few, POOL, 2).sum(axis=(3, 5))
    return make_frames(
        pooled.reshape(sequences * frames, CHANNELS).astype(np.float64),
        frames * np.arange(sequences),
        targets=recording.centres.reshape(-1, 2),
        target_names=("x", "y"),
    )


def spec_of(kind: str, candidate: Candidate, size: int, seed: int) -> ld.Spec:
    """The spec of a liquid; of `encoded` one whose liquid is not asked."""
    c = {**GRID["spiking"][0], **candidate} if kind == "encoded" else candidate
    return ld.Spec.from_dict((_graded if kind == "graded" else _spiking)(c, size, seed))


def _readout(tau: float) -> dict[str, Any]:
    return {
        "population": "liquid",
        "target": "targets",
        "horizon": AHEAD,
        "washout": FIRST,
        "features": {"kind": "states", "tau_ms": tau},
        "regularisation": [0.1, 1.0, 10.0, 100.0, 1000.0, 1e4],
    }


def _spiking(c: Candidate, size: int, seed: int) -> dict[str, Any]:
    w, r = c["weight"], c["recurrent"]
    mixed = {"distribution": "uniform", "low": -w, "high": 2 * w}
    return {
        "dt_ms": 1.0,
        "seed": seed,
        "input": {"channels": CHANNELS, "encoder": {"kind": "spikes", "frame_ms": FRAME_MS}},
        "populations": {
            "liquid": {
                "size": size,
                "inhibitory_fraction": 0.2,
                "neuron": {
                    "kind": "LIF",
                    "tau_mem_ms": {"distribution": "lognormal", "mean": c["tau_mem"], "std": c["tau_mem"] / 2},
                    "tau_syn_ms": 10.0,
                },
            }
        },
        "projections": [
            {
                "source": "input",
                "target": "liquid",
                "topology": {"kind": "erdos_renyi", "in_degree": 12},
                "weight": mixed,
                "delay_ms": {"distribution": "uniform", "low": 1.0, "high": 40.0},
            },
            {
                "source": "liquid",
                "target": "liquid",
                "topology": {"kind": "erdos_renyi", "in_degree": 10},
                "weight": {"EE": r, "EI": r, "IE": 2 * r, "II": 2 * r},
                "delay_ms": {"distribution": "uniform", "low": 1.0, "high": 40.0},
            },
        ],
        "readout": _readout(c["tau"]),
    }


def _graded(c: Candidate, size: int, seed: int) -> dict[str, Any]:
    w = c["weight"]
    return {
        "dt_ms": FRAME_MS,
        "seed": seed,
        "input": {
            "channels": CHANNELS,
            "encoder": {"kind": "graded", "frame_ms": FRAME_MS, "range": [-MOST, MOST]},
        },
        "populations": {
            "liquid": {
                "size": size,
                "neuron": {
                    "kind": "GradedLI",
                    "activation": "tanh",
                    "leak_rate": c["leak_rate"],
                    "bias": {"distribution": "uniform", "low": -0.2, "high": 0.2},
                },
            }
        },
        "projections": [
            {
                "source": "input",
                "target": "liquid",
                "topology": {"kind": "all_to_all"},
                "weight": {"distribution": "uniform", "low": -w, "high": w},
            },
            {
                "source": "liquid",
                "target": "liquid",
                "topology": {"kind": "erdos_renyi", "probability": 0.1},
                "weight": {"distribution": "normal", "mean": 0.0, "std": 1.0},
                "spectral_radius": c["radius"],
            },
        ],
        "readout": _readout(30.0),
        "target": {"board": "none"},
    }


def section_of(spec: ld.Spec) -> Regression:
    assert isinstance(spec.readout, Regression)
    return spec.readout


# --- training and answering ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Tracker:
    """A listener whose states are read, or, where it is encoded, the traces of what enters it."""

    listener: Listener
    section: Regression
    encoded: bool = False

    def features(self, data: Frames) -> Any:
        if not self.encoded:
            return run_states(self.listener, self.section, data).features
        frame, dt = steps_of_frame(self.listener), self.listener.program.network.dt_ms
        read = []
        for stimulus in self.listener.stimuli(data):
            # Traces are read in the first step of the next frame, whose events are not to be seen yet: all come a step
            # later, as they reach neurons.
            later = np.insert(stimulus.spikes, stimulus.starts, 0, axis=0)
            starts = stimulus.starts + np.arange(len(stimulus.starts))
            read.append(traces(later, starts, frame, self.section.features.tau_ms, dt))
        return np.concatenate(read) << FEATURE_BITS - TRACE_BITS

    def trained(self, data: Frames) -> Regressor:
        pairs = pairs_of(data, self.section)
        deployed = to_bits(self.section.weight_bits)
        return fit(self.features(data)[pairs.rows], pairs.targets, self.section, self.section.horizon, deployed)

    def forecasts(self, regressor: Regressor, data: Frames) -> Floats:
        """Of each frame that is answered `[sequence, frame, 2]`."""
        integers = quantised(regressor, to_bits(self.section.weight_bits))
        return answer(integers, self.features(data)[pairs_of(data, self.section).rows]).reshape(data.samples, -1, 2)


def _tracker(kind: str, candidate: Candidate, size: int, seed: int, train: Frames) -> _Tracker:
    spec = spec_of(kind, candidate, size, seed)
    return _Tracker(listen(spec, train, compile_spec(spec).program), section_of(spec), kind == "encoded")


def chosen(kind: str, size: int, seed: int, train: Frames) -> Candidate:
    """The candidate of a kind with the least error on held-out blocks of these sequences."""
    errors = [_tracker(kind, each, size, seed, train).trained(train).error for each in GRID[kind]]
    return GRID[kind][int(np.argmin(errors))]


def forecasts(kind: str, candidate: Candidate, size: int, seed: int, train: Frames, test: Frames) -> dict[str, Floats]:
    """What a liquid of this seed answers, and with its recurrence cut: by name, `[sequence, frame, 2]`."""
    whole = _tracker(kind, candidate, size, seed, train)
    trackers = {kind: whole}
    if kind != "encoded":
        cut = without_recurrence(whole.listener.program)
        assert cut is not None
        trackers[f"{kind}, cut"] = replace(whole, listener=replace(whole.listener, program=cut))
    return {name: tracker.forecasts(tracker.trained(train), test) for name, tracker in trackers.items()}
