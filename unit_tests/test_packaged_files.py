"""Only the packaged manifest and schemas are used, not those in the working directory, and always with a budget."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from unit_tests._helpers import CAMPAIGN, Api, check, records, sync
from unit_tests._names import CAMPAIGNS_PATH, TOKEN_PATH
from unit_tests._paths import PACKAGE, SCHEMAS

ELSEWHERE = "https://elsewhere.example"


@pytest.fixture
def strange_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with other schemas and a manifest for another host without an API budget."""
    text = (PACKAGE / "manifest.yaml").read_text()
    assert "{{ config['api_url'] }}" in text
    manifest = yaml.safe_load(text.replace("{{ config['api_url'] }}", ELSEWHERE))
    del manifest["api_budget"]
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    schemas = tmp_path / "source_snov" / "schemas"
    shutil.copytree(SCHEMAS, schemas)
    (schemas / "campaigns.json").write_text(json.dumps({"type": "object", "properties": {}}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_manifest_in_the_working_directory_gets_no_request(api: Api, strange_folder: Path) -> None:
    elsewhere = api.mocker.post(f"{ELSEWHERE}{TOKEN_PATH}", json={"access_token": "t" * 40})
    api.mocker.get(f"{ELSEWHERE}{CAMPAIGNS_PATH}", json=[])
    api.campaigns(CAMPAIGN)
    output = sync("campaigns")
    assert not output.errors
    assert [record["id"] for record in records(output, "campaigns")] == [CAMPAIGN["id"]]
    [status] = check(strange_folder).connection_status_messages
    assert status.connectionStatus.status.value == "SUCCEEDED"
    assert not elsewhere.called


def test_schemas_in_the_working_directory_are_not_read(api: Api, strange_folder: Path) -> None:
    api.campaigns(CAMPAIGN)
    [campaign] = records(sync("campaigns"), "campaigns")
    assert campaign["created_at"] == "2026-01-01T12:00:00Z"
