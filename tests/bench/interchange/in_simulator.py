"""Run NIR graphs in a simulator of other people's: python in_simulator.py TOOL FOLDER, under a Python that has it.

Beside each FOLDER/<net>.nir is <net>.npz with `input` [t, channel], `reset` and `dt_s`; <net>.out.npz gets `spikes`
[t, neuron], and out.json `versions` and, by net, what failed. A graph is read by the simulator's own importer; what
that does not ask for is set on the neurons it made, and only that.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import nir  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402


def snntorch(graph: Any, reset: str, dt_s: float) -> Callable[[Any], Any]:
    """Its step is 1e-4 s, its spikes are of float32, and so is all of it.

    Its `import_from_nir` 1.0.0 loses recurrent weights, its own too: nirtorch no longer asks for a module of a
    subgraph. So its functions are called as that did before. RSynaptic cannot reset at once, with `reset_delay=False`.
    """
    import nirtorch
    from snntorch import RSynaptic
    from snntorch.import_nir import _nir_to_snntorch_module, _replace_rnn_subgraph_with_nirgraph

    graph = _replace_rnn_subgraph_with_nirgraph(graph)
    net = nirtorch.load(graph, lambda node: _nir_to_snntorch_module(node, init_hidden=True), return_state=False)
    mechanism, _, late = reset.partition("-")
    for module in net.modules():
        if hasattr(module, "reset_delay"):
            if isinstance(module, RSynaptic) and not late:
                raise NotImplementedError("its RSynaptic does not reset at once")
            module.reset_delay = bool(late)
            module.reset_mechanism = mechanism
            module.state_function = module._base_sub if mechanism == "subtract" else module._base_zero
    return lambda x: net(x.float())


def norse(graph: Any, reset: str, dt_s: float) -> Callable[[Any], Any]:
    import norse.torch as nt
    from norse.torch.functional.reset import reset_subtract, reset_value

    if reset.endswith("-delayed"):
        raise NotImplementedError(f"it resets at once, not {reset}")
    net = nt.from_nir(graph, dt=dt_s, reset_method={"zero": reset_value, "subtract": reset_subtract}[reset])
    net = net.double()
    state: list[Any] = [None]

    def step(x: Any) -> Any:
        out, state[0] = net(x, state[0])
        return out

    return step


def spikingjelly(graph: Any, reset: str, dt_s: float) -> Callable[[Any], Any]:
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    if reset != "zero":
        raise NotImplementedError(f"it resets to zero, not {reset}")
    net = import_from_nir(graph, dt=dt_s, dtype=torch.float64)
    state: list[Any] = [None]

    def step(x: Any) -> Any:
        out, state[0] = net(x, state[0])
        return out

    return step


def main(tool: str, folder: str) -> None:
    torch.set_num_threads(1)
    failed = {}
    for file in sorted(Path(folder).glob("*.nir")):
        data = np.load(file.with_suffix(".npz"))
        try:
            step = {"snntorch": snntorch, "norse": norse, "spikingjelly": spikingjelly}[tool](
                nir.read(file), str(data["reset"]), float(data["dt_s"])
            )
            with torch.no_grad():
                spikes = [
                    step(torch.tensor(row[None], dtype=torch.float64))[0].numpy().ravel() for row in data["input"]
                ]
        except Exception as error:  # whatever other people's code raises is the result
            failed[file.stem] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        np.savez(file.with_suffix(".out.npz"), spikes=np.array(spikes))
    versions = ", ".join(f"{name} {version(name)}" for name in (tool, "nir", "nirtorch", "torch"))
    (Path(folder) / "out.json").write_text(json.dumps({"versions": versions, "failed": failed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
