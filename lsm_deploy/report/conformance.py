"""What stands behind each rule of the integer contract."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.console import Console

from lsm_deploy.parity.conformance import Conformance, Recording, Replay
from lsm_deploy.report.runs import show_verdict, stimulus_facts, trace_facts, verdict_facts
from lsm_deploy.report.text import count, table, text

__all__ = ["conformance_facts", "recording_facts", "show_conformance", "show_recording"]

_NOTES = (
    "a recording backs a rule if the emulator reproduces it and the emulator that breaks the rule does not; "
    "it speaks for the neuron kinds in it",
    "a simulator agrees with a rule if it equals the emulator on a probe where the rule's variant differs; "
    "brian runs equations that this project wrote, lava Intel's own models",
    "it has no say in what this project arranges for it: fresh samples are copies side by side, and so are, on lava, "
    "the sources of repeated pairs",
)


def conformance_facts(found: Conformance) -> dict[str, Any]:
    return {
        "rules": [
            {
                "name": each.rule.name,
                "holds": each.rule.holds,
                "variant": each.rule.variant,
                "standing": each.standing,
                "silicon": list(each.silicon),
                "simulators": list(each.simulators),
            }
            for each in found.rules
        ],
        "recordings": [_replay_facts(each) for each in found.recordings],
        "simulations": [_replay_facts(each) for each in found.simulations],
        "missing": dict(found.missing),
        "contradictions": [each.name for each in found.contradictions],
    }


def _replay_facts(replay: Replay) -> dict[str, Any]:
    return {**asdict(replay), "verdict": verdict_facts(replay.verdict)}


def show_conformance(console: Console, found: Conformance) -> None:
    rows = [
        (
            each.rule.name,
            f"{each.rule.holds}; not: {each.rule.variant}",
            each.standing,
            ", ".join((*each.silicon, *each.simulators)),
        )
        for each in found.rules
    ]
    console.print(table("", ("rule", "what holds, and what does not", "standing", "by"), rows))
    tally = Counter(each.standing for each in found.rules)
    console.print(f"\n{count(len(found.rules), 'rule')}: {', '.join(f'{n} {words}' for words, n in tally.items())}")
    if not found.recordings:
        console.print(
            "no recordings: none comes with this project. NIR's paper has published one, of a single neuron "
            "(github.com/neuromorphs/NIR, paper/01_lif/lif_lava_loihi_fixed.csv);\n"
            "`lsm-deploy import-recording nir FILE.csv --weight 10 --du 4095 --dv 163 --vth 25 -o DIR/loihi2` "
            "makes it one of ours, and `lsm-deploy conformance DIR` replays it"
        )
    for each in found.recordings:
        if each.verdict.equal:
            console.print(
                f"recording  {each.name}: {each.by}{'' if each.silicon else ' (no silicon)'}, {', '.join(each.kinds)}; "
                f"{text(each.verdict.steps)} steps, {count(each.verdict.neurons, 'neuron')}, "
                f"{count(each.verdict.spikes[1], 'spike')} reproduced, backs {count(len(each.rules), 'rule')}"
            )
    for note in _NOTES:
        console.print(f"note       {note}")
    for what, why in found.missing.items():
        console.print(f"not asked  {what}: {why}")
    for each in found.contradictions:
        console.print(f"contradiction {each.name}, {each.by}: {each.source}")
        show_verdict(console, each.verdict)


def recording_facts(recording: Recording) -> dict[str, Any]:
    return {
        **{name: getattr(recording, name) for name in ("name", "silicon", "recorded_on", "source", "licence")},
        "population": recording.population,
        "first_step": recording.first_step,
        "stimulus": stimulus_facts(recording.stimulus),
        "trace": trace_facts(recording.trace),
    }


def show_recording(console: Console, recording: Recording) -> None:
    steps, neurons = recording.trace.spikes.shape
    console.print(
        f"recording  {recording.name}: {recording.recorded_on}{'' if recording.silicon else ' (no silicon)'}; "
        f"{text(steps)} steps from step {recording.first_step}, {count(neurons, 'neuron')}"
        f"{f' of {recording.population}' if recording.population else ''}, "
        f"{count(int((recording.stimulus.spikes != 0).sum()), 'input spike')}, "
        f"{count(int((recording.trace.spikes != 0).sum()), 'spike')}"
    )
