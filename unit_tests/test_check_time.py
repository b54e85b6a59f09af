"""`check` ends soon and with a status, whatever fails."""

import json
import socket
import ssl
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from sandbox import faults
from sandbox.faults import Fault
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from source_snov.declared_source import CHECK_PATIENCE
from unit_tests._helpers import API, Api, Clock, check, config, connection_status


def status(folder: Path, clock: Clock, **overrides: Any) -> tuple[str, str, float]:
    """The status, its message, and the duration in the connector's time."""
    began = clock.monotonic()
    return *connection_status(check(folder, **overrides)), clock.monotonic() - began


def refused_twice() -> Exception:
    return requests.exceptions.ConnectionError(ConnectionRefusedError(111, "refused"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (requests.exceptions.ConnectionError(socket.gaierror(-2, "unknown")), "cannot be resolved"),
        (requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")), "REQUESTS_CA_BUNDLE"),
        (requests.exceptions.ProxyError(OSError("Tunnel connection failed: 407")), "HTTPS_PROXY"),
        (refused_twice(), "refused the connection"),
    ],
    ids=["name", "certificate", "proxy", "refused"],
)
def test_a_permanent_network_problem_is_reported_within_half_a_minute(
    api: Api, clock: Clock, tmp_path: Path, error: Exception, words: str
) -> None:
    api.mocker.post(f"{API}/v1/oauth/access_token", exc=error)
    result, message, seconds = status(tmp_path, clock)
    assert result == "FAILED"
    assert words in message
    assert seconds < 30


@pytest.mark.parametrize(
    "fault",
    [faults.server_error(500), faults.firewall(403), faults.html_page(200), faults.rate_limited(), faults.answer(204)],
    ids=lambda fault: str(fault.status),
)
@pytest.mark.parametrize("path", ["access_token", "get-user-campaigns"])
def test_check_ends_within_90_seconds_with_any_response(fault: Fault, path: str, clock: Clock, tmp_path: Path) -> None:
    with Sandbox(seeds.sized_account(2), UNLIMITED) as sandbox:
        sandbox.add_fault(replace(fault, path=path, times=None))
        result, message, seconds = status(tmp_path, clock, **sandbox.config())
    assert result == "FAILED"
    assert len(message) > 40
    assert seconds < 90


def test_a_retry_after_the_last_wait_ends_within_90_seconds() -> None:
    manifest = yaml.safe_load(files("source_snov").joinpath("manifest.yaml").read_text())
    assert CHECK_PATIENCE + manifest["definitions"]["timeouts"]["read_timeout_in_seconds"] < 90


@pytest.mark.parametrize(("content", "code"), [(config(start_date="2026-03-01"), 0), (None, 1)], ids=["status", "none"])
def test_the_exit_code_is_0_with_a_status_and_1_without(tmp_path: Path, content: Any, code: int) -> None:
    path = tmp_path / "config.json"
    if content:
        path.write_text(json.dumps(content | {"end_date": "2026-02-01"}))
    command = [sys.executable, "-m", "source_snov", "check", "--config", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert ('"status":"FAILED"' in ended.stdout) == (code == 0)
