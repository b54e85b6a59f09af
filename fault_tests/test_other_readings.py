"""Every stream under every reading of the API that no document excludes and that concerns it.

A first sync and the next one give the same table as under the documented reading, or, if the reading changes the
figures themselves, the table of the reading. There is a warning if data is unavailable, and only then. Requests are
bounded.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest

from fault_tests._running import Said
from fault_tests._synced import OWN_PATHS, PAGE, Synced, Table, last_state, undisturbed, warnings
from sandbox.running import Sandbox
from sandbox.settings import Moving
from sandbox.world.account import Account
from sandbox.world.events import CLICK, FINISHED, FIRST_EMAIL, INVITE, INVITE_REPLY, LINKEDIN, OPEN, REPLY, Event
from sandbox.world.furnishing import warm_ups
from unit_tests._daily import TODAY, ago, as_number, truth
from unit_tests._names import DAILY
from unit_tests._streams import EVENT_LISTS, account, at

TOTALS = ("campaign_analytics", "sender_analytics")
PERIODS = (DAILY, *TOTALS)
ACTIVITY, WARM_UP_DAYS = "campaign_recipients_activity", "warm_up_daily_statistics"
STARTED = (DAILY, *EVENT_LISTS, ACTIVITY)
"""Streams that read a campaign from its start."""

FIRST = ago(55)
"""The configured start_date."""

ROUND = 3
"""Stands in for the round numbers of rows at which a list of e-mails may be cut."""

KINDS = (FIRST_EMAIL, OPEN, OPEN, CLICK, REPLY, FINISHED, INVITE, INVITE_REPLY)


def made() -> Account:
    """Four campaigns with several pages and windows of events, one never started, and some of everything else."""
    starts = (50, 50, 36, 9)
    stories = [
        [
            Event(at(ago(back)) + 60 * number, kind, person, 66_001 if kind in LINKEDIN else 55_001)
            for person, back in enumerate(range(start, -1, -(start // 6 or 1)), 1 + 2 * place)
            for number, kind in enumerate(KINDS)
        ]
        for place, start in enumerate(starts)
    ]
    found = account(*stories, [], started=[*(ago(start) for start in starts), None], furnished=True)
    found.campaigns[910_001].name = "2026"
    found.belongings.warm_ups += [replace(one, id=one.id + 100) for one in warm_ups(PAGE, TODAY)]
    return found


@dataclass(frozen=True)
class Reading:
    """Settings of the sandbox, and the expected results of the streams that they concern.

    expected: computes the expected table from that of the documented reading; None: the same. warns: texts that must
    each appear in a warning. most: maximum factor by which requests may grow. ignored: fields to leave out.
    """

    settings: Mapping[str, Any]
    streams: Sequence[str]
    expected: "Callable[[Table, Synced, str], Table] | None" = None
    warns: tuple[str, ...] = ()
    most: float = 2
    ignored: frozenset[str] = frozenset()


def with_own_figures(table: Table, synced: Synced, stream: str) -> Table:
    """The table with the figures of the reading."""
    sandbox, account = synced.sandbox, synced.sandbox.account
    if stream == DAILY:
        found = truth(account, FIRST, reading=sandbox.settings)
        return {key: row | found[key] for key, row in table.items()}
    figures = {}
    for key, row in table.items():
        campaigns, senders = ([row["campaign_id"]], None) if stream == TOTALS[0] else (list(account.campaigns), [*key])
        first, last = (date.fromisoformat(row[name]) for name in ("date_from", "date_to"))
        counted = account.analytics(campaigns, first, last, senders, reading=sandbox.settings)
        figures[key] = row | {name: as_number(value) for name, value in counted.items()}
    return figures


def until_yesterday(table: Table, synced: Synced, stream: str) -> Table:
    """The table without today, which cannot be requested yet."""
    dated = {"date", "event_time"}
    return {
        key: row for key, row in table.items() if not any(str(row.get(name, ""))[:10] == str(TODAY) for name in dated)
    }


IDS = frozenset({"id", "hash"})
UNTYPED = frozenset({"custom_fields", "sequence"})
"""Objects without fields in the schema."""

VOLATILE = frozenset({"request_id", "requestId"})
WHOLE = 10_000
"""Page size with which all e-mails fit into one page."""

ALL_LEFT_OUT = frozenset({"analytics", "activity", "warm_up"})
PAGED = (ACTIVITY, "campaign_replies", *EVENT_LISTS, "warm_ups", "list_prospects")
TIMED = ("campaigns", *TOTALS, "campaign_progress", *STARTED, "campaign_replies")

READINGS: dict[str, Reading] = {
    "last day left out": Reading({"last_day_left_out": ALL_LEFT_OUT}, (*PERIODS, ACTIVITY, WARM_UP_DAYS)),
    "future days refused": Reading({"future_days_refused": True}, (*PERIODS, ACTIVITY, WARM_UP_DAYS)),
    "future days empty": Reading({"future_days_empty": True}, (*PERIODS, ACTIVITY, WARM_UP_DAYS)),
    "last day left out, future days refused": Reading(
        {"last_day_left_out": ALL_LEFT_OUT, "future_days_refused": True},
        (DAILY, ACTIVITY, WARM_UP_DAYS),
        until_yesterday,
    ),
    "days of another zone": Reading({"day_offset_hours": 3}, PERIODS, with_own_figures),
    "recipients counted in each campaign": Reading({"distinct_across_campaigns": False}, PERIODS, with_own_figures),
    "spans capped": Reading({"most_days": 20}, [DAILY], most=4, warns=("Snov.io leaves some out",)),
    "first id only": Reading({"first_id_only": True}, [DAILY], most=4),
    **{
        f"too large, {status}": Reading({"too_large": 40, "too_large_status": status}, [DAILY], most=4)
        for status in (504, 413, 400)
    },
    "analytics leave days out": Reading({"silent_events": True}, [ACTIVITY, *EVENT_LISTS]),
    **{
        f"times as {form}": Reading({"time_form": form}, TIMED)
        for form in ("text", "iso", "milliseconds", "php_zone", "php_offset", "php_abbreviation")
    },
    "a zero start date": Reading(
        {"time_form": "zero_date"}, [*STARTED, "campaign_analytics"], warns=("started_at of campaign 910001",)
    ),
    "short pages": Reading({"short_pages": ROUND}, PAGED, most=3),
    "has_more wrong": Reading({"has_more_wrong": True}, [ACTIVITY]),
    "short pages, has_more wrong": Reading({"short_pages": ROUND, "has_more_wrong": True}, [ACTIVITY]),
    "limit ignored": Reading({"limit_ignored": True}, [ACTIVITY]),
    "dates ignored": Reading({"dates_ignored": True}, [ACTIVITY], warns=("also sends records of other days",), most=8),
    "numbers": Reading({"numbers": True}, tuple(OWN_PATHS), ignored=IDS | UNTYPED),
    "volatile rows": Reading({"volatile_rows": True}, tuple(OWN_PATHS), ignored=VOLATILE),
    "unstable ids": Reading(
        {"unstable_ids": True, "event_page": WHOLE}, [*EVENT_LISTS, "finished_prospects"], ignored=IDS
    ),
}

CELLS = [(name, stream) for name, reading in READINGS.items() for stream in reading.streams]


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    with undisturbed(tmp_path_factory.mktemp("readings"), made, FIRST) as found:
        yield found


@pytest.mark.parametrize(("name", "stream"), CELLS)
def test_each_stream_is_right_under_each_reading(
    synced: Synced, name: str, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = READINGS[name]
    if "short_pages" in reading.settings:
        monkeypatch.setattr("source_snov.api.pagination.ROUND", ROUND)
    if "event_page" in reading.settings:
        monkeypatch.setattr(
            "source_snov.api.pagination.ListingPagination.full_page", property(lambda _: WHOLE, lambda *_: None)
        )
    with Sandbox(made(), replace(synced.sandbox.settings, **reading.settings)) as sandbox:
        other = synced.of(sandbox)
        first = other.sync(stream)
        requests = len(sandbox.requests)
        second = other.sync(stream, state=last_state(first))
    expected = synced.truth(stream)
    if reading.expected:
        expected = reading.expected(expected, other, stream)
    for said in (first, second):
        assert_complete(said)
    found = rows(first, other, stream, reading.ignored)
    if "unstable_ids" in reading.settings:
        # Two events in the same second, which otherwise share their id, become two rows.
        assert sum(found.values()) <= len(expected) + 1
        assert_same(Counter(found.keys()), Counter(plain(expected.values(), reading.ignored).keys()))
    else:
        assert_same(found, plain(expected.values(), reading.ignored))
    if not reading.ignored:
        assert other.table(stream, [first]).keys() == expected.keys()
        assert_same(plain(other.table(stream, [first, second]).values()), plain(expected.values()))
    for field in reading.ignored & IDS:
        types = {type(row[field]) for row in expected.values() if field in row}
        assert {type(record[field]) for record in first.records(stream) if field in record} == types or not types
    assert requests <= reading.most * len(synced.requests(stream)) + 12
    said_so = warnings(first)
    assert all(any(part in text for text in said_so) for part in reading.warns), said_so
    assert [text for text in said_so if not any(part in text for part in reading.warns)] == []


@pytest.mark.parametrize("settings", [{"most_days": 20}, {"first_id_only": True}, {"several_ids_empty": True}], ids=str)
def test_a_warning_names_totals_that_may_be_wrong(synced: Synced, settings: Mapping[str, Any]) -> None:
    """The stream that detects it names the totals that may be wrong."""
    with Sandbox(made(), replace(synced.sandbox.settings, **settings)) as sandbox:
        other = synced.of(sandbox)
        said = other.sync(*PERIODS)
    assert_complete(said)
    wrong = {stream for stream in TOTALS if other.table(stream, [said]) != synced.truth(stream)}
    assert bool(wrong) == ("most_days" in settings)
    assert {
        stream for stream in wrong if not any(f"{stream}:" in text or f"{stream} " in text for text in warnings(said))
    } == set()


@pytest.mark.parametrize("status", [504, 413, 400])
@pytest.mark.parametrize("stream", TOTALS)
def test_a_total_over_too_many_days_fails_without_skipping_campaigns(synced: Synced, stream: str, status: int) -> None:
    settings = replace(synced.sandbox.settings, too_large=20, too_large_status=status)
    with Sandbox(made(), settings) as sandbox:
        other = synced.of(sandbox)
        said = other.sync(stream)
        assert len(sandbox.requests) <= 8 * len(synced.requests(stream)) + 12
    truth, found = synced.truth(stream), other.table(stream, [said])
    assert all(truth[key] == row for key, row in found.items())
    assert [text for text in warnings(said) if "is skipped" in text] == []
    assert len(found) == len(truth) or said.errors


@pytest.mark.parametrize("moving", ["deleted", "added", "reordered"])
@pytest.mark.parametrize("stream", [stream for stream in PAGED if stream != "warm_ups"])
def test_rows_that_move_between_pages_are_not_lost_or_duplicated(
    synced: Synced, stream: str, moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.listing.MOVED", 2)
    with Sandbox(made(), replace(synced.sandbox.settings, moving=moving, short_pages=PAGE)) as sandbox:
        other = synced.of(sandbox)
        first = other.sync(stream)
        requests = len(sandbox.requests)
        stays = other.sync(stream)
    assert_complete(first)
    found, truth = rows(first, other, stream), plain(synced.truth(stream).values())
    assert_same(found - truth, Counter())
    missing = rows(stays, other, stream) - found
    assert not missing or any("rows moved" in text for text in warnings(first)), list(missing)[:2]
    assert requests <= 6 * len(synced.requests(stream)) + 12


@pytest.mark.parametrize("volatile", [False, True])
@pytest.mark.parametrize("stream", PAGED)
def test_a_sync_ends_and_warns_if_the_offset_is_ignored(synced: Synced, stream: str, volatile: bool) -> None:
    settings = {"offset_ignored": True, "volatile_rows": volatile, "short_pages": PAGE}
    with Sandbox(made(), replace(synced.sandbox.settings, **settings)) as sandbox:
        other = synced.of(sandbox)
        said = other.sync(stream)
        assert len(sandbox.requests) <= 3 * len(synced.requests(stream)) + 12
    assert_complete(said)
    truth, found = plain(synced.truth(stream).values()), rows(said, other, stream, VOLATILE)
    assert_same(found - truth, Counter())
    assert truth - found
    assert any(f"{stream}: " in text and "maintainers" in text for text in warnings(said))


def test_a_sync_ends_if_the_offset_is_ignored_and_all_ids_change(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a total, only a maximum number of pages can end that."""
    monkeypatch.setattr("source_snov.api.pagination.MAX_PAGES", 20)
    settings = replace(synced.sandbox.settings, unstable_ids=True, offset_ignored=True)
    with Sandbox(made(), settings) as sandbox:
        said = synced.of(sandbox).sync("finished_prospects")
        assert len(sandbox.requests) <= 20 * len(sandbox.account.campaigns) + 2
    assert_complete(said)
    [warning] = warnings(said)
    assert "finished_prospects: after 20 pages, Snov.io still gives rows with new ids" in warning


def assert_complete(said: Said) -> None:
    assert said.errors == []
    assert said.statuses()[-1] == "COMPLETE"


def assert_same(found: Counter[str], expected: Counter[str]) -> None:
    assert (list(found - expected)[:2], list(expected - found)[:2]) == ([], [])


def rows(said: Said, synced: Synced, stream: str, ignored: frozenset[str] = frozenset()) -> Counter[str]:
    return plain((synced.stable(stream, record) for record in said.records(stream)), ignored)


def plain(found: Iterable[Mapping[str, Any]], ignored: frozenset[str] = frozenset()) -> Counter[str]:
    """How often each row is there, without what differs."""
    return Counter(str(sorted((name, value) for name, value in row.items() if name not in ignored)) for row in found)
