"""What hindcasts came to: skill, correlation and RMSE of anomalies, with intervals over blocks of time and liquids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.climate.hindcast import Task, values_of
from bench.climate.liquids import Answers
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.sums import Figure, Sums
from lsm_deploy.measure.uncertainty import Spread
from lsm_deploy.report.blocks import Block, Heading, Line, right, table

__all__ = ["CORRELATION", "NAMES", "PUBLISHED", "RMSE", "SKILL", "joined", "relative", "render", "sums_of"]

NAMES = {
    "liquid": "**deployed integers**",
    "floats": "float reservoir",
    "feedforward": "recurrence off",
    "ar": "AR",
    "damped": "damped persistence",
    "persistence": "persistence",
    "climatology": "climatology",
}


def _correlation(sums: Floats) -> Floats:
    many, _, a2, a, f, f2, af = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # climatology forecasts the same always
        given: Floats = (many * af - a * f) / np.sqrt((many * a2 - a**2) * (many * f2 - f**2))
    return given


SKILL = Figure(lambda sums: 1 - sums[..., 1] / sums[..., 2], (-np.inf, 1.0))
"""1 - MSE / MSE of climatology."""
CORRELATION = Figure(_correlation, (-1.0, 1.0))
RMSE = Figure(lambda sums: np.sqrt(sums[..., 1] / sums[..., 0]), (0.0, np.inf), less_is_better=True)


def joined(answers: Sequence[Answers]) -> tuple[Ints, Floats, dict[str, Floats]]:
    """Targets, truth `[row]` and forecasts `[liquid, row]` of all origins, in the order of time."""
    names = answers[0].forecasts
    forecasts = {name: np.concatenate([each.forecasts[name] for each in answers], axis=1) for name in names}
    return np.concatenate([a.targets for a in answers]), np.concatenate([a.truth for a in answers]), forecasts


def sums_of(task: Task, answers: Sequence[Answers]) -> Sums:
    """By what answered: of each unit the number of targets, the squares of errors and of anomalies, and what their
    correlation takes."""
    targets, truth, forecasts = joined(answers)
    unit = task.units_of(targets)

    def summed(row: Floats) -> Floats:
        each = np.ones(len(row)), (row - truth) ** 2, truth**2, truth, row, row**2, row * truth
        return np.stack([np.bincount(unit, values) for values in each], axis=1)

    return Sums({name: np.stack([summed(row) for row in rows]) for name, rows in forecasts.items()}, task.units)


def lasting(sums: Sums) -> float:
    """The correlation of how much more the reservoir is wrong than AR in a unit, with the same of the next one."""
    errors = {name: sums.sums[name][..., 1].mean(axis=0) for name in ("liquid", "ar")}
    more = errors["liquid"] - errors["ar"]
    return float(np.corrcoef(more[:-1], more[1:])[0, 1])


def render(task: Task, by_lead: dict[int, list[Answers]]) -> list[Block]:
    """Tables of one series."""
    every = {lead: sums_of(task, answers) for lead, answers in by_lead.items()}
    leads = [f"{lead} {task.step}" for lead in every]
    first = next(iter(every.values()))
    blocks: list[Block] = [Heading(f"{task.title}: intervals over {first.over}")]
    for words, figure in (("skill", SKILL), ("correlation", CORRELATION), (f"RMSE, {UNITS[task.dataset]}", RMSE)):
        rows = [[name, *(_cell(sums, key, figure) for sums in every.values())] for key, name in NAMES.items()]
        blocks.append(table([words, *right(*leads)], rows))
    others = [(key, name) for key, name in NAMES.items() if key != "liquid"]
    rows = [[name, *(_difference(sums, key) for sums in every.values())] for key, name in others]
    blocks.append(table(["skill of deployed integers less that of", *right(*leads)], rows))
    last = ", ".join(f"{lasting(sums):+.2f}" for sums in every.values())
    of = len(next(iter(first.sums.values()))[0])
    blocks.append(
        Line(
            f"How much more the reservoir was wrong than AR in one of the {task.units} and in the next correlates by"
            f" {last}; by chance {of} vary by {2 / of**0.5:.2f}. {_chosen(by_lead)}"
        )
    )
    return blocks


UNITS = {"el_nino": "°C", "sunspots": "sunspots"}


def _cell(sums: Sums, name: str, figure: Figure) -> str:
    value = sums.value(name, figure)
    if name == "climatology" and figure is not RMSE:
        return "0" if figure is SKILL else "-"
    low, high = sums.interval(name, figure)
    digits = 2 if abs(value) < 10 else 1
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _difference(sums: Sums, other: str) -> str:
    d = sums.difference("liquid", other, SKILL)
    return f"{d.mean:+.2f} ({d.low:+.2f} to {d.high:+.2f}): {d.says}"


def _chosen(by_lead: dict[int, list[Answers]]) -> str:
    every = [each for answers in by_lead.values() for each in answers]
    counts = {
        "spectral radius": Counter(each.chosen.radius for each in every),
        "leak rate": Counter(each.chosen.leak_rate for each in every),
        "input weight": Counter(each.chosen.weight for each in every),
        "input": Counter(each.chosen.form for each in every),
        "AR's frames": Counter(each.ar for each in every),
    }
    words = [f"{name} {', '.join(f'{key} ({n})' for key, n in of.most_common())}" for name, of in counts.items()]
    return f"Chosen, so many times of {len(every)}: {'; '.join(words)}."


# --- as was published ----------------------------------------------------------------------------------------------

FIRST = 280
"""Years, 1700 to 1979, in whose variance errors are given."""
PARTS = {"1921 to 1955": (221, 256), "1956 to 1979": (256, 280)}
"""Test frames."""
PUBLISHED = {
    "network of Weigend et al. 1990, as published": (0.086, 0.35),
    "threshold autoregression of Tong & Lim 1980, as given there": (0.097, 0.28),
}


def relative(task: Task, answers: Sequence[Answers]) -> dict[str, list[Spread]]:
    """The average relative variance by what answered, in each of the parts."""
    targets, truth, forecasts = joined(answers)
    variance = float(np.var(values_of(task)[:FIRST]))
    within = [(targets >= first) & (targets < end) for first, end in PARTS.values()]
    return {
        name: [Spread.of([float(np.mean((row - truth)[some] ** 2) / variance) for row in rows]) for some in within]
        for name, rows in forecasts.items()
    }


def render_published(task: Task, answers: Sequence[Answers]) -> list[Block]:
    rows: list[list[Any]] = [[NAMES[name], *map(_spread, of)] for name, of in relative(task, answers).items()]
    rows += [[name, *(f"{value:g}" for value in values)] for name, values in PUBLISHED.items()]
    head = ["one year ahead, errors in the variance of 1700 to 1979", *right(*PARTS)]
    return [Heading(f"{task.title}: the average relative variance"), table(head, rows)]


def _spread(of: Spread) -> str:
    return f"{of.mean:.3f}" if of.low is None else f"{of.mean:.3f} ({of.low:.3f} to {of.high:.3f})"
