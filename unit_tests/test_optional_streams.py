"""Streams missing from the plan are skipped with a warning; without a core stream, the sync fails."""

import re
from collections.abc import Iterator
from random import Random

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record, StreamSlice

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, Settings
from sandbox.world import seeds
from sandbox.world.account import Account
from sandbox.world.belongings import ProspectList
from sandbox.world.furnishing import DELETED_LIST
from sandbox.world.people import OWNERS
from source_snov.api.exceptions import MAX_MISSING, MAX_REFUSED, StreamUnavailable
from source_snov.api.limits import LargeResponses
from source_snov.progress import StreamProgress
from source_snov.records.notices import Notices
from source_snov.skipping import Skipping, TrackedPartition
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import failure, logs, records, sync
from unit_tests._names import CORE, DAILY
from unit_tests._states import earlier
from unit_tests._streams import (
    CHILDREN,
    FIRST,
    LISTS,
    OPTIONAL,
    PER_CAMPAIGN,
    REPORTS,
    account,
    incremental,
    last_states,
    last_statuses,
    path_of,
    requests_by_path,
    synced,
)

FEEDS = {name: [name, *(child for child, parent in CHILDREN.items() if parent == name)] for name in LISTS}
"""The streams that need each list of the account: the list itself and its children."""

CHILD_PATHS = {name: path_of(name).replace("{}", "*") for name in CHILDREN if name != "sender_analytics"}
"""Without the one whose path core streams have too."""

OWN_PATHS = tuple(name for name in PER_CAMPAIGN if name != "campaign_step_contents")
"""Without the one that asks for the settings of campaigns first, like another."""


ASK_ALL = {"skip_quiet_campaigns": False}
"""Nothing happened in the campaigns here, and what is missing is to be met nevertheless."""


def campaigns(number: int) -> Account:
    """This many campaigns, started yesterday, without events."""
    made = account(furnished=True)
    for place in range(number):
        campaign = seeds.make_campaign(Random(place), place, OWNERS[0], ago(1), ago(1))
        campaign.recipients = (1, 2)
        made.add_campaign(campaign)
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(campaigns(MAX_MISSING + 20), UNLIMITED) as running:
        yield running


# The whole plan ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unavailable", "absent"])
def test_without_optional_resources_the_core_streams_are_read(kind: str) -> None:
    paths = frozenset(path_of(stream).replace("{}", str(FIRST)) for stream in (*PER_CAMPAIGN, *LISTS))
    made = campaigns(1)
    with Sandbox(made, Settings(requests_per_minute=None, **{kind: paths})) as sandbox:
        sandbox.add_fault(faults.answer(200, made.progress(FIRST), path="/progress$", times=None))
        streams = [*CORE, *OPTIONAL]
        output = synced(sandbox, *streams, **ASK_ALL)
    assert last_statuses(output) == dict.fromkeys(streams, "COMPLETE")
    assert {message.record.stream for message in output.records} == set(CORE)
    warnings = logs(output, "WARN")
    # Streams with requests per campaign name the campaign, which may be the only deleted one.
    skipped = [name for name in OPTIONAL if kind == "unavailable" or name not in PER_CAMPAIGN]
    assert sorted(text.split(" is skipped")[0] for text in warnings) == sorted(
        [*skipped, *(f"{name}: campaign {FIRST}" for name in OPTIONAL if name not in skipped)]
    )
    # The token, the list, one request per core stream of the campaign and per optional stream, and none for children.
    # Two more search for an active day, because none is known. The contents of steps are not known without settings,
    # and one more reads the addresses to ask about. Two compare an empty response with one that ends today.
    assert len(sandbox.requests) == 1 + 1 + 3 + 2 + len(PER_CAMPAIGN) + len(LISTS) + 2


@pytest.mark.parametrize("kind", ["unavailable", "absent"])
def test_reports_need_no_optional_resource_but_the_list_of_what_they_are_about(kind: str) -> None:
    of_senders = {"sender_analytics_daily", "linkedin_sender_analytics"}
    with Sandbox(campaigns(1), Settings(requests_per_minute=None, **{kind: frozenset(LISTS.values())})) as sandbox:
        output = synced(sandbox, *REPORTS, report_owners=["ada@example.com"])
    assert last_statuses(output) == dict.fromkeys(REPORTS, "COMPLETE")
    assert {message.record.stream for message in output.records} == set(REPORTS) - of_senders
    skipped = [text for text in logs(output, "WARN") if " is skipped" in text]
    assert {text.split(" is skipped")[0] for text in skipped} == of_senders
    assert len(skipped) == 2


