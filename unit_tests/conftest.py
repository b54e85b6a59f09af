from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.running import Sandbox
from source_snov.api.pagination import ListingPagination
from unit_tests._helpers import Api, Clock, mocked_api
from unit_tests._prepared import prepare_once

PROXY_SETTINGS = ("https_proxy", "no_proxy", "all_proxy", "requests_ca_bundle", "curl_ca_bundle", "ssl_cert_file")


@pytest.fixture(scope="session", autouse=True)
def prepared() -> Iterator[None]:
    """Makes thousands of syncs quick: the manifest is prepared once, and no budget has a thread that never ends."""
    with pytest.MonkeyPatch.context() as patch:
        prepare_once(patch)
        patch.setattr("pyrate_limiter.abstracts.bucket.BucketFactory.schedule_leak", lambda *arguments: None)
        yield


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    # For a past period, a sync finds out how the API reads `date_to`. Only tests with the sandbox need these requests.
    monkeypatch.setattr("source_snov.incremental.totals.Totals._find_out", lambda *arguments: None)
    with mocked_api() as mocked:
        yield mocked
        assert mocked.all_expected, [request.url for request in mocked.mocker.request_history]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """The module's `server`, without the requests and faults of earlier tests."""
    server.clear()
    return server


@pytest.fixture
def pages_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older lists' full page is 10 rows in place of 10,000, to save time."""
    begin = ListingPagination.__post_init__

    def scaled(self: ListingPagination, parameters: Any) -> None:
        if self.full_page == 10_000:
            self.full_page = 10
        begin(self, parameters)

    monkeypatch.setattr(ListingPagination, "__post_init__", scaled)


@pytest.fixture
def no_proxy_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment without proxies, CA files and `.netrc`."""
    monkeypatch.delenv("NETRC", raising=False)
    for name in PROXY_SETTINGS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
