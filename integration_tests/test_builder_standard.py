"""The CDK's standard tests of a declarative source, for the edition for the Connector Builder."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests.declarative_sources import DeclarativeSourceTestSuite

from integration_tests.test_builder import config, manifest
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.furnishing import furnish

FOLDER = TemporaryDirectory()
ACCOUNT = seeds.sized_account(15)
SANDBOX = Sandbox(ACCOUNT, UNLIMITED)


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> Iterator[None]:
    yield
    SANDBOX.stop()
    FOLDER.cleanup()


class TestEdition(DeclarativeSourceTestSuite):
    connector_name = "source-snov"

    @classmethod
    def get_connector_root_dir(cls) -> Path:
        return Path(FOLDER.name)

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        # Starts the sandbox, because its port is part of what pytest collects.
        furnish(ACCOUNT, 7)
        SANDBOX.start()
        (cls.get_connector_root_dir() / "manifest.yaml").write_text(yaml.safe_dump(manifest(SANDBOX)))
        return [
            ConnectorTestScenario(config_path=_written("works"), test_strictness_level="high"),
            ConnectorTestScenario(
                config_path=_written("wrong_secret", client_secret="wrong-secret"),
                status="failed",
                sections=("connection",),
            ),
        ]


def _written(name: str, **further: str) -> Path:
    path = Path(FOLDER.name, f"{name}.json")
    path.write_text(json.dumps({**config(SANDBOX), **further}))
    return path
