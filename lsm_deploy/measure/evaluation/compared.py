"""What evaluations say of any two readouts that answered for the same samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lsm_deploy.measure.evaluation.score import Answers
from lsm_deploy.measure.uncertainty import Difference, Resampled

__all__ = ["Compared", "resampled"]


class Compared:
    """An evaluation: its names are those of `answers`."""

    @property
    def resampled(self) -> Resampled:
        """Who had which test sample right, to be drawn anew."""
        raise NotImplementedError

    @property
    def over(self) -> str:
        """What is drawn anew for intervals: `20 groups and 5 liquids`, or samples where groups were trained on, too."""
        return self.resampled.over

    def difference(self, name: str, other: str) -> Difference:
        """What one has right more often than another, of the same samples: the difference of their accuracies."""
        return self.resampled.difference(name, other)

    def differences(self) -> dict[str, dict[str, Any]]:
        """Of every two, as JSON has it."""
        of = self.resampled
        pairs = {name: [other for other in of.right if other != name] for name in of.right}
        every = {name: {other: of.difference(name, other) for other in others} for name, others in pairs.items()}
        return {name: {o: {**asdict(d), "says": d.says} for o, d in others.items()} for name, others in every.items()}


def resampled(
    answers: Mapping[str, Sequence[Answers]],
    labels: Sequence[str],
    groups: Sequence[str],
    trained: Iterable[tuple[Sequence[str], Sequence[str]]],
) -> Resampled:
    """Of each liquid's answers for samples with these labels and groups. trained: of each split, groups that were
    tested and that were trained on."""
    strange = all(tested and not {*tested} & {*known} for tested, known in trained)
    truth = np.array(labels)
    right = {name: np.array([np.array(each.predicted) == truth for each in some]) for name, some in answers.items()}
    return Resampled(right, groups if strange else ())
