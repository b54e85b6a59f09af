"""The stream `campaign_analytics_daily`: the plan of `daily_plan`, carried out by the manifest's requests."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    DeclarativePartitionFactory,
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.streams.concurrent.cursor import CursorField
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.analytics import actions, is_empty, most_campaigns
from source_snov.campaign_life import first_day
from source_snov.daily_plan import Aggregate, Plan, Refused, Settled, Unsettled, Window
from source_snov.daily_state import DailyCursor
from source_snov.error_policy import EntityNotFound, RequestNotAccepted

logger = logging.getLogger("airbyte.snov")

DAILY = "campaign_analytics_daily"
LOOKBACK_DAYS = 14
"""The default of `lookback_days`."""

Expects = Callable[[int, int, Callable[[], int]], None]
"""Is told how many campaigns and records there will be, and whom to ask how many requests are still to come at most."""


def daily_stream(
    declared: DefaultStream, config: Mapping[str, Any], today: date, cursor: DailyCursor, expects: Expects
) -> DefaultStream:
    """The declared stream, except that a plan chooses its requests. `today`: the sync's day, in UTC."""
    # Further slices of a declared stream can be made in no other way.
    slices = declared._stream_partition_generator
    assert isinstance(slices, StreamSlicerPartitionGenerator)
    return DefaultStream(
        partition_generator=DailyPartitions(slices, config, today, cursor, expects),
        name=declared.name,
        json_schema=declared.get_json_schema,
        primary_key=[name for [name] in declared.as_airbyte_stream().source_defined_primary_key or []],
        cursor_field=CursorField("date"),
        logger=logger,
        cursor=cursor,
    )


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


class DailyPartitions(PartitionGenerator):
    """One partition per campaign, in the order in which the plan settles them."""

    def __init__(
        self,
        slices: StreamSlicerPartitionGenerator,
        config: Mapping[str, Any],
        today: date,
        cursor: DailyCursor,
        expects: Expects,
    ) -> None:
        self._slices = slices
        self._config = config
        self._cursor = cursor
        self._expects = expects
        self._start = start_date(config)
        self._last = min(date.fromisoformat(config["end_date"]), today)
        self._lookback = timedelta(days=config.get("lookback_days", LOOKBACK_DAYS))

    def generate(self) -> Iterable[Partition]:
        # A campaign may be listed twice.
        campaigns = {part["campaign_id"]: part for part in self._listed()}
        windows = [window for part in campaigns.values() if (window := self._window(part))]
        plan = Plan(windows, Analytics(self._slices._partition_factory), most_campaigns(self._config, campaigns))
        self._cursor.begin(
            {window.campaign: (self._history_begins(window.began), window.last) for window in windows},
            gone=lambda campaign: campaign not in campaigns and self._is_wanted(campaign),
            requests=lambda: plan.requests,
        )
        self._expects(len(campaigns), plan.days_left, lambda: plan.days_left)
        for campaign in campaigns.keys() - {window.campaign for window in windows}:
            yield DailyPartition(campaign, None, plan, self._cursor)
        for part in plan.campaigns():
            yield DailyPartition(part.window.campaign, part, plan, self._cursor)

    def _listed(self) -> Iterable[StreamSlice]:
        for partition in self._slices.generate():
            listed = partition.to_slice()
            assert isinstance(listed, StreamSlice)
            yield listed

    def _window(self, campaign: StreamSlice) -> Window | None:
        """The days of a campaign that this sync reads; None if there are none."""
        identifier, started_at = campaign["campaign_id"], campaign.extra_fields.get("started_at")
        try:
            began = first_day(started_at, campaign.extra_fields.get("created_at"))
        except ValueError:
            logger.warning(
                f"{DAILY}: the history of campaign {identifier} is left out, because its day of start cannot be read "
                f"({str(started_at)[:40]!r}). Report this to the connector's maintainers."
            )
            return None
        if began is None:
            return None
        first = self._cursor.first_to_read(identifier, self._history_begins(began), self._lookback)
        if first > self._last:
            return None
        return Window(identifier, first, self._last, began, self._cursor.last_active(identifier))

    def _history_begins(self, began: date) -> date:
        return max(began, self._start or began)

    def _is_wanted(self, campaign: int) -> bool:
        wanted = self._config.get("campaign_ids")
        return not wanted or campaign in wanted


class DailyPartition(Partition):
    """The days of one campaign; `part` None for a campaign that has none to read."""

    def __init__(self, campaign: int, part: Settled | Unsettled | None, plan: Plan, cursor: DailyCursor) -> None:
        self._campaign = campaign
        self._part = part
        self._plan = plan
        self._cursor = cursor

    def read(self) -> Iterable[Record]:
        if self._part is None:
            return
        try:
            for day, aggregate in self._plan.days(self._part):
                yield self._record(day, aggregate)
        except Refused as refusal:
            self._cursor.skip(self._campaign)
            reason = str(getattr(refusal.cause, "message", refusal.cause))
            raise EntityNotFound(message=reason, internal_message=reason) from None

    def to_slice(self) -> StreamSlice:
        days = {"date_from": str(self._part.window.first), "date_to": str(self._part.window.last)} if self._part else {}
        return StreamSlice(partition={"campaign_id": self._campaign}, cursor_slice=days)

    def stream_name(self) -> str:
        return DAILY

    def __hash__(self) -> int:
        return hash((DAILY, self._campaign))

    def _record(self, day: date, aggregate: Aggregate) -> Record:
        return Record(
            data={"campaign_id": self._campaign, "date": str(day), **aggregate.values},
            stream_name=DAILY,
            associated_slice=StreamSlice(
                partition={"campaign_id": self._campaign},
                cursor_slice={"date": str(day)},
                extra_fields={"active": not aggregate.empty},
            ),
        )


def start_date(config: Mapping[str, Any]) -> date | None:
    """The configured first day, if there is one."""
    return date.fromisoformat(config["start_date"]) if config.get("start_date") else None
