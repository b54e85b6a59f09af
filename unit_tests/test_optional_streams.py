"""Streams that a plan may not include are skipped with a warning; without the core streams, a sync fails."""

from collections.abc import Iterator
from random import Random

import pytest

from sandbox import faults, seeds
from sandbox.account import Account
from sandbox.belongings import ProspectList
from sandbox.furnishing import DELETED_LIST
from sandbox.people import OWNERS
from sandbox.running import Sandbox
from sandbox.settings import Settings
from source_snov.progress import MOST_SKIPPED
from unit_tests._daily import DAILY, TODAY, ago
from unit_tests._helpers import failure, logs, records, sync
from unit_tests._streams import (
    CHILDREN,
    CORE,
    FIRST,
    LISTS,
    OPTIONAL,
    PER_CAMPAIGN,
    UNLIMITED,
    account,
    asked,
    incremental,
    last_states,
    last_statuses,
    synced,
)

FEEDS = {name: [name, *(child for child, parent in CHILDREN.items() if parent == name)] for name in LISTS}
"""What cannot be read without each list of the account: itself, and its children."""

CHILD_PATHS = {
    "warm_up_daily_statistics": "/v2/warm-up/statistics",
    "list_prospects": "/v1/prospect-list",
    "pipeline_stages": "/v2/pipelines/*/stages",
}


def campaigns(number: int) -> Account:
    """So many campaigns, started yesterday, in which nothing happened."""
    made = account(furnished=True)
    for place in range(number):
        campaign = seeds.make_campaign(Random(place), place, OWNERS[0], ago(1), ago(1))
        campaign.recipients = (1, 2)
        made.add_campaign(campaign)
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(campaigns(MOST_SKIPPED + 20), UNLIMITED) as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.clear()
    return server


# The whole plan ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unavailable", "absent"])
def test_without_anything_optional_the_core_streams_are_read(kind: str) -> None:
    paths = frozenset(
        {
            *("/v1/emails-sent", "/v1/get-emails", "/v1/prospect", "/v1/get-user-lists", "/v1/get-balance"),
            *(
                "/v2/campaigns/schedules",
                "/v2/sender",
                "/v2/warm-up",
                "/v2/blacklists",
                "/v2/pipelines",
                "/v2/webhooks",
            ),
            *("/v2/campaigns/*/recipients", "/v2/campaigns/*/all-replies", f"/v2/campaigns/{FIRST}"),
        }
    )
    made = campaigns(1)
    with Sandbox(made, Settings(requests_per_minute=None, **{kind: paths})) as sandbox:
        sandbox.add_fault(faults.answer(200, made.progress(FIRST), path="/progress$", times=None))
        output = synced(sandbox, *CORE, *OPTIONAL)
    assert last_statuses(output) == dict.fromkeys((*CORE, *OPTIONAL), "COMPLETE")
    assert {message.record.stream for message in output.records} == set(CORE)
    warnings = logs(output, "WARN")
    # What asks about a campaign says so of the campaign: it may be the only one that is gone.
    skipped = [name for name in OPTIONAL if kind == "unavailable" or name not in PER_CAMPAIGN]
    assert sorted(text.split(" is skipped")[0] for text in warnings) == sorted(
        [*skipped, *(f"{name}: campaign {FIRST}" for name in OPTIONAL if name not in skipped)]
    )
    # A token, the list, one request for each core stream of the campaign and for each optional one; none for children.
    assert len(sandbox.requests) == 1 + 1 + 3 + len(PER_CAMPAIGN) + len(LISTS)


# One path of the account ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "lists"), [(403, [*LISTS][:5]), (404, [*LISTS][5:])])
def test_a_list_that_the_plan_lacks_takes_its_children_along_and_nothing_else(status: int, lists: list[str]) -> None:
    lacking = frozenset({LISTS[name] for name in lists})
    kind = {403: "unavailable", 404: "absent"}[status]
    with Sandbox(campaigns(1), Settings(requests_per_minute=None, **{kind: lacking})) as sandbox:
        output = synced(sandbox, *LISTS, *CHILDREN)
    gone = {stream for name in lists for stream in FEEDS[name]}
    assert {message.record.stream for message in output.records} == {*LISTS, *CHILDREN} - gone
    assert {text.split(" is skipped: ")[0] for text in logs(output, "WARN")} == gone
    assert len(logs(output, "WARN")) == len(gone)
    assert all(f"HTTP {status}" in text for text in logs(output, "WARN"))
    assert set(last_statuses(output).values()) == {"COMPLETE"}


