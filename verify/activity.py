"""Points about recipients-activity: the days of a window, and how its pages end."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Final

from verify.account import PAGE, WINDOW, Account, Event, activity, events_of, rows_of, whole_number
from verify.client import CouldNotTell, Response
from verify.findings import ROWS_MAY_LACK, Seen, differs, either, holds, point
from verify.lists import went_on
from verify.shapes import form_of, listed, safe

ONE_DAY: Final = timedelta(days=1)
PAGES: Final = 3
"""Requests to read a window in pages."""

SMALL: Final = 2
"""Rows of a small page."""

KINDS: Final = [
    "sent",
    "open",
    "click",
    "reply",
    "bounce",
    "unsubscribe",
    "send_invite",
    "connected",
    "send_message",
    "in_mail",
    "replied",
]
"""Event types that are documented or observed (API reference 2.10)."""

IDENTITY: Final = ("event_time", "event_type", "recipient_email", "sender_email", "email_subject")
Key = tuple[str, ...]


def key(event: Event) -> Key:
    """What identifies an event: everything that the connector's event_id is made of."""
    return tuple(str(event.row.get(name)) for name in IDENTITY)


@point(
    "activity-last-day",
    assumes="the day is included; the connector requests one day more, so either is fine",
    follows="nothing to set; report it, so that the documentation can say so",
)
def last_day(account: Account) -> Seen:
    """Does recipients-activity include the day of dateTo?"""
    window = account.main
    [(busiest, number)] = window.days().most_common(1)
    found = events_of(account.page(window, dateFrom=str(busiest - ONE_DAY), dateTo=str(busiest)))
    there = sum(event.at.date() == busiest and event.kind == "sent" for event in found)
    return either(there > 0, f"{there} of {number} e-mails sent on the last day of a window are in it")


@point(
    "activity-dates",
    assumes="dateFrom and dateTo limit the events, whose event_time is in UTC",
    follows="nothing to set: the connector drops rows of other days; report it",
)
def dates(account: Account) -> Seen:
    """Are all events of a window on the requested days?"""
    outside = sum(window.outside for window in account.windows)
    return either(not outside, f"{outside:,} rows outside {len(account.windows)} windows of {WINDOW.days} days")


@point(
    "activity-names",
    assumes="the parameters are dateFrom and dateTo (reference), not date_from and date_to (one client)",
    follows="report it: the stream could not be read",
)
def names(account: Account) -> Seen:
    """Which names of the date parameters are accepted?"""
    if not account.started:
        raise CouldNotTell("no campaign was started before yesterday")
    campaign, begun = account.started[0]
    asked = account.asked_window(begun)
    documented = account.get(activity(campaign), **asked)
    other = account.get(activity(campaign), date_from=asked["dateFrom"], date_to=asked["dateTo"])
    return either(documented.good, f"dateFrom: {documented.status}; date_from: {other.status}")


@point(
    "activity-longest-window",
    assumes="dateTo may be 30 days after dateFrom; the connector never requests more",
    follows="report it: the stream could not be read",
)
def longest(account: Account) -> Seen:
    """Is a window of 30 days between the dates accepted, and one of 31?"""
    window = account.main
    first = min(date.fromisoformat(str(window.asked["dateFrom"])), account.yesterday - WINDOW - ONE_DAY)
    thirty, more = (
        account.page(window, dateFrom=str(first), dateTo=str(first + days)) for days in (WINDOW, WINDOW + ONE_DAY)
    )
    return either(thirty.good, f"30 days: {thirty.status}; 31 days: {more.status}")


@point(
    "activity-tomorrow",
    assumes="a dateTo after today is accepted",
    follows="report it: events of the current day may arrive a day later",
)
def tomorrow(account: Account) -> Seen:
    """Does recipients-activity accept a dateTo in the future?"""
    response = account.page(account.main, dateFrom=str(account.yesterday), dateTo=str(account.today + ONE_DAY))
    return either(response.good, "200" if response.good else form_of(response))


