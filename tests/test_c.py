"""Programs and models in C: compiled with sanitizers by two compilers, and the same bits as on a host."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calls import SPEC, frames
from device import BEATS, CLANG, CORTEX_M3, CORTEX_M4, FRAMES, HOST, RISC_V, STRICT, as_frames, ask, build, run_on
from programs import random_case
from test_configs import CONFIGS, LARGE, stimulus_for
from test_regression import GRADED, series
from test_regression import SPEC as SIGNALS
from union import union

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, Stimulus
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.data import Beats
from lsm_deploy.data.front import to_frames
from lsm_deploy.exchange.c_files import liquid
from lsm_deploy.exchange.c_files.encoders import edges_of, numbers_of
from lsm_deploy.exchange.c_files.folder import export_c, names_of
from lsm_deploy.exchange.c_files.tables import comment, string
from lsm_deploy.learn.regression.states import steps_of_frame
from lsm_deploy.run.backends import run_program

COMPILERS = [
    pytest.param(target, id=target.compiler, marks=pytest.mark.skipif(bool(why), reason=str(why)))
    for target in (HOST, CLANG)
    for why in [target.missing()]
]
BOARDS = [
    pytest.param(target, id=name, marks=pytest.mark.skipif(bool(why), reason=str(why)))
    for name, target in (("cortex-m3", CORTEX_M3), ("cortex-m4", CORTEX_M4), ("risc-v", RISC_V))
    for why in [target.missing()]
]
NAMES_OF_ILL = ("*/ int system(); /*", 'a"); system("x', "x\\", "??/", "two\nlines", "ä" * 90, "")


def differences(program: Program, stimulus: Stimulus, target) -> list[str]:
    """Which of spikes and registers differ from the emulator's."""
    record = program.network.state_names
    wanted = run_program("emulator", program, stimulus, record)
    trace = run_on(target, program, stimulus, record)
    differ = [name for name in record if not np.array_equal(wanted.registers[name], trace.registers[name])]
    return differ + ["spikes"] * (not np.array_equal(wanted.spikes, trace.spikes))


def test_there_is_c_for_every_kind():
    assert set(liquid.RULES) == set(KINDS)


@pytest.mark.once
@pytest.mark.parametrize("target", COMPILERS)
@pytest.mark.parametrize("interval", [0, 7])
def test_random_programs_are_the_emulators(target, interval):
    # `make fuzz` goes on with this: a union of programs is compiled once.
    cases = [random_case(seed, interval=interval, kinds=tuple(KINDS)) for seed in range(40)]
    program, stimulus, _ = union([(case, Stimulus(given.spikes, np.zeros(1, np.int64))) for case, given in cases])
    assert set(program.network.kinds) == set(KINDS)
    assert differences(program, stimulus, target) == []


@pytest.mark.once
@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
@pytest.mark.parametrize("file", [file for file in CONFIGS if file.stem != LARGE], ids=lambda file: file.stem)
def test_configs_are_the_emulators(file):
    program = ld.compile_any(file).program
    stimulus = stimulus_for(program)
    short = Stimulus(stimulus.spikes[:200], stimulus.starts[stimulus.starts < 200])
    # One file each, without sanitizers, which test_random_programs has: these are to be cheap.
    assert differences(program, short, replace(HOST, flags=("-O1",))) == []


# --- models ----------------------------------------------------------------------------------------------------------

RATE = "{kind: rate, frame_ms: 5.0, max_rate_hz: 300.0}"
BINS = "features: {kind: bins, bins: 2}"
GAUSSIAN = "{kind: gaussian_population, frame_ms: 5.0, neurons: 5}"
CLASSIFIERS = {
    "latency, bins": ("{kind: latency, frame_ms: 6.0, threshold: 0.2}", "features: {kind: bins, bins: 1}"),
    "gaussian, roots of bins": (GAUSSIAN, "features: {kind: bins, bins: 3, root: true}"),
    "delta, rates": (
        "{kind: send_on_delta, frame_ms: 5.0, delta: 0.15}",
        "features: {kind: rates, bins: 2, groups: 5}",
    ),
    "spikes, traces": ("{kind: spikes, frame_ms: 3.0}", "features: {kind: traces, tau_ms: 20.0, samples: 1}"),
    "range, samples of traces, keep": (
        "{kind: gaussian_population, frame_ms: 5.0, neurons: 4, range: [0.1, 0.8]}",
        "features: {kind: traces, tau_ms: 15.0, samples: 3}\n  keep: 20\n  weight_bits: 12",
    ),
}


