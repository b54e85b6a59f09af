"""The account as known so far. Responses are kept, so that points share requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, Final

from verify.client import Client, CouldNotTell, OutOfRequests, Response
from verify.shapes import form_of
from verify.times import UTC, moment

CAMPAIGNS: Final = "/v1/get-user-campaigns"
ANALYTICS: Final = "/v2/statistics/campaign-analytics"
OLDEST: Final = date(2000, 1, 1)
"""Earlier than any campaign; the connector's first day where it knows no other."""

WINDOW: Final = timedelta(days=30)
PAGE: Final = 1000
"""Maximum rows of a page of recipients-activity (API reference 2.10)."""

WINDOWS: Final = 4
"""Number of campaigns whose first days are read for events."""

MORE_PAGES: Final = 2
"""Maximum further pages after one that is shorter than requested."""

TRIED: Final = 8
"""Maximum number of campaigns to try for that."""

ACTIONS: Final = [
    "emails_sent",
    "first_emails",
    "follow_ups",
    "delivered",
    "bounced",
    "connection_requests",
    "failed_connection_requests",
    "accepted_requests",
    "messages_sent",
    "in_mail_sent",
    "linkedin_views",
    "linkedin_likes",
    "linkedin_follows",
]
"""Counts of actions, which add up over days and campaigns (API reference 2.8, kind A)."""

Row = Mapping[str, Any]
Counts = Mapping[str, int]


@dataclass(frozen=True)
class Event:
    """A row of recipients-activity, with its time."""

    at: datetime
    row: Row

    @property
    def kind(self) -> str:
        """The event's type, `sent` for an e-mail."""
        return str(self.row.get("event_type"))

    @property
    def who(self) -> str:
        """The recipient. Never leaves this process."""
        return str(self.row.get("recipient_email") or self.row.get("recipient_name")).lower()


@dataclass(frozen=True)
class Window:
    """Days of a campaign, from `first` to `last`, whose events are all known.

    `asked` are the parameters of the request, `outside` the number of rows of other days in the response.
    """

    campaign: int
    first: date
    last: date
    events: Sequence[Event]
    asked: Mapping[str, str | int]
    outside: int

    def sent(self) -> Sequence[Event]:
        """The e-mails sent."""
        return [event for event in self.events if event.kind == "sent"]

    def days(self) -> Counter[date]:
        """The number of e-mails sent per UTC day."""
        return Counter(event.at.date() for event in self.sent())


