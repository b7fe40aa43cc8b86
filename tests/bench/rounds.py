"""One case: draw it, start every simulator, see that they agree, then time them in turn, round after round.

A machine that others use, too, is slow at times, and for all that run at that time: so a round asks every simulator
once, and it is ratios within a round that are reported. Nobody is timed before all have been checked.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.agreement import Agreement, check, compare
from bench.limit import Limit
from bench.network import Case, draw
from bench.workers import PEERS, Process, WorkerError, absence, write_case

__all__ = ["Entry", "Result", "measure"]


@dataclass(frozen=True)
class Entry:
    """One simulator on one case; `why`: what kept it from being timed. Times are in seconds."""

    peer: str
    why: str | None = None
    version: str = ""
    started: float = 0.0
    built: float = 0.0
    first: float = 0.0
    """What the first run took beside its steps: compiling on demand, starting workers."""
    agreement: Agreement | None = None
    times: tuple[float, ...] = ()
    """A step, in each round."""
    steps: int = 0


@dataclass(frozen=True)
class Result:
    """One case; `activity` is what was reached, of `fast` once settled."""

    case: Case
    activity: float
    synapses: int
    entries: tuple[Entry, ...] = field(default_factory=tuple)
    limit: Limit | None = None

    def entry(self, peer: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.peer == peer), None)


def measure(case: Case, rounds: int, seconds: float, say: Callable[[str], None] = print) -> Result:
    """DisagreementError: a simulator that is exact is not; nothing has been timed then.

    rounds: how often each is timed; seconds: about how long each time.
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        program, stimulus = draw(case)
        write_case(folder, case, program, stimulus)
        synapses = program.network.synapses
        del program, stimulus  # a large case is held by those that run it only
        with ExitStack() as running:
            return _measure(case, rounds, seconds, say, folder, synapses, running)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(
    case: Case,
    rounds: int,
    seconds: float,
    say: Callable[[str], None],
    folder: Path,
    synapses: int,
    running: ExitStack,
) -> Result:
    entries: dict[str, Entry] = {}
    processes: dict[str, Process] = {}
    reference = None
    activity = 0.0
    names = dict.fromkeys([case.reference, *case.peers]) if case.reference else dict.fromkeys(case.peers)
    # The reference answers first. Each has the machine to itself while it starts.
    for name in sorted(names, key=lambda name: name != (case.reference or "emulator")):
        peer = PEERS[name]
        if why := absence(peer):
            entries[name] = Entry(name, why)
            continue
        try:
            process = running.enter_context(Process(peer, folder / name, folder))
            t, neuron, taken = process.check()
        except WorkerError as error:
            entries[name] = Entry(name, str(error))
            say(f"  {peer.title}: {error}")
            continue
        reference = reference or (t, neuron)
        found = compare((t, neuron), reference)
        check(peer.title, peer.exact, found)
        if name not in case.peers:
            process.close()
            continue
        processes[name] = process
        entries[name] = Entry(name, None, **process.about, first=taken, agreement=found)
        # The last mean period but one, of the steps that were checked: five of them.
        late = t >= case.settled - round(2 / case.activity)
        activity = activity or float(late.sum() / (round(2 / case.activity) * case.neurons))

    times: dict[str, list[float]] = {name: [] for name in processes}
    for round_ in range(rounds + 1):
        for name in list(processes):
            try:
                per_step, steps = processes[name].time(seconds)
            except WorkerError as error:
                entries[name] = replace(entries[name], why=str(error))
                say(f"  {PEERS[name].title}: {error}")
                processes.pop(name).close()
                continue
            if round_:  # the first one warms up, and finds out how many steps to ask for
                times[name].append(per_step)
                entries[name] = replace(entries[name], times=tuple(times[name]), steps=steps)
    for name in processes:
        beside = entries[name].first - case.settled * sorted(times[name])[rounds // 2]
        entries[name] = replace(entries[name], first=max(beside, 0.0))
    return Result(case, activity, synapses, tuple(entries[name] for name in case.peers))
