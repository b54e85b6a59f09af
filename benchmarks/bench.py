"""`make bench`: what a sync takes, as Markdown tables.

python -m benchmarks.bench                 # everything, 25 minutes
python -m benchmarks.bench --only daily    # one part: requests, pace, cost, daily or events
python -m benchmarks.bench --write         # what is measured, and into README.md, between the part's marks
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Final

from benchmarks.daily import cases
from benchmarks.measuring import ROOT, Cost, Request, connector, machine, median, most_in_any_minute, requests_loop, run
from benchmarks.measuring import sandbox as running_sandbox

README: Final = ROOT / "README.md"
UNLIMITED: Final = ("--rate-limit", "off")
FULL_SPEED: Final = 6000
"""The largest `requests_per_minute`: more than any of these syncs makes."""

MINUTE: Final = 60
"""Snov.io's limit of requests a minute."""

PACE_CAMPAIGNS: Final = 140
PACE_SECONDS: Final = 300

ENDPOINTS: Final = {
    "token": "/v1/oauth/access_token",
    "list": "/v1/get-user-campaigns",
    "analytics": "/v2/statistics/campaign-analytics",
    "progress": "/progress",
}

MOST_GROWTH: Final = 60
"""MiB that a million events may take more than a thousand."""

IMPORTS: Final = (sys.executable, "-c", "import source_snov.run")

Row = Sequence[object]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    options = _options(arguments)
    for name in [options.only] if options.only else PARTS:
        part = PARTS[name]()
        text = f"{part}\n\nMeasured on {datetime.now(timezone.utc):%Y-%m-%d} on a machine with {machine()}."
        print(f"\n{text}", flush=True)
        if options.write:
            _write(name, text)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description="What a sync takes.")
    parser.add_argument("--only", choices=PARTS, help="one part instead of all")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md as well")
    return parser.parse_args(arguments)


def requests() -> str:
    """How many requests a sync makes, without the daily history."""
    return (
        "Requests of a sync of `campaigns`, `campaign_analytics` and `campaign_progress`, counted by the sandbox. "
        "Some of the 48 campaigns were never started, and share one request for analytics:\n\n"
    ) + _table(
        ("campaigns", *ENDPOINTS, "total", "1 + 1 + 2N"),
        [_requests_of(None), _requests_of(300), _requests_of(1000)],
    )


def _requests_of(campaigns: int | None) -> Row:
    """A row for so many campaigns; None for the demo account."""
    _say(f"requests of {campaigns or 'the demo account'}")
    with running_sandbox(*UNLIMITED, *_size(campaigns)) as server:
        with connector(server, requests_per_minute=FULL_SPEED) as command:
            run(command)
        paths = [request["path"] for request in server.requests()]
    counts = [sum(path.endswith(end) for path in paths) for end in ENDPOINTS.values()]
    assert sum(counts) == len(paths), Counter(paths)
    synced = campaigns or counts[-1]
    return (synced, *counts, len(paths), 2 + 2 * synced)


def daily() -> str:
    """How many requests a daily history takes, beside one for each campaign and day."""
    _say("the daily history: 4 minutes")
    rows: list[Row] = []
    for case in cases():
        sync = case.sync
        if sync.analytics > case.limit:
            raise RuntimeError(f"{case.name}: {sync.analytics} requests, of {case.limit} at most")
        rows.append(
            (
                case.name,
                sync.days,
                sync.analytics,
                f"{100 * sync.analytics / sync.days:.1f}%",
                case.limit,
                *(f"{count / MINUTE:,.1f}" for count in (sync.days, sync.analytics)),
                sync.requests,
            )
        )
    return (
        "Requests of `campaign_analytics_daily` for analytics, counted by the sandbox, beside one request for each "
        "campaign and day. A next morning reads 16 days of each campaign: the look-back of 14, yesterday and today. "
        "At most: what this benchmark fails above; for the first sync of 300 campaigns, what the connector promises of "
        "any account, 110% and 2 for each campaign. In all: with token and list:\n\n"
    ) + _table(
        (
            "",
            "campaign-days",
            "requests",
            "share",
            "at most",
            f"minutes at {MINUTE} a minute, day by day",
            "as it is",
            "requests in all",
        ),
        rows,
    )


