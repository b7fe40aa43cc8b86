"""The order of the passes: read this first.

spec --build--> network --quantise--> integers --place--> program
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lsm_deploy.compile.build import size as estimate
from lsm_deploy.compile.build.column import expected_synapses
from lsm_deploy.compile.build.network import build_network
from lsm_deploy.compile.certify.bounds import Certificate, certify_network
from lsm_deploy.compile.certify.restrain import Price, price_of, quantise_certified
from lsm_deploy.compile.place.cores import Load, place_loaded
from lsm_deploy.compile.quantise import RoundingLoss, one_grid, quantise_network
from lsm_deploy.core import fixed, memory
from lsm_deploy.core.boards import BOARDS, NOWHERE, Board, board_named
from lsm_deploy.core.errors import LsmError, raise_all, require_type
from lsm_deploy.core.ir import INPUT, Network, Program, QNetwork
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.notes import warn
from lsm_deploy.core.shown import Reported
from lsm_deploy.formats.integer_files import load_network
from lsm_deploy.spec import Spec, schema
from lsm_deploy.spec.schema import Quantise

__all__ = [
    "Compiled",
    "CutOff",
    "compile_built",
    "compile_network",
    "compile_spec",
    "integers_of_spec",
]


DEFAULT = Quantise()


@dataclass(frozen=True, eq=False, repr=False)
class Compiled(Reported):
    """A program with what was found out on the way to it."""

    _short = ("program", "price", "cut_offs")

    network: Network
    program: Program
    cost: RoundingLoss
    certificate: Certificate
    loads: tuple[Load, ...]
    """What each core holds; none, where it was placed nowhere."""
    price: Price | None = None
    """What it cost to certify as many neurons as can be, or to fit lava-dl's grid, where that was asked for."""
    cut_offs: tuple[CutOff, ...] = ()


@dataclass(frozen=True)
class CutOff:
    """Where a column's wiring ends, in grid units, and the share of its synapses that this is expected to lose."""

    projection: str
    distance: float
    lambdas: float
    share_lost: float


def compile_spec(spec: Spec, *, strict: bool = False, certified: bool = False) -> Compiled:
    """Build, quantise and place what a spec describes; an LsmError says what does not fit, or has no room.

    strict: every loss beyond rounding is an error. certified: prefer scales that certify, whatever the spec says.
    """
    require_type(spec, Spec, "spec", "read one with `load`")
    _check_size(spec, BOARDS[spec.target.board])
    with _enough_memory():
        compiled = compile_built(build_network(spec), spec.target.board, _how(spec, certified), strict=strict)
    return replace(compiled, cut_offs=_cut_offs(spec))


def integers_of_spec(spec: Spec, *, strict: bool = False, certified: bool = False) -> QNetwork:
    """Build and quantise what a spec describes, and place it nowhere."""
    _check_size(spec, NOWHERE)
    with _enough_memory():
        return _quantise(build_network(spec), _how(spec, certified), strict)[0]


def _check_size(spec: Spec, target: Board) -> None:
    """Refuse what no placement, or this machine's memory, could hold, before anything is drawn."""
    errors: list[LsmError] = []
    sizes = {name: population.neurons for name, population in spec.drawn.items()}
    neurons, channels = sum(sizes.values()), spec.input.spike_channels
    largest = f"population {max(sizes, key=lambda name: sizes[name], default='')!r}"
    if neurons > (most := target.cores * target.neurons_per_core):
        errors.append(
            LsmError(
                f"the network has {neurons} neurons, the {target.cores} cores of {target.name} hold {most}",
                where=largest,
                hint="make it smaller, or choose a larger board, or board none",
            )
        )
    for what, where, needed in (
        (f"{neurons} neurons", largest, estimate.bytes_to_compile(neurons, 0)),
        (f"{channels} spike trains", INPUT, estimate.bytes_to_compile(0, 0, channels)),
    ):
        if too_many := _too_large(what, needed, where=where, hint="make it smaller"):
            raise_all([*errors, too_many])  # counting the synapses of so many could itself be too much
    synapses = [estimate.synapses_of(p, spec) for p in spec.projections]
    if too_many := _too_large(
        f"{neurons} neurons and about {sum(synapses):.3g} synapses",
        estimate.bytes_to_compile(neurons, sum(synapses), channels),
        where=f"projection {spec.projections[synapses.index(max(synapses))].name!r}" if synapses else "",
        hint="make it sparser",
    ):
        errors.append(too_many)
    raise_all(errors)


