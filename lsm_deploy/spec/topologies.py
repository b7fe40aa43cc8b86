"""Who is joined to whom: one frozen dataclass a topology."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Le
from pydantic import Field

from lsm_deploy.spec.values import Count, Flag, Integer, PerTypeProbability, Positive, Probability, forbid_unknown

__all__ = [
    "AllToAll",
    "ErdosRenyi",
    "Explicit",
    "Maass",
    "OneToOne",
    "Ring",
    "Topology",
    "WattsStrogatz",
]


@dataclass(frozen=True)
class AllToAll:
    """Each source to each target; to itself with `self_connections` only."""

    kind: Literal["all_to_all"]
    self_connections: Flag = False


@dataclass(frozen=True)
class OneToOne:
    """Each source to the target of the same number; both populations are of one size."""

    kind: Literal["one_to_one"]


@dataclass(frozen=True)
class ErdosRenyi:
    """Each pair with `probability`, or exactly `in_degree` distinct sources for every target."""

    kind: Literal["erdos_renyi"]
    probability: Probability | None = None
    in_degree: Count | None = None
    self_connections: Flag = False

    def __post_init__(self) -> None:
        if (self.probability is None) == (self.in_degree is None):
            raise ValueError("give either probability or in_degree")


@dataclass(frozen=True)
class WattsStrogatz:
    """A directed small world: a ring of `neighbours` (half each side), each edge's source redrawn with `rewire`.

    Watts & Strogatz, Nature 393 (1998).
    """

    kind: Literal["watts_strogatz"]
    neighbours: Annotated[Integer, Ge(2)]
    rewire: Probability

    def __post_init__(self) -> None:
        if self.neighbours % 2:
            raise ValueError(f"neighbours is {self.neighbours}; half of them lie on each side, so it must be even")


@dataclass(frozen=True)
class Ring:
    """Each neuron to its next `neighbours`; `both` ways, or `forward` only (Rodan & Tino's cycle reservoir, 2011)."""

    kind: Literal["ring"]
    neighbours: Count = 1
    direction: Literal["both", "forward"] = "both"


@dataclass(frozen=True)
class Maass:
    """A 3-D column: probability C * exp(-(distance / lambda)**2). Maass, Natschlaeger & Markram, Neural Comp. (2002).

    Their C: EE 0.3, EI 0.2, IE 0.4, II 0.1; lambda 2; distances in grid units. No synapse is longer than `cutoff`, left
    out: 6 lambda. The error of that, the expected share of synapses lost, is reported: about 2e-15 at 6 lambda, 5e-7
    at 4, 0.044 % at 3, 4.6 % at 2 in an unbounded column; a grid has fewer far pairs.
    """

    kind: Literal["maass"]
    length: Annotated[Positive, Field(alias="lambda")]
    scale: Annotated[PerTypeProbability, Field(alias="C")]
    cutoff: Positive | None = None

    @property
    def reach(self) -> float:
        """The length of the longest synapse, in grid units."""
        return 6 * self.length if self.cutoff is None else self.cutoff


@dataclass(frozen=True)
class Explicit:
    """Weights `[post, pre]` from a file: a scipy sparse `.npz`, or an `.npz` with `weights` and perhaps `delays`.

    Delays in a file are in steps. exact: the weights are the chip's integers, `weight << weight_exp`.
    """

    kind: Literal["explicit"]
    file: Path
    exact: Flag = False
    weight_exp: Annotated[Integer, Ge(0), Le(7)] = 0

    def __post_init__(self) -> None:
        if self.weight_exp and not self.exact:
            raise ValueError("weight_exp belongs to exact weights; otherwise quantisation chooses it")


Topology: TypeAlias = Annotated[
    AllToAll | OneToOne | ErdosRenyi | WattsStrogatz | Ring | Maass | Explicit, Field(discriminator="kind")
]


forbid_unknown(globals())
