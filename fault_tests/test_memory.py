"""A sync of very many events takes hardly more memory than one of a few."""

import subprocess
import sys

from benchmarks.measuring import ROOT

FEW, MANY = 1_000, 60_000
"""Events of one campaign: one page, and 60."""

MOST_GROWTH = 25
"""MiB: a few pages of events, and what Python does not give back. All of MANY at once would be over 200."""

PROGRAM = """
import sys
from benchmarks.measuring import FULL_SPEED, connector, run, sandbox

with sandbox("--rate-limit", "off", "--events", sys.argv[1]) as server:
    with connector(server, ["campaign_recipients_activity"], requests_per_minute=FULL_SPEED) as command:
        print(run(command).memory)
"""
"""The system counts for a process what the one that started it took; this one is small."""


def test_memory_does_not_grow_with_the_number_of_events() -> None:
    assert peak(MANY) - peak(FEW) < MOST_GROWTH


def peak(events: int) -> float:
    """MiB that the connector's process took at its peak."""
    command = [sys.executable, "-c", PROGRAM, str(events)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return float(done.stdout)
