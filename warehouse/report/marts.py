"""Reads the tables of the dbt models, from DuckDB or any database that SQLAlchemy supports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

Row = dict[str, Any]
Rows = list[Row]

LATEST_REPLIES: Final = 50
REPLIES_OF_CAMPAIGN: Final = 3
MAX_REPLIES: Final = 300

DBT: Final = ".venv/bin/dbt build --project-dir warehouse/dbt_snov --profiles-dir warehouse/dbt_snov"

CONTRACT: Final[Mapping[str, tuple[str, ...]]] = {
    "snov__campaign_performance": (
        *(
            "campaign_id",
            "campaign",
            "client",
            "status",
            "is_deleted",
            "progress",
            "people_contacted",
            "people_contacted_by_email",
            "emails_sent",
            "bounced",
        ),
        *("delivered", "people_opened", "people_clicked", "people_replied", "people_replied_linkedin"),
        *(
            "people_interested",
            "people_maybe",
            "people_not_interested",
            "bounce_rate",
            "open_rate",
            "click_rate",
            "reply_rate",
            "interest_rate",
        ),
        *("last_activity_on", "people_contacted_by_linkedin", "invitations_sent", "invitations_accepted", "synced_at"),
        *("people_unsubscribed", "people_auto_replied"),
    ),
    "snov__attention": ("about", "id", "name", "problem", "urgency", "figure", "since"),
    "snov__people": ("was_reached", "has_opened", "has_clicked", "has_replied", "has_unsubscribed"),
    "snov__person_days": (
        *("campaign_id", "person_number", "date", "was_mailed", "has_bounced", "has_opened", "has_clicked"),
        *("has_replied", "has_unsubscribed"),
    ),
    "snov__weekday_hours": ("campaign_id", "weekday", "hour", "time_zone", "emails_sent", "replies"),
    "snov__first_contact_weeks": ("week", "people_first_mailed", "replied_within_14_days", "has_14_days"),
    "snov__campaign_daily": (
        *("campaign_id", "is_deleted", "date", "emails_sent", "bounced", "delivered", "people_opened"),
        *("people_clicked", "people_replied", "emails_sent_7d", "bounced_7d"),
    ),
    "snov__sender_health": (
        *("sender", "figures_are_from_events", "emails_sent", "bounced", "people_contacted", "people_replied"),
        *("bounce_rate", "reply_rate", "warm_up_status", "warm_up_deliverability", "warm_up_sent_7d"),
    ),
    "snov__reply_feed": (
        *(
            "position",
            "replied_at",
            "campaign_id",
            "campaign",
            "contact",
            "prospect_name",
            "prospect_email",
            "reply_type",
        ),
        *("subject", "message"),
    ),
}
"""The columns of each table that the page needs; there may be others."""

DAYS: Final = """
SELECT
    date, sum(emails_sent) AS emails_sent, sum(people_opened) AS people_opened, sum(people_clicked) AS people_clicked,
    sum(people_replied) AS people_replied, sum(emails_sent_7d) AS emails_sent_7d, sum(bounced_7d) AS bounced_7d
FROM {schema}.snov__campaign_daily
WHERE NOT is_deleted
GROUP BY date
ORDER BY date
"""
COUNTS_OF_DAYS: Final = (
    *("emails_sent", "people_opened", "people_clicked", "people_replied"),
    *("emails_sent_7d", "bounced_7d"),
)

PEOPLE: Final = """
SELECT
    sum(CASE WHEN was_reached THEN 1 ELSE 0 END) AS people_contacted_by_email,
    sum(CASE WHEN has_opened THEN 1 ELSE 0 END) AS people_opened,
    sum(CASE WHEN has_clicked THEN 1 ELSE 0 END) AS people_clicked,
    sum(CASE WHEN has_replied THEN 1 ELSE 0 END) AS people_replied,
    sum(CASE WHEN has_unsubscribed THEN 1 ELSE 0 END) AS people_unsubscribed
FROM {schema}.snov__people
"""

DAILY: Final = """
SELECT
    campaign_id, date, emails_sent, bounced, delivered, people_opened, people_clicked, people_replied
