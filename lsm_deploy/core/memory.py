"""How much memory a process may still take: what the machine has left, or what its container allows, if that is less.

Linux says it in files: /proc/meminfo for the machine, and a limit and a use for each control group that a process is
in, of either version, whose page cache counts as free. A limit on the address space (ulimit -v) counts too. Elsewhere
the machine's memory is known, not what is left of it; where nothing is known nothing is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lsm_deploy.core.errors import LsmError

__all__ = ["available", "gigabytes", "require", "shortage"]


LITTLE = 1 << 8
"""Bytes that nobody is asked for: reading what the system says takes longer than a step, and as much memory."""


def available(root: Path = Path("/")) -> int | None:
    """Bytes, or None where the system does not say; root: where its files hang."""
    left = [*_machine(root), *_control_groups(root)]
    return max(0, min(left)) if left else None


def require(needed: float, what: str, *, where: str = "", hint: str) -> None:
    """Refuse, before it is taken, memory that is not there; what: who needs it, as in "the spikes take"."""
    if (error := shortage(needed, what, where=where, hint=hint)) is not None:
        raise error


def shortage(needed: float, what: str, *, where: str = "", hint: str) -> LsmError | None:
    """What `require` raises, for those who have more to say."""
    if needed <= LITTLE or (room := available()) is None or needed <= room:
        return None
    return LsmError(f"{what} {gigabytes(needed)} of memory, {gigabytes(room)} are available", where=where, hint=hint)


def gigabytes(size: float) -> str:
    """As a person reads it: two digits and the unit."""
    return f"{size / 1e9:.2g} GB" if size < 99.5e9 else f"{size / 1e9:.0f} GB"


def _machine(root: Path) -> Iterator[int]:
    if (free := re.search(r"^MemAvailable:\s*(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)) is not None:
        yield int(free[1]) * 1024
    elif root == Path("/") and "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = re.search(r"^Max address space\s+(\d+)", _read(root / "proc/self/limits"), re.MULTILINE)
    taken = re.search(r"^VmSize:\s*(\d+) kB", _read(root / "proc/self/status"), re.MULTILINE)
    if limit is not None and taken is not None:
        yield int(limit[1]) - int(taken[1]) * 1024


def _control_groups(root: Path) -> Iterator[int]:
    """What each group has left, from the process's own one up to the root; a container may see only the last."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = Path(path.lstrip("/"))
        for folder in (group, *group.parents):
            limit, used = (_read(base / folder / name).strip() for name in names[:2])
            if limit.isdigit() and used.isdigit():  # without a limit it says `max`
                cache = re.search(rf"^{names[2]} (\d+)", _read(base / folder / "memory.stat"), re.MULTILINE)
                yield int(limit) - int(used) + (int(cache[1]) if cache else 0)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
