"""`python -m bench.placement`: the memory model beside published allocations, the traffic that placement saves, its
time and memory, and what a run costs beside SANA-FE. Times are seconds of the processor: the machine may be busy.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lsm_backends import fast
from numpy.typing import NDArray

from bench.network import Case, draw
from lsm_deploy.compile.build.network import build_network
from lsm_deploy.compile.place.axons import Axons, axons_of
from lsm_deploy.compile.place.chips import by_chips
from lsm_deploy.compile.place.cores import arrange, place_network, traffic_of
from lsm_deploy.compile.place.filling import fill
from lsm_deploy.compile.place.synapse_memory import PUBLISHED, SHORT_INDEX_BITS, estimate
from lsm_deploy.compile.quantise import quantise_network
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.ir import Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.exchange.sanafe import export_sanafe
from lsm_deploy.measure.cost.figures import SANA_FE_COSTS
from lsm_deploy.measure.cost.resources import EventCounts
from lsm_deploy.measure.cost.resources import count_resources as resources_of
from lsm_deploy.report.blocks import Block, Line, Table, right, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.spec import load

__all__ = ["allocations", "costs", "main", "networks", "times", "traffic"]

TARGET = BOARDS["hala_point"]
NEURONS = (10_000, 100_000)

COLUMN = """
  liquid: {{grid: [{x}, {y}, {z}], inhibitory_fraction: 0.2, neuron: {{kind: LIF}}}}
projections:
  - source: liquid
    target: liquid
    topology: {{kind: maass, lambda: 3.5, C: {{EE: 0.6, EI: 0.6, IE: 0.6, II: 0.6}}}}
    weight: 0.05
"""
SMALL_WORLD = """
  liquid: {{size: {neurons}, neuron: {{kind: LIF}}}}
projections:
  - {{source: liquid, target: liquid, topology: {{kind: watts_strogatz, neighbours: 100, rewire: 0.1}}, weight: 0.05}}
"""
RANDOM = """
  liquid: {{size: {neurons}, neuron: {{kind: LIF}}}}
projections:
  - {{source: liquid, target: liquid, topology: {{kind: erdos_renyi, in_degree: 100}}, weight: 0.05}}
"""
LIQUIDS = {
    "Maass column (λ = 3.5)": COLUMN,
    "Watts–Strogatz (100 neighbours, 10 % rewired)": SMALL_WORLD,
    "Erdős–Rényi (in-degree 100)": RANDOM,
}
GRIDS = {10_000: (20, 20, 25), 100_000: (40, 50, 50)}


# --- the memory model -----------------------------------------------------------------------------------------------


def allocations() -> Table:
    """Published allocations, ours beside them, and the error; for both widths of an index that they show."""
    rows = []
    for a in PUBLISHED:
        ours, short = estimate(a), estimate(a, SHORT_INDEX_BITS)
        both = [f"{ours:.0f}", f"{ours / a.words - 1:+.1%}", f"{short:.0f}", f"{short / a.words - 1:+.1%}"]
        rows.append([f"{a.network}: {a.layer}", str(a.axons), f"{a.words:.0f}", *both])
    head = right("axons", "published", "ours", "error", "15 bits a synapse", "error")
    return table(["dense layer", *head], rows)


# --- traffic --------------------------------------------------------------------------------------------------------


def networks(neurons: int) -> Iterator[tuple[str, QNetwork]]:
    """A liquid of each kind, built from a spec."""
    x, y, z = GRIDS.get(neurons, (neurons // 100, 10, 10))
    for name, text in LIQUIDS.items():
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "spec.yaml"
            head = "dt_ms: 1.0\nseed: 3\ninput: {channels: 16}\npopulations:"
            file.write_text(head + text.format(neurons=neurons, x=x, y=y, z=z))
            yield name, quantise_network(build_network(load(file)))[0]


def traffic(sizes: Sequence[int] = NEURONS) -> Table:
    """What every way of placing sends when each neuron spikes once; METIS where it is installed."""
    rows = []
    for neurons in sizes:
        for name, network in networks(neurons):
            axons, base = axons_of(network), 0
            for way, made in _ways(axons):
                started = time.process_time()
                cores = made()
                took = time.process_time() - started
                sent = traffic_of(Program(network, cores, TARGET.name), TARGET)
                base = base or sent.between_cores
                per_spike = [f"{count / neurons:.2f}" for count in (sent.between_cores, sent.between_chips)]
                share = f"{sent.between_cores / base:.0%}"
                used = str(int(cores.max()) + 1)
                rows.append([f"{name}, {neurons}", way, used, *per_spike, share, f"{took:.1f}"])
    head = right("cores", "messages a spike", "between chips", "of random", "CPU s")
    return table(["liquid, neurons", "placed", *head], rows)


def _ways(axons: Axons) -> Iterator[tuple[str, Callable[[], NDArray[np.int32]]]]:
    neurons = len(axons.groups)
    shuffled = np.random.default_rng(0).permutation(neurons).astype(np.int32)
    fill(axons, TARGET, order=shuffled[:1])  # compiles
    yield "at random", lambda: fill(axons, TARGET, grow=False, order=shuffled).cores
    yield "in the order of neurons", lambda: fill(axons, TARGET, grow=False).cores
    if importlib.util.find_spec("pymetis"):
        yield "by METIS", lambda: by_metis(axons)
    yield "as we do", lambda: arrange(axons, TARGET).cores


def by_metis(axons: Axons) -> NDArray[np.int32]:
    """METIS' cut of the network into as many parts as we take cores; what does not fit a core begins another."""
    import pymetis
    from scipy import sparse

    neurons = len(axons.groups)
    begin, end = axons.out_begin[:neurons], axons.out_end[:neurons]
    indptr = np.concatenate([[0], np.cumsum(end - begin)])
    targets = axons.targets[np.repeat(begin - indptr[:-1], end - begin) + np.arange(indptr[-1])]
    joined = sparse.csr_matrix((np.ones(len(targets), np.int32), targets, indptr), (neurons, neurons))
    joined = (joined + joined.T).tocsr()
    joined.setdiag(0)
    joined.eliminate_zeros()
    graph = pymetis.CSRAdjacency(joined.indptr.astype(np.int32), joined.indices.astype(np.int32))
    weights = joined.data.astype(np.int32)
    parts = max(2, fill(axons, TARGET).used)
    options = pymetis.Options(seed=0)
    _, part = pymetis.part_graph(parts, graph, eweights=weights, options=options, recursive=False)
    order = np.argsort(np.asarray(part), kind="stable").astype(np.int32)
    return by_chips(axons, fill(axons, TARGET, grow=False, order=order).cores, TARGET)[0]


