"""`python -m bench.knows`: what liquids of the spoken digits still know of a word that is over.

Every liquid is asked what `lsm-deploy diagnose --knows` asks, about the same words of the official split's training
part. Leaves `results.md` and `results.json` in `--out`; a run that is not quick also writes the manual's table.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

import lsm_deploy as ld
from bench.experiment import finish, parser_of, sound_of
from bench.page import machine, say
from bench.workers import ROOT
from lsm_deploy.data.front import frames_for
from lsm_deploy.measure.diagnosis import Curves, Estimate, Knowledge
from lsm_deploy.measure.uncertainty import Difference
from lsm_deploy.report.blocks import right, table
from lsm_deploy.report.knowledge import SOURCES
from lsm_deploy.report.markdown import to_markdown

LIQUIDS = 3
SOUND_MS = 10.0
"""Of sound, that a frame is."""
SHOWN = 4
"""Words for the other measures of a diagnosis, which are not of interest here."""


def main() -> None:
    options = parser_of("knows", "what liquids still know of a word", "one liquid", "fsdd.npz").parse_args()
    spec, data = ld.load(ROOT / "configs" / "spoken_digits.yaml"), sound_of(options.data)
    begun, some = time.monotonic(), list[Knowledge]()
    train = frames_for(next(ld.splits(data, "official", spec.seed))[1], spec, "train")
    for liquid in range(1 if options.quick else LIQUIDS):
        seeded = replace(spec, seed=spec.seed + liquid)
        asked = ld.diagnose(seeded, train=train, samples=SHOWN, seed=spec.seed, knows=True).knows
        assert asked is not None
        some.append(asked)
        say(f"liquid {liquid + 1}", begun)
    text = render(some, time.monotonic() - begun)
    finish(options, "knows", text, {"machine": machine(), "liquids": [each.to_json() for each in some]})


def render(some: Sequence[Knowledge], seconds: float) -> str:
    """The table of labels, and that of frames."""
    first = some[0]
    parts = [
        f"Measured on {machine()} (shared with other work), {seconds:.0f} s. {len(some)} liquids, asked about"
        f" {first.words}; read: the last {first.last_ms:g} ms of the network's time, in which {first.frame_ms:g} ms are"
        f" a frame of {SOUND_MS:g} ms of sound; {first.read} numbers of a liquid, {first.buffer_numbers} of the"
        f" buffer (the last {first.buffer_frames} frames). Means over liquids, and in brackets the least and the most"
        " of them; better or worse: of how many liquids that can be told, by a paired 95 % interval"
    ]
    labels = [each.labels for each in some if each.labels is not None]
    if labels:
        parts += [f"**Which word it was**, so long after its end (accuracy in %; chance {100 * labels[0].chance:.1f};"
                  f" intervals over {labels[0].over}):", _table(labels, first.frame_ms, 100.0, "{:.1f}")]  # fmt: skip
    frames = [each.frames for each in some if each.frames is not None]
    if frames:
        parts += [f"**What entered so long ago**, while the word goes on (R2 of the mean of as many frames as are read;"
                  f" intervals over {frames[0].over}):", _table(frames, first.frame_ms, 1.0, "{:.2f}")]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _table(liquids: Sequence[Curves], frame_ms: float, unit: float, form: str) -> str:
    first = liquids[0]
    shown = [name for name in SOURCES if name in first.values]
    others = [name for name in shown if name not in ("deployed", "float")]
    rows = []
    for i, after in enumerate(first.after_ms):
        if first.values["deployed"][i] is None:
            continue
        cells = [_spread([each.values[name][i] for each in liquids], unit, form) for name in shown]
        told = [_says([each.differences[name][i] for each in liquids]) for name in others]
        rows.append([f"{SOUND_MS * after / frame_ms:g}", *cells, *told])
    words = [*(SOURCES[name] for name in shown), *(f"the liquid, beside {SOURCES[name]}" for name in others)]
    return to_markdown([table([*right("ms of sound"), *right(*words)], rows)]).strip()


def _spread(values: Sequence[Estimate | None], unit: float, form: str) -> str:
    each = [unit * value.value for value in values if value is not None]
    mean = form.format(float(np.mean(each)))
    # What depends on no liquid is the same beside each.
    return mean if min(each) == max(each) else f"{mean} ({form.format(min(each))} to {form.format(max(each))})"


def _says(differences: Sequence[Difference | None]) -> str:
    said = [difference.says for difference in differences if difference is not None]
    better, worse = said.count("better"), said.count("worse")
    parts = [f"better {better}"] * bool(better) + [f"worse {worse}"] * bool(worse)
    return f"{', '.join(parts)} of {len(said)}" if parts else "not distinguishable"


if __name__ == "__main__":
    main()
