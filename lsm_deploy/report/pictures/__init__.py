"""Pictures: of a divergence, of what quantisation did, and of the states that a liquid goes through."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsm_deploy.report.pictures.divergence import picture_of_divergence
from lsm_deploy.report.pictures.fidelity import picture_of_bits, pictures_of_fidelity
from lsm_deploy.report.pictures.png import png_of, save_picture
from lsm_deploy.report.pictures.trajectories import picture_of_states
from lsm_deploy.store import make_folder

__all__ = [
    "picture_of_bits",
    "picture_of_divergence",
    "picture_of_states",
    "pictures_of_fidelity",
    "png_of",
    "save_picture",
]

# What follows serves the commands until they save pictures themselves.


def draw(file: Path, *values: Any) -> None:
    save_picture(file, picture_of_divergence(*values))


def draw_states(file: Path, found: Any) -> None:
    save_picture(file, picture_of_states(found))


def draw_curve(file: Path, fitted: Any) -> None:
    save_picture(file, picture_of_bits(fitted))


def draw_fidelity(folder: Path, *values: Any) -> Sequence[str]:
    made = list(pictures_of_fidelity(*values))
    make_folder(folder)
    for picture in made:
        save_picture(folder / f"{picture.name}.png", picture)
    return [f"{picture.name}.png" for picture in made]
