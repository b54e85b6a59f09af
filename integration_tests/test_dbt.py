"""The dbt package on real tables: a sandbox account synced by PyAirbyte into DuckDB and Postgres, and `dbt build`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import psycopg2
import pytest
import sqlglot
import yaml
from sqlglot import expressions

from integration_tests.client import COMMANDS, moment, run_program
from integration_tests.postgres_server import PostgresServer, postgres_server
from repo_tests.debian import Unavailable
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.account import Account
from sandbox.world.events import EMAILS, FINISHED, OPEN, REPLY
from sandbox.world.seeds import demo_account
from unit_tests._names import STREAMS
from unit_tests._paths import DBT_PROJECT, ROOT, SCHEMAS

CAMPAIGNS: Final = (
    "DACH logistics intro",
    "Nordic SaaS founders",
    "LinkedIn: agency partners",
    "InMail: finance directors",
    "Just launched: Baltics pilot",
    "Active, nobody enrolled yet",
    "Paused on day one",
    "Untitled test",
    "Tiny list, one afternoon",
    "Scraped directory DE",
)
"""Campaigns of the demo account with every channel, with high bounce rates, and not started yet."""

ON_POSTGRES: Final = (
    "campaigns",
    "campaign_analytics",
    "campaign_analytics_daily",
    "campaign_progress",
    "campaign_recipients_activity",
    "campaign_replies",
    "sender_email_accounts",
    "sender_analytics",
    "warm_ups",
    "warm_up_daily_statistics",
)
"""The streams that Airbyte suggests, and those of senders; not the e-mail streams, whose events are in the activity."""

MARTS: Final = (
    *("snov__campaign_performance", "snov__campaign_daily", "snov__sender_health", "snov__reply_feed"),
    *("snov__people", "snov__person_days", "snov__first_contact_weeks", "snov__weekday_hours", "snov__attention"),
    *("snov__steps", "snov__segments"),
)

INTERMEDIATE: Final = ("int_snov__events", "int_snov__person_days", "int_snov__last_events", "int_snov__clients")

SYNC: Final = """
import json, sys
import airbyte
from airbyte import caches

command, config, *targets = sys.argv[1:]
source = airbyte.get_source("source-snov", local_executable=command, config=json.loads(config))
for kind, options, streams in map(json.loads, targets):
    source.select_streams(streams)
    source.read(getattr(caches, kind)(**options))
"""

SCHEMA: Final = "snov_synced"
"""Another schema in Postgres than by default, set as for `make sync`."""

SCHEMA_OF: Final = {"duckdb": "main", "postgres": SCHEMA}

Rows = list[dict[str, Any]]


@dataclass
class Built:
    """A database after `dbt build`, and dbt's `target` folder."""

    account: Account
    kind: str
    target: Path
    database: Path | None = None
    server: PostgresServer | None = None

    def rows(self, query: str) -> Rows:
        with self.connection() as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @contextmanager
    def connection(self) -> Iterator[Any]:
        connection: Any = (
            psycopg2.connect(self.server.dsn) if self.server else duckdb.connect(str(self.database), read_only=True)
        )
        try:
            yield connection
        finally:
            connection.close()

    def results(self) -> dict[str, str]:
        """The status of each model and test, by its ID; an exposure has none."""
        results = json.loads((self.target / "run_results.json").read_text())["results"]
        return {result["unique_id"]: result["status"] for result in results if result["status"] != "no-op"}

    def models(self, kind: str = "model") -> list[dict[str, Any]]:
        nodes = json.loads((self.target / "manifest.json").read_text())["nodes"].values()
        return [node for node in nodes if node["resource_type"] == kind and node["package_name"] == "snov"]


