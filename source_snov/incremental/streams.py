"""Gives the declared streams of one sync their cursors and partitions.

A stream with a `history` has one for each of its partitions: of a report's rows, or of records with a date. One with a
`snapshot` says how something stands. The others stay as they are.
"""

import logging
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream

from source_snov.api.all_campaigns import AllCampaigns
from source_snov.api.assumptions import Entity, FutureDays, LastDay, OwnDay
from source_snov.api.budget import SnovBudget
from source_snov.api.retrievers import slices_of
from source_snov.incremental.analytics import Analytics
from source_snov.incremental.cursor import HistoryCursor, StateEmitter
from source_snov.incremental.partitions import (
    CAMPAIGNS,
    Campaigns,
    Histories,
    History,
    HistoryPartitions,
    start_date,
    with_partitions,
)
from source_snov.incremental.periods import Period
from source_snov.incremental.reports import DAILY, Expects, Report, ReportPartitions, filter_check
from source_snov.incremental.snapshots import CURSOR_FIELD, Snapshot, SnapshotCursor, SnapshotPartitions, Snapshots
from source_snov.incremental.starts import Start, StartedCampaigns
from source_snov.incremental.survey import Survey
from source_snov.incremental.totals import Looks, Totals
from source_snov.records.figures import FILTERS, LONGER_URL, digest_of_filters, most_campaigns, most_named
from source_snov.records.notices import Notices

logger = logging.getLogger("airbyte.snov")

CAMPAIGN_ID = "campaign_id"

UNUSED_FILTERS = {
    "sender_email_id": ("sender_email_ids", "sender_linkedin_ids"),
    "sender_linkedin_id": ("sender_email_ids", "sender_linkedin_ids"),
    "campaign_owner": ("campaign_owners",),
}
"""The filters that make no difference to a report's figures, by what it is about."""


