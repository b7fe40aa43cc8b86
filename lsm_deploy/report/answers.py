"""What a model answers for samples, a line each: the sample's name, its class and the score of that, tabs between."""

from __future__ import annotations

from lsm_deploy.core.errors import visible
from lsm_deploy.learn.predicting import Predictions
from lsm_deploy.report.blocks import Report, table

__all__ = ["lines_of_answers", "report_answers"]


def report_answers(given: Predictions) -> Report:
    facts = {
        "ids": list(given.ids),
        "labels": list(given.labels),
        "classes": list(given.classes),
        "scores": given.scores.tolist() if given.scores is not None else None,
    }
    return Report((table(["sample", "class", *(["score"] if given.scores is not None else [])], _rows(given)),), facts)


def lines_of_answers(given: Predictions) -> list[str]:
    return ["\t".join(map(visible, row)) for row in _rows(given)]


def _rows(given: Predictions) -> list[tuple[str, ...]]:
    best = [] if given.scores is None else [[str(score) for score in given.scores.max(axis=1).tolist()]]
    return list(zip(given.ids, given.labels, *best, strict=True))
