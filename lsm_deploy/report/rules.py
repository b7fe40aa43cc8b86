"""The design rules of a board, and how far a network keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from lsm_deploy.compile.place.rules import DesignRule
from lsm_deploy.compile.place.synapse_memory import PUBLISHED, estimate
from lsm_deploy.report.text import count, table

__all__ = ["rules_facts", "show_rules"]


def rules_facts(board: str, rules: Sequence[DesignRule]) -> dict[str, Any]:
    """`ok`: no rule is broken."""
    return {
        "ok": all(rule.status != "broken" for rule in rules),
        "target": board,
        "rules": [{**asdict(rule), "margin": rule.margin} for rule in rules],
        "synapse_memory_error": _errors(),
    }


def show_rules(console: Console, board: str, rules: Sequence[DesignRule]) -> None:
    rows = [[r.name, r.value, r.limit, r.margin, _share(r), r.status, r.where] for r in rules]
    columns = ["rule", "value", "limit", "margin", "used", "", "where"]
    console.print(table(f"design rules of {board}", columns, rows))
    for rule in rules:
        if rule.note:
            console.print(f"{rule.name}: {rule.note}")
    least, most = _errors()
    console.print(
        f"synapse memory is an estimate, {least:+.0%} to {most:+.0%} from "
        f"{count(len(PUBLISHED), 'published allocation')}: never below one"
    )
    broken, warnings = (sum(r.status == status for r in rules) for status in ("broken", "warning"))
    verdict = f"{count(broken, 'rule')} broken" if broken else "every rule is kept"
    console.print(f"{verdict}, {count(warnings, 'warning')}")


def _share(rule: DesignRule) -> str:
    return f"{max(rule.value / rule.limit, 0.0):.0%}" if rule.limit else "-"


def _errors() -> list[float]:
    """The least and the largest relative error of the memory model."""
    errors = [estimate(allocation) / allocation.words - 1 for allocation in PUBLISHED]
    return [min(errors), max(errors)]
