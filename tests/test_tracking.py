"""The experiment of `make tracking`, in small: events by hand, filters beside plain ones, and no look ahead."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.tracking import filters, liquids, pedestrians, scenes, table
from bench.tracking.__main__ import within, without_neurons
from bench.tracking.filters import AHEAD, DT, FIRST, Centroids
from bench.tracking.scenes import FRAME_MS, SENSOR, Recording, log_intensity, record, simulate

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("default::lsm_deploy.core.errors.LsmWarning")]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return simulate(5, 4)


def rendered(levels: Any) -> Callable[[int], Any]:
    """One pixel, at (y, x) = (2, 3), has these levels; all others stay."""

    def at(t: int) -> Any:
        image = np.zeros((1, SENSOR, SENSOR))
        image[0, 2, 3] = levels[t]
        return image

    return at


def test_a_pixel_sends_an_event_for_each_threshold_crossed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "MISMATCH", 0.0)
    monkeypatch.setattr(scenes, "NOISE_HZ", 0.0)
    ramp = np.concatenate([np.linspace(0, 1.05, 20), np.linspace(1.05, 0.65, 10)])
    events = record(rendered(ramp), 1, len(ramp), 0)
    assert events.sum(axis=(0, 1))[2, 3].tolist() == [5, 1]  # up to 1.0; down to 0.8, and 0.65 is not yet 0.6
    assert events.sum() == 6
    trembling = 0.19 * (np.arange(30) % 2)
    assert not record(rendered(trembling), 1, 30, 0).any()
    leap = np.array([0.0] * 5 + [-1.3] * 5)
    assert record(rendered(leap), 1, 10, 0)[0, :, 2, 3].tolist() == [[0, 0], [0, 6]]


def test_thresholds_differ_and_noise_is_as_frequent_as_said() -> None:
    still = record(lambda _: np.zeros((20, SENSOR, SENSOR)), 20, 1000, 3)
    rate = still.sum() / (20 * SENSOR**2 * 2)
    assert rate == pytest.approx(scenes.NOISE_HZ, rel=0.1)
    moved = record(lambda t: np.full((1, SENSOR, SENSOR), 2.0 * (t >= 5)), 1, 10, 0)[0, 1, :, :, 0]
    assert 5 <= moved.min() < moved.max() <= 20
    assert moved.mean() == pytest.approx(2.0 / scenes.THRESHOLD, abs=0.7)


def test_a_pixel_is_the_mean_over_its_area() -> None:
    for x, y in ((5.0, 7.0), (5.25, 7.6)):
        image = log_intensity(np.array([[x, y]]), np.array([1.5, 1.0]), np.ones(1))[0]
        dark = (scenes.BRIGHT - np.exp(image)) / (scenes.BRIGHT - scenes.DARK)
        assert dark.sum() == pytest.approx(3.0 * 2.0)
        assert (dark.sum(axis=0) @ np.arange(SENSOR), dark.sum(axis=1) @ np.arange(SENSOR)) == (
            pytest.approx(6 * x), pytest.approx(6 * y),
        )  # fmt: skip
    assert not log_intensity(np.array([[5.0, 5.0]]), np.array([1.5, 1.5]), np.zeros(1)).any()


def test_objects_stay_on_the_sensor_and_are_hidden_twice(recording: Recording) -> None:
    assert recording.centres.min() >= scenes.MARGIN - 0.5
    assert recording.centres.max() <= SENSOR - scenes.MARGIN - 0.5
    assert recording.hidden.sum(axis=1).tolist() == pytest.approx([2 * scenes.HIDDEN_MS / FRAME_MS] * 4, abs=4)
    many = recording.events.sum(axis=(2, 3, 4))
    for row, hidden in zip(many, recording.hidden, strict=True):
        begins = np.flatnonzero(np.diff(hidden.astype(int)) == 1) + 1
        assert len(begins) == 2
        for begin in begins:
            assert row[begin : begin + 3].sum() > 20, "it fades, which is seen"
            assert row[begin + 4 : begin + 36].mean() < 3 * scenes.NOISE_HZ * SENSOR**2 * 2 * FRAME_MS / 1000
    assert (simulate(6, 1).centres != recording.centres[:1]).any()
    assert (simulate(5, 4).events == recording.events).all()


# --- filters -------------------------------------------------------------------------------------------------------


def straight(frames: int = 200, hidden: slice = slice(0)) -> tuple[Centroids, Any]:
    """Events where an object is that moves on, ten a frame but for some frames; and where it is."""
    centres = np.stack([np.linspace(2, 10, frames), np.linspace(12, 4, frames)], axis=-1)[None]
    many = np.full((1, frames), 10.0)
    many[:, hidden] = 0
    return Centroids(many, centres * many[..., None]), centres


@pytest.mark.parametrize("hidden", [slice(0), slice(120, 160)])
def test_what_moves_on_is_where_both_say_it_will_be(hidden: slice) -> None:
    of, centres = straight(hidden=hidden)
    later = centres[:, 100 + AHEAD :]
    velocity = filters.constant_velocity(of, 6, 1)[:, 100:-AHEAD]
    assert velocity == pytest.approx(later)
    assert filters.kalman(of, 1.0, 1.0, 1e9)[:, 100:-AHEAD] == pytest.approx(later, abs=0.05)
    assert filters.last_seen(of, 1, 1)[:, 130] == pytest.approx(centres[:, 119 if hidden != slice(0) else 130])


@pytest.mark.parametrize("decay", [0.0, 2.0])
def test_the_filter_is_the_one_of_textbooks(decay: float, recording: Recording) -> None:
    of = Centroids.of(recording)
    ours = filters.kalman(of, 300.0, 4.0, 9.0, decay)
    keep = np.exp(-decay * DT)
    go = DT if not decay else (1 - keep) / decay
    far = AHEAD * DT if not decay else (1 - np.exp(-decay * AHEAD * DT)) / decay
    f = np.kron(np.array([[1, go], [0, keep]]), np.eye(2))
    q = np.kron(300.0 * np.array([[DT**3 / 3, DT**2 / 2], [DT**2 / 2, DT]]), np.eye(2))
    h = np.hstack([np.eye(2), np.zeros((2, 2))])
    x, p = np.array([7.5, 7.5, 0, 0]), np.diag([SENSOR**2 / 12] * 2 + [400.0] * 2)
    taken = 0
    for t in range(150):
        x, p = f @ x, f @ p @ f.T + q
        if (n := recording.events[0, t].sum()) > 0:
            y, other, _ = np.nonzero(recording.events[0, t])
            weights = recording.events[0, t][np.nonzero(recording.events[0, t])]
            z = np.array([np.average(other, weights=weights), np.average(y, weights=weights)])
            s = h @ p @ h.T + 4.0 / n * np.eye(2)
            if (z - h @ x) @ np.linalg.inv(s) @ (z - h @ x) <= 9.0:
                gain = p @ h.T @ np.linalg.inv(s)
                x, p, taken = x + gain @ (z - h @ x), p - gain @ h @ p, taken + 1
        assert ours[0, t] == pytest.approx(x[:2] + far * x[2:])
    assert 50 < taken < 150


def test_what_is_fitted_is_better_than_where_it_begins(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "EVALUATIONS", 12)
    of = Centroids.of(recording)
    begin = filters.error(filters.kalman(of, 300.0, 4.0, 9.0), recording)
    assert filters.error(filters.kalman(of, *filters.fitted(of, recording, decays=False)), recording) < begin


# --- all of them ---------------------------------------------------------------------------------------------------


def cut_off(recording: Recording, frame: int) -> Recording:
    """The same with other events from a frame on."""
    events = recording.events.copy()
    events[:, frame:] = np.random.default_rng(0).poisson(0.01, events[:, frame:].shape)
    return replace(recording, events=events)


def test_no_forecast_looks_ahead(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "EVALUATIONS", 5)
    train, tests, now = recording[:2], recording[2:], 300
    answers = []
    for asked in (tests, cut_off(tests, now)):
        found = {name: each[0] for name, each in without_neurons(train, asked)[0].items()}
        data = liquids.frames_of(asked)
        for kind in liquids.GRID:
            found |= liquids.forecasts(kind, liquids.GRID[kind][0], 40, 1, liquids.frames_of(train), data)
        answers.append(found)
    assert set(answers[0]) == set(table.NAMES)
    for name, before in answers[0].items():
        same = (before == answers[1][name]).all(axis=(0, 2))
        assert same[: now - FIRST].all(), name
        assert name == "middle" or not same[now - FIRST :].all(), name
    assert (answers[0]["spiking"] != answers[0]["spiking, cut"]).any()


def test_distances_by_hand(recording: Recording) -> None:
    truth = recording.centres[:, FIRST + AHEAD :]
    forecasts = np.stack([truth + np.array([3.0, 4.0]), truth + np.array([0.0, 1.0])])
    forecasts[:, recording.hidden[:, FIRST:-AHEAD]] += [3.0, 4.0]
    sums = table.sums_of(recording, {"spiking": forecasts, "graded": forecasts[:1]})
    assert sums.over == "4 sequences, of 2 liquids"
    hidden = (10 + np.hypot(3, 5)) / 2
    assert sums.value("spiking", table.HIDDEN) == pytest.approx(hidden)
    share = recording.hidden[:, FIRST:-AHEAD].mean()
    assert sums.value("spiking", table.DISTANCE) == pytest.approx(share * hidden + (1 - share) * 3)
    assert sums.difference("spiking", "graded", table.DISTANCE).says == "better"


def test_no_forecast_lies_where_nothing_can_be(recording: Recording) -> None:
    far = np.full((1, *recording.centres.shape), 99.0)
    assert (within({"a": far}, np.zeros(2), np.array([4.0, 5.0]))["a"] == [4.0, 5.0]).all()


# --- pedestrians ---------------------------------------------------------------------------------------------------


def test_boxes_are_walked_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One walks 80 pixels of the video a second to the right; another is there too briefly, a third with gaps."""
    monkeypatch.setattr(scenes, "NOISE_HZ", 0.0)
    lines = [f"{k + 1},7,{100 + 3.2 * k:g},{200},60,120,1,-1,-1,-1" for k in range(40)]
    lines += [f"{k + 1},2,10,10,60,120,1,-1,-1,-1" for k in range(20)]
    lines += [f"{2 * k + 1},3,10,10,60,120,1,-1,-1,-1" for k in range(40)]
    with zipfile.ZipFile(tmp_path / "motmetrics-0.whl", "w") as file:
        file.writestr("motmetrics/data/TUD-Campus/gt.txt", "\n".join(sorted(lines)))
    found = pedestrians.walks(tmp_path / "motmetrics-0.whl", "TUD-Campus", 1)
    assert found.pedestrians.tolist() == [0, 0]
    centres = found.recording.centres
    assert centres.shape == (2, 192, 2)
    # 5 ms are 0.4 pixels of the video, and 40 of these one of the sensor, whose height is more than the video's.
    assert np.diff(centres[:, :, 0]) == pytest.approx(0.01)
    assert centres[0, 0].tolist() == pytest.approx([(130 + 0.32) / 40 - 0.5, (260 + 80) / 40 - 0.5])
    assert centres[1, 0, 0] - centres[0, 0, 0] == pytest.approx(pedestrians.HOP * 3.2 / 40)
    answered = centres.shape[1] - FIRST - AHEAD
    assert answered * FRAME_MS == pedestrians.HOP * pedestrians.FRAME_OF_VIDEO_MS, "none is answered twice"
    dark = found.recording.events.sum(axis=(0, 1, 4))
    assert dark[6:11, 1:8].sum() == dark.sum() > 50


def test_sequences_of_one_pedestrian_are_one_unit(recording: Recording) -> None:
    truth = recording.centres[:, FIRST + AHEAD :][None] + 1.0
    of = table.sums_of(recording, {"stays": truth}, np.array([4, 9, 4, 4]), "pedestrians")
    assert of.over == "2 pedestrians"
    each = table.sums_of(recording, {"stays": truth}).sums["stays"][0]
    assert of.sums["stays"][0] == pytest.approx(np.stack([each[0] + each[2] + each[3], each[1]]))
