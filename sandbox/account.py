"""The sandbox account: campaigns, people and dated events, and the answers the API derives from them.

Every figure is computed from the events when it is asked for, so that any two answers agree with each other.
Field names and meanings follow the Snov.io API reference 2.1 (campaign list), 2.8 (analytics), 2.9 (progress) and
3.5b (balance).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sandbox.belongings import Belongings
from sandbox.events import LINKEDIN, Event, Timeline
from sandbox.metrics import Tally, percent
from sandbox.plans import EMAIL_ONLY, Step

__all__ = ["Account", "Campaign", "Event", "Recipient", "Sender", "SenderFilter"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person that campaigns write to; a contact known from LinkedIn alone has no `email`.

    `profile` is the address of the LinkedIn profile, if it is known.
    """

    id: int
    first_name: str
    last_name: str
    email: str | None
    company: str
    job_position: str
    industry: str
    country: str
    location: str
    profile: str | None = None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender account; `address` is the mailbox of an e-mail account and the user name of a LinkedIn one."""

    id: int
    name: str
    address: str


@dataclass(slots=True)
class Campaign:
    """A campaign as its owner sees it; times are unix seconds UTC, `recipients` the ids of all people enrolled.

    `steps` is the sequence each of them goes through.
    """

    id: int
    name: str
    list_id: int | None
    status: str
    created_at: int
    updated_at: int
    started_at: int | None
    hash: str
    owner: str
    email_senders: tuple[int, ...] = ()
    linkedin_senders: tuple[int, ...] = ()
    recipients: tuple[int, ...] = ()
    steps: tuple[Step, ...] = EMAIL_ONLY

    def row(self) -> dict[str, Any]:
        """The campaign as `GET /v1/get-user-campaigns` lists it (API reference 2.1)."""
        return {
            "id": self.id,
            "campaign": self.name,
            "list_id": self.list_id,
            "status": self.status,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "started_at": self.started_at,
            "hash": self.hash,
        }


@dataclass(frozen=True)
class SenderFilter:
    """The sender accounts an analytics request is limited to; both None lets every event pass.

    One event has one sender, so a request that names e-mail and LinkedIn accounts gets the events of either.
    A request that names only accounts of one channel gets no event of the other.
    """

    email: frozenset[int] | None
    linkedin: frozenset[int] | None

    @property
    def everybody(self) -> bool:
        """Whether no account is named at all."""
        return self.email is None and self.linkedin is None

    def passes(self, event: Event) -> bool:
        """Whether the event was sent by, or answers, one of the named accounts."""
        if self.everybody:
            return True
        wanted = self.linkedin if event.kind in LINKEDIN else self.email
        return wanted is not None and event.sender in wanted


@dataclass
class Account:
    """A Snov.io account. `today` is the day on which its story ends."""

    today: date
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    recipients: dict[int, Recipient] = field(default_factory=dict)
    email_senders: dict[int, Sender] = field(default_factory=dict)
    linkedin_senders: dict[int, Sender] = field(default_factory=dict)
    belongings: Belongings = field(default_factory=Belongings)
    credits: str = "1200.00"
    _timelines: dict[int, Timeline] = field(default_factory=dict, repr=False)

    def add_campaign(self, campaign: Campaign, events: Iterable[Event] | Timeline = ()) -> None:
        """Add a campaign with its events."""
        self.campaigns[campaign.id] = campaign
        self._timelines[campaign.id] = events if isinstance(events, Timeline) else Timeline(events)

    def remove_campaign(self, campaign_id: int) -> None:
        """Delete a campaign: it vanishes from the list and every request for it finds nothing."""
        del self.campaigns[campaign_id]
        del self._timelines[campaign_id]

    def add_events(self, campaign_id: int, events: Iterable[Event]) -> None:
        """Let something more happen in a campaign, on any day: the API restates the past too."""
        self._timelines[campaign_id] = Timeline((*self._timelines[campaign_id].events, *events))

    def replace_events(self, campaign_id: int, events: Iterable[Event]) -> None:
        """Give a campaign another story."""
        self._timelines[campaign_id] = Timeline(events)

    def events(self, campaign_id: int) -> Sequence[Event]:
        """Everything that happened in a campaign, in order of time."""
        return self._timelines[campaign_id].events

    def timeline(self, campaign_id: int) -> Timeline:
        """The same, to be searched by day and kind; KeyError for an unknown campaign."""
        return self._timelines[campaign_id]

    def has_campaigns(self, campaign_ids: Iterable[int]) -> bool:
        """Whether each of these is the id of a campaign."""
        return all(campaign_id in self.campaigns for campaign_id in campaign_ids)

    def owners(self) -> list[str]:
        """E-mail addresses of the people who own campaigns."""
        return sorted({campaign.owner for campaign in self.campaigns.values()})

    def campaign_rows(self) -> list[dict[str, Any]]:
        """The answer of `GET /v1/get-user-campaigns` (API reference 2.1)."""
        return [campaign.row() for campaign in self.campaigns.values()]

    def analytics(
        self,
        campaign_ids: Collection[int] | None,
        date_from: date,
        date_to: date,
        sender_email: Collection[int] | None = None,
        sender_linkedin: Collection[int] | None = None,
        campaign_owner: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """The answer of `GET /v2/statistics/campaign-analytics` (API reference 2.8).

        Events count on the UTC day they happened. `campaign_ids` None means all active campaigns, any other filter None
        means no filter. A recipient of several campaigns counts once in the distinct metrics.
        """
        senders = SenderFilter(_chosen(sender_email), _chosen(sender_linkedin))
        tally = Tally()
        for campaign in self._asked(campaign_ids, campaign_owner):
            found = self._timelines[campaign.id].between(date_from, date_to)
            if found:
                tally.add(found if senders.everybody else (event for event in found if senders.passes(event)))
        return tally.metrics()

    def _asked(self, campaign_ids: Collection[int] | None, owners: Collection[str] | None) -> Iterator[Campaign]:
        active = (campaign.id for campaign in self.campaigns.values() if campaign.status.lower() == "active")
        for campaign_id in dict.fromkeys(active if campaign_ids is None else campaign_ids):
            campaign = self.campaigns.get(campaign_id)
            if campaign is not None and (owners is None or campaign.owner in owners):
                yield campaign

    def progress(self, campaign_id: int) -> dict[str, Any]:
        """The answer of `GET /v2/campaigns/{id}/progress` (API reference 2.9); KeyError for an unknown campaign."""
        campaign = self.campaigns[campaign_id]
        total = len(campaign.recipients)
        done = len(self._timelines[campaign_id].stopped.intersection(campaign.recipients))
        return {"status": campaign.status, "unfinished": total - done, "progress": percent(done, total)}

    def balance(self) -> dict[str, Any]:
        """The answer of `GET /v1/get-balance` (API reference 3.5b)."""
        tally = Tally()
        for timeline in self._timelines.values():
            tally.add(timeline.between(self.today.replace(day=1), self.today))
        next_month = (self.today.replace(day=1) + timedelta(days=32)).replace(day=1)
        data = {
            "balance": self.credits,
            "teamwork": len(self.owners()) > 1,
            "unique_recipients_used": tally.metrics()["total_contacted"],
            "limit_resets_in": (next_month - self.today).days,
            "expires_in": 200,
        }
        return {"success": True, "data": data}


def _chosen(ids: Collection[int] | None) -> frozenset[int] | None:
    return None if ids is None else frozenset(ids)
