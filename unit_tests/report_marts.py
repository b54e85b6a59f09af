"""Tables in the form of the dbt models' marts, for tests of the page: made of what was synced, or of given rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

SCHEMA: Final = """
CREATE SCHEMA snov_marts;
CREATE TABLE snov_marts.campaign_performance (
    campaign_id BIGINT, campaign VARCHAR, status VARCHAR, created_at TIMESTAMP, started_at TIMESTAMP,
    progress DECIMAL(38, 9), contacts_left BIGINT, people_contacted BIGINT, people_contacted_by_email BIGINT,
    emails_sent BIGINT, bounced BIGINT, delivered BIGINT, people_opened BIGINT, people_clicked BIGINT,
    people_replied BIGINT, people_replied_linkedin BIGINT, people_unsubscribed BIGINT, people_interested BIGINT,
    people_maybe BIGINT, people_not_interested BIGINT, bounce_rate DOUBLE, open_rate DOUBLE, click_rate DOUBLE,
    reply_rate DOUBLE, interest_rate DOUBLE, last_activity_on DATE
);
CREATE TABLE snov_marts.campaign_daily (
    campaign_id BIGINT, campaign VARCHAR, date DATE, emails_sent BIGINT, bounced BIGINT, delivered BIGINT,
    people_opened BIGINT, people_clicked BIGINT, people_replied BIGINT, people_contacted BIGINT,
    emails_sent_7d BIGINT, bounced_7d BIGINT, bounce_rate_7d DOUBLE, people_mailed_7d BIGINT,
    people_opened_7d BIGINT, people_replied_7d BIGINT, mailed_people_replied_7d BIGINT,
    open_rate_7d DOUBLE, reply_rate_7d DOUBLE
);
CREATE TABLE snov_marts.sender_health (
    sender_email_id BIGINT, sender VARCHAR, valid BOOLEAN, suspended BOOLEAN, emails_sent BIGINT, bounced BIGINT,
    people_contacted BIGINT, people_replied BIGINT, bounce_rate DOUBLE, reply_rate DOUBLE, warm_up_status VARCHAR,
    warm_up_deliverability DOUBLE, warm_up_sent_7d BIGINT
);
CREATE TABLE snov_marts.reply_feed (
    position BIGINT, replied_at TIMESTAMP, campaign_id BIGINT, campaign VARCHAR, contact VARCHAR, prospect_name VARCHAR,
    prospect_email VARCHAR, channel VARCHAR, reply_type VARCHAR, subject VARCHAR, message VARCHAR
);
"""

FROM_SYNCED_TABLES: Final = """
INSERT INTO snov_marts.campaign_performance BY NAME
SELECT
    id AS campaign_id, campaign, campaigns.status, created_at, started_at, progress, unfinished AS contacts_left,
    total_contacted AS people_contacted, contacted_by_email AS people_contacted_by_email, emails_sent, bounced,
    delivered, email_opens AS people_opened, link_clicks AS people_clicked, email_replies AS people_replied,
    linkedin_total_replies AS people_replied_linkedin, unsubscribed AS people_unsubscribed,
    interested AS people_interested, maybe AS people_maybe, not_interested AS people_not_interested,
    bounced / nullif(emails_sent, 0) AS bounce_rate, email_opens / nullif(contacted_by_email, 0) AS open_rate,
    link_clicks / nullif(contacted_by_email, 0) AS click_rate,
    email_replies / nullif(contacted_by_email, 0) AS reply_rate,
    interested / nullif(email_replies + linkedin_total_replies, 0) AS interest_rate,
    (
        SELECT max(date) FROM campaign_analytics_daily AS daily
        WHERE daily.campaign_id = id AND daily.emails_sent + email_opens + email_replies + linkedin_total_replies > 0
    ) AS last_activity_on
FROM campaigns
LEFT JOIN campaign_analytics ON campaign_analytics.campaign_id = id
LEFT JOIN campaign_progress ON campaign_progress.campaign_id = id;

INSERT INTO snov_marts.campaign_daily BY NAME
SELECT
    campaign_id, campaign, date, emails_sent, bounced, delivered, email_opens AS people_opened,
    link_clicks AS people_clicked, email_replies AS people_replied, total_contacted AS people_contacted,
    sum(emails_sent) OVER week AS emails_sent_7d, sum(bounced) OVER week AS bounced_7d,
    bounced_7d / nullif(emails_sent_7d, 0) AS bounce_rate_7d, sum(contacted_by_email) OVER week AS people_mailed_7d,
    sum(email_opens) OVER week AS people_opened_7d, sum(email_replies) OVER week AS people_replied_7d,
    people_replied_7d AS mailed_people_replied_7d, people_opened_7d / nullif(people_mailed_7d, 0) AS open_rate_7d,
    people_replied_7d / nullif(people_mailed_7d, 0) AS reply_rate_7d
