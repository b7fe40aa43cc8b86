"""Backend `netx`: what lava-dl's layers can hold, how a network becomes them, and lava-dl's own answer where it is."""

from __future__ import annotations

import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lsm_backends.lava import child, netx

import lsm_deploy
from lsm_deploy import read_network
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, SignMode, Stimulus
from lsm_deploy.core.layered import file_of, fits_grid, layers_of
from lsm_deploy.run.backends import check, run_program

needs_lava_dl = pytest.mark.skipif(netx.missing() is not None, reason=str(netx.missing()))


def population(name: str, size: int, seed: int = 0, **registers: int) -> QPopulation:
    """Registers that differ from neuron to neuron, biases in lava-dl's exponent."""
    rng = np.random.default_rng(seed)
    drawn = {"du": rng.integers(0, 4096, size), "dv": rng.integers(0, 4097, size), "vth": rng.integers(20, 200, size),
             "bias_mant": rng.integers(-30, 60, size), "bias_exp": np.full(size, 6)}  # fmt: skip
    return QPopulation(name, "LIF", size, drawn | {key: np.full(size, value) for key, value in registers.items()})


def projection(
    source: str,
    target: str,
    sizes: tuple[int, int],
    weights: tuple[int, int],
    seed: int = 0,
    exp: int = 0,
    late: int = 0,
) -> QProjection:
    """Even weights between these two, with pairs joined once."""
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random(sizes) < 0.4, 2 * rng.integers(weights[0] // 2, weights[1] // 2 + 1, sizes), 0)
    pre, post = np.nonzero(matrix)
    mode: SignMode = "mixed" if weights[0] < 0 < weights[1] else "excitatory" if weights[1] > 0 else "inhibitory"
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pre, minlength=sizes[0]))])
    delays = rng.integers(0, late + 1, len(post))
    return QProjection(f"{source}->{target}", source, target, mode, 8, exp, indptr, post, matrix[pre, post], delays)


def placed(network: QNetwork) -> Program:
    return place_network(network, BOARDS["oheo_gulch"])


LIQUID = QNetwork(
    1.0, 6, 0,
    (population("exc", 12), population("out", 4, 1), population("inh", 5, 2)),
    (
        projection(INPUT, "exc", (6, 12), (-90, 120)),
        projection("exc", "inh", (12, 5), (0, 60), 1, exp=1),
        projection("inh", "exc", (5, 12), (-80, 0), 2),
        projection("exc", "exc", (12, 12), (-60, 60), 3),
        projection("inh", "out", (5, 4), (-100, 100), 4),
        projection("exc", "out", (12, 4), (0, 100), 5, late=9),
    ),
)  # fmt: skip
"""A recurrent layer of two populations, which do not stand side by side, and one that it feeds, with delays."""


def test_populations_joined_both_ways_are_one_layer():
    first, second = layers_of(LIQUID)
    assert first.neurons.tolist() == [*range(12), *range(16, 21)]
    assert second.neurons.tolist() == [12, 13, 14, 15]
    assert second.weight_rec is None
    assert second.delay.max() > 0
    for layer, sources in ((first, None), (second, first.neurons)):
        for q in LIQUID.projections:
            offset, own = LIQUID.offsets, layer.neurons.tolist()
            for j, i, w in zip(q.pre, q.post, q.weights, strict=True):
                if offset[q.target] + i not in own:
                    continue
                row, at = own.index(offset[q.target] + i), j + (0 if q.source == INPUT else offset[q.source])
                within = q.source != INPUT and at in own
                matrix = layer.weight_rec if within else layer.weight
                column = own.index(at) if within else at if sources is None else sources.tolist().index(at)
                assert matrix[row, column] == w << q.weight_exp
    total = sum(
        np.count_nonzero(m) for each in (first, second) for m in (each.weight, each.weight_rec) if m is not None
    )
    assert total == LIQUID.synapses


