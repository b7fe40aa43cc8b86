"""Which rules of the integer contract are more than our own opinion: recordings of chips, and other simulators.

A recording *backs* a rule if the emulator reproduces it without a difference and the emulator in which that rule is
broken does not. The second half matters: a recording that a broken emulator reproduces as well says nothing about the
rule, however well it is reproduced.
"""

from lsm_deploy.parity.conformance.check import SIMULATORS, Conformance, Replay, RuleFinding, conform, replay
from lsm_deploy.parity.conformance.lavadl import import_lava_dl
from lsm_deploy.parity.conformance.nir import import_nir
from lsm_deploy.parity.conformance.probes import Probe, all_probes
from lsm_deploy.parity.conformance.recording import Recording, load_recording, load_recordings, save_recording

__all__ = [
    "SIMULATORS",
    "Conformance",
    "Probe",
    "Recording",
    "Replay",
    "RuleFinding",
    "all_probes",
    "conform",
    "import_lava_dl",
    "import_nir",
    "load_recording",
    "load_recordings",
    "replay",
    "save_recording",
]
