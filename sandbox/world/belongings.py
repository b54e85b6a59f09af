"""What an account has besides campaigns: lists, custom fields, pipelines, webhooks, schedules, warm-ups.

Plain data; `endpoints/` has the API's form of it. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class ProspectList:
    """A list of prospects, with the ids of its people."""

    id: int
    name: str
    created_at: int
    members: tuple[int, ...] = ()
    deleted_at: int | None = None


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field that the team has added to its prospects."""

    label: str
    type: Literal["string", "number", "date"] = "string"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a pipeline; `value` is the sum of its deals, without a currency."""

    id: int
    name: str
    deals: int
    value: float


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline of deals, its stages in order."""

    id: int
    name: str
    created: date
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription to a kind of event in the account."""

    id: int
    end_point: str
    event_object: str
    event_action: str
    status: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Blacklist:
    """A do-not-email list; the API shows only the number of its entries."""

    id: int
    name: str
    owner: str
    total: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The hours, `HH:MM` in the zone, in which campaigns may send. `days` are the enabled weekdays, 0 is Monday."""

    id: int
    name: str
    timezone: str
    days: frozenset[int] = frozenset(range(5))
    start_time: str = "08:30"
    end_time: str = "17:30"


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The warm-up of a sender account: `per_day` mails every day, or `increase` more each day up to `per_day`.

    It sends from `start` to `last`, both included (None: until today). `ready` False: Snov.io is still computing its
    statistics.
    """

    id: int
    status: str
    sender: int
    start: date
    last: date | None = None
    deadline: date | None = None
    strategy: Literal["progressive", "steady"] = "progressive"
    per_day: int = 20
    first: int = 2
    increase: int = 3
    reply_rate: int = 25
    error: str | None = None
    ready: bool = True


@dataclass
class Belongings:
    """All of the above for one account; `lists` are those that no campaign uses."""

    lists: list[ProspectList] = field(default_factory=list)
    custom_fields: list[CustomField] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)
    blacklists: list[Blacklist] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    warm_ups: list[WarmUp] = field(default_factory=list)
