"""All other tests trust the sandbox: its responses must be consistent, and its faults exactly as requested."""

from __future__ import annotations

import json
import logging
import random
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox import faults
from sandbox.faults import Fault
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, Settings
from sandbox.tests._client import LONG_AGO, TODAY, Client, ManualClock, wait_until
from sandbox.world import events, seeds
from sandbox.world.account import Account, Event
from sandbox.world.events import day_start
from sandbox.world.metrics import COUNTS, RATES, percent
from sandbox.world.plans import PLANS
from unit_tests._names import ANALYTICS_PATH, CAMPAIGNS_PATH, TOKEN_PATH
from unit_tests._paths import ROOT

BALANCE = "/v1/get-balance"
PROGRESS = "/v2/campaigns/910001/progress"

ADDITIVE = [
    "emails_sent",
    "first_emails",
    "follow_ups",
    "delivered",
    "bounced",
    "connection_requests",
    "accepted_requests",
    "failed_connection_requests",
    "messages_sent",
    "in_mail_sent",
    "linkedin_views",
    "linkedin_likes",
    "linkedin_follows",
]
DISTINCT = [name for name in COUNTS if name not in ADDITIVE]


@pytest.fixture
def limited() -> Iterator[tuple[Client, ManualClock]]:
    clock = ManualClock()
    with Sandbox(seeds.empty_account(TODAY), Settings(requests_per_minute=3, clock=clock)) as sandbox:
        yield Client(sandbox), clock


# The account


def test_demo_account_has_every_status_and_channel(account: Account) -> None:
    statuses = {campaign.status for campaign in account.campaigns.values()}
    assert statuses == {
        "Active",
        "Paused",
        "Draft",
        "Completed",
        "Scheduled",
        "Archived",
        "Active (On hold)",
        "Automatically paused",
    }
    assert len(account.campaigns) >= 40
    assert len(account.owners()) >= 2
    assert {plan.channel for plan in PLANS} == {"email", "one email", "linkedin", "in-mail", "both"}


def test_campaigns_that_never_started_have_no_start_and_no_events(account: Account) -> None:
    for campaign in account.campaigns.values():
        waiting = campaign.status in ("Draft", "Scheduled")
        assert (campaign.started_at is None) == waiting
        if waiting:
            assert account.events(campaign.id) == ()


def test_same_seed_and_day_give_the_same_account() -> None:
    first, second = seeds.demo_account(5, TODAY), seeds.demo_account(5, TODAY)
    assert (first.campaigns, first.recipients) == (second.campaigns, second.recipients)
    assert [first.events(one) for one in first.campaigns] == [second.events(one) for one in second.campaigns]
    assert seeds.demo_account(6, TODAY).campaigns != first.campaigns


def test_dates_are_in_order(account: Account) -> None:
    for campaign in account.campaigns.values():
        begun = campaign.started_at or campaign.created_at
        assert campaign.created_at <= begun <= day_start(TODAY + timedelta(days=1))
        assert campaign.created_at <= campaign.updated_at <= day_start(TODAY + timedelta(days=1))
        assert all(
            day_start(_day(begun)) <= event.at < day_start(TODAY) + 86_400 for event in account.events(campaign.id)
        )


def test_people_are_made_up(account: Account) -> None:
    addresses = [person.email for person in account.recipients.values() if person.email]
    addresses += [*account.owners(), *(sender.address for sender in account.email_senders.values())]
    assert len(set(addresses)) == len(addresses)
    assert all(re.search(r"[@.]example\.(com|org)$", address) for address in addresses)


def test_something_happened_today(account: Account) -> None:
    assert account.analytics(None, TODAY, TODAY)["emails_sent"] > 0


@pytest.mark.parametrize("position", range(len(PLANS)), ids=[plan.name for plan in PLANS])
def test_funnel_of_each_campaign_makes_sense(account: Account, position: int) -> None:
    numbers = account.analytics([seeds.FIRST_CAMPAIGN_ID + position], LONG_AGO, TODAY)
    assert numbers["delivered"] == numbers["emails_sent"] - numbers["bounced"]
    assert numbers["first_emails"] + numbers["follow_ups"] == numbers["emails_sent"]
    assert numbers["contacted_by_email"] <= numbers["first_emails"] <= PLANS[position].size
    for reaction in ("email_opens", "link_clicks", "email_replies", "unsubscribed", "auto_replied"):
        assert numbers[reaction] <= numbers["contacted_by_email"]
    assert numbers["link_clicks"] <= numbers["email_opens"]
    both = numbers["contacted_by_email"] + numbers["contacted_by_linkedin"]
    assert max(numbers["contacted_by_email"], numbers["contacted_by_linkedin"]) <= numbers["total_contacted"] <= both
    assert numbers["accepted_requests"] <= numbers["connection_requests"]
    kinds = [numbers[kind] for kind in ("connection_request_replies", "message_replies", "in_mail_replies")]
    assert max(kinds) <= numbers["linkedin_total_replies"] <= sum(kinds)
    assert numbers["linkedin_total_replies"] <= numbers["contacted_by_linkedin"]
    for sentiment in events.SENTIMENTS:
        assert numbers[sentiment] <= numbers["email_replies"] + numbers["linkedin_total_replies"]


def test_automatically_paused_campaigns_bounced_too_often(account: Account) -> None:
    for campaign in account.campaigns.values():
        bounced = account.analytics([campaign.id], LONG_AGO, TODAY)["bounced_rate"]
        assert (int(bounced.removesuffix("%")) > 15) == (campaign.status == "Automatically paused"), campaign.name


