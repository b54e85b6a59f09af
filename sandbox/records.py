"""The log of API requests, without secrets: no credentials, and tokens only as digests."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from sandbox.pace import WINDOW

SECRET_PARAMETERS: Final = frozenset({"access_token", "client_id", "client_secret", "token"})


@dataclass
class Record:
    """One API request. `time` is the clock's seconds at arrival; `status` None means that no response was begun.

    `query` maps each parameter to all its values, secrets replaced by asterisks. `token` is a digest of the bearer
    token, equal for equal tokens, or None without one.
    """

    time: float
    method: str
    path: str
    query: dict[str, list[str]]
    token: str | None = None
    status: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The record for the control endpoints."""
        return asdict(self)


class RequestLog:
    """Every API request in order of arrival, refused and faulty ones included."""

    def __init__(self) -> None:
        self._records: list[Record] = []

    def add(self, record: Record) -> None:
        """Appends a request."""
        self._records.append(record)

    def all(self) -> list[Record]:
        """The requests so far."""
        return list(self._records)

    def clear(self) -> None:
        """Empties the log."""
        self._records.clear()


def read_query(query: bytes) -> dict[str, list[str]]:
    """The parameters of a query string, secrets masked."""
    parameters = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    return {name: ["***"] * len(values) if name in SECRET_PARAMETERS else values for name, values in parameters.items()}


def token_digest(authorization: str) -> str | None:
    """A short digest of the token of an Authorization header."""
    token = authorization.rpartition(" ")[2]
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else None


def statuses(records: Iterable[Record]) -> Counter[int | None]:
    """The number of requests by status."""
    return Counter(record.status for record in records)


def max_in_any_minute(records: Iterable[Record]) -> int:
    """The largest number of requests within any 60 seconds."""
    window: deque[float] = deque()
    most = 0
    for time in sorted(record.time for record in records):
        window.append(time)
        while window[0] <= time - WINDOW:
            window.popleft()
        most = max(most, len(window))
    return most
