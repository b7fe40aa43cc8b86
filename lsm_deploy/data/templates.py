"""Specs to begin with, and the examples that come with this: any of them is written where a user wants it.

A template runs at once, on data and weights that `synthetic` makes. An example is copied with the files that it names.
Beside either goes the JSON Schema of a spec, by which an editor completes and checks it: the spec's first line names
that file, and none inside this installation, so that the folder may be moved, or given to others.
"""

from __future__ import annotations

import json
import os
import re
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from textwrap import shorten

from lsm_deploy.core.errors import LsmError, MisuseError, raise_all, require_path, require_type
from lsm_deploy.data import synthetic
from lsm_deploy.spec import load
from lsm_deploy.spec.json_schema import spec_schema
from lsm_deploy.spec.schema import Explicit, Spec
from lsm_deploy.store import new_folder
from lsm_deploy.store.files import read_bytes

__all__ = ["TEMPLATES", "examples", "examples_folder", "write_template"]

TEMPLATES = {
    "frames": "classify frames of numbers over time: which gesture a hand draws",
    "sound": "classify sound: whether a voice rises, falls, stays or warbles (lsm-deploy[audio])",
    "beats": "classify heart beats: atrial fibrillation or not",
    "events": "classify events of a camera: which way a bar moves",
    "series": "forecast a series of values, by a reservoir that sends numbers",
    "integers": "a network in the chip's own integers, its weights from files",
}
SCHEMA = "spec.schema.json"
_FIRST_LINE = f"# yaml-language-server: $schema={SCHEMA}\n"


def examples_folder() -> Path:
    """The folder of the specs that come with this package."""
    package = Path(__file__).parents[1]
    inside = package / "configs"
    return inside if inside.exists() else package.parent / "configs"  # an editable installation


def examples() -> dict[str, str]:
    """The examples by name, each with how it begins to say what it is."""
    return {
        file.stem: _beginning(file.read_text(encoding="utf-8")) for file in sorted(examples_folder().glob("*.yaml"))
    }


def _beginning(text: str) -> str:
    said = takewhile(lambda line: line.startswith("# "), text.splitlines())
    sentence = re.split(r"(?<=[.?]) ", " ".join(line.removeprefix("# ").strip() for line in said))[0]
    return shorten(sentence, 100, placeholder=" ...")


def write_template(name: str, target: str | Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write a template or an example under any file name, and the files that it needs beside it; the files written.

    force: write over files that are there and say something else, which otherwise is an LsmError for each of them.
    """
    require_type(name, str, "template", f"choose one of {', '.join(TEMPLATES)}, or an example")
    target = Path(require_path(target))
    source = examples_folder() / ("templates" if name in TEMPLATES else "") / f"{name}.yaml"
    if name not in {**TEMPLATES, **examples()}:
        near = get_close_matches(name, [*TEMPLATES, *examples()], 3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see `lsm-deploy init` for all"
        raise MisuseError(f"there is no template {name!r}", hint=hint)
    if target.suffix not in (".yaml", ".yml"):
        raise MisuseError("a spec is a YAML file", where=str(target), hint=f"call it {target.name}.yaml")
    text = re.sub(rf"(\w+/)?\b(liquid|{name})\.yaml", target.name, source.read_text(encoding="utf-8"))
    contents = {
        target.name: (_FIRST_LINE + text).encode(),
        **{file.name: _content(file) for file in _named_in(load(source)) if file.parent == source.parent},
        SCHEMA: (json.dumps(spec_schema(), indent=1) + "\n").encode(),
    }
    files = {target.parent / name: content for name, content in contents.items()}
    others = (
        [] if force else [file for file, content in files.items() if os.path.lexists(file) and not _is(file, content)]
    )
    hint = "write to another folder, or over it with --force"
    raise_all(
        [LsmError("a file of this name is there, and says something else", where=str(f), hint=hint) for f in others]
    )
    with new_folder(target.parent) as folder:
        for file, content in files.items():
            (folder / file.name).write_bytes(content)
    return tuple(files)


def _named_in(spec: Spec) -> list[Path]:
    """The files that a spec names."""
    data = () if spec.data is None else (spec.data.train, spec.data.test)
    weights = (p.topology.file for p in spec.projections if isinstance(p.topology, Explicit))
    return [file for file in (*data, *weights, *(read.file for read in spec.read.values())) if file is not None]


def _content(file: Path) -> bytes:
    return read_bytes(file) if file.exists() else synthetic.make_file(file.name)


def _is(file: Path, content: bytes) -> bool:
    return file.is_file() and file.read_bytes() == content