def test_progress_follows_from_the_events(account: Account) -> None:
    for campaign in account.campaigns.values():
        over = {event.recipient for event in account.events(campaign.id) if event.kind in events.STOPPING}
        body = account.progress(campaign.id)
        assert body["status"] == campaign.status
        assert body["unfinished"] == len(set(campaign.recipients) - over)
        assert body["progress"] == percent(len(over), len(campaign.recipients))
        if campaign.status in ("Completed", "Archived"):
            assert (body["unfinished"], body["progress"]) == (0, "100%")
        if campaign.started_at is None:
            assert body["progress"] == "0%"


def test_balance_has_the_documented_shape(account: Account) -> None:
    body = account.balance()
    assert body["success"] is True
    assert body["data"].pop("unique_recipients_used") > 0
    assert body["data"] == {"balance": "1200.00", "teamwork": True, "limit_resets_in": 14, "expires_in": 200}


def test_sized_account() -> None:
    account = seeds.sized_account(300, today=TODAY)
    assert len(account.campaigns) == len(account.campaign_rows()) == 300
    assert all(0 < len(account.events(campaign)) < 80 for campaign in account.campaigns)


def test_empty_account() -> None:
    account = seeds.empty_account(TODAY)
    assert account.campaign_rows() == []
    assert account.analytics(None, LONG_AGO, TODAY)["total_contacted"] == 0
    assert account.balance()["data"]["unique_recipients_used"] == 0


def test_account_active_on_the_given_days_only() -> None:
    active = {TODAY - timedelta(days=9), TODAY - timedelta(days=2)}
    account = seeds.account_active_on([active, set(), active], TODAY, [None, TODAY, TODAY - timedelta(days=30)])
    assert account.campaigns[910_001].started_at is None
    assert _day(account.campaigns[910_003].started_at or 0) == TODAY - timedelta(days=30)
    for back in range(31):
        day = TODAY - timedelta(days=back)
        assert (account.analytics([910_003], day, day)["emails_sent"] > 0) == (day in active)
        assert account.analytics([910_002], day, day)["emails_sent"] == 0


# Analytics


def test_analytics_equal_a_recomputation_from_the_events(account: Account) -> None:
    rng = random.Random(1)
    for _ in range(60):
        ids = rng.sample(sorted(account.campaigns), rng.randint(1, 5))
        date_to = TODAY - timedelta(days=rng.randint(0, 300))
        date_from = date_to - timedelta(days=rng.randint(0, 60))
        mine = {one: [event for event in account.events(one) if date_from <= _day(event.at) <= date_to] for one in ids}
        assert account.analytics(ids, date_from, date_to) == _recomputed(mine)


@pytest.mark.parametrize("campaign_id", [910_001, 910_003, 910_005, 910_011])
def test_actions_add_up_over_days_and_distinct_recipients_do_not(account: Account, campaign_id: int) -> None:
    span = 100
    days = [TODAY - timedelta(days=back) for back in range(span)]
    daily = [account.analytics([campaign_id], day, day) for day in days]
    whole = account.analytics([campaign_id], days[-1], TODAY)
    for name in ADDITIVE:
        assert whole[name] == sum(day[name] for day in daily), name
    for name in DISTINCT:
        assert max(day[name] for day in daily) <= whole[name] <= sum(day[name] for day in daily), name
        assert whole[name] or not any(day[name] for day in daily)


def test_somebody_opens_on_several_days(account: Account) -> None:
    days = [TODAY - timedelta(days=back) for back in range(90)]
    daily = sum(account.analytics([910_001], day, day)["email_opens"] for day in days)
    assert account.analytics([910_001], days[-1], TODAY)["email_opens"] < daily


def test_a_recipient_of_two_campaigns_counts_once() -> None:
    account = seeds.account_active_on([{TODAY}, {TODAY}], TODAY)
    for campaign in account.campaigns.values():
        account.replace_events(campaign.id, [Event(day_start(TODAY), events.FIRST_EMAIL, 7, 55001)])
    numbers = account.analytics([910_001, 910_002], TODAY, TODAY)
    assert (numbers["emails_sent"], numbers["contacted_by_email"], numbers["total_contacted"]) == (2, 1, 1)
    assert account.analytics([910_001, 910_001], TODAY, TODAY)["emails_sent"] == 1


def test_a_bounce_cancels_only_its_own_mail() -> None:
    account = seeds.account_active_on([{TODAY}], TODAY)
    mails = [
        Event(day_start(TODAY), events.FIRST_EMAIL, 7, 55001),
        Event(day_start(TODAY), events.FIRST_EMAIL, 8, 55001),
    ]
    account.replace_events(910_001, [*mails, replace(mails[0], kind=events.BOUNCE)])
    numbers = account.analytics([910_001], TODAY, TODAY)
    assert (numbers["bounced"], numbers["delivered"], numbers["contacted_by_email"]) == (1, 1, 1)
    account.add_events(910_001, [replace(mails[0], kind=events.FOLLOW_UP, step=1)])
    assert account.analytics([910_001], TODAY, TODAY)["contacted_by_email"] == 2


def test_days_are_utc_and_both_ends_belong_to_the_period() -> None:
    account = seeds.account_active_on([{TODAY}], TODAY)
    moments = [day_start(TODAY) - 1, day_start(TODAY), day_start(TODAY) + 86_399, day_start(TODAY) + 86_400]
    account.replace_events(910_001, [Event(at, events.VIEW, 1, 66001) for at in moments])
    assert account.analytics([910_001], TODAY, TODAY)["linkedin_views"] == 2
    assert account.analytics([910_001], TODAY, TODAY + timedelta(days=1))["linkedin_views"] == 3


