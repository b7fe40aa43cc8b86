"""Every kind of file that is read, with small examples of it, and what reads it.

An example is a folder of files, of which some may be damaged; a reader takes the folder, and raises `LsmError`, or
gives back what is there. A reader that also runs what it read raises `WrongError` where two answers to one question
differ: the fast engine's and the emulator's, or what was read and what stands in the file, read with numpy alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import liquid
import numpy as np
import waves
from click.testing import CliRunner
from numpy.typing import NDArray
from programs import ALL_KINDS, random_case, random_stimulus
from scipy import sparse
from scipy.io import wavfile

import lsm_deploy as ld
from lsm_deploy import store
from lsm_deploy.cli import main
from lsm_deploy.compile.place.cores import place_network
from lsm_deploy.core.boards import BOARDS
from lsm_deploy.core.errors import LsmError
from lsm_deploy.core.ir import Program, QNetwork, Stimulus, Trace
from lsm_deploy.parity.conformance.recording import Recording
from lsm_deploy.run.backends import quickest
from lsm_deploy.run.memo import MEMO
from lsm_deploy.spec import read_space, read_text
from lsm_deploy.spec.schema import Regression, Spec, States
from lsm_deploy.store.files import read_json

CONFIGS = Path(__file__).parents[2] / "configs"
STEPS = 24
VALUES = 100_000
LARGE = 3000
"""Neurons, above which an accepted spec is not compiled: that may take as long as it asks for."""


class WrongError(Exception):
    """An answer, and not the right one."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    make: fills an empty folder with examples, each a folder of its own. hostile: which files of one are damaged, as
    glob patterns. readers: by name; the first only reads, so that its memory is what the file takes. commands: of the
    command line, where {} is the folder.
    """

    make: Callable[[Path], None]
    hostile: tuple[str, ...]
    readers: Mapping[str, Callable[[Path], object]]
    commands: tuple[str, ...]


def within(folder: Path, pattern: str) -> Path:
    """The one file that a pattern names; where the mutation took it away, its name."""
    return next(iter(sorted(folder.glob(pattern))), folder / pattern.replace("*", "x"))


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise WrongError(what)


# --- what is asked of what was accepted ----------------------------------------------------------------------------


def same_everywhere(program: Program, stimulus: Stimulus | None = None) -> None:
    """The program does the same on the fast engine as by its definition, and comes back from its bytes."""
    network = program.network
    if network.neurons > LARGE or network.synapses > VALUES:
        return
    if stimulus is not None and stimulus.spikes.size > VALUES:
        return
    if stimulus is None:
        rng = np.random.default_rng(3)
        spikes = rng.random((STEPS, network.channels)) < 0.5
        stimulus = Stimulus(spikes * network.input.dtype(network.input.largest), np.zeros(1, np.int64))
    both = ("emulator", quickest(program))
    definition, fast = (ld.run_program(name, program, stimulus, network.state_names) for name in both)
    _require(np.array_equal(definition.spikes, fast.spikes), "the fast engine has other spikes than the emulator")
    for name in network.state_names:
        same = np.array_equal(definition.registers[name], fast.registers[name])
        _require(same, f"the fast engine has another {name} than the emulator")
    _require(dict(definition.counts) == dict(fast.counts), f"counts {fast.counts}, not {definition.counts}")
    again = store.program_from_bytes(store.program_to_bytes(program), "bytes")
    _require(store.program_id(again) == store.program_id(program), "it is another program when it comes back")


def same_values(read: NDArray[Any], stands: NDArray[Any], what: str) -> None:
    """What was read is what stands in the file, number for number; of more than `VALUES`, only the shape."""
    _require(read.shape == stands.shape, f"{what} has another shape than in the file")
    if read.size <= VALUES:  # by Python's numbers: numpy 1 compares int64 and uint64 as floats
        _require(read.ravel().tolist() == stands.ravel().tolist(), f"{what} is not what stands in the file")


def _plain(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


# --- specs ---------------------------------------------------------------------------------------------------------


def _folder(made: Path, name: str) -> Path:
    folder = made / name
    folder.mkdir(parents=True)
    return folder


def _make_specs(made: Path) -> None:
    for file in sorted(CONFIGS.glob("*.yaml")):
        folder = _folder(made, file.stem)
        shutil.copy(file, folder / "spec.yaml")
        for arrays in CONFIGS.glob("explicit_*.npz"):
            shutil.copy(arrays, folder)
    (_folder(made, "waves") / "spec.yaml").write_text(
        waves.SPEC.format(read="liquid", features="{kind: bins, bins: 2}", samples=waves.INTERVAL)
    )
    (_folder(made, "events") / "spec.yaml").write_text(EVENTS)
    (_folder(made, "drawn") / "spec.yaml").write_text(DRAWN)


EVENTS = """\
dt_ms: 1.0
seed: 1
front_end: {kind: events, bin_ms: 1.0, pool: [5, 5]}
input: {channels: 98, encoder: {kind: spikes, frame_ms: 1.0}}
populations:
  liquid: {size: 20, inhibitory_fraction: 0.2, neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 3.0}}
projections:
  - {source: input, target: liquid, topology: {kind: erdos_renyi, in_degree: 8}, weight: 0.3}
readout: {population: liquid, features: {kind: bins, bins: 2}, folds: 2}
"""
DRAWN = """\
dt_ms: 0.5
seed: 3
input: {channels: 4}
populations:
  a:
    size: 24
    inhibitory_fraction: 0.25
    neuron:
      kind: LIF
      tau_mem_ms: {distribution: uniform, low: 10.0, high: 30.0}
      tau_syn_ms: 5.0
      v_threshold: {distribution: normal, mean: 1.0, std: 0.1}
  b: {size: 12, neuron: {kind: LIF, tau_mem_ms: 20.0, tau_syn_ms: 4.0}}
