"""The design rules of a board, and how far a network keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from lsm_deploy.compile.place.rules import DesignRule
from lsm_deploy.compile.place.synapse_memory import PUBLISHED, errors_of_estimate
from lsm_deploy.report.blocks import Block, Column, Heading, Line, Report, tabulate
from lsm_deploy.report.numbers import count

__all__ = ["report_rules"]


def report_rules(board: str, rules: Sequence[DesignRule]) -> Report:
    """`ok` among the facts: no rule is broken. `synapse_memory_error`: the memory model's least and largest."""
    errors = errors_of_estimate()
    facts = {
        "ok": all(rule.status != "broken" for rule in rules),
        "target": board,
        "rules": [{**asdict(rule), "margin": rule.margin} for rule in rules],
        "synapse_memory_error": list(errors),
    }
    return Report(tuple(_blocks(board, rules, errors)), facts)


def _blocks(board: str, rules: Sequence[DesignRule], errors: tuple[float, float]) -> Iterator[Block]:
    yield Heading(f"design rules of {board}")
    yield tabulate(
        rules,
        {
            "rule": lambda r: r.name,
            "value": lambda r: r.value,
            "limit": lambda r: r.limit,
            "margin": lambda r: r.margin,
            Column("used", "{:.0%}"): lambda r: max(r.value / r.limit, 0.0) if r.limit else None,
            "": lambda r: r.status,
            "where": lambda r: r.where,
        },
    )
    for rule in rules:
        if rule.note:
            yield Line(f"{rule.name}: {rule.note}")
    least, most = errors
    yield Line(
        f"synapse memory is an estimate, {least:+.0%} to {most:+.0%} from "
        f"{count(len(PUBLISHED), 'published allocation')}: never below one"
    )
    broken, warnings = (sum(rule.status == status for rule in rules) for status in ("broken", "warning"))
    verdict = f"{count(broken, 'rule')} broken" if broken else "every rule is kept"
    yield Line(f"{verdict}, {count(warnings, 'warning')}")
