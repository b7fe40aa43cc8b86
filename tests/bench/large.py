"""What large liquids cost: compiling, stage by stage, and running, each case in a process of its own.

    python tests/bench/large.py [--neurons 10000,100000,1000000] [--wiring random,column] [--repeats 1] [--beside OTHER]

A case is a spec such as `configs/large.yaml`, some 100 synapses onto each neuron, E/I split, with and without delays.

`compile` is the command itself, written file and report included, less start-up: before the clock runs libraries are
imported, compiled loops loaded, and as much memory touched and given back, because on a virtual machine the first touch
is the host's work and can take longer than all of ours (2 s a GB were seen at first, 0.05 later). Seconds are of the
processor (user and system, all threads), which other work on the machine disturbs less, and of the wall.

`run` reads the file back and steps it on the fast engine; its memory is what the process has more, at its largest, than
before it read the file.

Beside another checkout, which has a `.venv` of its own, each case is run by the Python of either in turn, as often as
there are repeats; what is compared is the median of the ratios within a turn. Both run the program that is ours.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from lsm_deploy.report.blocks import Line, right, table
from lsm_deploy.report.markdown import to_markdown

CHANNELS = 100
STEPS = 100
RATE_HZ = 20.0
GRIDS = {1000: (10, 10, 10), 10_000: (20, 20, 25), 100_000: (40, 50, 50), 1_000_000: (100, 100, 100)}
"""Others are cubes of about that many."""
STAGES = ("build", "quantise", "certify", "place", "save", "report")

SPEC = """
dt_ms: 1.0
seed: 1
input: {{channels: {channels}}}
target: {{board: hala_point}}
populations:
  liquid:
    {size}
    inhibitory_fraction: 0.2
    neuron: {{kind: LIF, tau_mem_ms: {{distribution: lognormal, mean: 20.0, std: 5.0}}, tau_syn_ms: 5.0}}
projections:
  - {{source: input, target: liquid, topology: {{kind: erdos_renyi, in_degree: 2}}, weight: 0.3}}
  - source: liquid
    target: liquid
    topology: {topology}
    weight:
      EE: {{distribution: gamma, mean: 0.004, std: 0.004}}
      EI: {{distribution: gamma, mean: 0.006, std: 0.006}}
      IE: {{distribution: gamma, mean: 0.012, std: 0.012}}
      II: {{distribution: gamma, mean: 0.012, std: 0.012}}
    delay_ms: {delay}
"""


def spec_of(neurons: int, wiring: str, delays: bool) -> str:
    """A random liquid of exactly 100 sources a neuron, or a column of about as many, cut off at 3 lambda."""
    grid = GRIDS.get(neurons) or (round(neurons ** (1 / 3)),) * 3
    if wiring == "random":
        size, topology = f"size: {neurons}", "{kind: erdos_renyi, in_degree: 100}"
        delay = "{distribution: uniform, low: 0.0, high: 20.0}" if delays else "0.0"
    else:
        size = f"grid: [{', '.join(map(str, grid))}]"
        # C and lambda as in configs/large.yaml, a little wider: neurons at the faces have fewer neighbours.
        topology = "{kind: maass, lambda: 4.2, C: {EE: 0.3, EI: 0.2, IE: 0.4, II: 0.1}, cutoff: 12.6}"
        delay = "{offset_ms: 1.0, per_unit_ms: 1.5}" if delays else "0.0"
    return SPEC.format(channels=CHANNELS, size=size, topology=topology, delay=delay)


# --- in the child: one case -----------------------------------------------------------------------------------------


def peak() -> int:
    """The most memory that this process has had, since `settle` where the system can forget, in bytes."""
    if (status := Path("/proc/self/status")).exists():
        return _status(status, "VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def settle() -> int:
    """Forget the peak so far; what the process holds now."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status(Path("/proc/self/status"), "VmRSS")
    except OSError:
        return peak()