def run(
    command: str, *arguments: str, environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the environment. Only dbt_project.yml prevents dbt from sending usage statistics."""
    return run_program([str(COMMANDS / command), *arguments], folder, {"DO_NOT_TRACK": "", **environment})


def sync(sandbox: Sandbox, folder: Path, *targets: tuple[str, Mapping[str, Any], tuple[str, ...]]) -> None:
    """Syncs streams into PyAirbyte caches, each given by its class and options."""
    config = sandbox.config(end_date=str(sandbox.account.today))
    arguments = (str(COMMANDS / "source-snov"), json.dumps(config), *map(json.dumps, targets))
    result = run("python", "-c", SYNC, *arguments, environment={}, folder=folder)
    assert result.returncode == 0, result.stdout + result.stderr


def dbt(
    *arguments: str,
    folder: Path,
    project: str = "dbt_snov",
    target: str = "duckdb",
    server: PostgresServer | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs dbt as in the repository: with a copy of the package in `folder`, next to demo.duckdb."""
    options = (f"--project-dir={project}", "--profiles-dir=dbt_snov", f"--target={target}")
    environment = {**server.environment, "POSTGRES_SCHEMA": SCHEMA} if server else {}
    return run("dbt", "--no-use-colors", *arguments, *options, environment=environment, folder=folder)


def copy_project(folder: Path, parsed: Path | None = None) -> None:
    """Copies the package to a folder. With dbt's partial parse from `parsed`, dbt need not parse it again."""
    ignored = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml")
    shutil.copytree(DBT_PROJECT, folder / "dbt_snov", ignore=ignored)
    if parsed:
        (folder / "dbt_snov" / "target").mkdir()
        shutil.copy2(parsed / "partial_parse.msgpack", folder / "dbt_snov" / "target")


def small_account() -> Account:
    account = demo_account()
    for campaign in list(account.campaigns.values()):
        if campaign.name not in CAMPAIGNS:
            account.remove_campaign(campaign.id)
    assert len(account.campaigns) == len(CAMPAIGNS)
    return account


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Built]]:
    """The same account in DuckDB with all streams, and in Postgres with some, built concurrently."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("duckdb", "postgres")}
    database = folders["duckdb"] / "demo.duckdb"
    with Sandbox(small_account(), settings=UNLIMITED) as sandbox, server() as postgres:
        in_duckdb = {"db_path": str(database), "schema_name": "main", "cache_dir": str(folders["duckdb"] / "cache")}
        in_postgres = {
            "host": postgres.host,
            "port": postgres.port,
            "username": postgres.user,
            "password": postgres.password,
            "database": postgres.database,
            "schema_name": SCHEMA,
            "cache_dir": str(folders["postgres"] / "cache"),
        }
        sync(
            sandbox,
            folders["duckdb"],
            ("DuckDBCache", in_duckdb, STREAMS),
            ("PostgresCache", in_postgres, ON_POSTGRES),
        )
        postgres.execute(
            # Airbyte's own destination stores times with a zone. Days must not depend on the session's zone.
            f"""
            ALTER TABLE {SCHEMA}.campaign_recipients_activity
            ALTER event_time TYPE timestamptz USING event_time AT TIME ZONE 'UTC'
            """,
            f"ALTER ROLE {postgres.user} SET timezone TO 'Pacific/Auckland'",
            # Only for the queries of these tests: the models name the schema.
            f"ALTER ROLE {postgres.user} SET search_path TO {SCHEMA}",
        )
        for folder in folders.values():
            copy_project(folder)
        with ThreadPoolExecutor() as pool:
            other = pool.submit(dbt, "build", folder=folders["postgres"], target="postgres", server=postgres)
            results = dbt("build", folder=folders["duckdb"]), other.result()
        for result in results:
            assert result.returncode == 0, result.stdout
        targets = {kind: folder / "dbt_snov" / "target" for kind, folder in folders.items()}
        yield {
            "duckdb": Built(sandbox.account, "duckdb", targets["duckdb"], database=database),
            "postgres": Built(sandbox.account, "postgres", targets["postgres"], server=postgres),
        }


@contextmanager
def server() -> Iterator[PostgresServer]:
    try:
        with postgres_server() as postgres:
            yield postgres
    except Unavailable as reason:
        pytest.skip(str(reason))


KINDS: Final = pytest.mark.parametrize("kind", ["duckdb", "postgres"])


@KINDS
def test_everything_is_built_and_every_test_passes(kind: str, built: dict[str, Built]) -> None:
    results = built[kind].results()

    assert set(results.values()) == {"success", "pass"}
    assert Counter(name.partition(".")[0] for name in results)["model"] == len(STREAMS) + len(INTERMEDIATE) + len(MARTS)
    schemas = {"staging": "snov_staging", "intermediate": "snov_staging", "marts": "snov_marts"}
    for model in built[kind].models():
        assert model["schema"] == schemas[model["fqn"][1]]


@KINDS
def test_every_model_and_column_is_described(kind: str, built: dict[str, Built]) -> None:
    columns: dict[str, set[str]] = {}
    query = """
        SELECT table_name, column_name
        FROM information_schema.columns
        WHERE table_schema IN ('snov_marts', 'snov_staging')
    """
    for row in built[kind].rows(query):
        columns.setdefault(row["table_name"], set()).add(row["column_name"])

    described = {model["name"]: model for model in built[kind].models() + built[kind].models("snapshot")}
    assert set(described) == set(columns)
    for name, model in described.items():
        assert model["description"].strip()
        assert {column for column, about in model["columns"].items() if about["description"].strip()} == columns[name]


def test_staging_leaves_out_no_field_and_says_of_it_what_the_schema_says(built: dict[str, Built]) -> None:
    models = {model["name"]: model for model in built["duckdb"].models()}
    for stream in STREAMS:
        schema = json.loads((SCHEMAS / f"{stream}.json").read_text())
        model = models[f"stg_snov__{stream}"]
        assert model["description"].strip() == schema["description"]
        said = Counter(column["description"].strip() for column in model["columns"].values())
        assert not Counter(field["description"] for field in schema["properties"].values()) - said


def test_staging_holds_every_row_and_value(built: dict[str, Built]) -> None:
    for stream in STREAMS:
        fields = json.loads((SCHEMAS / f"{stream}.json").read_text())["properties"]
        loaded = built["duckdb"].rows(f"SELECT count(*) AS rows, {filled(fields)} FROM main.{stream}")
        model = next(model for model in built["duckdb"].models() if model["name"] == f"stg_snov__{stream}")
        names = {column["description"].strip(): name for name, column in model["columns"].items()}
        # If several fields share a description, the field name distinguishes them.
        renamed = [name if name in model["columns"] else names[field["description"]] for name, field in fields.items()]
        staged = built["duckdb"].rows(
            f"SELECT count(*) AS rows, {filled(renamed)} FROM snov_staging.stg_snov__{stream}"
        )
        assert list(staged[0].values()) == list(loaded[0].values()), stream


def filled(columns: Any) -> str:
    return ", ".join(f'count("{column}")' for column in columns)


@KINDS
def test_campaign_performance_is_what_the_account_says(kind: str, built: dict[str, Built]) -> None:
    account = built[kind].account
    found = {row["campaign_id"]: row for row in built[kind].rows("SELECT * FROM snov_marts.snov__campaign_performance")}

    assert set(found) == set(account.campaigns)
    for campaign in account.campaigns.values():
        first = day_of(campaign.created_at)
        figures = account.analytics([campaign.id], first, account.today)
        progress = account.progress(campaign.id)
        row = found[campaign.id]
        expected = {
            "campaign_id": campaign.id,
            "source_relation": SCHEMA_OF[kind],
            "client": None,
            "campaign": campaign.name,
            "status": campaign.status,
            "is_deleted": False,
            "created_at": moment(campaign.created_at),
            "started_at": campaign.started_at and moment(campaign.started_at),
            "progress": float(progress["progress"].removesuffix("%")),
            "contacts_left": progress["unfinished"],
            "people_contacted": figures["total_contacted"],
            "people_contacted_by_email": figures["contacted_by_email"],
            "emails_sent": figures["emails_sent"],
            "bounced": figures["bounced"],
            "delivered": figures["delivered"],
            "people_opened": figures["email_opens"],
            "people_clicked": figures["link_clicks"],
            "people_replied": figures["email_replies"],
            "people_replied_linkedin": figures["linkedin_total_replies"],
            "people_contacted_by_linkedin": figures["contacted_by_linkedin"],
            "invitations_sent": figures["connection_requests"],
            "invitations_accepted": figures["accepted_requests"],
            "people_unsubscribed": figures["unsubscribed"],
            "people_auto_replied": figures["auto_replied"],
            "people_interested": figures["interested"],
            "people_maybe": figures["maybe"],
            "people_not_interested": figures["not_interested"],
            "bounce_rate": share(figures["bounced"], figures["emails_sent"]),
            "open_rate": share(figures["email_opens"], figures["contacted_by_email"]),
            "click_rate": share(figures["link_clicks"], figures["contacted_by_email"]),
            "reply_rate": share(figures["email_replies"], figures["contacted_by_email"]),
            "interest_rate": share(
                figures["interested"], figures["email_replies"] + figures["linkedin_total_replies"]
            ),
            "last_activity_on": last_activity(account, campaign.id),
            "synced_at": row["synced_at"],
        }  # fmt: skip
        assert row == expected
        assert list(row) == list(expected)


@KINDS
def test_campaign_daily_is_what_the_account_says(kind: str, built: dict[str, Built]) -> None:
    account = built[kind].account
    found = {
        (row["campaign_id"], row["date"]): row
        for row in built[kind].rows("SELECT * FROM snov_marts.snov__campaign_daily")
    }

    started = [campaign for campaign in account.campaigns.values() if campaign.started_at]
    wanted = {(one.id, day) for one in started for day in days_of(one.started_at, account.today)}
    assert set(found) == wanted
    for (campaign, day), row in found.items():
        figures = account.analytics([campaign], day, day)
        week = account.analytics([campaign], day - timedelta(days=6), day)
        mailed = people(account, campaign, day, EMAILS)
        opened = people(account, campaign, day, {OPEN})
        replied = people(account, campaign, day, {REPLY})
        assert row == {
            "campaign_id": campaign,
            "source_relation": SCHEMA_OF[kind],
            "client": None,
            "campaign": account.campaigns[campaign].name,
            "is_deleted": False,
            "date": day,
            "emails_sent": figures["emails_sent"],
            "bounced": figures["bounced"],
            "delivered": figures["delivered"],
            "people_opened": figures["email_opens"],
            "people_clicked": figures["link_clicks"],
            "people_replied": figures["email_replies"],
            "people_contacted": figures["total_contacted"],
            "emails_sent_7d": week["emails_sent"],
            "bounced_7d": week["bounced"],
            "bounce_rate_7d": share(week["bounced"], week["emails_sent"]),
            "people_mailed_7d": len(mailed),
            "people_opened_7d": week["email_opens"],
            "people_replied_7d": week["email_replies"],
            "mailed_people_opened_7d": len(mailed & opened),
            "mailed_people_replied_7d": len(mailed & replied),
            "open_rate_7d": share(len(mailed & opened), len(mailed)),
            "reply_rate_7d": share(len(mailed & replied), len(mailed)),
        }
    assert any(row["people_opened_7d"] > row["people_mailed_7d"] for row in found.values()), "no day tells them apart"


def day_of(seconds: int) -> date:
    return moment(seconds).date()


def last_activity(account: Account, campaign: int) -> date | None:
    """The last day with anything that analytics count."""
    return max((day_of(event.at) for event in account.events(campaign) if event.kind != FINISHED), default=None)


def days_of(first: int | None, last: date) -> list[date]:
    start = day_of(first or 0)
    return [start + timedelta(days=number) for number in range((last - start).days + 1)]


def people(account: Account, campaign: int, last: date, kinds: Any) -> set[int]:
    """The recipients with events of these kinds in the seven days that end on `last`."""
    return {
        event.recipient
        for event in account.events(campaign)
        if event.kind in kinds and last - timedelta(days=7) < day_of(event.at) <= last
    }


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@KINDS
def test_sender_health_is_what_the_tables_say(kind: str, built: dict[str, Built]) -> None:
    database = built[kind]
    today = database.account.today
    analytics = {row["sender_email_id"]: row for row in database.rows("SELECT * FROM sender_analytics")}
    warm_ups = [
        {**row, "mailbox": parsed(row["email_account"])["id"]} for row in database.rows("SELECT * FROM warm_ups")
    ]
    days = database.rows("SELECT * FROM warm_up_daily_statistics")
    found = {row["sender_email_id"]: row for row in database.rows("SELECT * FROM snov_marts.snov__sender_health")}

    accounts = database.rows("SELECT * FROM sender_email_accounts")
    assert set(found) == {account["id"] for account in accounts}
    shares = set()
    for account in accounts:
        row, figures = found[account["id"]], analytics[account["id"]]
        own = sorted((one["id"], one["status"]) for one in warm_ups if one["mailbox"] == account["id"])
        week = [
            day
            for day in days
            if day["warm_up_id"] in dict(own) and today - timedelta(days=7) < day["date"] <= today
        ]  # fmt: skip
        inbox = sum(day["inbox_emails"] for day in week)
        elsewhere = sum(day["spam_emails"] + day["categories_emails"] for day in week)
        assert row == {
            "sender_email_id": account["id"],
            "source_relation": SCHEMA_OF[kind],
            "sender": account["email_from"],
            "sender_name": account["sender_name"],
            "provider": account["provider"],
            "valid": account["valid"],
            "suspended": account["suspended"],
            "daily_limit": account["limitation"],
            "figures_are_from_events": False,
            "figures_from": figures["date_from"],
            "figures_to": today,
            "emails_sent": figures["emails_sent"],
            "bounced": figures["bounced"],
            "people_contacted": figures["total_contacted"],
            "people_contacted_by_email": figures["contacted_by_email"],
            "people_replied": figures["email_replies"],
            "bounce_rate": share(figures["bounced"], figures["emails_sent"]),
            "reply_rate": share(figures["email_replies"], figures["contacted_by_email"]),
            "warm_up_status": own[-1][1] if own else None,
            "warm_up_as_of": today,
            "warm_up_sent_7d": sum(day["emails_sent"] for day in week) if own else None,
            "warm_up_deliverability": share(inbox, inbox + elsewhere),
        }
        shares.add(row["warm_up_deliverability"])
    assert None in shares
    assert any(value and value < 1 for value in shares)


def test_without_sender_analytics_mailboxes_are_counted_from_events_and_agree(
    tmp_path: Path, built: dict[str, Built]
) -> None:
    suggested = ("campaigns", "campaign_recipients_activity", "sender_email_accounts")
    database = tmp_path / "demo.duckdb"
    copy_tables(built["duckdb"], database, suggested)
    copy_project(tmp_path, parsed=built["duckdb"].target)

    result = dbt("build", "--select=+snov__sender_health", "--indirect-selection=empty", folder=tmp_path)

    assert result.returncode == 0, result.stdout
    query = "SELECT * FROM snov_marts.snov__sender_health ORDER BY sender_email_id"
    counted = Built(built["duckdb"].account, "duckdb", tmp_path, database=database).rows(query)
    reported = built["duckdb"].rows(query)
    assert all(row["figures_are_from_events"] for row in counted)
    figures = (
        *("emails_sent", "bounced", "people_contacted", "people_contacted_by_email", "people_replied", "bounce_rate"),
        "reply_rate",
    )
    assert [{name: row[name] for name in figures} for row in counted] == [
        {name: row[name] for name in figures} for row in reported
    ]
    assert sum(row["emails_sent"] for row in counted)
    assert {row["warm_up_sent_7d"] for row in counted} == {None}


def test_progress_is_kept_from_sync_to_sync(tmp_path: Path, built: dict[str, Built]) -> None:
    database = tmp_path / "demo.duckdb"
    copy_tables(built["duckdb"], database, ("campaigns", "campaign_progress"))
    copy_project(tmp_path, parsed=built["duckdb"].target)
    build = ("build", "--select=+snov__campaign_progress_history", "--indirect-selection=empty")
    assert dbt(*build, folder=tmp_path).returncode == 0
    with duckdb.connect(str(database)) as connection:
        first = connection.execute("SELECT campaign_id, progress FROM campaign_progress ORDER BY 1 LIMIT 1").fetchone()
        [changed, before] = first or []
        connection.execute("UPDATE campaign_progress SET progress = progress + 1 WHERE campaign_id = ?", [changed])

    result = dbt(*build, folder=tmp_path)

    assert result.returncode == 0, result.stdout
    rows = Built(built["duckdb"].account, "duckdb", tmp_path, database=database).rows(
        "SELECT campaign_id, progress, dbt_valid_to FROM snov_marts.snov__campaign_progress_history"
    )
    assert len(rows) == len(CAMPAIGNS) + 1
    history = [(row["progress"], row["dbt_valid_to"] is None) for row in rows if row["campaign_id"] == changed]
    assert sorted(history) == [(before, False), (before + 1, True)]


@KINDS
def test_the_reply_feed_has_every_reply_the_newest_first(kind: str, built: dict[str, Built]) -> None:
    expected = [
        (
            moment_of(reply["received_at"]),
            contact["campaign_id"],
            contact["campaign"],
            contact["contact"],
            contact["prospect_name"],
            contact["prospect_email"],
            "email" if contact["reply_type"] == "email" else "linkedin",
            contact["reply_type"],
            number,
            reply["subject"] or None,
            reply["message"],
        )
        for contact in built[kind].rows("SELECT * FROM campaign_replies")
        for number, reply in enumerate(parsed(contact["replies"]), start=1)
    ]
    found = built[kind].rows("""
        SELECT replied_at, campaign_id, campaign, contact, prospect_name, prospect_email, channel, reply_type,
            reply_number, subject, message
        FROM snov_marts.snov__reply_feed ORDER BY position
    """)

    assert Counter(tuple(row.values()) for row in found) == Counter(expected)
    assert {row["channel"] for row in found} == {"email", "linkedin"}
    assert any(row["reply_number"] == 2 for row in found)
    times = [row["replied_at"] for row in found]
    assert times == sorted(times, reverse=True)


def parsed(value: Any) -> Any:
    """The value of a JSON column; Postgres' client parses it already."""
    return json.loads(value) if isinstance(value, str) else value


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


