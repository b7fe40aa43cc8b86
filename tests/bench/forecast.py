"""Forecasts of graded reservoirs in the chip's integers, beside floats, baselines and other programs: `make forecast`.

    mackey_glass   `configs/mackey_glass.yaml`, 84 frames ahead and 1
    free           the same freely, forecasts fed back, from 20 places of the test series: the frames up to which the
                   NRMSE over places stays below 0.5
    neurobench     `configs/neurobench.yaml`: its task (`ld.neurobench_series`), 30 repeats, a reservoir each
    laser          `configs/laser.yaml`, 1 frame ahead, and ReservoirPy's echo state network of the same size
    el_nino        `configs/el_nino.yaml`, 6 months ahead, and climatology, the month's mean in the training data
    on_chip        output neurons in the place of the host, which have no squares

Figures are of the test series. All that was chosen, here and in the configs, was chosen on held-out blocks of training
data, and for NeuroBench's task on repeats from 70 on, with which none of the 30 has a frame in common. Reservoirs are
the spec's seed and those after it, all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from itertools import product, repeat
from typing import Any

import numpy as np

import lsm_deploy as ld
from bench.experiment import finish, parser_of
from bench.page import machine, say
from bench.workers import ROOT
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import make_frames
from lsm_deploy.data.front import load_data
from lsm_deploy.learn.regression.linear import fit, predict
from lsm_deploy.learn.regression.pairs import pairs_of
from lsm_deploy.measure.regression import RegressionEvaluation
from lsm_deploy.measure.uncertainty import Difference, Spread
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.spec.schema import Regression, States

CONFIGS = ROOT / "configs"
SEEDS = 5
PLACES, FREELY = 20, 600
REPEATS = 30
PUBLISHED = {"its echo state network": 14.79, "its LSTM": 13.37}
"""NeuroBench's own, sMAPE at tau = 17 (Yik et al., Nature Communications 16, 2025)."""
RADII, SCALINGS, RATES = (0.9, 1.1, 1.3), (0.5, 1.0, 2.0), (0.5, 0.9)
"""Of ReservoirPy's networks: the best on held-out blocks is taken."""
HOST = "a host with the same features"
CARRIED = States("states", frame=True)
"""What synapses carry to output neurons."""
BESIDE = ("floats", "feedforward")
"""Of liquids, what the integers are compared with."""
NAMES = {
    "floats": "floats",
    "feedforward": "recurrence off",
    "persistence": "persistence",
    "ar": "AR",
    "nvar": "NVAR",
    "input": "input alone",
}


@dataclass(frozen=True)
class Row:
    """A task: the figure of the deployed integers, of floats and without recurrence, where there are such, and of what
    else was asked; ratio: integers to floats, reservoir by reservoir. over: what intervals are over. less: by what
    else answered, how much less error the integers have, paired."""

    task: str
    figure: str
    liquid: Spread
    aim: str
    command: str
    floats: Spread | None = None
    feedforward: Spread | None = None
    ratio: Spread | None = None
    others: dict[str, float] = field(default_factory=dict)
    over: str = "reservoirs"
    less: dict[str, Difference] = field(default_factory=dict)


def row_of(task: str, found: RegressionEvaluation, aim: str, command: str, **others: float) -> Row:
    liquid = found.spread("nrmse")
    assert liquid is not None
    ratios = [each.liquid.nrmse / each.floats.nrmse for each in found.liquids if each.floats]
    baselines = {NAMES[name]: errors.nrmse for name, errors in found.baselines.items()}
    less = {NAMES.get(name, name): found.difference("liquid", name) for name in (*BESIDE, *found.baselines)}
    return Row(
        task, "NRMSE", liquid, aim, command, found.spread("nrmse", "floats"), found.spread("nrmse", "feedforward"),
        Spread.of(ratios) if ratios else None, {**baselines, **others}, found.over or "nothing",
        {name: each for name, each in less.items() if each},
    )  # fmt: skip


def spec_of(name: str, **readout: Any) -> ld.Spec:
    spec = ld.load(CONFIGS / f"{name}.yaml")
    assert isinstance(spec.readout, Regression)
    return replace(spec, readout=replace(spec.readout, **readout))


