"""`make sync` and `make demo`: DuckDB and a real Postgres have the account's data, even after a killed sync.

The Snowflake path is tested as far as fakesnow can run it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb
import psycopg2
import pytest

from integration_tests.client import offline, run
from integration_tests.postgres_server import PostgresServer, postgres_server
from repo_tests.debian import Unavailable
from sandbox import faults
from sandbox.endpoints.prospects import lists
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.account import Account, Event
from sandbox.world.events import OPEN, day_start
from sandbox.world.furnishing import furnish
from unit_tests._names import STREAMS
from unit_tests._paths import ROOT
from unit_tests._streams import HISTORIES, REPORTS, SNAPSHOTS

SYNC: Final = str(ROOT / "warehouse" / "load" / "sync.py")
SCHEMA: Final = "snov_raw"
UNSTABLE: Final = {"list_prospects": {"id", "prospect_id"}}
"""Fields that the API generates again for every response."""

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sync")


@pytest.fixture(scope="module")
def sandbox(folder: Path) -> Iterator[Sandbox]:
    account = seeds.sized_account(8)
    furnish(account, 7)
    one, other = list(account.campaigns.values())[-2:]
    # More than a float can hold, beside a null.
    one.list_id, other.list_id = 2**53 + 1, None
    with Sandbox(account, UNLIMITED) as running:
        (folder / "config.json").write_text(json.dumps(running.config(end_date=str(running.account.today))))
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    try:
        with postgres_server() as server:
            yield server
    except Unavailable as reason:
        pytest.skip(str(reason))


def synced(folder: Path, *arguments: str, streams: str = "all", **environment: str) -> str:
    """Runs a sync that must succeed, and returns its output."""
    result = run(folder, SYNC, "--config=config.json", f"--streams={streams}", *arguments, **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout


# Databases -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loaded:
    """Postgres, synced before and after a change of the account, and DuckDB, synced only after it.

    requests: the analytics requests of the first and the second sync of Postgres. gone: the deleted campaign.
    """

    before: dict[str, Rows]
    after: dict[str, Rows]
    requests: tuple[int, int]
    gone: int
    new: dict[str, Rows]
    said: str
    size: int


@pytest.fixture(scope="module")
def loaded(folder: Path, sandbox: Sandbox, postgres: PostgresServer) -> Loaded:
    synced(folder, "--to=postgres", **postgres.environment)
    before, first = in_postgres(postgres), sandbox.count("campaign-analytics")
    gone = change(sandbox.account)
    synced(folder, "--to=postgres", **postgres.environment)
    requests = (first, sandbox.count("campaign-analytics") - first)
    began = len(sandbox.requests)
    said = synced(folder, "--database=new.duckdb")
    new = in_duckdb(folder / "new.duckdb")
    return Loaded(before, in_postgres(postgres), requests, gone, new, said, len(sandbox.requests) - began)


def test_an_incremental_sync_of_postgres_and_a_first_one_of_duckdb_end_in_the_same_tables(
    loaded: Loaded, sandbox: Sandbox
) -> None:
    assert len(loaded.before) == len(loaded.after) == len(loaded.new) == len(STREAMS)
    assert loaded.requests[1] < loaded.requests[0]
    # Campaigns deleted in Snov.io stay only in the tables of incremental streams.
    incremental = (*HISTORIES, *SNAPSHOTS)
    histories = {name: [row for row in loaded.after[name] if loaded.gone in row] for name in incremental}
    assert histories["campaign_analytics_daily"]
    assert {row[0] for row in loaded.after["campaigns"]} == set(sandbox.account.campaigns)
    kept = {name: [row for row in rows if row not in histories.get(name, [])] for name, rows in loaded.after.items()}
    # What a deleted campaign did stays in what is said of all campaigns of the days before.
    of_all = {name for name in REPORTS if not name.startswith("campaign_")}
    kept["account_balance"] = kept["account_balance"][-1:]
    expected, found = same(loaded.new), same(kept)
    assert {name for name in found if found[name] != expected[name]} <= of_all
    assert {name: len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in expected.items()}


def test_a_large_id_beside_a_null_is_loaded_as_it_is(loaded: Loaded) -> None:
    for tables in (loaded.before, loaded.after, loaded.new):
        ids = [value for row in tables["campaigns"] for value in row]
        assert 2**53 + 1 in ids
        assert 2**53 not in ids


def test_the_balance_of_each_sync_is_kept(loaded: Loaded) -> None:
    assert [len(tables["account_balance"]) for tables in (loaded.before, loaded.after, loaded.new)] == [1, 2, 1]


def test_it_ends_with_the_records_of_each_stream(loaded: Loaded) -> None:
    counts = [line.split() for line in loaded.said.splitlines() if line.startswith("  ")]
    assert {name: int(count.replace(",", "")) for name, count in counts} == {n: len(r) for n, r in loaded.new.items()}


def test_a_sync_that_was_killed_and_run_again_ends_in_the_same_tables(
    folder: Path, sandbox: Sandbox, loaded: Loaded
) -> None:
    began = len(sandbox.requests)
    with started(folder, "--database=killed.duckdb", "--streams=all") as process:
        while len(sandbox.requests) < began + 0.8 * loaded.size:
            assert process.poll() is None
            time.sleep(0.02)
    # Streams without a cursor are complete; the others were in progress.
    assert 0 < len(in_duckdb(folder / "killed.duckdb")) < len(STREAMS)
    synced(folder, "--database=killed.duckdb")
    killed = in_duckdb(folder / "killed.duckdb")
    # Each of the two syncs adds what the account had, if it came so far.
    killed["account_balance"] = killed["account_balance"][-1:]
    assert same(killed) == same(loaded.new)


def test_the_snowflake_path_as_far_as_a_snowflake_in_duckdb_carries(folder: Path, sandbox: Sandbox) -> None:
    result = run(folder, str(ROOT / "integration_tests" / "snowflake_in_duckdb.py"), "config.json")
    assert result.returncode == 0, result.stdout + result.stderr
    tables = json.loads(result.stdout.splitlines()[-1])
    account = sandbox.account
    assert sorted(tables["campaigns"]) == sorted([campaign] for campaign in account.campaigns)
    assert sorted(tables["prospect_lists"]) == sorted([one.id, len(one.members)] for one in lists(account))


# The demo ------------------------------------------------------------------------------------------------------------


def test_the_demo_loads_all_streams_without_an_error(folder: Path) -> None:
    result = run(folder, str(ROOT / "warehouse" / "load" / "demo.py"))
    assert result.returncode == 0, result.stdout + result.stderr
    tables = in_duckdb(folder / "demo.duckdb")
    # With owners, and a custom report.
    assert len(tables) == len(STREAMS) + 1
    assert all(tables.values())
    assert "0 of them twice" in result.stdout
    took = re.search(r"The first sync took ([\d,]+) requests; the second, .*, ([\d,]+)\.", result.stdout)
    assert took
    first, second = (int(count.replace(",", "")) for count in took.groups())
    assert 0 < second < first / 3
    assert not [line for line in result.stderr.splitlines() if "error" in line.lower() or "Could not" in line]


# What is missing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "given", "said"),
    [
        ("postgres", {"POSTGRES_HOST": "h"}, "Postgres needs POSTGRES_DATABASE, POSTGRES_USER and POSTGRES_PASSWORD."),
        (
            "snowflake",
            {"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u", "SNOWFLAKE_PASSWORD": "p", "SNOWFLAKE_WAREHOUSE": "w"},
            "Snowflake needs SNOWFLAKE_DATABASE and SNOWFLAKE_ROLE.",
        ),
        (
            "bigquery",
            {"BIGQUERY_CREDENTIALS": "key.json"},
            "BigQuery needs BIGQUERY_PROJECT. Set it in the environment",
        ),
        (
            "bigquery",
            {"BIGQUERY_CREDENTIALS": "key.json", "BIGQUERY_PROJECT": "p"},
            "BIGQUERY_CREDENTIALS is key.json, and there is no such file",
        ),
        (
            "postgres",
            {f"POSTGRES_{name}": "x" for name in ("HOST", "DATABASE", "USER", "PASSWORD", "PORT")},
            "POSTGRES_PORT must be a number",
        ),
    ],
)
def test_settings_that_are_missing_are_named(
    folder: Path, sandbox: Sandbox, to: str, given: dict[str, str], said: str
) -> None:
    result = run(folder, SYNC, "--config=config.json", f"--to={to}", **given)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        ([], {}, "There is no SNOV_CLIENT_ID and no SNOV_CLIENT_SECRET."),
        ([], {"SNOV_CLIENT_ID": "x"}, "There is no SNOV_CLIENT_SECRET. Set it in the environment"),
        (["--config=nowhere.json"], {}, "nowhere.json cannot be read as JSON"),
        (["--config=list.json"], {}, "list.json must contain a JSON object"),
        (["--config=config.json", "--streams=campaigns,nonsense"], {}, "There is no stream nonsense."),
    ],
)
def test_what_is_wrong_with_the_configuration_is_said(
    folder: Path, sandbox: Sandbox, arguments: Sequence[str], given: dict[str, str], said: str
) -> None:
    (folder / "list.json").write_text("[]")
    result = run(folder, SYNC, *arguments, **given)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("to", ["duckdb", "postgres"])
def test_what_is_all_gone_from_snov_io_is_gone_from_the_table(
    folder: Path, sandbox: Sandbox, postgres: PostgresServer, to: str
) -> None:
    arguments = (f"--to={to}", "--database=gone.duckdb")
    environment = postgres.environment if to == "postgres" else {}

    def webhooks() -> int:
        tables = in_postgres(postgres) if to == "postgres" else in_duckdb(folder / "gone.duckdb")
        return len(tables["webhooks"])

    synced(folder, *arguments, streams="webhooks", **environment)
    before, kept = webhooks(), sandbox.account.belongings.webhooks
    sandbox.account.belongings.webhooks = []
    try:
        synced(folder, *arguments, streams="webhooks", **environment)
    finally:
        sandbox.account.belongings.webhooks = kept
    assert before
    assert webhooks() == 0


def test_a_stream_that_is_skipped_keeps_its_table(folder: Path, sandbox: Sandbox) -> None:
    """The plan may lack it today, or a user its permission: nobody said that there are no rows."""
    synced(folder, "--database=skipped.duckdb", streams="webhooks")
    before = len(in_duckdb(folder / "skipped.duckdb")["webhooks"])
    sandbox.add_fault(faults.forbidden(path="/v2/webhooks", times=None))
    try:
        result = run(folder, SYNC, "--config=config.json", "--database=skipped.duckdb", "--streams=webhooks")
    finally:
        sandbox.clear_faults()

    assert result.returncode == 0
    assert "webhooks is skipped" in result.stderr
    assert len(in_duckdb(folder / "skipped.duckdb")["webhooks"]) == before > 0


@pytest.mark.long
def test_what_one_stream_lacks_the_others_keep(folder: Path, sandbox: Sandbox) -> None:
    """A stream of each kind fails: one that replaces its table, and an incremental one."""
    arguments = (
        "--config=config.json",
        "--database=part.duckdb",
        "--streams=campaigns,campaign_progress,pipelines,webhooks",
    )
    assert run(folder, SYNC, *arguments).returncode == 0
    before = in_duckdb(folder / "part.duckdb")
    renamed, other = list(sandbox.account.campaigns.values())[:2]
    renamed.name += ", renamed"
    sandbox.account.belongings.webhooks = sandbox.account.belongings.webhooks[:1]
    for path in ("/v2/pipelines", f"/{other.id}/progress"):
        sandbox.add_fault(faults.answer(400, {"success": False, "errors": ["Bad request"]}, path=path, times=None))
    try:
        result = run(folder, SYNC, *arguments, "--full-refresh")
        incrementally = run(folder, SYNC, *arguments)
    finally:
        sandbox.clear_faults()
    after = in_duckdb(folder / "part.duckdb")

    assert (result.returncode, incrementally.returncode) == (1, 1)
    assert "The sync failed in part: " in result.stderr
    assert "could not be read to the end. All others are loaded; run this again" in result.stderr
    assert "Snov.io did not accept the request to" in result.stderr
    assert "Traceback" not in result.stderr
    assert any(", renamed" in str(row) for row in after["campaigns"])
    assert len(after["webhooks"]) == 1
    assert same(after)["pipelines"] == same(before)["pipelines"]
    assert {row[0] for row in after["campaign_progress"]} == {row[0] for row in before["campaign_progress"]}


def test_it_reads_what_is_asked_for_and_sums_it_up(folder: Path, sandbox: Sandbox) -> None:
    chosen, day = max(sandbox.account.campaigns), str(sandbox.account.today - timedelta(days=3))
    options = (f"--campaigns={chosen}", f"--start-date={day}", "--summary=summary.json", "--database=less.duckdb")
    synced(folder, *options, streams="campaign_progress,campaign_analytics_daily")

    tables = in_duckdb(folder / "less.duckdb")
    assert {row[0] for row in tables["campaign_progress"]} == {chosen}
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["streams"] == {name: {"rows": len(rows), "complete": True} for name, rows in tables.items()}
    assert 0 < len(tables["campaign_analytics_daily"]) <= 4
    wrong = run(folder, SYNC, "--config=config.json", "--campaigns=mine")
    assert (wrong.returncode, "such as 910001,910002, not mine" in wrong.stderr) == (2, True)


def test_a_failed_sync_gives_the_reason_in_plain_words(folder: Path, sandbox: Sandbox) -> None:
    wrong = {"SNOV_CLIENT_ID": "sandbox-user", "SNOV_CLIENT_SECRET": "not the secret"}
    (folder / "url.json").write_text(json.dumps({"api_url": sandbox.url}))
    result = run(folder, SYNC, "--config=url.json", **wrong)
    assert result.returncode == 1
    assert result.stderr.partition("The sync failed.\n")[2].startswith(
        "Snov.io rejected the API User ID or API Secret."
    )
    assert "Traceback" not in result.stderr
    assert "not the secret" not in result.stdout + result.stderr


def test_a_database_that_does_not_answer_is_named(folder: Path, sandbox: Sandbox) -> None:
    given = {f"POSTGRES_{name}": "x" for name in ("DATABASE", "USER", "PASSWORD")}
    given |= {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "1"}
    result = run(folder, SYNC, "--config=config.json", "--to=postgres", **given)
    assert result.returncode == 1
    assert "Postgres cannot be used." in result.stderr
    assert "Traceback" not in result.stderr


# Helpers -------------------------------------------------------------------------------------------------------------


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A sync in its own process group, with PyAirbyte and the connector, killed at the end of the block."""
    with (folder / "killed.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, SYNC, "--config=config.json", *arguments],
            env=offline(folder, 1),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def in_duckdb(database: Path) -> dict[str, Rows]:
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
        return {
            name: _rows(name, connection.execute(f"SELECT * FROM {name}"))
            for (name,) in found
            if not name.startswith("_airbyte")
        }


def in_postgres(server: PostgresServer) -> dict[str, Rows]:
    with psycopg2.connect(server.dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [SCHEMA])
        tables = {}
        for (name,) in cursor.fetchall():
            if not name.startswith("_airbyte"):
                cursor.execute(f"SELECT * FROM {SCHEMA}.{name}")
                tables[name] = _rows(name, cursor)
    connection.close()
    return tables


def _rows(table: str, result: Any) -> Rows:
    """The rows without PyAirbyte's columns and the fields that change with every read."""
    names = [column[0] for column in result.description]
    left = UNSTABLE.get(table, {"prospect_id"}) | {"checked_at"}
    kept = [place for place, name in enumerate(names) if not name.startswith("_airbyte") and name not in left]
    return [tuple(row[place] for place in kept) for row in result.fetchall()]


def same(tables: dict[str, Rows]) -> dict[str, list[str]]:
    """The rows in the same order and form for all databases."""
    return {name: sorted(json.dumps([_plain(value) for value in row]) for row in rows) for name, rows in tables.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=value.tzinfo or timezone.utc)
        return moment.astimezone(timezone.utc).isoformat()
    if isinstance(value, Decimal | float):
        return float(value)
    if isinstance(value, str) and value[:1] in ("{", "["):
        # DuckDB returns JSON as text.
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value if isinstance(value, bool | int | str | list | dict | None) else str(value)


def change(account: Account) -> int:
    """Deletes the first campaign and advances the second. Returns the id of the first."""
    account.remove_campaign(gone := min(account.campaigns))
    second = account.campaigns[min(account.campaigns)]
    seen = {event.recipient for event in account.events(second.id) if event.kind == OPEN}
    newcomer = next(recipient for recipient in second.recipients if recipient not in seen)
    account.add_events(second.id, [Event(day_start(account.today), OPEN, newcomer, second.email_senders[0], 0)])
    return gone
