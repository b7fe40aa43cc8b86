"""Training, answering and measuring: each figure recomputed by hand, and nothing of the test data in the model."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lsm_deploy import store
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Program, QNetwork, QPopulation, QProjection, Stimulus, Trace
from lsm_deploy.core.samples import contaminated
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.model import Model, load_model, model_from_parts, model_to_parts, predict, save_model, train
from lsm_deploy.measure.evaluation import Evaluation, Score, evaluate
from lsm_deploy.measure.evaluation.score import curve_of
from lsm_deploy.measure.uncertainty import Spread, wilson
from lsm_deploy.run import backends
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec import Spec, load

SPEC = """
dt_ms: 1.0
seed: 4
input:
  channels: 2
  encoder: {{kind: gaussian_population, frame_ms: 5.0, neurons: 5, code: rate, max_rate_hz: 600.0}}
populations:
  liquid:
    size: 40
    inhibitory_fraction: 0.25
    neuron: {{kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}}
  idle:
    size: 3
    neuron: {{kind: LIF}}
projections:
  - {{source: input, target: liquid, topology: {{kind: erdos_renyi, in_degree: 3}}, weight: {weight}}}
  - source: liquid
    target: liquid
    topology: {{kind: erdos_renyi, in_degree: 5}}
    weight: 0.05
    delay_ms: 3.0
readout:
  population: {read}
  features: {features}
  regularisation: [1.0, 10.0, 100.0]
  folds: 3
samples: {samples}
"""


def spec(
    folder: Path,
    *,
    weight: float = 0.2,
    features: str = "{kind: bins, bins: 2}",
    samples: str = "{policy: fresh}",
    read: str = "liquid",
) -> Spec:
    file = folder / "spec.yaml"
    file.write_text(SPEC.format(weight=weight, features=features, samples=samples, read=read))
    return load(file)


def waves(each: int, seed: int) -> Frames:
    """Three classes of two slow waves that differ in their phase, each 4 to 8 frames, and some noise."""
    rng = np.random.default_rng(seed)
    samples, labels = [], []
    for i in range(3 * each):
        t = np.arange(rng.integers(4, 9))
        phase = 2.1 * (i % 3)
        sample = np.stack([np.sin(t + phase), np.cos(0.7 * t + phase)], axis=1)
        samples.append(sample + 0.6 * rng.normal(size=sample.shape))
        labels.append("abc"[i % 3])
    lengths = [len(sample) for sample in samples]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return make_frames(np.concatenate(samples), starts, labels, f"waves {seed}")


TRAIN, TEST = waves(12, 1), waves(10, 2)


def error(call: Any) -> tuple[str, str, str]:
    with pytest.raises(LsmError) as caught:
        call()
    return caught.value.what, caught.value.where, caught.value.hint


def runs(described: Spec) -> tuple[list[Stimulus], list[Trace]]:
    """The stimuli of both parts, with the training part's ranges, and what the program makes of them."""
    program = compile_spec(described).program
    ranges, interval = fit_ranges(TRAIN, described.input), program.network.sample_interval
    stimuli = [
        encode(described.input, ranges, TRAIN, 1.0, 4, interval, "train"),
        encode(described.input, ranges, TEST, 1.0, 4, interval, "test"),
    ]
    return stimuli, [backends.run_program("emulator", program, stimulus) for stimulus in stimuli]


