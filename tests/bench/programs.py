"""Programs of rates in the chip's integers, beside what their own objects compute: the largest error, over the range.

    make programs

With torch the Hardtanh core and the ODE are modules, the last solved by torchdiffeq's default method; without it they
are their matrices in numpy, and the ODE is solved by Euler in steps of a hundredth of its grid's. With ncps there are
gated networks too.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import rates

import lsm_deploy as ld
from lsm_deploy.exchange.odes import integrate

SEEDS = range(5)
TORCH = find_spec("torch") is not None and find_spec("torchdiffeq") is not None
GATED = ("GRU", "LTC", "CfC") if TORCH and find_spec("ncps") is not None else ()

Case = tuple[Callable[[int], "ld.Imported"], Any, rates.Floats]
"""How it is imported, given weight_bits; its inputs; the states of the original."""


def main() -> None:
    warnings.simplefilter("ignore", category=ld.core.errors.LsmWarning)
    print(f"the largest error of {len(SEEDS)} draws, of the range of the trajectory; in integers, on the emulator")
    print(f"{'program':44} {'floats':>9} {'8 bits':>9} {'15 bits':>9}")
    for name, cases in (
        ("reservoir, spectral radius 0.9", reservoirs(0.9)),
        ("reservoir as printed, spectral radius 5", reservoirs(None)),
        ("Hardtanh core" + _with("nn.Module"), cores()),
        ("liquid ODE" + _with("odeint"), odes()),
        *((f"{name}{_with('nn.Module')}", gated(name)) for name in GATED),
    ):
        errors = np.array([measured(*case) for case in cases])
        print(f"{name:44} " + " ".join(f"{100 * worst:8.4f}%" for worst in errors.max(axis=0)))


def _with(what: str) -> str:
    return f", beside its {what}" if TORCH else ", beside numpy"


def measured(imported: Callable[[int], ld.Imported], x: Any, reference: rates.Floats) -> list[float]:
    """Errors in floats, with weights of 8 bits, and of 15."""
    coarse = imported(8)
    stimulus = ld.stimulus_of(coarse, x)
    errors = [rates.off(ld.states_of(coarse, ld.run_float(coarse.network, stimulus, ("v",))), reference)]
    for each in (coarse, imported(15)):
        program = ld.compile_built(each.network).program
        states = ld.states_of(each, ld.run_program("emulator", program, stimulus, ("v",)), program)
        errors.append(rates.off(states, reference))
    return errors


def reservoirs(spectral_radius: float | None) -> Iterator[Case]:
    for seed in SEEDS:
        made = rates.reservoir(seed, spectral_radius)

        def imported(bits: int, made: rates.Rates = made) -> ld.Imported:
            return ld.from_matrices(made.w, made.w_in, inputs=made.x, weight_bits=bits)

        yield imported, made.x, made.run()


def cores() -> Iterator[Case]:
    for seed in SEEDS:
        made = rates.core(seed)
        if TORCH:
            module, states = _core_module(seed, made.x)

            def imported(bits: int, module: Any = module) -> ld.Imported:
                return ld.from_torch(module, input_range=(-1, 1), weight_bits=bits)

            yield imported, made.x, states
        else:

            def from_arrays(bits: int, made: rates.Rates = made) -> ld.Imported:
                given = dict(bias=made.bias, activation="clip", input_range=(-1, 1))
                return ld.from_matrices(made.w, made.w_in, weight_bits=bits, **given)

            yield from_arrays, made.x, made.run()


def _core_module(seed: int, x: rates.Floats) -> tuple[Any, rates.Floats]:
    import torch
    from torch import nn

    torch.manual_seed(seed)
    module = nn.ModuleDict({"fc": nn.Linear(64, 64), "act": nn.Hardtanh(0, 1)})
    h, states = torch.zeros(64), []
    with torch.no_grad():
        for row in torch.tensor(x, dtype=torch.float32):
            h = module["act"](module["fc"](h) + row)
            states.append(h.double().numpy())
    return module, np.array(states)


def odes() -> Iterator[Case]:
    for seed in SEEDS:
        if TORCH:
            import torch
            from torch import nn
            from torchdiffeq import odeint

            torch.manual_seed(seed)
            net = nn.Sequential(nn.Linear(10, 50), nn.Tanh(), nn.Linear(50, 10))
            t, y0 = torch.linspace(0, 1, 100), torch.randn(10)
            with torch.no_grad():
                states = odeint(lambda t, y, net=net: net(y), y0, t).double().numpy()

            def imported(bits: int, net: Any = net, t: Any = t, y0: Any = y0) -> ld.Imported:
                return ld.from_ode(net, t, y0, weight_bits=bits)

            yield imported, None, states
        else:
            made = rates.ode(seed)

            def from_arrays(bits: int, made: rates.Ode = made) -> ld.Imported:
                given = (made.first, "tanh", (0.0, 1.0), made.second, made.dt, made.steps, made.y0)
                return integrate(*given, weight_bits=bits)

            yield from_arrays, None, made.run(within=100)


def gated(name: str) -> Iterator[Case]:
    """Networks as they are drawn, on 60 rows of 3 inputs."""
    import torch
    from ncps.torch import LTC, CfC
    from test_gated_modules import draw, states
    from torch import nn

    x = draw(60, 3)
    make = {"GRU": partial(nn.GRU, 3, 8, batch_first=True), "LTC": partial(LTC, 3, 6), "CfC": partial(CfC, 3, 8)}[name]
    for seed in SEEDS:
        torch.manual_seed(seed)
        module = make()

        def imported(bits: int, module: Any = module) -> ld.Imported:
            return ld.from_torch(module, inputs=x, input_range=(-1, 1), weight_bits=bits)

        yield imported, x, states(module, x)


if __name__ == "__main__":
    main()
