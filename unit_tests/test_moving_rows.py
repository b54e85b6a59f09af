"""Nothing is lost if pages are shorter than requested, rows move, or the API ignores the offset."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sandbox import faults
from sandbox.endpoints.activity import activity_row
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.account import Account
from sandbox.world.events import CLICK, FINISHED, FIRST_EMAIL, OPEN, REPLY, Event
from sandbox.world.furnishing import warm_ups
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import failure, logs, records, sync
from unit_tests._streams import EVENT_LISTS, FIRST, account, at

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("pages_of_ten")]

KEY_FIELDS = {
    "campaign_recipients_activity": "event_id",
    "campaign_replies": "contact",
    **dict.fromkeys((*EVENT_LISTS, "finished_prospects"), "id"),
    "warm_ups": "id",
    "list_prospects": "contact",
}
PAGED = ("campaign_recipients_activity", "campaign_replies", *EVENT_LISTS, "list_prospects")


def made() -> Account:
    """One campaign with 30 people, each with every kind of event."""
    kinds = (FIRST_EMAIL, OPEN, CLICK, REPLY, FINISHED)
    story = [
        Event(at(ago(9)) + 60 * person + number, kind, person, 55001)
        for person in range(1, 31)
        for number, kind in enumerate(kinds)
    ]
    found = account(story, furnished=True)
    found.belongings.warm_ups = warm_ups(90, TODAY)
    return found


def read(stream: str, settings: Mapping[str, Any], pages_of_ten: bool = True) -> tuple[Any, int]:
    sizes = {"event_page": 10, "reply_page": 10, "short_pages": 10} if pages_of_ten else {}
    with Sandbox(made(), replace(UNLIMITED, **sizes | settings)) as sandbox:
        output = sync(stream, whole_config=sandbox.config(num_workers=1))
        return output, len(sandbox.requests)


def keys(output: Any, stream: str) -> list[Any]:
    assert not output.errors
    return [
        f"{row[KEY_FIELDS[stream]]} {row.get('occurred_at')} {row.get('list_id')}" for row in records(output, stream)
    ]


@pytest.mark.parametrize("stream", KEY_FIELDS)
def test_pages_shorter_than_requested_are_read_to_the_total(stream: str) -> None:
    whole = keys(read(stream, {}, pages_of_ten=False)[0], stream)
    for settings in ({}, {"has_more_wrong": True}, {"limit_ignored": True}):
        output, _ = read(stream, settings)
        assert sorted(map(str, keys(output, stream))) == sorted(map(str, whole))
        assert not logs(output, "WARN")


@pytest.mark.parametrize("moving", ["deleted", "added", "replaced", "reordered"])
@pytest.mark.parametrize("stream", PAGED)
def test_rows_that_move_are_not_lost_or_duplicated(stream: str, moving: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if (stream, moving) == ("list_prospects", "replaced"):
        pytest.skip("Pages by number share no row, and the total stays the same: nothing shows that rows have moved.")
    # The two equal events of this account stay on one page, or they would show that rows have moved.
    monkeypatch.setattr("sandbox.listing.MOVED", 2)
    whole = keys(read(stream, {})[0], stream)
    output, requests = read(stream, {"moving": moving})
    found = keys(output, stream)
    assert len(set(map(str, found))) == len(found)
    missing = set(whole) - set(found)
    # An order that never settles gives a warning.
    assert not missing or (moving == "reordered" and any("rows moved" in text for text in logs(output, "WARN")))
    assert requests < 120


@pytest.mark.parametrize("stream", PAGED)
def test_a_sync_ends_if_the_offset_is_ignored_and_rows_change_with_every_read(stream: str) -> None:
    output, requests = read(stream, {"offset_ignored": True, "volatile_rows": True})
    found = keys(output, stream)
    assert len(set(map(str, found))) == len(found) == 10 or stream == "list_prospects"
    assert requests < 20


@pytest.mark.parametrize("place", [9, 10])
def test_a_row_without_its_key_at_the_end_of_a_page_is_no_sign_of_rows_that_move(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages share their last row, so the next page has it again."""
    stream = "campaign_recipients_activity"
    story = [Event(at(ago(9)) + 60 * number, OPEN, 1 + number % 30, 55001) for number in range(25)]

    def row(found: Account, campaign: Any, event: Event) -> dict[str, Any]:
        return activity_row(found, campaign, event) | ({"event_time": None} if event is story[place] else {})

    monkeypatch.setattr("sandbox.endpoints.activity.activity_row", row)
    with Sandbox(account(story), replace(UNLIMITED, short_pages=10)) as sandbox:
        output = sync(stream, whole_config=sandbox.config(num_workers=1))
        assert sandbox.count("recipients-activity") == 3
    assert len(records(output, stream)) == 24
    [warning] = logs(output, "WARN")
    assert "without a usable event_time" in warning
    assert "times in this sync" not in warning


@pytest.mark.parametrize("stream", EVENT_LISTS)
@pytest.mark.parametrize("lacking", [(0,), (0, 1, 2, 3, 4)])
def test_only_rows_without_a_time_fail_a_stream_but_not_those_of_one_campaign(
    stream: str, lacking: tuple[int, ...]
) -> None:
    """Times may be null (API reference 2.11, 2.12)."""
    story = [
        Event(at(ago(9)) + number, kind, 1, 55001) for number, kind in enumerate((FIRST_EMAIL, OPEN, CLICK, REPLY))
    ]
    with Sandbox(account(*[story] * 5), UNLIMITED) as sandbox:
        for number in lacking:
            row = {"sentDate": None, "visitedAt": None, "id": "a"}
            sandbox.add_fault(faults.answer(200, [row], path=f"{EVENT_LISTS[stream]}.*campaignId={FIRST + number}$"))
        output = sync(stream, whole_config=sandbox.config(num_workers=1))
    if len(lacking) == 5:
        assert "has its id and occurred_at" in failure(output, stream).message
        return
    assert not output.errors
    assert {row["campaign_id"] - FIRST for row in records(output, stream)} == {*range(5)} - {*lacking}
    [warning] = logs(output, "WARN")
    assert f"{stream}: records without a usable occurred_at, such as one of campaign {FIRST}, are left out" in warning


def test_a_row_without_a_time_is_left_out_and_the_others_arrive() -> None:
    for value in (None, "", 0, "0000-00-00 00:00:00"):
        with Sandbox(made(), UNLIMITED) as sandbox:
            listed = [
                {"sentDate": "2026-10-01 09:00:00", "id": "a", "userEmail": "a@example.com"},
                {"sentDate": value, "id": "b", "userEmail": "b@example.com"},
                {"sentDate": "2026-10-01 09:00:01", "id": "c", "userEmail": "c@example.com"},
            ]
            sandbox.add_fault(faults.answer(200, listed, path="emails-sent", times=None))
            output = sync("emails_sent", whole_config=sandbox.config())
        assert [row["id"] for row in records(output, "emails_sent")] == ["a", "c"]
        [warning] = [text for text in logs(output, "WARN") if "left out. Report" in text]
        assert (
            f"emails_sent: records without a usable occurred_at, such as one of campaign {FIRST}, are left out"
            in warning
        )
