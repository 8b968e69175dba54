"""What holds for every test: no setting of this machine reaches it, and a run can be repeated."""

import functools
import os

import httpcore2
import hypothesis
import pytest
import structlog

from tests.needs import found

# One seed for everybody: a red run on one machine is red on all of them. Time limits are pytest's own.
hypothesis.settings.register_profile("evouch", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.load_profile("evouch")

# Whoever trusts this machine's certificates reads them once, not once per client: that takes longer than most tests.
httpcore2.default_ssl_context = functools.cache(httpcore2.default_ssl_context)

#: A command lets loggers keep what it configured; here the next test could not listen to them any more.
_configure = structlog.configure
structlog.configure = lambda **how: _configure(**how | {"cache_logger_on_first_use": False})

#: What waits for other processes, pages and sockets comes first, and on one worker: its seconds pass while other
#: workers calculate, and no worker is left with it at the end. The demo leads, for it has a budget of seconds.
FIRST = ("tests/cli/test_demo.py", "tests/browser/", "tests/stories/", "tests/cli/", "tests/interop/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits."""
    items.sort(key=lambda item: next((at for at, each in enumerate(FIRST) if item.nodeid.startswith(each)), len(FIRST)))


def pytest_report_header() -> str:
    """Say which needs of tests are there (tests/needs.py)."""
    return "needs: " + ", ".join(f"{what} {'found' if where else 'missing'}" for what, where in found().items())


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the suite; a test that wants one sets it."""
    for name in [each for each in os.environ if each.startswith("EVOUCH_") and not each.startswith("EVOUCH_TEST_")]:
        monkeypatch.delenv(name)
