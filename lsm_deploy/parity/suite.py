"""Does a spec keep what is promised of it? The checks of one spec, for a machine that asks after every change.

    file --compile--> program --run--> traces --compare--> agreement
                         |                 +--count--> cost
                         +--evaluate--> figure                         each beside `Promises`: a `Check`

A promise that cannot be looked at here fails, and is not passed over: `skip_missing` is for machines that are known to
lack something, and says so of each check. Only an LsmError is caught: a bug of ours keeps its traceback.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from lsm_deploy.compile.place.cores import load_of
from lsm_deploy.core.boards import NOWHERE
from lsm_deploy.core.errors import LsmError, LsmErrors, MisuseError, require_path, require_type
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.limits import beyond
from lsm_deploy.core.notes import warn
from lsm_deploy.core.progress import Stages, silent
from lsm_deploy.data import front
from lsm_deploy.learn.deployable import Deployable, check_spec, compile_any, stimulus_for
from lsm_deploy.measure.cost.resources import count_resources
from lsm_deploy.measure.scored import Scored, score_spec
from lsm_deploy.parity.compare import compare
from lsm_deploy.run import backends
from lsm_deploy.run.backends import BOARD
from lsm_deploy.spec import PROMISES, Path_, Promises, Spec, load_promises, promises_text
from lsm_deploy.spec.schema import Regression
from lsm_deploy.store import program_id
from lsm_deploy.store.whole import write_text

__all__ = ["GENERATION", "Check", "Suite", "board_asked", "record_promises", "run_suites"]

GENERATION = "LOIHI_GEN"
"""Intel's environment variable: the generation of the chip of a board that is here, such as N3B3."""
REFERENCE = "emulator"
SIMULATORS = tuple(name for name in backends.BACKENDS if name not in (REFERENCE, BOARD))
SLACK = 1.1
"""How many times the error that was measured is promised; of an accuracy, the lower end of its 95 % interval."""

T = TypeVar("T")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. words: what was measured, or why it failed or was skipped; hint: what to do."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    words: str
    hint: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Suite:
    """The checks of one spec. program: what it compiles to, where it does; measured: by what could be promised."""

    spec: Path
    program: str | None
    checks: tuple[Check, ...]
    measured: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.status != "failed" for check in self.checks)


@dataclass(frozen=True)
class _Asked:
    board: bool
    skip_missing: bool
    record: bool
    stages: Stages


def board_asked() -> bool:
    """Whether the environment says that there is a board."""
    return bool(os.environ.get(GENERATION))


# --- all specs -----------------------------------------------------------------------------------------------------


def run_suites(
    files: Sequence[str | Path],
    *,
    board: bool | None = None,
    skip_missing: bool = False,
    record: bool = False,
    stages: Stages = silent,
) -> tuple[Suite, ...]:
    """Hold each spec to what the file `lsm-ci.yml` in its folder promises of it.

    board: run on a board as well; None: where `LOIHI_GEN` says that there is one. skip_missing: what cannot be looked
    at here, for want of data or a backend, is skipped and does not fail. record: take programs as they are, and measure
    accuracies that nobody has promised, for `record_promises`. LsmError: the mistakes in a file of promises.
    """
    require_type(files, (list, tuple), "specs", "give a list of files")
    specs = list(dict.fromkeys(file for file in map(require_path, files) if file.name != PROMISES))
    if not specs:
        raise MisuseError("no spec is named", where="ci", hint="name the specs to check")
    promised = {folder: load_promises(folder / PROMISES) for folder in dict.fromkeys(spec.parent for spec in specs)}
    for folder, promises in promised.items():
        named = {spec.name for spec in specs if spec.parent == folder}
        if left := [name for name in promises if name not in named]:
            words = f"{folder / PROMISES} has promises of {', '.join(left)} as well, which nobody named: not looked at"
            warn(words, level=2)
    asked = _Asked(board_asked() if board is None else board, skip_missing, record, stages)
    return tuple(_suite(spec, promised[spec.parent].get(spec.name), asked) for spec in specs)


def record_promises(suites: Sequence[Suite]) -> dict[Path, dict[Path_, tuple[Any, Any]]]:
    """Write what was measured into the files of promises, and return what changed in each: what stood, what stands.

    The name of the program is written anew. Floors and budgets that stand there are somebody's decision, and stay.
    Where there are none, an accuracy is promised from where its 95 % interval begins, a tenth more than the error that
    was measured, and no more neurons, synapses, cores and memory than the program takes. A spec that does not compile
    is left out.
    """
    changed: dict[Path, dict[Path_, tuple[Any, Any]]] = {}
    require_type(suites, (list, tuple), "suites", "give what `run_suites` returns")
    for suite in suites:
        require_type(suite, Suite, "suite", "give what `run_suites` returns")
        file = suite.spec.parent / PROMISES
        before = load_promises(file).get(suite.spec.name)
        for key, new in suite.measured.items():
            old = getattr(before, key, None)
            if (key == "program" and old != new) or old is None:
                changed.setdefault(file, {})[suite.spec.name, key] = old, new
    for file, changes in changed.items():
        write_text(file, promises_text(file, {path: new for path, (_, new) in changes.items()}))
    return changed


