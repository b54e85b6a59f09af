"""Reports that the configuration defines: each is a stream, and its rows are the truth."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteStream
from airbyte_cdk.test import entrypoint_wrapper
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from source_snov import SourceSnov
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import Clock, check, config, connection_status, logs, records
from unit_tests._reports import started, table, truth
from unit_tests._states import earlier
from unit_tests._streams import FIRST, account, last_states, story, together

FIELDS = {
    "account": "",
    "campaign": "campaign_id",
    "sender_email": "sender_email_id",
    "sender_linkedin": "sender_linkedin_id",
    "campaign_owner": "campaign_owner",
}
PERIODS = ("day", "week", "month", "whole")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seeds.demo_account(today=TODAY), UNLIMITED) as running:
        yield running


def discover(given: dict[str, Any]) -> list[AirbyteStream]:
    output = entrypoint_wrapper.discover(SourceSnov(), given, expecting_exception=True)
    assert not output.errors, [message.trace.error.message for message in output.errors]
    assert output.catalog.catalog
    return list(output.catalog.catalog.streams)


def report(**fields: Any) -> dict[str, Any]:
    return {"name": "mine", "split_by": "account", "period": "month", **fields}


@pytest.mark.long
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("split", FIELDS)
def test_the_rows_of_each_split_and_period_are_the_truth(sandbox: Sandbox, split: str, period: str) -> None:
    owners = {"campaign_owners": sandbox.account.owners()} if split == "campaign_owner" else {}
    mine = report(split_by=split, period=period, start_date=str(ago(50)), **owners)
    output = together(sandbox, ["mine"], custom_reports=[mine])
    assert not output.errors
    assert not logs(output, "WARN")
    assert table("mine", FIELDS[split], period, output) == truth(sandbox.account, FIELDS[split], period, first=ago(50))
    sandbox.clear()
    again = together(sandbox, ["mine"], last_states(output), custom_reports=[mine])
    assert table("mine", FIELDS[split], period, output, again) == truth(
        sandbox.account, FIELDS[split], period, first=ago(50)
    )
    assert len(records(again, "mine")) <= len(records(output, "mine"))


@pytest.mark.parametrize(
    ("filters", "asked"),
    [
        ({"campaign_owners": ["mei.tan@example.org"]}, {"campaign_owner": ["mei.tan@example.org"]}),
        ({"sender_email_ids": [55001]}, {"sender_email": [55001]}),
        ({"sender_linkedin_ids": [66001, 66002]}, {"sender_linkedin": [66001, 66002]}),
        ({"campaign_ids": [910_001, 910_003]}, {"campaigns": [910_001, 910_003]}),
    ],
)
@pytest.mark.parametrize("split", ["account", "campaign"])
def test_filters_of_a_report_are_its_own(
    sandbox: Sandbox, split: str, filters: dict[str, Any], asked: dict[str, Any]
) -> None:
    reports = [report(split_by=split, period="week", **filters), report(name="all", split_by=split, period="week")]
    output = together(sandbox, ["mine", "all"], custom_reports=reports, start_date=str(ago(40)))
    assert not output.errors
    field = FIELDS[split]
    assert table("mine", field, "week", output) == truth(sandbox.account, field, "week", first=ago(40), **asked)
    assert table("all", field, "week", output) == truth(sandbox.account, field, "week", first=ago(40))


def test_discover_lists_them_with_their_schemas(sandbox: Sandbox) -> None:
    reports = [
        report(name=f"{split}_{period}", split_by=split, period=period, campaign_owners=["a@example.com"])
        for split in FIELDS
        for period in PERIODS
    ]
    found = discover(config(custom_reports=reports))
    streams = {stream.name: stream for stream in found}
    for each in reports:
        stream = streams[each["name"]]
        fields = stream.json_schema["properties"]
        keys = {name for [name] in stream.source_defined_primary_key}
        expected = {FIELDS[each["split_by"]]} - {""}
        expected |= {"day": {"date"}, "week": {"week"}, "month": {"month"}, "whole": set()}[each["period"]]
        assert keys == (expected or {"account"})
        assert keys <= fields.keys()
        assert ("date_to" in fields) == (each["period"] != "day")
        assert {"emails_sent", "total_contacted"} <= fields.keys()
        assert len(stream.supported_sync_modes) == 2


def test_records_fit_the_schemas(sandbox: Sandbox) -> None:
    reports = [
        report(
            name=f"{split}_{period}",
            split_by=split,
            period=period,
            **({"campaign_owners": sandbox.account.owners()} if split == "campaign_owner" else {}),
        )
        for split in FIELDS
        for period in PERIODS
    ]
    given = config(custom_reports=reports)
    names = [each["name"] for each in reports]
    output = together(sandbox, names, custom_reports=reports, start_date=str(ago(20)))
    schemas = {stream.name: stream.json_schema for stream in discover(given)}
    for name in names:
        validator = Draft7Validator({**schemas[name], "additionalProperties": False})
        rows = records(output, name)
        assert rows
        assert [error.message for row in rows for error in validator.iter_errors(row)] == []


@pytest.mark.parametrize(
    ("reports", "said"),
    [
        ([report(name="campaigns")], "entry 1 of custom_reports has the name campaigns, which another stream has"),
        ([report(), report()], "entry 2 of custom_reports has the name mine, which another stream has"),
        ([report(name="Mine")], "name in entry 1 of custom_reports must have the form my_report"),
        ([report(name="")], "name must be given in entry 1 of custom_reports"),
        ([report(split_by="team")], "split_by in entry 1 of custom_reports must be one of account, campaign,"),
        ([report(period="year")], "period in entry 1 of custom_reports must be one of day, week, month, whole"),
        ([report(split_by="campaign_owner")], "entry 1 of custom_reports needs campaign_owners: no endpoint lists"),
        (
            [report(split_by="sender_email", sender_linkedin_ids=[1])],
            "is split by sender_email, which sender_linkedin_ids contradicts; remove one of them",
        ),
        ([report(start_date="2026-02-30")], "the start_date of entry 1 of custom_reports is not a day of the calendar"),
        ([report(start_date="2099-01-01")], "the start_date of entry 1 of custom_reports is after the last day"),
        ([report(name="campaign_activity")], "has the name campaign_activity, which another stream has"),
        ([report(campaigns=[1])], "entry 1 of custom_reports has a field that a report does not have: its fields are"),
        (["mine"], "entry 1 of custom_reports must be an object, but is text"),
        ({"name": "mine"}, "custom_reports must be a list, but is an object"),
    ],
)
def test_what_is_wrong_with_a_report_is_said(tmp_path: Path, reports: Any, said: str) -> None:
    status, message = connection_status(check(tmp_path, custom_reports=reports))
    assert status == "FAILED"
    assert said in message


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["mine", "account", "day"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(report())), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.long
@settings(max_examples=500, deadline=None)
@given(NONSENSE)
def test_nonsense_is_refused_or_used_and_never_crashes(tmp_path_factory: pytest.TempPathFactory, given: Any) -> None:
    path = tmp_path_factory.mktemp("config") / "config.json"
    path.write_text(json.dumps(config(custom_reports=given)))
    output = entrypoint_wrapper.discover(SourceSnov(), json.loads(path.read_text()), expecting_exception=True)
    if output.errors:
        assert all("custom_reports" in message.trace.error.message for message in output.errors)
    else:
        assert output.catalog.catalog
        names = [stream.name for stream in output.catalog.catalog.streams]
        assert len(names) == len(set(names))


def test_campaigns_of_a_report_are_among_those_of_the_source(tmp_path: Path) -> None:
    wrong = check(tmp_path, campaign_ids=[1, 2], custom_reports=[report(campaign_ids=[2, 3])])
    assert "has campaign_ids that the source's own lack" in connection_status(wrong)[1]


def test_check_names_campaigns_of_reports_that_are_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    output = check(tmp_path, **sandbox.config(custom_reports=[report(campaign_ids=[910_001, 999_999])]))
    status, message = connection_status(output)
    assert status == "FAILED"
    assert "999999" in message
    assert "910001" not in message


def test_chosen_campaigns_of_which_none_is_left_never_stand_for_the_account(clock: Clock) -> None:
    with Sandbox(account(story(9, 3), story(8)), replace(UNLIMITED, unknown_ids="not_found")) as sandbox:
        sandbox.add_fault(faults.campaign_deleted(FIRST, path="statistics", times=1))
        output = together(sandbox, ["mine"], custom_reports=[report(campaign_ids=[FIRST])])
        asked = {record.query.get("campaign_id", [""])[0] for record in sandbox.requests if "statistics" in record.path}
    assert "" not in asked
    assert not records(output, "mine")
    assert output.errors


def test_a_later_start_that_is_removed_leaves_no_period_cut(sandbox: Sandbox) -> None:
    reports = [report(period="week")]
    first = together(sandbox, ["mine"], custom_reports=reports, start_date=str(ago(60)))
    cut = together(sandbox, ["mine"], last_states(first), custom_reports=reports, start_date=str(ago(3)))
    later = {name: earlier(state, 30) for name, state in last_states(cut).items()}
    again = together(sandbox, ["mine"], later, custom_reports=reports, start_date=str(ago(60)))
    assert table("mine", "", "week", first, cut, again) == truth(sandbox.account, "", "week", first=ago(60))


def test_an_earlier_end_is_read_for_the_whole_period_too(sandbox: Sandbox) -> None:
    reports = [report(period="whole")]
    first = together(sandbox, ["mine"], custom_reports=reports, start_date=str(ago(90)))
    output = together(
        sandbox, ["mine"], last_states(first), custom_reports=reports, start_date=str(ago(90)), end_date=str(ago(50))
    )
    [row] = records(output, "mine")
    assert (row["account"], row["date_from"], row["date_to"]) == ("all", str(ago(90)), str(ago(50)))


def test_what_a_report_names_and_the_account_lacks_is_named_in_a_warning(sandbox: Sandbox) -> None:
    reports = [
        report(split_by="campaign", campaign_ids=[910_001, 999_999]),
        report(name="team", split_by="campaign_owner", campaign_owners=["nobody@example.com"]),
    ]
    output = together(sandbox, ["mine", "team"], custom_reports=reports, start_date=str(ago(40)))
    assert not output.errors
    campaigns, owner = sorted(logs(output, "WARN"))
    assert campaigns.startswith("mine: the campaign_ids 999999 are not in the campaign list any more.")
    assert owner.startswith("team: Snov.io counts nothing at all for campaign owner nobody@example.com.")
    assert "Check the spelling in campaign_owners" in owner


def test_a_report_that_was_removed_is_named(sandbox: Sandbox) -> None:
    output = together(sandbox, ["campaigns", "mine"])
    assert any("There is no stream mine" in error.trace.error.message for error in output.errors)


def test_linkedin_accounts_come_from_the_configuration_where_the_api_lists_none(sandbox: Sandbox) -> None:
    stream = "linkedin_sender_analytics"
    chosen = list(sandbox.account.linkedin_senders)[:2]
    sandbox.clear()
    output = together(sandbox, [stream], sender_linkedin_ids=chosen)
    assert {row["sender_linkedin_id"] for row in records(output, stream)} == set(chosen)
    assert sandbox.count("/v2/linkedin-accounts") == 0
    assert len(started(sandbox.account)) > 1
