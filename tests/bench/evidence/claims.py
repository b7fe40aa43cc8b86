"""What popular texts claim of liquids, each held against figures by a rule; what was not measured is said to be so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

import lsm_deploy as ld
from bench.af.inside_table import FEWER
from bench.af.kinds import LIQUIDS_OF, liquid_of, neurons_of
from bench.evidence.sources import PLANTS, Facts, of_streams
from bench.workers import ROOT

__all__ = ["CLAIMS", "Claim"]

LIMIT_LOOP_MS, LIMIT_WORD_MS = 20.0, 50.0
CLAIMED_AF, CLAIMED_NEURONS, CLAIMED_WATTS = 0.987, 32, 1e-3


@dataclass(frozen=True)
class Claim:
    """held: whether it was shown here, by a rule, and the figures; by what command."""

    words: str
    held: Callable[[Mapping[str, Facts]], tuple[str, str]]
    command: str


def _loop(facts: Mapping[str, Facts]) -> tuple[str, str]:
    at = {
        title: facts[plant]["latencies"]["`step` of the live interface"]["quantiles"][-1]
        for plant, title in PLANTS.items()
    }
    figures = ", ".join(f"{title} {each:.0f} µs" for title, each in at.items())
    met = max(at.values()) < 1000 * LIMIT_LOOP_MS
    return _shown(
        met, "on this processor"
    ), f"from a frame to the command, 99.9 % of steps: {figures}; no chip was asked"


def _word(facts: Mapping[str, Facts]) -> tuple[str, str]:
    d = facts["digits"]["decision"]
    known = sum(d[part] for part in ("front_end", "encode", "run", "answer"))
    late = np.concatenate([point["late_ms"] for point in of_streams(facts["spotting"], "liquid")])
    middle, most = np.percentile(late, [50, 95])
    met = most < LIMIT_WORD_MS
    return ("shown, of streams too" if met else "shown of words that somebody cuts, not of streams"), (
        f"{known:.0f} ms where the end of the word is known; in a stream {middle:.0f} ms after its end "
        f"at the median, {most:.0f} at 95 %"
    )


def _hearts(facts: Mapping[str, Facts]) -> tuple[str, str]:
    best, name = max(
        (each[which]["scores"]["liquid"]["accuracy"]["mean"], f"{beats} beats, {words}")
        for beats, each in facts["af"]["windows"].items()
        for which, words in (("all", "all records"), ("fewer", "two records left out"))
    )
    inside = facts["af-inside"]["accuracy"][FEWER]
    mixed = facts["af-inside"]["windows_in_folds"]
    spec = ld.load(ROOT / "configs" / "atrial_fibrillation.yaml")
    small = [kind for kind in LIQUIDS_OF if neurons_of(liquid_of(spec, kind)) <= CLAIMED_NEURONS]
    known = max(max(mixed[kind]) for kind in small)
    return _shown(best >= CLAIMED_AF, name), (
        f"new patients: {100 * best:.1f} % at best ({name}); of kinds that were chosen inside of folds"
        f" {100 * inside['mean']:.1f} ({100 * inside['low']:.1f} to {100 * inside['high']:.1f}). Patients who were"
        f" trained on: {100 * known:.1f} at best"
    )


def _milliwatt(facts: Mapping[str, Facts]) -> tuple[str, str]:
    power = facts["af"]["on_chip"]["power"]["power"]
    return ("modelled of events, not shown of a chip" if power["most"] < CLAIMED_WATTS else "not shown"), (
        f"{1e9 * power['least']:.0f} to {1e9 * power['most']:.0f} nW of events, modelled on Loihi 1; nobody publishes "
        "what a chip takes that waits, and the one figure there is, of another network, is above 1 mW"
    )


def _thousand(facts: Mapping[str, Facts]) -> tuple[str, str]:
    cost = facts["tracking"]["cost"]
    energy = cost["energy"]
    return "not measured", (
        f"a tracker's forecast: {1e9 * energy['least']:.0f} to {1e9 * energy['most']:.0f} nJ of events, modelled, and "
        f"{1e6 * cost['static']:.0f} µJ of static power until the next, if that of another network holds; "
        f"{1e6 * cost['whole']:.0f} µs of a processor's core, measured. No GPU and no chip was"
    )


def _drifting(facts: Mapping[str, Facts]) -> tuple[str, str]:
    said, held = [], True
    for drift, each in facts["drift"].items():
        batch, *_, forgets = each.values()
        held &= forgets["later"]["high"] < batch["later"]["low"]
        said.append(f"{drift}: {batch['later']['mean']:.2f} and {forgets['later']['mean']:.2f}")
    words = f"errors long after a drift, of a readout trained at once and of one that learns on: {'; '.join(said)}"
    return _shown(held, "where somebody says what was right"), words


def _interpretable(_: Mapping[str, Facts]) -> tuple[str, str]:
    return "not measured", (
        "nobody was asked whether he understands. What there is: runs that repeat bit for bit, a cause for every value "
        "in which two of them differ, what a liquid still knows"
    )


def _shown(met: bool, how: str) -> str:
    return f"shown ({how})" if met else "not shown"


CLAIMS = (
    Claim("a liquid steers within 20 ms", _loop, "make control"),
    Claim("a word is named 50 ms after its end", _word, "make digits spotting"),
    Claim("98.7 % of fibrillation with 32 neurons", _hearts, "make af af-inside"),
    Claim("... at 1 mW", _milliwatt, "make af"),
    Claim("a thousand times less energy than a GPU", _thousand, "make tracking"),
    Claim("readouts follow what is not stationary", _drifting, "make drift"),
    Claim("liquids are interpretable", _interpretable, "lsm-deploy diagnose --knows"),
)
