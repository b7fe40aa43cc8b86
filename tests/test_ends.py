"""Numbers at the ends of what a spec may say, each in its turn: the network compiles, or the number is named."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from lsm_deploy import check_spec
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.spec import load_text, parse, put

pytestmark = pytest.mark.once

HERE = Path("x.yaml")
SPEC = """
dt_ms: 1.0
seed: 4
input: {{channels: 3, encoder: {{kind: rate, frame_ms: 5.0, max_rate_hz: 300.0}}}}
populations:
  liquid: {{grid: [2, 3, 3], inhibitory_fraction: 0.25, neuron: {neuron}}}
projections:
  - {{source: input, target: liquid, topology: {{kind: all_to_all}}, weight: {weight}, delay_ms: {delay}}}
  - {{source: liquid, target: liquid, topology: {topology}, weight: 0.05, gain: {gain}{more}}}
"""
PLAIN = {
    "neuron": "{kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0, v_threshold: 1.0, bias: 0.1}",
    "weight": "0.2", "delay": "1.0", "topology": "{kind: erdos_renyi, probability: 0.2}", "gain": "1.0", "more": "",
}  # fmt: skip
DISTRIBUTIONS = (
    "{distribution: constant, value: 0.3}",
    "{distribution: uniform, low: 0.1, high: 0.5}",
    "{distribution: normal, mean: 0.3, std: 0.1}",
    "{distribution: lognormal, mean: 0.3, std: 0.1}",
    "{distribution: gamma, mean: 0.3, std: 0.1}",
)
SPECS = [
    {},
    *({"weight": it, "delay": it} for it in DISTRIBUTIONS),
    *({"neuron": f"{{kind: LIF, tau_mem_ms: {it}, tau_syn_ms: {it}, v_threshold: {it}, bias: {it}}}"}
      for it in DISTRIBUTIONS),
    {"neuron": "{kind: ATRLIF, tau_mem_ms: 20.0, tau_syn_ms: 5.0, tau_threshold_ms: 200.0, tau_refractory_ms: 10.0,"
               " v_threshold: 1.0, threshold_step: 0.1, bias: 0.1}"},
    {"neuron": "{kind: LIFRefractory, tau_mem_ms: 200.0, tau_syn_ms: 50.0, bias: 0.1, t_refractory_ms: 2.0}"},
    {"neuron": "{kind: TernaryLIF, v_threshold_hi: 1.0, v_threshold_lo: -1.0, bias: 0.1}"},
    {"topology": "{kind: watts_strogatz, neighbours: 4, rewire: 0.1}", "more": ", spectral_radius: 0.9"},
    {"topology": "{kind: ring, neighbours: 2}", "gain": "{EE: 1.0, EI: 1.0, IE: 1.0, II: 1.0}"},
    {"topology": "{kind: maass, lambda: 2.0, C: {EE: 0.3, EI: 0.2, IE: 0.4, II: 0.1}, cutoff: 4.0}",
     "more": ", delay_ms: {per_unit_ms: 1.0, offset_ms: 0.5}, weight_bits: 4"},
]  # fmt: skip
ENDS = (1e-30, 1e30, -1e30, -0.0, 2**31, 2**63, 10**12, 1.7e308, 5e-324)


def leaves(data, path=()):
    """The paths of all numbers."""
    if isinstance(data, int | float):
        yield path
    elif isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from leaves(value, (*path, key))


def outcome(text):
    """Mistakes without a place or a way out, and the projections that came of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", LsmWarning)  # of what integers lose, which at an end may be all
            return [], compile_spec(load_text(text, HERE)).network.projections
    except LsmError as error:
        return [each for each in error.each() if not (each.where and each.hint)], ()


