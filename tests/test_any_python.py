"""Lava on a Python that it was not made for: the same bits, for every kind of neuron.

On 3.10 all other tests of Lava's say so; here are few, so that they can run on another version too.
"""

from __future__ import annotations

import sys

import numpy as np
import programs
import pytest
from lsm_backends.lava import sim

from lsm_deploy.run.backends import run_program

pytestmark = [
    pytest.mark.lava,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="on 3.10 every other test of Lava runs"),
    pytest.mark.skipif(sim.missing() is not None, reason=str(sim.missing())),
]


@pytest.mark.parametrize("kind", [*programs.ALL_KINDS, *programs.GRADED_KINDS])
def test_lava_agrees_with_the_emulator(kind):
    program, stimulus = programs.random_case(3, kinds=(kind,), regime="alive")
    names = program.network.state_names
    ours, theirs = (run_program(name, program, stimulus, names) for name in ("emulator", "lava"))
    assert ours.spikes.any()
    np.testing.assert_array_equal(ours.spikes, theirs.spikes)
    for name in names:
        np.testing.assert_array_equal(ours.registers[name], theirs.registers[name])
