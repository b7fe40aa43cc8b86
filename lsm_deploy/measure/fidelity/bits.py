"""The fewest bits a weight that keep a bound: every number of bits is compiled, run and measured.

Rounding does not get worse monotonically (at some number of bits the grid may suit the weights by luck), so nothing is
bisected: all eight are tried, and the answer is the fewest from which on every larger number keeps the bound as well.
More bits take more synapse memory: what has no room on the board is measured all the same, and marked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from lsm_deploy.compile.pipeline import Compiled
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import NOWHERE, Board
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.fixed import WEIGHT_BITS
from lsm_deploy.core.ir import Network, Projection, QNetwork
from lsm_deploy.core.progress import Pieces, Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.measure.fidelity.side_by_side import Baseline, measure_fidelity
from lsm_deploy.measure.fidelity.transfer import FloatReadout, Transfer, measure_transfer
from lsm_deploy.run.work import completed

__all__ = ["CRITERIA", "Bound", "Curve", "Fitted", "fit_bits"]

CRITERIA = ("distance", "accuracy", "retrained")
"""What can be bounded: the largest relative spike distance of a population; points of accuracy lost with the readout of
the float liquid as it is, and with one that is trained again."""


@dataclass(frozen=True)
class Bound:
    """A criterion and the most of it that is allowed."""

    criterion: str
    most: float

    @classmethod
    def parse(cls, text: str) -> Bound:
        """`accuracy:1.0` or the like."""
        criterion, _, number = text.partition(":")
        try:
            most = float(number)
        except ValueError:
            most = -1.0
        if criterion not in CRITERIA or not 0 <= most < float("inf"):
            raise MisuseError(f"{text!r} is no bound", hint=f"write {':NUMBER, '.join(CRITERIA)}:NUMBER")
        return cls(criterion, most)


@dataclass(frozen=True)
class Curve:
    """One number of bits: what it costs, and whether the bound holds."""

    bits: int
    distance: float
    rounded_to_zero: int
    transfer: Transfer | None
    value: float
    holds: bool
    fits: bool
    """Whether the board has room for it."""


@dataclass(frozen=True, repr=False)
class Fitted(Reported):
    """What each number of bits costs, and which is enough.

    bits: the fewest that keep the bound, or None. floor: what the liquid does to itself, where distance counts.
    """

    bound: Bound
    bits: int | None
    curve: Sequence[Curve]
    floor: float | None
    board: str


def fit_bits(
    compile_network: Callable[[Network], Compiled],
    bound: Bound,
    baseline: Baseline,
    float_readout: FloatReadout | None,
    progress: Progress | None = None,
    board: Board = NOWHERE,
    executor: Executor | None = None,
) -> Fitted:
    """Try every number of bits for all projections that are quantised, whatever they ask for themselves.

    compile_network need not place what it compiles; `board` says where it should fit. executor: where each number of
    bits is tried; here, one after another, if none is given.
    """
    if bound.criterion != "distance" and float_readout is None:
        raise MisuseError(
            f"a bound on {bound.criterion} needs data and a readout", where="spec", hint="bound the distance instead"
        )
    asked = _Asked(compile_network, bound, baseline, float_readout, board)
    pieces = Pieces(progress, WEIGHT_BITS)
    tried: dict[int, tuple[Curve, float | None]] = {}
    for index, point in completed(_tried, asked, range(WEIGHT_BITS, 0, -1), executor):
        tried[index] = point
        pieces.next()
    curve, floors = zip(*(tried[i] for i in range(WEIGHT_BITS)), strict=True)
    fewest = next((i for i, point in enumerate(curve) if not point.holds), len(curve))
    return Fitted(bound, curve[fewest - 1].bits if fewest else None, curve, floors[-1], board.name)


@dataclass(frozen=True)
class _Asked:
    """What all numbers of bits share."""

    compile_network: Callable[[Network], Compiled]
    bound: Bound
    baseline: Baseline
    float_readout: FloatReadout | None
    board: Board


def _tried(asked: _Asked, bits: int) -> tuple[Curve, float | None]:
    """What a number of bits comes to, and what the liquid does to itself, where it does."""
    network = replace(
        asked.baseline.network,
        projections=tuple(
            replace(p, weight_bits=bits) if isinstance(p, Projection) else p for p in asked.baseline.network.projections
        ),
    )
    compiled = asked.compile_network(network)
    fidelity = measure_fidelity(asked.baseline, compiled.program)
    distance = max(p.distance.relative for p in fidelity.populations)
    scores = measure_transfer(asked.float_readout, compiled.program) if asked.float_readout else None
    value = distance if scores is None else _value(asked.bound.criterion, distance, scores)
    lost = sum(q.rounded_to_zero for q in compiled.cost.projections)
    fits = _fits(compiled.program.network, asked.board)
    floors = [p.floor.relative for p in fidelity.populations if p.floor is not None]
    return Curve(bits, distance, lost, scores, value, value <= asked.bound.most, fits), max(floors, default=None)


def _fits(network: QNetwork, board: Board) -> bool:
    try:
        place_network(network, board)
    except LsmError:
        return False
    return True


def _value(criterion: str, distance: float, scores: Transfer) -> float:
    if criterion == "distance":
        return distance
    now = scores.unchanged if criterion == "accuracy" else scores.retrained
    # In whole samples, so that what is exactly at the bound keeps it.
    return 100 * (scores.floats.correct - now.correct) / now.samples
