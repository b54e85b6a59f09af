"""How many requests the next morning takes, of all streams that people sync, with 300 campaigns."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.measuring import FULL_SPEED, UNLIMITED_OPTIONS, SandboxProcess, connector, run, running_sandbox
from benchmarks.tables import Row, say, table
from unit_tests._names import DAILY, STREAMS, SUGGESTED
from unit_tests._states import earlier
from unit_tests._streams import REPORTS

EVERY: Final = [stream for stream in STREAMS if stream == DAILY or stream not in REPORTS]
"""Without the reports that are not suggested, which have a table of their own."""

SYNCED: Final = {"the suggested streams": SUGGESTED, "all streams but reports": EVERY}

ASK_EACH: Final = {"skip_quiet_campaigns": False, "refresh_after_days": 1}
"""The configuration that asks about each campaign in every sync."""

State = dict[str, Any]


LIMITS: Final = {
    ("morning", "15 of 300 campaigns at work"): (540, 1480),
    ("quiet", "nothing happened in 300 campaigns"): (215, 1030),
}
"""Requests at most of each account's morning: of the suggested streams, and of all but reports."""


@dataclass(frozen=True)
class Morning:
    """Requests of one morning, the number that it must not exceed, and those of asking about each campaign."""

    name: str
    requests: int
    limit: int
    each: int

    @property
    def row(self) -> Row:
        """Its row of the table."""
        share, minutes = f"{100 * self.requests / self.each:.0f}%", f"{self.requests / 55:.1f}"
        return (self.name, self.each, self.requests, share, minutes, self.limit)


def mornings() -> str:
    """The table. Raises RuntimeError if a morning takes more than its limit."""
    say("mornings of 300 campaigns: 6 minutes")
    rows = [morning.row for shape in LIMITS for morning in measured(*shape, beside=True)]
    return (
        "Requests of the next morning in all, token and lists included, counted by the sandbox. 300 campaigns: 15 at "
        "work, 30 paused, the others completed or archived. Beside it, the same with `skip_quiet_campaigns` off and "
        "`refresh_after_days` 1, which asks about each campaign:\n\n"
    ) + table(
        ("", "asked about each", "as it is", "share", "minutes at 55 a minute", "at most"),
        rows,
    )


def measured(shape: str, name: str, *, beside: bool) -> Iterator[Morning]:
    """The mornings of an account, as soon as they are measured. Raises RuntimeError if one takes more than its limit.

    beside: measure also what asking about each campaign takes.
    """
    with running_sandbox(*UNLIMITED_OPTIONS, "--shape", shape) as server:
        before = sync(server, EVERY).states
        for state in before:
            state["stream"]["stream_state"] = earlier(state["stream"]["stream_state"])
        for (of, streams), limit in zip(SYNCED.items(), LIMITS[shape, name], strict=True):
            states = [state for state in before if state["stream"]["stream_descriptor"]["name"] in streams]
            requests = sync(server, streams, states).requests
            if requests > limit:
                raise RuntimeError(f"{of}, {name}: {requests} requests, of {limit} at most")
            each = sync(server, streams, states, **ASK_EACH).requests if beside else 0
            yield Morning(f"{of}: {name}", requests, limit, each)


@dataclass(frozen=True)
class Sync:
    """The requests of an incremental sync, the last state of each stream, and the rows if it is one stream's."""

    requests: int
    states: Sequence[State]
    rows: Sequence[dict[str, Any]]


def sync(server: SandboxProcess, streams: Sequence[str], states: Sequence[State] = (), **config: Any) -> Sync:
    """An incremental sync at full speed."""
    rows = []
    server.clear()
    last: dict[str, State] = {}
    with (
        tempfile.TemporaryFile() as output,
        connector(
            server,
            streams,
            states,
            incremental=True,
            requests_per_minute=FULL_SPEED,
            **config,
        ) as command,
    ):
        run(command, output)
        output.seek(0)
        for line in output:
            message = json.loads(line)
            if message["type"] == "STATE":
                last[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
            elif message["type"] == "RECORD" and len(streams) == 1:
                rows.append(message["record"]["data"])
    return Sync(len(server.requests()), list(last.values()), rows)
