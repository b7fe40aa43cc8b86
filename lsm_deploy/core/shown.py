"""How values show themselves: short wherever Python prints them, and, where there is a report of them, as that.

`Brief` has no more than a `repr` that costs nothing. `Reported` asks the room of reports, which stands far above this
one: `lsm_deploy` itself says where it is (`report_by`), and nothing of it is imported before a value is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Brief", "Reported", "report_by"]

_LONGEST = 60
"""Of a text, in characters."""
_FEW = 4
"""Items of a list or mapping that are shown; of more, how many there are."""


class Brief:
    """A dataclass (made with `repr=False`) that prints in a line or a few, whatever it holds."""

    _short: ClassVar[tuple[str, ...]] = ()
    """The attributes that are shown; all fields where it is empty. They cost nothing to ask for."""

    def __repr__(self) -> str:
        return _of_dataclass(self, inside=False)


class Reports(Protocol):
    """What the room of reports does for a value that shows itself."""

    def html_of(self, value: object) -> str: ...
    def facts_of(self, value: object) -> dict[str, Any]: ...
    def frame_of(self, value: object, table: int | str) -> Any: ...
    def figure_of(self, value: object, picture: str | None) -> Figure: ...


class Reported(Brief):
    """A result: in a notebook it is its report, without its pictures."""

    def _repr_html_(self) -> str:
        return _reports().html_of(self)

    def to_dict(self) -> dict[str, Any]:
        """The facts that `--json` prints of it: numbers, text, lists and dicts."""
        return _reports().facts_of(self)

    def to_frame(self, table: int | str = 0) -> Any:
        """A table of its report as pandas' data frame, by number or by (a part of) the words above it.

        Spikes, of what has them, are a row each. An LsmError where there is no table, or no pandas.
        """
        return _reports().frame_of(self, table)

    def plot(self, picture: str | None = None) -> Figure:
        """A picture of its report as matplotlib's Figure, the first or the one of that name; else an LsmError."""
        return _reports().figure_of(self, picture)


def report_by(room: Callable[[], Reports]) -> None:
    """Say once where reports are made."""
    global _reports
    _reports = room


_reports: Callable[[], Reports]


# --- in a line -------------------------------------------------------------------------------------------------------


def _of_dataclass(value: Any, inside: bool) -> str:
    names = getattr(value, "_short", ()) or [field.name for field in fields(value) if field.repr]
    # A value that failed its checks has not all of its fields, and is printed by whoever looks for the reason.
    there = [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    parts = [f"{name}={_shown(each)}" for name, each in there if not (inside and is_dataclass(each))]
    return f"{type(value).__name__}({', '.join(parts)})"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None or isinstance(value, int | complex):
        return str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}...")
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype}{list(value.shape)}" if value.shape else _shown(value.item())
    if isinstance(value, Mapping):
        if len(value) > _FEW or not all(map(_is_short, value.values())):
            return (
                f"<{len(value)}: {', '.join(str(name) for name in list(value)[:_FEW])}{', ...' * (len(value) > _FEW)}>"
            )
        return f"{{{', '.join(f'{name}: {_shown(each)}' for name, each in value.items())}}}"
    if isinstance(value, list | tuple):
        if len(value) > _FEW or not all(map(_is_short, value)):
            return f"<{len(value)}>"
        return f"({', '.join(map(_shown, value))}{',' * (len(value) == 1)})"
    if isinstance(value, Brief):
        return _of_dataclass(value, inside=True)
    return type(value).__name__


def _is_short(value: Any) -> bool:
    return value is None or isinstance(value, int | float | str)
