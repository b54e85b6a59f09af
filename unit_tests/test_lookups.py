"""What is asked about by names from elsewhere: the contents of e-mail steps, and the status of recipients."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from sandbox import faults
from sandbox.endpoints.sequence import sequence
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.account import Account, Recipient
from sandbox.world.events import FIRST_EMAIL, REPLY, UNSUBSCRIBE, Event
from source_snov.api.retrievers import MAX_GONE
from source_snov.incremental import survey
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import logs, records, sync
from unit_tests._states import earlier
from unit_tests._streams import FIRST, SECOND, account, at, incremental, last_states, story, synced

CONTENTS, STATUSES = "campaign_step_contents", "recipient_statuses"


def made() -> Account:
    """Two completed campaigns; people 1 and 2 of the first one were written to, and 2 has unsubscribed."""
    found = account(
        [
            Event(at(ago(50)), FIRST_EMAIL, 1, 55001),
            Event(at(ago(50), 10), FIRST_EMAIL, 2, 55001),
            Event(at(ago(49)), UNSUBSCRIBE, 2, 55001),
        ],
        story(40, 39),
    )
    for campaign in found.campaigns.values():
        campaign.status = "Completed"
    return found


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(made(), UNLIMITED) as running:
        yield running


def settings(steps: Any, entry: Any = "1") -> faults.Fault:
    return faults.answer(
        200,
        {"success": True, "data": {"id": FIRST, "title": "A", "sequence": {"entry": entry, "steps": steps}}},
        path=f"/v2/campaigns/{FIRST}$",
        times=None,
    )


def email(ref: int, content: int, **links: Any) -> dict[str, Any]:
    return {"_ref": str(ref), "type": "email", "content": [{"id": content, "usage": "active"}], **links}


# Contents -------------------------------------------------------------------------------------------------------------


def read_with(sandbox: Sandbox, steps: Any, entry: Any = "1") -> dict[int, int | None]:
    """The position of each content of the first campaign, if these are its steps."""
    sandbox.add_fault(settings(steps, entry))
    sandbox.add_fault(
        faults.answer(200, {"data": {"id": 1, "subject": "S", "body": "B"}}, path=f"/{FIRST}/steps/", times=None)
    )
    rows = records(synced(sandbox, CONTENTS, campaign_ids=[FIRST]), CONTENTS)
    return {row["content_id"]: row.get("position") for row in rows}


def ids_of(rows: Iterable[Mapping[str, Any]], but: int = 0) -> set[tuple[int, int]]:
    """Campaign and content of each record, except of one campaign."""
    return {(row["campaign_id"], row["content_id"]) for row in rows if row["campaign_id"] != but}


def test_the_position_counts_emails_on_the_way_that_has_the_fewest(sandbox: Sandbox) -> None:
    steps = [
        {"_ref": "1", "type": "delay", "next": "2"},
        email(2, 20, next="3"),
        {"_ref": "3", "type": "trigger", "yes": "4", "no": "5"},
        email(4, 40, next="6"),
        {"_ref": "5", "type": "linkedin", "action": "visit", "next": "6"},
        email(6, 60, next="7"),
        {"_ref": "7", "type": "goal"},
    ]

    assert read_with(sandbox, steps) == {20: 1, 40: 2, 60: 2}


def test_a_step_that_no_way_leads_to_has_no_position_and_a_circle_ends(sandbox: Sandbox) -> None:
    assert read_with(sandbox, [email(1, 10, next="2"), email(2, 20, next="1"), email(3, 30)]) == {
        10: 1,
        20: 2,
        30: None,
    }


@pytest.mark.parametrize("nothing", [[], [{"_ref": "1", "type": "linkedin", "action": "visit"}]])
def test_a_campaign_without_email_steps_has_no_record(sandbox: Sandbox, nothing: Any) -> None:
    assert read_with(sandbox, nothing, None) == {}


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (None, "no list of steps"),
        ({"1": {}}, "no list of steps"),
        (["1"], "a step that is not an object"),
        ([email(1, 10) | {"_ref": None}], "a content without an ID, or in a step without one"),
        ([email(1, 10) | {"content": [{"usage": "active"}]}], "a content without an ID, or in a step without one"),
        ([email(1, 10) | {"content": [7]}], "a content without an ID, or in a step without one"),
        ([email(1, 10) | {"content": None, "content_slots": 2}], "an e-mail step without a list of contents"),
        ([email(1, 10) | {"content": {}, "content_slots": 2}], "an e-mail step without a list of contents"),
    ],
)
def test_a_sequence_in_an_unknown_form_is_skipped_by_name_and_the_others_are_read(
    sandbox: Sandbox, steps: Any, problem: str
) -> None:
    whole = records(synced(sandbox, CONTENTS), CONTENTS)
    sandbox.add_fault(settings(steps))
    output = synced(sandbox, CONTENTS)

    assert len(whole) > 2
    assert ids_of(records(output, CONTENTS)) == ids_of(whole, but=FIRST)
    [warning] = logs(output, "WARN")
    assert warning.startswith(f"{CONTENTS}: campaign {FIRST} is skipped: what Snov.io says of it is not as documented.")
    assert f"Its settings have {problem}." in warning


def test_if_no_sequence_is_as_documented_the_stream_fails(sandbox: Sandbox) -> None:
    sandbox.add_fault(faults.answer(200, {"data": {"id": 1}}, path=r"/v2/campaigns/\d+$", times=None))
    output = sync(CONTENTS, whole_config=sandbox.config())

    assert any("there is nothing to read for" in error.trace.error.message for error in output.errors)


@pytest.mark.parametrize("place", [0, 1])
def test_a_content_that_is_gone_is_skipped_and_the_others_are_read(sandbox: Sandbox, place: int) -> None:
    every = contents(sandbox, FIRST)
    gone = every.pop(place)
    sandbox.add_fault(faults.not_found("Content not found", path=f"/content/{gone}$", times=None))
    output = synced(sandbox, CONTENTS, campaign_ids=[FIRST])

    assert [row["content_id"] for row in records(output, CONTENTS)] == every != []
    [warning] = logs(output, "WARN")
    assert warning.startswith(f"{CONTENTS}: campaign {FIRST} is skipped in part: its contents {gone} were")


@pytest.mark.parametrize("fault", [faults.not_found, faults.forbidden])
def test_if_no_content_is_there_the_stream_is_given_up(sandbox: Sandbox, fault: Any) -> None:
    """As if the path took another ID than the settings have."""
    sandbox.add_fault(fault(path="/content/", times=None))
    output = synced(sandbox, CONTENTS, num_workers=1)

    assert records(output, CONTENTS) == []
    [warning] = logs(output, "WARN")
    assert warning.startswith(f"{CONTENTS} is skipped:")
    assert sandbox.count("/content/") <= 2 * MAX_GONE


def test_settings_are_asked_for_once_for_both_streams(sandbox: Sandbox) -> None:
    synced(sandbox, CONTENTS, "campaign_settings")

    assert [record.path for record in sandbox.requests].count(f"/v2/campaigns/{FIRST}") == 1


def test_activity_is_no_reason_to_read_contents_again_and_a_change_is(sandbox: Sandbox) -> None:
    state = earlier(last_states(incremental(sandbox, CONTENTS))[CONTENTS], 1)
    sandbox.account.add_events(FIRST, [Event(at(TODAY), FIRST_EMAIL, 1, 55001)])
    sandbox.account.campaigns[SECOND].updated_at += 60
    sandbox.clear()
    again = incremental(sandbox, CONTENTS, state, refresh_after_days=30)

    assert {row["campaign_id"] for row in records(again, CONTENTS)} - turns() == {SECOND}
    assert sandbox.count("campaign-analytics") == 0


def turns(campaigns: int = 2) -> set[int]:
    """The campaign whose turn of a refresh every 30 days is today, if any."""
    return {FIRST + rank for rank in range(campaigns) if (TODAY.toordinal() + rank) % 30 == 0} - {SECOND}


def contents(sandbox: Sandbox, campaign: int) -> list[int]:
    steps = sequence(sandbox.account.campaigns[campaign])["steps"]
    return [content["id"] for step in steps for content in step.get("content", ())]


# Recipients -----------------------------------------------------------------------------------------------------------


def statuses(output: Any) -> dict[str, str | None]:
    return {row["email"]: row.get("status") for row in records(output, STATUSES)}


def enrol(found: Account, people: list[Recipient]) -> None:
    found.recipients.update({person.id: person for person in people})
    found.campaigns[FIRST].recipients = tuple(person.id for person in people)


def person(number: int, email: str | None) -> Recipient:
    return Recipient(**{**vars_of(next(iter(made().recipients.values()))), "id": number, "email": email})


def vars_of(recipient: Recipient) -> dict[str, Any]:
    return {name: getattr(recipient, name) for name in recipient.__dataclass_fields__}


def test_everybody_of_the_list_has_a_status(sandbox: Sandbox) -> None:
    people = sandbox.account.recipients
    found = statuses(synced(sandbox, STATUSES, campaign_ids=[FIRST]))

    assert found.pop("former.1@example.org") is None
    assert found == {people[1].email: "active", people[2].email: "unsubscribe"}


def test_a_request_names_a_hundred_addresses(sandbox: Sandbox) -> None:
    enrol(sandbox.account, [person(1000 + n, f"someone.{n}@example.com") for n in range(2, 230)])
    sandbox.clear()
    output = synced(sandbox, STATUSES, campaign_ids=[FIRST])
    named = [record.query["emails[]"] for record in sandbox.requests if "emails[]" in record.query]

    assert set(statuses(output).values()) == {"tocheck", None}
    assert len(statuses(output)) == len({address for each in named for address in each})
    assert [len(each) for each in named][:-1] == [100, 100]


def test_long_addresses_share_a_request_only_as_far_as_a_url_holds_them(sandbox: Sandbox) -> None:
    enrol(sandbox.account, [person(1001 + 25 * n + 1, f"{'x' * 80}.{n}@example.com") for n in range(100)])
    sandbox.clear()
    output = synced(sandbox, STATUSES, campaign_ids=[FIRST])
    asked = [record for record in sandbox.requests if record.path.endswith("/recipient")]

    assert len(asked) > 1
    assert len(statuses(output)) == len({email for record in asked for email in record.query["emails[]"]})


def test_an_address_that_the_api_cannot_be_asked_about_is_named(sandbox: Sandbox) -> None:
    enrol(sandbox.account, [person(1002, f"{'x' * 100}@example.com"), person(1003, "a@example.com")])
    output = synced(sandbox, STATUSES, campaign_ids=[FIRST])

    assert statuses(output) == {"a@example.com": "tocheck"}
    [warning] = logs(output, "WARN")
    assert "addresses of over 100 characters" in warning


def test_an_address_that_is_there_twice_is_asked_about_once(sandbox: Sandbox) -> None:
    enrol(sandbox.account, [person(1002, "A@example.com"), person(1003, "a@example.com"), person(1004, None)])
    output = synced(sandbox, STATUSES, campaign_ids=[FIRST])

    assert list(statuses(output)) == ["A@example.com"]
    assert not logs(output, "WARN")


def test_addresses_without_an_answer_are_named(sandbox: Sandbox) -> None:
    sandbox.add_fault(faults.answer(200, {"data": []}, path=f"/{FIRST}/recipient", times=None))
    output = synced(sandbox, STATUSES, campaign_ids=[FIRST])

    [warning] = logs(output, "WARN")
    assert warning == f"{STATUSES}: asked about 3 addresses, Snov.io answered about 0."


def test_answers_about_other_addresses_are_left_out_and_named(sandbox: Sandbox) -> None:
    enrol(sandbox.account, [person(1002, "a@example.com"), person(1003, "b@example.com")])
    rows = [
        {"email": "A@example.com", "status": "tocheck"},
        {"email": "other@example.com", "status": "tocheck"},
    ]
    sandbox.add_fault(faults.answer(200, {"data": rows}, path=f"/{FIRST}/recipient", times=None))
    output = synced(sandbox, STATUSES, campaign_ids=[FIRST])

    assert list(statuses(output)) == ["A@example.com"]
    other, fewer = sorted(logs(output, "WARN"))
    assert "answers about addresses that it was not asked about" in other
    assert fewer == f"{STATUSES}: asked about 2 addresses, Snov.io answered about 1."


def test_a_list_of_people_without_addresses_is_named(sandbox: Sandbox) -> None:
    enrol(sandbox.account, [person(1002, None), person(1003, None)])
    output = synced(sandbox, STATUSES, campaign_ids=[FIRST])

    assert not records(output, STATUSES)
    [warning] = logs(output, "WARN")
    assert "none of the 2 prospects of list" in warning


def test_a_started_campaign_without_a_list_is_named(sandbox: Sandbox) -> None:
    sandbox.account.campaigns[FIRST].list_id = None
    output = synced(sandbox, STATUSES)

    assert {row["campaign_id"] for row in records(output, STATUSES)} == {SECOND}
    [warning] = logs(output, "WARN")
    assert f"campaign {FIRST} has no prospect list" in warning


def test_campaigns_at_rest_are_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of so few campaigns, it would take longer to find out than to read them.
    monkeypatch.setattr(survey, "MIN_SAVED", 2)
    found = account(*(story(40, 39) for _ in range(20)))
    for campaign in found.campaigns.values():
        campaign.status = "Completed"
    with Sandbox(found, UNLIMITED) as sandbox:
        state = earlier(last_states(incremental(sandbox, STATUSES))[STATUSES], 1)
        sandbox.account.add_events(SECOND, [Event(at(TODAY), REPLY, 2, 55001)])
        again = incremental(sandbox, STATUSES, state, refresh_after_days=30)
    read = {row["campaign_id"] for row in records(again, STATUSES)} - turns(20)
    assert SECOND in read
    # Those of a small group in which something happened are read without asking further.
    assert len(read) <= 10
