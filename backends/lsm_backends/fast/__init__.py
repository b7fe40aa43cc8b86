"""Backend `fast`: the emulator's answer from compiled kernels; what loops over data sets and long stimuli runs on.

`layout` lays a program out for the memory it will be read from, `kernels` is numba, `engine` runs samples on all cores.
"""

from lsm_backends.fast.engine import missing, run

__all__ = ["missing", "run"]
