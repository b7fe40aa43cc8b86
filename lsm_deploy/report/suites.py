"""What specs promise, and whether they keep it: for people, for programs, and as JUnit XML for those who show tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lsm_deploy.core.errors import visible
from lsm_deploy.parity.suite import Check, Suite
from lsm_deploy.report.blocks import Block, Heading, Line, Report, tabulate
from lsm_deploy.report.numbers import count
from lsm_deploy.spec import Path_

__all__ = ["junit_xml", "report_suites"]

Changes = Mapping[Path, Mapping[Path_, tuple[Any, Any]]]


def report_suites(suites: Sequence[Suite], changes: Changes) -> Report:
    """`ok` among the facts: no check failed. changes: what was recorded, as `record_promises` returns it."""
    facts = {
        "ok": all(suite.passed for suite in suites),
        "specs": [
            {
                "spec": str(suite.spec),
                "program": suite.program,
                "passed": suite.passed,
                "measured": dict(suite.measured),
                "checks": [asdict(check) for check in suite.checks],
            }
            for suite in suites
        ],
        "recorded": [
            {"file": str(file), "promise": ".".join(map(str, path)), "before": _plain(old), "now": new}
            for file, changed in changes.items()
            for path, (old, new) in changed.items()
        ],
    }
    return Report(tuple(_blocks(suites, changes)), facts)


def _plain(value: Any) -> Any:
    return value.limits() if hasattr(value, "limits") else value


def _blocks(suites: Sequence[Suite], changes: Changes) -> Iterator[Block]:
    for suite in suites:
        yield Heading(str(suite.spec))
        yield tabulate(suite.checks, {"check": lambda c: c.name, "": lambda c: c.status, "what": lambda c: c.words})
        for check in suite.checks:
            if check.hint:
                yield Line(f"{check.name}: {check.hint}")
    for file, changed in changes.items():
        yield Heading(f"recorded in {file}")
        for (name, promise), (old, new) in changed.items():
            before = f"{_plain(old)} -> " if old is not None else ""
            yield Line(f"{name}: {promise} {before}{new}")
    checks = [check for suite in suites for check in suite.checks]
    many = {status: sum(check.status == status for check in checks) for status in ("passed", "failed", "skipped")}
    numbers = ", ".join(f"{number} {status}" for status, number in many.items())
    yield Line(f"{count(len(suites), 'spec')}, {count(len(checks), 'check')}: {numbers}")


def junit_xml(suites: Sequence[Suite]) -> str:
    """A test suite for each spec, a test case for each check, as GitHub, GitLab and Jenkins read it."""
    everything = [check for suite in suites for check in suite.checks]
    root = ElementTree.Element("testsuites", {"name": "lsm-deploy ci", **_totals(everything)})
    for suite in suites:
        name = _text(str(suite.spec))
        element = ElementTree.SubElement(root, "testsuite", {"name": name, **_totals(suite.checks)})
        for check in suite.checks:
            seconds = f"{check.seconds:.3f}"
            case = ElementTree.SubElement(element, "testcase", classname=name, name=_text(check.name), time=seconds)
            words = _text(check.words)
            if check.status == "failed":
                failure = ElementTree.SubElement(case, "failure", message=words, type=_text(check.name))
                failure.text = _text(f"{check.words}\n{check.hint}".strip())
            elif check.status == "skipped":
                ElementTree.SubElement(case, "skipped", message=words)
            else:
                ElementTree.SubElement(case, "system-out").text = words
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _totals(checks: Sequence[Check]) -> dict[str, str]:
    return {
        "tests": str(len(checks)),
        "failures": str(sum(check.status == "failed" for check in checks)),
        "errors": "0",
        "skipped": str(sum(check.status == "skipped" for check in checks)),
        "time": f"{sum(check.seconds for check in checks):.3f}",
    }


def _text(text: str) -> str:
    """Text that XML 1.0 can hold: `visible` writes control characters as escapes, and two that are none remain."""
    return visible(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
