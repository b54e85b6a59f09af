"""Pages by offset, of which the API documents neither the size nor the end."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from threading import local
from typing import Any

import requests
from airbyte_cdk.sources.declarative.requesters.paginators.strategies.pagination_strategy import PaginationStrategy

from source_snov.answers import content_of, json_of

UNSTABLE = ("prospectId", "prospect_id")
"""Fields that change with every read of the same row."""


@dataclass
class OffsetPages(PaginationStrategy):
    """The next offset is the number of rows received; the last page is empty, or says that there are no more.

    A page that repeats the one before it is the last one too: then the API does not heed the offset.
    under: where the rows stand in the body. full_page: with fewer rows than that, a page is the last one; None if pages
    may be of any size. has_more: where the body says whether there are more pages, if it does.
    """

    parameters: InitVar[Mapping[str, Any]]
    under: str = ""
    full_page: int | None = None
    has_more: str = ""

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        # A thread reads all pages of a slice, one slice at a time.
        self._local = local()

    @property
    def initial_token(self) -> Any | None:
        return None

    def next_page_token(
        self,
        response: requests.Response,
        last_page_size: int,
        last_record: Any,
        last_page_token_value: Any | None = None,
        page_size_override: int | None = None,
        stream_slice: Any = None,
    ) -> int | None:
        body = json_of(response)
        rows = content_of(body, self.under) or []
        more = content_of(body, self.has_more) if self.has_more else None
        before = self._local.page if last_page_token_value else None
        if not rows or more is False or (more is None and self.full_page and len(rows) < self.full_page):
            return None
        page = hashlib.sha256(
            json.dumps(
                [{name: value for name, value in row.items() if name not in UNSTABLE} for row in rows], sort_keys=True
            ).encode()
        ).digest()
        if page == before:
            return None
        self._local.page = page
        return (last_page_token_value or 0) + len(rows)

    def get_page_size(self) -> int | None:
        return None