# --- the figures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 3])
@pytest.mark.parametrize("features", ["{kind: bins, bins: 2}", "{kind: traces, tau_ms: 10.0, samples: 2}"])
def test_every_score_as_by_hand(tmp_path: Path, features: str, bits: int) -> None:
    described = spec(tmp_path, features=features)
    assert described.readout is not None
    section = replace(described.readout, weight_bits=bits)
    described = replace(described, readout=section)
    got = evaluate(described, TRAIN, TEST)
    program = compile_spec(described).program
    stimuli, traces = runs(described)
    answers: tuple[str, ...] = ()

    def score(train_features: Any, test_features: Any) -> Score:
        nonlocal answers
        classifier = readouts.fit(train_features, TRAIN.labels, section, 4)
        if train_features.dtype == np.int64:
            answers = readouts.answers(readouts.quantise_readout(classifier, bits), test_features)
        else:
            answers = readouts.predict(classifier, test_features)
        correct = sum(a == b for a, b in zip(answers, TEST.labels, strict=True))
        best = classifier.cv_accuracy.max()
        return Score(correct, 30, train_features.shape[1], classifier.regularisation, best, True)

    def liquid(of: Program) -> list[Any]:
        traces = [backends.run_program("emulator", of, stimulus) for stimulus in stimuli]
        return [readouts.extract_features(trace.spikes[:, :40], trace.starts, section, 1.0) for trace in traces]

    cut = replace(
        program,
        network=replace(
            program.network, projections=tuple(p for p in program.network.projections if p.source == INPUT)
        ),
    )
    assert len(cut.network.projections) == 1
    assert got.baselines["feedforward"] == score(*liquid(cut))
    assert got.baselines["encoded"] == score(
        *(readouts.extract_features(s.spikes, s.starts, section, 1.0) for s in stimuli)
    )
    raws = [score(*(readouts.mean_bins(d.frames, d.starts, n) for d in (TRAIN, TEST))) for n in range(1, 6)]
    assert got.baselines["raw"] == max(raws, key=lambda found: found.cv_accuracy)
    network = compile_spec(described).network
    floating = [run_float(network, stimulus) for stimulus in stimuli]
    assert got.floats == score(
        *(readouts.float_features(trace.spikes[:, :40], trace.starts, section, 1.0) for trace in floating)
    )
    x, unseen = liquid(program)
    classifier = readouts.fit(x, TRAIN.labels, section, 4)
    said = readouts.predict(classifier, unseen)
    assert got.unrounded.correct == sum(a == b for a, b in zip(said, TEST.labels, strict=True))
    assert got.answers["unrounded"].predicted == said
    assert got.liquid == score(x, unseen)
    assert got.liquid != got.baselines["feedforward"]
    assert (got.train_samples, got.test_samples) == (36, 30)
    assert got.liquid.accuracy > 0.6  # it learned something at all
    assert got.classes == ("a", "b", "c")
    pairs = list(zip(TEST.labels, answers, strict=True))
    assert got.confusion.tolist() == [[pairs.count((true, answer)) for answer in "abc"] for true in "abc"]
    assert got.confusion.tolist() != got.confusion.T.tolist()
    assert got.contaminated == 0

    rates = np.concatenate([trace.spikes for trace in traces]).mean(axis=0) * 1000
    synapses = program.network.projections
    inhibitory = np.zeros(40, bool)
    for p in synapses:
        if p.sign_mode == "inhibitory":
            inhibitory |= np.diff(p.indptr) > 0
    exciting = np.zeros(40, bool)
    for p in synapses:
        if p.source == "liquid" and p.sign_mode == "excitatory":
            exciting |= np.diff(p.indptr) > 0
    activity = got.activity["liquid"]
    assert activity.rate_hz == pytest.approx(rates[:40].mean())
    assert activity.inh_hz == pytest.approx(rates[:40][inhibitory].mean())
    assert activity.exc_hz == pytest.approx(rates[:40][exciting].mean())
    assert not (inhibitory & exciting).any()
    assert activity.silent == (rates[:40] == 0).mean()
    assert activity.saturated == (rates[:40] > 500).mean()
    assert got.activity["idle"].silent == 1
    assert got.activity["idle"].exc_hz is None
    assert got.counts.keys() == {"u_wraps", "v_saturations", "wide_sums"}


def test_saturated_neurons_and_events_are_counted(tmp_path: Path) -> None:
    described = spec(tmp_path, weight=30.0)
    got = evaluate(described, TRAIN, TEST)
    assert got.activity["liquid"].saturated > 0.1
    traces = runs(described)[1]
    assert got.counts == {name: sum(trace.counts[name] for trace in traces) for name in got.counts}
    assert min(trace.counts["v_saturations"] for trace in traces) > 0


def test_what_was_trained_answers_as_it_was_measured(tmp_path: Path) -> None:
    described = spec(tmp_path)
    model = train(described, TRAIN)
    answers = predict(model, TEST)
    assert evaluate(described, TRAIN, TEST).liquid.correct == sum(
        a == b for a, b in zip(answers, TEST.labels, strict=True)
    )
    assert predict(model, Frames(TEST.frames, TEST.starts)) == answers  # labels are not looked at


