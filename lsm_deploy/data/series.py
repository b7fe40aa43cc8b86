"""Series as data: one long sample to train on, and one to test on, which follows it in time.

computed     mackey_glass, lorenz, narma10: `equations`
laser        intensities of a far-infrared laser, 10,093 of 8 bits: data set A of the Santa Fe competition. Hubner,
             Abraham & Weiss, Physical Review A 40 (1989). Found in an installed reservoirpy
el_nino      sea surface temperature in degrees C, each month from 1950 to 2010: 732. Found in an installed statsmodels
sunspots     their number in each year from 1700 to 2008: 309. Likewise
"""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lsm_deploy.core.errors import AbsentError, LsmError, MisuseError, raise_all, require_type
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.data.equations import LORENZ_GRID, MACKEY_GLASS_GRID, lorenz, mackey_glass, narma10
from lsm_deploy.data.frames import make_frames
from lsm_deploy.data.raw import Frames
from lsm_deploy.spec.schema import Data
from lsm_deploy.spec.series import SERIES, mistakes_of_series
from lsm_deploy.store.files import reading
from lsm_deploy.store.npz import read_array

__all__ = ["NEUROBENCH", "load_series", "neurobench_series"]

LENGTH = 5000
"""Frames of a series that is computed, where nothing says how many."""
TRAIN_SIZE = 0.7
MOST_STEPS = 2e7
"""Of integration: less than a minute."""


class _Series(NamedTuple):
    """Values `[frame, channel]`, perhaps with targets `[frame, output]`, and what both are called."""

    values: Floats
    names: tuple[str, ...]
    targets: Floats | None = None
    target_names: tuple[str, ...] = ()


def load_series(data: Data) -> tuple[Frames, Frames]:
    """The training and the test part of a series, one sample each; an LsmError says why it cannot be cut so."""
    require_type(data, Data, "data", "give the `data` of a spec, or `ld.neurobench_series()`")
    where = f"data set {data.dataset!r}"
    if data.dataset not in SERIES:
        raise LsmError(f"there is no series {data.dataset!r}", where="data", hint=f"choose from {', '.join(SERIES)}")
    raise_all([LsmError(what, where=where, hint=hint) for _, what, hint in mistakes_of_series(data)])
    skip = data.skip or 0
    series = _read(data, skip + _length(data))
    train, test = _cut(data, len(series.values) - skip, where)
    warm_up = data.warm_up or 0
    if warm_up > train:
        what = f"a warm-up of {warm_up} frames is longer than the training data, {train} frames"
        raise LsmError(what, where=where, hint="shorten `data: {warm_up: ...}`, or train on more")
    return (
        _part(series, slice(skip, skip + train), f"{data.dataset} train"),
        _part(series, slice(skip + train - warm_up, skip + train + test), f"{data.dataset} test"),
    )


def _length(data: Data) -> int:
    """Frames of a series that is computed."""
    if data.length is not None:
        return data.length
    sizes = [size for size in (data.train_size, data.test_size) if isinstance(size, int)]
    return sum(sizes) if len(sizes) == 2 else LENGTH


def _cut(data: Data, there: int, where: str) -> tuple[int, int]:
    """Frames of the training and of the test part, of those that are there."""
    length = there if data.length is None else data.length
    sizes = data.train_size, data.test_size
    train, test = (round(size * length) if isinstance(size, float) else size for size in sizes)
    if train is None:
        train = round(TRAIN_SIZE * length) if test is None else length - test
    test = length - train if test is None else test
    if length > there or train < 1 or test < 1 or train + test > length:
        asked = f"{train} to train on and {test} to test" if length <= there else f"{length} in all"
        what = f"{max(there, 0)} frames are there, {length} are used, and {asked} are asked for"
        raise LsmError(what, where=where, hint="give another train_size and test_size, another length, or skip fewer")
    return train, test


def _part(series: _Series, rows: slice, source: str) -> Frames:
    targets = None if series.targets is None else series.targets[rows]
    return make_frames(
        series.values[rows], np.zeros(1, np.int64), source=source, channels=series.names, targets=targets,
        target_names=series.target_names,
    )  # fmt: skip


def _read(data: Data, frames: int) -> _Series:
    """The whole series: so many frames of one that is computed, all of one that was recorded."""
    match data.dataset:
        case "mackey_glass":
            step = _affordable(data, frames, data.step or 1.0, MACKEY_GLASS_GRID)
            past = 1.2 if data.past is None else data.past
            return _Series(mackey_glass(frames, data.tau or 17.0, past, step), ("x",))
        case "lorenz":
            return _Series(lorenz(frames, _affordable(data, frames, data.step or 0.02, LORENZ_GRID)), ("x", "y", "z"))
        case "narma10":
            u, y = narma10(frames, data.seed or 0)
            if not y.max() < 1e3:
                what = f"with seed {data.seed or 0} it runs away within {frames} frames"
                raise LsmError(what, where="data set 'narma10'", hint="take another seed, or fewer frames")
            return _Series(u, ("u",), y, ("y",))
        case "laser":
            path = _shipped("laser", "reservoirpy", "datasets/santafe_laser.npy")
            with reading(path):
                return _Series(read_array(path).astype(np.float64).reshape(-1, 1), ("intensity",))
        case "el_nino":
            rows = _table(_shipped("el_nino", "statsmodels", "datasets/elnino/elnino.csv"))
            return _Series(rows[:, 1:].reshape(-1, 1), ("temperature",))
        case _:
            rows = _table(_shipped("sunspots", "statsmodels", "datasets/sunspots/sunspots.csv"))
            return _Series(rows[:, 1:], ("sunspots",))


