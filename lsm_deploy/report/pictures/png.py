"""Pictures as PNG: the same bytes each time, whatever a user has set."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from lsm_deploy.report.blocks import Picture
from lsm_deploy.store import write_file

__all__ = ["png_of", "save_picture"]


def png_of(picture: Picture) -> bytes:
    # Imported here: it takes half a second. No pyplot, which keeps figures, and a backend, for the whole process.
    from matplotlib import style

    made = BytesIO()
    with style.context("default"):
        picture.draw().savefig(made, format="png", dpi=100, metadata={"Software": None})
    return made.getvalue()


def save_picture(file: Path, picture: Picture) -> None:
    png = png_of(picture)
    write_file(file, lambda opened: opened.write(png))
