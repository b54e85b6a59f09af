"""Points about paged lists (e-mails, replies, prospects, warm-ups), and about what stays the same in two reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from verify.account import Account, Row, rows_of, whole_number
from verify.client import CouldNotTell, Response
from verify.findings import ROWS_MAY_LACK, Seen, differs, either, holds, point
from verify.shapes import form_of, listed, safe
from verify.times import moment

V1_PAGE: Final = 10_000
LISTS: Final = "/v1/get-user-lists"
WARM_UP: Final = "/v2/warm-up"
SENT, OPENED, REPLIED = "/v1/emails-sent", "/v1/get-emails-opened", "/v1/get-emails-replies"


def went_on(first_again: bool) -> str:
    """Describes the rows at an offset that are not the expected ones."""
    return "the first rows again" if first_again else "unexpected rows: the list changes between two reads"


# E-mails --------------------------------------------------------------------------------------------------------------


@point(
    "emails-page",
    assumes="a page has up to 10,000 rows, and one with fewer is the last",
    follows="report it: rows beyond the first page could be missing from the four streams of e-mails",
)
def emails_page(account: Account) -> Seen:
    """Is a page of fewer than 10,000 e-mails the last one?"""
    campaign = account.main.campaign
    rows = account.rows(SENT, campaignId=campaign)
    more = account.rows(SENT, campaignId=campaign, offset=len(rows))
    return either(len(rows) == V1_PAGE or not more, f"{len(rows):,} rows, then {len(more):,} with offset {len(rows):,}")


@point(
    "emails-offset",
    assumes="offset skips this many rows",
    follows=ROWS_MAY_LACK,
)
def emails_offset(account: Account) -> Seen:
    """Does `offset` skip rows of the lists of e-mails?"""
    campaign = account.main.campaign
    rows = account.rows(SENT, campaignId=campaign)
    later = account.rows(SENT, campaignId=campaign, offset=2)
    if len(rows) < 4:
        raise CouldNotTell("fewer than four rows")
    skipped = _mails(later)[:2] == _mails(rows)[2:4]
    return either(
        skipped, "the rows continue where they should" if skipped else went_on(_mails(later)[:1] == _mails(rows)[:1])
    )


def _mails(rows: Sequence[Row]) -> Sequence[tuple[str, str]]:
    """Recipient and time, which identify e-mails without their id."""
    return [(str(row.get("userEmail") or row.get("prospectEmail")), str(_at(row))) for row in rows]


def _at(row: Row) -> Any:
    return moment(row.get("sentDate") or row.get("visitedAt"))


@point(
    "emails-ids",
    assumes="id is the same in every read; it is part of the primary key",
    follows="report it: every sync would duplicate the rows of the four streams of e-mails",
)
def emails_ids(account: Account) -> Seen:
    """Are the ids of e-mails the same in two reads?"""
    return _in_two_reads(account, SENT, "id")


def _in_two_reads(account: Account, path: str, name: str) -> Seen:
    campaign = account.main.campaign
    first = account.rows(path, campaignId=campaign)
    second = rows_of(account.again(path, campaignId=campaign))
    same = Counter(str(row.get(name)) for row in first) & Counter(str(row.get(name)) for row in second)
    if not first:
        raise CouldNotTell("the list is empty")
    return either(same.total() == len(first), f"{name} is the same for {same.total():,} of {len(first):,} rows")


@point(
    "emails-key",
    assumes="id and time identify a row; rows with the same id and time are one event",
    follows="report the fields: different events would become one",
)
def emails_key(account: Account) -> Seen:
    """Do opens with the same id and time differ in anything else?"""
    seen: dict[tuple[str, str], Row] = {}
    other = set[str]()
    rows = account.rows(OPENED, campaignId=account.main.campaign)
    for row in rows:
        first = seen.setdefault((str(row.get("id")), str(_at(row))), row)
        other |= {safe(name) for name in row if name != "prospectId" and row[name] != first.get(name)}
    if not rows:
        raise CouldNotTell("nobody opened an e-mail")
    shared = len(rows) - len({row.get("id") for row in rows})
    text = f"{len(rows):,} opens, {shared:,} share an id with another"
    return differs(f"{text}; same id and time, different {listed(sorted(other))}") if other else holds(text)


@point(
    "prospect-ids",
    assumes="prospectId changes with every read, so no key uses it",
    follows="nothing to set: the connector does not use it; report it, because joins could use it",
)
def prospect_ids(account: Account) -> Seen:
    """Does prospectId change between two reads?"""
    stable = _in_two_reads(account, OPENED, "prospectId")
    return either(stable.verdict == "differs", stable.text)


@point(
    "emails-replies-form",
    assumes="the text is in emailSubject and emailBody of the row; the connector also reads emails[]",
    follows="nothing to set: read the text of email_replies from `emails`; report it",
)
def replies_form(account: Account) -> Seen:
    """Is the text of an e-mail reply in the row or in `emails`?"""
    for window in account.windows:
        for row in account.rows(REPLIED, campaignId=window.campaign)[:1]:
            flat, nested = "emailBody" in row, isinstance(row.get("emails"), list)
            return either(flat and not nested, f"in the row: {_yes(flat)}; in emails[]: {_yes(nested)}")
    raise CouldNotTell("no campaign has replies by e-mail")


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


# Replies on all channels ----------------------------------------------------------------------------------------------


def _replies(account: Account) -> tuple[str, Sequence[Row]]:
    """The first campaign with several replies."""
    for window in account.windows:
        path = f"/v2/campaigns/{window.campaign}/all-replies"
        rows = account.rows(path, "data", offset=0)
        if len(rows) > 2:
            return path, rows
    raise CouldNotTell("no campaign has three replies")


def contacts(rows: Sequence[Row]) -> Sequence[tuple[str, ...]]:
    """What identifies replies. Never leaves this process."""
    names = ("prospectEmail", "linkedInProfile", "prospectName", "replyType", "receivedAt")
    return [tuple(str(row.get(name)) for name in names) for row in rows]


@point(
    "replies-pages",
    assumes="offset skips rows, pages have any size, and an empty page follows the last one",
    follows=ROWS_MAY_LACK,
)
def replies_pages(account: Account) -> Seen:
    """How large are the pages of all-replies, and how do they end?"""
    path, rows = _replies(account)
    later = account.rows(path, "data", offset=1)
    size, total = len(rows), len(rows)
    next_page = account.rows(path, "data", offset=total)
    skipped = contacts(later)[:1] == contacts(rows)[1:2]
    pages = f"pages of {size} rows" if next_page else f"{size} rows in one page, then an empty page"
    repeated = contacts(next_page)[:1] == contacts(rows)[:1]
    if not skipped or repeated:
        return differs(f"{went_on(contacts(later)[:1] == contacts(rows)[:1])}; {size} rows in a page")
    return holds(pages)


@point(
    "replies-twice",
    assumes="address, profile, name and type of a reply are the same in every read",
    follows="report it: the key `contact` would change with every sync",
)
def replies_twice(account: Account) -> Seen:
    """Are replies the same in two reads?"""
    path, rows = _replies(account)
    second = rows_of(account.again(path, offset=0), "data")
    return either(contacts(rows) == contacts(second), f"{len(rows)} rows, then {len(second)}")


# Prospects ------------------------------------------------------------------------------------------------------------


def prospect_page(account: Account, number: int, size: int, again: bool = False) -> Response:
    """A page of a list of convenient size."""
    lists = account.rows(LISTS)
    usable = [row for row in lists if not row.get("isDeleted") and whole_number(row, "contacts") >= 10]
    if not usable:
        raise CouldNotTell("no list has ten prospects")
    handy = min(usable, key=lambda row: abs(whole_number(row, "contacts") - 150))
    return account.prospects(int(handy["id"]), number, size, again)


def _people(response: Response) -> Sequence[str]:
    return [f"{row.get('emails')} {row.get('name')}" for row in rows_of(response, "prospects")]


@point(
    "prospects-pages",
    assumes="perPage is the number of rows of a page, up to 1,000; page skips; list.contacts is the total",
    follows=ROWS_MAY_LACK,
)
def prospects_pages(account: Account) -> Seen:
    """Do perPage and page of prospect-list work as documented?"""
    response = prospect_page(account, 1, 1000)
    whole, contacts = _people(response), whole_number(response.body, "list", "contacts")
    first, second = (_people(prospect_page(account, number, 5)) for number in (1, 2))
    skips = second == whole[5:10] and second != first
    text = (
        f"perPage 5: {len(first)} rows; perPage 1,000: {len(whole):,} of {contacts:,}; page 2 continues: {_yes(skips)}"
    )
    return either(skips and len(first) == 5 and len(whole) == min(1000, contacts), text)


@point(
    "prospects-twice",
    assumes="names and addresses are the same in every read; id is not, so no key uses it",
    follows="report it: the key `contact` would change with every sync",
)
def prospects_twice(account: Account) -> Seen:
    """Are the prospects of a list the same in two reads?"""
    first, second = prospect_page(account, 1, 5), prospect_page(account, 1, 5, again=True)
    ids = [{str(row.get("id")) for row in rows_of(response, "prospects")} for response in (first, second)]
    people = _people(first), _people(second)
    text = f"{len(people[0])} rows, then {len(people[1])}; {len(ids[0] & ids[1])} with the same id"
    return either(people[0] == people[1], text)


@point(
    "prospects-unknown",
    assumes="400 or 404 for an unknown list, which the connector skips",
    follows="report it: a deleted list could fail list_prospects",
)
def unknown_list(account: Account) -> Seen:
    """What does prospect-list return for an unknown list?"""
    known = [int(row["id"]) for row in account.rows(LISTS) if isinstance(row.get("id"), int)]
    response = account.prospects(max(known, default=0) + 10_000_000, 1, 5)
    return either(response.status in (400, 404) and response.is_json, form_of(response))


# Warm-ups -------------------------------------------------------------------------------------------------------------


@point(
    "warm-up-pages",
    assumes="per_page may be 100, page skips, and meta.total_items is the total",
    follows=ROWS_MAY_LACK,
)
def warm_up_pages(account: Account) -> Seen:
    """Do per_page and page of warm-up work as documented?"""
    response = account.get(WARM_UP, page=1, per_page=100)
    rows, total = rows_of(response, "data"), whole_number(response.body, "meta", "total_items")
    second = account.rows(WARM_UP, "data", page=2, per_page=20)
    skips = [row.get("id") for row in second] == [row.get("id") for row in rows[20:40]]
    text = f"per_page 100: {len(rows)} of {total} rows; page 2 of 20 continues: {_yes(skips)}"
    return either(skips and len(rows) == min(100, total), text)


@point(
    "warm-up-last-day",
    assumes="the day is included; the connector requests one day more, so either is fine",
    follows="nothing to set; report it, so that the documentation can say so",
)
def warm_up_last_day(account: Account) -> Seen:
    """Do statistics of warm-ups include the day of date_to?"""
    for row in account.rows(WARM_UP, "data", page=1, per_page=100):
        begun = moment(row.get("start_date"))
        if row.get("status") == "pending" or begun is None or begun.date() >= account.yesterday:
            continue
        first = max(begun.date(), account.yesterday - timedelta(days=60))
        days = _warm_up_days(account, int(row["id"]), first, account.yesterday)
        if len(days) > 1:
            last = days[len(days) // 2]
            shorter = _warm_up_days(account, int(row["id"]), min(first, last - timedelta(days=1)), last)
            return either(last in shorter, f"{len(shorter)} days of a period, its last {_there(last in shorter)}")
    raise CouldNotTell("no warm-up has several days")


def _there(is_there: bool) -> str:
    return "included" if is_there else "left out"


def _warm_up_days(account: Account, warm_up: int, first: date, last: date) -> Sequence[date]:
    response = account.get(f"{WARM_UP}/statistics/{warm_up}", date_from=str(first), date_to=str(last))
    if not response.good:
        raise CouldNotTell(f"returned {form_of(response)}")
    days = response.body["data"]["daily_statistics"]
    return sorted(date.fromisoformat(name) for name in days)
