"""`eval`, `train`, `predict`: readouts on the spikes of deployed liquids."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_target, common_options, examples, main
from lsm_deploy.cli.drawing import PICTURE_OPTION, check_drawing, drawn
from lsm_deploy.cli.following import follow, warn_of_washout
from lsm_deploy.cli.options import BACKEND_OPTION, workers_options
from lsm_deploy.core.errors import MisuseError
from lsm_deploy.learn.live.spotting import NOTHING
from lsm_deploy.learn.model import AnyModel
from lsm_deploy.report.answers import lines_of_answers, report_answers
from lsm_deploy.report.evaluations import report_across, report_evaluation
from lsm_deploy.report.models import report_model
from lsm_deploy.report.nested import report_nested
from lsm_deploy.report.regression import report_regression, row_of
from lsm_deploy.spec.schema import Regression


@main.command(
    name="eval",
    epilog=examples(
        "eval liquid.yaml",
        "eval series.yaml --seeds 2",
        "eval liquid.yaml --data train.npz --split folds=2",
        "eval liquid.yaml --data train.npz --split folds=2 --tune-inside 2 --space space.yaml",
    ),
)
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("--train", "train_file", type=FILE, help="Labelled data to train on, instead of the spec's.")
@click.option("--test", "test_file", type=FILE, help="Labelled data to test on, instead of the spec's.")
@click.option("--data", "data_file", type=FILE, help="Labelled data to split, by --split.")
@click.option(
    "--split",
    "how",
    metavar="HOW",
    help="official (takes 0 to 4 are test data), leave-one-group-out, group-folds=N or folds=N.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="So many liquids; where classes are told apart, with --data.",
)
@click.option(
    "--tune-inside",
    "trials",
    metavar="N",
    type=click.IntRange(1),
    help="With --data: choose values in each split, of the spec as written and N trials, on its training part alone.",
)
@click.option("--space", type=FILE, help="With --tune-inside: what may vary, instead of the spec's section `search`.")
@click.option("--without", "left_out", metavar="A,B,...", default="", help="With --data: groups that are left out.")
@click.option("--on-chip", is_flag=True, help="Train output neurons, too: what each step to them costs.")
@PICTURE_OPTION
@BACKEND_OPTION
@workers_options
@common_options
def eval_command(
    output: Output,
    file: Path,
    train_file: Path | None,
    test_file: Path | None,
    data_file: Path | None,
    how: str | None,
    trials: int | None,
    space: Path | None,
    seeds: int,
    left_out: str,
    drawing: Path | None,
    workers: int,
    cluster: str | None,
    **options: Any,
) -> None:
    """Train a readout on what the liquid sends, in integers, and test it, beside honest baselines."""
    check_drawing(drawing, file, train_file, test_file, data_file, space)
    spec = api.load(file)
    if space is not None and trials is None:
        raise click.UsageError("--space goes with --tune-inside")
    if isinstance(spec.readout, Regression):
        _check_data(spec, train_file)
        if data_file is not None or how is not None or left_out:
            raise click.UsageError("--data, --split and --without are for readouts of classes")
        if trials is not None:
            what = "--tune-inside is for readouts of classes: a series has one split; `search` its training part"
            raise click.UsageError(what)
        with api.workers(workers, cluster) as executor, output.progress("evaluating") as progress:
            options |= {"seeds": seeds, "executor": executor}
            signals = api.evaluate_regression(spec, train_file, test_file, progress=progress, **options)
        shown = report_regression(signals)
        output.show(shown + drawn(drawing, shown))
        return
    if data_file is not None:
        if train_file is not None or test_file is not None or how is None:
            raise click.UsageError("--data goes with --split, and without --train and --test")
        leave_out = tuple(name for name in left_out.split(",") if name)
        with api.workers(workers, cluster) as executor, output.progress("evaluating") as progress:
            options |= {"leave_out": leave_out, "executor": executor}
            failed = False
            if trials is None:
                shown = report_across(api.evaluate_across(spec, data_file, how, seeds, progress=progress, **options))
            else:
                asked = (file, data_file, how, trials, seeds)
                nested = api.evaluate_nested(*asked, space=space, progress=progress, **options)
                shown, failed = report_nested(nested), bool(nested.failed)
        output.show(shown + drawn(drawing, shown))
        if failed:
            click.get_current_context().exit(1)
        return
    if trials is not None:
        raise click.UsageError("--tune-inside goes with --data")
    if how is not None or seeds > 1 or left_out:
        raise click.UsageError("--split, --seeds and --without go with --data")
    if workers or cluster is not None:
        raise click.UsageError("--workers and --cluster go with --data, or with readouts of signals")
    if (train_file is None) != (test_file is None):
        raise click.UsageError("give both --train and --test, or neither")
    _check_data(spec, train_file)
    with output.progress("evaluating") as progress:
        evaluation = api.evaluate(spec, train_file, test_file, progress=progress, **options)
    shown = report_evaluation(evaluation)
    output.show(shown + drawn(drawing, shown))


def _check_data(spec: api.Spec, train_file: Path | None) -> None:
    if train_file is None and (spec.data is None or not spec.data.named):
        raise MisuseError("the spec names no data", hint="add a data section, or give --train and --test")


@main.command(
    name="train",
    epilog=examples(
        "train liquid.yaml -o liquid.model",
        "train series.yaml -o series.model",
    ),
)
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The model file to write.")
@click.option("--train", "train_file", type=FILE, help="Labelled data to train on, instead of the spec's.")
@click.option("--on-chip", is_flag=True, help="Make the readout output neurons, as a part of the program.")
@BACKEND_OPTION
@common_options
def train_command(
    output: Output, file: Path, target: Path, train_file: Path | None, on_chip: bool, backend: str
) -> None:
    """Train a readout and keep it together with its program."""
    check_target(target, file, train_file)
    spec = api.load(file)
    _check_data(spec, train_file)
    train: Callable[..., AnyModel] = api.train_on_chip if on_chip else api.train
    if isinstance(spec.readout, Regression):
        train = partial(api.train_regression, on_chip=on_chip)
    with output.progress("training") as progress:
        model = train(spec, train_file, backend=backend, progress=progress)
    api.save_model(target, model)
    output.show(report_model(model))
    output.say(f"wrote {target}")


def _checked_pattern(context: click.Context, option: click.Parameter, pattern: str | None) -> str | None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise click.BadParameter(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


@main.command(
    name="predict",
    epilog=examples(
        "predict liquid.model new.npz",
        "predict series.model --follow < frames.txt",
        "predict series.model --follow --every 10 --skip-bad < frames.txt",
        "predict digits.model --follow --spot 900 --refractory 40 < sound.txt",
        "predict words.model --follow --spot 900 --nothing rest < sound.txt",
    ),
)
@click.argument("model_file", metavar="MODEL", type=FILE)
@click.argument("data_file", metavar="[DATA]", type=FILE, required=False)
@click.option("--follow", "follows", is_flag=True, help="Answer lines from standard input, as they come.")
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="With --follow: frames an answer.")
@click.option("--window", type=click.IntRange(1), help="With --follow: frames that are read, the last ones.")
@click.option(
    "--spot", type=click.INT, metavar="MARGIN", help="With --follow: say only what exceeds `nothing` by so much."
)
@click.option("--nothing", metavar="CLASS", help="With --spot: what the class `nothing` is called.")
@click.option(
    "--refractory",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="With --spot: frames until the next name.",
)
@click.option("--skip-bad", is_flag=True, help="With --follow: leave out lines that are none, and say so.")
@click.option(
    "--pattern",
    metavar="REGEX",
    callback=_checked_pattern,
    help="How sound files are named, where groups are needed: those of training, if left out.",
)
@BACKEND_OPTION
@common_options
def predict_command(
    output: Output,
    model_file: Path,
    data_file: Path | None,
    follows: bool,
    every: int,
    window: int | None,
    spot: int | None,
    refractory: int,
    nothing: str | None,
    skip_bad: bool,
    pattern: str | None,
    backend: str,
) -> None:
    """Answer for DATA: the name, class and score of each sample, one a line with tabs between, or what a model of
    signals forecasts after each frame. DATA need no labels, and may be a single file.

    With --follow, lines of standard input are answered instead, without an end: on each the numbers of a frame, or what
    the model's front end takes, seconds between heart beats or a piece of sound; with spaces or commas between them, or
    as a JSON list. A line of names may come first. With --spot, a line is said where a class exceeds the class
    `nothing` by so much, once the window is full: the number of the frame, the class, and by how much.
    """
    if follows:
        if data_file is not None or pattern is not None:
            raise click.UsageError("--follow reads standard input: without DATA and --pattern")
        if spot is None and (refractory or nothing is not None):
            raise click.UsageError("--refractory and --nothing go with --spot")
        if spot is not None and every > 1:
            raise click.UsageError("--spot looks at each frame: without --every")
        naming = None if spot is None else (spot, refractory, NOTHING if nothing is None else nothing)
        follow(output, model_file, backend, window, every, naming, skip_bad=skip_bad)
        return
    if every > 1 or window is not None or skip_bad or spot is not None or refractory or nothing is not None:
        raise click.UsageError("--every, --window, --spot, --refractory, --nothing and --skip-bad go with --follow")
    if data_file is None:
        raise click.UsageError("name the DATA to answer for, or --follow standard input")
    if pattern is not None and not data_file.is_dir():
        raise click.UsageError("--pattern belongs to a folder of sound")
    model = api.load_model(model_file)
    recordings = model.listener.load(data_file, pattern)
    frames = model.listener.frames(recordings)
    with output.progress("predicting") as progress:
        if isinstance(model, api.RegressionModel):
            forecasts = api.forecast(model, frames, backend=backend, progress=progress)
        else:
            answers = api.predictions(model, frames, backend=backend, progress=progress)
    if isinstance(model, api.RegressionModel):
        warn_of_washout(model)
        output.facts(
            {"outputs": list(model.outputs), "starts": frames.starts.tolist(), "forecasts": forecasts.tolist()}
        )
        if not output.json:
            click.echo("\n".join(map(row_of, forecasts)))
        return
    output.facts(report_answers(answers).facts)
    if not output.json:
        click.echo("\n".join(lines_of_answers(answers)))
