"""The same streams in a manifest of the CDK's own components, as the Connector Builder has them, and nothing else.

python -m benchmarks.alternatives.bare_manifest read --config config.json --catalog catalog.json
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint, launch
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource


def main(arguments: list[str]) -> None:
    """Run the manifest's source as a connector made of it does."""
    launch(
        YamlDeclarativeSource(
            path_to_yaml=str(Path(__file__).with_suffix(".yaml")),
            catalog=_read(YamlDeclarativeSource.read_catalog, AirbyteEntrypoint.extract_catalog(arguments)),
            config=_read(YamlDeclarativeSource.read_config, AirbyteEntrypoint.extract_config(arguments)),
            state=_read(YamlDeclarativeSource.read_state, AirbyteEntrypoint.extract_state(arguments)),
        ),
        arguments,
    )


def _read(read: Any, path: str | None) -> Any:
    return read(path) if path else None


if __name__ == "__main__":
    main(sys.argv[1:])
