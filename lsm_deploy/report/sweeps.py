"""What a sweep over values, or over faults, came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict
from typing import Any

from lsm_deploy.measure.faults import FAULTS
from lsm_deploy.measure.uncertainty import FEWEST
from lsm_deploy.report.blocks import Block, Cell, Column, Heading, Line, Report, table
from lsm_deploy.report.numbers import PERCENT, count
from lsm_deploy.report.pictures.sweeps import FIGURES, pictures_of_curves, pictures_of_points
from lsm_deploy.tune.sweeps.robustness import Curve, Robustness, Strength
from lsm_deploy.tune.sweeps.sweep import Point, Sweep

__all__ = ["report_robustness", "report_sweep"]

SHOWN = 10
"""Of reasons why something failed; `--json` has all."""
_FORMS = {"accuracy": PERCENT, "nrmse": "{:.4g}"}
_MICRO = 1e6


def report_sweep(sweep: Sweep) -> Report:
    best = set(sweep.non_dominated)
    facts = {
        "folder": sweep.folder,
        "file": sweep.file,
        "figure": sweep.figure,
        "measure": sweep.measure,
        "paths": list(sweep.paths),
        "evaluated": sweep.evaluated,
        "points": [_point(point, point in best) for point in sweep.points],
    }
    return Report((*_sweep(sweep, best), *pictures_of_points(sweep)), facts)


def _point(point: Point, is_best: bool) -> dict[str, Any]:
    return {
        "values": dict(point.values),
        "seeds": [each.asked.seed for each in point.tried],
        "failed": point.reason or None,
        "score": asdict(point.score) if point.score else None,
        "scores": [each.answered.score if each.answered else None for each in point.tried],
        "non_dominated": is_best,
        **_takes(point),
    }


def _takes(point: Point) -> dict[str, Any]:
    """Means over liquids."""
    rates = [each.takes.rates for each in point.tried if each.takes]
    least = point.mean(lambda t: t.energy.least if t.energy else None)
    most = point.mean(lambda t: t.energy.most if t.energy else None)
    return {
        "neurons": point.mean(lambda t: t.neurons),
        "synapses": point.mean(lambda t: t.synapses),
        "cores": point.mean(lambda t: t.cores),
        "synapse_units": point.mean(lambda t: t.synapse_units),
        "spikes": point.mean(lambda t: t.spikes),
        "energy_j": None if least is None or most is None else {"least": least, "most": most},
        "rates": {name: sum(each[name] for each in rates) / len(rates) for name in (rates[0] if rates else {})},
    }


def _sweep(sweep: Sweep, best: Set[Point]) -> Iterator[Block]:
    failed = [point for point in sweep.points if point.score is None]
    yield Heading(f"{count(len(sweep.points), 'point')}, {len(failed)} failed; {sweep.measure}")
    columns: list[str | Column] = [
        *(path.split(".", 1)[-1] if len(path) > 30 else path for path in sweep.paths),
        *(FIGURES[sweep.figure], "cores", "synapse units", "spikes an answer"),
        Column("µJ an answer", "{:.3g} to {:.3g}"),
        "",
    ]
    yield table(columns, [_row(sweep, point, "beaten by none" if point in best else "") for point in sweep.points])
    yield from _failures((_values(point.values), point.reason) for point in failed)
    liquids = max((len(point.tried) for point in sweep.points), default=0)
    if liquids < FEWEST:
        yield Line(f"{count(liquids, 'liquid')} a point: no interval, which takes {FEWEST} (--seeds {FEWEST})")
    yield Line("what is chosen by these figures is to be judged by others: on test data, by `eval`, once")


def _row(sweep: Sweep, point: Point, words: str) -> list[Cell]:
    takes = _takes(point)
    energy = takes["energy_j"]
    return [
        *(_value(point.values.get(path)) for path in sweep.paths),
        _score(point, sweep.figure),
        takes["cores"],
        takes["synapse_units"],
        takes["spikes"],
        (energy["least"] * _MICRO, energy["most"] * _MICRO) if energy else None,
        words,
    ]


def _score(point: Point, figure: str) -> str:
    score, form = point.score, _FORMS[figure]
    if score is None:
        return "failed"
    text = form.format(score.mean)
    return text if score.low is None else f"{text} ({form.format(score.low)} to {form.format(score.high)})"


def _value(value: Any) -> Cell:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items())
    return "" if value is None else str(value)


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{path} {_plain(value)}" for path, value in values.items()) or "the spec as it is written"


def _failures(failed: Any) -> Iterator[Block]:
    reasons = list(failed)
    for where, reason in reasons[:SHOWN]:
        yield Line(f"{where} failed: {reason}")
    if len(reasons) > SHOWN:
        yield Line(f"and {len(reasons) - SHOWN} more")


# --- faults ---------------------------------------------------------------------------------------------------------


def report_robustness(robustness: Robustness) -> Report:
    facts = {
        "folder": robustness.folder,
        "file": robustness.file,
        "figure": robustness.figure,
        "measure": robustness.measure,
        "readout": robustness.readout,
        "evaluated": robustness.evaluated,
        "healthy": [_point(point, False) for point in robustness.healthy],
        "curves": [
            {"values": dict(c.values), "fault": c.fault, "strengths": [_strength(s) for s in c.strengths]}
            for c in robustness.curves
        ],
    }
    return Report((*_robustness(robustness), *pictures_of_curves(robustness)), facts)


def _strength(strength: Strength) -> dict[str, Any]:
    facts = asdict(strength)
    failed = facts.pop("reason") or None
    return {**facts, "failed": failed}


def _robustness(robustness: Robustness) -> Iterator[Block]:
    yield Heading(f"{FIGURES[robustness.figure]} under faults, on test data; the readout is {robustness.readout}")
    form = _FORMS[robustness.figure]
    several = any(curve.values for curve in robustness.curves)
    yield table(
        [*(["spec"] if several else []), "fault", "strength", FIGURES[robustness.figure],
         Column("95 % interval", f"{form} to {form}"), "over"],
        [
            [*([_values(curve.values)] if several else []), curve.fault, strength.strength,
             "failed" if strength.mean is None else form.format(strength.mean),
             None if strength.low is None else (strength.low, strength.high), _over(strength)]
            for curve in robustness.curves
            for strength in curve.strengths
        ],
    )  # fmt: skip
    yield from _failures(_failed(robustness.curves))
    for kind in dict.fromkeys(curve.fault for curve in robustness.curves):
        yield Line(f"{kind}: {FAULTS[kind].words}; strength: {FAULTS[kind].unit}")


def _over(strength: Strength) -> str:
    sizes = f"{count(strength.liquids, 'liquid')}, {count(strength.draws, 'draw')}"
    return f"{strength.over}: {sizes}" if strength.over else f"{sizes}: no interval"


def _failed(curves: tuple[Curve, ...]) -> Iterator[tuple[str, str]]:
    for curve in curves:
        for strength in curve.strengths:
            if strength.reason:
                yield f"{_values(curve.values)}, {curve.fault} {strength.strength:g}", strength.reason
