"""The sandbox account: campaigns, people and dated events, and the API's figures that follow from them.

Every figure is computed from the events on request, so that all responses agree with each other.
Field names and meanings follow the Snov.io API reference 2.1 (campaign list), 2.8 (analytics), 2.9 (progress) and
3.5b (balance).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sandbox.settings import Settings
from sandbox.world.belongings import Belongings
from sandbox.world.events import LINKEDIN, Event, Timeline, moved_to_mails
from sandbox.world.metrics import Tally, metrics, percent
from sandbox.world.plans import EMAIL_ONLY, Step

__all__ = ["Account", "Campaign", "Event", "Recipient", "Sender", "SenderFilter"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient of campaigns; one known only from LinkedIn has no `email`.

    `profile` is the URL of the LinkedIn profile, if known.
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
    """A sender account. `address` is the mailbox of an e-mail account or the user name of a LinkedIn account."""

    id: int
    name: str
    address: str


@dataclass(slots=True)
class Campaign:
    """A campaign as its owner sees it. Times are Unix seconds, `recipients` the ids of all enrolled people.

    `steps` is their sequence.
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
    """The sender accounts that an analytics request is limited to; both None: all of them.

    An event has one sender, so a request that names e-mail and LinkedIn accounts gets the events of either. One that
    names accounts of only one channel gets no event of the other, unless `others_pass`.
    """

    email: frozenset[int] | None
    linkedin: frozenset[int] | None
    others_pass: bool = False

    @property
    def everybody(self) -> bool:
        """Whether no account is named."""
        return self.email is None and self.linkedin is None

    def passes(self, event: Event) -> bool:
        """Whether the event was sent by one of the named accounts, or answers it."""
        if self.everybody:
            return True
        wanted = self.linkedin if event.kind in LINKEDIN else self.email
        return self.others_pass if wanted is None else event.sender in wanted


@dataclass
class Account:
    """A Snov.io account. `today` is the last day with events."""

    today: date
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    recipients: dict[int, Recipient] = field(default_factory=dict)
    email_senders: dict[int, Sender] = field(default_factory=dict)
    linkedin_senders: dict[int, Sender] = field(default_factory=dict)
    belongings: Belongings = field(default_factory=Belongings)
    credits: str = "1200.00"
    _timelines: dict[int, Timeline] = field(default_factory=dict, repr=False)

    def add_campaign(self, campaign: Campaign, events: Iterable[Event] | Timeline = ()) -> None:
        """Adds a campaign with its events."""
        self.campaigns[campaign.id] = campaign
        self._timelines[campaign.id] = events if isinstance(events, Timeline) else Timeline(events)

    def remove_campaign(self, campaign_id: int) -> None:
        """Deletes a campaign: it vanishes from the list, and requests do not find it."""
        del self.campaigns[campaign_id]
        del self._timelines[campaign_id]

    def add_events(self, campaign_id: int, events: Iterable[Event]) -> None:
        """Adds events to a campaign, on any day: the API restates the past too."""
        self._timelines[campaign_id] = Timeline((*self._timelines[campaign_id].events, *events))

    def replace_events(self, campaign_id: int, events: Iterable[Event]) -> None:
        """Replaces the events of a campaign."""
        self._timelines[campaign_id] = Timeline(events)

    def events(self, campaign_id: int) -> Sequence[Event]:
        """The events of a campaign in order of time."""
        return self._timelines[campaign_id].events

    def timeline(self, campaign_id: int) -> Timeline:
        """The same, searchable by day and kind. Raises KeyError for an unknown campaign."""
        return self._timelines[campaign_id]

    def has_campaigns(self, campaign_ids: Iterable[int]) -> bool:
        """Whether all of these are ids of campaigns."""
        return all(campaign_id in self.campaigns for campaign_id in campaign_ids)

    def owners(self) -> list[str]:
        """The e-mail addresses of campaign owners."""
        return sorted({campaign.owner for campaign in self.campaigns.values()})

    def campaign_rows(self) -> list[dict[str, Any]]:
        """The body of `GET /v1/get-user-campaigns` (API reference 2.1)."""
        return [campaign.row() for campaign in self.campaigns.values()]

    def analytics(
        self,
        campaign_ids: Collection[int] | None,
        date_from: date,
        date_to: date,
        sender_email: Collection[int] | None = None,
        sender_linkedin: Collection[int] | None = None,
        campaign_owner: Collection[str] | None = None,
        reading: Settings | None = None,
    ) -> dict[str, Any]:
        """The body of `GET /v2/statistics/campaign-analytics` (API reference 2.8).

        Events count on their UTC day. `campaign_ids` None means all active campaigns, any other filter None no filter.
        A recipient of several campaigns counts once in the distinct metrics. reading: settings that change this.
        """
        reading = reading or Settings()
        senders = SenderFilter(_chosen(sender_email), _chosen(sender_linkedin), reading.one_channel_narrowed)
        tallies = [Tally()]
        for campaign in self._asked(campaign_ids, campaign_owner):
            timeline = self._timelines[campaign.id]
            if reading.on_the_day_of_the_mail:
                timeline = moved_to_mails(timeline)
            found = timeline.between(date_from, date_to, reading.day_offset_hours)
            if reading.silent_events:
                found = [event for event in found if event.at // 86_400 % 3]
            if found:
                if not reading.distinct_across_campaigns:
                    tallies.append(Tally())
                tallies[-1].add(found if senders.everybody else (event for event in found if senders.passes(event)))
        return metrics(tallies)

    def _asked(self, campaign_ids: Collection[int] | None, owners: Collection[str] | None) -> Iterator[Campaign]:
        active = (campaign.id for campaign in self.campaigns.values() if campaign.status.lower() == "active")
        for campaign_id in dict.fromkeys(active if campaign_ids is None else campaign_ids):
            campaign = self.campaigns.get(campaign_id)
            if campaign is not None and (owners is None or campaign.owner in owners):
                yield campaign

    def progress(self, campaign_id: int) -> dict[str, Any]:
        """The body of `GET /v2/campaigns/{id}/progress` (API reference 2.9). Raises KeyError if unknown."""
        campaign = self.campaigns[campaign_id]
        total = len(campaign.recipients)
        done = len(self._timelines[campaign_id].stopped.intersection(campaign.recipients))
        return {"status": campaign.status, "unfinished": total - done, "progress": percent(done, total)}

    def balance(self) -> dict[str, Any]:
        """The body of `GET /v1/get-balance` (API reference 3.5b)."""
        tally = Tally()
        for timeline in self._timelines.values():
            tally.add(timeline.between(self.today.replace(day=1), self.today))
        next_month = (self.today.replace(day=1) + timedelta(days=32)).replace(day=1)
        data = {
            "balance": self.credits,
            "teamwork": len(self.owners()) > 1,
            "unique_recipients_used": tally.numbers()["total_contacted"],
            "limit_resets_in": (next_month - self.today).days,
            "expires_in": 200,
        }
        return {"success": True, "data": data}


def _chosen(ids: Collection[int] | None) -> frozenset[int] | None:
    return None if ids is None else frozenset(ids)
