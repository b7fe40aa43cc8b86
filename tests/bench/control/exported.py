"""A trained controller in C: what `export --c` writes, compiled for this machine as a shared library and stepped."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lsm_deploy as ld

__all__ = ["Compiled", "missing"]

Floats = NDArray[np.float64]

_LOOP = """\
#include <stddef.h>

#include "lsm.h"

size_t loop_size(void)
{
    return sizeof(lsm);
}

double loop_act(lsm *s, const lsm_value *frame)
{
    int64_t answers[LSM_OUTPUTS];
    lsm_frame(s, frame);
    lsm_answer(s, answers);
    return lsm_value_of(0, answers[0]);
}
"""


def missing() -> str | None:
    """What keeps C from being compiled here."""
    return None if shutil.which("gcc") else "gcc is not here"


class Compiled:
    """A controller whose every command is C's; folder: where it is written and compiled."""

    def __init__(self, model: ld.RegressionModel, folder: Path) -> None:
        if ld.export_c(folder / "c", model).takes != "double":
            raise ValueError("its frames are no doubles")
        (folder / "c" / "loop.c").write_text(_LOOP)
        made = folder / "loop.so"
        command = ["gcc", "-std=c99", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "lsm.c", "loop.c", "-o", str(made)]
        subprocess.run(command, cwd=folder / "c", check=True)
        self._library = ctypes.CDLL(str(made))
        self._library.loop_size.restype = ctypes.c_size_t
        self._library.loop_act.restype = ctypes.c_double
        self.state = int(self._library.loop_size())
        self._state = ctypes.create_string_buffer(self.state)
        self._frame = (ctypes.c_double * model.streams.code.channels)()

    def begin(self) -> None:
        self._library.lsm_init(self._state)

    def act(self, frame: Floats) -> float:
        self._frame[:] = frame.tolist()
        return float(self._library.loop_act(self._state, self._frame))
