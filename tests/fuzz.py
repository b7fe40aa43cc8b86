"""The differential fuzzer: `make fuzz MINUTES=n`, or `python tests/fuzz.py --help`.

Random programs and stimuli (`programs.py`) run on the oracle, which shares no code with the package, and on every
backend that is installed: each spike and each register of each step must be the same, and so must the counts of wraps,
clips and wide sums. A batch is drawn from the seed and its number alone, so a seed gives the same cases again. The
emulator runs case by case; the others, which are slow to start, run a batch as one union (`union.py`), and are compared
case by case. Lava runs beside the rest, in processes of its own.

A case that differs is shrunk (`lsm_deploy.parity.reduction`) and kept as a folder in `tests/found`, which
`test_fuzz.py` replays from then on:

    program.lsm  stimulus.npz  what.txt
"""

from __future__ import annotations

import argparse
import itertools
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import get_args

import device
import numpy as np
import oracle
from programs import SIGN_MODES, Regime, SynapseType, plain, random_program, random_stimulus
from union import Case, union

from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.limits import Limits
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.exchange.c_files.liquid import RULES as C_KINDS
from lsm_deploy.parity.compare import compare
from lsm_deploy.parity.reduction import between, one_by_one, shrink
from lsm_deploy.parity.variants import RULES, run_variant
from lsm_deploy.run.backends import BACKENDS, load_backend
from lsm_deploy.run.cluster import workers
from lsm_deploy.run.work import completed
from lsm_deploy.store import load_program, load_stimulus, program_id, save_program, save_stimulus

FOUND = Path(__file__).with_name("found")
BATCH = 300
"""Cases a batch: so many that stepping them costs Lava more than being started."""
EXTREMES: dict[Regime, float] = {"wrapping": 0.3, "edge": 0.3, "overflowing": 0.1}
"""One of these by turns takes so much of a batch; the rest is alive. Those that overflow have a thousand synapses."""
SHORT = 0.3
"""The share of fresh cases that end before the others."""
PATIENCE = 120.0
"""Seconds that a case may be shrunk for; only Lava needs them."""
MAX_FOUND = 3
"""Cases a backend that are shrunk and kept; of more it is only counted that they differ."""

Run = Callable[[Program, Stimulus, Sequence[str]], Trace]


# --- drawing -------------------------------------------------------------------------------------------------------