# --- the tasks -----------------------------------------------------------------------------------------------------


def mackey_glass(quick: bool) -> Iterator[Row]:
    seeds = 1 if quick else SEEDS
    for horizon, aim in ((84, "0.02"), (1, "5e-4")):
        spec = spec_of("mackey_glass", horizon=horizon)
        command = "lsm-deploy eval configs/mackey_glass.yaml --seeds 5" + (" # with horizon: 1" if horizon == 1 else "")
        yield row_of(f"Mackey-Glass +{horizon}", ld.evaluate_regression(spec, seeds=seeds), aim, command)


def free(quick: bool) -> Iterator[Row]:
    spec, seeds = spec_of("mackey_glass", horizon=1), 1 if quick else SEEDS
    _, test = load_data(spec)
    horizons, in_floats = [], []
    for seed in range(spec.seed, spec.seed + seeds):
        seeded = replace(spec, seed=seed)
        run = ld.measure_free(ld.train_regression(seeded), test, FREELY, PLACES, spec=seeded)
        assert run.floats is not None
        horizons.append(float(run.horizon()))
        in_floats.append(float(run.floats.horizon()))
    figure, command = "frames to NRMSE 0.5", "ld.measure_free(model, test, 600, 20, spec=spec)"
    yield Row("Mackey-Glass, freely", figure, Spread.of(horizons), "-", command, Spread.of(in_floats))


def on_chip(quick: bool) -> Iterator[Row]:
    for name, task in (("mackey_glass", "Mackey-Glass +84"), ("laser", "Santa Fe laser +1")):
        spec, seeds = spec_of(name, features=CARRIED), 1 if quick else SEEDS
        found = ld.evaluate_regression(spec, seeds=seeds, alone=True, on_chip=True)
        chip, host = found.spread("nrmse", "on_chip"), found.spread("nrmse")
        assert chip is not None
        assert host is not None
        command = f"lsm-deploy eval configs/{name}.yaml --seeds 5 --on-chip # with squares: false"
        others, less = {HOST: host.mean}, found.difference("on_chip", "liquid")
        task = f"{task}, output neurons on the chip"
        over, differs = found.over or "nothing", {HOST: less} if less else {}
        yield Row(task, "NRMSE", chip, "-", command, others=others, over=over, less=differs)


def neurobench(quick: bool) -> Iterator[Row]:
    errors = [freely(repeat) for repeat in range(3 if quick else REPEATS)]
    task = f"NeuroBench's Mackey-Glass, {len(errors)} repeats"
    yield Row(task, "sMAPE", Spread.of(errors), "14.79, 13.37", "make forecast", others=PUBLISHED)


def freely(repeat: int, spec: ld.Spec | None = None) -> float:
    """sMAPE of a repeat of NeuroBench's task: driven by the training data and the test's first frame, then alone."""
    spec = spec or spec_of("neurobench")
    spec = replace(spec, data=ld.neurobench_series(repeat=repeat, warm_up=0), seed=spec.seed + repeat)
    train, test = load_data(spec)
    model = ld.train_regression(spec, train)
    driven = make_frames(np.concatenate([train.frames, test.frames[:1]]), np.zeros(1, np.int64))
    truth = test.frames[1:]
    return ld.smape(ld.free_run(model, driven, len(truth))[0], truth)


def laser(quick: bool) -> Iterator[Row]:
    spec, seeds = spec_of("laser"), 1 if quick else SEEDS
    others = {"ReservoirPy's ESN": reservoirpy_error(spec, seeds, quick)}
    command = "lsm-deploy eval configs/laser.yaml --seeds 5"
    yield row_of("Santa Fe laser +1", ld.evaluate_regression(spec, seeds=seeds), "0.065, 0.04", command, **others)


