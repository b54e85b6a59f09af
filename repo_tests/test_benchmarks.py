"""What the benchmarks say of a measurement, and what they refuse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import counts
from benchmarks.bench import PAGE, PARTS
from benchmarks.comparing import content_of
from benchmarks.contenders import CONNECTOR, DLT, LOOP
from benchmarks.counts import daily
from benchmarks.daily import Case, DailySync
from benchmarks.measuring import most_in_any_minute
from benchmarks.side_by_side import first_answer
from benchmarks.tables import around
from repo_tests.test_docs import number, tables
from unit_tests._names import CAMPAIGNS_PATH, TOKEN_PATH

PROGRESS = "campaign_progress"
FRAMEWORKS = {"connector", "dlt, extracted", "dlt, normalized", "Singer tap", "bare manifest"}


def progress(campaign: int = 1, unfinished: int = 2, share: Any = 40) -> tuple[str, dict[str, Any]]:
    return PROGRESS, {"campaign_id": campaign, "status": "Active", "unfinished": unfinished, "progress": share}


def test_each_part_has_its_place_on_the_page() -> None:
    text = PAGE.read_text()

    for name in PARTS:
        assert text.count(f"<!-- bench {name} -->") == text.count(f"<!-- /bench {name} -->") == 1, name


def measured(part: str) -> list[dict[str, str]]:
    """The rows of a part's table on the page."""
    [table] = tables(around(f"bench {part}", PAGE.read_text())[1])
    return table


def least(rows: list[dict[str, str]], programs: set[str], column: str) -> str:
    """The program with the least of something in these rows."""
    [*values] = [(number(row[column]), row[""]) for row in rows if row[""] in programs]
    assert {name for _, name in values} == programs
    return min(values)[1]


def test_what_the_page_says_in_short_is_what_was_measured() -> None:
    limit = {row[""]: row for row in measured("limit")}
    assert {name for name, row in limit.items() if row["outcome"] == "complete"} == {"connector", "bare manifest"}
    assert limit["connector"]["answers of 429"] == "0"

    assert least(measured("backfill"), FRAMEWORKS | {"loop"}, "requests") == "connector"
    assert least(measured("backfill"), FRAMEWORKS, "CPU (s)") == "connector"
    million = {row[""]: row for row in measured("million") if row["events"] == "1,000,000"}
    seconds = {name: number(row["CPU (s)"]) for name, row in million.items()}
    memory = {name: number(row["peak memory (MiB)"]) for name, row in million.items()}
    assert seconds["connector"] == pytest.approx(seconds["Singer tap"], rel=0.2)
    assert seconds["connector"] < seconds["bare manifest"] / 2
    assert memory["connector"] == pytest.approx(100, abs=10)
    for dlt in ("dlt, extracted", "dlt, normalized"):
        assert seconds[dlt] < seconds["connector"]
        assert 1.8 <= memory[dlt] / 1024 <= 3.2

    for part in ("speed", "latency"):
        thousand = [row for row in measured(part) if row["campaigns"] == "1,000"]
        assert least(thousand, FRAMEWORKS, "CPU (s)") == "Singer tap"
        each = [number(row["CPU per record (ms)"]) for row in thousand if row[""] in FRAMEWORKS]
        assert 2.5 <= min(each) <= max(each) < 4

    starts = {(row[""], row["program"]): number(row["wall (s)"]) for row in measured("startup")}
    assert starts["spec", "connector"] < starts["spec", "Singer tap"]
    assert starts["check", "connector"] > starts["check", "Singer tap"]


def test_records_are_the_same_in_whatever_order_and_spelling_of_percentages() -> None:
    assert content_of([progress(1), progress(2)]) == content_of([progress(2, share="40%"), progress(1)])


@pytest.mark.parametrize(
    "other",
    [[progress(1)], [progress(1), progress(3)], [progress(1), progress(1)], [progress(1), progress(2, unfinished=3)]],
    ids=["one is missing", "another key", "one twice", "another figure"],
)
def test_other_records_are_told_apart(other: list[tuple[str, dict[str, Any]]]) -> None:
    assert content_of([progress(1), progress(2)]) != content_of(other)


def test_two_records_that_swap_a_figure_are_told_apart() -> None:
    swapped = [progress(1, unfinished=7), progress(2, unfinished=5)]

    assert content_of([progress(1, unfinished=5), progress(2, unfinished=7)]) != content_of(swapped)


def test_the_records_of_each_program_are_found_by_stream(tmp_path: Path) -> None:
    (tmp_path / "output").write_text(
        '{"type": "LOG"}\n{"type": "RECORD", "record": {"stream": "campaigns", "data": {"id": 1}}}\n'
    )
    assert CONNECTOR.has_written(tmp_path)
    assert list(CONNECTOR.written(tmp_path)) == [("campaigns", {"id": 1})]

    (tmp_path / "output").write_text('{"type": "RECORD", "stream": "campaigns", "record": {"id": 1}}\n')
    assert list(LOOP.written(tmp_path)) == [("campaigns", {"id": 1})]

    assert not DLT.has_written(tmp_path)
    (tmp_path / "campaign_progress.4f.0.typed-jsonl").write_text('[{"progress": "4%", "_campaigns_id": 1}]\n')
    assert DLT.has_written(tmp_path)
    assert list(DLT.written(tmp_path)) == [(PROGRESS, {"progress": "4%", "campaign_id": 1})]


def request(path: str, time: float, status: int = 200) -> dict[str, Any]:
    return {"path": path, "time": time, "status": status}


EVENTS_PATH = "/v2/campaigns/1/recipients-activity"


@pytest.mark.parametrize(
    ("streams", "first"),
    [(["campaigns", PROGRESS], 2.0), (["campaign_recipients_activity"], 4.0)],
)
def test_the_first_answer_is_the_first_with_records_of_the_streams(streams: list[str], first: float) -> None:
    log = [
        request(TOKEN_PATH, 1.0),
        request(CAMPAIGNS_PATH, 2.0),
        request(EVENTS_PATH, 3.0, 429),
        request(EVENTS_PATH, 4.0),
    ]

    assert first_answer(log, streams) == first
    assert first_answer(log[:1], streams) is None


@pytest.mark.parametrize(("times", "most"), [([0, 30, 59.9], 3), ([0, 30, 60], 2), ([0, 100, 101, 102], 3)])
def test_the_most_in_any_minute_counts_a_minute_of_any_beginning(times: list[float], most: int) -> None:
    assert most_in_any_minute(times) == most


@pytest.fixture
def daily_requests(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets each case of the daily history take that many requests, of 10 at most."""

    def take(requests: int) -> None:
        monkeypatch.setattr(counts, "cases", lambda _: [Case("a case", DailySync(1, 20, requests, requests, None), 10)])

    return take


def test_too_many_requests_fail(daily_requests: Callable[[int], None]) -> None:
    daily_requests(10)
    assert "a case" in daily()
    daily_requests(11)
    with pytest.raises(RuntimeError, match="11 requests, of 10 at most"):
        daily()
