"""The order of the passes: read this first.

spec --build--> network --quantise--> integers --place--> program
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lsm_deploy import explicit
from lsm_deploy.build import build
from lsm_deploy.certify import Certificate, certify
from lsm_deploy.errors import LsmError
from lsm_deploy.ir import Network, Program
from lsm_deploy.place import place
from lsm_deploy.quantise import Cost, quantise
from lsm_deploy.restrain import Price, quantise_certified
from lsm_deploy.spec import Spec
from lsm_deploy.spec.schema import Quantise
from lsm_deploy.target import TARGETS

__all__ = ["Compiled", "compile_built", "compile_network", "compile_spec"]


DEFAULT = Quantise()


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program with what was found out on the way to it."""

    network: Network
    program: Program
    cost: Cost
    certificate: Certificate
    price: Price | None = None
    """What it cost that as many neurons as can be are certified, where that was asked for."""


def compile_spec(spec: Spec, *, strict: bool = False, certified: bool = False) -> Compiled:
    """Build, quantise and place what a spec describes.

    strict: every loss beyond rounding is an error. certified: prefer scales that certify, whatever the spec says.
    """
    _check_size(spec)
    how = replace(spec.quantise, certified=True) if certified else spec.quantise
    try:
        return compile_built(build(spec), spec.target.board, how, strict=strict)
    except MemoryError:
        raise LsmError("the network does not fit this machine's memory", hint="make it smaller or sparser") from None


def _check_size(spec: Spec) -> None:
    """Refuse what no placement could hold, before anything is drawn."""
    target = TARGETS[spec.target.board]
    neurons = sum(population.neurons for population in spec.populations.values())
    if neurons > (most := target.cores * target.neurons_per_core):
        raise LsmError(
            f"the network has {neurons} neurons, the {target.cores} cores of {target.name} hold {most}",
            hint="make it smaller, or choose a larger board",
        )


def compile_network(file: Path, *, board: str = "oheo_gulch", strict: bool = False) -> Compiled:
    """Compile an integer network from an `.npz`; its values pass through unchanged."""
    return compile_built(explicit.load_network(file), board, strict=strict)


def compile_built(
    network: Network, board: str = "oheo_gulch", how: Quantise = DEFAULT, *, strict: bool = False
) -> Compiled:
    """Quantise and place a network that is built already."""
    price = None
    if how.certified:
        quantised, cost, certificate, price = quantise_certified(network, how.compensate)
    else:
        quantised, cost = quantise(network, compensate=how.compensate)
        certificate = certify(quantised)
    if strict and cost.losses:
        raise LsmError(f"quantisation loses something: {'; '.join(cost.losses)}", hint="mend it, or drop --strict")
    program = place(quantised, TARGETS[board])
    return Compiled(network, program, cost, certificate, price)
