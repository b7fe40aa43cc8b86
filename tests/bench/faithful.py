"""What quantisation does to liquids, measured: `make faithful`.

    liquids       float and deployed at 8, 6 and 4 bits, with and without compensation; fast and slow neurons
    bits          a recurrent network of 400 neurons: the fewest bits that keep its float accuracy within a point
    slow          long runs of liquids by their time constants: what more scale, and then compensation, bring
    certificates  neurons proved by geometry and by intervals, and how near an adversarial search came to the bounds

The task is made here: each class is a smooth random path of some channels, each sample one of these with noise of its
own, cut into frames and rate-coded, so that the classes overlap and a damaged liquid shows.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsm_deploy.compile.build.network import build_network
from lsm_deploy.compile.certify.bounds import bounds_of
from lsm_deploy.compile.pipeline import compile_built
from lsm_deploy.core.ir import Network, Projection, QNetwork
from lsm_deploy.core.neurons import KINDS, membrane
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data import Frames, make_frames
from lsm_deploy.data.encoders import encode, fit_ranges, poisson_stimulus
from lsm_deploy.measure import fidelity
from lsm_deploy.measure.attack import attack
from lsm_deploy.report.blocks import Block, Column, Heading, table
from lsm_deploy.report.numbers import PERCENT
from lsm_deploy.report.text import to_text
from lsm_deploy.spec import Spec, load
from lsm_deploy.spec.schema import Quantise

CHANNELS, FRAMES, FRAME_MS, CLASSES = 10, 10, 10.0, 6
CONFIGS = Path(__file__).parents[2] / "configs"


@dataclass(frozen=True)
class Liquid:
    """tau_mem, tau_syn in ms; drive, recurrence: summed weights onto a neuron, in thresholds a second of PSP area."""

    name: str
    size: int
    kind: str
    tau_mem: float
    tau_syn: float
    drive: float
    recurrence: float
    in_degree: int = 20
    extra: str = ""

    @property
    def spec(self) -> str:
        # The area of a response is tau_mem * tau_syn: weights are such that slow and fast neurons are driven alike.
        area = self.tau_mem * self.tau_syn
        w_in, w = self.drive / area / 4, self.recurrence / area / self.in_degree
        return f"""
dt_ms: 1.0
seed: 7
input:
  channels: {CHANNELS}
  encoder: {{kind: rate, frame_ms: {FRAME_MS}, max_rate_hz: 200.0, range: [0.0, 1.0]}}
populations:
  liquid:
    size: {self.size}
    inhibitory_fraction: 0.2
    neuron:
      kind: {self.kind}
      tau_mem_ms: {{distribution: lognormal, mean: {self.tau_mem}, std: {self.tau_mem / 4}}}
      tau_syn_ms: {{distribution: lognormal, mean: {self.tau_syn}, std: {self.tau_syn / 4}}}
      {self.extra}
projections:
  - source: input
    target: liquid
    topology: {{kind: erdos_renyi, in_degree: 4}}
    weight: {{distribution: gamma, mean: {w_in}, std: {w_in / 2}}}
  - source: liquid
    target: liquid
    topology: {{kind: erdos_renyi, in_degree: {self.in_degree}}}
    weight: # balanced: a fifth of the neurons inhibit, four times as strongly
      EE: {{distribution: gamma, mean: {w}, std: {w}}}
      EI: {{distribution: gamma, mean: {w}, std: {w}}}
      IE: {{distribution: gamma, mean: {4 * w}, std: {4 * w}}}
      II: {{distribution: gamma, mean: {4 * w}, std: {4 * w}}}
    delay_ms: {{distribution: uniform, low: 0.0, high: 30.0}}
readout:
  population: liquid
  features: {{kind: traces, tau_ms: 50.0, samples: 1}}
  regularisation: [100.0, 1000.0, 10000.0]
  folds: 3