def test_the_specs_own_data(tmp_path: Path) -> None:
    for name, data in (("train", TRAIN), ("test", TEST)):
        np.savez(tmp_path / f"{name}.npz", frames=data.frames, starts=data.starts, labels=data.labels)
    spec(tmp_path)
    with (tmp_path / "spec.yaml").open("a") as file:
        file.write("data: {train: train.npz, test: test.npz}\n")
    described = load(tmp_path / "spec.yaml")
    own, given = evaluate(described).to_json(), evaluate(described, TRAIN, TEST).to_json()
    assert own.pop("seconds").keys() == given.pop("seconds").keys()
    assert own == given
    assert predict(train(described), TEST) == predict(train(described, TRAIN), TEST)


@pytest.mark.parametrize("unseen", [TEST, make_frames(TEST.frames * 100 - 5, TEST.starts, TEST.labels)])
def test_nothing_of_the_test_data_reaches_the_model(tmp_path: Path, unseen: Frames) -> None:
    described = spec(tmp_path)
    model, got = train(described, TRAIN), evaluate(described, TRAIN, unseen)
    columns = list(zip(*TRAIN.frames.tolist(), strict=True))
    assert model.listener.ranges.tolist() == [[min(c), max(c)] for c in columns]
    assert got.liquid.regularisation == model.answerer.classifier.regularisation
    assert got.liquid.cv_accuracy == model.answerer.classifier.cv_accuracy.max()
    assert got.liquid.correct == sum(a == b for a, b in zip(predict(model, unseen), unseen.labels, strict=True))


def test_no_recurrence_no_ablation(tmp_path: Path) -> None:
    described = spec(tmp_path)
    described = replace(described, projections=described.projections[:1])
    assert evaluate(described, TRAIN, TEST).baselines["feedforward"] is None


@pytest.mark.parametrize("projections", [1, 2])
def test_progress_ascends_to_the_total(tmp_path: Path, projections: int) -> None:
    described = spec(tmp_path)
    told: list[tuple[int, int]] = []
    evaluate(
        replace(described, projections=described.projections[:projections]),
        TRAIN,
        TEST,
        progress=lambda done, total: told.append((done, total)),
    )
    steps = 5 * (len(TRAIN.frames) + len(TEST.frames)) * (1 + projections)  # with the float liquid
    done = [d for d, _ in told]
    assert done == sorted(done)
    assert told[-1] == (steps, steps)
    assert {total for _, total in told} == {steps}


def test_json(tmp_path: Path) -> None:
    got = evaluate(spec(tmp_path), TRAIN, TEST)
    data = json.loads(json.dumps(got.to_json()))
    assert data["liquid"]["accuracy"] == got.liquid.accuracy
    assert list(data["baselines"]) == ["feedforward", "encoded", "raw"]
    assert data["accuracy"] == got.liquid.accuracy
    assert data["accuracy_float"] == got.floats.accuracy
    assert "sensitivity" not in data
    assert data["confusion"] == got.confusion.tolist()
    assert isinstance(got, Evaluation)


@pytest.mark.parametrize(
    ("correct", "samples", "low", "high"),
    [(5, 10, 0.236593, 0.763407), (0, 20, 0.0, 0.161125), (20, 20, 0.838875, 1.0)],
)
def test_wilsons_interval(correct: int, samples: int, low: float, high: float) -> None:
    got = Score(correct, samples, 1, 1.0, 1.0, True).interval
    assert got == pytest.approx((low, high), abs=1e-6)
    # Its ends are where the normal approximation just does not reject: |p - end| = z * sqrt(end (1 - end) / n).
    for end in got:
        if 0 < end < 1:
            assert abs(correct / samples - end) == pytest.approx(
                1.959964 * math.sqrt(end * (1 - end) / samples), rel=1e-6
            )


