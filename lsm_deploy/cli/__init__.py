"""The command line, one file for each group of commands. A SPEC may stand wherever a program file may.

Exit status: 0 done, 1 failed or diverged, 2 misuse.
"""

from lsm_deploy.cli.app import main

__all__ = ["main"]
