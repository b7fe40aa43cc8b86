"""Output neurons on the chip: what the pass adds, what they decide, and that all backends decide alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import liquid
import numpy as np
import pytest
from lsm_backends.lava import sim
from waves import FRESH, INTERVAL, spec, waves

import lsm_deploy as ld
from lsm_deploy.compile.pipeline import integers_of_spec
from lsm_deploy.compile.place.cores import load_of, place_network
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import Frames
from lsm_deploy.learn import attach, onchip, readout
from lsm_deploy.learn.attach import OUTPUT, OutputWeights, attach_readout, output_of, winners
from lsm_deploy.learn.listener import listen
from lsm_deploy.learn.model import Model, OnChip
from lsm_deploy.learn.runs import Samples
from lsm_deploy.spec.schema import Bins

pytestmark = pytest.mark.once

NO_LAVA = sim.missing()
needs_lava = pytest.mark.skipif(NO_LAVA is not None, reason=str(NO_LAVA))
TRAIN, TEST = waves(24, 1, noise=0.25), waves(12, 2, noise=0.25)


def weights(mixed: bool, vth: int = 700) -> OutputWeights:
    rng = np.random.default_rng(3)
    values = rng.integers(-128, 128, (3, 20)) * 2 if mixed else rng.integers(0, 256, (3, 20))
    values[rng.random(values.shape) < 0.2] = 0
    return OutputWeights(("inh", "exc"), values, vth, np.array([100, -50, 0]), np.array([0, 2, 7]))


# --- the pass ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixed", [False, True])
def test_output_neurons_integrate_what_they_hear(mixed: bool) -> None:
    program, given = liquid.liquid(), weights(mixed)
    attached = attach_readout(program.network, given)
    assert attached.populations[:-1] == program.network.populations
    assert attached.projections[:4] == program.network.projections
    assert [p.sign_mode for p in attached.projections[4:]] == ["mixed" if mixed else "excitatory"] * 2
    whole = replace(program, network=attached, cores=np.zeros(attached.neurons, np.int32))
    stimulus = liquid.stimulus(200, (0, 90))
    trace = ld.run_program("emulator", whole, stimulus, ("v",))
    alone = ld.run_program("emulator", program, stimulus)
    assert (trace.spikes[:, :20] == alone.spikes).all()  # nothing comes back from them
    # By hand, one neuron and step at a time.
    order = [*range(16, 20), *range(16)]  # inh before exc
    for c in range(3):
        v = 0
        for t in range(200):
            if t in (0, 90):
                v = 0
                heard = 0
            else:
                heard = sum(int(given.weights[c, k]) * int(alone.spikes[t - 1, n]) for k, n in enumerate(order))
            v += heard * 64 + (int(given.bias_mant[c]) << int(given.bias_exp[c]))
            fires = v > 700 * 64
            v = 0 if fires else v
            assert (trace.spikes[t, 20 + c], trace.registers["v"][t, 20 + c]) == (fires, v)
    assert trace.spikes[:, 20:].sum() > 20


def test_a_name_that_is_taken() -> None:
    attached = attach_readout(liquid.liquid().network, weights(False))
    with pytest.raises(LsmError, match="there is a population 'readout' already"):
        attach_readout(attached, weights(False))
    with pytest.raises(LsmError, match="there is no population 'readout'"):
        output_of(liquid.liquid())


def test_the_most_spikes_then_the_first_then_the_lower_class() -> None:
    program = liquid.liquid()
    network = attach_readout(program.network, weights(False))
    program = replace(program, network=network, cores=np.zeros(23, np.int32))
    spikes = np.zeros((60, 23), np.int8)
    for sample, fired in enumerate(([(1, 2), (3, 2), (2, 0)], [(1, 0), (8, 0), (2, 1), (7, 1)], [(4, 2), (4, 1)], [])):
        for t, c in fired:
            spikes[15 * sample + t, 20 + c] = 1
    spikes[:, 0] = 1  # the liquid's own do not count
    assert winners(program, spikes, np.arange(0, 60, 15)).tolist() == [2, 1, 1, 0]


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[FRESH, INTERVAL], ids=["fresh", "interval"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Model]:
    described = spec(tmp_path_factory.mktemp("on_chip"), samples=request.param, read="[liquid, other]")
    return described, ld.train_on_chip(described, TRAIN)


def teach(described: Any, data: Frames) -> tuple[tuple[Any, Any], Samples]:
    """Output neurons as they are trained, and the run that they are trained on."""
    placed = place_network(integers_of_spec(described), NOWHERE)
    heard = listen(described, data, placed)
    run = onchip.run_samples(heard, onchip.readout_of(described), data, "train", "fast", None, hold=onchip.AT_ONCE)
    return onchip._teach(described, heard, data, run.samples, "fast"), run.samples


def stimulus_of(chip: Model) -> ld.Stimulus:
    return chip.listener.encode(TEST)


@pytest.mark.parametrize("backend", ["fast", "brian", pytest.param("lava", marks=[pytest.mark.lava, needs_lava])])
def test_every_backend_decides_alike(trained: tuple[Any, Model], backend: str) -> None:
    _, chip = trained
    stimulus = stimulus_of(chip)
    ours = ld.run_program("emulator", chip.program, stimulus, ("u", "v"))
    theirs = ld.run_program(backend, chip.program, stimulus, ("u", "v"))
    assert ld.compare(chip.program, ours, theirs, ("u", "v")).equal
    assert chip.decisions(theirs) == chip.decisions(ours) == ld.predict(chip, TEST, backend)
    assert ours.spikes[:, output_of(chip.program)].sum() > TEST.samples  # they do spike
    assert ours.counts["wide_sums"] == 0


def test_decisions_are_near_those_of_an_unbinned_host(trained: tuple[Any, Model]) -> None:
    described, chip = trained
    many = waves(100, 2, noise=0.25)
    found = ld.on_chip_accuracy(described, TRAIN, many)
    right = [a == b for a, b in zip(ld.predict(chip, many), many.labels, strict=True)]
    assert found.on_chip == sum(right)
    unbinned = replace(described, readout=replace(described.readout, features=Bins("bins", 1)))
    host = ld.train(unbinned, TRAIN)
    assert found.integers == sum(a == b for a, b in zip(ld.predict(host, many), many.labels, strict=True))
    both = zip(ld.predict(host, many), ld.predict(chip, many), strict=True)
    assert found.agreed == sum(a == b for a, b in both)
    assert found.agreed >= 0.8 * many.samples
    assert found.on_chip >= found.floats - many.samples / 9 >= 0.7 * many.samples
    assert found.samples == many.samples == 300
    assert found.to_json()["accuracy"]["on_chip"] == found.on_chip / 300


def test_biases_make_up_for_what_rounding_moves_on_average() -> None:
    """Many spikes, and small differences between classes: errors of rounded weights add up over the mean counts."""
    rng = np.random.default_rng(4)
    features = np.column_stack([300 + rng.poisson(60, (300, 400)), rng.integers(500, 520, 300)])
    real = rng.normal(size=(5, 401)) * np.append(np.full(400, 1.0), 0.0)
    real[:, -1] = -(real[:, :-1] @ features[:, :-1].mean(axis=0)) / features[:, -1].mean()
    wanted = np.argmax(features @ real.T, axis=1)
    for candidate in onchip._candidates(("liquid",), real, features, 300)[:: len(onchip.SPIKES)]:
        sums = onchip._sums(candidate, features[:, :-1], features[:, -1])
        assert np.mean(np.argmax(sums, axis=1) == wanted) > 0.9


def test_sums_are_what_would_be_were_nothing_lost(trained: tuple[Any, Model]) -> None:
    """With a threshold out of reach the voltage at the end is the sum, but for the spikes of the last step."""
    described, chip = trained
    (_, weights), _ = teach(described, TRAIN)
    outputs = chip.program.network.populations[-1]
    endless = replace(outputs, registers={**outputs.registers, "vth": np.full(3, 131071)})
    network = replace(chip.program.network, populations=(*chip.program.network.populations[:-1], endless))
    stimulus = stimulus_of(chip)
    trace = ld.run_program("fast", replace(chip.program, network=network), stimulus, ("v",))
    ends = np.append(stimulus.starts[1:], len(stimulus.spikes))
    section = replace(described.readout, features=Bins("bins", 1))
    seen = trace.spikes[:, :52].copy()
    seen[ends - 1] = 0
    counts = readout.extract_features(seen, stimulus.starts, section, 1.0)
    sums = onchip._sums(weights, counts, ends - stimulus.starts)
    whole = ~(trace.spikes[:, -3:] != 0).any()
    assert whole
    got = trace.registers["v"][ends - 1, -3:]
    if network.sample_interval:  # the last step of the sample before arrives here
        late = trace.spikes[ends[:-1] - 1, :52].astype(np.int64) @ weights.weights.T << 6
        sums[1:] += late
    assert got.tolist() == sums.tolist()


def test_the_search_emulates_what_then_runs(tmp_path: Path) -> None:
    described = spec(tmp_path)
    (chip, weights), _ = teach(described, TRAIN)
    stimulus = chip.listener.encode(TRAIN, "train")
    trace = ld.run_program("fast", chip.program, stimulus)
    right = np.array([chip.classes.index(label) for label in TRAIN.labels])
    ((hits, ties, spikes),) = onchip._try([weights], trace.spikes[:, :40], stimulus.starts, right)
    outputs = trace.spikes[:, output_of(chip.program)]
    assert hits == np.count_nonzero(winners(chip.program, trace.spikes, trace.starts) == right)
    assert spikes == -outputs.sum()
    each = np.add.reduceat(outputs, stimulus.starts, axis=0)
    assert ties == -sum(row.count(max(row)) > 1 for row in each.tolist())


def test_the_search_judges_samples_that_were_not_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels drawn at random can be learnt by heart, and no more: in several draws, for they are few."""
    described = spec(tmp_path)
    described = replace(described, readout=replace(described.readout, regularisation=(1e-3,)))
    tried, try_, judged = [], onchip._try, []
    monkeypatch.setattr(onchip, "_try", lambda *given: tried.append(try_(*given)) or tried[-1])
    for draw in range(6):
        few = waves(8, 1)
        few = replace(few, labels=tuple(np.random.default_rng(draw).permutation(few.labels).tolist()))
        tried.clear()
        (model, _), run = teach(described, few)
        judged.append(sum(tried)[:, 0].max() / few.samples)
        stimulus = model.listener.encode(few, "train")
        spikes = ld.run_program("fast", model.program, stimulus).spikes[:, :40]
        right = np.array([model.classes.index(label) for label in few.labels])
        features = np.column_stack([run.whole, np.diff(stimulus.starts, append=len(spikes))])
        real = readout.weights_at(features, right, 3, described.readout, 1e-3)
        by_heart = try_(onchip._candidates(("liquid",), real, features, 9), spikes, stimulus.starts, right)
        assert by_heart[:, 0].max() / few.samples > 0.7
    assert np.mean(judged) < 0.55