def test_intervals_are_scipys() -> None:
    from scipy import stats

    for correct, samples in [(0, 1), (1, 1), (3, 7), (349, 370), (9_000, 10_001)]:
        theirs = stats.binomtest(correct, samples).proportion_ci(method="wilson")
        assert wilson(correct / samples, samples) == pytest.approx((theirs.low, theirs.high), rel=1e-14)
    values = [0.5, 0.75, 0.625, 0.875]
    theirs = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    got = Spread.of(values)
    assert (got.low, got.high) == pytest.approx(tuple(theirs), rel=1e-14)


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_the_curve_of_margins_is_scikit_learns(levels: int, share: float) -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    rng = np.random.default_rng(levels)
    positive = rng.random(200) < share
    positive[:2] = True, False
    margins = rng.integers(0, levels, 200) / levels + 0.2 * positive  # few levels: many are equal
    false, true, area = curve_of(positive, margins)
    theirs = roc_curve(positive, margins)
    np.testing.assert_array_equal(false, theirs[0])
    np.testing.assert_array_equal(true, theirs[1])
    assert area == roc_auc_score(positive, margins)


# --- a model's parts ------------------------------------------------------------------------------------------------


def test_parts_and_back(tmp_path: Path) -> None:
    model = train(spec(tmp_path, features="{kind: traces, tau_ms: 10.0}"), TRAIN)
    meta, arrays = model_to_parts(model)
    again = model_from_parts(model.program, json.loads(json.dumps(meta)), arrays)
    assert isinstance(again, Model)
    assert (again.listener.input, again.readout, again.listener.seed) == (
        model.listener.input,
        model.readout,
        model.listener.seed,
    )
    assert predict(again, TEST) == predict(model, TEST)


def test_a_model_file(tmp_path: Path) -> None:
    model, file = train(spec(tmp_path), TRAIN), tmp_path / "a.model"
    save_model(file, model)
    again = load_model(file)
    assert predict(again, TEST) == predict(model, TEST)
    save_model(tmp_path / "b.model", again)
    assert file.read_bytes() == (tmp_path / "b.model").read_bytes()


def test_a_model_file_that_is_none(tmp_path: Path) -> None:
    model, file = train(spec(tmp_path), TRAIN), tmp_path / "a.model"
    store.save_program(file, model.program)
    assert error(lambda: load_model(file))[:2] == ("this is a compiled program, not a trained model", str(file))
    assert error(lambda: load_model(tmp_path / "no"))[:2] == (
        "cannot read: No such file or directory",
        str(tmp_path / "no"),
    )
    for meta in ({}, {"program": 1, "model": {}}):
        packed = store.pack("model", meta, {})
        file.write_bytes(packed)
        assert error(lambda: load_model(file)) == (
            "the model is not valid: a part is missing",
            str(file),
            "train it again",
        )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda meta, arrays: arrays.pop("ranges"), "the model is not valid: no 'ranges'"),
        (lambda meta, arrays: arrays.pop("coef"), "the model is not valid: no 'coef'"),
        (lambda meta, arrays: arrays.pop("integer.biases"), "the model is not valid: no 'integer.biases'"),
        (
            lambda meta, arrays: meta.update(on_chip=True),
            "the model is not valid: there is no population 'readout'",
        ),
        (lambda meta, arrays: meta.pop("seed"), "the model is not valid: no 'seed'"),
        (lambda meta, arrays: meta.update(seed=-1), "the model is not valid: the seed is -1"),
        (
            lambda meta, arrays: arrays.update(scale=0 * arrays["scale"]),
            "the model is not valid: coef has shape (3, 80), or scale is not positive",
        ),
        (
            lambda meta, arrays: meta["readout"].update(population="other"),
            "the model is not valid: there is no population 'other'",
        ),
        (
            lambda meta, arrays: meta["readout"]["features"].update(bins=3),
            "the model is not valid: the classifier does not fit the population that is read",
        ),
        (
            lambda meta, arrays: meta["input"]["encoder"].update(neurons=6),
            "the model is not valid: the input does not fit the program",
        ),
        (
            lambda meta, arrays: arrays.update(ranges=np.zeros((3, 2))),
            "the model is not valid: ranges have shape (3, 2) or are not finite",
        ),
        (
            lambda meta, arrays: meta["input"].update(channels=0),
            "the model is not valid: input.channels is 0: Input should be greater than or equal to 1",
        ),
        (
            lambda meta, arrays: arrays.update({"integer.available": np.array([[80]])}),
            "the model is not valid: integer.available is int64 of shape [1, 1], not one number",
        ),
        (
            lambda meta, arrays: arrays.update(available=np.array([80.7])),
            "the model is not valid: 'float' object cannot be interpreted as an integer",
        ),
        (
            lambda meta, arrays: arrays.update(classes=arrays["classes"][:, np.newaxis]),
            "the model is not valid: classes are <U1 of shape [3, 1], no list of text",
        ),
        (
            lambda meta, arrays: arrays.update(ranges=arrays["ranges"][:, ::-1]),
            "the model is not valid: a range ends before it begins",
        ),
    ],
)
def test_parts_that_are_no_model(tmp_path: Path, change: Any, what: str) -> None:
    model = train(spec(tmp_path), TRAIN)
    meta, arrays = model_to_parts(model)
    change(meta, arrays)
    assert error(lambda: model_from_parts(model.program, meta, arrays))[0] == what