"""

    def load(self) -> Spec:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "spec.yaml"
            file.write_text(self.spec)
            return load(file)


def task(samples: int, seed: int, noise: float = 0.35) -> Frames:
    paths = np.random.default_rng(0).normal(size=(CLASSES, CHANNELS, 3))
    t = np.arange(FRAMES) / FRAMES
    waves = np.stack([np.ones(FRAMES), np.cos(np.pi * t), np.sin(2 * np.pi * t)])
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % CLASSES
    values = 0.5 + 0.2 * (paths @ waves)[labels] + noise * rng.normal(size=(samples, CHANNELS, FRAMES))
    frames = np.clip(values, 0, 1).transpose(0, 2, 1).reshape(-1, CHANNELS)
    return make_frames(frames, np.arange(samples) * FRAMES, [str(label) for label in labels], f"task {seed}")


def some(frames: Frames, samples: int) -> Frames:
    stop = int(frames.starts[samples])
    return Frames(frames.frames[:stop], frames.starts[:samples], frames.labels[:samples], frames.source)


def with_bits(network: Network, bits: int) -> Network:
    projections = tuple(replace(p, weight_bits=bits) if isinstance(p, Projection) else p for p in network.projections)
    return replace(network, projections=projections)


# --- the tables -----------------------------------------------------------------------------------------------------

LIQUIDS = tuple(
    Liquid(f"{size} {name}", size, "LIF", *taus, drive, recurrence)
    for size in (256, 1000, 4000)
    for name, taus, drive, recurrence in (("fast", (20.0, 5.0), 26.0, 12.0), ("slow", (100.0, 50.0), 60.0, 20.0))
)


def liquids(chosen: tuple[Liquid, ...], samples: int) -> tuple[Block, ...]:
    rows = []
    for liquid in chosen:
        spec = liquid.load()
        network, train, test = build_network(spec), task(samples, 1), task(samples, 2)
        program = compile_built(network).program
        taught = fidelity.teach(spec, network, program, train, test)
        part = encode(spec.input, fit_ranges(train, spec.input), some(test, 30), 1.0, spec.seed)
        baseline = fidelity.baseline_of(network, part, repeats=2)
        for bits in (8, 6, 4):
            for compensate in (False, True):
                compiled = compile_built(with_bits(network, bits), how=Quantise(compensate=compensate))
                found = fidelity.measure_fidelity(baseline, compiled.program).populations[0]
                scores = fidelity.measure_transfer(taught, compiled.program)
                assert found.floor is not None
                rows.append(
                    [
                        liquid.name,
                        bits,
                        "on" if compensate else "off",
                        (found.before.rate_hz, found.after.rate_hz),
                        found.rate_change_hz,
                        found.distance.relative,
                        found.floor.relative,
                        found.distance.correlation or 0,
                        scores.floats.accuracy,
                        scores.shaken.accuracy if scores.shaken else None,
                        scores.unchanged.accuracy,
                        scores.retrained.accuracy,
                    ]
                )
                print(".", end="", file=sys.stderr, flush=True)
    columns = [
        "liquid",
        "bits",
        "compensation",
        Column("rate Hz", "{:.2f} -> {:.2f}"),
        Column("|change|", "{:.2f}"),
        *(Column(name, "{:.3f}") for name in ("distance", "floor", "correlation")),
        *(Column(name, PERCENT) for name in ("float", "moved", "its readout", "retrained")),
    ]
    return Heading(f"float and deployed; accuracy on {samples} samples"), table(columns, rows)


TAUS = ((10.0, 2.0), (20.0, 5.0), (20.0, 100.0), (50.0, 50.0), (200.0, 5.0), (200.0, 30.0), (200.0, 100.0),
        (1000.0, 200.0))  # fmt: skip


def slow_neurons(seeds: int) -> tuple[Block, ...]:
    rows = []
    for tau_mem, tau_syn in TAUS:
        spec = Liquid("", 300, "LIF", tau_mem, tau_syn, 36.0, 18.0).load()
        network, found = build_network(spec), []
        for seed in range(seeds):
            stimulus = poisson_stimulus(CHANNELS, 1000, 60.0, 1.0, seed)
            baseline = fidelity.baseline_of(network, stimulus, seed, repeats=1)
            row = []
            for least, compensate in ((membrane.THRESHOLD_HEADROOM, False), (_LEAST, False), (_LEAST, True)):
                membrane.LEAST_HEADROOM = least  # as it was before slow neurons gave any, and as it is
                compiled = compile_built(network, how=Quantise(compensate=compensate))
                (p,) = fidelity.measure_fidelity(baseline, compiled.program).populations
                row += [p.rate_change_hz, p.distance.relative]
            assert p.floor is not None
            found.append([p.before.rate_hz, p.floor.relative, *row, compiled.cost.populations[0].compensation])
        rate, floor, *figures, gain = np.mean(found, axis=0)
        pairs = [f"{figures[i]:.2f}, {figures[i + 1]:.3f}" for i in (0, 2, 4)]
        rows.append([f"{tau_mem:g}, {tau_syn:g}", f"{rate:.1f}", f"{floor:.3f}", *pairs, f"{gain:.4f}"])
        print(".", end="", file=sys.stderr, flush=True)
    columns = ["tau_mem, tau_syn ms", "rate Hz", "floor", "as before", "more scale", "and compensated", "gain"]
    title = f"|change of rate| Hz and distance in runs of a second, 8 bits, means of {seeds}"
    return Heading(title), table(columns, rows)


_LEAST = membrane.LEAST_HEADROOM


def fewest_bits(samples: int) -> tuple[Block, ...]:
    spec = Liquid("400", 400, "LIF", 30.0, 8.0, 32.0, 15.0).load()
    network, train, test = build_network(spec), task(samples, 1), task(3 * samples, 2)
    program = compile_built(network).program
    taught = fidelity.teach(spec, network, program, train, test)
    part = encode(spec.input, fit_ranges(train, spec.input), some(test, 30), 1.0, spec.seed)
    baseline = fidelity.baseline_of(network, part, repeats=2)
    fitted = fidelity.fit_bits(compile_built, fidelity.Bound("accuracy", 1.0), baseline, taught)
    rows = [
        [
            c.bits,
            c.distance,
            c.rounded_to_zero,
            c.transfer.unchanged.accuracy,
            c.transfer.retrained.accuracy,
            "yes" if c.holds else "no",
        ]
        for c in fitted.curve
        if c.transfer is not None
    ]
    accuracies = (Column(name, "{:.2%}") for name in ("its readout", "retrained"))
    columns = ["bits", Column("distance", "{:.3f}"), "to zero", *accuracies, "within a point"]
    assert taught.shaken is not None
    title = (
        f"400 neurons, accuracy on {test.samples} samples: float {taught.score.accuracy:.2%}, and "
        f"{taught.shaken.accuracy:.2%} with an input spike a sample moved; fewest bits: {fitted.bits}"
    )
    return Heading(title), table(columns, rows)


STRONG = tuple(
    Liquid(f"{kind} {name}", 400, kind, *taus, drive, recurrence, extra=extra)
    for name, kind, taus, drive, recurrence, extra in (
        ("", "LIF", (20.0, 20.0), 400.0, 400.0, ""),
        ("weakly driven", "LIF", (5.0, 100.0), 30.0, 30.0, ""),
        ("2 ms", "LIFRefractory", (20.0, 20.0), 400.0, 400.0, "t_refractory_ms: 2.0"),
        ("5 ms", "LIFRefractory", (20.0, 20.0), 400.0, 400.0, "t_refractory_ms: 5.0"),
        ("5 ms, stronger", "LIFRefractory", (20.0, 20.0), 400.0, 1600.0, "t_refractory_ms: 5.0"),
    )
)


def certificates(rounds: int) -> tuple[Block, ...]:
    named = [(liquid.name, liquid.load()) for liquid in STRONG]
    named += [(file.stem, load(file)) for file in sorted(CONFIGS.glob("*.yaml")) if file.stem != "japanese_vowels"]
    rows = []
    for name, spec in named:
        compiled = compile_built(build_network(spec), how=spec.quantise)
        certificate = compiled.certificate
        geometric = bound_by_geometry(compiled.program.network)
        found = attack(compiled.program, certificate, rounds)
        price = compile_built(build_network(spec), how=Quantise(certified=True)).price
        assert price is not None
        held = bool((found.reached <= certificate.largest_u)[certificate.certified].all())
        scales = [after / before for before, after in price.scales.values()]
        lost = [after - before for before, after in price.snr_db.values() if before is not None and after is not None]
        rows.append(
            [
                name,
                len(certificate.certified),
                float(certificate.by_geometry.mean()),
                float(certificate.certified.mean()),
                float(np.median(certificate.largest_u / geometric)),
                float(found.share.max()),
                float(np.median(found.share)),
                "yes" if held else "NO",
                price.certified[1] / len(certificate.certified),
                min(scales, default=1.0),
                min(lost, default=0.0),
            ]
        )
        print(".", end="", file=sys.stderr, flush=True)
    columns = [
        "network",
        "neurons",
        Column("by geometry", PERCENT),
        Column("by intervals", PERCENT),
        Column("bound, of the old", "{:.2f}"),
        Column("reached: most", PERCENT),
        Column("median", PERCENT),
        "held",
        Column("--certified", PERCENT),
        Column("its scale", "{:.2f}"),
        Column("SNR dB", "{:+.1f}"),
    ]
    return Heading(f"certificates, and {rounds} rounds of 32 inputs against each"), table(columns, rows)


def bound_by_geometry(network: QNetwork) -> Floats:
    """The bound on registers where every source may spike in every step."""
    _, current = bounds_of(network, np.ones(network.neurons, np.int64))
    bounds = np.zeros(network.neurons)
    for p in network.populations:
        here = network.columns(p.name)
        bounds[here] = KINDS[p.kind].largest_register(p.registers, current[:, here].max(axis=0))
    return np.maximum(bounds, 1.0)


def run(quick: bool) -> None:
    start = time.perf_counter()
    _show(liquids(LIQUIDS[:2] if quick else LIQUIDS, 60 if quick else 300))
    _show(slow_neurons(1 if quick else 4))
    _show(fewest_bits(60 if quick else 600))
    _show(certificates(2 if quick else 20))
    print(f"{time.perf_counter() - start:.0f} s")


def _show(blocks: Iterable[Block]) -> None:
    print(to_text(blocks), end="", flush=True)


if __name__ == "__main__":
    run("--quick" in sys.argv[1:])