def test_no_ids_mean_all_active_campaigns(account: Account) -> None:
    active = [campaign.id for campaign in account.campaigns.values() if campaign.status == "Active"]
    assert account.analytics(None, LONG_AGO, TODAY) == account.analytics(active, LONG_AGO, TODAY)
    assert account.analytics([], LONG_AGO, TODAY)["emails_sent"] == 0


def test_filters_split_the_account(account: Account) -> None:
    everything = account.analytics(list(account.campaigns), LONG_AGO, TODAY)
    by_owner = [
        account.analytics(list(account.campaigns), LONG_AGO, TODAY, campaign_owner=[o]) for o in account.owners()
    ]
    by_email = [
        account.analytics(list(account.campaigns), LONG_AGO, TODAY, sender_email=[s]) for s in account.email_senders
    ]
    by_linkedin = [
        account.analytics(list(account.campaigns), LONG_AGO, TODAY, sender_linkedin=[one])
        for one in account.linkedin_senders
    ]
    for name in ADDITIVE:
        assert sum(part[name] for part in by_owner) == everything[name]
        assert sum(part[name] for part in [*by_email, *by_linkedin]) == everything[name]
    assert all(part["emails_sent"] for part in [*by_owner, *by_email])
    assert all(part["connection_requests"] or part["in_mail_sent"] for part in by_linkedin)
    assert not any(part["linkedin_views"] for part in by_email)


def test_deleted_campaigns_are_gone() -> None:
    account = seeds.sized_account(2, today=TODAY)
    account.remove_campaign(910_001)
    assert [row["id"] for row in account.campaign_rows()] == [910_002]
    assert account.analytics([910_001], LONG_AGO, TODAY)["emails_sent"] == 0


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "0%"), (5, 0, "0%"), (16, 23, "70%"), (1, 8, "13%"), (1, 200, "1%"), (7, 7, "100%")],
)
def test_percent(part: int, whole: int, text: str) -> None:
    assert percent(part, whole) == text


def test_rates_follow_the_reference() -> None:
    """The counts of the vendor's own sample give the vendor's own rates (API reference 4.2)."""
    sample = {"emails_sent": 31, "first_emails": 24, "contacted_by_email": 23, "email_opens": 16, "email_replies": 16}
    sample |= {"contacted_by_linkedin": 10, "linkedin_total_replies": 9, "message_replies": 7, "interested": 8}
    rates = {name: percent(sample[name], sum(sample[part] for part in RATES[name])) for name in sample if name in RATES}
    assert rates == {
        "first_emails": "77%",
        "email_opens": "70%",
        "email_replies": "70%",
        "linkedin_total_replies": "90%",
        "message_replies": "78%",
        "interested": "32%",
    }


# Credentials and tokens


def test_token_by_form(client: Client) -> None:
    response = client.token()
    assert response.status_code == 200
    assert re.fullmatch(r"\w{40}", response.json()["access_token"])
    assert {"token_type": "Bearer", "expires_in": 3600}.items() <= response.json().items()


def test_token_by_json(client: Client, running: Sandbox) -> None:
    body = {"grant_type": "client_credentials", "client_id": "sandbox-user", "client_secret": "sandbox-secret"}
    assert requests.post(running.url + TOKEN_PATH, json=body, timeout=5).status_code == 200
    assert requests.post(running.url + TOKEN_PATH, json=[body], timeout=5).status_code == 400
    broken = requests.post(running.url + TOKEN_PATH, data="{", headers={"Content-Type": "application/json"}, timeout=5)
    assert broken.status_code == 400


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_bad_token_requests(client: Client, changes: dict[str, str], status: int, error: str) -> None:
    response = client.token(**changes)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.json()["error_description"] == response.json()["message"]


@pytest.mark.parametrize("path", [BALANCE, CAMPAIGNS_PATH, ANALYTICS_PATH, PROGRESS])
def test_data_needs_a_bearer_token(client: Client, running: Sandbox, path: str) -> None:
    token = client.token().json()["access_token"]
    refused: list[dict[str, Any]] = [
        {},
        {"headers": {"Authorization": "Bearer unknown"}},
        {"headers": {"Authorization": token}},
        {"headers": {"Authorization": f"Basic {token}"}},
        {"params": {"access_token": token}},
    ]
    for attempt in refused:
        assert requests.get(running.url + path, timeout=5, **attempt).status_code == 401, attempt


def test_tokens_expire() -> None:
    clock = ManualClock()
    with Sandbox(seeds.empty_account(TODAY), replace(UNLIMITED, token_lifetime=100, clock=clock)) as sandbox:
        client = Client(sandbox).log_in()
        clock.now += 99.9
        assert client.get(CAMPAIGNS_PATH).status_code == 200
        clock.now += 0.1
        assert client.get(CAMPAIGNS_PATH).status_code == 401
        assert client.log_in().get(CAMPAIGNS_PATH).status_code == 200


@pytest.mark.parametrize("invalidate", [True, False])
def test_a_new_token_may_end_the_old_one(invalidate: bool) -> None:
    with Sandbox(seeds.empty_account(TODAY), replace(UNLIMITED, invalidate_old_tokens=invalidate)) as sandbox:
        old, new = Client(sandbox).log_in(), Client(sandbox).log_in()
        assert (old.get(CAMPAIGNS_PATH).status_code, new.get(CAMPAIGNS_PATH).status_code) == (
            401 if invalidate else 200,
            200,
        )


def test_expiring_and_revoking_take_effect_at_once(client: Client, running: Sandbox) -> None:
    running.expire_tokens()
    assert client.get(CAMPAIGNS_PATH).status_code == 401
    assert client.log_in().get(CAMPAIGNS_PATH).status_code == 200
    running.revoke_credentials()
    assert client.get(CAMPAIGNS_PATH).status_code == 401
    assert client.token().status_code == 401
    running.clear()
    assert client.log_in().get(CAMPAIGNS_PATH).status_code == 200


