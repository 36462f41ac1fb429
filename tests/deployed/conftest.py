"""The template, built and deployed into an emulator that enforces policies: once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.service import LocalService, local_service


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep this folder's tests together in one process, with time for what a first test has to wait for."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("deployed"))
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def service() -> Iterator[LocalService]:
    with local_service() as service:
        yield service
