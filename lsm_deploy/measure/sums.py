"""How sure a figure is that is no share of right answers: an error, a skill, a correlation over years or sequences.

Such a figure is a function of sums over units (squared errors of each year, say), so a bootstrap draws units anew, with
all that was summed in them, and computes the figure of what it drew. Units are to be as long as errors depend on each
other: frames of a series do, and drawn one by one they would claim more than there is (Kunsch, The jackknife and the
bootstrap for general stationary observations, Ann. Stat. 17, 1989). Liquids are drawn at once with units, and intervals
widened, as `uncertainty` does; all that is compared is drawn alike, so that a difference is paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lsm_deploy.core.errors import MisuseError
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.measure.uncertainty import FEWEST, Difference, Draws

__all__ = ["Figure", "Sums"]


@dataclass(frozen=True)
class Figure:
    """A figure of sums: `of` takes `[..., sum]`, and returns `[...]`.

    ends: what it can be at least, and at most. less_is_better: as of an error.
    """

    of: Callable[[Floats], Floats]
    ends: tuple[float, float] = (-math.inf, math.inf)
    less_is_better: bool = False


class Sums:
    """What answers summed up over the same units, with intervals of figures, means over liquids, over both."""

    def __init__(self, sums: Mapping[str, Floats], units: str = "units") -> None:
        """sums: by what answered, `[liquid, unit, sum]`; of one row where it depends on no liquid. units: what they are
        called. A MisuseError where there is nothing, or where some answered other units, or as many liquids neither as
        others nor one."""
        self.sums, self.units = {name: np.array(each, np.float64) for name, each in sums.items()}, units
        shapes = {name: each.shape for name, each in self.sums.items()}
        liquids = max((shape[0] for shape in shapes.values() if shape), default=0)
        units_of = {shape[1:] for shape in shapes.values()}
        fitting = (len(shape) == 3 and 0 not in shape and shape[0] in (1, liquids) for shape in shapes.values())
        if len(units_of) != 1 or not all(fitting):
            said = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items()) or "of nothing"
            hint = "give each as [liquid, unit, sum], of all liquids or of one, of the same units"
            raise MisuseError(f"sums have shapes {said}", hint=hint)
        if wrong := [name for name, each in self.sums.items() if not np.isfinite(each).all()]:
            what = f"sums of {', '.join(wrong)} are not all finite"
            raise MisuseError(what, hint="leave out what has no figure, of all that is compared")
        self.draws = Draws(liquids, next(iter(units_of))[0])
        self._known: dict[Figure, dict[str, Floats]] = {}

    @property
    def over(self) -> str:
        """What intervals are over."""
        return self.draws.over(self.units)

    def value(self, name: str, figure: Figure) -> float:
        """The figure over all units, the mean over liquids."""
        return float(self._of_liquids(name, figure).mean())

    def interval(self, name: str, figure: Figure) -> tuple[float, float]:
        """The 95 % interval of it."""
        low, high = self._between(self._drawn(figure)[name], self._of_liquids(name, figure))
        return max(low, figure.ends[0]), min(high, figure.ends[1])  # of one or two units, all that it can be

    def difference(self, name: str, other: str, figure: Figure) -> Difference:
        """How much better one is than the other, of an error how much less: paired, the means over liquids."""
        sign, drawn = -1.0 if figure.less_is_better else 1.0, self._drawn(figure)
        of_liquids = self._of_liquids(name, figure) - self._of_liquids(other, figure)
        low, high = self._between(sign * (drawn[name] - drawn[other]), sign * of_liquids)
        return Difference(sign * float(of_liquids.mean()), low, high)

    def _of_liquids(self, name: str, figure: Figure) -> Floats:
        return figure.of(self.sums[name].sum(axis=1))

    def _drawn(self, figure: Figure) -> dict[str, Floats]:
        """By what answered, the figure of each draw."""
        if figure not in self._known:
            figures: dict[str, list[Floats]] = {name: [] for name in self.sums}
            for liquids, units in self.draws.weights():
                for name, some in figures.items():
                    # [draw, liquid, sum]
                    summed = np.einsum("du,lus->dls", units, self.sums[name], optimize=True)
                    some.append(self.draws.mean(figure.of(summed), liquids))
            self._known[figure] = {name: np.concatenate(some) for name, some in figures.items()}
        return self._known[figure]

    def _between(self, draws: Floats, liquids: Floats) -> tuple[float, float]:
        if self.draws.units < FEWEST:
            return -math.inf, math.inf
        interval = self.draws.between(draws, liquids)
        if interval is None:
            raise MisuseError("the figure is no number in any draw", hint="give a figure of sums that is one")
        return interval
