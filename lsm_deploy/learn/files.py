"""Any file of this project's, opened: what it holds, as the value that its own loader makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from lsm_deploy import spec as specs
from lsm_deploy import store
from lsm_deploy.core.errors import require_path
from lsm_deploy.core.ir import Network, Program, Stimulus
from lsm_deploy.data import Raw, load_raw
from lsm_deploy.formats.integer_files import load_network
from lsm_deploy.learn.deployable import Deployable, compile_any
from lsm_deploy.learn.model import AnyModel, load_model

__all__ = ["Openable", "inspect_file", "open_any"]

Openable: TypeAlias = specs.Spec | Network | Program | AnyModel | store.StateFile | store.TraceFile | Stimulus | Raw


def open_any(path: str | Path) -> Openable:
    """What is in a file or a folder, whatever kind it is of; an LsmError where it is none, or damaged.

    A spec (YAML), an integer network, a program, a model, a saved state, a trace, a stimulus, or data: frames, audio or
    heart beats.
    """
    path = require_path(path)
    match store.kind_of(path):
        case "program":
            return store.load_program(path)
        case "model":
            return load_model(path)
        case "state":
            return store.read_state(path)
        case "network":
            return load_network(path)
        case "trace" | "folder":
            return store.load_trace(path)
        case "frames" | "audio" | "beats":
            return load_raw(path)
        case "spec":
            return specs.load(path)
        case "stimulus" | "arrays":
            return store.load_stimulus(path)


def inspect_file(path: str | Path) -> Openable | Deployable:
    """`open_any`, but that what has a program is compiled, or proved again, as far as it needs to be."""
    return compile_any(path) if store.kind_of(path) in ("program", "network", "spec") else open_any(path)