class IncrementalStreams:
    """What the streams of one sync have in common.

    given: the configuration as it was given; config: with what the manifest adds to it. activity: asks whether anything
    happened in campaigns; None if there is nobody to ask for. saves: how many streams skip a quiet campaign.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        config: Mapping[str, Any],
        modes: Mapping[str, SyncMode],
        now: datetime,
        budget: SnovBudget,
        manager: ConnectorStateManager,
        repository: MessageRepository,
        activity: DefaultStream | None,
        saves: int,
    ) -> None:
        self._given = given
        self._config = config
        self._modes = modes
        self._now = now
        self._today = now.date()
        self._budget = budget
        self._manager = manager
        self._repository = repository
        ask = self._analytics(slices_of(activity)) if activity else None
        self._survey = Survey(
            ask if config.get("skip_quiet_campaigns", True) else None,
            budget.shared(LastDay),
            budget.shared(OwnDay),
            self._most_campaigns,
            saves,
        )
        self._started = StartedCampaigns(slices_of(activity) if activity else None, ask, self._most_campaigns)

    def of(self, stream: DefaultStream, declared: Mapping[str, Any], field: str, expects: Expects) -> DefaultStream:
        """The stream, as its declaration in the manifest says. field: what its partitions are about."""
        parameters = declared["$parameters"]
        parents = declared["retriever"].get("partition_router", {}).get("parent_stream_configs", ())
        entities = "".join(parent["stream"]["name"] for parent in parents)
        if how := parameters.get("history"):
            period = Period(how["period"]) if "period" in how else None
            history = History(**{"entities": entities, **how, "period": period})
            return self._with_history(stream, history, parameters.get("filters", {}), field, expects)
        if (how := parameters.get("snapshot")) is not None:
            return self._with_snapshots(stream, Snapshot(entities=entities, **how), field)
        return stream

    def _with_history(
        self, stream: DefaultStream, history: History, filters: Mapping[str, Any], field: str, expects: Expects
    ) -> DefaultStream:
        """filters: fields of the configuration that this stream replaces."""
        config = {**self._config, **filters}
        of_campaigns = field == CAMPAIGN_ID
        by_account = history.period and not of_campaigns
        slices = slices_of(stream)
        cursor = self._cursor(stream.name, history, field, config)
        histories = Histories(
            history,
            slices,
            config,
            self._today,
            cursor,
            self._budget.shared(Notices),
            self._budget.shared(FutureDays),
            self._budget.shared(Campaigns),
            self._started,
            survey=self._survey if of_campaigns and not history.period else None,
            start=partial(self._start, stream.name, config.get("campaign_ids", ())) if by_account else None,
        )
        if history.period is None:
            return with_partitions(stream, HistoryPartitions(stream.name, histories), history.cursor_field, cursor)
        is_narrowed = any(config.get(name) for name in FILTERS)
        told = self._survey if stream.name == DAILY and not is_narrowed else None
        configured = ""
        if field == "campaign_owner":
            configured = "campaign_owners" if "campaign_owners" in filters else "report_owners"
        report = self._report(stream.name, history, field, slices, config, configured)
        partitions = ReportPartitions(report, histories, expects, self._budget.shared(LastDay), told)
        return with_partitions(stream, partitions, history.cursor_field, cursor)

    def _start(self, stream_name: str, chosen: Collection[int]) -> Start | None:
        self._started.warn_of_missing(stream_name, chosen)
        return self._started.first(chosen)

    def _all_campaigns(self, name: str, field: str, config: Mapping[str, Any]) -> AllCampaigns | None:
        """The campaigns that the requests of a stream name; None if it is about campaigns."""
        if field == CAMPAIGN_ID:
            return None
        chosen = config.get("campaign_ids", ())

        def started() -> Collection[int]:
            # An empty list would mean all campaigns.
            return self._started.days(chosen) or chosen

        return AllCampaigns(
            name, started, lambda: most_named(config, CAMPAIGN_ID, started(), LONGER_URL), chosen=bool(chosen)
        )

    def _report(
        self,
        name: str,
        history: History,
        field: str,
        slices: StreamSlicerPartitionGenerator,
        config: Mapping[str, Any],
        configured: str,
    ) -> Report:
        all_campaigns = self._all_campaigns(name, field, config)

        def most(entities: Collection[Entity]) -> int:
            if all_campaigns is None:
                return most_campaigns(config, entities)
            return most_named(config, field, entities, LONGER_URL, campaign_id=all_campaigns.names)

        ask = self._analytics(slices, field, all_campaigns)
        return Report(name, field, history.cursor_field, history.period or Period.DAY, ask, most, configured)

    def _with_snapshots(self, stream: DefaultStream, snapshot: Snapshot, field: str) -> DefaultStream:
        cursor = None
        if self._modes.get(stream.name) == SyncMode.incremental:
            # What the totals of a period that ends today count is what changed since.
            period = (self._given.get("start_date"), self._given.get("end_date"))
            filters = digest_of_filters(self._config, *period) if snapshot.filtered else None
            emitter = self._emitter(stream.name, snapshot.entities)
            cursor = SnapshotCursor(snapshot.entities, emitter, filters, self._now)
        snapshots = Snapshots(
            snapshot,
            slices_of(stream),
            self._config,
            self._today,
            self._survey,
            cursor,
            self._budget.shared(Campaigns),
            self._started,
            self._totals(stream, field) if snapshot.totals else None,
        )
        return with_partitions(
            stream, SnapshotPartitions(stream.name, snapshots), CURSOR_FIELD, cursor or stream.cursor
        )

    def _totals(self, stream: DefaultStream, field: str) -> Totals:
        config, slices = self._config, slices_of(stream)
        return Totals(
            stream.name,
            # These requests count for the stream; those that find something out do not.
            replace(self._analytics(slices, field, self._all_campaigns(stream.name, field, config)), aside=nullcontext),
            self._analytics(slices),
            partial(most_campaigns, config),
            self._started,
            self._budget.shared(Looks),
            self._budget.shared(Notices),
            start_date(config),
            date.fromisoformat(config["end_date"]),
            filter_check(stream.name, field),
        )

    def _cursor(self, stream_name: str, history: History, field: str, config: Mapping[str, Any]) -> HistoryCursor:
        filters = None
        if history.period:
            chosen = () if field == CAMPAIGN_ID else (sorted(config.get("campaign_ids", [])),)
            used = {name: value for name, value in config.items() if name not in UNUSED_FILTERS.get(field, ())}
            filters = digest_of_filters(used, *chosen)
        return HistoryCursor(
            history.entities,
            self._emitter(stream_name, history.entities),
            self._today,
            start_date(config),
            full_refresh=self._modes.get(stream_name) == SyncMode.full_refresh,
            filters=filters,
            last_day=self._budget.shared(LastDay) if history.period else None,
            by_name=history.by_name,
            dated=history.dated,
        )

    def _emitter(self, stream_name: str, entities: str) -> StateEmitter:
        own_day = self._budget.shared(OwnDay) if entities == CAMPAIGNS else None
        return StateEmitter(stream_name, self._manager, self._repository, lambda: self._budget.requests_made, own_day)

    def _analytics(
        self, slices: StreamSlicerPartitionGenerator, field: str = CAMPAIGN_ID, campaigns: AllCampaigns | None = None
    ) -> Analytics:
        last_day, own_day = self._budget.shared(LastDay), self._budget.shared(OwnDay)
        return Analytics(slices._partition_factory, last_day, own_day, self._budget.aside, field, campaigns)

    def _most_campaigns(self, campaigns: Collection[Entity]) -> int:
        """How many one request can name that no filter narrows."""
        return most_campaigns({"api_url": self._config["api_url"]}, campaigns)


def skips_quiet(declared: Mapping[str, Any]) -> bool:
    """Whether a declared stream skips quiet campaigns."""
    parameters, router = declared["$parameters"], declared["retriever"].get("partition_router", {})
    of_campaigns = any(one["partition_field"] == CAMPAIGN_ID for one in router.get("parent_stream_configs", ()))
    events = "history" in parameters and "period" not in parameters["history"]
    return of_campaigns and (events or parameters.get("snapshot", {"activity": False}).get("activity", True))
