"""lava-dl's networks beside what lava-dl says of them, and random liquids that go out and come in again.

    make interchange        a minute for these, and five more where lava-dl is (`make lava-dl`)

Of what SLAYER or a chip did there are recordings: in `../shared/nets`, and in lava-dl's own tests, which its package
installs. Those of images are replayed a layer at a time, each fed with what the one before it did, and cleared when
theirs was.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.ir import INPUT, Network, Population, Program, Projection, QNetwork, SignMode, Stimulus
from lsm_deploy.run import backends
from lsm_deploy.spec.schema import Quantise
from lsm_deploy.store import program_to_bytes

Spikes = NDArray[np.int8]
LIQUIDS = 10
INTERVAL = 16
"""Of the recordings of images: theirs were cleared so often, each layer a step after the one before it."""


def rows(shared: Path, liquids: int = LIQUIDS) -> Iterator[tuple[str, str]]:
    """What is compared, and how many values differ of how many."""
    every = ("emulator", "fast", "brian", "lava", "netx")
    here = [name for name in every if backends.load_backend(name).missing() is None]
    if (shared / "nets/slayer_recurrent.net").exists():
        yield from _slayer(shared / "nets", here)
    if (theirs := _tests_of_lava_dl()) is not None:
        yield from _digits(theirs)
        # What came in the step in which a layer was cleared is its first input; SLAYER counts that from its output.
        yield from _images(theirs / "tiny.net", *_tiny(theirs), [(1, 1)] * 2)
        cleared = [(k - 1, k) for k in range(1, 9)]
        yield from _images(theirs / "gts/pilotnet_lif/network.net", *_pilotnet(theirs), cleared)
    yield from _liquids(liquids, [name for name in here if name in ("fast", "netx")])


def _slayer(nets: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    with np.load(nets / "slayer_recurrent.npz") as stored:
        stimulus = Stimulus(stored["input"].astype(np.int8), np.array([0]))
        expected = np.concatenate([stored["hidden"], stored["output"]], axis=1)
    program = _placed(_network(nets / "slayer_recurrent.net"))
    for name in names:
        spikes = backends.run_program(name, program, stimulus).spikes
        yield (
            f"slayer_recurrent.net: SLAYER, {name}",
            f"{np.count_nonzero(spikes != expected)} of {expected.size} differ",
        )


def _digits(theirs: Path) -> Iterator[tuple[str, str]]:
    network = _network(theirs / "gts/ntidigits/ntidigits.net")
    spikes, output = (np.load(theirs / f"gts/ntidigits/{name}.npy").T.astype(np.int8) for name in ("input", "output"))
    made = _run(network, spikes)[:, network.columns(network.populations[-1].name)]
    differ = np.count_nonzero(made[:-1] != output[1:])  # SLAYER's last layer passes its spikes on a step later
    yield "ntidigits.net: lava-dl's stored output", f"{differ} of {output[1:].size} differ"


def _tiny(theirs: Path) -> tuple[Spikes, list[Spikes]]:
    first, *others = (np.load(theirs / f"gts/tinynet/{name}.npy")[0] for name in ("input", "layer1", "output"))
    return _rows_of(first), [_rows_of(each) for each in others]


def _pilotnet(theirs: Path) -> tuple[Spikes, list[Spikes]]:
    def load(name: str) -> Spikes:
        array = np.load(theirs / f"gts/pilotnet_lif/{name}.npy")
        return _rows_of(array.transpose(2, 1, 0, 3) if array.ndim == 4 else array)  # columns come first

    names = (*(f"conv-{i}" for i in range(5)), *(f"fc-{i}" for i in range(3)))
    return load("input-s"), [load(name) for name in names]


def _rows_of(array: NDArray[Any]) -> Spikes:
    return array.reshape(-1, array.shape[-1]).T.astype(np.int8)


def _images(
    net: Path, fed: Spikes, layers: list[Spikes], begins: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, str]]:
    """begins: of each layer, the row of its input and that of its output, where it had been cleared."""
    network = _network(net)
    differ = places = 0
    for population, output, (first, cleared) in zip(network.populations[1:], layers, begins, strict=False):
        onto = [replace(q, source=INPUT) for q in network.projections if q.target == population.name]
        alone = QNetwork(1.0, fed.shape[1], INTERVAL, (population,), tuple(onto))
        steps = min(INTERVAL, len(output) - cleared, len(fed) - first)
        stimulus = np.zeros((2 * INTERVAL, fed.shape[1]), np.int8)
        stimulus[INTERVAL - 1 :][:steps] = fed[first : first + steps]  # which comes in step INTERVAL, of a clearing
        made = _run(alone, stimulus)[INTERVAL : INTERVAL + steps]
        differ += np.count_nonzero(made != output[cleared : cleared + steps])
        places += made.size
        fed = output
    name = net.name if net.name != "network.net" else f"{net.parent.name}/{net.name}"
    yield f"{name}: lava-dl's stored spikes, layer by layer", f"{differ} of {places} differ"


def _liquids(count: int, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Random recurrent liquids of two populations, in floats; compiled, written, run, and read again."""
    differ, places, spikes, same = dict.fromkeys(names, 0), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(count):
            compiled = compile_built(random_liquid(seed), how=Quantise(lava_dl=True))
            ld.export_net(Path(folder) / "liquid.net", compiled.program)
            again = ld.read_network(Path(folder) / "liquid.net")
            back = ld.deploy(again).compiled.program
            same += program_to_bytes(back) == program_to_bytes(compiled.program)
            rng = np.random.default_rng(seed)
            stimulus = Stimulus((rng.random((200, back.network.channels)) < 0.15).astype(np.int8), np.array([0, 100]))
            expected = backends.run_program("emulator", compiled.program, stimulus, ("u", "v"))
            spikes += int(expected.spikes.sum())
            places += expected.spikes.size
            for name in names:
                made = backends.run_program(name, compiled.program, stimulus, ("u", "v"))
                differ[name] += np.count_nonzero(made.spikes != expected.spikes)
                differ[name] += sum(np.count_nonzero(made.registers[r] != expected.registers[r]) for r in ("u", "v"))
    for name in names:
        what = f"{count} random liquids, {spikes} spikes: emulator, {name}; s, u, v"
        yield what, f"{differ[name]} of {3 * places} differ"
    yield f"{count} random liquids, out as .net and in: bytes", f"{count - same} of {count} differ"


