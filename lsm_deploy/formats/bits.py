"""How many bits weights and messages may have."""

from __future__ import annotations

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_WEIGHT_EXP
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.core.messages import LARGEST_BITS

__all__ = ["check_bits"]


def check_bits(**given: int) -> list[LsmError]:
    """A MisuseError for each number of bits that there is not."""
    errors: list[LsmError] = []
    for name, bits in given.items():
        least, most = (2, LARGEST_BITS) if name == "message_bits" else (1, fixed.WEIGHT_BITS + MAX_WEIGHT_EXP)
        if not least <= bits <= most:
            errors.append(MisuseError(f"{name} is {bits}, not {least} to {most}", where=name, hint=f"change {name}"))
    return errors
