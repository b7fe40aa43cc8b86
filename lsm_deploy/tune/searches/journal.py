"""The journal of a search: optuna's study in a file or a database, which any number of processes may go on with.

Turns come in batches. What is tried in a turn is drawn from a stream of its own, named by seed and turn, by a sampler
that sees the trials of earlier batches, in the order of turns: so it is the same whoever works on them, however often
they are killed. A turn is one trial of the study, made with its values in one go, then claimed, then told. A process
that claims a turn says so again now and then; where it stops, another takes the turn over, and what is told first
counts. Where two made the same turn, the first does. Akiba et al., KDD (2019); the sampler is the tree-structured
Parzen estimator of Bergstra et al., NeurIPS (2011).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.streams import stream
from lsm_deploy.spec import Parameter
from lsm_deploy.tune.searches.claims import BEAT_S, Claims
from lsm_deploy.tune.searches.lines import damage
from lsm_deploy.tune.searches.study import AT_ONCE, Study, believing, check_identity, opened_study

__all__ = ["STUDY", "Journal", "Trial", "opened_journal"]

STUDY = "lsm-deploy search"
_SCORES, _TURN, _CLAIM = "accuracies", "turn", "claimed_by"
"""Attributes of a trial in optuna. The first is what scores are called, whatever they are."""


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
    """An open journal: what has been tried, what is to be tried, and by whom."""

    def __init__(
        self, study: Study, parameters: Sequence[Parameter], seed: int, at_once: int = 1, *, least: bool = False
    ) -> None:
        import optuna

        self._study, self._parameters, self._seed, self._at_once = study, parameters, seed, at_once
        self.where = study.where
        self._distributions = {p.path: _distribution(p) for p in parameters}
        self._sampled = optuna.create_study(direction="minimize" if least else "maximize")
        """In memory, what the sampler sees."""
        self._ended: list[tuple[Trial, Any]] = []
        """The first turns, and what the sampler sees of each."""
        self._seen = 0
        """So many of them it has seen."""
        self._claims = Claims()
        self._mine: dict[int, int] = {}
        """The turns that this process works on, and optuna's number for each."""

    # --- what has been tried ---------------------------------------------------------------------------------------

    def trials(self) -> tuple[Trial, ...]:
        """The trials of the first turns, up to the first that has not ended."""
        turns = self._turns()
        while (made := turns.get(len(self._ended))) is not None and made.state.is_finished():
            self._ended.append(self._checked(len(self._ended), made))
        return tuple(trial for trial, _ in self._ended)

    def _turns(self) -> dict[int, Any]:
        """Optuna's trial of each turn."""
        from optuna.trial import TrialState

        turns: dict[int, Any] = {}
        with believing(self.where):
            for made in self._study.ask("get_all_trials", self._study.number, deepcopy=False):
                if made.state == TrialState.FAIL:
                    continue
                if _TURN in made.user_attrs:
                    turns.setdefault(made.user_attrs[_TURN], made)
                elif made.state.is_finished():  # in a journal of before; what was not was begun anew
                    turns[len(turns)] = made
        return turns

    def _checked(self, turn: int, made: Any) -> tuple[Trial, Any]:
        """What somebody wrote of a turn that has ended, if a search can have written it."""
        from optuna.trial import TrialState, create_trial

        scores, reason = made.user_attrs.get(_SCORES), made.user_attrs.get("reason", "")
        numbers = isinstance(scores, list) and all(isinstance(s, float) and math.isfinite(s) for s in scores)
        if not (numbers and isinstance(reason, str) and (scores or reason)):
            raise damage(self.where, f"trial {turn} has no score")
        trial = Trial(turn, self._values(turn, made), tuple(scores), reason)
        # Of what has failed the sampler takes those that are pruned for the worst.
        state = TrialState.PRUNED if trial.score is None else TrialState.COMPLETE
        seen = create_trial(state=state, value=trial.score, params=made.params, distributions=self._distributions)
        return trial, seen

    def _values(self, turn: int, made: Any) -> dict[str, Any]:
        from optuna.trial import TrialState, create_trial

        try:
            create_trial(state=TrialState.WAITING, params=made.params, distributions=self._distributions)
        except (ValueError, TypeError, KeyError):
            raise damage(self.where, f"the values of trial {turn} are not in the search space") from None
        return {p.path: _value(p, made.params[p.path]) for p in self._parameters}

    def importance(self) -> dict[str, float]:
        """The share of the score's variance that each path explains (functional ANOVA: Hutter, Hoos &
        Leyton-Brown, ICML 2014); nothing where too few trials, or all the same, have one."""
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        if len({trial.score for trial, _ in self._ended} - {None}) < 2:
            return {}
        self._show(len(self._ended))
        evaluator = FanovaImportanceEvaluator(seed=self._seed % 2**32)
        try:
            shares: dict[str, float] = get_param_importances(self._sampled, evaluator=evaluator)
        except RuntimeError:  # the few trials are alike in what its trees were given of them
            return {}
        return {path: float(share) for path, share in shares.items()}

    # --- what is to be tried ---------------------------------------------------------------------------------------

    def claim(self, limit: int, number: int) -> dict[int, dict[str, Any]]:
        """Up to `number` turns of this batch, before turn `limit`, that are now this process's, and the value at each
        path in each; none, after a while, where others work on all that are left."""
        done = len(self.trials())
        begin = done - done % self._at_once
        batch = range(done, min(begin + self._at_once, limit))
        turns = self._turns()
        if any(turn not in turns for turn in batch):
            self._show(begin)
            made = {turn: self._make(turn) for turn in batch if turn not in turns}
            turns = self._turns()
            for turn, one in made.items():
                if turns[turn]._trial_id != one:  # another made it in the same moment, and was first
                    self._end(one, "FAIL")
        claimed: dict[int, dict[str, Any]] = {}
        for turn in batch:
            if len(claimed) < number and turn not in self._mine and self._gets(turn, turns[turn]):
                claimed[turn] = self._values(turn, turns[turn])
        self._claims.wait(None if claimed else next(iter(batch), None))
        return claimed

    def tell(self, trial: Trial) -> None:
        """Keep what came of a turn, unless another, who took it over, was first."""
        one = self._mine.pop(trial.turn)
        with suppress(RuntimeError):  # optuna's, if it has ended
            self._study.ask("set_trial_user_attr", one, _SCORES, [float(score) for score in trial.scores])
            if trial.reason:
                self._study.ask("set_trial_user_attr", one, "reason", trial.reason)
        score = trial.score
        self._end(one, "PRUNED" if score is None else "COMPLETE", None if score is None else [score])

    def _show(self, count: int) -> None:
        """Have the sampler see so many trials."""
        for _, seen in self._ended[self._seen : count]:
            self._sampled.add_trial(seen)
        self._seen = max(self._seen, count)

    def _make(self, turn: int) -> int:
        """Write down what is to be tried in a turn; optuna's number for it."""
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState, create_trial

        seed = int(stream(self._seed, "search", turn).random() * 2**32)
        # It is told of nothing that is under way: a resumed search would see other trials there.
        self._sampled.sampler = TPESampler(seed=seed, constant_liar=False)
        drawn = self._sampled.ask(self._distributions)
        self._sampled.tell(drawn, state=TrialState.FAIL)  # it was only asked for
        made = create_trial(
            state=TrialState.WAITING,
            params=drawn.params,
            distributions=self._distributions,
            user_attrs={_TURN: turn},
        )
        number: int = self._study.ask("create_new_trial", self._study.number, made)
        return number

    def _end(self, one: int, state: str, values: Sequence[float] | None = None) -> None:
        from optuna.trial import TrialState

        with suppress(RuntimeError):  # optuna's, if it has ended
            self._study.ask("set_trial_state_values", one, TrialState[state], values)

    # --- who works on what -----------------------------------------------------------------------------------------

    def _gets(self, turn: int, made: Any) -> bool:
        """Claim a turn that nobody has, or that somebody let drop."""
        from optuna.trial import TrialState

        one = made._trial_id
        with suppress(RuntimeError):  # optuna's, if it has ended
            if made.state == TrialState.WAITING:
                self._say(one)  # first, so that whoever is killed between the two is known to have had it
                if not self._study.ask("set_trial_state_values", one, TrialState.RUNNING):
                    return False
            elif made.state == TrialState.RUNNING and self._claims.is_dropped(turn, str(made.user_attrs.get(_CLAIM))):
                self._say(one)
            else:
                return False
            self._mine[turn] = one
            return True
        return False

    def _say(self, one: int) -> None:
        self._study.ask("set_trial_user_attr", one, _CLAIM, self._claims.new())

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Say now and then that this process still works on what it claimed."""
        from optuna.exceptions import OptunaError

        over = threading.Event()

        def beat() -> None:
            while not over.wait(BEAT_S):
                for one in tuple(self._mine.values()):
                    # Who works meets what is wrong, says so, and waits.
                    with suppress(RuntimeError, OptunaError, LsmError):
                        self._study.storage.set_trial_user_attr(one, _CLAIM, self._claims.new())

        thread = threading.Thread(target=beat, daemon=True)
        self._claims.open()
        thread.start()
        try:
            yield
        finally:
            self._claims.close()
            over.set()
            thread.join()


def _distribution(p: Parameter) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if p.values:
        last = len(p.values) - 1
        return IntDistribution(0, last) if p.ordered else CategoricalDistribution(range(last + 1))
    if p.whole:
        return IntDistribution(int(p.low), int(p.high), log=p.log)
    return FloatDistribution(p.low, p.high, log=p.log)


def _value(p: Parameter, drawn: Any) -> Any:
    if p.values:
        return p.values[drawn]
    # As it will be written: nobody reads seventeen digits.
    return drawn if p.whole else min(max(float(f"{drawn:.5g}"), p.low), p.high)


@contextmanager
def opened_journal(
    journal: Path | str,
    identity: Mapping[str, str],
    parameters: Sequence[Parameter],
    seed: int,
    at_once: int = 1,
    *,
    study: str = STUDY,
    least: bool = False,
) -> Iterator[Journal]:
    """The journal in a file, or under the name `study` in the database of a URL, new or as it was left.

    identity: what it belongs to, each part by its name; an LsmError names those in which it differs. at_once: turns in
    a batch. least: whether a lower score is better.
    """
    try:
        import optuna
    except ImportError:
        raise LsmError(
            "a search needs optuna, which is not installed", where="search", hint="pip install 'lsm-deploy[search]'"
        ) from None
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with opened_study(journal, study, least) as opened:
            check_identity(opened, {**identity, AT_ONCE: str(at_once)}, least)
            made = Journal(opened, parameters, seed, at_once, least=least)
            made.trials()
            with made.beating():
                yield made
    finally:
        optuna.logging.set_verbosity(verbosity)
