"""The expected rows of reports, from the sandbox's account and the calendar alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox.settings import Settings
from sandbox.world.account import Account
from unit_tests._daily import FURTHEST_BEHIND, as_number, day_of
from unit_tests._helpers import records

DAY = timedelta(days=1)

Table = dict[tuple[Any, ...], dict[str, Any]]

ENTITIES: Mapping[str, Callable[[Account], Sequence[Any]]] = {
    "": lambda account: [None],
    "campaign_id": lambda account: list(started(account)),
    "sender_email_id": lambda account: list(account.email_senders),
    "sender_linkedin_id": lambda account: list(account.linkedin_senders),
    "campaign_owner": lambda account: account.owners(),
}
"""What a report has rows for, by the field that names it; nothing for the account."""

REPORTS = {
    "campaign_analytics_daily": ("campaign_id", "day"),
    "campaign_analytics_monthly": ("campaign_id", "month"),
    "account_analytics_daily": ("", "day"),
    "account_analytics_monthly": ("", "month"),
    "sender_analytics_daily": ("sender_email_id", "day"),
    "linkedin_sender_analytics": ("sender_linkedin_id", "whole"),
    "owner_analytics": ("campaign_owner", "month"),
}
"""What the streams have rows for: the field that names it, and the period."""


def started(account: Account) -> dict[int, tuple[date, date]]:
    """The days of the start of each campaign that was started: the earliest in any time zone, and that in UTC."""
    return {
        campaign.id: (day_of(campaign.started_at, FURTHEST_BEHIND), day_of(campaign.started_at))
        for campaign in account.campaigns.values()
        if campaign.started_at is not None
    }


def cells(first: date, last: date, period: str) -> Iterator[tuple[date, date, date]]:
    """The first day of each period that these days are in, with the first and the last of its days among them."""
    begins = {
        "day": lambda day: day,
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
        "whole": lambda day: first,
    }[period]
    day = first
    while day <= last:
        end = day
        while end < last and begins(end + DAY) == begins(day):
            end += DAY
        yield begins(day), day, end
        day = end + DAY


def truth(
    account: Account,
    field: str,
    period: str,
    first: date | None = None,
    last: date | None = None,
    reading: Settings | None = None,
    campaigns: Sequence[int] | None = None,
    **filters: Any,
) -> Table:
    """The rows of a report by key. first, last: the days asked for. filters: arguments of `Account.analytics`."""
    lives = {one: day for one, day in started(account).items() if campaigns is None or one in campaigns}
    last = min(last or account.today, account.today)
    found: Table = {}
    for entity in ENTITIES[field](account):
        if field == "campaign_id" and entity not in lives:
            continue
        earliest, began = lives[entity] if field == "campaign_id" else map(min, zip(*lives.values(), strict=True))
        asked = [entity] if field == "campaign_id" else list(lives)
        own = filters | ({_PARAMETER[field]: [entity]} if field not in ("", "campaign_id") else {})
        for begins, from_, to in cells(max(earliest, first or earliest), last, period):
            key = {field: entity} if field else {}
            key |= {"date" if period == "day" else period: str(begins)} if period != "whole" else {}
            if not key:
                key = {"account": "all"}
            days = {"date_from": str(from_), "date_to": str(to)} if period != "day" else {}
            figures = account.analytics(asked, from_, to, reading=reading, **own)
            values = {name: as_number(value) for name, value in figures.items()}
            if to >= began or any(values.values()):
                found[tuple(key.values())] = key | days | values
    return found


_PARAMETER = {
    "sender_email_id": "sender_email",
    "sender_linkedin_id": "sender_linkedin",
    "campaign_owner": "campaign_owner",
}


def table(stream: str, field: str, period: str, *outputs: EntrypointOutput) -> Table:
    """The rows that syncs leave in a warehouse: of each key the last one."""
    key = [field] if field else []
    key += ["date" if period == "day" else period] if period != "whole" else []
    key = key or ["account"]
    return {tuple(row[name] for name in key): row for output in outputs for row in records(output, stream)}
