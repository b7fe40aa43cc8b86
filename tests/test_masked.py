"""Masked arrays are refused wherever arrays come in: numpy would take whatever numbers are below their masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import liquid
import numpy as np
import pytest
from lsm_backends.fast.graded import is_graded
from programs import GRADED_KINDS, random_case
from waves import spec, waves

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.frozen import own
from lsm_deploy.core.masked import unmasked
from lsm_deploy.data.frames import names_of
from lsm_deploy.learn.estimators import LiquidClassifier, SpikeReadout


def masked(*shape: int, dtype: Any = np.int8) -> Any:
    array = np.ma.zeros(shape, dtype)
    array[..., -1] = np.ma.masked
    return array


def session() -> Any:
    return ld.start("fast", liquid.liquid())


DOORS: dict[str, Callable[[], Any]] = {
    "a value": lambda: own(masked(3), np.int64),
    "a stimulus": lambda: ld.Stimulus(masked(5, liquid.CHANNELS), np.array([0])),
    "frames": lambda: ld.Frames(masked(4, 2, dtype=float), np.array([0, 2]), ("a", "b")),
    "labels": lambda: names_of(masked(2), "label", 2, "data.npz", []),
    "a step": lambda: session().step(masked(liquid.CHANNELS)),
    "a step of bools": lambda: session().step(masked(liquid.CHANNELS, dtype=bool)),
    "a run": lambda: session().run(masked(5, liquid.CHANNELS)),
    "rows": lambda: list(session().feed([masked(liquid.CHANNELS)])),
    "a score": lambda: ld.nrmse(masked(5, 1, dtype=float), np.arange(5.0)[:, None]),
    "what is true": lambda: ld.nrmse(np.zeros((5, 1)), masked(5, 1, dtype=float)),
    "X": lambda: SpikeReadout().fit(masked(6, 2, dtype=float), list("ababab")),
    "y": lambda: SpikeReadout().fit(np.random.default_rng(0).random((6, 2)), masked(6)),
}


@pytest.mark.parametrize("door", DOORS)
def test_no_door_takes_them(door: str) -> None:
    with pytest.raises(LsmError, match="values are masked, and any number may be there"):
        DOORS[door]()


def test_pieces_of_a_stream(tmp_path: Path) -> None:
    with pytest.raises(LsmError, match="values are masked"):
        ld.stream(liquid.liquid(), [masked(5, liquid.CHANNELS)], tmp_path / "folder")


def test_what_is_learned_from_and_what_comes_in_live(tmp_path: Path) -> None:
    described = spec(tmp_path)
    with pytest.raises(LsmError, match="values are masked"):
        LiquidClassifier(described).fit([masked(6, 2, dtype=float)] * 4, list("abab"))
    live = ld.train(described, waves(6, 1)).start()
    with pytest.raises(LsmError, match="values are masked"):
        live.step(masked(2, dtype=float))


def test_graded_messages() -> None:
    cases = (random_case(seed, kinds=GRADED_KINDS)[0] for seed in range(20))
    program = next(each for each in cases if is_graded(each.network) and each.network.channels)
    for given in (
        lambda s: s.step(masked(program.network.channels)),
        lambda s: s.run(masked(3, program.network.channels)),
    ):
        with pytest.raises(LsmError, match="values are masked"):
            given(ld.start("fast", program))


def test_where_nothing_is_masked_they_are_arrays() -> None:
    plain = np.ma.zeros(liquid.CHANNELS, np.int8)
    assert unmasked(plain) is plain
    np.testing.assert_array_equal(session().step(plain), session().step(plain.data))
