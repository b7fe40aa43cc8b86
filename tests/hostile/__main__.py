"""Hostile files: `make hostile`, or `python -m hostile --help` in `tests`.

Examples of every kind of file (`kinds.py`) are damaged at random and on purpose (`mutations.py`), and read within
limits (`workers.py`). What comes of each is one of

    refused    an LsmError: a sentence              traceback  any other error, or a warning
    accepted   a value                              crash      the process is dead
                                                    hang       more than 10 s of the processor's time
                                                    wrong      two answers differ where there is one
                                                    greedy     more than 20 times the file's size, and 64 MB

and none of those on the right may be. What did is kept, at most three for each cause, in `build/hostile`, where
`what.txt` says what happened and how to see it again. A seed gives the same files again.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from hostile.kinds import KINDS, Kind, by_command
from hostile.mutations import mutate, pick
from hostile.workers import ACCEPTED, FAULTS, OUTCOMES, REFUSED, Reading, Task, run
from lsm_deploy.core.errors import LsmError

KEPT = Path(__file__).parents[2] / "build" / "hostile"
MOST = 3
"""Files of one cause that are kept."""
LARGE = 4 << 20
"""Bytes of a file that nothing more is done to: one of zeros, which another mutation would unpack."""
BY_COMMAND = 25
"""One in so many is also given to the command line."""


def write(kind: Kind, examples: list[Path], seed: list[int], folder: Path) -> tuple[int, str]:
    """Write a hostile file, drawn from the seed alone, in a new folder; its size, and what was done to which file."""
    rng = np.random.default_rng(seed)
    example = pick(rng, examples)
    shutil.copytree(example, folder)
    words = []
    for _ in range(int(rng.choice([1, 2], p=[0.9, 0.1]))):
        there = {file for pattern in kind.hostile for file in folder.glob(pattern)}
        files = sorted(file for file in there if file.is_file() and file.stat().st_size < LARGE)
        if not files:
            break
        file, other, drawn = pick(rng, files), pick(rng, files), rng.random()
        name, data = file.relative_to(folder), file.read_bytes()
        if drawn < 0.02:
            file.unlink()
            if drawn < 0.01:
                file.mkdir()
            words.append(f"{name} is {'a folder' if drawn < 0.01 else 'gone'}")
            continue
        try:
            changed, done = (
                mutate(rng, file.suffix, data) if drawn > 0.03 else (other.read_bytes(), "another's content")
            )
        except Exception as error:  # what reads it before it changes it meets what another mutation left
            changed, done = data[:-1], f"cut, as it is damaged already: {type(error).__name__}"
        file.write_bytes(changed)
        words.append(f"{name}: {done}")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return size, f"{example.name}: {'; '.join(words)}"


def readers_of(name: str, by_cli: bool) -> list[tuple[str, Callable[[Path], object]]]:
    """Who reads a kind; by_cli: and the command line."""
    kind = KINDS[name]
    commands = [("cli", by_command(kind.commands))] if by_cli and kind.commands else []
    return [*kind.readers.items(), *commands]


def examples_of(names: list[str], made: Path) -> dict[str, list[Path]]:
    """Examples of each kind, by name, in folders; each reader has read each of them: all is imported and compiled."""
    examples: dict[str, list[Path]] = {}
    refused: list[str] = []
    for name in names:
        place = made / name.replace(" ", "-").replace("'", "")
        place.mkdir(parents=True)
        KINDS[name].make(place)
        examples[name] = sorted(path for path in place.iterdir() if path.is_dir())
        if not examples[name]:
            print(f"{name} is left out: a package that writes it is not installed", file=sys.stderr)
            del examples[name]
            continue
        for example in examples[name]:
            copy = made / "copy"
            shutil.copytree(example, copy)
            for reader, reads in readers_of(name, example is examples[name][0]):
                try:
                    reads(copy)
                except LsmError as error:
                    refused.append(f"{name}, {example.name}, by {reader!r}: {error}")
            shutil.rmtree(copy)
    if refused:
        sys.exit("\n".join(["examples that nobody harmed are refused:", *refused]))
    return examples


def hunt(
    names: list[str], many: int, seed: int, jobs: int, kept: Path
) -> tuple[dict[tuple[str, str], Counter[str]], dict[str, list[str]]]:
    """Read so many hostile files; outcomes by kind and reader, and the files by the cause of what was wrong."""
    table: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    causes: dict[str, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="hostile-") as temporary:
        made = Path(temporary)
        examples = examples_of(names, made)
        tasks = []
        for number in range(many):
            turn, which = divmod(number, len(examples))
            name = list(examples)[which]
            writes = partial(write, KINDS[name], examples[name], [seed, list(KINDS).index(name), turn])
            tasks.append(Task(name, writes, readers_of(name, turn % BY_COMMAND == 0)))
        shown = 0
        for reading in run(tasks, jobs, made / "workers"):
            task = tasks[reading.task]
            if reading.task >= shown + 1000:
                shown = reading.task // 1000 * 1000
                print(f"{shown} of {many} files", file=sys.stderr)
            table[task.kind, reading.reader][reading.outcome] += 1
            if reading.outcome in FAULTS:
                files = causes[f"{reading.outcome}: {reading.cause}"]
                files.append(f"{task.kind.replace(' ', '-')}-{seed}-{reading.task}")
                if len(files) <= MOST:
                    keep(kept / files[-1], task, reading)
    return table, causes


def keep(folder: Path, task: Task, reading: Reading) -> None:
    """Write the file where it can be looked at, with what came of it."""
    shutil.rmtree(folder, ignore_errors=True)
    size, words = task.write(folder)
    (folder / "what.txt").write_text(
        f"{task.kind}, read by {reading.reader!r}: {reading.outcome}\n"
        f"{words} ({size} bytes)\n"
        f"see it again, in tests: python -m hostile --show {folder}\n\n{reading.words}\n"
    )


def show(folder: Path) -> int:
    """Read a file that was kept, by every reader of its kind, in this process and without limits."""
    name = (folder / "what.txt").read_text().split(", read by")[0]
    with tempfile.TemporaryDirectory(prefix="hostile-") as temporary:
        copy = Path(temporary) / "copy"
        shutil.copytree(folder, copy)
        (copy / "what.txt").unlink()
        for reader, reads in readers_of(name, True):
            try:
                print(f"{reader}: accepted: {reads(copy)!r:.300}")
            except LsmError as error:
                print(f"{reader}: refused: {error}")
    return 0


def print_table(table: dict[tuple[str, str], Counter[str]]) -> None:
    print(f"\n{'kind':14}{'reader':10}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
    for (name, reader), outcomes in sorted(table.items(), key=lambda row: list(KINDS).index(row[0][0])):
        print(f"{name:14}{reader:10}" + "".join(f"{outcomes[outcome]:>10}" for outcome in OUTCOMES))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hostile", description="hostile files, of every kind, read")
    parser.add_argument("--files", type=int, default=10_000, help="so many (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="the same files again")
    parser.add_argument("--kinds", help=f"separated by commas: {', '.join(KINDS)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--kept", type=Path, default=KEPT, help="where files with faults go (default: %(default)s)")
    parser.add_argument("--show", type=Path, metavar="FOLDER", help="read one of these again, without limits")
    options = parser.parse_args()
    if options.show:
        return show(options.show)
    names = options.kinds.split(",") if options.kinds else list(KINDS)
    if unknown := [name for name in names if name not in KINDS]:
        parser.error(f"there is no kind {unknown[0]!r}")
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    began = time.monotonic()
    table, causes = hunt(names, options.files, seed, options.jobs, options.kept)
    print_table(table)
    total: Counter[str] = sum(table.values(), Counter())
    faults = sum(total[fault] for fault in FAULTS)
    for cause, folders in sorted(causes.items(), key=lambda item: -len(item[1])):
        print(f"\n{len(folders)} x {cause}\n   {' '.join(folders[:MOST])}")
    print(
        f"\n{options.files} files, {sum(total.values())} readings in {time.monotonic() - began:.0f} s:"
        f" {total[REFUSED]} refused, {total[ACCEPTED]} accepted, {faults} at fault;"
        f" the same again: --files {options.files} --seed {seed}"
    )
    if faults:
        print(f"they are in {options.kept}: what.txt there says how to see them")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
