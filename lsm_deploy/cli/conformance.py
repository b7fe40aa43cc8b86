"""`conformance`, `import-recording`: which rules of the integer contract a chip or another simulator stands behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from lsm_deploy.cli.app import FILE, Output, check_folder, common_options, examples, main
from lsm_deploy.parity import conformance
from lsm_deploy.parity.conformance.recording import NAMES
from lsm_deploy.report.conformance import report_conformance, report_recording

_F = TypeVar("_F", bound=Callable[..., Any])


@main.command(
    name="conformance",
    epilog=examples("conformance recordings --simulators none"),
)
@click.argument("folder", metavar="[DIR]", type=FILE, required=False)
@click.option("--simulators", help="Ask only these, or `none`; by default those that are installed.")
@common_options
def conformance_command(output: Output, folder: Path | None, simulators: str | None) -> None:
    """Replay the recordings in DIR, and say what stands behind each rule; exit status 1 if one contradicts us."""
    asked = None
    if simulators is not None:
        asked = [name.strip() for name in simulators.split(",") if name.strip() not in ("", "none")]
    recordings = conformance.load_recordings(folder) if folder is not None else ()
    with output.progress("replaying") as progress:
        result = conformance.conform(recordings, asked, progress)
    output.show(report_conformance(result))
    if result.contradictions:
        click.get_current_context().exit(1)


@main.group(name="import-recording")
def import_recording_group() -> None:
    """Turn what others have published into a recording that `conformance` replays."""


def _origin(recorded_on: str | None, source: str, licence: str) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        for option in (
            click.option("-o", "--output", "target", type=FILE, required=True, help="The recording's folder."),
            click.option("--silicon/--simulated", default=False, show_default=True, help="Whether a chip ran it."),
            click.option("--recorded-on", default=recorded_on, show_default=True, help="The chip, or the simulator."),
            click.option("--source", default=source, show_default=True, help="Where it comes from."),
            click.option("--licence", default=licence, show_default=True, help="Under which licence."),
        ):
            function = option(function)
        return function

    return decorate


@import_recording_group.command(
    name="nir",
    epilog=examples(
        "import-recording nir lif.csv -o recordings/lif    # registers from lif.json",
    ),
)
@click.argument("file", metavar="FILE.csv", type=FILE)
@click.option("--weight", type=int, help="Of the one input synapse.")
@click.option("--du", type=int, help="Current decay register.")
@click.option("--dv", type=int, help="Voltage decay register.")
@click.option("--vth", type=int, help="Threshold mantissa.")
@click.option("--bias-mant", type=int, help="Bias mantissa; 0 if not given.")
@click.option("--bias-exp", type=int, help="Bias exponent; 0 if not given.")
@click.option("--weight-exp", type=int, help="Weight exponent; 0 if not given.")
@click.option("--delay", type=int, help="Synaptic delay in steps; 0 if not given.")
@_origin(
    None,
    'Nature Communications 2024, "Neuromorphic Intermediate Representation", neuromorphs/NIR paper/01_lif',
    "BSD-3-Clause",
)
@common_options
def import_nir_command(output: Output, file: Path, target: Path, **given: Any) -> None:
    """Import a single neuron's CSV (input spike, voltage, output spike); what is not given stands in FILE.json."""
    check_folder(target, NAMES)
    origin = {name: given.pop(name) for name in ("silicon", "recorded_on", "source", "licence")}
    origin["recorded_on"] = origin["recorded_on"] or ("Loihi 2" if origin["silicon"] else "a simulator")
    _save(output, target, conformance.import_nir(file, given, **origin))


@import_recording_group.command(
    name="lava-dl",
    epilog=examples("import-recording lava-dl ground-truth -o recordings/dense"),
)
@click.argument("folder", metavar="DIR", type=FILE)
@click.option("--net", type=FILE, help="The .net file, where it is not the only one in DIR.")
@click.option("--input", "input_file", type=FILE, help="Input spikes [channel, t], .npy; else DIR/input.npy.")
@click.option("--output-spikes", "output_file", type=FILE, help="Output spikes [neuron, t], .npy; else DIR/output.npy.")
@click.option("--first-step", type=click.IntRange(0), default=0, help="The step of the output's first column.")
@_origin("lava-dl", "lava-nc/lava-dl tests/lava/lib/dl/netx/gts", "BSD-3-Clause")
@common_options
def import_lava_dl_command(output: Output, folder: Path, target: Path, **options: Any) -> None:
    """Import a folder of lava-dl's netx ground truths: a .net of dense layers, input and output spikes."""
    check_folder(target, NAMES)
    _save(output, target, conformance.import_lava_dl(folder, **options))


def _save(output: Output, target: Path, recording: conformance.Recording) -> None:
    conformance.save_recording(target, recording)
    output.show(report_recording(recording))
    output.say(f"wrote {target}/")
