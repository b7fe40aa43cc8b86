"""The database of a search, behind a URL of SQLAlchemy's, whose password nothing ever shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.notes import warn

__all__ = ["answered", "connected", "shown"]

_EXAMPLE = "write it as postgresql://USER@HOST/DATABASE or sqlite:///FILE"
_PACKAGES = {"postgresql": "pip install 'lsm-deploy[postgres]'"}
_Answer = TypeVar("_Answer")
_MAKING = 5
"""Tries to make the tables, where another process makes them in the same moment."""


_FIRST_S = 15
"""For what listens at a port of PostgreSQL's and may be something else: libpq itself waits for two minutes."""
PATIENCE_S = 60.0
"""For a database that does not answer in the middle of a search."""


def shown(url: str) -> str:
    """A URL as it may be shown: without its password and its options, among which there may be one."""
    return str(_parsed(url).set(query={}).render_as_string(hide_password=True))


def _parsed(url: str) -> Any:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # it is not shown: there may be a password in what cannot be read
        raise MisuseError("the storage is no URL of a database", where="search", hint=_EXAMPLE) from None
    if parsed.password is not None and url.count("@") > 1:  # its end would be taken for the host's name, and shown
        what, hint = "the storage's URL has more than one @", "write %40 for each @ of a user, a password or an option"
        raise MisuseError(what, where="search", hint=hint)
    if "\0" in url:
        raise MisuseError("the storage is no URL of a database", where="search", hint=_EXAMPLE)
    if parsed.get_backend_name() == "sqlite" and (not parsed.database or ":memory:" in parsed.database):
        raise MisuseError(
            "a database in memory is gone when this ends", where="search", hint="name a file: sqlite:///FILE"
        )
    return parsed


def connected(url: str, connect: Callable[[str], _Answer], wrapper: type[Exception]) -> _Answer:
    """What `connect` makes of the URL, its tables among it; an LsmError says why not.

    wrapper: the error of its own in which it raises some of the database's.
    """
    from sqlalchemy.exc import IntegrityError, NoSuchModuleError, SQLAlchemyError

    parsed, where = _parsed(url), shown(url)
    if parsed.drivername == "postgresql":  # SQLAlchemy would take an older driver
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "postgresql" and "connect_timeout" not in parsed.query:
        parsed = parsed.update_query_dict({"connect_timeout": str(_FIRST_S)})
    for tried in range(1, _MAKING + 1):
        try:
            return connect(parsed.render_as_string(hide_password=False))
        except NoSuchModuleError:
            raise MisuseError("there is no such kind of database", where=where, hint=_EXAMPLE) from None
        except ImportError:
            package = _PACKAGES.get(parsed.get_backend_name(), "install the driver that this URL names")
            raise LsmError("this database needs a driver, which is not installed", where=where, hint=package) from None
        except RuntimeError as error:
            what = f"its tables are of another version of optuna: {str(error).split('. ')[0]}"
            raise LsmError(what, where=where, hint=_ANOTHER) from None
        except (SQLAlchemyError, wrapper) as error:
            another = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not another or tried == _MAKING:
                raise _failure(error, url) from None
            time.sleep(0.2 * tried)
    raise AssertionError("the last try returns or raises")


def answered(url: str, ask: Callable[[], _Answer], wrapper: type[Exception]) -> _Answer:
    """What a database answers; one that is away is waited for, and who waits says so."""
    from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

    begun = time.monotonic()
    while True:
        try:
            return ask()
        except (SQLAlchemyError, wrapper) as error:
            failure, cause = _failure(error, url), error.__cause__ or error
            away = isinstance(cause, OperationalError | InterfaceError) and not _lacks(cause)
            if not away or time.monotonic() - begun > PATIENCE_S:
                raise failure from None
            warn(f"waiting for it up to {PATIENCE_S:.0f} s: {failure.what}", about="database", level=2)
            time.sleep(1.0)


def _failure(error: Exception, url: str) -> LsmError:
    """What a user is told of an error of the database's: its first line, from which passwords are taken out."""
    cause = error.__cause__ or error
    text = str(getattr(cause, "orig", None) or cause).strip().split("\n")[0]
    parsed = _parsed(url)
    secrets = [parsed.password, *(v for key, vs in parsed.normalized_query.items() if "pass" in key for v in vs)]
    for secret in filter(None, secrets):
        text = text.replace(str(secret), "***")
    if _lacks(cause):
        return LsmError(f"its tables are not those of a search: {text}", where=shown(url), hint=_ANOTHER)
    return LsmError(f"the database fails: {text}", where=shown(url), hint=_AGAIN)


def _lacks(error: BaseException) -> bool:
    """Whether a table, or a column, is not there: SQLite has no class for that."""
    from sqlalchemy.exc import ProgrammingError

    return isinstance(error, ProgrammingError) or str(getattr(error, "orig", "")).startswith("no such ")


_ANOTHER = "name another database, or upgrade this one"
_AGAIN = "see that it runs and lets you in, then give the same command again: what was done is kept"