# One path of the account ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "lists"), [(403, [*LISTS][:5]), (404, [*LISTS][5:])])
def test_a_list_missing_from_the_plan_skips_its_children_and_nothing_else(status: int, lists: list[str]) -> None:
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
def test_children_missing_from_the_plan_stop_after_the_first_responses(workers: int) -> None:
    lacking = frozenset(CHILD_PATHS.values())
    with Sandbox(campaigns(0), Settings(requests_per_minute=None, unavailable=lacking)) as sandbox:
        sandbox.account.belongings.lists = [ProspectList(number, "List", 1_700_000_000) for number in range(1, 31)]
        output = synced(sandbox, *LISTS, *CHILD_PATHS, num_workers=workers)
    assert {message.record.stream for message in output.records} == set(LISTS)
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(CHILD_PATHS)
    assert requests_by_path(sandbox)["/v1/prospect-list"] < MAX_REFUSED + workers
    assert set(last_statuses(output).values()) == {"COMPLETE"}


# Per campaign --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 4])
def test_a_403_stops_a_stream_after_the_first_responses(sandbox: Sandbox, workers: int) -> None:
    for path in PER_CAMPAIGN.values():
        sandbox.add_fault(faults.forbidden(path=f"{path}(\\d+$|\\?|$)", times=None))
    output = synced(sandbox, "campaigns", *PER_CAMPAIGN, num_workers=workers, **ASK_ALL)
    assert {message.record.stream for message in output.records} == {"campaigns"}
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(PER_CAMPAIGN)
    for stream in OWN_PATHS:
        assert MAX_REFUSED <= asked(sandbox, stream) < MAX_REFUSED + workers
    assert set(last_statuses(output).values()) == {"COMPLETE"}


def asked(sandbox: Sandbox, stream: str) -> int:
    """The number of requests of a stream."""
    path = re.compile(path_of(stream).replace("{}", r"\d+"))
    return sum(path.fullmatch(record.path) is not None for record in sandbox.requests)


@pytest.mark.parametrize(("workers", "under_way"), [(1, 0), (4, 8)])
def test_404_for_each_campaign_ends_a_stream_after_about_ten(sandbox: Sandbox, workers: int, under_way: int) -> None:
    for path in PER_CAMPAIGN.values():
        sandbox.add_fault(faults.not_found(path=f"{path}(\\d+$|\\?|$)", times=None))
    output = synced(sandbox, "campaigns", *PER_CAMPAIGN, num_workers=workers, **ASK_ALL)
    assert {message.record.stream for message in output.records} == {"campaigns"}
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(PER_CAMPAIGN)
    for stream in OWN_PATHS:
        assert MAX_MISSING <= asked(sandbox, stream) <= MAX_MISSING + under_way
    assert set(last_statuses(output).values()) == {"COMPLETE"}


def test_404_for_each_of_a_few_campaigns_ends_a_stream_with_one_warning(sandbox: Sandbox) -> None:
    for path in PER_CAMPAIGN.values():
        sandbox.add_fault(faults.not_found(path=f"{path}(\\d+$|\\?|$)", times=None))
    output = synced(sandbox, *PER_CAMPAIGN, campaign_ids=[FIRST, FIRST + 1, FIRST + 2], **ASK_ALL)
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(PER_CAMPAIGN)
    assert set(last_statuses(output).values()) == {"COMPLETE"}


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", PER_CAMPAIGN)
def test_a_first_campaign_that_is_forbidden_is_skipped_alone(sandbox: Sandbox, stream: str, workers: int) -> None:
    """It may be another user's, whatever the account's plan includes."""
    chosen = [FIRST, FIRST + 1, FIRST + 2]
    read = synced(sandbox, stream, campaign_ids=chosen[1:], num_workers=workers, **ASK_ALL)
    sandbox.clear()
    sandbox.add_fault(faults.forbidden(path=f"(/{FIRST}(/|$)|campaignId={FIRST}$)", times=None))
    output = synced(sandbox, stream, campaign_ids=chosen, num_workers=workers, **ASK_ALL)
    assert len(records(output, stream)) == len(records(read, stream))
    [warning] = logs(output, "WARN")
    assert warning.startswith(f"{stream}: campaign {FIRST} is skipped:")


