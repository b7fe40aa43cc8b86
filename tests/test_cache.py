"""What is cached on the disk is the answer to the very question, whole, or it is no answer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from itertools import combinations_with_replacement
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from test_house import ROOT, imported
from threadpoolctl import threadpool_limits

import lsm_deploy as ld
from lsm_deploy.core.errors import LsmError, LsmWarning
from lsm_deploy.core.notes import notes, silence, warn
from lsm_deploy.core.threads import one_thread
from lsm_deploy.data import Audio, Frames
from lsm_deploy.learn import known
from lsm_deploy.learn.listener import Listener, listen
from lsm_deploy.learn.regression import states
from lsm_deploy.learn.regression.states import run_states
from lsm_deploy.learn.runs import run_samples
from lsm_deploy.measure.evaluation import known_frames
from lsm_deploy.measure.regression.evaluation import evaluate_regression
from lsm_deploy.run import memo, piece
from lsm_deploy.run.memo import MEMO, Form, Memo
from lsm_deploy.spec.schema import Regression, Traces
from lsm_deploy.store import cache

KEY = bytes(range(16))
FACTS = {"steps": 7, "counts": {"wraps": 0}}
ARRAYS = {
    "counts": np.arange(6).reshape(2, 3),
    "signed": np.array([-1, 1 << 40]),
    "floats": np.array([0.1, np.nan]),
    "texts": np.array(["a", "ä"]),
    "large": np.array([0, (1 << 64) - 1], np.uint64),
    "none": np.zeros((0, 4), np.int64),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.setattr(memo, "WORTH", 0.0)
    monkeypatch.setattr(known, "LARGE", 0)
    monkeypatch.setattr(known_frames, "LARGE", 0)
    cache._say.cache_clear()
    return tmp_path / "home" / "lsm_deploy" / "runs"


# --- files -----------------------------------------------------------------------------------------------------------


def test_what_was_put_is_there_again_bit_for_bit(folder: Path) -> None:
    assert cache.look_up(KEY) is None
    cache.put(KEY, FACTS, ARRAYS)
    facts, arrays = cache.look_up(KEY)
    assert facts == FACTS
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in folder.iterdir()] == [f"{KEY.hex()}.run"]


@pytest.mark.parametrize("kind", [*"bBhHiIqQ", *(">i2", ">u4", ">i8")])
def test_integers_of_each_type_are_there_again(kind: str) -> None:
    ends = np.iinfo(kind)
    values = sorted({each for each in (ends.min, -129, -1, 0, 127, 255, 256, ends.max) if ends.min <= each <= ends.max})
    for least, most in combinations_with_replacement(values, 2):
        array = np.array([least, most], kind)
        cache.put(KEY, {}, {"integers": array})
        answer = cache.look_up(KEY)
        assert answer is not None, (least, most)
        assert (answer[1]["integers"].dtype, answer[1]["integers"].tolist()) == (array.dtype, [least, most])


def test_facts_may_be_longer_than_a_header() -> None:
    facts = {"labels": ["a\0", "ä", "x" * (17 << 20)]}
    cache.put(KEY, facts, ARRAYS)
    answer = cache.look_up(KEY)
    assert answer is not None
    assert answer[0] == facts
    assert answer[1].keys() == ARRAYS.keys()


def test_what_is_damaged_or_foreign_is_removed_and_no_answer() -> None:
    cache.put(KEY, FACTS, ARRAYS)
    (file,) = cache.sizes()
    whole = file.read_bytes()
    places = [0, 7, 20, len(whole) // 2, len(whole) - 1]
    altered = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in places]
    for damaged in (*altered, b"", whole[:-1], whole + b"\0", b"nothing of ours"):
        file.write_bytes(damaged)
        assert cache.look_up(KEY) is None
        assert not file.exists()
    other = file.with_name(f"{bytes(16).hex()}.run")
    other.write_bytes(whole)  # the answer to another question
    assert cache.look_up(bytes(16)) is None
    assert not other.exists()


def test_the_least_recently_used_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [bytes([i]) * 16 for i in range(4)]
    for i, name in enumerate(names[:3]):
        cache.put(name, {}, {"floats": np.zeros(1000)})
        (file,) = (each for each in cache.sizes() if each.stem == name.hex())
        os.utime(file, (i, i))
    cache.look_up(names[0])  # which uses it
    monkeypatch.setenv(cache.VARIABLE, str(3.5 * 8200e-9))
    cache.put(names[3], {}, {"floats": np.zeros(1000)})
    assert [file.stem for file in cache.sizes()] == [name.hex() for name in (names[2], names[0], names[3])]
    cache.put(KEY, {}, {"floats": np.zeros(10_000)})  # more than all room: nothing goes for it
    assert len(cache.sizes()) == 3


def test_it_is_switched_off_by_a_variable(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv(cache.VARIABLE, "0")
    cache.put(KEY, FACTS, ARRAYS)
    assert cache.look_up(KEY) is None
    assert not folder.exists()
    for wrong in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv(cache.VARIABLE, wrong)
        with pytest.raises(LsmError, match=f"{cache.VARIABLE} is {wrong}"):
            cache.room()


@pytest.mark.parametrize("why", ["No space left on device", "Read-only file system"])
def test_a_disk_that_takes_nothing_is_said_once(why: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, why)

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(LsmWarning, match=f"{why}.*{cache.VARIABLE}=0"):
        cache.put(KEY, FACTS, ARRAYS)
    cache.put(KEY, FACTS, ARRAYS)  # warnings are errors here
    assert list(folder.iterdir()) == []
    assert cache.look_up(KEY) is None


WRITER = """
import sys
import numpy as np
from lsm_deploy.store import cache
for i in range(60):
    key = bytes([i % 8]) * 16
    if (there := cache.look_up(key)) is not None:
        assert (there[1]["floats"] == i % 8).all()
    cache.put(key, {}, {"floats": np.full(5000, i % 8, np.float64)})
