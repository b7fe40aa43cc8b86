"""Pictures as PNG: the same bytes each time, whatever a user has set."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from lsm_deploy.report.blocks import Picture
from lsm_deploy.store import new_folder, write_bytes

__all__ = ["png_of", "save_picture", "save_pictures"]


def png_of(picture: Picture) -> bytes:
    # Imported here: it takes half a second. No pyplot, which keeps figures, and a backend, for the whole process.
    from matplotlib import style

    made = BytesIO()
    with style.context("default"):
        picture.draw().savefig(made, format="png", dpi=100, metadata={"Software": None})
    return made.getvalue()


def save_picture(file: Path, picture: Picture) -> None:
    write_bytes(file, png_of(picture))


def save_pictures(folder: Path, pictures: Iterable[Picture]) -> tuple[str, ...]:
    """Write each into the folder, under its name; the names of the files."""
    files = {f"{picture.name}.png": picture for picture in pictures}
    with new_folder(folder) as made:
        for name, picture in files.items():
            (made / name).write_bytes(png_of(picture))
    return tuple(files)
