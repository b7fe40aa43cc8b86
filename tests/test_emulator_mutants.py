"""The check against the oracle can fail: mistakes planted in the emulator's own source, one at a time, are caught.

Most are mistakes that somebody has made, or that a source describes wrongly. A mutant that no seed catches is a hole in
`programs`, not in the emulator.
"""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest
from lsm_backends import emulator
from programs import random_case
from test_emulator import check_against_oracle

from lsm_deploy import fixed
from lsm_deploy.neurons import lif

SEEDS = range(150)

CLEARED = "= _cleared(population.kind, population.size)"

# mistake: module, function, the text in it that is right, and what stands there instead
MUTANTS: dict[str, tuple[ModuleType, str, str, str]] = {
    "truncation floors": (fixed, "truncate", "np.sign(x) * (np.abs(x) >> bits)", "x >> bits"),
    "the accumulator is wider": (fixed, "wrap32", "((x + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)", "x"),
    "u keeps -2**23": (fixed, "wrap24", "x <= -UV_LIMIT", "x < -UV_LIMIT"),
    "u wraps often": (fixed, "wrap24", "x - 2 * UV_LIMIT", "(x + UV_LIMIT) % (2 * UV_LIMIT) - UV_LIMIT"),
    "u does not wrap": (fixed, "wrap24", "x > UV_LIMIT", "x > 2**40"),
    "v does not saturate": (fixed, "saturate24", "np.clip(x, -(UV_LIMIT - 1), UV_LIMIT - 1)", "x"),
    "v saturates beyond": (fixed, "saturate24", "-(UV_LIMIT - 1)", "-UV_LIMIT"),
    "the threshold is reached": (lif, "step", "v > (", "v >= ("),
    "the threshold is not aligned": (lif, "step", '(registers["vth"] << fixed.ACT_SHIFT)', 'registers["vth"]'),
    "u decays by du": (lif, "step", '["du"] + 1', '["du"]'),
    "v decays by dv + 1": (lif, "step", 'registers["dv"])', 'registers["dv"] + 1)'),
    "the bias is aligned": (lif, "step", '["bias_exp"]', '["bias_exp"] + fixed.ACT_SHIFT'),
    "sums are not aligned": (lif, "step", "(a << fixed.ACT_SHIFT)", "a"),
    "v is not reset": (lif, "step", "np.where(spikes, 0, v)", "v"),
    "u is reset": (lif, "step", '{"u": u', '{"u": np.where(spikes, 0, u)'),
    "weights lose their exponent": (emulator, "_by_delay", " << p.weight_exp", ""),
    "a delay of d takes d steps": (emulator, "_run_sample", "(t + 1 + delay)", "(t + max(1, delay))"),
    "only v is cleared": (
        emulator,
        "_run_sample",
        CLEARED,
        f'{CLEARED} | {{"u": states[population.name]["u"]}}',
    ),
    "clearing loses what is in flight": (emulator, "_run_sample", CLEARED, f"{CLEARED}; arriving[:] = 0"),
    "registers are cleared a step late": (emulator, "_run_sample", "sample_interval == 0", "sample_interval == 1"),
    "wide sums are positive": (emulator, "_run_sample", "np.abs(a)", "a"),
}


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_planted_mistake_is_caught(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, right, wrong = MUTANTS[mistake]
    source = inspect.getsource(getattr(module, function))
    assert source.count(right) == 1, "the source has changed: plant the mistake anew"
    # In the module's own namespace, so that the mutant calls, and is called by, what the original would.
    namespace = dict(vars(module))
    exec(source.replace(right, wrong), namespace)
    monkeypatch.setattr(module, function, namespace[function])
    with pytest.raises(AssertionError):
        _check_all()


def _check_all() -> None:
    for seed in SEEDS:
        check_against_oracle(*random_case(seed))
