"""`python -m bench.intervals`: how often intervals of a share over groups and liquids hold it, of data that are drawn.

Groups differ as records do: the logits of their shares are normal about 2.5 with a deviation of 1, those of liquids and
of a liquid's own in a group deviate by 0.15 and 0.2, and a group has 50 to 500 samples.
"""

from __future__ import annotations

import argparse

import numpy as np

from lsm_deploy.measure.uncertainty import Resampled, Spread

MIDDLE, OF_GROUPS, OF_LIQUIDS, OF_BOTH = 2.5, 1.0, 0.15, 0.2


def drawn(rng: np.random.Generator, groups: int, liquids: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether answers are right `[liquid, sample]`, and the group of each sample."""
    logits = MIDDLE + rng.normal(0, OF_GROUPS, groups)[None, :] + rng.normal(0, OF_LIQUIDS, liquids)[:, None]
    logits = logits + rng.normal(0, OF_BOTH, (liquids, groups))
    of = np.repeat(np.arange(groups), rng.integers(50, 500, groups))
    return rng.random((liquids, len(of))) < (1 / (1 + np.exp(-logits)))[:, of], of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.intervals", description=__doc__)
    parser.add_argument("--times", type=int, default=500)
    times = parser.parse_args().times
    rng = np.random.default_rng(1)
    deviation = (OF_GROUPS**2 + OF_LIQUIDS**2 + OF_BOTH**2) ** 0.5
    true = float((1 / (1 + np.exp(-MIDDLE - rng.normal(0, deviation, 1_000_000)))).mean())
    print("groups  liquids  over both: holds, width  Student's over liquids: holds, width")
    for groups in (4, 6, 10, 20):
        for liquids in (1, 5):
            both, students = [], []
            for _ in range(times):
                right, of = drawn(rng, groups, liquids)
                interval = Resampled({"liquid": right}, [str(group) for group in of]).interval("liquid")
                assert interval is not None
                both.append(interval)
                if (spread := Spread.of(right.mean(axis=1).tolist())).low is not None and spread.high is not None:
                    students.append((spread.low, spread.high))
            cells = [
                f"{np.mean([low <= true <= high for low, high in some]):.3f}, {np.mean(np.diff(some)):.3f}"
                if some
                else "-"
                for some in (both, students)
            ]
            print(f"{groups:6}  {liquids:7}  {cells[0]:>24}  {cells[1]:>36}", flush=True)


if __name__ == "__main__":
    main()