def _too_large(what: str, needed: float, *, hint: str, where: str) -> LsmError | None:
    hint = f"{hint}, or compile it where there is more; running it takes about a fifth of that"
    return memory.shortage(needed, f"compiling {what} takes about", where=where, hint=hint)


def _cut_offs(spec: Spec) -> tuple[CutOff, ...]:
    cut_offs = []
    for p in spec.projections:
        population = spec.drawn[p.target]
        if isinstance(p.topology, schema.Maass) and population.grid is not None:
            drawn, lost = expected_synapses(p.topology, population.grid, population.inhibitory_fraction or 0.0)
            lambdas = p.topology.reach / p.topology.length
            cut_offs.append(CutOff(p.name, p.topology.reach, lambdas, lost / max(drawn + lost, 1e-300)))
    return tuple(cut_offs)


def compile_network(file: Path, *, board: str = "oheo_gulch", strict: bool = False) -> Compiled:
    """Compile an integer network from an `.npz`; its values pass unchanged, or an LsmError names those that cannot."""
    return compile_built(load_network(file), board, strict=strict)


def compile_built(
    network: Network, board: str = "oheo_gulch", how: Quantise = DEFAULT, *, strict: bool = False
) -> Compiled:
    """Quantise and place a network that is built already."""
    require_type(network, Network, "network", "build one with `ld.from_matrices`, or an importer of its kind")
    require_type(how, Quantise, "quantisation", "give a spec's section: `spec.quantise`")
    quantised, cost, certificate, price = _quantise(network, how, strict)
    certificate = certificate or certify_network(quantised)
    _check_sums(quantised, certificate)
    program, loads = place_loaded(quantised, board_named(board))
    return Compiled(network, program, cost, certificate, tuple(loads), price)


def _check_sums(network: QNetwork, certificate: Certificate) -> None:
    """Refuse graded neurons whose sums could pass the 32 bits in which they are added: they would wrap in silence."""
    errors = []
    for p in network.populations:
        largest = int(certificate.largest_sum[network.columns(p.name)].max())
        if KINDS[p.kind].MESSAGE.graded and largest > fixed.LARGEST_ADDED:
            what = f"a synaptic sum could be {largest}, which does not fit 32 bits"
            hint = "give its sources fewer message_bits, or take smaller weights or a smaller weight_exp onto it"
            errors.append(LsmError(what, where=f"population {p.name!r}", hint=hint))
    raise_all(errors)


def _how(spec: Spec, certified: bool) -> Quantise:
    return replace(spec.quantise, certified=True) if certified or spec.read else spec.quantise


def _quantise(
    network: Network, how: Quantise, strict: bool
) -> tuple[QNetwork, RoundingLoss, Certificate | None, Price | None]:
    """The integers and what they cost; and, where neurons were to be certified, the proof and its price."""
    certificate: Certificate | None = None
    price: Price | None = None
    restrained = one_grid.with_even_weights(network) if how.lava_dl else network
    ceilings = one_grid.ceilings_of(network) if how.lava_dl else {}
    if how.certified:
        quantised, cost, certificate, price = quantise_certified(restrained, how.compensate, ceilings)
    else:
        quantised, cost = quantise_network(restrained, compensate=how.compensate, ceilings=ceilings)
    if how.lava_dl:
        quantised = one_grid.with_rounded_biases(quantised)
        certificate = certify_network(quantised)
        free, free_cost = quantise_network(network, compensate=how.compensate)
        before = int(certify_network(free).certified.sum())
        price = price_of(free_cost, before, cost, int(certificate.certified.sum()))
    for lost in () if strict else cost.gone:
        warn(lost, level=4)
    if strict and cost.losses:
        raise LsmError(f"quantisation loses something: {'; '.join(cost.losses)}", hint="mend it, or leave out `strict`")
    return quantised, cost, certificate, price


@contextmanager
def _enough_memory() -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise LsmError("the network does not fit this machine's memory", hint="make it smaller or sparser") from None
