"""`python -m bench.af.inside`: other liquids for atrial fibrillation, the best of them chosen inside of the folds.

What is compared was written down beforehand: the spec's liquid, and liquids with relays (a neuron for each input
channel that spikes when it does, so that the readout sees the encoded input), with sparse positive input, or slow
neurons, of 16 to 62 neurons in all. Each fold takes the one with the best cross-validated accuracy on its
training records, and is judged on the others: the figure is of the choice. Beside it stand the liquids themselves, and
the best of them, which nobody knew beforehand.

Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's table.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld
from bench.af.windows import SPLIT, Chosen, choose
from bench.page import leave, machine, publish, say
from bench.workers import ROOT
from lsm_deploy.data import Beats
from lsm_deploy.data.front import AF
from lsm_deploy.measure.evaluation import Across, evaluate_across
from lsm_deploy.measure.uncertainty import Difference, Resampled
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown
from lsm_deploy.spec.schema import Spec

__all__ = ["ENCODED", "LIQUIDS_OF", "at_specificity", "beside", "liquid_of", "render", "right_of"]

LIQUIDS = 1
SPECIFICITY = 0.97
"""At which sensitivity is compared: the threshold is that of all test windows together."""

Dict = dict[str, Any]


def _sized(size: int) -> Callable[[Dict], None]:
    def change(spec: Dict) -> None:
        spec["populations"]["liquid"]["size"] = size

    return change


def _sparse_positive(spec: Dict) -> None:
    """Each neuron hears two channels, which excite it, and no other neuron."""
    spec["projections"] = [spec["projections"][0]]
    spec["projections"][0] |= {
        "topology": {"kind": "erdos_renyi", "in_degree": 2},
        "weight": {"distribution": "gamma", "mean": 0.3, "std": 0.1},
    }


def _slow(spec: Dict) -> None:
    """Ten beats in the place of two."""
    neuron = spec["populations"]["liquid"]["neuron"]
    neuron |= {"tau_mem_ms": {"distribution": "lognormal", "mean": 100.0, "std": 50.0}}


def relayed(spec: Dict) -> None:
    """A neuron for each channel of the input, which relays it to the readout; no current is left after a spike."""
    channels = ld.Spec.from_dict(spec).input.spike_channels
    spec["populations"]["relay"] = {"size": channels, "neuron": {"kind": "LIF", "tau_mem_ms": 0.1, "tau_syn_ms": 0.0}}
    wire = {"source": "input", "target": "relay", "topology": {"kind": "one_to_one"}, "weight": 1.5}
    spec["projections"].append(wire)
    spec["readout"]["population"] = ["liquid", "relay"]


def _relays_alone(spec: Dict) -> None:
    """The encoded input and nothing else, in neurons."""
    relayed(spec)
    del spec["populations"]["liquid"]
    spec["projections"] = [each for each in spec["projections"] if each["target"] == "relay"]
    spec["readout"]["population"] = "relay"


ENCODED = "30 relays of the input alone"
LIQUIDS_OF: Mapping[str, tuple[Callable[[Dict], None], ...]] = {
    "32 as written": (),
    ENCODED: (_relays_alone,),
    "32 as written and 30 relays": (relayed,),
    "32 with sparse positive input": (_sparse_positive,),
    "16 with sparse positive input": (_sparse_positive, _sized(16)),
    "32 slow": (_slow,),
}
"""All that were tried: how each differs from the spec."""


def liquid_of(spec: Spec, name: str) -> Spec:
    changed = copy.deepcopy(spec.to_dict())
    for change in LIQUIDS_OF[name]:
        change(changed)
    return ld.Spec.from_dict(changed)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.af.inside", description="liquids chosen inside of folds")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "afdb_beats.npz")
    parser.add_argument("--quick", action="store_true", help="two kinds, and the manual stays")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "af-inside")
    options = parser.parse_args()
    if not options.data.exists():
        sys.exit(f"there is no {options.data}: give beats as an .npz or a folder of WFDB annotations, AF=...")
    spec, data = ld.load(ROOT / "configs" / "atrial_fibrillation.yaml"), ld.load_raw(options.data)
    if not isinstance(data, Beats):
        sys.exit(f"{options.data} holds no heart beats")
    begun = time.monotonic()
    names = list(LIQUIDS_OF)[:2] if options.quick else list(LIQUIDS_OF)
    every: dict[str, Across] = {}
    for name in names:
        every[name] = evaluate_across(liquid_of(spec, name), data, SPLIT, LIQUIDS, alone=True)
        say(name, begun)
    chosen = choose(spec, list(every.values()))
    text = render(every, chosen, time.monotonic() - begun)
    print("\n" + text)
    leave(options.out, text, facts(every, chosen))
    if not options.quick:
        publish("af-inside", text)


# --- what comes of it ------------------------------------------------------------------------------------------------


def right_of(across: Across) -> NDArray[np.bool_]:
    """Which liquid had which window right `[liquid, window]`, fold after fold."""
    return np.array(
        [
            np.concatenate([np.array(fold.answers["liquid"].predicted) == np.array(fold.labels) for fold in liquid])
            for liquid in across.evaluations
        ]
    )


def groups_of(across: Across) -> tuple[str, ...]:
    """The record of each window, in the same order."""
    return tuple(group for fold in across.evaluations[0] for group in fold.group_of)


def beside(across: Across, other: Across) -> Difference:
    """The liquids of one evaluation less those of another, of the same windows and folds."""
    right = {"this": right_of(across), "that": right_of(other)}
    return Resampled(right, groups_of(across)).difference("this", "that")


def at_specificity(across: Across, specificity: float) -> tuple[float, list[float]]:
    """The sensitivity at the threshold that leaves so many of all other windows alone, and that of each record that
    has AF; means over liquids. The threshold is of the windows that are judged: no one could have set it before."""
    whole, by_record = [], []
    groups = np.array(groups_of(across))
    for liquid in across.evaluations:
        margins = np.concatenate([np.asarray(fold.answers["liquid"].margins) for fold in liquid])
        is_af = np.concatenate([np.array(fold.labels) == AF for fold in liquid])
        detected = margins > np.quantile(margins[~is_af], specificity)
        whole.append(detected[is_af].mean())
        records = [record for record in dict.fromkeys(groups.tolist()) if is_af[groups == record].any()]
        by_record.append([detected[is_af & (groups == record)].mean() for record in records])
    return float(np.mean(whole)), np.mean(by_record, axis=0).tolist()


def render(every: Mapping[str, Across], chosen: Chosen, seconds: float) -> str:
    return to_markdown(_blocks(every, chosen, seconds))


def _blocks(every: Mapping[str, Across], chosen: Chosen, seconds: float) -> list[Block]:
    names, first = list(every), next(iter(every.values()))
    times = ", ".join(f"{names[i]} {n}" for i, n in chosen.times.items() if n)
    rows = [_row(name, across, every.get(ENCODED)) for name, across in every.items()]
    rows.append(_row("**chosen inside of each fold**", chosen.answered, every.get(ENCODED)))
    columns = [
        "accuracy, %", "sensitivity %, specificity %, AUC", f"sensitivity at {SPECIFICITY:.0%} specificity, %",
        "of it by record: least, median", "beside relays alone, points",
    ]  # fmt: skip
    return [
        Line(
            f"Measured on {machine()} (shared with other work), {seconds:.0f} s. Windows of 128 beats,"
            f" {first.samples} of them, 5 folds of records, {len(first.seeds)} of each kind; {len(every)} kinds, all"
            f" that were tried here. Intervals, 95 %, are over {first.over}; differences are paired."
        ),
        table(["neurons", *right(*columns)], rows),
        Line(f"Chosen, of 5 folds: {times}."),
    ]


def _row(words: str, across: Across, reference: Across | None) -> list[str]:
    detection = [across.detection("liquid", what) for what in ("sensitivity", "specificity", "auc")]
    sensitivity, specificity, auc = (each.mean if each else float("nan") for each in detection)
    whole, by_record = at_specificity(across, SPECIFICITY)
    difference = ""
    if reference is not None and reference is not across:
        d = beside(across, reference)
        difference = f"{100 * d.mean:+.2f} ({100 * d.low:+.2f} to {100 * d.high:+.2f}): {d.says}"
    return [
        words,
        _interval(across),
        f"{100 * sensitivity:.1f}, {100 * specificity:.1f}, {auc:.3f}",
        f"{100 * whole:.1f}",
        f"{100 * min(by_record):.0f}, {100 * float(np.median(by_record)):.0f}",
        difference,
    ]


def _interval(across: Across) -> str:
    low, high = across.resampled.interval("liquid") or (float("nan"), float("nan"))
    return f"{100 * across.accuracy('liquid').mean:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def facts(every: Mapping[str, Across], chosen: Chosen) -> Dict:
    return {
        "machine": machine(),
        "accuracy": {name: asdict(across.accuracy("liquid")) for name, across in every.items()},
        "chosen": {"times": chosen.times, **asdict(chosen.answered.accuracy("liquid"))},
    }


if __name__ == "__main__":
    main()