projections:
  - source: input
    target: a
    topology: {kind: erdos_renyi, probability: 0.3}
    weight: {distribution: gamma, mean: 0.3, std: 0.1}
  - source: a
    target: b
    topology: {kind: erdos_renyi, in_degree: 3}
    weight: 0.1
    delay_ms: {distribution: uniform, low: 0.5, high: 4.0}
samples: {policy: interval, steps: 40}
search:
  projections.0.gain: {low: 0.001, high: 4, log: true}
"""


def _load_spec(folder: Path) -> Spec:
    return ld.load(folder / "spec.yaml")


def _compile_spec(folder: Path) -> None:
    spec = _load_spec(folder)
    sizes = [spec.input.spike_channels, *(population.neurons for population in spec.populations.values())]
    if sum(sizes) <= LARGE:
        same_everywhere(ld.compile_spec(spec).program)


# --- search spaces and journals ------------------------------------------------------------------------------------

SEARCHED = waves.SPEC.format(read="liquid", features="{kind: bins, bins: 2}", samples=waves.FRESH)
SPACE = """\
projections.0.gain: {low: 0.001, high: 4, log: true}
projections.2.gain.II: [0.5, 2.0]
readout.features.bins: {low: 1, high: 9, step: 2}
populations.liquid.neuron.tau_mem_ms: {low: 5.0, high: 50.0}
readout.classifier: {choices: [ridge, logistic]}
"""


def _make_spaces(made: Path) -> None:
    folder = _folder(made, "space")
    (folder / "spec.yaml").write_text(SEARCHED)
    (folder / "space.yaml").write_text(SPACE)


def _read_space(folder: Path) -> object:
    return read_space(read_text(folder / "spec.yaml"), folder / "spec.yaml", folder / "space.yaml")


_IDENTITY = {"spec": "a", "space": "b"}


def _journal(folder: Path) -> Any:
    # What a search space says, as long as it is the one the journal was made with.
    import yaml

    from lsm_deploy.tune.searches.journal import opened_journal

    text = yaml.safe_dump({**yaml.safe_load(SEARCHED), "search": yaml.safe_load(SPACE)})
    parameters = read_space(text, Path("spec.yaml"))
    return opened_journal(folder / "search.journal", _IDENTITY, parameters, 5)


def _make_journals(made: Path) -> None:
    with suppress(ImportError):
        import optuna  # noqa: F401

        from lsm_deploy.tune.searches.journal import Trial

        with _journal(_folder(made, "journal")) as journal:
            for _ in range(12):
                for turn, values in journal.claim(12, 1).items():
                    reason = "it did not compile" if turn == 4 else ""
                    journal.tell(Trial(turn, values, (0.1 * turn, 0.5), reason))


def _read_journal(folder: Path) -> object:
    with _journal(folder) as journal:
        trials = journal.trials()
        for trial in trials:
            _require(trial.score is None or 0 <= trial.score <= 1, f"an accuracy of {trial.score}")
        return trials


def _go_on(folder: Path) -> None:
    from lsm_deploy.tune.searches.journal import Trial

    with _journal(folder) as journal:
        done = len(journal.trials())
        claimed = journal.claim(done + 1, 1)  # none where it is cut off behind a claim of who made it, and runs still
        for turn, values in claimed.items():
            journal.tell(Trial(turn, values, (0.5,)))
        _require(len(journal.trials()) == done + len(claimed), "a trial that was told is not there")
        journal.importance()


# --- programs, models, states --------------------------------------------------------------------------------------


def _make_programs(made: Path) -> None:
    ld.save_program(_folder(made, "liquid") / "a.lsm", liquid.liquid())
    ld.save_program(_folder(made, "interval") / "a.lsm", liquid.liquid(6, 3, interval=5))
    for i, kind in enumerate(ALL_KINDS):
        program, _ = random_case(i, kinds=(kind,), sizes=(4, 3), channels=3, projections=3)
        ld.save_program(_folder(made, kind) / "a.lsm", program)
    compiled = ld.compile_any(CONFIGS / "explicit.yaml", certified=False)
    store.save_program(_folder(made, "certified") / "a.lsm", compiled.program, compiled.certificate)


def _read_program(folder: Path) -> object:
    return store.load_certified(folder / "a.lsm")


def _run_program(folder: Path) -> None:
    same_everywhere(ld.load_program(folder / "a.lsm"))


def _prove_program(folder: Path) -> object:
    return ld.compile_any(folder / "a.lsm").certificate


def _make_models(made: Path) -> None:
    train = waves.waves(5, 1)
    for name, samples in (("fresh", waves.FRESH), ("interval", waves.INTERVAL)):
        folder = _folder(made, name)
        spec = waves.spec(folder, samples=samples)
        ld.save_model(folder / "a.model", ld.train(spec, train))
        data = waves.waves(2, 2)
        np.savez(folder / "data.npz", frames=data.frames, starts=data.starts)
        if name == "fresh":
            on_chip = _folder(made, "chip")
            shutil.copy(folder / "data.npz", on_chip)
            ld.save_model(on_chip / "a.model", ld.train_on_chip(spec, train))
            signals = _folder(made, "signals")
            shutil.copy(folder / "data.npz", signals)
            readout = Regression("liquid", "signal", washout=2, folds=2, features=States("states", frame=True))
            ld.save_model(signals / "a.model", ld.train_regression(replace(spec, readout=readout), train))


def _read_model(folder: Path) -> object:
    return ld.load_model(folder / "a.model")


def _ask_model(folder: Path) -> None:
    model = ld.load_model(folder / "a.model")
    if model.program.network.sample_interval > 1000:
        return  # a sample takes as many steps
    data = ld.load_frames(folder / "data.npz")
    if isinstance(model, ld.RegressionModel):
        one, other = (ld.forecast(model, data, backend) for backend in ("fast", "emulator"))
        _require(one.tobytes() == other.tobytes(), "the fast engine forecasts otherwise than the emulator")
        return
    answers = [ld.predict(model, data, backend) for backend in ("fast", "emulator")]
    _require(answers[0] == answers[1], "the fast engine answers otherwise than the emulator")
    _require(set(answers[0]) <= set(model.classes), "an answer is no class")


def _state_program(folder: Path) -> Program:
    return ld.load_program(folder / "program.lsm")


def _make_states(made: Path) -> None:
    for i, kind in enumerate(("LIF", *ALL_KINDS)):
        folder = _folder(made, f"{i}{kind}")
        program, stimulus = random_case(i, kinds=(kind,), sizes=(4, 3), channels=3, projections=3)
        ld.save_program(folder / "program.lsm", program)
        session = ld.start("fast", program)
        session.run(stimulus.spikes[:30])
        ld.save_state(folder / "a.state", session.save(), program=ld.program_id(program))


def _read_state(folder: Path) -> object:
    return store.read_state(folder / "a.state")


def _go_on_from_state(folder: Path) -> None:
    program = _state_program(folder)
    state = ld.load_state(folder / "a.state", program=ld.program_id(program))
    session = ld.start("fast", program, program.network.state_names)
    session.restore(state)
    back = session.save()
    _require(
        back.t == state.t and dict(back.counts) == dict(state.counts),
        "its time or its counts are not those of the file",
    )
    _require(np.array_equal(back.in_flight, state.in_flight), "what is in flight is not what stands in the file")
    for name, values in back.registers.items():
        _require(np.array_equal(values, state.registers[name]), f"{name} is not what stands in the file")
    session.run(np.ones((STEPS, program.network.channels), np.int8))


# --- stimuli, traces -----------------------------------------------------------------------------------------------


def _make_stimuli(made: Path) -> None:
    stimulus = liquid.stimulus(60, (0, 20, 41))
    for name in ("dense", "events"):
        ld.save_program(_folder(made, name) / "program.lsm", liquid.liquid(6, 3))
    ld.save_stimulus(made / "dense" / "a.npz", stimulus)
    t, channel = np.nonzero(stimulus.spikes)
    np.savez(made / "events" / "a.npz", t=t, channel=channel, shape=[60, 4], starts=stimulus.starts)


def _read_stimulus(folder: Path) -> Stimulus:
    return ld.load_stimulus(folder / "a.npz")


def _feed_stimulus(folder: Path) -> None:
    stimulus, arrays = _read_stimulus(folder), _plain(folder / "a.npz")
    if "spikes" in arrays:
        same_values(stimulus.spikes, arrays["spikes"], "spikes")
    else:
        same_values(
            np.argwhere(stimulus.spikes),
            np.array(sorted(zip(arrays["t"].tolist(), arrays["channel"].tolist(), strict=True))).reshape(-1, 2),
            "events",
        )
        same_values(np.array(stimulus.spikes.shape), arrays["shape"], "shape")
    same_values(stimulus.starts, arrays.get("starts", np.zeros(1, int)), "starts")
    with suppress(LsmError):
        same_everywhere(_state_program(folder), stimulus)


def _make_traces(made: Path) -> None:
    for name, kind in (("lif", "LIF"), ("ternary", "TernaryLIF")):
        program, stimulus = random_case(7, kinds=(kind,), sizes=(5, 4), channels=3, projections=3)
        trace = ld.run_program("fast", program, stimulus, ("u", "v"))
        ld.save_trace(_folder(made, name) / "a.npz", trace, program=ld.program_id(program), backend="fast")
        ld.save_program(made / name / "program.lsm", program)


def _read_trace(folder: Path) -> store.TraceFile:
    return ld.load_trace(folder / "a.npz")


def _compare_trace(folder: Path) -> None:
    trace, arrays = _read_trace(folder).trace, _plain(folder / "a.npz")
    same_values(trace.spikes, arrays["spikes"], "spikes")
    same_values(trace.starts, arrays.get("starts", np.zeros(1, int)), "starts")
    for name, values in trace.registers.items():
        same_values(values, arrays[name], name)
    counts = {str(n): int(c) for n, c in zip(arrays.get("count_names", ()), arrays.get("counts", ()), strict=True)}
    _require(dict(trace.counts) == counts, "counts are not those in the file")
    _compared(folder, trace)


def _compared(folder: Path, trace: Trace) -> None:
    program = _state_program(folder)
    with suppress(LsmError):
        verdict = ld.compare(program, trace, trace, tuple(trace.registers))
        _require(verdict.equal, "a trace differs from itself")


def _make_parts(made: Path) -> None:
    for name, kind in (("lif", "LIF"), ("ternary", "TernaryLIF")):
        program, _ = random_case(7, kinds=(kind,), sizes=(5, 4), channels=3, projections=3, interval=0)
        folder = _folder(made, name)
        ld.save_program(folder / "program.lsm", program)
        trace = ld.run_program("fast", program, random_stimulus(np.random.default_rng(0), program, 60), ("u", "v"))
        identity = ld.program_id(program)
        with (
            patch("lsm_deploy.store.parts.PART_BYTES", 1),  # a part for each piece
            store.TraceFolder(
                folder / "trace", program.network.neurons,
                message=program.network.message, program=identity, backend="fast", standings=trace.standings,
            ) as parts,
        ):  # fmt: skip
            for first in (0, 20, 40):
                if first != 20:
                    parts.start_sample()
                rows = slice(first, first + 20)
                parts.append(trace.spikes[rows], {n: v[rows] for n, v in trace.registers.items()}, {"u_wraps": first})


def _read_parts(folder: Path) -> store.TraceFile:
    return ld.load_trace(folder / "trace")


def _compare_parts(folder: Path) -> None:
    trace, first = _read_parts(folder).trace, 0
    for file in sorted((folder / "trace").glob("part-*.npz")):
        arrays = _plain(file)
        many = len(arrays["spikes"])
        for name, values in trace.registers.items():
            same_values(values[first : first + many], arrays[name], name)
        bits = np.unpackbits(arrays["spikes"], axis=1, count=trace.spikes.shape[1])
        same_values(np.abs(trace.spikes[first : first + many]), bits, "spikes")
        first += many
    _require(first == len(trace.spikes), "it has more steps than its parts")
    _compared(folder, trace)


# --- recordings of a world -----------------------------------------------------------------------------------------


def _make_frames(made: Path) -> None:
    data = waves.waves(3, 2)
    lengths = np.diff(data.starts, append=len(data.frames))
    labels, groups = np.array(data.labels), np.arange(len(data.starts)) // 3
    np.savez(_folder(made, "starts") / "a.npz", frames=data.frames, starts=data.starts, labels=labels, groups=groups)
    np.savez(_folder(made, "lengths") / "a.npz", frames=data.frames.astype(np.float32), lengths=lengths, labels=labels)
    answers = {"targets": data.frames[:, :1] ** 2, "target_names": np.array(["power"])}
    np.savez(_folder(made, "targets") / "a.npz", frames=data.frames, starts=data.starts, **answers)
    padded = np.full((len(lengths), lengths.max(), 2), np.nan)
    for i, (start, many) in enumerate(zip(data.starts, lengths, strict=True)):
        padded[i, :many] = data.frames[start : start + many]
    np.savez(_folder(made, "padded") / "a.npz", frames=padded, lengths=lengths, labels=groups)
    np.savez(_folder(made, "whole") / "a.npz", frames=(100 * padded[:, :4]).astype(np.int16), labels=labels)
    model = made / "model"
    ld.save_model(model, ld.train(waves.spec(_folder(made, "csv")), data))
    sample = np.repeat(np.arange(len(lengths)), lengths)
    rows = [
        f"{s},{labels[s]},{groups[s]},{x:.4f},{y:.4f}" for s, (x, y) in zip(sample, data.frames.tolist(), strict=True)
    ]
    (made / "csv" / "a.csv").write_text("sample,label,group,x,y\n" + "\n".join(rows) + "\n")
    for folder in made.iterdir():
        if folder.is_dir():
            shutil.copy(model, folder / "model")
    model.unlink()


def _read_frames(folder: Path) -> Any:
    return ld.load_raw(within(folder, "a.*"))


def _predict_frames(folder: Path) -> None:
    data, file = _read_frames(folder), within(folder, "a.*")
    if file.suffix == ".npz":
        arrays = _plain(file)
        frames, many = arrays["frames"], arrays.get("lengths")
        if frames.ndim == 3:
            many = [frames.shape[1]] * len(frames) if many is None else many
            frames = np.concatenate([sample[:k] for sample, k in zip(frames, many, strict=True)])
        same_values(data.frames, frames.astype(np.float64), "frames")
        if "starts" in arrays:
            same_values(data.starts, arrays["starts"], "starts")
        else:
            same_values(data.lengths, np.array(many), "lengths")
        if "labels" in arrays and arrays["labels"].size:
            _require(data.labels == tuple(str(x) for x in arrays["labels"]), "labels are not those in the file")
        if "targets" in arrays and frames.ndim == 2:
            same_values(data.targets, arrays["targets"].astype(np.float64), "targets")
    if data.samples < 200 and len(data.frames) < 2000:
        model = ld.load_model(folder / "model")
        with suppress(LsmError):
            ld.predict(model, model.listener.frames(data))


def _make_beats(made: Path) -> None:
    rng = np.random.default_rng(2)
    arrays = {}
    for record in ("r1", "r2"):
        arrays[f"{record}_beats"] = rng.integers(120, 320, 60)
        arrays[f"{record}_onset"] = np.array([0, 3000, 8000])
        arrays[f"{record}_rhythm"] = np.array([0, 1, 0])
    np.savez(_folder(made, "beats") / "a.npz", **arrays, rate=np.array(250))
    del arrays["r2_onset"], arrays["r2_rhythm"], arrays["r1_onset"], arrays["r1_rhythm"]
    np.savez(_folder(made, "unknown") / "a.npz", **{name: a.astype(np.int32) for name, a in arrays.items()})


def _front_end(config: str) -> Any:
    """A front end of the configurations', for records as short, and speakers as nameless, as these."""
    front_end = ld.load(CONFIGS / f"{config}.yaml").front_end
    changes = (
        {"window_beats": 16, "stride_beats": None} if config == "atrial_fibrillation" else {"normalise": "utterance"}
    )
    return replace(front_end, **changes)


