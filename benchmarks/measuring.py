"""Runs programs and says what they took; the sandbox in a process of its own; the machine in a few words.

This process imports nothing heavy: what it takes itself is the least that the system reports for its children.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final

from unit_tests._names import ONE_PER_CAMPAIGN
from unit_tests._paths import ROOT

WATCHED_EVERY: Final = 0.005
"""Seconds between two looks at what a process has written."""

MINUTE: Final = 60
"""Snov.io's limit of requests a minute."""

UNLIMITED_OPTIONS: Final = ("--rate-limit", "off")
"""Of the sandbox."""

FULL_SPEED: Final = 6000
"""The connector's largest `requests_per_minute`: more than most syncs here make."""

Request = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds of wall and of CPU time (user and system), and MiB of memory at its peak."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class SandboxProcess:
    """A running sandbox, steered over its control endpoints."""

    url: str
    credentials: dict[str, str]

    def requests(self) -> list[Request]:
        """The API requests so far, in order of arrival."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/requests", timeout=60) as answer:
            requests: list[Request] = json.load(answer)
            return requests

    def clear(self) -> None:
        """Forget the requests so far."""
        request = urllib.request.Request(f"{self.url}/_sandbox/requests", method="DELETE")
        urllib.request.urlopen(request, timeout=60).close()


@contextmanager
def running_sandbox(*options: str) -> Iterator[SandboxProcess]:
    """`python -m sandbox` with these options, on a free port, as long as the block runs."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", *options]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        greeting = [server.stdout.readline() for _ in range(4)]
        found = re.search(r"{.*}", "".join(greeting))
        if not found:
            raise RuntimeError("the sandbox did not start")
        config = json.loads(found[0])
        yield SandboxProcess(config.pop("api_url"), config)
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def connector(
    server: SandboxProcess,
    streams: Sequence[str] = ONE_PER_CAMPAIGN,
    states: Sequence[Mapping[str, Any]] = (),
    incremental: bool = False,
    **overrides: Any,
) -> Iterator[list[str]]:
    """The command that reads these streams from the sandbox; incremental: all that can, not the daily history alone."""
    config = {**server.credentials, "api_url": server.url, **overrides}
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, Any] = {"config": config, "catalog": catalog(streams, incremental)}
        if states:
            files["state"] = list(states)
        for name, content in files.items():
            Path(folder, f"{name}.json").write_text(json.dumps(content))
        options = [part for name in files for part in (f"--{name}", f"{folder}/{name}.json")]
        yield [sys.executable, "-m", "source_snov", "read", *options]


def run(command: Sequence[str], output: IO[bytes] | None = None) -> Cost:
    """Run a program to its end, its output in a file. Raises RuntimeError, with the end of the output, if it fails."""
    if output is None:
        with tempfile.TemporaryFile() as unread:
            return run(command, unread)
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        output.seek(0)
        raise RuntimeError(f"{command[:4]} failed: {output.read()[-2000:].decode()}")
    return _cost(wall, usage)


def _cost(wall: float, usage: resource.struct_rusage) -> Cost:
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


@dataclass(frozen=True)
class Watched:
    """A process that has ended: what it took, its exit code, and when something happened in it (time.monotonic)."""

    cost: Cost
    code: int
    happened: float


def watch(command: Sequence[str], output: Path, errors: Path, happened: Callable[[], bool]) -> Watched:
    """Run a program to its end, asking every few milliseconds whether something has happened, until it has."""
    with output.open("wb") as out, errors.open("wb") as err:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        ended, moment = False, 0.0
        while not ended and not moment:
            found, status, usage = os.wait4(process.pid, os.WNOHANG)
            ended = found == process.pid
            if ended or happened():
                moment = time.monotonic()
            else:
                time.sleep(WATCHED_EVERY)
        if not ended:
            _, status, usage = os.wait4(process.pid, 0)
        cost = _cost(time.monotonic() - began, usage)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Watched(cost, process.returncode, moment)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each quantity."""
    return Cost(*(statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "memory")))


def most_in_any_minute(times: Sequence[float]) -> int:
    """The largest number of these times, given in seconds, within any 60 of them."""
    window: deque[float] = deque()
    most = 0
    for moment in sorted(times):
        window.append(moment)
        while window[0] <= moment - 60:
            window.popleft()
        most = max(most, len(window))
    return most


def machine() -> str:
    """The machine and the versions that were measured."""
    cores = os.cpu_count() or 1
    return (
        f"{cores} core{'s' if cores > 1 else ''} ({_processor()}), {platform.system()}, "
        f"Python {platform.python_version()}, airbyte-cdk {version('airbyte-cdk')}"
    )


def today() -> date:
    """The sandbox's day."""
    return datetime.now(timezone.utc).date()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def catalog(streams: Sequence[str], incremental: bool = False) -> dict[str, Any]:
    """A configured catalog: all streams incrementally, or the daily history only, the others as a full refresh.

    A stream that knows no increments is read as a whole in either case.
    """
    described = {"json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    return {
        "streams": [
            {
                "stream": {"name": name, **described},
                "sync_mode": "incremental" if incremental or name.endswith("_daily") else "full_refresh",
                "destination_sync_mode": "overwrite",
            }
            for name in streams
        ]
    }
