"""The proofs of `make prove` on edges and a thousandth of the rest; and what Lava makes of what no program holds."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from prove import adaptive, gated, graded, subtract
from prove.__main__ import QUICK, missing
from prove.claims import CLAIMS, check
from prove.implementations import ALL
from prove.weights import CLAIMS as WEIGHTS

from lsm_deploy.core.neurons import KINDS
from lsm_deploy.parity import variants

HERE = Path(__file__).parent
TIMED = ("graded-clock", "graded-silence")
"""Rules that no single step shows."""
IN_PROCESS = ("emulator", "fast", "brian (numpy)")
needs_lava = pytest.mark.skipif(importlib.util.find_spec("lava") is None, reason="lava-nc is not installed here")


def check_all(step, wide=True):
    for claim in CLAIMS:
        if wide or not claim.wide:
            assert check(claim, step, QUICK) > 1000


@pytest.mark.once
@pytest.mark.deep(one_in=3)
@pytest.mark.parametrize("name", IN_PROCESS)
def test_primitives(name):
    if why := missing(name):
        pytest.skip(why)
    with ALL[name]() as step:
        check_all(step, wide=name != "fast")
    for weight in WEIGHTS:
        if weight.implementation == name:
            assert weight.check() > 1000


@pytest.mark.once
@pytest.mark.deep(one_in=3)
@pytest.mark.parametrize("name", IN_PROCESS)
def test_primitives_of_an_adaptive_neuron(name):
    if why := missing(name):
        pytest.skip(why)
    with adaptive.ALL[name]() as step:
        check_adaptive(step, wide=name != "fast")


def check_adaptive(step, wide=True):
    for _, _, _, inputs, needs_room in adaptive.CLAIMS:
        if wide or not needs_room:
            assert adaptive.check(inputs, step, QUICK) > 1000


@pytest.mark.once
@pytest.mark.deep(one_in=2)
@pytest.mark.parametrize("name", IN_PROCESS)
def test_primitives_of_a_neuron_that_subtracts(name):
    if why := missing(name):
        pytest.skip(why)
    with subtract.ALL[name]() as step:
        check_subtract(step)


def check_subtract(step):
    for _, _, _, inputs in subtract.CLAIMS:
        assert subtract.check(inputs, step, QUICK) > 1000


@pytest.mark.parametrize("rule", [rule.name for rule in KINDS["LIFSubtract"].RULES])
def test_a_broken_reset_is_found(rule):
    broken = variants.broken_emulator(variants.RULES[rule]).KINDS["LIFSubtract"]

    def step(state, registers, a):
        after = broken.step(registers, state, a)
        return (*(after.state[name] for name in subtract.STATE), after.spikes)

    with pytest.raises(AssertionError, match=r"LIFSubtract: [vs] is .*, not .*, for "):
        check_subtract(step)


@pytest.mark.once
@pytest.mark.parametrize("name", graded.ALL)
def test_primitives_of_a_graded_neuron(name):
    with graded.ALL[name]() as step:
        for _, _, _, inputs, sums in graded.CLAIMS:
            if not sums or name == "emulator":
                assert graded.check(inputs, step, QUICK) > 1000


@pytest.mark.once
@pytest.mark.parametrize("rule", [rule.name for rule in KINDS["GradedLI"].RULES if rule.name not in TIMED])
def test_a_broken_graded_primitive_is_found(rule):
    broken = variants.broken_emulator(variants.RULES[rule]).KINDS["GradedLI"]

    def step(given):
        after = broken.step(given, broken.initial(given), given["a"])
        return after.state["u"], after.state["v"], after.spikes

    def check_each():
        for _, _, _, inputs, _ in graded.CLAIMS:
            graded.check(inputs, step, QUICK)

    with pytest.raises(AssertionError, match=r"(the sum's register|v|s) is .*, not .*, for "):
        check_each()


def check_gated(step, reached=True):
    for _, _, _, inputs, sums in gated.CLAIMS:
        if reached or not sums:
            assert gated.check(inputs, step, QUICK) > 1000


@pytest.mark.once
@pytest.mark.deep(one_in=2)
@pytest.mark.parametrize("name", gated.ALL)
def test_primitives_of_a_gated_neuron(name):
    with gated.ALL[name]() as step:
        check_gated(step, reached=name == "emulator")


@pytest.mark.deep(one_in=4)
@pytest.mark.once
@pytest.mark.parametrize("rule", [rule.name for rule in KINDS["GatedLI"].RULES if rule.name != "gated-ratio"])
def test_a_broken_gated_primitive_is_found(rule):
    broken = variants.broken_emulator(variants.RULES[rule]).KINDS["GatedLI"]

    def step(given):
        after = broken.step(given, broken.initial(given), np.stack([given["a"], given["b"]]))
        return after.state["w"], after.state["v"], after.spikes

    with pytest.raises(AssertionError, match=r"(the sum's register|v|s) is .*, not .*, for "):
        check_gated(step)


@pytest.mark.once
@pytest.mark.parametrize(
    "rule", ["theta-rest", "theta-offset", "theta-step-shift", "r-offset", "r-order", "r-once", "adaptive-threshold"]
)
def test_a_broken_adaptive_primitive_is_found(rule):
    broken = variants.broken_emulator(variants.RULES[rule]).KINDS["ATRLIF"]

    def step(state, registers, a):
        after = broken.step(registers, state, a)
        return (*(after.state[name] for name in adaptive.STATE), after.spikes)

    with pytest.raises(AssertionError, match=r"ATRLIF: (theta|r|s) is .*, not .*, for "):
        check_adaptive(step)


@pytest.mark.lava
@needs_lava
def test_primitives_of_lava():
    # In a process of its own: importing Lava changes how processes are started.
    command = [sys.executable, "-m", "prove", "--quick", "--only", "lava"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("equal") == len(CLAIMS) + len(adaptive.CLAIMS) + len(subtract.CLAIMS) + 2, done.stdout


@pytest.mark.once
@pytest.mark.parametrize(
    "rule",
    [
        "rounding", "rounding-nearest", "du-offset", "dv-offset", "product-width", "accumulator", "u-edge", "u-period",
        "u-wrap", "v-saturation", "v-edge", "threshold", "threshold-shift", "v-reset", "v-reset-none", "u-no-reset",
        "order", "bias-shift", "bias-exponent", "sum-shift",
    ],
)  # fmt: skip
def test_a_broken_primitive_is_found(rule):
    broken = variants.broken_emulator(variants.RULES[rule]).KINDS["LIF"]

    def step(u, v, a, du, dv, vth, mant, exp):
        registers = {"du": du, "dv": dv, "vth": vth, "bias_mant": mant, "bias_exp": exp}
        after = broken.step(registers, {"u": u, "v": v}, a)
        return after.state["u"], after.state["v"], after.spikes

    with pytest.raises(AssertionError, match=r": [uvs] is .*, not .*, for "):
        check_all(step)


@pytest.mark.lava
@needs_lava
def test_what_lava_makes_of_weights_that_no_program_holds():
    """Edges where Lava is not what one might think: why a program states its sign mode, and keeps to its grid."""
    code = """
import numpy as np
from lava.utils.weightutils import SignMode, clip_weights, determine_sign_mode, truncate_weights
def lava(weights, bits, mode=None):
    weights = np.array(weights)
    mode = determine_sign_mode(weights) if mode is None else mode
    return truncate_weights(clip_weights(weights, mode, num_bits=8), mode, bits).tolist()
# Off the grid, weights of one sign lose magnitude; mixed ones move to the left, whatever their sign.
assert lava([-5, -3], 6) == [-4, 0]
assert lava([5, 3], 6) == [4, 0]
assert lava([-5, 5], 7) == [-8, 4]
# -256 exists beside a positive weight only: without one the mode is inhibitory, which ends at -255.
assert lava([-256, 2], 8) == [-256, 2]
assert lava([-256, 0], 8) == [-255, 0]
# 255 exists beside no negative weight.
assert lava([255, -2], 8) == [254, -2]
# Nothing but the guess distinguishes these: one negative weight makes odd ones even.
assert lava([7, 9], 8) == [7, 9]
assert lava([7, 9, -1], 8) == [6, 8, -2]
# NULL is a mode, and no request for a guess: it has no negative weights.
assert lava([-8, 8], 8, SignMode.NULL) == [0, 8]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
