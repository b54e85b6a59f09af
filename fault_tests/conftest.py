from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from unit_tests.conftest import api, clock

__all__ = ["api", "clock"]


class KillsTogether(LoadScopeScheduling):
    """Any test goes to any process, but those that look at the same killed syncs, which take minutes, to one.

    That is what `--dist loadgroup` does; with pytest 9.2, pytest-xdist 3.8 does not see the groups.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "kills" if "test_kill.py" in nodeid else nodeid


@pytest.fixture(scope="session", autouse=True)
def _no_thread_for_each_sync() -> Iterator[None]:
    """The pace of each sync has a thread that never ends: nothing to one sync, and a burden to thousands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pyrate_limiter.abstracts.bucket.BucketFactory.schedule_leak", lambda *arguments: None)
        yield


def pytest_xdist_make_scheduler(config: Any, log: Any) -> KillsTogether:
    return KillsTogether(config, log)
