"""Brian 2: the chip's integers in float64 variables, on its numpy, Cython or C++ target.

Brian's own `integer` is int32 and overflows. In doubles every product stays below 2**53 and every divisor is a power of
two, so `sign(x) * floor(abs(x) / 4096)` and the wraps are exact; as each partial sum is exact too, not even the
`-ffast-math` that Brian compiles with can change one.

A step of the program is one second of Brian's time: times and delays are whole numbers, and stay exact in long runs.
A step is Brian's schedule, written out: `start` integrates what has arrived, `thresholds` spikes, `synapses` adds to
the sum of the next step (so a delay of d takes d + 1), `resets`, and `end` records.

Brian's spikes carry nothing, and what arrives late could not ask what was sent. So a graded source has no spikes: it
holds what it sent in each of the last steps, `m0`, `m1`, ..., and its synapses are summed anew in each step, each from
the one that its delay names.
"""

from __future__ import annotations

import logging
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core import fixed
from lsm_deploy.core.activations import FEWEST_FRACTION_BITS, RATIO, RATIOS, TABLE, TABLE_FRACTION
from lsm_deploy.core.errors import BackendError, MisuseError, raise_all
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.ir import COUNTS, INPUT, Program, QNetwork, Stimulus, Trace
from lsm_deploy.core.limits import Limits, beyond
from lsm_deploy.core.messages import BINARY, Messages
from lsm_deploy.core.neurons import KINDS
from lsm_deploy.core.neurons.gated import GATE_BITS
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.samples import LongRun, run_side_by_side
from lsm_deploy.core.temporary import temporary_folder

__all__ = ["Codegen", "missing", "run"]

Codegen = Literal["numpy", "cython", "cpp_standalone"]

MAX_VALUES = 20_000_000
MAX_SYNAPSES = 5_000_000
"""What side-by-side copies may grow to: 160 MB a recorded register, and some hundred bytes a synapse."""


def missing() -> str | None:
    """What keeps Brian from running here; a compiler is asked for only when a compiled target is."""
    if find_spec("brian2") is None:
        return "Brian 2 is not installed: pip install 'lsm-deploy[brian]'"
    return None


