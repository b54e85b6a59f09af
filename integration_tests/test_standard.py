"""The CDK's standard tests: those in `acceptance-test-config.yml`, and every command against the sandbox."""

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
from sandbox.settings import UNLIMITED
from source_snov import SourceSnov
from source_snov.incremental.partitions import LOOKBACK_DAYS
from unit_tests._paths import ROOT
from unit_tests._streams import HISTORIES, REPORTS, SNAPSHOTS

FOLDER = TemporaryDirectory()
SANDBOX = Sandbox(settings=UNLIMITED)


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
        return ROOT

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        # Starts the sandbox, because its port is part of the configuration that pytest collects.
        SANDBOX.start()
        works = _written("works", _complete())
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
        """Two reads of each stream with a cursor, the second with the first's state, which the suite does not test."""
        config = _complete()
        discovered = discover(SourceSnov(), config).catalog.catalog
        assert discovered
        streams = [stream for stream in discovered.streams if SyncMode.incremental in stream.supported_sync_modes]
        assert sorted(stream.name for stream in streams) == sorted([*HISTORIES, *SNAPSHOTS])
        assert all(stream.source_defined_cursor and stream.is_resumable for stream in streams)
        catalog = ConfiguredAirbyteCatalog(
            streams=[
                ConfiguredAirbyteStream(stream, SyncMode.incremental, DestinationSyncMode.append_dedup)
                for stream in streams
            ]
        )
        first = read(SourceSnov(), config, catalog)
        last = {message.state.stream.stream_descriptor.name: message.state for message in first.state_messages}
        assert sorted(last) == sorted([*HISTORIES, *SNAPSHOTS])
        second = read(SourceSnov(), config, catalog, list(last.values()))
        for output in (first, second):
            # What an e-mail says changes only with its campaign, so the second read has nothing of it.
            left = [one for one in catalog.streams if output is first or one.stream.name != "campaign_step_contents"]
            assert_read_records(
                records=output.records_iterator,
                configured_catalog=ConfiguredAirbyteCatalog(streams=left),
                require_records_per_stream=True,
                validate_schema=True,
            )
        today = max(_days(first, "campaign_analytics_daily", "date"))
        look_back = str(date.fromisoformat(today) - timedelta(days=LOOKBACK_DAYS))
        for stream in streams:
            [cursor] = stream.default_cursor_field
            key = [field for [field] in stream.source_defined_primary_key]
            before, after = (_keys(output, stream.name, cursor, key) for output in (first, second))
            if stream.name in SNAPSHOTS:
                assert after.keys() <= before.keys()
                continue
            assert after == {one: day for one, day in before.items() if day >= look_back}
            assert min(before.values()) < look_back or HISTORIES[stream.name].get("period") == "whole"


def _keys(output: EntrypointOutput, stream: str, cursor: str, key: list[str]) -> dict[tuple[Any, ...], str]:
    """The day of each record, or the last one that it is about, by its primary key."""
    data = [message.record.data for message in output.records if message.record.stream == stream]
    last = "date_to" if stream in REPORTS else cursor
    return {tuple(record[field] for field in key): record.get(last, record[cursor])[:10] for record in data}


def _days(output: EntrypointOutput, stream: str, cursor: str) -> set[str]:
    return set(_keys(output, stream, cursor, ["campaign_id", cursor]).values())


def _complete() -> dict[str, Any]:
    """A configuration with which no stream is empty."""
    return SANDBOX.config(report_owners=SANDBOX.account.owners())


def _written(name: str, config: dict[str, Any]) -> Path:
    path = Path(FOLDER.name) / f"{name}.json"
    path.write_text(json.dumps(config))
    return path
