"""Pictures as they are seen: beside golden ones in low resolution, of odd values, and from the command line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from click.testing import CliRunner
from liquid import liquid, stimulus

import lsm_deploy as ld
from lsm_deploy.cli import main
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.ir import QNetwork, Trace
from lsm_deploy.measure.cost.resources import count_resources
from lsm_deploy.measure.evaluation import Answers
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.forensics import reference_run
from lsm_deploy.parity.variants import run_variant
from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.pictures import style
from lsm_deploy.report.pictures.answers import picture_of_confusion, picture_of_roc
from lsm_deploy.report.pictures.divergence import picture_of_divergence
from lsm_deploy.report.pictures.forecast import picture_of_forecast
from lsm_deploy.report.pictures.images import drawn, png_of, save_picture, svg_of
from lsm_deploy.report.pictures.placement import picture_of_placement
from lsm_deploy.report.pictures.raster import picture_of_raster, raster_of
from lsm_deploy.report.pictures.space import picture_of_space
from lsm_deploy.report.pictures.trajectories import picture_of_states
from lsm_deploy.report.pictures.weights import picture_of_constants, picture_of_weights
from lsm_deploy.spec import load_text

pytestmark = pytest.mark.once

GOLDEN = Path(__file__).parent / "golden" / "pictures"
COARSE = 5
"""Pixels that become one."""
TOLERANCE = 0.12
"""Of the ink, what may lie elsewhere or have another colour."""

SPEC = """
dt_ms: 1.0
seed: 3
input: {channels: 3}
populations:
  ring:
    neuron: {kind: LIF, tau_mem_ms: {distribution: uniform, low: 5, high: 30}, tau_syn_ms: 4.0}
    size: 24
    inhibitory_fraction: 0.25
  box: {neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 8.0}, grid: [2, 2, 4]}
projections:
  - source: input
    target: ring
    topology: {kind: all_to_all}
    weight: {distribution: uniform, low: 0.1, high: 0.5}
  - source: ring
    target: ring
    topology: {kind: ring, neighbours: 2}
    weight: {distribution: uniform, low: 0.0, high: 0.4}
  - {source: ring, target: box, topology: {kind: erdos_renyi, probability: 0.3}, weight: 0.2}
"""
GRADED = """
dt_ms: 1.0
seed: 1
input: {channels: 2, encoder: {kind: graded, frame_ms: 1.0, range: [0.0, 1.0]}}
populations:
  reservoir: {size: 12, neuron: {kind: GradedLI, activation: tanh, leak_rate: 0.3}}
projections:
  - source: input
    target: reservoir
    topology: {kind: all_to_all}
    weight: {distribution: uniform, low: -0.5, high: 0.5}
  - source: reservoir
    target: reservoir
    topology: {kind: ring, direction: forward}
    weight: 0.9
