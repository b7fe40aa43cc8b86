"""Golden files, and hypothesis profiles: `quick` in every run, the same examples each time; `long` draws new ones."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from lsm_deploy.run.memo import MEMO

# Who starts tests in the background may have interrupts ignored, here and in all processes that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

# No deadline: machines are shared, and Brian compiles. Derandomised: a failing `make test` fails again.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=100, suppress_health_check=_SLOW)
settings.register_profile("long", deadline=None, max_examples=5000, suppress_health_check=_SLOW, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")
    parser.addoption("--shuffle", type=int, metavar="SEED", help="files, and the tests in each, in a random order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the order that a seed gives, which is the same for each process of xdist; files stay together."""
    if (seed := config.getoption("--shuffle")) is not None:
        rng = random.Random(seed)
        rng.shuffle(items)
        place = {path: rng.random() for path in dict.fromkeys(item.path for item in items)}
        items.sort(key=lambda item: place[item.path])


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