@pytest.mark.parametrize("workers", [1, 4])
def test_children_that_the_plan_lacks_stop_after_the_first_answers(workers: int) -> None:
    lacking = frozenset(CHILD_PATHS.values())
    with Sandbox(campaigns(0), Settings(requests_per_minute=None, unavailable=lacking)) as sandbox:
        sandbox.account.belongings.lists = [ProspectList(number, "List", 1_700_000_000) for number in range(1, 31)]
        output = synced(sandbox, *LISTS, *CHILD_PATHS, num_workers=workers)
    assert {message.record.stream for message in output.records} == set(LISTS)
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(CHILD_PATHS)
    assert asked(sandbox)["/v1/prospect-list"] <= workers
    assert set(last_statuses(output).values()) == {"COMPLETE"}


# Per campaign --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 4])
def test_a_403_stops_a_stream_after_the_first_answers(sandbox: Sandbox, workers: int) -> None:
    for path in PER_CAMPAIGN.values():
        sandbox.add_fault(faults.forbidden(path=f"{path}(\\d+$|\\?|$)", times=None))
    output = synced(sandbox, "campaigns", *PER_CAMPAIGN, num_workers=workers)
    assert {message.record.stream for message in output.records} == {"campaigns"}
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(PER_CAMPAIGN)
    for path in PER_CAMPAIGN.values():
        assert 1 <= sandbox.count(path) - (path == PER_CAMPAIGN["campaign_settings"]) * _others(sandbox) <= workers
    assert set(last_statuses(output).values()) == {"COMPLETE"}


def _others(sandbox: Sandbox) -> int:
    """Requests about a campaign whose paths begin like those for its settings."""
    return sandbox.count("/recipients-activity") + sandbox.count("/all-replies")


@pytest.mark.parametrize(("workers", "under_way"), [(1, 0), (4, 8)])
def test_404_for_each_campaign_ends_a_stream_after_about_ten(sandbox: Sandbox, workers: int, under_way: int) -> None:
    for path in PER_CAMPAIGN.values():
        sandbox.add_fault(faults.not_found(path=f"{path}(\\d+$|\\?|$)", times=None))
    output = synced(sandbox, "campaigns", *PER_CAMPAIGN, num_workers=workers)
    assert {message.record.stream for message in output.records} == {"campaigns"}
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(PER_CAMPAIGN)
    for path in PER_CAMPAIGN.values():
        number = sandbox.count(path) - (path == PER_CAMPAIGN["campaign_settings"]) * _others(sandbox)
        assert MOST_SKIPPED <= number <= MOST_SKIPPED + under_way
    assert set(last_statuses(output).values()) == {"COMPLETE"}


def test_404_for_each_of_a_few_campaigns_ends_a_stream_with_one_warning(sandbox: Sandbox) -> None:
    for path in PER_CAMPAIGN.values():
        sandbox.add_fault(faults.not_found(path=f"{path}(\\d+$|\\?|$)", times=None))
    output = synced(sandbox, *PER_CAMPAIGN, campaign_ids=[FIRST, FIRST + 1, FIRST + 2])
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(PER_CAMPAIGN)
    assert set(last_statuses(output).values()) == {"COMPLETE"}


@pytest.mark.parametrize("status", [403, 404])
def test_a_campaign_that_may_not_be_read_is_skipped_once_another_one_was(sandbox: Sandbox, status: int) -> None:
    sandbox.add_fault(faults.answer(status, {}, path=r"/v2/campaigns/\d+$", skip=2, times=2))
    output = synced(sandbox, "campaign_settings", num_workers=1)
    assert [row["id"] - FIRST for row in records(output, "campaign_settings")] == [0, 1, *range(4, MOST_SKIPPED + 20)]
    assert [text.split(" is skipped: ")[0] for text in logs(output, "WARN")] == [
        f"campaign_settings: campaign {FIRST + number}" for number in (2, 3)
    ]


def test_campaigns_that_may_not_be_read_are_asked_about_again_by_the_next_sync() -> None:
    """Their state is left as it was, and no records are missed."""
    with Sandbox(campaigns(3), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.forbidden(path="/recipients-activity", skip=1, times=None))
        output = incremental(sandbox, "campaign_recipients_activity", num_workers=1)
        assert not output.errors
        assert len(logs(output, "WARN")) == 2
        known = last_states(output)["campaign_recipients_activity"]["campaigns"]
        assert [*known] == [str(FIRST)]