@KINDS
def test_steps_are_what_people_got_and_did_before_the_next_mail(kind: str, built: dict[str, Built]) -> None:
    account = built[kind].account
    expected: dict[tuple[int, int], Counter[str]] = {}
    for campaign in account.campaigns:
        of_people: dict[int, list[tuple[int, bool, str]]] = {}
        for event in account.events(campaign):
            name = "sent" if event.kind in EMAILS else {OPEN: "opened", REPLY: "replied"}.get(event.kind, "")
            of_people.setdefault(event.recipient, []).append((event.at, name != "sent", name))
        for events in of_people.values():
            step, seen = 0, set[tuple[int, str]]()
            for _, _, name in sorted(events):
                step += name == "sent"
                if step and name:
                    seen.add((step, name))
            for step, name in seen:
                expected.setdefault((campaign, step), Counter())[name] += 1
    found = built[kind].rows("SELECT * FROM snov_marts.snov__steps")
    assert len(found) == len(expected) > 5
    for row in found:
        counts = expected[row["campaign_id"], row["step"]]
        assert row["people_mailed"] == counts["sent"]
        assert (row["people_opened"], row["people_replied"]) == (counts["opened"], counts["replied"])
        assert row["reply_rate_of_mailed"] == share(counts["replied"], counts["sent"])


