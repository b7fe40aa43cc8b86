"""Files that are damaged or mean ill, of every kind that is read: `make hostile`, or `python -m hostile --help`."""

import os

# Before numpy: the processes that are forked from this one have no threads of it, and wait for none.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
