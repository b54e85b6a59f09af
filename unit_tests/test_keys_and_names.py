"""Keys that the API lacks, and one form of names, times and containers, whichever the API sends."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, Settings
from sandbox.world.account import Account, Event
from sandbox.world.belongings import CustomField, Webhook
from sandbox.world.events import CLICK, FIRST_EMAIL, INVITE, INVITE_REPLY, OPEN, REPLY
from unit_tests._daily import ago
from unit_tests._helpers import API, CAMPAIGN, Api, logs, records, sync
from unit_tests._streams import EVENT_LISTS, FIRST, account, at, synced, utc

ACTIVITY = "campaign_recipients_activity"
JANUARY = {"end_date": "2026-01-30"}


def known() -> Account:
    """One campaign: two opens in the same second, and replies by e-mail and by people without an address."""
    step = at(ago(40))
    events = [
        *(Event(step, FIRST_EMAIL, person, 55001) for person in (1, 2)),
        *[Event(step + 60, OPEN, 1, 55001)] * 2,
        *(Event(step + 90, kind, 1, 55001) for kind in (CLICK, REPLY)),
        *(Event(step + 100 + person, kind, person, 66001) for kind in (INVITE, INVITE_REPLY) for person in (3, 4, 5)),
    ]
    made = account(events)
    for person in (3, 4):
        made.recipients[person] = replace(
            made.recipients[person], first_name="Pat", last_name="Example", email=None, profile=None
        )
    made.recipients[5] = replace(
        made.recipients[5],
        first_name="Lou",
        last_name="Ford",
        email=None,
        profile="https://linkedin.example.com/in/Lou-5",
    )
    made.recipients[1] = replace(made.recipients[1], email="Mixed.Case@Example.COM")
    made.campaigns[FIRST].recipients = (1, 2, 3, 4, 5)
    made.belongings.custom_fields = [CustomField("Region", required=True), CustomField("Account tier (new)")]
    return made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(known(), UNLIMITED) as running:
        yield running


def ids(sandbox: Sandbox, **overrides: Any) -> list[str]:
    return sorted(row["event_id"] for row in records(synced(sandbox, ACTIVITY, **overrides), ACTIVITY))


# Keys ----------------------------------------------------------------------------------------------------------------


def test_an_event_keeps_its_id_and_twins_have_two_ids(sandbox: Sandbox) -> None:
    first = ids(sandbox)
    assert len(set(first)) == len(first) == len(sandbox.account.events(FIRST)) == 12
    # Different windows, and a changed profile.
    for person, known in sandbox.account.recipients.items():
        sandbox.account.recipients[person] = replace(known, company="New Ltd", job_position="CEO", country="Malta")
    assert ids(sandbox, start_date=str(ago(41)), num_workers=1) == first
    assert ids(sandbox, start_date=str(ago(42)), num_workers=1) == first
    # A third twin does not change the ids of the others.
    sandbox.account.add_events(FIRST, [event for event in sandbox.account.events(FIRST) if event.kind == OPEN][:1])
    assert len(set(ids(sandbox)) - set(first)) == 1
    assert set(first) < set(ids(sandbox))


@pytest.mark.parametrize("size", [4, 5])
def test_an_event_has_the_same_id_on_any_page(api: Api, size: int) -> None:
    rows = [
        {"event_time": f"2026-01-0{day} 09:00:00", "event_type": "open", "recipient_email": "pat@example.com"}
        for day in (1, 2, 2, 2, 3)
    ]

    def respond(request: Any, context: Any) -> Any:
        start = int(request.qs.get("offset", ["0"])[0])
        # The twins differ in a field that is not part of the event's identity.
        page = [row | {"phone": str(number)} for number, row in enumerate(rows)][start : start + size]
        return {"data": page, "pagination": {"has_more": start + size < len(rows)}}

    api.campaigns(CAMPAIGN)
    api.mocker.get(f"{API}/v2/campaigns/910001/recipients-activity", json=respond)
    found = [row["event_id"] for row in records(sync(ACTIVITY, **JANUARY), ACTIVITY)]
    # Destinations have these ids, so the way they are made must not change.
    assert found == [
        "490b52564b93ef0064f562adb38ac132",
        "9282236f08997ea6069301376f8b08d0",
        "50e18fd6350a7a609b61d89bdb13b770",
        "b699eada8f9fa60a003149b88cda07b0",
        "6369198e82d96f579fa4fdc1eac45a07",
    ]


def test_contacts_are_identified_by_address_profile_or_name(sandbox: Sandbox) -> None:
    output = synced(sandbox, "campaign_replies", "list_prospects")
    replies = {row["contact"] for row in records(output, "campaign_replies")}
    assert replies == {
        "mixed.case@example.com",
        "name:Pat Example#1",
        "name:Pat Example#2",
        "https://linkedin.example.com/in/Lou-5",
    }
    # Unchanged, as the API writes it.
    [reply] = [row for row in records(output, "campaign_replies") if row["reply_type"] == "email"]
    assert reply["prospect_email"] == "Mixed.Case@Example.COM"
    assert [row["contact"] for row in records(output, "list_prospects")] == [
        "mixed.case@example.com",
        sandbox.account.recipients[2].email,
        "name:Pat Example#1",
        "name:Pat Example#2",
        "name:Lou Ford#1",
    ]


@pytest.mark.parametrize("size", [2, 3, 4])
def test_people_of_the_same_name_on_different_pages_are_all_read(size: int) -> None:
    with Sandbox(known(), UNLIMITED) as sandbox:
        whole = [row["contact"] for row in records(synced(sandbox, "list_prospects"), "list_prospects")]
        requests = len(sandbox.requests)
    with Sandbox(known(), replace(UNLIMITED, short_pages=size)) as sandbox:
        output = synced(sandbox, "list_prospects")
        # Each page is asked for once.
        assert len(sandbox.requests) == requests + -(-len(whole) // size) - 1
    assert [row["contact"] for row in records(output, "list_prospects")] == whole
    assert not logs(output, "WARN")


def test_an_address_on_two_pages_of_a_list_is_no_sign_of_rows_that_move() -> None:
    made = known()
    made.recipients[3] = replace(made.recipients[3], email="mixed.case@example.com")
    with Sandbox(made, replace(UNLIMITED, short_pages=2)) as sandbox:
        output = synced(sandbox, "list_prospects")
        pages = sum(record.path == "/v1/prospect-list" for record in sandbox.requests)
    assert len(records(output, "list_prospects")) == 4
    assert not logs(output, "WARN")
    # Read twice, because rows that moved would look the same.
    assert pages == 2 * 3


def test_contacts_are_the_same_in_every_sync_though_their_ids_are_not(sandbox: Sandbox) -> None:
    first, second = (records(synced(sandbox, "campaign_replies"), "campaign_replies") for _ in range(2))
    assert {row.pop("prospect_id") for row in first}.isdisjoint({row.pop("prospect_id") for row in second})
    assert [row | {"checked_at": ""} for row in first] == [row | {"checked_at": ""} for row in second]


# Names and forms -----------------------------------------------------------------------------------------------------


def test_a_reaction_has_names_times_and_custom_fields_in_one_form(sandbox: Sandbox) -> None:
    [row] = records(synced(sandbox, "email_clicks"), "email_clicks")
    happened = utc(at(ago(40)) + 90)
    assert (row["campaign_id"], row["occurred_at"], row["visited_at"]) == (FIRST, happened, happened)
    person = sandbox.account.recipients[1]
    assert (row["prospect_first_name"], row["prospect_email"]) == (person.first_name, person.email)
    assert set(row["custom_fields"]) <= {"Region", "Account tier (new)"}
    assert "Region" in row["custom_fields"]
    assert not any(name != name.lower() or name.startswith("custom_field_") for name in row)


@pytest.mark.parametrize(
    "settings", [{"time_form": "text"}, {"nested_replies": True}], ids=lambda form: next(iter(form))
)
def test_both_forms_of_the_api_give_the_same_records(sandbox: Sandbox, settings: dict[str, Any]) -> None:
    expected = synced(sandbox, *EVENT_LISTS)
    with Sandbox(sandbox.account, Settings(requests_per_minute=None, **settings)) as other:
        output = synced(other, *EVENT_LISTS)
    for stream in EVENT_LISTS:
        [rows, same] = [records(one, stream) for one in (output, expected)]
        assert same
        for row in (*rows, *same):
            row.pop("prospect_id", None)
            for mail in row.pop("emails", []):
                assert mail.keys() == {"email_subject", "email_body"}
                row.update(mail)
        assert rows == same


MOMENTS: list[Any] = [
    "2026-01-01 10:04:05",
    "2026-01-01T10:04:05Z",
    "2026-01-01T12:04:05+02:00",
    {"date": "2026-01-01 10:04:05.000000", "timezone_type": 3, "timezone": "UTC"},
    "1767261845",
    1_767_261_845,
    "1767261845000",
    1_767_261_845_000,
    {"date": "2026-01-01 12:04:05.000000", "timezone_type": 1, "timezone": "+02:00"},
    {"date": "2026-01-01 15:34:05.000000", "timezone_type": "1", "timezone": "+05:30"},
    {"date": "2026-01-01 05:04:05.000000", "timezone_type": 2, "timezone": "EST"},
    {"date": "2026-01-01 12:04:05.000000", "timezone_type": 2, "timezone": "EET"},
    {"date": "2026-01-01 10:04:05.000000", "timezone_type": 2, "timezone": "Z"},
    {"date": "2026-01-01 12:04:05.000000", "timezone_type": 3, "timezone": "Europe/Kyiv"},
    {"date": "2026-01-01 05:04:05.000000", "timezone_type": 3, "timezone": "America/New_York"},
    {"date": "2026-01-01 10:04:05.000000"},
    {"date": "1767261845", "timezone_type": 3, "timezone": "Europe/Kyiv"},
]


def test_a_time_in_any_form_is_the_same_moment(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    api.mocker.get(
        f"{API}/v1/emails-sent", json=[{"id": f"{n}", "sentDate": moment} for n, moment in enumerate(MOMENTS)]
    )
    assert records(sync("emails_sent", **JANUARY), "emails_sent") == [
        {
            "campaign_id": 910001,
            "id": f"{n}",
            "occurred_at": "2026-01-01T10:04:05Z",
            "sent_date": "2026-01-01T10:04:05Z",
        }
        for n in range(len(MOMENTS))
    ]


def test_an_event_has_the_same_id_in_any_form_of_its_time(api: Api) -> None:
    api.campaigns(*(CAMPAIGN | {"id": number} for number in (1, 2)))
    found = []
    for moment in MOMENTS[:2]:
        for number in (1, 2):
            api.mocker.get(
                f"{API}/v2/campaigns/{number}/recipients-activity",
                json={"data": [{"event_time": moment, "event_type": "sent"}], "pagination": {"has_more": False}},
            )
        found.append([row["event_id"] for row in records(sync(ACTIVITY, **JANUARY), ACTIVITY)])
    [[one, other], same] = found
    assert one != other
    assert sorted(same) == sorted([one, other])


def test_custom_fields_keep_their_labels(api: Api) -> None:
    given: list[dict[str, Any]] = [
        {"customField_Account tier": "A", "customField_x_Y": None},
        {"customFields": {"Region": "EU"}, "customField_Seats": 5},
        {"customFields": []},
    ]
    api.campaigns(CAMPAIGN)
    api.mocker.get(
        f"{API}/v1/get-emails-clicked",
        json=[{"id": f"{n}", "visitedAt": MOMENTS[0], **fields} for n, fields in enumerate(given)],
    )
    rows = records(sync("email_clicks", **JANUARY), "email_clicks")
    assert [row["custom_fields"] for row in rows] == [
        {"Account tier": "A", "x_Y": None},
        {"Region": "EU", "Seats": 5},
        {},
    ]
    assert all(set(row) == {"campaign_id", "id", "occurred_at", "visited_at", "custom_fields"} for row in rows)


@pytest.mark.parametrize("given", [{"Region": "EU", "Seats": 5}, None, []])
def test_a_custom_field_given_twice_keeps_the_non_empty_value(api: Api, given: Any) -> None:
    row = {"id": "1", "visitedAt": MOMENTS[0], "customFields": given, "custom_fields": {"Old": 1}}
    api.campaigns(CAMPAIGN)
    api.mocker.get(f"{API}/v1/get-emails-clicked", json=[row | {"customField_Region": None, "customField_Seats": 6}])
    [record] = records(sync("email_clicks", **JANUARY), "email_clicks")
    assert record["custom_fields"] == ({"Region": "EU"} if given else {"Region": None, "Old": 1}) | {"Seats": 6}


@pytest.mark.parametrize("empty", [None, "", [], {}], ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_a_field_in_two_spellings_keeps_the_non_empty_value(api: Api, empty: Any, turned: bool) -> None:
    row = {"prospectEmail": "A@example.com", "prospect_email": empty, "reply_type": "email", "replyType": empty}
    replies = [{"message": "Hello", "Message": empty, "receivedAt": empty, "received_at": "2026-01-02 09:00:00"}]
    if turned:
        row, replies = dict(reversed(row.items())), [dict(reversed(replies[0].items()))]
    api.campaigns(CAMPAIGN)
    api.replies(910001, row | {"replies": replies})
    output = sync("campaign_replies")
    [reply] = records(output, "campaign_replies")
    del reply["checked_at"]
    assert reply == {
        "campaign_id": 910001,
        "contact": "a@example.com",
        "reply_type": "email",
        "prospect_email": "A@example.com",
        "replies": [{"message": "Hello", "received_at": "2026-01-02T09:00:00Z"}],
    }
    assert not logs(output, "WARN")


@pytest.mark.parametrize("turned", [False, True])
def test_a_field_with_two_different_values_keeps_the_camel_case_one_with_a_warning(api: Api, turned: bool) -> None:
    rows = [
        {"prospectEmail": f"{n}@example.com", "prospect_email": "b@example.com", "replyType": "email"} for n in range(3)
    ]
    rows.append({"prospectEmail": "c@example.com", "prospect_email": "c@example.com", "replyType": "email"})
    if turned:
        rows = [dict(reversed(row.items())) for row in rows]
    api.campaigns(CAMPAIGN)
    api.replies(910001, *rows)
    output = sync("campaign_replies")
    assert [record["contact"][0] for record in records(output, "campaign_replies")] == ["0", "1", "2", "c"]
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaign_replies: prospectEmail and prospect_email of one record are the same field")
    assert "times in this sync" in warning


def test_a_contact_whose_name_is_a_number_is_identified_by_it(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    rows = [{"prospectName": name, "prospectEmail": False, "replyType": "email"} for name in (2026, "2026", "Pat")]
    api.replies(910001, *rows)
    found = records(sync("campaign_replies"), "campaign_replies")
    assert [row["contact"] for row in found] == ["name:2026#1", "name:2026#2", "name:Pat#1"]


def test_empty_lists_in_place_of_objects_become_objects(sandbox: Sandbox) -> None:
    rows = records(synced(sandbox, "sender_email_accounts"), "sender_email_accounts")
    # PHP writes the third one as an empty list.
    assert [row["imap"] for row in rows][2:] == [{}, {"username": rows[3]["email_from"], "valid": True}]


def test_the_query_of_a_webhook_is_masked_and_its_envelope_removed(sandbox: Sandbox) -> None:
    shown = {
        "https://hooks.example.com/in?key=made-up&b=1": "https://hooks.example.com/in?***",
        "https://hooks.example.com/in?": "https://hooks.example.com/in?***",
        "https://hooks.example.com/in?a=1?b=2&c=3": "https://hooks.example.com/in?***",
        "https://hooks.example.com/plain": "https://hooks.example.com/plain",
    }
    sandbox.account.belongings.webhooks = [
        Webhook(number, url, "campaign_email", "sent", "active", 1_767_261_845) for number, url in enumerate(shown, 1)
    ]
    assert records(synced(sandbox, "webhooks"), "webhooks") == [
        {
            "id": number,
            "end_point": url,
            "event_object": "campaign_email",
            "event_action": "sent",
            "status": "active",
            "created_at": "2026-01-01T10:04:05Z",
        }
        for number, url in enumerate(shown.values(), 1)
    ]


def test_a_webhook_without_its_envelope_is_read_too(api: Api) -> None:
    flat = {"id": 5, "end_point": "https://hooks.example.com/in?a", "status": "active"}
    api.mocker.get(f"{API}/v2/webhooks", json={"data": [flat, {"data": flat | {"id": 6}}]})
    masked = flat | {"end_point": "https://hooks.example.com/in?***"}
    assert records(sync("webhooks"), "webhooks") == [masked, masked | {"id": 6}]


def test_a_webhook_may_have_no_address(api: Api) -> None:
    flat = {"id": 5, "status": "active"}
    broken = {"id": 6, "end_point": "https://hooks.example.com/in?a\nb=token"}
    api.mocker.get(f"{API}/v2/webhooks", json={"data": [flat, flat | {"id": 7, "end_point": None}, broken]})
    assert records(sync("webhooks"), "webhooks") == [
        flat,
        flat | {"id": 7},
        broken | {"end_point": "https://hooks.example.com/in?***"},
    ]


def test_a_subject_that_looks_like_a_time_stays_text(api: Api) -> None:
    """The same moment in two forms is the same event time, but different subjects."""
    same = [
        {"event_time": time, "event_type": "open", "email_subject": subject}
        for time in ("2026-01-02 09:00:00", 1767344400)
        for subject in ("2026-01-02 09:00:00", "2026-01-02T09:00:00Z")
    ]
    ids = []
    for row in same:
        api.campaigns(CAMPAIGN)
        api.mocker.get(f"{API}/v2/campaigns/910001/recipients-activity", json={"data": [row]})
        [record] = records(sync(ACTIVITY, **JANUARY), ACTIVITY)
        ids.append(record["event_id"])
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]
