"""A gated recurrent network of as many units as the liquid, all of whose weights are trained, by torch (an extra).

Backpropagation through spans of episodes, one after the other with the state of the one before, Adam, squared errors of
the teacher's commands in their deviations; each round of imitation goes on from the weights of the one before. It has
hundreds of times the trained weights of a readout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.control.episodes import Episode

__all__ = ["Gru", "missing"]

Floats = NDArray[np.float64]

EPOCHS, BATCH, SPAN, RATE = 40, 10, 50, 3e-3
"""Passes a round; episodes and steps that a gradient is of; Adam's, which falls to 0 in each round."""


def missing() -> str | None:
    """What keeps it from being trained here."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        return f"torch is not here ({error}; `pip install 'lsm-deploy[torch]'`)"
    return None


class Gru:
    def __init__(self, channels: int, units: int, seed: int) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self._cells = torch.nn.GRU(channels, units, batch_first=True)
        self._readout = torch.nn.Linear(units, 1)
        self._order = np.random.default_rng([seed, 2])

    def fit(self, episodes: Sequence[Episode]) -> GruController:
        import torch

        parameters = [*self._cells.parameters(), *self._readout.parameters()]
        optimiser = torch.optim.Adam(parameters, RATE)
        scale = float(np.concatenate([each.labels for each in episodes]).std())
        frames = [torch.tensor(each.frames, dtype=torch.float32) for each in episodes]
        labels = [torch.tensor(each.labels / scale, dtype=torch.float32) for each in episodes]
        padded = torch.nn.utils.rnn.pad_sequence
        for epoch in range(EPOCHS):
            for group in optimiser.param_groups:
                group["lr"] = RATE * (1 - epoch / EPOCHS)
            for which in np.array_split(self._order.permutation(len(episodes)), -(-len(episodes) // BATCH)):
                x = padded([frames[i] for i in which], batch_first=True)
                y = padded([labels[i] for i in which], batch_first=True)
                counts = padded([torch.ones(len(labels[i])) for i in which], batch_first=True)
                state = None
                for span in (slice(k, k + SPAN) for k in range(0, x.shape[1], SPAN)):
                    sent, state = self._cells(x[:, span], state)
                    state = state.detach()
                    off = self._readout(sent)[:, :, 0] - y[:, span]
                    loss = (counts[:, span] * off**2).sum() / counts[:, span].sum()
                    optimiser.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                    optimiser.step()
        return GruController(self._cells, self._readout, scale)


class GruController:
    """As it was trained so far: a copy."""

    def __init__(self, cells: Any, readout: Any, scale: float) -> None:
        import copy

        self._cells, self._readout, self._scale = copy.deepcopy(cells), copy.deepcopy(readout), scale
        self._state: Any = None

    def begin(self) -> None:
        self._state = None

    def act(self, frame: Floats) -> float:
        import torch

        with torch.no_grad():
            entering = torch.tensor(frame, dtype=torch.float32)[None, None]
            sent, self._state = self._cells(entering, self._state)
            return self._scale * float(self._readout(sent[0, 0]))
