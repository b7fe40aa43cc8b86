"""The smallest sub-network and the shortest stimulus on which two runs still part.

    case --causal slice--> a neuron, or its cone --delta debugging--> fewer steps, neurons, synapses, spikes --> folder

`shrink` asks nothing of the two sides but whether, and where, they part on a case; `between` makes that question from
two backends. The folder that `write` leaves needs nothing of this project to be run.
"""

from lsm_deploy.parity.reduction.delta import SECONDS, Shrunk, shrink
from lsm_deploy.parity.reduction.folder import write
from lsm_deploy.parity.reduction.parts import Parts, assemble, take_apart
from lsm_deploy.parity.reduction.question import Case, Question, between, one_by_one

__all__ = [
    "SECONDS",
    "Case",
    "Parts",
    "Question",
    "Shrunk",
    "assemble",
    "between",
    "one_by_one",
    "shrink",
    "take_apart",
    "write",
]