FROM campaign_analytics_daily
JOIN campaigns ON campaigns.id = campaign_id
WINDOW week AS (PARTITION BY campaign_id ORDER BY date RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW);

INSERT INTO snov_marts.sender_health BY NAME
SELECT
    accounts.id AS sender_email_id, email_from AS sender, valid, suspended, emails_sent, bounced,
    total_contacted AS people_contacted, email_replies AS people_replied,
    bounced / nullif(emails_sent, 0) AS bounce_rate, email_replies / nullif(contacted_by_email, 0) AS reply_rate,
    warm_up.status AS warm_up_status, warm_up.deliverability / 100 AS warm_up_deliverability,
    (
        SELECT sum(days.emails_sent) FROM warm_up_daily_statistics AS days
        WHERE warm_up_id = warm_up.id AND date > (SELECT max(date) FROM warm_up_daily_statistics) - 7
    ) AS warm_up_sent_7d
FROM sender_email_accounts AS accounts
LEFT JOIN sender_analytics ON sender_email_id = accounts.id
LEFT JOIN warm_ups AS warm_up ON warm_up.id = (
    SELECT max_by(id, start_date) FROM warm_ups WHERE (email_account ->> 'id')::BIGINT = accounts.id
);

INSERT INTO snov_marts.reply_feed BY NAME
SELECT
    row_number() OVER (ORDER BY replied_at DESC, campaign_id, contact) AS position, *
FROM (
    SELECT
        (reply ->> 'received_at')::TIMESTAMP AS replied_at, campaign_id, campaign, contact, prospect_name,
        prospect_email, reply_type, reply ->> 'subject' AS subject, reply ->> 'message' AS message
    FROM (SELECT *, unnest(replies::JSON[]) AS reply FROM campaign_replies)
);
"""


SCHEMAS: Final = Path(__file__).parent.parent / "source_snov" / "schemas"
TYPES: Final = {
    "integer": "BIGINT",
    "number": "DECIMAL(38, 9)",
    "boolean": "BOOLEAN",
    "object": "JSON",
    "array": "JSON",
}
FORMATS: Final = {"date": "DATE", "date-time": "TIMESTAMP"}


def load(database: Path, messages: Path, streams: Iterable[str]) -> None:
    """Make a table of each stream's records, as PyAirbyte does, of what `source-snov read` printed."""
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


def marts_of_synced_tables(database: Path) -> None:
    """Make the marts in a database that the connector's tables are in."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(SCHEMA + FROM_SYNCED_TABLES)


def marts(database: Path, **rows: Iterable[Mapping[str, Any]]) -> None:
    """Make a database with marts alone, each with the rows given; what a row leaves out is null."""
    with duckdb.connect(str(database)) as connection:
        connection.execute(SCHEMA)
        for mart, given in rows.items():
            written = database.with_suffix(".json")
            written.write_text(json.dumps(list(given), default=str))
            connection.execute(f"INSERT INTO snov_marts.{mart} BY NAME FROM read_json(?)", [str(written)])


def campaign(number: int, name: str, **figures: Any) -> dict[str, Any]:
    """A row of `campaign_performance`; without figures, of a campaign that never began."""
    counts = dict.fromkeys(
        (
            *("people_contacted", "people_contacted_by_email", "emails_sent", "bounced", "delivered", "people_opened"),
            *("people_clicked", "people_replied", "people_replied_linkedin", "people_unsubscribed"),
            *("people_interested", "people_maybe", "people_not_interested", "contacts_left", "progress"),
        ),
        0,
    )
    created = datetime(2026, 1, 1, 9)
    return {"campaign_id": number, "campaign": name, "status": "Draft", "created_at": created, **counts, **figures}


def day(number: int, name: str, when: date, **figures: Any) -> dict[str, Any]:
    """A row of `campaign_daily`."""
    columns = ("emails_sent", "bounced", "delivered", "people_opened", "people_clicked", "people_replied")
    counts = dict.fromkeys((*columns, "people_contacted", "people_mailed_7d", "mailed_people_replied_7d"), 0)
    return {"campaign_id": number, "campaign": name, "date": when, **counts, **figures}
