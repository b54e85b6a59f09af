"""Pagination for endpoints whose last page is undocumented, and whose rows may move between two requests.

Reads on while the total says that there is more, ends at a page without a new row, and reads the listing again if
rows seem to have moved: the total changed, or pages overlap other than expected.
"""

from dataclasses import InitVar, dataclass
from typing import Any

import requests
from airbyte_cdk.sources.declarative.extractors.record_selector import extracted_record_count
from airbyte_cdk.sources.declarative.requesters.paginators.strategies.pagination_strategy import PaginationStrategy
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.records.body import around_content_of, content_of
from source_snov.records.listing import Listing
from source_snov.records.notices import Notices
from source_snov.records.shared import Shared
from source_snov.records.values import to_number

MAX_PASSES = 3
"""How often a listing is read in which rows move."""

FURTHER_OVERLAP = 100
"""Most rows that two pages share when a listing is read again."""

MAX_PAGES = 1_000
"""Maximum pages of a listing whose total is unknown. If the API ignores the position and gives its rows other ids with
every read, each page has new keys."""

ROUND = 100
"""A page whose size is a multiple of this may have been cut by the server, also if it is shorter than documented."""

ALMOST_FULL = 0.95
"""Share of a full page from which on there may be another: a server may drop rows after it has cut the page."""


@dataclass
class ListingPagination(PaginationStrategy):
    """Asks for the next page of a listing, by offset or by number.

    page_size: rows to ask for, and what a full page has. by: `offset` or `page`. total, has_more: where in the body the
    API says how many rows there are, and whether there are more, as dotted paths. full_page: without a total, the rows
    of a page after which there is another; 0 if that is unknown: only a page without a new row is the last one then.
    documented: whether the API has such pages at all.
    """

    parameters: InitVar[Any]
    api_budget: Shared
    name: str = ""
    page_size: int | None = None
    by: str = "offset"
    total: str = ""
    has_more: str = ""
    full_page: int = 0
    documented: bool = True

    def __post_init__(self, parameters: Any) -> None:
        self.name = self.name or parameters.get("name", "")
        self.full_page = self.full_page or self.page_size or 0

    @property
    def initial_token(self) -> Any | None:
        self.api_budget.shared(Listing).begin()
        return self._first

    @property
    def _first(self) -> Any | None:
        return 1 if self.by == "page" else None

    def get_page_size(self) -> int | None:
        return self.page_size

    def next_page_token(
        self,
        response: requests.Response,
        last_page_size: int,
        last_record: Record | None,
        last_page_token_value: Any | None = None,
        page_size_override: int | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> Any | None:
        listing = self.api_budget.shared(Listing)
        rows = extracted_record_count(response, default=last_page_size)
        body = around_content_of(response)
        repeats = listing.overlap if listing.pages else 0
        self._look(listing, rows, repeats, content_of(body, self.total) if self.total else None)
        endless = listing.total is None and listing.pages >= MAX_PAGES
        if not endless and self._goes_on(listing, rows, content_of(body, self.has_more) if self.has_more else None):
            if self.by == "page":
                listing.is_apart = True
                return int(last_page_token_value or 1) + 1
            listing.overlap = min(self._overlap(listing, rows), rows - 1)
            return int(last_page_token_value or 0) + rows - listing.overlap
        # What a list has twice, it has twice on the same pages when it is read again.
        listing.moved |= any(listing.repeated) and (self.by != "page" or listing.repeated != listing.repeated_before)
        if not endless and listing.moved and listing.passes + 1 < MAX_PASSES:
            listing.next_pass()
            # A token that counts as false would end the listing.
            return "1" if self.by == "page" else "0"
        self._warn_if_incomplete(listing, endless)
        return None

    def _overlap(self, listing: Listing, rows: int) -> int:
        """Rows that two pages share: one that is missing shows that rows have moved, which a total may not.

        In a further pass, equal rows that stood at the end of one page and the beginning of the next come together.
        """
        return min(rows // 2, FURTHER_OVERLAP) if listing.passes else 1

    def _look(self, listing: Listing, rows: int, repeats: int, total: Any) -> None:
        total = _whole(total)
        ignored = rows > repeats and not listing.new and listing.pages and not listing.passes
        listing.same = rows if ignored else 0
        listing.stale = 0 if listing.new else listing.stale + 1
        listing.moved |= listing.total is not None and total is not None and total != listing.total
        if listing.pages and rows and not ignored:
            listing.repeated.append(listing.known - min(repeats, rows))
        if listing.passes and listing.new:
            listing.moved = True
        listing.total = total if total is not None else listing.total
        listing.received += rows - min(repeats, rows)
        listing.pages += 1

    def _goes_on(self, listing: Listing, rows: int, has_more: Any) -> bool:
        there_are_more = listing.total is not None and listing.received < listing.total
        # All rows of a page have come before where the position is ignored, or as many rows have come in between.
        if not rows or (listing.pages > 1 and not listing.passes and listing.stale > there_are_more):
            return False
        if there_are_more:
            return True
        if has_more is not None:
            return bool(has_more)
        if listing.total is not None:
            return not self.full_page or rows >= self.full_page
        if (self.total or self.has_more) and not listing.passes:
            # Neither is there, although the reference has it: only a page without rows is the last one for certain.
            return True
        return rows >= ALMOST_FULL * self.full_page or (rows >= ROUND and rows % ROUND == 0)

    def _is_whole(self, listing: Listing) -> bool:
        """Whether a page that came again is all there is, where the position is ignored.

        Without documented pages, one of any size is, unless it was cut at the size that others of the API have.
        """
        if self.documented:
            return listing.same < (self.page_size or 0)
        return not ALMOST_FULL * self.full_page <= listing.same <= self.full_page

    def _warn_if_incomplete(self, listing: Listing, endless: bool) -> None:
        missing = (listing.total or 0) - len(listing.keys)
        if endless:
            text = (
                f"{self.name}: after {MAX_PAGES:,} pages, Snov.io still gives rows with new ids. The rest is not "
                "read, and rows may have come more than once. Report this to the connector's maintainers."
            )
        elif listing.moved:
            text = (
                f"{self.name}: rows moved while Snov.io gave them page by page, {MAX_PASSES} times in a row. Some may "
                "be missing until the next sync."
            )
        elif (
            (listing.pages > 1 or not listing.received)
            and missing > 0
            and (listing.same or listing.received < (listing.total or 0))
        ):
            text = (
                f"{self.name}: Snov.io speaks of {listing.total:,} rows and gave {len(listing.keys):,}. Sync again; if "
                "this goes on, report it to the connector's maintainers."
            )
        elif listing.same and listing.total is None and not self._is_whole(listing):
            text = (
                f"{self.name}: asked for further rows, Snov.io gave the same {listing.same:,} again. If there are "
                "others, they are missing. Report this to the connector's maintainers."
            )
        else:
            return
        self.api_budget.shared(Notices).add((self.name, text[:40]), text)


def _whole(total: Any) -> int | None:
    """A total, also one that is written as text."""
    try:
        return int(to_number(total, whole=True))
    except ValueError:
        return None
