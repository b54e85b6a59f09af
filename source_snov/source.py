"""The source: what Airbyte calls."""

import logging
from collections.abc import Iterator, MutableMapping
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
)
from airbyte_cdk.sources import Source
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.config import usable, warn_of_unknown_fields
from source_snov.declared_source import ACTIVITY, CHECKED, Config, DeclaredSource
from source_snov.failures import config_error
from source_snov.files import catalog_in, config_in, states_in
from source_snov.specification import specification

STREAMS = {schema.name.removesuffix(".json") for schema in files(__package__).joinpath("schemas").iterdir()}
"""All streams."""


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
        """Keeps the specification's fields. The CDK would also write the configuration, secret included, to a file."""
        form = specification()["connectionSpecification"]
        warn_of_unknown_fields(config, form)
        return usable(config, form, {*STREAMS, ACTIVITY})

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        return ConnectorSpecificationSerializer.load(specification())

    def check(self, logger: logging.Logger, config: Config) -> AirbyteConnectionStatus:
        try:
            return DeclaredSource(config, only={CHECKED}).check(logger, config)
        except AirbyteTracedException as failure:
            # The CDK makes a status of a config_error only: a network failure would end without one.
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