# --- what is refused ------------------------------------------------------------------------------------------------


def test_a_silent_liquid_is_told_how_far_it_is(tmp_path: Path) -> None:
    faint = spec(tmp_path, weight=0.004)
    program = compile_spec(faint).program
    stimulus = encode(faint.input, fit_ranges(TRAIN, faint.input), TRAIN, 1.0, 4, role="train")
    trace = backends.run_program("emulator", program, stimulus, ("v",))
    population = program.network.populations[0]
    reached = max(
        trace.registers["v"][:, n].max() / (int(population.registers["vth"][n]) << 6) for n in range(population.size)
    )
    assert 0 < reached < 1
    expected = (
        f"it never spikes on the training data: the first samples raise it to {reached:.3g} of its threshold",
        "population 'liquid'",
        f"raise the weights onto it about {1.5 / reached:.2g}-fold, or lower its v_threshold",
    )
    assert error(lambda: train(faint, TRAIN)) == expected
    assert error(lambda: evaluate(faint, TRAIN, TEST)) == expected


def test_a_population_that_nothing_reaches(tmp_path: Path) -> None:
    assert error(lambda: train(spec(tmp_path, read="idle"), TRAIN)) == (
        "it never spikes on the training data: nothing raises its voltage",
        "population 'idle'",
        "join it to the input with excitatory weights, or raise its bias",
    )


def test_a_silent_input(tmp_path: Path) -> None:
    described = spec(tmp_path)
    encoder = replace(described.input.encoder, code="latency", threshold=1.0, range=(1e6, 2e6), neurons=3)
    assert error(lambda: train(replace(described, input=replace(described.input, encoder=encoder)), TRAIN)) == (
        "the training data, as it is encoded, has no spikes",
        "input",
        "raise max_rate_hz, or lower threshold or delta",
    )


def test_refused(tmp_path: Path) -> None:
    described = spec(tmp_path)
    bare = Frames(TRAIN.frames, TRAIN.starts)
    assert error(lambda: train(described, bare))[0] == "the samples have no labels"
    assert (
        error(lambda: evaluate(described, TRAIN, Frames(TEST.frames, TEST.starts)))[0] == "the samples have no labels"
    )
    assert error(lambda: evaluate(described, TRAIN))[0] == "training and test data come together"
    assert error(lambda: evaluate(described)) == (
        "the spec names no data",
        "spec",
        "add a data section, or give training and test data",
    )
    assert error(lambda: train(replace(described, readout=None), TRAIN)) == (
        "the spec has no readout to train",
        "spec",
        "add a readout section",
    )
    long = spec(tmp_path, samples="{policy: interval, steps: 30}")
    assert error(lambda: train(long, TRAIN))[0].endswith("40 in all, but the interval is 30")
    wide = make_frames(np.zeros((3, 7)), np.array([0]))
    assert error(lambda: predict(train(described, TRAIN), wide))[0] == (
        "the frames have 7 channels, the spec's input takes 2"
    )


# --- samples in flight ----------------------------------------------------------------------------------------------


def test_contaminated_samples_of_an_interval(tmp_path: Path) -> None:
    described = spec(tmp_path, samples="{policy: interval, steps: 40}")
    got = evaluate(described, TRAIN, TEST)
    program = compile_spec(described).program
    each = [contaminated(program, s, trace.spikes) for s, trace in zip(*runs(described), strict=True)]
    assert got.contaminated == sum(each)
    assert min(each) > 0
    assert sum(each) < TRAIN.samples + TEST.samples
    assert got.to_json()["contaminated_samples"] == got.contaminated


