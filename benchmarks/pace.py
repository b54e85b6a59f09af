"""Whether the default pace uses the limit and never exceeds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.measuring import Request, connector, most_in_any_minute, run
from benchmarks.measuring import sandbox as running_sandbox
from benchmarks.tables import say, table

CAMPAIGNS: Final = 140
SECONDS: Final = 300


def pace() -> str:
    """The sandbox enforces the limit. Raises RuntimeError if the sync is over too soon to tell."""
    say(f"the pace: {SECONDS // 60} minutes")
    with running_sandbox("--campaigns", str(CAMPAIGNS)) as server, connector(server) as command:
        took = run(command).wall
        requests = server.requests()
    times = [request["time"] for request in requests]
    if times[-1] - times[0] < SECONDS:
        raise RuntimeError(f"the sync was over after {times[-1] - times[0]:.0f} s")
    answered = [time for time in _times_with(requests, 200) if time < times[0] + SECONDS]
    return (
        f"The default pace, against the sandbox refusing what exceeds 60 requests in any 60 seconds, with "
        f"{CAMPAIGNS} campaigns ({len(requests)} requests, {took:.0f} s):\n\n"
    ) + table(
        ("answered a minute, over the first 5", "most in any 60 s", "answers of 429"),
        [(f"{len(answered) / SECONDS * 60:.1f}", most_in_any_minute(times), len(_times_with(requests, 429)))],
    )


def _times_with(requests: Sequence[Request], status: int) -> list[float]:
    return [request["time"] for request in requests if request["status"] == status]
