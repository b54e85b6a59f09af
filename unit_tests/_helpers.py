"""A mocked Snov.io API, a clock that does not sleep, and helpers that run the connector through its entrypoint."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import AirbyteStateMessage, SyncMode, TraceType, Type
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, _run_command, read

from source_snov import SourceSnov
from unit_tests._names import ANALYTICS_PATH, CAMPAIGNS_PATH, ONE_PER_CAMPAIGN, TOKEN_PATH

API = "https://api.snov.io"
SECRET = "s3cret+/=&%ü\"'x"
ACCESS_TOKEN = "0123456789abcdef0123456789abcdef01234567"

CAMPAIGN = {
    "id": 910001,
    "campaign": "EU renewals Q3",
    "list_id": 4400123,
    "status": "Active",
    "created_at": 1767268800,
    "updated_at": 1767312000,
    "started_at": 1767272400,
    "hash": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
}
ANALYTICS = {"emails_sent": 31, "delivered": 30, "delivered_rate": "97%", "bounced": 1, "bounced_rate": "3%"}
PROGRESS = {"status": "Active", "unfinished": 14, "progress": "72%"}


def config(**overrides: Any) -> dict[str, Any]:
    base = {"client_id": "user-1", "client_secret": SECRET, "end_date": "2026-02-01", "requests_per_minute": 6000}
    return base | overrides


class Api:
    """Responds to expected requests only. Any other gets a 400, which fails the sync and, at the end, the test."""

    def __init__(self, mocker: requests_mock.Mocker) -> None:
        self.mocker = mocker
        self._unexpected = mocker.register_uri(requests_mock.ANY, requests_mock.ANY, status_code=400, text="unexpected")
        self.token()

    def token(self, *responses: Mapping[str, Any]) -> None:
        good = {"json": {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600}}
        self.mocker.post(f"{API}{TOKEN_PATH}", list(responses or [good]))

    def campaigns(self, *rows: Mapping[str, Any], responses: Sequence[Mapping[str, Any]] = ()) -> None:
        self.mocker.get(f"{API}{CAMPAIGNS_PATH}", list(responses or [{"json": list(rows)}]), complete_qs=True)

    def analytics(self, query: str, *responses: Mapping[str, Any]) -> None:
        url = f"{API}{ANALYTICS_PATH}?{query}"
        self.mocker.get(url, list(responses or [{"json": ANALYTICS}]), complete_qs=True)

    def progress(self, campaign: int, *responses: Mapping[str, Any]) -> None:
        url = f"{API}/v2/campaigns/{campaign}/progress"
        self.mocker.get(url, list(responses or [{"json": PROGRESS}]), complete_qs=True)

    def replies(self, campaign: int, *rows: Mapping[str, Any]) -> None:
        def page(request: Any, _: Any) -> Any:
            return {"data": rows[int(request.qs.get("offset", ["0"])[0]) :]}

        self.mocker.get(f"{API}/v2/campaigns/{campaign}/all-replies", json=page)

    def one_campaign(self) -> None:
        self.campaigns(CAMPAIGN)
        self.analytics("campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01")
        self.progress(910001)

    def count(self, part: str = "") -> int:
        return sum(part in request.url for request in self.mocker.request_history)

    @property
    def all_expected(self) -> bool:
        return not self._unexpected.called


class Clock:
    """Time that only passes by sleeping. `sleeps` has the seconds of each sleep of at least a tenth of a second.

    Replaces `time` where the connector and the CDK wait or read the clock, and nowhere else: a server in the same
    process keeps the real time. Threads that sleep at the same time share the simulated time, and pending requests of
    other threads arrive before it advances.
    """

    PLACES = (
        "source_snov.api.authenticator.time",
        "source_snov.api.error_handler.time",
        "source_snov.api.budget.time",
        "source_snov.progress.time",
        "airbyte_cdk.sources.streams.call_rate.time",
        "airbyte_cdk.sources.streams.http.rate_limiting.time",
        "backoff._sync.time",
    )

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.sleeps: list[float] = []
        self._skew = 0.0
        self._lock = threading.Lock()
        for place in self.PLACES:
            patch.setattr(place, self)
        patch.setattr("pyrate_limiter.clocks.time", self.time)

    def monotonic(self) -> float:
        return time.monotonic() + self._skew

    def time(self) -> float:
        return time.time() + self._skew

    def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        time.sleep(0.02)
        with self._lock:
            self._skew += max(end - self.monotonic(), 0.0)
            if seconds >= 0.1:
                self.sleeps.append(seconds)


def sync(
    *streams: str,
    whole_config: Mapping[str, Any] | None = None,
    debug: bool = False,
    mode: SyncMode = SyncMode.full_refresh,
    state: Sequence[AirbyteStateMessage] | None = None,
    **overrides: Any,
) -> EntrypointOutput:
    """The output of `read` for these streams, by default ONE_PER_CAMPAIGN, whether it fails or not."""
    catalog = CatalogBuilder()
    for stream in streams or ONE_PER_CAMPAIGN:
        catalog = catalog.with_stream(stream, mode)
    return read(
        SourceSnov(),
        whole_config or config(**overrides),
        catalog.build(),
        list(state) if state is not None else None,
        expecting_exception=True,
        debug=debug,
    )


def check(folder: Path, **overrides: Any) -> EntrypointOutput:
    """The output of `check`."""
    path = folder / "config.json"
    path.write_text(json.dumps(config(**overrides)))
    return _run_command(SourceSnov(), ["check", "--config", str(path)], expecting_exception=True)


def connection_status(output: EntrypointOutput) -> tuple[str, str]:
    """The status that `check` printed, and its message."""
    [message] = output.connection_status_messages
    assert message.connectionStatus
    return message.connectionStatus.status.value, message.connectionStatus.message or ""


def records(output: EntrypointOutput, stream: str) -> list[dict[str, Any]]:
    return [dict(row) for row in _rows(output)[stream]]


@lru_cache(maxsize=4)
def _rows(output: EntrypointOutput) -> dict[str, list[Mapping[str, Any]]]:
    """The records of each stream: the CDK parses the whole output each time that it is asked."""
    found = defaultdict[str, list[Mapping[str, Any]]](list)
    for message in output.records:
        found[message.record.stream].append(message.record.data)
    return found


def logs(output: EntrypointOutput, level: str) -> list[str]:
    return [message.log.message for message in output.logs if message.log.level.name == level]


def failure(output: EntrypointOutput, stream: str) -> Any:
    """The only error trace of a stream."""
    errors = [message.trace.error for message in output.errors]
    [error] = [error for error in errors if error.stream_descriptor and error.stream_descriptor.name == stream]
    return error


def estimates(output: EntrypointOutput) -> list[Any]:
    traces = [message.trace for message in output.get_message_by_types([Type.TRACE])]
    return [trace.estimate for trace in traces if trace.type == TraceType.ESTIMATE]


def everything(output: EntrypointOutput) -> str:
    return "\n".join(str(message) for message in output.get_message_iterator())


@contextmanager
def mocked_api() -> Iterator[Api]:
    with requests_mock.Mocker() as mocker:
        yield Api(mocker)
