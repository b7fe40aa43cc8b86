"""Replay recordings, ask simulators, and say of each rule what stands behind it.

A recording that the emulator does not reproduce is a contradiction: it backs nothing, and it is what to look at first.
A simulator agrees with a rule if it equals the emulator on a probe where the rule's variant differs. A probe that it
cannot run, or on which it differs, counts for none; nor does one for which the simulator has no model of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsm_deploy.core.errors import BackendError, MisuseError
from lsm_deploy.core.ir import Trace, kinds_in
from lsm_deploy.core.neurons import KINDS, is_stock
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.parity import compare as parity
from lsm_deploy.parity import variants
from lsm_deploy.parity.compare import Verdict
from lsm_deploy.parity.conformance.probes import Probe, all_probes
from lsm_deploy.parity.conformance.recording import Recording
from lsm_deploy.parity.variants import RULES, Rule
from lsm_deploy.run import backends as backend

__all__ = ["SIMULATORS", "Conformance", "Replay", "RuleFinding", "conform", "replay"]

SIMULATORS = ("brian", "lava")
"""The backends that run on somebody else's simulator. What shares its source or its author with the emulator has no
second opinion to give."""

_ARRANGED = {"fresh": ("brian", "lava"), "same-pair": ("lava",)}
"""Rules that a simulator keeps only as this project arranges the run for it: fresh samples are copies side by side
(`samples.py`), repeated pairs start from copies of their source (`lsm_backends/lava/pairs.py`)."""


@dataclass(frozen=True, eq=False, repr=False)
class Replay(Brief):
    """A recording, or a probe on a simulator, against the emulator: the verdict, and the rules it would have shown."""

    name: str
    by: str
    silicon: bool
    source: str
    kinds: tuple[str, ...]
    """The neuron kinds in the program: a recording speaks for these."""
    verdict: Verdict
    rules: tuple[str, ...]
    """Whose variant does not reproduce it; empty where the emulator does not either."""


@dataclass(frozen=True)
class RuleFinding:
    """What stands behind one rule: recordings of silicon, and simulators (with recordings made by them)."""

    rule: Rule
    silicon: tuple[str, ...]
    simulators: tuple[str, ...]

    @property
    def standing(self) -> str:
        if self.silicon:
            return "backed by silicon"
        count = len(self.simulators)
        return f"agreed by {count} simulator{'s' * (count != 1)}" if count else "ours alone"


@dataclass(frozen=True, eq=False, repr=False)
class Conformance(Reported):
    """Everything that was found out. `missing`: simulators that were not asked, or refused a probe, and why."""

    rules: tuple[RuleFinding, ...]
    recordings: tuple[Replay, ...]
    simulations: tuple[Replay, ...]
    missing: Mapping[str, str]

    @property
    def contradictions(self) -> tuple[Replay, ...]:
        """Recordings and simulators that the emulator does not reproduce."""
        return tuple(each for each in (*self.recordings, *self.simulations) if not each.verdict.equal)


def conform(
    recordings: Sequence[Recording],
    simulators: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Conformance:
    """Replay every recording, run every probe on every simulator (by default those that are installed)."""
    missing = {}
    asked = SIMULATORS if simulators is None else simulators
    for name in asked:
        if name not in SIMULATORS:
            raise MisuseError(
                f"{name!r} is no simulator of somebody else's", hint=f"choose from {', '.join(SIMULATORS)}"
            )
        if why := backend.load_backend(name).missing():
            missing[name] = why
    asked = [name for name in asked if name not in missing]

    cases = all_probes() if asked else ()
    total = len(recordings) + len(cases) * len(asked)
    replays, simulations = [], []
    for recording in recordings:
        replays.append(replay(recording))
        if progress:
            progress(len(replays), total)
    for name in asked:
        for probe in cases:
            if name == "lava" and (ours := _models_of_ours(probe)):
                missing[f"{name} on {probe.name}"] = (
                    f"Lava has no model of its own for {ours} as it is here: it would run ours"
                )
                continue
            if probe.program.network.message.graded:
                what = f"nobody else has {', '.join(probe.program.network.kinds)}: it would run equations of ours"
                missing[f"{name} on {probe.name}"] = what
                continue
            try:
                simulations.append(_simulate(name, probe))
            except BackendError as error:
                missing[f"{name} on {probe.name}"] = error.what
            if progress:
                progress(len(replays) + len(simulations), total)
    return Conformance(
        tuple(_finding(rule, replays, simulations) for rule in RULES.values()),
        tuple(replays),
        tuple(simulations),
        missing,
    )


def replay(recording: Recording) -> Replay:
    """Run a recording's stimulus on the emulator and, if that reproduces it, on every broken emulator."""
    registers = tuple(name for name in recording.program.network.state_names if name in recording.trace.registers)
    case = recording.program, recording.stimulus, registers
    verdict = _compare(recording, backend.run_program("emulator", *case))
    backing: tuple[str, ...] = ()
    if verdict.equal:
        backing = tuple(rule for rule in RULES if not _compare(recording, variants.run_variant(rule, *case)).equal)
    by, kinds = recording.recorded_on, recording.program.network.kinds
    return Replay(recording.name, by, recording.silicon, recording.source, kinds, verdict, backing)


def _compare(recording: Recording, run: Trace) -> Verdict:
    """A verdict on what was recorded alone: everything else is filled in from the run."""
    program, view, part = recording.program, recording.trace.view, (recording.rows, recording.columns)
    run = parity.in_view(program, run, view)
    spikes = run.spikes.copy()
    spikes[part] = recording.trace.spikes
    registers = {}
    for name, values in run.registers.items():
        registers[name] = values.copy()
        registers[name][part] = recording.trace.registers[name]
    filled = Trace(spikes, registers, run.starts, {}, view)
    verdict = parity.compare(program, run, filled, tuple(registers), names=("emulator", recording.name), view=view)
    recorded = recording.trace.spikes
    return replace(
        verdict,
        compared=dict.fromkeys(verdict.compared, recorded.size),
        steps=len(recorded),
        neurons=recorded.shape[1],
        spikes=(int(np.count_nonzero(run.spikes[part])), int(np.count_nonzero(recorded))),
    )


def _simulate(name: str, probe: Probe) -> Replay:
    state = probe.program.network.state_names
    trace = backend.run_program(name, probe.program, probe.stimulus, state)
    verdict = parity.compare(probe.program, probe.trace, trace, state, names=("emulator", name))
    shown = [rule for rule in RULES if rule in probe.rules and name not in _ARRANGED.get(rule, ())]
    rules = tuple(shown) if verdict.equal else ()
    return Replay(probe.name, name, False, "seeded", probe.program.network.kinds, verdict, rules)


def _models_of_ours(probe: Probe) -> str:
    """The kinds in a probe for which this project wrote Lava's model itself: agreement with it is no second opinion."""
    return ", ".join(
        kind for kind, given in kinds_in(probe.program.network).items() if not is_stock(KINDS[kind], *given)
    )


def _finding(rule: Rule, replays: Sequence[Replay], simulations: Sequence[Replay]) -> RuleFinding:
    silicon = tuple(each.name for each in replays if each.silicon and rule.name in each.rules)
    by = [each.by for each in replays if not each.silicon and rule.name in each.rules]
    by += [
        name
        for name in dict.fromkeys(each.by for each in simulations)
        if any(rule.name in each.rules for each in simulations if each.by == name)
    ]
    return RuleFinding(rule, silicon, tuple(dict.fromkeys(by)))
