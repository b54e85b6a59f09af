"""The connector as a process."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from sandbox import faults, seeds
from sandbox.running import Sandbox
from sandbox.settings import Settings

CATALOG = Path(__file__).parent.parent / "integration_tests" / "configured_catalog.json"


def test_a_sync_that_waits_ends_at_once_when_it_is_told_to_and_keeps_what_it_said(tmp_path: Path) -> None:
    with Sandbox(seeds.sized_account(20), Settings(requests_per_minute=None)) as sandbox:
        sandbox.add_fault(faults.rate_limited(path="progress", skip=5))
        config = tmp_path / "config.json"
        config.write_text(json.dumps(sandbox.config()))
        command = [sys.executable, "-m", "source_snov", "read", "--config", str(config), "--catalog", str(CATALOG)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            _wait_for_429(sandbox)
            process.send_signal(signal.SIGTERM)
            # Without the handler it would sleep for a minute.
            output, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGTERM
    messages = [json.loads(line) for line in output.splitlines()]
    assert sum(message["type"] == "RECORD" for message in messages) >= 20
    assert any("All streams wait 60 seconds" in message["log"]["message"] for message in messages if "log" in message)


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


def _wait_for_429(sandbox: Sandbox) -> None:
    until = time.monotonic() + 120
    while not sandbox.statuses()[429]:
        assert time.monotonic() < until
        time.sleep(0.05)
    # Its answer has yet to reach the process and be logged.
    time.sleep(1)
