"""A client for the sandbox's own tests, and what they have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import requests

from sandbox.running import Sandbox
from unit_tests._names import ANALYTICS_PATH, TOKEN_PATH

TODAY = date(2026, 9, 17)
LONG_AGO = date(2020, 1, 1)


class ManualClock:
    """Seconds that pass by sleeping, or when a test sets `now`."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Fails the test if the condition is not met in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Client:
    """A plain client: requests with a token and short patience."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()

    def token(self, **changes: Any) -> requests.Response:
        settings = self.sandbox.settings
        form = {"grant_type": "client_credentials", "client_id": settings.client_id} | changes
        form.setdefault("client_secret", settings.client_secret)
        return self.session.post(self.sandbox.url + TOKEN_PATH, data=form, timeout=5)

    def log_in(self) -> Client:
        self.session.headers["Authorization"] = f"Bearer {self.token().json()['access_token']}"
        return self

    def get(self, path: str, timeout: float = 5, **query: Any) -> requests.Response:
        return self.session.get(self.sandbox.url + path, params=query, timeout=timeout)

    def post(self, path: str, timeout: float = 5, **body: Any) -> requests.Response:
        return self.session.post(self.sandbox.url + path, data=body, timeout=timeout)

    def analytics(self, **query: Any) -> dict[str, Any]:
        response = self.get(ANALYTICS_PATH, **{"date_from": str(LONG_AGO), "date_to": str(TODAY)} | query)
        assert response.status_code == 200
        body: dict[str, Any] = response.json()
        return body