@KINDS
def test_segments_count_each_person_once(kind: str, built: dict[str, Built]) -> None:
    activity = built[kind].rows("SELECT * FROM campaign_recipients_activity WHERE recipient_email IS NOT NULL")
    of_people: dict[str, list[dict[str, Any]]] = {}
    for event in activity:
        of_people.setdefault(event["recipient_email"].lower(), []).append(event)
    found = {
        (row["dimension"], row["segment"]): row for row in built[kind].rows("SELECT * FROM snov_marts.snov__segments")
    }
    for dimension in ("industry", "country", "job_position"):
        expected: dict[str, Counter[str]] = {}
        for events in of_people.values():
            kinds = {event["event_type"].lower() for event in events}
            if "sent" in kinds:
                newest = max(events, key=lambda event: event["event_time"])
                expected.setdefault(newest[dimension] or "(unknown)", Counter()).update(kinds)
        assert {segment for name, segment in found if name == dimension} == set(expected)
        assert len(expected) > 1
        for segment, counts in expected.items():
            row = found[dimension, segment]
            assert (row["people_mailed"], row["people_replied"]) == (counts["sent"], counts["reply"])


def test_both_databases_hold_the_same(built: dict[str, Built]) -> None:
    for mart in MARTS:
        query = f"SELECT * FROM snov_marts.{mart} ORDER BY 1, 2, 3, 4, 5, 6"
        postgres, in_duckdb = (
            [
                {name: value for name, value in row.items() if name not in ("synced_at", "source_relation")}
                for row in built[kind].rows(query)
            ]
            for kind in ("postgres", "duckdb")
        )
        assert postgres == in_duckdb


