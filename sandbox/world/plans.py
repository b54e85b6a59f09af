"""The campaigns of the demo account and their sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sandbox.world.events import FIRST_EMAIL, FOLLOW, FOLLOW_UP, IN_MAIL, INVITE, LIKE, MESSAGE, VIEW


@dataclass(frozen=True)
class Step:
    """A step of a sequence: its kind, and the days after the previous step."""

    kind: str
    wait: int = 0


EMAIL_ONLY: Final = (Step(FIRST_EMAIL), Step(FOLLOW_UP, 3), Step(FOLLOW_UP, 5))
ONE_EMAIL: Final = (Step(FIRST_EMAIL),)
LINKEDIN_ONLY: Final = (Step(VIEW), Step(LIKE, 1), Step(INVITE, 1), Step(MESSAGE, 2), Step(MESSAGE, 4))
IN_MAILS: Final = (Step(FOLLOW), Step(VIEW), Step(IN_MAIL, 1))
BOTH_CHANNELS: Final = (Step(FIRST_EMAIL), Step(VIEW, 1), Step(INVITE, 1), Step(FOLLOW_UP, 3), Step(MESSAGE, 2))

SEQUENCES: Final = {
    "email": EMAIL_ONLY,
    "one email": ONE_EMAIL,
    "linkedin": LINKEDIN_ONLY,
    "in-mail": IN_MAILS,
    "both": BOTH_CHANNELS,
}


@dataclass(frozen=True)
class Plan:
    """The course of a campaign of the demo account.

    `age`: days since its creation. `start`: days from creation to launch (None: never launched). `stop`: days from
    launch until it stopped sending (None: it still sends). `size`: people enrolled. `daily`: people contacted for the
    first time on each working day.
    """

    name: str
    status: str
    channel: str
    owner: int
    size: int
    daily: int
    age: int
    start: int | None = 1
    stop: int | None = None
    bounce_rate: float = 0.025
    reply_rate: float = 0.05


PLANS: Final = (
    Plan("EU renewals Q3", "Active", "email", 0, 160, 3, 75),
    Plan("DACH logistics intro", "Active", "email", 1, 120, 4, 48),
    Plan("Nordic SaaS founders", "Active", "both", 2, 110, 4, 40),
    Plan("Benelux retail buyers", "Active", "email", 0, 90, 4, 33),
    Plan("LinkedIn: heads of procurement", "Active", "linkedin", 1, 90, 4, 36),
    Plan("LinkedIn: agency partners", "Active", "linkedin", 2, 80, 2, 60),
    Plan("Webinar follow-up, autumn", "Active", "one email", 0, 140, 35, 19, reply_rate=0.12),
    Plan("Trade fair leads, hall 4", "Active", "email", 1, 75, 15, 26, reply_rate=0.14),
    Plan("UK fintech operations", "Active", "email", 2, 130, 2, 90),
    Plan("Iberia hotels, spring season", "Active", "both", 0, 70, 4, 28),
    Plan("InMail: finance directors", "Active", "in-mail", 1, 60, 2, 45, reply_rate=0.1),
    Plan("Dormant customers win-back", "Active", "email", 2, 85, 9, 240),
    Plan("Partner newsletter invite", "Active", "one email", 0, 60, 20, 12),
    Plan("Just launched: Baltics pilot", "Active", "email", 1, 50, 10, 0, start=0, bounce_rate=0),
    Plan("Active, nobody enrolled yet", "Active", "email", 2, 0, 5, 14),
    Plan("Packaging suppliers FR", "Paused", "email", 0, 100, 6, 80, stop=25),
    Plan("Medical devices EU", "Paused", "email", 1, 95, 5, 130, stop=30),
    Plan("LinkedIn: clinic managers", "Paused", "linkedin", 2, 70, 5, 70, stop=12),
    Plan("Ireland construction", "Paused", "both", 0, 65, 4, 100, stop=20),
    Plan("Energy audits, pilot", "Paused", "one email", 1, 40, 8, 52, stop=3),
    Plan("Paused on day one", "Paused", "email", 2, 45, 5, 44, stop=1, bounce_rate=0),
    Plan("InMail: HR leads", "Paused", "in-mail", 0, 50, 4, 64, stop=9),
    Plan("Untitled test", "Draft", "email", 0, 0, 5, 9, start=None),
    Plan("Copy of EU renewals Q3", "Draft", "email", 0, 160, 8, 30, start=None),
    Plan("Q4 upsell, waiting for texts", "Draft", "both", 1, 55, 5, 21, start=None),
    Plan("LinkedIn: events team draft", "Draft", "linkedin", 2, 30, 5, 5, start=None),
    Plan("Survey invitation", "Draft", "one email", 1, 0, 5, 2, start=None),
    Plan("Old idea, never sent", "Draft", "email", 2, 25, 5, 310, start=None),
    Plan("Black Week early birds", "Completed", "one email", 0, 150, 50, 250, stop=30),
    Plan("EU renewals Q2", "Completed", "email", 0, 120, 10, 180, stop=90),
    Plan("EU renewals Q1", "Completed", "email", 0, 110, 10, 270, stop=90),
    Plan("Food producers IT", "Completed", "email", 1, 80, 6, 200, stop=70),
    Plan("LinkedIn: plant managers", "Completed", "linkedin", 1, 60, 5, 150, stop=80),
    Plan("Conference no-shows", "Completed", "one email", 2, 45, 45, 95, stop=20, reply_rate=0.15),
    Plan("Both channels: insurance brokers", "Completed", "both", 2, 70, 6, 160, stop=80),
    Plan("InMail: board members", "Completed", "in-mail", 0, 30, 3, 140, stop=60),
    Plan("Tiny list, one afternoon", "Completed", "one email", 1, 5, 5, 110, stop=15, bounce_rate=0),
    Plan("Price change notice", "Scheduled", "one email", 0, 90, 30, 6, start=None),
    Plan("January kick-off EMEA", "Scheduled", "email", 1, 140, 10, 15, start=None),
    Plan("LinkedIn: alumni network", "Scheduled", "linkedin", 2, 60, 5, 4, start=None),
    Plan("Summer sale last year", "Archived", "one email", 0, 90, 30, 400, stop=30),
    Plan("First steps campaign", "Archived", "email", 1, 60, 5, 420, stop=80),
    Plan("LinkedIn: beta users", "Archived", "linkedin", 2, 40, 4, 380, stop=70),
    Plan("Public sector tenders", "Archived", "both", 1, 50, 4, 350, stop=80),
    Plan("On hold: mailbox reconnect", "Active (On hold)", "email", 1, 80, 6, 55, stop=22),
    Plan("On hold: LinkedIn limit", "Active (On hold)", "linkedin", 2, 60, 5, 42, stop=15),
    Plan("Bought list, bad addresses", "Automatically paused", "email", 0, 90, 20, 38, stop=2, bounce_rate=0.4),
    Plan("Scraped directory DE", "Automatically paused", "one email", 2, 60, 20, 66, stop=3, bounce_rate=0.38),
)
