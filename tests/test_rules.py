"""The design-rule check: every rule with its value, limit and margin; a broken one is exit status 1."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from liquid import liquid
from programs import random_program

from lsm_deploy import store
from lsm_deploy.cli import main
from lsm_deploy.compile.place.cores import load_of, place_network
from lsm_deploy.compile.place.rules import check_rules
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.errors import LsmError

GOLDEN = Path(__file__).parent / "golden"
SMALL = replace(
    BOARDS["oheo_gulch"],
    name="small",
    cores_per_chip=16,
    neurons_per_core=4,
    axons_per_core=12,
    groups_per_core=2,
    synapse_units_per_core=14,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.save_program("p.lsm", liquid(interval=24))
    return tmp_path


def call(*arguments, status=0):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == status, done.output
    return done.stdout


def broken(network, target):
    return [rule.name for rule in check_rules(network, target) if rule.status == "broken"]


@given(st.integers(0, 10_000))
def test_a_rule_is_broken_where_placement_fails_and_only_there(seed):
    network = random_program(np.random.default_rng(seed), sizes=(12, 14, 12), channels=6, projections=3).network
    found = [name for name in broken(network, SMALL) if not name.startswith("dv of")]
    try:
        program = place_network(network, SMALL)
    except LsmError:
        assert found
        return
    assert not found
    values = {rule.name: rule.value for rule in check_rules(network, SMALL)}
    loads = load_of(program)
    assert values["cores"] == len(loads)
    assert values["neurons on a core"] == max(load.neurons for load in loads)
    assert values["input axons of a core"] == max(load.axons for load in loads)
    assert values["synapse memory of a core"] == max(load.synapse_units for load in loads)
    assert values["groups on a core"] == max(load.groups for load in loads)


def test_each_limit_breaks_its_rule():
    network = liquid().network
    roomy = replace(BOARDS["oheo_gulch"], name="small")
    assert broken(network, roomy) == []
    assert broken(network, replace(roomy, cores_per_chip=2, neurons_per_core=4)) == ["cores", "chips"]
    assert broken(network, replace(roomy, synapse_units_per_core=3)) == ["synapse memory of a neuron"]
    assert broken(network, replace(roomy, axons_per_core=3)) == ["input axons of a neuron"]


def test_a_register_beyond_its_bits():
    network = liquid().network
    exc, inh = network.populations
    forgets = replace(exc, registers={**exc.registers, "dv": np.full(exc.size, 4096)})
    changed = replace(network, populations=(forgets, inh))
    (rule,) = [rule for rule in check_rules(changed, BOARDS["oheo_gulch"]) if rule.status == "broken"]
    assert (rule.name, rule.value, rule.limit, rule.margin, rule.where) == ("dv of LIF", 4096, 4095, -1, "exc")


def test_a_bound_below_zero():
    network = liquid().network
    exc, inh = network.populations
    drained = replace(exc, registers={**exc.registers, "bias_mant": np.full(exc.size, -4000)})
    rules = check_rules(replace(network, populations=(drained, inh)), BOARDS["oheo_gulch"])
    (rule,) = [rule for rule in rules if rule.name == "least bias_mant of LIF"]
    assert (rule.value, rule.limit, rule.margin, rule.status) == (-4000, -4096, 96, "ok")


def test_what_may_differ_on_the_chip_is_a_warning():
    program = random_program(np.random.default_rng(4), sizes=(5,), kinds=("ATRLIF",), interval=24, regime="overflowing")
    found = {r.name: r.status for r in check_rules(program.network, BOARDS["oheo_gulch"]) if r.status != "ok"}
    assert found == {
        "synaptic sum, bound": "warning",
        "u and v, bound": "warning",
        "steps of a sample": "warning",
        "neurons of kind ATRLIF": "warning",
    }


@pytest.mark.parametrize(("interval", "status"), [(24, "warning"), (31, "warning"), (32, "ok"), (1, "ok")])
def test_a_power_of_two_is_no_reason_to_warn(interval, status):
    rules = check_rules(liquid(interval=interval).network, BOARDS["oheo_gulch"])
    assert [rule.status for rule in rules if rule.name == "steps of a sample"] == [status]


def test_the_command(folder, golden):
    golden(GOLDEN / "rules.txt", call("check", "p.lsm", "--target", "oheo_gulch"))
    facts = json.loads(call("check", "p.lsm", "--target", "oheo_gulch", "--json"))
    assert facts["ok"]
    assert facts["target"] == "oheo_gulch"
    (cores,) = [rule for rule in facts["rules"] if rule["name"] == "cores"]
    assert cores == {
        "name": "cores",
        "value": 1,
        "limit": 120,
        "margin": 119,
        "status": "ok",
        "where": "",
        "note": "",
    }


def test_a_broken_rule_is_exit_status_1(folder, monkeypatch, golden):
    monkeypatch.setitem(BOARDS, "oheo_gulch", replace(SMALL, name="oheo_gulch"))
    golden(GOLDEN / "rules-broken.txt", call("check", "p.lsm", "--target", "oheo_gulch", status=1))
    facts = json.loads(call("check", "p.lsm", "--target", "oheo_gulch", "--json", status=1))
    assert not facts["ok"]


def test_a_spec_may_be_checked_against_another_board(folder):
    Path("spec.yaml").write_text("""
dt_ms: 1.0
seed: 1
input: {channels: 3}
populations: {liquid: {size: 10, neuron: {kind: LIF}}}
projections: [{source: input, target: liquid, topology: {kind: all_to_all}, weight: 0.1}]
target: {board: oheo_gulch}
""")
    facts = json.loads(call("check", "spec.yaml", "--target", "hala_point", "--json"))
    assert {rule["limit"] for rule in facts["rules"] if rule["name"] in ("cores", "chips")} == {138_240, 1152}