# --- one spec ------------------------------------------------------------------------------------------------------


def _suite(spec: Path, promises: Promises | None, asked: _Asked) -> Suite:
    measured: dict[str, Any] = {}
    checks, begun = [], time.perf_counter()
    for check in _checks(spec, promises, asked, measured):
        now = time.perf_counter()
        checks.append(replace(check, seconds=now - begun))
        begun = now
    return Suite(spec, measured.get("program"), tuple(checks), measured)


def _checks(file: Path, recorded: Promises | None, asked: _Asked, measured: dict[str, Any]) -> Iterator[Check]:
    """Everything that is looked at, in turn; what could be promised goes into `measured`."""
    made = _try("compile", lambda: compile_any(file))
    if isinstance(made, Check):
        yield made
        return
    network, name = made.program.network, program_id(made.program)
    measured["program"] = name
    yield Check("compile", "passed", f"{network.neurons} neurons, {network.synapses} synapses")
    yield Check("program", "passed", f"{name}, recorded now") if asked.record else _is_recorded(name, recorded)
    promises, spec = recorded or Promises(name), made.spec
    lacking = None
    if spec is not None and spec.data is not None and spec.data.named:
        lacking = _lacks_data(made, spec, asked)
        yield lacking or Check("data", "passed", "input and readout take them")
        made = made if lacking is None else replace(made, spec=replace(spec, data=None))
    yield from _runs(file, made, promises, asked, measured)
    yield from _figures(spec, promises, lacking, asked, measured)


def _try(name: str, work: Callable[[], T], status: Literal["failed", "skipped"] = "failed") -> T | Check:
    """What the work gives, or the check that it fails; the one place where an error becomes a check."""
    try:
        return work()
    except LsmError as error:
        words = "; ".join(f"{each.where}: {each.what}" if each.where else each.what for each in error.each())
        return Check(name, status, words, "" if isinstance(error, LsmErrors) else error.hint)


def _is_recorded(name: str, recorded: Promises | None) -> Check:
    hint = "look at what changed; `lsm-deploy ci --update` records it"
    if recorded is None:
        return Check("program", "failed", f"it is {name}, and {PROMISES} has nothing about this spec", hint)
    if recorded.program != name:
        return Check("program", "failed", f"it is {name}, and {recorded.program} is recorded", hint)
    return Check("program", "passed", f"{name}, as recorded")


def _lacks_data(made: Deployable, spec: Spec, asked: _Asked) -> Check | None:
    split = _try("data", lambda: front.load_data(spec), "skipped" if asked.skip_missing else "failed")
    if isinstance(split, Check):
        return split
    fits = _try("data", lambda: check_spec(made))
    return fits if isinstance(fits, Check) else None


# --- what it does --------------------------------------------------------------------------------------------------


def _runs(file: Path, made: Deployable, promises: Promises, asked: _Asked, measured: dict[str, Any]) -> Iterator[Check]:
    """The definition's run, the same on every backend that is here, and what it costs."""
    program, state, names = made.program, made.program.network.state_names, promises.parity.backends or SIMULATORS
    stimulus, words = stimulus_for(made, None, promises.parity.samples)
    if promises.parity.steps is not None:
        stimulus = stimulus.until(promises.parity.steps)
    with asked.stages(f"{file.name} on {REFERENCE}") as progress:
        ours = backends.run_program(REFERENCE, program, stimulus, state, progress)
    if not ours.spikes.any():
        hint = "raise its weights: `lsm-deploy tune` finds how far"
        yield Check("activity", "failed", f"no neuron spikes on {words}: to agree on it proves nothing", hint)
    compared = 0
    for name in dict.fromkeys((*names, *([BOARD] if asked.board else []))):
        if name == REFERENCE:  # which agrees with itself, whatever it does
            continue
        required = name in (promises.parity.backends or (BOARD,))
        if (why := _cannot(name, program)) is not None:
            failed = required and not asked.skip_missing
            hint = "see `lsm-deploy backends`" if failed else ""
            yield Check(f"parity: {name}", "failed" if failed else "skipped", why, hint)
        else:
            record = () if name == BOARD else state
            yield _agrees(file, name, (program, stimulus, ours), record, asked.stages)
            compared += 1
    if not compared:
        yield Check("parity", "failed", f"nothing was compared with {REFERENCE}", "see `lsm-deploy backends`")
    yield from _budget(program, stimulus, ours, promises, measured)