def draw(
    seed: int, number: int, size: int = BATCH, regime: Regime | None = None, kinds: Sequence[str] = tuple(KINDS)
) -> list[Case]:
    """The cases of a batch: of one sample interval, so that they fit together, and every second time fresh.

    They share a handful of neuron kinds and synapse types, because each combination is a process of Lava; batch after
    batch takes others.
    """
    rng = np.random.default_rng([seed, number])
    interval = int(rng.choice([rng.integers(1, 5), rng.integers(5, 60)], p=[0.2, 0.8])) if number % 2 else 0
    longest = int(rng.integers(60, 151))
    extreme, share = list(EXTREMES.items())[number // 2 % len(EXTREMES)]
    # Two kinds of neurons have four kinds of synapses between them, besides those from the input.
    kinds = rng.choice(kinds, min(int(rng.choice([1, 2], p=[0.7, 0.3])), len(kinds)), replace=False).tolist()
    types = {least: _types(rng, 3 - len(kinds), least) for least in (0, 5)}
    cases = []
    for k in range(size):
        rng = np.random.default_rng([seed, number, k])
        drawn = regime or (extreme if rng.random() < share else "alive")
        program = random_program(
            rng, interval=interval, regime=drawn, types=types[0 if drawn == "alive" else 5], kinds=kinds
        )
        # Without padding, the counts of a union can be compared too; samples of other lengths are for fresh ones.
        short = not interval and rng.random() < SHORT
        cases.append((program, random_stimulus(rng, program, int(rng.integers(1, longest)) if short else longest)))
    return cases


@dataclass(frozen=True)
class Drawing:
    """What cases are drawn from: all but the number of their batch."""

    seed: int
    size: int = BATCH
    regime: Regime | None = None
    kinds: tuple[str, ...] = tuple(KINDS)

    def batch(self, number: int) -> list[Case]:
        return draw(self.seed, number, self.size, self.regime, self.kinds)

    def __str__(self) -> str:
        """As `make` takes it."""
        regime = f" REGIME={self.regime}" if self.regime else ""
        kinds = f" KINDS={','.join(self.kinds)}" if self.kinds != tuple(KINDS) else ""
        return f"make fuzz SEED={self.seed}{regime}{kinds}"


def _types(rng: np.random.Generator, count: int, least_exp: int) -> list[SynapseType]:
    # The first excites or is mixed: where all inhibit, nothing lives.
    return [
        (SIGN_MODES[rng.choice([0, 2] if i == 0 else 3)], int(rng.integers(1, 9)), int(rng.integers(least_exp, 8)))
        for i in range(count)
    ]


# --- running and comparing -----------------------------------------------------------------------------------------


def run_oracle(program: Program, stimulus: Stimulus, record: Sequence[str]) -> Trace:
    """The oracle's opinion as a trace."""
    result = oracle.run(plain(program), stimulus.spikes.tolist(), stimulus.starts.tolist())
    shape = (len(stimulus.spikes), program.network.neurons)
    counts = {"u_wraps": result.wraps, "v_saturations": result.saturations, "wide_sums": result.wide_sums}
    registers = {name: np.array(getattr(result, name), np.int32).reshape(shape) for name in record}
    return Trace(
        np.array(result.spikes, program.network.message_type).reshape(shape), registers, stimulus.starts, counts
    )


def backends() -> tuple[dict[str, Run], list[str]]:
    """The backends that run here, and why others do not."""
    run, absent = {}, []
    for name in BACKENDS:
        if name in ("loihi2", "netx"):
            continue  # a board is for `make hardware`; netx holds next to none of these programs (`test_netx.py`)
        backend = load_backend(name)
        if why := backend.missing():
            absent.append(f"{name} is left out: {why}")
        else:
            run[name] = backend.run
    return run, absent


def in_c() -> tuple[dict[str, Run], list[str]]:
    """Exported C as if it were a backend, where there is a compiler; a batch is compiled once."""
    why = device.missing()
    return ({}, [f"c is left out: {why}"]) if why else ({"c": device.run}, [])


def able(run: Mapping[str, Run], program: Program) -> dict[str, Run]:
    """The backends that have a rule for each kind of the program: for the others it is no mistake to refuse it."""
    kinds = {p.kind for p in program.network.populations}
    return {
        name: side
        for name, side in run.items()
        if kinds <= {*(C_KINDS if name == "c" else getattr(load_backend(name), "LIMITS", Limits()).kinds)}
    }


def opinion(run: Run, program: Program, stimulus: Stimulus) -> Trace | Exception:
    """What a backend makes of a case, with every register; one that fails, differs."""
    try:
        return run(program, stimulus, program.network.state_names)
    except Exception as error:
        return error


def difference(program: Program, expected: Trace, trace: Trace | Exception, name: str) -> str | None:
    """In words, where a trace parts from the oracle's; counts are compared where the trace has any."""
    if isinstance(trace, Exception):
        return f"it raises {type(trace).__name__}: {trace}"
    registers = tuple(expected.registers)
    same = np.array_equal(expected.spikes, trace.spikes) and all(
        np.array_equal(expected.registers[r], trace.registers[r]) for r in registers
    )
    if not same:
        verdict = compare(program, expected, trace, registers, names=("oracle", name), view="sim")
        d = verdict.divergence
        assert d is not None, "parity.compare says equal where the arrays are not"
        what = "spike" if d.register == "s" else d.register
        return f"{what} of {d.population}[{d.index}] in step {d.t} is {d.second}, not {d.first}"
    if trace.counts and trace.counts != expected.counts:
        return f"counts are {dict(trace.counts)}, not {dict(expected.counts)}"
    return None


def check(program: Program, stimulus: Stimulus, run: Run, name: str) -> str | None:
    """In words, where a backend parts from the oracle on one case."""
    trace = opinion(run, program, stimulus)
    return difference(program, run_oracle(program, stimulus, program.network.state_names), trace, name)


@dataclass(frozen=True)
class Difference:
    backend: str
    batch: int
    case: int | None
    """None: of the batch as a whole."""
    words: str


@dataclass
class Tally:
    """What was compared, and what was in it."""

    cases: int = 0
    silent: int = 0
    saturated: int = 0
    judged: int = 0
    spikes: Counter[str] = field(default_factory=Counter)
    """By backend; and register values."""
    values: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    types: set[SynapseType] = field(default_factory=set)
    differences: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    """By backend: batches with a kind that it has no rule for."""

    def add_case(self, program: Program, expected: Trace) -> None:
        self.cases += 1
        self.events.update(expected.counts)
        self.kinds.update({p.kind: p.size for p in program.network.populations})
        self.types.update((p.sign_mode, p.num_weight_bits, p.weight_exp) for p in program.network.projections)
        if len(expected.spikes) >= 30:  # before, a neuron behind a delay of 62 is silent
            rates = np.mean(expected.spikes != 0, axis=0)
            self.judged += len(rates)
            self.silent += int((rates == 0).sum())
            self.saturated += int((rates >= 0.9).sum())

    def add(self, other: Tally) -> None:
        for each in fields(self):
            mine, others = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, int):
                setattr(self, each.name, mine + others)
            else:
                mine.update(others)

    def add_compared(self, name: str, program: Program, expected: Trace) -> None:
        self.spikes[name] += int(np.count_nonzero(expected.spikes))
        registers = sum(p.size * len(KINDS[p.kind].STATE) for p in program.network.populations)
        self.values[name] += registers * len(expected.spikes)


