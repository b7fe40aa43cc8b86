"""The series that are data sets, and which parameters of `data` each of them takes."""

from __future__ import annotations

from lsm_deploy.spec.schema import Data

__all__ = ["CUT", "SERIES", "mistakes_of_series"]

CUT = ("length", "skip", "train_size", "test_size", "warm_up")
"""What every series takes."""
SERIES: dict[str, tuple[str, ...]] = {
    "mackey_glass": ("step", "tau", "past"),
    "lorenz": ("step",),
    "narma10": ("seed",),
    "laser": (),
    "el_nino": (),
    "sunspots": (),
}
"""What each takes beside."""


def mistakes_of_series(data: Data) -> list[tuple[str, str, str]]:
    """The fields that do not go with the data set or each other, each with what is wrong and a way out."""
    name = data.dataset if data.dataset is not None else "files"
    takes = (*CUT, *SERIES[name]) if name in SERIES else ()
    mistakes = []
    for field in dict.fromkeys((*CUT, *(each for own in SERIES.values() for each in own))):
        if getattr(data, field) is not None and field not in takes:
            owners = [series for series, own in SERIES.items() if field in own] or ["a series"]
            known = f"; {name} takes {', '.join(takes)}" if takes else ""
            mistakes.append((field, f"{field} belongs to {' and '.join(owners)}, not to {name}", f"remove it{known}"))
    shares = [size for size in (data.train_size, data.test_size) if isinstance(size, float)]
    if sum(shares) > 1:
        what = f"shares of {shares[0]:g} and {shares[1]:g} are more than all"
        mistakes.append(("test_size", what, "make it smaller"))
    return mistakes
