"""Commands, called as a shell would, and the small task that most of them are tested on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from lsm_deploy.cli import main

SPEC = """
dt_ms: 1.0
seed: 4
input:
  channels: 3
  encoder: {kind: rate, frame_ms: 5.0, max_rate_hz: 300.0}
populations:
  liquid:
    size: 24
    inhibitory_fraction: 0.25
    neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}
projections:
  - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 2}, weight: 0.12}
  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, probability: 0.2}, weight: 0.05, delay_ms: 2.0}
readout:
  population: liquid
  features: {kind: bins, bins: 2}
  folds: 3
data: {train: train.npz, test: test.npz}
"""


def frames(seed: int, samples: int = 18) -> tuple[np.ndarray, np.ndarray]:
    """Three classes: the channel that is strong."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % 3
    values = rng.random((samples, 8, 3)) * 0.5
    values[np.arange(samples), :, labels] += 0.5
    return values, labels


def call(*arguments: Any, status: int | None = 0) -> Result:
    """What a command printed; status: how it must end, if that matters."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert status in (None, result.exit_code), result.output
    return result


def facts(*arguments: Any, status: int = 0) -> Any:
    return json.loads(call(*arguments, "--json", status=status).stdout)
