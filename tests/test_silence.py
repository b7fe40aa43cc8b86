"""What would be read, and not mean what its author meant: arrays that nobody asks for, values that change."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import waves
from programs import random_program

import lsm_deploy as ld
from lsm_deploy import store
from lsm_deploy.core.errors import LsmError
from lsm_deploy.store.recordings import load_trace_of

FRAMES = {"frames": np.arange(12.0).reshape(6, 2), "starts": np.array([0, 3])}
SOUND = {"audio": np.linspace(-1, 1, 100), "length": np.array([60, 40]), "rate": np.array(8000)}
BEATS = {"r_beats": np.full(9, 200), "r_onset": np.array([0]), "r_rhythm": np.array([1])}
SPIKES = {"spikes": np.eye(4, dtype=np.int8)}
EVENTS = {"t": np.array([0, 2]), "channel": np.array([1, 0]), "shape": np.array([4, 2])}


def refused(folder: Path, arrays: dict[str, Any], read: Any) -> str:
    np.savez(folder / "a.npz", **arrays)
    with pytest.raises(LsmError) as caught:
        read(folder / "a.npz")
    return str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "added", "read", "hint"),
    [
        (FRAMES, "Label", ld.load_raw, "did you mean 'labels'?"),
        (SOUND, "spaeker", ld.load_raw, "did you mean 'speaker'?"),
        (SOUND, "Takes", ld.load_raw, "did you mean 'takes'?"),
        (BEATS, "Rate", ld.load_raw, "which belongs to no record"),  # 250 Hz where 360 are
        (BEATS, "fs", ld.load_raw, "which belongs to no record"),
        (BEATS, "r_onsets", ld.load_raw, "which belongs to no record"),
        (BEATS, "s_beat", ld.load_raw, "which belongs to no record"),  # a record that would be missing
        (SPIKES, "start", ld.load_stimulus, "did you mean 'starts'?"),  # one sample where there are two
        (EVENTS, "Starts", ld.load_stimulus, "did you mean 'starts'?"),
    ],
)
def test_an_array_that_nobody_would_read_is_named(
    tmp_path: Path, arrays: dict[str, Any], added: str, read: Any, hint: str
) -> None:
    np.savez(tmp_path / "well.npz", **arrays)
    read(tmp_path / "well.npz")
    message = refused(tmp_path, arrays | {added: np.array([0, 2])}, read)
    assert f"there is an array {added!r}" in message
    assert hint in message


@pytest.mark.parametrize(
    ("arrays", "read", "message"),
    [
        (SOUND | {"lengths": np.array([50, 50])}, ld.load_raw, "length and lengths say the same"),
        (SOUND | {"digit": np.arange(2), "labels": np.array(["a", "b"])}, ld.load_raw, "digit and labels say the same"),
        (SPIKES | EVENTS, ld.load_stimulus, "there are `spikes`, and events `t` and `channel` too"),
    ],
)
def test_of_two_arrays_that_say_the_same_none_is_chosen(
    tmp_path: Path, arrays: dict[str, Any], read: Any, message: str
) -> None:
    assert message in refused(tmp_path, arrays, read)


def test_takes_beyond_63_bits_do_not_become_negative(tmp_path: Path) -> None:
    takes = np.array([1, 2**64 - 1], np.uint64)
    assert "takes: entry 1 is 18446744073709551615" in refused(tmp_path, SOUND | {"take": takes}, ld.load_raw)


@pytest.mark.parametrize("rate", [1e-320, 1e-9, 1e300])
@pytest.mark.parametrize("arrays", [SOUND, BEATS], ids=["sound", "beats"])
def test_a_rate_that_nothing_has_is_refused(tmp_path: Path, arrays: dict[str, Any], rate: float) -> None:
    assert f"rate is [{rate}]" in refused(tmp_path, arrays | {"rate": np.array([rate])}, ld.load_raw)


@pytest.mark.parametrize("value", [2, -2, 5])
def test_how_many_spikes_there_were_is_no_spike(tmp_path: Path, value: int) -> None:
    spikes = np.full((4, 3), value)
    program = random_program(np.random.default_rng(1), sizes=(3,), kinds=("TernaryLIF",))
    arrays = {"spikes": spikes, "v": spikes}
    words = "a spike is none of -1, 0 and 1"
    assert words in refused(tmp_path, arrays, lambda path: load_trace_of(program, path))


@pytest.mark.parametrize("chosen", [[0.5, 1.7], ["0"], [True], [True, False, True], np.zeros((1, 2), int)])
def test_a_subset_is_a_mask_of_all_samples_or_whole_numbers(chosen: Any) -> None:
    data = ld.Frames(FRAMES["frames"], FRAMES["starts"])
    with pytest.raises(ValueError, match=r"a mask of shape|a subset chooses"):
        ld.subset(data, chosen)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64])
def test_sound_in_integers_of_an_unknown_range_is_refused(dtype: type) -> None:
    with pytest.raises(ValueError, match="neither int16 nor float"):
        ld.Audio(np.array([1, 2, 3], dtype), np.array([0]), 8000.0)


def test_a_name_with_a_null_byte_is_a_sentence() -> None:
    for read in (ld.load_program, ld.load_stimulus, ld.load_model, ld.open_any, ld.load):
        with pytest.raises(LsmError, match="null byte"):
            read("a\0b")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return ld.train(waves.spec(tmp_path_factory.mktemp("silence")), waves.waves(4, 1))


def test_a_readout_of_the_least_integer_is_refused(model: Any) -> None:
    integers = model.answerer.integers
    weights = integers.weights.copy()
    weights[0, 0] = -(2**63)  # which is its own absolute value
    with pytest.raises(ValueError, match="16 bits"):
        replace(integers, weights=weights)


def test_ranges_do_not_end_before_they_begin(model: Any) -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        replace(model.listener, ranges=model.listener.ranges[:, ::-1])


def test_two_classes_of_one_name_are_no_answer(model: Any) -> None:
    answerer = model.answerer
    named = {part: replace(getattr(answerer, part), classes=("a", "a", "b")) for part in ("classifier", "integers")}
    with pytest.raises(ValueError, match="two classes have one name"):
        replace(model, answerer=replace(answerer, **named))


def test_a_state_is_after_whole_steps(model: Any) -> None:
    state = ld.start("fast", model.program).save()
    with pytest.raises(TypeError):
        replace(state, t=1.5)


@pytest.mark.parametrize("samples", [0, -1])
def test_no_samples_are_no_stimulus(model: Any, samples: int) -> None:
    with pytest.raises(LsmError, match="samples are asked for"):
        ld.stimulus_for(ld.compile_any(model), None, samples)


def test_a_parameter_that_a_cell_has_not_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,0\n")
    given = {"weight": 1, "du": 1, "dv": 1, "vth": 1, "nonsense": 3}
    with pytest.raises(LsmError, match="there is no parameter 'nonsense'"):
        ld.import_nir(tmp_path / "a.csv", given, recorded_on="", silicon=False, source="", licence="")


@pytest.mark.parametrize("name", [1.5, None, 3, True])
def test_the_arrays_of_a_container_are_named_by_text(name: object) -> None:
    packed = store.pack("state", {}, {"in_flight": np.zeros((1, 1), np.int64)})
    length = int.from_bytes(packed[8:16], "little")
    header = json.dumps(json.loads(packed[16 : 16 + length]) | {"arrays": [[name, "<i8", [1, 1]]]}).encode()
    body = packed[:8] + len(header).to_bytes(8, "little") + header + bytes(-len(header) % 8) + bytes(8)
    with pytest.raises(LsmError, match="named twice, or by no text"):
        store.unpack(body + hashlib.sha256(body).digest(), "state", "here")


def test_a_model_knows_its_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((80, 2))

    def written(name: str, columns: str, values: np.ndarray) -> Path:
        lines = [f"sample,label,{columns}"]
        lines += [f"{i // 10},{'ab'[i // 10 % 2]},{x:.4f},{y:.4f}" for i, (x, y) in enumerate(values)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    train = written("train.csv", "first,second", rows)
    swapped = written("swapped.csv", "second,first", rows[:, ::-1])
    (tmp_path / "s.yaml").write_text(
        """
dt_ms: 1.0
seed: 1
input: {channels: 2, encoder: {kind: rate, frame_ms: 10.0}}
populations: {liquid: {size: 10, neuron: {kind: LIF}}}
projections: [{source: input, target: liquid, topology: {kind: all_to_all}, weight: 0.4}]
readout: {population: liquid, features: {kind: bins}, folds: 2}
"""
    )
    model = ld.train(ld.load(tmp_path / "s.yaml"), train)
    ld.save_model(tmp_path / "m.lsm", model)
    again = ld.load_model(tmp_path / "m.lsm")
    assert again.listener.names == ("first", "second")
    assert list(ld.predict(again, again.listener.load(train))) == list(ld.predict(model, model.listener.load(train)))
    with pytest.raises(LsmError, match="channel 0 is 'second', in the training data 'first'"):
        ld.predict(again, again.listener.load(swapped))
