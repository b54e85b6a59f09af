"""Requests that several slices and streams of a sync share."""

from dataclasses import dataclass
from threading import Lock
from typing import Any

import requests
from airbyte_cdk.sources.declarative.requesters.http_requester import HttpRequester

from source_snov.sync_shared import sync_shared


class _Answers:
    """What was answered, or raised, for each URL (and page) of one sync."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.by_url: dict[str, requests.Response | Exception | None] = {}


@dataclass
class OncePerSyncRequester(HttpRequester):
    """Sends each request of a list (one per page) once a sync, however many streams ask for it at whatever moment.

    The CDK reads a parent once per child: its cache is not shared by requests under way at the same time. A failure is
    shared too, so that a list that cannot be read costs its tries once and not once per stream.
    """

    def send_request(self, *args: Any, **kwargs: Any) -> requests.Response | None:
        shared = sync_shared(self.api_budget, _Answers)  # type: ignore[arg-type]  # never None here
        page = (kwargs.get("next_page_token") or {}).get("next_page_token")
        key = self.get_url() if page is None else f"{self.get_url()} {page}"
        with shared.lock:
            if key not in shared.by_url:
                try:
                    shared.by_url[key] = super().send_request(*args, **kwargs)
                except Exception as error:
                    shared.by_url[key] = error
            answer = shared.by_url[key]
        if isinstance(answer, Exception):
            raise answer
        return answer
