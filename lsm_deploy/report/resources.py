"""What a run costs: events as counted, energy and time as modelled, each figure with its source."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console

from lsm_deploy.measure.cost import figures
from lsm_deploy.measure.cost.resources import Range, Resources
from lsm_deploy.report.text import count, table, text

__all__ = ["resources_facts", "show_resources"]

MODELLED = "modelled on Loihi 1 figures"
_COUNTED = {
    "synaptic operation": "synaptic_operations",
    "neuron update": "neuron_updates",
    "spike": "spikes",
    "message": "messages",
    "hop along x": "hops_x",
    "hop along y": "hops_y",
}


def resources_facts(found: Resources) -> dict[str, Any]:
    modelled = found.estimate
    energy = {name: asdict(value) for name, value in modelled.energy_by_event.items()}
    return {
        "cores": found.cores,
        "tiles": found.tiles,
        "chips": found.chips,
        "events": asdict(found.events),
        "modelled": {
            "standing": MODELLED,
            "dynamic_energy_j": asdict(modelled.energy),
            "dynamic_energy_by_event_j": energy,
            "step_time_s": asdict(modelled.step_time),
            "figures_pj": {name: asdict(figure) for name, figure in figures.ENERGY.items()},
            "figures_ns": {name: asdict(figure) for name, figure in figures.TIME.items()},
            "not_counted": figures.NOT_COUNTED,
        },
        "measured_elsewhere": asdict(figures.MEASURED),
    }


def show_resources(console: Console, found: Resources) -> None:
    events, modelled = found.events, found.estimate
    console.print(
        f"on {count(found.cores, 'core')}, {count(found.tiles, 'tile')}, {count(found.chips, 'chip')}; "
        f"{count(events.steps, 'step')}"
    )
    rows = [
        [name.replace("_", " "), value, value / max(events.steps, 1)]
        for name, value in asdict(events).items()
        if name != "steps"
    ]
    console.print(table("events, counted", ["event", "in all", "a step"], rows))
    priced = []
    for name, figure in figures.ENERGY.items():
        took = modelled.energy_by_event[name]
        priced.append([name, getattr(events, _COUNTED[name]), _span(figure, 1), _span(took, 1e9), figure.source])
    console.print(table(f"dynamic energy, {MODELLED}", ["event", "count", "pJ each", "nJ", "source"], priced))
    steps = max(events.steps, 1)
    console.print(
        f"in all {_span(modelled.energy, 1e9)} nJ, {_span(modelled.energy, 1e9 / steps)} nJ a step; "
        f"a step takes {_span(modelled.step_time, 1e6)} us: {MODELLED}"
    )
    console.print(f"not in it: {figures.NOT_COUNTED}")
    m = figures.MEASURED
    console.print(
        f"measured on {m.chip}, for scale: {m.what}: {m.watts:g} W, {m.static_watts:g} W of it static, "
        f"about {m.step_us:g} us a step ({m.source})"
    )


def _span(value: Range | figures.Figure, scale: float) -> str:
    least, most = text(float(value.least * scale)), text(float(value.most * scale))
    return least if least == most else f"{least} to {most}"
