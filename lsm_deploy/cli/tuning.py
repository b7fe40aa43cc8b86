"""`tune`, `search`: what makes a liquid good, found on training data and written into its spec."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy import data, report, store
from lsm_deploy import spec as specs
from lsm_deploy.cli.app import FILE, check_target, common_options, main, output_of
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import front
from lsm_deploy.learn.listener import pattern_of


@main.command(name="tune")
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The tuned spec to write.")
@click.option("--rate", "rate_hz", type=float, metavar="HZ", help="Bring its neurons to this mean rate.")
@click.option("--branching", type=float, metavar="RATIO", help="Bring its activity to this branching ratio.")
@click.option("--population", metavar="NAME", help="The population to tune, instead of the one that is read.")
@click.option("--train", "train_file", type=FILE, help="Data to tune on, instead of the spec's training data.")
@common_options()
def tune_command(
    file: Path,
    target: Path,
    rate_hz: float | None,
    branching: float | None,
    population: str | None,
    train_file: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Find the gains that bring a liquid to a firing rate, a branching ratio or both.

    Measured on the integers as they would be deployed. The spec is written anew with them, and nothing else changed.
    """
    output = output_of(as_json, quiet)
    text = _text_to_change(file, target, train_file)
    spec = specs.load_text(text, file)
    frames = front.load(train_file, spec, "train") if train_file is not None else None
    with output.progress("tuning") as progress:
        tuned = api.tune_gains(spec, rate_hz, branching, population, frames, progress)
    _write(target, specs.put(text, file, tuned.changes))
    output.facts(report.tuned_facts(tuned) | {"written": str(target)})
    report.show_tuned(output.console, tuned)
    output.console.print(f"wrote {target}")


@main.command(name="search")
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The spec to write, with the best values.")
@click.option("--trials", type=click.IntRange(1), required=True, help="How many trials the journal is to have in all.")
@click.option("--journal", type=FILE, required=True, help="Where trials are kept; the same command goes on with it.")
@click.option("--space", type=FILE, help="What may vary, instead of the spec's section `search`.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search, not of the liquid.")
@click.option("--train", "train_file", type=FILE, help="Labelled data to judge on, instead of the spec's.")
@click.option(
    "--liquid-seeds", type=click.IntRange(1), default=1, show_default=True, help="Judge each trial on so many liquids."
)
@common_options()
def search_command(
    file: Path,
    target: Path,
    trials: int,
    journal: Path,
    space: Path | None,
    seed: int,
    train_file: Path | None,
    liquid_seeds: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Search for values of a spec by cross-validation on its training data alone.

    A killed search goes on where it was: a trial under way is all that is lost.
    """
    output = output_of(as_json, quiet)
    _text_to_change(file, target, train_file, space)
    check_target(journal, file, target, train_file, space)
    raw = data.load_raw(train_file, pattern_of(specs.load(file))) if train_file is not None else None
    with output.progress("searching") as progress:
        found = api.search(
            file,
            trials,
            journal,
            space=space,
            seed=seed,
            train=raw,
            liquid_seeds=liquid_seeds,
            progress=progress,
        )
    _write(target, found.text)
    output.facts(report.search_facts(found) | {"written": str(target)})
    report.show_search(output.console, found)
    output.console.print(f"wrote {target}")


def _text_to_change(file: Path, target: Path, *inputs: Path | None) -> str:
    """The spec's text, if it means the same where it will be written."""
    check_target(target, file, *inputs)
    text = specs.read_text(file)
    here, there = (specs.load_text(text, path.resolve()) for path in (file, target))
    if here != there:
        raise LsmError(
            "the spec names files relative to its own folder, and would not find them from another",
            where=str(target),
            hint=f"write it to {file.parent}, or name them by absolute paths",
        )
    return text


def _write(target: Path, text: str) -> None:
    store.write_file(target, lambda file: file.write(text.encode()))
