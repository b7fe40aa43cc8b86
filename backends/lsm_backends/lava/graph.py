"""Build a network of Lava processes from a job, run it once from zero, and leave the result: `graph.py JOB_DIR`.

Stands alone: it runs under any Python that has lava-nc 0.10.0 (with its numpy and scipy), so it imports nothing of this
project but `any_python.py`, `models.py`, `graded_li` and `lif_subtract` beside it, and only `netx_graph.py` imports it.

    RingBuffer -> Sparse, DelaySparse -> LIF, TernaryLIF, ... -> RingBuffer        on the CPU
    RingBuffer -> PyToNxAdapter -> ... -> NxToPyAdapter -> RingBuffer              on a board
                                          Read <- u, v, ...                        registers, on the CPU only

Reads `job.json` and `arrays.npz` (what they hold: see `job.py`), writes `result.npz`: for neuron process number i
`spikes<i>` `[t, neuron]` int16, and `<register><i>` `[t, neuron]` int32.

Lava itself stays silent when a process model raises or a worker is killed, and waits forever; `_watch` reports both and
ends this process with status 70. Read from lava-nc 0.10.0: `magma/runtime/message_infrastructure/multiprocessing.py`.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import any_python  # type: ignore[import-not-found]  # noqa: F401 - before Lava
import numpy as np
from graded_li.process import GatedLI, GradedLI  # type: ignore[import-not-found]
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.atrlif.process import ATRLIF
from lava.proc.io.sink import AbstractPyRead, AbstractPyReceiveModel, Read
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF, LIFRefractory, LIFReset, TernaryLIF
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils.weightutils import SignMode
from lif_subtract.process import LIFSubtract  # type: ignore[import-not-found]
from models import ClearedAtrlif, ClearedTernaryLif, FixedLifRefractory  # type: ignore[import-not-found]
from scipy.sparse import csr_matrix

_stores: dict[int, np.ndarray[Any, Any]] = {}
"""By the id of a sink: the `[t, neuron]` array that it fills, shared with the worker that Lava forks for it.

`Var.get()` passes one number at a time between three processes, 15 us each: 45 s for 1000 neurons, 1000 steps, s, u, v.
"""


@implements(proc=Sink, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class SharedSink(AbstractPyReceiveModel):  # type: ignore[misc]
    """The stock sink, but for where it puts what it receives."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    data: Any = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        _stores[self.model_id][self.time_step - 1] = self.a_in.recv()


@implements(proc=Read, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class SharedRead(AbstractPyRead):  # type: ignore[misc]
    """The stock reader of a register after each step, but for where it puts what it reads."""

    state: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    data: Any = LavaPyType(np.ndarray, np.int32)

    def run_post_mgmt(self) -> None:
        _stores[self.model_id][self.time_step - 1] = self.state.read()


def main(folder: Path) -> None:
    """Run the job in `folder`."""
    caller = os.getppid()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}

    # A model is chosen for a class of processes: there is one process of each class, but for LIF, which is stock.
    models: dict[type[Any], type[Any]] = {Sink: SharedSink, Read: SharedRead}
    neurons = [_neurons(job, arrays, i, models) for i in range(len(job["neurons"]))]
    on_board = job["config"] == "loihi2"
    if on_board:
        models = {}
        _reserve_board(job)
    _connect(job, arrays, neurons, on_board)
    # Lava's compiler walks from process to process, a few calls deeper at each.
    sys.setrecursionlimit(sys.getrecursionlimit() + 10 * len(job["connections"]))
    sinks = _sinks(job, neurons, on_board)
    config = (Loihi2HwCfg if on_board else Loihi2SimCfg)(select_tag="fixed_pt", exception_proc_model_map=models)

    run_to_the_end(neurons[0], job["steps"], config, caller)
    results = {name: sink.data.get().T if on_board else recorded(sink) for name, sink in sinks.items()}
    for name, values in results.items():
        if name.startswith("refractory"):  # Lava keeps the last step of the period, and counts steps from 1
            results[name] = np.maximum(values - np.arange(1, len(values) + 1)[:, None], 0)
    save(folder, results)
    neurons[0].stop()


def run_to_the_end(network: Any, steps: int, config: Any, caller: int) -> None:
    """Run what a process is connected to; this process ends where Lava would wait forever, or nobody waits for it."""
    network.run(condition=RunSteps(num_steps=steps, blocking=False), run_cfg=config)
    finished = threading.Event()
    threading.Thread(target=_watch, args=(network, finished, caller), daemon=True).start()
    network.wait()
    finished.set()