def run_batch(cases: Sequence[Case], run: Mapping[str, Run], tally: Tally, number: int = 0) -> list[Difference]:
    """Run a batch on every backend that has a rule for its kinds and say what differs."""
    program, stimulus, split = union(cases)
    every, run = run, able(run, program)
    tally.left_out.update(every.keys() - run.keys())
    traces: dict[str, Trace | Exception] = {}

    def run_union(name: str) -> None:
        traces[name] = opinion(run[name], program, stimulus)

    # A daemon: an interrupt does not wait for Lava, whose processes end by themselves when nobody waits for them.
    lava = threading.Thread(target=run_union, args=("lava",), daemon=True)
    if "lava" in run:
        lava.start()
    expected = [run_oracle(*case, case[0].network.state_names) for case in cases]
    for case, wanted in zip(cases, expected, strict=True):
        tally.add_case(case[0], wanted)

    found = []
    for name in run:
        apart: Sequence[Trace | Exception]
        if name == "emulator":
            apart = [opinion(run[name], *case) for case in cases]
        else:
            lava.join() if name == "lava" else run_union(name)
            whole = traces[name]
            if isinstance(whole, Exception):
                found.append(Difference(name, number, None, str(difference(program, whole, whole, name))))
                continue
            apart = split(whole)
            if words := _count_difference(program, cases, expected, whole):
                found.append(Difference(name, number, None, words))
        for k, (case, wanted, trace) in enumerate(zip(cases, expected, apart, strict=True)):
            tally.add_compared(name, case[0], wanted)
            if words := difference(case[0], wanted, trace, name):
                found.append(Difference(name, number, k, words))
    tally.differences.update(d.backend for d in found)
    return found


def _count_difference(program: Program, cases: Sequence[Case], expected: Sequence[Trace], whole: Trace) -> str | None:
    """The counts of a union against their sum; they say nothing where cases were padded, or cut into samples."""
    if not program.network.sample_interval or len({len(stimulus.spikes) for _, stimulus in cases}) > 1:
        return None
    total = {event: sum(wanted.counts[event] for wanted in expected) for event in whole.counts}
    return f"counts are {dict(whole.counts)}, not {total}" if total != whole.counts else None


# --- what is found -------------------------------------------------------------------------------------------------