def _affordable(data: Data, frames: int, step: float, grid: float) -> float:
    """The time between frames, if the series may be integrated over all of them."""
    if (steps := frames * max(1.0, step / grid)) > MOST_STEPS:
        what = f"{frames} frames, {step:g} apart, take {steps:.2g} steps of integration, the limit is {MOST_STEPS:.2g}"
        raise LsmError(what, where=f"data set {data.dataset!r}", hint="take fewer frames, or a shorter step")
    return step


def _shipped(name: str, package: str, file: str) -> Path:
    """A file inside an installed package, which is not imported: that takes seconds."""
    installed = importlib.util.find_spec(package)
    hint = "pip install 'lsm-deploy[series]'"
    if installed is None or installed.origin is None:
        what = f"{name} comes with {package}, which is not installed"
        raise AbsentError(what, where=f"data set {name!r}", hint=hint)
    path = Path(installed.origin).parent / file
    if not path.exists():
        what = f"{name} comes with {package}, and the installed one does not have it"
        raise LsmError(what, where=str(path), hint=hint)
    return path


def _table(path: Path) -> Floats:
    """The numbers below the header of a CSV."""
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        return np.array(list(csv.reader(file))[1:], np.float64)


# --- NeuroBench ----------------------------------------------------------------------------------------------------

NEUROBENCH = {
    17: (197, 0.7206597), 18: (138, 0.7744313), 19: (315, 0.7783468), 20: (131, 0.9225991), 21: (191, 0.9479431),
    22: (119, 0.5455960), 23: (106, 0.8622247), 24: (97, 0.3259660), 25: (98, 0.8297825), 26: (104, 1.0033490),
    27: (112, 0.6491406), 28: (119, 1.0957495), 29: (131, 0.9256179), 30: (139, 0.2713639),
}  # fmt: skip
"""The Lyapunov time and the constant past of NeuroBench's 14 Mackey-Glass series, by their tau."""

LYAPUNOV_TIME = 75
"""Frames that NeuroBench takes of one."""
LYAPUNOV_TIMES = 10
"""That are trained on, and as many that are tested."""


def neurobench_series(tau: int = 17, repeat: int = 0, warm_up: int = 45) -> Data:
    """The `data` section of NeuroBench's Mackey-Glass task (Yik et al., Nature Communications 16, 2025).

    75 frames a Lyapunov time; 750 to train on, of which the first 45 (0.6 Lyapunov times) are washed out, then 750 to
    forecast, freely: the model, whose state is that of the training data's end, is given the first frame of the test,
    and from then on its own forecast of the frame before. Score: the mean over the 750 forecasts of

        sMAPE = 200 |forecast - truth| / (|forecast| + |truth|)            200 where it is not a number

    and over 30 repeats, each half a Lyapunov time (37.5 frames, rounded down) later than the one before, with the
    reservoir of another seed. Published for tau = 17: 14.79 (an echo state network), 13.37 (an LSTM).

    The test has one frame more, the truth of the last forecast; and it begins with the last `warm_up` training frames,
    to be washed out, which stand for the state at the training data's end. The values are ours, by the same equation,
    parameters and sampling: NeuroBench's own are a download, as they depend on the machine that integrates them. After
    some Lyapunov times no two solvers agree on a chaotic series, so compare means of repeats, never single ones.
    """
    for name, number in (("tau", tau), ("repeat", repeat), ("warm-up", warm_up)):
        require_type(number, (int, np.integer), name, "give an integer")
    if tau not in NEUROBENCH or not repeat >= 0:
        what = f"NeuroBench has no series of tau {tau}, repeat {repeat}"
        raise MisuseError(what, hint=f"choose tau from {min(NEUROBENCH)} to {max(NEUROBENCH)}, repeats from 0")
    lyapunov_time, past = NEUROBENCH[tau]
    frames = LYAPUNOV_TIMES * LYAPUNOV_TIME
    return Data(
        dataset="mackey_glass",
        tau=float(tau),
        past=past,
        step=lyapunov_time / LYAPUNOV_TIME,
        skip=repeat * LYAPUNOV_TIME // 2,
        train_size=frames,
        test_size=frames + 1,
        warm_up=warm_up,
    )