def _read_beats(folder: Path) -> Any:
    return ld.load_raw(folder / "a.npz")


def _windows(folder: Path) -> None:
    data, arrays = _read_beats(folder), _plain(folder / "a.npz")
    if isinstance(data, ld.Beats) and len(data.beats) <= VALUES:
        stands = [np.cumsum([int(x) for x in arrays[f"{record}_beats"]]) for record in data.groups]
        same_values(data.beats, np.concatenate(stands), "beats")
    ld.to_frames(data, _front_end("atrial_fibrillation"))


def _make_wfdb(made: Path) -> None:
    with suppress(ImportError):
        import wfdb

        for name, separate in (("together", False), ("separate", True)):
            folder = _folder(made, name)
            for record in ("r1", "r2"):
                at = np.cumsum(np.random.default_rng(len(record)).integers(120, 320, 40))
                at[20:] += 5000  # a skip: longer than ten bits
                beats = [(int(t), "N", "") for t in at]
                marks = [(50, "+", "(N"), (3001, "+", "(AFIB"), (12000, "+", "(N")]
                for ending, rows in (("atr", marks), ("qrs", beats)) if separate else (("atr", sorted(marks + beats)),):
                    t, symbols, notes = zip(*rows, strict=True)
                    wfdb.wrann(record, ending, np.array(t), list(symbols), aux_note=list(notes), write_dir=str(folder))
                (folder / f"{record}.hea").write_text(f"{record} 0 250 100000\n")