@pytest.mark.parametrize("changes", SPECS, ids=range(len(SPECS)))
def test_every_number_at_every_end_compiles_or_is_named_with_a_way_out(changes):
    text = SPEC.format(**{**PLAIN, **changes})
    plain = parse(SPEC.format(**PLAIN), HERE).data
    for path in leaves(parse(text, HERE).data):
        here = plain
        for step in path:
            here = here.get(step) if isinstance(here, dict) else here[step] if isinstance(here, list) else None
        if changes and isinstance(here, int | float):
            continue  # tried in the first spec
        for value in ENDS:
            nameless, projections = outcome(put(text, HERE, {path: value}))
            assert not nameless, (path, value)
            for projection in projections:
                assert np.isfinite(projection.weight).all(), (path, value)
                assert np.isfinite(projection.delay_ms).all(), (path, value)


@pytest.mark.parametrize("value", ["1e200", "1e-200", "5e-324", "1" + 200 * "0"])
@pytest.mark.parametrize("field", ["std", "mean"])
def test_a_distribution_that_overflows_is_named_with_its_place(field, value):
    weight = "{distribution: gamma, mean: 0.05, std: 0.1}"
    wrong = weight.replace("0.05" if field == "mean" else "0.1", value)
    with pytest.raises(LsmError, match="is neither 0 nor of 1e-30 to 1e\\+30 in magnitude") as caught:
        load_text(SPEC.format(**{**PLAIN, "weight": wrong}), HERE)
    assert caught.value.where.startswith("x.yaml:8:")


@pytest.mark.parametrize("dt", ["1e-320", "1e-30", "1e-9"])
def test_steps_that_are_far_too_many_are_named_with_their_place(dt):
    with pytest.raises(LsmError) as caught:
        load_text(SPEC.format(**PLAIN).replace("dt_ms: 1.0", f"dt_ms: {dt}"), HERE)
    assert caught.value.where == "x.yaml:2:8"


READOUT = """\
data: {train: data.csv, test: data.csv}
readout: {population: liquid, features: FEATURES, folds: 2}
"""


@pytest.mark.parametrize(
    ("features", "what"),
    [
        ("{kind: bins, bins: 11}", "bins is 11, and sample 1 has 10 steps"),
        ("{kind: bins, bins: 2000000000}", "bins is 2000000000, and sample 1 has 10 steps"),
        ("{kind: rates, bins: 11}", "bins is 11, and sample 1 has 10 steps"),
        ("{kind: traces, samples: 11}", "samples is 11, and sample 1 has 10 steps"),
        ("{kind: bins, bins: 10}", ""),
    ],
)
def test_more_bins_than_a_sample_has_steps_are_refused_by_check(features, what, tmp_path):
    rows = [(sample, frame) for sample, frames in enumerate((3, 2, 3, 3)) for frame in range(frames)]
    table = [f"{sample},{'ab'[sample % 2]},{frame},{sample},{frame * sample}" for sample, frame in rows]
    (tmp_path / "data.csv").write_text("\n".join(["sample,label,x,y,z", *table]) + "\n")
    file = tmp_path / "x.yaml"
    file.write_text(SPEC.format(**PLAIN) + READOUT.replace("FEATURES", features))
    if not what:
        check_spec(file)
        return
    with pytest.raises(LsmError, match=what) as caught:
        check_spec(file)
    assert (caught.value.where, caught.value.hint) == (
        str(tmp_path / "data.csv"),
        "take at most 10, or leave out short samples",
    )


@pytest.mark.parametrize(("tau", "hint"), [("2500.0", "write 2047"), ("1e6", "write 4095"), ("0.01", "write 0.12")])
def test_a_trace_that_would_decay_otherwise_is_refused(tau, hint):
    section = READOUT.replace("FEATURES", f"{{kind: traces, tau_ms: {tau}}}")
    with pytest.raises(LsmError, match="would decay with") as caught:
        load_text(SPEC.format(**PLAIN) + section, HERE)
    assert caught.value.hint.startswith(hint)
    load_text(SPEC.format(**PLAIN) + section.replace(tau, hint.removeprefix("write ")), HERE)
