"""The figures of the page: title, meaning and format of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from warehouse.report.marts import Row, Rows

Kind = Literal["text", "status", "count", "share", "percent", "bar", "date"]

NOTHING: Final = "\N{EN DASH}"
"""Shown for a missing figure, such as a rate without a denominator."""


@dataclass(frozen=True)
class Figure:
    """A column of a table, or a key figure.

    A `share` is from 0 to 1, a `percent` from 0 to 100; a `bar` is a share that is also drawn. stream: the one that
    fills a column of senders.
    """

    name: str
    label: str
    meaning: str
    kind: Kind = "count"
    stream: str = ""

    @property
    def numeric(self) -> bool:
        return self.kind not in ("text", "status")

    def written(self, value: Any) -> str:
        """The value as the page shows it."""
        if value is None or value == "":
            return NOTHING
        if self.kind in ("share", "bar"):
            return share(value)
        if self.kind == "percent":
            return f"{value:.0f}%"
        if self.kind == "count":
            return f"{value:,.0f}"
        return day(value) if isinstance(value, date) else str(value)

    def sorted_by(self, value: Any) -> str:
        """The value by which the sorting script compares: a number, a day, or nothing."""
        if value is None:
            return ""
        return value.isoformat() if isinstance(value, date) else f"{value:.6g}" if self.kind != "count" else str(value)


def share(value: float) -> str:
    """A share from 0 to 1 as a percentage."""
    return f"{100 * value:.1f}%"


def day(value: date) -> str:
    return f"{value:%d %b %Y}".lstrip("0")


CAMPAIGN_COLUMNS: Final = (
    Figure("campaign", "Campaign", "Name of the campaign.", "text"),
    Figure("status", "Status", "Status of the campaign when it was synced, as Snov.io spells it.", "status"),
    Figure(
        "progress",
        "Progress",
        "Share of the campaign's recipients for whom the sequence has ended: they came to its end, replied, bounced or "
        "unsubscribed. It falls when recipients are added.",
        "percent",
    ),
    Figure("emails_sent", "E-mails sent", "E-mails of the campaign that were sent, follow-ups too."),
    Figure("bounce_rate", "Bounce rate", "E-mails that bounced, of the e-mails sent.", "share"),
    Figure(
        "people_contacted",
        "People contacted",
        "People contacted by e-mail or on LinkedIn, each counted once in a campaign.",
    ),
    Figure(
        "open_rate",
        "Open rate",
        "People who opened an e-mail, of the people contacted by e-mail. Mail programs that load pictures by "
        "themselves count as well; it is 0 where the tracking of opens is off.",
        "share",
    ),
    Figure(
        "click_rate",
        "Click rate",
        "People who clicked a link in an e-mail, of the people contacted by e-mail.",
        "share",
    ),
    Figure("people_replied", "E-mail replies", "People who replied by e-mail at least once."),
    Figure("reply_rate", "Reply rate", "People who replied by e-mail, of the people contacted by e-mail.", "share"),
    Figure("people_replied_linkedin", "LinkedIn replies", "People who replied on LinkedIn at least once."),
    Figure(
        "people_interested",
        "Interested",
        "People whose replies show interest, by the latest rating in Snov.io. Replies by e-mail and on LinkedIn.",
    ),
    Figure(
        "interest_rate",
        "Interest rate",
        "People whose replies show interest, of all who replied, by e-mail or on LinkedIn.",
        "share",
    ),
    Figure("last_activity_on", "Last activity", "Last day on which something happened in the campaign.", "date"),
)

BY_SENDER: Final = "sender_analytics or campaign_recipients_activity"
WARM_UP_DAYS: Final = "warm_up_daily_statistics"

SENDER_COLUMNS: Final = (
    Figure("sender", "Sender", "Mailbox that campaigns send from.", "text"),
    Figure("state", "Status", "Whether Snov.io can send from the mailbox.", "status"),
    Figure("emails_sent", "E-mails sent", "E-mails of campaigns that were sent from the mailbox.", stream=BY_SENDER),
    Figure("bounce_rate", "Bounce rate", "E-mails that bounced, of the e-mails sent.", "share", BY_SENDER),
    Figure("people_contacted", "People contacted", "People contacted from the mailbox.", stream=BY_SENDER),
    Figure("people_replied", "E-mail replies", "People who replied by e-mail at least once.", stream=BY_SENDER),
    Figure(
        "reply_rate",
        "Reply rate",
        "People who replied by e-mail, of the people contacted by e-mail.",
        "share",
        BY_SENDER,
    ),
    Figure(
        "warm_up_status",
        "Warm-up",
        "State of the mailbox's newest warm-up, as Snov.io spells it.",
        "status",
        "warm_ups",
    ),
    Figure(
        "warm_up_deliverability",
        "Deliverability",
        "Of the warm-up's e-mails that arrived in the last 7 days, the share that came into the inbox, not into spam "
        "or another folder.",
        "bar",
        WARM_UP_DAYS,
    ),
    Figure(
        "warm_up_sent_7d",
        "Warm-up e-mails, 7 days",
        "E-mails that the warm-up sent in the last 7 days.",
        stream=WARM_UP_DAYS,
    ),
)

TWICE: Final = "Summed over campaigns: someone who is in two campaigns counts twice."
ONCE: Final = "Someone who is in two campaigns counts once."


@dataclass(frozen=True)
class KeyFigure:
    """A figure over all campaigns, with its details."""

    name: str
    label: str
    value: str
    made_of: str
    meaning: str


def key_figures(campaigns: Rows, people: Mapping[str, int] | None) -> list[KeyFigure]:
    """The figures over all campaigns. Rates are computed from the sums, because rates do not add up.

    people: each person once, by what happened; without them, the counts of campaigns are summed.
    """
    sums = totals(campaigns)
    by_email, often = {**sums, **(people or {})}, ONCE if people else TWICE
    sent, mailed = sums["emails_sent"], by_email["people_contacted_by_email"]
    replied = sums["people_replied"] + sums["people_replied_linkedin"]
    meanings = {column.name: column.meaning for column in CAMPAIGN_COLUMNS}
    return [
        KeyFigure(
            "emails_sent",
            "E-mails sent",
            _count(sent),
            f"{_count(sums['delivered'])} delivered",
            f"{meanings['emails_sent']} Of all campaigns together.",
        ),
        KeyFigure(
            "bounce_rate",
            "Bounce rate",
            _rate(sums["bounced"], sent),
            f"{_count(sums['bounced'])} e-mails bounced",
            meanings["bounce_rate"],
        ),
        KeyFigure(
            "people_contacted_by_email",
            "People reached by e-mail" if people else "Recipients reached by e-mail",
            _count(mailed),
            f"{_count(sums['people_contacted_by_email'])} counted in each campaign" if people else "of each campaign",
            f"People to whom at least one e-mail was sent that did not bounce. {often}",
        ),
        KeyFigure(
            "open_rate",
            "Open rate",
            _rate(by_email["people_opened"], mailed),
            f"{_count(by_email['people_opened'])} people opened",
            f"{meanings['open_rate']} {often}",
        ),
        KeyFigure(
            "click_rate",
            "Click rate",
            _rate(by_email["people_clicked"], mailed),
            f"{_count(by_email['people_clicked'])} people clicked",
            f"{meanings['click_rate']} {often}",
        ),
        KeyFigure(
            "reply_rate",
            "Reply rate",
            _rate(by_email["people_replied"], mailed),
            f"{_count(by_email['people_replied'])} people replied by e-mail",
            f"{meanings['reply_rate']} {often}",
        ),
        KeyFigure(
            "people_unsubscribed",
            "Unsubscribed",
            _count(by_email["people_unsubscribed"]),
            f"{_count(sums['people_auto_replied'])} replied automatically",
            f"People who used the unsubscribe link. {often} Automatic replies, such as of absence, are no replies.",
        ),
        KeyFigure(
            "people_replied_linkedin",
            "Replied on LinkedIn",
            _count(sums["people_replied_linkedin"]),
            "people, in addition to replies by e-mail",
            f"{meanings['people_replied_linkedin']} {TWICE}",
        ),
        KeyFigure(
            "people_interested",
            "Interested",
            _count(sums["people_interested"]),
            f"{_rate(sums['people_interested'], replied)} of all who replied" if replied else "nobody has replied",
            f"{meanings['people_interested']} {TWICE}",
        ),
    ]


def totals(campaigns: Rows) -> dict[str, int]:
    """The counts, summed over all campaigns."""
    names = (
        *("emails_sent", "delivered", "bounced", "people_contacted", "people_contacted_by_email", "people_opened"),
        *("people_clicked", "people_replied", "people_replied_linkedin", "people_interested"),
        *("people_maybe", "people_not_interested", "people_contacted_by_linkedin", "invitations_sent"),
        *("invitations_accepted", "people_unsubscribed", "people_auto_replied"),
    )
    return {name: int(sum(row[name] or 0 for row in campaigns)) for name in names}


def filled(columns: Sequence[Figure], rows: Rows) -> tuple[Sequence[Figure], Sequence[str]]:
    """The columns that a row has a value of, or that no stream fills; and the streams that fill the others."""
    empty = [one for one in columns if one.stream and all(row.get(one.name) is None for row in rows)]
    shown = [one for one in columns if one not in empty]
    have = {one.stream for one in shown}
    return shown, [stream for stream in dict.fromkeys(one.stream for one in empty) if stream not in have]


def sender_state(row: Row) -> str:
    """What keeps the mailbox from sending, if anything."""
    if row.get("valid") is False:
        return "Connection fails"
    if row.get("suspended"):
        return "Suspended"
    return "Connected" if row.get("valid") else ""


TONES: Final = {
    "good": ("active", "connected"),
    "bad": ("automatically paused", "error", "connection fails", "suspended"),
    "waiting": ("paused", "active (on hold)", "scheduled", "pending"),
}


def tone(status: str | None) -> str:
    """The colour of a status; none for an unknown one, since new ones may appear."""
    return next((name for name, known in TONES.items() if (status or "").lower() in known), "plain")


def statuses(campaigns: Rows) -> list[tuple[str, int]]:
    """The number of campaigns per status, the most frequent first."""
    return _frequencies(row["status"] or "Without status" for row in campaigns)


def _frequencies(values: Iterable[str]) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _count(value: int) -> str:
    return f"{value:,}"


def _rate(part: int, whole: int) -> str:
    return share(part / whole) if whole else NOTHING
