"""After how many requests a first sync has the last month of every campaign, and how many it takes in all."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from benchmarks.measuring import (
    FULL_SPEED,
    UNLIMITED_OPTIONS,
    Request,
    SandboxProcess,
    connector,
    run,
    running_sandbox,
    today,
)
from benchmarks.tables import Row, say, table
from unit_tests._names import SUGGESTED

RECENT: Final = timedelta(days=30)
"""From the first of the last 31 days to today."""

LIMIT: Final = 2000

LAST_DAYS: Final = ("date_to", "dateTo")


def first_sync() -> str:
    """The table. Raises RuntimeError if the last month is complete too late."""
    say("a first sync of 300 campaigns: 3 minutes")
    with running_sandbox(*UNLIMITED_OPTIONS, "--shape", "morning") as server:
        rows = [all_days(server), _row(server, "`daily_history_days` 90", daily_history_days=90)]
    return (
        "Requests of a first sync of the suggested streams, counted by the sandbox. 300 campaigns of four to eight "
        "months: 15 at work, 30 paused, the others completed or archived.\n\n"
    ) + table(
        (
            "",
            "until the last 31 days of every campaign are complete",
            "minutes at 55 a minute",
            "at most",
            "until the end",
            "hours at 55 a minute",
        ),
        rows,
    )


def all_days(server: SandboxProcess) -> Row:
    """The row of a sync without a limit to its days. Raises RuntimeError if the last month is complete too late."""
    return _row(server, "all days")


def _row(server: SandboxProcess, name: str, **config: Any) -> Row:
    server.clear()
    with (
        tempfile.TemporaryFile() as output,
        connector(server, SUGGESTED, incremental=True, requests_per_minute=FULL_SPEED, **config) as command,
    ):
        run(command, output)
    requests = server.requests()
    recent, whole = recent_complete_after(requests), len(requests)
    if recent > LIMIT:
        raise RuntimeError(f"{name}: the last 31 days are complete after {recent} requests, of {LIMIT} at most")
    return (name, recent, f"{recent / 55:.0f}", LIMIT, whole, f"{whole / 55 / 60:.1f}")


def recent_complete_after(requests: Sequence[Request]) -> int:
    """How many requests were made when the last one about the last 31 days was, or about none in particular."""
    first = str(today() - RECENT)
    asked = ([each["query"][name][0] for name in LAST_DAYS if name in each["query"]] for each in requests)
    # A request about the days before asks for one day more.
    return 1 + max(number for number, days in enumerate(asked) if not days or days[0] > first)
