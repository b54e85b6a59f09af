"""Totals of the whole period: one row for each campaign or sender."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from source_snov.api.assumptions import BELIEVED_DAYS, Aggregate, Assumptions, Entity, FilterCheck, Refused
from source_snov.api.exceptions import again
from source_snov.incremental.analytics import Analytics
from source_snov.incremental.starts import StartedCampaigns
from source_snov.records.figures import as_numbers
from source_snov.records.first_day import EARLIEST, earliest_day_of
from source_snov.records.notices import Notices
from source_snov.records.shared import Once
from source_snov.records.values import DAY

logger = logging.getLogger("airbyte.snov")

LAST_DAY, SPAN = "last day", "span"


class Looks(Once):
    """Extra requests made once per sync: LAST_DAY, SPAN, and one for each stream."""


@dataclass(frozen=True)
class Totals:
    """Asks for the total of each campaign, or of each sender over all campaigns, up to `end`.

    ask: about an entity. of_campaigns: about some campaigns, which find out how the API reads days. most: how many of
    them one request can name.
    """

    stream_name: str
    ask: Analytics
    of_campaigns: Analytics
    most: Callable[[Sequence[Entity]], int]
    started: StartedCampaigns
    looks: Looks
    notices: Notices
    start: date | None
    end: date
    filter: FilterCheck | None

    def row(self, entity: Entity, created: Any, known: Aggregate | None = None) -> Mapping[str, Any]:
        """created: a campaign's `created_at`. known: its aggregate, if it is empty and need not be asked for."""
        first = self.start or (earliest_day_of(created) if self._is_of_campaigns else None) or EARLIEST
        first = min(first, self.end)
        values = as_numbers(known.values) if known else self._total(entity, first).values
        key = {self.ask.field: entity, "date_from": str(first), "date_to": str(self.end)}
        # The key stands first, and is ours also if the API adds fields of these names.
        return {**key, **values, **key}

    @property
    def _is_of_campaigns(self) -> bool:
        return self.ask.campaigns is None

    def _total(self, entity: Entity, first: date) -> Aggregate:
        last_day = self.ask.last_day
        if self.end < last_day.today:
            self._find_out(self.end)
        self.looks.get(SPAN, self._check_span)
        if self.ask.campaigns and self.ask.campaigns.names:
            # The API's longest period is undocumented, so no more is asked for than the named campaigns can have.
            created = self.started.first_created()
            first = min(max(created, self.start or date.min), self.end) if created else first
        total = partial(self.ask, date_from=first, date_to=last_day.date_to_of_total(self.end))
        try:
            self.looks.get(self.stream_name, partial(self.ask.look, first, last_day.date_to_of_total(self.end)))
            aggregate = total([entity])
            if self.filter:
                self.filter.check(entity, first, self.end, aggregate, partial(total, []))
        except Refused as refusal:
            raise again(refusal.cause) from None
        if last_day.future_refused and self.end >= last_day.today:
            self._find_out(last_day.today - DAY)
            if last_day.included is False:
                self.notices.add(
                    (self.stream_name, "until yesterday"),
                    f"{self.stream_name}: figures are those until yesterday, although date_to names today: Snov.io "
                    "leaves the last day of a period out, and takes no day after today.",
                )
        return aggregate

    def _find_out(self, end: date) -> None:
        """Finds out, if no stream has yet, whether `date_to` includes its day."""
        if self.ask.last_day.included is None:
            self.looks.get(LAST_DAY, partial(self._search, end))

    def _search(self, end: date) -> None:
        ids, first = self._period()
        assumptions = Assumptions(self.of_campaigns, self.ask.last_day, self.most(ids))
        while ids and self.ask.last_day.included is None:
            assumptions.search(ids[: assumptions.most_campaigns], min(first, end), end)
            ids = ids[assumptions.most_campaigns :]

    def _check_span(self) -> None:
        """Looks whether a long period has the actions of both its halves, and warns if it has not."""
        ids, first = self._period()
        if not ids or (self.end - first).days <= 2 * BELIEVED_DAYS:
            return
        ask = partial(self.of_campaigns, ids[: self.most(ids)])
        middle = first + (self.end - first) // 2
        try:
            # Figures only grow: the whole, asked for last, has at least what its halves had.
            halves = ask(first, middle).actions + ask(middle + DAY, self.end).actions
            whole = ask(first, self.end).actions
        except Refused:
            return
        if whole < halves:
            logger.warning(
                f"{self.stream_name}: in requests about many days, Snov.io leaves some out: from {first} to {self.end} "
                "it counts less than in the two halves of this period. campaign_analytics and sender_analytics may be "
                "incomplete: set a later start_date."
            )

    def _period(self) -> tuple[Sequence[Entity], date]:
        """The started campaigns, and the first day of their totals."""
        return list(self.started.days()), self.start or self.started.first_created() or self.end
