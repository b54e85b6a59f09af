"""Events: everything that can happen to a recipient of a campaign, and the order of time it happens in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Final

FIRST_EMAIL: Final = "first_email"
FOLLOW_UP: Final = "follow_up"
BOUNCE: Final = "bounce"
OPEN: Final = "open"
CLICK: Final = "click"
REPLY: Final = "reply"
AUTO_REPLY: Final = "auto_reply"
UNSUBSCRIBE: Final = "unsubscribe"
VIEW: Final = "linkedin_view"
LIKE: Final = "linkedin_like"
FOLLOW: Final = "linkedin_follow"
INVITE: Final = "linkedin_invite"
FAILED_INVITE: Final = "linkedin_failed_invite"
ACCEPT: Final = "linkedin_accept"
MESSAGE: Final = "linkedin_message"
IN_MAIL: Final = "linkedin_in_mail"
INVITE_REPLY: Final = "linkedin_invite_reply"
MESSAGE_REPLY: Final = "linkedin_message_reply"
IN_MAIL_REPLY: Final = "linkedin_in_mail_reply"
FINISHED: Final = "finished"
"""The recipient's sequence is over. No analytics metric counts it; it moves the progress of the campaign."""

EMAILS: Final = frozenset({FIRST_EMAIL, FOLLOW_UP})
LINKEDIN_CONTACTS: Final = frozenset({INVITE, MESSAGE, IN_MAIL})
LINKEDIN_REPLIES: Final = frozenset({INVITE_REPLY, MESSAGE_REPLY, IN_MAIL_REPLY})
LINKEDIN: Final = LINKEDIN_CONTACTS | LINKEDIN_REPLIES | {VIEW, LIKE, FOLLOW, FAILED_INVITE, ACCEPT}
STOPPING: Final = LINKEDIN_REPLIES | {BOUNCE, REPLY, AUTO_REPLY, UNSUBSCRIBE, FINISHED}
"""Kinds after which a recipient no longer counts as unfinished (API reference 4.4)."""

SENTIMENTS: Final = ("interested", "maybe", "not_interested")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one recipient of a campaign.

    `at` is in unix seconds UTC. `sender` is the e-mail or LinkedIn sender account whose message the event belongs to,
    `step` the position of that message in the sequence (from 0). `sentiment` rates a reply: one of SENTIMENTS or "".
    """

    at: int
    kind: str
    recipient: int
    sender: int
    step: int = 0
    sentiment: str = ""


class Timeline:
    """The events of one campaign in order of time, found by day without a scan."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events: Sequence[Event] = tuple(sorted(events, key=lambda event: event.at))
        self._times = [event.at for event in self.events]

    def between(self, date_from: date, date_to: date) -> Sequence[Event]:
        """The events of the UTC days `date_from` to `date_to`, both included."""
        first = bisect_left(self._times, day_start(date_from))
        last = bisect_left(self._times, day_start(date_to) + 86_400)
        return self.events[first:last]

    def of_kinds(self, kinds: Collection[str], days: tuple[date, date] | None = None) -> Sequence[Event]:
        """The events of these kinds in order of time, on these UTC days (first and last) or on any."""
        found = self.events if days is None else self.between(*days)
        return [event for event in found if event.kind in kinds]

    @cached_property
    def stopped(self) -> frozenset[int]:
        """Recipients whose sequence reached its end or was stopped."""
        return frozenset(event.recipient for event in self.events if event.kind in STOPPING)


def day_start(day: date) -> int:
    """Unix seconds at which a UTC day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
