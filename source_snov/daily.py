"""The stream `campaign_analytics_daily`: the plan of `daily_plan`, carried out by the manifest's requests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import DeclarativePartitionFactory
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record, StreamSlice
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.analytics import actions, is_empty, most_campaigns
from source_snov.daily_plan import Aggregate, NothingAnswered, Plan, Refused, Settled, Unsettled, Window
from source_snov.error_policy import EntityNotFound, RequestNotAccepted
from source_snov.histories import Histories, with_partitions
from source_snov.history_state import HistoryCursor

DAILY = "campaign_analytics_daily"

Expects = Callable[[int, int, Callable[[], int]], None]
"""Is told how many campaigns and records there will be, and whom to ask about how many requests are left."""


def daily_stream(
    declared: DefaultStream, histories: Histories, config: Mapping[str, Any], expects: Expects
) -> DefaultStream:
    """The declared stream, except that a plan chooses its requests."""
    return with_partitions(declared, DailyPartitions(histories, config, expects), histories)


@dataclass(frozen=True)
class Analytics:
    """The API's aggregate of campaigns over days, asked for through the declared stream's retriever."""

    partitions: DeclarativePartitionFactory

    def __call__(self, campaigns: Sequence[int], first: date, last: date) -> Aggregate:
        asked = StreamSlice(
            partition={"campaign_id": ",".join(map(str, campaigns))},
            cursor_slice={"date_from": str(first), "date_to": str(last)},
        )
        try:
            [answer] = self.partitions.create(asked).read()
        except EntityNotFound as refusal:
            raise Refused(refusal, certain=True) from None
        except RequestNotAccepted as refusal:
            raise Refused(refusal, certain=False) from None
        return Aggregate(answer.data, is_empty(answer.data), actions(answer.data))


@dataclass(frozen=True)
class DailyPartitions(PartitionGenerator):
    """One partition per campaign. Making them takes no request but the campaign list's."""

    histories: Histories
    config: Mapping[str, Any]
    expects: Expects

    def generate(self) -> Iterable[Partition]:
        campaigns = self.histories.begin()
        cursor = self.histories.cursor
        windows = [
            Window(days.entity, days.first, days.last, days.began, cursor.last_active(days.entity))
            for days in campaigns.values()
            if days
        ]
        plan = Plan(windows, Analytics(self.histories.partitions), most_campaigns(self.config, campaigns))
        self.expects(len(campaigns), plan.days_left, lambda: plan.requests_left)
        turns = Turns(plan)
        for campaign, days in campaigns.items():
            yield DailyPartition(campaign, turns if days else None, cursor)


class Turns:
    """Hands out the campaigns in the order in which the plan settles them, one to each partition that is read.

    So the plan asks about a group only when somebody is there to read what comes of it: what it has found out and not
    yet made rows of would be lost if the sync were killed.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._parts = plan.campaigns()
        self._lock = Lock()

    def take(self) -> Settled | Unsettled | None:
        """The next campaign; None when there is none left, or finding it has failed before."""
        with self._lock:
            return next(self._parts, None)


class DailyPartition(Partition):
    """The days of one campaign: of the next one in turn. `turns` None: of none, because none are to be read."""

    def __init__(self, campaign: int, turns: Turns | None, cursor: HistoryCursor) -> None:
        self._campaign = campaign
        self._hash = hash((DAILY, campaign))
        self._turns = turns
        self._cursor = cursor

    def read(self) -> Iterable[Record]:
        if self._turns is None:
            return
        try:
            part = self._turns.take()
            if part is None:
                return
            self._campaign = part.window.campaign
            for day, aggregate in self._turns.plan.days(part):
                yield self._record(day, aggregate)
                self._cursor.settle(self._campaign, day, active=not aggregate.empty)
        except NothingAnswered as nothing:
            raise AirbyteTracedException(
                message=f"Snov.io says of each of the campaigns that there is nothing to read for {DAILY}. The "
                "account's plan may not cover it, or the API has changed: check the plan, then report this to the "
                "connector's maintainers.",
                internal_message=f"No campaign was answered for: {nothing.__cause__}",
                failure_type=FailureType.system_error,
            ) from None
        except Refused as refusal:
            self._cursor.skip(self._campaign)
            reason = str(getattr(refusal.cause, "message" if refusal.certain else "internal_message", refusal.cause))
            raise EntityNotFound(message=reason, internal_message=reason) from None

    def to_slice(self) -> StreamSlice:
        return StreamSlice(partition={"campaign_id": self._campaign}, cursor_slice={})

    def stream_name(self) -> str:
        return DAILY

    def __hash__(self) -> int:
        return self._hash

    def _record(self, day: date, aggregate: Aggregate) -> Record:
        key = {"campaign_id": self._campaign, "date": str(day)}
        # The key stands first, and is ours also if the API adds fields of these names.
        return Record(data={**key, **aggregate.values, **key}, stream_name=DAILY, associated_slice=self.to_slice())
