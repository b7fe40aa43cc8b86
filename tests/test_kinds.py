"""All neuron kinds: what each promises beyond the arithmetic that the oracle checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsm_backends import emulator
from programs import ALL_KINDS, GRADED_KINDS, REGISTERS, random_case, random_stimulus

from lsm_deploy import store
from lsm_deploy.compile.certify.bounds import certify_network
from lsm_deploy.compile.quantise import quantise_network
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.fixed import UV_LIMIT, Ints
from lsm_deploy.core.ir import (
    INPUT,
    Network,
    Population,
    Program,
    Projection,
    QNetwork,
    QPopulation,
    QProjection,
    Stimulus,
    standings,
)
from lsm_deploy.core.neurons import KINDS, bounds, breaks_bound
from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.core.samples import contaminated
from lsm_deploy.parity.compare import compare
from lsm_deploy.report.programs import report_program
from lsm_deploy.run import backends as backend
from lsm_deploy.spec import load

NEW = [kind for kind in ALL_KINDS if kind != "LIF"]

# One neuron of each kind that keeps `v` (or forgets it in part) and spikes at 10 << 6.
ONE = {
    "LIF": {"du": 4095, "dv": 0, "vth": 10},
    "TernaryLIF": {"du": 4095, "dv": 0, "vth_hi": 10, "vth_lo": -20},
    "LIFRefractory": {"du": 4095, "dv": 0, "vth": 10, "refractory_period": 2},
    "LIFSubtract": {"du": 4095, "dv": 0, "vth": 10, "reset_delay": 0},
    "ATRLIF": {"delta_i": 4095, "delta_v": 0, "delta_theta": 2048, "delta_r": 2048, "theta_0": 10, "theta_step": 4},
}


def population(kind: str, size: int = 1, name: str = "cell", **registers: int) -> QPopulation:
    values = {**ONE[kind], "bias_mant": 0, "bias_exp": 0, **registers}
    return QPopulation(name, kind, size, {field: np.full(size, value) for field, value in values.items()})


def synapse(source: str, target: str, weight: int, delay: int = 0, weight_exp: int = 0) -> QProjection:
    """From the first of its source to the first of its target."""
    ends = np.array([0, 1]), np.array([0])
    return QProjection(
        f"{source}->{target}", source, target, "mixed", 8, weight_exp, *ends, np.array([weight]), np.array([delay])
    )


def program(*parts: QPopulation | QProjection, interval: int = 0) -> Program:
    populations = tuple(part for part in parts if isinstance(part, QPopulation))
    network = QNetwork(1.0, 1, interval, populations, tuple(part for part in parts if isinstance(part, QProjection)))
    return Program(network, np.zeros(network.neurons, np.int32), "oheo_gulch")


def spikes_at(*steps: int, length: int, starts: tuple[int, ...] = (0,)) -> Stimulus:
    spikes = np.zeros((length, 1), np.int8)
    spikes[list(steps)] = 1
    return Stimulus(spikes, np.array(starts))


def trace_of(made: Program, stimulus: Stimulus) -> dict[str, list[list[int]]]:
    trace = emulator.run(made, stimulus, REGISTERS)
    return {"s": trace.spikes.tolist(), **{name: values.tolist() for name, values in trace.registers.items()}}


def first(column: list[list[int]]) -> list[int]:
    return [row[0] for row in column]


def test_the_oracle_knows_every_kind() -> None:
    assert {*ALL_KINDS, *GRADED_KINDS} == set(KINDS) == set(oracle.KINDS)
    assert set(REGISTERS) == {name for kind in KINDS.values() for name in kind.STATE}


# --- what each does, in numbers worked out by hand -----------------------------------------------------------------


def test_a_ternary_spike_has_a_sign_and_delivers_it() -> None:
    # 640 is the upper threshold and not above it; -1280 the lower one.
    for weight, spike, reset in ((12, 1, 0), (10, 0, 640), (-20, 0, -1280), (-22, -1, 0)):
        made = program(population("TernaryLIF"), synapse(INPUT, "cell", weight))
        trace = trace_of(made, spikes_at(0, length=2))
        assert first(trace["s"]) == [0, spike]
        assert first(trace["v"]) == [0, reset]
    heard = program(
        population("TernaryLIF"),
        population("LIF", name="ear", vth=1000),
        synapse(INPUT, "cell", -22),
        synapse("cell", "ear", 6, delay=1, weight_exp=3),
    )
    assert [row[1] for row in trace_of(heard, spikes_at(0, length=5))["v"]] == [0, 0, 0, -6 << 9, -6 << 9]


def test_a_refractory_neuron_stands_still_while_its_current_goes_on() -> None:
    # The current keeps half of itself, the bias drives the voltage past the threshold in one step.
    made = program(population("LIFRefractory", du=2047, bias_mant=1000, refractory_period=3), synapse(INPUT, "cell", 8))
    trace = trace_of(made, spikes_at(0, length=6))
    assert first(trace["u"]) == [0, 512, 256, 128, 64, 32]
    assert first(trace["v"]) == [0, 0, 0, 0, 0, 0]
    assert first(trace["s"]) == [1, 0, 0, 0, 1, 0]
    assert first(trace["refractory"]) == [3, 2, 1, 0, 3, 2]


def test_what_a_frozen_voltage_would_have_been_is_not_counted_as_clipped() -> None:
    # The current stays below 2**23 by itself; with the bias it would take the voltage beyond it in every step but 0.
    loud = population("LIFRefractory", refractory_period=3, bias_mant=4095, bias_exp=7)
    made = program(loud, *[synapse(INPUT, "cell", 254, weight_exp=7)] * 4)
    trace = emulator.run(made, Stimulus(np.ones((8, 1), np.int8), np.array([0])), ("v",))
    assert trace.spikes[:, 0].tolist() == [1, 0, 0, 0, 1, 0, 0, 0]
    assert trace.counts["u_wraps"] == 0
    assert trace.counts["v_saturations"] == 1


@pytest.mark.parametrize(
    ("reset_delay", "spikes", "voltages"),
    [
        # In the first step 100 * 64 = 10 thresholds arrive, and half of what is left is lost in each: less 640 after
        # every spike, or in the step that follows it, in which it does not decay.
        (0, [0, 1, 1, 1, 0, 0], [0, 5760, 2240, 480, 240, 120]),
        (1, [0, 1, 1, 0, 0, 0], [0, 6400, 2560, 640, 320, 160]),
    ],
)
def test_a_spike_takes_the_threshold_from_the_voltage(reset_delay: int, spikes: list[int], voltages: list[int]) -> None:
    made = program(population("LIFSubtract", dv=2048, reset_delay=reset_delay), synapse(INPUT, "cell", 100))
    trace = trace_of(made, spikes_at(0, length=6))
    assert first(trace["s"]) == spikes
    assert first(trace["v"]) == voltages


def test_an_adaptive_threshold_rises_and_comes_back() -> None:
    made = program(population("ATRLIF"), synapse(INPUT, "cell", 20))
    trace = trace_of(made, spikes_at(0, length=5))
    assert first(trace["s"]) == [0, 1, 0, 1, 0]
    assert first(trace["v"]) == [0, 1280, 1280, 1280, 1280]  # not reset
    # 640 + 256; (256 >> 1) + 640; (128 >> 1) + 640 + 256; (320 >> 1) + 640
    assert first(trace["theta"]) == [640, 896, 768, 960, 800]
    # 2 * theta as it was before it rose; half of it; (640 >> 1) + 2 * 704; half of it
    assert first(trace["r"]) == [0, 1280, 640, 1728, 864]


def test_an_adaptive_neuron_spikes_at_its_threshold() -> None:
    for weight, fires in ((10, 1), (8, 0)):
        made = program(population("ATRLIF"), synapse(INPUT, "cell", weight))
        assert first(trace_of(made, spikes_at(0, length=2))["s"]) == [0, fires]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_an_interval_clears_every_register(kind: str) -> None:
    made = program(population(kind), synapse(INPUT, "cell", 6), interval=4)
    stimulus = spikes_at(0, 1, 2, length=8, starts=(0, 4))
    trace = emulator.run(made, stimulus, KINDS[kind].STATE)
    rest = KINDS[kind].initial(made.network.populations[0].registers)
    for name, values in trace.registers.items():
        assert (values[:4, 0] != rest[name]).any(), name
        # The spike of step 2 arrived in step 3: nothing is in flight.
        assert (values[4:, 0] == rest[name]).all(), name


def test_spikes_of_opposite_sign_contaminate_unless_they_cancel() -> None:
    stimulus = spikes_at(0, 3, length=8, starts=(0, 4))
    up = synapse(INPUT, "cell", 16, delay=2)
    assert contaminated(program(population("LIF"), up, interval=4), stimulus, np.zeros((8, 1), np.int8)) == 1
    # Spikes +1 and -1 of a ternary neuron in one step, on two synapses: their sum is what arrives.
    made = program(population("TernaryLIF", 2), replace(
        synapse("cell", "cell", 16, delay=2), indptr=np.array([0, 1, 2]), post=np.zeros(2, np.int32),
        weights=np.array([16, 16]), delays=np.array([2, 2]),
    ), interval=4)  # fmt: skip
    spikes = np.zeros((8, 2), np.int8)
    spikes[3] = 1, -1
    assert contaminated(made, stimulus, spikes) == 0
    spikes[3] = 1, 1
    assert contaminated(made, stimulus, spikes) == 1


# --- floats and registers --------------------------------------------------------------------------------------------


def drawn(kind: str, declaration: type, draw: st.DataObject) -> dict[str, np.ndarray]:
    values = {}
    for field in declaration.__dataclass_fields__:
        low, high = bounds(declaration, field)
        if declaration is KINDS[kind].Registers:
            values[field] = np.array([draw.draw(st.integers(int(low), min(int(high), 4095 if low == 0 else 1 << 20)))])
        else:
            near = st.floats(max(low, -50.0), min(high, 1000.0)).filter(lambda x: abs(x) > 1e-2)
            values[field] = np.array([draw.draw(near)])
    return values


@pytest.mark.parametrize("kind", ALL_KINDS)
@settings(max_examples=max(1, settings.default.max_examples // 4))
@given(st.data())
def test_registers_come_back_from_floats(kind: str, data: st.DataObject) -> None:
    module = KINDS[kind]
    registers: dict[str, Ints] = drawn(kind, module.Registers, data)
    registers["bias_mant"] = np.maximum(registers["bias_mant"], -4095)
    again = module.to_registers(module.to_parameters(registers, 100.0, 1.0), 100.0, 1.0)
    assert again.keys() == registers.keys() == module.Registers.__dataclass_fields__.keys()
    for name in registers.keys() - {"bias_mant", "bias_exp"}:
        assert again[name].tolist() == registers[name].tolist(), name
    assert again["bias_mant"] << again["bias_exp"] == registers["bias_mant"] << registers["bias_exp"]


@pytest.mark.parametrize("kind", ALL_KINDS)
@settings(max_examples=max(1, settings.default.max_examples // 4))
@given(st.data())
def test_the_largest_scale_fits(kind: str, data: st.DataObject) -> None:
    module = KINDS[kind]
    parameters: dict[str, Floats] = drawn(kind, module.Parameters, data)
    scale = module.largest_scale(parameters)
    for name, values in module.to_registers(parameters, scale, 1.0).items():
        if name not in ("du", "delta_i", "refractory_period"):  # a time has no scale
            assert not breaks_bound(module.Registers, name, values).any(), name


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_population_of_floats_is_quantised(kind: str) -> None:
    defaults = {name: field.default for name, field in KINDS[kind].Parameters.__dataclass_fields__.items()}
    cells = Population("cell", kind, 3, {name: np.full(3, value) for name, value in defaults.items()})
    ends = np.array([0, 3]), np.arange(3, dtype=np.int32)
    synapses = Projection("i", INPUT, "cell", "excitatory", 8, *ends, np.full(3, 0.3), np.zeros(3))
    quantised, cost = quantise_network(Network(1.0, 1, 0, (cells,), (synapses,)))
    assert not cost.losses
    for name, value in defaults.items():
        assert cost.populations[0].realised[name] == pytest.approx(value, rel=0.03), name
    rest = KINDS[kind].initial(quantised.populations[0].registers)
    assert tuple(rest) == KINDS[kind].STATE
    assert (KINDS[kind].threshold(quantised.populations[0].registers) > 0).all()


# --- what the certificate promises -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_certified_neurons_never_leave_their_ranges(seed: int) -> None:
    made, stimulus = random_case(seed, regime="alive")
    certificate = certify_network(made.network)
    trace = emulator.run(made, stimulus, REGISTERS)
    for name in ("u", "i", "theta", "r"):
        reached = np.abs(trace.registers[name].astype(np.int64)).max(axis=0)
        assert (reached <= certificate.largest_u)[certificate.certified].all(), name
        assert (reached < UV_LIMIT)[certificate.certified].all(), name


def test_a_signed_source_drives_either_way() -> None:
    # Its two synapses excite and inhibit: +1 and -1 spikes add up.
    awake = {"bias_mant": 4095, "bias_exp": 7}
    cells = population("TernaryLIF", 2, **awake)
    both = replace(
        synapse("cell", "cell", 16), indptr=np.array([0, 1, 2]), post=np.zeros(2, np.int32),
        weights=np.array([200, -100]), delays=np.zeros(2, np.uint8),
    )  # fmt: skip
    assert certify_network(program(cells, both).network).largest_sum.tolist() == [300, 0]
    unsigned = program(population("LIF", 2, **awake), both).network
    assert certify_network(unsigned).largest_sum.tolist() == [200, 0]
    # A signed source inhibits, with a synapse that excites, as much as an input that inhibits.
    parts = synapse("cell", "cell", 200), synapse(INPUT, "cell", -100)
    assert certify_network(program(population("TernaryLIF", **awake), *parts).network).largest_sum.tolist() == [300]
    # Without a bias nothing ever makes cell 1 spike.
    assert certify_network(program(population("TernaryLIF", 2), both).network).largest_sum.tolist() == [200, 0]


def test_the_refractory_state_of_an_adaptive_neuron_is_bounded() -> None:
    adaptive = population("ATRLIF", delta_v=400, delta_r=100, theta_0=4095, theta_step=0)
    made = program(adaptive, synapse(INPUT, "cell", 254, weight_exp=4))
    certificate = certify_network(made.network)
    # v stays below 254 << 10, times 4096 / 400; r may reach twice that.
    assert certificate.largest_u[0] == pytest.approx(2 * (254 << 10) * 4096 / 400, rel=1e-9)
    trace = emulator.run(made, Stimulus(np.ones((400, 1), np.int8), np.array([0])), ("v", "r"))
    reached = int(trace.registers["r"].max())
    assert trace.registers["v"].max() < reached <= certificate.largest_u[0]
    # A voltage that never leaks has no bound but its own saturation.
    assert not certify_network(program(population("ATRLIF"), synapse(INPUT, "cell", 2)).network).certified.any()
    assert certify_network(program(population("ATRLIF")).network).certified.all()


# --- what is not known of silicon ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize("interval", [0, 4])
def test_a_kind_that_no_recording_covers_is_marked(kind: str, interval: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = program(population(kind), population("LIF", name="other"), synapse(INPUT, "cell", 16), interval=interval)
    own = ("interval" if interval else "fresh") not in KINDS[kind].STOCK
    words = "own model, never compared with silicon" if own else "Lava's model, never compared with silicon"
    cell, other = report_program(made).facts["populations"]
    assert cell["standing"] == words
    assert "standing" not in other
    trace = backend.run_program("emulator", made, spikes_at(0, length=4))
    assert dict(trace.standings) == {kind: words}
    assert compare(made, trace, trace).standings == {kind: words}
    store.save_trace(tmp_path / "trace.npz", trace, program="", backend="emulator")
    assert store.load_trace(tmp_path / "trace.npz").trace.standings == trace.standings


def test_registers_that_differ_where_lava_has_one_value_are_marked() -> None:
    """Lava's ATRLIF adds one `theta_step`; where neurons have several, a model of ours does."""

    def standing(*steps: int) -> str:
        cell = population("ATRLIF", len(steps))
        cell = replace(cell, registers={**cell.registers, "theta_step": np.array(steps)})
        return standings(program(cell).network)["ATRLIF"]

    assert standing(3, 3) == "Lava's model, never compared with silicon"
    assert standing(3, 4) == "own model, never compared with silicon"


