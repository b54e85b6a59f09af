"""The manifest for one configuration, with what the CDK lacks: the budget, progress, and a forecast."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timezone
from importlib.resources import files
from typing import Any

from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    Status,
)
from airbyte_cdk.sources.declarative.interpolation import InterpolatedString
from airbyte_cdk.sources.declarative.models import HTTPAPIBudget as HTTPAPIBudgetModel
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from isodate import parse_duration  # type: ignore[import-untyped]

from source_snov.api.assumptions import LastDay
from source_snov.api.budget import MovingWindow, Patience, RateLimitPause, SnovBudget
from source_snov.api.environment import use_environment
from source_snov.api.limits import LargeResponses
from source_snov.config import check_config
from source_snov.custom_reports import declared
from source_snov.forecast import first_sync
from source_snov.incremental.order import NewestFirst
from source_snov.incremental.reports import DAILY
from source_snov.incremental.streams import IncrementalStreams, skips_quiet
from source_snov.incremental.totals import SPAN, Looks
from source_snov.progress import StreamProgress, SyncProgress
from source_snov.python_3_11 import parse_in_turn
from source_snov.records.first_day import day_of
from source_snov.records.notices import Notices
from source_snov.skipping import TrackedPartitions

parse_in_turn()

Config = Mapping[str, Any]

ACTIVITY = "campaign_activity"
"""Declared like a stream, for the requests that ask whether anything happened; not a stream."""

CHECKED = "campaigns"
"""The stream that `check` reads."""

CHECK_RATE_LIMIT = 75.0
"""Seconds of 429 in a row after which `check` gives up: long enough for one pause."""

CHECK_PATIENCE = 28.0
"""Seconds after which `check` stops trying again. A request under way by then may take a minute more."""


class DeclaredSource(YamlDeclarativeSource):
    """The manifest for one configuration. Python adds the budget, the check of ids, and progress.

    only: the streams to build, with what these need; none for all. The CDK checks and builds every stream of a manifest
    for every command, which takes longer than most commands do.
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
        if config:
            use_environment(self._config["api_url"])
            self._budget = SnovBudget(self._window(), self._config["api_url"])
            self._progress = SyncProgress(self._budget)
            # The CDK's factory has no custom budget; its table of constructors is where one comes in.
            constructors: dict[type[Any], Any] = self._constructor.PYDANTIC_MODEL_TO_CONSTRUCTOR  # type: ignore[assignment]
            constructors[HTTPAPIBudgetModel] = lambda *args, **kwargs: self._budget

    def _read_and_parse_yaml_file(self, path_to_yaml_file: str) -> dict[str, Any]:
        # The CDK prefers a file of this name in the working directory, which could send the secret to any host.
        return dict(self._parse(files(__package__).joinpath(path_to_yaml_file).read_text("utf-8")))

    def _window(self) -> MovingWindow:
        [policy] = self._source_config["api_budget"]["policies"]
        [rate] = policy["rates"]
        limit = InterpolatedString.create(str(rate["limit"]), parameters={}).eval(self._config)
        return MovingWindow(int(limit), parse_duration(rate["interval"]).total_seconds())

    def _pre_process_manifest(self, manifest: dict[str, Any]) -> dict[str, Any]:
        own = manifest["definitions"]["streams"]
        reports = [declared(report, own) for report in self._given.get("custom_reports", [])]
        every = [*manifest["streams"], *reports]
        wanted = [each for each in every if each.get("name", each["$ref"].rpartition("/")[2]) in self._only]
        if wanted and self._only != {CHECKED}:
            wanted.append({"$ref": f"#/definitions/{ACTIVITY}"})
        return super()._pre_process_manifest({**manifest, "streams": wanted or every})

    def streams(self, config: Config) -> list[AbstractStream]:
        built = {stream.name: stream for stream in super().streams(config) if isinstance(stream, DefaultStream)}
        self._budget.shared(LastDay).today = self._today
        if DAILY in built:
            # The daily history looks for itself, whether long periods are covered.
            self._budget.shared(Looks).get(SPAN, lambda: None)
        activity = built.pop(ACTIVITY, None)
        declared = {each["name"]: each for each in self._source_config["streams"]}
        incremental = IncrementalStreams(
            self._given,
            self._config,
            self._modes,
            self._now,
            self._budget,
            self._connector_state_manager,
            self._message_repository,
            activity,
            saves=max(sum(skips_quiet(declared[name]) for name in built), 1),
        )
        progress = {name: self._progress.of(declared[name]) for name in built}
        return [self._tracked(stream, declared[name], progress[name], incremental) for name, stream in built.items()]

    def _tracked(
        self,
        stream: DefaultStream,
        declared: Mapping[str, Any],
        progress: StreamProgress,
        incremental: IncrementalStreams,
    ) -> AbstractStream:
        stream = incremental.of(stream, declared, progress.field, progress.expect)
        stream._stream_partition_generator = TrackedPartitions(
            stream._stream_partition_generator,
            progress,
            {**self._config, **declared["$parameters"].get("filters", {})}.get("campaign_ids", []),
            self._budget.shared(LargeResponses),
            self._budget.shared(Notices),
            lambda: self._budget.made_here,
            declared["retriever"]["requester"]["error_handler"].get("optional", False),
        )
        return stream

    def check(self, logger: logging.Logger, config: Config) -> AirbyteConnectionStatus:
        """Proves that the credentials work, the campaign list can be read, and each of `campaign_ids` is in it."""
        [campaigns] = super().streams(config)
        # A person is waiting: an early reason is better than success after half an hour.
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
