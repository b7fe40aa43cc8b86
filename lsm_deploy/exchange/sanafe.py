"""A placed program and its spikes for SANA-FE, a simulator of what neuromorphic chips cost: `arch.yaml`, `snn.yaml`.

SANA-FE has no neuron of Loihi 2's integers. So that its events are ours, every neuron is an input that replays the
spikes of the trace, with weights of 0, as it computes costs and not values. The mesh is `layout`'s, and what events
cost is `figures`' SANA-FE column: sparse synapses, an access in every step, an update in the steps of a spike. Input
channels are free neurons on the tile where input enters, so that only what they cause is paid for.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.compile.place.cores import board_of
from lsm_deploy.core import mesh as layout
from lsm_deploy.core.boards import Board
from lsm_deploy.core.errors import require_path, require_type
from lsm_deploy.core.ir import INPUT, Program, Stimulus, Trace
from lsm_deploy.measure.cost import figures
from lsm_deploy.store import new_folder, program_id

__all__ = ["NAMES", "export_sanafe"]

NAMES = ("arch.yaml", "snn.yaml", "README.txt")
"""All that a folder may hold."""

_README = """\
Program {identity}, placed, and {steps} steps of its spikes, for SANA-FE 2.2 (pip install sanafe):

    import sanafe
    arch = sanafe.load_arch("arch.yaml")
    chip = sanafe.SpikingChip(arch)
    chip.load(sanafe.load_net("snn.yaml", arch))
    print(chip.sim({steps}, timing_model="simple"))

Its `spikes` are the synaptic operations of `lsm-deploy resources`, its `packets_sent` the messages with those of the
input, its `neurons_fired` the spikes with those of the input.
"""


def export_sanafe(folder: str | Path, program: Program, stimulus: Stimulus, trace: Trace) -> None:
    """Write a folder that SANA-FE reads; the trace is that of the program on the stimulus."""
    folder = require_path(folder)
    require_type(program, Program, "program", "compile one, or read it with `load_program`")
    require_type(stimulus, Stimulus, "stimulus", "read one with `load_stimulus`, or encode it")
    require_type(trace, Trace, "trace", "read one with `load_trace`, or run the program")
    target = board_of(program)
    spikes = np.concatenate([trace.spikes != 0, stimulus.spikes != 0], axis=1)
    readme = _README.format(identity=program_id(program), steps=len(spikes))
    files = {
        "arch.yaml": _architecture(program, target),
        "snn.yaml": _network(program, target, spikes),
        "README.txt": iter([readme]),
    }
    with new_folder(folder, NAMES) as made:
        for name, parts in files.items():
            with (made / name).open("w", encoding="utf-8") as file:
                file.writelines(parts)


# --- the chip -------------------------------------------------------------------------------------------------------

_HOPS = {"east": "hop along x", "west": "hop along x", "north": "hop along y", "south": "hop along y"}
_TILE = """\
    - name: {name}
      attributes: {{{hops}}}
      core:
        - name: core[0..3]
          attributes: {{buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: {neurons}}}
          axon_in:
            - name: axon_in
              attributes: {{{axon_in}}}
          synapse:
            - name: synapse
              attributes: {{model: current_based, {synapse}}}
          dendrite:
            - name: dendrite
              attributes: {{model: accumulator, energy_update: 0.0, latency_update: 0.0}}
          soma:
            - name: soma[0..{last}]
              attributes: {{model: input, {soma}}}
          axon_out:
            - name: axon_out
              attributes: {{{axon_out}}}
