"""Seeded accounts with known active days, to measure the cost of the daily history.

The same last day and seed give the same account. A campaign is active on a day if analytics count anything on it:
mostly 1 to 10 e-mails with some opens, sometimes only opens of and replies to earlier e-mails. On every other day all
its analytics are zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Final

from sandbox.world.account import Account, Campaign, Event
from sandbox.world.events import FIRST_EMAIL, FOLLOW_UP, OPEN, REPLY, SENTIMENTS, day_start
from sandbox.world.people import OWNERS, make_recipients
from sandbox.world.seeds import empty_account, make_campaign

PEOPLE: Final = 400
ENROLLED: Final = 60
"""Recipients per campaign, out of PEOPLE in the account."""


def backfill(today: date, seed: int = 7) -> Account:
    """60 campaigns for a first sync; every third was never started.

    They were created and started on days from 200 to 80 days ago. The 40 started ones are active on every working day
    of their first four weeks, on each day of the next eight with a probability of 1/10, and never again.
    """
    account, rng = _account(today, seed), Random(seed)
    for number in range(60):
        first = _back(today, rng.randint(80, 200))
        if number % 3 == 2:
            _add(account, rng, first, None, ())
            continue
        late = [day for day in _days(_back(first, -28), 56) if day <= today and rng.random() < 0.1]
        _add(account, rng, first, first, [*_working_days(first, 28), *late])
    return account


def morning(today: date, seed: int = 7) -> Account:
    """300 campaigns on an ordinary day: 15 at work, 285 long silent.

    All were started 120 to 240 days ago and were active on the working days of their first three weeks. The 15 are
    active on each of the last 16 days, today included, with a probability of 4/5.
    """
    account, rng = _account(today, seed), Random(seed)
    busy = set(rng.sample(range(300), 15))
    for number in range(300):
        first = _back(today, rng.randint(120, 240))
        recent = [day for day in _days(_back(today, 15), 16) if number in busy and rng.random() < 0.8]
        _add(account, rng, first, first, [*_working_days(first, 21), *recent])
    _set_statuses(account, [[*account.campaigns][number] for number in busy])
    return account


def quiet(today: date, seed: int = 7) -> Account:
    """300 campaigns started 120 to 240 days ago and active in their first three weeks only."""
    account, rng = _account(today, seed), Random(seed)
    for _ in range(300):
        first = _back(today, rng.randint(120, 240))
        _add(account, rng, first, first, _working_days(first, 21))
    _set_statuses(account, [])
    return account


def dense(today: date, seed: int = 7) -> Account:
    """20 campaigns started 89 days ago and active on each of the 90 days since, today included."""
    account, rng = _account(today, seed), Random(seed)
    first = _back(today, 89)
    for _ in range(20):
        _add(account, rng, first, first, _days(first, 90))
    return account


def one_day(today: date, seed: int = 7) -> Account:
    """One campaign started 364 days ago and active on a single one of the 365 days since."""
    account, rng = _account(today, seed), Random(seed)
    first = _back(today, 364)
    _add(account, rng, first, first, [_back(today, rng.randint(0, 364))])
    return account


SHAPES: Final[Mapping[str, Callable[[date, int], Account]]] = {
    "backfill": backfill,
    "morning": morning,
    "quiet": quiet,
    "dense": dense,
    "one_day": one_day,
}
"""The accounts of this module, by name."""


def _account(today: date, seed: int) -> Account:
    account = empty_account(today)
    account.recipients = make_recipients(Random(f"people {seed}"), PEOPLE)
    return account


def _add(account: Account, rng: Random, created: date, started: date | None, active: Iterable[date]) -> None:
    number = len(account.campaigns)
    campaign = make_campaign(rng, number, OWNERS[number % len(OWNERS)], created, started)
    known = [person.id for person in account.recipients.values() if person.email]
    campaign.recipients = tuple(rng.sample(known, ENROLLED))
    account.add_campaign(campaign, _events(rng, campaign, active))


def _set_statuses(account: Account, at_work: Collection[int]) -> None:
    """The campaigns at work stay active. Of the others, 30 are paused, and the rest are at rest."""
    silent = [campaign for campaign in account.campaigns.values() if campaign.id not in at_work]
    for number, campaign in enumerate(silent):
        campaign.status = "Paused" if number < 270 and number % 9 == 0 else "Completed" if number % 2 else "Archived"


def _events(rng: Random, campaign: Campaign, active: Iterable[date]) -> Iterator[Event]:
    """Events on each of these days, and on no other: reactions too happen on active days.

    Reactions follow their e-mail, and opens come before the recipient's only reply.
    """
    sender = campaign.email_senders[0]
    mails: Counter[int] = Counter()
    for day in active:
        at = day_start(day) + rng.randint(8 * 3600, 16 * 3600)
        if mails and rng.random() < 0.1:
            yield from _reactions(rng, at, sender, mails)
            continue
        for recipient in rng.sample(campaign.recipients, min(rng.randint(1, 10), rng.randint(1, 10))):
            step = mails[recipient]
            mails[recipient] += 1
            yield Event(at, FOLLOW_UP if step else FIRST_EMAIL, recipient, sender, step)
            if rng.random() < 0.3:
                yield Event(at + rng.randint(60, 3600), OPEN, recipient, sender, step)


def _reactions(rng: Random, at: int, sender: int, mails: Counter[int]) -> Iterator[Event]:
    """Opens, and perhaps a reply, by people who got an e-mail on an earlier day."""
    for recipient in rng.sample(sorted(mails), min(len(mails), rng.randint(1, 3))):
        yield Event(at, OPEN, recipient, sender, mails[recipient] - 1)
        if rng.random() < 0.3:
            later = at + rng.randint(60, 3600)
            yield Event(later, REPLY, recipient, sender, mails[recipient] - 1, rng.choice(SENTIMENTS))


def _back(day: date, days: int) -> date:
    return day - timedelta(days=days)


def _days(first: date, number: int) -> list[date]:
    return [first + timedelta(days=offset) for offset in range(number)]


def _working_days(first: date, number: int) -> list[date]:
    """The Mondays to Fridays among `number` days."""
    return [day for day in _days(first, number) if day.weekday() < 5]
