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
    ) + table(
        ("campaigns", *ENDPOINTS, "total", "1 + 1 + 2N"),
        [_requests_of(None), _requests_of(300), _requests_of(1000)],
    )


def _requests_of(campaigns: int | None) -> Row:
    """A row for so many campaigns; None for the demo account."""
    say(f"requests of {campaigns or 'the demo account'}")
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
    say("the daily history: 4 minutes")
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
    ) + table(
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
    say(f"the pace: {PACE_SECONDS // 60} minutes")
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
    ) + table(
        ("answered a minute, over the first 5", "most in any 60 s", "answers of 429"),
        [(f"{len(answered) / PACE_SECONDS * 60:.1f}", most_in_any_minute(times), len(_times_with(requests, 429)))],
    )


def _times_with(requests: Sequence[Request], status: int) -> list[float]:
    return [request["time"] for request in requests if request["status"] == status]


def _size(campaigns: int | None) -> tuple[str, ...]:
    return () if campaigns is None else ("--campaigns", str(campaigns))


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
