"""A share of the fuzzing in every run, everything that it ever found, and proof that it finds, shrinks and replays."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import fuzz
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsm_backends import brian, emulator
from lsm_backends.lava import sim
from mutants import EXTRA
from programs import ALL_KINDS, GRADED_KINDS, INTERVALS, Regime, random_case, random_program, random_stimulus
from union import Case, union

from lsm_deploy.core.errors import BackendError
from lsm_deploy.core.ir import Program, Stimulus, Trace
from lsm_deploy.core.limits import Limits
from lsm_deploy.parity.variants import run_variant
from lsm_deploy.run.backends import load_backend
from lsm_deploy.store import load_program, load_stimulus, program_id, save_program, save_stimulus

SEED = 2026
RUN, _ = fuzz.backends()
C, NO_C = fuzz.in_c()


# --- the backends agree --------------------------------------------------------------------------------------------


@pytest.mark.deep(one_in=4)
@pytest.mark.parametrize("number", range(4))
def test_a_batch_agrees(number: int) -> None:
    run = {name: backend for name, backend in RUN.items() if name != "lava"}
    tally = fuzz.Tally()
    assert fuzz.run_batch(fuzz.draw(SEED, number, 20), run, tally) == []
    assert tally.cases == 20
    assert all(tally.values[name] > 10_000 or tally.left_out[name] for name in run)


@pytest.mark.lava
@pytest.mark.skipif("lava" not in RUN, reason=str(sim.missing()))
def test_a_batch_agrees_on_lava() -> None:
    tally = fuzz.Tally()
    assert fuzz.run_batch(fuzz.draw(SEED, 4, 40), {"lava": RUN["lava"]}, tally) == []
    assert tally.values["lava"] > 20_000
    assert min(tally.events[event] for event in ("u_wraps", "v_saturations", "wide_sums")) > 0


def test_cases_are_alive() -> None:
    tally = fuzz.Tally()
    for number in range(12):
        fuzz.run_batch(fuzz.draw(SEED, number, 10), {}, tally)
    assert tally.silent < 0.4 * tally.judged
    assert tally.saturated < 0.15 * tally.judged
    assert min(tally.events[event] for event in ("u_wraps", "v_saturations", "wide_sums")) > 1000
    assert len(tally.types) > 30


def test_what_was_found_agrees_now() -> None:
    folders = [place for place in sorted(fuzz.FOUND.iterdir()) if place.is_dir()]
    again = {place.name: words for place in folders if (words := fuzz.replay(place, RUN | C))}
    assert again == {}


def test_a_seed_gives_the_same_cases() -> None:
    def same(a: Case, b: Case) -> bool:
        return program_id(a[0]) == program_id(b[0]) and np.array_equal(a[1].spikes, b[1].spikes)

    cases = fuzz.draw(1, 2, 6)
    assert all(map(same, cases, fuzz.draw(1, 2, 9)))
    assert not any(map(same, cases, fuzz.draw(2, 2, 6)))
    assert not any(map(same, cases, fuzz.draw(1, 4, 6)))


# --- what is broken is found, shrunk and replayed ------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.deep(one_in=3)
@pytest.mark.parametrize(
    ("name", "rule", "regime", "neurons", "steps"),
    [
        ("emulator", "rounding", None, 2, 6),
        ("emulator", "u-edge", "edge", 1, 80),
        ("brian", "delay-late", None, 2, 4),
        ("brian", "reset-flight", None, 2, 64),
        ("lava", "bias-shift", "alive", 2, 4),
        ("lava", "fresh", "alive", 2, 10),
    ],
)
def test_a_planted_mistake_is_found(
    name: str,
    rule: str,
    regime: Regime | None,
    neurons: int,
    steps: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fuzz, "MAX_FOUND", 2)
    run = {"emulator": emulator.run, name: partial(run_variant, rule)}
    tally = fuzz.fuzz(
        run, fuzz.Drawing(SEED, size=10, regime=regime, kinds=ALL_KINDS), minutes=0, batches=2, folder=tmp_path
    )
    assert tally.differences[name] > 0
    assert set(tally.differences) == {name}
    assert "DIFFERENCE batch" in capsys.readouterr().out
    folders = sorted(tmp_path.iterdir())
    assert 1 <= len(folders) <= fuzz.MAX_FOUND
    for place in folders:
        program, stimulus = load_program(place / "program.lsm"), load_stimulus(place / "stimulus.npz")
        assert program.network.neurons <= neurons
        assert len(stimulus.spikes) <= steps
        (words,) = fuzz.replay(place, run)
        assert f"{name} against the oracle: {words.removeprefix(f'{name}: ')}\n" in (place / "what.txt").read_text()
        assert fuzz.replay(place, {"emulator": emulator.run}) == []


@pytest.mark.once
@pytest.mark.skipif("c" not in C, reason=str(NO_C))
def test_what_c_gets_wrong_is_replayed_in_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, stimulus = random_case(1, sizes=(1,), kinds=("LIF",))
    (tmp_path / "c-0").mkdir()
    save_program(tmp_path / "c-0" / "program.lsm", program)
    save_stimulus(tmp_path / "c-0" / "stimulus.npz", stimulus)
    monkeypatch.setattr(fuzz, "FOUND", tmp_path)
    test_what_was_found_agrees_now()
    monkeypatch.setitem(C, "c", partial(run_variant, "rounding"))
    with pytest.raises(AssertionError, match="c: "):
        test_what_was_found_agrees_now()


def test_batches_on_an_executor_are_the_same_batches(tmp_path: Path) -> None:
    run = {"emulator": emulator.run, "fast": partial(run_variant, "rounding")}
    drawing = fuzz.Drawing(SEED, size=3, kinds=ALL_KINDS)
    here = fuzz.fuzz(run, drawing, minutes=0, batches=3, folder=tmp_path / "here")
    with ThreadPoolExecutor(2) as executor:
        there = fuzz.fuzz(run, drawing, minutes=0, batches=3, folder=tmp_path / "there", executor=executor, at_once=2)
    assert there == here
    assert here.cases == 9
    assert here.differences["fast"] > 0
    names = [sorted(place.name for place in (tmp_path / where).iterdir()) for where in ("here", "there")]
    assert names[0] == names[1] != []


def test_a_wrong_count_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MAX_FOUND", 1)
    monkeypatch.setattr(fuzz, "PATIENCE", 4)  # a count is shrunk one case at a time
    (rule,) = [rule for rule in EXTRA if rule.name == "count-wide"]
    run = {"emulator": partial(run_variant, rule), "brian": partial(run_variant, rule)}
    tally = fuzz.fuzz(run, fuzz.Drawing(SEED, size=3, kinds=ALL_KINDS), minutes=0, batches=2, folder=tmp_path)
    assert tally.differences["emulator"] > 0
    assert tally.differences["brian"] == 1  # of a union, counts are known for the whole, and where nothing is padded
    assert all("counts are" in (place / "what.txt").read_text() for place in tmp_path.iterdir())


def test_a_case_that_differs_only_in_company_is_kept_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MAX_FOUND", 1)

    def crowded(program: Program, stimulus: Stimulus, record: Sequence[str]) -> Trace:
        run = emulator.run if program.network.neurons < 12 else partial(run_variant, "v-edge")
        return run(program, stimulus, record)

    fuzz.fuzz({"brian": crowded}, fuzz.Drawing(SEED, size=6, kinds=ALL_KINDS), minutes=0, batches=1, folder=tmp_path)
    for place in tmp_path.iterdir():
        assert load_program(place / "program.lsm").network.neurons == 12
        assert "not -8388607" in (place / "what.txt").read_text()


def test_a_backend_that_fails_differs(tmp_path: Path) -> None:
    def failing(program: Program, stimulus: Stimulus, record: Sequence[str]) -> Trace:
        if program.network.neurons > 1:
            raise BackendError("no room")
        return emulator.run(program, stimulus, record)

    run = {"emulator": failing, "brian": failing}
    tally = fuzz.fuzz(run, fuzz.Drawing(SEED, size=3), minutes=0, batches=1, folder=tmp_path)
    assert tally.differences["brian"] == 1
    for place in tmp_path.iterdir():
        assert "it raises BackendError: no room" in (place / "what.txt").read_text()
        assert load_program(place / "program.lsm").network.neurons == 2


def test_a_backend_without_a_rule_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(brian, "LIMITS", Limits(kinds=("LIF",)))
    run = {"emulator": emulator.run, "brian": emulator.run}
    for kinds, left_out in ((["LIF"], 0), (["ATRLIF"], 2)):
        tally = fuzz.fuzz(run, fuzz.Drawing(SEED, size=3, kinds=kinds), minutes=0, batches=2, folder=tmp_path)
        assert set(tally.kinds) == set(kinds)
        assert (tally.left_out["emulator"], tally.left_out["brian"]) == (0, left_out)
        assert (tally.values["brian"] == 0) == bool(left_out)
        assert ("left out of 2 batches" in capsys.readouterr().out) == bool(left_out)
    monkeypatch.setattr(fuzz, "backends", lambda: (run, []))
    alone = ["--seed", "5", "--batches", "1", "--size", "2", "--backends", "brian", "--folder", str(tmp_path)]
    assert fuzz.main([*alone, "--kinds", "LIF"]) == 0
    assert fuzz.main([*alone, "--kinds", "ATRLIF"]) == 1  # nothing was compared
    with pytest.raises(SystemExit):
        fuzz.main([*alone, "--kinds", "ATRLIFF"])


@pytest.mark.parametrize("name", [name for name in RUN if name != "emulator"])
def test_no_kind_of_ours_is_left_out(name: str) -> None:
    assert {*ALL_KINDS, *GRADED_KINDS} <= {*load_backend(name).LIMITS.kinds}  # type: ignore[attr-defined]


def test_an_interrupt_prints_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    runs = []

    def interrupted(program: Program, stimulus: Stimulus, record: Sequence[str]) -> Trace:
        runs.append(program)
        if len(runs) > 3:
            raise KeyboardInterrupt
        return emulator.run(program, stimulus, record)

    tally = fuzz.fuzz({"emulator": interrupted}, fuzz.Drawing(SEED, size=3), minutes=0)
    said = capsys.readouterr().out
    assert tally.cases == 3
    assert "interrupted" in said
    assert f"seed {SEED}: 3 cases in" in said


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ["--seed", "5", "--batches", "1", "--size", "4", "--backends", "emulator", "--folder", str(tmp_path)]
    assert fuzz.main([*short, "--regime", "wrapping"]) == 0
    assert fuzz.main([*short, "--plant", "emulator=rounding"]) == 1
    (place, *_) = sorted(tmp_path.iterdir())
    replayed = ["--backends", "emulator", "--folder", str(tmp_path), "--replay", place.name]
    assert fuzz.main(replayed) == 0
    assert fuzz.main([*replayed, "--plant", "emulator=rounding"]) == 1
    assert "all agree" in capsys.readouterr().out


# --- unions --------------------------------------------------------------------------------------------------------


@st.composite
def several(draw: st.DrawFn) -> list[Case]:
    """Cases of one sample interval, of several lengths and with several samples each."""
    rng, interval = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(INTERVALS)
    programs = [random_program(rng, interval=interval) for _ in range(draw(st.integers(1, 6)))]
    return [(program, random_stimulus(rng, program)) for program in programs]


@settings(max_examples=max(1, settings.default.max_examples // 6))
@given(several())
def test_a_union_gives_each_case_its_own_trace(cases: list[Case]) -> None:
    program, stimulus, split = union(cases)
    record = program.network.state_names
    for case, trace in zip(cases, split(emulator.run(program, stimulus, record)), strict=True):
        expected = emulator.run(*case, record)
        assert np.array_equal(trace.spikes, expected.spikes)
        assert np.array_equal(trace.starts, expected.starts)
        for name in record:
            assert np.array_equal(trace.registers[name], expected.registers[name]), name


def test_a_union_is_small_where_it_costs() -> None:
    """A population a kind, and a projection a type: each is a process of Lava."""
    network = union(fuzz.draw(SEED, 4, 50, kinds=ALL_KINDS))[0].network
    assert len(network.populations) == len({p.kind for p in network.populations})
    types = [(p.source, p.target, p.sign_mode, p.num_weight_bits, p.weight_exp) for p in network.projections]
    assert len(types) == len(set(types)) < 20


def test_a_union_is_of_one_interval() -> None:
    rng = np.random.default_rng(0)
    programs = [random_program(rng, interval=interval) for interval in (0, 7)]
    with pytest.raises(ValueError, match="one sample interval"):
        union([(program, random_stimulus(rng, program)) for program in programs])


def test_brian_is_compared_where_it_is_installed() -> None:
    assert ("brian" in RUN) == (brian.missing() is None)
    assert ("lava" in RUN) == (sim.missing() is None)
    assert "emulator" in RUN
