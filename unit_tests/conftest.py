from collections.abc import Iterator

import pytest

from unit_tests._helpers import Api, Clock, mocked_api


@pytest.fixture
def api() -> Iterator[Api]:
    with mocked_api() as mocked:
        yield mocked
        assert mocked.all_foreseen, [request.url for request in mocked.mocker.request_history]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)
