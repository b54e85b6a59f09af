"""Events, replies and analytics of the demo account agree with each other (Snov.io API reference 4.6)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sandbox.tests._client import LONG_AGO, TODAY, Client
from sandbox.world import events, seeds
from sandbox.world.account import Account

ACTIVITY_PATH = "/v2/campaigns/{}/recipients-activity"


def test_every_campaign_agrees_with_its_analytics(client: Client, account: Account) -> None:
    for campaign in account.campaigns:
        numbers = account.analytics([campaign], LONG_AGO, TODAY)
        sent, opened, clicked, answered = (
            client.get(path, campaignId=campaign).json()
            for path in (
                "/v1/emails-sent",
                "/v1/get-emails-opened",
                "/v1/get-emails-clicked",
                "/v1/get-emails-replies",
            )
        )
        assert len(sent) == numbers["emails_sent"]
        assert len({row["prospectEmail"] for row in opened}) == numbers["email_opens"] <= len(opened)
        assert len({row["prospectEmail"] for row in clicked}) == numbers["link_clicks"]
        assert len({row["prospectEmail"] for row in answered}) == numbers["email_replies"] <= len(answered)
        replies = Counter(row["replyType"] for row in _replies(client, campaign))
        assert replies["email"] == numbers["email_replies"]
        assert replies["linkedinInvite"] == numbers["connection_request_replies"]
        assert replies["linkedinMessage"] == numbers["message_replies"]
        assert replies["linkedinInMail"] == numbers["in_mail_replies"]


def test_activity_agrees_with_the_analytics_of_its_days(client: Client, account: Account) -> None:
    for campaign in list(account.campaigns)[:20]:
        for back in (0, 31, 62):
            date_to = TODAY - timedelta(days=back)
            date_from = date_to - timedelta(days=30)
            rows = _activity(client, campaign, date_from, date_to)
            numbers = account.analytics([campaign], date_from, date_to)
            types = Counter(row["event_type"] for row in rows)
            people = {kind: {row["recipient_email"] for row in rows if row["event_type"] == kind} for kind in types}
            assert types["sent"] == numbers["emails_sent"]
            assert len(people.get("bounce", ())) == types["bounce"] == numbers["bounced"]
            assert len(people.get("open", ())) == numbers["email_opens"]
            assert len(people.get("click", ())) == numbers["link_clicks"]
            assert len(people.get("reply", ())) == numbers["email_replies"]
            assert len(people.get("unsubscribe", ())) == numbers["unsubscribed"]
            assert types["send_invite"] == numbers["connection_requests"]
            assert types["connected"] == numbers["accepted_requests"]
            assert types["send_message"] == numbers["messages_sent"]
            assert types["in_mail"] == numbers["in_mail_sent"]


def test_nobody_bounces_twice_in_a_campaign(account: Account) -> None:
    for campaign in account.campaigns:
        bounces = Counter(event.recipient for event in account.timeline(campaign).of_kinds({events.BOUNCE}))
        assert set(bounces.values()) <= {1}


def test_senders_agree(client: Client, account: Account) -> None:
    date_from = TODAY - timedelta(days=30)
    accounts = {row["id"]: row["email_from"] for row in client.get("/v2/sender-accounts/emails").json()["data"]}
    for campaign in (910_001, 910_002, 910_003):
        rows = _activity(client, campaign, date_from, TODAY)
        for sender, address in accounts.items():
            numbers = account.analytics([campaign], date_from, TODAY, sender_email=[sender])
            mine = [row for row in rows if row["sender_email"] == address]
            assert sum(row["event_type"] == "sent" for row in mine) == numbers["emails_sent"]
            assert (
                len({row["recipient_email"] for row in mine if row["event_type"] == "open"}) == numbers["email_opens"]
            )


def test_campaigns_name_things_that_exist(client: Client, account: Account) -> None:
    lists = {row["id"]: row for row in client.get("/v1/get-user-lists").json()}
    senders = {row["id"] for row in client.get("/v2/sender-accounts/emails").json()["data"]}
    schedules = {row["id"] for row in client.get("/v2/campaigns/schedules").json()["data"]}
    blacklists = {row["id"] for row in client.get("/v2/blacklists").json()["data"]}
    pipelines = {row["id"] for row in client.get("/v2/pipelines").json()["data"]}
    warm_ups = client.get("/v2/warm-up").json()["data"]
    used: dict[str, set[Any]] = {"blacklists": set(), "schedules": set(), "pipelines": set()}
    for row in account.campaign_rows():
        info = client.get(f"/v2/campaigns/{row['id']}").json()["data"]
        assert (info["id"], info["title"], info["recipients"]["list_id"]) == (
            row["id"],
            row["campaign"],
            row["list_id"],
        )
        if row["list_id"]:
            assert lists[row["list_id"]]["contacts"] == len(account.campaigns[row["id"]].recipients)
        assert set(info["email_accounts"]) <= senders
        used["blacklists"].add(info["recipients"]["black_list_id"])
        used["schedules"].add(info["schedule_id"])
        if "deals" in info:
            used["pipelines"].add(info["deals"]["pipeline_id"])
    assert used["blacklists"] - {None} <= blacklists
    assert used["schedules"] == schedules
    assert used["pipelines"] <= pipelines
    assert {row["email_account"]["id"] for row in warm_ups} == senders


def test_the_awkward_cases_are_there(client: Client, account: Account) -> None:
    replies = [row for campaign in account.campaigns for row in _replies(client, campaign)]
    assert any(len(row["replies"]) == 2 for row in replies if row["replyType"] == "email")
    assert any(len(row["replies"]) == 2 for row in replies if row["replyType"] != "email")
    for row in replies:
        assert row["receivedAt"] == row["replies"][0]["receivedAt"] == min(one["receivedAt"] for one in row["replies"])
    nameless = [row for row in replies if row["prospectEmail"] is None and row["linkedInProfile"] is None]
    keys = Counter((row["campaignId"], row["prospectName"], row["replyType"]) for row in nameless)
    assert max(keys.values()) == 2
    assert any(row["prospectEmail"] is None and row["linkedInProfile"] for row in replies)
    rows = [row for back in range(0, 100, 31) for row in _window(client, 910_001, back)]
    twins = [times for times in Counter(tuple(row.values()) for row in rows).values() if times > 1]
    assert twins == [2]


def test_the_awkward_cases_change_no_day_of_any_campaign(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins and second replies fall on days and come from people that already count."""
    monkeypatch.setattr(seeds, "furnish", lambda account, seed: None)
    plain = seeds.demo_account(today=TODAY)
    assert plain.campaigns == account.campaigns
    changed = 0
    for campaign in account.campaigns:
        more = Counter(account.events(campaign)) - Counter(plain.events(campaign))
        changed += more.total()
        for day in {datetime.fromtimestamp(event.at, UTC).date() for event in more}:
            assert account.analytics([campaign], day, day) == plain.analytics([campaign], day, day)
        assert account.analytics([campaign], LONG_AGO, TODAY) == plain.analytics([campaign], LONG_AGO, TODAY)
        assert account.progress(campaign) == plain.progress(campaign)
    assert changed > 10


def _replies(client: Client, campaign: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = client.get(f"/v2/campaigns/{campaign}/all-replies", offset=len(found)).json()["data"]
        if not page:
            return found
        found += page


def _window(client: Client, campaign: int, back: int) -> list[dict[str, Any]]:
    date_to = TODAY - timedelta(days=back)
    return _activity(client, campaign, date_to - timedelta(days=30), date_to)


def _activity(client: Client, campaign: int, date_from: date, date_to: date) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        query: dict[str, Any] = {"dateFrom": str(date_from), "dateTo": str(date_to), "offset": len(found)}
        page = client.get(ACTIVITY_PATH.format(campaign), limit=1000, **query).json()
        found += page["data"]
        if not page["pagination"]["has_more"]:
            assert len(found) == page["pagination"]["total"]
            return found
