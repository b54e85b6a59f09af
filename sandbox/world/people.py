"""The made-up people of the sandbox: team members, their sender accounts, and recipients."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sandbox.world.account import Recipient, Sender


def _words(text: str) -> list[str]:
    return text.split()


@dataclass(frozen=True)
class Owner:
    """A team member, with the sender accounts of the member's campaigns."""

    email: str
    email_senders: tuple[int, ...]
    linkedin_senders: tuple[int, ...]


OWNERS: Final = (
    Owner("ana.ruiz@example.com", (55001, 55002), (66001,)),
    Owner("jonas.weber@example.com", (55003,), (66002,)),
    Owner("mei.tan@example.org", (55004,), (66002, 66003)),
)

EMAIL_SENDERS: Final = (
    Sender(55001, "Ana Ruiz", "ana@outreach.example.com"),
    Sender(55002, "Outbound Desk", "desk@outreach.example.com"),
    Sender(55003, "Jonas Weber", "jonas@outreach.example.com"),
    Sender(55004, "Mei Tan", "mei@mail.example.org"),
)

LINKEDIN_SENDERS: Final = (
    Sender(66001, "Ana Ruiz", "ana-ruiz-sandbox"),
    Sender(66002, "Jonas Weber", "jonas-weber-sandbox"),
    Sender(66003, "Mei Tan", "mei-tan-sandbox"),
)

FIRST_NAMES: Final = _words(
    "Pat Alex Robin Kim Sam Jo Noa Mika Luca Toni Dana Elis Ira Juno Kai Lou Nico Olli Rene Sasha Uli Vali Yuri Zoe"
)
LAST_NAMES: Final = _words(
    "Example Sample Muster Modelo Prova Vzor Exempel Esempio Mallet Stone Rivers Field Brook "
    "Hill Marsh Wood Lake Ford Vale Heath Moor Crest Dale Glen"
)
COMPANIES: Final = (
    "Example GmbH",
    "Sample Ltd",
    "Northwind Example AB",
    "Contoso Sample BV",
    "Muster AG",
    "Modelo SA",
    "Prova Srl",
    "Vzor s.r.o.",
)
JOBS: Final = ("Buyer", "Head of Sales", "Operations Manager", "Founder", "Finance Director", "Plant Manager")
INDUSTRIES: Final = ("Logistics", "Retail", "Software", "Manufacturing", "Insurance", "Hospitality")
PLACES: Final = (("Germany", "Hamburg"), ("Spain", "Valencia"), ("Sweden", "Malmo"), ("Ireland", "Cork"))


def make_recipients(rng: Random, number: int) -> dict[int, Recipient]:
    """This many people, by id; every twentieth is known only from LinkedIn."""
    people = {}
    for person in range(1, number + 1):
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        country, location = rng.choice(PLACES)
        domain = "example.org" if person % 3 == 0 else "example.com"
        email = None if person % 20 == 0 else f"{first}.{last}.{person}@{domain}".lower()
        # Not everybody with an e-mail address has a known LinkedIn profile.
        known = email is None or person % 7 != 3
        people[person] = Recipient(
            id=person,
            first_name=first,
            last_name=last,
            email=email,
            company=rng.choice(COMPANIES),
            job_position=rng.choice(JOBS),
            industry=rng.choice(INDUSTRIES),
            country=country,
            location=location,
            profile=f"https://www.linkedin.com/in/{first}-{last}-{person}".lower() if known else None,
        )
    return people
