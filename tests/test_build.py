"""From a spec to a network: signs, distributions, delays, scaling, and streams that do not disturb each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lsm_deploy.compile.build.network import build_network
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core import threads
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Population, Projection
from lsm_deploy.spec import load
from lsm_deploy.store import program_id

CONFIGS = Path(__file__).parents[1] / "configs"
BASE = """
dt_ms: 1.0
seed: 7
input: {channels: 30}
populations:
  liquid:
    grid: [4, 5, 10]
    inhibitory_fraction: 0.25
    neuron: {kind: LIF, tau_mem_ms: {distribution: normal, mean: 20, std: 6}, bias: 0.1}
projections:
  - {source: input, target: liquid, topology: {kind: all_to_all}, weight: %s}
  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, probability: 0.3}, weight: %s, delay_ms: %s}
"""


def spec(tmp_path, inputs="0.1", weight="0.2", delay="0", text=BASE):
    file = tmp_path / "s.yaml"
    file.write_text(text % (inputs, weight, delay))
    return load(file)


def parts(network):
    return {p.name: p for p in network.projections}


def pre_of(p: Projection):
    return np.repeat(np.arange(len(p.indptr) - 1), np.diff(p.indptr))


def test_dale_s_law(tmp_path):
    found = parts(build_network(spec(tmp_path)))
    exc, inh = found["liquid->liquid:exc"], found["liquid->liquid:inh"]
    assert exc.weight == pytest.approx(0.2)
    assert inh.weight == pytest.approx(-0.2)
    assert exc.sign_mode == "excitatory"
    assert inh.sign_mode == "inhibitory"
    assert not set(pre_of(exc)) & set(pre_of(inh)), "no neuron does both"
    assert len(set(pre_of(inh))) == 50  # a quarter of 200
    assert set(found) == {"input->liquid:exc", "liquid->liquid:exc", "liquid->liquid:inh"}


def test_inhibitory_neurons_are_spread_over_the_grid(tmp_path):
    inhibitory = np.unique(pre_of(parts(build_network(spec(tmp_path)))["liquid->liquid:inh"]))
    assert inhibitory.min() < 50 < 150 < inhibitory.max()
    assert np.diff(inhibitory).max() < 40


def test_weights_and_delays_are_drawn_apart(tmp_path):
    same = "{distribution: uniform, low: 1.0, high: 2.0}"
    p = parts(build_network(spec(tmp_path, weight=same, delay=same)))["liquid->liquid:exc"]
    assert abs(np.corrcoef(p.weight, p.delay_ms)[0, 1]) < 0.1


def test_weights_that_carry_their_signs_are_split(tmp_path):
    found = parts(build_network(spec(tmp_path, inputs="{distribution: normal, mean: 0, std: 1}")))
    exc, inh = found["input->liquid:exc"], found["input->liquid:inh"]
    assert (exc.weight > 0).all()
    assert (inh.weight < 0).all()
    assert len(exc.post) + len(inh.post) == 30 * 200


def test_weights_by_type(tmp_path):
    found = parts(build_network(spec(tmp_path, weight="{EE: 1, EI: 2, IE: 3, II: 4}")))
    inhibitory = np.zeros(200, bool)
    inhibitory[np.unique(pre_of(found["liquid->liquid:inh"]))] = True
    for name, (to_exc, to_inh) in {"exc": (1, 2), "inh": (-3, -4)}.items():
        p = found[f"liquid->liquid:{name}"]
        assert (p.weight == np.where(inhibitory[p.post], to_inh, to_exc)).all()


@pytest.mark.parametrize(
    ("written", "mean", "std"),
    [
        ("{distribution: constant, value: 0.3}", 0.3, 0.0),
        ("{distribution: uniform, low: 0.1, high: 0.5}", 0.3, 0.4 / np.sqrt(12)),
        ("{distribution: normal, mean: 0.5, std: 0.05}", 0.5, 0.05),
        ("{distribution: lognormal, mean: 0.5, std: 0.3}", 0.5, 0.3),
        ("{distribution: gamma, mean: 0.4, std: 0.2}", 0.4, 0.2),
    ],
)
def test_distributions_have_the_moments_they_name(written, mean, std, tmp_path):
    weight = parts(build_network(spec(tmp_path, inputs=written)))["input->liquid:exc"].weight
    assert len(weight) == 6000
    assert weight.mean() == pytest.approx(mean, rel=0.03)
    assert weight.std() == pytest.approx(std, rel=0.06)


def test_magnitudes_and_parameters_are_drawn_within_their_bounds(tmp_path):
    network = build_network(spec(tmp_path, weight="{distribution: normal, mean: 0.1, std: 0.2}"))
    found = parts(network)
    assert (found["liquid->liquid:exc"].weight > 0).all()
    assert (found["liquid->liquid:inh"].weight < 0).all()
    (population,) = network.populations
    assert isinstance(population, Population)
    assert (population.parameters["tau_mem_ms"] > 0).all()
    assert population.parameters["tau_mem_ms"].std() == pytest.approx(6, rel=0.2)


def test_a_distribution_outside_its_bounds_is_refused(tmp_path):
    text = BASE.replace("mean: 20, std: 6", "mean: -500, std: 1")
    with pytest.raises(LsmError, match="population 'liquid', tau_mem_ms: 200 of 200 draws are still out of range"):
        build_network(spec(tmp_path, text=text))


def test_all_failures_of_a_build_at_once(tmp_path):
    text = BASE.replace("mean: 20, std: 6", "mean: -500, std: 1").replace("weight: %s}\n", "weight: 0}\n# %s")
    with pytest.raises(LsmError) as caught:
        build_network(spec(tmp_path, text=text))
    assert len(caught.value.each()) == 2


def test_delays_by_distance(tmp_path):
    found = parts(build_network(spec(tmp_path, delay="{per_unit_ms: 2.0, offset_ms: 1.5}")))
    positions = [(x, y, z) for x in range(4) for y in range(5) for z in range(10)]
    p = found["liquid->liquid:exc"]
    for i, j, delay in list(zip(pre_of(p), p.post, p.delay_ms, strict=True))[:500]:
        distance = sum((a - b) ** 2 for a, b in zip(positions[i], positions[j], strict=True)) ** 0.5
        assert delay == pytest.approx(1.5 + 2.0 * distance)


def test_a_gain_multiplies_what_is_drawn(tmp_path):
    gamma = "{distribution: gamma, mean: 1, std: 1}"
    plain = parts(build_network(spec(tmp_path, gamma, gamma)))
    text = BASE.replace("weight: %s}", "weight: %s, gain: 2.5}")
    found = parts(build_network(spec(tmp_path, gamma, gamma, text=text)))
    assert found["input->liquid:exc"].weight == pytest.approx(2.5 * plain["input->liquid:exc"].weight, rel=1e-9)
    for name in ("liquid->liquid:exc", "liquid->liquid:inh"):
        assert np.array_equal(found[name].weight, plain[name].weight)


def test_a_gain_per_type_sets_the_balance_of_excitation_and_inhibition(tmp_path):
    gamma = "{distribution: gamma, mean: 1, std: 1}"
    plain = parts(build_network(spec(tmp_path, weight=gamma)))
    text = BASE.replace("delay_ms: %s", "delay_ms: %s, gain: {EI: 2, IE: 3, II: 4}")
    found = parts(build_network(spec(tmp_path, weight=gamma, text=text)))
    inhibitory = np.isin(np.arange(200), pre_of(plain["liquid->liquid:inh"]))
    for name, onto_exc, onto_inh in (("liquid->liquid:exc", 1, 2), ("liquid->liquid:inh", 3, 4)):
        ratio = found[name].weight / plain[name].weight
        assert ratio == pytest.approx(np.where(inhibitory[plain[name].post], onto_inh, onto_exc), rel=1e-9)


def test_a_gain_comes_after_a_spectral_radius(tmp_path):
    text = BASE.replace("delay_ms: %s", "delay_ms: %s, spectral_radius: 0.9")
    plain, found = (
        parts(build_network(spec(tmp_path, text=each)))["liquid->liquid:exc"].weight
        for each in (text, text.replace("radius: 0.9", "radius: 0.9, gain: 2"))
    )
    assert found == pytest.approx(2 * plain, rel=1e-9)


def test_spectral_radius(tmp_path):
    text = BASE.replace("delay_ms: %s", "delay_ms: %s, spectral_radius: 0.9")
    found = parts(build_network(spec(tmp_path, weight="{distribution: gamma, mean: 1, std: 1}", text=text)))
    dense = np.zeros((200, 200))
    for name in ("liquid->liquid:exc", "liquid->liquid:inh"):
        p = found[name]
        np.add.at(dense, (p.post, pre_of(p)), p.weight)
    assert np.abs(np.linalg.eigvals(dense)).max() == pytest.approx(0.9, rel=1e-4)


def test_spectral_radius_of_a_large_sparse_network(tmp_path):
    text = BASE.replace("grid: [4, 5, 10]", "size: 1500").replace("probability: 0.3", "in_degree: 20")
    found = parts(
        build_network(spec(tmp_path, text=text.replace("delay_ms: %s", "delay_ms: %s, spectral_radius: 0.5")))
    )
    dense = np.zeros((1500, 1500))
    for name in ("liquid->liquid:exc", "liquid->liquid:inh"):
        np.add.at(dense, (found[name].post, pre_of(found[name])), found[name].weight)
    assert np.abs(np.linalg.eigvals(dense)).max() == pytest.approx(0.5, rel=1e-4)


def test_a_network_without_a_cycle_has_no_radius_to_scale(tmp_path):
    np.savez(tmp_path / "w.npz", weights=np.tril(np.ones((200, 200)), -1))
    text = BASE.replace("    inhibitory_fraction: 0.25\n", "").replace(
        "topology: {kind: erdos_renyi, probability: 0.3}, weight: %s, delay_ms: %s",
        "topology: {kind: explicit, file: w.npz}, spectral_radius: 0.9",
    )
    with pytest.raises(LsmError, match="there is no cycle to scale"):
        build_network(spec(tmp_path, text=text + "# %s%s"))


def test_a_new_population_or_projection_does_not_reshuffle_the_others(tmp_path):
    before = spec(tmp_path, inputs="{distribution: normal, mean: 0, std: 1}")
    more = replace(
        before,
        populations={"extra": before.populations["liquid"], **before.populations},
        projections=(replace(before.projections[0], target="extra"), *before.projections),
    )
    old, new = parts(build_network(before)), parts(build_network(more))
    for name, p in old.items():
        assert np.array_equal(p.weight, new[name].weight)
        assert np.array_equal(p.post, new[name].post)


def test_the_seed_matters(tmp_path):
    one = spec(tmp_path)
    a, b = (parts(build_network(s))["liquid->liquid:exc"] for s in (one, replace(one, seed=8)))
    assert not np.array_equal(a.post, b.post)
    again = parts(build_network(spec(tmp_path)))["liquid->liquid:exc"]
    assert np.array_equal(a.post, again.post)


def test_two_projections_between_the_same_populations_have_names_of_their_own(tmp_path):
    one = spec(tmp_path)
    twice = replace(one, projections=(*one.projections, one.projections[1]))
    names = [p.name for p in build_network(twice).projections]
    assert names[-2:] == ["liquid->liquid#2:exc", "liquid->liquid#2:inh"]
    first, second = (
        parts(build_network(twice))["liquid->liquid:exc"],
        parts(build_network(twice))["liquid->liquid#2:exc"],
    )
    assert not np.array_equal(first.post, second.post)


@pytest.mark.parametrize("name", ["maass_column", "balanced_random", "small_world"])
def test_any_number_of_threads_makes_the_same_program(name, monkeypatch):
    """Of a column with weights by type, of fixed in-degrees over two populations, of rings with far ends."""
    described = load(CONFIGS / f"{name}.yaml")
    alone = program_id(compile_spec(described).program)
    monkeypatch.setattr(threads, "WORTH_THREADS", 0)
    for count in (2, 3):
        monkeypatch.setattr(threads, "processors", lambda count=count: count)
        assert program_id(compile_spec(described).program) == alone
