"""The sandbox's other readings of the API: each does what its name says and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sandbox import faults
from sandbox.__main__ import account_for, main
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, Settings
from sandbox.tests._client import Client
from sandbox.world import seeds
from sandbox.world.events import FIRST_EMAIL, OPEN, REPLY, Event
from unit_tests._daily import TODAY, ago
from unit_tests._names import ANALYTICS_PATH, CAMPAIGNS_PATH
from unit_tests._streams import FIRST, SECOND, account, at

ACTIVITY_PATH = f"/v2/campaigns/{FIRST}/recipients-activity"
WINDOW = {"dateFrom": str(ago(20)), "dateTo": str(ago(1))}
BOTH = f"{FIRST},{SECOND}"


def clients(**settings: Any) -> tuple[Client, Client]:
    """A client with the documented reading and one with another, for the same account."""

    def made() -> Any:
        mails = [
            Event(at(ago(day)) + person, FIRST_EMAIL, person, 55001) for day in (20, 10, 1) for person in (1, 2, 3)
        ]
        opens = [Event(at(ago(1)) + 100, OPEN, 1, 55001)]
        found = account([*mails, *opens], mails[:3], furnished=True)
        found.campaigns[FIRST].name = "2026"
        return found

    sandboxes = [Sandbox(made(), UNLIMITED), Sandbox(made(), replace(UNLIMITED, **settings))]
    for sandbox in sandboxes:
        sandbox.start()
    return Client(sandboxes[0]).log_in(), Client(sandboxes[1]).log_in()


def sent(client: Client, first: int, last: int, campaigns: str = str(FIRST)) -> int:
    days = {"date_from": str(ago(first)), "date_to": str(ago(last))}
    return int(client.analytics(campaign_id=campaigns, **days)["emails_sent"])


@pytest.mark.parametrize(
    ("settings", "asked", "documented", "other"),
    [
        ({"last_day_left_out": frozenset({"analytics"})}, (20, 10), 6, 3),
        ({"last_day_left_out": frozenset({"analytics"})}, (10, 10), 3, 0),
        ({"last_day_left_out": frozenset({"activity"})}, (20, 10), 6, 6),
        ({"most_days": 5}, (20, 10), 6, 3),
        ({"first_id_only": True}, (20, 10, f"{SECOND},{FIRST}"), 9, 3),
        ({"several_ids_empty": True}, (20, 10, f"{SECOND},{FIRST}"), 9, 0),
        ({"several_ids_empty": True}, (20, 10), 6, 6),
        ({"day_offset_hours": 20}, (19, 19), 0, 3),
    ],
    ids=str,
)
def test_analytics_count_what_a_reading_says(
    settings: Mapping[str, Any], asked: tuple[Any, ...], documented: int, other: int
) -> None:
    right, changed = clients(**settings)
    assert (sent(right, *asked), sent(changed, *asked)) == (documented, other)


def test_what_an_email_led_to_counts_on_its_own_day_or_on_that_of_the_email() -> None:
    story = [Event(at(ago(9)), FIRST_EMAIL, 1, 55001), Event(at(ago(6)), REPLY, 1, 55001)]
    for reading, expected in ((False, [0, 1]), (True, [1, 0])):
        with Sandbox(account(story), replace(UNLIMITED, on_the_day_of_the_mail=reading)) as sandbox:
            client = Client(sandbox).log_in()
            counted = [
                client.analytics(campaign_id=str(FIRST), date_from=str(day), date_to=str(day))["email_replies"]
                for day in (ago(9), ago(6))
            ]
        assert counted == expected


def test_recipients_of_two_campaigns_count_once_or_twice() -> None:
    once, twice = clients(distinct_across_campaigns=False)
    days = {"date_from": str(ago(30)), "date_to": str(TODAY)}
    counted = [client.analytics(campaign_id=BOTH, **days)["contacted_by_email"] for client in (once, twice)]
    assert counted == [3, 6]


@pytest.mark.parametrize("status", [504, 413, 400])
def test_a_request_that_is_too_large_is_refused(status: int) -> None:
    right, changed = clients(too_large=10, too_large_status=status)
    query = {"campaign_id": BOTH, "date_from": str(ago(5)), "date_to": str(ago(0))}
    assert right.get(ANALYTICS_PATH, **query).status_code == 200
    assert changed.get(ANALYTICS_PATH, **query).status_code == status
    assert changed.get(ANALYTICS_PATH, **query | {"date_to": str(ago(1))}).status_code == 200


def test_future_days_are_refused() -> None:
    right, changed = clients(future_days_refused=True)
    query = {"date_from": str(ago(5)), "date_to": str(ago(-1))}
    assert [client.get(ANALYTICS_PATH, **query).status_code for client in (right, changed)] == [200, 422]


@pytest.mark.parametrize(
    ("settings", "rows", "more"),
    [
        ({"last_day_left_out": frozenset({"activity"})}, 6, False),
        ({"short_pages": 2}, 2, True),
        ({"short_pages": 2, "has_more_wrong": True}, 2, False),
        ({"dates_ignored": True}, 11, False),
    ],
    ids=str,
)
def test_activity_shows_what_a_reading_says(settings: Mapping[str, Any], rows: int, more: bool) -> None:
    right, changed = clients(**settings)
    window = WINDOW | ({"dateTo": str(ago(5))} if "dates_ignored" in settings else {})
    assert len(right.get(ACTIVITY_PATH, **window).json()["data"]) == (6 if "dates_ignored" in settings else 11)
    found = changed.get(ACTIVITY_PATH, **window).json()
    assert (len(found["data"]), found["pagination"]["has_more"]) == (rows, more)


def test_an_ignored_offset_gives_the_first_page_again_and_volatile_rows_change() -> None:
    _, changed = clients(offset_ignored=True, volatile_rows=True)
    first, second = (changed.get(ACTIVITY_PATH, **WINDOW, offset=offset).json()["data"] for offset in (0, 5))
    assert [row["event_time"] for row in first] == [row["event_time"] for row in second]
    assert first != second


def test_unstable_ids_change_with_every_read() -> None:
    right, changed = clients(unstable_ids=True)
    for client, same in ((right, True), (changed, False)):
        first, second = ([row["id"] for row in client.get("/v1/emails-sent", campaignId=FIRST).json()] for _ in "ab")
        assert (first == second) is same


@pytest.mark.parametrize("moving", ["deleted", "added", "reordered"])
def test_rows_move_between_two_pages(moving: Any) -> None:
    _, changed = clients(moving=moving)

    def page(offset: int) -> list[str]:
        found = changed.get(ACTIVITY_PATH, **WINDOW, offset=offset, limit=4).json()["data"]
        return [f"{row['event_time']} {row['recipient_email']} {row['event_type']}" for row in found]

    first = page(0)
    second, again = page(4), page(0)
    assert first != again or moving == "reordered"
    assert not set(second) >= set(first)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("text", "2026-01-05 09:00:00"),
        ("iso", "2026-01-05T09:00:00+00:00"),
        ("milliseconds", 1_767_603_600_000),
        ("php_zone", {"date": "2026-01-05 11:00:00.000000", "timezone_type": 3, "timezone": "Europe/Kyiv"}),
        ("php_offset", {"date": "2026-01-05 11:00:00.000000", "timezone_type": 1, "timezone": "+02:00"}),
        ("php_abbreviation", {"date": "2026-01-05 04:00:00.000000", "timezone_type": 2, "timezone": "EST"}),
    ],
)
def test_times_come_in_another_form(form: Any, expected: Any) -> None:
    made = seeds.empty_account(TODAY)
    made.recipients = account([Event(1_767_603_600, FIRST_EMAIL, 1, 55001)]).recipients
    campaign = next(iter(account([Event(1_767_603_600, FIRST_EMAIL, 1, 55001)]).campaigns.values()))
    made.add_campaign(campaign, [Event(1_767_603_600, FIRST_EMAIL, 1, 55001)])
    campaign.started_at = 1_767_603_600
    with Sandbox(made, replace(UNLIMITED, time_form=form)) as sandbox:
        client = Client(sandbox).log_in()
        [mail] = client.get("/v1/emails-sent", campaignId=campaign.id).json()
        [listed] = client.get(CAMPAIGNS_PATH).json()
    assert mail["sentDate"] == listed["started_at"] == expected


def test_text_booleans_and_ids_come_as_numbers() -> None:
    _, changed = clients(numbers=True)
    assert changed.get(CAMPAIGNS_PATH).json()[0]["campaign"] == 2026
    assert {type(row["isDeleted"]) for row in changed.get("/v1/get-user-lists").json()} == {int}
    assert {type(row["id"]) for row in changed.get("/v1/emails-sent", campaignId=FIRST).json()} == {int}


def test_a_429_can_say_how_long_to_wait() -> None:
    with Sandbox(seeds.empty_account(TODAY), Settings(requests_per_minute=1, retry_after=7)) as sandbox:
        client = Client(sandbox)
        client.token()
        assert client.token().headers["Retry-After"] == "7"


def test_responses_of_firewalls_and_proxies() -> None:
    right, _ = clients()
    sandbox = right.sandbox
    sandbox.add_fault(faults.firewall(404, path=CAMPAIGNS_PATH, times=1))
    blocked = right.get(CAMPAIGNS_PATH)
    assert (blocked.status_code, blocked.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    sandbox.add_fault(faults.no_location(302, path=CAMPAIGNS_PATH, times=1))
    assert right.session.get(sandbox.url + CAMPAIGNS_PATH, allow_redirects=False, timeout=5).json() == []
    sandbox.add_fault(faults.partial(path=CAMPAIGNS_PATH, times=1))
    part = right.get(CAMPAIGNS_PATH)
    assert (part.status_code, len(part.json())) == (206, 1)


def test_the_command_line_takes_any_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert account_for(["--campaigns", "3", "--setting", "most_days=90"]).campaigns
    with pytest.raises(SystemExit):
        main(["--setting", "most_dayz=90"])
    assert "most_dayz is not a setting" in capsys.readouterr().err
