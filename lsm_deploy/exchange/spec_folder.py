"""An imported recurrence as a spec with its weights beside it, for all that is asked of specs: train, evaluate, tune.

    liquid.yaml  input.npz  recurrent.npz  bias.npz

A spec has no parameter of each neuron's own, so a bias comes from a neuron `one`, which sends 1/2 in every step. In
step 0 it has not come yet, and what drives a unit is its activation of 0: 0, but for a sigmoid, and a clip without 0.
Units with a memory begin where that leads them to the program's own first state, if one number says it for all. Those
without begin at their activation of 0, and a program that begins elsewhere is refused, or noted where it begins at 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from lsm_deploy.core.activations import ACTIVATIONS
from lsm_deploy.core.archives import save_arrays
from lsm_deploy.core.errors import LsmError, raise_all, require_type
from lsm_deploy.core.ir import INPUT, Network, Population, Projection
from lsm_deploy.core.neurons import gated, graded
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.exchange.imported import Imported
from lsm_deploy.exchange.matrices import SENT_ONCE, START, activate
from lsm_deploy.store import new_folder

__all__ = ["save_as_spec"]

SPEC, ONE = "liquid.yaml", "one"
NAMES = (SPEC, "input.npz", "recurrent.npz", "bias.npz")
"""All that a folder may hold."""
SENT = 0.5
"""What `one` sends: 1 would be one unit more than a message holds."""
_SAME = 1e-9
"""What states may differ by: a spec's numbers have ten digits."""


def save_as_spec(folder: str | Path, imported: Imported) -> None:
    """Write `liquid.yaml` and the arrays that it names into a folder, which is new or holds nothing else.

    Its network computes what the imported one does. An LsmError where neurons differ in more than their bias, the
    program has no input, or it begins at a state that no spec has. The spec's first lines are the import's notes, and
    one where it differs in step 0.
    """
    require_type(imported, Imported, "second argument", "import a program first, with `from_torch` or another")
    network = imported.network
    if gated.NAME in network.kinds:
        what = "units differ in phase and delay, and in a spec all of a population are alike"
        raise LsmError(what, where="spec", hint="compile the imported network itself: `compile_built`")
    (units,) = (p for p in network.populations if isinstance(p, Population) and p.name == imported.population)
    values = {name: np.unique(array) for name, array in units.parameters.items()}
    errors = []
    if not network.channels:
        errors.append(LsmError("it has no input, which a spec needs", where="spec", hint="compile its network itself"))
    several = [name for name in values if len(values[name]) > 1 and name not in ("bias", "v_initial")]
    if several:
        what = f"units differ in {', '.join(several)}, and a spec has one value for all, or draws"
        errors.append(LsmError(what, where=f"population {units.name!r}", hint="compile the imported network itself"))
    raise_all(errors)
    begins, differs = _beginning(network, units)
    defaults = {name: field.default for name, field in graded.Parameters.__dataclass_fields__.items()}
    neuron: dict[str, Any] = {
        name: float(array[0]) for name, array in values.items() if name not in ("bias", "v_initial")
    }
    names = {name: ACTIVATIONS[int(neuron[name])] for name in ("activation", "output")}
    neuron = {**neuron, **names, "v_initial": begins}
    neuron = {name: value for name, value in neuron.items() if value != defaults[name]}
    bias = units.parameters["bias"]
    arrays = {
        "input": matrix_of(network, INPUT, units.name),
        "recurrent": matrix_of(network, units.name, units.name),
        "bias": bias[:, None] / SENT,
    }
    used = {name: array for name, array in arrays.items() if array.any()}
    synapses = [p for p in network.projections if isinstance(p, Projection) and p.target == units.name]
    bits = {p.source: p.weight_bits for p in synapses}
    with new_folder(folder, NAMES) as made:
        for name, array in used.items():
            save_arrays(made / f"{name}.npz", {"weights": array}, compressed=True)
        (made / SPEC).write_text(_text(imported, differs, units.name, units.size, neuron, used, bits), encoding="utf-8")


def _beginning(network: Network, units: Population) -> tuple[float, tuple[str, ...]]:
    """`v_initial` that leads the spec's units in step 0 to where the imported ones are, and a note if they are not."""
    of = units.parameters
    rate, activation = of["leak_rate"][0], ACTIVATIONS[int(of["activation"][0])]
    clip = of["clip_lo"][0], of["clip_hi"][0]
    driven, at_rest = (activate(activation, z, clip) for z in (of["bias"], np.zeros(units.size)))
    if rate < 1:
        begins = of["v_initial"] + rate / (1 - rate) * (driven - at_rest)
        if np.ptp(begins) < _SAME:
            return round(float(begins.mean()), 9), ()
    else:
        weights = matrix_of(network, units.name, units.name)
        first = weights @ driven
        if START in network.sizes:
            first += SENT_ONCE * matrix_of(network, START, units.name)[:, 0]
        if np.abs(first - weights @ at_rest).max() < _SAME:
            return 0.0, ()
        if np.abs(first).max() < _SAME:
            return 0.0, (f"approximated: in step 0 units are at {activation}(0) = {at_rest[0]:.6g}, not at 0",)
    hint = "import it from a state of 0, or compile the imported network itself"
    raise LsmError("it begins at a state that no spec has", where=f"population {units.name!r}", hint=hint)


def matrix_of(network: Network, source: str, target: str) -> Floats:
    """The weights [post, pre] of all projections from a population, or the input, to another."""
    sources = network.channels if source == INPUT else network.sizes[source]
    total = np.zeros((network.sizes[target], sources))
    for p in network.projections:
        if isinstance(p, Projection) and (p.source, p.target) == (source, target):
            total += sparse.csc_array((p.weight, p.post, p.indptr), shape=total.shape).toarray()
    return total


def _text(
    imported: Imported,
    differs: tuple[str, ...],
    units: str,
    size: int,
    neuron: dict[str, Any],
    used: dict[str, Floats],
    bits: dict[str, int],
) -> str:
    network = imported.network
    low, high = imported.input_range
    given = "".join(f", {name}: {value}" for name, value in neuron.items())
    sources = {"input": INPUT, "recurrent": units, "bias": ONE}
    lines = [
        *(f"# {note}" for note in (*imported.notes, *differs)),
        f"dt_ms: {network.dt_ms!r}",
        "seed: 0",
        "input:",
        f"  channels: {network.channels}",
        f"  encoder: {{kind: graded, frame_ms: {network.dt_ms!r}, range: [{low!r}, {high!r}]}}",
        "populations:",
        f"  {units}: {{size: {size}, neuron: {{kind: {graded.NAME}{given}}}}}",
    ]
    if "bias" in used:
        constant = f"activation: identity, leak: 0.0, v_initial: {SENT!r}, state_range: 1.0"
        lines.append(f"  {ONE}: {{size: 1, neuron: {{kind: {graded.NAME}, {constant}}}}}")
    lines.append("projections:")
    for name in used:
        topology = f"topology: {{kind: explicit, file: {name}.npz}}"
        of_bits = f"weight_bits: {bits.get(sources[name], max(bits.values()))}"
        lines.append(f"  - {{source: {sources[name]}, target: {units}, {topology}, {of_bits}}}")
    return "\n".join(lines) + "\n"
