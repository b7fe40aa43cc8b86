"""When this process began to import the package, of which this comes first: it runs no source that is younger."""

import time

__all__ = ["BEGUN"]

BEGUN = time.time()
"""Seconds, by the clock that files are dated by."""
