"""An evaluation on 1, 2 and 4 workers of this machine, the same while workers are killed, and what limits more.

The work is liquids of spoken digits on the official split, or of the quick start where the digits are not here. Asked
of every run: the facts of the one that has no workers, to the last digit, and as many results as pieces. What a worker
was sent is what the system counts on its connections (`ss`, of iproute2).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import lsm_deploy as ld
from bench.page import leave, machine, publish, say
from bench.workers import ROOT
from lsm_deploy.data.front import load_data
from lsm_deploy.report.blocks import table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.run.memo import MEMO
from lsm_deploy.run.work import completed

OVERHEAD = 400
"""Pieces of no work, which show what one costs."""
MANY = 1000
"""Workers that the model is of."""


def nothing(shared: bytes, item: int) -> int:
    return item


def processes() -> list[int]:
    """The workers that this process has now."""
    import psutil

    children = psutil.Process().children(recursive=True)
    return [each.pid for each in children if any("spawn_main" in word for word in each.cmdline())]


def received() -> dict[int, int]:
    """Bytes that each worker was sent, over the connections that it has."""
    if shutil.which("ss") is None:
        return {}
    lines = subprocess.run(["ss", "-tinpHO"], capture_output=True, text=True).stdout.splitlines()
    of = dict.fromkeys(processes(), 0)
    for line in lines:
        pid, size = re.search(r"pid=(\d+)", line), re.search(r"bytes_received:(\d+)", line)
        if pid and size and int(pid[1]) in of:
            of[int(pid[1])] += int(size[1])
    return of


@contextmanager
def killing(every: float) -> Iterator[list[int]]:
    """Kill a worker every so many seconds, one by one; 0: none."""
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(every):
            with suppress(ProcessLookupError, IndexError):
                killed.append(random.choice(processes()))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    if every:
        thread.start()
    try:
        yield killed
    finally:
        ended.set()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description="workers, more of them, and killed")
    parser.add_argument("--data", type=Path, required=True, help="spoken digits; the quick start, if it is not there")
    parser.add_argument("--liquids", type=int, default=12)
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two kills")
    parser.add_argument("--quick", action="store_true", help="four liquids of the quick start; the manual stays")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "scale")
    options = parser.parse_args()
    digits = options.data.exists() and not options.quick
    spec = ld.load(ROOT / "configs" / ("spoken_digits.yaml" if digits else "japanese_vowels.yaml"))
    data, how = (ld.load_raw(options.data), "official") if digits else (load_data(spec)[0], "folds=2")
    liquids = 4 if options.quick else options.liquids
    begun = time.monotonic()
    rows, all_facts, first = [], {}, ""

    def run(name: str, workers: int, every: float = 0.0) -> None:
        nonlocal first
        MEMO.clear()
        done: list[int] = []
        with ld.workers(workers) as executor, killing(every) as killed:
            if executor is not None:
                list(completed(nothing, b"", range(4 * workers), executor))  # so that all are there
            before, start = received(), time.monotonic()

            def progress(so_far: int, total: int) -> None:
                done.append(so_far)

            asked = {"alone": True, "executor": executor, "progress": progress}
            across = ld.evaluate_across(spec, data, how, liquids, **asked)
            took = time.monotonic() - start
            sent = [size - before.get(pid, 0) for pid, size in received().items()]
        facts = json.dumps({**across.to_json(), "seconds": None})
        first = first or facts
        pieces = sum(len(each) for each in across.evaluations)
        twice = executor is not None and len(done) != pieces
        all_facts[name] = {"seconds": took, "pieces": pieces, "sent": sent, "killed": len(killed)}
        same = "yes" if facts == first and not twice else "NO"
        megabytes = f"{max(sent) / 1e6:.1f}" if sent and not killed else "-"
        rows.append((name, pieces, f"{60 * pieces / took:.1f}", len(killed), megabytes, same))
        say(f"{name}: {pieces} pieces in {took:.0f} s, {len(killed)} kills, the same: {same}", begun)

    run("none: this process", 0)
    for workers in (1, 2, 4):
        run(str(workers), workers)
    run(f"2, one killed every {options.every:g} s", 2, options.every)
    each = overhead()
    all_facts["overhead"] = each
    piece = all_facts["1"]["seconds"] / all_facts["1"]["pieces"]
    headings = ["workers", "pieces", "a minute", "killed", "MB sent a worker", "the same bits, nothing twice"]
    text = (
        f"\n{machine()}; {liquids} liquids of {'spoken digits' if digits else 'the quick start'} (`{how}`)\n\n"
        + to_markdown([table(headings, rows)])
        + f"\nA piece of no work takes {1e3 * each['seconds']:.1f} ms with two workers, of which "
        f"{1e3 * each['cpu']:.1f} ms are processor time of the process that asks and schedules.\n"
        + f"\n{model(each, piece, all_facts)}\n"
    )
    print(text)
    leave(options.out, text, all_facts)
    if not options.quick:
        publish("scale", text)
    if any(row[-1] != "yes" for row in rows):
        sys.exit("bits differ, or a piece was counted twice")


def overhead() -> dict[str, float]:
    """What a piece costs beside its work: seconds, and processor seconds of this process, where the scheduler is."""
    with ld.workers(2) as executor:
        list(completed(nothing, b"", range(20), executor))
        start, cpu = time.monotonic(), time.process_time()
        list(completed(nothing, b"", range(OVERHEAD), executor))
        return {"seconds": (time.monotonic() - start) / OVERHEAD, "cpu": (time.process_time() - cpu) / OVERHEAD}


def model(each: dict[str, float], piece: float, facts: dict[str, Any]) -> str:
    """What that says of many workers, and what it does not."""
    sent = max((max(run["sent"], default=0) for run in facts.values() if "sent" in run), default=0)
    shortest, all_sent = MANY * each["cpu"], MANY * sent / 1e9
    return (
        f"Two cores show that bits stay, that nothing is lost, and what a piece costs; they cannot show more than two "
        f"pieces at a time. The rest is a model. One scheduler keeps {MANY} workers busy while a piece takes at least "
        f"{MANY} × {1e3 * each['cpu']:.1f} ms = {shortest:.1f} s; of these, which take {piece:.1f} s, it keeps "
        f"{piece / each['cpu']:.0f} workers busy. {MANY} workers are sent "
        f"{all_sent:.1f} GB in all, once: {8 * all_sent:.0f} s if all of it left one machine by 1 Gb/s, and less, as "
        f"workers hand it on."
    )


if __name__ == "__main__":
    main()
