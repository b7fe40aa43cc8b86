"""Networks of others: the account of what was read, what integers cost, and what a trial did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lsm_deploy.exchange.deployed import Deployed, Stage
from lsm_deploy.exchange.imported import Imported
from lsm_deploy.formats import account
from lsm_deploy.formats.account import Reading
from lsm_deploy.report.blocks import Block, Column, Heading, Line, Report, Table, table, tabulate
from lsm_deploy.report.numbers import count
from lsm_deploy.report.programs import report_compiled

__all__ = ["account_table", "report_deployed", "report_imported", "report_reading"]


def report_deployed(deployed: Deployed) -> Report:
    """The account first, then the program, then the trial."""
    read = Report((*_account(deployed.reading), *_price(deployed)), _facts(deployed))
    return read + report_compiled(deployed.compiled) + Report(tuple(_trial(deployed)), {})


def report_reading(reading: Reading) -> Report:
    """The account alone."""
    return Report(tuple(_account(reading)), _reading_facts(reading))


def _reading_facts(reading: Reading) -> dict[str, Any]:
    return {
        "output": reading.output,
        "lags": dict(reading.lags),
        "account": [asdict(line) for line in reading.lines],
    }


def _facts(deployed: Deployed) -> dict[str, Any]:
    trial = deployed.trial
    return {
        **_reading_facts(deployed.reading),
        "price": _prices(deployed),
        "trial": {
            "samples": trial.samples,
            "stimulus": trial.words,
            "counts": dict(trial.counts),
            "active": dict(trial.active),
            "source_to_network": [asdict(stage) for stage in trial.reading],
            "floats_to_integers": [asdict(stage) for stage in trial.quantising],
            "same_answers": trial.same,
            "accuracy": trial.accuracy,
        },
    }


def account_table(lines: Sequence[account.Line]) -> Table:
    """A line of account for each node, of what was read or written."""
    return tabulate(
        lines,
        {
            "node": lambda line: line.node,
            "type": lambda line: line.kind,
            "verdict": lambda line: line.verdict,
            "what": lambda line: line.what,
        },
    )


def _account(reading: Reading) -> Iterator[Block]:
    yield Heading("what was read, node by node")
    yield account_table(reading.lines)
    yield Line(
        f"the answer is what {reading.output!r} sends, {count(reading.lags.get(reading.output, 0), 'step')} late"
    )


def _price(deployed: Deployed) -> Iterator[Block]:
    if prices := _prices(deployed):
        yield Heading("what the integers change: the most that any parameter of a population is off")
        yield table(
            ["population", "decays", "threshold", "weights (rms)", "synapses", "to zero", "delays (steps)"],
            [
                [
                    p["population"],
                    *(_percent(p[name]) for name in ("decay", "threshold", "weights")),
                    p["synapses"],
                    p["to_zero"],
                    p["delay_steps"],
                ]
                for p in prices
            ],
        )


def _prices(deployed: Deployed) -> list[dict[str, Any]]:
    """By population; shares of what was asked for."""
    compiled = deployed.compiled
    rows = []
    for p in compiled.cost.populations:
        incoming = [q for q in compiled.network.projections if q.target == p.name]
        costs = [q for q in compiled.cost.projections if q.name in {each.name for each in incoming}]
        off = {
            name: abs(p.realised[name] / asked - 1)
            for name, asked in p.asked.items()
            if asked and not p.infinite.get(name) and p.realised[name] < float("inf")
        }
        rows.append(
            {
                "population": p.name,
                "decay": max(
                    (value for name, value in off.items() if name.startswith("tau") or "leak" in name), default=0.0
                ),
                "threshold": max((value for name, value in off.items() if "threshold" in name), default=0.0),
                "weights": max((q.rms_error for q in costs), default=0.0),
                "synapses": sum(q.synapses for q in costs),
                "to_zero": sum(q.rounded_to_zero for q in costs),
                "delay_steps": max((q.delay_error_ms / compiled.network.dt_ms for q in costs), default=0.0),
            }
        )
    return rows


def _percent(share: float) -> str:
    return "exact" if share < 1e-12 else f"{100 * share:.2g} %"


def _trial(deployed: Deployed) -> Iterator[Block]:
    trial = deployed.trial
    events = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in trial.counts.items())
    yield Heading(f"a trial on {count(trial.samples, 'sample')} {trial.words}: {events or 'nothing was counted'}")
    if trial.reading:
        yield Line("from its source to the network that was read: 0 is what it should be")
        yield _stages(trial.reading)
    active = ", ".join(f"{name} {share:.2%}" for name, share in trial.active.items())
    yield Line(f"neurons that spike in a step: {active}")
    if trial.quantising:
        yield Line("from floats to integers")
        yield _stages(trial.quantising)
    if trial.same is not None:
        yield Line(
            f"answers (the most active of {deployed.reading.output!r}): {trial.same:.1%} are those of the floats"
        )
    if trial.accuracy is not None:
        before, after = trial.accuracy
        floats = f"{before:.1%} in floats, " if trial.quantising else ""
        yield Line(f"right: {floats}{after:.1%} in integers")


def _stages(stages: Sequence[Stage]) -> Block:
    return tabulate(
        stages,
        {
            "population": lambda s: s.population,
            Column("differ", "{} of {}"): lambda s: (s.differ, s.places),
            Column("distance", "{:.4f}"): lambda s: s.distance,
            Column("active", "{:.3%} -> {:.3%}"): lambda s: (s.before, s.after),
        },
    )


def report_imported(imported: Imported) -> Report:
    """A network that computes what somebody's program computes, and what was done to it."""
    network, (low, high) = imported.network, imported.input_range
    synapses = sum(len(p.post) for p in network.projections)
    words = (
        f"{count(network.neurons, 'neuron')} in floats, {count(synapses, 'synapse')},"
        f" {count(network.channels, 'input')} of {low:g} to {high:g}; the state is v of {imported.population!r}, every"
        f" {count(imported.period, 'step')}"
    )
    facts = {
        "population": imported.population,
        "neurons": network.neurons,
        "synapses": synapses,
        "channels": network.channels,
        "input_range": [low, high],
        "first": imported.first,
        "steps": imported.steps,
        "period": imported.period,
        "notes": list(imported.notes),
    }
    return Report((Line(words), *map(Line, imported.notes)), facts)
