"""The stepping interface of `fast`, in a process of its own: until the first step has answered, and then each step.

`run_latency.py FOLDER SPAWNED STEPS` prints {"imported", "first_step"}: seconds since SPAWNED, and "percentiles": of
STEPS steps, from the call of `session.step` to its return, in seconds, with Python's collector on.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from lsm_backends import fast
from ours import program_of
from protocol import Case

SHOWN = (50.0, 90.0, 99.0, 99.9, 100.0)


def main(folder: Path, spawned: float, steps: int) -> None:
    case = Case(folder)
    imported = time.time() - spawned
    session = fast.start(program_of(case))
    session.step(case.stimulus[0])
    found = {"imported": imported, "first_step": time.time() - spawned}
    if steps:
        for t in range(case.settled):
            session.step(case.stimulus[t % case.period])
        taken = np.zeros(steps, np.int64)
        clock, step, rows = time.perf_counter_ns, session.step, list(case.stimulus)
        for t in range(steps):
            row = rows[t % case.period]
            began = clock()
            step(row)
            taken[t] = clock() - began
        found["percentiles"] = dict(zip(map(str, SHOWN), (np.percentile(taken, SHOWN) * 1e-9).tolist(), strict=True))
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