@pytest.mark.parametrize("kind", NEW)
def test_how_silicon_shows_it_is_unknown(kind: str) -> None:
    made = program(population(kind), population("LIF", name="other"), synapse(INPUT, "cell", 16))
    stimulus = spikes_at(0, length=4)
    ours = emulator.run(made, stimulus, (*KINDS[kind].STATE, "v"))
    with pytest.raises(LsmError, match=f"how silicon shows the registers of kind {kind} is unknown") as caught:
        compare(made, ours, replace(ours, view="chip"), ("v",))
    assert caught.value.hint
    spikes_alone = emulator.run(made, stimulus)
    assert compare(made, spikes_alone, replace(spikes_alone, view="chip")).equal


@pytest.mark.parametrize("kind", NEW)
def test_a_board_has_no_rule_for_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = program(population(kind))
    hardware = backend.load_backend("loihi2")
    with pytest.raises(LsmError) as caught:
        hardware.run(made, spikes_at(0, length=4))
    assert str(caught.value) == (
        f"population 'cell': backend 'loihi2' has no rule for neurons of kind '{kind}', only for LIF\n"
        "  run it on the backend 'emulator', which knows every kind"
    )


# --- specs and files -------------------------------------------------------------------------------------------------

SPEC = """
dt_ms: 1.0
seed: 1
input: {{channels: 4}}
populations:
  liquid: {{size: 10, neuron: {{kind: {kind}, {what}}}}}
projections:
  - {{source: input, target: liquid, topology: {{kind: all_to_all}}, weight: 0.1}}
"""

