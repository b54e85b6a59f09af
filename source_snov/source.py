"""The source: what Airbyte calls, around what `manifest.yaml` declares."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from datetime import date, datetime, timezone
from functools import partial
from importlib.resources import files
from typing import Any

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConnectorSpecification,
    ConnectorSpecificationSerializer,
    FailureType,
    Status,
    SyncMode,
)
from airbyte_cdk.sources import Source
from airbyte_cdk.sources.declarative.interpolation import InterpolatedString
from airbyte_cdk.sources.declarative.models import HTTPAPIBudget as HTTPAPIBudgetModel
from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.utils import AirbyteTracedException
from isodate import parse_duration  # type: ignore[import-untyped]

from source_snov.api.all_campaigns import AllCampaigns
from source_snov.api.assumptions import Entity, FutureDays, LastDay, OwnDay
from source_snov.api.budget import Patience, RateLimitPause, SnovBudget, Window
from source_snov.api.environment import use_environment
from source_snov.api.limits import LargeAnswers
from source_snov.api.requesters import SPAN, Looks
from source_snov.api.retrievers import slices_of
from source_snov.config import check_config, usable, warn_of_unknown_fields
from source_snov.custom_reports import declared
from source_snov.failures import config_error, system_error
from source_snov.files import catalog_in, config_in, states_in
from source_snov.forecast import first_sync
from source_snov.incremental.analytics import Analytics
from source_snov.incremental.cursor import HistoryCursor, StateEmitter
from source_snov.incremental.order import NewestFirst
from source_snov.incremental.partitions import CAMPAIGNS, Campaigns, Histories, History, history_stream, start_date
from source_snov.incremental.periods import Period
from source_snov.incremental.reports import DAILY, Report, report_stream
from source_snov.incremental.snapshots import Snapshot, SnapshotCursor, Snapshots, snapshot_stream
from source_snov.incremental.starts import StartedCampaigns
from source_snov.incremental.survey import Survey
from source_snov.progress import StreamProgress, SyncProgress
from source_snov.python_3_11 import parse_in_turn
from source_snov.records.analytics import FILTERS, LONGER_URL, digest_of_filters, most_campaigns, most_named
from source_snov.records.first_day import day_of
from source_snov.records.notices import Notices
from source_snov.skipping import TrackedStream
from source_snov.specification import specification

parse_in_turn()

logger = logging.getLogger("airbyte.snov")

Config = Mapping[str, Any]

STREAMS = {schema.name.removesuffix(".json") for schema in files(__package__).joinpath("schemas").iterdir()}
"""All streams."""

CAMPAIGN_ID = "campaign_id"

UNUSED_FILTERS = {
    "sender_email_id": ("sender_email_ids", "sender_linkedin_ids"),
    "sender_linkedin_id": ("sender_email_ids", "sender_linkedin_ids"),
    "campaign_owner": ("campaign_owners",),
}
"""The filters that make no difference to a report's figures, by what it is about."""

ACTIVITY = "campaign_activity"
"""What the survey asks through: declared like a stream, and none."""

CHECKED = "campaigns"
"""The stream that `check` reads."""

CHECK_RATE_LIMIT = 75.0
"""Seconds of 429 in a row after which `check` gives up: long enough for one pause."""

CHECK_PATIENCE = 28.0
"""Seconds after which `check` tries nothing again. A request that is under way then may take a minute more."""


