"""A mocked Snov.io, a clock that does not sleep, and the connector run through its entrypoint."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import AirbyteStateMessage, SyncMode, TraceType, Type
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, _run_command, read

from source_snov import SourceSnov

API = "https://api.snov.io"
SECRET = "s3cret+/=&%ü\"'x"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
STREAMS = ("campaigns", "campaign_analytics", "campaign_progress")
"""The streams with one record per campaign."""

CAMPAIGN = {
    "id": 910001,
    "campaign": "EU renewals Q3",
    "list_id": 4400123,
    "status": "Active",
    "created_at": 1767225600,
    "updated_at": 1767312000,
    "started_at": 1767229200,
    "hash": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
}
ANALYTICS = {"emails_sent": 31, "delivered": 30, "delivered_rate": "97%", "bounced": 1, "bounced_rate": "3%"}
PROGRESS = {"status": "Active", "unfinished": 14, "progress": "72%"}


def config(**overrides: Any) -> dict[str, Any]:
    base = {"client_id": "user-1", "client_secret": SECRET, "end_date": "2026-02-01", "requests_per_minute": 6000}
    return base | overrides


class Api:
    """Answers to foreseen requests only. Anything else gets a 400, which fails the sync, and the test at its end."""

    def __init__(self, mocker: requests_mock.Mocker) -> None:
        self.mocker = mocker
        self._unforeseen = mocker.register_uri(requests_mock.ANY, requests_mock.ANY, status_code=400, text="unforeseen")
        self.token()

    def token(self, *answers: Mapping[str, Any]) -> None:
        good = {"json": {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}}
        self.mocker.post(f"{API}/v1/oauth/access_token", list(answers or [good]))

    def campaigns(self, *rows: Mapping[str, Any], answers: Sequence[Mapping[str, Any]] = ()) -> None:
        self.mocker.get(f"{API}/v1/get-user-campaigns", list(answers or [{"json": list(rows)}]), complete_qs=True)

    def analytics(self, query: str, *answers: Mapping[str, Any]) -> None:
        url = f"{API}/v2/statistics/campaign-analytics?{query}"
        self.mocker.get(url, list(answers or [{"json": ANALYTICS}]), complete_qs=True)

    def progress(self, campaign: int, *answers: Mapping[str, Any]) -> None:
        url = f"{API}/v2/campaigns/{campaign}/progress"
        self.mocker.get(url, list(answers or [{"json": PROGRESS}]), complete_qs=True)

    def one_campaign(self) -> None:
        self.campaigns(CAMPAIGN)
        self.analytics("campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01")
        self.progress(910001)

    def count(self, part: str = "") -> int:
        return sum(part in request.url for request in self.mocker.request_history)

    @property
    def all_foreseen(self) -> bool:
        return not self._unforeseen.called


class Clock:
    """Time that passes by sleeping only; `sleeps` are the seconds of each sleep of a tenth of a second or more.

    It stands in for `time` where the connector and the CDK wait or look at the clock, and nowhere else: a server in
    the same process keeps the real one. Threads that sleep at the same time sleep through the same time, and requests
    that other threads have under way arrive before time moves on.
    """

    PLACES = (
        "source_snov.authenticator.time",
        "source_snov.error_policy.time",
        "source_snov.pace.time",
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
    """The output of `read` for these streams (those of STREAMS if none is named), whatever came of it."""
    catalog = CatalogBuilder()
    for stream in streams or STREAMS:
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


def records(output: EntrypointOutput, stream: str) -> list[dict[str, Any]]:
    return [dict(message.record.data) for message in output.records if message.record.stream == stream]


def logs(output: EntrypointOutput, level: str) -> list[str]:
    return [message.log.message for message in output.logs if message.log.level.name == level]


def failure(output: EntrypointOutput, stream: str) -> Any:
    """The one error trace of a stream."""
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
