"""When a request may leave: the pace, the pause after a 429, and the count of requests made."""

import time
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.call_rate import AbstractAPIBudget, AbstractCallRatePolicy
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.redaction import origin, without_query
from source_snov.slow_answers import limit_answer
from source_snov.sync_shared import sync_shared


class RateLimitPause:
    """The pause that a 429 starts, for all threads of a sync.

    Snov.io blocks an account for minutes, and a request made meanwhile prolongs the block (observed by its clients).
    So nobody asks until the pause is over, and each 429 that follows one doubles it up to a limit.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._ends = 0.0
        self._began = 0.0
        self._in_a_row = 0
        self.limit = float("inf")
        """Seconds that cap the patience of the error policy."""

    def start(self, first: float, longest: float, patience: float, retry_after: float | None) -> float | None:
        """Notes a 429 and returns the seconds of the pause that it starts.

        0 during a pause: the 429 answers a request made before it. None when the waiting would exceed `patience`,
        counted from the first 429 in a row: then nobody waits any longer.
        `first`, `longest`: seconds of the first pause and of the longest one. `retry_after`: what the API asks for, if
        it does.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._ends:
                return 0.0
            if not self._in_a_row:
                self._began = now
            wait = min(first * 2**self._in_a_row, longest)
            # The second time, what it asked for was not enough.
            wait = max(retry_after, wait if self._in_a_row else 0.0) if retry_after else wait
            if now + wait - self._began > patience:
                return None
            self._in_a_row += 1
            self._ends = now + wait
            return wait

    def end(self) -> None:
        """Notes an answer other than 429; one to a request made before the pause does not end it."""
        with self._lock:
            if time.monotonic() >= self._ends:
                self._in_a_row = 0

    def remaining(self) -> float:
        """Seconds until requests may be made again; 0 when they may now."""
        with self._lock:
            return max(self._ends - time.monotonic(), 0.0)


class RequestGate(AbstractAPIBudget):
    """The manifest's API budget, with what the CDK's lacks.

    It holds every request while the API asks for a pause, counts the requests of the sync, limits how long an answer
    may take, and lets none leave for any place but the API: a redirect would carry the secret or the token with it.
    """

    def __init__(self, budget: AbstractAPIBudget, api_url: str) -> None:
        self._budget = budget
        self._origin = origin(api_url)
        self._count = 0
        self._count_lock = Lock()

    @property
    def requests_made(self) -> int:
        return self._count

    def acquire_call(self, request: Any, block: bool = True, timeout: float | None = None) -> None:
        if origin(request.url) != self._origin:
            raise AirbyteTracedException(
                message=f"Snov.io sent the connector on to another address ({without_query(request.url)}), and the "
                "connector does not follow: your credentials stay with the API. If this goes on, tell the connector's "
                "maintainers.",
                internal_message=f"Refused a request to {without_query(request.url)}.",
                failure_type=FailureType.system_error,
            )
        pause = sync_shared(self, RateLimitPause)
        while True:
            while (remaining := pause.remaining()) > 0:
                time.sleep(remaining)
            self._budget.acquire_call(request, block, timeout)
            # Another thread may have met a 429 while this one waited for its turn.
            if not pause.remaining():
                break
        with self._count_lock:
            self._count += 1
        limit_answer(request)

    def get_matching_policy(self, request: Any) -> AbstractCallRatePolicy | None:
        return self._budget.get_matching_policy(request)

    def update_from_response(self, request: Any, response: Any) -> None:
        """Nothing: the CDK would fill the window on a 429, and the pause does more. No header of the API tells more."""


def retry_after_seconds(response: requests.Response, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for (a number or an HTTP date); None without one that can be read.

    `now`: Unix seconds.
    """
    value = response.headers.get("Retry-After", "").strip()
    try:
        return max(float(value), 1.0) if value.isdigit() else max(parsedate_to_datetime(value).timestamp() - now, 1.0)
    except (TypeError, ValueError):
        return None
