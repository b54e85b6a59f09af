"""Whether the pace uses the limit and never exceeds it, and what happens where others use the limit too."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from benchmarks.measuring import (
    Request,
    SandboxProcess,
    connector,
    most_in_any_minute,
    run,
    running_sandbox,
)
from benchmarks.tables import Row, say, table
from unit_tests._names import CAMPAIGNS_PATH, TOKEN_PATH

CAMPAIGNS: Final = 118
"""As many as take about four minutes."""

LIMIT: Final = 60
"""The requests that the server allows in any 60 seconds."""

SLACK: Final = 20
"""Seconds that a sync may take beyond those that the limit makes necessary."""

EVERY: Final = 2.0
"""Seconds between two requests of the second client, which takes half of the limit."""


def pace() -> str:
    """The sandbox enforces the limit. Raises RuntimeError if the limit is not used, or exceeded by one client."""
    say("the pace: 15 minutes")
    rows = [_alone(55), _alone(LIMIT), _beside_another()]
    return (
        "Against the sandbox, which refuses what exceeds 60 requests in any 60 seconds; the second client makes one "
        f"every {EVERY:.0f} seconds, and after a 429 none for a minute:\n\n"
    ) + table(
        (
            "`requests_per_minute`",
            "requests",
            "seconds",
            "a minute",
            "most in any 60 s",
            "429",
            "429 of the other client",
        ),
        rows,
    )


def _alone(limit: int) -> Row:
    with (
        running_sandbox("--campaigns", str(CAMPAIGNS)) as server,
        connector(server, requests_per_minute=limit) as command,
    ):
        run(command)
        requests = server.requests()
    seconds = requests[-1]["time"] - requests[0]["time"]
    refused = _refused(requests)
    necessary = (len(requests) - 1) // LIMIT * 60
    if refused or (limit == LIMIT and seconds > necessary + SLACK):
        raise RuntimeError(f"at {limit} a minute: {len(requests)} requests in {seconds:.0f} s, {refused} refused")
    return _row(str(limit), requests)


def _beside_another() -> Row:
    with (
        running_sandbox("--campaigns", str(CAMPAIGNS)) as server,
        connector(server) as command,
        _second_client(server),
    ):
        run(command)
        requests = server.requests()
    own, other = ([each for each in requests if _is_own(each) == whether] for whether in (True, False))
    return _row("55, beside a second client", own, str(_refused(other)))


def _row(name: str, requests: Sequence[Request], of_other: str = "") -> Row:
    times = [request["time"] for request in requests]
    seconds = times[-1] - times[0]
    minutely = f"{len(requests) / seconds * 60:.1f}"
    return (name, len(requests), f"{seconds:.0f}", minutely, most_in_any_minute(times), _refused(requests), of_other)


def _refused(requests: Sequence[Request]) -> int:
    return sum(request["status"] == 429 for request in requests)


def _is_own(request: Request) -> bool:
    return request["token"] is not None or request["path"] == TOKEN_PATH


@contextmanager
def _second_client(server: SandboxProcess) -> Iterator[None]:
    """Makes a request every few seconds, without a token: it counts, and shows whose it is."""
    ends = threading.Event()

    def ask() -> None:
        while not ends.wait(EVERY):
            try:
                urllib.request.urlopen(f"{server.url}{CAMPAIGNS_PATH}", timeout=60).close()
            except urllib.error.HTTPError as error:
                error.close()
                if error.code == 429:
                    ends.wait(60)

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield
    finally:
        ends.set()
        client.join()
