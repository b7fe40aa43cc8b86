"""What faults of a chip cost three tasks, and what redundancy buys: `make robust`.

    af         `configs/atrial_fibrillation.yaml`: records in five folds, the first is tested; windows are half as dense
    digits     `configs/spoken_digits.yaml`: the official split
    forecast   `configs/mackey_glass.yaml`, 84 frames ahead

Readouts are those of the healthy liquids, but where they are said to be trained again. Redundancy is asked of size,
under dead neurons, and of density, under lost synapses (the reservoir's spectral radius stays as it is).
Results stay in `build/robust`, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lsm_deploy as ld
from bench.page import leave, machine, publish, say
from bench.workers import ROOT
from lsm_deploy.data import Raw, splits
from lsm_deploy.report.blocks import Block, Heading, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.tune.sweeps.robustness import Robustness, Strength

CONFIGS, FOLDER = ROOT / "configs", ROOT / "build" / "robust"
FAULTS: Mapping[str, Sequence[float]] = {
    "weight-bits": [0.001, 0.01],
    "weight-bit-7": [0.01],
    "weight-bit-3": [0.01],
    "stuck-synapses": [0.03, 0.1],
    "dead-neurons": [0.03, 0.1],
    "firing-neurons": [0.01],
    "thresholds": [0.1],
    "dropped-spikes": [0.1],
    "jitter": [2.0],
}
OF_FORECASTS: Mapping[str, Sequence[float]] = {
    "weight-bits": [0.00003, 0.001],
    "stuck-synapses": [0.0003, 0.01],
    "dead-neurons": [0.003, 0.03],
    "dropped-spikes": [0.001, 0.01],
}
"""Which break sooner, and have no thresholds and no times."""
TASKS = {"af": "atrial_fibrillation", "digits": "spoken_digits", "forecast": "mackey_glass"}
SPARSER = {"front_end.stride_beats": [256]}
"""Windows of heart beats, half as dense."""
REDUNDANCY: Mapping[str, tuple[str, Mapping[str, Sequence[float]], Mapping[str, Sequence[float]]]] = {
    "af, size": ("af", {"populations.liquid.size": [16, 32, 128]}, {"dead-neurons": [0.1]}),
    "forecast, size": ("forecast", {"populations.reservoir.size": [100, 300, 600]}, {"dead-neurons": [0.01]}),
    "forecast, density": (
        "forecast",
        {"projections.1.topology.probability": [0.02, 0.05, 0.2]},
        {"stuck-synapses": [0.001]},
    ),
}
AGAIN: Mapping[str, Sequence[float]] = {"dead-neurons": [0.003, 0.03, 0.3], "stuck-synapses": [0.01, 0.1]}
"""Of the forecaster, with readouts that are trained again."""


def data_of(task: str, shared: Path) -> dict[str, Raw]:
    """Training and test data; none where the spec names its own."""
    if task == "forecast":
        return {}
    file, how = {"af": ("afdb_beats.npz", "group-folds=5"), "digits": ("fsdd.npz", "official")}[task]
    _, train, test = next(iter(splits(ld.load_raw(shared / file), how, 1)))
    return {"train": train, "test": test}


def curves(task: str, shared: Path, quick: bool, faults: Mapping[str, Sequence[float]], **more: Any) -> Robustness:
    """more: what varies beside, the folder's name, and whether the readout is trained again."""
    vary = {**more.pop("vary", {}), **(SPARSER if task == "af" else {})}
    asked = {kind: strengths[-1:] if quick else strengths for kind, strengths in faults.items()}
    folder = FOLDER / ("quick" if quick else "whole") / more.pop("name", task).replace(", ", "-")
    file, seeds = CONFIGS / f"{TASKS[task]}.yaml", 1 if quick else 3
    return ld.robustness(file, folder, asked, vary=vary, draws=1, seeds=seeds, **data_of(task, shared), **more)


def of_task(task: str, shared: Path, quick: bool) -> Robustness:
    return curves(task, shared, quick, OF_FORECASTS if task == "forecast" else FAULTS)


def redundancy(name: str, shared: Path, quick: bool) -> Robustness:
    task, vary, faults = REDUNDANCY[name]
    few = {path: values[:2] if quick else values for path, values in vary.items()}
    return curves(task, shared, quick, faults, vary=few, name=name)


def written(strength: Strength, figure: str) -> str:
    if strength.mean is None:
        return "failed"
    form = "{:.1f}" if figure == "accuracy" else "{:.2g}"
    scale = 100 if figure == "accuracy" else 1
    mean = form.format(scale * strength.mean)
    if strength.low is None or strength.high is None:
        return mean
    return f"{mean} ({form.format(scale * strength.low)} to {form.format(scale * strength.high)})"


NAMES = {"af": "Atrial fibrillation: accuracy, %", "digits": "Digits: accuracy, %", "forecast": "Forecaster: NRMSE"}


def of_faults(title: str, broken: Robustness) -> list[Block]:
    rows: list[list[Any]] = [["none", 0.0, written(broken.curves[0].strengths[0], broken.figure)]]
    rows += [[f"`{c.fault}`", s.strength, written(s, broken.figure)] for c in broken.curves for s in c.strengths[1:]]
    return [Heading(title), table(["fault", "strength", broken.figure], rows)]


def of_redundancy(name: str, broken: Robustness) -> list[Block]:
    (fault,) = {curve.fault for curve in broken.curves}
    (path,) = REDUNDANCY[name][1]
    columns = [f"`{path}`", *(f"{s.strength:g}" for s in broken.curves[0].strengths), "synapses"]
    rows = [
        [
            str(c.values[path]),
            *(written(s, broken.figure) for s in c.strengths),
            round(p.mean(lambda t: t.synapses) or 0),
        ]
        for c, p in zip(broken.curves, broken.healthy, strict=True)
    ]
    return [Heading(f"What redundancy buys: {name}, under {fault}"), table(columns, rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="where afdb_beats.npz and fsdd.npz are")
    parser.add_argument("--quick", action="store_true", help="one liquid, the strongest of each fault; no page")
    given = parser.parse_args()
    begun = time.monotonic()
    here = [task for task in TASKS if task == "forecast" or given.shared.is_dir()]
    done: dict[str, Robustness] = {}
    blocks: list[Block] = []
    for task in here:
        done[task] = of_task(task, given.shared, given.quick)
        blocks += of_faults(NAMES[task], done[task])
        say(task, begun)
    done["again"] = curves("forecast", given.shared, given.quick, AGAIN, name="again", retrain=True)
    blocks += of_faults("Forecaster, its readout trained again on the faulty reservoir: NRMSE", done["again"])
    for name, (task, _, _) in REDUNDANCY.items():
        if task in here:
            done[name] = redundancy(name, given.shared, given.quick)
            blocks += of_redundancy(name, done[name])
            say(name, begun)
    text = to_markdown(blocks)
    print(text)
    leave(FOLDER, text, {name: broken.to_dict() for name, broken in done.items()})
    if not given.quick and len(here) == len(TASKS):
        publish("robust", f"{text}\nBy `make robust`, three liquids each: {machine()}.\n")


if __name__ == "__main__":
    main()
