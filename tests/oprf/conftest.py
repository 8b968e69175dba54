"""Groups are opened when a test runs, so that one that fails its vectors fails a test."""

import pytest

from evouch.oprf.group import Group, open_group


@pytest.fixture
def group(request: pytest.FixtureRequest) -> Group:
    return open_group(request.param)
