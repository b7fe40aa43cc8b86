"""What a run costs: events as counted, energy and time as modelled, each figure with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from lsm_deploy.measure.cost import figures
from lsm_deploy.measure.cost.resources import Range, Resources
from lsm_deploy.report.blocks import Block, Heading, Line, Report, table, tabulate
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.placement import picture_of_placement

__all__ = ["report_resources"]

MODELLED = "modelled on Loihi 1 figures"
_COUNTED = {
    "synaptic operation": "synaptic_operations",
    "neuron update": "neuron_updates",
    "spike": "spikes",
    "message": "messages",
    "hop along x": "hops_x",
    "hop along y": "hops_y",
}


def report_resources(resources: Resources) -> Report:
    return Report(tuple(_blocks(resources)), _facts(resources))


def _facts(resources: Resources) -> dict[str, Any]:
    modelled = resources.estimate
    return {
        "cores": resources.cores,
        "tiles": resources.tiles,
        "chips": resources.chips,
        "events": asdict(resources.events),
        "modelled": {
            "standing": MODELLED,
            "dynamic_energy_j": asdict(modelled.energy),
            "dynamic_energy_by_event_j": {name: asdict(value) for name, value in modelled.energy_by_event.items()},
            "step_time_s": asdict(modelled.step_time),
            "figures_pj": {name: asdict(figure) for name, figure in figures.ENERGY.items()},
            "figures_ns": {name: asdict(figure) for name, figure in figures.TIME.items()},
            "not_counted": figures.NOT_COUNTED,
        },
        "measured_elsewhere": asdict(figures.MEASURED),
    }


def _blocks(resources: Resources) -> Iterator[Block]:
    events, modelled, steps = resources.events, resources.estimate, max(resources.events.steps, 1)
    on = f"on {count(resources.cores, 'core')}, {count(resources.tiles, 'tile')}, {count(resources.chips, 'chip')}"
    yield Line(f"{on}; {count(events.steps, 'step')}")
    counts = {name.replace("_", " "): value for name, value in asdict(events).items() if name != "steps"}
    yield Heading("events, counted")
    yield table(["event", "in all", "a step"], [[name, value, value / steps] for name, value in counts.items()])
    yield Heading(f"dynamic energy, {MODELLED}")
    yield tabulate(
        figures.ENERGY.items(),
        {
            "event": lambda each: each[0],
            "count": lambda each: getattr(events, _COUNTED[each[0]]),
            "pJ each": lambda each: _range(each[1], 1),
            "nJ": lambda each: _range(modelled.energy_by_event[each[0]], 1e9),
            "source": lambda each: each[1].source,
        },
    )
    yield Line(
        f"in all {_range(modelled.energy, 1e9)} nJ, {_range(modelled.energy, 1e9 / steps)} nJ a step; "
        f"a step takes {_range(modelled.step_time, 1e6)} us: {MODELLED}"
    )
    yield Line(f"not in it: {figures.NOT_COUNTED}")
    yield picture_of_placement(resources.traffic, events.steps)
    m = figures.MEASURED
    yield Line(
        f"measured on {m.chip}, for scale: {m.what}: {m.watts:g} W, {m.static_watts:g} W of it static, "
        f"about {m.step_us:g} us a step ({m.source})"
    )


def _range(value: Range | figures.Figure, scale: float) -> str:
    least, most = text_of(float(value.least * scale)), text_of(float(value.most * scale))
    return least if least == most else f"{least} to {most}"
