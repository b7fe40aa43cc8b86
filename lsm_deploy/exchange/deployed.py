"""A network that was read, on its way to a program: what its integers cost, and a trial of it in two stages.

    what its source did --reading--> floats --quantisation--> integers

The first should cost nothing, the second has a price. Samples to try it on are an `.npz`:

    input            [sample, t, channel], or [t, channel]: the spikes; also called frames, spikes or stimuli
    labels           [sample]: classes, whose numbers are those of the output's neurons; if there are any
    a population     [sample, t, neuron], or [t, neuron]: by its name, what it did in its source; `output` is the answer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.pipeline import Compiled, compile_built
from lsm_deploy.core.errors import LsmError, raise_all, require_type
from lsm_deploy.core.frozen import freeze, rebuilt
from lsm_deploy.core.in_floats import messages_in_floats
from lsm_deploy.core.ir import Network, QNetwork, Stimulus
from lsm_deploy.core.messages import Messages
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.shown import Brief, Reported
from lsm_deploy.data.encoders import poisson_stimulus
from lsm_deploy.formats.account import Reading
from lsm_deploy.measure.fidelity.distances import compare_spikes
from lsm_deploy.run import backends
from lsm_deploy.run.reference import run_float
from lsm_deploy.spec.schema import Quantise
from lsm_deploy.store import read_arrays

__all__ = ["Deployed", "Samples", "Stage", "Trial", "deploy", "load_samples"]

_INPUTS = ("input", "frames", "spikes", "stimuli")
_STEPS, _SHARE = (50, 1000), 100.0
"""Of the trial of a network without samples: fewer for a larger one, and a spike a channel in every tenth step."""
_WORK = 1e8
"""Synapses and steps that a trial is for, if it has that many steps."""
TAU_STEPS = 20.0
"""Spikes nearer than this are near, in the distance of two trains."""


@dataclass(frozen=True, eq=False, repr=False)
class Samples(Brief):
    """What a network is tried on: spikes `[sample, t, channel]`, labels `[sample]` if there are any, and by population
    what its source did `[sample, t, neuron]`."""

    spikes: Messages
    labels: NDArray[np.int64] | None = None
    recorded: Mapping[str, NDArray[np.float64]] | None = None
    words: str = ""
    """What they are, beside how many."""

    __reduce__ = rebuilt

    def __post_init__(self) -> None:
        freeze(self, spikes=self.spikes.dtype)


@dataclass(frozen=True)
class Stage:
    """One population before and after: places that differ of all, van Rossum's distance (0 equal, 1 nothing in common)
    and spikes a neuron and step."""

    population: str
    differ: int
    places: int
    distance: float
    before: float
    after: float


@dataclass(frozen=True, repr=False)
class Trial(Brief):
    """What a run did. counts: what its registers suffered. active: by population, spikes a neuron and step. reading,
    quantising: the two stages. same: the share of samples with the same answer in floats and integers; accuracy: of
    both, where there are labels. A network that came in integers has no floats: quantising is empty, same None."""

    samples: int
    words: str
    counts: Mapping[str, int]
    active: Mapping[str, float]
    reading: tuple[Stage, ...]
    quantising: tuple[Stage, ...]
    same: float | None
    accuracy: tuple[float, float] | None


@dataclass(frozen=True, eq=False, repr=False)
class Deployed(Reported):
    """A network that was read, what it was compiled to, and what a trial of both did."""

    reading: Reading
    compiled: Compiled
    trial: Trial

    __reduce__ = rebuilt


def deploy(
    reading: Reading, board: str = "oheo_gulch", *, samples: Samples | None = None, strict: bool = False
) -> Deployed:
    """Compile a network that was read, with scales that certify, and try it.

    strict: whatever was approximated is an error, and so is every loss of quantisation beyond rounding.
    """
    require_type(reading, Reading, "reading", "read a file with `read_network`")
    if strict:
        hint = "change it in its source, or leave out `strict`"
        raise_all([LsmError(line.what, where=f"node {line.node!r}", hint=hint) for line in reading.losses])
    network = _as_network(reading.network)
    compiled = compile_built(network, board, Quantise(certified=isinstance(reading.network, Network)), strict=strict)
    return Deployed(reading, compiled, _try(reading, compiled, samples or _random(network)))


def load_samples(file: str | Path, reading: Reading) -> Samples:
    """Samples for a network that was read; an LsmError names what does not fit it."""
    arrays, where = read_arrays(file), str(file)
    network = reading.network
    names = [name for name in _INPUTS if name in arrays]
    if len(names) != 1:
        what = f"it holds {', '.join(sorted(arrays)) or 'nothing'}, and not one of {', '.join(_INPUTS)}"
        raise LsmError(what, where=where, hint="name the spikes `input`, [sample, t, channel]")
    spikes = _of_samples(arrays.pop(names[0]), network.channels, names[0], where)
    if spikes.min() < network.input.least or spikes.max() > network.input.largest or (spikes % 1).any():
        what = f"{names[0]} holds {spikes.min():g} to {spikes.max():g}, and the network takes {network.input}"
        raise LsmError(what, where=where, hint="encode it as spikes")
    classes = network.sizes[reading.output]
    labels = _labels(arrays.pop("labels"), len(spikes), classes, where) if "labels" in arrays else None
    recorded: dict[str, Floats] = {}
    errors: list[LsmError] = []
    for name, array in arrays.items():
        population = reading.output if name == "output" and name not in network.sizes else name
        try:
            if population not in network.sizes:
                hint = f"call it by the name of a population: {', '.join(network.sizes)}"
                raise LsmError(f"there is an array {name!r}, and no population", where=where, hint=hint)
            recorded[population] = _of_samples(array, network.sizes[population], name, where)
            if recorded[population].shape[:2] != spikes.shape[:2]:
                what = f"{name} is of {list(recorded[population].shape[:2])} samples and steps, {names[0]} of "
                raise LsmError(f"{what}{list(spikes.shape[:2])}", where=where, hint="record as many")
        except LsmError as error:
            errors += error.each()
    raise_all(errors)
    return Samples(spikes.astype(network.input.dtype), labels, recorded, f"of {Path(file).name}")


def _of_samples(array: NDArray[Any], columns: int, name: str, where: str) -> Floats:
    if array.dtype.kind not in "biuf" or array.ndim not in (2, 3) or array.shape[-1] != columns or not array.size:
        what = f"{name} is {list(array.shape)} of {array.dtype}, not [sample, t, {columns}] or [t, {columns}]"
        raise LsmError(what, where=where, hint="put time before neurons")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise LsmError(f"{name} holds values that are not finite", where=where, hint="drop them")
    return values if values.ndim == 3 else values[None]


def _labels(array: NDArray[Any], samples: int, classes: int, where: str) -> NDArray[np.int64]:
    if array.dtype.kind == "U" and np.isin(array, np.arange(classes).astype(str)).all():
        array = array.astype(np.int64)  # numbers that were written as names of classes
    if array.dtype.kind not in "biuf" or array.size != samples:
        what = f"labels are {list(array.shape)} of {array.dtype}, and there are {samples} samples"
        raise LsmError(what, where=where, hint="give each sample the number of its class")
    if not np.isin(array, np.arange(classes)).all():
        what = f"labels are {array.min():g} to {array.max():g}, and the neurons of the output are 0 to {classes - 1}"
        raise LsmError(what, where=where, hint="let a label be the number of the neuron that stands for its class")
    return array.ravel().astype(np.int64)


def _as_network(network: Network | QNetwork) -> Network:
    if isinstance(network, Network):
        return network
    parts = (network.populations, network.projections, network.input)
    return Network(network.dt_ms, network.channels, network.sample_interval, *parts)


def _random(network: Network) -> Samples:
    dt_ms = network.dt_ms
    steps = int(np.clip(_WORK / max(1, sum(len(p.post) for p in network.projections)), *_STEPS))
    stimulus = poisson_stimulus(network.channels, steps, _SHARE / dt_ms, dt_ms, 0, network.input)
    words = f"of {steps} steps of random spikes, one a channel in every {1000 / _SHARE:g} steps"
    return Samples(stimulus.spikes[None], words=words)


def _try(reading: Reading, compiled: Compiled, samples: Samples) -> Trial:
    network, program = compiled.network, compiled.program
    count, steps, channels = samples.spikes.shape
    longer = max(reading.lags.values(), default=0)
    padded = np.concatenate([samples.spikes, np.zeros((count, longer, channels), samples.spikes.dtype)], axis=1)
    stimulus = Stimulus(padded.reshape(-1, channels), np.arange(count) * (steps + longer))
    trace = backends.run_program(backends.quickest(program), program, stimulus)
    integers = messages_in_floats(program.network, trace.spikes)
    in_floats = isinstance(reading.network, Network)
    floats = run_float(network, stimulus).spikes if in_floats else integers

    def of(spikes: NDArray[Any], name: str) -> NDArray[Any]:
        """A population's spikes [sample, t, neuron] in the steps of its source."""
        lag = reading.lags.get(name, 0)
        return spikes.reshape(count, steps + longer, -1)[:, lag : lag + steps, network.columns(name)]

    names = [name for name in network.sizes if name in reading.lags or not reading.lags]
    reading_stages = tuple(
        _stage(name, recorded, of(floats, name)) for name, recorded in (samples.recorded or {}).items()
    )
    quantising = tuple(_stage(name, of(floats, name), of(integers, name)) for name in names)
    answers = [of(spikes, reading.output).sum(axis=1).argmax(axis=1) for spikes in (floats, integers)]
    right = [float(np.mean(each == samples.labels)) for each in answers] if samples.labels is not None else []
    return Trial(
        samples=count,
        words=samples.words,
        counts=dict(trace.counts),
        active={name: float((of(integers, name) != 0).mean()) for name in names},
        reading=reading_stages,
        quantising=quantising if in_floats else (),
        same=float(np.mean(answers[0] == answers[1])) if in_floats and count > 1 else None,
        accuracy=(right[0], right[1]) if right else None,
    )


def _stage(name: str, before: NDArray[Any], after: NDArray[Any]) -> Stage:
    count, steps, neurons = before.shape
    before, after = before.reshape(-1, neurons), after.reshape(-1, neurons)
    distance = compare_spikes(before, after, np.arange(count) * steps, TAU_STEPS)
    active = [float((each != 0).mean()) for each in (before, after)]
    return Stage(name, int((before != after).sum()), before.size, distance.relative, active[0], active[1])
