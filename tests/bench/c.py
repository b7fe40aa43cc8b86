"""Three models in C on a Cortex-M4 that QEMU emulates, beside the host, and programs of every kind: `make c`.

    vowels      `configs/japanese_vowels.yaml`, the quick start: a class for each utterance
    forecast    `configs/mackey_glass.yaml`: a forecast after each frame
    rhythms     `configs/atrial_fibrillation.yaml`: from seconds between beats to a class for each window

Flash and RAM are those of `arm-none-eabi-size` on lsm.o (-O2), with the state's bytes. Instructions are counted by
SysTick under QEMU's `-icount shift=0`, in 40s: they are no cycles of a real processor, of which each takes some.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import device
import numpy as np
from programs import random_case
from union import union

import lsm_deploy as ld
from bench.page import leave, publish, say
from bench.workers import ROOT
from lsm_deploy.core.ir import Stimulus
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.data import Beats, subset
from lsm_deploy.data.front import load_data, to_frames
from lsm_deploy.exchange.c_files.folder import export_c
from lsm_deploy.learn.model import AnyModel
from lsm_deploy.learn.regression.model import RegressionModel
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.run.backends import run_program

BUILT = ROOT / "build" / "c"
TICK = 40
"""Instructions."""
M4 = replace(
    device.CORTEX_M4,
    flags=(*device.CORTEX_M4.flags, "-DLSM_SYSTICK"),
    runner=(*device.CORTEX_M4.runner[:-1], "-icount", "shift=0", "-kernel"),
)


@dataclass(frozen=True)
class Row:
    """What a model takes, and how often it differed; frame, answer: instructions."""

    name: str
    takes: str
    flash: int
    ram: int
    frame: float
    answer: float
    answers: int
    differ: int


@dataclass(frozen=True, eq=False)
class Task:
    """A model with what it is given on the device, and what it has to answer `[answer, ...]`."""

    name: str
    model: AnyModel
    samples: Sequence[np.ndarray]
    how: int
    wanted: np.ndarray
    continues: Sequence[bool] = ()


def of_frames(name: str, config: str, most: int) -> Task:
    spec = ld.load(ROOT / "configs" / f"{config}.yaml")
    train, test = load_data(spec)
    test = subset(test, range(min(most, test.samples)))
    made = BUILT / f"{config}.model"
    if not made.exists():
        model = ld.train_regression(spec, train) if config == "mackey_glass" else ld.train(spec, train)
        ld.save_model(made, model)
    model = ld.load_model(made)
    samples, given = device.as_frames(model, test)
    if isinstance(model, RegressionModel):
        wanted = ld.forecast(model, given)
    else:
        wanted = ld.scores(model, given)
        same = np.mean([a == b for a, b in zip(ld.predict(model, test), ld.predict(model, given), strict=True)])
        print(f"{name}: {same:.2%} of the classes are those of frames in doubles", flush=True)
    return Task(name, model, samples, device.FRAMES, wanted)


def of_beats(file: Path, windows: int) -> Task:
    """Trained on windows of all records but the last, asked for those of the last."""
    spec = ld.load(ROOT / "configs" / "atrial_fibrillation.yaml")
    beats = ld.load_raw(file)
    assert isinstance(beats, Beats)
    assert spec.front_end is not None
    frames = to_frames(beats, spec.front_end)
    last = beats.groups[-1]
    made = BUILT / "atrial_fibrillation.model"
    if not made.exists():
        others = [i for i, group in enumerate(frames.groups) if group != last]
        ld.save_model(made, ld.train(spec, subset(frames, others[:: max(1, len(others) // 1500)])))
    model = ld.load_model(made)
    mine = [i for i, group in enumerate(frames.groups) if group == last][:windows]
    size = spec.front_end.window_beats  # type: ignore[union-attr]
    rr = np.diff(beats.beats[beats.starts[-1] :]) / beats.rate
    samples = [rr[i * size : (i + 1) * size] for i in range(len(mine))]
    wanted = ld.scores(model, subset(frames, mine))  # type: ignore[arg-type]
    return Task("rhythms", model, samples, device.BEATS, wanted, [i > 0 for i in range(len(mine))])


def measure(task: Task) -> Row:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        exported = export_c(folder / "asked", task.model)
        built = device.build(M4, task.model, folder, traced=False)
        got = device.ask(
            M4, built, task.model, task.samples, how=task.how, traced=False, continues=task.continues
        )  # fmt: skip
        compiled = ["arm-none-eabi-gcc", "-std=c99", "-O2", "-mcpu=cortex-m4", "-mthumb", "-c", "lsm.c", "-o", "lsm.o"]
        subprocess.run(compiled, cwd=folder / "c", check=True)
        sizes = subprocess.run(
            ["arm-none-eabi-size", "lsm.o"], cwd=folder / "c", check=True, capture_output=True, text=True
        )
    text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
    answers = got.floats if isinstance(task.model, RegressionModel) else got.values[:, 1:]
    differ = int((np.asarray(answers) != task.wanted).sum())
    frames, answering, many = (int(tick) for tick in got.ticks)
    answer = answering * TICK / (many if isinstance(task.model, RegressionModel) else len(task.samples))
    return Row(
        task.name, exported.takes, text + data, bss + got.state, frames * TICK / many, answer, task.wanted.size, differ
    )


def programs(target: device.Target, batches: int, size: int) -> tuple[int, int, int, int]:
    """Programs, steps, values compared, and how many differed, of random programs of every kind."""
    steps = values = differ = 0
    for batch in range(batches):
        seeds = range(batch * size, (batch + 1) * size)
        cases = [random_case(seed, interval=batch % 2 * 9, kinds=tuple(KINDS)) for seed in seeds]
        program, stimulus, _ = union([(each, Stimulus(given.spikes, np.zeros(1, np.int64))) for each, given in cases])
        record = program.network.state_names
        wanted = run_program("emulator", program, stimulus, record)
        got = device.run_on(target, program, stimulus, record)
        steps += sum(len(given.spikes) for _, given in cases)
        for name in record:
            differ += int((got.registers[name] != wanted.registers[name]).sum())
        differ += int((got.spikes != wanted.spikes).sum())
        for each, given in cases:  # of each neuron what its kind has, and what it sent
            values += len(given.spikes) * sum(p.size * (1 + len(KINDS[p.kind].STATE)) for p in each.network.populations)
    return batches * size, steps, values, differ


def blocks(rows: Sequence[Row], tried: dict[str, tuple[int, int, int, int]]) -> list[Block]:
    header = ["model", "takes", *right("flash", "RAM", "instructions a frame", "an answer", "values", "differ")]
    models = [
        [r.name, r.takes, r.flash, r.ram, round(r.frame), round(r.answer), r.answers, r.differ] for r in rows
    ]  # fmt: skip
    compared = [[name, *numbers] for name, numbers in tried.items()]
    return [
        Line("On a Cortex-M4, by `arm-none-eabi-gcc -O2`; instructions as QEMU counts them, which are no cycles:"),
        table(header, models),
        Line("Random programs of every kind, every register and message of every step, against the emulator:"),
        table(["compiler", *right("programs", "steps", "values", "differ")], compared),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--af", type=Path, help="heart beats, as an .npz or a folder of WFDB annotations")
    parser.add_argument("--quick", action="store_true", help="fewer samples, and the manual stays")
    given = parser.parse_args()
    begun = time.monotonic()
    if why := device.CORTEX_M4.missing():
        raise SystemExit(f"{why}: `apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm`")
    warnings.simplefilter("ignore")
    BUILT.mkdir(parents=True, exist_ok=True)
    few = given.quick
    tried = {}
    for name, target in (
        ("gcc, sanitized", device.HOST),
        ("clang, sanitized", device.CLANG),
        ("Cortex-M3 in QEMU", device.CORTEX_M3),
        ("Cortex-M4 in QEMU", device.CORTEX_M4),
        ("RISC-V (rv32imac) in QEMU", device.RISC_V),
    ):
        if target.missing() is None:
            tried[name] = programs(target, 2 if few else 6, 30)
            say(f"{name}: {tried[name]}", begun)
    rows = []
    tasks = [lambda: of_frames("vowels", "japanese_vowels", 20 if few else 370)]
    tasks.append(lambda: of_frames("forecast", "mackey_glass", 1))
    if given.af is not None and given.af.exists():
        tasks.append(lambda: of_beats(given.af, 20 if few else 300))
    for task in tasks:
        rows.append(measure(task()))
        say(str(rows[-1]), begun)
    text = to_markdown(blocks(rows, tried))
    leave(BUILT, text, {"models": [vars(row) for row in rows], "programs": tried})
    if not few:
        publish("c", text)
    if any(row.differ for row in rows) or any(numbers[-1] for numbers in tried.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
