"""What a model answers for samples, a line each: the sample's name, its class and the score of that, tabs between.

The score is the readout's own integer, on a scale of its own: of one model, larger is surer. Output neurons have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsm_deploy.core.errors import visible
from lsm_deploy.core.fixed import Ints
from lsm_deploy.data import Frames

__all__ = ["facts_of_answers", "lines_of_answers"]


def facts_of_answers(
    frames: Frames, labels: Sequence[str], classes: Sequence[str], scores: Ints | None
) -> dict[str, Any]:
    """scores `[sample, class]`: None where there are none."""
    return {
        "ids": list(_ids(frames)),
        "labels": list(labels),
        "classes": list(classes),
        "scores": scores.tolist() if scores is not None else None,
    }


def lines_of_answers(frames: Frames, labels: Sequence[str], scores: Ints | None) -> list[str]:
    columns = [_ids(frames), labels]
    if scores is not None:
        columns.append([str(score) for score in scores.max(axis=1).tolist()])
    return ["\t".join(map(visible, row)) for row in zip(*columns, strict=True)]


def _ids(frames: Frames) -> Sequence[str]:
    """What the samples are called, or their numbers."""
    return frames.ids or [str(i) for i in range(frames.samples)]
