"""`python -m bench`: time every simulator that is here, and write what came out.

Leaves `results.json`, `results.md` and `scaling.png` in `--out`, after each case anew, so that an interrupted run has
what it got to; a run of all axes also writes the manual's table. Exit status 1 where a simulator that is exact has
other spikes than the reference.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from bench.agreement import DisagreementError
from bench.grid import AXES, cases
from bench.latency import Latency, measure_latency
from bench.limit import limit_of, measured
from bench.page import leave, machine, publish
from bench.plot import picture_of_scaling
from bench.rounds import Result, measure
from bench.table import render
from bench.workers import BESIDE, PEERS, ROOT, beside
from lsm_deploy.report.pictures.images import save_picture

QUICK = ("main",)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--axes", default=",".join(AXES), help=f"of {', '.join(AXES)}")
    parser.add_argument("--quick", action="store_true", help="the main case only, and fewer rounds")
    parser.add_argument("--peers", help="those that are asked beside fast, or none; by default all")
    parser.add_argument("--beside", type=Path, help="another checkout, whose .venv runs its fast in the same rounds")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="how long each measurement takes, about")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # and with it all that was started
    axes = QUICK if options.quick else tuple(options.axes.split(","))
    rounds = min(options.rounds, 5) if options.quick else options.rounds

    rates, results, disagreements = measured(), [], []
    latencies: dict[str, Latency] = {}
    here = f"{machine()}, numpy {np.__version__}"
    chosen = None if options.peers is None else tuple(name for name in options.peers.split(",") if name != "none")
    extra = ()
    if options.beside:
        PEERS[BESIDE], extra = beside(options.beside), (BESIDE,)
    for case in cases(axes, chosen, extra):
        started = time.monotonic()
        print(f"{case.axis}: {case.label}", flush=True)
        try:
            result = measure(case, rounds, options.seconds)
        except DisagreementError as error:
            disagreements.append(f"{case.axis}, {case.label}: {error}")
            print(f"  {error}", file=sys.stderr, flush=True)
            continue
        results.append(replace(result, limit=limit_of(case, rates)))
        if case.axis == "main":
            for name in ("fast", *extra):
                latencies[name] = measure_latency(case, 10_000 if options.quick else 100_000, PEERS[name].python)
        _write(options.out, here, results, latencies)
        print(f"  {time.monotonic() - started:.0f} s", flush=True)

    text = render(here, results, latencies)
    print("\n" + text)
    if disagreements:
        sys.exit("not timed, because spikes differ:\n" + "\n".join(disagreements))
    if set(axes) == set(AXES) and chosen is None and not extra:
        publish("bench", text)


def _write(folder: Path, machine: str, results: list[Result], latencies: dict[str, Latency]) -> None:
    everything = {
        "machine": machine,
        "results": [asdict(result) for result in results],
        "latency": {name: asdict(latency) for name, latency in latencies.items()},
    }
    leave(folder, render(machine, results, latencies), everything)
    save_picture(folder / "scaling.png", picture_of_scaling(results))


if __name__ == "__main__":
    main()
