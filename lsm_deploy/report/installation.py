"""What is here and what is missing, as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from lsm_deploy.report.blocks import Block, Heading, Line, Report, table
from lsm_deploy.run.installation import Finding

__all__ = ["report_installation"]


def report_installation(findings: Sequence[Finding]) -> Report:
    """A table for each group, in which what is missing or broken comes with the command that mends it."""
    blocks: list[Block] = []
    for group in dict.fromkeys(each.group for each in findings):
        rows = [
            (each.name, each.state, f"{each.says}; {each.mend}" if each.mend else each.says)
            for each in findings
            if each.group == group
        ]
        blocks += [Heading(group), table(("what", "state", "says"), rows)]
    broken = [each.name for each in findings if each.state == "broken"]
    blocks.append(Line(f"broken: {', '.join(broken)}" if broken else "nothing that was installed is broken"))
    return Report(tuple(blocks), {"broken": broken, "findings": [asdict(each) for each in findings]})
