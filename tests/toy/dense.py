"""Backend `dense`: one matrix a delay, and all sums of a run from zero as products; what a new backend looks like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.errors import raise_all
from lsm_deploy.core.ir import INPUT, Program, QNetwork, Stimulus, Trace
from lsm_deploy.core.limits import Limits, beyond
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.progress import Progress

__all__ = ["LIMITS", "missing", "run"]

LIMITS = Limits(kinds=("LIF", "UndershootLIF"))


def missing() -> str | None:
    """Nothing is."""
    return None


def run(program: Program, stimulus: Stimulus, record: Sequence[str] = (), progress: Progress | None = None) -> Trace:
    """Run every sample; overflow is not counted."""
    network, steps = program.network, len(stimulus.spikes)
    raise_all(beyond("dense", LIMITS, network))
    spikes = np.zeros((steps, network.neurons), np.int8)
    registers = {name: np.zeros((steps, network.neurons), np.int32) for name in record}
    starts = [0] if network.sample_interval else stimulus.starts.tolist()
    for start, stop in zip(starts, [*starts[1:], steps], strict=True):
        _run_from_zero(network, stimulus.spikes[start:stop], spikes[start:stop], registers, start)
        if progress:
            progress(stop, steps)
    return Trace(spikes, registers, stimulus.starts, {})


def _run_from_zero(
    network: QNetwork,
    stimulus: NDArray[np.int8],
    spikes: NDArray[np.int8],
    registers: dict[str, NDArray[np.int32]],
    start: int,
) -> None:
    weights = _weights(network)
    seen = np.concatenate([stimulus, spikes], axis=1).astype(np.int64)  # channels, then neurons
    states = [KINDS[p.kind].initial(p.registers) for p in network.populations]
    for t in range(len(stimulus)):
        a = sum((w @ seen[t - 1 - d] for d, w in weights.items() if t > d), np.zeros(network.neurons, np.int64))
        for i, p in enumerate(network.populations):
            here = slice(network.offsets[p.name], network.offsets[p.name] + p.size)
            if network.sample_interval and t % network.sample_interval == 0:
                states[i] = KINDS[p.kind].initial(p.registers)
            step = KINDS[p.kind].step(p.registers, states[i], a[here])
            states[i], spikes[t, here] = step.state, step.spikes
            for name, values in registers.items():
                values[start + t, here] = step.state.get(name, 0)
        seen[t, network.channels :] = spikes[t]


def _weights(network: QNetwork) -> dict[int, NDArray[np.int64]]:
    """By delay, the weights `[neuron, channel or neuron]`; synapses on one pair add."""
    found: dict[int, NDArray[np.int64]] = {}
    shape = (network.neurons, network.channels + network.neurons)
    for p in network.projections:
        pre = np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))
        pre += 0 if p.source == INPUT else network.channels + network.offsets[p.source]
        for delay in np.unique(p.delays).tolist():
            chosen = p.delays == delay
            post = p.post[chosen] + network.offsets[p.target]
            weights = p.weights[chosen].astype(np.int64) << p.weight_exp
            np.add.at(found.setdefault(delay, np.zeros(shape, np.int64)), (post, pre[chosen]), weights)
    return found