@KINDS
def test_people_are_counted_once_as_the_account_does(kind: str, built: dict[str, Built]) -> None:
    account = built[kind].account
    first = min(day_of(campaign.created_at) for campaign in account.campaigns.values())
    figures = account.analytics(list(account.campaigns), first, account.today)
    [found] = built[kind].rows(
        """
        SELECT
            sum(CASE WHEN was_reached THEN 1 ELSE 0 END) AS contacted_by_email,
            sum(CASE WHEN has_opened THEN 1 ELSE 0 END) AS email_opens,
            sum(CASE WHEN has_clicked THEN 1 ELSE 0 END) AS link_clicks,
            sum(CASE WHEN has_replied THEN 1 ELSE 0 END) AS email_replies,
            sum(CASE WHEN has_unsubscribed THEN 1 ELSE 0 END) AS unsubscribed
        FROM snov_marts.snov__people
        """
    )

    assert found == {name: figures[name] for name in found}
    memberships = sum(
        account.analytics([campaign], first, account.today)["contacted_by_email"] for campaign in account.campaigns
    )
    assert found["contacted_by_email"] < memberships


@KINDS
@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns"])
def test_the_hours_of_the_week_are_those_of_the_events(
    kind: str, zone: str, tmp_path: Path, built: dict[str, Built]
) -> None:
    """In a time zone with summer time and half hours too. No campaign is deleted."""
    expected = Counter(
        (row["campaign_id"], local.isoweekday(), local.hour, row["type"])
        for row in built[kind].rows(
            """
            SELECT campaign_id, event_type AS type, event_time AS time
            FROM campaign_recipients_activity
            WHERE event_type IN ('sent', 'reply') AND recipient_email IS NOT NULL
            """
        )
        for local in [in_utc(row["time"]).astimezone(ZoneInfo(zone))]
    )

    query = "SELECT * FROM snov_marts.snov__weekday_hours"
    if zone != "UTC":
        selected = ("--select=snov__weekday_hours", f"--vars=snov_timezone: {zone}", f"--target-path={tmp_path}")
        folder = built[kind].target.parents[1]
        compiled = dbt("compile", *selected, folder=folder, target=kind, server=built[kind].server)
        assert compiled.returncode == 0, compiled.stdout
        query = (tmp_path / "compiled/snov/models/marts/snov__weekday_hours.sql").read_text()
    rows = built[kind].rows(query)

    assert {row["time_zone"] for row in rows} == {zone}
    found = {
        (row["campaign_id"], row["weekday"], row["hour"], type): row[name]
        for row in rows
        for type, name in (("sent", "emails_sent"), ("reply", "replies"))
        if row[name]
    }
    assert {type for _, _, _, type in found} == {"sent", "reply"}
    assert found == expected


