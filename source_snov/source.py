"""The source: what Airbyte calls, around what `manifest.yaml` declares."""

import logging
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from datetime import datetime, timezone
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
from airbyte_cdk.sources.declarative.models import HTTPAPIBudget as HTTPAPIBudgetModel
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.config import check_config, usable
from source_snov.daily import DAILY, daily_stream
from source_snov.files import catalog_in, config_in, states_in
from source_snov.histories import CAMPAIGNS, WARM_UPS, Histories, History, history_stream, slices_of, start_date
from source_snov.history_state import HistoryCursor
from source_snov.pace import RateLimitPause, RequestGate
from source_snov.progress import SyncProgress, WatchedStream
from source_snov.specification import specification
from source_snov.sync_shared import sync_shared

Config = Mapping[str, Any]

HISTORIES = {
    DAILY: History(CAMPAIGNS, cursor_field="date"),
    "campaign_recipients_activity": History(CAMPAIGNS, cursor_field="event_time", most_days=31),
    "emails_sent": History(CAMPAIGNS, cursor_field="occurred_at"),
    "email_opens": History(CAMPAIGNS, cursor_field="occurred_at"),
    "email_clicks": History(CAMPAIGNS, cursor_field="occurred_at"),
    "email_replies": History(CAMPAIGNS, cursor_field="occurred_at"),
    "warm_up_daily_statistics": History(WARM_UPS, cursor_field="date"),
}
"""The incremental streams."""

STREAMS = {schema.name.removesuffix(".json") for schema in files(__package__).joinpath("schemas").iterdir()}
"""All streams."""

CHECKED = "campaigns"
"""The stream that `check` reads."""

CHECK_PATIENCE = 90.0
"""Seconds of 429 in a row after which `check` gives up: long enough for one pause."""


class SourceSnov(Source):
    """Snov.io as an Airbyte source.

    Each command builds the declared source anew from the configuration that the entrypoint has validated, so that a
    malformed one meets the specification before it meets a component. The arguments that connectors on the CDK
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
        return usable(config, specification()["connectionSpecification"])

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        return ConnectorSpecificationSerializer.load(specification())

    def check(self, logger: logging.Logger, config: Config) -> AirbyteConnectionStatus:
        return DeclaredSource(config, only={CHECKED}).check(logger, config)

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
        if known := selected & STREAMS:
            yield from DeclaredSource(config, catalog, state, known).read(logger, config, catalog, state)
        if unknown := ", ".join(sorted(selected - STREAMS)):
            raise AirbyteTracedException(
                message=f"There is no stream {unknown}: the catalog is of another version of the connector. Run "
                "discover again (in Airbyte: refresh the source schema) and select streams anew. All others were read.",
                internal_message=f"Unknown streams: {unknown}.",
                failure_type=FailureType.config_error,
            )

    def streams(self, config: Config) -> list[AbstractStream]:
        return DeclaredSource(config).streams(config)


class DeclaredSource(YamlDeclarativeSource):
    """The manifest for one configuration. Python adds the gate for requests, the check of ids, and progress.

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
        self._modes = {each.stream.name: each.sync_mode for each in catalog.streams} if catalog else {}
        # Settled once, so that a sync over midnight keeps one last day.
        self._today = datetime.now(timezone.utc).date()
        super().__init__(
            path_to_yaml="manifest.yaml", catalog=catalog, config=dict(config) if config else None, state=state
        )
        self._progress = SyncProgress(lambda: self._gate.requests_made)
        # The CDK's factory has no custom budget; its table of constructors is where one comes in.
        constructors: dict[type[Any], Any] = self._constructor.PYDANTIC_MODEL_TO_CONSTRUCTOR  # type: ignore[assignment]
        constructors[HTTPAPIBudgetModel] = self._create_gate

    def _pre_process_manifest(self, manifest: dict[str, Any]) -> dict[str, Any]:
        wanted = [each for each in manifest["streams"] if each["$ref"].rpartition("/")[2] in self._only]
        return super()._pre_process_manifest({**manifest, "streams": wanted or manifest["streams"]})

    def streams(self, config: Config) -> list[AbstractStream]:
        return [self._watched(stream) for stream in super().streams(config)]

    def _watched(self, stream: AbstractStream) -> AbstractStream:
        progress = self._progress.of(stream)
        if history := HISTORIES.get(stream.name):
            assert isinstance(stream, DefaultStream)
            cursor = self._cursor(stream.name, history)
            histories = Histories(history, slices_of(stream), self._config, self._today, cursor)
            if stream.name == DAILY:
                stream = daily_stream(stream, histories, self._config, progress.expect)
            else:
                stream = history_stream(stream, histories)
        return WatchedStream(stream, progress, self._config.get("campaign_ids", []))

    def _cursor(self, stream_name: str, history: History) -> HistoryCursor:
        return HistoryCursor(
            stream_name,
            history.entities,
            self._connector_state_manager,
            self._message_repository,
            lambda: self._gate.requests_made,
            self._today,
            start_date(self._config),
            full_refresh=self._modes.get(stream_name) == SyncMode.full_refresh,
        )

    def check(self, logger: logging.Logger, config: Config) -> AirbyteConnectionStatus:
        """Proves that the credentials work, the campaign list can be read, and each of `campaign_ids` is in it."""
        [campaigns] = super().streams(config)
        # Somebody sits before a form and waits: better the reason soon than a success after half an hour.
        sync_shared(self._gate, RateLimitPause).limit = CHECK_PATIENCE
        known = {record["id"] for partition in campaigns.generate_partitions() for record in partition.read()}
        missing = [str(campaign) for campaign in config.get("campaign_ids", []) if campaign not in known]
        if missing:
            return AirbyteConnectionStatus(
                status=Status.FAILED,
                message=f"These campaign_ids are not among the {len(known)} campaigns that this API user can see: "
                f"{', '.join(missing)}. Correct or remove them, or give the user access to these campaigns.",
            )
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

    def _create_gate(self, model: HTTPAPIBudgetModel, config: Config, **kwargs: Any) -> RequestGate:
        declared = self._constructor.create_http_api_budget(model, config, **kwargs)
        self._gate = RequestGate(declared, config["api_url"])
        return self._gate
