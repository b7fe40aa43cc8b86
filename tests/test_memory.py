"""What memory is left, as the system and its containers say it, and what a spec would take of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from programs import random_case

from lsm_deploy.compile.build import size as estimate
from lsm_deploy.compile.build.network import build_network
from lsm_deploy.compile.pipeline import compile_spec
from lsm_deploy.core import memory
from lsm_deploy.core.errors import LsmError
from lsm_deploy.run import backends as backend
from lsm_deploy.spec import load
from lsm_deploy.spec.schema import PerType
from lsm_deploy.store import load_program, save_program

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
GB = 1_000_000_000


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


MACHINE = {"proc/meminfo": "MemTotal: 9000000 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n"}
VERSION_2 = {"proc/self/cgroup": "1:cpu:/x\n0::/slice/job\n"}
VERSION_1 = {"proc/self/cgroup": "9:cpuset:/\n4:cpu,memory:/slice/job\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, 8_192_000_000),
        # Version 2: the tightest group on the way up; its page cache is as good as free.
        (
            {
                **VERSION_2,
                "sys/fs/cgroup/slice/job/memory.max": "max\n",
                "sys/fs/cgroup/slice/memory.max": "3000000000\n",
                "sys/fs/cgroup/slice/memory.current": "1000000000\n",
                "sys/fs/cgroup/slice/memory.stat": "anon 7\ninactive_file 400000000\nactive_file 5\n",
                "sys/fs/cgroup/memory.max": "7000000000\n",
                "sys/fs/cgroup/memory.current": "1000000000\n",
            },
            2_400_000_000,
        ),
        # Inside a container the path of the host is not there, and the root is the container's own.
        (
            {
                **VERSION_2,
                "sys/fs/cgroup/memory.max": "2000000000\n",
                "sys/fs/cgroup/memory.current": "500000000\n",
            },
            1_500_000_000,
        ),
        # Version 1, without a limit and with one.
        (
            {
                **VERSION_1,
                "sys/fs/cgroup/memory/slice/job/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/slice/job/memory.usage_in_bytes": "5\n",
            },
            8_192_000_000,
        ),
        (
            {
                **VERSION_1,
                "sys/fs/cgroup/memory/slice/job/memory.limit_in_bytes": "1000000000\n",
                "sys/fs/cgroup/memory/slice/job/memory.usage_in_bytes": "900000000\n",
                "sys/fs/cgroup/memory/slice/job/memory.stat": "cache 3\ntotal_inactive_file 100000000\n",
            },
            200_000_000,
        ),
        # More in use than was ever allowed.
        (
            {**VERSION_2, "sys/fs/cgroup/memory.max": "10\n", "sys/fs/cgroup/memory.current": "20\n"},
            0,
        ),
        # A limit on the address space.
        (
            {
                "proc/self/limits": "Limit  Soft  Hard  Units\nMax address space  4000000000  unlimited  bytes\n",
                "proc/self/status": "Name: x\nVmSize:  1000000 kB\n",
            },
            2_976_000_000,
        ),
        ({"proc/self/limits": "Max address space   unlimited   unlimited   bytes\n"}, 8_192_000_000),
    ],
)  # fmt: skip
def test_what_is_left(files, left, tmp_path):
    write(tmp_path, {**MACHINE, **files})
    assert memory.available(tmp_path) == left


def test_a_system_that_says_nothing(tmp_path):
    assert memory.available(tmp_path) is None


def test_this_machine():
    left = memory.available()
    assert left is None or left > 10_000_000


def test_sizes_as_words():
    assert [memory.gigabytes(x * GB) for x in (0.123, 4.56, 23, 99.6, 14000)] == [
        "0.12 GB", "4.6 GB", "23 GB", "100 GB", "14000 GB",
    ]  # fmt: skip


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_synapses_are_counted_before_they_are_drawn(file):
    spec = load(file)
    drawn = {}
    for p in build_network(spec).projections:
        name = re.sub("(:exc|:inh)$", "", p.name).split("#")[0]
        drawn[name] = drawn.get(name, 0) + len(p.post)
    for p in spec.projections:
        # Several may join the same populations.
        expected = sum(estimate.synapses_of(other, spec) for other in spec.projections if other.name == p.name)
        if p.topology.kind == "explicit":
            assert expected == 0  # its file is read whole in any case
        elif isinstance(p.weight, PerType) and 0.0 in vars(p.weight).values():
            assert 0 < drawn[p.name] < expected  # a weight of 0 is no synapse
        else:
            assert drawn[p.name] == pytest.approx(expected, rel=0.15)


SPEC = """
dt_ms: 1.0
seed: 1
input: {channels: 10}
populations: {liquid: {size: 100000, neuron: {kind: LIF}}}
projections:
  - {source: input, target: liquid, topology: {kind: all_to_all}, weight: 0.1}
  - {source: liquid, target: liquid, topology: {kind: erdos_renyi, in_degree: 1000}, weight: 0.1}
