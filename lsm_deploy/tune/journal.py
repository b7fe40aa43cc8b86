"""The journal of a search: optuna's study in one file, which a kill at any time leaves fit to go on with.

A trial is of the search only once it is told: that it was begun, and not ended, shows as failed in optuna, and its turn
is taken again. Each turn draws from a stream of its own, named by seed and turn, and sees the same trials before it;
so a search that was interrupted finds what it would have found otherwise. Akiba et al., KDD (2019); the sampler is the
tree-structured Parzen estimator of Bergstra et al., NeurIPS (2011).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.core.streams import stream
from lsm_deploy.spec import Parameter
from lsm_deploy.store.files import read_bytes
from lsm_deploy.store.whole import writing

__all__ = ["Journal", "Trial", "opened_journal"]

STUDY = "lsm-deploy search"
BEGINS = b'{"op_code"'
"""Every line of optuna's journal."""
_SCORES = "accuracies"
"""What files call scores, whatever they are."""


@dataclass(frozen=True)
class Trial:
    """One turn: the value at each path, and the score of each liquid, or the reason why there is none.

    A score is an accuracy, or the NRMSE of a readout of signals.
    """

    turn: int
    values: Mapping[str, Any]
    scores: tuple[float, ...]
    reason: str = ""

    @property
    def score(self) -> float | None:
        return sum(self.scores) / len(self.scores) if self.scores and not self.reason else None


class Journal:
    """An open journal: what has been tried, and what to try next."""

    def __init__(self, study: Any, parameters: Sequence[Parameter], seed: int) -> None:
        self.study, self.parameters, self.seed = study, parameters, seed

    def trials(self) -> tuple[Trial, ...]:
        from optuna.trial import TrialState

        ended = [t for t in self.study.trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        return tuple(
            Trial(
                turn,
                {p.path: _value(p, t.params[p.path]) for p in self.parameters},
                tuple(t.user_attrs.get(_SCORES, ())),
                t.user_attrs.get("reason", ""),
            )
            for turn, t in enumerate(ended)
        )

    def ask(self) -> tuple[Any, dict[str, Any]]:
        """The next trial, to be told of, and the value that it has at each path."""
        from optuna.samplers import TPESampler

        seed = int(stream(self.seed, "search", len(self.trials())).random() * 2**32)
        # It is told of nothing that is under way: a resumed search would see other trials there.
        self.study.sampler = TPESampler(seed=seed, constant_liar=False)
        trial = self.study.ask()
        return trial, {p.path: _value(p, _drawn(trial, p)) for p in self.parameters}

    def tell(self, trial: Any, scores: Sequence[float], reason: str = "") -> None:
        """Keep what came of a trial. One that failed is pruned, as optuna says: its sampler takes it for the worst."""
        from optuna.trial import TrialState

        trial.set_user_attr(_SCORES, list(scores))
        if reason:
            trial.set_user_attr("reason", reason)
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, sum(scores) / len(scores))

    def importance(self) -> dict[str, float]:
        """The share of the score's variance that each path explains (functional ANOVA: Hutter, Hoos &
        Leyton-Brown, ICML 2014); nothing where too few trials, or all the same, have one."""
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        if len({trial.score for trial in self.trials()} - {None}) < 2:
            return {}
        evaluator = FanovaImportanceEvaluator(seed=self.seed % 2**32)
        try:
            shares: dict[str, float] = get_param_importances(self.study, evaluator=evaluator)
        except RuntimeError:  # the few trials are alike in what its trees were given of them
            return {}
        return {path: float(share) for path, share in shares.items()}


def _drawn(trial: Any, p: Parameter) -> Any:
    if p.values:
        return (
            trial.suggest_int(p.path, 0, len(p.values) - 1)
            if p.ordered
            else trial.suggest_categorical(p.path, range(len(p.values)))
        )
    suggest = trial.suggest_int if p.whole else trial.suggest_float
    return suggest(p.path, p.low, p.high, log=p.log)


def _value(p: Parameter, drawn: Any) -> Any:
    if p.values:
        return p.values[drawn]
    # As it will be written: nobody reads seventeen digits.
    return drawn if p.whole else min(max(float(f"{drawn:.5g}"), p.low), p.high)


# --- the file ------------------------------------------------------------------------------------------------------


