"""Listings in pages, of which the API documents neither how they end nor what it does with a position it ignores."""

import hashlib
import json
import marshal
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from dataclasses import InitVar, dataclass
from threading import local
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from airbyte_cdk.sources.declarative.extractors.record_selector import extracted_record_count
from airbyte_cdk.sources.declarative.requesters.paginators.strategies.offset_increment import OffsetIncrement
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.answers import Answer, around_content_of, content_of

UNSTABLE = frozenset(("prospectId", "prospect_id"))
"""Fields that change with every read of the same row."""

MARSHAL_WITHOUT_REFERENCES = 2
"""The last version of the format that does not depend on which values are one object."""


@dataclass
class Page(Answer):
    """The objects of a page; none if a page before it had the same ones, which ends the listing.

    Such an API does not heed the position: its rows would come once more, or for ever.
    position: the query parameter, or the field of the JSON body, that says where a page begins.
    """

    parameters: InitVar[Any]
    position: str = "offset"

    def __post_init__(self, parameters: Any) -> None:
        # A thread reads all pages of a slice, one slice at a time.
        self._seen = local()

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        rows = list(super().extract_records(response))
        listing, begins = self._place(response.request)
        stable = [row if UNSTABLE.isdisjoint(row) else _without(row, UNSTABLE) for row in rows]
        # Of plain values as here, equal ones give equal bytes; JSON takes six times as long.
        page = hashlib.sha256(marshal.dumps(stable, MARSHAL_WITHOUT_REFERENCES)).digest()
        # A listing that begins anew is another reading of it.
        if listing != getattr(self._seen, "listing", None) or begins <= self._seen.begins:
            self._seen.listing, self._seen.pages = listing, set()
        self._seen.begins = begins
        same = page in self._seen.pages
        self._seen.pages.add(page)
        return [] if same else rows

    def _place(self, request: requests.PreparedRequest) -> tuple[str, int]:
        """What is listed, and where the page begins in it."""
        url = urlsplit(request.url or "")
        options = {**dict(parse_qsl(url.query)), **(json.loads(request.body) if request.body else {})}
        begins = int(options.pop(self.position, 0))
        return json.dumps([url.path, options], sort_keys=True), begins


@dataclass
class OffsetWhileMore(OffsetIncrement):
    """Pages by offset until the API says that there are no more; if it says nothing, until one is not full.

    has_more: where in the body it says so, as a dotted path.
    """

    has_more: str = ""

    def next_page_token(
        self,
        response: requests.Response,
        last_page_size: int,
        last_record: Record | None,
        last_page_token_value: Any | None = None,
        page_size_override: int | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> Any | None:
        more = content_of(around_content_of(response), self.has_more)
        if more is None:
            return super().next_page_token(
                response, last_page_size, last_record, last_page_token_value, page_size_override, stream_slice
            )
        rows = extracted_record_count(response, default=last_page_size)
        return (last_page_token_value or 0) + rows if more and rows else None


def _without(row: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
