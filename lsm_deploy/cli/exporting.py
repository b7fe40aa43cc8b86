"""`export`: a program for what knows nothing of this project."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

import lsm_deploy as api
from lsm_deploy.cli.app import FILE, Output, check_folder, check_target, common_options, examples, main
from lsm_deploy.cli.options import BACKEND_OPTION, INPUT_OPTION, SAMPLES_OPTION
from lsm_deploy.exchange import lava_folder
from lsm_deploy.exchange import sanafe as sanafe_folder
from lsm_deploy.exchange.c_files import folder as c_folder
from lsm_deploy.exchange.c_files.prefix import PREFIX
from lsm_deploy.exchange.c_files.sizes import events_of
from lsm_deploy.formats.nir_files.writer import READERS
from lsm_deploy.report.devices import report_exported
from lsm_deploy.report.readings import account_table
from lsm_deploy.run.backends import DEFAULT


@main.command(
    name="export",
    epilog=examples(
        "export liquid.model --c for-a-device --input test.npz",
        "export liquid.yaml --lava for-lava --samples 2",
        "export liquid.lsm --nir liquid.nir",
        "export liquid.yaml --sanafe for-sanafe --samples 2",
    ),
)
@click.argument("file", metavar="SPEC|MODEL|FILE.lsm", type=FILE)
@click.option("--c", "c", type=FILE, metavar="DIR", help="C99 for a microcontroller: of a model with its readout.")
@click.option("--prefix", default=PREFIX, show_default=True, help="--c: what all names begin with, in one firmware.")
@click.option("--lava", type=FILE, metavar="DIR", help="Scripts and arrays for a host that has Lava, or a board.")
@click.option("--sanafe", type=FILE, metavar="DIR", help="The placed program and a run's spikes for SANA-FE.")
@click.option("--nir", type=FILE, metavar="FILE", help="A NIR graph in floats: a program's integers as those they are.")
@click.option("--for", "reader", type=click.Choice(READERS), help="--nir: the simulator that is to read it.")
@click.option("--net", type=FILE, metavar="FILE", help="lava-dl's `.net`, which its netx runs.")
@click.option("--trace", "trace_file", type=FILE, help="--sanafe, --c: the spikes of this trace instead of a run.")
@BACKEND_OPTION
@INPUT_OPTION
@SAMPLES_OPTION
@common_options
def export_command(
    output: Output,
    file: Path,
    c: Path | None,
    prefix: str,
    lava: Path | None,
    sanafe: Path | None,
    nir: Path | None,
    reader: str | None,
    net: Path | None,
    trace_file: Path | None,
    backend: str,
    input_file: Path | None,
    samples: int | None,
) -> None:
    """Write a program, or a model, as C for a microcontroller; a program as a folder for a host that has Lava, or for
    SANA-FE, as a NIR graph, or lava-dl's `.net`."""
    if sum(each is not None for each in (c, lava, sanafe, nir, net)) != 1:
        raise click.UsageError("give one of --c DIR, --lava DIR, --sanafe DIR, --nir FILE and --net FILE")
    if prefix != PREFIX and not c:
        raise click.UsageError("--prefix belongs to --c")
    if reader and not nir:
        raise click.UsageError("--for belongs to --nir")
    if (nir or net) and (trace_file or backend != DEFAULT or input_file or samples):
        raise click.UsageError("--nir and --net take a network, and no input, samples, trace or backend")
    if nir:
        return _export_nir(output, file, nir, reader)
    if net:
        return _export_net(output, file, net)
    if c:
        return _export_c(output, file, c, prefix, trace_file, backend, input_file, samples)
    folder = lava or sanafe
    assert folder is not None
    if lava and (trace_file or backend != DEFAULT):
        raise click.UsageError("--trace and --backend belong to --sanafe and --c: Lava runs the program itself")
    check_folder(folder, lava_folder.NAMES if lava else sanafe_folder.NAMES)
    made = api.compile_any(file)
    stimulus, words = api.stimulus_for(made, input_file, samples)
    output.say(f"stimulus: {words}")
    if sanafe:
        trace = api.trace_of(made.program, stimulus, trace_file, backend, output.progress)
        api.export_sanafe(folder, made.program, stimulus, trace)
        then = "read README.txt there"
    else:
        api.export_for_lava(folder, made.program, stimulus)
        then = (
            "run `python run.py` there, bring trace.npz back, and compare it with\n"
            f"  lsm-deploy parity {folder}/program.lsm --input {folder}/stimulus.npz --trace trace.npz --registers"
        )
    output.facts({"program": api.program_id(made.program), "stimulus": words, "folder": str(folder)})
    output.say(f"wrote {folder}/: {then}")


def _export_nir(output: Output, file: Path, nir: Path, reader: str | None) -> None:
    check_target(nir, file)
    made = api.compile_any(file)
    lines = api.export_nir(nir, made.compiled.network if made.compiled else made.program, reader)
    output.facts({"file": str(nir), "nodes": [asdict(line) for line in lines]})
    output.say(account_table(lines), f"wrote {nir}")


def _export_net(output: Output, file: Path, net: Path) -> None:
    check_target(net, file)
    program = api.compile_any(file).program
    api.export_net(net, program)
    output.facts({"program": api.program_id(program), "file": str(net)})
    output.say(f"wrote {net}: `netx.hdf5.Network({net.name!r})` runs it, `lsm-deploy import` takes it back")


def _export_c(
    output: Output,
    file: Path,
    folder: Path,
    prefix: str,
    trace_file: Path | None,
    backend: str,
    input_file: Path | None,
    samples: int | None,
) -> None:
    check_folder(folder, c_folder.names_of(prefix))
    made = api.compile_any(file)
    exported = api.export_c(folder, made.model if made.model is not None else made.program, prefix)
    stimulus, words = api.stimulus_for(made, input_file, samples)
    trace = api.trace_of(made.program, stimulus, trace_file, backend, output.progress)
    report = report_exported(exported, events_of(made.program, stimulus, trace), words)
    output.facts({"program": api.program_id(made.program), "folder": str(folder), **report.facts})
    output.say(
        *report.blocks, f"wrote {folder}/: read {prefix}.h and README.txt there; `make -C {folder} size` compiles it"
    )