def pace() -> str:
    """Whether the default pace uses the limit and never exceeds it."""
    _say(f"the pace: {PACE_SECONDS // 60} minutes")
    with running_sandbox(*_size(PACE_CAMPAIGNS)) as server, connector(server) as command:
        took = run(command).wall
        requests = server.requests()
    times = [request["time"] for request in requests]
    if times[-1] - times[0] < PACE_SECONDS:
        raise RuntimeError(f"the sync was over after {times[-1] - times[0]:.0f} s")
    answered = [time for time in _times_with(requests, 200) if time < times[0] + PACE_SECONDS]
    return (
        f"The default pace, against the sandbox refusing what exceeds 60 requests in any 60 seconds, with "
        f"{PACE_CAMPAIGNS} campaigns ({len(requests)} requests, {took:.0f} s):\n\n"
    ) + _table(
        ("answered a minute, over the first 5", "most in any 60 s", "answers of 429"),
        [(f"{len(answered) / PACE_SECONDS * 60:.1f}", most_in_any_minute(times), len(_times_with(requests, 429)))],
    )


def _times_with(requests: Sequence[Request], status: int) -> list[float]:
    return [request["time"] for request in requests if request["status"] == status]


def cost() -> str:
    """Time and memory, beside a loop written by hand and the import of the CDK alone."""
    _say("the import of the CDK")
    rows: list[Row] = [("import of the CDK and the connector", "", *_numbers(median(lambda: run(IMPORTS), 5)))]
    for campaigns, times in ((300, 5), (1000, 3)):
        _say(f"time and memory of {campaigns} campaigns")
        with running_sandbox(*UNLIMITED, *_size(campaigns)) as server:
            with connector(server, requests_per_minute=FULL_SPEED) as command:
                rows.append(("connector", campaigns, *_numbers(_median(server.clear, command, times))))
            with requests_loop(server) as command:
                rows.append(("loop", campaigns, *_numbers(_median(server.clear, command, times))))
    return (
        "Time and memory without a limit (medians of 5 runs, of 3 for 1,000 campaigns; the sandbox runs beside it on "
        "the same machine). The loop is [requests_loop.py](benchmarks/requests_loop.py): the same requests one after "
        "the other, without pace, repetition, error handling or typed records:\n\n"
    ) + _table(("", "campaigns", "wall (s)", "CPU (s)", "peak memory (MiB)"), rows)


def events() -> str:
    """Time and memory of one campaign's events, few and very many."""
    rows: list[Row] = []
    for number in (1_000, 1_000_000):
        _say(f"{number:,} events")
        with (
            running_sandbox(*UNLIMITED, "--events", str(number)) as server,
            connector(server, ["campaign_recipients_activity"], requests_per_minute=FULL_SPEED) as command,
        ):
            rows.append((f"{number:,}", *_numbers(run(command)), len(server.requests())))
    least, most = (float(str(row[3])) for row in rows)
    if most > least + MOST_GROWTH:
        raise RuntimeError(f"{most - least:.0f} MiB more for more events, of {MOST_GROWTH} at most")
    return "`campaign_recipients_activity` of one campaign, without a limit:\n\n" + _table(
        ("events", "wall (s)", "CPU (s)", "peak memory (MiB)", "requests"), rows
    )


def _median(clear: Callable[[], None], command: Sequence[str], times: int) -> Cost:
    def measure() -> Cost:
        clear()
        return run(command)

    return median(measure, times)


def _numbers(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.memory:.0f}"


def _size(campaigns: int | None) -> tuple[str, ...]:
    return () if campaigns is None else ("--campaigns", str(campaigns))


def _table(headings: Sequence[str], rows: Sequence[Row]) -> str:
    """A Markdown table; everything after the first column is a number."""
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _say(what: str) -> None:
    print(f"Measuring {what} …", file=sys.stderr, flush=True)


def _write(name: str, text: str) -> None:
    first, last = f"<!-- bench {name} -->", f"<!-- /bench {name} -->"
    before, begin, rest = README.read_text().partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise SystemExit(f"README.md lacks the marks {first} and {last}")
    README.write_text(f"{before}{first}\n{text}\n{last}{after}")


# The last one makes this process larger, which the memory of the others must not show.
PARTS: Final[dict[str, Callable[[], str]]] = {
    "requests": requests,
    "pace": pace,
    "cost": cost,
    "events": events,
    "daily": daily,
}

if __name__ == "__main__":
    main()
