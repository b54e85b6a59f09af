"""Requests of each stream: each list of the account once per sync, and no unnecessary ones for its records."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from sandbox import faults
from sandbox.endpoints.sequence import sequence
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.account import Event
from sandbox.world.events import FIRST_EMAIL, REPLY
from sandbox.world.furnishing import furnish, warm_ups
from sandbox.world.people import OWNERS
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import logs, records, sync
from unit_tests._names import ANALYTICS_PATH, CAMPAIGNS_PATH, STREAMS, TOKEN_PATH
from unit_tests._streams import (
    CHILDREN,
    EVENT_LISTS,
    FIRST,
    LISTS,
    PER_CAMPAIGN,
    REPORTS,
    SECOND,
    THIRD,
    account,
    at,
    requests_by_path,
    synced,
)

STATISTICS = "/v2/warm-up/statistics/"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """Three campaigns: 32 days old with a reply, started today, and never started."""
    mails = [Event(at(day), FIRST_EMAIL, person, 55001) for person, day in enumerate([ago(31), TODAY], 1)]
    with Sandbox(
        account(
            [*mails[:1], Event(at(ago(1)), REPLY, 1, 55001)],
            mails[1:],
            [],
            started=[ago(31), TODAY, None],
            furnished=True,
        ),
        UNLIMITED,
    ) as running:
        yield running


def each(path: str, *ids: int) -> dict[str, int]:
    return {path.format(one): 1 for one in ids}


EVERY, STARTED = (FIRST, SECOND, THIRD), (FIRST, SECOND)

CONTENTS = {
    f"/v2/campaigns/{campaign.id}/steps/{step['_ref']}/content/{content['id']}": 1
    for campaign in (seeds.make_campaign(Random(number), number, OWNERS[0], TODAY, TODAY) for number in range(2))
    for step in sequence(campaign)["steps"]
    for content in step.get("content", ())
}

EXPECTED: dict[str, dict[str, int]] = {
    # 32 days take two windows.
    "campaign_recipients_activity": {
        CAMPAIGNS_PATH: 1,
        f"/v2/campaigns/{FIRST}/recipients-activity": 2,
        f"/v2/campaigns/{SECOND}/recipients-activity": 1,
    },
    # Only an empty page is the last one.
    "campaign_replies": {CAMPAIGNS_PATH: 1, **each("/v2/campaigns/{}/all-replies", *STARTED)}
    | {f"/v2/campaigns/{FIRST}/all-replies": 2},
    **{stream: {CAMPAIGNS_PATH: 1, path: len(STARTED)} for stream, path in EVENT_LISTS.items()},
    "finished_prospects": {CAMPAIGNS_PATH: 1, "/v1/prospect-finished": len(STARTED)},
    "campaign_settings": {CAMPAIGNS_PATH: 1, **each("/v2/campaigns/{}", *EVERY)},
    "campaign_step_contents": {CAMPAIGNS_PATH: 1, **each("/v2/campaigns/{}", *EVERY), **CONTENTS},
    # The lists of campaigns are read by their numbers, without the list of lists.
    "recipient_statuses": {
        CAMPAIGNS_PATH: 1,
        "/v1/prospect-list": len(EVERY),
        **each("/v2/campaigns/{}/recipient", *STARTED),
    },
    **{stream: {path: 1} for stream, path in LISTS.items()},
    # Two check whether all campaigns of a request count.
    "sender_analytics": {CAMPAIGNS_PATH: 1, LISTS["sender_email_accounts"]: 1, ANALYTICS_PATH: 2 + 4},
    # The one that starts in three days has none yet.
    "warm_up_daily_statistics": {LISTS["warm_ups"]: 1, **each(STATISTICS + "{}", 301, 302, 303, 304, 306)},
    "warm_up_provider_statistics": {LISTS["warm_ups"]: 1, **each(STATISTICS + "{}", 301, 302, 303, 304, 305, 306)},
    # All but the deleted one.
    "list_prospects": {LISTS["prospect_lists"]: 1, "/v1/prospect-list": len(EVERY) + 1},
    "pipeline_stages": {LISTS["pipelines"]: 1, **each("/v2/pipelines/{}/stages", 88, 89, 90)},
}


NOT_SHARED = (STATISTICS, "/v1/prospect-list")
"""What two streams ask, each with parameters of its own, or rarely together."""


def test_the_requests_of_each_stream_are_known() -> None:
    """Here, or in test_request_counts.py and where reports are."""
    assert {*EXPECTED} == {*STREAMS} - {*REPORTS, "campaigns", "campaign_analytics", "campaign_progress"}


@pytest.mark.parametrize("stream", EXPECTED)
def test_a_stream_makes_no_unnecessary_request(sandbox: Sandbox, stream: str) -> None:
    synced(sandbox, stream)
    assert requests_by_path(sandbox) == {TOKEN_PATH: 1, **EXPECTED[stream]}


@pytest.mark.parametrize("workers", [1, 4, 10])
@pytest.mark.parametrize(
    "wanted", [lambda name: True, lambda name: name in (*CHILDREN, *PER_CAMPAIGN)], ids=["all", "children only"]
)
def test_each_list_is_read_once_for_all_streams(sandbox: Sandbox, wanted: Callable[[str], bool], workers: int) -> None:
    streams = [stream for stream in EXPECTED if wanted(stream)]
    synced(sandbox, *streams, num_workers=workers)
    expected = Counter[str]()
    for stream in streams:
        own = Counter({path: n for path, n in EXPECTED[stream].items() if path.startswith(NOT_SHARED)})
        expected = (expected | (Counter(EXPECTED[stream]) - own)) + own
    found = Counter(requests_by_path(sandbox))
    # An empty window that ends after today may be the first one: then it is compared with one that ends today.
    assert found - expected - Counter({TOKEN_PATH: 1}) <= Counter({f"/v2/campaigns/{FIRST}/recipients-activity": 1})
    assert not expected - found


def test_a_list_of_several_pages_is_read_once_too(sandbox: Sandbox) -> None:
    before = sandbox.account.belongings.warm_ups
    sandbox.account.belongings.warm_ups = warm_ups(101, TODAY)
    try:
        output = synced(sandbox, "warm_ups", "warm_up_daily_statistics")
    finally:
        sandbox.account.belongings.warm_ups = before
    assert requests_by_path(sandbox)["/v2/warm-up"] == 2
    assert sandbox.count(STATISTICS) == 101
    assert len({row.record.data["warm_up_id"] for row in output.records if row.record.stream != "warm_ups"}) == 101


def test_campaign_ids_restrict_only_requests_about_campaigns(sandbox: Sandbox) -> None:
    synced(sandbox, *PER_CAMPAIGN, "pipeline_stages", campaign_ids=[SECOND])
    about = {
        int(part)
        for record in sandbox.requests
        for part in [*record.query.get("campaignId", []), *record.path.split("/")]
        if part.isdecimal() and len(part) == 6
    }
    assert about == {SECOND}
    pipelines, further_contents, prospect_list = 4, 3, 1
    assert len(sandbox.requests) == 2 + len(PER_CAMPAIGN) + pipelines + further_contents + prospect_list
    assert {len(record.query.get("campaignId", [""])) for record in sandbox.requests} == {1}


def test_sender_analytics_use_the_configured_campaigns_and_period(sandbox: Sandbox) -> None:
    synced(
        sandbox,
        "sender_analytics",
        campaign_ids=[FIRST, SECOND],
        sender_email_ids=[55001],
        sender_linkedin_ids=[66001],
        campaign_owners=["ana.ruiz@example.com"],
        start_date=str(ago(5)),
        end_date=str(ago(1)),
    )
    queries: list[dict[str, Any]] = [record.query for record in sandbox.requests if record.path == ANALYTICS_PATH]
    common = {
        "campaign_id": [f"{FIRST},{SECOND}"],
        "campaign_owner": ["ana.ruiz@example.com"],
        "date_from": [str(ago(5))],
        "date_to": [str(ago(1))],
    }
    of_senders = [query for query in queries if "sender_email" in query]
    assert sorted(of_senders, key=str) == [
        common | {"sender_email": [str(sender)]} for sender in (55001, 55002, 55003, 55004)
    ]
    # The others check whether the last day of a past period is included, whether all campaigns count, and whether two
    # senders with the same figures are not all of them.
    assert len(queries) - len(of_senders) <= 6 + 2 + 1
    assert all(set(query["campaign_id"][0].split(",")) <= {str(FIRST), str(SECOND)} for query in queries)


def test_sender_analytics_name_all_campaigns_that_were_started(sandbox: Sandbox) -> None:
    synced(sandbox, "sender_analytics")
    assert _named(sandbox, "sender_email") == [[f"{FIRST},{SECOND}"]] * 4


def test_configured_campaigns_that_never_started_are_named_too(sandbox: Sandbox) -> None:
    """Without their names, the figures would be those of other campaigns."""
    output = synced(sandbox, "sender_analytics", campaign_ids=[THIRD])
    # One for each sender; an empty one is compared with one that does not reach into the future.
    assert _named(sandbox) == [[str(THIRD)]] * 4 * 2
    assert {row["emails_sent"] for row in records(output, "sender_analytics")} == {0}


def test_500_campaigns_are_named_in_one_request_and_their_figures_add_up() -> None:
    made = seeds.sized_account(500)
    with Sandbox(made, UNLIMITED) as sandbox:
        output = synced(sandbox, "sender_analytics", "campaign_analytics")
        [started] = {len(names.split(",")) for [names] in _named(sandbox, "sender_email")}
    assert started == sum(campaign.started_at is not None for campaign in made.campaigns.values())
    sent = {
        stream: sum(row["emails_sent"] for row in records(output, stream))
        for stream in ("sender_analytics", "campaign_analytics")
    }
    assert sent["sender_analytics"] == sent["campaign_analytics"] > 0
    assert not logs(output, "WARN")


@pytest.mark.parametrize("reading", ["first_id_only", "several_ids_empty"])
def test_if_not_all_named_campaigns_count_none_are_named(reading: str) -> None:
    made = seeds.sized_account(20)
    for campaign in made.campaigns.values():
        # A request that names none is about these.
        campaign.status = "Active"
    figures = []
    for settings in (UNLIMITED, replace(UNLIMITED, **{reading: True})):
        with Sandbox(made, settings) as sandbox:
            output = synced(sandbox, "sender_analytics")
        rows = records(output, "sender_analytics")
        figures.append({row["sender_email_id"]: row | {"checked_at": ""} for row in rows})
    assert figures[0] == figures[1]
    [warning] = logs(output, "WARN")
    assert "at once, Snov.io leaves some out" in warning


def test_a_sender_that_the_api_refuses_is_skipped_for_few_requests() -> None:
    made = seeds.sized_account(60)
    furnish(made, 7)
    counts = []
    for refused in (False, True):
        with Sandbox(made, UNLIMITED) as sandbox:
            if refused:
                sandbox.add_fault(faults.not_found(path="sender_email=55002", times=None))
            output = synced(sandbox, "sender_analytics", num_workers=1)
            counts.append(len(sandbox.requests))
        left_out = {55002} if refused else set()
        assert {row["sender_email_id"] for row in records(output, "sender_analytics")} == {55001, 55003, 55004} | (
            {55002} - left_out
        )
    assert counts[1] <= counts[0] + 6


@pytest.mark.parametrize("stream", ["campaign_analytics", "sender_analytics", "campaign_analytics_daily"])
def test_fields_that_the_api_adds_never_replace_the_key(sandbox: Sandbox, stream: str) -> None:
    before = synced(sandbox, stream)
    added = {"campaign_id": 7, "sender_email_id": 7, "date": "2020-01-01", "date_from": "2020-01-01"}
    sandbox.add_fault(faults.extra_fields(added, path="campaign-analytics", times=None))
    output = synced(sandbox, stream)
    names = [name for name in added if name in records(before, stream)[0]]
    keys = [[[row[name] for name in names] for row in records(each, stream)] for each in (before, output)]
    assert sorted(map(str, keys[0])) == sorted(map(str, keys[1]))


def test_figures_that_ignore_the_sender_fail_the_stream() -> None:
    with Sandbox(seeds.sized_account(20), replace(UNLIMITED, senders_ignored=True)) as sandbox:
        output = sync("sender_analytics", whole_config=sandbox.config())
    text = "sender_analytics: Snov.io gives the figures of all sender accounts whichever one is asked for"
    assert any(error.trace.error.message.startswith(text) for error in output.errors)


@pytest.mark.parametrize("fault", [400, 404, 414])
def test_if_campaigns_cannot_be_named_there_is_one_warning(sandbox: Sandbox, fault: int) -> None:
    sandbox.add_fault(faults.answer(fault, {}, path=f"campaign_id={FIRST}(,|%2C)", times=None))
    output = synced(sandbox, "sender_analytics", num_workers=1)
    named = _named(sandbox)
    # Whether it is about the day after today or one of the campaigns is found out first, for all senders at once.
    assert named[:2] == [[f"{FIRST},{SECOND}"]] * 2
    assert named[2:-6] == [[str(FIRST)], [f"{FIRST},{SECOND}"], [str(FIRST)], [str(SECOND)], [f"{FIRST},{SECOND}"]]
    assert named[-6:] == [[]] * 6
    assert _named(sandbox, "sender_email") == [[]] * 4
    [warning] = logs(output, "WARN")
    assert warning.startswith("sender_analytics: one request cannot name all campaigns.")
    assert f"HTTP {fault}" in warning
    assert len(records(output, "sender_analytics")) == 4


def _named(sandbox: Sandbox, only: str = "date_from") -> list[list[str]]:
    """The campaigns in each request of analytics."""
    return [
        record.query.get("campaign_id", [])
        for record in sandbox.requests
        if record.path == ANALYTICS_PATH and only in record.query
    ]
