"""What experiments of the manual are asked alike, and how each ends: options, recordings, results and their page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import lsm_deploy as ld
from bench.page import leave, publish
from bench.workers import ROOT
from lsm_deploy.data import Audio, Beats

__all__ = ["beats_of", "finish", "parser_of", "sound_of"]

Recordings = TypeVar("Recordings", Audio, Beats)


def parser_of(name: str, about: str, quick: str, data: str = "") -> argparse.ArgumentParser:
    """name: of its module, and of the folder of its results. quick: what `--quick` does. data: the file in shared/data
    that it takes where none is given; "" where it takes none."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name.replace('-', '.')}", description=about)
    if data:
        parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / data)
    parser.add_argument("--quick", action="store_true", help=f"{quick}, and the manual stays")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / name)
    return parser


def sound_of(file: Path) -> Audio:
    return _recorded(file, Audio, "sound", "sound as an .npz or a folder of WAV files, DIGITS=...")


def beats_of(file: Path) -> Beats:
    return _recorded(file, Beats, "heart beats", "beats as an .npz or a folder of WFDB annotations, AF=...")


def _recorded(file: Path, kind: type[Recordings], what: str, how: str) -> Recordings:
    if not file.exists():
        sys.exit(f"there is no {file}: give {how}")
    recorded = ld.load_raw(file)
    if not isinstance(recorded, kind):
        sys.exit(f"{file} holds no {what}")
    return recorded


def finish(options: argparse.Namespace, name: str, text: str, facts: Mapping[str, Any], *, part: bool = False) -> None:
    """Print the tables, leave them and the facts, and, of all of an experiment, put the tables into the manual. part:
    what was measured is not all."""
    print("\n" + text)
    leave(options.out, text, facts)
    if not options.quick and not part:
        publish(name, text)
