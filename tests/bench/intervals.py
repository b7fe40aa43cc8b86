"""`python -m bench.intervals`: how often intervals of a share over groups and liquids hold it, of data that are drawn.

The logits of shares are normal about 2.5; they deviate by groups, by liquids, and by a liquid's own in a group. Of
`records` groups differ most, of `wiring` liquids. A group has 50 to 500 samples.
"""

from __future__ import annotations

import argparse
import math
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from lsm_deploy.measure.uncertainty import Resampled, Spread
from lsm_deploy.report.blocks import right as right_hand
from lsm_deploy.report.blocks import table
from lsm_deploy.report.markdown import to_markdown

Deviations: TypeAlias = tuple[float, float, float]

MIDDLE = 2.5
CASES = {"records": (1.0, 0.15, 0.2), "wiring": (0.2, 0.5, 0.2)}
"""Deviations of groups, of liquids, of both together."""


def drawn(rng: np.random.Generator, groups: int, liquids: int, deviations: Deviations) -> tuple[Any, Any]:
    """Whether answers are right `[liquid, sample]`, and the group of each sample."""
    of_groups, of_liquids, of_both = deviations
    logits = MIDDLE + rng.normal(0, of_groups, groups)[None, :] + rng.normal(0, of_liquids, liquids)[:, None]
    logits = logits + rng.normal(0, of_both, (liquids, groups))
    of = np.repeat(np.arange(groups), rng.integers(50, 500, groups))
    return rng.random((liquids, len(of))) < (1 / (1 + np.exp(-logits)))[:, of], of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.intervals", description=__doc__)
    parser.add_argument("--times", type=int, default=400)
    times = parser.parse_args().times
    rng = np.random.default_rng(1)
    rows = []
    for case, deviations in CASES.items():
        spread = math.hypot(*deviations)
        true = float((1 / (1 + np.exp(-MIDDLE - rng.normal(0, spread, 1_000_000)))).mean())
        for groups, liquids in product((4, 6, 10, 20), (1, 3, 5)):
            both, students = [], []
            for _ in range(times):
                right, of = drawn(rng, groups, liquids, deviations)
                interval = Resampled({"liquid": right}, [str(group) for group in of]).interval("liquid")
                assert interval is not None
                both.append(interval)
                if (of_liquids := Spread.of(right.mean(axis=1).tolist())).low is not None:
                    students.append((of_liquids.low, of_liquids.high))
            cells = []
            for some in (both, students):
                held = np.mean([low <= true <= high for low, high in some]) if some else None
                cells += [held, float(np.mean(np.diff(some))) if some else None]
            rows.append([case, groups, liquids, *cells])
    head = ["", *right_hand("groups", "liquids", "over both: holds", "width", "Student's over liquids: holds", "width")]
    print(to_markdown([table(head, rows)]))


if __name__ == "__main__":
    main()