# Rate limit


def test_limit_counts_every_request_of_any_sixty_seconds(limited: tuple[Client, ManualClock]) -> None:
    client, clock = limited
    client.log_in()
    clock.now += 20
    assert client.get(CAMPAIGNS_PATH).status_code == 200
    assert client.get("/v3/unknown").status_code == 404
    refused = client.get(CAMPAIGNS_PATH)
    assert (refused.status_code, refused.text) == (429, "Your rate is limited")
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert not [name for name in refused.headers if "rate" in name.lower() or "retry" in name.lower()]
    assert client.token().status_code == 429
    clock.now += 39.9
    assert client.get(CAMPAIGNS_PATH).status_code == 429
    clock.now += 0.1
    assert [client.get(CAMPAIGNS_PATH).status_code for _ in range(2)] == [200, 429]
    clock.now += 20
    assert [client.get(CAMPAIGNS_PATH).status_code for _ in range(3)] == [200, 200, 429]
    assert client.sandbox.statuses() == {200: 5, 404: 1, 429: 5}
    assert client.sandbox.max_in_any_minute() == 7


def test_every_request_during_a_penalty_restarts_it() -> None:
    clock = ManualClock()
    settings = Settings(requests_per_minute=2, penalty_seconds=300, clock=clock)
    with Sandbox(seeds.empty_account(TODAY), settings) as sandbox:
        client = Client(sandbox).log_in()
        assert [client.get(CAMPAIGNS_PATH).status_code for _ in range(2)] == [200, 429]
        clock.now += 299
        assert client.get(CAMPAIGNS_PATH).status_code == 429
        clock.now += 299
        assert client.get(CAMPAIGNS_PATH).status_code == 429
        clock.now += 300
        assert client.get(CAMPAIGNS_PATH).status_code == 200


def test_limit_can_be_off(client: Client, running: Sandbox) -> None:
    assert {client.get(BALANCE).status_code for _ in range(80)} == {200}
    assert running.max_in_any_minute() == 80


def test_the_documented_limit_is_the_default() -> None:
    assert (Settings().requests_per_minute, Settings().penalty_seconds, Settings().token_lifetime) == (60, 0, 3600)


# Endpoints


def test_campaign_list(client: Client, account: Account) -> None:
    rows = client.get(CAMPAIGNS_PATH).json()
    assert rows == account.campaign_rows()
    keys = ["id", "campaign", "list_id", "status", "created_at", "updated_at", "started_at", "hash"]
    assert all(list(row) == keys and re.fullmatch("[0-9a-f]{32}", row["hash"]) for row in rows)


def test_analytics_over_http(client: Client, account: Account) -> None:
    body = client.analytics(campaign_id=910_003)
    assert body == account.analytics([910_003], LONG_AGO, TODAY)
    counts = [name for name in body if not name.endswith("_rate")]
    assert counts == list(COUNTS)
    assert all(type(body[name]) is int for name in counts)
    assert {name.removesuffix("_rate") for name in body if name not in counts} == set(RATES)
    assert all(re.fullmatch(r"\d+%", body[name]) for name in body if name not in counts)


def test_analytics_takes_comma_lists_and_brackets(client: Client, account: Account) -> None:
    expected = account.analytics([910_001, 910_005], LONG_AGO, TODAY)
    assert client.analytics(campaign_id="910001,910005") == expected
    assert client.analytics(**{"campaign_id[]": [910_001, 910_005]}) == expected
    owners = account.owners()[:2]
    assert client.analytics(campaign_owner=",".join(owners)) == account.analytics(
        None, LONG_AGO, TODAY, campaign_owner=owners
    )
    assert client.analytics(sender_email="55001,55004", sender_linkedin=66001) == account.analytics(
        None, LONG_AGO, TODAY, sender_email=[55001, 55004], sender_linkedin=[66001]
    )


def test_analytics_without_ids_covers_active_campaigns(client: Client, account: Account) -> None:
    assert client.analytics(campaign_id="") == client.analytics() == account.analytics(None, LONG_AGO, TODAY)


@pytest.mark.parametrize(
    "query",
    [
        {"campaign_id": "1"},
        {"campaign_id": "EU renewals Q3"},
        {"campaign_id": "910001", "campaign_owner": "nobody@example.com"},
        {"campaign_id": "910001", "sender_email": "desk@outreach.example.com"},
        {"campaign_id": "910005", "sender_email": "55003"},
        {"campaign_id": "910001", "date_from": "2019-01-01", "date_to": "2019-12-31"},
    ],
)
def test_filters_that_match_nothing_give_zeros(client: Client, query: dict[str, str]) -> None:
    body = client.analytics(**query)
    assert {value for name, value in body.items() if not name.endswith("_rate")} == {0}
    assert {value for name, value in body.items() if name.endswith("_rate")} == {"0%"}


@pytest.mark.parametrize(
    ("dates", "named"),
    [
        ({}, "date_from"),
        ({"date_from": "2026-01-01"}, "date_to"),
        ({"date_to": "2026-01-01"}, "date_from"),
        ({"date_from": "", "date_to": ""}, "date_from"),
        ({"date_from": "2026-02-30", "date_to": "2026-03-01"}, ""),
        ({"date_from": "20260101", "date_to": "2026-03-01"}, "date_from"),
        ({"date_from": "2026-01-01", "date_to": "2026-W01-1"}, "date_to"),
        ({"date_from": "2026-01-02", "date_to": "2026-01-01"}, "date_to"),
    ],
)
def test_analytics_needs_two_dates(client: Client, dates: dict[str, Any], named: str) -> None:
    response = client.get(ANALYTICS_PATH, **dates)
    assert response.status_code == 422
    assert response.json()["success"] is False
    assert named in response.json()["errors"][0]