@point(
    "activity-limit",
    assumes="limit is the number of rows of a page, up to 1,000",
    follows="nothing to set: the connector counts the rows it gets; report the size of a page",
)
def limit(account: Account) -> Seen:
    """Does a page have as many rows as `limit` says?"""
    response = _page(account, SMALL)
    rows = len(rows_of(response, "data"))
    told = whole_number(response.body, "pagination", "limit")
    large = _page(account, PAGE)
    total, got = whole_number(large.body, "pagination", "total"), len(rows_of(large, "data"))
    as_asked = rows == min(SMALL, total) and got == min(PAGE, total)
    return either(as_asked, f"limit {SMALL}: {rows} rows (it says {told}); limit {PAGE:,}: {got:,} of {total:,}")


@point(
    "activity-offset",
    assumes="offset skips this many rows",
    follows=ROWS_MAY_LACK,
)
def offset(account: Account) -> Seen:
    """Does `offset` skip rows?"""
    whole = events_of(_page(account, PAGE))
    later = events_of(_page(account, SMALL, SMALL))
    if len(whole) < 2 * SMALL or key(whole[0]) == key(whole[SMALL]):
        raise CouldNotTell("the window has too few different events")
    as_asked = list(map(key, later[:SMALL])) == list(map(key, whole[SMALL : 2 * SMALL]))
    repeated = bool(later) and key(later[0]) == key(whole[0])
    return either(as_asked, "the rows continue where they should" if as_asked else went_on(repeated))


@point(
    "activity-has-more",
    assumes="pagination.has_more is true as long as rows are left",
    follows=ROWS_MAY_LACK,
)
def has_more(account: Account) -> Seen:
    """Does has_more tell the truth?"""
    wrong, looked = 0, 0
    for limit, start in ((SMALL, 0), (SMALL, SMALL), (PAGE, 0)):
        response = _page(account, limit, start)
        told = response.body["pagination"].get("has_more")
        left = whole_number(response.body, "pagination", "total") - start - len(rows_of(response, "data"))
        wrong += told is not (left > 0)
        looked += 1
    return either(not wrong, f"wrong on {wrong} of {looked} pages")


@point(
    "activity-pages",
    assumes="consecutive pages have each event once",
    follows=ROWS_MAY_LACK,
)
def pages(account: Account) -> Seen:
    """Do small pages of a window have the same events as one large page?"""
    whole = [key(event) for event in events_of(_page(account, PAGE))]
    size = -(-whole_number(_page(account, PAGE).body, "pagination", "total") // PAGES)
    paged: list[Key] = []
    for _ in range(PAGES):
        paged += [key(event) for event in events_of(_page(account, min(size, PAGE), len(paged)))]
    # A page may have fewer rows than requested, so only the rows that both reads should have are compared.
    both = min(len(whole), len(paged))
    missing = (Counter(whole[:both]) - Counter(paged[:both])).total()
    return either(not missing, f"{both:,} events in {PAGES} pages: {missing} missing or duplicate")


@point(
    "activity-twice",
    assumes="an event has the same time, type, addresses and subject in every read; event_id is made of them",
    follows="report the fields: event_id would change with every sync",
)
def twice(account: Account) -> Seen:
    """Are the events of a window the same in two reads?"""
    window = account.main
    first = rows_of(_page(account, PAGE), "data")
    second = rows_of(account.again(activity(window.campaign), **window.asked), "data")
    if not first:
        raise CouldNotTell("the window has no events")
    changed = {
        safe(name) for one, other in zip(first, second, strict=False) for name in one if one[name] != other.get(name)
    }
    if changed or len(first) != len(second):
        return differs(f"{len(first):,} events, then {len(second):,}; different values in {listed(sorted(changed))}")
    return holds(f"{len(first):,} events, equal in all fields")


@point(
    "activity-types",
    assumes="event_type is documented, or observed by others",
    follows="nothing to set: other types are passed on; report how many there are",
)
def types(account: Account) -> Seen:
    """Which event types are there?"""
    found = Counter(event.kind for window in account.windows for event in window.events)
    known = ", ".join(f"{kind} {found[kind]:,}" for kind in KINDS if found[kind])
    others = sum(number for kind, number in found.items() if kind not in KINDS)
    return either(not others, f"{known}; others {others:,}")


def _page(account: Account, limit: int, offset: int = 0) -> Response:
    return account.page(account.main, limit=limit, offset=offset)