def random_liquid(seed: int) -> Network:
    """Excitatory and inhibitory neurons, each with time constants of its own, biases, and weights of every size."""
    rng = np.random.default_rng(seed)
    channels, sizes = int(rng.integers(3, 9)), {"exc": int(rng.integers(20, 60)), "inh": int(rng.integers(5, 15))}

    def neurons(name: str, size: int) -> Population:
        parameters = {
            "tau_mem_ms": rng.uniform(5, 40, size),
            "tau_syn_ms": rng.uniform(1, 8, size),
            "v_threshold": np.ones(size),
            "bias": np.where(rng.random(size) < 0.3, rng.uniform(-0.02, 0.05, size), 0),
        }
        return Population(name, "LIF", size, parameters)

    def joined(source: str, count: int, target: str, sign: int, mean: float, share: float) -> Projection:
        present = rng.random((count, sizes[target])) < share
        weight = sign * mean * rng.gamma(2, 0.5, int(present.sum()))
        indptr = np.concatenate([[0], np.cumsum(present.sum(axis=1))])
        mode: SignMode = "excitatory" if sign > 0 else "inhibitory"
        post = np.nonzero(present)[1]
        return Projection(f"{source}->{target}", source, target, mode, 8, indptr, post, weight, np.zeros(len(post)))

    populations = tuple(neurons(name, size) for name, size in sizes.items())
    projections = [joined(INPUT, channels, target, 1, 0.3, 0.5) for target in sizes]
    for source, sign, mean in (("exc", 1, 0.06), ("inh", -1, 0.12)):
        projections += [joined(source, sizes[source], target, sign, mean, 0.2) for target in sizes]
    return Network(1.0, channels, 0, populations, tuple(projections))


def _network(file: Path) -> QNetwork:
    network = ld.read_network(file).network
    assert isinstance(network, QNetwork)
    return network


def _placed(network: QNetwork) -> Program:
    return place_network(network, NOWHERE)


def _run(network: QNetwork, spikes: Spikes) -> Spikes:
    made: Spikes = backends.run_program("fast", _placed(network), Stimulus(spikes, np.array([0]))).spikes
    return made


def _tests_of_lava_dl() -> Path | None:
    """Where lava-dl's package has put its own tests."""
    if backends.load_backend("netx").missing() is not None:
        return None
    where = (
        "from importlib import metadata; print(metadata.distribution('lava-dl').locate_file('tests/lava/lib/dl/netx'))"
    )
    python = os.environ.get("LSM_DEPLOY_LAVA_DL_PYTHON", sys.executable)
    return Path(subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip())
