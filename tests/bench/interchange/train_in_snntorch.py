"""A recurrent net whose spikes subtract the threshold, trained in snnTorch: its NIR graph, and its spikes and answers.

python train_in_snntorch.py SAMPLES.npz GRAPH.nir RECORDED.npz EPOCHS, in a Python that has snnTorch and nir
"""

# mypy: ignore-errors

from __future__ import annotations

import sys

import nir
import numpy as np
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir

HIDDEN, ANSWERS, BATCH, AT_ONCE = 60, 7, 70, 300


def full(size, value):
    return torch.full((size,), value)


def at_rest(net):
    for neurons in (net[1], net[3]):
        neurons.mem, neurons.syn = torch.zeros(0), torch.zeros(0)
        if hasattr(neurons, "spk"):
            neurons.spk = torch.zeros(0)


def run(net, x):
    """Spikes of hidden and output neurons, `[sample, t, neuron]`."""
    at_rest(net)
    hidden, output = [], []
    for t in range(x.shape[1]):
        spikes = net[1](net[0](x[:, t]))
        hidden.append(spikes)
        output.append(net[3](net[2](spikes)))
    return torch.stack(hidden, 1), torch.stack(output, 1)


def main():
    samples, graph, recorded, epochs = sys.argv[1:]
    torch.manual_seed(1)
    torch.set_num_threads(1)
    with np.load(samples) as data:
        x, y = torch.tensor(data["frames"], dtype=torch.float32), torch.tensor(data["labels"].astype(np.int64))
    gradient = snn.surrogate.fast_sigmoid(5)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[2], HIDDEN),
        snn.RSynaptic(
            full(HIDDEN, 0.9), full(HIDDEN, 0.95), linear_features=HIDDEN, threshold=full(HIDDEN, 1.0),
            spike_grad=gradient, init_hidden=True,
        ),
        torch.nn.Linear(HIDDEN, ANSWERS),
        snn.Synaptic(
            full(ANSWERS, 0.8), full(ANSWERS, 0.95), threshold=full(ANSWERS, 1.0), spike_grad=gradient,
            init_hidden=True,
        ),
    )  # fmt: skip
    with torch.no_grad():
        for weight, factor in ((net[0].weight, 1.5), (net[1].recurrent.weight, 0.05), (net[2].weight, 1.5)):
            weight.mul_(factor)
    optimiser = torch.optim.Adam(net.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, int(epochs))
    for _ in range(int(epochs)):
        for some in torch.randperm(len(x)).split(BATCH):
            hidden, output = run(net, x[some])
            loss = torch.nn.functional.cross_entropy(output.sum(1) * 0.2, y[some])
            loss = loss + 2.0 * (hidden.mean() - 0.1).clamp(min=0)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
        schedule.step()
    with torch.no_grad():
        parts = [run(net, some) for some in x.split(AT_ONCE)]
    hidden, output = (torch.cat(each).numpy().astype(np.int8) for each in zip(*parts, strict=True))
    at_rest(net)
    nir.write(graph, export_to_nir(net, torch.zeros(1, x.shape[2]), ignore_dims=[0]))
    np.savez_compressed(recorded, hidden=hidden, output=output)


main()