@pytest.mark.parametrize("status", [403, 404])
def test_a_forbidden_campaign_is_skipped_once_another_was_read(sandbox: Sandbox, status: int) -> None:
    sandbox.add_fault(faults.answer(status, {}, path=rf"/v2/campaigns/({FIRST + 2}|{FIRST + 3})$", times=None))
    output = synced(sandbox, "campaign_settings", num_workers=1)
    read = {row["id"] - FIRST for row in records(output, "campaign_settings")}
    assert read == {*range(MAX_MISSING + 20)} - {2, 3}
    assert [text.split(" is skipped: ")[0] for text in logs(output, "WARN")] == [
        f"campaign_settings: campaign {FIRST + number}" for number in (2, 3)
    ]


def test_missing_and_forbidden_campaigns_do_not_add_up(sandbox: Sandbox) -> None:
    sandbox.add_fault(faults.not_found(path=rf"/v2/campaigns/({FIRST}|{FIRST + 1})$", times=None))
    sandbox.add_fault(faults.forbidden(path=f"/v2/campaigns/{FIRST + 2}$", times=None))
    output = synced(sandbox, "campaign_settings", num_workers=1)
    assert len(records(output, "campaign_settings")) == MAX_MISSING + 17
    assert len(logs(output, "WARN")) == 3


def test_the_next_sync_requests_forbidden_campaigns_again() -> None:
    """Their state stays unchanged, so no records are missed."""
    with Sandbox(campaigns(3), UNLIMITED) as sandbox:
        # The first campaign's empty window that ends tomorrow is compared with one that ends today.
        sandbox.add_fault(faults.forbidden(path="/recipients-activity", skip=2, times=None))
        output = incremental(sandbox, "campaign_recipients_activity", num_workers=1, **ASK_ALL)
        assert not output.errors
        assert len(logs(output, "WARN")) == 2
        known = last_states(output)["campaign_recipients_activity"]["campaigns"]
        assert [*known] == [str(FIRST)]


def test_404_for_one_campaign_skips_that_one(sandbox: Sandbox) -> None:
    gone = FIRST + 3
    sandbox.add_fault(faults.not_found(path=f"(/{gone}|campaignId={gone})", times=None))
    output = synced(sandbox, *PER_CAMPAIGN, campaign_ids=[FIRST, gone, FIRST + 5], **ASK_ALL)
    assert sorted(text.split(" is skipped: ")[0] for text in logs(output, "WARN")) == sorted(
        f"{stream}: campaign {gone}" for stream in PER_CAMPAIGN
    )
    assert sorted(row["id"] for row in records(output, "campaign_settings")) == [FIRST, FIRST + 5]
    for stream in OWN_PATHS:
        assert asked(sandbox, stream) >= 3


def test_many_missing_campaigns_among_others_do_not_end_a_stream(sandbox: Sandbox) -> None:
    """Once a campaign was found, the stream exists."""
    sandbox.add_fault(faults.not_found(path=r"/v2/campaigns/\d+$", skip=1, times=MAX_MISSING + 15))
    output = synced(sandbox, "campaign_settings", num_workers=1)
    assert len(records(output, "campaign_settings")) == 5
    assert len(logs(output, "WARN")) == MAX_MISSING + 15
    assert all(text.startswith("campaign_settings: campaign 9100") for text in logs(output, "WARN"))


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("stream", PER_CAMPAIGN)
def test_a_stream_is_not_given_up_because_the_list_begins_with_campaigns_that_are_gone(
    sandbox: Sandbox, stream: str, workers: int
) -> None:
    read = synced(sandbox, stream, num_workers=workers, **ASK_ALL)
    sandbox.clear()
    gone = [*range(FIRST, FIRST + MAX_MISSING + 5), FIRST + MAX_MISSING + 19]
    one_of_them = "|".join(map(str, gone))
    sandbox.add_fault(faults.not_found(path=f"(/({one_of_them})(/|$)|campaignId=({one_of_them})$)", times=None))
    output = synced(sandbox, stream, num_workers=workers, **ASK_ALL)
    warnings = logs(output, "WARN")
    assert {text.split(" is skipped: ")[0] for text in warnings} == {f"{stream}: campaign {number}" for number in gone}
    assert len(warnings) == len(gone)
    kept = [row for row in records(read, stream) if (row.get("campaign_id") or row["id"]) not in gone]
    assert len(records(output, stream)) == len(kept)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_stream_is_not_given_up_because_the_list_begins_with_campaigns_of_another_user(
    sandbox: Sandbox, workers: int
) -> None:
    """Nor because refusals come sooner than what is there."""
    others = range(FIRST, FIRST + MAX_REFUSED + 5)
    sandbox.add_fault(faults.forbidden(path=rf"/v2/campaigns/({'|'.join(map(str, others))})$", times=None))
    sandbox.add_fault(faults.delay(0.3, path=r"/v2/campaigns/\d+$", times=8))
    output = synced(sandbox, "campaign_settings", num_workers=workers)
    assert len(records(output, "campaign_settings")) == MAX_MISSING + 20 - len(others)
    assert len(logs(output, "WARN")) == len(others)