# --- time and memory ------------------------------------------------------------------------------------------------


def times(sizes: Sequence[int] = (10_000, 100_000, 1_000_000), degree: int = 100) -> Table:
    """What placing takes, each size in a process of its own."""
    rows = []
    for neurons in sizes:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            cores, seconds, held, peak = pool.apply(_timed, (neurons, degree))
        synapses = neurons * degree
        more = (peak - held) / synapses
        rows.append(
            [
                str(neurons),
                str(synapses),
                str(cores),
                f"{seconds:.1f}",
                f"{held / 1e6:.0f}",
                f"{peak / 1e6:.0f}",
                f"{more:.1f}",
            ]
        )
    head = right("neurons", "synapses", "cores", "CPU s", "MB before", "MB at the peak", "bytes more a synapse")
    return table(head, rows)


def _timed(neurons: int, degree: int) -> tuple[int, float, int, int]:
    place_network(_nearby(100, 10), TARGET)  # compiles
    network = _nearby(neurons, degree)
    _FORGET_PEAK.write_text("5")
    held = _status("VmRSS")
    started = time.process_time()
    program = place_network(network, TARGET)
    return int(program.cores.max()) + 1, time.process_time() - started, held, _status("VmHWM")


_FORGET_PEAK = Path("/proc/self/clear_refs")
"""Linux alone counts the peak anew: a process inherits that of its parent."""


