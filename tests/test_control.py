"""The experiment of `make control`, in small: plants, experts, imitation, readouts that learn on, and C in the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.control import exported, gru
from bench.control.adaptation import Learning
from bench.control.episodes import Condition, Episode, Sensor, run
from bench.control.estimators import Differences, Filtered
from bench.control.experts import EXPERTS, MODELS, Seeing
from bench.control.imitation import imitate
from bench.control.learners import Liquid, LiquidController, Window, as_frames, stacked
from bench.control.measured import LEARNT, TRAINED, Size, compared, of_baselines, of_liquid, spec_of
from bench.control.plants import PERIOD, PLANTS, Altered, CartPole, DoublePendulum, Pendulum, Plant, missing
from bench.control.spiking import spiking_of
from bench.control.table import ENDS, Found, render
from bench.control.timing import latencies

import lsm_deploy as ld
from lsm_deploy.report.markdown import to_markdown

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(missing("cart_pole") is not None, reason=str(missing("cart_pole"))),
    pytest.mark.filterwarnings("ignore:.*clips it"),
]
NEEDS_MUJOCO = pytest.mark.skipif(missing("double_pendulum") is not None, reason=str(missing("double_pendulum")))
EACH = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[NEEDS_MUJOCO] * (n == "double_pendulum")) for n in PLANTS]
)
NEEDS_TORCH = pytest.mark.skipif(gru.missing() is not None, reason=str(gru.missing()))
NEEDS_C = pytest.mark.skipif(exported.missing() is not None, reason=str(exported.missing()))


def small(name: str = "cart_pole", size: int = 24) -> ld.Spec:
    """The spec of a plant with fewer neurons, each joined to a third of them."""
    fewer = {"populations.reservoir.size": size, "projections.reservoir->reservoir.topology.probability": 0.3}
    return spec_of(name).with_(fewer)


# --- plants ----------------------------------------------------------------------------------------------------------


def test_the_cart_pole_is_gymnasiums() -> None:
    import gymnasium

    env, plant = gymnasium.make("CartPole-v1", disable_env_checker=True), CartPole()
    seen, _ = env.reset(seed=7)
    plant.reset(7)
    rng, over = np.random.default_rng(1), False
    while not over:
        assert plant.frame.tolist() == (seen[[0, 2]] / np.array([2.4, 12 * 2 * np.pi / 360])).tolist()
        action = int(rng.integers(2))
        seen, reward, fell, late, _ = env.step(action)
        ours, over = plant.act(1.0 if action else -1.0)
        assert (ours, over) == (reward, fell or late)


def test_the_pendulum_is_gymnasiums_at_20_ms() -> None:
    plant = Pendulum()
    plant.reset(3)
    angle, velocity = plant.state
    rng, total, rewards = np.random.default_rng(1), 0.0, 0.0
    for k in range(500):
        torque = float(np.float32(rng.uniform(-2, 2)))
        # The equation of a rod, as Pendulum-v1 has it: the velocity moves first.
        off = (angle + np.pi) % (2 * np.pi) - np.pi
        rewards -= 0.4 * (off**2 + 0.1 * velocity**2 + 0.001 * torque**2)
        velocity = np.clip(velocity + 0.02 * (15 * np.sin(angle) + 3 * torque), -8, 8)
        angle += 0.02 * velocity
        reward, over = plant.act(torque)
        total += reward
        assert plant.state == pytest.approx([angle, velocity], abs=1e-9)
        assert plant.frame == pytest.approx([np.cos(angle), np.sin(angle)], abs=1e-6)
        assert over == (k == 499)
    assert total == pytest.approx(rewards)


@NEEDS_MUJOCO
def test_the_double_pendulum_is_mujocos_at_20_ms() -> None:
    import gymnasium

    env, plant = gymnasium.make("InvertedDoublePendulum-v5", frame_skip=2, disable_env_checker=True), DoublePendulum()
    seen, _ = env.reset(seed=7)
    plant.reset(7)
    rng, over, began = np.random.default_rng(1), False, env.unwrapped.data.time
    steps = 0
    while not over:
        assert plant.frame.tolist() == seen[:3].tolist()
        force = rng.uniform(-0.3, 0.3, 1).astype(np.float32)
        seen, reward, fell, _, _ = env.step(force)
        ours, over = plant.act(float(force[0]))
        steps += 1
        assert (ours, over) == (reward, fell)
    assert env.unwrapped.data.time - began == pytest.approx(PERIOD * steps)
    assert env.unwrapped.data.site_xpos[0][2] <= 1, "it fell"


@NEEDS_MUJOCO
def test_a_double_pendulum_ends_after_10_s() -> None:
    plant, expert = DoublePendulum(), EXPERTS["double_pendulum"]()
    driven = run(plant, Seeing(expert, plant), 1)
    assert (len(driven.frames), driven.held) == (500, True)
    assert driven.total < ENDS["double_pendulum"][1]
    assert driven.total == pytest.approx(ENDS["double_pendulum"][1], rel=1e-3)


def placed(plant: Plant, state: np.ndarray) -> None:
    """Put a plant into a state."""
    env = plant._env.unwrapped  # type: ignore[attr-defined]
    if plant.name == "double_pendulum":
        env.set_state(state[::2], state[1::2])
    else:
        env.state = state.copy()


@EACH
def test_velocities_are_in_no_frame(name: str) -> None:
    """Whatever the velocities are, the frame is that of the positions, from the first one on."""
    plant, moving = PLANTS[name](), slice(1, None, 2)
    plant.reset(1)
    frames = []
    for velocity in (-0.3, 0.0, 0.7):
        state = plant.state
        state[moving] = velocity
        placed(plant, state)
        # What the environment itself shows of a state, as `reset` and `step` return it.
        seen = state.astype(np.float32) if name == "cart_pole" else plant._env.unwrapped._get_obs()
        plant._seen = seen
        assert np.isclose(seen, velocity).any(), "the environment shows it"
        frames.append(plant.frame.tolist())
    assert frames[0] == frames[1] == frames[2]
    assert len(frames[0]) == len(plant.channels) == spec_of(name).input.channels


@EACH
def test_a_plant_that_was_altered_moves_otherwise(name: str) -> None:
    def angle(altered: Altered | None) -> float:
        plant = PLANTS[name](altered)
        plant.reset(5)
        for _ in range(8):
            plant.act(1.0)
        return float(plant.state[-2])

    others = [Altered(mass=2.0)] if name == "double_pendulum" else [Altered(mass=2.0), Altered(length=2.0)]
    every = [angle(each) for each in (None, Altered(), *others)]
    assert every[0] == every[1]
    assert len(set(every)) == 1 + len(others)


@NEEDS_MUJOCO
def test_poles_of_more_mass_are_mujocos() -> None:
    plants = [DoublePendulum(each) for each in (None, Altered(mass=3.0))]
    light, heavy = (plant._env.unwrapped.model for plant in plants)
    assert heavy.body_mass[1:] == pytest.approx(light.body_mass[1:] * [1, 3, 3])
    assert heavy.body_inertia[2:] == pytest.approx(3 * light.body_inertia[2:])
    assert heavy.body_subtreemass[1] == pytest.approx(heavy.body_mass.sum()), "what MuJoCo derives is derived again"
    with pytest.raises(ValueError, match="as long as it says"):
        DoublePendulum(Altered(length=2.0))


# --- experts ---------------------------------------------------------------------------------------------------------


@EACH
def test_regulators_have_the_plants_own_step_about_upright(name: str) -> None:
    plant = PLANTS[name]()
    plant.reset(1)
    # The cart-pole takes the sign alone of a force.
    size, small_one, limit = len(plant.state), 1e-4, plant.limit if name == "cart_pole" else 1e-3 * plant.limit

    def moved(state: np.ndarray, command: float) -> np.ndarray:
        placed(plant, state)
        plant.act(command)
        return plant.state

    model = MODELS[name]()
    here = np.zeros(size)
    both = [moved(here, sign * limit) for sign in (1, -1)]
    assert (both[0] - both[1]) / (2 * limit) == pytest.approx(model.b[:, 0], rel=1e-6)
    for k, unit in enumerate(np.eye(size)):
        ends = [np.mean([moved(sign * small_one * unit, u * limit) for u in (1, -1)], axis=0) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / (2 * small_one) == pytest.approx(model.a[:, k], rel=1e-5, abs=1e-6)


@EACH
def test_the_equations_are_the_plants_own(name: str) -> None:
    plant, rng = PLANTS[name](), np.random.default_rng(4)
    for seed in range(5):
        plant.reset(seed)
        for _ in range(6):
            command, before = float(np.float32(rng.uniform(-2.5, 2.5))), plant.state
            plant.act(command)
            assert MODELS[name]().moved(before, command) == pytest.approx(plant.state, rel=1e-9, abs=1e-12)


@EACH
def test_the_expert_holds_and_nobody_does_not(name: str) -> None:
    plant, expert = PLANTS[name](), EXPERTS[name]()

    class Nobody:
        def begin(self) -> None: ...

        def act(self, frame: np.ndarray) -> float:
            return 0.0

    for seed in range(3):
        taught = run(plant, Seeing(expert, plant), seed, expert)
        assert taught.held
        assert taught.labels.tolist() == taught.commands.tolist()
        left = run(plant, Nobody(), seed)
        assert not left.held
        assert left.total < taught.total


def test_finite_differences_are_velocities_where_nothing_else_moves_them() -> None:
    plant = Pendulum()
    plant.reset(2)
    differences = Differences("pendulum")
    differences.begin()
    expert = EXPERTS["pendulum"]()
    differences.act(plant.frame)
    for _ in range(100):
        plant.act(0.3)
        # The angle moved by the new velocity: the difference is exactly it.
        assert differences.act(plant.frame) == pytest.approx(expert(plant.state), abs=1e-3)


@EACH
def test_a_filter_sees_through_noise_that_differences_do_not(name: str) -> None:
    condition = Condition(noise=0.02)
    totals = [
        [run(PLANTS[name](), made(name), seed, None, condition).total for seed in range(4)]
        for made in (Filtered, Differences)
    ]
    assert np.mean(totals[0]) > np.mean(totals[1]) + 10


# --- episodes --------------------------------------------------------------------------------------------------------


def test_a_sensor_is_late_and_noisy_the_same_way_for_everybody() -> None:
    frames = np.arange(12.0).reshape(6, 2)

    def shown(condition: Condition, seed: int) -> np.ndarray:
        sensor = Sensor(condition)
        sensor.begin(9)
        sensor.show(frames[0])
        sensor.begin(seed)
        return np.array([sensor.show(frame) for frame in frames])

    assert shown(Condition(delay=2), 1)[:, 0].tolist() == [0, 0, 0, 2, 4, 6]
    noisy = shown(Condition(noise=0.1), 1) - frames
    assert 0.05 < noisy.std() < 0.2
    assert (shown(Condition(noise=0.1), 1) - frames).tolist() == noisy.tolist()
    assert (shown(Condition(noise=0.1), 2) - frames).tolist() != noisy.tolist()
    assert shown(Condition(noise=0.2, delay=1), 1)[2] == pytest.approx(frames[1] + 2 * noisy[1])


# --- imitation -------------------------------------------------------------------------------------------------------


def test_windows_look_back_as_they_do_in_an_episode() -> None:
    rng = np.random.default_rng(1)
    frames, labels = rng.normal(size=(40, 2)), rng.normal(size=40)
    rows = stacked(frames, 3)
    assert rows[0].tolist() == [*frames[0], *frames[0], *frames[0]]
    assert rows[5].tolist() == [*frames[3], *frames[4], *frames[5]]
    taught = [Episode(frames, labels, labels, 0.0, True)]
    controllers = [Window(spec_of("pendulum"), 3, products=products).fit(taught) for products in (False, True)]
    for controller in controllers:
        controller.begin()
        for k, frame in enumerate(frames):
            controller.act(frame)
            assert controller.features[:6].tolist() == rows[k].tolist()
    products = [rows[-1, i] * rows[-1, j] for i in range(6) for j in range(i, 6)]
    assert controllers[1].features[6:].tolist() == products


def test_imitation_gets_better_where_the_learner_drives() -> None:
    learnt = imitate("cart_pole", Liquid(small()), rounds=3, episodes=3)
    assert learnt.curve[0] < 0.7 * max(learnt.curve)
    # No liquid: there is no velocity in a frame, whatever is learnt of it.
    nothing = imitate("cart_pole", Window(small(), 1), rounds=3, episodes=3)
    assert max(nothing.curve) < 0.5 * max(learnt.curve)
    assert len(learnt.episodes) == 12
    best = max(range(3), key=lambda k: (learnt.curve[k], k))
    driven = learnt.episodes[3 * (best + 1) : 3 * (best + 2)]
    plant = CartPole()
    again = run(plant, learnt.controller, 100_000 + 3 * (best + 1))
    assert again.commands.tolist() == driven[0].commands.tolist(), "the controller that is taken drove these"


def test_recurrence_that_is_off_is_the_same_readout_of_the_same_input() -> None:
    plant, expert = CartPole(), EXPERTS["cart_pole"]()
    data = [run(plant, Seeing(expert, plant), 100_000 + seed, expert) for seed in range(2)]
    spec = small()
    whole, cut = Liquid(spec).fit(data).model, Liquid(spec, cut=True).fit(data).model
    by_source = {p.source for p in cut.program.network.projections}
    assert by_source < {p.source for p in whole.program.network.projections}
    alone = replace(spec, projections=spec.projections[:1])
    assert len(cut.program.network.projections) == len(ld.compile_spec(alone).program.network.projections)
    assert ld.forecast(whole, as_frames(data)).tolist() != ld.forecast(cut, as_frames(data)).tolist()


# --- a spiking liquid ------------------------------------------------------------------------------------------------


@EACH
def test_spikes_answer_live_what_they_answer_of_whole_episodes(name: str) -> None:
    plant, expert = PLANTS[name](), EXPERTS[name]()
    data = [run(plant, Seeing(expert, plant), 100_000, expert)]
    controller = Liquid(spiking_of(name, spec_of(name))).fit(data)
    network = controller.model.program.network
    assert {each.kind for each in network.populations} == {"LIF"}
    controller.begin()
    answers = [controller.act(frame) for frame in data[0].frames]
    assert answers == ld.forecast(controller.model, as_frames(data))[:, 0].tolist()
    states = controller.features[: network.populations[0].size]
    assert (states > 0).mean() > 0.1, "they spike"
    controller.begin()
    for frame in data[0].frames:
        controller.act(-frame)
    assert (controller.features[: len(states)] != states).mean() > 0.1, "what enters is what they spike of"


def test_a_spiking_liquid_is_drawn_anew_of_another_seed() -> None:
    programs = [ld.compile_spec(spiking_of("cart_pole", spec_of("cart_pole", seed))).program for seed in (1, 1, 2)]
    ours, again, others = (ld.program_id(each) for each in programs)
    assert ours == again != others


# --- a recurrent network ---------------------------------------------------------------------------------------------


def taught_by_two_frames(lengths: Sequence[int]) -> list[Episode]:
    """Episodes of noise whose labels are of a frame and of the one before."""
    rng, episodes = np.random.default_rng(2), []
    for length in lengths:
        frames = rng.normal(size=(length, 2))
        labels = frames[:, 0] - np.append(0.0, frames[:-1, 1])
        episodes.append(Episode(frames, labels, labels, 0.0, True))
    return episodes


@NEEDS_TORCH
def test_a_gru_learns_what_two_frames_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gru, "EPOCHS", 20)
    episodes = taught_by_two_frames([60] * 12)
    learner = gru.Gru(2, 16, 1)
    controllers = [learner.fit(episodes[:10]) for _ in range(3)]

    def off(controller: gru.GruController) -> float:
        controller.begin()
        given = np.array([controller.act(frame) for frame in episodes[11].frames])
        return float(np.sqrt(np.mean((given - episodes[11].labels) ** 2)) / episodes[11].labels.std())

    assert off(controllers[2]) < 0.3
    assert off(controllers[2]) < off(controllers[0]), "each goes on from the one before, which stays as it was"


@NEEDS_TORCH
def test_a_gru_that_is_stepped_is_the_one_that_was_trained_on_whole_episodes() -> None:
    import torch

    episode = taught_by_two_frames([30])[0]
    controller = gru.Gru(2, 8, 1).fit([episode])
    with torch.no_grad():
        whole = controller._readout(controller._cells(torch.tensor(episode.frames, dtype=torch.float32)[None])[0])
    for _ in range(2):  # nothing of the episode before is left in the second one
        controller.begin()
        stepped = [controller.act(frame) for frame in episode.frames]
        assert stepped == pytest.approx((controller._scale * whole[0, :, 0]).tolist(), abs=1e-5)


@NEEDS_TORCH
def test_a_gru_goes_through_an_episode_from_span_to_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gru, "EPOCHS", 2)
    learner, anew = gru.Gru(2, 4, 1), []
    learner._cells.register_forward_pre_hook(lambda _, given: anew.append(given[1] is None))
    learner.fit(taught_by_two_frames([2 * gru.SPAN + 20, 30]))
    assert anew == [True, False, False] * 2


@NEEDS_TORCH
def test_a_gru_imitates_in_its_own_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gru, "EPOCHS", 10)
    learnt = imitate("cart_pole", gru.Gru(2, 8, 1), rounds=3, episodes=2)
    assert max(learnt.curve) > 1.5 * learnt.curve[0]
    lengths = [len(each.frames) for each in learnt.episodes]
    assert len(set(lengths)) > 1, "those that are shorter are padded"


def test_a_machine_without_torch_runs_and_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gru, "missing", lambda: "torch is not here")
    size = Size(rounds=1, episodes=1, tests=1, disturbed=1, adapting=1, liquids=1, conditions=0, steps=50)
    baselines = of_baselines("cart_pole", size)
    assert baselines.left_out == {"gru": "torch is not here"}
    assert set(LEARNT) - set(baselines.curves) == {"liquid", "cut", "spiking", "gru"}


# --- what learns on --------------------------------------------------------------------------------------------------


def test_a_readout_learns_on_and_is_deployed_again() -> None:
    plant, expert = CartPole(), EXPERTS["cart_pole"]()
    data = [run(plant, Seeing(expert, plant), 100_000 + seed, expert) for seed in range(3)]
    before = Liquid(small()).fit(data)
    learning = Learning(before)

    def asked(episode: Episode) -> np.ndarray:
        return episode.labels + 5.0  # of a teacher who asks for more

    for episode in data[:2]:
        learning.begin()
        for frame, label in zip(episode.frames, asked(episode), strict=True):
            learning.act(frame)
            learning.correct(label)
    after = learning.controller()
    assert isinstance(after, LiquidController)

    def off(controller: LiquidController) -> float:
        controller.begin()
        given = np.array([controller.act(frame) for frame in data[2].frames])
        return float(np.sqrt(np.mean((given - asked(data[2])) ** 2)))

    assert off(after) < 0.5 * off(before)
    learning.begin()
    after.begin()
    for frame in data[2].frames:  # in floats, and in integers again
        assert after.act(frame) == pytest.approx(learning.act(frame), abs=0.01)


# --- C ---------------------------------------------------------------------------------------------------------------


@NEEDS_C
@EACH
def test_c_commands_what_python_does(name: str, tmp_path: Path) -> None:
    plant, expert = PLANTS[name](), EXPERTS[name]()
    data = [run(plant, Seeing(expert, plant), 100_000 + seed, expert) for seed in range(2)]
    controller = Liquid(small(name)).fit(data)
    found = compared(name, controller.model, 2)
    assert (found.differ, found.episodes) == (0, 2)
    assert found.commands > 10
    in_c = exported.Compiled(controller.model, tmp_path)
    assert in_c.state == found.state
    in_c.begin()
    # Another readout is seen.
    other = controller.having(replace(controller.regressor, intercept=controller.regressor.intercept + 0.01))
    other.begin()
    assert in_c.act(plant.frame) != other.act(plant.frame)


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_tables_have_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gru, "EPOCHS", 2)
    size = Size(rounds=1, episodes=1, tests=3, disturbed=1, adapting=1, liquids=1, conditions=1, steps=50)
    liquid, baselines = of_liquid("cart_pole", 1, size), of_baselines("cart_pole", size)
    assert liquid.model is not None
    text = to_markdown(render(Found("cart_pole", [liquid], baselines, latencies("cart_pole", liquid.model, 50, [0]))))
    total = liquid.outcomes[TRAINED]["liquid"].totals.mean()
    assert f"| **the liquid, deployed integers** | {total:.0f}" in text
    assert "| noise of 3 % |" in text
    assert "| the expert, who sees all | 500 | 100 %" in text
    assert ("Left out: a GRU of as many units: torch is not here" in text) == ("gru" in baselines.left_out)
    assert PERIOD == 0.02
