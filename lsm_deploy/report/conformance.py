"""What stands behind each rule of the integer contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from lsm_deploy.parity.conformance import Conformance, Recording, Replay
from lsm_deploy.report.blocks import Block, Line, Report, table
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.runs import report_stimulus, report_trace, report_verdict

__all__ = ["report_conformance", "report_recording"]

_NOTES = (
    "a recording backs a rule if the emulator reproduces it and the emulator that breaks the rule does not; "
    "it speaks for the neuron kinds in it",
    "a simulator agrees with a rule if it equals the emulator on a probe where the rule's variant differs; "
    "brian runs equations that this project wrote, lava Intel's own models",
    "it has no say in what this project arranges for it: fresh samples are copies side by side, and so are, on lava, "
    "the sources of repeated pairs",
)


def report_conformance(conformance: Conformance) -> Report:
    facts = {
        "rules": [
            {
                "name": each.rule.name,
                "holds": each.rule.holds,
                "variant": each.rule.variant,
                "standing": each.standing,
                "silicon": list(each.silicon),
                "simulators": list(each.simulators),
            }
            for each in conformance.rules
        ],
        "recordings": [_replay(each) for each in conformance.recordings],
        "simulations": [_replay(each) for each in conformance.simulations],
        "missing": dict(conformance.missing),
        "contradictions": [each.name for each in conformance.contradictions],
    }
    return Report(tuple(_blocks(conformance)), facts)


def _replay(replay: Replay) -> dict[str, Any]:
    return {**asdict(replay), "verdict": report_verdict(replay.verdict).facts}


def _blocks(conformance: Conformance) -> Iterator[Block]:
    yield table(
        ["rule", "what holds, and what does not", "standing", "by"],
        [
            [
                each.rule.name,
                f"{each.rule.holds}; not: {each.rule.variant}",
                each.standing,
                ", ".join((*each.silicon, *each.simulators)),
            ]
            for each in conformance.rules
        ],
    )
    tally = Counter(each.standing for each in conformance.rules)
    yield Line("")
    yield Line(f"{count(len(conformance.rules), 'rule')}: {', '.join(f'{n} {words}' for words, n in tally.items())}")
    if not conformance.recordings:
        yield Line(
            "no recordings: none comes with this project. NIR's paper has published one, of a single neuron "
            "(github.com/neuromorphs/NIR, paper/01_lif/lif_lava_loihi_fixed.csv);\n"
            "`lsm-deploy import-recording nir FILE.csv --weight 10 --du 4095 --dv 163 --vth 25 --silicon -o DIR/chip` "
            "makes it one of ours, and `lsm-deploy conformance DIR` replays it"
        )
    for each in conformance.recordings:
        if each.verdict.equal:
            yield Line(
                f"recording  {each.name}: {each.by}{_silicon(each.silicon)}, {', '.join(each.kinds)}; "
                f"{text_of(each.verdict.steps)} steps, {count(each.verdict.neurons, 'neuron')}, "
                f"{count(each.verdict.spikes[1], 'spike')} reproduced, backs {count(len(each.rules), 'rule')}"
            )
    yield from (Line(f"note       {note}") for note in _NOTES)
    yield from (Line(f"not asked  {what}: {why}") for what, why in conformance.missing.items())
    for each in conformance.contradictions:
        yield Line(f"contradiction {each.name}, {each.by}: {each.source}")
        yield from report_verdict(each.verdict).blocks


def report_recording(recording: Recording) -> Report:
    steps, neurons = recording.trace.spikes.shape
    stimulus, trace = report_stimulus(recording.stimulus).facts, report_trace(recording.trace).facts
    facts = {
        **{name: getattr(recording, name) for name in ("name", "silicon", "recorded_on", "source", "licence")},
        "population": recording.population,
        "first_step": recording.first_step,
        "stimulus": stimulus,
        "trace": trace,
    }
    words = (
        f"recording  {recording.name}: {recording.recorded_on}{_silicon(recording.silicon)}; "
        f"{text_of(steps)} steps from step {recording.first_step}, {count(neurons, 'neuron')}"
        f"{f' of {recording.population}' if recording.population else ''}, "
        f"{count(stimulus['spikes'], 'input spike')}, {count(trace['spikes'], 'spike')}"
    )
    return Report((Line(words),), facts)


def _silicon(silicon: bool) -> str:
    return "" if silicon else " (no silicon)"
