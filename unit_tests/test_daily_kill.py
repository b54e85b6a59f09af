"""A backfill killed at any moment goes on where its last state stands."""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world import seeds
from unit_tests._daily import DAILY, TODAY, ago, asked, days, truth

pytestmark = pytest.mark.long

# A process for each run, made from one that has the CDK imported already.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["airbyte_cdk.entrypoint", "source_snov.run", "source_snov.source"])

MINUTE = 55
"""Requests a minute at the default pace."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Two campaigns at work every day, one now and then, one silent; every answer takes a moment, or states would be
    printed late for the pace of the questions."""
    active = [list(days(ago(40), TODAY)), list(days(ago(50), TODAY)), [ago(50), ago(49), ago(20), ago(2)], [ago(30)]]
    account = seeds.account_active_on(active, TODAY)
    with Sandbox(account, Settings(requests_per_minute=None, latency=0.02)) as running:
        yield running


class Run:
    """The connector reading in a process of its own; `output` holds what it printed."""

    def __init__(self, folder: Path, sandbox: Sandbox, state: Any) -> None:
        self.output = folder / "output.jsonl"
        files = {
            "config": sandbox.config(),
            "catalog": {
                "streams": [
                    {
                        "stream": {"name": DAILY, "json_schema": {}, "supported_sync_modes": ["incremental"]},
                        "sync_mode": "incremental",
                        "destination_sync_mode": "append_dedup",
                    }
                ]
            },
            "state": [state] if state else [],
        }
        arguments = ["read"]
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
            arguments += [f"--{name}", str(folder / f"{name}.json")]
        self.process = PROCESSES.Process(target=_read, args=(arguments, str(self.output)))
        self.process.start()

    def finish(self) -> "Run":
        self.process.join(120)
        assert self.process.exitcode == 0, self.output.read_text()[-2_000:]
        return self

    def kill(self) -> "Run":
        self.process.kill()
        self.process.join(10)
        return self

    def messages(self) -> Iterator[dict[str, Any]]:
        for line in self.output.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return  # cut off by the kill

    def state(self) -> Any:
        """The last state printed; None if there is none."""
        found = [message["state"] for message in self.messages() if message["type"] == "STATE"]
        return found[-1] if found else None

    def rows(self) -> dict[tuple[int, str], Any]:
        found = [message["record"]["data"] for message in self.messages() if message["type"] == "RECORD"]
        return {(row["campaign_id"], row["date"]): row for row in found}


def _read(arguments: list[str], output: str) -> None:
    from source_snov.incremental import partitions
    from source_snov.run import run

    # Small as these histories are, they are read in parts.
    partitions.FEW_REQUESTS = 0
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), sys.stdout.fileno())
    sys.argv = ["source-snov", *arguments]
    run()


@pytest.fixture(scope="module")
def undisturbed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many questions an undisturbed backfill asks."""
    sandbox.clear()
    assert Run(tmp_path_factory.mktemp("undisturbed"), sandbox, None).finish().rows() == truth(sandbox.account)
    return len(asked(sandbox.requests))


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_killed_backfill_goes_on_and_repeats_less_than_a_minute(
    sandbox: Sandbox, undisturbed: int, tmp_path: Path, tenth: int
) -> None:
    sandbox.clear()
    run = Run(tmp_path, sandbox, None)
    while len(sandbox.requests) < undisturbed * tenth / 10:
        assert run.process.is_alive()
        time.sleep(0.005)
    run.kill()
    table, state = run.rows(), run.state()

    run = Run(tmp_path, sandbox, state).finish()
    assert table | run.rows() == truth(sandbox.account)
    assert len(asked(sandbox.requests)) < undisturbed + MINUTE
    assert "unfinished" not in run.state()["stream"]["stream_state"]


def test_a_backfill_killed_again_and_again_arrives(sandbox: Sandbox, undisturbed: int, tmp_path: Path) -> None:
    table: dict[tuple[int, str], Any] = {}
    state, kills = None, 0
    while True:
        sandbox.clear()
        run = Run(tmp_path, sandbox, state)
        while run.process.is_alive() and len(sandbox.requests) < MINUTE:
            time.sleep(0.005)
        finished = run.process.exitcode == 0
        table |= run.kill().rows()
        state = run.state() or state
        if finished:
            break
        kills += 1
        assert kills < 10
    assert kills >= 2
    assert table == truth(sandbox.account)
