"""Every stream with every fault: early, in the middle or late in its own requests, or in those of its parent list.

A sync is complete with exactly the truth, or warns about what it lacks, or fails with the right failure type and a
message with the next step. It never emits a wrong record and never runs forever, and the next sync catches up.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fault_tests._kinds import KINDS, ON_THE_TOKEN, Ending, Kind, Meeting, fails
from fault_tests._running import Said
from fault_tests._synced import (
    LISTED,
    OWN_PATHS,
    PARENTS,
    Synced,
    Table,
    last_state,
    small_account,
    undisturbed,
    warnings,
)
from sandbox import faults
from sandbox.faults import Fault
from sandbox.running import Sandbox
from source_snov.records.names import snake_case
from unit_tests._names import DAILY, TOKEN_PATH
from unit_tests._streams import CHILDREN, INCREMENTAL, OPTIONAL, SECOND

CONTINUED = (DAILY, *INCREMENTAL)
"""Streams that the next sync continues from the last state; it reads all others from scratch."""

LASTING = [name for name, kind in KINDS.items() if not kind.passes]
"""Faults after which a sync lacks something."""

MAX_WAIT = 3 * 3600
"""Maximum simulated seconds of waiting of any of these syncs."""

MAX_TRIES = 9
"""Maximum requests in place of one: the first, 5 retries, and some that hit the rate limit or an old token."""

DEPENDENT = ("campaign_progress", DAILY, "campaign_recipients_activity", *CHILDREN)
"""One stream for each way to depend on a list; these meet faults of the list too."""

PLAIN_FIELDS = {
    "campaigns": "campaign",
    "campaign_analytics": "delivered",
    DAILY: "delivered",
    "campaign_progress": "unfinished",
    "campaign_recipients_activity": "location",
    "campaign_replies": "campaign",
    **dict.fromkeys(("emails_sent", "finished_prospects"), "userName"),
    **dict.fromkeys(("email_opens", "email_clicks", "email_replies"), "prospectName"),
    "campaign_settings": "title",
    "sender_email_accounts": "sender_name",
    "sender_analytics": "delivered",
    "linkedin_accounts": "username",
    "warm_ups": "strategy",
    "prospect_lists": "name",
    "list_prospects": "firstName",
    "prospect_custom_fields": "label",
    "sending_schedules": "timezone",
    "do_not_email_lists": "owner",
    "pipelines": "name",
    "pipeline_stages": "name",
    "account_balance": "unique_recipients_used",
}
"""A dispensable field of each stream, as the API names it."""

KEY_FIELDS = {
    **dict.fromkeys(("campaigns", "emails_sent", "email_opens", "email_clicks", "email_replies"), "id"),
    **dict.fromkeys(("finished_prospects", "sender_email_accounts", "warm_ups", "prospect_lists"), "id"),
    "linkedin_accounts": "id",
    **dict.fromkeys(("sending_schedules", "do_not_email_lists", "pipelines", "pipeline_stages"), "id"),
    "prospect_custom_fields": "key",
    "warm_up_daily_statistics": "daily_statistics",
    "webhooks": "data",
}
"""A field of each stream without which its records have no key, or there are no records."""


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    with undisturbed(tmp_path_factory.mktemp("matrix")) as made:
        yield made


def skips(synced: Synced, stream: str) -> dict[str, int]:
    """How many of the stream's own requests pass before a fault hits, by place, without duplicates."""
    own = synced.own(stream)
    places: dict[int, str] = {}
    for place, skip in (("early", 0), ("late", own - 1), ("middle", own // 2)):
        places.setdefault(skip, place)
    return {place: skip for skip, place in places.items()}


@pytest.mark.parametrize("stream", OWN_PATHS)
@pytest.mark.parametrize("name", LASTING)
def test_each_stream_meets_each_fault(synced: Synced, name: str, stream: str) -> None:
    """Places take turns, so that each fault occurs in each place, and each stream meets faults in each of its own."""
    kind = KINDS[name]
    places = [*skips(synced, stream).items(), *([("list", 0)] if stream in DEPENDENT else [])]
    place, skip = places[(LASTING.index(name) + [*OWN_PATHS].index(stream)) % len(places)]
    if place == "list":
        parent = PARENTS[stream]
        meeting = Meeting(parent in OPTIONAL, listed=True, first=True)
        meet(synced, stream, kind, kind.ends(meeting), f"^{OWN_PATHS[parent]}", 0, f"{name}, list")
    else:
        meeting = Meeting(stream in OPTIONAL, stream in LISTED, first=skip == 0)
        meet(synced, stream, kind, kind.ends(meeting), OWN_PATHS[stream], skip, f"{name}, {place}")


@pytest.mark.parametrize("stream", OWN_PATHS)
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.passes])
def test_each_stream_is_complete_after_each_fault_that_passes(synced: Synced, name: str, stream: str) -> None:
    """Meets the fault early, in the middle, late and on the list in one sync, which is harder than once."""
    kind, path, sandbox = KINDS[name], OWN_PATHS[stream], synced.sandbox
    # A lasting fault from the beginning also covers the middle.
    places = [(path, skip) for skip in skips(synced, stream).values() if kind.times or skip == 0]
    if stream in PARENTS:
        places.append((f"^{OWN_PATHS[PARENTS[stream]]}", 0))
    sandbox.clear()
    # The first fault that matches takes a request; those it lets through count for the next.
    planted = [sandbox.add_fault(kind.at(*place)) for place in sorted(places, key=lambda place: place[1])]
    said = synced.sync(stream)
    assert [fault.hits for fault in planted if not fault.hits] == []
    assert_bounded(synced, stream, name)
    assert_ends(synced, stream, said, "truth", kind, name)


