"""Files: compiled programs, stimuli and traces. No pickle anywhere; nothing is left half-written."""

from lsm_deploy.store.container import pack, unpack
from lsm_deploy.store.kinds import DATA, Kind, kind_of, refuse_other
from lsm_deploy.store.npz import read_arrays
from lsm_deploy.store.origin import TraceFile
from lsm_deploy.store.parts import TraceFolder
from lsm_deploy.store.programs import (
    load_certified,
    load_program,
    program_from_bytes,
    program_from_parts,
    program_id,
    program_to_bytes,
    program_to_parts,
    save_program,
)
from lsm_deploy.store.recordings import load_stimulus, load_trace, load_trace_of, save_stimulus, save_trace
from lsm_deploy.store.states import StateFile, load_state, read_state, save_state
from lsm_deploy.store.whole import check_own_folder, new_folder, write_bytes, write_file, write_text

__all__ = [
    "DATA",
    "Kind",
    "StateFile",
    "TraceFile",
    "TraceFolder",
    "check_own_folder",
    "kind_of",
    "load_certified",
    "load_program",
    "load_state",
    "load_stimulus",
    "load_trace",
    "load_trace_of",
    "new_folder",
    "pack",
    "program_from_bytes",
    "program_from_parts",
    "program_id",
    "program_to_bytes",
    "program_to_parts",
    "read_arrays",
    "read_state",
    "refuse_other",
    "save_program",
    "save_state",
    "save_stimulus",
    "save_trace",
    "unpack",
    "write_bytes",
    "write_file",
    "write_text",
]
