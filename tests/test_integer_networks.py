"""Integer networks of several populations in an `.npz`: out and in again they are the same, mistakes are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import ALL_KINDS, GRADED_KINDS, random_program

from lsm_deploy.compile.pipeline import compile_built, compile_network
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import INPUT, Network
from lsm_deploy.formats.integer_files import load_network
from lsm_deploy.store import save_program


def arrays_of(network: Network) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "populations": [p.name for p in network.populations], "dt_ms": network.dt_ms,
        "sample_interval": network.sample_interval, "input.size": network.channels,
        "input_message": [network.input.bits, int(network.input.signed), network.input.fraction],
    }  # fmt: skip
    for p in network.populations:
        arrays |= {f"{p.name}.kind": p.kind, f"{p.name}.size": p.size}
        arrays |= {f"{p.name}.{field}": values for field, values in p.registers.items()}  # type: ignore[union-attr]
    for q in network.projections:
        fields = ("pre", "post", "delays", "weight_exp", "num_weight_bits", "sign_mode")
        arrays |= {q.name: q.weights} | {f"{q.name}.{field}": getattr(q, field) for field in fields}  # type: ignore[union-attr]
    return arrays


@pytest.mark.parametrize("kind", [*ALL_KINDS, *GRADED_KINDS, "any"])
def test_out_and_in_again_is_the_same_program(kind: str, tmp_path: Path) -> None:
    kinds = [*ALL_KINDS, *GRADED_KINDS] if kind == "any" else [kind]
    for seed in range(8):
        channels = 0 if seed == 7 else None
        drawn = random_program(np.random.default_rng(seed), kinds=kinds, channels=channels, regime="alive").network
        # As a file orders and calls them.
        order = [INPUT, *drawn.sizes]
        named = [replace(q, name=q.name + ".gate" * q.port) for q in drawn.projections]
        named.sort(key=lambda q: (order.index(q.target), order.index(q.source), q.port))
        facts = (drawn.dt_ms, drawn.channels, drawn.sample_interval, drawn.populations)
        network = Network(*facts, tuple(named), drawn.input)
        np.savez(tmp_path / "net.npz", **arrays_of(network))
        save_program(tmp_path / "a.lsm", compile_built(network, "none").program)
        save_program(tmp_path / "b.lsm", compile_network(tmp_path / "net.npz", board="none").program)
        assert (tmp_path / "a.lsm").read_bytes() == (tmp_path / "b.lsm").read_bytes()


NET: dict[str, Any] = {
    "populations": ["a", "b"], "a.du": 300, "a.dv": 150, "a.vth": [400, 500, 600], "input->a": [[1], [0], [-13]],
    "b.size": 2, "b.du": 300, "b.dv": 150, "b.vth": 9,
    "a->b": [4, -2, 6], "a->b.pre": [2, 0, 0], "a->b.post": [1, 0, 0], "a->b.delays": [1, 9, 2],
    "a->b:more": np.ones((2, 3), int), "a->b:more.weight_exp": 3, "a->b:more.sign_mode": "excitatory",
}  # fmt: skip


def save(folder: Path, **changes: Any) -> Path:
    np.savez(folder / "net.npz", **{k: v for k, v in {**NET, **changes}.items() if v is not None})
    return folder / "net.npz"


def test_lists_and_labels_are_what_they_say(tmp_path: Path) -> None:
    made = {p.name: p for p in compile_network(save(tmp_path)).program.network.projections}
    assert set(made) == {"input->a:exc", "input->a:inh", "a->b:exc", "a->b:inh", "a->b:more"}
    exc = made["a->b:exc"]
    assert [exc.pre.tolist(), exc.post.tolist(), exc.weights.tolist(), exc.delays.tolist()] == [
        [0, 2], [0, 1], [6, 4], [2, 1]
    ]  # fmt: skip
    assert made["a->b:more"].weight_exp == 3


def test_a_pair_that_is_joined_twice_is_ordered_by_delay(tmp_path: Path) -> None:
    twice = {"a->b.pre": [2, 2, 2], "a->b.post": [1, 1, 1], "a->b": [4, 5, 6], "a->b.delays": [9, 3, 5]}
    (exc,) = [p for p in load_network(save(tmp_path, **twice)).projections if p.name == "a->b:exc"]
    assert [exc.weights.tolist(), exc.delays.tolist()] == [[5, 6, 4], [3, 5, 9]]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"b.size": 0}, "b.size is 0, not 1 to"),
        ({"b.size": 1 << 62}, "b.size is 4611686018427387904, not 1 to"),
        ({"b.size": (1 << 31) - 1, "a->b:more": None, "a->b:more.weight_exp": None, "a->b:more.sign_mode": None},
         "of memory"),
        ({"input->a": np.zeros((1 << 40, 0), int), "a.vth": 9}, "of memory"),
        ({"input.size": 1 << 40}, "input.size is"),
        ({"input.size": 2}, "input->a has shape"),
        ({"a->b.pre": [3, 0, 0]}, "a->b.pre: entry 0 is 3, not 0 to 2"),
        ({"a->b.post": [-1, 0, 0]}, "a->b.post: entry 0 is -1"),
        ({"a->b.pre": None}, "a->b.pre: it is missing"),
        ({"a->b": [1, 2]}, "a->b has shape"),
        ({"a->b": ["1", "2", "3"]}, "not numbers"),
        ({"a->b": [0.5, 1, 2]}, "an exact weight is an integer"),
        ({"a->b.delays": [0.5, 1, 2]}, "no steps"),
        ({"a->b:more.sign_mode": "inhibitory"}, "its sign_mode is inhibitory"),
        ({"a->b:more.sign_mode": "exitatory"}, "sign_mode is exitatory"),
        ({"a->b.num_weight_bits": 9}, "num_weight_bits is 9, not 1 to 8"),
        ({"sample_interval": -1}, "sample_interval is -1"),
        ({"a->b:mroe.weight_exp": 1}, "there is no array 'a->b:mroe.weight_exp'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(changes: dict[str, Any], what: str, tmp_path: Path) -> None:
    with pytest.raises(LsmError) as caught:
        load_network(save(tmp_path, **changes))
    said = [error for error in caught.value.each() if what in str(error)]
    assert said, str(caught.value)
    assert all(error.hint and error.where for error in caught.value.each())
