"""The metrics of campaign analytics: what each counts, and what each rate is divided by (Snov.io API reference 2.8)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.world.events import (
    ACCEPT,
    AUTO_REPLY,
    BOUNCE,
    CLICK,
    EMAILS,
    FAILED_INVITE,
    FIRST_EMAIL,
    FOLLOW,
    FOLLOW_UP,
    IN_MAIL,
    IN_MAIL_REPLY,
    INVITE,
    INVITE_REPLY,
    LIKE,
    LINKEDIN_CONTACTS,
    LINKEDIN_REPLIES,
    MESSAGE,
    MESSAGE_REPLY,
    OPEN,
    REPLY,
    SENTIMENTS,
    UNSUBSCRIBE,
    VIEW,
    Event,
)

ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "emails_sent": EMAILS,
    "first_emails": frozenset({FIRST_EMAIL}),
    "follow_ups": frozenset({FOLLOW_UP}),
    "bounced": frozenset({BOUNCE}),
    "connection_requests": frozenset({INVITE}),
    "accepted_requests": frozenset({ACCEPT}),
    "failed_connection_requests": frozenset({FAILED_INVITE}),
    "messages_sent": frozenset({MESSAGE}),
    "in_mail_sent": frozenset({IN_MAIL}),
    "linkedin_views": frozenset({VIEW}),
    "linkedin_likes": frozenset({LIKE}),
    "linkedin_follows": frozenset({FOLLOW}),
}
"""Metrics that count events (kind A in API reference 2.8); `delivered` is `emails_sent` less `bounced`."""

DISTINCT: Final[Mapping[str, frozenset[str]]] = {
    "contacted_by_linkedin": LINKEDIN_CONTACTS,
    "email_opens": frozenset({OPEN}),
    "link_clicks": frozenset({CLICK}),
    "email_replies": frozenset({REPLY}),
    "auto_replied": frozenset({AUTO_REPLY}),
    "unsubscribed": frozenset({UNSUBSCRIBE}),
    "linkedin_total_replies": LINKEDIN_REPLIES,
    "connection_request_replies": frozenset({INVITE_REPLY}),
    "message_replies": frozenset({MESSAGE_REPLY}),
    "in_mail_replies": frozenset({IN_MAIL_REPLY}),
}
"""Metrics that count distinct recipients (kind R in API reference 2.8), except the contacted and sentiment ones."""

RATES: Final[Mapping[str, tuple[str, ...]]] = {
    "first_emails": ("emails_sent",),
    "follow_ups": ("emails_sent",),
    "delivered": ("emails_sent",),
    "bounced": ("emails_sent",),
    "email_opens": ("contacted_by_email",),
    "link_clicks": ("contacted_by_email",),
    "email_replies": ("contacted_by_email",),
    "unsubscribed": ("contacted_by_email",),
    "auto_replied": ("contacted_by_email",),
    "linkedin_total_replies": ("contacted_by_linkedin",),
    "connection_request_replies": ("linkedin_total_replies",),
    "message_replies": ("linkedin_total_replies",),
    "in_mail_replies": ("linkedin_total_replies",),
    "accepted_requests": ("connection_requests",),
    "interested": ("email_replies", "linkedin_total_replies"),
    "maybe": ("email_replies", "linkedin_total_replies"),
    "not_interested": ("email_replies", "linkedin_total_replies"),
}
"""The denominator of each `<count>_rate`: the sum of these counts (API reference 4.2)."""

COUNTS: Final = (
    "total_contacted",
    "emails_sent",
    "first_emails",
    "follow_ups",
    "delivered",
    "bounced",
    "contacted_by_email",
    "email_opens",
    "link_clicks",
    "email_replies",
    "unsubscribed",
    "auto_replied",
    "contacted_by_linkedin",
    "linkedin_total_replies",
    "connection_request_replies",
    "message_replies",
    "in_mail_replies",
    "connection_requests",
    "accepted_requests",
    "failed_connection_requests",
    "messages_sent",
    "linkedin_views",
    "linkedin_likes",
    "linkedin_follows",
    "in_mail_sent",
    *SENTIMENTS,
)
"""Every count of an analytics response, in the order of the sample in API reference 2.8."""


@dataclass
class Tally:
    """Counts of events and of distinct recipients, over any number of campaigns."""

    counts: Counter[str] = field(default_factory=Counter)
    people: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    reached: set[int] = field(default_factory=set)

    def add(self, events: Iterable[Event]) -> None:
        """Counts the events of one campaign. A bounce belongs to the e-mail with its recipient and step."""
        sent: set[tuple[int, int]] = set()
        bounced: set[tuple[int, int]] = set()
        counts, people = self.counts, self.people
        for event in events:
            kind, recipient = event.kind, event.recipient
            counts[kind] += 1
            people[kind].add(recipient)
            if event.sentiment:
                people[event.sentiment].add(recipient)
            if kind in EMAILS:
                sent.add((recipient, event.step))
            elif kind == BOUNCE:
                bounced.add((recipient, event.step))
        self.reached.update(recipient for recipient, _ in sent - bounced)

    def distinct(self, kinds: Collection[str]) -> set[int]:
        """The recipients with at least one event of these kinds."""
        return set[int]().union(*(self.people[kind] for kind in kinds if kind in self.people))

    def numbers(self) -> dict[str, int]:
        """Every count."""
        numbers = {name: sum(self.counts[kind] for kind in kinds) for name, kinds in ACTIONS.items()}
        numbers["delivered"] = numbers["emails_sent"] - numbers["bounced"]
        numbers |= {name: len(self.distinct(kinds)) for name, kinds in DISTINCT.items()}
        numbers |= {name: len(self.distinct((name,))) for name in SENTIMENTS}
        numbers["contacted_by_email"] = len(self.reached)
        numbers["total_contacted"] = len(self.reached | self.distinct(LINKEDIN_CONTACTS))
        return numbers


def metrics(tallies: Iterable[Tally]) -> dict[str, Any]:
    """The flat analytics response, every count followed by its rate (API reference 2.8).

    Recipients count once per tally.
    """
    numbers = Counter[str]()
    for tally in tallies:
        numbers.update(tally.numbers())
    return dict(_with_rates(numbers))


def _with_rates(numbers: Mapping[str, int]) -> Iterator[tuple[str, int | str]]:
    for name in COUNTS:
        yield name, numbers[name]
        if name in RATES:
            yield f"{name}_rate", percent(numbers[name], sum(numbers[part] for part in RATES[name]))


def percent(part: int, whole: int) -> str:
    """The share as the API writes it: whole percent, halves rounded up, "0%" of nothing (API reference 1.5)."""
    return f"{(200 * part + whole) // (2 * whole)}%" if whole else "0%"