def _cannot(name: str, program: Program) -> str | None:
    """Why the backend does not run the program."""
    lacks = [error.what for error in beyond(name, backends.limits_of(name), program.network)]
    if not lacks:
        return backends.load_backend(name).missing()
    return lacks[0] + (f" (and {len(lacks) - 1} more)" if len(lacks) > 1 else "")


def _agrees(
    file: Path, name: str, case: tuple[Program, Stimulus, Trace], record: Sequence[str], stages: Stages
) -> Check:
    program, stimulus, ours = case
    with stages(f"{file.name} on {name}") as progress:
        theirs = _try(f"parity: {name}", lambda: backends.run_program(name, program, stimulus, record, progress))
    if isinstance(theirs, Check):
        return theirs
    verdict = compare(program, ours, theirs, record, names=(REFERENCE, name))
    of = f"of {sum(verdict.compared.values())} values of {', '.join(('spikes', *record))}"
    d = verdict.divergence
    if d is None:
        return Check(f"parity: {name}", "passed", f"none {of} differs; {verdict.spikes[0]} spikes")
    where = f"step {d.t} (sample {d.sample}), {d.population}[{d.index}]"
    words = (
        f"{sum(verdict.differing.values())} {of} differ, first at {where}: {d.register} is {d.first}, there {d.second}"
    )
    hint = f"`lsm-deploy parity {file} --backends {REFERENCE},{name} --registers --explain` says why"
    return Check(f"parity: {name}", "failed", words, hint)


def _budget(
    program: Program, stimulus: Stimulus, ours: Trace, promises: Promises, measured: dict[str, Any]
) -> Iterator[Check]:
    network, placed = program.network, program.target != NOWHERE.name
    taken: dict[str, float] = {"neurons": network.neurons, "synapses": network.synapses}
    limits = promises.budget.limits() if promises.budget is not None else {}
    if placed:
        loads = load_of(program)
        taken |= {"cores": len(loads), "synapse_units": sum(load.synapse_units for load in loads)}
    measured["budget"] = dict(taken)
    if placed and {"energy_nj", "step_us"} & limits.keys():
        cost = count_resources(program, stimulus, ours)
        taken["energy_nj"] = cost.estimate.energy.most * 1e9 / max(cost.events.steps, 1)
        taken["step_us"] = cost.estimate.step_time.most * 1e6
    for name, most in limits.items():
        if name not in taken:
            hint = f"leave out `{name}`, or give the spec a target"
            yield Check(f"budget: {name}", "failed", "the program is placed on no board", hint)
        else:
            held = taken[name] <= most
            words = f"{taken[name]:.6g} {'of' if held else 'is more than'} {most:.6g}"
            yield Check(f"budget: {name}", "passed" if held else "failed", words)


# --- how good it is ------------------------------------------------------------------------------------------------


def _figures(
    spec: Spec | None, promises: Promises, lacking: Check | None, asked: _Asked, measured: dict[str, Any]
) -> Iterator[Check]:
    """What is promised of its answers; and, where figures are to be recorded, those of a readout that has data."""
    own = "nrmse" if spec is not None and isinstance(spec.readout, Regression) else "accuracy"
    for name in ("accuracy", "nrmse"):
        bound = getattr(promises, name)
        if spec is None:
            if bound is not None:
                yield Check(name, "failed", "not measured: the file names no data", "promise it of the spec")
            continue
        unpromised = asked.record and name == own and spec.readout is not None and spec.data is not None
        if bound is None and not (unpromised and lacking is None):
            continue
        if lacking is not None:
            yield replace(lacking, name=name, words=f"not measured: {lacking.words}")
            continue
        if name != own:
            yield Check(name, "failed", f"the readout has an {own}", f"promise `{own}`")
            continue
        with asked.stages(f"{name} of the readout"):
            scored = _try(name, lambda: score_spec(spec))
        if isinstance(scored, Check):
            yield scored
            continue
        measured[name] = _promised_of(scored)
        yield _within(scored, bound)


def _promised_of(scored: Scored) -> float:
    if scored.interval is None:
        return float(f"{SLACK * scored.value:.3g}")
    return math.floor(1e3 * scored.interval[0]) / 1e3


def _within(scored: Scored, bound: float | None) -> Check:
    least = scored.name == "accuracy"
    at = f"{scored.value:.4g} ({scored.words}), at {'least' if least else 'most'}"
    if bound is None:
        return Check(scored.name, "passed", f"{at} {_promised_of(scored):.4g} is promised from now on")
    held = scored.value >= bound if least else scored.value <= bound
    words = f"{at} {bound:.4g} is promised"
    return Check(scored.name, "passed" if held else "failed", words)
