"""Fifty kills lose and duplicate nothing: killed syncs end in the tables of undisturbed ones.

Real: PyAirbyte's handling of output, state and merging into DuckDB; the connector in a process that gets SIGKILL at
seeded random moments; a sandbox with all incremental streams, read from scratch (a backfill) and from the state of an
earlier day. Simulated: Airbyte's platform, which keeps the output of a failed attempt and continues from its last
state. PyAirbyte itself loads nothing from such an attempt, so most syncs hide the exit code from it, and some do not.
`killer.Run` decides what is loaded: some syncs load records that no state covers, and some do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from integration_tests.client import run
from unit_tests._paths import CONFIGURED_CATALOG, ROOT
from unit_tests._streams import HISTORIES

KILLS: Final = 50
UNSTABLE: Final = {"prospect_id", "checked_at"}
"""Columns whose values differ in every sync: the API generates the first for each response."""
PROGRAM: Final = "import sys, pathlib; from fault_tests.killed_syncs import main; main(pathlib.Path(sys.argv[1]))"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Outcome:
    """The results of fault_tests/killed_syncs.py."""

    folder: Path
    whole: dict[str, Any]
    syncs: list[dict[str, Any]]

    @property
    def killed(self) -> list[dict[str, Any]]:
        """The killed runs."""
        return [run for sync in self.syncs for run in sync["runs"] if run["killed"]]

    def repeated(self, sync: dict[str, Any]) -> int:
        """How many more requests all runs of a sync made than an undisturbed sync."""
        return sum(int(run["requests"]) for run in sync["runs"]) - int(self.whole[sync["kind"]]["requests"])

    def tables(self, name: str) -> dict[str, list[Row]]:
        """The rows of each table in a sync's file, without PyAirbyte's columns and UNSTABLE, in a fixed order."""
        with duckdb.connect(str(self.folder / f"{name}.duckdb"), read_only=True) as connection:
            return {stream: sorted(_rows(connection, stream), key=repr) for stream in KEYS}


def _rows(connection: duckdb.DuckDBPyConnection, stream: str) -> list[Row]:
    found = connection.execute(f"SELECT COLUMNS(name -> NOT starts_with(name, '_airbyte')) FROM {stream}")
    columns = [column[0] for column in found.description or []]
    order = sorted((place for place, name in enumerate(columns) if name not in UNSTABLE), key=columns.__getitem__)
    return [tuple((columns[place], row[place]) for place in order) for row in found.fetchall()]


def _keys() -> dict[str, list[str]]:
    catalog = json.loads(CONFIGURED_CATALOG.read_text())
    streams = {each["stream"]["name"]: each["stream"] for each in catalog["streams"]}
    return {
        name: [part for [part] in streams[name]["source_defined_primary_key"]]
        for name in (*HISTORIES, "campaigns", "campaign_replies")
    }


KEYS: Final = _keys()
"""The primary keys of the streams that are read."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("kills")
    result = run(folder, "-c", PROGRAM, str(folder), timeout=1_200, PYTHONPATH=str(ROOT))
    assert result.returncode == 0, (result.stdout + result.stderr)[-3_000:]
    return Outcome(folder, **json.loads((folder / "syncs.json").read_text()))


def test_every_kind_of_moment_occurs(outcome: Outcome) -> None:
    killed = outcome.killed

    assert len(killed) == KILLS
    assert [run for run in killed if run["broken"]], "no line was cut short"
    assert [run for run in killed if run["printed"].get("RECORD") and not run["printed"].get("STATE")], (
        "none before a state"
    )
    # Some kills aim at the very end, which a busy machine may reach before the kill.
    assert [run for run in killed if run["printed"].get("COMPLETE", 0) > len(KEYS) // 2], "none near the end"
    assert {(sync["kind"], sync["loaded"]) for sync in outcome.syncs if len(sync["runs"]) > 1} == {
        (kind, loaded) for kind in ("backfill", "next") for loaded in ("all", "covered", "nothing")
    }


def test_undisturbed_syncs_fill_every_table_and_update_it(outcome: Outcome) -> None:
    before, backfill, later = (outcome.tables(name) for name in ("before", "backfill", "next"))

    assert [stream for stream, rows in backfill.items() if not rows] == []
    # A table that was not read again would be unchanged. Whether something is done from the few LinkedIn accounts on
    # the days in question depends on the calendar.
    assert {stream for stream in KEYS if before[stream] == later[stream]} <= {"linkedin_sender_analytics"}


def test_a_killed_sync_ends_in_the_tables_of_an_undisturbed_one(outcome: Outcome) -> None:
    expected = {kind: outcome.tables(kind) for kind in outcome.whole}

    for sync in outcome.syncs:
        for stream, rows in outcome.tables(sync["name"]).items():
            assert rows == expected[sync["kind"]][stream], (sync, stream)


def test_no_key_is_duplicated(outcome: Outcome) -> None:
    for sync in outcome.syncs:
        for stream, rows in outcome.tables(sync["name"]).items():
            keys = [tuple(dict(row)[part] for part in KEYS[stream]) for row in rows]
            assert len(keys) == len(set(keys)), (sync, stream)


def test_a_resumed_sync_requests_only_what_no_state_covers(
    outcome: Outcome, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nrequests of an undisturbed sync: { {kind: run['requests'] for kind, run in outcome.whole.items()} }")
        for loaded in ("all", "covered", "nothing"):
            syncs = [sync for sync in outcome.syncs if sync["loaded"] == loaded]
            kills = sum(run["killed"] for sync in syncs for run in sync["runs"])
            print(f"{kills} kills, {loaded} loaded: {sum(map(outcome.repeated, syncs))} requests repeated")

    # Every run requests the lists again, but only the days that no state covers.
    continued = [sync for sync in outcome.syncs if sync["loaded"] != "nothing"]
    last_runs = [sync["runs"][-1]["requests"] for sync in continued]
    assert len(last_runs) >= 4
    assert sum(last_runs) < sum(outcome.whole[sync["kind"]]["requests"] for sync in continued)