def save(folder: Path, results: dict[str, Any]) -> None:
    """Leave the result: renamed into place, so that it is whole or absent."""
    np.savez(folder / "part.npz", **results)
    os.replace(folder / "part.npz", folder / "result.npz")


def _neurons(job: dict[str, Any], arrays: dict[str, Any], i: int, models: dict[type[Any], type[Any]]) -> Any:
    """Process number i; `models` is told of the model that it needs, where that is not Lava's own."""
    registers = {name: arrays[f"{name}{i}"] for name in job["neurons"][i]["registers"]}
    return RULES[job["neurons"][i]["kind"]](job, registers, models)


# One function a kind: from the job, the registers `[neuron]` by name and the models that are needed, to its process.


def _lif(job: dict[str, Any], registers: dict[str, Any], models: dict[type[Any], type[Any]]) -> Any:
    shape, interval = registers["bias_mant"].shape, job["reset_interval"]
    if job["config"] == "loihi2":
        # One value a process is what the chip's neuron groups hold; the CPU models take arrays of them as well.
        registers.update({name: int(registers[name][0]) for name in ("du", "dv", "vth")})
    if not interval:
        return LIF(shape=shape, **registers)
    return LIFReset(shape=shape, **registers, reset_interval=interval, reset_offset=job["reset_offset"])


def _ternary(job: dict[str, Any], registers: dict[str, Any], models: dict[type[Any], type[Any]]) -> Any:
    shape = registers["bias_mant"].shape
    made = TernaryLIF(shape=shape, **registers)
    # The process declares one threshold for all its neurons; its model takes what it is given.
    made.vth_hi.shape = made.vth_lo.shape = shape
    made.proc_params["reset_interval"] = job["reset_interval"]
    if job["reset_interval"]:
        models[TernaryLIF] = ClearedTernaryLif
    return made


def _refractory(job: dict[str, Any], registers: dict[str, Any], models: dict[type[Any], type[Any]]) -> Any:
    periods = registers.pop("refractory_period")
    made = LIFRefractory(shape=periods.shape, **registers)
    made.proc_params["refractory_periods"] = periods
    made.proc_params["reset_interval"] = job["reset_interval"]
    models[LIFRefractory] = FixedLifRefractory
    return made


def _subtract(job: dict[str, Any], registers: dict[str, Any], models: dict[type[Any], type[Any]]) -> Any:
    return LIFSubtract(shape=registers["bias_mant"].shape, **registers, reset_interval=job["reset_interval"])


def _atrlif(job: dict[str, Any], registers: dict[str, Any], models: dict[type[Any], type[Any]]) -> Any:
    # Lava multiplies decays by 4096: integers would overflow, even 0; multiples of 1/4096 are exact.
    decays = {name: registers.pop(name) / 4096.0 for name in ("delta_i", "delta_v", "delta_theta", "delta_r")}
    if (registers["theta_step"] == registers["theta_step"][0]).all():
        registers["theta_step"] = int(registers["theta_step"][0])
    if job["reset_interval"] or not isinstance(registers["theta_step"], int):
        models[ATRLIF] = ClearedAtrlif
    made = ATRLIF(shape=registers["bias_mant"].shape, **decays, **registers)
    made.proc_params["reset_interval"] = job["reset_interval"]
    return made


def _graded(job: dict[str, Any], registers: dict[str, Any], models: dict[type[Any], type[Any]]) -> Any:
    return GradedLI(registers=registers, tables=_tables(job), reset_interval=job["reset_interval"])


def _gated(job: dict[str, Any], registers: dict[str, Any], models: dict[type[Any], type[Any]]) -> Any:
    return GatedLI(registers=registers, tables=_tables(job), reset_interval=job["reset_interval"])


def _tables(job: dict[str, Any]) -> Any:
    return np.array([job["tanh"], job["ratio"]])


RULES = {
    "LIF": _lif,
    "TernaryLIF": _ternary,
    "LIFRefractory": _refractory,
    "LIFSubtract": _subtract,
    "ATRLIF": _atrlif,
    "GradedLI": _graded,
    "GatedLI": _gated,
}
"""By neuron kind; `job.KINDS` names the same, and refuses others before anything gets here."""


