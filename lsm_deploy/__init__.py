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

import importlib
from typing import TYPE_CHECKING

from lsm_deploy.core import begun as _begun  # noqa: F401 - before what it dates
from lsm_deploy.core.shown import Reports as _Reports
from lsm_deploy.core.shown import report_by as _report_by

# A name is imported when it is first asked for: all of them at once take longer than most programs that use one.
_NAMES = {
    "lsm_deploy.compile.pipeline": ("Compiled", "compile_built", "compile_network", "compile_spec"),
    "lsm_deploy.core.errors": ("LsmError",),
    "lsm_deploy.core.ir": ("Program", "Stimulus", "Trace"),
    "lsm_deploy.data.encoders": ("poisson_stimulus",),
    "lsm_deploy.data.frame_files": ("load_frames",),
    "lsm_deploy.data.front": ("to_frames",),
    "lsm_deploy.data.load": ("load_raw",),
    "lsm_deploy.data.raw": ("Audio", "Beats", "Events", "Frames", "subset"),
    "lsm_deploy.data.series": ("load_series", "neurobench_series"),
    "lsm_deploy.data.split": ("splits",),
    "lsm_deploy.data.templates": ("write_template",),
    "lsm_deploy.formats.account": ("Line", "Reading"),
    "lsm_deploy.exchange.deployed": ("Deployed", "Samples", "Stage", "Trial", "deploy", "load_samples"),
    "lsm_deploy.exchange.imported": ("Imported", "states_of", "stimulus_of"),
    "lsm_deploy.formats.lava_dl.notes": ("export_net",),
    "lsm_deploy.exchange.lava_folder": ("export_for_lava",),
    "lsm_deploy.exchange.matrices": ("from_matrices",),
    "lsm_deploy.exchange.networks": ("read_network",),
    "lsm_deploy.exchange.reservoirpy_nodes": ("from_reservoirpy",),
    "lsm_deploy.formats.nir_files.writer": ("export_nir",),
    "lsm_deploy.exchange.c_files.folder": ("export_c",),
    "lsm_deploy.exchange.sanafe": ("export_sanafe",),
    "lsm_deploy.exchange.spec_folder": ("save_as_spec",),
    "lsm_deploy.exchange.torch_modules": ("from_ode", "from_torch"),
    "lsm_deploy.exchange.weight_files": ("from_file",),
    "lsm_deploy.learn.deployable": (
        "Deployable",
        "check_board",
        "check_spec",
        "compile_any",
        "quantise_any",
        "stimulus_for",
    ),
    "lsm_deploy.learn.estimators": (
        "LiquidClassifier",
        "LiquidFeatures",
        "OnlineRegressor",
        "SpikeReadout",
    ),
    "lsm_deploy.learn.files": ("inspect_file", "open_any"),
    "lsm_deploy.learn.listener": ("Listener", "listen"),
    "lsm_deploy.learn.live": ("Live", "LiveState", "Spotted", "Spotter", "Streams"),
    "lsm_deploy.learn.model": (
        "Model",
        "OnChip",
        "OnHost",
        "load_model",
        "predict",
        "probabilities",
        "save_model",
        "scores",
        "train",
    ),
    "lsm_deploy.learn.regression.estimator": ("LiquidRegressor",),
    "lsm_deploy.learn.regression.following": ("follow", "free_run"),
    "lsm_deploy.learn.regression.metrics": ("nrmse", "r2", "smape"),
    "lsm_deploy.learn.regression.model": ("RegressionModel", "forecast", "train_regression"),
    "lsm_deploy.learn.predicting": ("Predictions", "predictions"),
    "lsm_deploy.learn.onchip": ("OnChipAccuracy", "on_chip_accuracy", "train_on_chip"),
    "lsm_deploy.learn.on_streams": ("train_on_streams",),
    "lsm_deploy.measure.certification": ("Certification", "certify_any"),
    "lsm_deploy.measure.cost.resources": ("Resources", "count_resources"),
    "lsm_deploy.measure.diagnosis": ("Diagnosis", "diagnose"),
    "lsm_deploy.measure.evaluation": ("Across", "Evaluation", "evaluate", "evaluate_across", "evaluate_one"),
    "lsm_deploy.measure.faults.table": ("faulty_program", "faulty_stimulus"),
    "lsm_deploy.measure.fidelity.bits": ("Bound", "Fitted"),
    "lsm_deploy.measure.fidelity.quantisation": ("Quantisation", "fit_weight_bits", "measure_quantisation"),
    "lsm_deploy.measure.judgement": ("Judgement", "judge"),
    "lsm_deploy.measure.regression": ("FreeRun", "RegressionEvaluation", "evaluate_regression", "measure_free"),
    "lsm_deploy.parity.compare": ("Verdict", "compare"),
    "lsm_deploy.parity.conformance.check": ("Conformance", "conform"),
    "lsm_deploy.parity.conformance.lavadl": ("import_lava_dl",),
    "lsm_deploy.parity.conformance.nir": ("import_nir",),
    "lsm_deploy.parity.conformance.recording": ("Recording", "load_recordings", "save_recording"),
    "lsm_deploy.parity.investigation": (
        "Comparison",
        "Sides",
        "SmallCase",
        "Suspect",
        "compare_sides",
        "explain_sides",
        "prepare_sides",
        "shrink_side",
    ),
    "lsm_deploy.parity.suite": ("Check", "Suite", "record_promises", "run_suites"),
    "lsm_deploy.report.html.render": ("save_page",),
    "lsm_deploy.report.manual": ("manual_page",),
    "lsm_deploy.report.page": ("Page", "page_of"),
    "lsm_deploy.report.schemas": ("json_schema",),
    "lsm_deploy.run.backends": ("Session", "run_program", "start"),
    "lsm_deploy.run.cluster": ("workers",),
    "lsm_deploy.run.installation": ("Finding", "examine"),
    "lsm_deploy.run.recorded": ("trace_of",),
    "lsm_deploy.run.reference": ("FloatTrace", "run_float"),
    "lsm_deploy.run.streaming": ("stream",),
    "lsm_deploy.spec.read": ("load", "loads"),
    "lsm_deploy.spec.schema": ("Spec",),
    "lsm_deploy.spec.write": ("dumps",),
    "lsm_deploy.store.programs": ("load_program", "program_id", "save_program"),
    "lsm_deploy.store.recordings": ("load_stimulus", "load_trace", "save_stimulus", "save_trace"),
    "lsm_deploy.store.states": ("load_state", "save_state"),
    "lsm_deploy.tune.files": ("search_file", "tune_file"),
    "lsm_deploy.tune.gains": ("tune_gains",),
    "lsm_deploy.tune.nested": ("Nested", "evaluate_nested"),
    "lsm_deploy.tune.searches.trials": ("search",),
    "lsm_deploy.tune.sweeps.results": ("load_sweep",),
    "lsm_deploy.tune.sweeps.robustness": ("Robustness", "robustness"),
    "lsm_deploy.tune.sweeps.sweep": ("Sweep", "sweep"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted([*_MODULES, "__version__"])


def _reports() -> _Reports:
    from lsm_deploy.report import notebook

    return notebook


_report_by(_reports)  # values show themselves by the room above them, which is imported when one does

if TYPE_CHECKING:  # the same once more, for type checkers and editors
    # ruff: isort: off
    from lsm_deploy.compile.pipeline import (
        Compiled as Compiled,
        compile_built as compile_built,
        compile_network as compile_network,
        compile_spec as compile_spec,
    )
    from lsm_deploy.core.errors import LsmError as LsmError
    from lsm_deploy.core.ir import Program as Program, Stimulus as Stimulus, Trace as Trace
    from lsm_deploy.data.encoders import poisson_stimulus as poisson_stimulus
    from lsm_deploy.data.frame_files import load_frames as load_frames
    from lsm_deploy.data.front import to_frames as to_frames
    from lsm_deploy.data.load import load_raw as load_raw
    from lsm_deploy.data.raw import Audio as Audio, Beats as Beats, Events as Events, Frames as Frames, subset as subset
    from lsm_deploy.data.series import load_series as load_series, neurobench_series as neurobench_series
    from lsm_deploy.data.split import splits as splits
    from lsm_deploy.data.templates import write_template as write_template
    from lsm_deploy.formats.account import Line as Line, Reading as Reading
    from lsm_deploy.exchange.deployed import (
        Deployed as Deployed,
        Samples as Samples,
        Stage as Stage,
        Trial as Trial,
        deploy as deploy,
        load_samples as load_samples,
    )
    from lsm_deploy.exchange.imported import Imported as Imported, states_of as states_of, stimulus_of as stimulus_of
    from lsm_deploy.formats.lava_dl.notes import export_net as export_net
    from lsm_deploy.exchange.lava_folder import export_for_lava as export_for_lava
    from lsm_deploy.exchange.matrices import from_matrices as from_matrices
    from lsm_deploy.exchange.networks import read_network as read_network
    from lsm_deploy.exchange.reservoirpy_nodes import from_reservoirpy as from_reservoirpy
    from lsm_deploy.formats.nir_files.writer import export_nir as export_nir
    from lsm_deploy.exchange.c_files.folder import export_c as export_c
    from lsm_deploy.exchange.sanafe import export_sanafe as export_sanafe
    from lsm_deploy.exchange.spec_folder import save_as_spec as save_as_spec
    from lsm_deploy.exchange.torch_modules import from_ode as from_ode, from_torch as from_torch
    from lsm_deploy.exchange.weight_files import from_file as from_file
    from lsm_deploy.learn.deployable import (
        Deployable as Deployable,
        check_board as check_board,
        check_spec as check_spec,
        compile_any as compile_any,
        quantise_any as quantise_any,
        stimulus_for as stimulus_for,
    )
    from lsm_deploy.learn.estimators import (
        LiquidClassifier as LiquidClassifier,
        LiquidFeatures as LiquidFeatures,
        OnlineRegressor as OnlineRegressor,
        SpikeReadout as SpikeReadout,
    )
    from lsm_deploy.learn.files import inspect_file as inspect_file, open_any as open_any
    from lsm_deploy.learn.listener import Listener as Listener, listen as listen
    from lsm_deploy.learn.live import (
        Live as Live,
        LiveState as LiveState,
        Spotted as Spotted,
        Spotter as Spotter,
        Streams as Streams,
    )
    from lsm_deploy.learn.model import (
        Model as Model,
        OnChip as OnChip,
        OnHost as OnHost,
        load_model as load_model,
        predict as predict,
        probabilities as probabilities,
        save_model as save_model,
        scores as scores,
        train as train,
    )
    from lsm_deploy.learn.on_streams import train_on_streams as train_on_streams
    from lsm_deploy.learn.onchip import (
        OnChipAccuracy as OnChipAccuracy,
        on_chip_accuracy as on_chip_accuracy,
        train_on_chip as train_on_chip,
    )
    from lsm_deploy.learn.predicting import Predictions as Predictions, predictions as predictions
    from lsm_deploy.learn.regression.estimator import LiquidRegressor as LiquidRegressor
    from lsm_deploy.learn.regression.following import follow as follow, free_run as free_run
    from lsm_deploy.learn.regression.metrics import nrmse as nrmse, r2 as r2, smape as smape
    from lsm_deploy.learn.regression.model import (
        RegressionModel as RegressionModel,
        forecast as forecast,
        train_regression as train_regression,
    )
    from lsm_deploy.measure.certification import Certification as Certification, certify_any as certify_any
    from lsm_deploy.measure.cost.resources import Resources as Resources, count_resources as count_resources
    from lsm_deploy.measure.diagnosis import Diagnosis as Diagnosis, diagnose as diagnose
    from lsm_deploy.measure.evaluation import (
        Across as Across,
        Evaluation as Evaluation,
        evaluate as evaluate,
        evaluate_across as evaluate_across,
        evaluate_one as evaluate_one,
    )
    from lsm_deploy.measure.faults.table import faulty_program as faulty_program, faulty_stimulus as faulty_stimulus
    from lsm_deploy.measure.fidelity.bits import Bound as Bound, Fitted as Fitted
    from lsm_deploy.measure.fidelity.quantisation import (
        Quantisation as Quantisation,
        fit_weight_bits as fit_weight_bits,
        measure_quantisation as measure_quantisation,
    )
    from lsm_deploy.measure.judgement import Judgement as Judgement, judge as judge
    from lsm_deploy.measure.regression import (
        FreeRun as FreeRun,
        RegressionEvaluation as RegressionEvaluation,
        evaluate_regression as evaluate_regression,
        measure_free as measure_free,
    )
    from lsm_deploy.parity.compare import Verdict as Verdict, compare as compare
    from lsm_deploy.parity.conformance.check import Conformance as Conformance, conform as conform
    from lsm_deploy.parity.conformance.lavadl import import_lava_dl as import_lava_dl
    from lsm_deploy.parity.conformance.nir import import_nir as import_nir
    from lsm_deploy.parity.conformance.recording import (
        Recording as Recording,
        load_recordings as load_recordings,
        save_recording as save_recording,
    )
    from lsm_deploy.parity.investigation import (
        Comparison as Comparison,
        Sides as Sides,
        SmallCase as SmallCase,
        Suspect as Suspect,
        compare_sides as compare_sides,
        explain_sides as explain_sides,
        prepare_sides as prepare_sides,
        shrink_side as shrink_side,
    )
    from lsm_deploy.parity.suite import (
        Check as Check,
        Suite as Suite,
        record_promises as record_promises,
        run_suites as run_suites,
    )
    from lsm_deploy.report.html.render import save_page as save_page
    from lsm_deploy.report.manual import manual_page as manual_page
    from lsm_deploy.report.page import Page as Page, page_of as page_of
    from lsm_deploy.report.schemas import json_schema as json_schema
    from lsm_deploy.run.backends import Session as Session, run_program as run_program, start as start
    from lsm_deploy.run.cluster import workers as workers
    from lsm_deploy.run.installation import Finding as Finding, examine as examine
    from lsm_deploy.run.recorded import trace_of as trace_of
    from lsm_deploy.run.reference import FloatTrace as FloatTrace, run_float as run_float
    from lsm_deploy.run.streaming import stream as stream
    from lsm_deploy.spec.read import load as load, loads as loads
    from lsm_deploy.spec.schema import Spec as Spec
    from lsm_deploy.spec.write import dumps as dumps
    from lsm_deploy.store.programs import (
        load_program as load_program,
        program_id as program_id,
        save_program as save_program,
    )
    from lsm_deploy.store.recordings import (
        load_stimulus as load_stimulus,
        load_trace as load_trace,
        save_stimulus as save_stimulus,
        save_trace as save_trace,
    )
    from lsm_deploy.store.states import load_state as load_state, save_state as save_state
    from lsm_deploy.tune.files import search_file as search_file, tune_file as tune_file
    from lsm_deploy.tune.gains import tune_gains as tune_gains
    from lsm_deploy.tune.nested import Nested as Nested, evaluate_nested as evaluate_nested
    from lsm_deploy.tune.searches.trials import search as search
    from lsm_deploy.tune.sweeps.results import load_sweep as load_sweep
    from lsm_deploy.tune.sweeps.robustness import Robustness as Robustness, robustness as robustness
    from lsm_deploy.tune.sweeps.sweep import Sweep as Sweep, sweep as sweep

    __version__: str
else:

    def __getattr__(name):
        if name == "__version__":
            from importlib.metadata import version

            value = version("lsm-deploy")
        elif name in _MODULES:
            value = getattr(importlib.import_module(_MODULES[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__():
        return __all__
