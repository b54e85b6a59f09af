"""Adds everything but campaigns to the demo account, and awkward cases that a client must handle.

It changes no campaign, and no analytics of whole days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

from sandbox.world.account import Account, Event
from sandbox.world.belongings import (
    Blacklist,
    CustomField,
    Pipeline,
    ProspectList,
    Schedule,
    Stage,
    WarmUp,
    Webhook,
)
from sandbox.world.events import EMAILS, LINKEDIN_REPLIES, OPEN, REPLY, day_start

DELETED_LIST: Final = 4_400_001
EMPTY_LIST: Final = 4_400_002
FIRST_WARM_UP: Final = 301


def furnish(account: Account, seed: int) -> None:
    """Adds everything in this module to an account with campaigns."""
    rng = Random(f"furnishing {seed}")
    _add_lists(account, rng)
    _add_settings(account)
    _add_pipelines(account)
    account.belongings.warm_ups = [
        WarmUp(301, "active", 55001, _ago(account, 40)),
        WarmUp(302, "completed", 55002, _ago(account, 120), last=_ago(account, 61), deadline=_ago(account, 61)),
        WarmUp(303, "paused", 55003, _ago(account, 30), last=_ago(account, 12), strategy="steady", per_day=15),
        WarmUp(304, "error", 55004, _ago(account, 25), last=_ago(account, 20), error="SMTP: login failed"),
        WarmUp(305, "pending", 55002, account.today + timedelta(days=3)),
        WarmUp(306, "active", 55003, _ago(account, 1), ready=False),
    ]
    add_twin(account, rng)
    add_second_replies(account, rng)
    make_namesakes(account)


def warm_ups(number: int, today: date) -> list[WarmUp]:
    """This many warm-ups, alternately active and paused, to fill pages."""
    start = today - timedelta(days=20)
    active = WarmUp(FIRST_WARM_UP, "active", 55001, start)
    paused = replace(active, status="paused", last=today - timedelta(days=5))
    return [replace(paused if place % 2 else active, id=FIRST_WARM_UP + place) for place in range(number)]


def _add_lists(account: Account, rng: Random) -> None:
    created = day_start(_ago(account, 300)) + 11_045
    account.belongings.lists = [
        ProspectList(
            DELETED_LIST,
            "Old import, do not use",
            created,
            tuple(rng.sample(sorted(account.recipients), 12)),
            deleted_at=day_start(_ago(account, 100)) + 3600,
        ),
        ProspectList(EMPTY_LIST, "Nobody yet", created + 86_400),
    ]


def _add_settings(account: Account) -> None:
    belongings = account.belongings
    belongings.custom_fields = [
        CustomField("Region", required=True),
        CustomField("Account tier"),
        CustomField("Seats", "number"),
        CustomField("Renewal date", "date"),
    ]
    belongings.schedules = [
        Schedule(7, "Weekdays CET", "Europe/Berlin"),
        Schedule(8, "Every day, mornings", "America/New_York", frozenset(range(7)), "07:00", "11:45"),
    ]
    belongings.blacklists = [
        Blacklist(12, "Do not contact", "Ana Ruiz", 240),
        Blacklist(13, "Competitors", "Jonas Weber", 0),
    ]
    at = day_start(_ago(account, 200)) + 36_000
    belongings.webhooks = [
        Webhook(5, "https://hooks.example.com/sent", "campaign_email", "sent", "active", at),
        Webhook(6, "https://hooks.example.com/in?key=made-up", "campaign_reply", "received", "active", at + 60),
        Webhook(9, "https://hooks.example.org/old", "prospect", "unsubscribed", "deactivated", at - 86_400),
    ]


def _add_pipelines(account: Account) -> None:
    account.belongings.pipelines = [
        Pipeline(
            88,
            "New business",
            _ago(account, 250),
            (Stage(881, "Qualified", 2, 3000), Stage(882, "Offer", 1, 1500.5), Stage(883, "Won", 0, 0)),
        ),
        Pipeline(89, "Renewals", _ago(account, 90), (Stage(891, "Due", 4, 8000),)),
        Pipeline(90, "Not set up yet", _ago(account, 2)),
    ]


def add_twin(account: Account, rng: Random) -> None:
    """Repeats one open within the same second: same type, recipient, mailbox and subject."""
    opens = {campaign: account.timeline(campaign).of_kinds({OPEN}) for campaign in account.campaigns}
    first = next((campaign for campaign in opens if opens[campaign]), None)
    if first is not None:
        account.add_events(first, [rng.choice(opens[first])])


def add_second_replies(account: Account, rng: Random) -> None:
    """In each campaign with replies, lets somebody reply again on the same day."""
    for kinds in ({REPLY}, LINKEDIN_REPLIES):
        for campaign in account.campaigns:
            replies = account.timeline(campaign).of_kinds(kinds)
            early = [event for event in replies if event.at % 86_400 < 86_000]
            if early:
                reply = rng.choice(early)
                account.add_events(campaign, [replace(reply, at=reply.at + rng.randint(30, 300))])


def make_namesakes(account: Account) -> None:
    """Gives two people who replied to a campaign on LinkedIn the same name, and removes their address and profile.

    Only people who never got an e-mail lose their address.
    """
    mailed = {event.recipient for one in account.campaigns for event in account.timeline(one).of_kinds(EMAILS)}
    for campaign in account.campaigns:
        pair = _pair(account.timeline(campaign).of_kinds(LINKEDIN_REPLIES), mailed)
        if pair is not None:
            first = account.recipients[pair[0]]
            for person in pair:
                account.recipients[person] = replace(
                    account.recipients[person],
                    first_name=first.first_name,
                    last_name=first.last_name,
                    email=None,
                    profile=None,
                )
            return


def _pair(replies: Iterable[Event], mailed: set[int]) -> tuple[int, int] | None:
    """Two people who never got an e-mail and gave the same kind of reply."""
    found: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for event in replies:
        if event.recipient not in mailed:
            found[event.kind][event.recipient] = None
            if len(found[event.kind]) == 2:
                first, second = found[event.kind]
                return first, second
    return None


def _ago(account: Account, days: int) -> date:
    return account.today - timedelta(days=days)