def test_a_few_neurons_are_read(tmp_path: Path) -> None:
    described = spec(tmp_path, features="{kind: bins, bins: 4}")
    many = replace(described, readout=replace(described.readout, keep=100))  # of 160; there are 40 whole counts
    assert ld.train_on_chip(many, TRAIN).readout.keep == 40
    few = ld.train_on_chip(replace(described, readout=replace(described.readout, keep=6)), TRAIN)
    projection = few.program.network.projections[-1]
    assert 0 < np.count_nonzero(np.diff(projection.indptr)) <= 6
    assert np.mean(np.array(ld.predict(few, TEST)) == TEST.labels) > 0.5


def test_weights_leave_room_for_the_busiest_step() -> None:
    rng = np.random.default_rng(0)
    features = rng.poisson(9.0, (30, 301))
    for busiest in (10, 300):
        for candidate in onchip._candidates(("liquid",), rng.normal(size=(4, 301)), features, busiest):
            assert np.abs(candidate.weights).max() * busiest <= 32767 * 1.01
            assert 1 <= candidate.vth <= 131071
            attach_readout(replace_size(300), candidate)  # every constraint of the integers holds


def replace_size(size: int) -> Any:
    network = liquid.liquid().network
    registers = {name: np.resize(values, size) for name, values in network.populations[0].registers.items()}
    population = replace(network.populations[0], name="liquid", size=size, registers=registers)
    return replace(network, populations=(population,), projections=())


def test_a_model_on_the_chip_in_a_file(trained: tuple[Any, Model], tmp_path: Path) -> None:
    _, chip = trained
    ld.save_model(tmp_path / "a.model", chip)
    again = ld.load_model(tmp_path / "a.model")
    assert isinstance(again.answerer, OnChip)
    assert again.classes == chip.classes == ("a", "b", "c")
    assert ld.predict(again, TEST) == ld.predict(chip, TEST)
    with pytest.raises(ValueError, match="3 output neurons for 2 classes"):
        replace(chip, answerer=replace(chip.answerer, classes=("a", "b")))
    assert sum(load.neurons for load in load_of(chip.program)) == 55  # placed, output neurons and all
    assert OUTPUT == attach.OUTPUT == chip.program.network.populations[-1].name