def spec_of(folder, text: str) -> ld.Spec:
    (folder / "spec.yaml").write_text(text)
    return ld.load(folder / "spec.yaml")


def frames_of(seed: int, samples: int = 18) -> ld.Frames:
    values, labels = frames(seed, samples)
    values[values < 0.1] = 0.0  # for an encoder of spikes
    starts = np.arange(samples) * values.shape[1]
    return ld.Frames(values.reshape(-1, values.shape[2]), starts, tuple(f"class {i}" for i in labels))


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_are_the_hosts(tmp_path, name):
    encoder, features = CLASSIFIERS[name]
    spec = spec_of(
        tmp_path, SPEC.replace(RATE, encoder).replace(BINS, features).replace("weight: 0.12", "weight: 0.25")
    )
    model = ld.train(spec, frames_of(1))
    samples, given = as_frames(model, frames_of(2))
    answers = ask(HOST, build(HOST, model, tmp_path), model, samples, how=FRAMES)
    assert answers.values[:, 1:].tolist() == ld.scores(model, given).tolist()
    assert tuple(model.classes[i] for i in answers.values[:, 0]) == ld.predict(model, given)
    assert len(set(answers.values[:, 0].tolist())) > 1
    assert answers.state == export_c(tmp_path / "again", model).sizes.ram


