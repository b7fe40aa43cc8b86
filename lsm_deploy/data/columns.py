"""Columns of a table that only look like channels: an index, labels and groups by another name.

Whoever learns from the number of a row learns how the file is sorted, which is by class as a rule: a nameless index of
pandas' has given 97.5 % on noise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lsm_deploy.core.neurons.kind import Floats
from lsm_deploy.spec.mistakes import suggest

__all__ = ["NAMED", "counter_among", "mistakes_in_header"]

NAMED = ("sample", "label", "group")
"""What a column may be called that is no channel."""
INDEX = ("index", "level_0", "id", "row")
"""What an index is called as a rule. Others may be: its values decide."""
LIKE = {
    "sample": ("samples", "sample_id", "id", "trial", "sequence", "utterance", "recording", "example"),
    "label": ("labels", "class", "classes", "target", "targets", "y"),
    "group": ("groups", "speaker", "subject", "patient", "participant"),
}
FEWEST = 10
"""Rows in which it is no chance that a column counts them."""


def mistakes_in_header(header: Sequence[str], targets: Sequence[str] = ()) -> list[tuple[str, str]]:
    """What is wrong with the names of the columns, of which some are targets, each with a way out."""
    channels = [name for name in header if name not in (*NAMED, *targets)]
    if len(header) == 1 and "|" in header[0]:
        return [(f"the header is {header[0]!r}", "separate cells by commas, and write decimals with a point")]
    mistakes = []
    for i, name in enumerate(header):
        if not name or re.fullmatch(r"Unnamed: \d+", name):
            what = f"column {i + 1} has no name" if not name else f"column {i + 1} is called {name!r}: it had no name"
            mistakes.append((what, "leave pandas' index out: `to_csv(..., index=False)`; or name the column"))
        elif name not in NAMED and name.lower() in NAMED and name.lower() not in header:
            mistakes.append((f"column {i + 1} is called {name!r}", f"write {name.lower()!r}"))
    for meant, names in LIKE.items():
        # x, y and z are axes.
        like = [name for name in channels if name.lower() in names and (name != "y" or "x" not in channels)]
        if like and meant not in header and like != channels:  # the only channel is one, whatever its name
            hint = f"call it {meant!r}, or otherwise if it is a channel"
            if meant == "label":
                hint += f"; if it holds values to be predicted, `data: {{targets: [{like[0]}]}}`"
            mistakes.append((f"there is a column {like[0]!r} and none is called {meant!r}", hint))
    for name in targets:
        if name not in header or name in NAMED:
            what = f"there is no column {name!r}" if name not in header else f"{name!r} is no column of values"
            mistakes.append((f"{what} for a target", suggest(name, [each for each in header if each not in NAMED])))
    if not mistakes and targets and not channels:
        mistakes.append(("every column is a target, and none a channel", "leave a column to predict from"))
    if not mistakes and (not channels or len(set(header)) != len(header)):
        hint = "write `sample,label,<channel>,...`, each name once; label may go"
        mistakes.append((f"the header is {','.join(header)!r}", hint))
    return mistakes


def counter_among(frames: Floats, channels: Sequence[str], samples: int) -> str | None:
    """The first channel of `frames` `[row, channel]` that numbers the rows of all samples, if one does."""
    if samples < 2 or len(frames) < FEWEST:
        return None
    for name, values in zip(channels, frames.T, strict=True):
        ordered = np.sort(values)
        steps = np.diff(ordered)
        if (steps == 1).all() or (name.lower() in INDEX and (steps >= 1).all() and (ordered % 1 == 0).all()):
            return name
    return None
