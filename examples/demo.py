"""The first half of `make demo`: the sandbox, a local Snov.io with made-up campaigns, synced into a DuckDB file.

All streams at first, then those that are incremental once more. Needs no account.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb
from rich.console import Console
from rich.table import Table

from examples.sync import load
from examples.warehouses import opened, settings_of
from sandbox.running import Sandbox
from sandbox.settings import Settings

DAILY: Final = "campaign_analytics_daily"

BEST_CAMPAIGNS: Final = """
    SELECT
        campaigns.campaign,
        emails_sent,
        100.0 * email_opens / nullif(contacted_by_email, 0) AS opens,
        100.0 * email_replies / nullif(contacted_by_email, 0) AS replies,
        campaign_progress.progress
    FROM campaigns
    JOIN campaign_analytics ON campaign_analytics.campaign_id = campaigns.id
    LEFT JOIN campaign_progress ON campaign_progress.campaign_id = campaigns.id
    WHERE contacted_by_email > 0
    -- A reply rate of a few people says little, so their campaigns come last.
    ORDER BY contacted_by_email >= 20 DESC, replies DESC, emails_sent DESC
    LIMIT 8
"""

ROWS_AND_KEYS: Final = f"SELECT count(*), count(DISTINCT (campaign_id, date)) FROM {DAILY}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Two syncs, then what arrived. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Sync the sandbox into a DuckDB file.")
    parser.add_argument("--database", type=Path, default=Path("demo.duckdb"), help="(default: %(default)s)")
    database = parser.parse_args(arguments).database
    cache, settings = settings_of("duckdb", {}, database)
    with Sandbox(settings=Settings(requests_per_minute=None)) as sandbox:
        print(
            f"Reading the sandbox, a local Snov.io with {len(sandbox.account.campaigns)} made-up campaigns, on "
            f"{sandbox.url}.\nIts limit of 60 requests a minute is off, so this takes seconds; for a real account see "
            "the minutes for each stream in docs/snov.md."
        )
        for streams, full_refresh in (("all", True), (DAILY, False)):
            failed = load(sandbox.config(), str(database), lambda: opened(cache, settings), streams, full_refresh)
            if failed:
                return failed
    _show(database)
    return 0


def _show(database: Path) -> None:
    console = Console()
    with duckdb.connect(str(database), read_only=True) as connection:
        rows, keys = connection.execute(ROWS_AND_KEYS).fetchone() or (0, 0)
        best = connection.execute(BEST_CAMPAIGNS).fetchall()
    console.print(f"The second sync read the last days again: {DAILY} has {rows:,} rows, {rows - keys} of them twice.")
    console.print("\nThe best e-mail campaigns, by the share of the people reached who replied:")
    console.print(_table(best))


def _table(rows: list[tuple[Any, ...]]) -> Table:
    table = Table()
    table.add_column("campaign")
    for heading in ("e-mails sent", "opened", "replied", "progress"):
        table.add_column(heading, justify="right")
    for name, sent, *shares in rows:
        table.add_row(name, f"{sent:,}", *("" if share is None else f"{share:.1f}%" for share in shares))
    return table


if __name__ == "__main__":
    sys.exit(main())
