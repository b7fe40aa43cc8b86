"""Pictures as PNG and SVG: the same bytes each time, whatever a user has set."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from lsm_deploy.report.blocks import Picture
from lsm_deploy.report.pictures.style import RC
from lsm_deploy.store import new_folder, write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ENDINGS", "drawn", "png_of", "save_picture", "save_pictures", "svg_of"]

ENDINGS = (".png", ".svg")
_SAME = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""What a file would say of the day, or of matplotlib's version."""


def drawn(picture: Picture) -> Figure:
    """The picture as matplotlib's figure, in our style."""
    # Imported here: it takes half a second. No pyplot, which keeps figures, and a backend, for the whole process.
    from matplotlib import style

    with style.context(["default", RC]):
        figure = picture.draw()
        figure.draw_without_rendering()  # or the labels of ticks would be made later, in whatever style there is then
    return figure


def png_of(picture: Picture, dpi: float = 100.0) -> bytes:
    return _bytes(picture, "png", dpi)


def svg_of(picture: Picture) -> str:
    """A drawing whose text is text."""
    return _bytes(picture, "svg").decode()


def _bytes(picture: Picture, form: str, dpi: float = 100.0) -> bytes:
    from matplotlib import style

    made = BytesIO()
    with style.context(["default", RC]):
        picture.draw().savefig(made, format=form, metadata=_SAME[form], dpi=dpi)
    return made.getvalue()


def save_picture(file: Path, picture: Picture) -> None:
    """As SVG where the file's name says so, else as PNG."""
    write_bytes(file, _bytes(picture, "svg" if file.suffix.lower() == ".svg" else "png"))


def save_pictures(folder: Path, pictures: Iterable[Picture]) -> tuple[str, ...]:
    """Write each into the folder, under its name, as PNG and as SVG; the names of the files."""
    files = {f"{picture.name}{ending}": picture for picture in pictures for ending in ENDINGS}
    with new_folder(folder) as made:
        for name, picture in files.items():
            (made / name).write_bytes(_bytes(picture, name[-3:]))
    return tuple(files)
