"""Networks whose messages, or whose input, are more than 0, 1 and -1: they are dense, and all of them is in every step.

`layout` makes matrices of the synapses, `session` advances one run, `batch` runs samples side by side. Spiking kinds
may be among the neurons; a network of nothing else, with binary input, is not for this.
"""

from lsm_deploy.core.ir import QNetwork
from lsm_deploy.core.messages import BINARY
from lsm_deploy.core.neurons import KINDS

__all__ = ["is_graded"]


def is_graded(network: QNetwork) -> bool:
    """Whether messages are more than the other kernels know."""
    return network.input != BINARY or any(KINDS[kind].MESSAGE.graded for kind in network.kinds)