"""


def test_processes_share_a_folder() -> None:
    environment = {**os.environ, cache.VARIABLE: str(2.5 * 40300e-9)}  # less than all want
    processes = [subprocess.Popen([sys.executable, "-c", WRITER], env=environment) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(cache.sizes()) == 2  # whoever wrote last saw what all had written


# --- what is made ----------------------------------------------------------------------------------------------------


FORM: Form[int] = Form(lambda value: ({"value": value}, {}), lambda facts, arrays: int(facts["value"]))


def test_another_process_knows_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(make: Callable[[], int], form: Form[int] | None = FORM) -> int:
        return Memo().get(KEY, make, lambda _: 8, form)

    assert ask(lambda: 1) == 1
    assert ask(lambda: 2) == 1
    assert ask(lambda: 3, None) == 3
    assert ask(lambda: 4, replace(FORM, made=lambda facts, arrays: facts["another"])) == 4  # which removes it
    monkeypatch.setattr(memo, "WORTH", 60.0)
    (file,) = cache.sizes()
    file.unlink()
    assert [ask(lambda: 5), ask(lambda: 6)] == [5, 6]


def test_what_warns_warns_each_time() -> None:
    asked: list[int] = []

    def made() -> int:
        warn("beware", "dangers")
        return len(asked)

    memory = Memo()
    for memo_of in (memory, memory, Memo()):  # made, remembered, and from the disk
        with pytest.warns(LsmWarning, match="beware") as said, notes() as heard_of:
            assert memo_of.get(KEY, made, lambda _: 8, FORM) == 0
        asked.append(1)
        assert [str(each.message) for each in said] == ["beware"]
        assert [(str(each), each.about) for each in heard_of] == [("beware", "dangers")]


def test_what_warns_unsaid_warns_who_asks_next() -> None:
    memory = Memo()
    with silence():
        memory.get(KEY, lambda: warn("beware") or 1, lambda _: 8)
    with pytest.warns(LsmWarning, match="beware"):
        assert memory.get(KEY, lambda: 2, lambda _: 8) == 1


def test_a_silence_is_of_one_thread_and_nobody_outside_hears_it() -> None:
    filters, both = list(warnings.filters), Barrier(2, timeout=30)

    def silent(first: bool) -> list[str]:
        """The first is in silence, then both are, then the other one."""
        with notes() as outside:
            if not first:
                both.wait()
            with silence():
                warn("tried")
                both.wait()
                both.wait()
            if first:
                both.wait()
            warn("said")
        return [str(each) for each in outside]

    with ThreadPoolExecutor(2) as pool, pytest.warns(LsmWarning) as said:
        assert list(pool.map(silent, (True, False))) == [["said"], ["said"]]
    assert [str(each.message) for each in said] == ["said", "said"]
    assert warnings.filters == filters
    with silence(False), pytest.warns(LsmWarning, match="here"):
        warn("here")


def test_what_warns_before_it_fails_warns() -> None:
    def fails() -> int:
        warn("beware")
        raise LsmError("failed")

    with pytest.warns(LsmWarning, match="beware"), pytest.raises(LsmError, match="failed"):
        Memo().get(KEY, fails, lambda _: 8, FORM)


def test_others_warnings_are_theirs() -> None:
    def made() -> int:
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return 1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert Memo().get(KEY, made, lambda _: 8, FORM) == 1
    assert Memo().get(KEY, lambda: 2, lambda _: 8, FORM) == 1


def test_filters_are_nobodys_where_threads_ask() -> None:
    before, both = list(warnings.filters), Barrier(2, timeout=30)

    def made() -> int:
        both.wait()
        assert warnings.filters == before
        return 1

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(Memo().get, bytes([i]) * 16, made, lambda _: 8, FORM) for i in range(2)]
        assert [each.result() for each in asked] == [1, 1]
    assert warnings.filters == before


def test_what_has_a_form_is_made_on_one_thread() -> None:
    from threadpoolctl import threadpool_info

    def threads() -> int:
        return max(pool["num_threads"] for pool in threadpool_info())

    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2):
        assert [Memo().get(KEY, threads, lambda _: 8, form) for form in (FORM, None)] == [1, 2]


def test_one_thread_is_that_of_libraries_that_were_not_loaded_yet() -> None:
    code = """
