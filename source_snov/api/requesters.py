"""Requests that streams share."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import requests
from airbyte_cdk.sources.declarative.requesters.http_requester import HttpRequester
from airbyte_cdk.sources.types import StreamSlice

from source_snov.api.budget import SnovBudget
from source_snov.api.exceptions import again
from source_snov.records.listing import Listing
from source_snov.records.shared import Once


class _Responses(Once):
    """What was answered, or raised, for each URL (and page) of one sync."""


@dataclass(kw_only=True)
class SharedRequester(HttpRequester):
    """Sends each request (one per page of a list) once a sync, however many streams need it.

    The CDK reads a parent once per child: its cache is not shared by requests under way at the same time. A failure is
    shared too, so that a list that cannot be read costs its tries once and not once per stream.
    """

    api_budget: SnovBudget  # type: ignore[assignment]  # narrower than the base class has it

    def send_request(self, *args: Any, **kwargs: Any) -> requests.Response | None:
        page = (kwargs.get("next_page_token") or {}).get("next_page_token")
        # A listing that is read again is not read from what came before.
        passes = self.api_budget.shared(Listing).passes
        url = self.get_url(stream_slice=kwargs.get("stream_slice"))
        key = url if page is None else (url, page, passes)
        outcome = self.api_budget.shared(_Responses).get(key, partial(self._outcome, args, kwargs))
        if isinstance(outcome, Exception):
            raise again(outcome)
        return outcome  # type: ignore[no-any-return]

    def _outcome(self, args: Any, kwargs: Any) -> requests.Response | Exception | None:
        try:
            return super().send_request(*args, **kwargs)
        except Exception as error:
            return again(error)


def with_fields(stream_slice: StreamSlice | None, **further: Any) -> StreamSlice:
    """The slice with further extra fields."""
    given = stream_slice or StreamSlice(partition={}, cursor_slice={})
    return StreamSlice(
        partition=given.partition,
        cursor_slice=given.cursor_slice,
        extra_fields={**given.extra_fields, **further},
    )
