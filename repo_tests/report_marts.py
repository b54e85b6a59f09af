"""For tests of the report: tables of synced records, and marts of given rows, with the columns of the dbt models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from unit_tests._paths import SCHEMAS

SCHEMA: Final = """
CREATE SCHEMA snov_marts;
CREATE TABLE snov_marts.snov__campaign_performance (
    campaign_id BIGINT, client VARCHAR, campaign VARCHAR, status VARCHAR, is_deleted BOOLEAN, created_at TIMESTAMP,
    started_at TIMESTAMP,
    progress DECIMAL(38, 9), contacts_left BIGINT, people_contacted BIGINT, people_contacted_by_email BIGINT,
    emails_sent BIGINT, bounced BIGINT, delivered BIGINT, people_opened BIGINT, people_clicked BIGINT,
    people_replied BIGINT, people_replied_linkedin BIGINT, people_unsubscribed BIGINT, people_auto_replied BIGINT,
    people_interested BIGINT,
    people_maybe BIGINT, people_not_interested BIGINT, bounce_rate DOUBLE, open_rate DOUBLE, click_rate DOUBLE,
    reply_rate DOUBLE, interest_rate DOUBLE, last_activity_on DATE, people_contacted_by_linkedin BIGINT,
    invitations_sent BIGINT, invitations_accepted BIGINT, synced_at TIMESTAMP
);
CREATE TABLE snov_marts.snov__people (
    person VARCHAR, was_reached BOOLEAN, has_opened BOOLEAN, has_clicked BOOLEAN, has_replied BOOLEAN,
    has_unsubscribed BOOLEAN
);
CREATE TABLE snov_marts.snov__person_days (
    campaign_id BIGINT, person_number BIGINT, date DATE, was_mailed BOOLEAN, has_bounced BOOLEAN, has_opened BOOLEAN,
    has_clicked BOOLEAN, has_replied BOOLEAN, has_unsubscribed BOOLEAN
);
CREATE TABLE snov_marts.snov__attention (
    about VARCHAR, id BIGINT, name VARCHAR, problem VARCHAR, urgency INTEGER, figure DOUBLE, since DATE
);
CREATE TABLE snov_marts.snov__first_contact_weeks (
    week DATE, people_first_mailed BIGINT, replied_within_14_days BIGINT, has_14_days BOOLEAN
);
CREATE TABLE snov_marts.snov__weekday_hours (
    campaign_id BIGINT, weekday BIGINT, hour BIGINT, time_zone VARCHAR, emails_sent BIGINT, replies BIGINT
);
CREATE TABLE snov_marts.snov__campaign_daily (
    campaign_id BIGINT, campaign VARCHAR, is_deleted BOOLEAN, date DATE, emails_sent BIGINT, bounced BIGINT,
    delivered BIGINT,
    people_opened BIGINT, people_clicked BIGINT, people_replied BIGINT, people_contacted BIGINT,
    emails_sent_7d BIGINT, bounced_7d BIGINT, bounce_rate_7d DOUBLE, people_mailed_7d BIGINT,
    people_opened_7d BIGINT, people_replied_7d BIGINT, mailed_people_replied_7d BIGINT,
    open_rate_7d DOUBLE, reply_rate_7d DOUBLE
);
CREATE TABLE snov_marts.snov__sender_health (
    sender_email_id BIGINT, sender VARCHAR, valid BOOLEAN, suspended BOOLEAN, figures_are_from_events BOOLEAN,
    emails_sent BIGINT, bounced BIGINT,
    people_contacted BIGINT, people_replied BIGINT, bounce_rate DOUBLE, reply_rate DOUBLE, warm_up_status VARCHAR,
    warm_up_deliverability DOUBLE, warm_up_sent_7d BIGINT
);
CREATE TABLE snov_marts.snov__reply_feed (
    position BIGINT, replied_at TIMESTAMP, campaign_id BIGINT, campaign VARCHAR, contact VARCHAR, prospect_name VARCHAR,
    prospect_email VARCHAR, channel VARCHAR, reply_type VARCHAR, subject VARCHAR, message VARCHAR
);
"""

TYPES: Final = {
    "integer": "BIGINT",
    "number": "DECIMAL(38, 9)",
    "boolean": "BOOLEAN",
    "object": "JSON",
    "array": "JSON",
}
FORMATS: Final = {"date": "DATE", "date-time": "TIMESTAMP"}


def load(database: Path, messages: Path, streams: Iterable[str]) -> None:
    """Creates a table of each stream's records, as PyAirbyte does, from the output of `source-snov read`."""
    with duckdb.connect(str(database)) as connection:
        for stream in streams:
            fields = json.loads((SCHEMAS / f"{stream}.json").read_text())["properties"]
            columns = [f"(data ->> '{name}')::{_type(field)} AS \"{name}\"" for name, field in fields.items()]
            connection.execute(
                f"""
                CREATE TABLE {stream} AS
                SELECT {", ".join(columns)}, _airbyte_extracted_at
                FROM (
                    SELECT json -> '$.record.data' AS data,
                        make_timestamp((json ->> '$.record.emitted_at')::BIGINT * 1000) AS _airbyte_extracted_at
                    FROM read_ndjson_objects(?)
                    WHERE json ->> '$.record.stream' = ?
                )
                """,
                [str(messages), stream],
            )


def _type(field: Mapping[str, Any]) -> str:
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    [kind] = [name for name in types if name != "null"]
    return FORMATS.get(field.get("format", ""), TYPES.get(kind, "VARCHAR"))


def marts(database: Path, **rows: Iterable[Mapping[str, Any]]) -> None:
    """Creates a database with only the marts, each with the given rows; omitted columns are null."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(SCHEMA)
        for mart, given in rows.items():
            written = database.with_suffix(".json")
            written.write_text(json.dumps(list(given), default=str))
            connection.execute(f"INSERT INTO snov_marts.{mart} BY NAME FROM read_json(?)", [str(written)])


def campaign(number: int, name: str | None, **figures: Any) -> dict[str, Any]:
    """A row of `snov__campaign_performance`; without figures, of a campaign that was never started."""
    counts = dict.fromkeys(
        (
            *("people_contacted", "people_contacted_by_email", "emails_sent", "bounced", "delivered", "people_opened"),
            *("people_clicked", "people_replied", "people_replied_linkedin", "people_unsubscribed"),
            "people_auto_replied",
            *("people_interested", "people_maybe", "people_not_interested", "contacts_left", "progress"),
            *("people_contacted_by_linkedin", "invitations_sent", "invitations_accepted"),
        ),
        0,
    )
    created = datetime(2026, 1, 1, 9)
    row = {"campaign_id": number, "campaign": name, "status": "Draft", "is_deleted": False, "created_at": created}
    return {**row, **counts, **figures}


def day(number: int, name: str, when: date, **figures: Any) -> dict[str, Any]:
    """A row of `snov__campaign_daily`."""
    columns = ("emails_sent", "bounced", "delivered", "people_opened", "people_clicked", "people_replied")
    counts = dict.fromkeys((*columns, "people_contacted"), 0)
    return {"campaign_id": number, "campaign": name, "is_deleted": False, "date": when, **counts, **figures}
