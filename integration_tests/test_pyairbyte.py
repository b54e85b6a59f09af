"""PyAirbyte runs the installed command against the sandbox and writes its records into DuckDB.

test_sync.py tests `make sync` and `make demo`. PyAirbyte runs in its own process, because it takes over the CDK's
logger.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from integration_tests.client import COMMANDS, moment, run
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.account import Account, Campaign, Event
from sandbox.world.events import OPEN, day_start
from unit_tests._daily import FURTHEST_BEHIND, as_number, day_of
from unit_tests._names import ONE_PER_CAMPAIGN
from unit_tests._paths import ROOT

COMMAND: Final = COMMANDS / "source-snov"

SYNC: Final = """
import json, sys
import airbyte
from airbyte.caches import DuckDBCache

command, config, database, folder = sys.argv[1:]
source = airbyte.get_source("source-snov", local_executable=command, config=json.loads(config))
source.select_streams(["campaigns", "campaign_analytics", "campaign_progress"])
source.read(DuckDBCache(db_path=database, schema_name="main", cache_dir=folder))
"""

Rows = list[dict[str, Any]]


@dataclass
class Warehouse:
    """A DuckDB file in its own folder, and the sandbox that is synced into it."""

    sandbox: Sandbox
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def sync(self) -> None:
        """Syncs with PyAirbyte's defaults: rows with an existing primary key are updated."""
        config = self.sandbox.config(end_date=str(self.sandbox.account.today))
        arguments = (str(COMMAND), json.dumps(config), str(self.database), str(self.folder / "cache"))
        result = self.run("-c", SYNC, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        # PyAirbyte stops some commands once they have printed what it needs; that must not look like a failure.
        assert "Traceback" not in result.stderr, result.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(self.folder, *arguments)

    def table(self, name: str) -> Rows:
        """A table's rows in the order of the key, without PyAirbyte's columns."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            result = connection.execute(f"SELECT COLUMNS(name -> NOT starts_with(name, '_')) FROM {name} ORDER BY 1")
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with Sandbox(settings=UNLIMITED) as sandbox:
        warehouse = Warehouse(sandbox, tmp_path_factory.mktemp("warehouse"))
        warehouse.sync()
        yield warehouse


def test_the_tables_hold_what_the_sandbox_knows(warehouse: Warehouse) -> None:
    assert_same(warehouse)


def test_a_second_sync_updates_rows_and_adds_none_twice(warehouse: Warehouse) -> None:
    before = {name: warehouse.table(name) for name in ONE_PER_CAMPAIGN}
    change(warehouse.sandbox.account)

    warehouse.sync()

    assert_same(warehouse)
    for name, rows in before.items():
        assert len(warehouse.table(name)) == len(rows) + 1
        assert warehouse.table(name)[0] != rows[0]


def test_the_documented_script_syncs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [script] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/running/pyairbyte.md").read_text(), re.DOTALL)
    monkeypatch.setenv("PATH", str(COMMAND.parent), prepend=os.pathsep)
    with Sandbox(seeds.sized_account(3), UNLIMITED) as sandbox:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets/config.json").write_text(json.dumps(sandbox.config()))

        result = Warehouse(sandbox, tmp_path).run("-c", script)

    assert result.returncode == 0, result.stderr
    total, *counts = result.stdout.splitlines()[-4:]
    rows = {name: int(count) for name, count in (line.split() for line in counts)}
    assert list(rows) == ["campaigns", "campaign_analytics", "campaign_analytics_daily"]
    assert rows["campaigns"] == rows["campaign_analytics"] == 3
    assert total == f"{sum(rows.values())} records read"


@pytest.mark.parametrize("command", [[str(COMMAND)], [sys.executable, "-m", "source_snov"]], ids=["installed", "-m"])
def test_the_command_line_answers(command: list[str], warehouse: Warehouse, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(warehouse.sandbox.config()))

    [spec] = answers([*command, "spec"], "SPEC")
    [check] = answers([*command, "check", "--config", str(config)], "CONNECTION_STATUS")

    assert set(spec["spec"]["connectionSpecification"]["required"]) == {"client_id", "client_secret"}
    assert check["connectionStatus"]["status"] == "SUCCEEDED"


def answers(command: list[str], kind: str) -> Rows:
    """The messages of one type that a command prints."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True)
    messages = [json.loads(line) for line in result.stdout.splitlines()]
    return [message for message in messages if message["type"] == kind]


def change(account: Account) -> None:
    """Advances the first campaign, and adds another one."""
    first = next(iter(account.campaigns.values()))
    first.status = "Paused"
    first.updated_at += 60
    seen = {event.recipient for event in account.events(first.id) if event.kind == OPEN}
    newcomer = next(recipient for recipient in first.recipients if recipient not in seen)
    account.add_events(first.id, [Event(day_start(account.today), OPEN, newcomer, first.email_senders[0], 0)])
    now = day_start(account.today)
    account.add_campaign(
        Campaign(
            id=max(account.campaigns) + 1,
            name="Añadida después 🚀",
            list_id=None,
            status="Draft",
            created_at=now,
            updated_at=now,
            started_at=None,
            hash="0" * 32,
            owner=first.owner,
        )
    )


def assert_same(warehouse: Warehouse) -> None:
    """The tables equal the sandbox's account in every column and value."""
    account = warehouse.sandbox.account
    assert warehouse.table("campaigns") == [campaign_row(row) for row in account.campaign_rows()]
    analytics, progress = warehouse.table("campaign_analytics"), warehouse.table("campaign_progress")
    checked = [row.pop("checked_at") for row in [*analytics, *progress]]
    assert analytics == [analytics_row(account, one) for one in account.campaigns.values()]
    assert progress == [progress_row(account, campaign) for campaign in account.campaigns]
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    assert all(0 <= (now - at).total_seconds() < 600 for at in checked)


def campaign_row(listed: dict[str, Any]) -> dict[str, Any]:
    times = ("created_at", "updated_at", "started_at")
    return {name: moment(value) if name in times and value is not None else value for name, value in listed.items()}


def analytics_row(account: Account, campaign: Campaign) -> dict[str, Any]:
    first = day_of(campaign.created_at, FURTHEST_BEHIND)
    metrics = account.analytics([campaign.id], first, account.today)
    period = {"campaign_id": campaign.id, "date_from": first, "date_to": account.today}
    return {**period, **{name: as_number(value) for name, value in metrics.items()}}


def progress_row(account: Account, campaign: int) -> dict[str, Any]:
    return {"campaign_id": campaign, **{name: as_number(value) for name, value in account.progress(campaign).items()}}
