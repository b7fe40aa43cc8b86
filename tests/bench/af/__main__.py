"""`python -m bench.af`: everything that the manual says of atrial fibrillation, measured; it writes what came out.

Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's tables. Exit status
1 where backends differ.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Any

import lsm_deploy as ld
from bench import decided
from bench.af import chip as chips
from bench.af import monitor
from bench.af.table import Found, render
from bench.af.windows import choose, of_window, sized, to_the_chip, windows
from bench.experiment import beats_of, finish, parser_of
from bench.page import machine, say
from bench.workers import ROOT
from lsm_deploy.data import Beats
from lsm_deploy.spec.schema import Spec

WINDOWS = {32: 5, 64: 5, 128: 5}
"""Liquids for each length."""
SIZES = {16: 3, 64: 2, 128: 1, 256: 1, 512: 1}
"""Liquids for each size beside 32, which is there already: large ones take minutes each."""
ON_CHIP = 2
"""Liquids, each trained and run anew in every fold."""


def main() -> None:
    options = parser_of(
        "af", "atrial fibrillation, measured", "two liquids, one window, one size", "afdb_beats.npz"
    ).parse_args()
    spec, data = ld.load(ROOT / "configs" / "atrial_fibrillation.yaml"), beats_of(options.data)
    found = measure(spec, data, quick=options.quick)
    text = render(found)
    finish(options, "af", text, facts(found))
    if any(each.differs for each in found.chip.parity):
        sys.exit("backends differ")


def measure(spec: Spec, data: Beats, *, quick: bool) -> Found:
    begun = time.monotonic()
    by_window = []
    for beats, liquids in ({128: 2} if quick else WINDOWS).items():
        by_window.append(windows(spec, data, beats, liquids))
        say(f"windows of {beats} beats", begun)
    chosen = (
        choose(spec, [each.every for each in by_window]),
        choose(spec, [each.fewer for each in by_window]),
    )
    best = by_window[max(chosen[0].times, key=lambda i: chosen[0].times[i])]
    spec, sizes = of_window(spec, best.beats), {32: best.every}
    for neurons, liquids in ({16: 1} if quick else SIZES).items():
        sizes[neurons] = sized(spec, data, neurons, liquids)
        say(f"{neurons} neurons", begun)
    steps = to_the_chip(spec, data, 1 if quick else ON_CHIP)
    say("to the chip", begun)
    lengths = [each.beats for each in by_window]
    watched = monitor.monitored(spec, data, lengths, 2000 if quick else 20_000)
    say("beat by beat", begun)
    names = ["emulator", "fast"] if quick else decided.backends_here()
    chip = chips.deployed(spec, data, 10 if quick else 60, names, watched.rate)
    say("on the chip", begun)
    seconds = {
        f"evaluating {len(best.every.seeds)} liquids in 5 folds (windows of {best.beats} beats)": best.every.seconds,
        **chip.seconds,
        "all of this": time.monotonic() - begun,
    }
    return Found(f"{machine()} (shared with other work)", by_window, chosen, best, sizes, steps, watched, chip, seconds)


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in pairs}


def facts(found: Found) -> dict[str, Any]:
    return {
        "machine": found.machine,
        "windows": {each.beats: {"all": each.every.to_json(), "fewer": each.fewer.to_json()} for each in found.windows},
        "chosen": [{"times": each.times, **each.answered.to_json()} for each in found.chosen],
        "sizes": {neurons: each.to_json() for neurons, each in found.sizes.items()},
        "to_the_chip": list(found.steps),
        "beat_by_beat": asdict(found.watched),
        "on_chip": asdict(found.chip, dict_factory=_plain),
        "seconds": found.seconds,
    }


if __name__ == "__main__":
    main()