def test_nor_of_few_campaigns(sandbox: Sandbox) -> None:
    chosen = range(FIRST, FIRST + 8)
    refused = "|".join(map(str, chosen[:MAX_REFUSED]))
    sandbox.add_fault(faults.forbidden(path=rf"/v2/campaigns/({refused})$", times=None))
    output = synced(sandbox, "campaign_settings", num_workers=1, campaign_ids=[*chosen])
    assert {row["id"] for row in records(output, "campaign_settings")} == {*chosen[MAX_REFUSED:]}
    assert len(logs(output, "WARN")) == MAX_REFUSED


@pytest.mark.parametrize(
    ("stream", "status"), [("campaign_progress", 404), ("campaign_settings", 404), ("campaign_settings", 403)]
)
def test_a_stream_that_an_earlier_sync_has_read_is_neither_given_up_nor_failed(stream: str, status: int) -> None:
    """Campaigns that are gone have no state, and are asked about in each sync, also if nothing else is."""
    gone = range(FIRST, FIRST + MAX_MISSING + 5)
    changed = FIRST + MAX_MISSING + 9
    with Sandbox(campaigns(MAX_MISSING + 20), UNLIMITED) as sandbox:
        path = f"/({'|'.join(map(str, gone))})(/|$)"
        sandbox.add_fault(faults.answer(status, {}, path=path, times=None))
        state = last_states(incremental(sandbox, stream, num_workers=1))[stream]
        quiet = incremental(sandbox, stream, state, num_workers=1, refresh_after_days=30)
        sandbox.account.campaigns[changed].name = "Renamed"
        output = incremental(sandbox, stream, state, num_workers=1, refresh_after_days=30)
    assert changed in {row.get("campaign_id", row.get("id")) for row in records(output, stream)}
    for one in (quiet, output):
        assert not one.errors
        warnings = [text.split(" is skipped: ")[0] for text in logs(one, "WARN")]
        assert sorted(warnings) == [f"{stream}: campaign {number}" for number in gone]


@pytest.mark.parametrize(("status", "limit"), [(403, MAX_REFUSED), (404, MAX_MISSING)])
def test_a_stream_that_an_earlier_sync_has_read_is_given_up_if_the_plan_no_longer_includes_it(
    sandbox: Sandbox, status: int, limit: int
) -> None:
    config = {"num_workers": 1, **ASK_ALL}
    state = earlier(last_states(incremental(sandbox, "campaign_settings", **config))["campaign_settings"], 1)
    sandbox.clear()
    sandbox.add_fault(faults.answer(status, {}, path=r"/v2/campaigns/\d+$", times=None))
    output = incremental(sandbox, "campaign_settings", state, **config)
    assert not output.errors
    assert records(output, "campaign_settings") == []
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaign_settings is skipped: ")
    assert f"So it is with each of the {limit} campaigns asked about." in warning
    assert asked(sandbox, "campaign_settings") == limit


