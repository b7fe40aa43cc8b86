"""What quantisation did: each figure against a definition that shares nothing with the code, and the command."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from calls import call
from scipy import sparse

from lsm_deploy.compile import pipeline
from lsm_deploy.compile.build.network import build_network
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Network, Population, Projection, Stimulus
from lsm_deploy.core.streams import stream
from lsm_deploy.data import load_data
from lsm_deploy.data.encoders import poisson_stimulus
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import relative, train
from lsm_deploy.learn.runs import run_samples
from lsm_deploy.measure import fidelity
from lsm_deploy.measure.fidelity.side_by_side import move_spikes
from lsm_deploy.run import backends
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec import load

pytestmark = pytest.mark.once

SPEC = """
dt_ms: 1.0
seed: 4
input:
  channels: 3
  encoder: {kind: rate, frame_ms: 5.0, max_rate_hz: 300.0}
populations:
  liquid:
    size: 40
    inhibitory_fraction: 0.25
    neuron: {kind: LIF, tau_mem_ms: {distribution: uniform, low: 10.0, high: 30.0}, tau_syn_ms: 4.0}
projections:
  - source: input
    target: liquid
    topology: {kind: erdos_renyi, in_degree: 2}
    weight: {distribution: gamma, mean: 0.12, std: 0.06}
  - source: liquid
    target: liquid
    topology: {kind: erdos_renyi, probability: 0.2}
    weight: {distribution: gamma, mean: 0.02, std: 0.02}
    delay_ms: 2.0
readout:
  population: liquid
  features: {kind: bins, bins: 2}
  folds: 3
data: {train: train.npz, test: test.npz}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)
    for name, seed in (("train", 0), ("test", 1)):
        rng = np.random.default_rng(seed)
        labels = np.arange(30) % 3
        values = rng.random((30, 8, 3)) * 0.5
        values[np.arange(30), :, labels] += 0.4
        np.savez(tmp_path / f"{name}.npz", frames=values, labels=labels)
    return tmp_path


# --- distances ------------------------------------------------------------------------------------------------------


def trains(seed=0, steps=200, neurons=5, rate=0.1):
    rng = np.random.default_rng(seed)
    return (rng.random((2, steps, neurons)) < rate).astype(np.int8)


def test_a_distance_is_van_rossums():
    first, second = trains()
    tau = 7.0

    def norm2(a):  # from the spike times, pair by pair
        return sum(
            a[i, n] * a[j, n] * np.exp(-abs(i - j) / tau)
            for n in range(a.shape[1])
            for i in np.flatnonzero(a[:, n])
            for j in np.flatnonzero(a[:, n])
        )

    found = fidelity.compare_spikes(first, second, np.array([0]), tau)
    assert found.relative == pytest.approx(np.sqrt(norm2(first - second) / (norm2(first) + norm2(second))))


def test_a_library_agrees_about_the_distance():
    elephant = pytest.importorskip("elephant.spike_train_dissimilarity", reason="elephant needs numpy 1")
    import quantities as pq
    from neo import SpikeTrain

    first, second = trains(neurons=1)
    none = np.zeros_like(first)
    trio = [SpikeTrain(np.flatnonzero(a[:, 0]).astype(float), units="ms", t_stop=200.0) for a in (first, second, none)]
    theirs = elephant.van_rossum_distance(trio, 7.0 * pq.ms)
    ours = fidelity.compare_spikes(first, second, np.array([0]), 7.0).relative
    assert ours == pytest.approx(theirs[0, 1] / np.hypot(theirs[0, 2], theirs[1, 2]))


def test_equal_and_foreign_runs():
    first, second = trains()
    same = fidelity.compare_spikes(first, first, np.array([0, 100]), 20.0)
    assert (same.relative, same.correlation, same.over_time.tolist()) == (0.0, pytest.approx(1.0), [0.0] * 100)
    first[100:], second[:100] = 0, 0
    assert fidelity.compare_spikes(first, second, np.array([0]), 1.0).relative == pytest.approx(1.0, abs=1e-3)
    nothing = fidelity.compare_spikes(first * 0, first * 0, np.array([0]), 1.0)
    assert (nothing.relative, nothing.correlation) == (0.0, None)
    assert fidelity.compare_spikes(-first, first, np.array([0]), 1.0).correlation == pytest.approx(-1.0)


