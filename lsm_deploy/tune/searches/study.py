"""Optuna's study in a file or a database: opened, made where there is none, refused where it is another search's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from lsm_deploy.core.errors import LsmError, raise_all
from lsm_deploy.tune.searches.database import answered, connected, shown
from lsm_deploy.tune.searches.lines import Lines, damage

__all__ = ["AT_ONCE", "Study", "believing", "check_identity", "opened_study"]

AT_ONCE = "number of proposals at once"
"""The part of a journal's identity that those of before do not have: it was 1."""


@dataclass(frozen=True)
class Study:
    """A study in optuna's storage; where: as it may be shown. url: of a database, which may have to be waited for."""

    storage: Any
    where: str
    url: str | None = field(default=None, repr=False)
    number: int = 0

    def ask(self, what: str, *arguments: Any, **options: Any) -> Any:
        from optuna.exceptions import StorageInternalError

        question = partial(getattr(self.storage, what), *arguments, **options)
        return question() if self.url is None else answered(self.url, question, StorageInternalError)


@contextmanager
def believing(where: str) -> Iterator[None]:
    """Who reckons digests for lines of his own, or writes to a database, meets optuna, which takes all for its own."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError, RecursionError) as error:
        raise damage(where, str(error).split("\n")[0]) from None


@contextmanager
def opened_study(journal: Path | str, name: str, least: bool) -> Iterator[Study]:
    """The study of this name, which is made if there is none."""
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage, get_storage
    from optuna.storages.journal import JournalStorage

    if isinstance(journal, str):
        # Connections that a server dropped when it stopped are noticed, and not asked.
        connect = partial(RDBStorage, engine_kwargs={"pool_pre_ping": True})
        made = connected(journal, connect, StorageInternalError)
        try:
            yield _made(Study(get_storage(made), f"{shown(journal)}, {name!r}", journal), name, least)
        finally:
            made.engine.dispose()
        return
    with believing(str(journal)):
        study = Study(JournalStorage(Lines(journal)), str(journal))
        names = [each.study_name for each in study.ask("get_all_studies")]
    if names not in ([], [name]):
        raise LsmError(f"this is the journal of {names[0]!r}", where=study.where, hint="name another file")
    yield _made(study, name, least)


def _made(study: Study, name: str, least: bool) -> Study:
    from optuna.exceptions import DuplicatedStudyError

    try:
        number = study.ask("get_study_id_from_name", name)
    except KeyError:
        with suppress(DuplicatedStudyError):
            study.ask("create_new_study", [_direction(least)], name)
        number = study.ask("get_study_id_from_name", name)
    return replace(study, number=number)


def _direction(least: bool) -> Any:
    from optuna.study import StudyDirection

    return StudyDirection.MINIMIZE if least else StudyDirection.MAXIMIZE


def check_identity(study: Study, identity: Mapping[str, str], least: bool) -> None:
    """Refuse a study that is of another search in some part, and write them into one that is new.

    least: which way it goes; what is scored is a part of the identity, so that a study of the same goes the same way.
    """
    with believing(study.where):
        stored = study.ask("get_study_user_attrs", study.number)
        directions = list(study.ask("get_study_directions", study.number))
        begun = bool(study.ask("get_all_trials", study.number, deepcopy=False))
    errors = []
    for part, value in identity.items():
        if part not in stored and not begun:
            study.ask("set_study_user_attr", study.number, part, value)
        elif stored.get(part, "1" if part == AT_ONCE else None) != value:
            errors.append(LsmError(f"its trials are of another {part}", where=study.where, hint=_OTHERWISE))
    raise_all(errors)
    if directions != [_direction(least)]:
        ways = " and ".join(each.name for each in directions) or "missing"
        what = f"its study's direction is {ways}, this search's is {_direction(least).name}"
        raise damage(study.where, what)


_OTHERWISE = "go on with what it was begun with, or name another journal"