def in_utc(time: datetime) -> datetime:
    """Times without a zone are in UTC."""
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def test_the_page_of_postgres_takes_the_variables_of_the_sync(tmp_path: Path, built: dict[str, Built]) -> None:
    server, file = built["postgres"].server, tmp_path / "report.html"
    assert server
    arguments = ["-m", "warehouse.report", "--to", "postgres", "--output", str(file)]

    result = run_program([str(COMMANDS / "python"), *arguments], ROOT, {"DO_NOT_TRACK": "", **server.environment})

    assert (result.returncode, result.stderr) == (0, "")
    [sent] = built["postgres"].rows("SELECT sum(emails_sent) AS sent FROM snov_marts.snov__campaign_performance")
    assert f'<div class="value">{sent["sent"]:,}</div>' in file.read_text()


def test_a_sync_on_postgres_can_replace_its_tables_after_a_build(built: dict[str, Built]) -> None:
    assert built["postgres"].server
    with built["postgres"].connection() as connection, connection.cursor() as cursor:
        for stream in ON_POSTGRES:
            cursor.execute(f"DROP TABLE {stream} RESTRICT")
        connection.rollback()


def test_the_test_of_gaps_fails_when_a_day_is_missing(built: dict[str, Built]) -> None:
    query = (built["duckdb"].target / "compiled/snov/tests/snov__campaign_daily_has_no_gap.sql").read_text()
    with duckdb.connect(str(built["duckdb"].database)) as connection:
        [campaign] = connection.execute("SELECT min(campaign_id) FROM snov_marts.snov__campaign_daily").fetchone() or []
        connection.begin()
        connection.execute(
            """
            DELETE FROM snov_marts.snov__campaign_daily
            WHERE campaign_id = ? AND date = (SELECT max(date) - 3 FROM snov_marts.snov__campaign_daily)
            """,
            [campaign],
        )
        assert [row[0] for row in connection.execute(query).fetchall()] == [campaign]
        connection.rollback()
        assert not connection.execute(query).fetchall()


@KINDS
def test_no_compiled_model_sums_what_does_not_add_up(kind: str, built: dict[str, Built]) -> None:
    models = built[kind].models()
    never = {
        name
        for model in models
        for name, column in model["columns"].items()
        if column["config"]["meta"].get("additive") is False
    }
    assert {"email_opens", "people_opened", "open_rate", "people_opened_7d", "email_opens_rate"} <= never
    assert not {"emails_sent", "bounced", "delivered"} & never
    for model in models:
        tree = sqlglot.parse_one(model["compiled_code"], read=kind)
        for total in tree.find_all(expressions.Sum, expressions.Avg):
            assert not never & {column.name.lower() for column in total.find_all(expressions.Column)}, model["name"]


def test_it_is_built_on_an_account_without_campaigns(tmp_path: Path, built: dict[str, Built]) -> None:
    database = tmp_path / "demo.duckdb"
    copy_tables(built["duckdb"], database)
    with duckdb.connect(str(database)) as connection:
        for stream in STREAMS:
            connection.execute(f"DELETE FROM {stream}")
    copy_project(tmp_path, parsed=built["duckdb"].target)

    result = dbt("build", folder=tmp_path)

    assert result.returncode == 0, result.stdout
    empty = Built(built["duckdb"].account, "duckdb", tmp_path / "dbt_snov" / "target", database=database)
    assert set(empty.results().values()) == {"success", "pass"}
    for mart in MARTS:
        assert empty.rows(f"SELECT * FROM snov_marts.{mart}") == []


PLANTED: Final = {
    "upper_case": "select SUM ( Open_Rate ) as x from {{ ref('snov__campaign_performance') }}",
    "with_alias": "select sum(d.\"people_opened\") as x from {{ ref('snov__campaign_daily') }} as d",
    "nested": "select sum(\n  case when date is null then 0 else coalesce((people_replied), 0) end) as x"
    " from {{ ref('snov__campaign_daily') }}",
    "over_days": "select sum(email_replies) over (partition by campaign_id) as x"
    " from {{ source('snov', 'campaign_analytics_daily') }}",
    "averaged": "select avg(interest_rate) as x from {{ ref('snov__campaign_performance') }}",
}
FAITHFUL: Final = {
    "of_actions": "select sum(emails_sent) as x, max(people_opened) as y -- not sum(people_opened)\n"
    "from {{ ref('snov__campaign_daily') }}",
}
GUARD: Final = "nothing_sums_what_does_not_add_up"


def test_the_guard_finds_what_a_model_of_the_package_must_not_sum(tmp_path: Path, built: dict[str, Built]) -> None:
    copy_project(tmp_path)
    for name, query in {**PLANTED, **FAITHFUL}.items():
        (tmp_path / "dbt_snov" / "models" / "marts" / f"{name}.sql").write_text(query)
    copy_tables(built["duckdb"], tmp_path / "demo.duckdb")

    result = dbt("test", f"--select={GUARD}", "--indirect-selection=empty", folder=tmp_path)

    assert result.returncode == 1
    blamed = {line.split()[3] for line in result.stdout.splitlines() if "which does not add up" in line}
    assert blamed == set(PLANTED)


