"""A YAML file, or what Python gives in its place, becomes a `Spec`, or an error that names every mistake in it.

Each has its file, line and column, or its path.

Three kinds of mistake, all found in one pass: what is no plain YAML (`source.py`), fields that break their declaration
(`mistakes.py`), and sections that contradict each other, as far as the sections are valid (`contradictions.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Len

from lsm_deploy.core.errors import LsmError, raise_all, require_path, require_type
from lsm_deploy.spec.contradictions import contradictions
from lsm_deploy.spec.given import source_of
from lsm_deploy.spec.mistakes import check
from lsm_deploy.spec.schema import Explicit, FromFile, Search, Spec
from lsm_deploy.spec.source import MOST_BYTES, Source, parse, read_text

__all__ = ["load", "load_search", "load_text", "loads", "raise_in_order", "spec_from"]


def load(file: str | Path) -> Spec:
    """Read and check a spec; file names in it are relative to it. Raises LsmError with all mistakes."""
    file = require_path(file)
    return load_text(read_text(file), file)


def load_text(text: str, file: Path) -> Spec:
    """The spec that a file would be with this text."""
    return _checked(parse(text, file), file.parent)


def loads(text: str, base: str | Path = ".") -> Spec:
    """Read and check a spec from YAML text; file names in it are relative to the folder `base`.

    Raises LsmError with all mistakes, each with its line and column.
    """
    require_type(text, str, "text", "give YAML; `load` reads a file")
    if len(text) > MOST_BYTES:
        raise LsmError(f"this is no spec: it has more than {MOST_BYTES} characters", hint="put weights into an .npz")
    return _checked(parse(text, Path("the text")), require_path(base))


def spec_from(data: Mapping[str, Any], base: str | Path = ".") -> Spec:
    """The spec that a file with these data would be, as `Spec.from_dict` gives it."""
    require_type(data, Mapping, "spec", "give the sections by name; `load` reads a file, `loads` YAML text")
    return _checked(source_of(data), require_path(base))


def _checked(source: Source, folder: Path) -> Spec:
    if not isinstance(source.data, dict):
        raise LsmError(
            "a spec is a mapping of sections", where=source.where(()), hint="see `lsm-deploy manual examples`"
        )
    spec, mistakes = check(Spec, source.data, source)
    raise_in_order(source, [*mistakes, *contradictions(source)])
    return _resolve_files(spec, folder)


def load_search(file: Path) -> tuple[Search, Source]:
    """What a file of its own says about a search, as the section `search` of a spec would, and where it stands."""
    source = parse(read_text(file, "space"), file)
    if isinstance(source.data, dict) and "search" in source.data:
        what = "this file is what stands in a spec's section `search`, and has that line itself"
        hint = "remove the line `search:`, and indent what stands below it no more"
        raise LsmError(what, where=source.where(("search",), key=True), hint=hint)
    section, mistakes = check(Annotated[Search, Len(1)], source.data, source, ("search",))
    raise_in_order(source, mistakes)
    return section, source


def raise_in_order(source: Source, mistakes: Sequence[LsmError]) -> None:
    """Raise all mistakes of a file, if there are any: where YAML itself is wrong, what is said of that is an echo."""
    wrong = {error.where for error in source.errors}
    raise_all(source.in_order([*source.errors, *(error for error in mistakes if error.where not in wrong)]))


def _resolve_files(spec: Spec, folder: Path) -> Spec:
    projections = tuple(
        replace(p, topology=replace(p.topology, file=folder / p.topology.file))
        if isinstance(p.topology, Explicit)
        else p
        for p in spec.projections
    )
    populations = {
        name: replace(p, file=folder / p.file) if isinstance(p, FromFile) else p for name, p in spec.populations.items()
    }
    data = spec.data
    if data is not None:
        named = {name: folder / path for name in ("train", "test", "root") if (path := getattr(data, name)) is not None}
        data = replace(data, **named)
    return replace(spec, populations=populations, projections=projections, data=data)