def test_404_for_one_campaign_skips_that_one(sandbox: Sandbox) -> None:
    gone = FIRST + 3
    sandbox.add_fault(faults.not_found(path=f"(/{gone}|campaignId={gone})", times=None))
    output = synced(sandbox, *PER_CAMPAIGN, campaign_ids=[FIRST, gone, FIRST + 5])
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(
        f"{stream}: campaign {gone}" for stream in PER_CAMPAIGN
    )
    assert sorted(row["id"] for row in records(output, "campaign_settings")) == [FIRST, FIRST + 5]
    for stream in PER_CAMPAIGN.values():
        assert sandbox.count(stream) >= 3


def test_many_missing_campaigns_among_others_do_not_end_a_stream(sandbox: Sandbox) -> None:
    """Once one was there, so is the stream."""
    sandbox.add_fault(faults.not_found(path=r"/v2/campaigns/\d+$", skip=1, times=MOST_SKIPPED + 15))
    output = synced(sandbox, "campaign_settings", num_workers=1)
    assert len(records(output, "campaign_settings")) == 5
    assert len(logs(output, "WARN")) == MOST_SKIPPED + 15
    assert all(text.startswith("campaign_settings: campaign 9100") for text in logs(output, "WARN"))


# Core streams --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "failed"),
    [(403, "config_error", CORE[1:]), (404, "system_error", ("campaign_analytics", "campaign_progress"))],
)
def test_the_core_streams_fail_all_the_same(sandbox: Sandbox, status: int, kind: str, failed: tuple[str, ...]) -> None:
    others = ("campaigns", "campaign_settings", "sender_email_accounts", "sender_analytics", "webhooks")
    sandbox.add_fault(faults.answer(status, {}, path="(campaign-analytics|/progress)", times=None))
    output = sync(*failed, *others, whole_config=sandbox.config())
    assert {failure(output, stream).failure_type.value for stream in failed} == {kind}
    assert last_statuses(output) == dict.fromkeys(failed, "INCOMPLETE") | dict.fromkeys(others, "COMPLETE")
    # Its path is a core one, but nobody depends on it.
    assert any(text.startswith("sender_analytics") for text in logs(output, "WARN"))
    assert records(output, "sender_analytics") == []
    assert len(records(output, "campaign_settings")) == MOST_SKIPPED + 20


@pytest.mark.parametrize("status", [403, 404])
def test_without_the_campaign_list_whatever_needs_it_fails(sandbox: Sandbox, status: int) -> None:
    sandbox.add_fault(faults.answer(status, {}, path="get-user-campaigns", times=None))
    streams = ("campaigns", DAILY, "emails_sent", "campaign_settings", "pipelines")
    output = sync(*streams, whole_config=sandbox.config())
    assert last_statuses(output) == dict.fromkeys(streams, "INCOMPLETE") | {"pipelines": "COMPLETE"}
    assert asked(sandbox)["/v1/get-user-campaigns"] == 1


# Single lists --------------------------------------------------------------------------------------------------------


def test_deleted_lists_are_not_asked_for_and_one_that_is_refused_is_skipped(sandbox: Sandbox) -> None:
    first, second, third = (campaign.list_id for campaign in [*sandbox.account.campaigns.values()][:3])
    sandbox.add_fault(faults.answer(400, {"success": False}, path="prospect-list", skip=1, times=1))
    output = synced(sandbox, "prospect_lists", "list_prospects", num_workers=1)
    lists = {row["id"]: row["is_deleted"] for row in records(output, "prospect_lists")}
    assert [number for number, deleted in lists.items() if deleted] == [DELETED_LIST]
    assert asked(sandbox)["/v1/prospect-list"] == len(lists) - 1
    [warning] = logs(output, "WARN")
    assert warning.startswith(f"list_prospects: list {second} is skipped")
    read = {row["list_id"] for row in records(output, "list_prospects")}
    assert {first, third} < read
    assert second not in read


def test_an_account_without_anything_has_no_records_and_no_warning() -> None:
    with Sandbox(seeds.empty_account(TODAY), UNLIMITED) as sandbox:
        sandbox.account.email_senders = {}
        output = synced(sandbox, *OPTIONAL)
    assert {message.record.stream for message in output.records} == {"account_balance"}
    assert logs(output, "WARN") == []
    assert len(sandbox.requests) == 1 + 1 + len(LISTS)