"""


def run() -> tuple[QNetwork, Trace]:
    program = liquid()
    return program.network, reference_run(program, stimulus())


def answers(labels: list[str], classes: list[str], off: float) -> Answers:
    rng = np.random.default_rng(1)
    scores = off * rng.normal(size=(len(labels), len(classes)))
    scores[np.arange(len(labels)), [classes.index(label) for label in labels]] += 1
    return Answers(tuple(classes[i] for i in scores.argmax(axis=1)), None, 3, 1.0, 0.5, scores=scores)


def forecast() -> Any:
    t = np.arange(400)
    true = np.sin(t / 9)[:, None]
    floats, integers = (true + size * np.sin(t / 4)[:, None] for size in (0.02, 0.1))
    liquid_ = SimpleNamespace(forecasts={"liquid": integers, "floats": floats}, liquid=SimpleNamespace(nrmse=0.1))
    section = SimpleNamespace(horizon=3)
    return SimpleNamespace(section=section, liquids=[liquid_], outputs=["x"], true=true)


def states() -> Any:
    rng = np.random.default_rng(2)
    walks = np.cumsum(rng.normal(size=(3, 40, 6)) + np.arange(3)[:, None, None] * 0.1, axis=1).reshape(120, 6)
    side = SimpleNamespace(states=walks)
    given = SimpleNamespace(starts=np.array([0, 40, 80]))
    return SimpleNamespace(floats=side, deployed=side, shown=SimpleNamespace(labels=("a", "b", "a"), stimulus=given))


def divergence() -> Picture:
    program, given = liquid(), stimulus()
    traces = reference_run(program, given), run_variant("v-reset", program, given, ("u", "v"))
    return picture_of_divergence(program, traces, compare(program, *traces, ("u", "v"), names=("emulator", "chip")))


def placement() -> Picture:
    program = liquid(exc=30, inh=10)
    program = replace(program, cores=np.arange(40, dtype=np.int32) // 8, target="oheo_gulch")
    resources = count_resources(program, stimulus(), reference_run(program, stimulus()))
    return picture_of_placement(resources.traffic, resources.events.steps)


def graded() -> Picture:
    spec = load_text(GRADED, Path("spec.yaml"))
    program = compile_spec(spec).program
    rng = np.random.default_rng(4)
    given = ld.Stimulus(rng.integers(-30000, 30000, (60, 2)).astype(np.int16), np.array([0, 30]))
    return picture_of_raster(reference_run(program, given), program.network)


def there(picture: Picture | None) -> Picture:
    assert picture is not None
    return picture


def compiled() -> tuple[Any, Any]:
    spec = load_text(SPEC, Path("spec.yaml"))
    return spec, compile_spec(spec)


LABELS, CLASSES = ["ja"] * 20 + ["nein"] * 12 + ["doch"] * 8, ["doch", "ja", "nein"]
CASES: dict[str, Callable[[], Picture]] = {
    "raster": lambda: picture_of_raster(*run()[::-1]),
    "messages": graded,
    "raster_alone": lambda: picture_of_raster(run()[1]),
    "confusion": lambda: picture_of_confusion(CLASSES, np.array([[7, 1, 0], [2, 15, 3], [0, 0, 12]])),
    "roc": lambda: there(picture_of_roc(CLASSES, LABELS, answers(LABELS, CLASSES, 0.8))),
    "weights": lambda: there(picture_of_weights(compiled()[1].program.network, compiled()[1].network)),
    "time_constants": lambda: there(picture_of_constants(compiled()[1].network, compiled()[1].program.network)),
    "network": lambda: there(picture_of_space(compiled()[1].program.network, compiled()[0])),
    "placement": placement,
    "forecast": lambda: picture_of_forecast(forecast()),
    "states": lambda: picture_of_states(states()),
    "divergence": divergence,
}


# --- beside golden ones ----------------------------------------------------------------------------------------------


def coarse(picture: Picture) -> np.ndarray:
    """Its pixels `[row, column, colour]`, 0 white to 1, as means over squares; letters take no ink and no room, which
    are others in each version of matplotlib."""
    from matplotlib.text import Text
    from PIL import Image

    with patch.dict(style.RC, {"figure.constrained_layout.use": False}):
        figure, made = drawn(picture), io.BytesIO()
    for text in figure.findobj(Text):
        text.set_alpha(0)
    figure.savefig(made, dpi=100)
    image = Image.open(made).convert("RGB")
    return 1 - np.asarray(image.reduce(COARSE), float) / 255


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The share of ink that differs; each square may look for its own within one of the other's place."""
    if np.abs(np.subtract(one.shape, other.shape)).max() > 6:
        return 1.0
    rows, columns = (min(sizes) for sizes in zip(one.shape[:2], other.shape[:2], strict=True))
    one, other = one[:rows, :columns], other[:rows, :columns]
    differs = np.minimum(_unmatched(one, other), np.inf).sum() + _unmatched(other, one).sum()
    return float(differs / (one.sum() + other.sum()))