def test_correlation_and_drift_by_hand():
    first, second = trains(neurons=3)
    starts, tau = np.array([0, 80]), 5.0
    states = []
    for spikes in (first, second):
        x = np.zeros(spikes.shape)
        for t in range(len(spikes)):
            x[t] = spikes[t] + (0 if t in starts else np.exp(-1 / tau) * x[t - 1])
        states.append(x)
    x, y = states
    found = fidelity.compare_spikes(first, second, starts, tau)
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    assert found.correlation == pytest.approx((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    at = [5, 85]
    expected = np.sqrt(((x[at] - y[at]) ** 2).sum() / (x[at] ** 2 + y[at] ** 2).sum())
    assert found.over_time[5] == pytest.approx(expected)
    assert len(found.over_time) == 120


def test_one_spike_of_each_sample_moves_by_one_step():
    stimulus = poisson_stimulus(3, 90, 100.0, 1.0, 0)
    stimulus = Stimulus(stimulus.spikes, np.array([0, 30, 60]))
    moved = move_spikes(stimulus, np.random.default_rng(0))
    for first in (0, 30, 60):
        change = moved.spikes[first : first + 30].astype(int) - stimulus.spikes[first : first + 30]
        (from_t, from_channel), (to_t, to_channel) = np.argwhere(change == -1)[0], np.argwhere(change == 1)[0]
        assert np.abs(change).sum() == 2
        assert from_channel == to_channel
        assert abs(from_t - to_t) == 1
    assert move_spikes(Stimulus(np.zeros((9, 2), np.int8), np.array([0])), np.random.default_rng(0)) is None
    assert move_spikes(Stimulus(np.ones((9, 2), np.int8), np.array([0])), np.random.default_rng(0)) is None


# --- dynamics -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [40, 1200])
def test_the_spectral_radius_is_that_of_all_weights_between_neurons(size):
    matrix = sparse.random_array((size, size), density=8 / size, rng=np.random.default_rng(1), format="csc")
    half = size // 2
    names = {"a": slice(0, half), "b": slice(half, size)}
    values = {"tau_mem_ms": 20.0, "tau_syn_ms": 5.0, "v_threshold": 1.0, "bias": 0.0}
    projections = []
    for source, columns in names.items():
        for target, rows in names.items():
            block = matrix[rows, columns].tocsc()
            block.sort_indices()
            projections.append(
                Projection(
                    f"{source}->{target}", source, target, "excitatory", 8, block.indptr.astype(np.int64),
                    block.indices.astype(np.int32), block.data.copy(), np.zeros(block.nnz),
                )
            )  # fmt: skip
    populations = tuple(
        Population(name, "LIF", half, {field: np.full(half, value) for field, value in values.items()})
        for name in names
    )
    network = Network(1.0, 1, 0, populations, tuple(projections))
    expected = np.abs(np.linalg.eigvals(matrix.toarray())).max()
    assert fidelity.spectral_radius(network) == pytest.approx(expected, rel=1e-5)
    quantised = pipeline.compile_built(network).program.network
    assert fidelity.spectral_radius(quantised) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("m", [0.5, 0.9])
def test_the_branching_ratio_of_a_branching_process(m):
    rng = np.random.default_rng(3)
    activity = [20]
    for _ in range(20000):
        activity.append(rng.poisson(m * activity[-1]) + rng.poisson(20 * (1 - m)))
    spikes = (np.arange(120) < np.array(activity)[:, None]).astype(np.int8)
    assert fidelity.branching_ratio(spikes, np.array([0, 5000])) == pytest.approx(m, abs=0.03)
    assert fidelity.branching_ratio(spikes * 0, np.array([0])) is None


# --- the whole ------------------------------------------------------------------------------------------------------


def test_before_and_after(folder):
    spec = load(folder / "spec.yaml")
    compiled = pipeline.compile_spec(spec)
    stimulus = poisson_stimulus(3, 400, 60.0, 1.0, 0)
    told = []
    baseline = fidelity.baseline_of(compiled.network, stimulus, progress=lambda *done: told.append(done))
    assert told == [(400, 1600), (800, 1600), (1200, 1600), (1600, 1600)]
    (p,) = fidelity.measure_fidelity(baseline, compiled.program).populations
    floats = baseline.reference.spikes
    assert p.before.rate_hz == pytest.approx(floats.mean() * 1000)
    assert p.before.silent == pytest.approx((~floats.any(axis=0)).mean())
    assert p.before.saturated == 0
    assert 0 < p.distance.relative < 0.3
    assert 0 < p.floor.relative < 0.5
    assert p.distance.correlation > 0.9
    # Rates, and who falls silent, by hand on a liquid that quantisation does damage.
    crude = build_network(spec)
    crude = Network(
        1.0, 3, 0, crude.populations,
        tuple(Projection(**(vars(q) | {"weight_bits": 1})) for q in crude.projections),
    )  # fmt: skip
    found = fidelity.measure_fidelity(baseline, pipeline.compile_built(crude).program)
    (p,) = found.populations
    deployed = found.deployed.spikes
    assert p.after.rate_hz == pytest.approx(deployed.mean() * 1000)
    assert p.rate_change_hz == pytest.approx(np.abs(deployed.mean(axis=0) - floats.mean(axis=0)).mean() * 1000)
    assert p.fell_silent == int((floats.any(axis=0) & ~deployed.any(axis=0)).sum())
    assert p.woke == int((~floats.any(axis=0) & deployed.any(axis=0)).sum())
    assert p.distance.relative > 0.4


def test_accuracy_with_the_readout_as_it_is_and_trained_again(folder):
    spec = load(folder / "spec.yaml")
    compiled = pipeline.compile_spec(spec)
    taught = fidelity.teach(spec, compiled.network, compiled.program, *load_data(spec.data))
    scores = fidelity.measure_transfer(taught, compiled.program)
    assert scores.floats.accuracy > 0.6
    assert scores.unchanged.accuracy == pytest.approx(scores.floats.accuracy, abs=0.1)
    silent = build_network(spec)
    silent = Network(
        1.0, 3, 0, silent.populations,
        tuple(Projection(**(vars(q) | {"weight": q.weight * 0.01})) for q in silent.projections),
    )  # fmt: skip
    lost = fidelity.measure_transfer(taught, pipeline.compile_built(silent).program)
    assert lost.floats == scores.floats
    assert lost.unchanged.correct == lost.retrained.correct == 10  # one class for all


def test_the_fewest_bits(folder):
    spec = load(folder / "spec.yaml")
    compiled = pipeline.compile_spec(spec)
    baseline = fidelity.baseline_of(compiled.network, poisson_stimulus(3, 300, 60.0, 1.0, 0), repeats=1)

    def fitted(most):
        return fidelity.fit_bits(pipeline.compile_built, fidelity.Bound("distance", most), baseline, None)

    curve = fitted(0.2).curve
    assert [point.bits for point in curve] == list(range(8, 0, -1))
    assert curve[0].distance < curve[-1].distance
    most = curve[3].distance
    expected = next((i for i, point in enumerate(curve) if point.distance > most), 8)
    assert fitted(most).bits == 9 - expected
    assert fitted(1.5).bits == 1
    assert fitted(0.0).bits is None
    with pytest.raises(LsmError, match="needs data and a readout"):
        fidelity.fit_bits(pipeline.compile_built, fidelity.Bound("accuracy", 1.0), baseline, None)


@pytest.mark.parametrize("text", ["accuracy", "accuracy:", "speed:1", "distance:-1", "distance:nan", "distance:inf"])
def test_a_bound_that_is_none(text):
    with pytest.raises(LsmError, match="is no bound"):
        fidelity.Bound.parse(text)


def test_the_command(folder):
    text = call(
        "quantise-report", "spec.yaml", "--samples", 5, "--fit-bits", "accuracy:10", "--pictures", "pictures"
    ).stdout
    for words in ("its floor", "SNR dB", "spectral radius", "the float liquid's readout", "bits a weight", "wrote"):
        assert words in text
    found = json.loads(call("quantise-report", "spec.yaml", "--json", "--fit-bits", "retrained:10").stdout)
    assert found["stimulus"] == {"samples": 30, "steps": 1200}
    assert found["accuracy"].keys() == {"floats", "shaken", "unchanged", "retrained"}
    assert found["fit_bits"]["bits"] in range(1, 9)
    assert len(found["populations"][0]["distance"]["over_time"]) == 40
    for name in ("weights", "time_constants", "rasters", "distance", "fit_bits"):
        assert (folder / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_bits_that_the_board_has_no_room_for_are_measured_and_marked(folder, monkeypatch):
    few = replace(BOARDS["oheo_gulch"], cores_per_chip=1, synapse_units_per_core=140)
    monkeypatch.setitem(BOARDS, "oheo_gulch", few)
    (folder / "spec.yaml").write_text(SPEC.replace("    topology", "    weight_bits: 4\n    topology"))
    text = call("quantise-report", "spec.yaml", "--fit-bits", "distance:0.2").stdout
    assert "fits oheo_gulch" in text
    found = json.loads(call("quantise-report", "spec.yaml", "--fit-bits", "distance:0.2", "--json").stdout)
    fits = {point["bits"]: point["fits"] for point in found["fit_bits"]["curve"]}
    assert fits.keys() == set(range(1, 9))
    assert not fits[8]
    assert fits[4]
    # What keeps the bound is said even so, and that it is no answer for this board.
    eight = found["fit_bits"]["curve"][0]["value"]
    text = call("quantise-report", "spec.yaml", "--fit-bits", f"distance:{eight + 1e-9}").stdout
    assert "does not fit oheo_gulch" in text


def test_what_cannot_be_reported_on(folder):
    call("compile", "spec.yaml", "-o", "p.lsm")
    assert "its floats are gone" in call("quantise-report", "p.lsm", status=1).stderr
    (folder / "file").write_text("")
    assert "a file is in the way" in call("quantise-report", "spec.yaml", "--pictures", "file", status=1).stderr


def test_which_readout_reads_what(folder):
    spec = load(folder / "spec.yaml")
    compiled = pipeline.compile_spec(spec)
    taught = fidelity.teach(spec, compiled.network, compiled.program, *load_data(spec.data))
    network = build_network(spec)
    projections = tuple(Projection(**(vars(q) | {"weight_bits": 2})) for q in network.projections)
    program = pipeline.compile_built(Network(1.0, 3, 0, network.populations, projections)).program
    scores = fidelity.measure_transfer(taught, program)
    spikes = [backends.run_program("emulator", program, stimulus).spikes for stimulus in taught.stimuli]
    features = [
        readouts.extract_features(s, stimulus.starts, spec.readout, 1.0)
        for s, stimulus in zip(spikes, taught.stimuli, strict=True)
    ]
    again = readouts.fit(features[0], taught.data[0].labels, spec.readout, spec.seed)
    for classifier, score in ((taught.classifier, scores.unchanged), (again, scores.retrained)):
        answers = readouts.predict(classifier, features[1])
        assert score.correct == sum(a == b for a, b in zip(answers, taught.data[1].labels, strict=True))
    assert scores.unchanged.correct != scores.retrained.correct
    moved = move_spikes(taught.stimuli[1], stream(spec.seed, "moved spike", "test"))
    spikes = run_float(compiled.network, moved).spikes
    answers = readouts.predict(taught.classifier, readouts.extract_features(spikes, moved.starts, spec.readout, 1.0))
    assert scores.shaken.correct == sum(a == b for a, b in zip(answers, taught.data[1].labels, strict=True))


def test_the_readout_that_is_reported_on_is_the_one_that_is_trained(folder):
    """Centred by group, and in folds that split none: as `train` has it."""
    spec = load(folder / "spec.yaml")
    spec = replace(spec, readout=replace(spec.readout, centre="group"))
    parts = []
    for i, part in enumerate(load_data(spec.data)):
        groups = tuple(f"{i}{j % 3}" for j in range(part.samples))
        parts.append(replace(part, groups=groups))
    compiled = pipeline.compile_spec(spec)
    taught = fidelity.teach(spec, compiled.network, compiled.program, *parts)
    scores = fidelity.measure_transfer(taught, compiled.program)
    model = train(spec, parts[0])
    answers = readouts.predict(model.answerer.classifier, _of(model, parts[1]))
    right = [a == b for a, b in zip(answers, parts[1].labels, strict=True)]
    assert scores.retrained.correct == sum(right)
    assert scores.retrained.cv_accuracy == model.answerer.classifier.cv_accuracy.max()
    plain = readouts.fit(_of(model, parts[0]), parts[0].labels, spec.readout, spec.seed)
    assert plain.cv_accuracy.tolist() != model.answerer.classifier.cv_accuracy.tolist()  # the groups did matter


def _of(model, part):
    run = run_samples(model.listener, model.readout, part, "test")
    return relative(run.samples.features, part, model.readout)
