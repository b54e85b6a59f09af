"""Memory of a sync: it does not grow with the number of events, and large pages fit into the documented limit."""

import os
import re
import subprocess
import sys

import pytest

from fault_tests.large_pages import CAMPAIGNS, OPENS
from unit_tests._paths import ROOT

FEW, MANY = 1_000, 60_000
"""Events of one campaign: one page, and 60 pages."""

MAX_GROWTH = 25
"""MiB for a few pages of events and memory that Python keeps. All of MANY at once would take over 200."""

PROGRAM = """
import sys
from benchmarks.measuring import FULL_SPEED, connector, run, running_sandbox

with running_sandbox("--rate-limit", "off", "--events", sys.argv[1]) as server:
    with connector(server, ["campaign_recipients_activity"], requests_per_minute=FULL_SPEED) as command:
        print(run(command).memory)
"""
"""A small parent process: the system counts its memory for the process that it starts."""


def test_memory_does_not_grow_with_the_number_of_events() -> None:
    assert peak(MANY) - peak(FEW) < MAX_GROWTH


def peak(events: int) -> float:
    """Peak memory of the connector's process in MiB."""
    return float(_run(PROGRAM, str(events)))


LARGE_PAGES = """
import subprocess
import sys
import tempfile
from benchmarks.measuring import FULL_SPEED, SandboxProcess, connector, run

with subprocess.Popen([sys.executable, "-m", "fault_tests.large_pages"], stdout=subprocess.PIPE, text=True) as server:
    port = server.stdout.readline().strip()
    credentials = {"client_id": "id-of-large-pages", "client_secret": "secret-of-large-pages"}
    api = SandboxProcess(f"http://127.0.0.1:{port}", credentials)
    with (
        connector(api, ["email_opens"], requests_per_minute=FULL_SPEED, num_workers=int(sys.argv[1])) as command,
        tempfile.TemporaryFile() as output,
    ):
        memory = run(command, output).memory
        output.seek(0)
        print(memory, sum(line.startswith(b'{"type":"RECORD"') for line in output))
    server.terminate()
"""


@pytest.mark.parametrize("workers", [4, 10])
def test_pages_of_10_000_long_emails_fit_into_the_documented_memory(workers: int) -> None:
    [arenas] = re.findall("MALLOC_ARENA_MAX=(.)", (ROOT / "Dockerfile").read_text())
    memory, records = _run(LARGE_PAGES, str(workers), MALLOC_ARENA_MAX=arenas).split()
    assert int(records) == CAMPAIGNS * OPENS
    page = (ROOT / "docs" / "running" / "airbyte.md").read_text()
    [limit] = re.findall(r"\| memory \| `\d+Mi` \| `(\d+)Mi` \|", page)
    assert float(memory) < int(limit)


def _run(program: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout
