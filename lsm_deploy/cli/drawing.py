"""The option `--picture`, which is the same in every command that has something to show."""

from __future__ import annotations

from pathlib import Path

import click

from lsm_deploy.cli.app import FILE, check_folder, check_target
from lsm_deploy.core.errors import LsmError, MisuseError
from lsm_deploy.report.blocks import Line, Report
from lsm_deploy.report.pictures.images import ENDINGS, save_picture, save_pictures

__all__ = ["PICTURE_OPTION", "check_drawing", "drawn"]

PICTURE_OPTION = click.option(
    "--picture",
    "--pictures",
    "drawing",
    type=FILE,
    metavar="FILE|FOLDER",
    help="Draw the first picture to FILE.png or FILE.svg, or all of them to a FOLDER.",
)


def check_drawing(target: Path | None, *inputs: Path | None) -> None:
    """Refuse a file or folder that cannot be drawn to, before any work is done."""
    if target is None:
        return
    if not target.suffix or target.is_dir():
        check_folder(target, None)
        return
    check_target(target, *inputs)
    if target.suffix.lower() not in ENDINGS:
        what = f"pictures are drawn as {' or '.join(ENDINGS)}, not {target.suffix}"
        raise MisuseError(what, where=str(target), hint="name a .png, an .svg, or a folder")


def drawn(target: Path | None, shown: Report) -> Report:
    """Draw what a report shows, if that was asked for; what to say of it."""
    if target is None:
        return Report((), {})
    pictures = shown.pictures
    if not pictures:
        raise LsmError("there is nothing to draw", where=str(target), hint="leave out --picture")
    if target.suffix.lower() in ENDINGS and not target.is_dir():
        save_picture(target, pictures[0])
        more = f"; a folder gets {', '.join(p.name for p in pictures[1:])} too" if pictures[1:] else ""
        return Report((Line(f"wrote {target}: {pictures[0].caption}{more}"),), {"pictures": [str(target)]})
    names = save_pictures(target, pictures)
    files = {"pictures": [str(target / name) for name in names]}
    return Report((Line(f"wrote {', '.join(names)} to {target}/"),), files)
