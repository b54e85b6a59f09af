"""The connector as a process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.tests._client import wait_until
from sandbox.world import seeds
from unit_tests._helpers import CAMPAIGN
from unit_tests._names import ONE_PER_CAMPAIGN
from unit_tests._paths import CONFIGURED_CATALOG

PATIENCE = 120
"""Maximum seconds to wait for the process."""


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_waiting_sync_ends_at_once_on_a_signal_and_keeps_its_output(tmp_path: Path, told: signal.Signals) -> None:
    with Sandbox(seeds.sized_account(20), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.rate_limited(path="progress", skip=5))
        # A pipe that nobody reads yet would stop the sync before it waits.
        said = tmp_path / "said"
        with said.open("w") as written, _process(tmp_path, sandbox, stdout=written) as process:
            _wait_for_429(sandbox)
            # The response has yet to reach the process and be logged.
            _wait_for("All streams wait 60 seconds", said)
            process.send_signal(told)
            # Otherwise it would sleep for a minute.
            assert process.wait(timeout=30) == -told
    messages = [json.loads(line) for line in said.read_text().splitlines()]
    assert sum(message["type"] == "RECORD" for message in messages) >= 20


def test_a_busy_sync_ends_with_a_whole_line(tmp_path: Path) -> None:
    """Gets the signal while it writes, at several moments."""
    with Sandbox(seeds.sized_account(300), UNLIMITED) as sandbox:
        for requests in (5, 60, 120, 200):
            sandbox.clear()
            said = tmp_path / f"said-{requests}"
            with said.open("w") as written, _process(tmp_path, sandbox, stdout=written) as process:
                wait_until(lambda least=requests: sandbox.count() >= least, PATIENCE)  # type: ignore[misc]
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=30) == -signal.SIGTERM
            text = said.read_text()
            assert text.endswith("\n")
            assert all(json.loads(line) for line in text.splitlines())


def test_a_sync_ends_on_a_signal_when_nobody_reads_its_output(tmp_path: Path) -> None:
    with (
        Sandbox(seeds.sized_account(1000), UNLIMITED) as sandbox,
        _process(tmp_path, sandbox, stdout=subprocess.PIPE) as process,
    ):
        seen = -1
        while sandbox.count() > seen or not seen:
            seen = sandbox.count()
            time.sleep(2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == -signal.SIGTERM


def test_a_sync_in_the_background_of_a_shell_ignores_ctrl_c(tmp_path: Path) -> None:
    with Sandbox(seeds.sized_account(20), UNLIMITED) as sandbox:
        command = [str(part) for part in _command(tmp_path, sandbox)]
        ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
        process = subprocess.Popen(ignoring, stdout=subprocess.PIPE, text=True)
        wait_until(lambda: sandbox.count() > 2, PATIENCE)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert sum(json.loads(line)["type"] == "RECORD" for line in said.splitlines()) == 60


def test_a_sync_whose_output_is_full_ends_at_once_with_a_message(tmp_path: Path) -> None:
    with (
        Sandbox(seeds.sized_account(300), UNLIMITED) as sandbox,
        open("/dev/full", "w") as full,
    ):
        with _process(tmp_path, sandbox, stdout=full, stderr=subprocess.PIPE) as process:
            _, said = process.communicate(timeout=30)
        assert process.returncode == 1
        assert sandbox.count() < 300
    assert said == (
        "source-snov: standard output cannot be written (No space left on device). The sync has ended; run it again.\n"
    )


def test_a_waiting_sync_ends_at_once_when_its_output_is_closed(tmp_path: Path) -> None:
    with Sandbox(seeds.sized_account(20), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.rate_limited(path="progress", skip=5))
        with _process(tmp_path, sandbox, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout
            while "All streams wait 60 seconds" not in process.stdout.readline():
                pass
            process.stdout.close()
            assert process.wait(timeout=10) == 1
            assert process.stderr
            assert "standard output cannot be written (" in process.stderr.read()


def test_a_sync_without_standard_output_makes_no_request(tmp_path: Path) -> None:
    with Sandbox(seeds.sized_account(3), UNLIMITED) as sandbox:
        closing = ["sh", "-c", 'exec "$@" >&-', "sh", *_command(tmp_path, sandbox)]
        done = subprocess.run(closing, capture_output=True, text=True, timeout=30, check=False)
        assert sandbox.count() == 0
    assert done.returncode == 1
    assert "standard output cannot be written (Bad file descriptor)" in done.stderr


@pytest.mark.parametrize("encoding", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {}])
def test_the_output_is_utf_8_whatever_the_locale(tmp_path: Path, encoding: dict[str, str]) -> None:
    name = "Rückfragen 漢字 😀"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    with Sandbox(seeds.sized_account(1), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.answer(200, [{**CAMPAIGN, "campaign": name}], path="get-user-campaigns"))
        done = subprocess.run(
            _command(tmp_path, sandbox, "campaigns"),
            capture_output=True,
            timeout=60,
            check=False,
            env={**environment, "PYTHONCOERCECLOCALE": "0", **encoding},
        )
    assert done.returncode == 0, done.stdout
    messages = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert [message["record"]["data"]["campaign"] for message in messages if message["type"] == "RECORD"] == [name]
    assert name.encode() in done.stdout, "not escaped"


@pytest.mark.parametrize("command", ["check", "read"])
def test_without_a_temporary_folder_a_message_says_what_to_do(tmp_path: Path, command: str) -> None:
    with Sandbox(seeds.sized_account(1), UNLIMITED) as sandbox:
        arguments = _command(tmp_path, sandbox)[3:] if command == "read" else ["check", "--config", "config.json"]
        # root may write anywhere.
        error = _failure("import tempfile; tempfile._candidate_tempdir_list = lambda: ['/nonexistent']", arguments)
        assert sandbox.count() == 0
    assert error["failure_type"] == "config_error"
    assert error["message"].startswith("There is no folder for temporary files that this user can write to")


@pytest.mark.parametrize(
    ("error", "when"),
    [
        ("MemoryError", "outside any stream"),
        ('RuntimeError("can\'t start new thread")', "or processes when it started a thread"),
    ],
)
def test_running_out_of_memory_is_reported(tmp_path: Path, error: str, when: str) -> None:
    preparation = f"import airbyte_cdk.entrypoint as cdk\ndef full(*arguments): raise {error}\ncdk.launch = full"
    said = _failure(preparation, ["check", "--config", str(tmp_path / "config.json")])
    assert said["message"].startswith(f"The connector ran out of memory {when}. Give it more")


CHECKS = {
    "all is well": (None, {}, "SUCCEEDED"),
    "wrong secret": (None, {"client_secret": "another-secret"}, "FAILED"),
    "unknown campaign": (None, {"campaign_ids": [5]}, "FAILED"),
    "wrong field": (None, {"num_workers": "many"}, "FAILED"),
    "a fault of the API": (faults.answer(405, {"message": "no"}, path="get-user-campaigns"), {}, "FAILED"),
}


@pytest.mark.parametrize(("fault", "overrides", "status"), CHECKS.values(), ids=CHECKS)
def test_check_exits_with_0_whenever_it_has_a_status(
    tmp_path: Path, fault: Any, overrides: dict[str, Any], status: str
) -> None:
    with Sandbox(seeds.sized_account(1), UNLIMITED) as sandbox:
        if fault:
            sandbox.add_fault(fault)
        config = tmp_path / "config.json"
        config.write_text(json.dumps(sandbox.config(**overrides)))
        command = [sys.executable, "-m", "source_snov", "check", "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    [found] = [message["connectionStatus"]["status"] for message in messages if message["type"] == "CONNECTION_STATUS"]
    assert (done.returncode, found) == (0, status)


def test_without_a_command_it_prints_its_usage() -> None:
    command = [sys.executable, "-m", "source_snov"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "{spec,check,discover,read}" in done.stdout
    assert "Traceback" not in done.stdout


def _failure(preparation: str, arguments: list[str]) -> Any:
    """The only error of the command, run after some lines of Python."""
    code = f"import sys\n{preparation}\nsys.argv = ['source-snov', *{arguments}]\nimport source_snov.__main__"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    traces = [message["trace"] for message in map(json.loads, done.stdout.splitlines()) if message["type"] == "TRACE"]
    [error] = [trace["error"] for trace in traces]
    return error


def test_debug_logs_have_no_token_and_no_secret(tmp_path: Path) -> None:
    token, secret = "to/ken+" + "0123456789" * 3, "s3cret/+=&%"
    body = json.dumps({"access_token": token}).replace("/", "\\/")
    with Sandbox(seeds.empty_account(), UNLIMITED) as sandbox:
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
def _process(
    tmp_path: Path, sandbox: Sandbox, stdout: int | IO[str], stderr: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    # A shell starts background jobs with SIGINT ignored, and the connector would inherit that from the tests.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(_command(tmp_path, sandbox), stdout=stdout, stderr=stderr, text=True)
    signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def _command(tmp_path: Path, sandbox: Sandbox, *streams: str) -> list[str]:
    """The command that reads these streams, by default ONE_PER_CAMPAIGN."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(sandbox.config()))
    catalog = tmp_path / "catalog.json"
    chosen = streams or ONE_PER_CAMPAIGN
    whole = json.loads(CONFIGURED_CATALOG.read_text())
    catalog.write_text(json.dumps({"streams": [item for item in whole["streams"] if item["stream"]["name"] in chosen]}))
    return [sys.executable, "-m", "source_snov", "read", "--config", str(config), "--catalog", str(catalog)]


def _wait_for_429(sandbox: Sandbox) -> None:
    wait_until(lambda: sandbox.statuses()[429] > 0, PATIENCE)


def _wait_for(text: str, said: Path) -> None:
    wait_until(lambda: text in said.read_text(), PATIENCE)
