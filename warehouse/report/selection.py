"""The figures from which the page computes again what it shows, when a reader chooses a period or campaigns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from warehouse.report.marts import Marts, Row

COUNTS: Final = ("emails_sent", "bounced", "delivered", "people_opened", "people_clicked", "people_replied")
"""The figures of a campaign and day, in the order in which they are written."""

TOTALS: Final = (
    *("emails_sent", "bounced", "delivered", "people_contacted_by_email", "people_opened", "people_clicked"),
    *("people_replied", "people_unsubscribed", "people_auto_replied", "people_replied_linkedin", "people_interested"),
    *("people_maybe", "people_not_interested", "invitations_sent", "invitations_accepted"),
)
"""The figures of a campaign over its whole life."""

EVENTS: Final = ("was_mailed", "has_bounced", "has_opened", "has_clicked", "has_replied", "has_unsubscribed")
"""What happened with a person on a day: bits, the first one is 1."""

EMAIL, LINKEDIN = 1, 2
"""Bits of a campaign's channels."""


def compact(marts: Marts) -> dict[str, Any]:
    """Days are counted from `first`, campaigns by their place in `campaigns`.

    daily: for each campaign, rows of a day and its COUNTS. people: for each person, triples of campaign, day and
    EVENTS; null if no events were synced, or too many for a page. hours: for each campaign, rows of an hour, counted
    from Monday's first, its e-mails sent and replies. begin, last: the first and the last day of the charts; 0 without
    any.
    """
    places = {row["campaign_id"]: place for place, row in enumerate(marts.campaigns)}
    days = [row["date"] for row in (*marts.daily, *(marts.person_days or ()))]
    first = min((*days, *(row["date"] for row in marts.days[:1])), default=None)

    def ago(day: date) -> int:
        return (day - first).days if first else 0

    daily: list[list[list[int]]] = [[] for _ in places]
    for row in marts.daily:
        if row["campaign_id"] in places:
            daily[places[row["campaign_id"]]].append([ago(row["date"]), *(int(row[name] or 0) for name in COUNTS)])
    hours: list[list[list[int]]] = [[] for _ in places]
    for row in marts.weekday_hours:
        if row["campaign_id"] in places:
            hour = 24 * (row["weekday"] - 1) + row["hour"]
            hours[places[row["campaign_id"]]].append([int(hour), int(row["emails_sent"]), int(row["replies"])])
    people: defaultdict[int, list[int]] = defaultdict(list)
    for row in marts.person_days or ():
        if row["campaign_id"] in places:
            flags = sum(bool(row[name]) << bit for bit, name in enumerate(EVENTS))
            people[row["person_number"]] += [places[row["campaign_id"]], ago(row["date"]), flags]
    return {
        "first": first.isoformat() if first else None,
        "begin": ago(marts.days[0]["date"]) if marts.days else 0,
        "last": ago(marts.days[-1]["date"]) if marts.days else 0,
        "campaigns": [_campaign(row) for row in marts.campaigns],
        "totals": list(TOTALS),
        "daily": daily,
        "hours": hours,
        "people": list(people.values()) if marts.person_days else None,
    }


def channels(campaigns: Sequence[Row]) -> int:
    """The channels of all of them."""
    found = 0
    for row in campaigns:
        found |= _channels(row)
    return found


def _campaign(row: Row) -> dict[str, Any]:
    return {
        "name": f"{row['campaign'] or ''} {row['status'] or ''}".lower(),
        "status": row["status"] or "",
        "client": row["client"] or "",
        "channels": _channels(row),
        "totals": [int(row[name] or 0) for name in TOTALS],
    }


def _channels(row: Row) -> int:
    by_email = bool(row["emails_sent"] or row["people_contacted_by_email"])
    on_linkedin = bool(row["people_contacted_by_linkedin"] or row["invitations_sent"])
    return by_email * EMAIL + on_linkedin * LINKEDIN
