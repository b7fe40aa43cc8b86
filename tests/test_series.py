"""Series: their values against other solvers, their own packages and published facts; how they are cut in time."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import equations, load_data
from lsm_deploy.data.equations import lorenz, mackey_glass, narma10
from lsm_deploy.data.series import NEUROBENCH, load_series, neurobench_series
from lsm_deploy.spec.schema import Data
from lsm_deploy.spec.series import SERIES

COMPUTED = ("mackey_glass", "lorenz", "narma10")


def error(call: Any, *arguments: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(LsmError) as caught:
        call(*arguments)
    return [(e.what, e.where, e.hint) for e in caught.value.each()]


# --- the equations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tau", "step"), [(17.0, 1.0), (17.0, 0.3), (2.5, 1.0)])
def test_mackey_glass_is_of_fourth_order(monkeypatch: pytest.MonkeyPatch, tau: float, step: float) -> None:
    values = []
    for grid in (0.25, 0.125, 0.015625):
        monkeypatch.setattr(equations, "MACKEY_GLASS_GRID", grid)
        values.append(mackey_glass(100, tau, 0.7, step))
    coarse, fine = (np.abs(each - values[2]).max() for each in values[:2])
    assert coarse < 1e-6
    assert fine < coarse / 8


def test_mackey_glass_by_steps_of_scipys_solver() -> None:
    """The delayed value is known over one delay: each is an ordinary equation, the one before interpolated."""
    tau, past, pieces, before = 17.3, 0.72, [], lambda t: np.full_like(t, 0.72)
    for i in range(8):
        start = past if not i else pieces[-1].sol(tau)[0]
        slope = lambda t, x, delayed=before: 0.2 * (d := delayed(t)) / (1 + d**10) - 0.1 * x  # noqa: E731
        pieces.append(solve_ivp(slope, (0, tau), [start], rtol=1e-11, atol=1e-12, dense_output=True))
        before = lambda t, sol=pieces[-1].sol: sol(t)[0]  # noqa: E731
    t = np.arange(130) * 1.06
    which = (t // tau).astype(int)
    expected = [pieces[i].sol(at - i * tau)[0] for i, at in zip(which, t, strict=True)]
    assert mackey_glass(130, tau, past, 1.06)[:, 0] == pytest.approx(expected, abs=2e-5)


def test_mackey_glass_is_what_reservoirpys_tends_to() -> None:
    """Its step holds the delayed value, and so is of first order; its gain `a` is not multiplied by its step."""
    datasets = pytest.importorskip("reservoirpy.datasets")

    def theirs(h: float) -> Any:
        history = np.full(round(17 / h) + 1, 1.2)
        each = round(1 / h)
        return datasets.mackey_glass(300 * each + 1, tau=17, a=0.2 * h, x0=1.2, h=h, history=history)[::each]

    ours, coarse, fine = mackey_glass(301, 17.0, 1.2, 1.0), theirs(0.02), theirs(0.01)
    assert np.abs(fine - ours).max() < 0.01
    assert np.abs(2 * fine - coarse - ours).max() < 2e-4  # without its error of first order


def test_lorenz_by_scipys_solver() -> None:
    def slope(_: float, state: Any) -> Any:
        x, y, z = state
        return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z

    t = np.arange(500) * 0.02
    expected = solve_ivp(slope, (0, t[-1]), [1.0, 1.0, 1.0], t_eval=t, rtol=1e-11, atol=1e-11).y.T
    assert lorenz(500, 0.02) == pytest.approx(expected, abs=2e-3)


def test_narma10_is_its_equation() -> None:
    u, y = (each[:, 0] for each in narma10(200, 3))
    assert (u.min() >= 0, u.max() <= 0.5) == (True, True)
    for t in range(20, 199):
        terms = 0.3 * y[t] + 0.05 * y[t] * y[t - 9 : t + 1].sum() + 1.5 * u[t - 9] * u[t] + 0.1
        assert y[t + 1] == pytest.approx(terms, rel=1e-12)
    assert narma10(200, 4)[0][0, 0] != u[0]


def test_the_same_bits_on_every_machine() -> None:
    prints = [
        hashlib.sha256(each.astype("<f8").tobytes()).hexdigest()[:16]
        for each in (mackey_glass(5000, 17.0, 1.2, 1.0), lorenz(5000, 0.02), *narma10(5000, 0))
    ]
    assert prints == ["cfcc7ce95984cc97", "17533ab8cba4c6e6", "a26d8d85b84821ac", "c22ec75e86f7d656"]


# --- what was recorded ---------------------------------------------------------------------------------------------


def test_laser_is_reservoirpys() -> None:
    package = pytest.importorskip("reservoirpy")
    train, test = load_series(Data(dataset="laser"))
    both = np.concatenate([train.frames, test.frames])
    assert both.tolist() == np.load(Path(package.__file__).parent / "datasets" / "santafe_laser.npy").tolist()
    assert (both.shape, both[:4, 0].tolist(), both.min(), both.max()) == ((10093, 1), [86, 141, 95, 41], 0, 255)


def test_el_nino_and_sunspots_are_statsmodels() -> None:
    pytest.importorskip("statsmodels")
    from statsmodels.datasets import elnino, sunspots

    for name, theirs in (
        ("el_nino", elnino.load_pandas().data.to_numpy()[:, 1:].ravel()),
        ("sunspots", sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()),
    ):
        train, test = load_series(Data(dataset=name))
        assert [*train.frames[:, 0], *test.frames[:, 0]] == theirs.tolist()


@pytest.mark.parametrize(
    ("name", "package"), [("laser", "reservoirpy"), ("el_nino", "statsmodels"), ("sunspots", "statsmodels")]
)
def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, package: str) -> None:
    hint = "pip install 'lsm-deploy[series]'"
    monkeypatch.setitem(sys.modules, package, None)
    what = f"{name} comes with {package}, which is not installed"
    assert error(load_data, Data(dataset=name)) == [(what, f"data set {name!r}", hint)]
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, package)
    monkeypatch.syspath_prepend(tmp_path)
    [(what, where, way_out)] = error(load_data, Data(dataset=name))
    assert what == f"{name} comes with {package}, and the installed one does not have it"
    assert (where.startswith(str(tmp_path)), way_out) == (True, hint)


# --- how they are cut ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "train", "test"),
    [
        ({}, 3500, 1500),
        ({"length": 100}, 70, 30),
        ({"length": 100, "train_size": 0.6}, 60, 40),
        ({"length": 100, "train_size": 0.6, "test_size": 0.2}, 60, 20),
        ({"length": 100, "train_size": 60, "test_size": 0.2}, 60, 20),
        ({"length": 100, "test_size": 10}, 90, 10),
        ({"train_size": 60, "test_size": 20}, 60, 20),
        ({"train_size": 60}, 60, 4940),
    ],
)
def test_cuts(given: Any, train: int, test: int) -> None:
    parts = load_series(Data(dataset="narma10", **given))
    assert [len(part.frames) for part in parts] == [train, test]
    whole = load_series(Data(dataset="narma10", length=5000, train_size=4999, warm_up=4999))[1]
    for name in ("frames", "targets"):
        both = np.concatenate([getattr(part, name) for part in parts])
        assert both.tolist() == getattr(whole, name)[: train + test].tolist()
    assert [(part.samples, part.names, part.target_names, part.labels) for part in parts] == [
        (1, ("u",), ("y",), ())
    ] * 2


@pytest.mark.parametrize("name", COMPUTED)
def test_what_is_skipped_and_what_warms_up(name: str) -> None:
    train, test = load_series(Data(dataset=name, length=100, train_size=70))
    for part in (train, test):
        assert part.source in (f"{name} train", f"{name} test")
    later, warm = load_series(Data(dataset=name, length=80, skip=20, train_size=50, warm_up=7))
    assert later.frames.tolist() == train.frames[20:].tolist()
    assert warm.frames.tolist() == [*train.frames[-7:].tolist(), *test.frames.tolist()]
    if train.outputs:
        assert warm.targets.tolist() == [*train.targets[-7:].tolist(), *test.targets.tolist()]


def test_a_recorded_series_skips_too() -> None:
    pytest.importorskip("statsmodels")
    train, test = load_series(Data(dataset="sunspots", skip=9, train_size=200, warm_up=10))
    assert (len(train.frames), len(test.frames), train.frames[0, 0]) == (200, 110, 8.0)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"train_size": 80, "length": 100, "test_size": 30}, "100 frames are there, 100 are used, and 80 to train on"),
        ({"train_size": 100, "length": 100}, "100 frames are there, 100 are used, and 100 to train on and 0 to test"),
        ({"train_size": 0.001, "length": 100}, "100 frames are there, 100 are used, and 0 to train on and 100 to test"),
        ({"train_size": 20, "length": 100, "warm_up": 21}, "a warm-up of 21 frames is longer than the training data"),
        ({"seed": 27}, "with seed 27 it runs away within 5000 frames"),
        ({"tau": 3.0, "step": 2.0}, "step belongs to mackey_glass and lorenz, not to narma10"),
    ],
)
def test_what_is_refused(given: Any, what: str) -> None:
    [(said, where, hint), *_] = error(load_series, Data(dataset="narma10", **given))
    assert said.startswith(what)
    assert (where, bool(hint)) == ("data set 'narma10'", True)


def test_what_is_no_series_is_none() -> None:
    for name in ("japanese_vowels", None):
        assert error(load_series, Data(dataset=name))[0][0] == f"there is no series {name!r}"


def test_a_recorded_series_has_an_end() -> None:
    pytest.importorskip("statsmodels")
    [(what, _, _)] = error(load_series, Data(dataset="sunspots", length=400))
    assert what == "309 frames are there, 400 are used, and 400 in all are asked for"
    [(what, _, _)] = error(load_series, Data(dataset="sunspots", skip=400))
    assert what.startswith("0 frames are there")


def test_an_integration_that_takes_hours_is_refused() -> None:
    for name in ("mackey_glass", "lorenz"):
        [(what, _, _)] = error(load_series, Data(dataset=name, length=1_000_000, step=100.0))
        assert what.startswith("1000000 frames, 100 apart, take")


@pytest.mark.parametrize("name", SERIES)
def test_no_series_takes_a_parameter_of_another(name: str) -> None:
    every = {field for own in SERIES.values() for field in own}
    wrong = Data(dataset=name, **{field: 1 for field in every - set(SERIES[name])})
    assert len(error(load_series, wrong)) == len(every) - len(SERIES[name])


# --- NeuroBench ----------------------------------------------------------------------------------------------------


def test_neurobenchs_series() -> None:
    assert sorted(NEUROBENCH) == list(range(17, 31))
    train, test = load_series(neurobench_series(18, repeat=3, warm_up=45))
    assert (len(train.frames), len(test.frames)) == (750, 45 + 751)
    whole = mackey_glass(3000, 18.0, 0.7744313, 138 / 75)
    assert train.frames.tolist() == whole[112 : 112 + 750].tolist()  # three times 37.5
    assert test.frames[45:].tolist() == whole[112 + 750 : 112 + 1501].tolist()
    assert error(neurobench_series, 16)[0][2] == "choose tau from 17 to 30, repeats from 0"
