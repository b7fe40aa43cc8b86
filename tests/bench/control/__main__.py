"""`python -m bench.control`: liquids in closed loop at 20 ms, measured; it writes what came out.

Leaves `results.md` and `results.json` of each plant in `--out`; a run that is not quick also writes the manual's
tables. Exit status 1 where a command of C is not Python's.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.control.measured import QUICK, WHOLE, Size, of_baselines, of_liquid, spec_of
from bench.control.plants import PLANTS, missing
from bench.control.table import Found, render
from bench.control.timing import latencies
from bench.page import leave, machine, publish, say
from bench.workers import ROOT
from lsm_deploy.core.errors import LsmWarning
from lsm_deploy.report.blocks import Line
from lsm_deploy.report.markdown import to_markdown


def quiet() -> None:
    """Frames beyond a range, under noise, and states that are saturated for a while: returns say what comes of it."""
    warnings.simplefilter("ignore", LsmWarning)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.control", description="control in closed loop, measured")
    parser.add_argument("--quick", action="store_true", help="a liquid each, few episodes, and the manual stays")
    parser.add_argument("--only", choices=PLANTS, help="one plant, and its part of the manual's page")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "control")
    options = parser.parse_args()
    quiet()
    begun, size = time.monotonic(), QUICK if options.quick else WHOLE
    names = [options.only] if options.only else list(PLANTS)
    absent = {name: why for name in names if (why := missing(name))}
    for name, why in absent.items():
        print(f"{name} is left out: {why}", flush=True)
    differ = 0
    for name in names:
        if name in absent:
            continue
        first = time.monotonic()
        found = measured(name, size, options.workers)
        say(name, begun)
        how = f"Measured on {machine()}, in {time.monotonic() - first:.0f} s."
        text = to_markdown([Line(how), *render(found)])
        print("\n" + text)
        leave(options.out / name, text, facts(found))
        if not options.quick:
            publish(name, text)
        differ += sum(each.in_c.differ for each in found.liquids if each.in_c is not None)
    if len(absent) == len(names):
        sys.exit("no plant is here")
    if differ:
        sys.exit("C and Python differ")


def measured(name: str, size: Size, workers: int) -> Found:
    with ProcessPoolExecutor(workers, initializer=quiet) as pool:
        first = spec_of(name).seed
        others = pool.submit(of_baselines, name, size)  # a GRU takes longest
        asked = [pool.submit(of_liquid, name, first + k, size) for k in range(size.liquids)]
        baselines, liquids = others.result(), [each.result() for each in asked]
    model = liquids[0].model
    assert model is not None
    return Found(name, liquids, baselines, latencies(name, model, size.steps, range(3)))  # nobody else runs by now


def facts(found: Found) -> dict[str, Any]:
    """All returns, by condition, controller, liquid and episode."""
    return {
        "returns": {
            condition: {name: sums[:, :, 0].tolist() for name, sums in found.returns(condition).sums.items()}
            for condition in found.baselines.outcomes
        },
        "held": {
            condition: {name: right.tolist() for name, right in found.held(condition).right.items()}
            for condition in found.baselines.outcomes
        },
        "curves": [each.curves for each in (*found.liquids, found.baselines)],
        "steps": [each.steps for each in (*found.liquids, found.baselines)],
        "in_c": [asdict(each.in_c) for each in found.liquids if each.in_c is not None],
        "latencies": {what: asdict(each) for what, each in found.latencies.items()},
    }


if __name__ == "__main__":
    main()