OTHER_TOOL: Final = "select 77 as campaign_id, 'of another tool' as campaign"
OWN_MODELS: Final = {
    # Any company with a second outreach tool has models of these names.
    "stg_campaigns": OTHER_TOOL,
    "campaign_performance": "select * from {{ ref('stg_campaigns') }}",
    "mine": "select 1 as progress",
    "of_mine": "select sum(mine.progress) as x from {{ ref('mine') }} as mine",
}


def test_the_package_in_another_project(tmp_path: Path, built: dict[str, Built]) -> None:
    """As a package, beside models of the same names as its own without the prefix: its schemas and variables."""
    project = project_with_package(tmp_path, "analytics", {"snov_events": False, "snov_schema": "main"})
    (project / "models").mkdir()
    for name, query in OWN_MODELS.items():
        (project / "models" / f"{name}.sql").write_text(query)
    database = tmp_path / "demo.duckdb"
    copy_tables(built["duckdb"], database)
    campaign, day = spoil(database)

    select = ("--select=+snov__campaign_daily", "+snov__campaign_performance", *OWN_MODELS, GUARD)
    result = dbt("build", *select, "--indirect-selection=empty", folder=tmp_path, project="analytics")

    assert result.returncode == 0, result.stdout
    package = Built(built["duckdb"].account, "duckdb", project / "target", database=database)
    [gap] = package.rows(
        f"SELECT * FROM snov_marts.snov__campaign_daily WHERE campaign_id = {campaign} AND date = DATE '{day}'"
    )
    assert gap["emails_sent"] is None
    assert gap["emails_sent_7d"] is not None
    people = ("people_mailed_7d", "people_opened_7d", "people_replied_7d", "open_rate_7d", "reply_rate_7d")
    [counts] = package.rows(f"SELECT {filled(people)} FROM snov_marts.snov__campaign_daily")
    assert not any(counts.values())
    rows = package.rows("SELECT campaign FROM snov_marts.snov__campaign_performance WHERE NOT is_deleted")
    assert sorted(row["campaign"] for row in rows) == sorted(CAMPAIGNS)
    [other] = package.rows("SELECT campaign FROM snov_marts.campaign_performance")
    assert other["campaign"] == "of another tool"


def test_several_accounts_and_whom_campaigns_are_for(tmp_path: Path, built: dict[str, Built]) -> None:
    """Each account in a schema of its own, with a prefix and a table of another name, and a seed of clients."""
    shift = 1_000_000
    database = tmp_path / "demo.duckdb"
    names = {stream: f"snov_{stream}" for stream in STREAMS} | {"campaigns": "campaigns_of_snov"}
    shifted = {"campaigns": "id", "campaign_analytics": "campaign_id", "account_balance": "balance"}
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"ATTACH '{built['duckdb'].database}' AS source (READ_ONLY)")
        connection.execute("CREATE SCHEMA acme; CREATE SCHEMA globex")
        for stream in STREAMS:
            connection.execute(f"CREATE TABLE acme.{names[stream]} AS FROM source.main.{stream}")
        for stream, column in shifted.items():
            rows = f"SELECT * REPLACE ({column} + {shift} AS {column}) FROM source.main.{stream}"
            connection.execute(f"CREATE TABLE globex.{names[stream]} AS {rows}")
        [first] = connection.execute("SELECT min(id) FROM acme.campaigns_of_snov").fetchone() or []
    variables = {
        "snov_schemas": ["acme", "globex"],
        "snov_table_prefix": "snov_",
        "snov_campaigns_table": "campaigns_of_snov",
        "snov_clients": "our_clients",
    }
    project = project_with_package(tmp_path, "agency", variables)
    (project / "seeds").mkdir()
    clients = {first: "Muster AG", first + shift: "Globex"}
    lines = ["campaign_id,client", *(f"{campaign},{client}" for campaign, client in clients.items())]
    (project / "seeds" / "our_clients.csv").write_text("\n".join(lines) + "\n")

    result = dbt("build", folder=tmp_path, project="agency")

    assert result.returncode == 0, result.stdout
    package = Built(built["duckdb"].account, "duckdb", project / "target", database=database)
    marts = "SELECT * FROM snov_marts"
    alone = built["duckdb"].rows(f"{marts}.snov__campaign_performance ORDER BY campaign_id")
    for schema, offset in (("acme", 0), ("globex", shift)):
        of_schema = f"WHERE source_relation = '{schema}' ORDER BY campaign_id"
        found = package.rows(f"{marts}.snov__campaign_performance {of_schema}")
        assert [row["campaign_id"] - offset for row in found] == [row["campaign_id"] for row in alone]
        assert [row["emails_sent"] for row in found] == [row["emails_sent"] for row in alone]
        assert not any(row["is_deleted"] for row in found)
    for mart in ("snov__campaign_performance", "snov__campaign_daily", "snov__reply_feed"):
        known = {row["campaign_id"]: row["client"] for row in package.rows(f"{marts}.{mart}") if row["client"]}
        assert known.items() <= clients.items()
        assert known == clients or mart != "snov__campaign_performance"
        assert first in known
    assert len(package.rows("SELECT * FROM snov_staging.stg_snov__account_balance")) == 2


def project_with_package(folder: Path, name: str, variables: Mapping[str, Any]) -> Path:
    """A project of one's own that has the package, as `dbt deps` links a local one."""
    project = folder / name
    project.mkdir()
    settings = {"name": name, "profile": "snov", "flags": {"send_anonymous_usage_stats": False}, "vars": variables}
    (project / "dbt_project.yml").write_text(yaml.safe_dump(dict(settings)))
    copy_project(folder)
    (project / "packages.yml").write_text(yaml.safe_dump({"packages": [{"local": "../dbt_snov"}]}))
    (project / "dbt_packages").mkdir()
    (project / "dbt_packages" / "snov").symlink_to(folder / "dbt_snov")
    return project