def _status(name: str) -> int:
    """Bytes of memory that Linux reports for this process."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) * 1024


def _nearby(neurons: int, degree: int) -> QNetwork:
    """Targets drawn among the thousand nearest numbers: made in no more memory than it takes."""
    rng = np.random.default_rng(1)
    post = np.empty((neurons, degree), np.int32)
    for first in range(0, neurons, 10_000):
        rows = np.arange(first, min(first + 10_000, neurons))
        near = (rows[:, None] + rng.integers(-500, 501, (len(rows), degree))) % neurons
        post[rows] = np.sort(near, axis=1)
    indptr = np.arange(neurons + 1) * degree
    flat = np.full(neurons * degree, 8, np.int16), np.zeros(neurons * degree, np.uint8)
    wires = QProjection("r", "p", "p", "excitatory", 8, 0, indptr, post.reshape(-1), *flat)
    registers = {name: np.ones(neurons, np.int64) for name in ("du", "dv", "vth", "bias_mant", "bias_exp")}
    return QNetwork(1.0, 0, 0, (QPopulation("p", "LIF", neurons, registers),), (wires,))


# --- beside SANA-FE -------------------------------------------------------------------------------------------------


def costs(sizes: Sequence[int] = (256, 1000, 4000), steps: int = 200) -> Table:
    """Events and energy of the same placed network and spikes, here and in SANA-FE."""
    rows = []
    for neurons in sizes:
        case = Case("size", str(neurons), neurons=neurons, degree=100)
        drawn, stimulus = draw(case)
        program = place_network(drawn.network, BOARDS["oheo_gulch"])
        short = Stimulus(stimulus.spikes[:steps].copy(), np.array([0]))
        trace = fast.run(program, short)
        ours, theirs = resources_of(program, short, trace), _in_sanafe(program, short, trace)
        e = ours.events
        counted = (e.spikes + e.input_spikes, e.synaptic_operations, e.messages + e.input_messages, e.hops_x + e.hops_y)
        energy, step = ours.estimate.energy, ours.estimate.step_time
        total = theirs["energy"]["total"]
        their_step = theirs["sim_time"] / steps
        found = (theirs["neurons_fired"], theirs["spikes"], theirs["packets_sent"], sum(theirs["perf_trace"]["hops"]))
        rows.append(
            [
                str(neurons),
                str(ours.cores),
                " / ".join(map(str, counted)),
                "equal" if counted == found else f"NOT EQUAL: {found}",
                f"{energy.least * 1e6:.2f} to {energy.most * 1e6:.2f}",
                f"{total * 1e6:.2f}",
                f"{energy.least / total:.2f} to {energy.most / total:.2f}",
                f"{at_their_figures(e) / total:.6f}",
                f"{step.least * 1e6:.2f} to {step.most * 1e6:.2f}",
                f"{their_step * 1e6:.2f}",
            ]
        )
    return table(
        right(
            "neurons", "cores", "spikes / operations / messages / hops", "in SANA-FE", "ours, µJ", "SANA-FE, µJ",
            "ratio", "at its figures", "our step, µs", "SANA-FE, µs",
        ),
        rows,
    )  # fmt: skip


_WHY = """\
The counts being equal, the ratio is that of the figures. SANA-FE charges 33.6 pJ for an operation of a sparse synapse,
where we range from 23.6 to 35.5; 51.2 pJ for a neuron in every step and 21.6 more in that of a spike, where we range
from 51.2 to 81 in every step. At its own figures ours is the same energy."""


def at_their_figures(events: EventCounts) -> float:
    """What SANA-FE charges for our counts, in J."""
    each = {name: cost.pj * 1e-12 for name, cost in SANA_FE_COSTS.items()}
    return (
        events.synaptic_operations * each["sparse synapse"]
        + events.neuron_updates * each["neuron access"]
        + events.spikes * (each["neuron update"] + each["spike"])
        + events.messages * each["message out"]
        + events.hops_x * each["hop along x"]
        + events.hops_y * each["hop along y"]
    )


def _in_sanafe(program: Program, stimulus: Stimulus, trace: Trace) -> dict[str, Any]:
    import sanafe

    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "sanafe"
        export_sanafe(folder, program, stimulus, trace)
        arch = sanafe.load_arch(str(folder / "arch.yaml"))
        chip = sanafe.SpikingChip(arch)
        chip.load(sanafe.load_net(str(folder / "snn.yaml"), arch))
        ran: dict[str, Any] = chip.sim(
            len(stimulus.spikes), timing_model="simple", perf_trace=True, processing_threads=1
        )
    return ran


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.placement", description="Tables of placement and its costs.")
    parser.add_argument("--quick", action="store_true", help="small networks only")
    quick = parser.parse_args().quick
    _say("Words of synapse memory, published and modelled:", allocations())
    _say("Messages when every neuron spikes once:", traffic(NEURONS[:1] if quick else NEURONS))
    _say("Placing, 100 synapses a neuron:", times((10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)))
    if importlib.util.find_spec("sanafe") is None:
        _say("SANA-FE is not here: install the extra `sanafe`.")
    else:
        costly = costs((256, 1000) if quick else (256, 1000, 4000))
        _say("The same events here and in SANA-FE:", costly, Line(_WHY))


def _say(what: str, *blocks: Block) -> None:
    print(to_markdown((Line(what), *blocks)), flush=True)


if __name__ == "__main__":
    main()
