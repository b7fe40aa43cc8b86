"""A small task and its spec, which trained liquids are tested on: two slow waves, told apart by their phase."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsm_deploy.data import Frames, make_frames
from lsm_deploy.spec import Spec, load

SPEC = """
dt_ms: 1.0
seed: 4
input:
  channels: 2
  encoder: {{kind: gaussian_population, frame_ms: 5.0, neurons: 5, code: rate, max_rate_hz: 600.0}}
populations:
  liquid:
    size: 40
    inhibitory_fraction: 0.25
    neuron: {{kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}}
  other:
    size: 12
    neuron: {{kind: LIF, tau_mem_ms: 10.0, tau_syn_ms: 4.0}}
projections:
  - {{source: input, target: liquid, topology: {{kind: erdos_renyi, in_degree: 3}}, weight: 0.2}}
  - {{source: input, target: other, topology: {{kind: erdos_renyi, in_degree: 3}}, weight: 0.2}}
  - source: liquid
    target: liquid
    topology: {{kind: erdos_renyi, in_degree: 5}}
    weight: 0.05
    delay_ms: 3.0
readout:
  population: {read}
  features: {features}
  regularisation: [1.0, 10.0, 100.0]
  folds: 3
samples: {samples}
"""

FRESH, INTERVAL = "{policy: fresh}", "{policy: interval, steps: 40}"


def spec(folder: Path, *, features: str = "{kind: bins, bins: 2}", samples: str = FRESH, read: str = "liquid") -> Spec:
    file = folder / "spec.yaml"
    file.write_text(SPEC.format(features=features, samples=samples, read=read))
    return load(file)


def waves(each: int, seed: int, classes: int = 3, noise: float = 0.6) -> Frames:
    """Samples of 4 to 8 frames."""
    rng = np.random.default_rng(seed)
    samples, labels = [], []
    for i in range(classes * each):
        t = np.arange(rng.integers(4, 9))
        phase = 6.3 / classes * (i % classes)
        sample = np.stack([np.sin(t + phase), np.cos(0.7 * t + phase)], axis=1)
        samples.append(sample + noise * rng.normal(size=sample.shape))
        labels.append("abcdefghij"[i % classes])
    lengths = [len(sample) for sample in samples]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return make_frames(np.concatenate(samples), starts, labels, f"waves {seed}")