BAD = [
    ("TernaryLIF", "v_threshold: 1.0", "there is no key 'v_threshold'", "did you mean 'v_threshold_"),
    ("TernaryLIF", "v_threshold_lo: 0.5", "v_threshold_lo is 0.5; it should be less than 0", "change v_threshold_lo"),
    ("LIFRefractory", "t_refractory_ms: -1.0", "t_refractory_ms is -1.0; it should be greater than or equal", "change"),
    ("ATRLIF", "tau_threshold_ms: 0.0", "tau_threshold_ms is 0.0; it should be greater than 0", "change"),
    ("ATRLIF", "registers: {delta_i: 1, delta_v: 1, delta_theta: 1, delta_r: 1, theta_0: 5000}", "theta_0 is 5000",
     "change theta_0"),
    ("LIFRefractory", "registers: {du: 1, dv: 1, vth: 1, refractory_period: 64}", "refractory_period is 64", "change"),
    ("TernaryLIF", "registers: {du: 1, dv: 1, vth_hi: 1}", "the key 'vth_lo' is missing", "add 'vth_lo'"),
    ("ATRLIF", "tau_ref_ms: 3.0", "tau_ref_ms", "did you mean"),
    ("ATRLIFF", "bias: 0.0", "ATRLIFF", "did you mean 'ATRLIF'"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "what", "said", "hint"), BAD)
def test_bad_input_is_named(kind: str, what: str, said: str, hint: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC.format(kind=kind, what=what))
    with pytest.raises(LsmError) as caught:
        load(file)
    (mistake,) = caught.value.each()
    assert said in mistake.what
    assert hint in mistake.hint
    assert "spec.yaml:6:" in mistake.where


@pytest.mark.parametrize("seed", range(12))
def test_programs_of_all_kinds_come_back_from_their_files(seed: int) -> None:
    made, _ = random_case(seed)
    data = store.program_to_bytes(made)
    again = store.program_from_bytes(data, "here")
    assert store.program_to_bytes(again) == data
    stimulus = random_stimulus(np.random.default_rng(seed), made, 30)
    assert np.array_equal(emulator.run(made, stimulus).spikes, emulator.run(again, stimulus).spikes)
