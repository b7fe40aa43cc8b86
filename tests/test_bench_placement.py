"""The tables of `make placement`: what is in them, not what they measure."""

from __future__ import annotations

import importlib.util

import pytest
from bench import placement

from lsm_deploy.compile.place.synapse_memory import PUBLISHED
from lsm_deploy.report.blocks import Table
from lsm_deploy.report.markdown import to_markdown

pytestmark = pytest.mark.once


def rows_of(table: Table) -> list[list[str]]:
    lines = to_markdown([table]).splitlines()[2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_allocations() -> None:
    rows = rows_of(placement.allocations())
    assert len(rows) == len(PUBLISHED)
    assert rows[0] == ["Oxford: 256 -> 200, unsplit", "256", "16128", "16128", "+0.0%", "12288", "-23.8%"]


def test_traffic() -> None:
    rows = rows_of(placement.traffic((2000,)))
    sent = {(liquid, way): float(messages) for liquid, way, _, messages, *_ in rows}
    assert len({liquid for liquid, _ in sent}) == 3
    for (liquid, way), messages in sent.items():
        assert messages > 0
        if way == "as we do":
            assert messages <= sent[liquid, "in the order of neurons"]
        if way == "as we do" and not liquid.startswith("Erdős"):
            assert messages < sent[liquid, "at random"]


@pytest.mark.skipif(importlib.util.find_spec("pymetis") is None, reason="no pymetis: install the extra 'metis'")
def test_metis_takes_part() -> None:
    assert {row[1] for row in rows_of(placement.traffic((2000,)))} >= {"by METIS", "as we do"}


@pytest.mark.skipif(importlib.util.find_spec("sanafe") is None, reason="no sanafe: install the extra 'sanafe'")
def test_costs() -> None:
    row, *_ = rows_of(placement.costs((100,), steps=20))
    assert (row[0], row[1], row[3], row[7]) == ("100", "1", "equal", "1.000000")
