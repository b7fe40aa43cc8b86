"""The command line, one file for each group of commands. A SPEC may stand wherever a program file may.

Exit status: 0 done, 1 failed or diverged, 2 misuse (a `MisuseError`, and what click refuses), 130 Ctrl-C.
"""

from lsm_deploy.cli.app import main

__all__ = ["main"]
