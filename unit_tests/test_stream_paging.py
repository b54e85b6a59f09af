"""Pages: nothing is lost or duplicated at their edges, and there are no unnecessary requests."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, count
from typing import Any

import pytest

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.belongings import ProspectList
from sandbox.world.furnishing import warm_ups
from source_snov.api.pagination import MAX_PASSES
from unit_tests._daily import TODAY
from unit_tests._helpers import API, CAMPAIGN, Api, logs, records, sync
from unit_tests._streams import EVENT_LISTS, requests_by_path, synced

JANUARY = {"end_date": "2026-01-30"}
ACTIVITY_PATH, REPLIES = "/v2/campaigns/910001/recipients-activity", "/v2/campaigns/910001/all-replies"

Rows = list[dict[str, Any]]


@pytest.fixture
def one(api: Api) -> Api:
    """One campaign, started on January 1."""
    api.campaigns(CAMPAIGN)
    return api


def offset_of(request: Any) -> int:
    return int(request.qs.get("offset", ["0"])[0])


def serve(
    api: Api, path: str, rows: Rows, size: int, body: Callable[[Rows, int], Any] = lambda page, left: page
) -> None:
    """Serves pages of `size` rows by offset. body: makes the body from a page and the number of rows after it."""

    def respond(request: Any, context: Any) -> Any:
        start = offset_of(request)
        return body(rows[start : start + size], max(len(rows) - start - size, 0))

    api.mocker.get(f"{API}{path}", json=respond)


def event(number: int) -> dict[str, Any]:
    return {
        "event_time": f"2026-01-{number % 28 + 1:02d} 09:00:00",
        "event_type": "sent",
        "sender_email": "desk@example.com",
        "email_subject": "Hello",
        "recipient_email": f"{number}@example.com",
    }


def reply(number: int) -> dict[str, Any]:
    return {"prospectName": f"Pat {number}", "prospectEmail": f"{number}@example.com", "replyType": "email"}


def mail(number: int) -> dict[str, Any]:
    return {"id": f"{number:032x}", "sentDate": "2026-01-05 09:00:00", "visitedAt": "2026-01-05 09:00:00"}


# By offset -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "tells", "requests"),
    # With neither total nor has_more, only an empty page is the last one for certain.
    [(0, True, 1), (1000, True, 1), (1001, True, 2), (0, False, 1), (1000, False, 2), (1001, False, 3)],
)
def test_activity_comes_in_pages_of_1000(one: Api, rows: int, requests: int, tells: bool) -> None:
    serve(
        one,
        ACTIVITY_PATH,
        [event(number) for number in range(rows)],
        1000,
        lambda page, left: {"data": page} | ({"pagination": {"has_more": left > 0}} if tells else {}),
    )
    found = records(sync("campaign_recipients_activity", **JANUARY), "campaign_recipients_activity")
    assert sorted(record["recipient_email"] for record in found) == sorted(f"{n}@example.com" for n in range(rows))
    assert len({record["event_id"] for record in found}) == rows
    assert one.count("recipients-activity") == requests
    assert all("limit=1000" in request.url for request in one.mocker.request_history if ACTIVITY_PATH in request.url)


def test_a_page_that_the_api_filtered_after_cutting_is_not_the_last_one(one: Api) -> None:
    rows = [event(number) for number in range(1500)]
    serve(
        one, ACTIVITY_PATH, rows, 1000, lambda page, left: {"data": [row for row in page if row not in rows[100:102]]}
    )
    found = records(sync("campaign_recipients_activity", **JANUARY), "campaign_recipients_activity")
    assert len({record["recipient_email"] for record in found}) == len(found) == 1498
    # The pages do not overlap as expected, as if rows had moved, so they are read again.
    # And only an empty page is the last one for certain.
    assert one.count(ACTIVITY_PATH) <= 2 * MAX_PASSES + 1


def test_short_pages_that_say_nothing_of_others_are_followed_to_an_empty_one(one: Api) -> None:
    serve(one, ACTIVITY_PATH, [event(number) for number in range(50)], 7, lambda page, left: {"data": page})
    found = records(sync("campaign_recipients_activity", **JANUARY), "campaign_recipients_activity")
    assert len({record["recipient_email"] for record in found}) == len(found) == 50


def test_a_smaller_page_than_requested_is_not_the_last_one_if_the_api_announces_more(one: Api) -> None:
    serve(
        one,
        ACTIVITY_PATH,
        [event(number) for number in range(250)],
        100,
        lambda page, left: {"data": page, "pagination": {"limit": 100, "has_more": left > 0}},
    )
    found = records(sync("campaign_recipients_activity", **JANUARY), "campaign_recipients_activity")
    assert len({record["recipient_email"] for record in found}) == len(found) == 250
    assert one.count(ACTIVITY_PATH) == 3


@pytest.mark.parametrize(("rows", "requests"), [(0, 1), (5, 2), (6, 3)])
def test_replies_come_in_pages_of_any_size_until_one_has_no_new_row(one: Api, rows: int, requests: int) -> None:
    serve(one, REPLIES, [reply(number) for number in range(rows)], 5, lambda page, left: {"data": page})
    found = records(sync("campaign_replies"), "campaign_replies")
    assert [record["contact"] for record in found] == [f"{number}@example.com" for number in range(rows)]
    assert one.count(REPLIES) == requests
    offsets = [offset_of(request) for request in one.mocker.request_history if REPLIES in request.url]
    # Each page begins with the last row of the one before.
    assert offsets == [0, 4, 5][:requests]


@pytest.mark.parametrize("workers", [1, 4])
def test_replies_of_one_campaign_say_nothing_about_the_pages_of_another(api: Api, workers: int) -> None:
    """A page may be one of contacts, with a row for each kind of reply."""
    lengths = {910001: [40, 35, 30], 910002: [20, 30], 910003: [20, 10], 910004: [2, 1, 1]}
    api.campaigns(*({**CAMPAIGN, "id": campaign} for campaign in lengths))
    for campaign, pages in lengths.items():
        rows = [reply(number) for number in range(sum(pages))]

        def respond(request: Any, context: Any, rows: Rows = rows, pages: Sequence[int] = pages) -> Any:
            start = offset_of(request)
            return {"data": rows[start : next((end for end in accumulate(pages) if end > start + 1), None)]}

        api.mocker.get(f"{API}/v2/campaigns/{campaign}/all-replies", json=respond)
    found = Counter(
        record["campaign_id"] for record in records(sync("campaign_replies", num_workers=workers), "campaign_replies")
    )
    assert found == {campaign: sum(pages) for campaign, pages in lengths.items()}


@pytest.mark.usefixtures("pages_of_ten")
@pytest.mark.parametrize(("rows", "warns"), [(9, False), (10, True)])
def test_a_warning_says_if_a_list_without_documented_pages_ends_with_a_full_one(
    one: Api, rows: int, warns: bool
) -> None:
    """Whether `prospect-finished` gives more than 10,000, and knows `offset`, is not documented."""
    one.mocker.get(f"{API}/v1/prospect-finished", json=[mail(number) for number in range(rows)])
    output = sync("finished_prospects")
    assert len(records(output, "finished_prospects")) == rows
    warnings = [text for text in logs(output, "WARN") if "gave the same" in text]
    assert bool(warnings) == warns
    assert not output.errors


def test_older_lists_come_in_pages_of_10000(one: Api) -> None:
    serve(one, EVENT_LISTS["emails_sent"], [mail(number) for number in range(10_000)], 10_000)
    found = records(sync("emails_sent", **JANUARY), "emails_sent")
    assert len({record["id"] for record in found}) == len(found) == 10_000
    assert one.count("emails-sent") == 2


@pytest.mark.usefixtures("pages_of_ten")
@pytest.mark.parametrize(("rows", "requests"), [(0, 1), (9, 1), (10, 2), (11, 2), (20, 3)])
def test_all_older_lists_end_with_a_page_that_is_not_full(one: Api, rows: int, requests: int) -> None:
    streams = {**EVENT_LISTS, "finished_prospects": "/v1/prospect-finished"}
    for path in streams.values():
        serve(one, path, [mail(number) for number in range(rows)], 10)
    output = sync(*streams, **JANUARY)
    for stream, path in streams.items():
        assert [record["id"] for record in records(output, stream)] == [mail(number)["id"] for number in range(rows)]
        offsets = [offset_of(request) for request in one.mocker.request_history if path in request.url]
        # Each page begins with the last row of the one before.
        assert offsets == [9 * page for page in range(requests)]


@pytest.mark.usefixtures("pages_of_ten")
def test_rows_that_move_to_the_next_page_are_not_duplicated(one: Api) -> None:
    """Newest first: an e-mail sent after the first page was read moves all others back."""
    rows = [mail(number) for number in range(15)]

    def respond(request: Any, context: Any) -> Any:
        start = offset_of(request)
        return ([mail(98), mail(99), *rows] if start else rows)[start : start + 10]

    one.mocker.get(f"{API}/v1/emails-sent", json=respond)
    found = [record["id"] for record in records(sync("emails_sent", **JANUARY), "emails_sent")]
    assert found == [row["id"] for row in rows]


# APIs that ignore the offset ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("pages_of_ten")
def test_older_lists_that_ignore_the_offset_end_without_duplicates(one: Api) -> None:
    one.mocker.get(f"{API}/v1/emails-sent", json=[mail(number) for number in range(10)])
    found = records(sync("emails_sent", **JANUARY), "emails_sent")
    assert [record["id"] for record in found] == [mail(number)["id"] for number in range(10)]
    assert one.count("emails-sent") == 2


def test_activity_that_ignores_the_offset_ends_without_duplicates(one: Api) -> None:
    page = [event(number) for number in range(1000)]
    for pagination in ({}, {"pagination": {"has_more": True}}):
        one.mocker.reset_mock()
        one.mocker.get(f"{API}{ACTIVITY_PATH}", json={"data": page, **pagination})
        found = records(sync("campaign_recipients_activity", **JANUARY), "campaign_recipients_activity")
        assert len({record["event_id"] for record in found}) == len(found) == 1000
        assert one.count(ACTIVITY_PATH) == 2


def test_replies_that_ignore_the_offset_end_without_duplicates(one: Api) -> None:
    """People without address and profile, so that twins are different; their ids change with every read."""
    numbers = count()

    def respond(request: Any, context: Any) -> Any:
        return {"data": [{"prospectName": name, "replyType": "email", "prospectId": next(numbers)} for name in "ABA"]}

    one.mocker.get(f"{API}{REPLIES}", json=respond)
    found = records(sync("campaign_replies"), "campaign_replies")
    assert [record["contact"] for record in found] == ["name:A#1", "name:B#1", "name:A#2"]
    assert one.count(REPLIES) == 2


def test_equal_pages_of_different_campaigns_are_both_read(api: Api) -> None:
    api.campaigns(CAMPAIGN, {**CAMPAIGN, "id": 910002})
    for number in (910001, 910002):
        path = f"/v2/campaigns/{number}/all-replies"
        serve(api, path, [reply(number) for number in range(3)], 3, lambda page, left: {"data": page})
    found = records(sync("campaign_replies", num_workers=1), "campaign_replies")
    assert len(found) == 6
    assert api.count("all-replies") == 4


def test_numbered_pages_that_ignore_the_number_end_without_duplicates(api: Api) -> None:
    warm_ups = [{"id": number, "email_account": "a@example.com"} for number in range(100)]
    api.mocker.get(f"{API}/v2/warm-up", json={"data": warm_ups})
    people = [{"id": str(number), "name": "Pat"} for number in range(1000)]
    api.mocker.get(f"{API}/v1/get-user-lists", json=[{"id": 1, "name": "List"}, {"id": 2, "name": "Other"}])
    api.mocker.post(f"{API}/v1/prospect-list", json={"success": True, "prospects": people})
    output = sync("warm_ups", "list_prospects", num_workers=1)
    assert [record["id"] for record in records(output, "warm_ups")] == list(range(100))
    assert api.count("/v2/warm-up") == 2
    assert len({(row["list_id"], row["contact"]) for row in records(output, "list_prospects")}) == 2000
    assert len(records(output, "list_prospects")) == 2000
    assert api.count("prospect-list") == 4


# By number -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(seeds.empty_account(TODAY), UNLIMITED) as running:
        yield running


@pytest.mark.parametrize(("number", "requests"), [(0, 1), (100, 2), (101, 2)])
def test_warm_ups_come_in_pages_of_100(sandbox: Sandbox, number: int, requests: int) -> None:
    sandbox.account.belongings.warm_ups = warm_ups(number, TODAY)
    found = records(synced(sandbox, "warm_ups"), "warm_ups")
    assert [record["id"] for record in found] == [one.id for one in sandbox.account.belongings.warm_ups]
    queries = [record.query for record in sandbox.requests if record.path == "/v2/warm-up"]
    assert queries == [{"per_page": ["100"], "page": [str(page)]} for page in range(1, requests + 1)]


def test_prospects_come_in_pages_of_1000(sandbox: Sandbox) -> None:
    [pat, *_] = seeds.demo_account(today=TODAY).recipients.values()
    sandbox.account.recipients = {n: replace(pat, id=n, email=f"{n}@example.com") for n in range(1001)}
    sizes = {1: 0, 2: 999, 3: 1000, 4: 1001}
    sandbox.account.belongings.lists = [
        ProspectList(number, f"List of {size}", 1_700_000_000, tuple(range(size))) for number, size in sizes.items()
    ]
    found = records(synced(sandbox, "list_prospects"), "list_prospects")
    assert {(record["list_id"], record["contact"]) for record in found} == {
        (number, f"{person}@example.com") for number, size in sizes.items() for person in range(size)
    }
    assert len(found) == sum(sizes.values())
    # A full page may not be the last one.
    assert requests_by_path(sandbox)["/v1/prospect-list"] == 1 + 1 + 2 + 2
