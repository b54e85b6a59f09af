"""What the page says of each problem in snov__attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from warehouse.report.figures import day, share
from warehouse.report.marts import Row

TONES: Final = {1: "bad", 2: "waiting", 3: "plain"}

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "paused automatically": ("Paused by Snov.io", "Look in Snov.io why, and start it again."),
    "nobody left": (
        "Nobody left",
        "It is active, but has no contact left to write to. Add some, or complete it.",
    ),
    "runs dry": ("Runs dry", "Contacts left for {days} of sending as in the last seven days."),
    "bounces": ("Bounces", "{share} of its e-mails bounced. Verify the addresses before more are sent."),
    "unsubscribes": ("Unsubscribes", "{share} of the people reached have unsubscribed."),
    "few opens": ("Few opens", "{share} of the people reached opened an e-mail: look at deliverability and subject."),
    "few replies": ("Few replies", "{share} of the people reached replied."),
    "connection fails": ("Mailbox fails", "Snov.io cannot connect to it. Check its password and settings."),
    "suspended": ("Mailbox suspended", "Nothing is sent from it."),
    "warm-up error": ("Warm-up failed", "Its warm-up has stopped with an error."),
    "warm-up paused": ("Warm-up paused", "Its warm-up is paused."),
    "plan ends": ("Plan ends", "In {days}."),
    "no credits": ("No credits", "None are left."),
}
"""A label, and what follows, by the problem."""


def problem(row: Row) -> Row:
    """The row with `label`, `text` and `tone`. An unknown problem, of newer models, is shown by its name."""
    label, text = TEXTS.get(row["problem"], (str(row["problem"]).capitalize(), ""))
    figure = row["figure"] or 0
    days = max(0, round(figure))
    said = text.format(share=share(figure), days="1 day" if days == 1 else f"{days} days")
    if row["since"] is not None:
        said = f"{said} Last activity: {day(row['since'])}."
    return {**row, "label": label, "text": said, "tone": TONES.get(row["urgency"], "plain")}
