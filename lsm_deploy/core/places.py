"""Where files of this package are that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path | None:
    """The user's own folder of them; None for a user without a home, as there is in containers."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lsm_deploy"
    except RuntimeError:
        return None
