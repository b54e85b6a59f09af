"""Seeded accounts: the same seed and `today` give exactly the same campaigns, people and events.

All names are made up and all addresses are at example.com or example.org.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from sandbox.world.account import Account, Campaign, Event
from sandbox.world.events import FIRST_EMAIL, FOLLOW_UP, OPEN, day_start
from sandbox.world.furnishing import furnish
from sandbox.world.people import EMAIL_SENDERS, LINKEDIN_SENDERS, OWNERS, Owner, make_recipients
from sandbox.world.plans import PLANS, SEQUENCES, Plan
from sandbox.world.story import Story

FIRST_CAMPAIGN_ID: Final = 910_001
FIRST_LIST_ID: Final = 4_400_123


def demo_account(seed: int = 7, today: date | None = None) -> Account:
    """A realistic account: campaigns in every status of API reference 4.5, by e-mail, LinkedIn and both."""
    account = _account(today)
    rng = Random(seed)
    account.recipients = make_recipients(rng, 1_500)
    for number, plan in enumerate(PLANS):
        _add_planned(account, rng, number, plan)
    furnish(account, seed)
    return account


def sized_account(campaigns: int, seed: int = 7, today: date | None = None) -> Account:
    """Any number of active campaigns with a few events each, for benchmarks."""
    account = _account(today)
    rng = Random(seed)
    account.recipients = make_recipients(rng, 200)
    for number in range(campaigns):
        age = rng.randint(30, 120)
        plan = Plan(f"Benchmark campaign {number + 1}", "Active", "email", number % 3, 5, 2, age, reply_rate=0.2)
        _add_planned(account, rng, number, plan)
    return account


def empty_account(today: date | None = None) -> Account:
    """A new account: credentials and sender accounts, but no campaign."""
    return _account(today)


def account_active_on(
    days: Sequence[Collection[date]], today: date | None = None, started: Sequence[date | None] | None = None
) -> Account:
    """One active campaign for each set of days, with a few events on these days only.

    A campaign starts on its first active day, or on the day in `started`, where None means never.
    """
    account = _account(today)
    rng = Random(len(days))
    account.recipients = make_recipients(rng, 200)
    for number, active in enumerate(days):
        first = min(active, default=account.today) if started is None else started[number]
        campaign = make_campaign(rng, number, OWNERS[number % len(OWNERS)], first or account.today, first)
        campaign.recipients = tuple(rng.sample(sorted(account.recipients), 10))
        account.add_campaign(campaign, _few_events(rng, campaign, sorted(active)))
    return account


def _account(today: date | None) -> Account:
    account = Account(today=today or datetime.now(UTC).date())
    account.email_senders = {sender.id: sender for sender in EMAIL_SENDERS}
    account.linkedin_senders = {sender.id: sender for sender in LINKEDIN_SENDERS}
    return account


def make_campaign(rng: Random, number: int, owner: Owner, created: date, started: date | None) -> Campaign:
    """A campaign named after its number: active if it was started, else a draft."""
    created_at = day_start(created) + rng.randint(6 * 3600, 7 * 3600)
    started_at = None if started is None else max(created_at, day_start(started) + 7 * 3600 + rng.randint(0, 900))
    return Campaign(
        id=FIRST_CAMPAIGN_ID + number,
        name=f"Campaign {number + 1}",
        list_id=FIRST_LIST_ID + number,
        status="Draft" if started is None else "Active",
        created_at=created_at,
        updated_at=started_at or created_at + rng.randint(0, 3600),
        started_at=started_at,
        hash=f"{rng.getrandbits(128):032x}",
        owner=owner.email,
        email_senders=owner.email_senders,
        linkedin_senders=owner.linkedin_senders,
    )


def _few_events(rng: Random, campaign: Campaign, days: Iterable[date]) -> Iterator[Event]:
    sender = campaign.email_senders[0]
    mails: Counter[int] = Counter()
    for day in days:
        at = day_start(day) + rng.randint(8 * 3600, 16 * 3600)
        for recipient in rng.sample(campaign.recipients, rng.randint(1, 3)):
            step = mails[recipient]
            mails[recipient] += 1
            yield Event(at, FOLLOW_UP if step else FIRST_EMAIL, recipient, sender, step)
            if rng.random() < 0.5:
                yield Event(at + rng.randint(60, 3600), OPEN, recipient, sender, step)


def _add_planned(account: Account, rng: Random, number: int, plan: Plan) -> None:
    created = account.today - timedelta(days=plan.age)
    started = None if plan.start is None else created + timedelta(days=plan.start)
    campaign = make_campaign(rng, number, OWNERS[plan.owner], created, started)
    campaign.name = plan.name
    campaign.status = plan.status
    campaign.steps = SEQUENCES[plan.channel]
    by_email = plan.channel not in ("linkedin", "in-mail")
    pool = [person.id for person in account.recipients.values() if person.email or not by_email]
    campaign.recipients = tuple(rng.sample(pool, plan.size))
    if not plan.size:
        campaign.list_id = None
    if started is None:
        account.add_campaign(campaign)
        return
    if plan.stop is not None:
        campaign.updated_at = day_start(started + timedelta(days=plan.stop)) + 12 * 3600
    account.add_campaign(campaign, Story(rng, campaign, plan, account.today, started).events())
