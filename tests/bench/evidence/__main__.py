"""`python -m bench.evidence`: where a liquid earns its place, and what stands here behind claims of popular texts.

Nothing is measured: figures are those that other experiments left in `build`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench.evidence.claims import CLAIMS, Claim
from bench.evidence.earned import Earned, earned
from bench.evidence.sources import SOURCES, published
from bench.page import leave, publish
from bench.workers import ROOT
from lsm_deploy.report.blocks import Block, Heading, table
from lsm_deploy.report.markdown import to_markdown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.evidence", description="claims beside measurements")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="where experiments left their results")
    build = parser.parse_args().build
    facts = {name: published(build, name) for name in SOURCES}
    rows, claims = list(earned(facts)), [(claim, *claim.held(facts)) for claim in CLAIMS]
    text = to_markdown(_blocks(rows, claims))
    print(text)
    leave(build / "evidence", text, {"claims": {claim.words: verdict for claim, verdict, _ in claims}})
    publish("evidence", text)


def _blocks(rows: list[Earned], claims: list[tuple[Claim, str, str]]) -> Iterator[Block]:
    yield Heading("Where a liquid earns its place")
    head = ["task", "the liquid", "better than without recurrence by", "than no liquid", "than the best classical one"]
    yield table([*head, "command"], [row.row() for row in rows])
    yield Heading("What is claimed of liquids")
    yield table(
        ["claim", "is", "figures here", "command"],
        [[claim.words, verdict, figures, f"`{claim.command}`"] for claim, verdict, figures in claims],
    )


if __name__ == "__main__":
    main()