@pytest.mark.parametrize(("delta", "there"), [(1e-3, True), (3e-5, False), (1e-9, False)])
def test_levels_beyond_16_bits_are_not_followed(tmp_path, delta, there):
    """They wrapped, in silence; and tables of a thousand million levels were begun."""
    spec = spec_of(tmp_path, SPEC.replace(RATE, f"{{kind: send_on_delta, frame_ms: 5.0, delta: {delta}}}"))
    exported = export_c(tmp_path / "c", ld.train(spec, frames_of(1)))
    assert bool(exported.takes) == there
    assert any("more than 32767 levels" in line for line in exported.left_out) != there


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
def test_the_example_knows_how_long_a_sample_is(tmp_path):
    encoder, features = CLASSIFIERS["gaussian, roots of bins"]
    model = ld.train(spec_of(tmp_path, SPEC.replace(RATE, encoder).replace(BINS, features)), frames_of(1))
    export_c(tmp_path / "c", model)
    values = frames_of(2, samples=1).frames
    main = tmp_path / "c" / "main.c"
    expecting = main.read_text()
    for text, given in (
        (expecting, values),
        (expecting, values[: len(values) // 2]),
        (expecting.replace("lsm_expect(&state, ", "(void)("), values),  # as long as those of training
    ):
        main.write_text(text)
        subprocess.run(["make", "-B", f"CC={HOST.compiler}", "-C", str(main.parent)], check=True, capture_output=True)
        numbers = " ".join(map(repr, given.ravel().tolist()))
        done = subprocess.run([main.with_name("example")], input=numbers, capture_output=True, text=True, check=True)
        said = [int(line.split()[-1]) for line in done.stdout.splitlines()[:-1]]
        assert said == ld.scores(model, ld.Frames(given, np.array([0]), ("?",)))[0].tolist()


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
@pytest.mark.parametrize("name", ["gaussian, roots of bins", "delta, rates", "range, samples of traces, keep"])
def test_samples_of_one_run_are_the_hosts(tmp_path, name):
    encoder, features = CLASSIFIERS[name]
    text = SPEC.replace(RATE, encoder).replace(BINS, features).replace("weight: 0.12", "weight: 0.25")
    steps = 6 * frames_of(1).lengths.max() + 5  # so that there are silent ones
    spec = spec_of(tmp_path, f"samples: {{policy: interval, steps: {steps}}}\n{text}")
    model = ld.train(spec, frames_of(1))
    samples, given = as_frames(model, frames_of(2))
    answers = ask(HOST, build(HOST, model, tmp_path), model, samples, how=FRAMES)
    assert answers.values[:, 1:].tolist() == ld.scores(model, given).tolist()
    assert len(set(answers.values[:, 0].tolist())) > 1


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
@pytest.mark.parametrize(("encoder", "fields"), [("{kind: latency, frame_ms: 6.0, threshold: 0.2}", 1), (GAUSSIAN, 5)])
def test_a_spike_moves_at_the_very_value_at_which_the_hosts_does(tmp_path, encoder, fields):
    text = SPEC.replace(RATE, encoder).replace(BINS, "features: {kind: bins, bins: 1}").replace("0.12", "0.25")
    model = ld.train(spec_of(tmp_path, text), frames_of(1))
    numbers, channels = numbers_of(model.listener), model.listener.input.channels
    up, down = edges_of(model.listener, numbers, fields, steps_of_frame(model.listener))
    beside = np.concatenate([up, up - 1, down, down + 1]).swapaxes(1, 2).reshape(-1, channels)
    places = np.clip(np.repeat(beside, 4, axis=0), -numbers.last, numbers.last)  # four frames each, to be heard
    starts = np.arange(0, len(places), 4)
    answers = ask(
        HOST, build(HOST, model, tmp_path), model, np.split(places.astype(np.int32), starts[1:]), how=FRAMES
    )  # fmt: skip
    assert answers.values[:, 1:].tolist() == ld.scores(model, ld.Frames(numbers.at(places), starts)).tolist()


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
@pytest.mark.parametrize("section", ["", "frame: true, squares: true"])
@pytest.mark.parametrize("kind", ["LIF", "GradedLI"])
def test_signals_are_the_hosts(tmp_path, kind, section):
    text = SIGNALS.replace("tau_ms: 10.0}}", f"tau_ms: 10.0, {section}}}}}")
    if kind == "GradedLI":
        text = text.replace("{kind: LIF, tau_mem_ms: 10.0, tau_syn_ms: 3.0}", "{kind: GradedLI, leak_rate: 0.7}")
        text = text.replace("{kind: gaussian_population, frame_ms: 5.0, neurons: 8,", "{kind: graded, frame_ms: 2.0,")
        text = text.replace("in_degree: 3", "in_degree: 1")
    elif section:
        text = text.replace("frame: true, ", "")  # the frame itself is in floats, and so are graded messages
    model = ld.train_regression(spec_of(tmp_path, text), series(200))
    samples, given = as_frames(model, series(60, 300))
    answers = ask(HOST, build(HOST, model, tmp_path), model, samples, how=FRAMES)
    assert answers.floats.tolist() == ld.forecast(model, given).tolist()
    assert answers.state == export_c(tmp_path / "again", model).sizes.ram
    assert np.ptp(answers.floats) > 0.1


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
@pytest.mark.parametrize("frame", ["false", "true"])
def test_output_neurons_forecast_as_on_the_host(tmp_path, frame):
    text = GRADED.replace("horizon: 2}", f"horizon: 2, features: {{kind: states, frame: {frame}}}}}")
    model = ld.train_regression(spec_of(tmp_path, text), series(200), on_chip=True)
    samples, given = as_frames(model, series(60, 300, samples=2))
    answers = ask(HOST, build(HOST, model, tmp_path), model, samples, how=FRAMES)
    assert answers.floats.tolist() == ld.forecast(model, given).tolist()
    assert np.ptp(answers.floats) > 0.1


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
@pytest.mark.parametrize("channels", ["drr_relative, ddrr_relative, rr_relative", "rr, abs_drr_relative, drr"])
def test_beats_are_the_hosts(tmp_path, channels):
    text = SPEC.replace(
        "input:\n", f"front_end: {{kind: beats, window_beats: 16, channels: [{channels}]}}\ninput:\n", 1
    )
    text = text.replace(RATE, GAUSSIAN).replace(BINS, "features: {kind: bins, bins: 1}").partition("data:")[0]
    rng = np.random.default_rng(3)
    rr = np.where(np.arange(900) // 90 % 2, rng.uniform(0.3, 1.3, 900), rng.normal(0.8, 0.02, 900))
    beats = np.rint(np.cumsum(rr * 250)).astype(np.int64)
    starts, rhythm = np.array([0, 300, 600]), (np.arange(900) // 90 % 2).astype(np.int8)
    data = Beats(beats, starts, 250.0, rhythm, ("N", "AFIB"), ("a", "b", "c"))
    spec = spec_of(tmp_path, text)
    model = ld.train(spec, to_frames(data, spec.front_end))
    records = [np.diff(part) / 250.0 for part in np.split(beats, starts[1:])]
    windows = [record[i : i + 16] for record in records for i in range(0, len(record) - 15, 16)]
    goes_on = [i > 0 for record in records for i in range(0, len(record) - 15, 16)]
    answers = ask(HOST, build(HOST, model, tmp_path), model, windows, how=BEATS, continues=goes_on)
    wanted = ld.scores(model, to_frames(data, spec.front_end))
    assert answers.values[:, 1:].tolist() == wanted.tolist()
    assert len(set(answers.values[:, 0].tolist())) > 1


RING = """
#include <stdio.h>
#include "lsm.h"
static void on_answer(const lsm *state)
{
    int64_t scores[LSM_CLASSES];
    uint32_t c;
    lsm_answer(state, scores);
    for (c = 0; c < LSM_CLASSES; c++)
        printf("%%lld ", (long long)scores[c]);
}
%s
int main(void)
{
    static const double intervals[] = {%s};
    uint32_t beat, i;
    for (i = 0; i < RING; i++)
        lsm_init(&ring[i]);
    for (beat = 0; beat < sizeof intervals / sizeof *intervals; beat++)
        on_beat(intervals[beat], beat);
    return 0;
}
"""


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
def test_windows_that_overlap_are_answered_as_the_manual_says(tmp_path):
    front_end = "{kind: beats, window_beats: 16, stride_beats: 7, channels: [ddrr_relative, rr_relative, drr]}"
    text = SPEC.replace("input:\n", f"front_end: {front_end}\ninput:\n", 1).replace(RATE, GAUSSIAN)
    spec = spec_of(tmp_path, text.replace(BINS, "features: {kind: bins, bins: 1}").partition("data:")[0])
    rng = np.random.default_rng(3)
    rr = np.where(np.arange(400) // 40 % 2, rng.uniform(0.3, 1.3, 400), rng.normal(0.8, 0.02, 400))
    beats = np.rint(np.cumsum(rr * 250)).astype(np.int64)
    rhythm = (np.arange(400) // 40 % 2).astype(np.int8)
    train = Beats(beats, np.array([0, 200]), 250.0, rhythm, ("N", "AFIB"), ("a", "b"))
    model = ld.train(spec, to_frames(train, spec.front_end))
    test = Beats(beats[:150], np.array([0]), 250.0, rhythm[:150], ("N", "AFIB"), ("a",))
    manual = (Path(ld.__file__).parent / "manual" / "c.md").read_text()
    (code,) = re.findall(r"```c\n(enum \{ RING.*?)```", manual, re.DOTALL)
    export_c(tmp_path / "c", model)
    intervals = ", ".join(value.hex() for value in (np.diff(beats[:150]) / 250.0).tolist())
    (tmp_path / "c" / "main.c").write_text(RING % (code, intervals))
    command = [HOST.compiler, "-std=c99", *HOST.flags, "lsm.c", "main.c", "-o", "run"]
    subprocess.run(command, cwd=tmp_path / "c", capture_output=True, timeout=300, check=True)
    said = subprocess.run([tmp_path / "c" / "run"], capture_output=True, text=True, timeout=60, check=True).stdout
    wanted = ld.scores(model, to_frames(test, spec.front_end))
    assert list(map(int, said.split())) == wanted.ravel().tolist()
    assert len(wanted) == 20


@pytest.mark.once
@pytest.mark.parametrize("target", BOARDS)
def test_a_board_answers_the_same(tmp_path, target):
    cases = [random_case(seed, interval=5, kinds=tuple(KINDS)) for seed in range(12)]
    program, stimulus, _ = union(cases)
    assert differences(program, stimulus, target) == []


# --- several in one firmware -----------------------------------------------------------------------------------------

BESIDE = """
#include <stdio.h>
#include "left.h"
#include "right_2.h"
static left left_state;
static right_2 right_2_state;
%s
int main(void)
{
    unsigned t, n;
    left_init(&left_state);
    right_2_init(&right_2_state);
    for (t = 0; t < %d; t++) {
        left_step(&left_state, left_input[t]);
        right_2_step(&right_2_state, right_2_input[t]);
        for (n = 0; n < LEFT_NEURONS; n++)
            printf("%%d ", left_state.sent[n]);
        for (n = 0; n < RIGHT_2_NEURONS; n++)
            printf("%%d ", right_2_state.sent[n]);
    }
    return 0;
}
"""


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
def test_two_programs_are_linked_and_run_beside_each_other(tmp_path):
    cases = {
        "left": random_case(3, kinds=("LIF", "ATRLIF")),
        "right_2": random_case(4, interval=5, kinds=("GradedLI", "LIF")),
    }
    steps, rows, wanted = min(len(given.spikes) for _, given in cases.values()), [], []
    for prefix, (program, given) in cases.items():
        export_c(tmp_path / prefix, program, prefix)
        stimulus = Stimulus(given.spikes[:steps], np.zeros(1, np.int64))
        wanted.append(run_program("emulator", program, stimulus).spikes)
        inner = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in stimulus.spikes.tolist())
        rows.append(f"static const {prefix}_message {prefix}_input[{steps}][{program.network.channels}] = {{{inner}}};")
    (tmp_path / "main.c").write_text(BESIDE % ("\n".join(rows), steps))
    sources = ["main.c", "left/left.c", "right_2/right_2.c", "-Ileft", "-Iright_2"]
    command = [HOST.compiler, *STRICT, *HOST.flags, *sources, "-o", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    said = subprocess.run([tmp_path / "run"], capture_output=True, text=True, timeout=60, check=True).stdout
    both = np.hstack(wanted)
    assert np.array_equal(np.array(said.split(), np.int64).reshape(both.shape), both)
    assert all(spikes.any() for spikes in wanted)


def test_a_prefix_leaves_no_other_name_and_those_that_others_gave(tmp_path):
    spec = spec_of(tmp_path, SPEC.replace(RATE, GAUSSIAN).replace("0.12", "0.25").replace("liquid", "lsm_liquid"))
    given = frames_of(1)
    model = ld.train(spec, replace(given, labels=tuple(f"lsm_{label}" for label in given.labels)))
    exported = export_c(tmp_path / "c", model, "ear")
    assert sorted(file.name for file in (tmp_path / "c").iterdir()) == sorted(names_of("ear"))
    texts = [(tmp_path / "c" / name).read_text() for name in names_of("ear")]
    left = {word for text in texts for word in re.findall(r"\w*lsm\w*", text, re.IGNORECASE)}
    assert left == {"lsm_liquid", *(f"lsm_{name.partition(' ')[0]}" for name in set(given.labels))}
    assert not any("lsm" in words for words in (*exported.floats, *exported.left_out))


@pytest.mark.parametrize(
    "prefix", ["", "2a", "Left", "a-b", "a" * 21, "int", "uint32", "lif", "string", "main", "class"]
)
def test_a_prefix_that_meets_a_name_is_refused(tmp_path, prefix):
    with pytest.raises(LsmError, match="the prefix"):
        export_c(tmp_path / "c", random_case(3, kinds=("LIF",))[0], prefix)
    assert not (tmp_path / "c").exists()


# --- what is written -------------------------------------------------------------------------------------------------


def test_the_same_program_gives_the_same_bytes(tmp_path):
    program, _ = random_case(3)
    for name in ("a", "b"):
        export_c(tmp_path / name, program)
    for name in names_of():
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("name", NAMES_OF_ILL)
def test_names_of_strangers_are_no_c(name):
    assert not {"*/", "/*", "\n", "\\", '"'} & {comment(name)[i : i + n] for n in (1, 2) for i in range(len(name))}
    written = string(name)
    inside = written[1:-1]
    assert written[0] == written[-1] == '"'
    assert not {'"', "?", "\n"} & {*inside}
    assert inside.isascii()


@pytest.mark.skipif(bool(HOST.missing()), reason=str(HOST.missing()))
def test_a_program_with_ill_names_compiles(tmp_path):
    program, stimulus = random_case(5)
    network = program.network
    names = {p.name: NAMES_OF_ILL[i] for i, p in enumerate(network.populations)}
    renamed = replace(
        network,
        populations=tuple(replace(p, name=names[p.name]) for p in network.populations),
        projections=tuple(
            replace(p, source=names.get(p.source, p.source), target=names[p.target]) for p in network.projections
        ),
    )
    assert differences(replace(program, network=renamed), stimulus, HOST) == []


def test_what_has_no_c_is_refused_at_once(tmp_path, monkeypatch):
    program, _ = random_case(0, kinds=("LIF", "ATRLIF"), sizes=(2, 2, 2, 2, 2, 2))
    monkeypatch.setattr(liquid, "RULES", {})
    monkeypatch.setattr("lsm_deploy.exchange.c_files.folder.RULES", {})
    with pytest.raises(LsmError, match=r"(?s)no C for neurons of kind .*no C for neurons of kind"):
        export_c(tmp_path / "c", program)
    assert not (tmp_path / "c").exists()