def _read_folder(folder: Path) -> Any:
    return ld.load_raw(folder)


def _folder_windows(folder: Path) -> object:
    return ld.to_frames(ld.load_raw(folder), _front_end("atrial_fibrillation"))


def _tone(i: int) -> NDArray[np.int16]:
    t = np.arange(1600 + 100 * i)
    return (8000 * np.sin(t * (0.1 + 0.05 * i)) * np.exp(-t / 900)).astype(np.int16)


def _make_wavs(made: Path) -> None:
    with suppress(ImportError):
        import soundfile  # noqa: F401

        folder = _folder(made, "wav")
        for i in range(3):
            wavfile.write(folder / f"{i}_me_{i}.wav", 8000, _tone(i))


def _make_sound(made: Path) -> None:
    sounds = [_tone(i) for i in range(3)]
    facts = {"length": np.array([len(s) for s in sounds]), "rate": np.array(8000)}
    named = {"digit": np.arange(3), "speaker": np.array(["a", "a", "b"]), "take": np.array([0, 1, 0])}
    np.savez(_folder(made, "int16") / "a.npz", audio=np.concatenate(sounds), **facts, **named)
    np.savez(_folder(made, "float") / "a.npz", audio=np.concatenate(sounds) / np.float32(32768), **facts)


def _read_sound(folder: Path) -> Any:
    return ld.load_raw(folder / "a.npz")


