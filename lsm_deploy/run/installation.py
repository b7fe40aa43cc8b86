"""What of this package is here: Python, packages, backends, compilers, caches, the machine, and what is set about it.

Nothing is changed, and no package is imported but numba. `missing` is what nobody installed, with a command that would;
`broken` is what somebody did, and does not work.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from packaging.requirements import Requirement

from lsm_deploy.core import memory, native
from lsm_deploy.core.errors import LsmError
from lsm_deploy.run import backends, kernels
from lsm_deploy.store import cache

__all__ = ["VARIABLES", "Finding", "Group", "examine"]

Group: TypeAlias = Literal["packages", "extras", "backends", "tools", "machine", "environment"]

DISTRIBUTION = "lsm-deploy"
TOOLS = {
    "gcc": ("gcc", "compiles C that is exported, and Brian's compiled targets"),
    "clang": ("clang", "compiles C that is exported, with more warnings"),
    "arm-none-eabi-gcc": ("gcc-arm-none-eabi", "compiles exported C for a microcontroller"),
    "qemu-system-arm": ("qemu-system-arm", "runs a microcontroller's program on this machine"),
}
"""Programs, each with the package of Debian that has it, and what it is for."""
VARIABLES = {
    "LOIHI_GEN": "says that there is a board: `ci`, and tests that need one, run on it",
    "LSM_DEPLOY_LAVA_PYTHON": "a Python that has lava-nc, for the backend lava",
    "LSM_DEPLOY_LAVA_DL_PYTHON": "a Python that has lava-dl, for the backend netx",
    "LSM_DEPLOY_LAVA_TIME_LIMIT": "seconds for each of Lava's runs",
    "LSM_DEPLOY_LOIHI2_BOARD": "the board to run on",
    "LSM_DEPLOY_LOIHI2_PARTITION": "the SLURM partition to run on",
    "LSM_DEPLOY_LOIHI2_HOST": "the address of a board's host",
    "LSM_DEPLOY_LOIHI2_GENERATION": "the generation of the chip",
    cache.VARIABLE: "what runs on the disk may take at most; 0: none are kept there",
    "LSM_DEPLOY_MAX_READ_GB": "memory that one file may take when it is read",
    "LSM_DEPLOY_SIMULATORS_PYTHON": "Pythons with simulators, for `make simulators`",
}
_NEEDED_BY = {"lava": "LSM_DEPLOY_LAVA_PYTHON", "netx": "LSM_DEPLOY_LAVA_DL_PYTHON"}
"""Backends that somebody asked for by setting a variable."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for; says: its version, place or size, or what is wrong. mend: a command, if there is
    one that would."""

    group: Group
    name: str
    state: Literal["here", "missing", "broken"]
    says: str
    mend: str = ""


def examine() -> tuple[Finding, ...]:
    """Look for all of it; takes a second or two, as other Pythons are asked what they have."""
    return (*_packages(), *_extras(), *_backends(), *_tools(), *_machine(), *_environment())


# --- packages --------------------------------------------------------------------------------------------------------


def _packages() -> Iterator[Finding]:
    yield Finding("packages", DISTRIBUTION, "here", metadata.version(DISTRIBUTION))
    yield Finding("packages", "Python", "here", f"{platform.python_version()} in {sys.prefix}")
    for need in _requirements(""):
        wrong = _wrong(need)
        says = wrong or metadata.version(need.name)
        yield Finding(
            "packages", need.name, "broken" if wrong else "here", says, f"pip install '{_asked(need)}'" * bool(wrong)
        )


def _extras() -> Iterator[Finding]:
    for extra in metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ():
        needs = _requirements(extra)
        absent = list(dict.fromkeys(need.name for need in needs if _version(need.name) is None))
        wrong = [says for need in needs if (says := _wrong(need))]
        mend = f"pip install '{DISTRIBUTION}[{extra}]'"
        if not needs:
            yield Finding("extras", extra, "here", "nothing to install on this Python and system")
        elif absent:
            yield Finding("extras", extra, "missing", f"not here: {', '.join(absent)}", mend)
        elif wrong:
            yield Finding("extras", extra, "broken", "; ".join(wrong), mend)
        else:
            yield Finding("extras", extra, "here", ", ".join(f"{n.name} {metadata.version(n.name)}" for n in needs))


def _requirements(extra: str) -> list[Requirement]:
    """What an extra asks for on this Python and system; of no extra, what the package itself asks for."""
    every = map(Requirement, metadata.requires(DISTRIBUTION) or ())
    marked = [(need, str(need.marker or "")) for need in every]
    return [
        need
        for need, marker in marked
        if bool(extra) == ("extra ==" in marker) and (need.marker is None or need.marker.evaluate({"extra": extra}))
    ]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _wrong(need: Requirement) -> str:
    version = _version(need.name)
    if version is None:
        return f"{need.name} is not installed"
    return (
        "" if need.specifier.contains(version, prereleases=True) else f"{need.name} {version} is not {need.specifier}"
    )


def _asked(need: Requirement) -> str:
    return f"{need.name}{need.specifier}"


# --- what runs, and where --------------------------------------------------------------------------------------------


def _backends() -> Iterator[Finding]:
    for name, why in backends.missing().items():
        asked_for = os.environ.get(_NEEDED_BY.get(name, ""))
        yield Finding("backends", name, "here" if why is None else "broken" if asked_for else "missing", why or "runs")


def _tools() -> Iterator[Finding]:
    for name, (package, purpose) in TOOLS.items():
        there = shutil.which(name) is not None
        mend = "" if there else f"apt-get install {package}"
        yield Finding("tools", name, "here" if there else "missing", purpose, mend)


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("machine", "cores", "here", f"{cores}, {platform.machine()}, {platform.system()}")
    room = memory.available()
    yield Finding("machine", "memory", "here", f"{memory.gigabytes(room)} left" if room is not None else "not known")
    yield Finding("machine", "disk", "here", f"{memory.gigabytes(shutil.disk_usage('.').free)} left in this folder")
    yield _compiled_code()
    yield _cached_runs()


def _cached_runs() -> Finding:
    """What liquids made of data, for later commands; it may be removed at any time."""
    try:
        most = cache.room()
    except LsmError as error:
        return Finding("machine", "cached runs", "broken", error.in_brief(), f"unset {cache.VARIABLE}")
    place = cache.folder()
    if not most or place is None:
        return Finding("machine", "cached runs", "here", "none" if most else f"none: {cache.VARIABLE} is 0")
    there = cache.sizes()
    says = (
        f"{len(there)} files of {memory.gigabytes(sum(there.values()))} in {place}, which take {memory.gigabytes(most)}"
    )
    return Finding("machine", "cached runs", "here", f"{says} at most; `rm -r '{place}'` empties it")


def _compiled_code() -> Finding:
    """Where numba keeps compiled loops: some six seconds go by once, where it can, and in every process, where not."""
    from numba.core.caching import FunctionCache

    mend = "set NUMBA_CACHE_DIR to a folder that you may write to"
    send: Callable[..., object] = kernels.send.__wrapped__  # type: ignore[attr-defined]
    try:
        place = Path(FunctionCache(send).cache_path)
    except RuntimeError as error:
        return Finding("machine", "compiled code", "broken", f"cannot be kept: {error}", mend)
    names = {DISTRIBUTION.replace("-", "_"), *(module.partition(".")[0] for module in backends.BACKENDS.values())}
    origins = [
        spec.origin for name in sorted(names, reverse=True) if (spec := find_spec(name)) is not None and spec.origin
    ]
    packages = [Path(origin).parent for origin in origins]
    beside = any(place.is_relative_to(package) for package in packages)
    ours = native.folder_of(Path(kernels.__file__))
    apart = [] if any(ours.is_relative_to(each) for each in (*packages, place.parent)) else [ours]
    files = {
        file for folder in (*(packages if beside else [place.parent]), *apart) for file in folder.rglob("*.nb[ico]")
    }
    folders = " and ".join(str(each) for each in (packages[0].parent if beside else place.parent, *apart))
    where = f"beside the package, in {folders}" if beside else f"in {folders}"
    says = f"{len(files)} files of {memory.gigabytes(sum(file.stat().st_size for file in files))} {where}"
    return Finding("machine", "compiled code", "here", says)


def _environment() -> Iterator[Finding]:
    for name, value in sorted(os.environ.items()):
        if name in VARIABLES:
            yield Finding("environment", name, "here", f"{value}: {VARIABLES[name]}")
        elif name.upper().replace("-", "_").startswith(("LSM_DEPLOY", "LSMDEPLOY")):
            near = get_close_matches(name.upper(), VARIABLES, 1, cutoff=0.6)
            mend = f"unset {name}" + (f", or did you mean {near[0]}?" if near else "")
            yield Finding("environment", name, "broken", "nothing reads it", mend)
