"""Ground truth of lava-dl's network exchange tests, as a recording of ours: a `.net` file, an input and an output.

lava-dl keeps them in `tests/lava/lib/dl/netx/gts/<name>/`: `input.npy` [channel, t] and `output.npy` [neuron, t], or
in.npy and out.npy. `formats/lava_dl/net.py` reads the network. An `average` at the end sums spikes on the host: the
output is that of the layer before it.

Every layer takes one step, as every synapse does here. Whether a published output is aligned so is not said anywhere;
`first_step` is for outputs that are known to begin later. An output that lava-dl computed is no silicon.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.errors import LsmError, require_path
from lsm_deploy.core.ir import Program, QNetwork, Stimulus, Trace
from lsm_deploy.core.messages import BINARY, Messages
from lsm_deploy.formats.lava_dl.net import read_net
from lsm_deploy.parity.conformance.recording import Recording
from lsm_deploy.store.npz import read_array

__all__ = ["import_lava_dl"]

_INPUTS, _OUTPUTS = ("input.npy", "in.npy"), ("output.npy", "out.npy")


def import_lava_dl(
    folder: Path,
    *,
    net: Path | None = None,
    input_file: Path | None = None,
    output_file: Path | None = None,
    first_step: int = 0,
    silicon: bool = False,
    recorded_on: str = "lava-dl",
    source: str,
    licence: str,
) -> Recording:
    """The recording in a folder; the three files are looked for in it unless they are named."""
    folder = require_path(folder)
    net = net or _only(folder, sorted(folder.glob("*.net")), "a .net file", "--net")
    input_file = input_file or _only(folder, _existing(folder, _INPUTS), " or ".join(_INPUTS), "--input")
    output_file = output_file or _only(folder, _existing(folder, _OUTPUTS), " or ".join(_OUTPUTS), "--output")
    stimulus, truth = _spikes(input_file), _spikes(output_file)
    read = read_net(net)
    network = read.network
    assert isinstance(network, QNetwork), "a .net is in integers"
    if stimulus.shape[1] != network.channels:
        what = f"it has {stimulus.shape[1]} channels, {net.name} takes {network.channels}"
        raise LsmError(what, where=str(input_file), hint="check that the input belongs to this network")
    if network.input != BINARY:
        what = "an input layer with neurons of its own cannot be replayed"
        raise LsmError(what, where=str(net), hint="record the spikes that it sends, and export the network without it")
    if truth.shape[1] != (size := network.sizes[read.output]):
        raise LsmError(
            f"it has {truth.shape[1]} neurons, the last layer of {net.name} {size}",
            where=str(output_file),
            hint="give the output of the last layer, [neuron, t]",
        )
    if not 0 <= first_step < len(stimulus):
        what = f"the output begins at step {first_step}, and the input has {len(stimulus)}"
        raise LsmError(what, where=str(output_file), hint="check --first-step")
    program: Program = place_network(network, BOARDS["oheo_gulch"])
    return Recording(
        name=folder.resolve().name,
        program=program,
        stimulus=Stimulus(stimulus, np.array([0])),
        trace=Trace(truth[: len(stimulus) - first_step], {}, np.array([0]), {}),
        silicon=silicon,
        recorded_on=recorded_on,
        source=source,
        licence=licence,
        population=read.output,
        first_step=first_step,
    )


# --- files ---------------------------------------------------------------------------------------------------------


def _existing(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [folder / name for name in names if (folder / name).exists()]


def _only(folder: Path, files: list[Path], what: str, option: str) -> Path:
    if len(files) != 1:
        said = "there is no" if not files else f"there are {len(files)} candidates for"
        raise LsmError(f"{said} {what} in it", where=str(folder), hint=f"name it with {option}")
    return files[0]


def _spikes(file: Path) -> Messages:
    """[t, column] of an array [column, t], perhaps with an axis of one sample before it."""
    array = read_array(file)
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.ndim != 2:
        raise LsmError(
            f"it has shape {list(array.shape)}, not [neuron, t]",
            where=str(file),
            hint="only dense layers can be imported: images belong to conv layers",
        )
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise LsmError("a spike is neither 0 nor 1", where=str(file), hint="graded spikes cannot be imported")
    spikes: Messages = array.T.astype(np.int8)
    return spikes