def keep(d: Difference, cases: Sequence[Case], run: Run, origin: str, folder: Path = FOUND) -> Path:
    """Shrink a case that differs and write it where `test_fuzz.py` replays it.

    A case that is well when it runs alone is kept in its company: the union is a program like any other.
    """
    alone = d.case is not None and check(*cases[d.case], run, d.backend) is not None
    case = cases[d.case] if d.case is not None and alone else union(cases)[:2]
    small = _shrunk(case, run, d.backend)
    words = check(*small, run, d.backend) or f"{d.words} (seen once, not again)"
    place = folder / f"{d.backend}-{program_id(small[0])}"
    place.mkdir(parents=True, exist_ok=True)
    save_program(place / "program.lsm", small[0])
    save_stimulus(place / "stimulus.npz", small[1])
    (place / "what.txt").write_text(
        f"{d.backend} against the oracle: {words}\n"
        f"found by {origin}, batch {d.batch}, case {d.case}\n"
        f"shrunk from {_size(*case)} to {_size(*small)}\n"
        f"replay: python tests/fuzz.py --replay {place.name}\n"
    )
    return place


def _shrunk(case: Case, run: Run, name: str) -> Case:
    """The case, smaller if it can be."""

    def recorded(side: Run) -> Callable[[Program, Stimulus], Trace]:
        return lambda program, stimulus: side(program, stimulus, program.network.state_names)

    def differs(program: Program, stimulus: Stimulus) -> bool:
        return check(program, stimulus, run, name) is not None

    # At first many candidates in one run, because Lava takes a second for each. What is no value (a failure, a count),
    # and what shows only in company, has to be asked about one by one.
    for question in (between(recorded(run_oracle), recorded(run)), one_by_one(differs)):
        try:
            shrunk = shrink(*case, question, seconds=PATIENCE)
        except Exception:
            continue
        if differs(shrunk.program, shrunk.stimulus):
            return shrunk.program, shrunk.stimulus
    return case


def replay(place: Path, run: Mapping[str, Run]) -> list[str]:
    """In words, each backend that parts from the oracle on a kept case."""
    case = load_program(place / "program.lsm"), load_stimulus(place / "stimulus.npz")
    return [f"{name}: {words}" for name, side in able(run, case[0]).items() if (words := check(*case, side, name))]


def _size(program: Program, stimulus: Stimulus) -> str:
    network = program.network
    return f"{network.neurons} neurons, {network.synapses} synapses, {len(stimulus.spikes)} steps"


# --- the command ---------------------------------------------------------------------------------------------------


def fuzz(
    run: Mapping[str, Run],
    drawing: Drawing,
    *,
    minutes: float,
    batches: int | None = None,
    folder: Path = FOUND,
    executor: Executor | None = None,
    at_once: int = 1,
) -> Tally:
    """Fuzz until the time is up or it is interrupted; 0 minutes are endless. at_once: batches that go to the executor
    together."""
    tally, began = Tally(), time.monotonic()
    try:
        for first in itertools.count(step=at_once) if batches is None else range(0, batches, at_once):
            numbers = range(first, first + at_once if batches is None else min(first + at_once, batches))
            done = dict(completed(_one_batch, (drawing, run), numbers, executor))
            for number, (part, differences) in ((number, done[i]) for i, number in enumerate(numbers)):
                kept = tally.differences.copy()
                tally.add(part)
                for d in differences:
                    kept[d.backend] += 1
                    if kept[d.backend] > MAX_FOUND:
                        continue
                    print(f"DIFFERENCE batch {number}, case {d.case}: {d.backend}: {d.words}")
                    print("  shrinking it (Ctrl-C ends that)", flush=True)
                    place = keep(d, drawing.batch(number), run[d.backend], str(drawing), folder)
                    print(f"  kept in {place}", flush=True)
                print(f"{time.monotonic() - began:6.0f} s  batch {number}: {_brief(tally)}", flush=True)
            taken = time.monotonic() - began
            half = taken / (numbers[-1] + 1) * at_once / 2  # of what goes together: as near to the time as it comes
            if minutes and taken + half >= 60 * minutes:
                break
    except KeyboardInterrupt:
        print("interrupted; what was compared until then:")
    print(report(tally, drawing.seed, time.monotonic() - began, run))
    return tally