"""


def _tile(name: str, neurons: int, free: bool) -> str:
    def cost(event: str, called: str, paid: bool = True) -> str:
        each = figures.SANA_FE_COSTS[event]
        pj, ns = (each.pj, each.ns) if paid else (0.0, 0.0)
        return f"energy_{called}: {pj}e-12, latency_{called}: {ns}e-9"

    somas = {"neuron access": "access_neuron", "neuron update": "update_neuron", "spike": "spike_out"}
    return _TILE.format(
        name=name,
        neurons=neurons,
        last=neurons - 1,
        hops=", ".join(cost(event, f"{way}_hop") for way, event in _HOPS.items()),
        axon_in=cost("message in", "message_in"),
        synapse=cost("sparse synapse", "process_spike"),
        soma=", ".join(cost(event, called, not free) for event, called in somas.items()),
        axon_out=cost("message out", "message_out", not free),
    )


def _architecture(program: Program, target: Board) -> Iterator[str]:
    width, height = _mesh(program, target)
    held = np.zeros(width * height, np.int64)  # the neurons of the fullest core of each tile
    per_core = np.bincount(program.cores)
    np.maximum.at(held, _tile_numbers(np.arange(len(per_core)), target, height), per_core)
    entrance = _entrance(height)
    yield (
        "architecture:\n"
        "  name: loihi\n"
        f"  attributes: {{topology: mesh, width: {width}, height: {height}, link_buffer_size: 16, sync_model: table,\n"
        f"    latency_sync: {{{', '.join(f'{tiles}: {ns}e-9' for tiles, ns in figures.SYNC.items())}}}}}\n"
        "  tile:\n"
    )
    alike = groupby(range(width * height), lambda tile: (tile == entrance, int(held[tile])))
    for (enters, neurons), group in alike:
        first, *others = group
        last = others[-1] if others else first
        neurons = max(neurons, program.network.channels if enters else 1, 1)
        name = f"tile{first}[0..{last - first}]" if others else f"tile{first}"
        yield _tile(name, neurons, free=enters)


def _mesh(program: Program, target: Board) -> tuple[int, int]:
    """Tiles across and down: no more chips than are used."""
    chips = int(program.cores.max()) // target.cores_per_chip + 1
    across = min(chips, target.chips_across)
    return across * layout.WIDTH, -(-chips // target.chips_across) * layout.HEIGHT


def _tile_numbers(cores: NDArray[np.int64], target: Board, height: int) -> NDArray[np.int64]:
    """SANA-FE numbers tiles column by column."""
    x, y = layout.tiles(cores, target).T
    numbers: NDArray[np.int64] = x * height + y
    return numbers


def _entrance(height: int) -> int:
    x, y = layout.ENTRANCE
    return x * height + y


# --- the network ----------------------------------------------------------------------------------------------------


def _network(program: Program, target: Board, spikes: NDArray[np.bool_]) -> Iterator[str]:
    network = program.network
    yield "network:\n  name: liquid\n  groups:\n"
    names = [f"neurons.{i}" for i in range(network.neurons)] + [f"channels.{i}" for i in range(network.channels)]
    for group, columns in (("neurons", spikes[:, : network.neurons]), ("channels", spikes[:, network.neurons :])):
        if not columns.shape[1]:
            continue
        yield f"    - name: {group}\n      attributes: [log_spikes: false]\n      neurons:\n"
        for i, train in enumerate(columns.T):
            yield f"        - {i}: [spikes: [{', '.join('1' if fired else '0' for fired in train)}]]\n"
    yield "  edges:\n" if network.synapses else "  edges: []\n"
    for p in network.projections:
        first = network.neurons if p.source == INPUT else network.offsets[p.source]
        pre = p.pre + first
        post = p.post + network.offsets[p.target]
        for source, neuron in zip(pre.tolist(), post.tolist(), strict=True):
            yield f"    - {names[source]} -> {names[neuron]}: [weight: 0.0]\n"
    yield "mappings:\n"
    height = _mesh(program, target)[1]
    tiles = _tile_numbers(program.cores.astype(np.int64), target, height).tolist()
    taken: dict[int, int] = {}
    for i, (core, tile) in enumerate(zip(program.cores.tolist(), tiles, strict=True)):
        unit = taken[core] = taken.get(core, -1) + 1
        place = f"{tile}.{core % target.cores_per_chip % layout.CORES_PER_TILE}"
        yield f'  - neurons.{i}: [core: {place}, soma: "soma[{unit}]"]\n'
    for i in range(network.channels):
        yield f'  - channels.{i}: [core: {_entrance(height)}.0, soma: "soma[{i}]"]\n'
