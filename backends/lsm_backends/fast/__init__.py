"""Backend `fast`: the emulator's answer from compiled kernels; what loops over data sets and long stimuli runs on.

`rules` says what it makes of each neuron kind, `layout` and `rows` lay a program out for the memory it will be read
from, `kernels` is numba, `session` advances one run, `engine` runs samples on all cores.
"""

from lsm_backends.fast.engine import missing, run, start
from lsm_backends.fast.rules import LIMITS

__all__ = ["LIMITS", "missing", "run", "start"]