def _one_batch(shared: tuple[Drawing, Mapping[str, Run]], number: int) -> tuple[Tally, list[Difference]]:
    drawing, run = shared
    tally = Tally()
    return tally, run_batch(drawing.batch(number), run, tally, number)


def _brief(tally: Tally) -> str:
    compared, differ = sum(tally.values.values()), sum(tally.differences.values())
    return f"{tally.cases:,} cases, {compared:,} register values compared, {differ} differences"


def report(tally: Tally, seed: int, seconds: float, run: Mapping[str, Run]) -> str:
    """The totals."""
    judged = max(tally.judged, 1)
    lines = [f"seed {seed}: {tally.cases:,} cases in {seconds:.0f} s, each on the oracle and on {', '.join(run)}"]
    lines += [
        f"  {name:9} {tally.spikes[name]:>12,} spikes {tally.values[name]:>14,} register values"
        f" {tally.differences[name]:>4} differences"
        + (f", left out of {left_out} batches: it has no rule for a kind" if (left_out := tally.left_out[name]) else "")
        for name in run
    ]
    lines += [
        f"  met       {tally.events['u_wraps']:,} wraps of u, {tally.events['v_saturations']:,} saturations of v,"
        f" {tally.events['wide_sums']:,} sums beyond 16 bits (24 of graded neurons)",
        f"  neurons   {', '.join(f'{count:,} {kind}' for kind, count in sorted(tally.kinds.items()))};"
        f" {tally.silent / judged:.0%} silent, {tally.saturated / judged:.0%} saturated",
        f"  synapses  of {len(tally.types)} of 192 types (sign mode, bits, exponent)",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fuzz the backends against the oracle.")
    parser.add_argument("--minutes", type=float, default=1, help="0: until it is interrupted")
    parser.add_argument("--batches", type=int, help="stop after so many")
    parser.add_argument("--size", type=int, default=BATCH, help="cases a batch")
    parser.add_argument("--seed", type=int, help="another each time, unless given")
    parser.add_argument("--regime", choices=get_args(Regime), help="only cases of this regime")
    parser.add_argument("--kinds", help="only these neuron kinds, by commas")
    parser.add_argument("--backends", help="only these, by commas")
    parser.add_argument("--workers", type=int, default=0, help="processes that take a batch each")
    parser.add_argument("--plant", metavar="BACKEND=RULE", help="replace a backend by a broken emulator")
    parser.add_argument("--replay", metavar="FOLDER", help="only run this found case again")
    parser.add_argument("--folder", type=Path, default=FOUND, help="where found cases go")
    given = parser.parse_args(arguments)
    kinds = given.kinds.split(",") if given.kinds else list(KINDS)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"there is no kind {unknown[0]!r}; choose from {', '.join(KINDS)}")
    run, absent = backends()
    c, no_c = in_c()
    run, absent = run | c, absent + no_c
    print(*absent, sep="\n", end="\n" if absent else "")
    if given.backends:
        run = {name: run[name] for name in given.backends.split(",")}
    if given.plant:
        name, rule = given.plant.split("=")
        run[name] = partial(run_variant, rule)
        print(f"planted in {name}: {RULES[rule].variant}")
    if given.replay:
        words = replay(given.folder / given.replay, run)
        print(*(words or ["all agree"]), sep="\n")
        return 1 if words else 0
    # Brian puts a handler of its own before this one, and a shell may have started us with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    drawing = Drawing(seed, given.size, given.regime, tuple(kinds))
    with workers(given.workers) as executor:
        tally = fuzz(
            run,
            drawing,
            minutes=given.minutes,
            batches=given.batches,
            folder=given.folder,
            executor=executor,
            at_once=2 * given.workers or 1,  # so that nobody waits long for the last of them
        )
    # Where every backend was left out, nothing agreed.
    return 1 if tally.differences.total() or not tally.values.total() else 0


if __name__ == "__main__":
    import fuzz as module  # what workers are sent is known to them by this name

    sys.exit(module.main())
