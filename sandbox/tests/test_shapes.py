"""Accounts for measuring the daily history: active on exactly the documented days."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import pytest

from sandbox.__main__ import account_for
from sandbox.tests._client import LONG_AGO, TODAY
from sandbox.world import shapes
from sandbox.world.account import Account
from sandbox.world.metrics import COUNTS

SEEDS = [7, 8]


@pytest.mark.parametrize("seed", SEEDS)
def test_backfill(seed: int) -> None:
    account = shapes.backfill(TODAY, seed)
    started = [campaign.id for campaign in account.campaigns.values() if campaign.started_at]
    assert (len(account.campaigns), len(started)) == (60, 40)
    assert [number for number, one in enumerate(account.campaigns.values()) if not one.started_at] == [*range(2, 60, 3)]
    firsts = {_start(account, campaign) for campaign in started}
    assert TODAY - timedelta(days=200) <= min(firsts) < max(firsts) <= TODAY - timedelta(days=80)
    assert len(firsts) > 20
    late = 0
    for campaign in started:
        first, active = _start(account, campaign), _active(account, campaign)
        begin = {day for day in active if day < first + timedelta(days=28)}
        assert begin == {day for day in _days(first, 28) if day.weekday() < 5}
        late += len(active - begin)
        assert max(active) < first + timedelta(days=84)
    assert 160 < late < 290
    for campaign in set(account.campaigns) - set(started):
        assert account.events(campaign) == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_morning(seed: int) -> None:
    account = shapes.morning(TODAY, seed)
    active = {campaign: _active(account, campaign) for campaign in account.campaigns}
    recent = set(_days(TODAY - timedelta(days=15), 16))
    busy = [campaign for campaign in active if active[campaign] & recent]
    assert (len(active), len(busy)) == (300, 15)
    assert 0.7 < sum(len(active[campaign] & recent) for campaign in busy) / (15 * 16) < 0.9
    assert any(TODAY in active[campaign] for campaign in busy)
    silent = account.analytics(set(active) - set(busy), TODAY - timedelta(days=25), TODAY)
    assert {silent[name] for name in COUNTS} == {0}
    assert all(_start(account, campaign) <= TODAY - timedelta(days=120) for campaign in active)
    assert all(len(active[campaign] - recent) == 15 for campaign in active)


@pytest.mark.parametrize("seed", SEEDS)
def test_quiet(seed: int) -> None:
    account = shapes.quiet(TODAY, seed)
    assert len(account.campaigns) == 300
    silent = account.analytics(list(account.campaigns), TODAY - timedelta(days=30), TODAY)
    assert {silent[name] for name in COUNTS} == {0}
    assert all(len(_active(account, campaign)) == 15 for campaign in account.campaigns)


@pytest.mark.parametrize("seed", SEEDS)
def test_dense(seed: int) -> None:
    account = shapes.dense(TODAY, seed)
    assert len(account.campaigns) == 20
    for campaign in account.campaigns:
        assert _start(account, campaign) == TODAY - timedelta(days=89)
        assert _active(account, campaign) == set(_days(TODAY - timedelta(days=89), 90))


def test_one_day() -> None:
    found = set()
    for seed in range(20):
        account = shapes.one_day(TODAY, seed)
        [campaign] = account.campaigns
        [day] = _active(account, campaign)
        assert _start(account, campaign) == TODAY - timedelta(days=364) <= day <= TODAY
        found.add(day)
    assert len(found) > 15


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_the_same_seed_and_day_give_the_same_shape(name: str) -> None:
    first, second, other = (shapes.SHAPES[name](TODAY, seed) for seed in (1, 1, 2))
    assert (first.campaigns, first.recipients) == (second.campaigns, second.recipients)
    assert [first.events(one) for one in first.campaigns] == [second.events(one) for one in second.campaigns]
    assert first.campaigns != other.campaigns


def test_some_days_have_reactions_only() -> None:
    account = shapes.dense(TODAY, 7)
    days = [account.analytics([910_001], day, day) for day in _days(TODAY - timedelta(days=89), 90)]
    assert max(day["emails_sent"] for day in days) <= 10
    assert sum(day["emails_sent"] == 0 and day["email_opens"] > 0 for day in days) > 3
    assert sum(day["email_replies"] for day in days) > 0
    assert account.analytics([910_001], LONG_AGO, TODAY)["email_opens"] < sum(day["email_opens"] for day in days)


def test_building_and_asking_is_cheap() -> None:
    before = time.process_time()
    account = shapes.backfill(TODAY, 7)
    built = time.process_time()
    for _ in range(20):
        account.analytics([910_001, 910_002], TODAY - timedelta(days=200), TODAY)
    assert built - before < 1
    assert (time.process_time() - built) / 20 < 0.005


def test_the_command_line_has_an_option_for_them() -> None:
    today = datetime.now(UTC).date()
    assert account_for(["--shape", "one_day", "--seed", "3"]).campaigns == shapes.one_day(today, 3).campaigns
    with pytest.raises(SystemExit):
        account_for(["--shape", "dense", "--campaigns", "3"])


def _start(account: Account, campaign: int) -> date:
    return datetime.fromtimestamp(account.campaigns[campaign].started_at or 0, UTC).date()


def _active(account: Account, campaign: int) -> set[date]:
    """The days whose analytics are not all zero, however events are stored."""
    days = {datetime.fromtimestamp(event.at, UTC).date() for event in account.events(campaign)}
    return {day for day in days if any(account.analytics([campaign], day, day)[name] for name in COUNTS)}


def _days(first: date, number: int) -> list[date]:
    return [first + timedelta(days=offset) for offset in range(number)]