def run(
    program: Program,
    stimulus: Stimulus,
    record: Sequence[str] = (),
    progress: Progress | None = None,
    *,
    codegen: Codegen = "numpy",
) -> Trace:
    """Run every sample; a compiled target pays off in long runs only (it takes seconds, C++ half a minute, to build).

    Brian's device, preferences and warnings are as before afterwards. Not for use from several threads at once.
    """
    network = program.network
    _check(network, codegen)
    longest = int(np.diff(stimulus.starts, append=len(stimulus.spikes)).max())
    copies = min(MAX_VALUES // max(1, longest * network.neurons), MAX_SYNAPSES // max(1, network.synapses))

    def run_once(long: LongRun) -> tuple[Messages, dict[str, NDArray[np.int32]], dict[str, int]]:
        with _brian(codegen) as b2:
            return _run(b2, codegen, long, record)

    return run_side_by_side(program, stimulus, record, run_once, max(1, copies) * network.neurons, progress)


# --- what a neuron kind is in Brian's language ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Rule:
    """One kind: its variables by register, what its registers become, one step, when it spikes, and what follows.

    `update` finds the synaptic sum in `a` (that onto a second port in `b`), `first` = 1 where the interval policy
    clears registers (and in step 0, so that it is what sets initial values too), and `counted` = 1 in the steps that
    matter; it adds to the counts.
    negative: when a kind with signed spikes sends a -1; its synapses then take their weight away.
    """

    state: Mapping[str, str]
    constants: Callable[[Mapping[str, Ints]], dict[str, Ints]]
    update: str
    threshold: str = ""
    """None of a graded kind: it leaves what it sends in `message`."""
    reset: str = ""
    negative: str | None = None


def _leaky(registers: Mapping[str, Ints], current: str = "du", voltage: str = "dv") -> dict[str, Ints]:
    return {
        "keep_u": fixed.DECAY_UNITY - (registers[current] + 1),
        "keep_v": fixed.DECAY_UNITY - registers[voltage],
        "bias": registers["bias_mant"] << registers["bias_exp"],
    }


_UNITY, _ALIGNED, _LIMIT = float(fixed.DECAY_UNITY), float(1 << fixed.ACT_SHIFT), float(fixed.UV_LIMIT)

# A current and a voltage; what a voltage becomes is up to the kind.
_LEAKY = f"""
    old_u = u * (1 - first)
    old_v = v * (1 - first)
    sum_u = sign(old_u) * floor(abs(old_u * keep_u) / {_UNITY}) + {_ALIGNED} * a
    x = sum_u - 4294967296.0 * floor((sum_u + 2147483648.0) / 4294967296.0)
    u = x - {2 * _LIMIT} * int(x > {_LIMIT}) + {2 * _LIMIT} * int(x <= {-_LIMIT})
    sum_v = sign(old_v) * floor(abs(old_v * keep_v) / {_UNITY}) + u + bias
    clipped_v = clip(sum_v, {1 - _LIMIT}, {_LIMIT - 1})
    u_wraps += counted * int(u != x)
"""
_MOVES = """
    v = clipped_v
    v_saturations += counted * int(v != sum_v)
"""

_LIF = _Rule(
    state={"u": "u", "v": "v"},
    constants=lambda registers: {**_leaky(registers), "theta": registers["vth"] << fixed.ACT_SHIFT},
    update=_LEAKY + _MOVES,
    threshold="v > theta",
    reset="v = 0",
)

_TERNARY = _Rule(
    state={"u": "u", "v": "v"},
    constants=lambda registers: {
        **_leaky(registers),
        "theta_hi": registers["vth_hi"] << fixed.ACT_SHIFT,
        "theta_lo": registers["vth_lo"] << fixed.ACT_SHIFT,
    },
    update=_LEAKY + _MOVES,
    threshold="v > theta_hi",
    reset="v = 0",
    negative="v < theta_lo",
)

_REFRACTORY = _Rule(
    state={"u": "u", "v": "v", "refractory": "left"},
    constants=lambda registers: {
        **_leaky(registers),
        "theta": registers["vth"] << fixed.ACT_SHIFT,
        "period": registers["refractory_period"],
    },
    update=_LEAKY
    + """
    old_left = left * (1 - first)
    moves = int(old_left == 0)
    v = moves * clipped_v + (1 - moves) * old_v
    v_saturations += counted * moves * int(clipped_v != sum_v)
    left = (old_left - 1) * int(old_left > 0)
    """,
    threshold="v > theta",
    reset="v = 0; left = period",
)

_SUBTRACT = _Rule(
    state={"u": "u", "v": "v"},
    constants=lambda registers: {
        **_leaky(registers),
        "theta": registers["vth"] << fixed.ACT_SHIFT,
        "late": registers["reset_delay"],
    },
    # In doubles the order of these sums is all the same.
    update=_LEAKY.replace("+ u + bias", "+ u + bias - late * theta * int(old_v > theta)") + _MOVES,
    threshold="v > theta",
    reset="v -= (1 - late) * theta",
)

_ATRLIF = _Rule(
    state={"i": "u", "v": "v", "theta": "theta", "r": "r"},  # `i` is Brian's own name for a neuron's number
    constants=lambda registers: {
        **_leaky(registers, "delta_i", "delta_v"),
        "keep_theta": fixed.DECAY_UNITY - registers["delta_theta"],
        "keep_r": fixed.DECAY_UNITY - registers["delta_r"],
        "rest": registers["theta_0"] << fixed.ACT_SHIFT,
        "rise": registers["theta_step"] << fixed.ACT_SHIFT,
    },
    update=_LEAKY
    + _MOVES
    + f"""
    above = (theta - rest) * (1 - first)
    theta = sign(above) * floor(abs(above * keep_theta) / {_UNITY}) + rest
    old_r = r * (1 - first)
    r = sign(old_r) * floor(abs(old_r * keep_r) / {_UNITY})
    """,
    threshold="v - r >= theta",
    reset="r += 2 * theta; theta += rise",
)


_TABLE_UNIT = float(1 << TABLE_FRACTION)


def _nearest(x: str, unit: str) -> str:
    """x / unit to the nearest, halves away from zero; unit: a power of two, perhaps below 1.

    Brian's floor gives an int32; whatever is beyond 2**30 is clipped to far less anyway.
    """
    return f"sign({x}) * floor(clip(abs({x}) / ({unit}) + 0.5, 0, 1073741824.0))"


def _looked_up(table: str, z: str, name: str) -> str:
    """Lines that set `name` to the table's value at `z`, odd as tanh is, with straight lines between its entries."""
    return f"""
    {name}_size = clip(abs({z}), 0, 8 * one)
    {name}_entry = floor({name}_size / segment)
    {name}_low = {table}({name}_entry * second)
    {name}_rise = ({table}(({name}_entry + 1) * second) - {name}_low) * ({name}_size - {name}_entry * segment)
    {name}_between = {name}_low + {_nearest(f"{name}_rise", "segment")}
    {name} = sign({z}) * {_nearest(f"{name}_between", f"{_TABLE_UNIT} / one")}
    """


def _activated(number: str, z: str, name: str) -> str:
    """Lines that set `name` to what the activation of that number makes of `z`."""
    return f"""
    {_looked_up("tanh_table", z, f"{name}_tanh")}
    {name}_half = {_nearest(z, "2")}
    {_looked_up("tanh_table", f"{name}_half", f"{name}_half_tanh")}
    {name}_sum = one + {name}_half_tanh
    {name}_near = clip({z}, -2 * one, 2 * one)
    {name}_square = {name}_near * abs({name}_near)
    {name}_above = {z} + int({z} < lo) * (lo - {z})
    {name} = {z} * int({number} == 0)
    {name} += int({number} == 1) * ({name}_above - int({name}_above > hi) * ({name}_above - hi))
    {name} += int({number} == 2) * {z} * int({z} > 0)
    {name} += int({number} == 3) * {name}_tanh
    {name} += int({number} == 4) * ({name}_near - {_nearest(f"{name}_square", "4 * one")})
    {name} += int({number} == 5) * {_nearest(f"{name}_sum", "2")}
    """


_AS_THEY_ARE = ("bias", "activation", "output", "lo", "hi", "v_initial", "period", "phase")


def _sending_values(registers: Mapping[str, Ints], *own: str) -> dict[str, Ints]:
    return {
        "in_unit": np.exp2(registers["shift_in"]),
        "sent_unit": np.exp2(registers["message_shift"]),
        "one": 1 << registers["fraction_bits"],
        "segment": 1 << (registers["fraction_bits"] - FEWEST_FRACTION_BITS),
        "largest": (1 << (registers["message_bits"] - 1)) - 1,
        **{name: registers[name] for name in (*_AS_THEY_ARE, *own)},
    }


def _integrated(a: str, unit: str, bias: str, name: str) -> str:
    """Lines that set `sum_NAME` to what arrives at a port, and `NAME` to that held within 24 bits."""
    return f"""
    x = {a} - 4294967296.0 * floor(({a} + 2147483648.0) / 4294967296.0)
    sum_{name} = {_nearest("x", unit)} + {bias}
    {name} = clip(sum_{name}, {1 - _LIMIT}, {_LIMIT - 1})
    """


_BEGUN = """
    old_v = v * (1 - first) + v_initial * first
    ticks = ticked * (1 - first)
    due = int(ticks == phase)
"""
_SENT = f"""
    v = clip(sum_v, {1 - _LIMIT}, {_LIMIT - 1})
    v_saturations += counted * int(v != sum_v)
    {_activated("output", "v", "sent")}
    message = due * clip({_nearest("sent", "sent_unit")}, -largest, largest)
    ticked = (ticks + 1) * int(ticks + 1 != period)
"""

_GRADED = _Rule(
    state={"u": "u", "v": "v", "clock": "ticked"},  # `clock` is Brian's own
    constants=lambda registers: _sending_values(registers, "alpha", "leak"),
    update=f"""
    {_BEGUN}
    {_integrated("a", "in_unit", "bias", "u")}
    u_wraps += counted * int(u != sum_u)
    {_activated("activation", "u", "driven")}
    change = alpha * (driven - leak * old_v)
    sum_v = old_v + due * {_nearest("change", f"{_UNITY}")}
    {_SENT}
    """,
)

_GATED = _Rule(
    state={"u": "u", "w": "gated", "v": "v", "clock": "ticked"},  # a synapse's `w` is its weight
    constants=lambda registers: {
        "gate_unit": np.exp2(registers["shift_in_gate"]),
        **_sending_values(registers, "bias_gate", "gate", "fused", "base"),
    },
    update=f"""
    {_BEGUN}
    wide_sums += counted * int(abs(b) > largest_sum)
    {_integrated("a", "in_unit", "bias", "u")}
    {_integrated("b", "gate_unit", "bias_gate", "gated")}
    u_wraps += counted * (1 - int(u == sum_u) * int(gated == sum_gated))
    {_activated("gate", "gated", "opened")}
    positive = gated * int(gated > 0)
    {_looked_up("ratio_table", "positive", "ratio")}
    opened += int(gate == {RATIO}) * ratio
    held = clip(opened, 0, one)
    gamma = {_nearest("held", f"one / {float(1 << GATE_BITS)}")}
    {_activated("activation", "u", "driven")}
    kept = base * old_v
    change = gamma * (driven - kept)
    both = kept + driven
    taken = gamma * both
    mixed = kept + {_nearest("change", f"{float(1 << GATE_BITS)}")}
    lost = both - {_nearest("taken", f"{float(1 << GATE_BITS)}")}
    moved = mixed + fused * (lost - mixed)
    sum_v = old_v + due * (moved - old_v)
    {_SENT}
    """,
)

_RULES = {
    "LIF": _LIF,
    "TernaryLIF": _TERNARY,
    "LIFRefractory": _REFRACTORY,
    "LIFSubtract": _SUBTRACT,
    "ATRLIF": _ATRLIF,
    "GradedLI": _GRADED,
    "GatedLI": _GATED,
}
LIMITS = Limits(kinds=tuple(_RULES))

_SUMS = ("a", "b")
"""By port, the variable to which what arrives there is added."""
_EVENTS = {1: "spike", -1: "negative"}
"""Brian's events by the sign of the spikes that they are."""

_COMMON = """
    first = int(t_in_timesteps % interval == 0)
    counted = int(t_in_timesteps < length)
    wide_sums += counted * int(abs(a) > largest_sum)
"""


def _check(network: QNetwork, codegen: str) -> None:
    where = "backend 'brian'"
    raise_all(beyond("brian", LIMITS, network))
    if codegen not in get_args(Codegen):
        what, choices = f"there is no code generation target {codegen!r}", ", ".join(get_args(Codegen))
        raise MisuseError(what, where=where, hint=f"choose one of {choices}")


# --- one run -------------------------------------------------------------------------------------------------------


def _run(
    b2: Any, codegen: Codegen, long: LongRun, record: Sequence[str]
) -> tuple[Messages, dict[str, NDArray[np.int32]], dict[str, int]]:
    network, steps = long.network, len(long.spikes)
    if not steps:
        empty = np.zeros((0, network.neurons), np.int32)
        return empty.astype(np.int8), dict.fromkeys(record, empty), dict.fromkeys(COUNTS, 0)
    clock = b2.Clock(dt=1 * b2.second, name="lsm_clock")
    # One group a kind, because each has equations of its own; `members[kind]` are its neurons' numbers.
    kind_of = np.repeat([p.kind for p in network.populations], list(network.sizes.values()))
    members = {kind: np.flatnonzero(kind_of == kind) for kind in network.kinds}
    held = _held(network)
    groups = {kind: _group(b2, clock, kind, network, long.lengths[numbers], held) for kind, numbers in members.items()}
    sources = dict(groups)
    if INPUT in held:
        sources[INPUT] = _graded_input(b2, clock, long.spikes, held[INPUT])
    elif network.channels:
        t, channel = np.nonzero(long.spikes)
        sources[INPUT] = b2.SpikeGeneratorGroup(
            network.channels, channel, t * b2.second, clock=clock, sorted=True, name="lsm_input"
        )
    synapses = _synapses(b2, clock, network, members, sources, held)
    fired = {
        (kind, sign): b2.EventMonitor(group, event, name=f"lsm_{event}_{kind}")
        for kind, group in groups.items()
        for sign, event in _EVENTS.items()
        if event in group.events
    }
    states = {
        kind: b2.StateMonitor(group, names, record=True, clock=clock, when="end", name=f"lsm_registers_{kind}")
        for kind, group in groups.items()
        if (
            names := [variable for register, variable in _RULES[kind].state.items() if register in record]
            + ["m0"] * (kind in held)
        )
    }
    # A network of our own, with a schedule of our own: neither the magic network nor a preference has a say.
    net = b2.Network(*sources.values(), *synapses, *fired.values(), *states.values())
    net.schedule = ["start", "groups", "thresholds", "synapses", "resets", "end"]
    if codegen == "cython":
        b2.prefs["codegen.target"] = codegen  # only now: the wiring, done once, is a third of what would be compiled
    net.run(steps * b2.second, namespace={})

    spikes = np.zeros((steps, network.neurons), network.message_type)
    registers = {name: np.zeros((steps, network.neurons), np.int32) for name in record}
    for (kind, sign), monitor in fired.items():
        spikes[np.rint(monitor.t_[:]).astype(np.int64), members[kind][monitor.i[:]]] = sign
    for kind, numbers in members.items():
        if kind in held:
            spikes[:, numbers] = states[kind].m0.T
        for register, variable in _RULES[kind].state.items():
            if register in record:
                registers[register][:, numbers] = getattr(states[kind], variable).T
    counts = {name: sum(int(np.sum(getattr(group, name)[:])) for group in groups.values()) for name in COUNTS}
    return spikes, registers, counts


def _held(network: QNetwork) -> dict[str, int]:
    """Of how many steps each graded source, a kind or the input, holds what it sent."""
    kinds = {p.name: p.kind for p in network.populations} | {INPUT: INPUT}
    graded = {kind for kind in network.kinds if not _RULES[kind].threshold}
    if network.input != BINARY:
        graded.add(INPUT)
    held = dict.fromkeys(sorted(graded), 1)
    for p in network.projections:
        if (source := kinds[p.source]) in held:
            held[source] = max(held[source], int(p.delays.max(initial=0)) + 1)
    return held


def _sending(message: str, steps: int) -> str:
    """Lines that hold a message in `m0`, those before it in `m1`, ..."""
    return "\n".join([*(f"m{k} = m{k - 1}" for k in range(steps - 1, 0, -1)), f"m0 = {message}"])


def _graded_input(b2: Any, clock: Any, spikes: Messages, steps: int) -> Any:
    equations = "\n".join(f"m{k} : 1" for k in range(steps))
    group = b2.NeuronGroup(
        spikes.shape[1],
        equations,
        clock=clock,
        name="lsm_input",
        namespace={"entering": b2.TimedArray(spikes.astype(np.float64), dt=clock.dt, name="lsm_entering")},
    )
    group.run_regularly(_sending("entering(t, i)", steps), clock=clock, when="end", name="lsm_input_step")
    return group


def _group(
    b2: Any, clock: Any, kind: str, network: QNetwork, lengths: NDArray[np.int64], held: Mapping[str, int]
) -> Any:
    rule = _RULES[kind]
    constants = {**rule.constants(network.registers(kind)), "length": lengths}
    ports = _SUMS[: KINDS[kind].PORTS]
    arriving = [(port, f"{port}_from_{source}") for port in ports for source in held]
    sent = [f"m{k}" for k in range(held.get(kind, 0))]
    names = [*ports, *(name for _, name in arriving), *sent, *rule.state.values(), *COUNTS, *constants]
    namespace = {
        # `fresh`: an interval that ends after every run; step 0 is cleared already.
        "interval": network.sample_interval or 1 << 62,
        "largest_sum": float(KINDS[kind].LARGEST_SUM),
    }
    update = rule.update
    if kind in held:
        for name, table in (("tanh", TABLE), ("ratio", RATIOS)):
            entries = np.append(table, table[-1]).astype(np.float64)
            namespace[f"{name}_table"] = b2.TimedArray(entries, dt=clock.dt, name=f"lsm_{name}_{kind}")
        update += _sending("message", held[kind])
    group = b2.NeuronGroup(
        len(lengths),
        "\n".join(f"{name} : 1" for name in names),
        threshold=rule.threshold or None,
        reset=rule.reset or None,
        events={"negative": rule.negative} if rule.negative else None,
        clock=clock,
        name=f"lsm_{kind}",
        namespace=namespace,
    )
    for name, values in constants.items():
        setattr(group, name, values.astype(np.float64))
    if rule.negative:
        group.set_event_schedule("negative", when="thresholds")
        group.run_on_event("negative", rule.reset, when="resets")
    arrived = "\n".join(f"{port} += {name}" for port, name in arriving)
    cleared = "\n".join(f"{port} = 0" for port in ports)
    group.run_regularly(
        f"{arrived}\n{_COMMON}{update}\n{cleared}", clock=clock, when="start", order=1, name=f"lsm_{kind}_step"
    )
    return group


def _synapses(
    b2: Any,
    clock: Any,
    network: QNetwork,
    members: Mapping[str, NDArray[np.int64]],
    sources: Mapping[str, Any],
    held: Mapping[str, int],
) -> list[Any]:
    """One object for all projections from a group to a port: an object costs more a step than its synapses do."""
    kinds = {p.name: p.kind for p in network.populations} | {INPUT: INPUT}
    # A population is contiguous in its group, so its first neuron's place there is all there is to know.
    first = {p.name: int(np.searchsorted(members[p.kind], network.offsets[p.name])) for p in network.populations}
    first[INPUT] = 0
    parts: dict[tuple[str, str, str], list[tuple[Any, ...]]] = {}
    for p in network.projections:
        if not len(p.post):
            continue
        pre = p.pre
        weights = p.weights.astype(np.float64) * 2.0**p.weight_exp
        parts.setdefault((kinds[p.source], kinds[p.target], _SUMS[p.port]), []).append(
            (first[p.source] + pre, first[p.target] + p.post, weights, p.delays.astype(np.float64))
        )
    made = []
    for (source, target, port), columns in parts.items():
        pre, post, weights, delays = (np.concatenate(column) for column in zip(*columns, strict=True))
        # Each sign is a pathway of its own: what arrives later could not ask a variable which sign the spike had.
        pathways = {
            event: f"{port}_post += {sign} * w" for sign, event in _EVENTS.items() if event in sources[source].events
        }
        equations = "w : 1"
        if source in held:
            sent = " + ".join(f"m{k}_pre * int(steps == {k})" for k in np.unique(delays).astype(int).tolist())
            equations += f"\nsteps : 1\n{port}_from_{source}_post = w * ({sent}) : 1 (summed)"
        synapses = b2.Synapses(
            sources[source],
            sources[target],
            equations,
            on_pre=pathways or None,
            on_event={event: event for event in pathways} or "spike",
            clock=clock,
            name=f"lsm_{source}_to_{target}_{port}",
            namespace={},
        )
        synapses.connect(i=pre, j=post)
        synapses.w = weights
        if source in held:
            synapses.steps = delays
            for updater in synapses.summed_updaters.values():
                updater.when, updater.order = "start", 0  # before what arrives is integrated
        for pathway in pathways:
            getattr(synapses, pathway).delay = delays * b2.second
        made.append(synapses)
    return made


# --- Brian's global state ------------------------------------------------------------------------------------------


@contextmanager
def _brian(codegen: Codegen) -> Iterator[Any]:
    """Brian set up for `codegen`, and put back as it was."""
    b2 = _import()
    from brian2.devices.device import reset_device

    with warnings.catch_warnings(), ExitStack() as undo:
        # Brian 2.9 uses names that its own dependencies deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        wanted = {
            "codegen.target": "numpy",
            "core.default_float_dtype": np.float64,
            # Or else Ctrl-C ends a run quietly, and what was not simulated any more is taken for silence.
            "core.stop_on_keyboard_interrupt": False,
        }
        undo.callback(b2.prefs.update, {name: b2.prefs[name] for name in wanted})
        b2.prefs.update(wanted)
        if codegen == "cython":
            _check_cython()
        if codegen == "cpp_standalone":
            # A device of our own has no state to reset, and touches none that the caller may have in the shared one.
            folder = undo.enter_context(temporary_folder("lsm-deploy-brian-"))
            b2.set_device(_standalone(), directory=folder, with_output=False)
        else:
            b2.set_device("runtime")
        undo.callback(reset_device)
        try:
            yield b2
        except RuntimeError as error:
            if "compilation failed" in str(error):
                raise _no_compiler(str(error)) from error
            raise


