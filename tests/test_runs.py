"""Features of pieces are those of the whole, whatever is cut where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waves import FRESH, INTERVAL, spec, waves

from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core.samples import contaminated
from lsm_deploy.data.encoders import encode, fit_ranges
from lsm_deploy.learn import listener as listener_module
from lsm_deploy.learn import readout as readouts
from lsm_deploy.learn.listener import Listener
from lsm_deploy.learn.runs import Run, run_samples
from lsm_deploy.run import backends

DATA = waves(8, 3)


def facts(run: Run) -> dict[str, Any]:
    samples = {name: [np.array(each).tolist() for each in value] for name, value in vars(run.samples).items()}
    return samples | {name: np.array(value).tolist() for name, value in vars(run).items() if name != "samples"}


@pytest.mark.parametrize("samples", [FRESH, INTERVAL])
@pytest.mark.parametrize("backend", ["fast", "emulator"])
@pytest.mark.parametrize("read", ["liquid", "[other, liquid]"])
def test_pieces_are_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: str, backend: str, read: str
) -> None:
    described = spec(tmp_path, samples=samples, read=read, features="{kind: traces, tau_ms: 20.0}")
    section = described.readout
    assert section is not None
    program, ranges = compile_spec(described).program, fit_ranges(DATA, described.input)
    listener = Listener(program, described.input, ranges, 4)
    given = listener, section, DATA, "train", backend
    whole = run_samples(*given, hold=1 << 20)
    stimulus = encode(described.input, ranges, DATA, 1.0, 4, program.network.sample_interval, "train")
    trace = backends.run_program("emulator", program, stimulus)
    columns = list(range(40)) if read == "liquid" else [*range(40, 52), *range(40)]
    expected = readouts.extract_features(trace.spikes[:, columns], trace.starts, section, 1.0)
    assert whole.samples.features.tolist() == expected.tolist()
    assert (
        whole.samples.encoded.tolist()
        == readouts.extract_features(stimulus.spikes, stimulus.starts, section, 1.0).tolist()
    )
    assert whole.fired.tolist() == (trace.spikes != 0).sum(axis=0).tolist()
    assert whole.steps == len(trace.spikes)
    assert whole.samples.busiest.max() == (trace.spikes[:, columns] != 0).sum(axis=1).max()
    assert whole.samples.entered.sum() == stimulus.spikes.sum()
    assert np.concatenate(whole.samples.rasters).tolist() == trace.spikes[:, columns].tolist()
    assert whole.samples.whole.tolist() == [raster.sum(axis=0).tolist() for raster in whole.samples.rasters]
    assert not run_samples(*given, hold=len(trace.spikes) * len(columns) - 1).samples.rasters
    assert whole.counts == dict(trace.counts)
    assert whole.contaminated == contaminated(program, stimulus, trace.spikes)
    assert (whole.contaminated > 0) == (samples == INTERVAL)

    monkeypatch.setattr(listener_module, "AT_ONCE", 100 * 62)
    cut = [len(piece.stimulus.starts) for piece in listener.pieces(DATA, "train", backend)]
    assert sum(cut) == DATA.samples
    # The emulator has no session that could go on where a piece ends.
    assert len(cut) == 1 if (samples, backend) == (INTERVAL, "emulator") else len(cut) > 5
    told: list[tuple[int, int]] = []
    assert facts(run_samples(*given, lambda done, total: told.append((done, total)), hold=1 << 20)) == facts(whole)
    assert told[-1] == (whole.steps, whole.steps)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_piece_is_as_large_as_it_may_be() -> None:
    assert listener_module._cuts(np.array([3, 3, 3, 9, 1, 1]), 6) == [0, 2, 3, 4, 6]
    assert listener_module._cuts(np.array([3]), 1) == [0, 1]