def test_progress(client: Client, account: Account) -> None:
    for campaign_id in list(account.campaigns)[::6]:
        body = client.get(f"/v2/campaigns/{campaign_id}/progress").json()
        assert body == account.progress(campaign_id)
        assert list(body) == ["status", "unfinished", "progress"]


def test_progress_of_an_unknown_campaign(client: Client) -> None:
    response = client.get("/v2/campaigns/1/progress")
    assert (response.status_code, response.json()) == (422, {"data": {"message": "Campaign not found"}})


@pytest.mark.parametrize("path", ["/", "/v1/get-user-campaigns/", "/v2/campaigns", "/v2/campaigns/x/progress"])
def test_unknown_routes(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json() == {"errors": {"code": 404, "title": "Resource not found", "source": ""}}


def test_wrong_method(client: Client, running: Sandbox) -> None:
    assert client.session.post(running.url + CAMPAIGNS_PATH, timeout=5).status_code == 405
    assert client.get(TOKEN_PATH).status_code == 405


# The request log


def test_log_of_requests(client: Client, running: Sandbox) -> None:
    client.get(ANALYTICS_PATH, campaign_id=["1", "2"], date_from="2026-01-01")
    client.get(CAMPAIGNS_PATH)
    analytics, listed = running.requests
    assert (analytics.method, analytics.path, analytics.status) == ("GET", ANALYTICS_PATH, 422)
    assert analytics.query == {"campaign_id": ["1", "2"], "date_from": ["2026-01-01"]}
    assert analytics.token == listed.token is not None
    assert analytics.time <= listed.time
    assert (running.count(), running.count("statistics"), running.count("nothing")) == (2, 1, 0)


def test_log_holds_no_secret(client: Client, running: Sandbox) -> None:
    token = client.token().json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    requests.get(running.url + CAMPAIGNS_PATH, params={"access_token": token, "x": "y"}, headers=headers, timeout=5)
    log = json.dumps(requests.get(running.url + "/_sandbox/requests", timeout=5).json())
    assert running.requests[-1].query == {"access_token": ["***"], "x": ["y"]}
    assert token not in log
    assert token[-6:] not in log
    assert "sandbox-secret" not in log
    assert "sandbox-user" not in log


def test_largest_minute_is_found_anywhere() -> None:
    clock = ManualClock()
    with Sandbox(seeds.empty_account(TODAY), replace(UNLIMITED, clock=clock)) as sandbox:
        client = Client(sandbox)
        for pause in (0, 30, 29.9, 0.1, 30, 90, 0):
            clock.now += pause
            client.get(CAMPAIGNS_PATH)
        assert sandbox.max_in_any_minute() == 3
        sandbox.clear()
        assert sandbox.max_in_any_minute() == 0


# Faults


def _fails(client: Client, kind: type[Exception], path: str = CAMPAIGNS_PATH, timeout: float = 5) -> Exception:
    with pytest.raises(kind) as caught:
        _ = client.get(path, timeout=timeout, date_from="2026-01-01", date_to="2026-09-17").content
    return caught.value


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (faults.unauthorized(), 401, {"errors": {"code": 401, "title": "Unauthorized", "source": ""}}),
        (faults.forbidden("Upgrade"), 403, {"errors": {"code": 403, "title": "Upgrade", "source": ""}}),
        (faults.not_found("gone"), 404, {"errors": {"code": 404, "title": "gone", "source": ""}}),
        (faults.unprocessable("gone"), 422, {"data": {"message": "gone"}}),
        (faults.answer(418, {"any": ["thing"]}), 418, {"any": ["thing"]}),
        (faults.success_false("list", "No"), 200, {"success": False, "errors": ["No", "Second error"]}),
        (faults.success_false("text", "No"), 200, {"success": False, "errors": "No"}),
        (
            faults.success_false("object", "No"),
            200,
            {"success": False, "errors": {"code": 400, "title": "No", "source": ""}},
        ),
        (faults.success_false("message", "No", 400), 400, {"success": False, "message": "No"}),
        (faults.success_false("no_success", "No"), 200, {"errors": {"code": 400, "title": "No", "source": ""}}),
    ],
)
def test_json_responses(client: Client, fault: Fault, status: int, body: object) -> None:
    client.sandbox.add_fault(fault)
    response = client.get(CAMPAIGNS_PATH)
    assert (response.status_code, response.json()) == (status, body)
    assert response.headers["Content-Type"] == "application/json"
    assert client.sandbox.requests[-1].status == status


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        (faults.rate_limited(), 429, "Your rate is limited"),
        (faults.server_error(), 500, "Internal Server Error"),
        (faults.server_error(504, "Gateway time-out"), 504, "Gateway time-out"),
        (faults.bad_gateway(), 502, "<h1>502 Bad Gateway</h1>"),
        (faults.html_page(), 200, "<!DOCTYPE html>"),
        (faults.answer(200, ""), 200, ""),
    ],
)
def test_text_responses(client: Client, fault: Fault, status: int, text: str) -> None:
    client.sandbox.add_fault(fault)
    response = client.get(CAMPAIGNS_PATH)
    assert response.status_code == status
    assert text in response.text
    assert response.headers["Content-Type"].startswith("text/html" if "<" in text else "text/plain")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_retry_after_only_on_request(client: Client) -> None:
    client.sandbox.add_fault(faults.rate_limited(times=1))
    client.sandbox.add_fault(faults.rate_limited(retry_after=7))
    assert "Retry-After" not in client.get(CAMPAIGNS_PATH).headers
    assert client.get(CAMPAIGNS_PATH).headers["Retry-After"] == "7"


