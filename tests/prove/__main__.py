"""Prove every primitive for every implementation that can run here: `make prove`, or `python -m prove --quick`.

Seconds are of processor time. Exit status 1 if anything differs; an implementation that is missing is named.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import time
from collections.abc import Callable

from prove import adaptive, gated, graded, subtract, weights
from prove.claims import CLAIMS, check
from prove.implementations import ALL, PACKAGES

QUICK = 1000
_ROW = "{:26} {:15} {:8} {:52} {:>13} {:>7}  {}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="prove")
    parser.add_argument("--quick", action="store_true", help="edges, and every thousandth of the rest; no solver")
    parser.add_argument("--only", default="", help="implementations whose names start with one of these, by commas")
    arguments = parser.parse_args()
    wanted = tuple(arguments.only.split(","))
    stride = QUICK if arguments.quick else 1
    began, failed = time.process_time(), 0
    print(_ROW.format("primitive", "implementation", "method", "range", "values", "seconds", "result"))

    def row(primitive: str, name: str, method: str, extent: str, proof: Callable[[], int | None]) -> None:
        nonlocal failed
        start, result = time.process_time(), "equal"
        count = None
        try:
            count = proof()
        except AssertionError as error:
            failed, result = failed + 1, f"DIFFERS: {error}"
        seconds = f"{time.process_time() - start:.1f}"
        counted = "all" if count is None else f"{count:,}".replace(",", " ")
        print(_ROW.format(primitive, name, method, extent, counted, seconds, result), flush=True)

    for name, implementation in ALL.items():
        if not name.startswith(wanted):
            continue
        if why := missing(name):
            print(f"{name}: not run, {why}")
            continue
        with implementation() as step:
            for claim in CLAIMS:
                if claim.wide and name == "fast":
                    continue
                row(claim.primitive, name, claim.method, claim.range, lambda c=claim: check(c, step, stride))  # type: ignore[misc]
    for name, implementation in adaptive.ALL.items():
        if not name.startswith(wanted) or missing(name):
            continue
        with implementation() as step:
            for primitive, method, extent, inputs, wide in adaptive.CLAIMS:
                if not wide or name != "fast":
                    row(primitive, name, method, extent, lambda i=inputs: adaptive.check(i, step, stride))  # type: ignore[misc]
    for name, whole in subtract.ALL.items():
        if not name.startswith(wanted) or missing(name):
            continue
        with whole() as moved:
            for primitive, method, extent, inputs in subtract.CLAIMS:
                row(primitive, name, method, extent, lambda i=inputs: subtract.check(i, moved, stride))  # type: ignore[misc]
    for name, whole in graded.ALL.items():
        if not name.startswith(wanted) or missing(name):
            continue
        with whole() as moved:
            for primitive, method, extent, inputs, sums in graded.CLAIMS:
                if not sums or name == "emulator":
                    row(primitive, name, method, extent, lambda i=inputs: graded.check(i, moved, stride))  # type: ignore[misc]
    for name, whole in gated.ALL.items():
        if not name.startswith(wanted) or missing(name):
            continue
        with whole() as moved:
            for primitive, method, extent, inputs, sums in gated.CLAIMS:
                if not sums or name == "emulator":
                    row(primitive, name, method, extent, lambda i=inputs: gated.check(i, moved, stride))  # type: ignore[misc]
    for weight in weights.CLAIMS:
        if weight.implementation.startswith(wanted) and not missing(weight.implementation):
            row(weight.primitive, weight.implementation, "every", weight.range, weight.check)
    if "fast".startswith(wanted) and not missing("fast") and not arguments.quick:
        from prove import operands

        row("decay: operands", "fast", "every", "2^24 states, 4097 factors; ends up to 2^31 - 2^24", operands.check)
    if not arguments.quick:
        _symbols(wanted, row)
    print(f"{failed} differ; {time.process_time() - began:.0f} s of processor time")
    return 1 if failed else 0


def _symbols(wanted: tuple[str, ...], row: Callable[..., None]) -> None:
    if importlib.util.find_spec("z3") is None:
        print("symbols: not run, z3 is missing: pip install 'lsm-deploy[prove]'")
        return
    from prove import solver

    for name, proof in solver.PROOFS.items():
        if name.startswith(wanted) and not missing(name):
            row("one whole step", name, "symbols", "every operand; u to +-(2^31 - 2^24), any a mod 2^32", proof)


def missing(name: str) -> str | None:
    """Why an implementation cannot run here."""
    package = PACKAGES.get(name)
    if package and importlib.util.find_spec(package.partition(".")[0]) is None:
        return f"{package} is not installed"
    if name == "brian (cython)" and (shutil.which("g++") is None or importlib.util.find_spec("Cython") is None):
        return "there is no compiler"
    return None


if __name__ == "__main__":
    sys.exit(main())
