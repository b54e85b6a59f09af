"""What is measured side by side: how each program is run, and the records that it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.measuring import FULL_SPEED, SandboxProcess, catalog
from unit_tests._paths import ROOT

ENVIRONMENT: Final = ROOT / ".venv-alternatives"
"""The alternatives have packages of their own."""

ALTERNATIVES_PYTHON: Final = str(ENVIRONMENT / "bin" / "python")
OUTPUT: Final = "output"
ERRORS: Final = "errors"
"""Files of a task's folder."""

MANIFEST_FULL_SPEED: Final = 100_000
"""Requests a minute that no program makes; the bare manifest has no largest number."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A sync of these streams from a sandbox, with a folder to itself.

    since: the first day (ISO), for programs that have to be told one. paced: each at its own pace, if it has one;
    otherwise without.
    """

    server: SandboxProcess
    streams: Sequence[str]
    folder: Path
    since: str
    paced: bool = False

    def config(self, **others: object) -> str:
        """The configuration's path."""
        return self.write("config.json", {**self.server.credentials, "api_url": self.server.url, **others})

    def write(self, name: str, content: object) -> str:
        """The path of a JSON file with this content."""
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def pace(self, none: int) -> dict[str, int]:
        """The setting that takes a program's pace away."""
        return {} if self.paced else {"requests_per_minute": none}


@dataclass(frozen=True)
class Contender:
    """A program that reads the sandbox.

    command: makes the files that it needs, and the command. files: where its records are, in the task's folder.
    records: those of one such file, with the names of their streams. startup: what its users have for `spec`, `check`
    and `discover`, made from the configuration's path; what it has nothing like is missing.
    """

    name: str
    command: Callable[[Task], list[str]]
    records: Callable[[Path], Iterator[tuple[str, Record]]]
    files: str = OUTPUT
    startup: Mapping[str, Callable[[str], list[str]]] = field(default_factory=dict)

    def written(self, folder: Path) -> Iterator[tuple[str, Record]]:
        """The records of a sync that has ended, with the names of their streams."""
        for path in sorted(folder.glob(self.files)):
            yield from self.records(path)

    def has_written(self, folder: Path) -> bool:
        """Whether its first record is there."""
        if self.files != OUTPUT:
            return any(path.stat().st_size for path in folder.glob(self.files))
        with (folder / OUTPUT).open("rb") as output:
            return any(b'"RECORD"' in line for line in output)


def need_alternatives() -> None:
    """Raises SystemExit if they are not installed."""
    if not (ENVIRONMENT / ".installed").exists():
        raise SystemExit("The alternatives are not installed. Install them: make alternatives")


def _connector(task: Task) -> list[str]:
    config = task.config(**task.pace(FULL_SPEED))
    return [*_airbyte("source_snov"), "read", "--config", config, "--catalog", _catalog(task)]


def _bare_manifest(task: Task) -> list[str]:
    config = task.config(start_date=task.since, **task.pace(MANIFEST_FULL_SPEED))
    return [*_airbyte("benchmarks.alternatives.bare_manifest"), "read", "--config", config, "--catalog", _catalog(task)]


def _loop(task: Task) -> list[str]:
    return [ALTERNATIVES_PYTHON, "-m", "benchmarks.alternatives.loop", task.config(), *task.streams]


def _dlt(until: str) -> Callable[[Task], list[str]]:
    def command(task: Task) -> list[str]:
        module, config = "benchmarks.alternatives.dlt_rest_api", task.config(start_date=task.since)
        return [ALTERNATIVES_PYTHON, "-m", module, until, config, str(task.folder), *task.streams]

    return command


def _tap(task: Task) -> list[str]:
    config = task.config(start_date=task.since)
    discovered = subprocess.run([*_TAP, "--config", config, "--discover"], cwd=ROOT, capture_output=True, check=True)
    found = json.loads(discovered.stdout)
    for stream in found["streams"]:
        [whole] = [entry["metadata"] for entry in stream["metadata"] if not entry["breadcrumb"]]
        whole["selected"] = stream["tap_stream_id"] in task.streams
    return [*_TAP, "--config", config, "--catalog", task.write("catalog.json", found)]


def _catalog(task: Task) -> str:
    return task.write("catalog.json", catalog(task.streams))


def _airbyte(module: str) -> list[str]:
    return [sys.executable, "-m", module]


_TAP: Final = (ALTERNATIVES_PYTHON, "-m", "benchmarks.alternatives.singer_tap")


def _airbyte_startup(module: str) -> dict[str, Callable[[str], list[str]]]:
    return {
        "spec": lambda config: [*_airbyte(module), "spec"],
        "check": lambda config: [*_airbyte(module), "check", "--config", config],
        "discover": lambda config: [*_airbyte(module), "discover", "--config", config],
    }


def _airbyte_records(path: Path) -> Iterator[tuple[str, Record]]:
    for message in _lines(path):
        if message["type"] == "RECORD":
            yield message["record"]["stream"], message["record"]["data"]


def _singer_records(path: Path) -> Iterator[tuple[str, Record]]:
    for message in _lines(path):
        if message["type"] == "RECORD":
            yield message["stream"], message["record"]


def _dlt_records(path: Path) -> Iterator[tuple[str, Record]]:
    """A file per table, its rows in arrays once extracted; what comes from a row's parent bears the parent's name."""
    stream = path.name.partition(".")[0]
    for rows in _lines(path):
        for row in rows if isinstance(rows, list) else [rows]:
            yield stream, {_DLT_NAMES.get(name, name): value for name, value in row.items()}


_DLT_NAMES: Final = {
    "_campaigns_id": "campaign_id",
    "_campaign_days_id": "campaign_id",
    "_campaign_days_first": "date",
    "_campaign_months_id": "campaign_id",
}


def _lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        yield from map(json.loads, file)


CONNECTOR: Final = Contender("connector", _connector, _airbyte_records, startup=_airbyte_startup("source_snov"))
PLAIN_START: Final = replace(
    CONNECTOR, name="connector, plain start", startup=_airbyte_startup("benchmarks.alternatives.plain_start")
)
LOOP: Final = Contender("loop", _loop, _singer_records)
DLT: Final = Contender("dlt, extracted", _dlt("extract"), _dlt_records, files="**/campaign*.typed-jsonl")
DLT_NORMALIZED: Final = Contender("dlt, normalized", _dlt("normalize"), _dlt_records, files="**/campaign*jsonl")
TAP: Final = Contender(
    "Singer tap",
    _tap,
    _singer_records,
    startup={
        "spec": lambda config: [*_TAP, "--about", "--format", "json"],
        "check": lambda config: [*_TAP, "--config", config, "--test"],
        "discover": lambda config: [*_TAP, "--config", config, "--discover"],
    },
)
BARE_MANIFEST: Final = Contender(
    "bare manifest",
    _bare_manifest,
    _airbyte_records,
    startup=_airbyte_startup("benchmarks.alternatives.bare_manifest"),
)

CONTENDERS: Final = (CONNECTOR, LOOP, DLT, DLT_NORMALIZED, TAP, BARE_MANIFEST)
"""In the order in which they are run, again and again."""

STARTED: Final = (CONNECTOR, PLAIN_START, TAP, BARE_MANIFEST)
"""Those that have commands to start. dlt and the loop have none."""
