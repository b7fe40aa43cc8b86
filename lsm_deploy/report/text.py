"""Tables and numbers as text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

__all__ = ["count", "table", "text"]


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """A plain table: text columns to the left, numbers to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, show_edge=False)
    for i, column in enumerate(columns):
        numeric = all(isinstance(row[i], int | float) for row in rows)
        made.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(text(cell) for cell in row))
    return made


def text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) and not isinstance(value, bool) else str(value)


def count(number: int, thing: str) -> str:
    return f"{text(number)} {thing}{'s' * (number != 1)}"
