"""`eval`, `train`, `predict`: readouts on the spikes of deployed liquids."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy import data, report
from lsm_deploy import spec as specs
from lsm_deploy.cli.app import FILE, check_target, common_options, main, output_of
from lsm_deploy.cli.options import BACKEND_OPTION
from lsm_deploy.core.errors import LsmError
from lsm_deploy.data import front
from lsm_deploy.learn.listener import pattern_of
from lsm_deploy.learn.model import AnyModel


@main.command(name="eval")
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
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="With --data: so many liquids.")
@click.option("--without", "left_out", metavar="A,B,...", default="", help="With --data: groups that are left out.")
@click.option("--on-chip", is_flag=True, help="Train output neurons, too: what each step to them costs.")
@BACKEND_OPTION
@common_options()
def eval_command(
    file: Path,
    train_file: Path | None,
    test_file: Path | None,
    data_file: Path | None,
    how: str | None,
    seeds: int,
    left_out: str,
    on_chip: bool,
    backend: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a readout on the liquid's integer spikes and test it, beside honest baselines."""
    output = output_of(as_json, quiet)
    spec = specs.load(file)
    if data_file is not None:
        if train_file is not None or test_file is not None or how is None:
            raise click.UsageError("--data goes with --split, and without --train and --test")
        recordings = data.load_raw(data_file, pattern_of(spec))
        leave_out = tuple(name for name in left_out.split(",") if name)
        with output.progress("evaluating") as progress:
            across = api.evaluate_across(
                spec, recordings, how, seeds, backend, progress, on_chip=on_chip, leave_out=leave_out
            )
        output.facts(across.to_json())
        report.show_across(output.console, across)
        return
    if how is not None or seeds > 1 or left_out:
        raise click.UsageError("--split, --seeds and --without go with --data")
    train, test = _raw_of(spec, train_file, test_file)
    with output.progress("evaluating") as progress:
        found = api.evaluate(spec, train, test, backend, progress, on_chip=on_chip)
    output.facts(found.to_json())
    report.show_evaluation(output.console, found)


def _raw_of(spec: specs.Spec, train_file: Path | None, test_file: Path | None) -> tuple[data.Raw, data.Raw]:
    if (train_file is None) != (test_file is None):
        raise click.UsageError("give both --train and --test, or neither")
    pattern = pattern_of(spec)
    if train_file is not None and test_file is not None:
        return data.load_raw(train_file, pattern), data.load_raw(test_file, pattern)
    if spec.data is None or not spec.data.named:
        raise LsmError("the spec names no data", hint="add a data section, or give --train and --test")
    return data.load_data(spec.data)


@main.command(name="train")
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The model file to write.")
@click.option("--train", "train_file", type=FILE, help="Labelled data to train on, instead of the spec's.")
@click.option("--on-chip", is_flag=True, help="Make the readout output neurons, as a part of the program.")
@BACKEND_OPTION
@common_options()
def train_command(
    file: Path, target: Path, train_file: Path | None, on_chip: bool, backend: str, as_json: bool, quiet: bool
) -> None:
    """Train a readout and keep it together with its program."""
    output = output_of(as_json, quiet)
    check_target(target, file, train_file)
    spec = specs.load(file)
    frames = (
        front.load(train_file, spec, "train")
        if train_file is not None
        else front.frames_for(_raw_of(spec, None, None)[0], spec, "train")
    )
    with output.progress("training") as progress:
        teach = api.train_on_chip if on_chip else api.train
        model: AnyModel = teach(spec, frames, backend=backend, progress=progress)
    api.save_model(target, model)
    output.facts(report.model_facts(model))
    report.show_model(output.console, model)
    output.console.print(f"wrote {target}")


@main.command(name="predict")
@click.argument("model_file", metavar="MODEL", type=FILE)
@click.argument("data_file", metavar="DATA", type=FILE)
@click.option("--pattern", metavar="REGEX", help="How WAV files are named, if not as those that it was trained on.")
@BACKEND_OPTION
@common_options()
def predict_command(
    model_file: Path, data_file: Path, pattern: str | None, backend: str, as_json: bool, quiet: bool
) -> None:
    """Classify the samples of DATA, one label a line."""
    output = output_of(as_json, quiet)
    model = api.load_model(model_file)
    frames = front.to_frames(data.load_raw(data_file, pattern or model.listener.pattern), model.listener.front_end)
    with output.progress("predicting") as progress:
        labels = api.predict(model, frames, backend=backend, progress=progress)
    output.facts({"labels": list(labels)})
    if not as_json:
        click.echo("\n".join(labels))
