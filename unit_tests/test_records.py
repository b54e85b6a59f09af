"""Records: periods, types, unknown and missing fields, keys. Those of all other streams: test_streams.py."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from sandbox.running import Sandbox
from sandbox.settings import Settings
from unit_tests._helpers import ANALYTICS, API, CAMPAIGN, PROGRESS, STREAMS, Api, logs, records, sync

SCHEMAS = Path(__file__).parent.parent / "schemas"


def strict(stream: str) -> Draft7Validator:
    """The stream's schema with unknown fields forbidden, formats checked."""
    schema = json.loads((SCHEMAS / f"{stream}.json").read_text()) | {"additionalProperties": False}
    return Draft7Validator(schema, format_checker=FormatChecker())


def test_a_date_time_is_among_the_formats_that_are_checked() -> None:
    """jsonschema passes over a format whose package is not installed."""
    assert not FormatChecker().conforms("yesterday", "date-time")


def test_every_record_with_one_per_campaign_fits_its_schema_and_equals_the_accounts_truth() -> None:
    with Sandbox(settings=Settings(requests_per_minute=None)) as sandbox:
        output = sync(whole_config=sandbox.config())
        assert not output.errors
        rows = {row["id"]: row for row in sandbox.account.campaign_rows()}
        for stream in STREAMS:
            key = "id" if stream == "campaigns" else "campaign_id"
            found = records(output, stream)
            assert sorted(record[key] for record in found) == sorted(rows)
            for record in found:
                strict(stream).validate(record)
        today = max(record["date_to"] for record in records(output, "campaign_analytics"))
        for record in records(output, "campaign_analytics"):
            created = _day(rows[record["campaign_id"]]["created_at"])
            assert (record.pop("date_from"), record.pop("date_to")) == (created, today)
            truth = sandbox.account.analytics([record.pop("campaign_id")], _date(created), _date(today))
            assert record == {name: _plain(value) for name, value in truth.items()}
        for record in records(output, "campaign_progress"):
            truth = sandbox.account.progress(record["campaign_id"])
            assert {name: record[name] for name in truth} == {name: _plain(value) for name, value in truth.items()}


def _day(unix: int) -> str:
    return datetime.fromtimestamp(unix, timezone.utc).date().isoformat()


def _date(day: str) -> Any:
    return datetime.fromisoformat(day).date()


def _plain(value: Any) -> Any:
    return int(value.rstrip("%")) if isinstance(value, str) and value.endswith("%") else value


def test_a_campaign_keeps_the_apis_names_and_gets_its_times_in_utc(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    assert records(sync("campaigns"), "campaigns") == [
        CAMPAIGN
        | {
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-02T00:00:00Z",
            "started_at": "2026-01-01T01:00:00Z",
        }
    ]


@pytest.mark.parametrize(
    "value",
    [
        1767229200,
        "1767229200",
        {"date": "2026-01-01 01:00:00.000000", "timezone_type": 3, "timezone": "UTC"},
        "2026-01-01 01:00:00",
        "2026-01-01T01:00:00Z",
        "2026-01-01T03:00:00+02:00",
    ],
)
def test_a_time_may_arrive_in_any_of_the_apis_forms(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN | {"started_at": value})
    assert records(sync("campaigns"), "campaigns")[0]["started_at"] == "2026-01-01T01:00:00Z"


@pytest.mark.parametrize(
    ("value", "percent"), [("61%", 61), ("61", 61), (61, 61), (61.0, 61), ("61.5%", 61.5), ("0%", 0)]
)
def test_a_percentage_is_a_number(api: Api, value: Any, percent: float) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"json": PROGRESS | {"progress": value}})
    [record] = records(sync("campaign_progress"), "campaign_progress")
    assert record["progress"] == percent
    assert not isinstance(record["progress"], str)


@pytest.mark.parametrize("value", [31, "31", 31.0])
def test_a_count_is_an_integer(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN)
    api.analytics(
        "campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01", {"json": ANALYTICS | {"delivered": value}}
    )
    [record] = records(sync("campaign_analytics"), "campaign_analytics")
    assert record["delivered"] == 31
    assert isinstance(record["delivered"], int)


