from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from unit_tests.conftest import api, clock, prepared

__all__ = ["api", "clock", "prepared"]

HERE = Path(__file__).parent


class KillsTogether(LoadScopeScheduling):
    """Runs the tests of the same killed syncs, which take minutes, in one process, and all others in any.

    `--dist loadgroup` would do that, but with pytest 9.2, pytest-xdist 3.8 does not see the groups.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "kills" if "test_kill.py" in nodeid else nodeid


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("faults")


def pytest_xdist_make_scheduler(config: Any, log: Any) -> KillsTogether:
    return KillsTogether(config, log)
