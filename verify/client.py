"""A simple client of the Snov.io API that counts and paces its requests, and only reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from source_snov.api.redaction import hide

TIMEOUTS: Final = (15, 60)
"""Seconds to connect, and to wait for the next bytes of a response."""

MAX_PAUSE: Final = 300.0
"""Maximum seconds to wait after a 429."""

FIRST_PAUSE: Final = 60.0
"""Seconds to wait after a 429 without Retry-After; its block may last minutes (API reference 1.3)."""

TRIES: Final = 3
"""Maximum requests for one response, if it is 429, a 5xx or missing."""

Params = Mapping[str, str | int]


class CouldNotTell(Exception):
    """Ends a point without a verdict. The text is the reason, without values of the account."""


class OutOfRequests(CouldNotTell):
    """The budget of requests is used up."""


class CannotRun(Exception):
    """Ends the whole run. The text says what to do."""


@dataclass(frozen=True)
class Response:
    """A response. `body` is the parsed JSON, or None if it is not JSON (`is_json` False).

    `retry_after` is the header, if any.
    """

    status: int
    body: Any
    is_json: bool
    retry_after: str | None = None

    @property
    def good(self) -> bool:
        """Whether it has data: a 200 in JSON that does not report a failure."""
        failed = isinstance(self.body, dict) and (self.body.get("success") is False or "errors" in self.body)
        return self.status == 200 and self.is_json and not failed


class Client:
    """A client of one account. Makes at most `most` requests, evenly spaced, token requests included."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        most: int,
        per_minute: float = 55,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url.rstrip("/")
        self._login = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._most = most
        self._between = 60 / per_minute
        self._sleep = sleep
        self._clock = clock
        self._free_at = clock()
        self._session = requests.Session()
        self.made = 0
        self.statuses: Counter[int] = Counter()
        self.retry_afters: list[str | None] = []
        """The Retry-After header of each 429."""
        self.token = ""
        self._unanswered = 0
        hide(client_secret)

    def log_in(self, secret: str | None = None) -> Response:
        """Requests a token, as a form, and returns the response. secret: replaces the right one."""
        form = self._login if secret is None else self._login | {"client_secret": secret}
        response = self._ask("POST", "/v1/oauth/access_token", data=form)
        if isinstance(response.body, dict) and isinstance(response.body.get("access_token"), str):
            hide(response.body["access_token"])
        return response

    def get(self, path: str, params: Params | None = None, token: str | None = None) -> Response:
        """Sends a GET request with a Bearer token. Raises OutOfRequests, and CouldNotTell without a response."""
        return self._ask("GET", path, token or self.token, params=params)

    def post(self, path: str, params: Params) -> Response:
        """Like `get`, for the one list that is read by POST."""
        return self._ask("POST", path, self.token, json=params)

    def _ask(self, method: str, path: str, token: str = "", **sent: Any) -> Response:
        for left in reversed(range(TRIES)):
            try:
                response = self._once(method, path, token, **sent)
            except requests.RequestException as problem:
                if not left:
                    self._give_up(type(problem).__name__)
                continue
            self._unanswered = 0
            if response.status == 429:
                self.retry_afters.append(response.retry_after)
                self._free_at = self._clock() + _pause(response.retry_after)
            elif response.status < 500:
                return response
        return response

    def _give_up(self, why: str) -> None:
        self._unanswered += 1
        if self._unanswered > 1:
            raise CannotRun(f"Two requests in a row got no response ({why}). Check the network and the proxy.")
        raise CouldNotTell(f"no response ({why})")

    def _once(self, method: str, path: str, token: str, **sent: Any) -> Response:
        if self.made >= self._most:
            raise OutOfRequests(f"the budget of {self._most} requests was used up")
        if (wait := self._free_at - self._clock()) > 0:
            self._sleep(wait)
        self.made += 1
        self._free_at = self._clock() + self._between
        # A function adds the token, because requests replaces a plain header by the credentials in .netrc.
        raw = self._session.request(
            method, self._url + path, auth=_bearer(token), timeout=TIMEOUTS, allow_redirects=False, **sent
        )
        self.statuses[raw.status_code] += 1
        try:
            body, is_json = raw.json(), True
        except ValueError:
            body, is_json = None, False
        return Response(raw.status_code, body, is_json, raw.headers.get("Retry-After"))


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def authorized(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorized


def _pause(retry_after: str | None) -> float:
    asked = float(retry_after) if retry_after and retry_after.isdecimal() else FIRST_PAUSE
    return min(asked, MAX_PAUSE)
