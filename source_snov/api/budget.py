"""When a request may leave: the pace, the pause after a 429, and the count of requests made."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from threading import Lock, get_ident
from typing import Any

import requests
from airbyte_cdk.sources.streams.call_rate import AbstractAPIBudget, AbstractCallRatePolicy

from source_snov.api.limits import LargeResponses, limit_response
from source_snov.api.redaction import origin, without_query
from source_snov.failures import system_error
from source_snov.records.shared import Shared

LOOK_EVERY = 0.05
"""Seconds after which a thread looks again whether one of the requests under way was answered."""


class MovingWindow:
    """Not more than `limit` requests in any `interval` seconds, as the server counts them.

    A request has its place from the moment it leaves until `interval` seconds after its response: whatever the latency,
    the server saw it in between. When the server refuses nevertheless, others use the account too: the limit falls by a
    third, and recovers by one request in each interval.
    """

    def __init__(self, limit: int, interval: float) -> None:
        self._limit = limit
        self._interval = interval
        self._slowed_to = limit
        self._slowed_at = time.monotonic()
        self._lock = Lock()
        self._under_way: set[int] = set()
        self._answered: deque[float] = deque()

    def wait_and_take(self) -> None:
        """Returns when the calling thread may make a request, with a place taken for it."""
        while (wait := self._take()) > 0:
            time.sleep(wait)

    def answered(self) -> None:
        """Notes that the calling thread's request has its response, or failed."""
        with self._lock:
            self._end()

    @property
    def limit(self) -> int:
        """How many requests may leave in an interval now."""
        with self._lock:
            return self._limit_at(time.monotonic())

    def slow_down(self) -> int:
        """Makes room for others; returns the requests in an interval from now on."""
        with self._lock:
            now = time.monotonic()
            self._slowed_to = max(1, self._limit_at(now) * 2 // 3)
            self._slowed_at = now
            return self._slowed_to

    def _limit_at(self, now: float) -> int:
        return min(self._limit, self._slowed_to + int((now - self._slowed_at) / self._interval))

    def _take(self) -> float:
        with self._lock:
            self._end()
            now = time.monotonic()
            while self._answered and self._answered[0] + self._interval <= now:
                self._answered.popleft()
            taken = len(self._under_way) + len(self._answered)
            limit = self._limit_at(now)
            if taken < limit:
                self._under_way.add(get_ident())
                return 0.0
            # After the limit has fallen, more than one place has to become free.
            to_free = taken - limit
            return self._answered[to_free] + self._interval - now if to_free < len(self._answered) else LOOK_EVERY

    def _end(self) -> None:
        if get_ident() in self._under_way:
            self._under_way.remove(get_ident())
            self._answered.append(time.monotonic())


class RateLimitPause:
    """The pause that a 429 starts, for all threads of a sync.

    Snov.io blocks an account for minutes, and a request made meanwhile prolongs the block (observed by its clients).
    So nobody asks until the pause is over, and each 429 that follows one doubles it up to a limit. But a request that
    is refused again while others are answered waits alone: the limit it meets is not the account's.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._ends = 0.0
        self._in_a_row = 0
        self._refused: dict[str, _Refusals] = {}
        self.limit = float("inf")
        """Seconds that cap the patience of the error policy."""

    def start(
        self, url: str, first: float, longest: float, patience: float, retry_after: float | None
    ) -> tuple[float, bool] | None:
        """Notes a 429, and returns the seconds to wait and whether all requests do.

        0 seconds during a pause: the 429 answers a request made before it. None when the waiting would exceed
        `patience`, counted from the first 429 in a row of this `url`: then it waits no longer.
        `first`, `longest`: seconds of the first pause and of the longest one. `retry_after`: what the API asks for, if
        it does.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._ends:
                return 0.0, True
            own = self._refused.setdefault(url, _Refusals(now))
            alone = own.in_a_row > 0 and own.others_answered
            if alone and now < own.ends:
                return own.ends - now, False
            in_a_row = own.in_a_row if alone else self._in_a_row
            wait = min(first * 2**in_a_row, longest)
            # The second time, what it asked for was not enough.
            wait = max(retry_after, wait if in_a_row else 0.0) if retry_after else wait
            if now + wait - own.began > patience:
                return None
            own.in_a_row += 1
            own.ends = now + wait
            if not alone:
                self._in_a_row += 1
                self._ends = now + wait
            return wait, not alone

    def end(self, url: str) -> None:
        """Notes a response other than 429; one to a request made before the pause does not end it."""
        with self._lock:
            if time.monotonic() >= self._ends:
                self._in_a_row = 0
                self._refused.pop(url, None)
                for refusals in self._refused.values():
                    refusals.others_answered = True

    def remaining(self, url: str = "") -> float:
        """Seconds until requests, or this one, may be made again; 0 when they may now."""
        with self._lock:
            own = self._refused.get(url)
            return max(self._ends - time.monotonic(), own.ends - time.monotonic() if own else 0.0, 0.0)


@dataclass
class _Refusals:
    """The consecutive 429s that one request has met."""

    began: float
    in_a_row: int = 0
    ends: float = 0.0
    others_answered: bool = False


class Patience:
    """Until when a failed request is tried again; for a sync, as long as the error policy says."""

    def __init__(self) -> None:
        self.ends = float("inf")

    def allows(self, wait: float) -> bool:
        """Whether there is time to wait this many seconds."""
        return time.monotonic() + wait <= self.ends

    @property
    def is_short(self) -> bool:
        """Whether a person waits for the response, so that what cannot pass is not tried again."""
        return self.ends < float("inf")


class SnovBudget(Shared, AbstractAPIBudget):
    """The manifest's API budget, with what the CDK's lacks.

    It holds every request while the API asks for a pause, counts the requests of the sync, limits how long a response
    may take, and lets none leave for any place but the API: a redirect would carry the secret or the token with it.
    The CDK's own window counts from when a request leaves, by a clock that can be set back.
    """

    def __init__(self, window: MovingWindow, api_url: str) -> None:
        super().__init__()
        self.window = window
        self._origin = origin(api_url)
        self._count = 0
        self._by_thread = Counter[int]()
        self._lock = Lock()

    @property
    def requests_made(self) -> int:
        return self._count

    @property
    def pace(self) -> int:
        """Requests a minute that may be made now."""
        return self.window.limit

    @property
    def made_here(self) -> int:
        """Requests made by the calling thread, but for those made aside."""
        return self._by_thread[get_ident()]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Requests that the calling thread makes for all, and not for what it is reading."""
        before = self.made_here
        try:
            yield
        finally:
            self._by_thread[get_ident()] = before

    def acquire_call(self, request: Any, block: bool = True, timeout: float | None = None) -> None:
        if origin(request.url) != self._origin:
            raise system_error(
                f"Snov.io sent the connector on to another address ({without_query(request.url)}), and the "
                "connector does not follow: your credentials stay with the API. If this goes on, tell the connector's "
                "maintainers.",
                f"Refused a request to {without_query(request.url)}.",
            )
        pause = self.shared(RateLimitPause)
        while True:
            while (remaining := pause.remaining()) > 0:
                time.sleep(remaining)
            self.window.wait_and_take()
            # Another thread may have met a 429 while this one waited for its turn.
            if not pause.remaining():
                break
        with self._lock:
            self._count += 1
            self._by_thread[get_ident()] += 1
        limit_response(request, self.window.answered, self.shared(LargeResponses))

    def get_matching_policy(self, request: Any) -> AbstractCallRatePolicy | None:
        return None

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
