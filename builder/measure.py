"""`python -m builder.measure`: how many requests the edition and the connector make for the same tables.

Prints a table in Markdown, for docs/running/cloud.md: 15 campaigns of the sandbox, 25 days, the streams of the edition.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from builder.generate import FILE, STREAMS
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.furnishing import furnish

CAMPAIGNS: Final = 15
DAYS: Final = 25

EDITION: Final = ["-c", "from airbyte_cdk.cli.source_declarative_manifest import run; run()"]
CONNECTOR: Final = ["-m", "source_snov"]


def main() -> int:
    """Measures and prints. Returns the exit code."""
    account = seeds.sized_account(CAMPAIGNS)
    furnish(account, 7)
    rows = []
    with Sandbox(account, UNLIMITED) as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = sandbox.config()
        start = {"start_date": str(account.today - timedelta(days=DAYS))}
        (folder / "manifest.yaml").write_text(FILE.read_text().replace("https://api.snov.io", sandbox.url))
        small = {name: own[name] for name in ("client_id", "client_secret")}
        configs = {"edition": {**small, **start, "requests_per_minute": 6000}, "connector": {**own, **start}}
        commands = {"edition": [*EDITION, "--manifest-path", "manifest.yaml"], "connector": CONNECTOR}
        for sync in ("first sync", "next morning"):
            row = [sync]
            for kind in ("edition", "connector"):
                (folder / f"{kind}.json").write_text(json.dumps(configs[kind]))
                sandbox.clear()
                _read(folder, kind, commands[kind])
                row += [f"{len(sandbox.requests):,}", str(sandbox.count("access_token"))]
            rows.append(row)
    print("| Sync | Requests, this file | Tokens of them | Requests, connector | Tokens of them |")
    print("|:---|---:|---:|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    return 0


def _read(folder: Path, kind: str, command: Sequence[str]) -> None:
    """A sync of all streams, which goes on from the state that the one before left in the folder."""
    options = ["--config", f"{kind}.json"]
    if not (folder / f"{kind}-catalog.json").exists():
        [catalog] = [
            each["catalog"] for each in _run(folder, command, "discover", options) if each["type"] == "CATALOG"
        ]
        selected = [
            {"stream": stream, "sync_mode": stream["supported_sync_modes"][-1], "destination_sync_mode": "append"}
            for stream in catalog["streams"]
            if stream["name"] in STREAMS
        ]
        (folder / f"{kind}-catalog.json").write_text(json.dumps({"streams": selected}))
        (folder / f"{kind}-state.json").write_text("[]")
    options += ["--catalog", f"{kind}-catalog.json", "--state", f"{kind}-state.json"]
    states = {
        each["state"]["stream"]["stream_descriptor"]["name"]: each["state"]
        for each in _run(folder, command, "read", options)
        if each["type"] == "STATE"
    }
    (folder / f"{kind}-state.json").write_text(json.dumps(list(states.values())))


def _run(folder: Path, command: Sequence[str], name: str, options: Sequence[str]) -> list[dict[str, Any]]:
    [first, program, *further] = command
    done = subprocess.run(
        [sys.executable, first, program, name, *options, *further],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    sys.exit(main())