def test_token_faults(client: Client) -> None:
    client.sandbox.add_fault(faults.token_without_access_token(times=1))
    client.sandbox.add_fault(faults.token_refused(403, times=1))
    assert client.token().json() == {"token_type": "Bearer", "expires_in": 3600}
    assert client.token().status_code == 403
    assert client.token().status_code == 200


def test_wrong_container(client: Client, account: Account) -> None:
    client.sandbox.add_fault(faults.wrong_container())
    rows = client.get(CAMPAIGNS_PATH).json()
    assert isinstance(rows, dict)
    assert list(rows.values()) == account.campaign_rows()
    assert client.get(PROGRESS).json() == [account.progress(910_001)]


def test_cut_body(client: Client) -> None:
    client.sandbox.add_fault(faults.cut_body(times=1))
    assert "IncompleteRead" in str(_fails(client, requests.exceptions.ChunkedEncodingError))
    assert client.get(CAMPAIGNS_PATH).status_code == 200


def test_cut_json(client: Client) -> None:
    whole = client.get(CAMPAIGNS_PATH).content
    client.sandbox.add_fault(faults.cut_json(times=1))
    response = client.get(CAMPAIGNS_PATH)
    assert (response.status_code, response.content) == (200, whole[: len(whole) // 2])
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_reset_before_any_byte(client: Client) -> None:
    client.sandbox.add_fault(faults.reset_before(times=1))
    assert "ConnectionResetError" in repr(_fails(client, requests.exceptions.ConnectionError))
    assert client.sandbox.requests[-1].status is None
    assert client.get(CAMPAIGNS_PATH).status_code == 200


def test_reset_within_the_body(client: Client) -> None:
    client.sandbox.add_fault(faults.reset_within(times=1))
    assert "ConnectionResetError" in repr(_fails(client, requests.exceptions.ChunkedEncodingError))
    assert client.sandbox.requests[-1].status == 200
    assert client.get(CAMPAIGNS_PATH).status_code == 200


def test_hang(client: Client) -> None:
    client.sandbox.add_fault(faults.hang(times=1))
    _fails(client, requests.exceptions.ReadTimeout, timeout=0.2)
    assert client.sandbox.requests[-1].status is None
    assert client.get(CAMPAIGNS_PATH).status_code == 200


def test_delay(client: Client) -> None:
    client.sandbox.add_fault(faults.delay(30, times=1))
    client.sandbox.add_fault(faults.delay(0.01, times=1))
    _fails(client, requests.exceptions.ReadTimeout, timeout=0.2)
    assert client.get(CAMPAIGNS_PATH).json()


def test_drip(client: Client, account: Account) -> None:
    client.sandbox.add_fault(faults.drip(0.001, times=1))
    assert client.get(PROGRESS).json() == account.progress(910_001)
    client.sandbox.add_fault(faults.drip(30))
    _fails(client, requests.exceptions.ConnectionError, PROGRESS, timeout=0.2)


def test_extra_fields(client: Client, account: Account) -> None:
    client.sandbox.add_fault(faults.extra_fields({"new": [1], "id": 0}))
    assert client.get(CAMPAIGNS_PATH).json() == [{**row, "new": [1]} for row in account.campaign_rows()]
    assert client.get(PROGRESS).json() == {**account.progress(910_001), "new": [1], "id": 0}
    assert client.get(BALANCE).json()["data"]["new"] == [1]


def test_extra_fields_have_a_default(client: Client) -> None:
    client.sandbox.add_fault(faults.extra_fields())
    assert client.get(PROGRESS).json()["new_metric"] == 3


def test_missing_and_null_and_wrong_fields(client: Client) -> None:
    client.sandbox.add_fault(faults.missing_fields(["unfinished", "other"], times=1))
    client.sandbox.add_fault(faults.null_fields(["unfinished", "other"], times=1))
    client.sandbox.add_fault(faults.wrong_types({"unfinished": "many", "other": 1}, times=1))
    bodies = [client.get(PROGRESS).json() for _ in range(3)]
    assert ["unfinished" in body for body in bodies] == [False, True, True]
    assert [body.get("unfinished") for body in bodies] == [None, None, "many"]
    assert all("other" not in body for body in bodies)


@pytest.mark.parametrize(("form", "read"), [("number", int), ("text", str), ("null", lambda digits: None)])
def test_percent_forms(client: Client, account: Account, form: faults.PercentForm, read: Callable[[str], Any]) -> None:
    client.sandbox.add_fault(faults.percent_forms(form))
    body = client.analytics(campaign_id=910_001)
    truth = account.analytics([910_001], LONG_AGO, TODAY)
    for name, value in truth.items():
        assert body[name] == (read(value.removesuffix("%")) if name.endswith("_rate") else value)
    assert client.get(PROGRESS).json()["progress"] == read(account.progress(910_001)["progress"].removesuffix("%"))


def test_faults_change_responses_and_never_the_account(client: Client, account: Account) -> None:
    before = account.campaign_rows()
    client.sandbox.add_fault(faults.null_fields(["id"]))
    assert client.get(CAMPAIGNS_PATH).json()[0]["id"] is None
    assert account.campaign_rows() == before


def test_events_during_a_sync_happen_before_the_response() -> None:
    with Sandbox(seeds.demo_account(today=TODAY), UNLIMITED) as sandbox:
        client = Client(sandbox).log_in()
        sandbox.add_fault(faults.tokens_expire(path="progress", skip=1, times=1))
        assert [client.get(PROGRESS).status_code for _ in range(2)] == [200, 401]
        assert client.log_in().get(PROGRESS).status_code == 200
        sandbox.add_fault(faults.campaign_deleted(910_002, path=CAMPAIGNS_PATH, skip=1))
        numbers = [len(client.get(CAMPAIGNS_PATH).json()) for _ in range(3)]
        assert [numbers[0] - number for number in numbers] == [0, 1, 1]
        sandbox.clear_faults()
        sandbox.add_fault(faults.credentials_revoked(path="progress", times=1))
        assert client.get(PROGRESS).status_code == 401
        assert client.token().status_code == 401


def test_fault_hits_only_its_target(client: Client) -> None:
    planted = client.sandbox.add_fault(faults.server_error(path="progress", method="GET", skip=2, times=1))
    progress = [client.get(PROGRESS).status_code for _ in range(5)]
    assert progress == [200, 200, 500, 200, 200]
    assert planted.hits == 1


def test_fault_can_target_one_campaign_of_a_query(client: Client) -> None:
    client.sandbox.add_fault(faults.forbidden(path=r"campaign_id=(\d+,)*910002\b"))
    dates: dict[str, Any] = {"date_from": "2026-01-01", "date_to": "2026-01-01"}
    asked = ["910001", "910002", "910001,910002", "9100021"]
    assert [client.get(ANALYTICS_PATH, campaign_id=ids, **dates).status_code for ids in asked] == [200, 403, 403, 200]


def test_faults_take_turns(client: Client) -> None:
    client.sandbox.add_fault(faults.server_error(times=2))
    client.sandbox.add_fault(faults.bad_gateway(times=1))
    assert [client.get(CAMPAIGNS_PATH).status_code for _ in range(4)] == [500, 500, 502, 200]
    client.sandbox.add_fault(faults.hang())
    client.sandbox.clear_faults()
    assert client.get(CAMPAIGNS_PATH).status_code == 200


def test_rate_limit_comes_before_faults(limited: tuple[Client, ManualClock]) -> None:
    client, _ = limited
    planted = client.sandbox.add_fault(faults.server_error())
    assert [client.get(CAMPAIGNS_PATH).status_code for _ in range(4)] == [500, 500, 500, 429]
    assert planted.hits == 3


def test_faults_leave_no_trace_in_the_server_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for fault in (faults.cut_body, faults.reset_before, faults.reset_within, faults.hang):
        client.sandbox.clear_faults()
        client.sandbox.add_fault(fault())
        _fails(client, requests.exceptions.RequestException, timeout=0.2)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING and "uvicorn" in record.name] == []


# Control endpoints


def test_faults_by_http(client: Client, running: Sandbox) -> None:
    url = running.url + "/_sandbox/faults"
    added = requests.post(url, json=faults.unprocessable(path="progress", times=1).as_json(), timeout=5)
    assert (added.status_code, added.json()[0]["hits"]) == (201, 0)
    assert requests.post(url, json=[{"action": "cut_json"}, {"action": "hang"}], timeout=5).status_code == 201
    assert client.get(PROGRESS).status_code == 422
    assert [(one["action"], one["hits"]) for one in requests.get(url, timeout=5).json()] == [
        ("answer", 1),
        ("cut_json", 0),
        ("hang", 0),
    ]
    assert requests.delete(url, timeout=5).status_code == 204
    assert client.get(PROGRESS).status_code == 200
    assert running.count("_sandbox") == 0


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('{"action": "explode"}', "action must be one of"),
        ('{"action": "hang", "pth": "x"}', "unknown fields of a fault: pth"),
        ('{"action": "hang", "path": "("}', "regular expressions"),
        ('["hang"]', "a fault is a JSON object"),
        ("{", ""),
    ],
)
def test_invalid_faults_are_refused(client: Client, running: Sandbox, body: str, problem: str) -> None:
    response = requests.post(running.url + "/_sandbox/faults", data=body, timeout=5)
    assert response.status_code == 400
    assert problem in response.json()["error"]
    assert requests.get(running.url + "/_sandbox/faults", timeout=5).json() == []