def _hear(folder: Path) -> None:
    data, arrays = _read_sound(folder), _plain(folder / "a.npz")
    if isinstance(data, ld.Audio):
        same_values(data.sound, arrays["audio"], "audio")
        many = arrays.get("length", arrays.get("lengths", np.zeros(0)))
        same_values(np.diff(data.starts, append=len(data.sound)), many, "lengths")
    ld.to_frames(data, _front_end("spoken_digits"))


def _hear_folder(folder: Path) -> object:
    return ld.to_frames(ld.load_raw(folder), _front_end("spoken_digits"))


def _make_events(made: Path) -> None:
    with suppress(ImportError):
        from tonic.datasets import POKERDVS

        rng, root = np.random.default_rng(0), _folder(made, "poker") / "POKERDVS"
        for part, many in (("pips_train", 48), ("pips_test", 20)):
            for i in range(many):
                place = root / part / ("cl", "di", "he", "sp")[i % 4]
                place.mkdir(parents=True, exist_ok=True)
                t = np.sort(rng.integers(0, 20000, 12))
                events = np.stack([t, *rng.integers(0, 35, (2, 12)), rng.integers(0, 2, 12)], 1)
                np.save(place / f"{i:03}.npy", events)
        for archive in (POKERDVS.train_filename, POKERDVS.test_filename):
            (root / archive).write_bytes(b"x")
        (root.parent / "spec.yaml").write_text(EVENTS + 'data: {dataset: "tonic:POKERDVS", root: .}\n')


def _read_events(folder: Path) -> object:
    from lsm_deploy.data.load import load_dataset

    return load_dataset("tonic:POKERDVS", folder)


def _bin_events(folder: Path) -> object:
    return [ld.to_frames(part, ld.load(folder / "spec.yaml").front_end) for part in _read_events(folder)]


# --- networks as arrays --------------------------------------------------------------------------------------------


def _weights(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.int64]:
    return rng.integers(-200, 200, (rows, columns)) * (rng.random((rows, columns)) < 0.3)


def _make_networks(made: Path) -> None:
    rng, size, channels = np.random.default_rng(4), 7, 3
    arrays = {
        "weights": _weights(rng, size, size), "input_weights": np.abs(_weights(rng, size, channels)),
        "du": np.array(700), "dv": np.full(size, 150), "vth": rng.integers(200, 400, size),
        "bias_mant": np.arange(size), "bias_exp": np.array(6), "delays": rng.integers(0, 9, (size, size)),
        "weight_exp": np.array(1), "input_weight_exp": np.array(0), "dt_ms": np.array(0.5),
    }  # fmt: skip
    np.savez(_folder(made, "full") / "a.npz", **arrays)
    few = ("weights", "input_weights", "du", "dv", "vth")
    np.savez(_folder(made, "small") / "a.npz", **{name: arrays[name].astype(np.int32) for name in few})
    several = {
        "populations": np.array(["a", "b"]), "a.du": np.full(size, 700), "a.dv": np.array(9),
        "a.vth": rng.integers(200, 400, size), "b.kind": np.array("GatedLI"), "b.size": np.array(2),
        "b.shift_in": np.array([3, 1]), "b.shift_in_gate": np.array(0), "b.fraction_bits": np.array(20),
        "b.message_shift": np.array(5), "b.period": np.array(3), "b.phase": np.array([0, 2]),
        "input->a": _weights(rng, size, channels), "input_message": np.array([5, 1, 4]),
        "a->b.gate": np.array([6, -10]), "a->b.gate.pre": np.array([0, 6]), "a->b.gate.post": np.array([1, 0]),
        "a->b.gate.sign_mode": np.array("mixed"), "sample_interval": np.array(9),
    }  # fmt: skip
    np.savez(_folder(made, "several") / "a.npz", **several)


def _read_network(folder: Path) -> object:
    return ld.compile_any(folder / "a.npz")


def _dense(program: Program, source: str, target: str, shape: tuple[int, int]) -> NDArray[np.int64]:
    full = np.zeros(shape, np.int64)
    for p in program.network.projections:
        if (p.source, p.target) == (source, target):
            np.add.at(full, (p.post, p.pre), p.weights.astype(np.int64))
    return full