class SourceSnov(Source):
    """Snov.io as an Airbyte source.

    Each command builds the declared source from its configuration. The arguments that connectors on the CDK
    customarily take are accepted and not needed.
    """

    def __init__(
        self,
        catalog: ConfiguredAirbyteCatalog | None = None,
        config: Config | None = None,
        state: list[AirbyteStateMessage] | None = None,
    ) -> None:
        super().__init__()

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        return config_in(config_path)

    @classmethod
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        return catalog_in(catalog_path)

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        return states_in(state_path)

    def configure(self, config: Config, temp_dir: str) -> Config:
        """What the specification knows of the configuration; the CDK would write it, secret included, to a file."""
        form = specification()["connectionSpecification"]
        warn_of_unknown_fields(config, form)
        return usable(config, form, {*STREAMS, ACTIVITY})

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        return ConnectorSpecificationSerializer.load(specification())

    def check(self, logger: logging.Logger, config: Config) -> AirbyteConnectionStatus:
        try:
            return DeclaredSource(config, only={CHECKED}).check(logger, config)
        except AirbyteTracedException as failure:
            # The CDK makes a status of a config_error only, and none of a network that is not there.
            if failure.failure_type == FailureType.config_error:
                raise
            return AirbyteConnectionStatus(status=Status.FAILED, message=failure.message)

    def discover(self, logger: logging.Logger, config: Config) -> AirbyteCatalog:
        return DeclaredSource(config).discover(logger, config)

    def read(
        self,
        logger: logging.Logger,
        config: Config,
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        selected = {each.stream.name for each in catalog.streams}
        streams = STREAMS | {report["name"] for report in config.get("custom_reports", [])}
        if known := selected & streams:
            yield from DeclaredSource(config, catalog, state, known).read(logger, config, catalog, state)
        if unknown := ", ".join(sorted(selected - streams)):
            raise config_error(
                f"There is no stream {unknown}: the catalog is of another version of the connector. Run "
                "discover again (in Airbyte: refresh the source schema) and select the streams again. All others were "
                "read.",
                f"Unknown streams: {unknown}.",
            )

    def streams(self, config: Config) -> list[AbstractStream]:
        return DeclaredSource(config).streams(config)


class DeclaredSource(YamlDeclarativeSource):
    """The manifest for one configuration. Python adds the budget, the check of ids, and progress.

    only: the streams to build, with what these need; none for all. The CDK checks and builds every stream of a manifest
    for every command, which takes longer than most commands.
    """

    def __init__(
        self,
        config: Config | None = None,
        catalog: ConfiguredAirbyteCatalog | None = None,
        state: list[AirbyteStateMessage] | None = None,
        only: Collection[str] = (),
    ) -> None:
        if config:
            check_config(config)
        self._only = only
        self._given = config or {}
        self._modes = {each.stream.name: each.sync_mode for each in catalog.streams} if catalog else {}
        # Settled once, so that a sync over midnight keeps one last day.
        self._now = datetime.now(timezone.utc).replace(microsecond=0)
        self._today = self._now.date()
        super().__init__(
            path_to_yaml="manifest.yaml", catalog=catalog, config=dict(config) if config else None, state=state
        )
        pool = self._concurrent_source._threadpool
        self._concurrent_source._threadpool = NewestFirst(pool._threadpool, self.logger)
        if not self._source_config.get("api_budget"):
            raise system_error(
                "The connector's manifest declares no api_budget, without which requests could take your "
                "credentials to any address. No request was made. The installation is damaged: install it again.",
                "The manifest has no api_budget.",
            )
        if config:
            use_environment(self._config["api_url"])
        self._progress = SyncProgress(
            lambda: self._budget.requests_made,
            lambda: self._budget.pace,
            lambda: self._budget.shared(Notices),
            lambda: self._budget.shared(Campaigns).describe(),
        )
        # The CDK's factory has no custom budget; its table of constructors is where one comes in.
        constructors: dict[type[Any], Any] = self._constructor.PYDANTIC_MODEL_TO_CONSTRUCTOR  # type: ignore[assignment]
        constructors[HTTPAPIBudgetModel] = self._create_budget

    def _read_and_parse_yaml_file(self, path_to_yaml_file: str) -> dict[str, Any]:
        # The CDK prefers a file of this name in the working directory, which could send the secret to any host.
        return dict(self._parse(files(__package__).joinpath(path_to_yaml_file).read_text("utf-8")))

    def _pre_process_manifest(self, manifest: dict[str, Any]) -> dict[str, Any]:
        own = manifest["definitions"]["streams"]
        reports = [declared(report, own) for report in self._given.get("custom_reports", [])]
        every = [*manifest["streams"], *reports]
        wanted = [each for each in every if each.get("name", each["$ref"].rpartition("/")[2]) in self._only]
        if wanted and self._only != {CHECKED}:
            wanted.append({"$ref": f"#/definitions/{ACTIVITY}"})
        return super()._pre_process_manifest({**manifest, "streams": wanted or every})

    def streams(self, config: Config) -> list[AbstractStream]:
        declared = {stream.name: stream for stream in super().streams(config) if isinstance(stream, DefaultStream)}
        self._budget.shared(LastDay).today = self._today
        if DAILY in declared:
            # The daily history looks for itself, whether long periods are covered.
            self._budget.shared(Looks).get(SPAN, lambda: None)
        manifest = {each["name"]: each for each in self._source_config["streams"]}
        activity = declared.pop(ACTIVITY, None)
        progress = {name: self._progress.of(manifest[name]) for name in declared}
        survey = self._survey(activity, saves=max(sum(map(_skips, (manifest[name] for name in declared))), 1))
        slices = slices_of(activity) if activity else None
        self._started = StartedCampaigns(slices, self._analytics(slices) if slices else None, self._most_campaigns)
        return [self._tracked(stream, manifest[name], progress[name], survey) for name, stream in declared.items()]

    def _survey(self, activity: DefaultStream | None, saves: int) -> Survey:
        skips = activity if self._config.get("skip_quiet_campaigns", True) else None
        return Survey(
            self._analytics(slices_of(skips)) if skips else None,
            self._budget.shared(LastDay),
            self._budget.shared(OwnDay),
            self._most_campaigns,
            saves,
        )

    def _most_campaigns(self, campaigns: Collection[Entity]) -> int:
        """How many one request can name that no filter narrows."""
        return most_campaigns({"api_url": self._config["api_url"]}, campaigns)

    def _analytics(
        self,
        slices: StreamSlicerPartitionGenerator,
        field: str = CAMPAIGN_ID,
        campaigns: AllCampaigns | None = None,
    ) -> Analytics:
        last_day, own_day = self._budget.shared(LastDay), self._budget.shared(OwnDay)
        return Analytics(slices._partition_factory, last_day, own_day, self._budget.aside, field, campaigns)

    def _tracked(
        self, stream: DefaultStream, declared: Mapping[str, Any], progress: StreamProgress, survey: Survey
    ) -> AbstractStream:
        if how := declared["$parameters"].get("history"):
            filters = declared["$parameters"].get("filters", {})
            stream = self._with_history(stream, _history(how, progress.parent), filters, progress, survey)
        elif (how := declared["$parameters"].get("snapshot")) is not None:
            stream = self._with_snapshots(stream, Snapshot(entities=progress.parent, **how), survey)
        large = self._budget.shared(LargeAnswers)
        wanted = {**self._config, **declared["$parameters"].get("filters", {})}.get("campaign_ids", [])
        notices = self._budget.shared(Notices)
        return TrackedStream(stream, progress, wanted, large, notices, lambda: self._budget.made_here)

    def _with_history(
        self, stream: DefaultStream, history: History, filters: Config, progress: StreamProgress, survey: Survey
    ) -> DefaultStream:
        """filters: fields of the configuration that this stream replaces."""
        config = {**self._config, **filters}
        cursor = self._cursor(stream.name, history, progress.field, config)
        notices, future = self._budget.shared(Notices), self._budget.shared(FutureDays)
        of_campaigns = progress.field == CAMPAIGN_ID
        quiet = survey if of_campaigns and not history.period else None
        chosen = config.get("campaign_ids", ())
        first_day = partial(self._first_day, stream.name, chosen) if history.period and not of_campaigns else None
        campaigns = self._budget.shared(Campaigns)
        slices = slices_of(stream)
        histories = Histories(
            history, slices, config, self._today, cursor, notices, future, campaigns, self._started, quiet, first_day
        )
        if history.period is None:
            return history_stream(stream, histories)
        is_narrowed = any(config.get(name) for name in FILTERS)
        told = survey if stream.name == DAILY and not is_narrowed else None
        report = self._report(stream.name, history, progress.field, slices, config)
        return report_stream(stream, report, histories, progress.expect, self._budget.shared(LastDay), told)

    def _first_day(self, stream_name: str, chosen: Collection[int]) -> date | None:
        if missing := self._started.missing(chosen):
            logger.warning(
                f"{stream_name}: the campaign_ids {', '.join(map(str, missing))} are not in the campaign list any "
                "more. Remove them from the source's configuration, or give the API user access to these campaigns."
            )
        return self._started.first_day(chosen)

    def _report(
        self,
        name: str,
        history: History,
        field: str,
        slices: StreamSlicerPartitionGenerator,
        config: Config,
    ) -> Report:
        all_campaigns = None
        if field != CAMPAIGN_ID:
            chosen = config.get("campaign_ids", ())
            started = partial(self._started.days, chosen)
            all_campaigns = AllCampaigns(
                name, started, lambda: most_named(config, CAMPAIGN_ID, started(), LONGER_URL), chosen=bool(chosen)
            )

        def most(entities: Collection[Entity]) -> int:
            if all_campaigns is None:
                return most_campaigns(config, entities)
            return most_named(config, field, entities, LONGER_URL, campaign_id=all_campaigns.names)

        ask = self._analytics(slices, field, all_campaigns)
        configured = ""
        if field == "campaign_owner":
            configured = "report_owners" if name in STREAMS else "campaign_owners"
        return Report(name, field, history.cursor_field, history.period or Period.DAY, ask, most, configured)

    def _with_snapshots(self, stream: DefaultStream, snapshot: Snapshot, survey: Survey) -> DefaultStream:
        cursor = None
        if self._modes.get(stream.name) == SyncMode.incremental:
            # What the totals of a period that ends today count is what changed since.
            period = (self._given.get("start_date"), self._given.get("end_date"))
            filters = digest_of_filters(self._config, *period) if snapshot.filtered else None
            cursor = SnapshotCursor(
                snapshot.entities, self._emitter(stream.name, snapshot.entities), filters, self._now
            )
        campaigns = self._budget.shared(Campaigns)
        snapshots = Snapshots(
            snapshot, slices_of(stream), self._config, self._today, survey, cursor, campaigns, self._started
        )
        return snapshot_stream(stream, snapshots)

    def _emitter(self, stream_name: str, entities: str) -> StateEmitter:
        return StateEmitter(
            stream_name,
            self._connector_state_manager,
            self._message_repository,
            lambda: self._budget.requests_made,
            self._budget.shared(OwnDay) if entities == CAMPAIGNS else None,
        )

    def _cursor(self, stream_name: str, history: History, field: str, config: Config) -> HistoryCursor:
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
        )

    def check(self, logger: logging.Logger, config: Config) -> AirbyteConnectionStatus:
        """Proves that the credentials work, the campaign list can be read, and each of `campaign_ids` is in it."""
        [campaigns] = super().streams(config)
        # Somebody sits before a form and waits: better the reason soon than a success after half an hour.
        self._budget.shared(RateLimitPause).limit = CHECK_RATE_LIMIT
        self._budget.shared(Patience).ends = time.monotonic() + CHECK_PATIENCE
        found = [record.data for partition in campaigns.generate_partitions() for record in partition.read()]
        known = {row["id"] for row in found}
        reports = config.get("custom_reports", [])
        named = [one for each in (config, *reports) for one in each.get("campaign_ids", [])]
        missing = [str(campaign) for campaign in dict.fromkeys(named) if campaign not in known]
        if missing:
            return AirbyteConnectionStatus(
                status=Status.FAILED,
                message=f"These campaign_ids are not among the {len(known)} campaigns that this API user can see: "
                f"{', '.join(missing)}. Correct or remove them, or give the user access to these campaigns.",
            )
        wanted = config.get("campaign_ids") or known
        began = [day_of(row.get("started_at")) for row in found if row["id"] in wanted]
        last = min(date.fromisoformat(self._config["end_date"]), self._today)
        history = self._source_config["definitions"]["streams"][DAILY]["$parameters"]["history"]
        logger.info(first_sync(began, config, last, history["parts"], self._budget.pace))
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    def read(
        self,
        logger: logging.Logger,
        config: Config,
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        with self._progress.reported():
            yield from self._progress.with_estimates(super().read(logger, config, catalog, state))

    def _create_budget(self, model: HTTPAPIBudgetModel, config: Config, **kwargs: Any) -> SnovBudget:
        [policy] = model.policies
        [rate] = policy.rates  # type: ignore[union-attr]  # a moving window's
        limit = int(InterpolatedString.create(str(rate.limit), parameters={}).eval(config))
        window = Window(limit, parse_duration(rate.interval).total_seconds())
        self._budget = SnovBudget(window, config["api_url"])
        return self._budget


def _skips(declared: Mapping[str, Any]) -> bool:
    """Whether a stream skips quiet campaigns."""
    parameters, router = declared["$parameters"], declared["retriever"].get("partition_router", {})
    of_campaigns = any(one["partition_field"] == CAMPAIGN_ID for one in router.get("parent_stream_configs", ()))
    events = "history" in parameters and "period" not in parameters["history"]
    return of_campaigns and (events or parameters.get("snapshot", {"activity": False}).get("activity", True))


def _history(declared: Mapping[str, Any], parent: str) -> History:
    """As declared in the manifest. parent: the stream that lists what the histories are of, if one does."""
    period = Period(declared["period"]) if "period" in declared else None
    return History(**{"entities": parent, **declared, "period": period})
