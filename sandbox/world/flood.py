"""A campaign with any number of events, computed one by one on access and never held in memory together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Final, overload

from sandbox.world.account import Account, Event
from sandbox.world.events import CLICK, FIRST_EMAIL, FOLLOW_UP, OPEN, Timeline, day_start
from sandbox.world.people import OWNERS, make_recipients
from sandbox.world.seeds import empty_account, make_campaign

PATTERN: Final = (FIRST_EMAIL, OPEN, OPEN, CLICK)
"""The events of one recipient, before the next one's. From the second round on, the e-mail is a follow-up."""

PEOPLE: Final = 5_000
DAYS: Final = 31


class Computed(Sequence[Event]):
    """The events with these numbers, each computed on access."""

    def __init__(self, event: Callable[[int], Event], numbers: range) -> None:
        self._event = event
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Event]:
        return map(self._event, self._numbers)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Computed: ...

    def __getitem__(self, index: int | slice) -> Event | Computed:
        if isinstance(index, slice):
            return Computed(self._event, self._numbers[index])
        return self._event(self._numbers[index])


class Flood(Timeline):
    """`size` events, spread evenly over `days` days from `first` on."""

    def __init__(self, size: int, first: date, days: int, people: Sequence[int], sender: int) -> None:
        self._size = size
        self._start = day_start(first)
        self._span = 86_400 * days
        self._people = people
        self._sender = sender
        self.events = Computed(self._event, range(size))

    def between(self, date_from: date, date_to: date, ahead: int = 0) -> Computed:
        """The events of the UTC days from `date_from` to `date_to`, both included."""
        return Computed(self._event, self._numbers(date_from, date_to))

    def of_kinds(self, kinds: Collection[str], days: tuple[date, date] | None = None) -> Computed:
        """The events of these kinds, by arithmetic. First e-mails and follow-ups can only be requested together."""
        places = [place for place, kind in enumerate(PATTERN) if kind in kinds]
        numbers = range(self._size) if days is None else self._numbers(*days)

        def before(number: int) -> int:
            whole, part = divmod(number, len(PATTERN))
            return whole * len(places) + bisect_left(places, part)

        def event(position: int) -> Event:
            whole, part = divmod(position, len(places))
            return self._event(whole * len(PATTERN) + places[part])

        return Computed(event, range(before(numbers.start), before(numbers.stop)))

    @property
    def stopped(self) -> frozenset[int]:
        """Nobody's sequence ends."""
        return frozenset()

    def _numbers(self, date_from: date, date_to: date) -> range:
        return range(self._first_at(day_start(date_from)), self._first_at(day_start(date_to) + 86_400))

    def _first_at(self, at: int) -> int:
        """The number of the first event at or after this time."""
        return min(max(-((self._start - at) * self._size // self._span), 0), self._size)

    def _event(self, number: int) -> Event:
        turn, place = divmod(number, len(PATTERN))
        step, person = divmod(turn, len(self._people))
        kind = FOLLOW_UP if step and place == 0 else PATTERN[place]
        at = self._start + number * self._span // self._size
        return Event(at, kind, self._people[person], self._sender, step)


def flood_account(events: int, seed: int = 7, today: date | None = None) -> Account:
    """One campaign with this many events in the last 31 days, today included."""
    account = empty_account(today)
    account.recipients = make_recipients(Random(seed), PEOPLE)
    first = account.today - timedelta(days=DAYS - 1)
    campaign = make_campaign(Random(seed), 0, OWNERS[0], first, first)
    campaign.recipients = tuple(person.id for person in account.recipients.values() if person.email)
    account.add_campaign(campaign, Flood(events, first, DAYS, campaign.recipients, campaign.email_senders[0]))
    return account
