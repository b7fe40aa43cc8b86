"""`predict --follow`: an answer for each line of standard input, before the next one is read."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import lsm_deploy as api
from lsm_deploy.cli.app import Output
from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, visible
from lsm_deploy.core.notes import warn
from lsm_deploy.data import Frames
from lsm_deploy.data.checks import name_errors
from lsm_deploy.learn.live import Live, Spotter
from lsm_deploy.report.numbers import count
from lsm_deploy.report.regression import row_of

__all__ = ["follow", "warn_of_washout"]


def warn_of_washout(model: api.RegressionModel) -> None:
    """An LsmWarning that the first forecasts are no measure of a model."""
    if model.readout.washout:
        frames = count(model.readout.washout, "frame")
        what = f"the first {frames} of a sample are its washout: the liquid still settles, and forecasts may be far off"
        warn(what, level=2)


def follow(
    output: Output,
    model_file: Path,
    backend: str,
    window: int | None,
    every: int,
    naming: tuple[int, int, str] | None,
    *,
    skip_bad: bool,
) -> None:
    """Read numbers from standard input, a line each time, and print what the model makes of them, or what it
    names. naming: threshold, refractory and nothing of a `Spotter`."""
    model = api.load_model(model_file)
    if isinstance(model, api.RegressionModel):
        if window is not None:
            raise MisuseError("--window is for models that tell classes apart", hint="leave it out")
        warn_of_washout(model)
        live = model.start(backend=backend)
    else:
        live = model.start(window, backend=backend)
    spotter = None if naming is None else Spotter(live, *naming)
    take = live.take if live.streams.front_end is None else live.push
    with live:
        for number, values in _lines(model.listener.names, skip_bad):
            before = live.frames
            try:
                if spotter is None:
                    take(values)
                else:
                    _name(output, spotter, values)
            except LsmError as error:
                _bad(error.what, number, error.hint, skip_bad)
            if spotter is None and live.frames > before and live.frames // every > before // every:
                _say(output, live)
            if getattr(sys.stdout, "failure", None) is not None:  # nobody reads any more
                return


def _lines(names: tuple[str, ...], skip_bad: bool) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """The numbers of each line, and which line it is: with spaces, commas or semicolons between, or as a JSON list."""
    first = True
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            yield number, _numbers(line)
        except ValueError:
            if first and _is_header(line):
                _check_names(names, line)
            else:
                hint = "write finite numbers with commas between, or a JSON list of them, a line each time"
                _bad(f"{line.strip()!r:.80} is no line of numbers", number, hint, skip_bad)
        first = False


def _numbers(line: str) -> NDArray[np.float64]:
    """The numbers of a line; a ValueError where it is anything else, such as a list in a list, or `1_000`."""
    text = line.strip()
    if text.startswith("["):
        if "[" in text[1:]:  # whose depth Python bounds by an error of its own
            raise ValueError
        cells = json.loads(text)
        if any(isinstance(cell, bool) or not isinstance(cell, int | float) for cell in cells):
            raise ValueError
    else:
        if "_" in text or (";" in text and "," in text):  # decimals with a comma, or twice as many numbers
            raise ValueError
        cells = text.replace(",", " ").replace(";", " ").split()
    values = np.array([float(cell) for cell in cells])
    if not np.isfinite(values).all():
        raise ValueError
    return values


def _check_names(names: tuple[str, ...], line: str) -> None:
    """An LsmError where channels are called otherwise than in training."""
    given = tuple(cell.strip() for cell in line.replace(";", ",").split(","))
    frame = Frames(np.zeros((1, len(given))), np.zeros(1, np.int64), source="stdin", names=given)
    raise_all(name_errors(names, frame))


def _is_header(line: str) -> bool:
    """Whether there are names and no numbers."""
    cells = line.replace(";", ",").split(",")

    def is_name(cell: str) -> bool:
        try:
            float(cell)
        except ValueError:
            return bool(cell.strip())
        return False

    return all(map(is_name, cells)) and not line.lstrip().startswith(("[", "{"))


def _bad(what: str, number: int, hint: str, skip_bad: bool) -> None:
    if not skip_bad:
        raise LsmError(what, where=f"stdin:{number}", hint=f"{hint}; --skip-bad leaves such lines out") from None
    click.echo(f"note: stdin:{number}: {visible(what)}; left out", err=True)


def _say(output: Output, live: Live) -> None:
    signals = not hasattr(live.streams.answers, "classes")
    if output.json:
        facts: dict[str, Any] = {"frame": live.frames}
        facts |= {"outputs": live.named()} if signals else {"label": live.answer(), "scores": live.named()}
        click.echo(json.dumps(facts | ({} if signals else {"full": live.full})))
    elif signals:
        click.echo(row_of(live.scores))
    else:
        scores = " ".join(f"{name}={score}" for name, score in live.named().items())
        click.echo(visible(f"{live.answer()}\t{scores}"))
    sys.stdout.flush()


def _name(output: Output, spotter: Spotter, values: NDArray[np.float64]) -> None:
    if spotter.live.streams.front_end is None:
        given = spotter.step(values)
        named = [] if given is None else [given]
    else:
        named = spotter.push(values)
    for each in named:
        if output.json:
            click.echo(json.dumps({"frame": each.frame, "label": each.name, "margin": each.margin}))
        else:
            click.echo(visible(f"{each.frame}\t{each.name}\t{each.margin}"))
    sys.stdout.flush()