@contextmanager
def opened_journal(
    file: Path, identity: Mapping[str, str], parameters: Sequence[Parameter], seed: int, *, least: bool = False
) -> Iterator[Journal]:
    """The journal in `file`, new or as it was left. identity: what it belongs to, each part by its name; an LsmError
    names those in which it differs. least: whether a lower score is better. One process at a time.
    """
    try:
        import optuna
    except ImportError:
        raise LsmError(
            "a search needs optuna, which is not installed", where="search", hint="pip install 'lsm-deploy[search]'"
        ) from None
    verbosity = optuna.logging.get_verbosity()
    with _alone(file):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            yield Journal(_study(file, identity, parameters, seed, least), parameters, seed)
        finally:
            optuna.logging.set_verbosity(verbosity)


def _alone(file: Path) -> FileLock:
    """The lock of a journal, held; the system lets go of it when a process is killed."""
    lock = FileLock(f"{file}.lock")
    with writing(file):
        try:
            lock.acquire(timeout=0)
        except Timeout:  # one of the system's errors, to Python
            what, hint = "another search is writing this journal", "wait for it, or name another journal"
            raise LsmError(what, where=str(file), hint=hint) from None
    return lock


class _Lines:
    """Where optuna keeps its journal: lines of JSON, each with a digest of itself and all before it.

    A line that was altered, lost, doubled or moved is noticed; one that a kill left unfinished, the last, is cut off.
    The file is read once, as nobody else may write it.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._digest = file, ""
        text = read_bytes(file) if file.exists() else b""
        if text and not text.startswith(BEGINS[: len(text)]):
            raise LsmError("this is no journal of a search", where=str(file), hint="name another file")
        whole = text.rfind(b"\n") + 1
        self._logs = [self._checked(number, line) for number, line in enumerate(text[:whole].split(b"\n")[:-1], 1)]
        if whole < len(text):
            with writing(file), file.open("r+b") as journal:
                journal.truncate(whole)

    def _checked(self, number: int, line: bytes) -> dict[str, Any]:
        if number == 1 and DIGEST.encode() not in line and line.endswith(b"}"):
            what = "this journal is of an older version: without digests, nobody could tell if a line was altered"
            raise LsmError(what, where=str(self._file), hint="go on with that version, or name another file")
        body, _, digest = line.decode("utf-8", "replace").rpartition(DIGEST)
        self._digest = self._following(body)
        if digest != f'{self._digest}"}}':
            raise _damage(self._file, f"line {number} is not as it was written, or not where")
        log: dict[str, Any] = json.loads(body + "}")
        return log

    def _following(self, body: str) -> str:
        return hashlib.blake2b(f"{self._digest}{body}".encode(), digest_size=8).hexdigest()

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = []
        for log in logs:
            body = json.dumps(log, separators=(",", ":")).removesuffix("}")
            self._digest = self._following(body)
            lines.append(f'{body}{DIGEST}{self._digest}"}}\n')
            self._logs.append(json.loads(body + "}"))
        with writing(self._file), self._file.open("ab") as journal:
            journal.write("".join(lines).encode())
            journal.flush()
            os.fsync(journal.fileno())


DIGEST = ',"digest":"'
"""The last key of each line; optuna does not look at it."""


def _damage(file: Path, what: str) -> LsmError:
    return LsmError(f"the journal is damaged: {what}", where=str(file), hint="name another file, or remove it")


@contextmanager
def _replaying(file: Path) -> Iterator[None]:
    """Who reckons digests for lines of his own meets optuna, which takes every line for one of its own."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError, RecursionError) as error:
        raise _damage(file, str(error).split("\n")[0]) from None


def _study(file: Path, identity: Mapping[str, str], parameters: Sequence[Parameter], seed: int, least: bool) -> Any:
    import optuna
    from optuna.storages.journal import JournalStorage

    with _replaying(file):
        storage = JournalStorage(_Lines(file))
        names = [study.study_name for study in storage.get_all_studies()]
    if names not in ([], [STUDY]):
        raise LsmError(f"this is the journal of {names[0]!r}", where=str(file), hint="name another file")
    if not names:
        optuna.create_study(storage=storage, study_name=STUDY, direction="minimize" if least else "maximize")
    study = optuna.load_study(storage=storage, study_name=STUDY)
    errors = []
    for name, value in identity.items():
        stored = study.user_attrs.get(name)
        if stored is None and not study.trials:
            study.set_user_attr(name, value)
        elif stored != value:
            errors.append(LsmError(f"its trials are of another {name}", where=str(file), hint=_OTHERWISE))
    raise_all(errors)
    with _replaying(file):
        _ = [trial.score for trial in Journal(study, parameters, seed).trials()]
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


_OTHERWISE = "go on with what it was begun with, or name another journal"
