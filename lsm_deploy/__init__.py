"""Compile spiking liquids to Loihi 2's integers, run them bit for bit, and prove that the backends agree.

    import lsm_deploy as ld

    spec = ld.load("configs/japanese_vowels.yaml")
    program = ld.compile_spec(spec).program
    stimulus = ld.poisson_stimulus(program.network.channels, steps=1000, rate_hz=50.0, dt_ms=spec.dt_ms, seed=0)
    ours, brian = (ld.run_program(name, program, stimulus, ("u", "v")) for name in ("emulator", "brian"))
    print(ld.compare(program, ours, brian, ("u", "v")).equal)
    print(ld.evaluate(spec).liquid.accuracy)

The command line is written on these functions. A user's mistake raises `LsmError`.
"""

from typing import TYPE_CHECKING, Any

from lsm_deploy.compile.pipeline import Compiled, compile_network, compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.data import Audio, Beats, Events, Frames, load_frames, load_raw, splits, subset
from lsm_deploy.data.encoders import poisson_stimulus
from lsm_deploy.data.front import to_frames
from lsm_deploy.learn.model import Model, OnChip, load_model, predict, save_model, scores, train
from lsm_deploy.learn.onchip import OnChipAccuracy, on_chip_accuracy, train_on_chip
from lsm_deploy.measure.diagnosis import Diagnosis, diagnose
from lsm_deploy.measure.evaluation import Across, Evaluation, evaluate, evaluate_across
from lsm_deploy.parity.compare import Verdict, compare
from lsm_deploy.run.backends import run_program, start
from lsm_deploy.run.reference import FloatTrace, run_float
from lsm_deploy.run.streaming import stream
from lsm_deploy.spec import Spec, load
from lsm_deploy.store import (
    load_program,
    load_state,
    load_stimulus,
    load_trace,
    program_id,
    save_program,
    save_state,
    save_stimulus,
    save_trace,
)
from lsm_deploy.tune import tune_gains
from lsm_deploy.tune.trials import search

if TYPE_CHECKING:
    from lsm_deploy.learn.estimators import LiquidClassifier, LiquidFeatures, OnlineRegressor, SpikeReadout

__all__ = [
    "Across",
    "Audio",
    "Beats",
    "Compiled",
    "Diagnosis",
    "Evaluation",
    "Events",
    "FloatTrace",
    "Frames",
    "LiquidClassifier",
    "LiquidFeatures",
    "LsmError",
    "Model",
    "OnChip",
    "OnChipAccuracy",
    "OnlineRegressor",
    "Program",
    "Spec",
    "SpikeReadout",
    "Stimulus",
    "Trace",
    "Verdict",
    "compare",
    "compile_network",
    "compile_spec",
    "diagnose",
    "evaluate",
    "evaluate_across",
    "load",
    "load_frames",
    "load_model",
    "load_program",
    "load_raw",
    "load_state",
    "load_stimulus",
    "load_trace",
    "on_chip_accuracy",
    "poisson_stimulus",
    "predict",
    "program_id",
    "run_float",
    "run_program",
    "save_model",
    "save_program",
    "save_state",
    "save_stimulus",
    "save_trace",
    "scores",
    "search",
    "splits",
    "start",
    "stream",
    "subset",
    "to_frames",
    "train",
    "train_on_chip",
    "tune_gains",
]

_ESTIMATORS = ("LiquidClassifier", "LiquidFeatures", "OnlineRegressor", "SpikeReadout")


def __getattr__(name: str) -> Any:
    # scikit-learn takes longer to import than most commands do.
    if name in _ESTIMATORS:
        from lsm_deploy.learn import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
