"""Specs: what is read, and every mistake at once, each with its place and a way out (golden files in tests/bad)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsm_deploy.core.errors import LsmError
from lsm_deploy.spec import load, schema, values

BAD = Path(__file__).parent / "bad"
CONFIGS = Path(__file__).parents[1] / "configs"

GOOD = """
dt_ms: 1
seed: 1e0
input: {channels: 4}
populations:
  liquid: &liquid {size: 10, neuron: {kind: LIF, tau_mem_ms: 2e1, v_threshold: {distribution: constant, value: 2}}}
  other: {<<: *liquid, size: 12}
projections:
  - {source: input, target: liquid, topology: {kind: all_to_all}, weight: 1e-1}
"""


@pytest.mark.parametrize("name", sorted(file.stem for file in BAD.glob("*.yaml")))
def test_every_mistake_is_named_with_its_place_and_a_way_out(name, golden):
    with pytest.raises(LsmError) as caught:
        load(BAD / f"{name}.yaml")
    golden(BAD / f"{name}.txt", str(caught.value).replace(f"{BAD}/", ""))
    for error in caught.value.each():
        assert error.where
        assert error.hint


def test_the_golden_messages_cover_many_mistakes_each():
    lines = [(BAD / f"{name}.txt").read_text().count("\n") // 2 for name in ("contradictions", "unknown_names")]
    assert lines[0] >= 15
    assert lines[1] >= 6


def test_a_good_spec(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GOOD.replace("1e0", "1"))
    spec = load(file)
    assert spec.dt_ms == 1.0
    assert spec.projections[0].weight == 0.1  # 1e-1, which YAML 1.1 would read as text
    assert spec.populations["liquid"].neuron.tau_mem_ms == 20.0
    assert spec.populations["liquid"].neuron.v_threshold == values.Constant("constant", 2.0)
    assert spec.populations["other"].neurons == 12  # what stands here wins over what is merged in
    assert spec.samples == schema.Samples("fresh", None)
    assert spec.readout is None


def test_a_float_is_no_seed(tmp_path):
    file = tmp_path / "float.yaml"
    file.write_text(GOOD)
    with pytest.raises(LsmError, match=r"float\.yaml:3:7: seed is 1\.0, not a whole number"):
        load(file)


def test_file_names_are_relative_to_the_spec():
    spec = load(CONFIGS / "explicit.yaml")
    topology = spec.projections[0].topology
    assert isinstance(topology, schema.Explicit)
    assert topology.file == CONFIGS / "explicit_input.npz"


def test_a_missing_file():
    with pytest.raises(LsmError, match=r"nowhere\.yaml: cannot read the spec: No such file"):
        load("nowhere.yaml")


def test_a_file_that_is_no_text(tmp_path):
    file = tmp_path / "binary.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LsmError, match="a binary file of no kind that is read, not a spec"):
        load(file)
