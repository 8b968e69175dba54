"""The only way to skip a test: name what it needs. Under ``CI=true`` a missing need is a failure.

``need("chromium")`` returns the browser's path, ``need("postgres")`` the address of a server
on which a database may be created and dropped, ``need("node")`` the path of Node.
"""

import os
import shutil

import pytest

__all__ = ["found", "need"]

_PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "node": ("node",),
}
_VARIABLES = {"postgres": "EVOUCH_TEST_POSTGRES"}


def found() -> dict[str, str]:
    """Return each need and where it is met; empty where it is not."""
    programs = {what: next(filter(None, map(shutil.which, names)), "") for what, names in _PROGRAMS.items()}
    return programs | {what: os.environ.get(name, "") for what, name in _VARIABLES.items()}


def need(what: str) -> str:
    """Return where ``what`` is; skip the test that asked, with the reason, or fail it under CI."""
    where = found()[what]
    if where:
        return where
    if what in _VARIABLES:
        reason = f"needs {what}: {_VARIABLES[what]} is not set"
    else:
        reason = f"needs {what}: none of {', '.join(_PROGRAMS[what])} is on the path"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
