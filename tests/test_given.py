"""Specs from Python: from mappings, YAML text and keywords, held to the very same rules as files."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec.changes import leaves
from lsm_deploy.spec.source import parse

CONFIGS = Path(__file__).parents[1] / "configs"
BAD = Path(__file__).parent / "bad"
VOWELS = ld.load(CONFIGS / "japanese_vowels.yaml")


def mistakes(call: Any, *arguments: Any, **named: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(LsmError) as caught:
        call(*arguments, **named)
    return [(error.where, error.what, error.hint) for error in caught.value.each()]


# --- and back --------------------------------------------------------------------------------------------------------


def assert_comes_back(spec: ld.Spec) -> None:
    text, data = ld.dumps(spec), spec.to_dict()
    assert ld.loads(text) == ld.Spec.from_dict(data) == ld.Spec.from_dict(json.loads(json.dumps(data))) == spec
    assert ld.dumps(ld.loads(text)) == text
    assert spec.with_() == spec


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_config_comes_back(file: Path) -> None:
    spec = ld.load(file)
    assert_comes_back(spec)
    assert ld.Spec.from_dict(parse(file.read_text(), file).data, base=CONFIGS) == spec
    assert ld.loads(file.read_text(), base=CONFIGS) == spec
    for path, value in leaves(spec).items():
        assert spec.with_(**{path: value}) == spec, path


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every part of plain data that is not the whole."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*path, step), inner
        yield from paths_of(inner, (*path, step))


def test_specs_with_parts_of_others_come_back_or_are_refused() -> None:
    """A part of a spec is put where another has one of its name; what does not fit there is a mistake with a place."""
    rng = random.Random(15)
    specs = [ld.load(file) for file in sorted(CONFIGS.glob("*.yaml"))]
    pool: dict[Any, list[Any]] = {}
    for spec in specs:
        for (*_, name), part in paths_of(spec.to_dict()):
            pool.setdefault(name, []).append(part)
    odd = [None, 0, 0.5, True, "x", [], {}, 1e-31, float("inf"), ["a", 1], {"kind": "LIF"}, np.float32(2), 10**400]
    refused: list[LsmError] = []
    came_back = 0
    for _ in range(60):
        spec = rng.choice(specs)
        places = [path for path, _ in paths_of(spec.to_dict())]
        changes = {path: rng.choice(pool[path[-1]] if rng.random() < 0.9 else odd) for path in rng.sample(places, 2)}
        try:
            other = spec.with_(changes)
        except LsmError as error:
            refused += error.each()
        else:
            came_back += 1
            assert_comes_back(other)
    assert all(error.where and error.hint for error in refused)
    assert 15 < came_back < 55


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_mapping_is_refused_for_what_a_file_is_refused_for(file: Path) -> None:
    try:
        source = parse(file.read_text(), file)
    except LsmError:
        return  # no YAML, and so no mapping
    if source.errors or not isinstance(source.data, dict):
        return
    in_file = [(what, hint) for _, what, hint in mistakes(ld.load, file)]
    from_python = mistakes(ld.Spec.from_dict, source.data)
    assert sorted((what, hint) for _, what, hint in from_python) == sorted(in_file)
    assert not any(re.search(r"\d:\d", where) for where, _, _ in from_python)


def test_every_mistake_of_a_mapping_is_named_with_its_path() -> None:
    given = {"dt_ms": 1.0, 3: 4, "seed": float("nan"), "input": object(), "populations": {"a\x00": {}}}
    assert mistakes(ld.Spec.from_dict, given | {"projections": [{"source": "x" * 6000}]}) == [
        ("the spec", "a key is of type int, and not text", "write a name"),
        ("seed", "seed is nan, not a whole number", "write a whole number"),
        ("input", "this is of type object, and no plain value", "give numbers, text, lists and mappings"),
        ("populations", "this text holds the character U+0000", "remove it"),
        ("projections.0", "the key 'target' is missing", "add 'target'"),
        ("projections.0", "the key 'topology' is missing", "add 'topology'"),
        ("projections.0.source", "this is 6000 characters long", "write at most 5000"),
    ]
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert mistakes(ld.Spec.from_dict, endless)[0][1] == "this is nested more than 64 deep"
    assert mistakes(ld.Spec.from_dict, {"seed": 10**400, "x": list(range(10**5))})[0][1].startswith(
        "a spec has at most"
    )
    assert mistakes(VOWELS.with_, seed=10**400)[0][1] == "this is a whole number of too many digits"


def test_text_is_refused_with_line_and_column() -> None:
    found = mistakes(ld.loads, "dt_ms: x\nseed: 3\ninput: {channels: 0}\npopulations: {}\nprojections: []\n")
    assert [where for where, _, _ in found] == ["the text:1:8", "the text:3:19", "the text:4:14"]
    assert mistakes(ld.loads, "#" * (1 << 21))[0][1].startswith("this is no spec: it has more than")


# --- other values ----------------------------------------------------------------------------------------------------


def test_values_are_put_at_paths() -> None:
    changed = VOWELS.with_({"projections.0.weight": 2, ("populations", "liquid", "grid"): [2, 2, 2]})
    assert changed.projections[0].weight == 2.0
    assert changed.populations["liquid"].grid == (2, 2, 2)
    assert VOWELS.with_(projections__0__weight=2) == VOWELS.with_({"projections.input->liquid.weight": np.float32(2)})
    assert VOWELS.with_(quantise__weight_bits=np.int8(4)).quantise.weight_bits == 4
    assert VOWELS.with_(data=None).data is None
    assert VOWELS.with_({"samples": {"policy": "interval", "steps": 900}, "samples.steps": 800}).samples.steps == 800
    other = VOWELS.with_(populations={"liquid": VOWELS.populations["liquid"]}, readout=VOWELS.readout)
    assert other == VOWELS
    forecast = ld.load(CONFIGS / "mackey_glass.yaml").with_({"readout.features.squares": True})
    assert forecast.readout.features.squares
    left_out = ld.load(CONFIGS / "ternary.yaml")
    assert left_out.with_(target__board="none").target.board == "none"


def test_what_is_left_out_is_put_into_as_its_default() -> None:
    bare = ld.load(CONFIGS / "mackey_glass.yaml")
    bare = bare.with_({"readout.features": None})
    assert bare.readout.features.kind == "states"
    assert bare.with_(readout__features__tau_ms=7.0).readout.features.tau_ms == 7.0


def test_every_mistake_of_changes_is_named() -> None:
    wrong = {
        "projections.7.weight": 2.0,
        "projections.input->liqud.weight": 2.0,
        "projections.0.wieght": 1.0,
        "populations.liqud.size": 3,
        "seed": 1.5,
        "dt_ms.x": 1,
    }
    assert mistakes(VOWELS.with_, wrong) == [
        ("projections.7", "projections has no item 7", "count from 0 to 1"),
        ("projections.input->liqud", "projections has no item input->liqud", "did you mean 'input->liquid'?"),
        ("dt_ms.x", "dt_ms is 1.0, and has nothing in it", "give dt_ms as a whole"),
        ("seed", "seed is 1.5, not a whole number", "write a whole number"),
        ("populations.liqud", "the key 'neuron' is missing", "add 'neuron'"),
        ("projections.0.wieght", "there is no key 'wieght' here", "did you mean 'weight'?"),
    ]
    assert mistakes(VOWELS.with_, dt_ms=None) == [("the spec", "the key 'dt_ms' is missing", "add 'dt_ms'")]
    assert mistakes(VOWELS.with_, 3)[0][1] == "the changes is of type int, not Mapping"
    assert mistakes(VOWELS.with_, {3: 1})[0][1] == "the path is of type int, not str or tuple"


def test_files_of_a_mapping_are_in_its_folder(tmp_path: Path) -> None:
    data = {**VOWELS.to_dict(), "data": {"train": "a.npz", "test": Path("b.npz")}}
    assert ld.Spec.from_dict(data, base=tmp_path).data.train == tmp_path / "a.npz"
    assert ld.Spec.from_dict(data).data.test == Path("b.npz")
    assert mistakes(ld.Spec.from_dict, data, base=3)[0][1].startswith("the path is of type int")
