"""The networks that are timed: one axis at a time around the main case, and who takes part in each."""

from __future__ import annotations

from dataclasses import replace

from bench.network import Case

__all__ = ["AXES", "cases"]

ALL = (
    "fast",
    "emulator",
    "lava",
    "lava_dense",
    "brian_numpy",
    "brian_cython",
    "brian_cpp",
    "brian2_loihi",
    "nest",
    "nengo_loihi",
)
COMPILED = ("fast", "emulator", "lava_dense", "brian_cpp", "nest")
"""Those that a grid of a dozen networks can wait for; of Lava's two, the faster in the main case."""
SPARSE = ("fast", "emulator", "lava", "brian_cpp", "nest")
LARGE = ("fast", "fast_one_thread", "brian_cpp", "nest")

AXES = {
    "main": "the main case",
    "batch": "samples side by side: fast on all cores, time per sample and step; others one after another",
    "large": "large networks, 100 synapses a neuron",
    "size": "neurons",
    "activity": "activity",
    "density": "density",
    "delays": "delays",
}


def cases(axes: tuple[str, ...], chosen: tuple[str, ...] | None = None, extra: tuple[str, ...] = ()) -> list[Case]:
    """The cases of these axes, in the order of `AXES`; beside `fast` with those of their peers that are `chosen`, or
    all, and with the `extra` ones."""
    every = [
        Case("main", "1000 neurons, 10 %, 5 % active", peers=ALL),
        *(Case("batch", f"{b} sample{'s' * (b > 1)}", batch=b, peers=("fast", "lava_dense")) for b in (1, 16, 64, 256)),
        Case("large", "100 000 × 100, 1 % active", 100_000, activity=0.01, peers=LARGE, reference="emulator"),
        # NEST takes some 400 bytes a synapse, and Brian writes gigabytes to compile against: 1e8 are for `fast` alone.
        Case("large", "1 000 000 × 100, 1 % active", 1_000_000, activity=0.01, peers=LARGE[:2]),
        Case("size", "100 neurons, 10 synapses each", neurons=100, degree=10, peers=COMPILED),
        Case("size", "10 000 neurons, 100 synapses each", neurons=10_000, peers=SPARSE),
        *(Case("activity", f"{100 * a:g} % active", activity=a, peers=COMPILED) for a in (0.005, 0.01, 0.2)),
        Case("density", "1 % (10 synapses each)", degree=10, peers=(*COMPILED, "lava")),
        Case("density", "100 % (1000 synapses each)", degree=1000, peers=(*COMPILED, "lava")),
        # brian2_loihi has one delay for all synapses of a group, nengo-loihi has none.
        Case("delays", "0 to 15 steps", max_delay=15, peers=SPARSE),
    ]
    unknown = set(axes) - set(AXES)
    if unknown:
        raise SystemExit(f"there is no axis {', '.join(sorted(unknown))}; there are {', '.join(AXES)}")
    if unknown := set(chosen or ()) - set(ALL):
        raise SystemExit(f"there is no peer {', '.join(sorted(unknown))}; there are {', '.join(ALL)}, or none")
    of_axes = [case for axis in AXES if axis in axes for case in every if case.axis == axis]
    if chosen is None and not extra:
        return of_axes
    return [replace(case, peers=(*_among(case.peers, chosen), *extra)) for case in of_axes]


def _among(peers: tuple[str, ...], chosen: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(name for name in peers if chosen is None or name in ("fast", *chosen))