@pytest.mark.parametrize("stream", ["campaigns", "webhooks", "pipeline_stages"])
@pytest.mark.parametrize("name", ON_THE_TOKEN)
def test_each_fault_of_the_token_endpoint(synced: Synced, name: str, stream: str) -> None:
    kind = ON_THE_TOKEN[name]
    synced.sandbox.expire_tokens()
    meet(synced, stream, kind, kind.ends(Meeting(False, True, True)), TOKEN_PATH, 0, name)


@pytest.mark.parametrize("stream", PLAIN_FIELDS)
@pytest.mark.parametrize("fault", ["missing", "wrong type"])
def test_a_missing_field_or_one_of_a_wrong_type_is_left_out(synced: Synced, fault: str, stream: str) -> None:
    field = PLAIN_FIELDS[stream]
    for place, skip in skips(synced, stream).items():
        synced.sandbox.clear()
        planted = synced.sandbox.add_fault(changed(fault, field, OWN_PATHS[stream], skip))
        said = synced.sync(stream)
        where = f"{fault}, {place}"
        assert planted.hits, where
        assert not said.errors, where
        name = snake_case(field)
        table = synced.table(stream, [said])
        assert without(name, table) == without(name, synced.truth(stream)), where
        assert len(said.records(stream)) == len(table), where
        lacking = [record for record in table.values() if record.get(name) is None]
        assert lacking or place != "early", where
        expected = f"{stream}: {name} of "
        assert [text for text in warnings(said) if not text.startswith(expected) or "is left out" not in text] == []
        warned = fault == "wrong type" and bool(lacking)
        # The last page of a listing may have no new rows.
        assert bool(warnings(said)) == warned or (place == "late" and fault == "wrong type" and not lacking), where


@pytest.mark.parametrize("stream", KEY_FIELDS)
@pytest.mark.parametrize("fault", ["missing", "wrong type"])
def test_a_stream_fails_without_its_key_fields(synced: Synced, fault: str, stream: str) -> None:
    def plant(path: str, skip: int, times: None) -> Fault:
        return changed(fault, KEY_FIELDS[stream], path, skip)

    kind = fails(plant, "system_error", "report it to the connector's maintainers", "ask Snov.io support")
    places = skips(synced, stream)
    if stream in INCREMENTAL:
        places["second page"] = 1
    for place, skip in places.items():
        # The last page of a paged listing has no rows.
        if place != "late" or stream in LISTED:
            meet(synced, stream, kind, "system_error", OWN_PATHS[stream], skip, f"{fault}, {place}")


@pytest.mark.parametrize(
    "stream",
    [name for name in OWN_PATHS if PARENTS.get(name) == "campaigns"],
)
def test_a_campaign_deleted_during_the_sync_is_skipped(synced: Synced, stream: str) -> None:
    truth = synced.truth(stream)
    for place, skip in skips(synced, stream).items():
        with Sandbox(small_account(), synced.sandbox.settings) as sandbox:
            sandbox.add_fault(faults.campaign_deleted(SECOND, path=OWN_PATHS[stream], skip=skip, times=1))
            said = synced.of(sandbox).sync(stream)
        assert not said.errors, place
        assert said.statuses()[-1] == "COMPLETE", place
        records = [(synced.key(stream, record), synced.stable(stream, record)) for record in said.records(stream)]
        assert all(truth[key] == record for key, record in records), place
        assert len(dict(records)) == len(records), place
        lacking = [truth[key] for key in truth.keys() - dict(records)]
        assert {subject(record) for record in lacking} <= {SECOND}, place
        named = [text for text in warnings(said) if f"{stream}: campaign {SECOND} is skipped" in text]
        assert warnings(said) == named, place
        assert len(named) == 1 or not lacking, place