def copy_tables(source: Built, database: Path, streams: Sequence[str] = STREAMS) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"ATTACH '{source.database}' AS source (READ_ONLY)")
        for stream in streams:
            connection.execute(f"CREATE TABLE {stream} AS FROM source.main.{stream}")


def spoil(database: Path) -> tuple[int, date]:
    """Deletes a day of a campaign's history, and adds the rows of an earlier sync, as Append keeps them."""
    with duckdb.connect(str(database)) as connection:
        [campaign, day] = (
            connection.execute("""
            SELECT campaign_id, max(date) - 2 FROM campaign_analytics_daily
            GROUP BY campaign_id HAVING count(*) > 20 ORDER BY campaign_id LIMIT 1
        """).fetchone()
            or []
        )
        connection.execute("DELETE FROM campaign_analytics_daily WHERE campaign_id = ? AND date = ?", [campaign, day])
        connection.execute("""
            INSERT INTO campaigns
            SELECT * REPLACE (
                'an older name' AS campaign, _airbyte_extracted_at - INTERVAL 1 DAY AS _airbyte_extracted_at
            )
            FROM campaigns
        """)
    return campaign, day


# Set-ups -------------------------------------------------------------------------------------------------------------

SYNCED: Final = datetime(2026, 11, 1, 6)


def tables(database: Path, **rows: Rows) -> None:
    """Creates a table of each stream from rows that all have the same columns."""
    with duckdb.connect(str(database)) as connection:
        for stream, given in rows.items():
            written = database.with_suffix(".json")
            written.write_text(json.dumps(given, default=str))
            connection.execute(f"CREATE TABLE {stream} AS FROM read_json(?)", [str(written)])


def listed(number: int, at: datetime, sync_id: int | None = None) -> dict[str, Any]:
    """A campaign as a sync lists it. sync_id: Airbyte's number of the sync."""
    meta = {"changes": []} if sync_id is None else {"sync_id": sync_id, "changes": []}
    row = {"id": number, "campaign": f"Campaign {number}", "status": "Active", "started_at": SYNCED}
    return {**row, "_airbyte_extracted_at": at, "_airbyte_meta": json.dumps(meta)}


def figures(number: int) -> dict[str, Any]:
    """Its figures, as an API without LinkedIn gives them."""
    counts = {"emails_sent": 100, "contacted_by_email": 50, "email_replies": 5, "interested": 2}
    return {"campaign_id": number, **counts, "_airbyte_extracted_at": SYNCED}


def performance_of(folder: Path, built: dict[str, Built], **rows: Rows) -> dict[int, dict[str, Any]]:
    """`snov__campaign_performance` built from these tables alone; every model is built, and every test passes."""
    database = folder / "demo.duckdb"
    tables(database, **rows)
    copy_project(folder, parsed=built["duckdb"].target)
    result = dbt("build", folder=folder)
    assert result.returncode == 0, result.stdout
    made = Built(built["duckdb"].account, "duckdb", folder / "dbt_snov" / "target", database=database)
    assert set(made.results().values()) == {"success", "pass"}
    return {row["campaign_id"]: row for row in made.rows("SELECT * FROM snov_marts.snov__campaign_performance")}


def test_campaigns_and_their_totals_are_enough_also_without_linkedin(tmp_path: Path, built: dict[str, Built]) -> None:
    """With the campaigns of three syncs in a table that is appended to, the last of which lacks one."""
    syncs = [SYNCED - timedelta(days=2), SYNCED - timedelta(days=1), SYNCED]
    campaigns = [listed(number, at) for at in syncs for number in (1, 2, 3) if (number, at) != (3, SYNCED)]

    found = performance_of(
        tmp_path, built, campaigns=campaigns, campaign_analytics=[figures(number) for number in (1, 3)]
    )

    assert {number: row["is_deleted"] for number, row in found.items()} == {1: False, 2: False, 3: True}
    assert (found[1]["interest_rate"], found[1]["people_replied_linkedin"], found[1]["progress"]) == (0.4, None, None)
    assert found[2]["emails_sent"] is None
    assert found[3]["campaign"] == "Campaign 3"


def test_a_campaign_that_was_deleted_is_shown_as_deleted(tmp_path: Path, built: dict[str, Built]) -> None:
    """With a list that each sync replaces, and progress that is appended to, as docs/running/airbyte.md advises."""
    progress = [
        {"campaign_id": number, "progress": 50, "unfinished": 9, "checked_at": at, "_airbyte_extracted_at": at}
        for number in (1, 2)
        for at in (SYNCED - timedelta(days=1), SYNCED)
        if (number, at) != (2, SYNCED)
    ]

    found = performance_of(
        tmp_path, built, campaigns=[listed(1, SYNCED)], campaign_analytics=[figures(1)], campaign_progress=progress
    )

    assert {number: (row["is_deleted"], row["campaign"]) for number, row in found.items()} == {
        1: (False, "Campaign 1"),
        2: (True, None),
    }


def test_the_number_of_the_sync_tells_what_the_newest_one_lacks(tmp_path: Path, built: dict[str, Built]) -> None:
    """Also where syncs follow each other within minutes."""
    campaigns = [
        *(listed(number, SYNCED - timedelta(minutes=9), sync_id=7) for number in (1, 2)),
        listed(1, SYNCED, sync_id=8),
    ]

    found = performance_of(tmp_path, built, campaigns=campaigns)

    assert {number: row["is_deleted"] for number, row in found.items()} == {1: False, 2: True}
