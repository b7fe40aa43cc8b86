"""What a liquid did in a run: how lively it is, and what to turn where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from lsm_deploy.report.blocks import Block, Cell, Column, Heading, Line, Report, tabulate
from lsm_deploy.report.numbers import PERCENT, count

if TYPE_CHECKING:
    from lsm_deploy.measure.judgement import Judgement, PopulationJudgement, Verdict

__all__ = ["report_judgement"]

_WORDS: Mapping[Verdict, str] = {
    "silent": "no neuron spikes",
    "saturated": "most neurons spike as often as they can",
    "runaway": "its own neurons drive it more than its input does",
    "synchronous": "its neurons spike together",
    "sparse": "there is little to read",
    "lively": "",
}
_GRADED: Mapping[Verdict, str] = {
    "silent": "no neuron sends anything",
    "saturated": "most messages are nearly the largest",
    "runaway": "most messages are nearly the largest, and its own neurons drive it more than its input does",
    "sparse": "its messages use few of their bits",
}


def report_judgement(judgement: Judgement, words: str = "") -> Report:
    """words: what it was shown, where the report says that nowhere else."""
    populations = [
        {**asdict(p.activity), **{key: value for key, value in asdict(p).items() if key != "activity"}}
        for p in judgement.populations
    ]
    facts = {"steps": judgement.steps, "samples": judgement.samples, "populations": populations}
    return Report(tuple(_blocks(judgement, words)), {"activity": {**({"stimulus": words} if words else {}), **facts}})


def _blocks(judgement: Judgement, words: str) -> Iterator[Block]:
    shown = f" of {words}" if words else ""
    yield Heading(f"activity in {count(judgement.steps, 'step')}{shown}; excitation and inhibition a neuron and step")
    columns: dict[str | Column, Callable[[PopulationJudgement], Cell]] = {
        "population": lambda p: p.name,
        Column("rate Hz", "{:.4g}"): lambda p: p.activity.rate_hz if p.level is None else None,
        Column("exc Hz", "{:.3g}"): lambda p: p.activity.exc_hz if p.level is None else None,
        Column("inh Hz", "{:.3g}"): lambda p: p.activity.inh_hz if p.level is None else None,
        Column("level", "{:.3f}"): lambda p: p.level,
        Column("silent", PERCENT): lambda p: p.activity.silent,
        Column("excitation", "{:.3g}"): lambda p: p.excitation,
        Column("of it input", "{:.0%}"): lambda p: p.from_input,
        Column("inhibition", "{:.3g}"): lambda p: p.inhibition,
        Column("E/I", "{:.3g}"): lambda p: p.balance,
        Column("branching", "{:.3f}"): lambda p: p.branching,
        Column("synchrony", "{:.3f}"): lambda p: p.synchrony,
    }
    said = {name: ask for name, ask in columns.items() if any(ask(p) is not None for p in judgement.populations)}
    yield tabulate(judgement.populations, said)
    yield from (Line(_sentence(p)) for p in judgement.populations)


def _sentence(p: PopulationJudgement) -> str:
    words = (_WORDS if p.level is None else {**_WORDS, **_GRADED})[p.verdict]
    return f"population {p.name!r} is {p.verdict}" + (f", {words}: {p.knob}" if p.knob else "")