# Core streams --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "failed"),
    [(403, "config_error", CORE[1:]), (404, "system_error", ("campaign_analytics", "campaign_progress"))],
)
def test_the_core_streams_fail_instead_of_being_skipped(
    sandbox: Sandbox, status: int, kind: str, failed: tuple[str, ...]
) -> None:
    others = ("campaigns", "campaign_settings", "sender_email_accounts", "sender_analytics", "webhooks")
    sandbox.add_fault(faults.answer(status, {}, path="(campaign-analytics|/progress)", times=None))
    output = sync(*failed, *others, whole_config=sandbox.config())
    assert {failure(output, stream).failure_type.value for stream in failed} == {kind}
    assert last_statuses(output) == dict.fromkeys(failed, "INCOMPLETE") | dict.fromkeys(others, "COMPLETE")
    # It shares a core path, but is optional.
    assert any(text.startswith("sender_analytics") for text in logs(output, "WARN"))
    assert records(output, "sender_analytics") == []
    assert len(records(output, "campaign_settings")) == MAX_MISSING + 20


@pytest.mark.parametrize("status", [403, 404])
def test_without_the_campaign_list_its_streams_fail(sandbox: Sandbox, status: int) -> None:
    sandbox.add_fault(faults.answer(status, {}, path="get-user-campaigns", times=None))
    streams = ("campaigns", DAILY, "emails_sent", "campaign_settings", "pipelines")
    output = sync(*streams, whole_config=sandbox.config())
    assert last_statuses(output) == dict.fromkeys(streams, "INCOMPLETE") | {"pipelines": "COMPLETE"}
    assert requests_by_path(sandbox)["/v1/get-user-campaigns"] == 1


# Single lists --------------------------------------------------------------------------------------------------------


def test_deleted_lists_are_not_requested_and_a_refused_one_is_skipped(sandbox: Sandbox) -> None:
    sandbox.add_fault(faults.answer(400, {"success": False}, path="prospect-list", skip=1, times=1))
    output = synced(sandbox, "prospect_lists", "list_prospects", num_workers=1)
    lists = {row["id"]: row["is_deleted"] for row in records(output, "prospect_lists")}
    assert [number for number, deleted in lists.items() if deleted] == [DELETED_LIST]
    assert requests_by_path(sandbox)["/v1/prospect-list"] == len(lists) - 1
    [warning] = logs(output, "WARN")
    read = {row["list_id"] for row in records(output, "list_prospects")}
    [refused] = {number for number, deleted in lists.items() if not deleted} - read
    assert warning.startswith(f"list_prospects: list {refused} is skipped")


def test_an_account_without_anything_has_no_records_and_no_warning() -> None:
    with Sandbox(seeds.empty_account(TODAY), UNLIMITED) as sandbox:
        sandbox.account.email_senders = sandbox.account.linkedin_senders = {}
        output = synced(sandbox, *OPTIONAL)
    assert {message.record.stream for message in output.records} == {"account_balance"}
    assert logs(output, "WARN") == []
    assert len(sandbox.requests) == 1 + 1 + len(LISTS)


class OfCampaign(Partition):
    """A campaign's part of a stream, with these records or this failure."""

    def __init__(self, campaign: int, *records: Record, failure: Exception | None = None) -> None:
        self._slice = StreamSlice(partition={"campaign_id": campaign}, cursor_slice={})
        self._records, self._failure = records, failure

    def read(self) -> Iterator[Record]:
        yield from self._records
        if self._failure:
            raise self._failure

    def to_slice(self) -> StreamSlice:
        return self._slice

    def stream_name(self) -> str:
        return "campaign_replies"

    def __hash__(self) -> int:
        return hash(self._slice["campaign_id"])


def test_a_403_while_another_campaign_is_being_read_does_not_give_the_stream_up() -> None:
    """Both threads' steps in one, in the order that lost the rest of the stream: nothing else makes it certain."""
    progress = StreamProgress("campaign_replies", "campaign_id", "campaigns", one_row_each=False)
    skipping = Skipping(progress, Notices())
    record = Record(data={}, stream_name="campaign_replies")
    refusal = StreamUnavailable(message="No.", internal_message="No.", failure_type=FailureType.config_error)

    def tracked(partition: Partition) -> TrackedPartition:
        return TrackedPartition(partition, skipping, progress, LargeResponses(), made_here=lambda: 0)

    being_read = iter(tracked(OfCampaign(FIRST, record, record)).read())
    assert next(being_read) is record
    assert not list(tracked(OfCampaign(FIRST + 1, failure=refusal)).read())
    assert not skipping.ended
    assert list(being_read) == [record]
