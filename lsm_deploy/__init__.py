"""Compile spiking liquids to Loihi 2's integers, run them bit for bit, and prove that the backends agree.

    import lsm_deploy as ld

    spec = ld.load("configs/japanese_vowels.yaml")
    program = ld.compile_spec(spec).program
    stimulus = ld.poisson_stimulus(program.network.channels, steps=1000, rate_hz=50.0, dt_ms=spec.dt_ms, seed=0)
    ours, brian = (ld.run(name, program, stimulus, ("u", "v")) for name in ("emulator", "brian"))
    print(ld.compare(program, ours, brian, ("u", "v")).equal)
    print(ld.evaluate(spec).liquid.accuracy)

The command line is written on these functions. A user's mistake raises `LsmError`.
"""

from lsm_deploy.backend import run, start
from lsm_deploy.data import Frames, load_frames
from lsm_deploy.diagnose import Diagnosis, diagnose
from lsm_deploy.encode import poisson_stimulus
from lsm_deploy.errors import LsmError
from lsm_deploy.evaluate import Evaluation, evaluate
from lsm_deploy.ir import Program, Stimulus, Trace
from lsm_deploy.model import Model, load_model, predict, save_model, train
from lsm_deploy.parity import Verdict, compare
from lsm_deploy.pipeline import Compiled, compile_network, compile_spec
from lsm_deploy.reference import FloatTrace, run_float
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
from lsm_deploy.streaming import stream

__all__ = [
    "Compiled",
    "Diagnosis",
    "Evaluation",
    "FloatTrace",
    "Frames",
    "LsmError",
    "Model",
    "Program",
    "Spec",
    "Stimulus",
    "Trace",
    "Verdict",
    "compare",
    "compile_network",
    "compile_spec",
    "diagnose",
    "evaluate",
    "load",
    "load_frames",
    "load_model",
    "load_program",
    "load_state",
    "load_stimulus",
    "load_trace",
    "poisson_stimulus",
    "predict",
    "program_id",
    "run",
    "run_float",
    "save_model",
    "save_program",
    "save_state",
    "save_stimulus",
    "save_trace",
    "start",
    "stream",
    "train",
]
