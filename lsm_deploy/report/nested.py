"""What splits chose, each for itself, and what that is worth on those who took no part in the choice."""

from __future__ import annotations

from collections.abc import Iterator

from lsm_deploy.measure.uncertainty import Difference
from lsm_deploy.report.blocks import Block, Column, Heading, Line, Report, table
from lsm_deploy.report.evaluations import ROWS, report_across
from lsm_deploy.report.numbers import INTERVAL, PERCENT, SIGNED, SIGNED_INTERVAL, count, setting
from lsm_deploy.tune.nested import AS_WRITTEN, Nested

__all__ = ["report_nested"]

SHOWN = 10
"""Of candidates that failed; `--json` has all."""


def report_nested(nested: Nested) -> Report:
    blocks = (*_choices(nested), *_beside(nested), *report_across(nested.nested).blocks, *_after(nested))
    return Report(blocks, nested.to_json())


def _choices(nested: Nested) -> Iterator[Block]:
    failed = {i: each for i, each in enumerate(nested.candidates) if each.reason}
    liquids = count(len(nested.nested.seeds), "liquid")
    yield Heading(
        f"chosen inside each split, by cross-validation on its training part, {liquids} each: of "
        f"{count(len(nested.candidates), 'configuration')}, {len(failed)} failed"
    )
    for split, reason in nested.failed.items():
        yield Line(f"split {split!r} is in no figure: {reason}")
    rows = []
    for i, (split, number) in enumerate(zip(nested.choices, nested.chosen, strict=True)):
        chosen, written = nested.candidates[number], nested.candidates[AS_WRITTEN]
        values = [setting(chosen.values[path]) if path in chosen.values else "" for path in nested.paths]
        rows.append([split, _name(number), chosen.scores[i], written.scores[i], *values])
    columns = [Column("cross-validated", PERCENT), Column("as written", PERCENT), *map(Column, nested.paths)]
    yield table(["tested", "chosen", *columns], rows)
    if len(set(nested.chosen)) == 1:
        yield Line(f"all splits choose the same: {_name(nested.chosen[0])}")
    else:
        yield Line(
            f"splits choose differently, {len(set(nested.chosen))} configurations in all: the figures are of choosing "
            "so, and of none of these alone"
        )
    for number, candidate in list(failed.items())[:SHOWN]:
        yield Line(f"{_name(number)} failed: {candidate.reason}")
    if len(failed) > SHOWN:
        yield Line(f"and {len(failed) - SHOWN} more")


def _name(number: int) -> str:
    return "as written" if number == AS_WRITTEN else f"trial {number}"


def _beside(nested: Nested) -> Iterator[Block]:
    """What was chosen inside, and the spec as it is written, of the same test samples."""
    chosen, written, less = nested.nested, nested.as_written, nested.differences
    rows = []
    for name in [name for name in ROWS if name in chosen.scores and name in written.scores]:
        of_each = [across.accuracy(name) for across in (chosen, written)]
        cells = [(each.mean, None if each.low is None else (each.low, each.high)) for each in of_each]
        d = less.get(name)
        rows.append([
            ROWS[name], *cells[0], *cells[1],
            *((d.mean, (d.low, d.high), _says(d, nested)) if d else (None, None, "of other samples")),
        ])  # fmt: skip
    yield Heading("chosen inside, beside the spec as it is written")
    yield table(
        [
            "readout on",
            Column("chosen inside", PERCENT),
            Column("95 % interval", INTERVAL),
            Column("as written", PERCENT),
            Column("95 % interval", INTERVAL),
            Column("difference", SIGNED),
            Column("95 % interval", SIGNED_INTERVAL),
            "is",
        ],
        rows,
    )
    yield Line(
        f"95 % intervals: of a bootstrap over {chosen.over}; of differences, paired. The spec as it is written may "
        "have been chosen on these very samples: its figure is then optimistic"
    )


def _says(difference: Difference, nested: Nested) -> str:
    return "the same" if nested.as_written_everywhere else difference.says


def _after(nested: Nested) -> Iterator[Block]:
    yield Line(
        f"activity is of what split {list(nested.nested.splits)[-1]!r} chose; all of it took {nested.seconds:.0f} s"
    )
