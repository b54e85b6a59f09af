"""The CDK's standard tests: what `acceptance-test-config.yml` lists, and every command against the sandbox."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

from sandbox.running import Sandbox
from sandbox.settings import Settings
from source_snov import SourceSnov

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


def _written(name: str, config: dict[str, Any]) -> Path:
    path = Path(FOLDER.name) / f"{name}.json"
    path.write_text(json.dumps(config))
    return path