def _status(file: Path, name: str) -> int:
    line = next(line for line in file.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def clocks() -> tuple[float, float, float]:
    """Seconds of the processor, of the wall, and of the system alone, which clears the memory that is asked for."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, time.perf_counter(), used.ru_stime


@contextmanager
def timed(name: str, into: dict[str, list[float]]) -> Iterator[None]:
    before = clocks()
    yield
    spent = [b - a for a, b in zip(before, clocks(), strict=True)]
    into[name] = [x + y for x, y in zip(into.get(name, [0.0] * 3), spent, strict=True)]


def compile_case(folder: Path) -> dict[str, Any]:
    """`lsm-deploy compile` on the case, its stages timed from outside."""
    import numpy as np
    from click.testing import CliRunner

    import lsm_deploy
    from lsm_deploy import spec
    from lsm_deploy.cli import compiling, main
    from lsm_deploy.compile import pipeline
    from lsm_deploy.compile.build import size as estimate

    spent: dict[str, list[float]] = {}
    saved: list[Any] = []

    def watch(module: Any, function: str, stage: str) -> None:
        inner: Callable[..., Any] = getattr(module, function)

        def call(*arguments: Any, **options: Any) -> Any:
            if stage == "save":
                saved.append(arguments[1])
            with timed(stage, spent):
                return inner(*arguments, **options)

        setattr(module, function, call)

    def run(name: str) -> None:
        result = CliRunner().invoke(main, ["compile", str(folder / name), "-o", str(folder / f"{Path(name).stem}.lsm")])
        if result.exit_code:
            raise SystemExit(result.output)

    run("warm.yaml")
    for stage in ("build", "quantise", "certify"):
        watch(pipeline, f"{stage}_network", stage)
    # An older checkout has the former.
    watch(pipeline, "place_network" if hasattr(pipeline, "place_network") else "place_loaded", "place")
    watch(lsm_deploy, "save_program", "save")
    watch(compiling, "report_file", "report")
    case = spec.load(folder / "case.yaml")
    synapses = sum(estimate.synapses_of(p, case) for p in case.projections)
    np.empty(int(estimate.bytes_to_compile(case.populations["liquid"].neurons, synapses)), np.uint8)[::4096] = 1
    before = settle()
    with timed("compile", spent):
        run("case.yaml")
    network = saved[-1].network
    return {
        "synapses": network.synapses,
        "cores": int(saved[-1].cores.max()) + 1,
        "spent": spent,
        "base": before,
        "peak": peak(),
        "estimate": estimate.bytes_to_compile(network.neurons, network.synapses),
        "file": (folder / "case.lsm").stat().st_size,
    }


def run_case(folder: Path) -> dict[str, Any]:
    """Read the program back, and step it."""
    from lsm_backends.fast.session import Session

    from lsm_deploy import store
    from lsm_deploy.data import encoders as encode

    spent: dict[str, list[float]] = {}
    warm = store.load_program(folder / "warm.lsm")
    stimulus = encode.poisson_stimulus(CHANNELS, STEPS, RATE_HZ, 1.0, 0)
    Session(warm).run(stimulus.spikes)
    Session(warm, threads=1).run(stimulus.spikes)
    before = settle()
    with timed("load", spent):
        program = store.load_program(folder / "case.lsm")
    loaded = peak()
    with timed("lay out", spent):
        session = Session(program)
    with timed("run", spent):
        spikes, _ = session.run(stimulus.spikes)
    network, layout = program.network, session._layout
    held = [array for p in network.projections for array in (p.indptr, p.post, p.weights, p.delays)]
    synapses = sum(array.nbytes for array in held)
    state = session._state.nbytes + session._ring.nbytes + layout.constants.nbytes + spikes.nbytes
    return {
        "spent": spent,
        "loaded": loaded - before,
        "memory": peak() - before,
        "needed": synapses + state,
        "synapses": synapses,
        "active": float((spikes != 0).mean()),
    }


# --- in the parent: all cases ---------------------------------------------------------------------------------------


def child(task: str, folder: Path, python: str = sys.executable) -> dict[str, Any]:
    done = subprocess.run([python, __file__, task, str(folder)], stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(
    neurons: int, wiring: str, delays: bool, repeats: int, folder: Path, beside: Path | None
) -> tuple[list[str], list[str], list[str]]:
    """The rows of the tables: the repeat that took the processor, or the wall, least; and beside the other checkout."""
    (folder / "case.yaml").write_text(spec_of(neurons, wiring, delays))
    (folder / "warm.yaml").write_text(spec_of(1000, wiring, delays))
    pythons = [
        *([str(beside / ".venv" / "bin" / "python")] if beside else []),
        sys.executable,
    ]  # ours leaves its program
    turns = {
        task: [[child(task, folder, python) for python in pythons] for _ in range(repeats)]
        for task in ("compile", "run")
    }
    compiled = min((turn[-1] for turn in turns["compile"]), key=lambda c: c["spent"]["compile"][0])
    ran = min((turn[-1] for turn in turns["run"]), key=lambda r: r["spent"]["run"][1])
    cpu, wall, system = compiled["spent"]["compile"]
    synapses = compiled["synapses"]
    name = [f"{neurons:,}", wiring, "yes" if delays else "no"]
    first = [
        *name,
        f"{synapses / 1e6:.2f}",
        *(f"{compiled['spent'][stage][0]:.2f}" for stage in STAGES),
        f"{cpu:.2f}",
        f"{system:.2f}",
        f"{wall:.2f}",
        f"{synapses / cpu / 1e6:.1f}",
        f"{synapses / wall / 1e6:.1f}",
        f"{compiled['peak'] / 1e9:.2f}",
        f"{bytes_more(compiled):.0f}",
        f"{compiled['estimate'] / 1e9:.2f}",
        f"{compiled['file'] / 1e6:.1f}",
    ]
    spent = ran["spent"]
    second = [
        *name,
        f"{spent['load'][0]:.2f}",
        f"{spent['load'][1]:.2f}",
        f"{ran['loaded'] / compiled['file']:.2f}",
        f"{spent['lay out'][1]:.2f}",
        f"{1000 * spent['run'][1] / STEPS:.2f}",
        f"{ran['active']:.1%}",
        f"{ran['memory'] / 1e9:.3f}",
        f"{ran['needed'] / 1e9:.3f}",
        f"{ran['memory'] / ran['needed']:.2f}",
    ]
    third = [*name, *compared(turns)] if beside else []
    return first, second, third


def bytes_more(compiled: dict[str, Any]) -> float:
    """What a synapse takes at the peak, beyond what the process had before."""
    return float((compiled["peak"] - compiled["base"]) / compiled["synapses"])


def compared(turns: dict[str, list[list[dict[str, Any]]]]) -> Iterator[str]:
    """How many times as long as here each took in the other checkout, and the memory of either."""
    for task, spent, clock in (
        ("compile", "compile", 0),
        ("compile", "compile", 1),
        ("run", "load", 0),
        ("run", "run", 1),
    ):
        ratios = sorted(other["spent"][spent][clock] / ours["spent"][spent][clock] for other, ours in turns[task])
        yield f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    yield from (f"{bytes_more(each):.0f}" for each in turns["compile"][0])
    yield from (f"{each['memory'] / 1e9:.3f}" for each in turns["run"][0])


COMPILING = ["neurons", "wiring", "delays", "synapses, 1e6", *(f"{stage}, s" for stage in STAGES), "all, s cpu"]
COMPILING += [
    "of it system",
    "all, s wall",
    "1e6/s cpu",
    "1e6/s wall",
    "peak, GB",
    "bytes a synapse",
    "estimate, GB",
    "file, MB",
]
RUNNING = ["neurons", "wiring", "delays", "load, s cpu", "load, s wall", "load, memory / file", "lay out, s"]
RUNNING += ["ms a step", "active", "run, GB", "needed, GB", "ratio"]
BESIDE = ["neurons", "wiring", "delays", "compile, cpu", "compile, wall", "load, cpu", "run, wall"]
BESIDE += ["bytes a synapse there", "here", "run, GB there", "here"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--neurons", default="10000,100000,1000000")
    parser.add_argument("--wiring", default="random,column")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--beside", type=Path, help="another checkout, whose .venv runs the same cases in turn")
    options = parser.parse_args()
    sizes, wirings = [int(n) for n in options.neurons.split(",")], options.wiring.split(",")
    rows = []
    with tempfile.TemporaryDirectory(prefix="large-") as folder:
        for neurons, wiring, delays in product(sizes, wirings, (False, True)):
            print(f"{neurons:,} neurons, {wiring}, delays: {delays}", file=sys.stderr)
            rows.append(measure(neurons, wiring, delays, options.repeats, Path(folder), options.beside))
    words = (
        f"compiling, on {os.cpu_count()} processors",
        f"loading, and {STEPS} steps on the fast engine",
        "in the other checkout: times as long, median (least to most)",
    )
    for said, columns, of_one in zip(words, (COMPILING, RUNNING, BESIDE), zip(*rows, strict=True), strict=True):
        if any(of_one):
            print(to_markdown((Line(said), table(right(*columns), list(of_one)))))


if __name__ == "__main__":
    if sys.argv[1:2] in (["compile"], ["run"]):
        task = {"compile": compile_case, "run": run_case}[sys.argv[1]]
        print(json.dumps(task(Path(sys.argv[2]))))
    else:
        main()
