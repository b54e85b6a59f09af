"""Everything but events: campaign setup, senders, warm-ups, lists, fields, pipelines, webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.tests._client import TODAY, Client
from sandbox.world import seeds
from sandbox.world.account import Account
from sandbox.world.belongings import Belongings, ProspectList, WarmUp
from sandbox.world.furnishing import DELETED_LIST, EMPTY_LIST, warm_ups
from unit_tests._names import CAMPAIGNS_PATH

LISTS, PROSPECTS, FIELDS = "/v1/get-user-lists", "/v1/prospect-list", "/v1/prospect-custom-fields"
SENDERS, WARM_UP, STATISTICS = "/v2/sender-accounts/emails", "/v2/warm-up", "/v2/warm-up/statistics"
SCHEDULES, BLACKLISTS, PIPELINES = "/v2/campaigns/schedules", "/v2/blacklists", "/v2/pipelines"
WEBHOOKS, STAGES = "/v2/webhooks", "/v2/pipelines/88/stages"
WITHOUT_PARAMETERS = [LISTS, FIELDS, SENDERS, WARM_UP, SCHEDULES, BLACKLISTS, PIPELINES, STAGES, WEBHOOKS]
PHP_DATE = {"timezone_type": 3, "timezone": "UTC"}


@pytest.fixture
def bare() -> Iterator[Client]:
    with Sandbox(seeds.empty_account(TODAY), UNLIMITED) as sandbox:
        yield Client(sandbox).log_in()


# Access


@pytest.mark.parametrize("path", [*WITHOUT_PARAMETERS, "/v2/campaigns/910001"])
def test_a_token_is_needed(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200
    assert requests.get(client.sandbox.url + path, timeout=5).status_code == 401
    assert requests.post(client.sandbox.url + PROSPECTS, timeout=5).status_code == 401
    assert client.get(PROSPECTS).status_code == 405


def test_a_plan_may_lack_paths() -> None:
    lacking = frozenset({"/v2/warm-up", "/v2/campaigns/*/all-replies", PROSPECTS})
    with Sandbox(seeds.sized_account(1, today=TODAY), replace(UNLIMITED, unavailable=lacking)) as sandbox:
        client = Client(sandbox).log_in()
        for path in ("/v2/warm-up", "/v2/warm-up/statistics/1", "/v2/campaigns/910001/all-replies"):
            response = client.get(path)
            assert (response.status_code, response.json()["errors"]["code"]) == (403, 403), path
        assert client.post(PROSPECTS, listId=1).status_code == 403
        assert client.get("/v2/campaigns/910001").status_code == 200
        sandbox.expire_tokens()
        assert client.get("/v2/warm-up").status_code == 401


def test_paths_may_be_absent() -> None:
    with Sandbox(seeds.empty_account(TODAY), replace(UNLIMITED, absent=frozenset({"/v2/w"}))) as sandbox:
        client = Client(sandbox).log_in()
        for path in (WARM_UP, WEBHOOKS, "/v2/nothing"):
            response = client.get(path)
            title = "Resource not found"
            assert (response.status_code, response.json()) == (
                404,
                {"errors": {"code": 404, "title": title, "source": ""}},
            )
        assert client.get(CAMPAIGNS_PATH).json() == client.get(LISTS).json() == []


# Campaigns


def test_campaign_info(client: Client, account: Account) -> None:
    body = client.get("/v2/campaigns/910003").json()
    assert list(body) == ["success", "data"]
    info = body["data"]
    assert list(info) == [
        *("id", "status", "title", "email_accounts", "linkedin_accounts", "priority", "tracking", "sending_settings"),
        *("recipients", "schedule_id", "start_campaign_at", "complete_campaign_at", "timezone"),
        *("complete_campaign_after_last_step", "archive_in_months", "provider_matching", "sequence"),
    ]
    assert len(info["sending_settings"]) == 12
    assert (info["status"], info["title"]) == ("active", "Nordic SaaS founders")
    assert info["recipients"] == {"list_id": account.campaigns[910_003].list_id, "black_list_id": 12}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:00", info["start_campaign_at"])


def test_sequences_are_linked(client: Client, account: Account) -> None:
    types, values = set(), set()
    for campaign in account.campaigns.values():
        sequence = client.get(f"/v2/campaigns/{campaign.id}").json()["data"]["sequence"]
        steps = {step["_ref"]: step for step in sequence["steps"]}
        if not steps:
            assert (sequence["entry"], campaign.status) == (None, "Draft")
            continue
        reached, waiting = set(), [sequence["entry"]]
        while waiting:
            ref = waiting.pop()
            reached.add(ref)
            waiting += [steps[ref][way] for way in ("next", "yes", "no") if way in steps[ref]]
        assert reached == set(steps)
        types |= {step["type"] for step in steps.values()}
        values |= {type(step["value"]) for step in steps.values() if "value" in step}
        content = [one for step in steps.values() for one in step.get("content", [])]
        assert all(one["id"] > 2**32 and one["usage"] in ("active", "pause") for one in content)
    assert types == {"email", "delay", "trigger", "goal", "linkedin"}
    assert values == {int, list}


def test_statuses_are_spelled_differently_here(client: Client, account: Account) -> None:
    found = {}
    for campaign in account.campaigns.values():
        info = client.get(f"/v2/campaigns/{campaign.id}").json()["data"]
        found[campaign.status] = info["status"]
        assert (info["start_campaign_at"] is None) == (campaign.status == "Draft")
        assert ("deals" in info) == (campaign.id % 7 == 0)
    assert found == {
        "Draft": "new",
        "Active": "active",
        "Active (On hold)": "active",
        "Automatically paused": "paused",
        "Paused": "paused",
        "Scheduled": "scheduled",
        "Completed": "completed",
        "Archived": "archived",
    }


def test_schedules(client: Client) -> None:
    first, second = client.get(SCHEDULES).json()["data"]
    assert (first["id"], first["name"], first["timezone"]) == (7, "Weekdays CET", "Europe/Berlin")
    assert first["days"][0] == {"day": "monday", "enabled": True, "start_time": "08:30", "end_time": "17:30"}
    assert [day["enabled"] for day in first["days"]] == [True] * 5 + [False] * 2
    assert [day["enabled"] for day in second["days"]] == [True] * 7


# Senders and warm-ups


def test_senders(client: Client) -> None:
    rows = client.get(SENDERS).json()["data"]
    assert rows[0] == {
        "id": 55001,
        "sender_name": "Ana Ruiz",
        "email_from": "ana@outreach.example.com",
        "valid": True,
        "suspended": False,
        "limitation": 40,
        "provider": "gmail-smtp",
        "tags": ["EU"],
        "imap": {"username": "ana@outreach.example.com", "valid": True},
    }
    assert [row["imap"] == [] for row in rows] == [False, False, True, False]


def test_warm_ups(client: Client) -> None:
    body = client.get(WARM_UP).json()
    assert list(body) == ["data", "success", "meta"]
    assert body["meta"] == {"total_items": 6, "page": 1, "per_page": 20, "total_pages": 1}
    assert {row["status"] for row in body["data"]} == {"active", "pending", "paused", "completed", "error"}
    first = body["data"][0]
    assert client.get(f"{WARM_UP}/{first['id']}").json() == {"data": first, "success": True}
    assert first["start_date"] == str(TODAY - timedelta(days=40))
    assert first["email_account"]["email_from"] == "ana@outreach.example.com"
    assert {type(first[name]) for name in ("sent_today", "daily_limit", "deliverability")} == {int}
    assert len(first) == 22
    by_status = client.get(WARM_UP, status="error").json()
    assert [row["warm_up_error"] for row in by_status["data"]] == ["SMTP: login failed"]


@pytest.mark.parametrize(
    ("total", "per_page", "pages"),
    [(0, 20, [0]), (1, 20, [1]), (20, 20, [20]), (21, 20, [20, 1]), (50, 50, [50]), (101, 50, [50, 50, 1])],
)
def test_warm_up_pages(bare: Client, total: int, per_page: int, pages: list[int]) -> None:
    bare.sandbox.account.belongings.warm_ups = warm_ups(total, TODAY)
    bodies = [bare.get(WARM_UP, page=page, per_page=per_page).json() for page in range(1, len(pages) + 1)]
    assert [len(body["data"]) for body in bodies] == pages
    assert len({row["id"] for body in bodies for row in body["data"]}) == total
    assert {body["meta"]["total_pages"] for body in bodies} == {-(-total // per_page)}
    assert bare.get(WARM_UP, page=len(pages) + 1, per_page=per_page).json()["data"] == []
    assert bare.get(WARM_UP, status="paused").json()["meta"]["total_items"] == total // 2


@pytest.mark.parametrize("query", [{"per_page": 10}, {"per_page": 200}, {"page": 0}, {"page": "x"}, {"status": "new"}])
def test_warm_ups_refuse(client: Client, query: dict[str, Any]) -> None:
    assert client.get(WARM_UP, **query).status_code == 422


def test_warm_up_statistics(client: Client) -> None:
    item = client.get(f"{WARM_UP}/301").json()["data"]
    query: dict[str, Any] = {"date_from": str(TODAY - timedelta(days=90)), "date_to": str(TODAY)}
    body = client.get(f"{STATISTICS}/301", **query).json()
    assert list(body) == ["data", "success"]
    days = body["data"]["daily_statistics"]
    assert list(days) == [str(TODAY - timedelta(days=back)) for back in range(40, -1, -1)]
    for counts in days.values():
        assert list(counts) == [
            *("emails_sent", "replies", "bounces", "spam_emails", "inbox_emails", "categories_emails", "scheduled")
        ]
        kinds = ("bounces", "spam_emails", "inbox_emails", "categories_emails")
        assert counts["emails_sent"] == sum(counts[kind] for kind in kinds)
    places = body["data"]["deliverability"]
    assert places["inbox"]["count"] == sum(counts["inbox_emails"] for counts in days.values())
    assert places["inbox"]["percent"] == item["deliverability"]
    assert places["spam"]["count"] == item["total_saved_from_spam"] > 0
    assert days[str(TODAY)]["emails_sent"] == item["sent_today"] <= item["daily_limit"]
    providers = body["data"]["provider_statistics"]
    arrived = sum(place["count"] for place in places.values())
    assert sum(provider["count"] for provider in providers.values()) == arrived
    assert ["categories" in provider for provider in providers.values()] == [True, False, False]
    part = client.get(f"{STATISTICS}/301", date_from=str(TODAY - timedelta(days=3)), date_to=str(TODAY)).json()
    assert part["data"]["daily_statistics"].items() <= days.items()
    assert len(part["data"]["daily_statistics"]) == 4
    weeks = client.get(f"{STATISTICS}/301", period="two_weeks").json()["data"]["daily_statistics"]
    assert len(weeks) == 14


def test_warm_up_statistics_without_days_are_lists(client: Client) -> None:
    before: dict[str, Any] = {"date_from": str(TODAY - timedelta(days=9)), "date_to": str(TODAY)}
    for warm_up, ready in ((303, True), (306, False)):
        data = client.get(f"{STATISTICS}/{warm_up}", **before).json()["data"]
        assert (data["daily_statistics"], data["provider_statistics"], data["is_calculated"]) == ([], [], ready)
        assert data["deliverability"]["inbox"] == {"count": 0, "percent": 0}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"date_from": str(TODAY)}, 422),
        ({"date_from": str(TODAY), "date_to": str(TODAY - timedelta(days=1))}, 422),
        ({"date_from": "2020-01-01", "date_to": "2020-02-01"}, 422),
        ({"period": "year"}, 422),
        ({"period": "month"}, 200),
    ],
)
def test_warm_up_statistics_need_days(client: Client, query: dict[str, Any], status: int) -> None:
    assert client.get(f"{STATISTICS}/301", **query).status_code == status


@pytest.mark.parametrize(
    "path", [f"{WARM_UP}/1", f"{STATISTICS}/1", f"{WARM_UP}/1/statistics", f"{PIPELINES}/1/stages"]
)
def test_unknown_ids(client: Client, path: str) -> None:
    response = client.get(path, period="month")
    assert (response.status_code, response.json()["errors"]["code"]) == (404, 404)


def test_a_steady_warm_up_keeps_its_pace(bare: Client) -> None:
    steady = WarmUp(1, "active", 55001, TODAY - timedelta(days=9), strategy="steady", per_day=12)
    bare.sandbox.account.belongings.warm_ups = [steady]
    days = bare.get(f"{STATISTICS}/1", period="month").json()["data"]["daily_statistics"].values()
    assert len(days) == 10
    assert all(6 <= counts["emails_sent"] <= 12 for counts in days)


# Lists, prospects, fields


def test_lists(client: Client, account: Account) -> None:
    rows = {row["id"]: row for row in client.get(LISTS).json()}
    used = {campaign.list_id for campaign in account.campaigns.values()} - {None}
    assert set(rows) == used | {DELETED_LIST, EMPTY_LIST}
    deleted = rows[DELETED_LIST]
    assert list(deleted) == ["id", "name", "contacts", "isDeleted", "creationDate", "deletionDate"]
    assert (deleted["isDeleted"], deleted["contacts"]) == (True, 12)
    assert deleted["creationDate"].items() > PHP_DATE.items()
    assert deleted["deletionDate"].items() > PHP_DATE.items()
    assert (rows[EMPTY_LIST]["contacts"], rows[EMPTY_LIST]["deletionDate"]) == (0, None)
    assert sum(row["isDeleted"] for row in rows.values()) == 1


def test_prospects(client: Client, account: Account) -> None:
    campaign = account.campaigns[910_005]
    body = client.post(PROSPECTS, listId=campaign.list_id).json()
    assert list(body) == ["success", "list", "prospects"]
    header = body["list"]
    assert (header["contacts"], header["emailsCount"]) == (len(campaign.recipients), [])
    people = [account.recipients[recipient] for recipient in campaign.recipients]
    assert [row["name"] for row in body["prospects"]] == [person.name for person in people]
    emails = [[email["email"] for email in row["emails"]] for row in body["prospects"]]
    assert [found[:1] for found in emails] == [[person.email] if person.email else [] for person in people]
    assert {len(found) for found in emails} == {0, 1, 2}
    first = next(row for row in body["prospects"] if row["emails"])
    assert list(first) == ["id", "name", "firstName", "lastName", "emails"]
    assert list(first["emails"][0]) == [
        *("email", "probability", "isVerified", "jobStatus", "domainType", "isValidFormat", "isDisposable"),
        *("isWebmail", "isGibberish", "smtpStatus"),
    ]


def test_prospects_by_form_json_or_query(client: Client) -> None:
    url = client.sandbox.url + PROSPECTS
    asked: dict[str, Any] = {"listId": 4_400_123, "page": 2, "perPage": 7}
    responses = [
        client.session.post(url, timeout=5, data=asked),
        client.session.post(url, timeout=5, json=asked),
        client.session.post(url, timeout=5, params=asked),
    ]
    names = [[row["name"] for row in response.json()["prospects"]] for response in responses]
    assert len(names[0]) == 7
    assert names[0] == names[1] == names[2]


@pytest.mark.parametrize(("total", "pages"), [(0, [0]), (1, [1]), (5, [5]), (6, [5, 1]), (10, [5, 5])])
def test_prospect_pages(bare: Client, total: int, pages: list[int]) -> None:
    account = bare.sandbox.account
    account.recipients = seeds.sized_account(0, today=TODAY).recipients
    account.belongings = Belongings(lists=[ProspectList(5, "Some", 0, tuple(range(1, total + 1)))])
    bodies = [bare.post(PROSPECTS, listId=5, page=page, perPage=5).json() for page in range(1, len(pages) + 1)]
    assert [len(body["prospects"]) for body in bodies] == pages
    assert {body["list"]["contacts"] for body in bodies} == {total}
    assert len({row["emails"][0]["email"] for body in bodies for row in body["prospects"]}) == total
    assert bare.post(PROSPECTS, listId=5, page=len(pages) + 1, perPage=5).json()["prospects"] == []


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"listId": 1}, 400),
        ({"listId": DELETED_LIST}, 400),
        ({"listId": EMPTY_LIST}, 200),
        ({}, 422),
        ({"listId": EMPTY_LIST, "page": 0}, 422),
        ({"listId": EMPTY_LIST, "perPage": 5000}, 200),
        ({"listId": EMPTY_LIST, "perPage": 5001}, 422),
    ],
)
def test_prospects_need_a_list(client: Client, asked: dict[str, Any], status: int) -> None:
    response = client.post(PROSPECTS, **asked)
    assert (response.status_code, response.json()["success"]) == (status, status == 200)


def test_namesakes_have_nothing_to_tell_them_apart(client: Client, account: Account) -> None:
    twins = [person for person in account.recipients.values() if person.email is None and person.profile is None]
    assert len(twins) == 2
    assert len({person.name for person in twins}) == 1
    lists = [
        campaign.list_id
        for campaign in account.campaigns.values()
        if {person.id for person in twins} <= set(campaign.recipients)
    ]
    rows = client.post(PROSPECTS, listId=lists[0], perPage=5000).json()["prospects"]
    same = [row for row in rows if row["name"] == twins[0].name and row["emails"] == []]
    assert len(same) == 2
    assert same[0].pop("id") != same[1].pop("id")
    assert same[0] == same[1]


def test_custom_fields(client: Client) -> None:
    rows = client.get(FIELDS).json()
    assert rows[0] == {"key": "customFields['Region']", "label": "Region", "required": True, "type": "string"}
    assert [row["type"] for row in rows] == ["string", "string", "number", "date"]
    opened = client.get("/v1/get-emails-opened", campaignId=910_001).json()
    found = {name for row in opened for name in row if name.startswith("customField_")}
    assert found == {f"customField_{row['label']}" for row in rows}


# Pipelines, webhooks, do-not-email lists


def test_pipelines_and_stages(client: Client) -> None:
    pipelines = client.get(PIPELINES).json()["data"]
    assert [pipeline["id"] for pipeline in pipelines] == [88, 89, 90]
    for pipeline in pipelines:
        assert list(pipeline) == ["id", "name", "deals_count", "deals_value", "created_at"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", pipeline["created_at"])
        stages = client.get(f"{PIPELINES}/{pipeline['id']}/stages").json()["data"]
        assert [stage["order"] for stage in stages] == [*range(1, len(stages) + 1)]
        assert {stage["pipeline_id"] for stage in stages} <= {pipeline["id"]}
        assert sum(stage["deals_count"] for stage in stages) == pipeline["deals_count"]
        assert sum(stage["deals_value"] for stage in stages) == pipeline["deals_value"]
    assert stages == []


def test_webhooks(client: Client) -> None:
    body = client.get(WEBHOOKS).json()
    assert body["meta"] == {"webhooks_count": 3, "user_id": 700001}
    assert [list(row) for row in body["data"]] == [["data"]] * 3
    rows = [row["data"] for row in body["data"]]
    assert list(rows[0]) == ["id", "end_point", "event_object", "event_action", "status", "created_at"]
    assert [row["status"] for row in rows] == ["active", "active", "deactivated"]
    assert all(type(row["created_at"]) is int for row in rows)


def test_blacklists(client: Client) -> None:
    assert client.get(BLACKLISTS).json() == {
        "data": [
            {"id": 12, "name": "Do not contact", "owner": "Ana Ruiz", "total": 240},
            {"id": 13, "name": "Competitors", "owner": "Jonas Weber", "total": 0},
        ]
    }


def test_an_empty_account_answers_everywhere(bare: Client) -> None:
    for path in (LISTS, FIELDS):
        assert bare.get(path).json() == []
    for path in (WARM_UP, SCHEDULES, BLACKLISTS, PIPELINES, WEBHOOKS):
        assert bare.get(path).json()["data"] == []
    assert len(bare.get(SENDERS).json()["data"]) == 4
