"""What breaks on a chip, or on the way to it, as pure functions of a program or a stimulus."""

from lsm_deploy.measure.faults.table import FAULTS, Fault, FaultKind, faulty_program, faulty_stimulus, inapplicable

__all__ = ["FAULTS", "Fault", "FaultKind", "faulty_program", "faulty_stimulus", "inapplicable"]