from lsm_deploy.core.threads import one_thread
from threadpoolctl import threadpool_info
with one_thread():
    import scipy.linalg
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}
"""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_none_of_several_lifts_the_limit_of_another() -> None:
    from threadpoolctl import threadpool_info

    def blas() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    def short() -> None:
        with one_thread():
            assert blas() == {1}

    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2), ThreadPoolExecutor(1) as pool:
        with one_thread():
            pool.submit(short).result()
            short()
            assert blas() == {1}
        assert blas() == {2}


def test_what_is_younger_than_the_process_is_not_what_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "module.py"
    file.write_text("")
    monkeypatch.setattr(piece, "_files", lambda: (("module", file),))
    monkeypatch.setattr(piece, "BEGUN", time.time() + 60)
    source = piece.source.__wrapped__()
    assert source == piece.source.__wrapped__()
    assert Memo().get(KEY, lambda: 1, lambda _: 8, FORM) == 1
    monkeypatch.setattr(piece, "BEGUN", time.time() - 60)
    os.utime(file, (0, 0))  # as a copy with its date would have it
    assert len({source, piece.source.__wrapped__(), piece.source.__wrapped__()}) == 3
    assert Memo().get(KEY, lambda: 2, lambda _: 8, FORM) == 2
    assert Memo().get(bytes(16), lambda: 3, lambda _: 8, FORM) == 3
    assert len(cache.sizes()) == 1
    file.unlink()
    assert piece.edited()


def test_what_dates_a_process_comes_first() -> None:
    ours = "print(*(name for name in sys.modules if name.startswith('lsm_deploy')))"
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys, lsm_deploy; {ours}"], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split()[:2] == ["lsm_deploy.core", "lsm_deploy.core.begun"]


def test_what_makes_it_is_a_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    import llvmlite.binding as llvm

    makers = {memo._maker.__wrapped__()}
    versions = piece.versions()
    assert versions.keys() == {"Python", *piece.PACKAGES}
    with monkeypatch.context() as other:
        other.setattr(piece, "PACKAGES", ("absent-from-here",))
        assert piece.versions.__wrapped__()["absent-from-here"] is None
    with monkeypatch.context() as other:
        other.setattr(piece, "source", lambda: "another")
        makers.add(memo._maker.__wrapped__())
    for name in versions:
        with monkeypatch.context() as other:
            other.setattr(piece, "versions", lambda name=name: {**versions, name: "another"})
            makers.add(memo._maker.__wrapped__())
    with monkeypatch.context() as other:
        other.setattr(llvm, "get_host_cpu_name", lambda: "another")
        makers.add(memo._maker.__wrapped__())
    assert len(makers) == 3 + len(versions)


def test_what_floats_depend_on_is_known() -> None:
    """All that front ends and runs import, and a reason for what does not matter."""
    harmless = {
        **dict.fromkeys(("cloudpickle", "distributed"), "send"),
        **dict.fromkeys(("annotated_types", "filelock", "packaging"), "reckon nothing"),
        "llvmlite": "is numba's",
        "matplotlib": "draws",
        "threadpoolctl": "sets threads",
    }
    names = {"sklearn": "scikit-learn"}
    folders = ("core", "data/front", "learn", "run", "../backends/lsm_backends/fast")
    imports = {
        name
        for folder in folders
        for file in (ROOT / "lsm_deploy" / folder).rglob("*.py")
        for name in imported(file)
        if name not in sys.stdlib_module_names and not name.startswith("lsm_")
    }
    assert {names.get(name, name) for name in imports} - harmless.keys() <= {*piece.PACKAGES}


# --- runs ------------------------------------------------------------------------------------------------------------

SPEC = """
dt_ms: 1.0
seed: 3
input: {channels: 2, encoder: {kind: rate, frame_ms: 10.0, max_rate_hz: 200.0}}
populations: {liquid: {size: 20, neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 5.0}}}
projections:
  - {source: input, target: liquid, topology: {kind: erdos_renyi, probability: 0.5}, weight: 0.6}
  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, probability: 0.2}, weight: 0.2}