def _run_network(folder: Path) -> None:
    program, arrays = ld.compile_any(folder / "a.npz").program, _plain(folder / "a.npz")
    size = program.network.neurons
    if "populations" in arrays:
        for p in program.network.populations:
            for name in (name for name in p.registers if f"{p.name}.{name}" in arrays):
                same_values(p.registers[name], np.broadcast_to(arrays[f"{p.name}.{name}"], p.size), name)
        same_everywhere(program)
        return
    same_values(_dense(program, "liquid", "liquid", (size, size)), arrays["weights"], "weights")
    for name, values in program.network.registers("LIF").items():
        same_values(values, np.broadcast_to(arrays.get(name, np.array(0)), size), name)
    same_everywhere(program)


EXPLICIT = """\
dt_ms: 1.0
seed: 15
input: {channels: 4}
populations:
  liquid: {size: 9, neuron: {kind: LIF, %s}}
projections:
  - {source: input, target: liquid, topology: {kind: explicit, file: input.npz, exact: %s}}
  - {source: liquid, target: liquid, topology: {kind: explicit, file: a.npz, exact: %s}}
"""


def _make_matrices(made: Path) -> None:
    rng = np.random.default_rng(4)
    recurrent, inputs = _weights(rng, 9, 9), np.abs(_weights(rng, 9, 4))
    registers = "registers: {du: 700, dv: 150, vth: 400, bias_mant: 30, bias_exp: 6}"
    for exact in ("true", "false"):
        scale = 1 if exact == "true" else 0.01
        folder = _folder(made, f"dense_{exact}")
        np.savez(folder / "a.npz", weights=recurrent * scale, delays=rng.integers(0, 5, (9, 9)))
        for form in ("csr", "csc", "coo", "bsr", "dia"):
            # scipy writes whatever it is given, but for the formats that it converts to
            sparse.save_npz(
                _folder(made, f"{form}_{exact}") / "a.npz", sparse.coo_array(recurrent * scale).asformat(form)
            )
        for folder in made.glob(f"*_{exact}"):
            np.savez(folder / "input.npz", weights=inputs * scale)
            neuron = registers if exact == "true" else "tau_mem_ms: 20.0, tau_syn_ms: 5.0"
            (folder / "spec.yaml").write_text(EXPLICIT % (neuron, exact, exact))


def _read_matrix(folder: Path) -> object:
    return ld.compile_any(folder / "spec.yaml")


def _run_matrix(folder: Path) -> None:
    made = ld.compile_any(folder / "spec.yaml")
    arrays = _plain(folder / "a.npz")
    if "weights" in arrays and folder.name.endswith("_true"):
        same_values(_dense(made.program, "liquid", "liquid", (9, 9)), arrays["weights"], "weights")
    same_everywhere(made.program)


# --- recordings of chips -------------------------------------------------------------------------------------------


def _make_recordings(made: Path) -> None:
    program, stimulus = liquid.liquid(6, 3), liquid.stimulus(40)
    trace = ld.run_program("emulator", program, stimulus, ("v",))
    recording = Recording("one", program, stimulus, trace, False, "here", "us", "none")
    ld.save_recording(_folder(made, "one") / "r", recording)


def _read_recordings(folder: Path) -> Sequence[Recording]:
    return ld.load_recordings(folder)


def _replay_recordings(folder: Path) -> None:
    for recording in _read_recordings(folder):
        facts = read_json(folder / recording.name / "recording.json")
        _require(recording.silicon is facts["silicon"], "who recorded it is not what the file says")
        same_everywhere(recording.program, recording.stimulus)


def _make_cells(made: Path) -> None:
    folder = _folder(made, "cell")
    rng = np.random.default_rng(1)
    rows = [f"{int(a < 0.3)},{int(5000 * v)},{int(z < 0.1)}" for a, v, z in rng.random((50, 3))]
    (folder / "a.csv").write_text("\n".join(rows) + "\n")
    (folder / "a.json").write_text(
        json.dumps({"weight": 40, "du": 700, "dv": 150, "vth": 100, "delay": 2, "bias_mant": 3})
    )


def _import_cell(folder: Path) -> Recording:
    return ld.import_nir(folder / "a.csv", {}, recorded_on="x", silicon=False, source="y", licence="z")


def _run_cell(folder: Path) -> None:
    recording = _import_cell(folder)
    table = np.loadtxt(folder / "a.csv", delimiter=",", ndmin=2, encoding="utf-8-sig")
    for column, values in enumerate(
        (recording.stimulus.spikes, recording.trace.registers["v"], recording.trace.spikes)
    ):
        same_values(values[:, 0], table[:, column], f"column {column}")
    same_everywhere(recording.program, recording.stimulus)


def _make_lava_dl(made: Path) -> None:
    with suppress(ImportError):
        import h5py

        folder, rng = _folder(made, "small"), np.random.default_rng(0)
        with h5py.File(folder / "a.net", "w") as net:
            for i, (kind, rows, columns) in enumerate(
                (("input", 6, 0), ("dense", 5, 6), ("dense", 3, 5), ("average", 3, 0))
            ):
                group = net.create_group(f"layer/{i}")
                group["shape"] = [rows]
                group.create_dataset("type", (1,), "S10", [kind.encode()])
                if columns:
                    group["weight"] = 2.0 * rng.integers(-20, 21, (rows, columns))
                    group["delay"], group["bias"] = rng.integers(0, 4, rows), rng.integers(-30, 31, rows)
                    group["neuron/type"] = "CUBA"
                    for name, value in (("iDecay", 1024), ("vDecay", 128), ("vThMant", 80), ("refDelay", 1)):
                        group[f"neuron/{name}"] = value
        np.save(folder / "input.npy", (rng.random((6, 40)) < 0.3).astype(int))
        np.save(folder / "output.npy", (rng.random((3, 40)) < 0.1).astype(int))


