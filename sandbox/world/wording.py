"""The text of campaigns' messages and of people's replies, the same in every response."""

from __future__ import annotations

from typing import Final

from sandbox.world.account import Campaign, Recipient
from sandbox.world.events import IN_MAIL, INVITE, LINKEDIN_REPLIES, MESSAGE, Event

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
    """The subject of an e-mail of the sequence; a follow-up is in the first one's thread."""
    first = SUBJECTS[campaign.id % len(SUBJECTS)].replace("{company}", person.company)
    return f"Re: {first}" if step else first


def template(campaign: Campaign) -> str:
    """The subject as the owner wrote it, with placeholders."""
    return SUBJECTS[campaign.id % len(SUBJECTS)].replace("{company}", "{{company}}")


def body(step: int, person: Recipient) -> str:
    """The HTML of an e-mail of the sequence."""
    return f"<p>Hi {person.first_name},</p><p>this is message {step + 1}.</p>"


def message(event: Event, person: Recipient) -> str | None:
    """The HTML of a message on LinkedIn; None if it has no text."""
    if event.kind in (INVITE, MESSAGE, IN_MAIL):
        return f"<p>Hi {person.first_name}, shall we talk?</p>"
    if event.kind in LINKEDIN_REPLIES:
        return f"<p>{reply_text(event)}</p>"
    return None


def reply_text(event: Event, position: int = 0) -> str:
    """The text of a reply. position: number of the person's reply, from 0."""
    return FURTHER if position else REPLIES[(event.recipient + event.step) % len(REPLIES)]
