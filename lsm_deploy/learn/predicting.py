"""All that a model answers for samples: what each is called, its class, and the scores, where there are some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lsm_deploy.core.errors import require_type
from lsm_deploy.core.fixed import Ints
from lsm_deploy.core.frozen import rebuilt
from lsm_deploy.core.progress import Progress
from lsm_deploy.core.shown import Reported
from lsm_deploy.data import Frames
from lsm_deploy.learn.model import Model, OnChip, OnHost, predict, scores
from lsm_deploy.run import backends

__all__ = ["Predictions", "predictions"]


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(Reported):
    """What a model answers for samples.

    ids, labels: the name and the class of each sample; classes: their names, by number. scores `[sample, class]`: the
    readout's integers, of which the largest answers; of one model, larger is surer. Output neurons have none.
    """

    ids: Sequence[str]
    labels: Sequence[str]
    classes: Sequence[str]
    scores: Ints | None = None

    __reduce__ = rebuilt


def predictions(
    model: Model[OnHost] | Model[OnChip],
    data: Frames,
    backend: str = backends.DEFAULT,
    progress: Progress | None = None,
) -> Predictions:
    """Answer for each sample, as `predict` does, with its name (or its number) and its scores, from one run."""
    require_type(data, Frames, "data", "read them with `load_frames`")
    ids = data.ids or tuple(map(str, range(data.samples)))
    if isinstance(model, Model) and isinstance(model.answerer, OnHost):
        values = scores(model, data, backend, progress)
        labels = tuple(model.classes[i] for i in values.argmax(axis=1))
        return Predictions(ids, labels, model.classes, values)
    return Predictions(ids, predict(model, data, backend, progress), model.classes)