def _connect(job: dict[str, Any], arrays: dict[str, Any], neurons: list[Any], on_board: bool) -> None:
    stimulus = arrays["input"]  # [t, channel]
    source = None
    for i, connection in enumerate(job["connections"]):
        target = neurons[connection["target"]]
        if connection["source"] is None:
            source = source or _source(stimulus, on_board)
            port, sources = source, stimulus.shape[1]
        else:
            port, sources = neurons[connection["source"]].s_out, neurons[connection["source"]].s_out.shape[0]
        shape = (target.a_in.shape[0], sources)
        where = (arrays[f"post{i}"], arrays[f"pre{i}"])
        options: dict[str, Any] = {
            "weights": csr_matrix((arrays[f"weights{i}"].astype(np.int32), where), shape=shape),
            "num_weight_bits": connection["num_weight_bits"],
            "weight_exp": connection["weight_exp"],
            "sign_mode": SignMode[connection["sign_mode"].upper()],  # Lava would guess it from the weights
            "num_message_bits": int(connection["graded"]),  # a binary message has no sign, and no size
        }
        delays = arrays[f"delays{i}"].astype(np.int64)
        # Lava rebuilds a delayed connection's matrix in each step: those without delays are kept apart from it.
        if delays.any():
            process = DelaySparse(delays=csr_matrix((delays, where), shape=shape), **options)
        else:
            process = Sparse(**options)
        port.connect(process.s_in)
        process.a_out.connect(target.b_in if connection["port"] else target.a_in)


def _source(stimulus: Any, on_board: bool) -> Any:
    source = Source(data=np.ascontiguousarray(stimulus.T, np.int32))
    if not on_board:
        return source.s_out
    from lava.proc.embedded_io.spike import PyToNxAdapter  # Intel's: there is none on a CPU

    adapter = PyToNxAdapter(shape=source.s_out.shape)
    source.s_out.connect(adapter.inp)
    return adapter.out


def _sinks(job: dict[str, Any], neurons: list[Any], on_board: bool) -> dict[str, Any]:
    steps, sinks = job["steps"], {}
    for i, made in enumerate(neurons):
        if on_board:
            from lava.proc.embedded_io.spike import NxToPyAdapter

            adapter = NxToPyAdapter(shape=made.s_out.shape)
            made.s_out.connect(adapter.inp)
            sinks[f"spikes{i}"] = Sink(shape=made.s_out.shape, buffer=steps)
            adapter.out.connect(sinks[f"spikes{i}"].a_in)
            continue
        sinks[f"spikes{i}"] = Sink(shape=made.s_out.shape, buffer=1)
        made.s_out.connect(sinks[f"spikes{i}"].a_in)
        share(sinks[f"spikes{i}"], (steps, *made.s_out.shape), np.int16)
        for register in job["neurons"][i]["record"]:
            sinks[f"{register}{i}"] = Read(buffer=1)
            variable = "refractory_period_end" if register == "refractory" else register
            sinks[f"{register}{i}"].connect_var(getattr(made, variable))
            share(sinks[f"{register}{i}"], (steps, *made.s_out.shape), np.int32)
    return sinks


def recorded(sink: Any) -> Any:
    """What a sink was sent `[t, neuron]`, which `share` made room for."""
    return _stores[sink.id]


def share(sink: Any, shape: tuple[int, ...], dtype: type[Any]) -> None:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    _stores[sink.id] = np.frombuffer(mmap.mmap(-1, size), dtype).reshape(shape)


def _reserve_board(job: dict[str, Any]) -> None:
    from lava.utils import loihi

    generation = loihi.ChipGeneration[job["generation"]]
    if job["host"]:
        loihi.use_ethernet_host(job["host"], loihi_gen=generation)
        return
    # Lava 0.10.0 cannot look a board up (it trips over the empty line that ends what sinfo prints), so it is asked for
    # none, and the two variables that it would have set are set here.
    loihi.use_slurm_host(loihi_gen=generation)
    for name in ("board", "partition"):
        if job[name]:
            os.environ[name.upper()] = job[name]


def _watch(network: Any, finished: threading.Event, caller: int) -> None:
    """End this process when a worker raised or died, and all of its group when nobody waits for it any more."""
    workers = network.runtime._messaging_infrastructure.actors
    while not finished.wait(0.2):
        if os.getppid() != caller and os.getpgrp() == os.getpid():
            for folder in sys.argv[1:]:
                shutil.rmtree(folder, ignore_errors=True)
            os.killpg(os.getpgrp(), signal.SIGTERM)
        for worker in workers:
            if worker.exception:
                print(worker.exception[1], file=sys.stderr, flush=True)
            elif worker.exitcode:
                print(f"a worker of Lava ended with exit code {worker.exitcode}", file=sys.stderr, flush=True)
            else:
                continue
            time.sleep(0.2)  # for what other workers have to say
            os._exit(70)


def start(main: Any) -> None:
    """Run `main` on the folder that is this process's first argument; say what it raised, and end."""
    try:
        main(Path(sys.argv[1]))
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)  # an ordinary exit would first wait for workers that will never end


if __name__ == "__main__":
    start(main)
