"""The connector as a process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sandbox import faults, seeds
from sandbox.running import Sandbox
from sandbox.settings import Settings

CATALOG = Path(__file__).parent.parent / "integration_tests" / "configured_catalog.json"
CORE = ("campaigns", "campaign_analytics", "campaign_progress")


def test_a_sync_that_waits_ends_at_once_when_it_is_told_to_and_keeps_what_it_said(tmp_path: Path) -> None:
    with Sandbox(seeds.sized_account(20), Settings(requests_per_minute=None)) as sandbox:
        sandbox.add_fault(faults.rate_limited(path="progress", skip=5))
        # A pipe that nobody reads yet would stop the sync before it waits.
        said = tmp_path / "said"
        with said.open("w") as written, _process(tmp_path, sandbox, stdout=written) as process:
            _wait_for_429(sandbox)
            # Its answer has yet to reach the process and be logged.
            _wait_for("All streams wait 60 seconds", said)
            process.send_signal(signal.SIGTERM)
            # Otherwise it would sleep for a minute.
            assert process.wait(timeout=30) == -signal.SIGTERM
    messages = [json.loads(line) for line in said.read_text().splitlines()]
    assert sum(message["type"] == "RECORD" for message in messages) >= 20


def test_a_sync_that_is_busy_ends_with_a_whole_line(tmp_path: Path) -> None:
    """Told to end while it writes, at several moments."""
    with Sandbox(seeds.sized_account(300), Settings(requests_per_minute=None)) as sandbox:
        for requests in (5, 60, 120, 200):
            sandbox.clear()
            said = tmp_path / f"said-{requests}"
            with said.open("w") as written, _process(tmp_path, sandbox, stdout=written) as process:
                _wait_until(lambda least=requests: sandbox.count() >= least)  # type: ignore[misc]
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=30) == -signal.SIGTERM
            text = said.read_text()
            assert text.endswith("\n")
            assert all(json.loads(line) for line in text.splitlines())


def test_a_sync_ends_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    with (
        Sandbox(seeds.sized_account(1000), Settings(requests_per_minute=None)) as sandbox,
        _process(tmp_path, sandbox, stdout=subprocess.PIPE) as process,
    ):
        seen = -1
        while sandbox.count() > seen or not seen:
            seen = sandbox.count()
            time.sleep(2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == -signal.SIGTERM


def test_debug_logs_hold_neither_token_nor_secret(tmp_path: Path) -> None:
    token, secret = "to/ken+" + "0123456789" * 3, "s3cret/+=&%"
    body = json.dumps({"access_token": token}).replace("/", "\\/")
    with Sandbox(seeds.empty_account(), Settings(requests_per_minute=None)) as sandbox:
        sandbox.add_fault(faults.answer(200, body, path="access_token"))
        config = tmp_path / "config.json"
        config.write_text(json.dumps(sandbox.config(client_secret=secret)))
        command = [sys.executable, "-m", "source_snov", "check", "--config", str(config), "--debug"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    output = done.stdout + done.stderr
    assert "Receiving response" in output
    assert "0123456789" not in output
    assert "s3cret" not in output


@contextmanager
def _process(tmp_path: Path, sandbox: Sandbox, stdout: int | IO[str]) -> Iterator[subprocess.Popen[str]]:
    config = tmp_path / "config.json"
    config.write_text(json.dumps(sandbox.config()))
    catalog = tmp_path / "catalog.json"
    whole = json.loads(CATALOG.read_text())
    catalog.write_text(json.dumps({"streams": [item for item in whole["streams"] if item["stream"]["name"] in CORE]}))
    command = [sys.executable, "-m", "source_snov", "read", "--config", str(config), "--catalog", str(catalog)]
    process = subprocess.Popen(command, stdout=stdout, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _wait_for_429(sandbox: Sandbox) -> None:
    _wait_until(lambda: sandbox.statuses()[429] > 0)


def _wait_for(text: str, said: Path) -> None:
    _wait_until(lambda: text in said.read_text())


def _wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
