"""LIF: floats to registers and back, and how silicon reads them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsm_deploy.core.neurons import breaks_bound, lif, membrane
from lsm_deploy.core.neurons.kind import Floats

times = st.floats(0.01, 1e5)


def parameters(**given: float) -> dict[str, Floats]:
    values = {"tau_mem_ms": 20.0, "tau_syn_ms": 5.0, "v_threshold": 1.0, "bias": 0.0} | given
    return {name: np.array([value]) for name, value in values.items()}


def quantised(scale: float = 100.0, dt_ms: float = 1.0, **given: float) -> dict[str, int]:
    registers = lif.to_registers(parameters(**given), scale, dt_ms)
    assert registers.keys() == lif.Registers.__dataclass_fields__.keys()
    return {name: int(values[0]) for name, values in registers.items()}


@given(times, times, st.floats(0.01, 100), st.floats(-50, 50), st.floats(1, 1000), st.sampled_from([0.1, 1.0, 3.0]))
def test_rounds_to_the_nearest(
    tau_mem: float, tau_syn: float, threshold: float, bias: float, scale: float, dt_ms: float
) -> None:
    registers = quantised(scale, dt_ms, tau_mem_ms=tau_mem, tau_syn_ms=tau_syn, v_threshold=threshold, bias=bias)
    half = 0.5 + 1e-4  # `fixed.stable` keeps ten digits
    assert abs(registers["du"] + 1 - 4096 * (1 - np.exp(-dt_ms / tau_syn))) <= half
    assert abs(registers["dv"] - 4096 * (1 - np.exp(-dt_ms / tau_mem))) <= half or registers["dv"] == 4095
    assert abs(registers["vth"] - scale * threshold) <= half
    unit = 2 ** registers["bias_exp"]
    if abs(64 * scale * bias) <= 4095 * 128:
        assert abs(registers["bias_mant"]) <= 4095
        # Rounded to an integer first, then to a mantissa.
        assert abs(registers["bias_mant"] * unit - 64 * scale * bias) <= 0.5 * unit + (unit > 1) * 0.5
    # No larger an exponent than the mantissa needs.
    assert registers["bias_exp"] == 0 or abs(64 * scale * bias) >= 4095 * unit / 2


@given(st.integers(0, 4095), st.integers(0, 4095), st.integers(1, 131071), st.integers(-4095, 4095), st.integers(0, 7))
def test_registers_come_back(du: int, dv: int, vth: int, bias_mant: int, bias_exp: int) -> None:
    given = {"du": du, "dv": dv, "vth": vth, "bias_mant": bias_mant, "bias_exp": bias_exp}
    registers = {name: np.array([value]) for name, value in given.items()}
    floats = lif.to_parameters(registers, 100.0, 1.0)
    assert floats["tau_mem_ms"] > 0
    assert floats["tau_syn_ms"] >= 0
    again = {name: int(values[0]) for name, values in lif.to_registers(floats, 100.0, 1.0).items()}
    assert [again[name] for name in ("du", "dv", "vth")] == [du, dv, vth]
    assert again["bias_mant"] << again["bias_exp"] == bias_mant << bias_exp


def test_du_has_an_offset_and_dv_has_none() -> None:
    # 1 - exp(-1 / tau) = 1/2 at tau = 1 / ln 2.
    half = quantised(tau_mem_ms=1 / np.log(2), tau_syn_ms=1 / np.log(2))
    assert (half["du"], half["dv"]) == (2047, 2048)


def test_no_time_constant_forgets_at_once() -> None:
    assert quantised(tau_syn_ms=0.0)["du"] == 4095
    # 4096 would be exact, but lies beyond the register.
    assert quantised(tau_mem_ms=1e-9)["dv"] == 4095


def test_a_huge_time_constant_never_forgets() -> None:
    slow = quantised(tau_mem_ms=1e9, tau_syn_ms=1e9)
    assert slow["dv"] == 0
    # -1, which the caller clips to 0 and reports: the chip's slowest current still leaks.
    assert slow["du"] == -1


def test_the_ends_of_the_registers_read_as_floats() -> None:
    registers = {"du": np.array([4095]), "vth": np.array([0]), "bias_mant": np.array([0]), "bias_exp": np.array([0])}
    forgets = lif.to_parameters({**registers, "dv": np.array([4096])}, 1.0, 1.0)
    keeps = lif.to_parameters({**registers, "dv": np.array([0])}, 1.0, 1.0)
    assert (forgets["tau_syn_ms"][0], forgets["tau_mem_ms"][0], keeps["tau_mem_ms"][0]) == (0, 0, np.inf)


@given(st.floats(0.001, 1000), st.one_of(st.just(0.0), st.floats(-1000, 1000).filter(lambda b: abs(b) > 1e-3)))
def test_the_largest_scale_fits(threshold: float, bias: float) -> None:
    scale = lif.largest_scale(parameters(v_threshold=threshold, bias=bias))
    registers = lif.to_registers(parameters(v_threshold=threshold, bias=bias), scale, 1.0)
    for name, values in registers.items():
        assert not breaks_bound(lif.Registers, name, values).any(), name
    assert registers["vth"][0] * membrane.THRESHOLD_HEADROOM <= 131072


def test_a_bias_that_does_not_fit_is_left_to_the_caller() -> None:
    registers = quantised(bias=1000.0)
    assert registers["bias_exp"] == 7
    assert registers["bias_mant"] == 50000


@pytest.mark.parametrize(("register", "seen"), [("v", [5, 128, -3]), ("u", [5, 0, -3])])
def test_silicon_reads_128_where_it_spiked(register: str, seen: list[int]) -> None:
    spikes = np.array([[0], [1], [0]], np.int8)
    values = np.array([[5], [0], [-3]], np.int32)
    view = lif.chip_view(register, values, spikes)
    assert view.dtype == np.int32
    assert view[:, 0].tolist() == seen