def _unmatched(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    shifts = [np.roll(other, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return np.min([np.abs(one - shifted).sum(axis=2) for shifted in shifts], axis=0)


@pytest.mark.parametrize("name", CASES)
def test_it_looks_as_it_did(name: str, request: pytest.FixtureRequest) -> None:
    from PIL import Image

    seen, file = coarse(CASES[name]()), GOLDEN / f"{name}.png"
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        Image.fromarray((255 * (1 - seen)).round().astype(np.uint8)).quantize(64).save(file, optimize=True)
    assert file.exists(), f"{file} is missing: run pytest --update-golden"
    golden = 1 - np.asarray(Image.open(file).convert("RGB"), float) / 255
    assert apart(seen, golden) < TOLERANCE, f"{name} looks otherwise; if it should, run pytest --update-golden"


def moved() -> Picture:
    given = forecast()
    given.true = np.roll(given.true, 9, axis=0)
    return picture_of_forecast(given)


CHANGES = {
    "a curve that moved": ("forecast", moved),
    "one class more confused": (
        "confusion",
        lambda: picture_of_confusion(CLASSES, np.array([[7, 1, 0], [2, 5, 13], [0, 0, 12]])),
    ),
    "other scores": ("roc", lambda: there(picture_of_roc(CLASSES, LABELS, answers(LABELS, CLASSES, 0.3)))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change: str) -> None:
    name, made = CHANGES[change]
    assert apart(coarse(made()), coarse(CASES[name]())) > TOLERANCE


def test_a_colour_that_changed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = coarse(CASES["network"]())
    monkeypatch.setattr("lsm_deploy.report.pictures.space.EXCITATORY", style.PURPLE)
    assert apart(coarse(CASES["network"]()), before) > TOLERANCE


# --- as files --------------------------------------------------------------------------------------------------------


def test_a_drawing_is_the_same_each_time_and_says_what_it_shows(tmp_path: Path) -> None:
    picture = CASES["confusion"]()
    first, second = svg_of(picture), svg_of(picture)
    assert first == second
    assert not re.search(r"<dc:date>|Matplotlib v", first)
    assert "answered class" in first  # as text
    save_picture(tmp_path / "x.SVG", picture)
    assert (tmp_path / "x.SVG").read_text() == first
    save_picture(tmp_path / "x.png", picture)
    assert (tmp_path / "x.png").read_bytes() == png_of(picture)


def test_a_figure_for_a_notebook_has_our_style_whenever_it_is_shown() -> None:
    from matplotlib.text import Text

    figure = drawn(CASES["confusion"]())
    assert not any(text.get_parse_math() for text in figure.findobj(Text) if text.get_text())


# --- odd values ------------------------------------------------------------------------------------------------------

ODD = ("$x_1$", "_hidden", "日本", "a\nb\x1b[31m", "", "very long " * 9, r"\frac{1}{2}", "{}")


def texts(picture: Picture) -> str:
    return re.sub(r"\s+", " ", svg_of(picture))


def test_names_are_drawn_as_they_are() -> None:
    """Warnings are errors here: matplotlib has one for each letter that its font lacks."""
    said = texts(picture_of_confusion(ODD, np.eye(len(ODD), dtype=int)))
    for name in ("$x_1$", "_hidden", "\\u65e5", "\\x1b[31m", "\\frac{1}{2}", "{}"):
        assert f"{name}</text>" in said or name in said, name
    labels = [name for name in ODD for _ in range(3)]
    curves = texts(there(picture_of_roc(ODD[:5], labels[:15], answers(labels[:15], list(ODD[:5]), 0.5))))
    assert "_hidden: " in curves
    assert "$x_1$: " in curves


def test_a_name_is_cut_in_its_middle() -> None:
    assert style.name_of("x" * 40, 10) == "xxxxxx…xxx"
    assert style.name_of("short") == "short"
    assert style.name_of("_x").strip() == "_x"


def test_rasters_of_odd_runs() -> None:
    silent = Trace(np.zeros((5, 3), np.int8), {}, np.array([0]), {})
    assert picture_of_raster(silent).caption == "no spike of 3 neurons in 5 steps"
    one = Trace(np.ones((1, 1), np.int8), {}, np.array([0]), {})
    assert picture_of_raster(one).caption == "1 spike of 1 neuron in 1 step: all neurons 100.00% spike in a step"
    empty = Trace(np.zeros((0, 3), np.int8), {}, np.array([0]), {})
    for trace in (silent, one, empty):
        png_of(picture_of_raster(trace))
    program = liquid(exc=8000, inh=2000, degree=1)
    rng = np.random.default_rng(3)
    many = Trace((rng.random((1500, 10_000)) < 0.01).astype(np.int8), {}, np.arange(0, 1500, 100), {})
    picture = picture_of_raster(many, program.network)
    assert re.search(r"the first 1 000 steps of 1 500, 1 in 5 drawn: exc at 9.99 Hz; inh at 9.9 Hz", picture.caption)
    png_of(picture)


def test_a_raster_is_thinned_evenly_and_counts_all() -> None:
    network, trace = run()
    whole, thinned = raster_of(trace, network), raster_of(trace, network, dots=100)
    assert len(whole.t) == whole.spikes == thinned.spikes == np.count_nonzero(trace.spikes)
    assert whole.every == 1
    assert thinned.every == -(-whole.spikes // 100)
    assert len(thinned.t) == whole.spikes // thinned.every
    assert (trace.spikes[thinned.t, thinned.neuron] != 0).all()
    part = raster_of(trace, network, first=40, steps=30)
    assert part.t.min() >= 40
    assert part.t.max() < 70
    assert part.spikes == np.count_nonzero(trace.spikes[40:70])
    exc, inh = (curve for curve in whole.curves if curve.side != "other")
    assert (exc.population, exc.side) == ("exc", "excitatory")
    assert (inh.population, inh.side, inh.neurons) == ("inh", "inhibitory", 4)
    for band, columns in zip(whole.bands, (slice(0, 16), slice(16, 20)), strict=True):
        assert band.rate == pytest.approx(1000 * (trace.spikes[:, columns] != 0).mean())


def test_classes_that_are_many_or_not_there() -> None:
    many = [f"class {i}" for i in range(60)]
    png_of(picture_of_confusion(many, np.eye(60, dtype=int)))
    missing = picture_of_confusion(CLASSES, np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2]]))
    assert "1 class without a test sample" in texts(missing)
    assert picture_of_confusion(["a"], np.zeros((1, 1), int)).caption == "no samples were tested"
    roc = there(picture_of_roc(CLASSES, LABELS[:32], answers(LABELS[:32], CLASSES, 0.5)))
    assert "1 without a test sample" in roc.caption
    assert picture_of_roc(CLASSES, ["ja"] * 4, answers(["ja"] * 4, CLASSES, 0.5)) is None
    two = ["no", "yes"]
    labels = ["no"] * 9 + ["yes"] * 9
    said = answers(labels, two, 0.7)
    assert there(picture_of_roc(two, labels, said)).caption.startswith("'yes' is told from the other class")
    first = replace(said, margins=said.scores[:, 0] - said.scores[:, 1])
    assert there(picture_of_roc(two, labels, first)).caption.startswith("'no' is told")


def test_a_network_without_places_says_so() -> None:
    network = run()[0]
    picture = there(picture_of_space(network, None))
    assert "20 neurons without places of their own, laid out by a spectrum of their synapses" in picture.caption
    assert picture_of_space(liquid(exc=3000).network, None) is None


# --- on the command line ---------------------------------------------------------------------------------------------


def call(*arguments: object, status: int = 0) -> Any:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


def test_weights_of_one_value_are_drawn_about_it() -> None:
    wide = "{distribution: uniform, low: 0.1, high: 0.5}"
    assert wide in SPEC
    made = compile_spec(load_text(SPEC.replace(wide, "0.3"), Path("spec.yaml")))
    figure = there(picture_of_weights(made.program.network, made.network)).draw()
    (axis,) = (axis for axis in figure.axes if axis.get_title().startswith("input->ring"))
    least, most = axis.get_xlim()
    assert 0.25 < least < 0.3 < most < 0.35


def test_one_option_for_a_file_or_a_folder(spec: Path) -> None:
    folder = spec.parent
    said = call("check", spec, "--picture", folder / "w.svg").stdout
    assert "w.svg: " in said
    assert "a folder gets time_constants, network too" in said
    assert "<svg" in (folder / "w.svg").read_text()
    facts = json.loads(call("compile", spec, "-o", folder / "p.lsm", "--pictures", folder / "all", "--json").stdout)
    names = {"weights", "time_constants", "network"}
    assert {Path(file).name for file in facts["pictures"]} == {f"{n}{e}" for n in names for e in (".png", ".svg")}
    assert all(Path(file).exists() for file in facts["pictures"])
    call("run", folder / "p.lsm", "-o", folder / "t.npz", "--picture", folder / "r.png", "--quiet")
    call("inspect", folder / "t.npz", "--picture", folder / "t.png", "--quiet")
    assert "placement" in call("resources", folder / "p.lsm", "--pictures", folder / "all").stdout
    assert (folder / "r.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_to(spec: Path) -> None:
    folder = spec.parent
    assert "not .jpg" in call("check", spec, "--picture", folder / "x.jpg", status=2).stderr
    assert "would replace an input" in call("check", spec, "--picture", spec, status=2).stderr
    (folder / "file").touch()
    assert "a file is in the way" in call("check", spec, "--picture", folder / "file", status=1).stderr
    streamed = call("run", spec, "-o", folder / "s", "--stream", "--picture", folder / "x.png", status=2)
    assert "`inspect --picture` draws one" in streamed.stderr
    ld.save_stimulus(folder / "given.npz", stimulus())
    nothing = call("inspect", folder / "given.npz", "--picture", folder / "x.png", status=1)
    assert "there is nothing to draw" in nothing.stderr
    assert not (folder / "x.png").exists()