def reservoirpy_error(spec: ld.Spec, seeds: int, quick: bool) -> float:
    """The mean NRMSE of its echo state networks of the same size, their readouts ours in floats."""
    section, (train, test) = spec.readout, load_data(spec)
    assert isinstance(section, Regression)
    pairs, pairs_test = pairs_of(train, section), pairs_of(test, section)
    units = sum(p.neurons for p in spec.populations.values())
    assert spec.input.encoder is not None
    low, high = spec.input.encoder.range or (train.frames.min(), train.frames.max())

    def states(frames: Floats, seed: int, radius: float, scaling: float, rate: float) -> Floats:
        from reservoirpy.nodes import Reservoir

        made = Reservoir(units, sr=radius, input_scaling=scaling, lr=rate, seed=seed)
        return np.asarray(made.run((frames - low) / (high - low) * 2 - 1))

    def trained(seed: int, *chosen: float) -> Any:
        x = states(train.frames, seed, *chosen)[pairs.rows]
        return fit(x, pairs.targets, section, section.horizon)

    tried = [(0.9, 1.0, 0.9)] if quick else list(product(RADII, SCALINGS, RATES))
    best = min(tried, key=lambda chosen: trained(0, *chosen).error)
    errors = [
        ld.nrmse(predict(trained(seed, *best), states(test.frames, seed, *best)[pairs_test.rows]), pairs_test.targets)
        for seed in range(1, 1 + seeds)
    ]
    return float(np.mean(errors))


def el_nino(quick: bool) -> Iterator[Row]:
    spec = spec_of("el_nino")
    section, (train, test) = spec.readout, load_data(spec)
    assert isinstance(section, Regression)
    pairs, warm_up = pairs_of(test, section), (spec.data.warm_up or 0) if spec.data else 0
    months = np.array([train.frames[month::12, 0].mean() for month in range(12)])
    month = (len(train.frames) - warm_up + pairs.rows + section.horizon) % 12
    others = {"climatology": ld.nrmse(months[month][:, None], pairs.targets)}
    command = "lsm-deploy eval configs/el_nino.yaml --seeds 5"
    found = ld.evaluate_regression(spec, seeds=1 if quick else SEEDS)
    yield row_of("El Niño +6 months", found, "-", command, **others)


TASKS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "mackey_glass": mackey_glass,
    "free": free,
    "neurobench": neurobench,
    "laser": laser,
    "el_nino": el_nino,
    "on_chip": on_chip,
}


def rows_of(name: str, quick: bool) -> list[Row]:
    return list(TASKS[name](quick))


# --- the table -----------------------------------------------------------------------------------------------------


def render(rows: list[Row], seconds: float) -> list[Block]:
    numbers = right("aim", "**deployed integers**", "floats", "integers / floats", "recurrence off")
    cells = [
        [
            row.task,
            row.figure,
            row.aim,
            *map(written, (row.liquid, row.floats, row.ratio, row.feedforward)),
            ", ".join(f"{name} {value:.3g}" for name, value in row.others.items()),
        ]
        for row in rows
    ]
    how = f"Measured on {machine()}, in {seconds:.0f} s. Intervals are of 95 %, of ratios over reservoirs."
    differing = [
        [row.task, name, f"{less.mean:+.3g} ({less.low:+.3g} to {less.high:+.3g})", less.says]
        for row in rows
        for name, less in row.less.items()
    ]
    last = [[row.task, row.over, f"`{row.command}`"] for row in rows]
    return [
        Line(how),
        table(["task", "figure", *numbers, "beside it"], cells),
        table(["task", "the integers, beside", *right("have less error by"), "they are"], differing),
        table(["task", "intervals are over", "command"], last),
    ]


def written(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    if spread.low is None or spread.high is None:
        return f"{spread.mean:.3g}"
    return f"{spread.mean:.3g} ({spread.low:.3g} to {spread.high:.3g})"


def main() -> None:
    parser = parser_of("forecast", "forecasts, measured", "a reservoir each")
    parser.add_argument("--only", choices=TASKS, help="one task, and the manual stays")
    options = parser.parse_args()
    begun, rows = time.monotonic(), []
    names = [options.only] if options.only else list(TASKS)
    with ProcessPoolExecutor(len(names)) as tasks:  # in as many processes as there are tasks
        for name, each in zip(names, tasks.map(rows_of, names, repeat(options.quick)), strict=True):
            rows += each
            say(name, begun)
    text = to_markdown(render(rows, time.monotonic() - begun))
    finish(options, "forecast", text, {"rows": [asdict(row) for row in rows]}, part=options.only is not None)


if __name__ == "__main__":
    main()
