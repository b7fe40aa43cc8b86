"""What other people's exporters write: python exporters.py TOOL FOLDER, under a Python that has the tool.

Small nets of random weights, 12 inputs to 20 to 5 neurons, by each tool's own NIR export: FOLDER/<net>.nir, and beside
it <net>.npz with `input` [t, channel], `output` [t, neuron] of the tool's own simulation, and `said`, which is how
`read_network` has to be told to read it. What fails is in FOLDER/failed.json, by net.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import nir  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

INPUT = (np.random.default_rng(5).random((120, 12)) < 0.15).astype(np.int8)
X = torch.tensor(INPUT, dtype=torch.float32)
Made = tuple[Any, Any]
"""The graph, and spikes [t, neuron]."""
Net = tuple[str, dict[str, Any], Callable[[], Made]]


def weights(post: int, pre: int, gain: float) -> Any:
    drawn = np.random.default_rng([post, pre]).normal(0.15, 1, (post, pre)) * gain / np.sqrt(pre)
    return torch.tensor(drawn, dtype=torch.float32)


def linear(post: int, pre: int, gain: float, bias: bool = True) -> Any:
    made = torch.nn.Linear(pre, post, bias=bias)
    made.weight.data = weights(post, pre, gain)
    if bias:
        made.bias.data = weights(post, 1, 0.02)[:, 0]
    return made


def stepped(step: Callable[[Any], Any]) -> Any:
    with torch.no_grad():
        return np.array([step(row[None])[0].numpy().ravel() for row in X])


def snntorch() -> Iterator[Net]:
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    def make(neuron: Any, factors: dict[str, float], scalar: bool = False, recurrent: bool = False, **how: Any) -> Made:
        def layer(size: int, cls: Any, **more: Any) -> Any:
            given = {name: value if scalar else torch.full((size,), value) for name, value in factors.items()}
            threshold = 1.0 if scalar else torch.ones(size)
            return cls(**given, threshold=threshold, init_hidden=True, **how, **more)

        cls, more = neuron, {}
        if recurrent:
            cls, more = {snn.Leaky: snn.RLeaky, snn.Synaptic: snn.RSynaptic}[neuron], {"linear_features": 20}
        net = torch.nn.Sequential(linear(20, 12, 1.5), layer(20, cls, **more), linear(5, 20, 1.5), layer(5, neuron))
        if recurrent:
            net[1].recurrent.weight.data = weights(20, 20, 0.5)
            net[1].recurrent.bias.data = weights(20, 1, 0.02)[:, 0]
        spikes = stepped(net)
        for layer_of_neurons in (net[1], net[3]):
            layer_of_neurons.reset_mem()
        return export_to_nir(net, X[:1], ignore_dims=[0]), spikes

    leaky, synaptic = {"beta": 0.9}, {"alpha": 0.6, "beta": 0.9}
    late = {"source": "snntorch", "reset": "subtract-delayed"}
    frozen = {"source": "snntorch", "reset": "zero-delayed"}
    at_once = {"source": "snntorch", "reset": "zero"}
    yield "Leaky, scalars", late, lambda: make(snn.Leaky, leaky, scalar=True)
    yield "Leaky, subtract", late, lambda: make(snn.Leaky, leaky)
    yield "Leaky, zero", at_once, lambda: make(snn.Leaky, leaky, reset_mechanism="zero")
    yield "RLeaky, subtract", late, lambda: make(snn.Leaky, leaky, recurrent=True)
    yield (
        "RLeaky, zero, no delay",
        at_once,
        lambda: make(snn.Leaky, leaky, recurrent=True, reset_mechanism="zero", reset_delay=False),
    )
    yield "Synaptic, subtract", late, lambda: make(snn.Synaptic, synaptic)
    yield "Synaptic, zero", frozen, lambda: make(snn.Synaptic, synaptic, reset_mechanism="zero")
    yield "RSynaptic, subtract", late, lambda: make(snn.Synaptic, synaptic, recurrent=True)
    yield "RSynaptic, zero", frozen, lambda: make(snn.Synaptic, synaptic, recurrent=True, reset_mechanism="zero")
    yield (
        "RSynaptic, zero, no delay",
        at_once,
        lambda: make(snn.Synaptic, synaptic, recurrent=True, reset_mechanism="zero", reset_delay=False),
    )


def norse() -> Iterator[Net]:
    import norse.torch as nt
    from norse.torch.functional.reset import reset_subtract
    from norse.torch.utils.export_nir import to_nir

    def make(gain: float, layer: Callable[[int], Any]) -> Made:
        net = nt.SequentialState(linear(20, 12, gain), layer(20), linear(5, 20, gain), layer(5))
        state: list[Any] = [None]

        def step(x: Any) -> Any:
            out, state[0] = net(x, state[0])
            return out

        return to_nir(net, X[:1]), stepped(step)

    def box(size: int, **more: Any) -> Any:
        named = {"tau_mem_inv": 100.0, "v_leak": 0.0, "v_th": 0.3, "v_reset": 0.0}
        return nt.LIFBoxCell(nt.LIFBoxParameters(**{k: torch.full((size,), v) for k, v in named.items()}, **more))

    def lif(size: int) -> Any:
        named = {"tau_syn_inv": 200.0, "tau_mem_inv": 100.0, "v_leak": 0.0, "v_th": 0.5, "v_reset": 0.0}
        return nt.LIFCell(nt.LIFParameters(**{k: torch.full((size,), v) for k, v in named.items()}))

    # Its exporter divides dt by 1 / tau, in seconds: what it writes is tau in milliseconds / 1e6, as if dt were 1e-6 s.
    said = {"source": "norse", "dt_ms": 1e-3, "reset": "zero"}
    yield "LIFBoxCell", said, lambda: make(4.0, box)
    yield (
        "LIFBoxCell, subtract",
        {**said, "reset": "subtract"},
        lambda: make(4.0, lambda size: box(size, reset_method=reset_subtract)),
    )
    yield "LIFCell", said, lambda: make(3.0, lif)
    yield "IAFCell", said, lambda: make(1.5, lambda size: nt.IAFCell(nt.IAFParameters(v_th=torch.ones(size))))
    yield "LIFRecurrentCell", said, lambda: make(3.0, lambda size: nt.LIFRecurrentCell(size, size))
    yield "LIFBoxCell, scalars", said, lambda: make(4.0, lambda size: nt.LIFBoxCell())


def sinabs() -> Iterator[Net]:
    import sinabs.activation as act
    import sinabs.layers as sl
    from sinabs.nir import to_nir

    def make(gain: float, layer: Callable[[int], Any]) -> Made:
        net = torch.nn.Sequential(linear(20, 12, gain), layer(20), linear(5, 20, gain), layer(5))
        with torch.no_grad():
            spikes = net(X).numpy()
        return to_nir(net, X), spikes

    def lif(size: int, **more: Any) -> Any:
        each = {name: torch.full((size,), value) for name, value in {"tau_mem": 10.0, "spike_threshold": 0.1}.items()}
        return sl.LIFSqueeze(batch_size=1, **each, **{"spike_fn": act.SingleSpike, **more})

    said = {"source": "sinabs"}
    yield (
        "IAFSqueeze",
        said,
        lambda: make(
            1.0, lambda size: sl.IAFSqueeze(batch_size=1, spike_fn=act.SingleSpike, spike_threshold=torch.ones(size))
        ),
    )
    yield "LIFSqueeze", said, lambda: make(1.0, lif)
    yield (
        "LIFSqueeze, reset",
        {**said, "reset": "zero"},
        lambda: make(1.0, lambda size: lif(size, reset_fn=act.MembraneReset())),
    )
    yield "LIFSqueeze, norm_input=False", said, lambda: make(0.1, lambda size: lif(size, norm_input=False))
    yield "LIFSqueeze, many spikes a step", said, lambda: make(3.0, lambda size: lif(size, spike_fn=act.MultiSpike))
    yield "LIFSqueeze, tau_syn", said, lambda: make(0.4, lambda size: lif(size, tau_syn=torch.full((size,), 5.0)))
    yield (
        "LIFRecurrent",
        said,
        lambda: (
            to_nir(torch.nn.Sequential(linear(20, 12, 1.0), sl.LIFRecurrent(10.0, torch.nn.Linear(20, 20))), X[None]),
            None,
        ),
    )


def spikingjelly() -> Iterator[Net]:
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    def make(gain: float, of: Callable[[int], Any]) -> Made:
        net = torch.nn.Sequential(layer.Linear(12, 20), of(20), layer.Linear(20, 5), of(5))
        for i, (post, pre) in ((0, (20, 12)), (2, (5, 20))):
            net[i].weight.data, net[i].bias.data = weights(post, pre, gain), weights(post, 1, 0.02)[:, 0]
        spikes = stepped(net)
        functional.reset_net(net)
        return export_to_nir(net, X[:1], dt=1e-4), spikes

    said = {"source": "spikingjelly"}
    yield "IFNode", said, lambda: make(1.5, lambda size: neuron.IFNode())
    yield "LIFNode", said, lambda: make(3.0, lambda size: neuron.LIFNode(tau=5.0, v_threshold=0.4))
    yield "LIFNode, decay_input=False", said, lambda: make(1.5, lambda s: neuron.LIFNode(tau=5.0, decay_input=False))
    yield "CUBALIFNode", said, lambda: make(1.0, lambda size: neuron.CUBALIFNode(c_decay=0.5, v_decay=0.75))
    yield "LIFNode, soft reset", said, lambda: make(1.0, lambda size: neuron.LIFNode(tau=5.0, v_reset=None))
    yield (
        "LinearRecurrentContainer",
        said,
        lambda: make(1.0, lambda size: layer.LinearRecurrentContainer(neuron.LIFNode(tau=5.0), size, size)),
    )


def rockpool() -> Iterator[Net]:
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules.torch import LIFNeuronTorch, LIFTorch, LinearTorch
    from rockpool.nn.modules.torch.nir import to_nir

    def make(gain: float, layer: Callable[[int], Any]) -> Made:
        first, last = LinearTorch((12, 20), has_bias=False), LinearTorch((20, 5), has_bias=False)
        first.weight.data, last.weight.data = weights(20, 12, gain).T.contiguous(), weights(5, 20, gain).T.contiguous()
        net = Sequential(first, layer(20), last, layer(5))
        with torch.no_grad():
            spikes = net(X[None])[0][0].numpy()
        return to_nir(net), spikes

    common = {"tau_mem": 0.02, "bias": 0.0, "threshold": 1.0, "dt": 1e-3, "max_spikes_per_dt": torch.tensor(1.0)}
    said = {"source": "rockpool", "dt_ms": 1.0}
    yield "LIFNeuronTorch", said, lambda: make(1.5, lambda size: LIFNeuronTorch(size, **common))
    yield "LIFTorch", said, lambda: make(0.6, lambda size: LIFTorch(size, tau_syn=0.01, **common))
    yield (
        "LIFTorch, many spikes a step",
        said,
        lambda: make(
            0.6, lambda size: LIFTorch(size, tau_syn=0.01, **{**common, "max_spikes_per_dt": torch.tensor(2.0**16)})
        ),
    )
    yield (
        "LIFTorch, bias",
        said,
        lambda: make(0.6, lambda size: LIFTorch(size, tau_syn=0.01, **{**common, "bias": 0.02})),
    )
    yield (
        "LIFTorch, recurrent",
        said,
        lambda: make(
            0.6, lambda size: LIFTorch(size, tau_syn=0.01, has_rec=True, w_rec=weights(size, size, 0.2), **common)
        ),
    )


def main(tool: str, folder: str) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    versions = ", ".join(f"{name} {version(name)}" for name in (tool, "nir", "nirtorch", "torch"))
    failed = {}
    for name, said, make in globals()[tool]():
        try:
            graph, spikes = make()
            nir.write(f"{folder}/{name}.nir", graph)
        except Exception as error:  # whatever other people's code raises is the result
            Path(f"{folder}/{name}.nir").unlink(missing_ok=True)
            failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            continue
        np.savez(f"{folder}/{name}.npz", input=INPUT, output=spikes, said=json.dumps(said))
    Path(f"{folder}/failed.json").write_text(json.dumps({"versions": versions, "failed": failed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
