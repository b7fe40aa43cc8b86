"""`eval`, `train`, `predict`: readouts on the spikes of deployed liquids."""

from __future__ import annotations

from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy import data, front, report
from lsm_deploy import spec as specs
from lsm_deploy.cli.app import BACKEND_OPTION, FILE, check_target, common_options, main, output_of
from lsm_deploy.errors import LsmError


@main.command(name="eval")
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("--train", "train_file", type=FILE, help="Labelled data to train on, instead of the spec's.")
@click.option("--test", "test_file", type=FILE, help="Labelled data to test on, instead of the spec's.")
@BACKEND_OPTION
@common_options()
def eval_command(
    file: Path,
    train_file: Path | None,
    test_file: Path | None,
    backend: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a readout on the liquid's integer spikes and test it, beside honest baselines."""
    output = output_of(as_json, quiet)
    spec = specs.load(file)
    train, test = _data_of(spec, train_file, test_file)
    if constant := data.constant_channels(train):
        names = ", ".join(str(channel) for channel in constant)
        output.console.print(f"channels that never change in the training data: {names}")
    with output.progress("evaluating") as progress:
        found = api.evaluate(spec, train, test, backend=backend, progress=progress)
    output.facts(found.to_json())
    report.show_evaluation(output.console, found)


def _data_of(spec: specs.Spec, train_file: Path | None, test_file: Path | None) -> tuple[data.Frames, data.Frames]:
    if (train_file is None) != (test_file is None):
        raise click.UsageError("give both --train and --test, or neither")
    if train_file is not None and test_file is not None:
        return front.load_data(spec, train_file, test_file)
    if spec.data is None or not spec.data.named:
        raise LsmError("the spec names no data", hint="add a data section, or give --train and --test")
    return front.load_data(spec)


@main.command()
@click.argument("file", metavar="SPEC", type=FILE)
@click.option("-o", "--output", "target", type=FILE, required=True, help="The model file to write.")
@click.option("--train", "train_file", type=FILE, help="Labelled data to train on, instead of the spec's.")
@click.option("--on-chip", is_flag=True, help="Make the readout output neurons, as a part of the program.")
@BACKEND_OPTION
@common_options()
def train(
    file: Path, target: Path, train_file: Path | None, on_chip: bool, backend: str, as_json: bool, quiet: bool
) -> None:
    """Train a readout and keep it together with its program."""
    output = output_of(as_json, quiet)
    check_target(target, file, train_file)
    spec = specs.load(file)
    frames = front.load(train_file, spec, "train") if train_file is not None else _data_of(spec, None, None)[0]
    with output.progress("training") as progress:
        teach = api.train_on_chip if on_chip else api.train
        model: api.Model | api.OnChip = teach(spec, frames, backend=backend, progress=progress)
    api.save_model(target, model)
    output.facts(report.model_facts(model))
    report.show_model(output.console, model)
    output.console.print(f"wrote {target}")


@main.command()
@click.argument("model_file", metavar="MODEL", type=FILE)
@click.argument("data_file", metavar="DATA", type=FILE)
@BACKEND_OPTION
@common_options()
def predict(model_file: Path, data_file: Path, backend: str, as_json: bool, quiet: bool) -> None:
    """Classify the samples of DATA, one label a line."""
    output = output_of(as_json, quiet)
    model = api.load_model(model_file)
    frames = front.to_frames(data.load_raw(data_file), model.front_end)
    with output.progress("predicting") as progress:
        labels = api.predict(model, frames, backend=backend, progress=progress)
    output.facts({"labels": list(labels)})
    if not as_json:
        click.echo("\n".join(labels))
