"""Simulates a planned campaign: who gets which message when, and how each recipient reacts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final

from sandbox.world.account import Campaign
from sandbox.world.events import (
    ACCEPT,
    AUTO_REPLY,
    BOUNCE,
    CLICK,
    FAILED_INVITE,
    FINISHED,
    FIRST_EMAIL,
    FOLLOW_UP,
    IN_MAIL,
    IN_MAIL_REPLY,
    INVITE,
    INVITE_REPLY,
    LINKEDIN,
    MESSAGE,
    MESSAGE_REPLY,
    OPEN,
    REPLY,
    UNSUBSCRIBE,
    Event,
    day_start,
)
from sandbox.world.plans import SEQUENCES, Plan

DAY: Final = 86_400

ANSWER_TO: Final = {
    FIRST_EMAIL: REPLY,
    FOLLOW_UP: REPLY,
    INVITE: INVITE_REPLY,
    MESSAGE: MESSAGE_REPLY,
    IN_MAIL: IN_MAIL_REPLY,
}


class Story:
    """Simulates a campaign from its launch to today, recipient by recipient."""

    def __init__(self, rng: Random, campaign: Campaign, plan: Plan, today: date, started: date) -> None:
        self._rng = rng
        self._campaign = campaign
        self._plan = plan
        self._steps = SEQUENCES[plan.channel]
        self._end = day_start(today) + DAY
        stop = self._end if plan.stop is None else day_start(started + timedelta(days=plan.stop)) + DAY
        self._last_send = min(stop, self._end)
        self._first_day = _working_day(started)

    def events(self) -> Iterator[Event]:
        """The events until today, without later ones."""
        day = self._first_day
        for number, recipient in enumerate(self._campaign.recipients):
            if number and number % self._plan.daily == 0:
                day = _working_day(day + timedelta(days=1))
            for event in self._sequence(number, recipient, day):
                if event.at < self._end:
                    yield event

    def _sequence(self, number: int, recipient: int, day: date) -> Iterator[Event]:
        """The steps of one recipient, until the sequence ends, a reply stops it, or the campaign stops sending."""
        accepted_at: int | None = None
        stopped_at = self._end
        at = 0
        for position, step in enumerate(self._steps):
            day = _working_day(day + timedelta(days=step.wait))
            at = self._moment(day)
            if at >= min(stopped_at, self._last_send):
                return
            if step.kind == MESSAGE and (accepted_at is None or accepted_at >= at):
                continue
            for event in self._step(Event(at, step.kind, recipient, self._sender(number, step.kind), position)):
                yield event
                if event.kind == ACCEPT:
                    accepted_at = event.at
                elif event.kind in (BOUNCE, REPLY, AUTO_REPLY, UNSUBSCRIBE, *ANSWER_TO.values()):
                    stopped_at = min(stopped_at, event.at)
        if stopped_at == self._end:
            last = len(self._steps) - 1
            yield Event(at + 3600, FINISHED, recipient, self._sender(number, self._steps[last].kind), last)

    def _sender(self, number: int, kind: str) -> int:
        senders = self._campaign.linkedin_senders if kind in LINKEDIN else self._campaign.email_senders
        return senders[number % len(senders)]

    def _moment(self, day: date) -> int:
        """A random second in the working hours of the day."""
        return day_start(day) + self._rng.randint(7 * 3600 + 900, 16 * 3600)

    def _step(self, event: Event) -> Iterator[Event]:
        """The step and the reactions to it."""
        if event.kind in (FIRST_EMAIL, FOLLOW_UP):
            yield from self._email(event)
        elif event.kind == INVITE:
            yield from self._invite(event)
        else:
            yield event
            if event.kind in ANSWER_TO and self._happens(3 * self._plan.reply_rate):
                yield self._reply(event)

    def _email(self, sent: Event) -> Iterator[Event]:
        yield sent
        if sent.kind == FIRST_EMAIL and self._happens(self._plan.bounce_rate):
            yield self._after(sent, BOUNCE, 5, 1200)
            return
        if self._happens(0.02):
            yield self._after(sent, AUTO_REPLY, 20, 300)
        elif self._happens(0.35):
            yield from self._reading(sent)

    def _reading(self, sent: Event) -> Iterator[Event]:
        """A recipient opens the mail, perhaps on several days, and may click, reply or unsubscribe."""
        opened = self._after(sent, OPEN, 60, 2 * DAY)
        yield opened
        for _ in range(self._rng.choice((0, 0, 0, 1, 1, 2, 4))):
            yield self._after(opened, OPEN, 600, 6 * DAY)
        if self._happens(0.12):
            yield self._after(opened, CLICK, 5, 120)
        if self._happens(2 * self._plan.reply_rate):
            yield self._reply(opened, sent.kind)
        elif self._happens(0.015):
            yield self._after(opened, UNSUBSCRIBE, 10, 300)

    def _invite(self, invite: Event) -> Iterator[Event]:
        if self._happens(0.06):
            yield self._after(invite, FAILED_INVITE, 0, 0)
            return
        yield invite
        if self._happens(0.42):
            accepted = self._after(invite, ACCEPT, 600, 3 * DAY)
            yield accepted
            if self._happens(self._plan.reply_rate):
                yield self._reply(accepted, INVITE)

    def _reply(self, cause: Event, to: str | None = None) -> Event:
        rating = self._rng.choices(("interested", "maybe", "not_interested", ""), (35, 20, 25, 20))[0]
        at = cause.at + self._rng.randint(300, 3 * DAY)
        return Event(at, ANSWER_TO[to or cause.kind], cause.recipient, cause.sender, cause.step, rating)

    def _after(self, cause: Event, kind: str, least: int, most: int) -> Event:
        at = cause.at + self._rng.randint(least, most)
        return Event(at, kind, cause.recipient, cause.sender, cause.step)

    def _happens(self, probability: float) -> bool:
        return self._rng.random() < probability


def _working_day(day: date) -> date:
    """The day, or the next Monday if it is on a weekend."""
    return day + timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)
