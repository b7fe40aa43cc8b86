"""One step of a LIF neuron in each backend's own code, on arrays: nothing of it is written down here a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

CHUNK = 1 << 18

Step = Callable[..., tuple[Any, Any, Any]]
"""(u, v, a, du, dv, vth, mant, exp), int64 arrays of one length, to (u, v, spikes)."""


@contextmanager
def emulator() -> Iterator[Step]:
    """`lsm_deploy.core.neurons.lif.step`, and `lsm_deploy.core.fixed` under it."""
    from lsm_deploy.core.neurons import lif

    def step(u: Any, v: Any, a: Any, du: Any, dv: Any, vth: Any, mant: Any, exp: Any) -> tuple[Any, Any, Any]:
        registers = {"du": du, "dv": dv, "vth": vth, "bias_mant": mant, "bias_exp": exp}
        after = lif.step(registers, {"u": u, "v": v}, a)
        return after.state["u"], after.state["v"], after.spikes

    yield step


@contextmanager
def fast() -> Iterator[Step]:
    """The compiled kernel that `lsm_backends.fast` calls for LIF populations, in int32, from sums of each width.

    The engine keeps sums in int64 where a true one could leave 32 bits, and in int16 where none can leave 16.
    """
    from lsm_backends.fast.kernels import neurons

    def step(u: Any, v: Any, a: Any, du: Any, dv: Any, vth: Any, mant: Any, exp: Any) -> tuple[Any, Any, Any]:
        constants = np.stack([4095 - du, 4096 - dv, vth << 6, mant << exp]).astype(np.int32)
        widths: list[Any] = [np.int64, np.int32]
        if np.abs(a).max(initial=0) < 2**15:
            widths.append(np.int16)
        answers = []
        for width in widths:
            state = np.stack([u, v]).astype(np.int32)
            spikes = np.zeros(len(u), np.int8)
            neurons.lif(constants, state, a.astype(width), spikes, 0, len(u))
            answers.append((state[0], state[1], spikes))
        for width, answer in zip(widths, answers, strict=True):
            same = all(np.array_equal(ours, first) for ours, first in zip(answer, answers[0], strict=True))
            assert same, f"sums of {np.dtype(width)} give another answer than sums of int64"
        return answers[0]

    yield step


@contextmanager
def brian(codegen: str = "numpy") -> Iterator[Step]:
    """The equations, threshold and reset that `lsm_backends.brian` gives to Brian, run by Brian."""
    with brian_kind("LIF", codegen) as run:

        def step(u: Any, v: Any, a: Any, du: Any, dv: Any, vth: Any, mant: Any, exp: Any) -> tuple[Any, Any, Any]:
            registers = {"du": du, "dv": dv, "vth": vth, "bias_mant": mant, "bias_exp": exp}
            return run({"u": u, "v": v}, registers, a)

        yield step


@contextmanager
def brian_kind(kind: str, codegen: str = "numpy") -> Iterator[Callable[..., tuple[Any, ...]]]:
    """One step of a kind in Brian: (state by name, registers by name, a) to the new state and the spikes."""
    from lsm_backends import brian as backend

    from lsm_deploy.core.neurons import KINDS

    rule = backend._RULES[kind]
    names = ["a", *rule.state.values(), *backend.COUNTS]
    with backend._brian("numpy") as b2:
        fields = KINDS[kind].Registers.__dataclass_fields__
        constants = rule.constants({name: np.zeros(1, np.int64) for name in fields})
        clock = b2.Clock(dt=1 * b2.second)
        group = b2.NeuronGroup(
            CHUNK,
            "\n".join(f"{name} : 1" for name in [*names, *constants, "length"]),
            threshold=rule.threshold,
            reset=rule.reset,
            clock=clock,
            namespace={"interval": 1 << 62, "largest_sum": 32767.0},
        )
        group.run_regularly(f"{backend._COMMON}{rule.update}\na = 0", clock=clock, when="start")
        counter = b2.SpikeMonitor(group, record=False)
        net = b2.Network(group, counter)
        net.schedule = ["start", "groups", "thresholds", "synapses", "resets", "end"]
        b2.prefs["codegen.target"] = codegen
        net.run(1 * b2.second, namespace={})  # step 0 clears registers; all others go on from them

        def run(state: dict[str, Any], registers: dict[str, Any], a: Any) -> tuple[Any, ...]:
            named = {rule.state[name]: values for name, values in state.items()}
            for name, values in (named | {"a": a} | rule.constants(registers)).items():
                whole = np.zeros(CHUNK)
                whole[: len(a)] = values
                getattr(group, name + "_")[:] = whole
            before = counter.count_[:].copy()
            net.run(1 * b2.second, namespace={})
            fired = counter.count_[:] - before
            after = (getattr(group, name + "_")[: len(a)].copy() for name in named)
            return (*after, fired[: len(a)])

        yield run


class Port:
    """Stands in for a port of Lava: what is received, and what was sent."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def recv(self) -> Any:
        return self.value

    def send(self, value: Any) -> None:
        self.value = value


@contextmanager
def lava() -> Iterator[Step]:
    """`run_spk` of lava-nc's `PyLifModelBitAcc`, with the dtypes that its builder gives to variables and ports."""
    from lava.proc.lif.models import PyLifModelBitAcc

    def step(u: Any, v: Any, a: Any, du: Any, dv: Any, vth: Any, mant: Any, exp: Any) -> tuple[Any, Any, Any]:
        model = PyLifModelBitAcc(proc_params={})
        # Registers are int32; a product that stands for one is wider.
        model.u, model.v = (x.astype(np.int32 if np.abs(x).max(initial=0) < 2**31 else np.int64) for x in (u, v))
        model.du, model.dv, model.vth = (x.astype(np.int32) for x in (du, dv, vth))
        model.bias_mant, model.bias_exp = mant.astype(np.int16), exp.astype(np.int16)
        model.a_in, model.s_out = Port(a.astype(np.int32)), Port()
        model.run_spk()
        return model.u, model.v, model.s_out.value

    yield step


ALL: dict[str, Callable[[], Any]] = {
    "emulator": emulator,
    "fast": fast,
    "brian (numpy)": brian,
    "brian (cython)": lambda: brian("cython"),
    "lava": lava,
}
PACKAGES = {"fast": "numba", "brian (numpy)": "brian2", "brian (cython)": "brian2", "lava": "lava.proc.lif"}
"""What an implementation needs beside this project."""