def sparse_program(rng: np.random.Generator, interval: int) -> Program:
    """Two populations and the input, a few synapses between all of them, with delays up to twice the interval."""
    sizes = {INPUT: 4, "a": 3, "b": 2}
    registers = {"du": 4095, "dv": 4095, "vth": 100, "bias_mant": 0, "bias_exp": 0}
    projections = []
    for i, (source, target) in enumerate([(INPUT, "a"), ("a", "b"), ("b", "a"), (INPUT, "b")]):
        count = rng.integers(0, 3, sizes[source])
        n = int(count.sum())
        projections.append(
            QProjection(
                f"p{i}",
                source,
                target,
                "mixed",
                8,
                int(rng.integers(0, 3)),
                np.concatenate([[0], np.cumsum(count)]),
                rng.integers(0, sizes[target], n).astype(np.int32),
                (rng.integers(-2, 3, n) * 2).astype(np.int16),
                rng.integers(0, 2 * interval, n).astype(np.uint8),
            )
        )
    populations = tuple(
        QPopulation(name, "LIF", sizes[name], {k: np.full(sizes[name], v) for k, v in registers.items()})
        for name in ("a", "b")
    )
    network = QNetwork(1.0, 4, interval, populations, tuple(projections))
    return Program(network, np.zeros(5, np.int32), "oheo_gulch")


def slow_contaminated(program: Program, stimulus: Stimulus, spikes: NDArray[np.int8]) -> int:
    network, count = program.network, 0
    starts = stimulus.starts.tolist()
    for start, stop in zip(starts[1:], [*starts[2:], len(spikes)], strict=True):
        sums: dict[tuple[int, str, int], int] = {}
        for p in network.projections:
            fired = stimulus.spikes if p.source == INPUT else spikes[:, network.offsets[p.source] :]
            for j in range(len(p.indptr) - 1):
                for s in range(int(p.indptr[j]), int(p.indptr[j + 1])):
                    for t in range(start):
                        arrival = t + 1 + int(p.delays[s])
                        if start <= arrival < stop:
                            key = (arrival, p.target, int(p.post[s]))
                            weight = int(p.weights[s]) << p.weight_exp
                            sums[key] = sums.get(key, 0) + weight * int(fired[t, j])
        count += any(sums.values())
    return count


def test_contaminated_as_counted_synapse_by_synapse() -> None:
    rng = np.random.default_rng(0)
    starts = np.array([0, 5, 15, 20, 25, 40, 45])
    for _ in range(400):  # a sum that cancels, or does so only by mistake, is rare
        program = sparse_program(rng, interval=5)
        stimulus = Stimulus((rng.random((50, 4)) < 0.1).astype(np.int8), starts)
        spikes = ((rng.random((50, 5)) < 0.1) * rng.choice([-1, 1], (50, 5))).astype(np.int8)  # a ternary kind's
        assert contaminated(program, stimulus, spikes) == slow_contaminated(program, stimulus, spikes)
        fresh = replace(program, network=replace(program.network, sample_interval=0))
        assert contaminated(fresh, stimulus, spikes) == 0


def test_sums_that_cancel_do_not_contaminate() -> None:
    program = sparse_program(np.random.default_rng(0), interval=5)
    twin = QProjection(
        "x",
        INPUT,
        "a",
        "mixed",
        8,
        0,
        np.array([0, 1, 2, 2, 2]),
        np.zeros(2, np.int32),
        np.array([4, -4], np.int16),
        np.zeros(2, np.uint8),
    )
    program = replace(program, network=replace(program.network, projections=(twin,)))
    spikes = np.zeros((10, 4), np.int8)
    spikes[4, 0] = 1
    silent = np.zeros((10, 5), np.int8)
    assert contaminated(program, Stimulus(spikes.copy(), np.array([0, 5])), silent) == 1
    spikes[4, 1] = 1
    assert contaminated(program, Stimulus(spikes, np.array([0, 5])), silent) == 0
