"""Signals that drift, and readouts that follow them or do not: `make drift`.

A liquid hears a slow random signal u, coded by ten channels, a bin of 20 ms at a time through the stepping interface.
Its readout gives, in each bin, a nonlinear function of what was heard in the last three (after NARMA: Atiya & Parlos,
IEEE Trans. Neural Networks 11, 2000). Half-way something drifts, at once:

    mapping   the function that is asked for becomes another one
    input     the sensor changes: its gain falls and it is offset, so that every field of the code hears something else

Readouts: ridge on the first quarter as a batch; recursive least squares, which learns from every bin once it has
answered, without forgetting and with. Errors are root mean squares in deviations of the target: 1 is what its mean
would have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

import lsm_deploy as ld
from bench.experiment import finish, parser_of
from lsm_deploy.measure.uncertainty import Difference, Spread
from lsm_deploy.report.blocks import Block, Line, right, table
from lsm_deploy.report.markdown import to_markdown

Floats = NDArray[np.float64]
Drift = Literal["mapping", "input"]
DRIFTS: tuple[Drift, ...] = get_args(Drift)

CHANNELS, BIN, RATE = 10, 20, 0.2
FORGETTING = 0.997
SPEC = """
dt_ms: 1.0
seed: {seed}
input: {{channels: 10}}
populations:
  liquid:
    size: 100
    inhibitory_fraction: 0.2
    neuron: {{kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 5.0}}
projections:
  - {{source: input, target: liquid, topology: {{kind: erdos_renyi, in_degree: 2}}, weight: 0.12}}
  - {{source: liquid, target: liquid, topology: {{kind: erdos_renyi, in_degree: 8}}, weight: 0.03, delay_ms: 20.0}}
target: {{board: none}}
"""


@dataclass(frozen=True)
class Errors:
    """Of the half before the drift its second part; the first twentieth after it; and the last quarter of all."""

    before: float
    just_after: float
    later: float


def signal(bins: int, seed: int) -> Floats:
    """A smooth random signal in 0 .. 1."""
    noise = np.random.default_rng([seed, 1]).normal(size=bins)
    u = np.zeros(bins)
    for k in range(1, bins):
        u[k] = 0.8 * u[k - 1] + 0.6 * noise[k]
    return 1 / (1 + np.exp(-1.5 * u))


def targets(u: Floats, changed: NDArray[np.bool_]) -> Floats:
    """What is asked for in each bin, where the mapping is the old one, and where it has changed."""
    one, two = np.roll(u, 1), np.roll(u, 2)
    first = 0.6 * u + 0.4 * one + 0.8 * u * two
    other = 1.2 - 0.8 * u - 0.3 * one - 0.7 * u * two
    return np.where(changed, other, first)


def hear(u: Floats, seed: int) -> Iterator[NDArray[np.int8]]:
    """Input spikes `[step, channel]` of each bin: overlapping fields along the signal."""
    rng = np.random.default_rng([seed, 2])
    centres = np.linspace(0, 1, CHANNELS)
    for value in u:
        yield (rng.random((BIN, CHANNELS)) < RATE * np.exp(-((value - centres) ** 2) / 0.02)).astype(np.int8)


def states(u: Floats, seed: int) -> Floats:
    """What a readout sees at the end of each bin `[bin, neuron]`: spike counts that halve from bin to bin."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "drift.yaml"
        file.write_text(SPEC.format(seed=seed))
        session = ld.start("fast", ld.compile_spec(ld.load(file)).program)
    seen, rows = np.zeros(100), []
    for spikes in hear(u, seed):
        seen = seen / 2 + session.run(spikes)[0].sum(axis=0)
        rows.append(seen)
    return np.array(rows)


def errors(drift: Drift, bins: int, seed: int) -> dict[str, Errors]:
    """How far each readout is off, in the three stretches of one run."""
    half, u = bins // 2, signal(bins, seed)
    changed = np.arange(bins) >= half
    heard = np.where(changed, 0.25 + 0.5 * u, u) if drift == "input" else u
    x, y = states(heard, seed), targets(u, changed if drift == "mapping" else np.zeros(bins, bool))
    taught = slice(0, half // 2)
    x = StandardScaler().fit(x[taught]).transform(x)
    given = {
        "batch": RidgeCV(np.logspace(-1, 4, 11)).fit(x[taught], y[taught]).predict(x),
        "online, nothing forgotten": ld.OnlineRegressor(1.0, regularisation=10.0).follow(x, y),
        f"online, forgetting {FORGETTING}": ld.OnlineRegressor(FORGETTING, regularisation=10.0).follow(x, y),
    }
    stretches = slice(half // 2, half), slice(half, half + bins // 20), slice(bins - bins // 4, bins)
    return {name: Errors(*(_error(out[part], y[part]) for part in stretches)) for name, out in given.items()}


def _error(given: Floats, asked: Floats) -> float:
    return float(np.sqrt(np.mean((given - asked) ** 2)) / asked.std())


def main() -> None:
    options = parser_of("drift", "readouts of signals that drift", "three liquids, short signals").parse_args()
    seeds, bins = (3, 2000) if options.quick else (8, 6000)
    blocks: list[Block] = []
    facts: dict[str, dict[str, dict[str, Spread]]] = {}
    for drift in DRIFTS:
        measured = [errors(drift, bins, seed) for seed in range(seeds)]
        facts[drift] = {
            name: {each.name: Spread.of([getattr(e[name], each.name) for e in measured]) for each in fields(Errors)}
            for name in measured[0]
        }
        first = next(iter(facts[drift]))
        rows = [
            [name, *map(_interval, stretches.values()), "-" if name == first else _less(measured, first, name)]
            for name, stretches in facts[drift].items()
        ]
        title = f"Drift of the {drift}: {seeds} liquids and signals of {bins} bins, error ± 95 % interval over both."
        blocks += [
            Line(title),
            table(
                [
                    "readout",
                    *right(*(each.name.replace("_", " ") for each in fields(Errors))),
                    f"later, less than {first}",
                ],
                rows,
            ),
        ]
    text = to_markdown(blocks)
    plain = {d: {n: {s: asdict(e) for s, e in of.items()} for n, of in each.items()} for d, each in facts.items()}
    finish(options, "drift", text, plain)


def _interval(error: Spread) -> str:
    assert error.high is not None, "three seeds at the least"
    return f"{error.mean:.2f} ± {error.high - error.mean:.2f}"


def _less(measured: list[dict[str, Errors]], first: str, name: str) -> str:
    """How much less the error is at last, paired: of the same liquids and signals."""
    of = Spread.of([each[first].later - each[name].later for each in measured])
    assert of.low is not None
    assert of.high is not None
    return f"{of.mean:.2f} ({of.low:.2f} to {of.high:.2f}): {Difference(of.mean, of.low, of.high).says}"


if __name__ == "__main__":
    main()
