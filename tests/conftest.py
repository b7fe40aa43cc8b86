"""Golden files, and hypothesis profiles: `quick` in every run, the same examples each time; `long` draws new ones."""

from __future__ import annotations

import os
import random
import signal
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

from lsm_deploy.run.memo import MEMO
from lsm_deploy.store import cache

# What another run of the tests put on the disk is no answer here, nor in processes that tests start.
os.environ[cache.VARIABLE] = "0"

# Who starts tests in the background may have interrupts ignored, here and in all processes that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

# No deadline: machines are shared, and Brian compiles. Derandomised: a failing `make test` fails again.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=100, suppress_health_check=_SLOW)
settings.register_profile("long", deadline=None, max_examples=5000, suppress_health_check=_SLOW, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")
    parser.addoption("--deep", action="store_true", help="what is marked `deep`, too")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="files, and the tests in each, in a random order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without what is deep, if it is not asked for; in the order that a seed gives, where files stay together.

    Both are the same for each process of xdist."""
    if not config.getoption("--deep"):
        left_out = deep(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    if (seed := config.getoption("--shuffle")) is not None:
        rng = random.Random(seed)
        rng.shuffle(items)
        place = {path: rng.random() for path in dict.fromkeys(item.path for item in items)}
        items.sort(key=lambda item: place[item.path])


def deep(items: list[pytest.Item]) -> list[pytest.Item]:
    """What is marked `deep`: all cases of a test, or all but one in so many, drawn by their names.

    A test that was named alone, on the command line, is not deep."""
    cases: dict[tuple[Path, str, int], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if (mark := item.get_closest_marker("deep")) is not None and "::" not in " ".join(item.config.args):
            name = item.nodeid.partition("[")[0]
            cases[item.path, name, mark.kwargs.get("one_in", 0)].append(item)
    left_out: list[pytest.Item] = []
    for (_, _, one_in), of_test in cases.items():
        stay = -(-len(of_test) // one_in) if one_in else 0
        left_out += sorted(of_test, key=lambda item: crc32(item.nodeid.encode()))[stay:]
    return left_out


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    """What another test computed with other parts patched is no answer here."""
    MEMO.clear()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with a golden file; `pytest --update-golden` writes it."""

    def check(file: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            file.write_text(text.rstrip() + "\n")
        assert file.exists(), f"{file} is missing: run pytest --update-golden"
        assert text.rstrip() + "\n" == file.read_text()

    return check
