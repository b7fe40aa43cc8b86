"""The command line, one file for each group of commands. A SPEC may stand wherever a program file may.

Exit status: 0 done, 1 failed or diverged, 2 misuse.
"""

from lsm_deploy.cli import (
    certifying,
    compiling,
    completion,
    conformance,
    diagnosing,
    exporting,
    fidelity,
    forensics,
    learning,
    placing,
    running,
    tuning,
)
from lsm_deploy.cli.app import main

__all__ = [
    "certifying",
    "compiling",
    "completion",
    "conformance",
    "diagnosing",
    "exporting",
    "fidelity",
    "forensics",
    "learning",
    "main",
    "placing",
    "running",
    "tuning",
]
