"""What an examination of a liquid found: one table, and what its papers say about the numbers, no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lsm_deploy.measure.diagnosis import (
    HORIZON_MS,
    INPUTS,
    JITTER_MS,
    PERTURBATIONS,
    SAME_MS,
    SYMBOL_MS,
    TOLERANCE,
    Diagnosis,
    Measures,
)
from lsm_deploy.report.blocks import Block, Heading, Line, Report, table
from lsm_deploy.report.knowledge import blocks_of_knowledge
from lsm_deploy.report.numbers import count, text_of
from lsm_deploy.report.pictures.knowledge import picture_of_knowledge
from lsm_deploy.report.pictures.trajectories import picture_of_states

__all__ = ["report_diagnosis"]


@dataclass(frozen=True)
class _Row:
    name: str
    of: Callable[[Measures], float | int | None]
    form: str = "{:.3g}"


def report_diagnosis(diagnosis: Diagnosis) -> Report:
    pictures = [picture_of_states(diagnosis)]
    if diagnosis.knows is not None:
        pictures.insert(0, picture_of_knowledge(diagnosis, diagnosis.knows))
    return Report((*_blocks(diagnosis), *pictures), diagnosis.to_json())


def _blocks(diagnosis: Diagnosis) -> Iterator[Block]:
    shown = diagnosis.shown
    yield Line(
        f"shown: {shown.words}; {shown.rate_hz:.3g} Hz a channel, as generated input has (seed {diagnosis.seed})"
    )
    names = ", ".join(repr(name) for name in diagnosis.populations)
    whose = f"population {names}" if names else "all populations"
    some = f"{diagnosis.read} of {count(diagnosis.neurons, 'neuron')}"
    yield Line(
        f"states: spikes of {whose} ({some}) filtered with {diagnosis.tau_ms:g} ms; deployed on {diagnosis.backend}"
    )
    if diagnosis.clears:
        yield Line(f"registers are not cleared every {count(diagnosis.clears, 'step')} here: samples start from rest")
    yield Heading("before and after quantisation" if diagnosis.floats else "as deployed")
    columns = ["measure", "float", "deployed", "difference", "ratio"] if diagnosis.floats else ["measure", "deployed"]
    yield table(columns, [_cells(row, diagnosis) for row in _rows(diagnosis)])
    yield from map(Line, _readings(diagnosis))
    if diagnosis.knows is not None:
        yield from blocks_of_knowledge(diagnosis.knows)


def _cells(row: _Row, diagnosis: Diagnosis) -> Sequence[str]:
    after = row.of(diagnosis.deployed)
    if diagnosis.floats is None:
        return [row.name, text_of(after, row.form)]
    before = row.of(diagnosis.floats)
    difference = None if before is None or after is None else after - before
    ratio = after / before if after is not None and before else None
    signed = row.form.replace(":", ":+")
    return [
        row.name,
        text_of(before, row.form),
        text_of(after, row.form),
        text_of(difference, signed),
        text_of(ratio, "{:.3f}"),
    ]


def _rows(diagnosis: Diagnosis) -> Sequence[_Row]:
    whole, share, distance = "{:d}", "{:.1%}", "{:.3f}"
    inputs = diagnosis.deployed.separation.inputs
    classes = [
        _Row("separation of classes", lambda m: m.classes.separation if m.classes else None),
        _Row("between / within classes", lambda m: m.classes.ratio if m.classes else None),
    ]
    return [
        _Row("rate, Hz", lambda m: m.activity.rate_hz),
        _Row("silent neurons", lambda m: m.activity.silent, share),
        _Row("saturated neurons", lambda m: m.activity.saturated, share),
        _Row("spectral radius of the weights", lambda m: m.dynamics.spectral_radius),
        _Row("branching ratio", lambda m: m.dynamics.branching_ratio),
        _Row("dimension of the states", lambda m: m.dimension),
        *(_separation(i, far, distance) for i, far in enumerate(inputs)),
        *(classes if diagnosis.deployed.classes else ()),
        _Row(f"kernel rank, {INPUTS} inputs", lambda m: m.ranks.kernel.numerical, whole),
        _Row(f"generalisation rank, {INPUTS} variants", lambda m: m.ranks.generalisation.numerical, whole),
        _Row("kernel - generalisation", lambda m: m.ranks.kernel.numerical - m.ranks.generalisation.numerical, whole),
        _Row("effective kernel rank", lambda m: m.ranks.kernel.effective),
        _Row("effective generalisation rank", lambda m: m.ranks.generalisation.effective),
        _Row(f"memory capacity, bits of {SYMBOL_MS:g} ms", lambda m: m.capacity.total),
        _Row(f"histories forgotten, of {len(diagnosis.deployed.fading.spikes_ms)}: in spikes", _forgotten, whole),
        _Row("  the last after, ms", lambda m: _last(m.fading.spikes_ms), "{:.0f}"),
        _Row("  in all registers, exactly", lambda m: len(_times(m.fading.registers_ms)), whole),
        _Row("  the last after, ms", lambda m: _last(m.fading.registers_ms), "{:.0f}"),
        _Row(f"  distance of states after {SAME_MS:g} ms", lambda m: m.fading.distance[-1], distance),
        _Row(f"perturbations with an effect, of {PERTURBATIONS}", lambda m: m.growth.effective, whole),
        _Row(f"  that last {0.75 * HORIZON_MS:g} ms", lambda m: m.growth.lasting, whole),
        _Row("  distance of states at first, spikes", lambda m: _apart(m, 0.0)),
        _Row(f"    {diagnosis.tau_ms:g} ms later", lambda m: _apart(m, diagnosis.tau_ms)),
        _Row(f"    {HORIZON_MS:g} ms later", lambda m: _apart(m, HORIZON_MS)),
        _Row("  growth rate, 1/s", lambda m: m.growth.rate_per_s),
    ]


def _separation(i: int, far: float, form: str) -> _Row:
    return _Row(f"distance of states, inputs {far:.3f} apart", lambda m: m.separation.states[i], form)


def _forgotten(measures: Measures) -> int:
    return len(_times(measures.fading.spikes_ms))


def _times(after_ms: Sequence[float | None]) -> list[float]:
    return [ms for ms in after_ms if ms is not None]


def _last(after_ms: Sequence[float | None]) -> float | None:
    return max(_times(after_ms), default=None)


def _apart(measures: Measures, after_ms: float) -> float | None:
    curve = measures.growth.distance
    return curve[round(min(after_ms / HORIZON_MS, 1.0) * (len(curve) - 1))] if curve else None


def _readings(diagnosis: Diagnosis) -> Sequence[str]:
    """What the papers support, about the deployed side."""
    now = diagnosis.deployed
    lines = [
        "branching ratio: what the input has in common with itself counts too; compare the columns, not with 1",
        "separation: different inputs have to lead to different states, or no readout can tell them apart (Maass et al."
        " 2002); 0 equal, 1 nothing in common",
    ]
    if now.classes:
        same = diagnosis.of_input.ratio if diagnosis.of_input else None
        beside = "" if same is None else f"; between / within is {same:.3g} in the filtered input itself"
        lines.append(
            f"classes: the better separated, the more accurate were liquids of Norton & Ventura (2010){beside}"
        )
    lines += [
        f"ranks, at most {now.ranks.most} (singular values above {TOLERANCE:g} of the largest; variants move spikes by "
        f"{JITTER_MS:g} ms): high for different inputs, low for variants is best (Legenstein & Maass 2007)",
        f"memory capacity: cannot exceed the {count(diagnosis.read, 'neuron')} read (Jaeger 2001); less chance, "
        f"{now.capacity.chance:.4f} a delay",
        _fading(now, len(now.fading.spikes_ms)),
        _growth(now, diagnosis.tau_ms),
    ]
    return lines


def _fading(now: Measures, pairs: int) -> str:
    head = f"fading memory: after different histories and {SAME_MS:g} ms of the same input, "
    if len(_times(now.fading.registers_ms)) == pairs:
        return f"{head}the deployed runs are one in every register: it has echo states there (Jaeger 2001)"
    if not _times(now.fading.registers_ms):
        return f"{head}no pair of deployed runs is one: the state still depends on where it started (Jaeger 2001)"
    return f"{head}some pairs of deployed runs are one, some not: whether it forgets depends on the input (Jaeger 2001)"


def _growth(now: Measures, tau_ms: float) -> str:
    head = f"growth: one input spike more or less, {HORIZON_MS:g} ms later"
    rate, early, late = now.growth.rate_per_s, _apart(now, tau_ms), _apart(now, HORIZON_MS)
    if rate is None or early is None or late is None:
        return f"{head}: none changed any spike"
    if rate < 0:
        side = "is dying out, the ordered side"
    elif late > early:
        side = "has grown, the chaotic side"
    else:
        side = "lasts without growing on: near the line between order and chaos, or as far apart as two runs get"
    return (
        f"{head}, {side}; networks near the line, 0, computed best (Bertschinger & Natschlaeger 2004, "
        f"Legenstein & Maass 2007); what only the filter remembers goes at {-1000 / tau_ms:g}"
    )
