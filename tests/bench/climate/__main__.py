"""`python -m bench.climate`: hindcasts of El Niño and of sunspots, and the manual's tables.

Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's tables.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.climate.hindcast import EL_NINO, SUNSPOTS, WEIGEND, Task
from bench.climate.liquids import ANSWERING, Answers, Candidate, candidates_of, hindcast
from bench.climate.table import CORRELATION, NAMES, RMSE, SKILL, joined, relative, render, render_published, sums_of
from bench.experiment import finish, parser_of
from bench.page import machine, say
from lsm_deploy.report.blocks import Block, Line
from lsm_deploy.report.markdown import to_markdown


@dataclass(frozen=True)
class Job:
    task: Task
    origin: int
    candidates: tuple[Candidate, ...]
    seeds: Sequence[int]


def done(job: Job) -> list[Answers]:
    return hindcast(job.task, job.origin, job.candidates, job.seeds)


def jobs_of(task: Task, quick: bool) -> list[Job]:
    candidates = candidates_of(task)
    if quick:
        # Every few candidates, and the last two origins, with the targets that they forecast.
        origins, longest = task.origins[-2:], max(task.leads)
        first = max(task.targets[0], origins[0] - 1 + longest)
        task = replace(task, origins=origins, targets=(first, task.targets[1]))
        candidates = candidates[:: len(candidates) // 3 + 1]
    seeds = ANSWERING[:1] if quick else ANSWERING
    return [Job(task, origin, candidates, seeds) for origin in task.origins]


def main() -> None:
    parser = parser_of("climate", "hindcasts, measured", "two origins, a reservoir each")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args()
    begun, found = time.monotonic(), []
    jobs = [job for task in (EL_NINO, SUNSPOTS, WEIGEND) for job in jobs_of(task, options.quick)]
    with ProcessPoolExecutor(options.workers) as processes:
        for job, answers in zip(jobs, processes.map(done, jobs), strict=True):
            found.append((job.task, answers))
            say(f"{job.task.title}, origin {job.origin}", begun)
    blocks, facts = reported(found)
    tried = {job.task.title: len(job.candidates) for job in jobs}
    how = (
        f"Measured on {machine()}, in {time.monotonic() - begun:.0f} s. Intervals are of 95 %. Reservoirs tried at each"
        f" origin: {', '.join(f'{n} ({title})' for title, n in tried.items())}; at each lead the best before the origin"
        f" is taken, and {len(jobs[0].seeds)} others of its kind answer."
    )
    text = to_markdown([Line(how), *blocks])
    finish(options, "climate", text, {"machine": machine(), "tried": tried, **facts})


def reported(found: Sequence[tuple[Task, list[Answers]]]) -> tuple[list[Block], dict[str, Any]]:
    """Blocks and facts of all tasks, from what each origin gave."""
    blocks: list[Block] = []
    facts: dict[str, Any] = {}
    for task in dict.fromkeys(task for task, _ in found):
        by_lead: dict[int, list[Answers]] = {lead: [] for lead in task.leads}
        for each in (each for of, answers in found if of == task for each in answers):
            by_lead[each.lead].append(each)
        if task.title == WEIGEND.title:
            blocks += render_published(task, by_lead[1])
            facts[task.title] = {name: [asdict(s) for s in of] for name, of in relative(task, by_lead[1]).items()}
            continue
        blocks += render(task, by_lead)
        facts[task.title] = {lead: _facts(task, answers) for lead, answers in by_lead.items()}
    return blocks, facts


def _facts(task: Task, answers: list[Answers]) -> dict[str, Any]:
    sums = sums_of(task, answers)
    figures = {"skill": SKILL, "correlation": CORRELATION, "rmse": RMSE}
    targets, truth, forecasts = joined(answers)
    return {
        "over": sums.over,
        "targets": targets.tolist(),
        "truth": truth.tolist(),
        "forecasts": {n: rows.tolist() for n, rows in forecasts.items()},
        "differences": {n: asdict(sums.difference("liquid", n, SKILL)) for n in NAMES if n != "liquid"},
        "chosen": [asdict(each.chosen) for each in answers],
        "ar": [each.ar for each in answers],
        **{n: {word: sums.value(n, figure) for word, figure in figures.items()} for n in NAMES if n != "climatology"},
    }


if __name__ == "__main__":
    main()
