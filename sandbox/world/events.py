"""Events of campaign recipients, and timelines of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
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
"""The recipient's sequence is over. This changes the campaign's progress, but no metric of analytics."""

EMAILS: Final = frozenset({FIRST_EMAIL, FOLLOW_UP})
LINKEDIN_CONTACTS: Final = frozenset({INVITE, MESSAGE, IN_MAIL})
LINKEDIN_REPLIES: Final = frozenset({INVITE_REPLY, MESSAGE_REPLY, IN_MAIL_REPLY})
LINKEDIN: Final = LINKEDIN_CONTACTS | LINKEDIN_REPLIES | {VIEW, LIKE, FOLLOW, FAILED_INVITE, ACCEPT}
STOPPING: Final = LINKEDIN_REPLIES | {BOUNCE, REPLY, AUTO_REPLY, UNSUBSCRIBE, FINISHED}
"""Kinds after which a recipient no longer counts as unfinished (API reference 4.4)."""

SENTIMENTS: Final = ("interested", "maybe", "not_interested")


@dataclass(frozen=True, slots=True)
class Event:
    """An event of one recipient of a campaign.

    `at` is in Unix seconds. `sender` is the sender account of the message that the event belongs to, `step` the
    message's position in the sequence (from 0). `sentiment` rates a reply: one of SENTIMENTS or "".
    """

    at: int
    kind: str
    recipient: int
    sender: int
    step: int = 0
    sentiment: str = ""


class Timeline:
    """The events of a campaign in order of time, indexed by day."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events: Sequence[Event] = tuple(sorted(events, key=lambda event: event.at))
        self._times = [event.at for event in self.events]

    def between(self, date_from: date, date_to: date, ahead: int = 0) -> Sequence[Event]:
        """The events from `date_from` to `date_to`, both included. ahead: hours by which the days are ahead of UTC."""
        first = bisect_left(self._times, day_start(date_from) - 3600 * ahead)
        last = bisect_left(self._times, day_start(date_to) + 86_400 - 3600 * ahead)
        return self.events[first:last]

    def of_kinds(self, kinds: Collection[str], days: tuple[date, date] | None = None) -> Sequence[Event]:
        """The events of these kinds in order of time, on these UTC days (first and last), or on all."""
        found = self.events if days is None else self.between(*days)
        return [event for event in found if event.kind in kinds]

    @cached_property
    def stopped(self) -> frozenset[int]:
        """Recipients whose sequence has ended or was stopped."""
        return frozenset(event.recipient for event in self.events if event.kind in STOPPING)


def moved_to_mails(timeline: Timeline) -> Timeline:
    """What an e-mail led to, at the time of the recipient's last e-mail before it."""
    mails: dict[int, int] = {}
    moved = []
    for event in timeline.events:
        if event.kind in EMAILS:
            mails[event.recipient] = event.at
        moved.append(replace(event, at=mails.get(event.recipient, event.at)))
    return Timeline(moved)


def day_start(day: date) -> int:
    """The start of a UTC day in Unix seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
