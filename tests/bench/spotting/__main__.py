"""`python -m bench.spotting`: digits in a row, spotted as they end, by speakers who were never trained on.

Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's tables. Exit status
1 where what a model that listens names is not what streams are measured by.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import lsm_deploy as ld
from bench.experiment import finish, parser_of, sound_of
from bench.page import say
from bench.spotting.experiment import Found, Sounds, live, of_buffers, of_seed, reseeded, sounds
from bench.spotting.outcome import REFRACTORY, names_of
from bench.spotting.sound import PIECE, RATE, Floats
from bench.spotting.table import NAMES, Cost, came, facts, render
from bench.workers import ROOT
from lsm_deploy.learn.model import Model, OnHost

LIQUIDS = 3
MANY = (300, 150)
"""Words of each speaker to train on, and in each other stream."""
LENGTHS = (40, 60)
"""Frames that a buffer may be read of."""
QUICK = ("clean", "babble, 10 dB")
LIVE_S, BUSY = 30, 0.95
"""Of a stream, that is also named live, with a threshold that so many of its frames do not reach."""


def main() -> None:
    options = parser_of("spotting", "digits in a row, measured", "one liquid, few words", "fsdd.npz").parse_args()
    spec, audio = ld.load(ROOT / "configs" / "digit_spotting.yaml"), sound_of(options.data)
    begun = time.monotonic()
    given = sounds(audio, spec, QUICK, (60, 60)) if options.quick else sounds(audio, spec, many=MANY)
    say("streams", begun)
    found: dict[str, list[list[Found]]] = {}
    deployed: Model[OnHost] | None = None
    for liquid in range(1 if options.quick else LIQUIDS):
        seeded = reseeded(spec, liquid)
        first, model = of_seed(given, seeded, ("liquid",) if liquid else ("liquid", "windows", "encoded"))
        for name, one in {**first, **of_seed(given, seeded, ("feedforward",))[0]}.items():
            found.setdefault(name, []).append([one])
        deployed = deployed or model
        say(f"liquid {liquid + 1}", begun)
    lengths = LENGTHS[:1] if options.quick else LENGTHS
    found["buffer"] = [of_buffers(given, spec, lengths)]
    say("buffers", begun)
    ways = {name: came(given, found[name]) for name in NAMES}
    say("thresholds", begun)
    assert deployed is not None
    cost = _cost(deployed, lengths, *_listened(given, deployed, found["liquid"][0][0]))
    text = render(ways, given, cost, time.process_time())
    finish(options, "spotting", text, {"ways": facts(ways, given), "cost": vars(cost)})


def _listened(given: Sounds, model: Model[OnHost], found: Found) -> tuple[Floats, int]:
    """Seconds that each 10 ms of a stream took the model that listens, and how many frames it was compared on."""
    who = given.speakers[0], given.conditions[0]
    named, each = found.test[who], given.test[who]
    threshold = float(np.quantile(named.margin, BUSY)) / named.scale
    spotter = live(model, threshold, REFRACTORY[0])
    sound, took, spotted = each.stream.sound[: LIVE_S * RATE], [], []
    for first in range(0, len(sound), PIECE):
        begun = time.perf_counter()
        spotted += spotter.push(sound[first : first + PIECE])
        took.append(time.perf_counter() - begun)
    frames = names_of(named, threshold, REFRACTORY[0])
    frames = frames[frames < spotter.live.frames]
    expected = [(named.classes[named.best[at]], at + 1, int(named.margin[at])) for at in frames.tolist()]
    if not expected or [(one.name, one.frame, one.margin) for one in spotted] != expected:
        sys.exit(f"live, {spotted} are named, and at once {expected}")
    return np.array(took[10:]), spotter.live.frames


def _cost(model: Model[OnHost], lengths: tuple[int, ...], took: Floats, compared: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="spotting-") as folder:
        sizes = ld.export_c(Path(folder) / "c", model).sizes
    median, most = np.quantile(took, [0.5, 0.99]).tolist()
    listener = model.listener
    ring = listener.longest * model.program.network.sizes["liquid"]  # how often each spiked in each of these frames
    return Cost(sizes.ram + ring, sizes.flash, model.listener.input.channels, lengths, median, most, compared)


if __name__ == "__main__":
    main()
