"""The command line, one file for each group of commands. A SPEC may stand wherever a program file may.

Exit status: 0 done, 1 failed or diverged, 2 misuse.
"""

from lsm_deploy.cli import compiling, completion, conformance, fidelity, forensics, learning, running
from lsm_deploy.cli.app import main

__all__ = ["compiling", "completion", "conformance", "fidelity", "forensics", "learning", "main", "running"]
