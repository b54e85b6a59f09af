"""The CDK's standard tests: what `acceptance-test-config.yml` lists, and every command against the sandbox."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from airbyte_cdk.models import (
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
)
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, discover, read
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests._read_assertions import assert_read_records
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

from sandbox.running import Sandbox
from sandbox.settings import Settings
from source_snov import SourceSnov
from source_snov.histories import LOOKBACK_DAYS
from source_snov.source import HISTORIES

FOLDER = TemporaryDirectory()
SANDBOX = Sandbox(settings=Settings(requests_per_minute=None))


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> Iterator[None]:
    yield
    SANDBOX.stop()
    FOLDER.cleanup()


class TestStandard(SourceTestSuiteBase):
    connector = SourceSnov
    connector_name = "source-snov"

    @classmethod
    def get_connector_root_dir(cls) -> Path:
        return Path(__file__).parent.parent

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        # The sandbox runs from here on: its port is part of the configuration that pytest collects.
        SANDBOX.start()
        works = _written("works", SANDBOX.config())
        wrong = _written("wrong_secret", SANDBOX.config(client_secret="wrong-secret"))
        return [
            *super().get_scenarios(),
            ConnectorTestScenario(
                config_path=works,
                test_strictness_level="high",
                sections=("spec", "connection", "discovery", "basic_read", "full_refresh"),
            ),
            ConnectorTestScenario(config_path=wrong, status="failed", sections=("connection",)),
        ]

    def test_read_incrementally(self) -> None:
        """What the suite leaves out: two reads of each stream that has a cursor, the second with the first's state."""
        config = SANDBOX.config()
        discovered = discover(SourceSnov(), config).catalog.catalog
        assert discovered
        streams = [stream for stream in discovered.streams if SyncMode.incremental in stream.supported_sync_modes]
        assert sorted(stream.name for stream in streams) == sorted(HISTORIES)
        assert all(stream.source_defined_cursor and stream.is_resumable for stream in streams)
        catalog = ConfiguredAirbyteCatalog(
            streams=[
                ConfiguredAirbyteStream(stream, SyncMode.incremental, DestinationSyncMode.append_dedup)
                for stream in streams
            ]
        )
        first = read(SourceSnov(), config, catalog)
        last = {message.state.stream.stream_descriptor.name: message.state for message in first.state_messages}
        assert sorted(last) == sorted(HISTORIES)
        second = read(SourceSnov(), config, catalog, list(last.values()))
        for output in (first, second):
            assert_read_records(
                records=output.records_iterator,
                configured_catalog=catalog,
                require_records_per_stream=True,
                validate_schema=True,
            )
        today = max(_days(first, "campaign_analytics_daily", "date"))
        look_back = str(date.fromisoformat(today) - timedelta(days=LOOKBACK_DAYS))
        for stream in streams:
            [cursor] = stream.default_cursor_field
            key = [field for [field] in stream.source_defined_primary_key]
            before, after = (_keys(output, stream.name, cursor, key) for output in (first, second))
            assert after == {one: day for one, day in before.items() if day >= look_back}
            assert min(before.values()) < look_back


def _keys(output: EntrypointOutput, stream: str, cursor: str, key: list[str]) -> dict[tuple[Any, ...], str]:
    """The day of each record, by its primary key."""
    data = [message.record.data for message in output.records if message.record.stream == stream]
    return {tuple(record[field] for field in key): record[cursor][:10] for record in data}


def _days(output: EntrypointOutput, stream: str, cursor: str) -> set[str]:
    return set(_keys(output, stream, cursor, ["campaign_id", cursor]).values())


def _written(name: str, config: dict[str, Any]) -> Path:
    path = Path(FOLDER.name) / f"{name}.json"
    path.write_text(json.dumps(config))
    return path