FROM {schema}.snov__campaign_daily
WHERE NOT is_deleted
AND (emails_sent > 0 OR bounced > 0 OR people_opened > 0 OR people_clicked > 0 OR people_replied > 0)
ORDER BY date
"""

REPLIES: Final = f"""
SELECT *
FROM (
    SELECT feed.*, row_number() OVER (PARTITION BY feed.campaign_id ORDER BY feed.position) AS of_campaign
    FROM {{schema}}.snov__reply_feed AS feed
) AS numbered
WHERE position <= {LATEST_REPLIES} OR of_campaign <= {REPLIES_OF_CAMPAIGN}
ORDER BY position
LIMIT {MAX_REPLIES}
"""
"""The newest replies, and a few of each campaign for its own view."""

MAX_PERSON_DAYS: Final = 150_000
"""Rows of people that a page can hold; beyond, it counts people over their whole life only."""


class Unreadable(Exception):
    """The database or its tables are missing. The message says what to do."""


@dataclass(frozen=True)
class Marts:
    """The data of the page. `as_of` is the sync time of the newest figures, or a day if the time is unknown.

    `campaigns` are those that were not deleted; `days` has every day from the first to the last, over all of them.
    `people` counts each person once, by what happened; None if no events were synced. `weeks` are of first contacts.
    `daily` has the days of each campaign on which something happened, `person_days` those of each person: None if there
    are none, or too many.
    """

    campaigns: Rows
    deleted: Rows
    attention: Rows
    people: Mapping[str, int] | None
    weeks: Rows
    days: Rows
    daily: Rows
    person_days: Rows | None
    weekday_hours: Rows
    senders: Rows
    replies: Rows
    reply_count: int
    as_of: datetime | date | None


def read(database: str | URL, schema: str) -> Marts:
    """Reads the tables in `schema` of a DuckDB file, or of a database given by its SQLAlchemy URL."""
    url = database if isinstance(database, URL) else _url(database)
    options = {"read_only": True} if url.get_backend_name() == "duckdb" else {}
    try:
        # Without a pool, nothing keeps the file open once the page is made.
        engine = create_engine(url, connect_args=options, poolclass=NullPool)
        with engine.connect() as connection:
            return _read(connection, schema, url)
    except (NoSuchModuleError, ModuleNotFoundError) as missing:
        raise Unreadable(f"There is no driver for {_shown(url)}: {missing}. Install it with pip.") from None
    except DBAPIError as problem:
        raise Unreadable(f"{_shown(url)} cannot be read: {str(problem.orig).strip()}") from None
    except SQLAlchemyError as problem:
        raise Unreadable(f"{_shown(url)} cannot be read: {problem}") from None


def _url(database: str) -> URL:
    if "://" in database:
        try:
            return make_url(database)
        except ArgumentError:
            # SQLAlchemy's message quotes the URL, which may contain a password.
            raise Unreadable(
                "--database looks like a URL, but is not a valid SQLAlchemy URL. Write it like "
                "postgresql://user@host:5432/database."
            ) from None
    if not Path(database).is_file():
        raise Unreadable(
            f"There is no file {database}. `make demo` makes demo.duckdb; for another DuckDB file, use --database."
        )
    return URL.create("duckdb", database=database)


def _shown(url: URL) -> str:
    return (url.database or "") if url.get_backend_name() == "duckdb" else url.render_as_string(hide_password=True)


def _read(connection: Connection, schema: str, url: URL) -> Marts:
    _check(connection, schema, url)
    name = connection.dialect.identifier_preparer.quote(schema)
    days = _rows(connection, DAYS.format(schema=name))
    every = _rows(connection, f"SELECT * FROM {name}.snov__campaign_performance ORDER BY emails_sent DESC, campaign")
    [people] = _rows(connection, PEOPLE.format(schema=name))
    number = connection.execute(text(f"SELECT count(*) FROM {name}.snov__person_days")).scalar_one()
    times = [row["synced_at"] for row in every if isinstance(row["synced_at"], datetime)]
    return Marts(
        campaigns=[row for row in every if not row["is_deleted"]],
        attention=_rows(connection, f"SELECT * FROM {name}.snov__attention ORDER BY urgency, problem, name"),
        deleted=[row for row in every if row["is_deleted"]],
        people={count: int(value) for count, value in people.items()} if any(people.values()) else None,
        weeks=_rows(connection, f"SELECT * FROM {name}.snov__first_contact_weeks ORDER BY week"),
        days=_without_gaps(days),
        daily=_rows(connection, DAILY.format(schema=name)),
        person_days=_rows(connection, f"SELECT * FROM {name}.snov__person_days ORDER BY person_number, date")
        if 0 < number <= MAX_PERSON_DAYS
        else None,
        weekday_hours=_rows(connection, f"SELECT * FROM {name}.snov__weekday_hours"),
        senders=_rows(connection, f"SELECT * FROM {name}.snov__sender_health ORDER BY emails_sent DESC, sender"),
        replies=_rows(
            connection,
            REPLIES.format(schema=name),
        ),
        reply_count=connection.execute(text(f"SELECT count(*) FROM {name}.snov__reply_feed")).scalar_one(),
        as_of=max(map(_utc, times), default=None) or (days[-1]["date"] if days else None),
    )


def _check(connection: Connection, schema: str, url: URL) -> None:
    """Checks that the tables exist, with the columns that the page needs. Raises Unreadable."""
    there = _columns(connection, schema)
    for table, needed in CONTRACT.items():
        if table not in there:
            raise Unreadable(
                f"{_shown(url)} has no table {schema}.{table}. The dbt models make it from the synced tables: `{DBT}`. "
                "Without synced tables, run `make demo` first."
            )
        if missing := [column for column in needed if column not in there[table]]:
            raise Unreadable(
                f"{_shown(url)}: {schema}.{table} lacks {', '.join(missing)}. It was made by other models than the "
                f"page expects; build it again: `{DBT}`."
            )


def _columns(connection: Connection, schema: str) -> dict[str, set[str]]:
    rows = connection.execute(
        text("SELECT table_name, column_name FROM information_schema.columns WHERE lower(table_schema) = :schema"),
        {"schema": schema.lower()},
    )
    there: dict[str, set[str]] = {}
    for table, column in rows:
        there.setdefault(table.lower(), set()).add(column.lower())
    return there


def _rows(connection: Connection, query: str) -> Rows:
    return [
        {column.lower(): float(value) if isinstance(value, Decimal) else value for column, value in row.items()}
        for row in connection.execute(text(query)).mappings()
    ]


def _without_gaps(days: Rows) -> Rows:
    """Every day from the first to the last; a day without rows had no e-mails."""
    if not days:
        return []
    known = {row["date"]: row for row in days}
    first, last = days[0]["date"], days[-1]["date"]
    span = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [_counted(day, known.get(day, {})) for day in span]


def _counted(day: date, row: Row) -> Row:
    # Some databases return sums as decimals.
    return {"date": day, **{name: int(row.get(name) or 0) for name in COUNTS_OF_DAYS}}


def _utc(time: datetime) -> datetime:
    """The models have times in UTC, without a zone on most databases."""
    return time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