def _import_lava_dl(folder: Path) -> Recording:
    return ld.import_lava_dl(folder, source="y", licence="z")


def _run_lava_dl(folder: Path) -> None:
    recording = _import_lava_dl(folder)
    stimulus, output = np.load(folder / "input.npy"), np.load(folder / "output.npy")
    same_values(recording.stimulus.spikes, stimulus.reshape(stimulus.shape[-2:]).T, "the input")
    same_values(recording.trace.spikes, output.reshape(output.shape[-2:]).T, "the output")
    same_everywhere(recording.program, recording.stimulus)


# --- networks of others --------------------------------------------------------------------------------------------


def _make_nets(made: Path) -> None:
    with suppress(ImportError):
        from lsm_deploy.store.hdf5 import write_tree

        rng = np.random.default_rng(0)
        neuron = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 80, "refDelay": 1}
        even = lambda *shape: 2 * rng.integers(-20, 21, shape)  # noqa: E731
        image = {"type": "input", "shape": [2, 5, 4]}
        conv = {"type": "conv", "shape": [4, 3, 4], "weight": even(4, 1, 3, 3), "groups": 2, "neuron": neuron}
        conv |= {"stride": [2, 1], "padding": [1, 1], "dilation": [1, 1], "bias": rng.integers(-9, 9, 4)}
        loop = {"type": "dense_rec", "shape": [5], "weight": even(5, 48), "weight_rec": even(5, 5), "neuron": neuron}
        last = {"type": "dense", "shape": [3], "weight": even(3, 5), "delay": rng.integers(0, 9, 3), "neuron": neuron}
        layers = (image, conv, {"type": "flatten", "shape": [48]}, loop, last)
        numbered = {str(i): layer for i, layer in enumerate(layers)}
        write_tree(_folder(made, "layers") / "a.net", {"layer": numbered, "simulation": {"Ts": 1}})
        small = {"0": {**loop, "weight": even(5, 4)}, "1": last}
        write_tree(_folder(made, "ours") / "b.net", {"layer": small})
        network = ld.read_network(made / "ours" / "b.net").network
        ld.export_net(made / "ours" / "a.net", place_network(network, BOARDS["oheo_gulch"]))


def _make_graphs(made: Path) -> None:
    with suppress(ImportError):
        from lsm_deploy.store.hdf5 import write_tree

        rng = np.random.default_rng(0)

        def write(name: str, shape: list[int], nodes: dict[str, Any], edges: list[str]) -> None:
            ends = {"input": {"type": "Input", "shape": shape}, "output": {"type": "Output", "shape": [3]}}
            graph = {"type": "NIRGraph", "nodes": {**ends, **nodes}, "edges": [edge.split() for edge in edges]}
            write_tree(_folder(made, name) / "a.nir", {"version": "1.0", "node": graph})

        lif = {"type": "LIF", "tau": np.full(3, 5e-3), "r": [2.0] * 3, "v_leak": [0.1] * 3, "v_threshold": [1.0] * 3}
        cuba = {"type": "CubaLIF", "tau_syn": 3e-3, "tau_mem": 5e-3, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0}
        affine = {"type": "Affine", "weight": rng.normal(0.5, 1, (3, 4)), "bias": rng.normal(size=3)}
        back = {"type": "Linear", "weight": rng.normal(size=(3, 3))}
        nodes = {"fc": affine, "n": lif, "back": back, "late": {"type": "Delay", "delay": [2e-3, 0.0, 5e-3]}, "m": cuba}
        ways = ["input fc", "fc n", "n back", "back n", "n late", "late m", "m output"]
        write("loop", [4], nodes, ways)
        inner = {
            "input": {"type": "Input", "shape": [3]}, "n": lif, "output": {"type": "Output", "shape": [3]},
            "s": {"type": "Scale", "scale": [1.0, 2.0, 0.5]},
        }  # fmt: skip
        within = {"type": "NIRGraph", "nodes": inner, "edges": [["input", "s"], ["s", "n"], ["n", "output"]]}
        li = {"type": "CubaLI", "tau_syn": 3e-3, "tau_mem": 5e-3, "r": 2.0, "v_leak": 0.0, "w_in": 1.0}
        write(
            "inner",
            [4],
            {"fc": affine, "g": within, "b": back, "li": li},
            ["input fc", "fc g", "g b", "b li", "li output"],
        )
        conv = {"type": "Conv2d", "weight": rng.normal(0.3, 1, (4, 1, 3, 2)), "bias": rng.normal(size=4)}
        conv |= {"stride": 1, "padding": [1, 0], "dilation": 1, "groups": 2}
        flat = {"type": "Flatten", "start_dim": 0, "end_dim": -1}
        pool = {"type": "SumPool2d", "kernel_size": [2, 2], "stride": 2, "padding": 0}
        last = {"type": "Linear", "weight": rng.normal(0.3, 1, (3, 16))}
        image = {
            "c": conv,
            "i": {"type": "IF", "r": 1.0, "v_threshold": 1.0},
            "p": pool,
            "f": flat,
            "l": last,
            "n": lif,
        }
        write("image", [2, 4, 5], image, ["input c", "c i", "i p", "p f", "f l", "l n", "n output"])


def _make_own_graphs(made: Path) -> None:
    with suppress(ImportError):
        _make_graphs(made)
        for folder in [*made.iterdir()]:
            network = _read_graph(folder).network
            shutil.rmtree(folder)
            if folder.name == "loop":
                ld.export_nir(_folder(made, "floats") / "a.nir", network)
                ld.export_nir(_folder(made, "integers") / "a.nir", ld.compile_built(network).program)