def _import() -> Any:
    """Brian 2, without what importing it does to a process: it takes over warnings and uncaught exceptions."""
    if "brian2" not in sys.modules:
        hook, show = sys.excepthook, warnings.showwarning
        with warnings.catch_warnings(), ExitStack() as undo:
            warnings.simplefilter("ignore")  # its dependencies deprecate each other
            if threading.current_thread() is not threading.main_thread():
                # It would take over Ctrl-C, which Python allows nowhere else, such as on a worker.
                undo.callback(setattr, signal, "signal", signal.signal)
                signal.signal = lambda *_: None
            import brian2  # noqa: F401

            if warnings.showwarning is not show:
                logging.captureWarnings(False)
        sys.excepthook = hook
    return sys.modules["brian2"]


def _standalone() -> Any:
    for program in ("g++", "make"):
        if shutil.which(program) is None:
            raise _no_compiler(f"{program} is not there")
    from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

    return CPPStandaloneDevice()


def _check_cython() -> None:
    from brian2.codegen.runtime.cython_rt import CythonCodeObject

    if not CythonCodeObject.is_available():
        raise _no_compiler("Cython cannot compile an extension")


def _no_compiler(why: str) -> BackendError:
    return BackendError(
        f"Brian's compiled targets need a C++ compiler: {why}",
        where="backend 'brian'",
        hint="install g++ and make, or use codegen='numpy', which gives the same answer",
    )
