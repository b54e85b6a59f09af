"""The connector's own manifest with the start that the CDK's template gives a connector: the whole CDK imported, and
every stream built, whatever the command.

python -m benchmarks.alternatives.plain_start discover --config config.json
"""

from __future__ import annotations

import logging
import sys

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import AirbyteConnectionStatus, ConnectorSpecification
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource

from source_snov.declared_source import Config, DeclaredSource
from source_snov.source import SourceSnov


class PlainStart(SourceSnov):
    """For `spec`, `check` and `discover`."""

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        return DeclaredSource().spec(logger)

    def check(self, logger: logging.Logger, config: Config) -> AirbyteConnectionStatus:
        return YamlDeclarativeSource.check(DeclaredSource(config), logger, config)


if __name__ == "__main__":
    launch(PlainStart(), sys.argv[1:])