def test_faults_survive_json(client: Client) -> None:
    given = faults.wrong_types({"a": 1}, path="x", method="GET", skip=1, times=2)
    assert faults.from_json(json.loads(json.dumps(given.as_json()))) == given


def test_requests_by_http(client: Client, running: Sandbox) -> None:
    url = running.url + "/_sandbox/requests"
    client.get(CAMPAIGNS_PATH)
    assert [(one["method"], one["path"], one["status"]) for one in requests.get(url, timeout=5).json()] == [
        ("GET", CAMPAIGNS_PATH, 200)
    ]
    assert requests.delete(url, timeout=5).status_code == 204
    assert running.requests == []


def test_tokens_by_http(client: Client, running: Sandbox) -> None:
    assert requests.post(running.url + "/_sandbox/tokens/expire", timeout=5).status_code == 204
    assert client.get(CAMPAIGNS_PATH).status_code == 401
    client.log_in()
    assert requests.post(running.url + "/_sandbox/tokens/revoke", timeout=5).status_code == 204
    assert (client.get(CAMPAIGNS_PATH).status_code, client.token().status_code) == (401, 401)
    assert requests.post(running.url + "/_sandbox/reset", timeout=5).status_code == 204
    assert client.log_in().get(CAMPAIGNS_PATH).status_code == 200


def test_control_is_not_rate_limited(limited: tuple[Client, ManualClock]) -> None:
    client, _ = limited
    client.sandbox.add_fault(faults.server_error())
    assert {client.get("/_sandbox/requests").status_code for _ in range(10)} == {200}
    assert client.sandbox.requests == []


# Running it


def test_config_names_what_the_connector_needs(running: Sandbox) -> None:
    assert running.config(campaign_ids=[1], requests_per_minute=55) == {
        "client_id": "sandbox-user",
        "client_secret": "sandbox-secret",
        "api_url": running.url,
        "requests_per_minute": 55,
        "campaign_ids": [1],
    }
    assert running.url.startswith("http://127.0.0.1:")