@pytest.mark.parametrize(
    ("edges", "layers"),
    [
        (["a>b", "b>c"], ["a", "b", "c"]),
        (["a>b", "b>c", "c>c"], ["a", "b", "c"]),
        (["a>b", "b>c", "c>b"], ["a", "bc"]),
        (["a>b", "b>a", "a>c"], ["ab", "c"]),
        (["a>b", "b>c", "a>c", "c>a"], ["abc"]),
        (["a>b", "b>c", "c>d", "a>d"], ["a", "bcd"]),
        (["a>b", "b>c", "c>d", "d>b"], ["a", "bcd"]),
    ],
)
def test_which_populations_are_one_layer(edges, layers):
    names = sorted({name for edge in edges for name in edge.split(">")})
    joined = [projection(INPUT, "a", (3, 3), (2, 8))]
    joined += [projection(*edge.split(">"), (3, 3), (2, 8), i) for i, edge in enumerate(edges)]
    network = QNetwork(1.0, 3, 0, tuple(population(name, 3) for name in names), tuple(joined))
    found = ["".join(sorted({network.locate(int(n))[0] for n in layer.neurons})) for layer in layers_of(network)]
    assert found == layers


def test_all_that_layers_cannot_hold_is_named_at_once():
    late, heavy = (
        projection("exc", "inh", (12, 5), (0, 60), 1, late=5),
        projection(INPUT, "exc", (6, 12), (-90, 254), 2, exp=1),
    )
    twice = replace(LIQUID.projections[3], name="again")
    exc = replace(LIQUID.populations[0], registers={**LIQUID.populations[0].registers, "bias_exp": np.full(12, 5)})
    registers = {"du": 1, "dv": 1, "vth_hi": 1, "vth_lo": -1, "bias_mant": 0, "bias_exp": 0}
    ternary = QPopulation("odd", "TernaryLIF", 1, {name: np.array([value]) for name, value in registers.items()})
    network = replace(
        LIQUID,
        sample_interval=8,
        populations=(exc, *LIQUID.populations[1:], ternary),
        projections=(heavy, late, twice, *LIQUID.projections[2:]),
    )
    with pytest.raises(LsmError) as caught:
        check(["netx"], placed(network))
    said = str(caught.value)
    for what in (
        "population 'odd': lava-dl's neurons are of kind 'LIF', not 'TernaryLIF'",
        "lava-dl's layers are not cleared all at once, every 8 steps",
        "population 'exc': 4 biases are no multiples of 64",
        "projection 'exc->inh': it has delays of up to 4 steps, onto a recurrent layer",
        "populations 'exc', 'inh', 'odd': 58 of the synapses onto it join a pair that another one joins",
        "reach from -176 to 484; lava-dl has one grid for all of them: -256 to 254",
    ):
        assert what in said, said


def as_lava_dl_does(weights: np.ndarray[Any, Any]) -> tuple[int, int]:
    """The bits and the left shift that lava-dl chooses for the weights of a layer, written anew."""
    low, high = weights.min(), weights.max()
    mixed = low < 0 <= high
    of_one_sign = 255 / high if low >= 0 else 256 / -low
    room = min(127 / high if high else np.inf, 128 / -low) if mixed else of_one_sign
    shift = int(np.floor(np.log2(room))) + mixed
    ends_in = next((n for n in range(8, 0, -1) if not (weights % (1 << n)).any()), 0)
    return 8 - shift - (ends_in - mixed), shift


def test_the_grid_is_that_of_lava_dl():
    """Weights fit where it needs no more than the chip's 8 bits, and shifts none to the right."""
    rng = np.random.default_rng(0)
    ends = [-257, -256, -255, -129, -128, -127, -2, -1, 0, 1, 2, 126, 127, 128, 129, 253, 254, 255, 256]
    fitting = 0
    for _ in range(3000):
        weights = np.append(rng.choice(ends, rng.integers(1, 5)), 0)  # a matrix has pairs without a synapse
        if weights.any():
            bits, shift = as_lava_dl_does(weights)
            within = weights.min() >= -256 and (weights.min() >= 0 or weights.max() <= 254)  # others it clips
            assert fits_grid(weights) == (bits <= 8 and shift >= 0 and within), weights
            fitting += fits_grid(weights)
    assert 500 < fitting < 2500