target: {board: %s}
"""


def refusal(tmp_path, monkeypatch, left, board="none"):
    monkeypatch.setattr(memory, "available", lambda: left)
    monkeypatch.setattr("lsm_deploy.compile.pipeline.build_network", lambda spec: pytest.fail("something was drawn"))
    (tmp_path / "s.yaml").write_text(SPEC % board)
    with pytest.raises(LsmError) as caught:
        compile_spec(load(tmp_path / "s.yaml"))
    return str(caught.value)


def test_what_does_not_fit_is_refused_before_it_is_drawn(tmp_path, monkeypatch):
    assert refusal(tmp_path, monkeypatch, 3 * GB) == (
        "projection 'liquid->liquid': compiling 100000 neurons and about 1.01e+08 synapses takes about 4 GB of memory, "
        "3 GB are available\n"
        "  make it sparser, or compile it where there is more; running it takes about a fifth of that"
    )


def test_what_fits_or_cannot_be_known_is_drawn(tmp_path, monkeypatch):
    (tmp_path / "s.yaml").write_text(SPEC % "none")
    monkeypatch.setattr("lsm_deploy.compile.pipeline.build_network", lambda spec: 1 / 0)
    for left in (5 * GB, None):
        monkeypatch.setattr(memory, "available", lambda left=left: left)
        with pytest.raises(ZeroDivisionError):
            compile_spec(load(tmp_path / "s.yaml"))


def test_a_trace_that_does_not_fit_is_refused_before_it_starts(monkeypatch):
    program, stimulus = random_case(5)
    monkeypatch.setattr(memory, "available", lambda: 1000)
    monkeypatch.setattr("lsm_backends.fast.run", lambda *given: pytest.fail("it was started"))
    with pytest.raises(LsmError) as caught:
        backend.run_program("fast", program, stimulus, ("u", "v"))
    steps, neurons = len(stimulus.spikes), program.network.neurons
    assert str(caught.value) == (
        f"trace: spikes, u, v of {neurons} neurons in {steps} steps take {memory.gigabytes(9 * steps * neurons)} of "
        "memory, 1e-06 GB are available\n"
        "  record fewer registers, or let the trace go to disk as it arises (`run --stream`), or run fewer samples"
    )
    monkeypatch.setattr(memory, "available", lambda: None)
    with pytest.raises(pytest.fail.Exception, match="it was started"):
        backend.run_program("fast", program, stimulus, ("u", "v"))


def test_a_program_that_does_not_fit_is_not_read(tmp_path, monkeypatch):
    program, _ = random_case(3)
    save_program(tmp_path / "p.lsm", program)
    size = (tmp_path / "p.lsm").stat().st_size
    monkeypatch.setattr(memory, "available", lambda: size - 1)
    with pytest.raises(LsmError, match=r"it takes .* of memory, .* are available"):
        load_program(tmp_path / "p.lsm")
    monkeypatch.setattr(memory, "available", lambda: size)
    load_program(tmp_path / "p.lsm")
