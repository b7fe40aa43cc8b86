"""Other people's simulators: what their exporters write is read here, and what is written here is run there.

LSM_DEPLOY_SIMULATORS_PYTHON names the Pythons that have them, with colons between: some need an old `nir`, others a new
one. A tool is taken from the first in which it does most. Spikes are compared one by one with the tool's own, or with
the float network's; nothing is called equal that was not run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.page import MANUAL, insert
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Network, Population, Projection, Stimulus
from lsm_deploy.report.blocks import Block, Line, table
from lsm_deploy.report.markdown import to_markdown

VARIABLE = "LSM_DEPLOY_SIMULATORS_PYTHON"
EXPORTERS = ("snntorch", "spikingjelly", "norse", "sinabs", "rockpool")
READERS = ("snntorch", "spikingjelly", "norse")
HERE = Path(__file__).parent


def main() -> int:
    pythons = [each for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    if not pythons:
        print(f"left out: {VARIABLE} names no Python with {', '.join(EXPORTERS)} (see simulators.txt)")
        return 0
    with TemporaryDirectory() as folder:
        parts = {"simulators": _run(pythons, Path(folder)), "exporters": _exported(pythons, Path(folder))}
        made = {name: to_markdown(list(blocks)) for name, blocks in parts.items()}
    page = MANUAL / "nir-out.md"
    for name, text in made.items():
        print(text)
        page.write_text(insert(page.read_text(), name, text))
    return 0


def _called(python: str, script: str, *arguments: object) -> str:
    """What it said where it failed, in a line; "" where it did not."""
    command = [python, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return lines[-1] if done.returncode else ""


# --- what they write --------------------------------------------------------------------------------------------------


def _exported(pythons: list[str], folder: Path) -> Iterator[Block]:
    rows = []
    for tool in EXPORTERS:
        best: tuple[int, Path, str] = (-1, folder, "it is not installed")
        for i, python in enumerate(pythons):
            made = folder / f"{tool}{i}"
            made.mkdir()
            failed = _called(python, "exporters.py", tool, made)
            if not failed and (count := len(list(made.glob("*.npz")))) > best[0]:
                best = (count, made, "")
        if best[2]:
            rows.append((tool, "", best[2]))
            continue
        outcome = json.loads((best[1] / "failed.json").read_text())
        results = {file.stem: _read(file) for file in sorted(best[1].glob("*.npz"))}
        results |= {net: f"not written: {words[:90]}" for net, words in outcome["failed"].items()}
        rows += [(outcome["versions"].partition(", torch")[0], net, result) for net, result in sorted(results.items())]
    yield table(("exporter", "net, by its class there", "read here: output spikes that differ"), rows)


def _read(file: Path) -> str:
    data = np.load(file)
    try:
        reading = ld.read_network(file.with_suffix(".nir"), **json.loads(str(data["said"])))
    except LsmError as error:
        return f"refused: {error.what}"
    lag, given, wanted = reading.lags[reading.output], data["input"], data["output"]
    padded = np.concatenate([given, np.zeros((lag, given.shape[1]), np.int8)])
    assert isinstance(reading.network, Network)
    spikes = ld.run_float(reading.network, Stimulus(padded, np.array([0]))).spikes
    ours = spikes[lag:, reading.network.columns(reading.output)]
    several = f", {int((wanted > 1).sum())} of them with several spikes" if (wanted > 1).any() else ""
    return f"{int((ours != wanted).sum())} of {wanted.size} values ({int((wanted != 0).sum())} spikes{several})"


# --- what they run ----------------------------------------------------------------------------------------------------


def _run(pythons: list[str], folder: Path) -> Iterator[Block]:
    given, cases = (np.random.default_rng(4).random((200, 12)) < 0.2).astype(np.int8), _cases()
    columns, versions = [], []
    for tool in READERS:
        place = folder / f"runs {tool}"
        place.mkdir()
        for name, case in cases.items():
            ld.export_nir(place / f"{name}.nir", case.network, tool)
            dt_s = 1e-3 if tool == "norse" else 1e-4
            np.savez(place / f"{name}.npz", input=given, reset=case.reset, dt_s=dt_s)
        words = [failed for python in pythons if (failed := _called(python, "in_simulator.py", tool, place))]
        if len(words) < len(pythons):
            outcome = json.loads((place / "out.json").read_text())
            versions.append(outcome["versions"].partition(", torch")[0])
            columns.append(
                [
                    outcome["failed"].get(name, "").partition(": ")[2] or _compared(place, name, case)
                    for name, case in cases.items()
                ]
            )
        else:
            columns.append([words[0]] * len(cases))
    spikes = [int(_output(case, given).sum()) for case in cases.values()]
    yield table(("network", "spikes", *READERS), list(zip(cases, spikes, *columns, strict=True)))
    yield Line("; ".join(versions))


def _output(case: Case, given: NDArray[np.int8]) -> NDArray[np.int8]:
    trace = ld.run_float(case.network, Stimulus(given, np.array([0])))
    return trace.spikes[case.lag :, case.output]


def _compared(place: Path, name: str, case: Case) -> str:
    theirs = np.load(place / f"{name}.out.npz")["spikes"]
    ours = _output(case, np.load(place / f"{name}.npz")["input"])
    if theirs[: len(ours)].shape != ours.shape:
        return f"it gives {theirs.shape[1]} outputs"
    return f"{int((theirs[: len(ours)] != ours).sum())} of {ours.size}"


@dataclass(frozen=True)
class Case:
    network: Network
    reset: str
    output: slice
    lag: int
    """Steps from the input to it, here."""


def _cases() -> dict[str, Case]:
    late, at_once = {"reset_delay": 1.0}, {"reset_delay": 0.0}
    return {
        "two layers, no current": _layers("LIF", "zero", 0.0, recurrent=False),
        "two layers": _layers("LIF", "zero", recurrent=False),
        "recurrent layer, no current": _layers("LIF", "zero", 0.0),
        "recurrent layer": _layers("LIF", "zero"),
        "the same, v still for a step": _layers("LIFRefractory", "zero-delayed", t_refractory_ms=1.0),
        "the same, subtract": _layers("LIFSubtract", "subtract", **at_once),
        "the same, subtract in the next step": _layers("LIFSubtract", "subtract-delayed", **late),
        "the same, a bias on v": _layers("LIF", "zero", bias=0.02),
        "excitatory and inhibitory neurons": _liquid(),
        "integers of the recurrent layer, as floats": _integers(),
    }


def _layers(kind: str, reset: str, tau_syn_ms: float = 5.0, recurrent: bool = True, **more: float) -> Case:
    gain = 1.0 if tau_syn_ms else 2.5
    synapses = [_projection(INPUT, "hidden", 12, 20, gain), _projection("hidden", "out", 20, 5, gain)]
    synapses += [_projection("hidden", "hidden", 20, 20, 0.5)] if recurrent else []
    populations = tuple(
        _population(name, size, kind, tau_syn_ms, **more) for name, size in (("hidden", 20), ("out", 5))
    )
    return Case(Network(1.0, 12, 0, populations, tuple(synapses)), reset, slice(20, 25), 2)


def _liquid() -> Case:
    synapses = (
        _projection(INPUT, "exc", 12, 16, 1.0),
        _projection("exc", "exc", 16, 16, 0.4),
        _projection("exc", "inh", 16, 4, 0.8),
        _projection("inh", "exc", 4, 16, -1.0),
    )
    populations = (_population("exc", 16, "LIF", 0.0), _population("inh", 4, "LIF", 0.0))
    return Case(Network(1.0, 12, 0, populations, synapses), "zero", slice(0, 20), 1)


def _integers() -> Case:
    case = _layers("LIF", "zero")
    made = ld.compile_built(case.network).program.network
    floats = Network(made.dt_ms, made.channels, 0, made.populations, made.projections)
    return Case(floats, case.reset, case.output, case.lag)


def _population(name: str, size: int, kind: str, tau_syn_ms: float, **more: float) -> Population:
    values = {"tau_mem_ms": 20.0, "tau_syn_ms": tau_syn_ms, "v_threshold": 1.0, "bias": 0.0, **more}
    return Population(name, kind, size, {name: np.full(size, value) for name, value in values.items()})


def _projection(source: str, target: str, pre: int, post: int, gain: float) -> Projection:
    weight = np.random.default_rng([pre, post]).normal(0.15, 1.0, (pre, post)) * gain / np.sqrt(pre)
    indptr, onto = np.arange(pre + 1) * post, np.tile(np.arange(post), pre)
    return Projection(
        f"{source}->{target}", source, target, "mixed", 8, indptr, onto, weight.ravel(), np.zeros(pre * post)
    )


if __name__ == "__main__":
    sys.exit(main())
