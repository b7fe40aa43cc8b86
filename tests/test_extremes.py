"""Silent and saturated liquids are warned about by whatever runs them, with the knob and about the factor."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from test_misuse import SPEC

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.core.errors import LsmWarning
from lsm_deploy.run.extremes import first_steps, warn_of_extremes

pytestmark = pytest.mark.once

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
LOUD = SPEC.replace("weight: 0.12", "weight: 3.0")
RUNAWAY = SPEC.replace("0.2}, weight: 0.05", "0.5}, weight: 0.4").replace(
    "inhibitory_fraction: 0.25", "inhibitory_fraction: 0.0"
)
SILENT = SPEC.replace("weight: 0.12", "weight: 0.005")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("train", "test"):
        labels = np.arange(18) % 3
        values = rng.random((18, 8, 3)) * 0.5
        values[np.arange(18), :, labels] += 0.5
        np.savez(f"{name}.npz", frames=values, labels=labels)
    for name, text in (("good", SPEC), ("loud", LOUD), ("runaway", RUNAWAY), ("silent", SILENT)):
        Path(f"{name}.yaml").write_text(text)
    return tmp_path


def notes(*arguments: str) -> list[str]:
    result = CliRunner().invoke(main, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return [line for line in result.stderr.splitlines() if line.startswith("note: population")]


def commands(name: str) -> list[list[str]]:
    spec = f"{name}.yaml"
    return [
        ["check", spec],
        ["run", spec, "-o", "t.npz"],
        ["run", spec, "-o", "parts", "--stream", "--backend", "fast"],
        ["parity", spec, "--backends", "fast,emulator"],
        ["resources", spec],
        ["export", spec, "--sanafe", "sanafe"],
        ["quantise-report", spec],
    ]


LEARNING = [
    ["eval", "loud.yaml"],
    ["train", "loud.yaml", "-o", "m.model"],
    ["train", "loud.yaml", "--on-chip", "-o", "c.model"],
    ["diagnose", "loud.yaml"],
]


@pytest.mark.parametrize("arguments", [*commands("loud"), *LEARNING], ids=" ".join)
def test_a_saturated_liquid_is_warned_about(folder, arguments):
    told = notes(*arguments)
    assert told
    assert all("population 'liquid' is saturated: " in line for line in told)
    assert all("divide the weight of 'input->liquid' by about" in line for line in told)


@pytest.mark.parametrize("arguments", commands("silent"), ids=" ".join)
def test_a_silent_liquid_is_warned_about(folder, arguments):
    told = notes(*arguments)
    assert told
    assert all("population 'liquid' is silent: " in line for line in told)
    assert all("multiply the weights of 'input->liquid' and 'liquid->liquid' by about" in line for line in told)


@pytest.mark.parametrize(
    "arguments", [*commands("good")[:5], *[[a.replace("loud", "good") for a in c] for c in LEARNING[:2]]]
)
def test_nothing_is_said_of_a_liquid_that_is_alive(folder, arguments):
    assert notes(*arguments) == []


def test_recurrence_that_runs_away_is_named(folder):
    (told,) = notes("check", "runaway.yaml")
    assert "divide the weight of 'liquid->liquid' by about" in told


@pytest.mark.parametrize(
    ("name", "source", "old"), [("loud", "input->liquid", 3.0), ("runaway", "liquid->liquid", 0.4)]
)
def test_the_remedy_works_when_it_is_followed(folder, name, source, old):
    (told,) = notes("check", f"{name}.yaml")
    factor = int(re.search(rf"'{source}' by about (\d+)", told)[1])
    text = Path(f"{name}.yaml").read_text()
    Path("mended.yaml").write_text(text.replace(f"weight: {old}", f"weight: {old / factor}"))
    assert notes("check", "mended.yaml") == []


def test_a_silent_liquid_wakes_as_its_remedy_says(folder):
    (told,) = notes("check", "silent.yaml")
    factor = float(re.search(r"by about ([\d.e+]+)", told)[1])
    text = SILENT.replace("weight: 0.005", f"weight: {0.005 * factor}").replace(
        "weight: 0.05", f"weight: {0.05 * factor}"
    )
    Path("mended.yaml").write_text(text)
    assert [line for line in notes("check", "mended.yaml") if "silent" in line] == []


def test_an_input_without_spikes_is_the_cause(folder):
    np.savez("none.npz", spikes=np.zeros((100, 3), np.int8))
    (told,) = notes("run", "good.yaml", "--input", "none.npz", "-o", "t.npz")
    assert "its input has no spikes" in told
    np.savez("short.npz", spikes=np.zeros((20, 3), np.int8))
    assert notes("run", "good.yaml", "--input", "short.npz", "-o", "t.npz") == []


def test_a_search_says_it_of_the_spec_and_not_of_every_trial(folder):
    pytest.importorskip("optuna")
    space = "{projections.0.gain: [1.0, 1.1]}\n"
    Path("space.yaml").write_text(space)
    told = notes("search", "loud.yaml", "-o", "s.yaml", "--trials", "3", "--journal", "j", "--space", "space.yaml")
    assert len(told) == 1


def test_from_python(folder):
    spec = ld.load("loud.yaml")
    frames = np.load("train.npz")
    with pytest.warns(LsmWarning, match="is saturated"):
        ld.LiquidClassifier(spec).fit(frames["frames"], frames["labels"])
    with pytest.warns(LsmWarning, match="is saturated"):
        ld.LiquidFeatures(spec).fit_transform(frames["frames"])
    with pytest.warns(LsmWarning, match="is saturated"):
        ld.train(spec)
    program = ld.compile_spec(spec).program
    stimulus = ld.poisson_stimulus(3, 200, 200.0, 1.0, 0)
    with pytest.warns(LsmWarning, match="is saturated"):
        ld.trace_of(program, stimulus)


def test_a_refractory_neuron_is_saturated_at_its_own_limit():
    program = ld.compile_spec(ld.load(next(file for file in CONFIGS if file.stem == "refractory"))).program
    stimulus = ld.poisson_stimulus(program.network.channels, 90, 50.0, program.network.dt_ms, 0)
    period = 1 + max(
        int(p.registers["refractory_period"].max())
        for p in program.network.populations
        if "refractory_period" in p.registers
    )
    spikes = np.zeros((90, program.network.neurons), np.int8)
    spikes[::period] = 1
    with pytest.warns(LsmWarning, match="is saturated"):
        warn_of_extremes(program, spikes, stimulus)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_no_config_raises_a_false_alarm(file):
    """Checked as they are where they name no data, and on Poisson input where they do."""
    spec = ld.load(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LsmWarning)
        ld.check_spec(replace(spec, data=None))


def test_the_quick_start_raises_none_on_its_own_data():
    pytest.importorskip("sktime")
    with warnings.catch_warnings():
        warnings.simplefilter("error", LsmWarning)
        ld.check_spec(next(file for file in CONFIGS if file.stem == "japanese_vowels"))


def test_the_beginning_is_whole_samples_where_one_ends():
    stimulus = ld.Stimulus(np.ones((100, 2), np.int8), np.array([0, 30, 60]))
    program = None
    assert [len(first_steps(program, stimulus, n).spikes) for n in (10, 30, 70, 200)] == [10, 30, 60, 100]