def test_the_file_has_the_names_that_slayer_writes():
    made = file_of(layers_of(LIQUID))
    assert {str(made[f"layer/{i}/type"]) for i in (0, 1, 2)} == {"input", "dense_rec", "dense"}
    assert made["layer/1/neuron/iDecay"].shape == (17,)
    assert made["layer/1/weight"].shape == (17, 6)
    assert made["layer/2/delay"].shape == (4, 17)


def test_what_is_missing_is_said_with_a_way_out(monkeypatch):
    monkeypatch.setenv(child.LAVA_DL.variable, "/nowhere/python")
    assert netx.missing() == (
        "LSM_DEPLOY_LAVA_DL_PYTHON is '/nowhere/python', where there is no program;"
        " set LSM_DEPLOY_LAVA_DL_PYTHON to a Python that has lava-dl==0.6.0"
    )
    monkeypatch.delenv(child.LAVA_DL.variable)
    assert netx.missing() == (
        "this Python has no distribution lava-dl: build one with `make lava-dl` in a clone,"
        " or set LSM_DEPLOY_LAVA_DL_PYTHON to a Python that has lava-dl==0.6.0"
    )


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    (folder / "python").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "python").chmod(0o755)
    monkeypatch.setenv(child.LAVA_DL.variable, str(folder / "python"))


STIMULUS = Stimulus((np.random.default_rng(3).random((90, 6)) < 0.3).astype(np.int8), np.array([0, 40, 70]))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo no torch here; exit 3", "ended with exit status 3; it said:\n    no torch here"),
        ("exit 0", "left no result that can be read"),
        ("sleep 60", "was ended after 0.5 s, its time limit"),
    ],
)
def test_a_child_that_fails_is_a_sentence(body, message, tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, body)
    with pytest.raises(LsmError) as caught:
        netx.run(placed(LIQUID), STIMULUS, time_limit=0.5 if "sleep" in body else 20)
    assert message in str(caught.value)


@needs_lava_dl
@pytest.mark.lava
def test_netx_agrees_in_every_register():
    program = placed(LIQUID)
    ours, theirs = (run_program(name, program, STIMULUS, ("u", "v")) for name in ("emulator", "netx"))
    assert ours.spikes[:, 12:16].any()
    np.testing.assert_array_equal(ours.spikes, theirs.spikes)
    for name in ("u", "v"):
        np.testing.assert_array_equal(ours.registers[name], theirs.registers[name])


@needs_lava_dl
@pytest.mark.lava
@pytest.mark.once
def test_the_manual_trains_a_recurrent_net_that_is_exact_here(tmp_path):
    page = (Path(lsm_deploy.__file__).parent / "manual/lava-dl.md").read_text()
    start, stop = page.index("    import h5py"), page.index("\nThen here")
    python = child.interpreter(child.LAVA_DL)
    script = textwrap.dedent(page[start:stop])
    subprocess.run([python, "-c", script], cwd=tmp_path, check=True, capture_output=True, timeout=900)
    reading = read_network(tmp_path / "trained.net")
    assert {line.verdict for line in reading.lines} == {"exact"}
    with np.load(tmp_path / "trained.npz") as theirs:
        samples, steps, channels = theirs["input"].shape
        expected = np.concatenate([theirs["layer0"], theirs["layer1"]], axis=2).reshape(samples * steps, -1)
        spikes = theirs["input"].astype(np.int8).reshape(-1, channels)
    assert expected.sum() > 100
    made = run_program("fast", placed(reading.network), Stimulus(spikes, np.arange(samples) * steps)).spikes
    np.testing.assert_array_equal(made, expected)
