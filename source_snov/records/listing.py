"""The state of a listing that a thread reads page by page."""

from collections import Counter
from collections.abc import Iterable, MutableMapping
from dataclasses import InitVar, dataclass
from threading import local
from typing import Any

import requests

from source_snov.records.extractors import BodyExtractor
from source_snov.records.shared import Shared


class Listing(local):
    """All pages of the slice that a thread reads; it reads one slice at a time.

    keys: digests of the rows passed on. keys_of_pass: of the rows of the current pass, if it is not the first. new,
    known: rows of the current page that are new, or were on an earlier page of the pass. received, total, pages: of the
    current pass. overlap: rows that the current page shares with the one before. is_apart: whether the next page shares
    no row with those before. repeated: of each page of the pass, the rows that came before and were not expected to.
    stale: consecutive pages without a new row. same: rows of the last page if it only repeated earlier rows, else 0.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.keys: set[int] = set()
        self.keys_of_pass: set[int] = set()
        self.is_apart = False
        self._page: list[tuple[str, int]] = []
        self.next_page()
        self.received = self.passes = self.pages = self.overlap = 0
        self.total: int | None = None
        self.moved = False
        self.repeated: list[int] = []
        self.repeated_before: list[int] | None = None
        self.stale = self.same = 0

    def next_page(self) -> None:
        self.new = self.known = 0
        if not self.is_apart:
            self._of_equals = Counter[str]()
        self._page_before = self._page if self.is_apart else []
        self._page = []
        self.is_apart = False

    def number(self, equal: str) -> int:
        """The number of a row among its equals: on the next page, an equal row is the same again if pages share rows.

        Rows are also the same again as long as a page is like the one before from its beginning.
        """
        before = self._page_before[len(self._page) : len(self._page) + 1]
        if before and before[0][0] == equal:
            number = before[0][1]
        else:
            self._page_before = []
            self._of_equals[equal] += 1
            number = self._of_equals[equal]
        self._page.append((equal, number))
        return number

    def next_pass(self) -> None:
        self.passes += 1
        self.keys_of_pass = set()
        self.repeated, self.repeated_before = [], self.repeated
        self.received = self.pages = self.overlap = 0
        self.total = None
        self.moved = False
        self.stale = self.same = 0

    def note(self, key: int) -> None:
        """Counts a row of the current page. Duplicates on one page count once: they do not show that rows moved."""
        self.known += key in (self.keys_of_pass if self.passes else self.keys)
        if self.passes:
            self.keys_of_pass.add(key)


@dataclass(kw_only=True)
class PageExtractor(BodyExtractor):
    """Extracts the objects of a page of a listing."""

    parameters: InitVar[Any]
    api_budget: Shared

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        self.api_budget.shared(Listing).next_page()
        return super().extract_records(response)
