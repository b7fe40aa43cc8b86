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
    parser.addoption("--one-in", type=int, default=1, metavar="N", help="of a test with many cases, one in so many")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="files, and the tests in each, in a random order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without what is deep, if it is not asked for; in the order that a seed gives, where files stay together.

    All is the same for each process of xdist."""
    left_out = [] if config.getoption("--deep") else deep(items)
    left_out += few(items, config.getoption("--one-in"))
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]
    if (seed := config.getoption("--shuffle")) is not None:
        rng = random.Random(seed)
        rng.shuffle(items)
        place = {path: rng.random() for path in dict.fromkeys(item.path for item in items)}
        items.sort(key=lambda item: place[item.path])


MANY = 6
"""Cases of a test of which `--one-in` leaves some out."""


def deep(items: list[pytest.Item]) -> list[pytest.Item]:
    """What is marked `deep`: all cases of a test, or all but one in so many, drawn by their names.

    A test that was named alone, on the command line, is not deep."""
    cases: dict[tuple[Path, str, int], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if (mark := item.get_closest_marker("deep")) is not None and "::" not in " ".join(item.config.args):
            cases[(*_test_of(item), mark.kwargs.get("one_in", 0))].append(item)
    return [item for (_, _, one_in), some in cases.items() for item in _all_but(some, one_in)]


def few(items: list[pytest.Item], one_in: int) -> list[pytest.Item]:
    """Of tests with many cases all but one in so many: for a second run that asks what another Python does."""
    cases: dict[tuple[Path, str], list[pytest.Item]] = defaultdict(list)
    for item in items:
        cases[_test_of(item)].append(item)
    return [item for some in cases.values() if len(some) > MANY for item in _all_but(some, one_in)]


def _test_of(item: pytest.Item) -> tuple[Path, str]:
    return item.path, item.nodeid.partition("[")[0]


def _all_but(cases: list[pytest.Item], one_in: int) -> list[pytest.Item]:
    """Cases that are left out, all if one in none stays."""
    stay = -(-len(cases) // one_in) if one_in else 0
    return sorted(cases, key=lambda item: crc32(item.nodeid.encode()))[stay:]


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
