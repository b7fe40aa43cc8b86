"""The spec with one thing changed: what helped, and what did not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lsm_deploy.spec.schema import NEURON_SECTIONS, Augment, Bins, ErdosRenyi, Projection, Spec

__all__ = ["VARIANTS"]

LIQUID = "liquid"


def _front_end(**changed: object) -> Callable[[Spec], Spec]:
    return lambda spec: replace(spec, front_end=replace(spec.front_end, **changed))  # type: ignore[type-var]


def _readout(**changed: object) -> Callable[[Spec], Spec]:
    return lambda spec: replace(spec, readout=replace(spec.readout, **changed))  # type: ignore[type-var]


def _size(neurons: int) -> Callable[[Spec], Spec]:
    return lambda spec: replace(spec, populations={LIQUID: replace(spec.populations[LIQUID], size=neurons)})


def _alike(spec: Spec) -> Spec:
    neuron = replace(spec.populations[LIQUID].neuron, tau_mem_ms=60.0, tau_syn_ms=20.0)
    return replace(spec, populations={LIQUID: replace(spec.populations[LIQUID], neuron=neuron)})


def _adaptive(spec: Spec) -> Spec:
    lif = spec.populations[LIQUID].neuron
    neuron = NEURON_SECTIONS["ATRLIF"](
        kind="ATRLIF",
        tau_mem_ms=lif.tau_mem_ms,
        tau_syn_ms=lif.tau_syn_ms,
        tau_threshold_ms=30.0,
        tau_refractory_ms=2.0,
        threshold_step=0.3,
    )
    return replace(spec, populations={LIQUID: replace(spec.populations[LIQUID], neuron=neuron)})


def _cut(spec: Spec) -> Spec:
    return replace(spec, projections=spec.projections[:1])


def _recurrent(gain: float) -> Callable[[Spec], Spec]:
    def change(spec: Spec) -> Spec:
        first, second = spec.projections
        return replace(spec, projections=(first, replace(second, gain=gain)))

    return change


def _quiet(spec: Spec) -> Spec:
    first, *others = spec.projections
    return replace(spec, projections=(replace(first, gain=0.4), *others))


def _ensemble(spec: Spec) -> Spec:
    population = replace(spec.populations[LIQUID], size=150)
    names = [f"{LIQUID} {i}" for i in range(1, 5)]
    projections: list[Projection] = []
    for name in names:
        first, second = spec.projections
        assert isinstance(second.topology, ErdosRenyi)
        projections += [replace(first, target=name), replace(second, source=name, target=name)]
    assert spec.readout is not None
    return replace(
        spec,
        populations=dict.fromkeys(names, population),
        projections=tuple(projections),
        readout=replace(spec.readout, population=tuple(names)),
    )


VARIANTS: dict[str, Callable[[Spec], Spec]] = {
    "as it is": lambda spec: spec,
    "recurrence left out": _cut,
    "recurrence five times as strong": _recurrent(5.0),
    "input at 0.4 of its weights": _quiet,
    "one time constant for all": _alike,
    "adaptive neurons (ATRLIF)": _adaptive,
    "150 neurons": _size(150),
    "1200 neurons": _size(1200),
    "four liquids of 150": _ensemble,
    "counts, not their roots": _readout(features=Bins("bins", 8)),
    "whole words (1 bin)": _readout(features=Bins("bins", 1, root=True)),
    "16 bins": _readout(features=Bins("bins", 16, root=True)),
    "the 1200 best features": _readout(keep=1200),
    "states not centred by speaker": _readout(centre="none"),
    "utterances normalised, not speakers": _front_end(normalise="utterance"),
    "neither by speaker": lambda spec: _readout(centre="none")(_front_end(normalise="utterance")(spec)),
    "levels left as they are": _front_end(level=False),
    "two copies shifted by up to 40 ms": _front_end(augment=Augment(copies=2, time_shift_ms=40.0)),
    "two copies of other vocal tracts": _front_end(augment=Augment(copies=2, warp=(0.9, 1.1))),
}
"""Each takes the spec and gives it back with one thing changed."""
