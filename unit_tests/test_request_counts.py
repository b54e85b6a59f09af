"""What a sync asks for: one token, one list, one request for each campaign and stream, and nothing else."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import Status, Type
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world import seeds
from source_snov.api.assumptions import BELIEVED_DAYS
from unit_tests._daily import TODAY
from unit_tests._helpers import check, records, sync

UNLIMITED = Settings(requests_per_minute=None)

TOKEN = "/v1/oauth/access_token"
CAMPAIGNS = "/v1/get-user-campaigns"
ANALYTICS = "/v2/statistics/campaign-analytics"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(seeds.sized_account(12), UNLIMITED) as running:
        yield running


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.clear()
    return server


def synced(sandbox: Sandbox, *streams: str, **overrides: Any) -> EntrypointOutput:
    output = sync(*streams, whole_config=sandbox.config(**overrides))
    assert not output.errors
    return output


def asked(sandbox: Sandbox) -> Counter[str]:
    """How often each path was asked for; analytics by campaign, because its path names none."""
    return Counter(
        f"{record.path}?{record.query['campaign_id'][0]}" if record.path == ANALYTICS else record.path
        for record in sandbox.requests
    )


def analytics(ids: list[int]) -> dict[str, int]:
    return {f"{ANALYTICS}?{campaign}": 1 for campaign in ids}


def progress(ids: list[int]) -> dict[str, int]:
    return {f"/v2/campaigns/{campaign}/progress": 1 for campaign in ids}


def spans(sandbox: Sandbox, ids: list[int]) -> Counter[str]:
    """Without the daily history, three requests about all started campaigns show whether a long period is covered."""
    first = min(sandbox.account.campaigns[one].created_at for one in ids)
    is_long = (TODAY - datetime.fromtimestamp(first, UTC).date()).days > 2 * BELIEVED_DAYS
    started = [one for one in ids if sandbox.account.campaigns[one].started_at]
    return Counter({f"{ANALYTICS}?{','.join(map(str, started))}": 3} if is_long else {})


@pytest.mark.parametrize("workers", [1, 4, 10])
@pytest.mark.parametrize("campaigns", [1, 2, 12, 60])
def test_a_sync_takes_one_token_one_list_and_two_requests_a_campaign(campaigns: int, workers: int) -> None:
    with Sandbox(seeds.sized_account(campaigns), UNLIMITED) as sandbox:
        output = synced(sandbox, num_workers=workers)

    ids = list(sandbox.account.campaigns)
    assert asked(sandbox) - spans(sandbox, ids) == {TOKEN: 1, CAMPAIGNS: 1, **analytics(ids), **progress(ids)}
    assert len(sandbox.requests) == 2 + 2 * campaigns + spans(sandbox, ids).total()
    assert len(output.records) == 3 * campaigns


@pytest.mark.parametrize("workers", [1, 4, 10])
@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (["campaigns"], {}),
        (["campaign_analytics"], analytics),
        (["campaign_progress"], progress),
        (["campaign_analytics", "campaign_progress"], lambda ids: {**analytics(ids), **progress(ids)}),
    ],
    ids=["campaigns", "analytics", "progress", "both"],
)
def test_the_list_is_read_once_whichever_streams_need_it(
    sandbox: Sandbox, streams: list[str], expected: Any, workers: int
) -> None:
    synced(sandbox, *streams, num_workers=workers)

    ids = list(sandbox.account.campaigns)
    per_campaign = expected(ids) if expected else {}
    long = spans(sandbox, ids) if "campaign_analytics" in streams else Counter[str]()
    assert asked(sandbox) == long + Counter({TOKEN: 1, CAMPAIGNS: 1, **per_campaign})


@pytest.mark.parametrize("workers", [1, 4, 10])
def test_an_account_without_campaigns_takes_two_requests(workers: int) -> None:
    with Sandbox(seeds.empty_account(), UNLIMITED) as sandbox:
        output = synced(sandbox, num_workers=workers)

    assert asked(sandbox) == {TOKEN: 1, CAMPAIGNS: 1}
    assert not output.records


def test_campaign_ids_restrict_what_is_asked_for(sandbox: Sandbox) -> None:
    chosen = [910_002, 910_007]

    output = synced(sandbox, campaign_ids=[*chosen, 999_999])

    assert asked(sandbox) == spans(sandbox, chosen) + Counter(
        {TOKEN: 1, CAMPAIGNS: 1, **analytics(chosen), **progress(chosen)}
    )
    # The list costs the same with all its rows.
    assert Counter(message.record.stream for message in output.records) == {
        "campaigns": 12,
        "campaign_analytics": 2,
        "campaign_progress": 2,
    }


def test_no_query_holds_more_than_it_must_and_one_token_serves_all(sandbox: Sandbox) -> None:
    synced(sandbox)

    parameters = {ANALYTICS: {"campaign_id", "date_from", "date_to"}}
    assert all(set(record.query) == parameters.get(record.path, set()) for record in sandbox.requests)
    first, *others = sandbox.requests
    assert (first.path, first.token) == (TOKEN, None)
    [token] = {record.token for record in others}
    assert token is not None


def test_each_sync_asks_anew(sandbox: Sandbox) -> None:
    for _ in range(2):
        synced(sandbox, "campaigns")

    assert asked(sandbox) == {TOKEN: 2, CAMPAIGNS: 2}


def test_a_check_takes_two_requests(sandbox: Sandbox, tmp_path: Path) -> None:
    output = check(tmp_path, **sandbox.config(campaign_ids=[910_001]))

    [message] = output.get_message_by_types([Type.CONNECTION_STATUS])
    assert message.connectionStatus
    assert message.connectionStatus.status == Status.SUCCEEDED
    assert asked(sandbox) == {TOKEN: 1, CAMPAIGNS: 1}


def never_started(sandbox: Sandbox, *campaigns: int) -> None:
    for campaign in campaigns:
        sandbox.account.campaigns[campaign].started_at = None
        sandbox.account.campaigns[campaign].status = "Draft"
        sandbox.account.replace_events(campaign, [])


@pytest.mark.parametrize("workers", [1, 4, 10])
def test_campaigns_that_never_started_are_asked_about_together(workers: int) -> None:
    with Sandbox(seeds.sized_account(6), UNLIMITED) as sandbox:
        apart = synced(sandbox, "campaign_analytics", num_workers=workers)
        sandbox.clear()
        never_started(sandbox, 910_002, 910_003, 910_005)
        together = synced(sandbox, "campaign_analytics", num_workers=workers)

    expected = {
        TOKEN: 1,
        CAMPAIGNS: 1,
        f"{ANALYTICS}?910002,910003,910005": 1,
        **analytics([910_001, 910_004, 910_006]),
    }
    # Until another response shows that days to come are accepted, an empty one is compared with one without them.
    doubted = Counter({f"{ANALYTICS}?910002,910003,910005": 1})
    found = asked(sandbox) - spans(sandbox, list(sandbox.account.campaigns))
    assert found - Counter(expected) <= doubted
    assert not Counter(expected) - found
    by_campaign = {record["campaign_id"]: record for record in records(together, "campaign_analytics")}
    assert sorted(by_campaign) == sorted(sandbox.account.campaigns)
    for before in records(apart, "campaign_analytics"):
        after = by_campaign[before["campaign_id"]]
        assert list(after) == list(before)
        # Each has its own period, from the day it was created.
        assert (after["date_from"], after["date_to"]) == (before["date_from"], before["date_to"])
        assert sum(after[name] for name in ("emails_sent", "total_contacted")) == (
            0
            if before["campaign_id"] in (910_002, 910_003, 910_005)
            else before["emails_sent"] + before["total_contacted"]
        )
    groups = [
        record.query for record in sandbox.requests if record.query.get("campaign_id") == ["910002,910003,910005"]
    ]
    first = min(by_campaign[one]["date_from"] for one in (910_002, 910_003, 910_005))
    assert {group["date_from"][0] for group in groups} == {first}


def test_one_that_has_figures_nevertheless_keeps_them() -> None:
    with Sandbox(seeds.sized_account(3), UNLIMITED) as sandbox:
        expected = records(synced(sandbox, "campaign_analytics"), "campaign_analytics")
        sandbox.clear()
        for campaign in sandbox.account.campaigns.values():
            campaign.started_at, campaign.status = None, "Draft"
        found = records(synced(sandbox, "campaign_analytics"), "campaign_analytics")
    for record in [*found, *expected]:
        del record["checked_at"]
    assert sorted(found, key=lambda record: record["campaign_id"]) == sorted(
        expected, key=lambda record: record["campaign_id"]
    )
    # All three together, then two of them.
    assert len(sandbox.requests) == 2 + 2 + 3


@pytest.mark.parametrize("status", [400, 404, 413, 414, 422])
def test_when_the_group_is_refused_each_is_asked_about(status: int) -> None:
    with Sandbox(seeds.sized_account(3), UNLIMITED) as sandbox:
        never_started(sandbox, *sandbox.account.campaigns)
        sandbox.add_fault(faults.answer(status, {"errors": "No"}, path=f"{ANALYTICS}.*,", times=None))
        output = synced(sandbox, "campaign_analytics")
    assert len(records(output, "campaign_analytics")) == 3
    # The group twice, since it might have been refused for the day after today, then its half with two of them.
    assert len(sandbox.requests) == 2 + 2 + 1 + 3


def test_campaign_ids_restrict_the_group_too() -> None:
    with Sandbox(seeds.sized_account(5), UNLIMITED) as sandbox:
        never_started(sandbox, *sandbox.account.campaigns)
        synced(sandbox, "campaign_analytics", campaign_ids=[910_001, 910_004])
    # Nothing shows whether the API counts days to come: an empty response is compared with one that ends today.
    assert asked(sandbox) == {TOKEN: 1, CAMPAIGNS: 1, f"{ANALYTICS}?910001,910004": 2}