class Account:
    """The responses so far, and the campaigns that the points use."""

    def __init__(self, client: Client, today: date | None = None) -> None:
        self.client = client
        self.today = today or datetime.now(UTC).date()
        self.last_day_left_out = False
        """Whether analytics exclude `date_to`, as far as known."""
        self.zone: tzinfo = UTC
        """The time zone of the days of analytics, as far as known."""
        self.fields: dict[str, dict[str, dict[str, int]]] = {}
        """For each checked stream: the types of each field, with counts."""
        self._responses: dict[tuple[str, tuple[tuple[str, str | int], ...]], Response] = {}

    @property
    def yesterday(self) -> date:
        """The last day that is over."""
        return self.today - timedelta(days=1)

    def get(self, path: str, **params: str | int) -> Response:
        """The response to this request, which is made only once."""
        key = (path, tuple(sorted(params.items())))
        if key not in self._responses:
            self._responses[key] = self.client.get(path, params)
        return self._responses[key]

    def again(self, path: str, **params: str | int) -> Response:
        """The response to the same request, made again."""
        return self.client.get(path, params)

    def rows(self, path: str, under: str | None = None, **params: str | int) -> Sequence[Row]:
        """The rows of a list. Raises CouldNotTell if the response has no list."""
        return rows_of(self.get(path, **params), under)

    def prospects(self, list_id: int, page: int, per_page: int, again: bool = False) -> Response:
        """A page of a list's prospects, requested once, or again."""
        asked = {"listId": list_id, "page": page, "perPage": per_page}
        key = ("prospects", tuple(sorted(asked.items())))
        if again or key not in self._responses:
            self._responses[key] = self.client.post("/v1/prospect-list", asked)
        return self._responses[key]

    # Campaigns --------------------------------------------------------------------------------------------------------

    @cached_property
    def campaigns(self) -> Sequence[Row]:
        """The campaign list."""
        return [row for row in self.rows(CAMPAIGNS) if isinstance(row.get("id"), int)]

    @property
    def no_campaign(self) -> int:
        """An unknown campaign id."""
        return int(max(row["id"] for row in self.campaigns)) + 10_000_000

    @cached_property
    def started(self) -> Sequence[tuple[int, date]]:
        """Campaigns with their first days, first those that began a few weeks ago."""
        found = []
        for row in self.campaigns:
            # A campaign with an unreadable start was started too.
            begun = row.get("started_at") and (moment(row["started_at"]) or moment(row.get("created_at")))
            if begun is not None and begun.date() < self.yesterday:
                found.append((int(row["id"]), begun.date()))
        return sorted(found, key=lambda one: abs((self.today - one[1]).days - 45))

    @cached_property
    def created(self) -> Mapping[int, date]:
        """The day on which each campaign was created, where that can be read."""
        days = {int(row["id"]): moment(row.get("created_at")) for row in self.campaigns}
        return {campaign: day.date() for campaign, day in days.items() if day}

    @cached_property
    def windows(self) -> Sequence[Window]:
        """The first days of some campaigns that sent e-mails, the one with the most sending days first."""
        found: list[Window] = []
        reason = "no campaign has e-mails on several days"
        for campaign, begun in self.started[:TRIED]:
            try:
                window = self._window(campaign, begun)
            except OutOfRequests:
                raise
            except CouldNotTell as problem:
                reason = f"recipients-activity {problem}"
                continue
            if window is not None and len(window.days()) > 1:
                found.append(window)
            if len(found) == WINDOWS:
                break
        if not found:
            raise CouldNotTell(reason)
        return sorted(found, key=lambda window: -len(window.days()))

    @property
    def main(self) -> Window:
        """The window that most points use."""
        return self.windows[0]

    def page(self, window: Window, **other: str | int) -> Response:
        """A page of a window. `other` replaces parameters of its request."""
        return self.get(activity(window.campaign), **{**window.asked, **other})

    def asked_window(self, begun: date) -> dict[str, str | int]:
        """The parameters for a campaign's first days."""
        # From the day before, because the zone is unknown, to the day after, because the last day may be left out.
        first = begun - timedelta(days=1)
        return {"dateFrom": str(first), "dateTo": str(min(first + WINDOW, self.today)), "limit": PAGE, "offset": 0}

    def _window(self, campaign: int, begun: date) -> Window | None:
        asked = self.asked_window(begun)
        first, date_to = (date.fromisoformat(str(asked[name])) for name in ("dateFrom", "dateTo"))
        response = self.get(activity(campaign), **asked)
        total = whole_number(response.body, "pagination", "total")
        events = list(events_of(response))
        for _ in range(MORE_PAGES):
            if len(events) >= min(total, PAGE):
                break
            events += events_of(self.get(activity(campaign), **{**asked, "offset": len(events)}))
        outside = sum(not first <= event.at.date() <= date_to for event in events)
        last = date_to - timedelta(days=1)
        if not events:
            return None
        if len(events) < total:
            # More events of the page's last day may follow.
            edges = events[0].at.date(), events[-1].at.date()
            if events != sorted(events, key=lambda event: event.at, reverse=edges[0] > edges[1]):
                return None
            if edges[0] <= edges[1]:
                last = min(last, edges[1] - timedelta(days=1))
            else:
                first = max(first, edges[1] + timedelta(days=1))
        known = [event for event in events if first <= event.at.date() <= last]
        return Window(campaign, first, last, known, asked, outside)

    # Analytics --------------------------------------------------------------------------------------------------------

    def figures(self, campaigns: Sequence[int], first: date, last: date, **filters: str | int) -> Counts:
        """The counts of these days, both included. Raises CouldNotTell if the response has none."""
        asked = last + timedelta(days=1) if self.last_day_left_out else last
        return self.figures_asked(campaigns, first, asked, **filters)

    def figures_asked(self, campaigns: Sequence[int], first: date, date_to: date, **filters: str | int) -> Counts:
        """The counts of exactly this request."""
        return counts_of(self.get(ANALYTICS, **self.asked_figures(campaigns, first, date_to), **filters))

    def asked_figures(self, campaigns: Sequence[int], first: date, date_to: date) -> dict[str, str | int]:
        """The parameters of a request for analytics."""
        return {"campaign_id": ",".join(map(str, campaigns)), "date_from": str(first), "date_to": str(date_to)}


def activity(campaign: int) -> str:
    """The path of a campaign's events."""
    return f"/v2/campaigns/{campaign}/recipients-activity"


def rows_of(response: Response, under: str | None = None) -> Sequence[Row]:
    """The rows of a response, under a key or at the top. Raises CouldNotTell if there is no list of objects."""
    if not response.good:
        raise CouldNotTell(f"returned {form_of(response)}")
    found = response.body.get(under) if under and isinstance(response.body, dict) else response.body
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise CouldNotTell(f"returned {form_of(response)}, not a list of objects")
    return found


def events_of(response: Response) -> Sequence[Event]:
    """The events of a page that have a readable time."""
    found = [(moment(row.get("event_time")), row) for row in rows_of(response, "data")]
    return [Event(at, row) for at, row in found if at is not None]


def counts_of(response: Response) -> Counts:
    """The counts of a response of analytics."""
    if not response.good or not isinstance(response.body, dict):
        raise CouldNotTell(f"returned {form_of(response)}")
    found = {name: value for name, value in response.body.items() if isinstance(value, int)}
    if "emails_sent" not in found:
        raise CouldNotTell(f"returned {form_of(response)}, without emails_sent as a number")
    return found


def whole_number(body: Any, *path: str) -> int:
    """The number at a path of a body; 0 if there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, int) else 0
