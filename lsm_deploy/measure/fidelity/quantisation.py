"""What quantisation did to a liquid, all of it: spikes, dynamics and accuracy, and how few bits would do."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from lsm_deploy.compile.pipeline import DEFAULT, Compiled, compile_built
from lsm_deploy.core.boards import BOARDS, NOWHERE
from lsm_deploy.core.errors import LsmError, require_type
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.progress import Stages, silent
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import front
from lsm_deploy.learn.deployable import Compilable, Deployable, compile_any, stimulus_for
from lsm_deploy.measure.fidelity.bits import Bound, Fitted, fit_bits
from lsm_deploy.measure.fidelity.side_by_side import Baseline, Fidelity, baseline_of, measure_fidelity
from lsm_deploy.measure.fidelity.transfer import FloatReadout, Transfer, measure_transfer, teach
from lsm_deploy.run.extremes import warn_of_extremes
from lsm_deploy.spec.schema import Quantise, Readout

__all__ = ["SAMPLES", "Quantisation", "fit_weight_bits", "measure_quantisation"]

SAMPLES = 50
"""Samples that spikes are compared on, of more; accuracy is that of all."""


@dataclass(frozen=True, eq=False, repr=False)
class Quantisation(Reported):
    """The float liquid and the deployed one.

    baseline, fidelity: on a stimulus. float_readout, transfer: on the spec's data; None where it has none, or no
    readout. how: it was quantised.
    """

    compiled: Compiled
    how: Quantise
    baseline: Baseline
    fidelity: Fidelity
    float_readout: FloatReadout | None
    transfer: Transfer | None


def measure_quantisation(source: Compilable, stimulus: Stimulus | None = None, stages: Stages = silent) -> Quantisation:
    """Run a liquid in floats and as it is deployed, on the stimulus or the first samples of the spec's test data.

    A program is an LsmError: its floats are gone.
    """
    made = compile_any(source)
    compiled = made.compiled
    if compiled is None:
        raise LsmError("this is compiled already: its floats are gone", where=made.source, hint="give a spec")
    if stimulus is None:
        stimulus, _ = stimulus_for(made, samples=SAMPLES)
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or leave it out")
    with stages("the float liquid") as progress:
        baseline = baseline_of(compiled.network, stimulus, made.seed, progress=progress)
    fidelity = measure_fidelity(baseline, compiled.program)
    warn_of_extremes(compiled.program, fidelity.deployed.spikes, stimulus)
    float_readout = _teach(made, compiled, stages)
    transfer = measure_transfer(float_readout, compiled.program) if float_readout else None
    how = made.spec.quantise if made.spec is not None else DEFAULT
    return Quantisation(compiled, how, baseline, fidelity, float_readout, transfer)


def fit_weight_bits(
    quantisation: Quantisation, bound: Bound, stages: Stages = silent, *, executor: Executor | None = None
) -> Fitted:
    """The fewest bits a weight at which the liquid keeps the bound, on the same stimulus and data.

    More bits than it has now may not fit its board: what is tried is placed nowhere, and it is said what would fit.
    executor: where each number of bits is tried; here, one after another, if none is given.
    """
    require_type(quantisation, Quantisation, "first argument", "make one with `measure_quantisation`")
    require_type(bound, Bound, "bound", "give a `Bound`")
    board = BOARDS[quantisation.compiled.program.target]
    compile_again = partial(compile_built, board=NOWHERE.name, how=quantisation.how)
    baseline, readout = quantisation.baseline, quantisation.float_readout
    with stages("fitting bits") as progress:
        return fit_bits(compile_again, bound, baseline, readout, progress, board, executor)


def _teach(made: Deployable, compiled: Compiled, stages: Stages) -> FloatReadout | None:
    spec = made.spec
    if spec is None or spec.data is None or not spec.data.named or not isinstance(spec.readout, Readout):
        return None
    train, test = front.load_data(spec)
    with stages("training on the float liquid") as progress:
        return teach(spec, compiled.network, compiled.program, train, test, progress)
