"""How many requests a sync makes: the same on every machine, so that it can fail."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from benchmarks.daily import QUICK, SHAPES, Case, cases
from benchmarks.first_sync import all_days
from benchmarks.measuring import FULL_SPEED, MINUTE, UNLIMITED_OPTIONS, connector, run, running_sandbox
from benchmarks.mornings import LIMITS, measured
from benchmarks.reports import reports
from benchmarks.tables import Row, say, table
from unit_tests._names import ANALYTICS_PATH, CAMPAIGNS_PATH, TOKEN_PATH

ENDPOINTS: Final = {
    "token": TOKEN_PATH,
    "list": CAMPAIGNS_PATH,
    "analytics": ANALYTICS_PATH,
    "progress": "/progress",
}

SPANS: Final = 3
"""Requests about a long period and its halves."""


def requests() -> str:
    """How many requests a sync makes, without the daily history. Raises RuntimeError if they are not what is said."""
    return (
        "Requests of a sync of `campaigns`, `campaign_analytics` and `campaign_progress`, counted by the sandbox. "
        "Some of the 48 campaigns were never started, and share one request for analytics. Three requests for "
        "analytics look whether a long period is covered, which the daily history does by itself:\n\n"
    ) + table(
        ("campaigns", *ENDPOINTS, "total", "1 + 1 + 3 + 2N"),
        [_requests_of(None), _requests_of(300), _requests_of(1000)],
    )


def _requests_of(campaigns: int | None) -> Row:
    """A row for so many campaigns; None for the demo account."""
    say(f"requests of {campaigns or 'the demo account'}")
    size = () if campaigns is None else ("--campaigns", str(campaigns))
    with running_sandbox(*UNLIMITED_OPTIONS, *size) as server, tempfile.TemporaryFile() as output:
        with connector(server, requests_per_minute=FULL_SPEED) as command:
            run(command, output)
        paths = [request["path"] for request in server.requests()]
        output.seek(0)
        read = [each["record"] for each in map(json.loads, output) if each["type"] == "RECORD"]
    started = ["started_at" in each["data"] for each in read if each["stream"] == "campaigns"]
    never_started = len(started) - sum(started)
    counts = [sum(path.endswith(end) for path in paths) for end in ENDPOINTS.values()]
    expected = [1, 1, SPANS + sum(started) + min(never_started, 1), len(started)]
    if counts != expected or sum(counts) != len(paths):
        name = campaigns or "the demo account"
        raise RuntimeError(f"{name}: {len(paths)} requests, of which {counts}, instead of {expected}")
    return (len(started), *counts, len(paths), 2 + SPANS + 2 * len(started))


def daily() -> str:
    """How many requests a daily history takes, beside one for each campaign and day."""
    say("the daily history: 4 minutes")
    return _daily_table(cases([*SHAPES]))


def short() -> str:
    """Whatever has a limit, as tables; without the slow daily histories, and without what others are compared with."""
    # Each of these waits for two processes of its own, which rarely run at the same time.
    parts = (_first_of_all_days, reports, *(partial(_mornings_of, *shape) for shape in LIMITS), requests, _quick)
    with ThreadPoolExecutor(2) as pool:
        return "\n\n".join(pool.map(lambda part: part(), parts))


def _first_of_all_days() -> str:
    say("a first sync of 300 campaigns")
    with running_sandbox(*UNLIMITED_OPTIONS, "--shape", "morning") as server:
        _, recent, _, most, whole, _ = all_days(server)
    return table(("first sync of 300 campaigns: until the last 31 days", "at most", "in all"), [(recent, most, whole)])


def _mornings_of(shape: str, name: str) -> str:
    say(f"mornings: {name}")
    mornings = measured(shape, name, beside=False)
    return table(("next morning", "requests", "at most"), [(each.name, each.requests, each.limit) for each in mornings])


def _quick() -> str:
    say("daily histories that take seconds")
    return _daily_table(cases(QUICK))


def _daily_table(measured: Iterable[Case]) -> str:
    """Raises RuntimeError if one takes more than its limit."""
    rows: list[Row] = []
    for case in measured:
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
