"""What campaigns write and what people answer: the same text for the same message whenever it is read."""

from __future__ import annotations

from typing import Final

from sandbox.account import Campaign, Recipient
from sandbox.events import IN_MAIL, INVITE, LINKEDIN_REPLIES, MESSAGE, Event

SUBJECTS: Final = (
    "Quick idea",
    "A question about {company}",
    "Fewer empty trucks?",
    'Re: your "open" positions',
    "10 minutes, next week",
    "Grüße aus Köln, 東京も?",
)
REPLIES: Final = (
    "Sounds good, please call me on Thursday.",
    "Not now, perhaps next quarter.",
    "Please take me off your list.",
    "Who else uses it?\nAnd what does it cost?",
    "Ja, gerne! Schicken Sie mir mehr \U0001f44d",
)
FURTHER: Final = "One more thing: what about delivery times?"


def subject(campaign: Campaign, step: int, person: Recipient) -> str:
    """The subject of an e-mail of the sequence; a follow-up answers in the thread of the first one."""
    first = SUBJECTS[campaign.id % len(SUBJECTS)].replace("{company}", person.company)
    return f"Re: {first}" if step else first


def template(campaign: Campaign) -> str:
    """The subject as the owner wrote it, before it is filled in."""
    return SUBJECTS[campaign.id % len(SUBJECTS)].replace("{company}", "{{company}}")


def body(step: int, person: Recipient) -> str:
    """The HTML of an e-mail of the sequence."""
    return f"<p>Hi {person.first_name},</p><p>this is message {step + 1}.</p>"


def message(event: Event, person: Recipient) -> str | None:
    """The HTML of what was written on LinkedIn, None for what has no text."""
    if event.kind in (INVITE, MESSAGE, IN_MAIL):
        return f"<p>Hi {person.first_name}, shall we talk?</p>"
    if event.kind in LINKEDIN_REPLIES:
        return f"<p>{answer(event)}</p>"
    return None


def answer(event: Event, position: int = 0) -> str:
    """What somebody replied; `position` counts the replies of one person from 0."""
    return FURTHER if position else REPLIES[(event.recipient + event.step) % len(REPLIES)]