@pytest.mark.parametrize("value", ["n/a", "1,5", "31%", 31.5, True, [31], {"n": 31}, "NaN", "1e3", 2**63, "9" * 400])
def test_a_value_that_cannot_be_read_is_left_out_with_one_warning(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN)
    api.analytics(
        "campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01", {"json": ANALYTICS | {"bounced": value}}
    )
    output = sync("campaign_analytics")
    [record] = records(output, "campaign_analytics")
    assert "bounced" not in record
    assert record["emails_sent"] == 31
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaign_analytics: bounced of campaign 910001 is ")


def test_nulls_and_missing_fields_are_absent_and_unknown_ones_pass_through(api: Api) -> None:
    api.campaigns(CAMPAIGN | {"started_at": None, "owner": {"name": "Ada"}})
    api.progress(910001, {"json": {"progress": None, "unfinished": 3, "new_field": ["x", 1]}})
    output = sync("campaigns", "campaign_progress")
    [campaign] = records(output, "campaigns")
    assert "started_at" not in campaign
    assert campaign["owner"] == {"name": "Ada"}
    [progress] = records(output, "campaign_progress")
    assert set(progress) == {"campaign_id", "unfinished", "checked_at", "new_field"}
    assert progress["new_field"] == ["x", 1]
    assert not logs(output, "WARN")


@pytest.mark.parametrize(
    ("overrides", "created", "period"),
    [
        ({}, 1767225600, ("2026-01-01", "2026-02-01")),
        ({"start_date": "2025-06-01"}, 1767225600, ("2025-06-01", "2026-02-01")),
        ({"start_date": "2026-01-15"}, 1767225600, ("2026-01-15", "2026-02-01")),
        ({"end_date": "2025-12-01"}, 1767225600, ("2025-12-01", "2025-12-01")),
        ({}, None, ("2000-01-01", "2026-02-01")),
    ],
    ids=[
        "created to end",
        "start before creation",
        "start after creation",
        "created after the end",
        "unknown creation",
    ],
)
def test_the_period_asked_for_is_the_one_in_the_record(
    api: Api, overrides: dict[str, Any], created: Any, period: tuple[str, str]
) -> None:
    api.campaigns(CAMPAIGN | {"created_at": created})
    api.analytics(f"campaign_id=910001&date_from={period[0]}&date_to={period[1]}")
    [record] = records(sync("campaign_analytics", **overrides), "campaign_analytics")
    assert (record["date_from"], record["date_to"]) == period
    assert list(record)[:4] == ["campaign_id", "date_from", "date_to", "emails_sent"]


def test_a_campaign_that_is_listed_twice_is_asked_about_once(api: Api) -> None:
    api.campaigns(CAMPAIGN, CAMPAIGN)
    api.progress(910001)
    assert len(records(sync("campaign_progress"), "campaign_progress")) == 1
    assert api.count("progress") == 1


def test_the_snapshot_says_when_it_was_taken(api: Api) -> None:
    api.one_campaign()
    before = datetime.now(timezone.utc).replace(microsecond=0)
    [record] = records(sync("campaign_progress"), "campaign_progress")
    assert before <= datetime.fromisoformat(record["checked_at"]) <= datetime.now(timezone.utc)


def test_an_id_as_text_becomes_a_number_everywhere(api: Api) -> None:
    api.campaigns(CAMPAIGN | {"id": "910001"})
    api.progress(910001)
    output = sync("campaigns", "campaign_progress")
    assert records(output, "campaigns")[0]["id"] == 910001
    assert records(output, "campaign_progress")[0]["campaign_id"] == 910001


@pytest.mark.parametrize(
    ("links", "emitted"),
    [
        ("https://example.com/in", ["https://example.com/in"]),
        ({"site": "example.com"}, [{"site": "example.com"}]),
        (["a", {"b": 1}], ["a", {"b": 1}]),
        ([], []),
    ],
)
def test_links_of_whatever_form_are_a_list(api: Api, links: Any, emitted: list[Any]) -> None:
    api.campaigns(CAMPAIGN)
    row = {"id": "a" * 32, "visitedAt": "2026-01-05 09:00:00", "links": links}
    api.mocker.get(f"{API}/v1/get-emails-opened", json=[row])
    output = sync("email_opens", end_date="2026-01-31")
    assert [record["links"] for record in records(output, "email_opens")] == [emitted]
    assert not logs(output, "WARN")
