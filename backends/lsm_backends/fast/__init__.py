"""Backend `fast`: the emulator's answer from compiled kernels; what loops over data sets and long stimuli runs on.

`layout` and `rows` lay a program out for the memory it will be read from, `kernels` is numba, `session` advances one
run, `engine` runs samples on all cores.
"""

from lsm_backends.fast.engine import missing, run, start

__all__ = ["missing", "run", "start"]