_SAID = {"dt_ms": 1.0, "scheme": "euler", "reset": "zero", "if_input": "per-step"}


def _read_graph(folder: Path) -> ld.Reading:
    return ld.read_network(folder / "a.nir", **_SAID)


def _read_ours(folder: Path) -> ld.Reading:
    """As what its metadata say that it is."""
    return ld.read_network(folder / "a.nir")


def _run_reading(folder: Path, read: Callable[[Path], ld.Reading]) -> None:
    network = read(folder).network
    if sum(network.sizes.values()) > LARGE or sum(len(p.post) for p in network.projections) > VALUES:
        return
    if isinstance(network, QNetwork):
        same_everywhere(place_network(network, BOARDS["oheo_gulch"]))
    else:
        same_everywhere(ld.compile_built(network).program)


def _read_net(folder: Path) -> ld.Reading:
    return ld.read_network(folder / "a.net")


# --- anything ------------------------------------------------------------------------------------------------------


def by_command(commands: Sequence[str]) -> Callable[[Path], None]:
    """A reader: the same through the command line, whose exit status is 0, 1 or 2, whatever it is given."""

    def read(folder: Path) -> None:
        for command in commands:
            arguments = [word.replace("{}", str(folder)) for word in command.split()]
            result = CliRunner().invoke(main, arguments)
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            _require(result.exit_code in (0, 1, 2), f"{command} ends with {result.exit_code}")
            if b"\x1b" in result.stdout_bytes:
                raise WrongError(f"{command} sends the file's escapes to the terminal")

    return read


def forget() -> None:
    """What was remembered of one file is no answer about another."""
    MEMO.clear()


_INSPECT = "inspect {}/a.npz"
KINDS: dict[str, Kind] = {
    "spec": Kind(_make_specs, ("spec.yaml",), {"load": _load_spec, "compile": _compile_spec}, ("check {}/spec.yaml",)),
    "space": Kind(_make_spaces, ("space.yaml",), {"read": _read_space}, ()),
    "program": Kind(
        _make_programs,
        ("a.lsm",),
        {"load": _read_program, "run": _run_program, "prove": _prove_program},
        ("inspect {}/a.lsm", "resources {}/a.lsm", "certify {}/a.lsm"),
    ),
    "model": Kind(
        _make_models, ("a.model",), {"load": _read_model, "predict": _ask_model},
        ("inspect {}/a.model", "predict {}/a.model {}/data.npz"),
    ),
    "state": Kind(
        _make_states, ("a.state",), {"read": _read_state, "go on": _go_on_from_state}, ("inspect {}/a.state",)
    ),
    "stimulus": Kind(
        _make_stimuli, ("a.npz",), {"load": _read_stimulus, "run": _feed_stimulus},
        (_INSPECT, "run {}/program.lsm --input {}/a.npz -o {}/out.npz"),
    ),
    "trace": Kind(
        _make_traces, ("a.npz",), {"load": _read_trace, "compare": _compare_trace},
        (_INSPECT, "parity {}/program.lsm --backends fast --trace {}/a.npz"),
    ),
    "trace folder": Kind(
        _make_parts, ("trace/*",), {"load": _read_parts, "compare": _compare_parts}, ("inspect {}/trace",)
    ),
    "frames": Kind(
        _make_frames, ("a.*",), {"load": _read_frames, "predict": _predict_frames},
        (_INSPECT, "predict {}/model {}/a.npz", "predict {}/model {}/a.csv"),
    ),
    "beats": Kind(_make_beats, ("a.npz",), {"load": _read_beats, "windows": _windows}, (_INSPECT,)),
    "WFDB": Kind(_make_wfdb, ("r*",), {"load": _read_folder, "windows": _folder_windows}, ("inspect {}",)),
    "sound": Kind(_make_sound, ("a.npz",), {"load": _read_sound, "bands": _hear}, (_INSPECT,)),
    "WAV": Kind(_make_wavs, ("*.wav",), {"load": _read_folder, "bands": _hear_folder}, ("inspect {}",)),
    "events": Kind(_make_events, ("POKERDVS/*/*/*",), {"load": _read_events, "bins": _bin_events}, ()),
    "network": Kind(_make_networks, ("a.npz",), {"compile": _read_network, "run": _run_network}, (_INSPECT,)),
    "matrix": Kind(
        _make_matrices, ("a.npz",), {"compile": _read_matrix, "run": _run_matrix}, ("check {}/spec.yaml",)
    ),
    "journal": Kind(_make_journals, ("search.journal",), {"open": _read_journal, "go on": _go_on}, ()),
    "recording": Kind(
        _make_recordings, ("r/*",), {"load": _read_recordings, "replay": _replay_recordings}, ()
    ),
    "NIR's CSV": Kind(
        _make_cells, ("a.*",), {"import": _import_cell, "run": _run_cell},
        ("import-recording nir {}/a.csv --source x --licence y -o {}/out",),
    ),
    "lava-dl": Kind(
        _make_lava_dl, ("*",), {"import": _import_lava_dl, "run": _run_lava_dl},
        ("import-recording lava-dl {} --source x --licence y -o {}/out",),
    ),
    "net": Kind(
        _make_nets, ("a.net",), {"read": _read_net, "run": partial(_run_reading, read=_read_net)},
        ("import {}/a.net -o {}/out.lsm",),
    ),
    "graph": Kind(
        _make_graphs, ("a.nir",), {"read": _read_graph, "run": partial(_run_reading, read=_read_graph)},
        ("import {}/a.nir --from norse -o {}/out.lsm",),
    ),
    "our graph": Kind(
        _make_own_graphs, ("a.nir",), {"read": _read_ours, "run": partial(_run_reading, read=_read_ours)},
        ("import {}/a.nir -o {}/out.lsm",),
    ),
}  # fmt: skip
