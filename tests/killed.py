"""`make killed N=100`: commands that write are killed (SIGKILL) at random moments. Exit status 1 if one leaves damage.

After each kill an output is the old one or the new one, a streamed trace is readable as far as it goes, and a journal
or a sweep can be gone on with. Then the command is run again: its output is that of a run which nobody disturbed, and
nothing else is left, neither beside it nor where temporary files go, nor any process.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from calls import SPEC, frames

from lsm_deploy import store
from lsm_deploy.core.errors import LsmError

SEARCHED = SPEC + "search: {projections.0.gain: {low: 0.5, high: 2.0}}\n"
STEPS = 300_000
COMMANDS = {
    "compile": ("compile spec.yaml -o out --dump stages", ("out", "stages")),
    "run": ("run p.lsm --input long.npz --record v -o out", ("out",)),
    "stream": ("run p.lsm --input long.npz --record v -o out --stream", ("out",)),
    "train": ("train spec.yaml -o out", ("out",)),
    "search": ("search spec.yaml -o out.yaml --trials 3 --journal journal", ("out.yaml", "journal", "journal.lock")),
    "sweep": ("sweep spec.yaml --vary projections.0.gain=0.5,1,2 --out out", ("out",)),
    "eval": ("eval spec.yaml", ()),
    "export": ("export p.lsm --input short.npz --lava out", ("out",)),
}
"""What is run, and what it may leave in its folder."""
LOG = ("journal", "journal.lock")
"""What is there before its command has come to an end."""
GROWING = ("stream", "sweep")
"""Of which the same is true of what is in their folder: the next run goes on with it, or begins it anew."""


class Place:
    """A folder with inputs for every command, one for temporary files, and what each command leaves if it may."""

    def __init__(self, folder: Path, names: Sequence[str] = tuple(COMMANDS)) -> None:
        self.folder, self.temporary = folder / "work", folder / "temporary"
        for made in (self.folder, self.temporary):
            made.mkdir()
        scratch = {"TMPDIR": str(self.temporary), "NUMBA_CACHE_DIR": str(folder / "numba")}
        self.environment = {**os.environ, **scratch}
        (self.folder / "spec.yaml").write_text(SEARCHED, encoding="utf-8")
        rng = np.random.default_rng(0)
        for seed, name in enumerate(("train", "test")):
            values, labels = frames(seed)
            np.savez(self.folder / f"{name}.npz", frames=values, labels=labels)
        for name, steps in (("long", STEPS), ("short", 50)):
            np.savez(self.folder / f"{name}.npz", spikes=(rng.random((steps, 3)) < 0.1).astype(np.int8))
        assert self.run("compile spec.yaml -o p.lsm") == 0
        self.inputs = contents(self.folder)
        self.expected: dict[str, dict[str, bytes]] = {}
        self.seconds: dict[str, float] = {}
        for name in names:
            command, outputs = COMMANDS[name]
            assert self.run(command) == 0, name  # numba compiles
            self.clear(outputs)
            began = time.monotonic()
            assert self.run(command) == 0, name
            self.seconds[name] = time.monotonic() - began
            self.expected[name] = self.written()
            self.clear(outputs)

    def run(self, command: str, until: float | None = None) -> int:
        """The exit status; until: seconds after which it is killed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "lsm_deploy", *command.split(), "--quiet"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return process.wait(until)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return process.wait()

    def written(self) -> dict[str, bytes]:
        """What is there beside the inputs; a journal bears times, and is not compared."""
        there = {name: data for name, data in contents(self.folder).items() if name not in self.inputs}
        return {name: b"" if name in LOG else data for name, data in there.items()}

    def clear(self, outputs: tuple[str, ...]) -> None:
        for name in outputs:
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kill(place: Place, name: str, until: float, old: bool) -> Iterator[str]:
    """Kill one command; what is wrong after it, and after the same command once more. old: there is an old output."""
    command, outputs = COMMANDS[name]
    expected = place.expected[name]
    files = [output for output in outputs if output in expected and output not in LOG]
    before = {output: b"old" for output in files if old}
    for output, data in before.items():
        (place.folder / output).write_bytes(data)
    place.run(command, until)
    for path, data in place.written().items():
        folder = path.partition("/")[0]
        if path in LOG or ".lsm-deploy-" in path or (name in GROWING and folder == "out"):
            continue
        if data not in (before.get(path), expected.get(path)):
            yield f"{path} is neither old nor new"
    for output in before:
        if not (place.folder / output).exists():
            yield f"{output} is gone"
    if name == "stream" and list((place.folder / "out").glob("part-*")):
        yield from not_begun_as(place.folder / "out", expected)
        place.clear(outputs)
    elif name == "export" and (place.folder / "out").exists() and place.written() != expected:
        yield "the folder is not whole"
    if place.run(command) != 0:
        yield "it does not run again"
    if (now := place.written()) != expected:
        differing = sorted(path for path in now.keys() | expected.keys() if now.get(path) != expected.get(path))
        if name != "stream" or any(not path.startswith("out/part-") for path in differing):
            yield f"the next run leaves {', '.join(differing)} different"
    if {path: data for path, data in contents(place.folder).items() if path in place.inputs} != place.inputs:
        yield "an input has changed"
    if left := os.listdir(place.temporary):
        yield f"temporary files are left: {', '.join(left)}"
    place.clear(outputs)


def not_begun_as(folder: Path, expected: dict[str, bytes]) -> Iterator[str]:
    """What a streamed trace that was cut off has other than the first steps of the whole one."""
    with tempfile.TemporaryDirectory() as scratch:
        for path, data in expected.items():
            (Path(scratch) / Path(path).name).write_bytes(data)
        whole = store.load_trace(scratch).trace
    try:
        left = store.load_trace(folder)
    except LsmError as error:
        yield f"the trace cannot be read: {error}"
        return
    steps = len(left.trace.spikes)
    if not np.array_equal(left.trace.spikes, whole.spikes[:steps]):
        yield "the trace has other steps"
    if left.ended != (steps == len(whole.spikes)):
        yield "the trace says that it came to its end, and it did not"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, wrong = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        for number in range(options.kills):
            name = list(COMMANDS)[number % len(COMMANDS)]
            # Every other one where it writes: near its end.
            until = place.seconds[name] * (rng.random() if rng.random() < 0.5 else rng.uniform(0.7, 1.05))
            problems = list(kill(place, name, until, old=rng.random() < 0.5))
            wrong += bool(problems)
            print(f"{number + 1:4} {name:8} killed after {until:.3f} s: {'; '.join(problems) or 'well'}", flush=True)
    print(f"{options.kills} kills, {wrong} left damage")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
