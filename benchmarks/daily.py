"""How many requests a daily history takes, against accounts of known days (sandbox/world/shapes.py)."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from benchmarks.measuring import FULL_SPEED, UNLIMITED_OPTIONS, SandboxProcess, connector, run, running_sandbox, today
from unit_tests._names import ANALYTICS_PATH, DAILY

LOOKBACK: Final = timedelta(days=14)
"""The default of `lookback_days`."""
BACKFILL_SHARE: Final = 0.45
DENSE_SHARE: Final = 1.05
MORNING: Final = 330
NOTHING: Final = 20
ONE_DAY: Final = 26
"""The aims: requests, or requests for each campaign and day."""

State = Mapping[str, Any]


@dataclass(frozen=True)
class DailySync:
    """What one sync of the daily history took, counted by the sandbox and in the connector's output.

    days: campaign-days read, which is how many requests it takes to ask for each on its own. analytics: the requests
    made for them. requests: all of them, for the token and the campaign list too. state: the last one printed.
    """

    campaigns: int
    days: int
    analytics: int
    requests: int
    state: State | None


@dataclass(frozen=True)
class Case:
    """A sync under its name, and the number of requests it must not exceed."""

    name: str
    sync: DailySync
    limit: int


def cases(shapes: Sequence[str]) -> Iterator[Case]:
    """Each case of these accounts, as soon as it is measured."""
    for shape in shapes:
        with _account(shape) as server:
            yield from SHAPES[shape](server)


def _backfill(server: SandboxProcess) -> Iterator[Case]:
    first = _sync(server)
    yield Case("first sync: 60 campaigns, 20 of them never started", first, int(BACKFILL_SHARE * first.days))


def _morning(server: SandboxProcess) -> Iterator[Case]:
    yesterday = _sync(server, end_date=str(today() - timedelta(days=1)))
    # What the connector promises of any account: at most a tenth more than day by day, and two for each campaign.
    promised = yesterday.days * 11 // 10 + 2 * yesterday.campaigns
    yield Case("first sync: 300 campaigns, 15 of them at work", yesterday, promised)
    yield Case("the next morning: the same 300", _sync(server, yesterday.state), MORNING)
    again = _sync(server, start_date=str(today() - LOOKBACK))
    yield Case("their last 15 days, without a state", again, MORNING)


def _quiet(server: SandboxProcess) -> Iterator[Case]:
    state = _sync(server, end_date=str(today() - timedelta(days=1))).state
    yield Case("the next morning: 300 campaigns, nothing happened", _sync(server, state), NOTHING)


def _dense(server: SandboxProcess) -> Iterator[Case]:
    first = _sync(server)
    yield Case("first sync: 20 campaigns, active on each of 90 days", first, int(DENSE_SHARE * first.days))


def _one_day(server: SandboxProcess) -> Iterator[Case]:
    yield Case("first sync: 1 campaign, active on one day of 365", _sync(server), ONE_DAY)


SHAPES: Final[Mapping[str, Callable[[SandboxProcess], Iterator[Case]]]] = {
    "backfill": _backfill,
    "morning": _morning,
    "quiet": _quiet,
    "dense": _dense,
    "one_day": _one_day,
}
"""What is measured in each of the sandbox's accounts."""

QUICK: Final = ("backfill", "dense", "one_day")
"""Those that take seconds."""


def _account(shape: str) -> Any:
    return running_sandbox(*UNLIMITED_OPTIONS, "--shape", shape)


def _sync(server: SandboxProcess, state: State | None = None, **config: Any) -> DailySync:
    """An incremental sync, beginning from a state if there is one."""
    server.clear()
    with (
        tempfile.TemporaryFile() as output,
        connector(server, [DAILY], [state] if state else [], requests_per_minute=FULL_SPEED, **config) as command,
    ):
        run(command, output)
        output.seek(0)
        days, last = Counter[int](), None
        for line in output:
            message = json.loads(line)
            if message["type"] == "RECORD":
                days[message["record"]["data"]["campaign_id"]] += 1
            elif message["type"] == "STATE":
                last = message["state"]
    paths = [request["path"] for request in server.requests()]
    return DailySync(len(days), days.total(), paths.count(ANALYTICS_PATH), len(paths), last)