readout: {population: liquid, features: {kind: bins, bins: 2}}
"""


SIGNALS = SPEC.replace(
    "readout: {population: liquid, features: {kind: bins, bins: 2}}",
    "readout: {population: liquid, target: signal, washout: 1, features: {kind: states, frame: true, squares: true}}",
)


def samples(seed: int = 0) -> Frames:
    rng = np.random.default_rng(seed)
    return Frames(rng.random((24, 2)), np.arange(0, 24, 4), ("a", "b") * 3)


def signals(seed: int) -> Frames:
    return replace(samples(seed), labels=(), targets=np.random.default_rng(seed).random((24, 1)), source=f"data {seed}")


def test_each_input_of_a_run_is_a_part_of_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, data = ld.loads(SPEC), samples()
    listener, readout = listen(spec, data), spec.readout
    keys: list[bytes] = []
    monkeypatch.setattr(MEMO, "get", lambda key, make, *_: keys.append(key) or make())

    def ask(listener: Listener = listener, readout: Any = readout, data: Frames = data, *rest: Any, **how: Any) -> None:
        known.known_run(listener, readout, data, *(rest or ("test",)), **how)

    changed: dict[str, Any] = {
        "program": listen(spec.with_(seed=4), data).program,
        "input": ld.loads(SPEC.replace("200.0", "190.0")).input,
        "ranges": listener.ranges + 0.25,
        "seed": 4,
        "names": ("x", "y"),
    }
    # The rest is of recordings, which become frames before a run, and of faults, which are not remembered.
    other = {"front_end", "pattern", "targets", "longest", "mono", "rate_hz", "fault"}
    assert changed.keys() | other == {each.name for each in fields(Listener)}
    ask()
    for name, value in changed.items():
        ask(replace(listener, **{name: value}), data=replace(data, names=("x", "y")) if name == "names" else data)
    for features in ("{kind: bins, bins: 4}", "{kind: bins, bins: 2, root: true}", "{kind: traces}", "{kind: rates}"):
        ask(readout=ld.loads(SPEC.replace("{kind: bins, bins: 2}", features)).readout)
    ask(readout=replace(readout, features=Traces("traces", 31.0)))
    ask(data=samples(1))
    ask(data=replace(data, starts=np.arange(0, 24, 3), labels=("a", "b") * 4, origin=np.arange(8)))
    ask(listener, readout, data, "train")
    ask(backend="emulator")
    ask(hold=1 << 20)
    known.known_float_run(listener, readout, data, "test", b"one", lambda: run_samples(listener, readout, data, "test"))
    known.known_float_run(listener, readout, data, "test", b"two", lambda: run_samples(listener, readout, data, "test"))
    assert len(set(keys)) == len(keys) == 18
    ask(readout=replace(readout, weight_bits=4, regularisation=(1.0,), classifier="logistic"))
    ask(data=replace(data, labels=()))
    assert keys[-2:] == keys[:1] * 2  # what only answers are trained by is no part of it
    before = len(keys)
    ask(replace(listener, fault=lambda stimulus, first: stimulus))
    assert len(keys) == before


def test_a_run_from_the_disk_is_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, data = ld.loads(SPEC), samples()
    listener, readout = listen(spec, data), spec.readout
    plain = run_samples(listener, readout, data, "test")
    known.known_run(listener, readout, data, "test")
    MEMO.clear()
    monkeypatch.setattr(known, "run_samples", None)
    again = known.known_run(listener, readout, data, "test")
    for name in ("features", "encoded", "whole", "busiest", "entered"):
        one, other = getattr(plain.samples, name), getattr(again.samples, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(plain.fired, again.fired)
    assert (plain.steps, plain.counts, plain.contaminated) == (again.steps, again.counts, again.contaminated)


def test_states_from_the_disk_are_those_states(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, data = ld.loads(SIGNALS), samples()
    assert isinstance(spec.readout, Regression)
    listener = listen(spec, data)
    plain = run_states(listener, spec.readout, data)
    known.known_states(listener, spec.readout, data, "test")
    MEMO.clear()
    monkeypatch.setattr(known, "run_raw_states", None)
    again = known.known_states(listener, spec.readout, data, "test")
    assert plain.features.dtype == again.features.dtype
    np.testing.assert_array_equal(plain.features, again.features)
    np.testing.assert_array_equal(plain.fired, again.fired)
    assert (plain.steps, plain.counts) == (again.steps, again.counts)


def test_a_saturated_liquid_of_signals_is_said_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, data = ld.loads(SIGNALS), signals(1)
    for _ in range(2):
        with pytest.warns(LsmWarning, match="population 'liquid' is saturated"):
            ld.train_regression(spec, data)
    MEMO.clear()
    monkeypatch.setattr(known, "run_raw_states", None)
    with pytest.warns(LsmWarning, match="population 'liquid' is saturated"):
        ld.train_regression(spec, data)


def test_a_run_of_another_shape_is_run_again() -> None:
    facts = {"steps": 1, "counts": {}, "contaminated": 0}
    arrays = {name: np.zeros((3, 2), np.int64) for name in ("features", "encoded", "whole")}
    arrays |= {name: np.zeros(3, np.int64) for name in ("busiest", "entered", "fired")}
    known._run_made(facts, arrays)
    for wrong in (
        {name: array for name, array in arrays.items() if name != "fired"},
        {**arrays, "features": np.zeros(3)},
        {**arrays, "features": np.zeros((4, 2))},
        {**arrays, "more": np.zeros(3)},
    ):
        with pytest.raises(ValueError, match="these are"):
            known._run_made(facts, wrong)
    with pytest.raises(KeyError):
        known._run_made({"counts": {}}, arrays)


def test_frames_from_the_disk_are_those_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.random.default_rng(0).standard_normal(8000)
    audio = Audio(sound, np.array([0, 4000]), 8000, labels=("a", "b"), groups=("x", "y"))
    front = "front_end: {kind: mel, rate_hz: 8000, bands: 8}\n"
    spec = ld.loads(SPEC.replace("channels: 2", "channels: 8") + front)
    plain = known_frames.frames_of(audio, spec, "train")
    assert cache.sizes()
    MEMO.clear()
    monkeypatch.setattr(known_frames, "frames_for", None)
    again = known_frames.frames_of(audio, spec, "train")
    for each in fields(Frames):
        np.testing.assert_array_equal(getattr(plain, each.name), getattr(again, each.name))


def test_a_sweep_of_readouts_runs_one_liquid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    monkeypatch.setattr(known, "run_samples", lambda *a, **k: runs.append(1) or run_samples(*a, **k))
    (tmp_path / "spec.yaml").write_text(SPEC)
    vary = {"readout.weight_bits": [4, 6, 8]}
    first = ld.sweep(tmp_path / "spec.yaml", vary, tmp_path / "one", train=samples())
    assert len(runs) == 1
    MEMO.clear()
    again = ld.sweep(tmp_path / "spec.yaml", vary, tmp_path / "two", train=samples())
    assert len(runs) == 1
    monkeypatch.setenv(cache.VARIABLE, "0")
    MEMO.clear()
    without = ld.sweep(tmp_path / "spec.yaml", vary, tmp_path / "three", train=samples())
    assert len(runs) == 2
    assert [p.score for p in first.points] == [p.score for p in again.points] == [p.score for p in without.points]


def test_a_forecaster_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluated again it is answered by the disk."""
    data = ld.loads(SIGNALS), signals(1), signals(2)
    first = evaluate_regression(*data).to_json()
    MEMO.clear()
    for place in (known, states):
        monkeypatch.setattr(place, "run_raw_states", None)
    again = evaluate_regression(*data).to_json()
    assert {**first, "seconds": None} == {**again, "seconds": None}