def changed(fault: str, field: str, path: str, skip: int) -> Fault:
    if fault == "missing":
        return faults.missing_fields([field], path=path, skip=skip)
    return faults.wrong_types({field: {"unforeseen": [1, "2"]}}, path=path, skip=skip)


def without(name: str, table: Table) -> Table:
    return {key: {field: value for field, value in record.items() if field != name} for key, record in table.items()}


def meet(synced: Synced, stream: str, kind: Kind, ending: Ending, path: str, skip: int, where: str) -> None:
    """Runs and checks a sync of a stream that meets a fault, and the next sync."""
    sandbox = synced.sandbox
    sandbox.clear()
    planted = sandbox.add_fault(kind.at(path, skip))
    said = synced.sync(stream)
    assert planted.hits, where
    assert_bounded(synced, stream, where)
    assert_ends(synced, stream, said, ending, kind, where)
    sandbox.clear()
    if stream in CONTINUED and ending != "truth":
        after = synced.sync(stream, state=last_state(said))
        assert not after.errors, where
        assert synced.table(stream, [said, after]) == synced.truth(stream), where
        assert not warnings(after), where


def assert_bounded(synced: Synced, stream: str, where: str) -> None:
    """Checks that waits and requests are bounded."""
    assert sum(synced.clock.sleeps) < MAX_WAIT, where
    assert len(synced.sandbox.requests) <= MAX_TRIES * (len(synced.requests(stream)) + 1), where


def assert_ends(synced: Synced, stream: str, said: Said, ending: Ending, kind: Kind, where: str) -> None:
    truth = synced.truth(stream)
    records = [(synced.key(stream, record), synced.stable(stream, record)) for record in said.records(stream)]
    added = set(kind.at("").fields) if kind.plant is faults.extra_fields else set()
    for key, record in records:
        known = {name: value for name, value in record.items() if name not in added}
        assert truth.get(key) == known, (where, key)
    assert len({key for key, _ in records}) == len(records), where
    if ending in ("truth", "lacking", "empty"):
        assert said.errors == [], (where, said.errors)
        assert said.raised is None, where
        assert said.statuses()[-1] == "COMPLETE", where
    if ending == "truth":
        assert len(records) == len(truth), (where, len(records), len(truth), warnings(said))
        assert warnings_without_rate_limit(said) == [], where
    elif ending == "empty":
        assert records == [], where
        assert len(warnings(said)) == 1, (where, warnings(said))
        [warning] = warnings(said)
        assert warning.startswith(f"{stream} is skipped: "), where
        assert "Ask the account's owner for access" in warning
    elif ending == "lacking":
        assert_named(truth, dict(records), stream, warnings(said), where)
    else:
        assert_failed(stream, said, ending, kind, where)


def assert_named(
    truth: Mapping[Any, Any], records: Mapping[Any, Any], stream: str, said: list[str], where: str
) -> None:
    """Checks that warnings name everything that is missing."""
    how = "(?:: it or a part of it was deleted|in part: its contents)"
    skipped = {
        int(match[1]) for text in said if (match := re.match(rf"{stream}: [a-z -]+ (\d+) is skipped ?{how}", text))
    }
    assert skipped, (where, said)
    lacking = {subject(truth[key]) for key in truth.keys() - records.keys()}
    assert lacking <= skipped, (where, said)


def subject(record: Mapping[str, Any]) -> int:
    """The campaign, mailbox, warm-up, list or pipeline that a record is about."""
    names = ("campaign_id", "sender_email_id", "warm_up_id", "list_id", "pipeline_id", "id")
    return int(next(record[name] for name in names if name in record))


def assert_failed(stream: str, said: Said, ending: Ending, kind: Kind, where: str) -> None:
    [error] = [error for error in said.errors if error.get("stream_descriptor")]
    assert error["stream_descriptor"]["name"] == stream, where
    assert error["failure_type"] == ending, (where, error["message"])
    assert any(words in error["message"] for words in kind.says), (where, error["message"])
    assert said.raised is not None, where
    assert said.statuses()[-1] == "INCOMPLETE", where


def warnings_without_rate_limit(said: Said) -> list[str]:
    return [text for text in warnings(said) if "Snov.io answered 429" not in text]
