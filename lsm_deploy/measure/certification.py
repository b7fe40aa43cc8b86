"""What no input can do to a program, beside what a search for such an input came to."""

from __future__ import annotations

from dataclasses import dataclass

from lsm_deploy.core.certificate import Certificate
from lsm_deploy.core.errors import MisuseError
from lsm_deploy.core.ir import Program
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.learn.deployable import Compilable, compile_any
from lsm_deploy.measure.attack import Attack, attack

__all__ = ["Certification", "certify_any"]


@dataclass(frozen=True, eq=False, repr=False)
class Certification(Reported):
    """What is proved of a program, and what a search reached; attack: None where nothing was searched for."""

    program: Program
    certificate: Certificate
    attack: Attack | None


def certify_any(
    source: Compilable, rounds: int = 0, neuron: int | None = None, progress: Progress | None = None
) -> Certification:
    """Prove what no input can do, and search so many rounds for the input that comes closest to doing it.

    neuron: the one to search for; else the one that is closest to its bound. An LsmError if there is no such one.
    """
    made = compile_any(source)
    neurons = made.program.network.neurons
    if neuron is not None and not 0 <= neuron < neurons:
        raise MisuseError(f"there is no neuron {neuron}", hint=f"take 0 to {neurons - 1}")
    certificate = made.certificate
    search = attack(made.program, certificate, rounds, neuron, progress=progress) if rounds else None
    return Certification(made.program, certificate, search)
