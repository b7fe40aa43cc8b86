"""Why a trace parts from the definition: the place, what reached it, the operation, and which rules would explain it.

Of two backends that disagree at least one breaks the definition, so a trace is explained against the emulator, which
runs the program again with every register recorded. Three questions, from the near to the far:

    slice     what the first neuron that differs was given, and what the definition makes of it, operation by operation
    breaks    which steps of which neurons do not follow from the trace's own state before and its own spikes: one
              mistake parts a whole liquid within a few steps, but breaks the definition only where it is made
    causes    what reproduces the trace: each rule broken in turn (`variants`), the chip's view of a voltage, a trace
              that is late, one synapse with another weight or delay
"""

from lsm_deploy.parity.forensics.arrivals import Arrival, Synapses, arrivals_at, sums, synapses_onto
from lsm_deploy.parity.forensics.causes import Cause
from lsm_deploy.parity.forensics.explanation import Explanation, Parting, Slice, explain, reference_run
from lsm_deploy.parity.forensics.operations import Operation, operations_of
from lsm_deploy.parity.forensics.predict import Breaks, find_breaks

__all__ = [
    "Arrival",
    "Breaks",
    "Cause",
    "Explanation",
    "Operation",
    "Parting",
    "Slice",
    "Synapses",
    "arrivals_at",
    "explain",
    "find_breaks",
    "operations_of",
    "reference_run",
    "sums",
    "synapses_onto",
]