def test_stops_while_requests_hang_and_leaves_no_thread() -> None:
    before = threading.active_count()
    failures: list[Exception] = []

    def ask(client: Client, timeout: float) -> None:
        try:
            client.get(CAMPAIGNS_PATH, timeout=timeout)
        except requests.exceptions.RequestException as failure:
            failures.append(failure)

    with Sandbox(seeds.empty_account(TODAY), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.hang(times=2))
        sandbox.add_fault(faults.drip(500, times=1))
        sandbox.add_fault(faults.delay(500, times=1))
        askers = [threading.Thread(target=ask, args=(Client(sandbox), 60)) for _ in range(4)]
        for asker in askers:
            asker.start()
        wait_until(lambda: sandbox.count() == 4)
    for asker in askers:
        asker.join(10)
    assert len(failures) == 4
    assert not any(isinstance(failure, requests.exceptions.Timeout) for failure in failures)
    assert threading.active_count() == before


def test_starts_again_after_a_stop() -> None:
    sandbox = Sandbox(seeds.empty_account(TODAY))
    for _ in range(2):
        with sandbox:
            assert Client(sandbox).log_in().get(CAMPAIGNS_PATH).json() == []
    sandbox.stop()


def test_latency_delays_the_response() -> None:
    with Sandbox(seeds.empty_account(TODAY), replace(UNLIMITED, latency=0.3)) as sandbox:
        client = Client(sandbox)
        with pytest.raises(requests.exceptions.ReadTimeout):
            client.get(CAMPAIGNS_PATH, timeout=0.1)
        assert client.get("/_sandbox/faults", timeout=5).json() == []
        assert client.token().status_code == 200


def test_command_line() -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--campaigns", "3", "--rate-limit", "2", "--penalty"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = "".join(process.stdout.readline() for _ in range(4))
            found = re.search(r"\{.*\}", told)
            assert found, told
            config = json.loads(found[0])
            form = {"grant_type": "client_credentials", **{k: config[k] for k in ("client_id", "client_secret")}}
            token = requests.post(config["api_url"] + TOKEN_PATH, data=form, timeout=5).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            rows = requests.get(config["api_url"] + CAMPAIGNS_PATH, headers=headers, timeout=5).json()
            assert (len(rows), "3 campaigns, 2 requests/min" in told) == (3, True)
            assert requests.get(config["api_url"] + CAMPAIGNS_PATH, headers=headers, timeout=5).status_code == 429
        finally:
            process.terminate()


# Helpers


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _recomputed(by_campaign: dict[int, list[Event]]) -> dict[str, Any]:
    """The analytics response, recomputed without the sandbox's own tables."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    reached = set()
    for mine in by_campaign.values():
        bounced = {(event.recipient, event.step) for event in mine if event.kind == "bounce"}
        for event in mine:
            found[event.kind].append(event.recipient)
            if event.sentiment:
                found[event.sentiment].append(event.recipient)
            if event.kind in ("first_email", "follow_up") and (event.recipient, event.step) not in bounced:
                reached.add(event.recipient)
    invited = {*found["linkedin_invite"], *found["linkedin_message"], *found["linkedin_in_mail"]}
    linkedin_replies = {
        *found["linkedin_invite_reply"],
        *found["linkedin_message_reply"],
        *found["linkedin_in_mail_reply"],
    }
    sent = len(found["first_email"]) + len(found["follow_up"])
    mailed, contacted, answered = len(reached), len(invited), len(linkedin_replies)
    replied = len(set(found["reply"]))
    counts: list[tuple[str, int, int | None]] = [
        ("total_contacted", len(reached | invited), None),
        ("emails_sent", sent, None),
        ("first_emails", len(found["first_email"]), sent),
        ("follow_ups", len(found["follow_up"]), sent),
        ("delivered", sent - len(found["bounce"]), sent),
        ("bounced", len(found["bounce"]), sent),
        ("contacted_by_email", mailed, None),
        ("email_opens", len(set(found["open"])), mailed),
        ("link_clicks", len(set(found["click"])), mailed),
        ("email_replies", replied, mailed),
        ("unsubscribed", len(set(found["unsubscribe"])), mailed),
        ("auto_replied", len(set(found["auto_reply"])), mailed),
        ("contacted_by_linkedin", contacted, None),
        ("linkedin_total_replies", answered, contacted),
        ("connection_request_replies", len(set(found["linkedin_invite_reply"])), answered),
        ("message_replies", len(set(found["linkedin_message_reply"])), answered),
        ("in_mail_replies", len(set(found["linkedin_in_mail_reply"])), answered),
        ("connection_requests", len(found["linkedin_invite"]), None),
        ("accepted_requests", len(found["linkedin_accept"]), len(found["linkedin_invite"])),
        ("failed_connection_requests", len(found["linkedin_failed_invite"]), None),
        ("messages_sent", len(found["linkedin_message"]), None),
        ("linkedin_views", len(found["linkedin_view"]), None),
        ("linkedin_likes", len(found["linkedin_like"]), None),
        ("linkedin_follows", len(found["linkedin_follow"]), None),
        ("in_mail_sent", len(found["linkedin_in_mail"]), None),
        ("interested", len(set(found["interested"])), replied + answered),
        ("maybe", len(set(found["maybe"])), replied + answered),
        ("not_interested", len(set(found["not_interested"])), replied + answered),
    ]
    body: dict[str, Any] = {}
    for name, number, whole in counts:
        body[name] = number
        if whole is not None:
            body[f"{name}_rate"] = f"{int(100 * number / whole + 0.5)}%" if whole else "0%"
    return body
