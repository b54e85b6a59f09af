"""The event endpoints of a campaign: shapes, pages and refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.tests._client import TODAY, Client
from sandbox.world import events, seeds
from sandbox.world.account import Account, Event
from sandbox.world.belongings import CustomField
from sandbox.world.events import day_start

ACTIVITY_PATH = "/v2/campaigns/910001/recipients-activity"
REPLIES = "/v2/campaigns/910001/all-replies"
SENT, OPENED, CLICKED, ANSWERED = (
    f"/v1/{name}" for name in ("emails-sent", "get-emails-opened", "get-emails-clicked", "get-emails-replies")
)
LISTS = {SENT: events.FIRST_EMAIL, OPENED: events.OPEN, CLICKED: events.CLICK, ANSWERED: events.REPLY}
DAYS: dict[str, Any] = {"dateFrom": str(TODAY - timedelta(days=30)), "dateTo": str(TODAY)}
NOT_FOUND = {"errors": {"code": 404, "title": "Campaign not found", "source": ""}}
NOON = day_start(TODAY) + 12 * 3600


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    account = seeds.account_active_on([{TODAY}], TODAY)
    account.belongings.custom_fields = [CustomField("Region", required=True), CustomField("Account tier")]
    with Sandbox(account, replace(UNLIMITED, event_page=3, reply_page=3)) as sandbox:
        yield sandbox


@pytest.fixture
def account(running: Sandbox) -> Account:
    running.account.replace_events(910_001, [])
    return running.account


def _many(kind: str, number: int) -> list[Event]:
    """Events of one kind, a minute apart, each by a different person."""
    sender = 66001 if kind in events.LINKEDIN else 55001
    return [Event(NOON + 60 * place, kind, place + 1, sender, 1) for place in range(number)]


# Activity


def test_activity_row(client: Client, account: Account) -> None:
    account.replace_events(910_001, _many(events.CLICK, 1))
    body = client.get(ACTIVITY_PATH, **DAYS).json()
    person = account.recipients[1]
    assert body == {
        "data": [
            {
                "event_time": f"{TODAY} 12:00:00",
                "event_type": "click",
                "sender_email": "ana@outreach.example.com",
                "email_subject": "Re: Grüße aus Köln, 東京も?",
                "recipient_email": person.email,
                "recipient_name": person.name,
                "phone": "15550001",
                "industry": person.industry,
                "country": person.country,
                "location": person.location,
                "company": person.company,
                "job_position": person.job_position,
                "hq_phone": "15550100",
                "website": "example.com",
            }
        ],
        "pagination": {"total": 1, "offset": 0, "limit": 100, "has_more": False},
    }


def test_activity_on_linkedin_has_no_mailbox(client: Client, account: Account) -> None:
    account.replace_events(910_001, [Event(NOON, events.MESSAGE, 20, 66001)])
    [row] = client.get(ACTIVITY_PATH, **DAYS).json()["data"]
    assert (row["event_type"], row["sender_email"], row["recipient_email"]) == ("send_message", None, None)
    assert row["email_subject"].startswith("<p>Hi ")


def test_activity_types(client: Client, account: Account) -> None:
    kinds = [
        *(events.FIRST_EMAIL, events.FOLLOW_UP, events.OPEN, events.CLICK, events.REPLY, events.BOUNCE),
        *(events.UNSUBSCRIBE, events.INVITE, events.ACCEPT, events.MESSAGE, events.IN_MAIL, events.INVITE_REPLY),
        *(events.MESSAGE_REPLY, events.IN_MAIL_REPLY, events.AUTO_REPLY, events.FINISHED, events.VIEW, events.LIKE),
    ]
    story = [replace(_many(kind, 1)[0], at=NOON + place) for place, kind in enumerate(kinds)]
    account.replace_events(910_001, reversed(story))
    rows = client.get(ACTIVITY_PATH, **DAYS).json()["data"]
    assert [row["event_type"] for row in rows] == [
        *("sent", "sent", "open", "click", "reply", "bounce", "unsubscribe"),
        *("send_invite", "connected", "send_message", "in_mail", "replied", "replied", "replied"),
    ]
    assert rows == sorted(rows, key=lambda row: row["event_time"])


@pytest.mark.parametrize(("total", "pages"), [(0, [0]), (1, [1]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (9, [4, 4, 1])])
def test_activity_pages(client: Client, account: Account, total: int, pages: list[int]) -> None:
    account.replace_events(910_001, _many(events.OPEN, total))
    found, sizes = [], []
    more = True
    while more:
        page = client.get(ACTIVITY_PATH, **DAYS, limit=4, offset=len(found)).json()
        assert page["pagination"].items() >= {"total": total, "offset": len(found), "limit": 4}.items()
        found += page["data"]
        sizes.append(len(page["data"]))
        more = page["pagination"]["has_more"]
    assert sizes == pages
    assert [row["event_time"][11:16] for row in found] == [f"12:{minute:02d}" for minute in range(total)]
    beyond = client.get(ACTIVITY_PATH, **DAYS, limit=4, offset=total + 3).json()
    assert (beyond["data"], beyond["pagination"]["has_more"]) == ([], False)


def test_activity_has_a_window_of_whole_days(client: Client, account: Account) -> None:
    moments = [day_start(TODAY) - 1, day_start(TODAY), day_start(TODAY) + 86_399, day_start(TODAY) + 86_400]
    account.replace_events(910_001, [Event(at, events.OPEN, 1, 55001) for at in moments])
    body = client.get(ACTIVITY_PATH, dateFrom=str(TODAY), dateTo=str(TODAY)).json()
    assert [row["event_time"][11:] for row in body["data"]] == ["00:00:00", "23:59:59"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"dateFrom": None}, "dateFrom"),
        ({"dateTo": None}, "dateTo"),
        ({"dateFrom": str(TODAY - timedelta(days=31))}, "dateTo"),
        ({"dateFrom": str(TODAY + timedelta(days=1))}, "dateTo"),
        ({"dateFrom": "2026-09-31"}, ""),
        ({"limit": 1001}, "limit"),
        ({"limit": 0}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": "x"}, "offset"),
        ({"dateFrom": None, "dateTo": None, "date_from": str(TODAY), "date_to": str(TODAY)}, "dateFrom"),
    ],
)
def test_activity_refuses(client: Client, account: Account, query: dict[str, Any], named: str) -> None:
    response = client.get(ACTIVITY_PATH, **DAYS | query)
    assert response.status_code == 422
    assert response.json()["success"] is False
    assert named in response.json()["errors"][0]


def test_activity_takes_the_largest_page(client: Client, account: Account) -> None:
    assert client.get(ACTIVITY_PATH, **DAYS, limit=1000).json()["pagination"]["limit"] == 1000


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v2/campaigns/1/recipients-activity", DAYS),
        ("/v2/campaigns/1/all-replies", {}),
        ("/v2/campaigns/1", {}),
        ("/v1/prospect-finished", {"campaignId": 1}),
        *((path, {"campaignId": 1}) for path in LISTS),
    ],
)
def test_unknown_campaign(client: Client, path: str, query: dict[str, Any]) -> None:
    response = client.get(path, **query)
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


# The older lists


def test_sent_row(client: Client, account: Account) -> None:
    account.replace_events(910_001, _many(events.FOLLOW_UP, 1))
    [row] = client.get(SENT, campaignId=910_001).json()
    assert list(row) == ["sentDate", "userName", "userEmail", "campaign", "hash", "id"]
    assert row["sentDate"] == {"date": f"{TODAY} 12:00:00.000000", "timezone_type": 3, "timezone": "UTC"}
    person = account.recipients[1]
    assert (row["userName"], row["userEmail"], row["campaign"]) == (person.name, person.email, "Campaign 1")
    assert re.fullmatch("[0-9a-f]{32}", row["id"])
    assert re.fullmatch("[0-9a-f]{32}", row["hash"])
    assert [row] == client.get(SENT, campaignId=910_001).json()


@pytest.mark.parametrize("path", [OPENED, CLICKED, ANSWERED])
def test_reaction_row(client: Client, account: Account, path: str) -> None:
    account.replace_events(910_001, _many(LISTS[path], 1))
    [row] = client.get(path, campaignId=910_001).json()
    person = account.recipients[1]
    for name in ("prospectId", "hash", "id"):
        assert re.fullmatch("[0-9a-f]{32,64}", row.pop(name))
    assert row == {
        "visitedAt": {"date": f"{TODAY} 12:00:00.000000", "timezone_type": 3, "timezone": "UTC"},
        "campaignId": 910_001,
        "campaign": "Campaign 1",
        "prospectFirstName": person.first_name,
        "prospectLastName": person.last_name,
        "prospectName": person.name,
        "sourcePage": person.profile,
        "source": "import",
        "locality": person.location,
        "industry": person.industry,
        "country": person.country,
        "prospectEmail": person.email,
        "emailSubject": '"Re: Grüße aus Köln, 東京も?"',
        "emailBody": f'"<p>Hi {person.first_name},</p><p>this is message 2.</p>"',
        "skills": "",
        "links": None,
        "customFields": None,
        "customField_Region": None,
    }


def test_custom_fields_are_keys_of_the_row(client: Client, account: Account) -> None:
    account.replace_events(910_001, _many(events.OPEN, 3))
    fields = [
        {name: value for name, value in row.items() if name.startswith("customField_")}
        for row in client.get(OPENED, campaignId=910_001).json()
    ]
    assert fields == [
        {"customField_Region": None},
        {"customField_Region": "Region 2", "customField_Account tier": "Account tier 2"},
        {"customField_Region": None},
    ]


def test_opens_and_clicks_of_an_email_share_its_id(client: Client, account: Account) -> None:
    mail = _many(events.FIRST_EMAIL, 1)[0]
    opens = [replace(mail, kind=events.OPEN, at=mail.at + seconds) for seconds in (60, 60, 90)]
    account.replace_events(910_001, [mail, *opens, replace(mail, kind=events.CLICK, at=mail.at + 99)])
    rows = [row for path in (OPENED, CLICKED) for row in client.get(path, campaignId=910_001).json()]
    assert len(rows) == 4
    assert len({(row["id"], row["hash"]) for row in rows}) == 1
    assert len({row["prospectId"] for row in rows}) == 4
    assert client.get(SENT, campaignId=910_001).json()[0]["id"] != rows[0]["id"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(("total", "pages"), [(0, [0]), (2, [2]), (3, [3, 0]), (4, [3, 1]), (6, [3, 3, 0])])
def test_pages_of_the_older_lists(client: Client, account: Account, path: str, total: int, pages: list[int]) -> None:
    account.replace_events(910_001, _many(LISTS[path], total))
    found: list[dict[str, Any]] = []
    sizes = []
    while not sizes or sizes[-1] == 3:
        page = client.get(path, campaignId=910_001, **({"offset": len(found)} if found else {})).json()
        sizes.append(len(page))
        found += page
    assert sizes == pages
    times = [(row.get("sentDate") or row["visitedAt"])["date"] for row in found]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == total


@pytest.mark.parametrize("path", [*LISTS, "/v1/prospect-finished"])
@pytest.mark.parametrize("query", [{}, {"campaign_id": 910_001}, {"campaignId": "x"}])
def test_the_older_lists_need_a_campaign(client: Client, path: str, query: dict[str, Any]) -> None:
    response = client.get(path, **query)
    assert (response.status_code, response.json()["success"]) == (422, False)


def test_a_page_holds_ten_thousand_rows_by_default() -> None:
    account = seeds.account_active_on([{TODAY}], TODAY)
    story = [Event(NOON, events.OPEN, 1, 55001, step) for step in range(10_001)]
    account.replace_events(910_001, story)
    with Sandbox(account, UNLIMITED) as sandbox:
        client = Client(sandbox).log_in()
        pages = [client.get(OPENED, campaignId=910_001, offset=offset).json() for offset in (0, 10_000)]
        assert [len(page) for page in pages] == [10_000, 1]


def test_conflicting_forms() -> None:
    account = seeds.account_active_on([{TODAY}], TODAY)
    account.replace_events(910_001, [*_many(events.REPLY, 1), *_many(events.FIRST_EMAIL, 1)])
    with Sandbox(account, replace(UNLIMITED, time_form="text", nested_replies=True)) as sandbox:
        client = Client(sandbox).log_in()
        [sent] = client.get(SENT, campaignId=910_001).json()
        assert sent["sentDate"] == f"{TODAY} 12:00:00"
        [reply] = client.get(ANSWERED, campaignId=910_001).json()
        assert reply["visitedAt"] == f"{TODAY} 12:00:00"
        assert "emailSubject" not in reply
        assert [list(mail) for mail in reply["emails"]] == [["emailSubject", "emailBody"]]


def test_finished(client: Client, account: Account) -> None:
    once = _many(events.FINISHED, 5)
    account.replace_events(910_001, [*once, replace(once[0], at=NOON + 9999), *_many(events.REPLY, 7)])
    rows = client.get("/v1/prospect-finished", campaignId=910_001).json()
    assert [row["userName"] for row in rows] == [account.recipients[place].name for place in range(1, 6)]
    assert list(rows[0]) == ["id", "prospectId", "userName", "userEmail", "campaign", "hash"]
    again = client.get("/v1/prospect-finished", campaignId=910_001).json()
    assert [row["id"] for row in again] == [row["id"] for row in rows]
    account.replace_events(910_001, [])
    assert client.get("/v1/prospect-finished", campaignId=910_001).json() == []


# Replies


def test_reply_rows(client: Client, account: Account) -> None:
    message = Event(NOON, events.MESSAGE_REPLY, 2, 66001, 1, "maybe")
    mail = replace(message, kind=events.REPLY, sender=55001, at=NOON + 60)
    account.replace_events(910_001, [message, mail, replace(message, at=NOON + 86_400)])
    linkedin, email = client.get(REPLIES).json()["data"]
    person = account.recipients[2]
    assert linkedin.pop("prospectId") != email.pop("prospectId")
    assert linkedin == {
        "campaignId": 910_001,
        "campaign": "Campaign 1",
        "prospectName": person.name,
        "prospectEmail": person.email,
        "linkedInProfile": person.profile,
        "replyType": "linkedinMessage",
        "receivedAt": f"{TODAY} 12:00:00",
        "replies": [
            {
                "subject": "",
                "message": "Who else uses it?\nAnd what does it cost?",
                "receivedAt": f"{TODAY} 12:00:00",
            },
            {
                "subject": "",
                "message": "One more thing: what about delivery times?",
                "receivedAt": f"{TODAY + timedelta(days=1)} 12:00:00",
            },
        ],
    }
    assert (email["replyType"], email["receivedAt"]) == ("email", f"{TODAY} 12:01:00")
    assert [one["subject"] for one in email["replies"]] == ["Re: Re: Grüße aus Köln, 東京も?"]


def test_the_id_of_a_prospect_changes_with_every_read(client: Client, account: Account) -> None:
    account.replace_events(910_001, _many(events.IN_MAIL_REPLY, 1))
    first, second = (client.get(REPLIES).json()["data"][0] for _ in range(2))
    assert first.pop("prospectId") != second.pop("prospectId")
    assert first == second


@pytest.mark.parametrize(("total", "pages"), [(0, [0]), (1, [1, 0]), (3, [3, 0]), (4, [3, 1, 0]), (6, [3, 3, 0])])
def test_reply_pages(client: Client, account: Account, total: int, pages: list[int]) -> None:
    account.replace_events(910_001, [*_many(events.INVITE_REPLY, total), *_many(events.AUTO_REPLY, 2)])
    found: list[dict[str, Any]] = []
    sizes = []
    while not sizes or sizes[-1]:
        page = client.get(REPLIES, offset=len(found)).json()["data"]
        sizes.append(len(page))
        found += page
    assert sizes == pages
    assert len({row["prospectName"] + row["receivedAt"] for row in found}) == total
