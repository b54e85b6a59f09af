"""A flood equals a campaign with the same events in memory, but keeps none of them in memory."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import Any

import pytest

from sandbox.__main__ import account_for
from sandbox.endpoints.activity import TYPES
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.tests._client import LONG_AGO, TODAY, Client
from sandbox.world.account import Account
from sandbox.world.events import CLICK, EMAILS, FIRST_EMAIL, OPEN, Timeline
from sandbox.world.flood import Flood, flood_account

FIRST_DAY = TODAY - timedelta(days=30)


@pytest.mark.parametrize("size", [0, 1, 3, 31, 1000, 1013])
def test_the_events_are_those_of_an_ordinary_campaign(size: int) -> None:
    flood = Flood(size, FIRST_DAY, 31, range(1, 8), 55001)
    held = Timeline(flood.events)
    assert list(flood.events) == list(held.events)
    assert len(flood.events) == size
    spans = [(LONG_AGO, TODAY), (FIRST_DAY, FIRST_DAY), (TODAY, TODAY + timedelta(days=9)), (LONG_AGO, LONG_AGO)]
    spans += [(FIRST_DAY + timedelta(days=first), FIRST_DAY + timedelta(days=first + 2)) for first in range(-2, 31)]
    for days in spans:
        assert list(flood.between(*days)) == list(held.between(*days))
        for kinds in (EMAILS, {OPEN}, {CLICK}, {*EMAILS, CLICK}, TYPES, set[str]()):
            assert list(flood.of_kinds(kinds, days)) == list(held.of_kinds(kinds, days))
            assert list(flood.of_kinds(kinds)) == list(held.of_kinds(kinds))
    found = flood.of_kinds({OPEN})
    assert list(found[5:2:-1]) == [found[place] for place in range(min(5, len(found) - 1), 2, -1)]
    assert flood.stopped == frozenset()


def test_no_event_repeats() -> None:
    account = flood_account(50_000, today=TODAY)
    rows = [(event.at, event.kind, event.recipient, event.step) for event in account.events(910_001)]
    assert len(set(rows)) > 49_000
    assert {event.recipient for event in account.events(910_001)} == set(account.campaigns[910_001].recipients)
    assert all(event.kind != FIRST_EMAIL or event.step == 0 for event in account.events(910_001))


def test_analytics_agree() -> None:
    account = flood_account(4_001, today=TODAY)
    numbers = account.analytics([910_001], LONG_AGO, TODAY)
    assert (numbers["emails_sent"], numbers["email_opens"], numbers["link_clicks"]) == (1001, 1000, 1000)


def test_a_million_events_take_no_memory() -> None:
    account = flood_account(1_000_000, today=TODAY)
    with Sandbox(account, UNLIMITED) as sandbox:
        client = Client(sandbox).log_in()
        days: dict[str, Any] = {"dateFrom": str(FIRST_DAY), "dateTo": str(TODAY), "limit": 1000}
        tracemalloc.start()
        try:
            for offset in (0, 500_000, 999_000):
                page = client.get("/v2/campaigns/910001/recipients-activity", offset=offset, **days).json()
                assert len(page["data"]) == 1000
                assert page["pagination"] == {
                    "total": 1_000_000,
                    "offset": offset,
                    "limit": 1000,
                    "has_more": offset < 999_000,
                }
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()
        assert len(client.get("/v1/get-emails-opened", campaignId=910_001, offset=499_999).json()) == 1


def test_the_command_line_has_an_option_for_it() -> None:
    account: Account = account_for(["--events", "12"])
    assert len(account.events(910_001)) == 12
    with pytest.raises(SystemExit):
        account_for(["--events", "12", "--shape", "dense"])
