"""`python -m bench.intervals`: how often intervals over groups and liquids hold what they are of, of drawn data.

Of `records` and `wiring` it is a share of right answers. The logits of shares are normal about 2.5; they deviate by
groups, by liquids, and by a liquid's own in a group. Of `records` groups differ most, of `wiring` liquids. A group has
50 to 500 samples. Of `errors` it is a root of mean squares (`Sums`), whose logarithms are normal and deviate alike:
what groups sum up differs by threes.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.measure.uncertainty import Resampled, Spread
from lsm_deploy.report.blocks import right as right_hand
from lsm_deploy.report.blocks import table
from lsm_deploy.report.markdown import to_markdown

Deviations: TypeAlias = tuple[float, float, float]
Interval: TypeAlias = tuple[float, float]

MIDDLE = 2.5
SHARES: dict[str, Deviations] = {"records": (1.0, 0.15, 0.2), "wiring": (0.2, 0.5, 0.2)}
"""Deviations of groups, of liquids, of both together."""
ERRORS: Deviations = (0.5, 0.1, 0.1)
RMSE = Figure(lambda sums: np.sqrt(sums[..., 0] / sums[..., 1]), (0.0, math.inf), less_is_better=True)


def deviating(rng: np.random.Generator, groups: int, liquids: int, deviations: Deviations) -> Any:
    """`[liquid, group]`, about 0."""
    of_groups, of_liquids, of_both = deviations
    each = rng.normal(0, of_groups, groups)[None, :] + rng.normal(0, of_liquids, liquids)[:, None]
    return each + rng.normal(0, of_both, (liquids, groups))


def shares(rng: np.random.Generator, groups: int, liquids: int, deviations: Deviations) -> tuple[Interval, Any]:
    """The interval over both, and the figure of each liquid."""
    logits = MIDDLE + deviating(rng, groups, liquids, deviations)
    of = np.repeat(np.arange(groups), rng.integers(50, 500, groups))
    right = rng.random((liquids, len(of))) < (1 / (1 + np.exp(-logits)))[:, of]
    interval = Resampled({"liquid": right}, [str(group) for group in of]).interval("liquid")
    assert interval is not None
    return interval, right.mean(axis=1)


def errors(rng: np.random.Generator, groups: int, liquids: int, deviations: Deviations) -> tuple[Interval, Any]:
    squares, many = np.exp(2 * deviating(rng, groups, liquids, deviations)), rng.integers(50, 500, groups)
    summed = np.stack([squares * many, np.tile(many, (liquids, 1))], axis=2)
    of = Sums({"liquid": summed})
    return of.interval("liquid", RMSE), RMSE.of(summed.sum(axis=1))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.intervals", description=__doc__)
    parser.add_argument("--times", type=int, default=400)
    times = parser.parse_args().times
    rng = np.random.default_rng(1)
    rows: list[list[Any]] = []
    cases: dict[str, tuple[Callable[..., Any], Deviations]] = {name: (shares, each) for name, each in SHARES.items()}
    for case, (answered, deviations) in {**cases, "errors": (errors, ERRORS)}.items():
        many = rng.normal(0, math.hypot(*deviations), 1_000_000)
        if answered is shares:
            true = float((1 / (1 + np.exp(-MIDDLE - many))).mean())
        else:  # of a liquid's own mean square over all groups, the mean root over liquids
            of_groups, of_liquids, of_both = deviations
            true = math.exp(of_groups**2 + of_both**2 + of_liquids**2 / 2)
        for groups, liquids in product((3, 4, 5, 6, 10, 20), (1, 3, 5)):
            both, students = [], []
            for _ in range(times):
                interval, each = answered(rng, groups, liquids, deviations)
                both.append(interval)
                if (student := Spread.of(each.tolist())).low is not None:
                    students.append((student.low, student.high))
            cells: list[Any] = []
            for some in (both, students):
                held = np.mean([low <= true <= high for low, high in some]) if some else None
                cells += [held, float(np.mean(np.diff(some))) if some else None]
            rows.append([case, groups, liquids, *cells])
    head = ["", *right_hand("groups", "liquids", "over both: holds", "width", "Student's over liquids: holds", "width")]
    print(to_markdown([table(head, rows)]))


if __name__ == "__main__":
    main()
