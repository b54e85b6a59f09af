"""The first half of `make demo`: syncs the sandbox, a local Snov.io with made-up campaigns, into a DuckDB file.

Reads all streams, and once more what may have changed. Needs no account.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import duckdb
from rich.console import Console
from rich.table import Table

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from warehouse.load.sync import load
from warehouse.load.warehouses import opened, settings_of

DATABASE: Final = Path("demo.duckdb")
"""Replaced by each demo."""

DAILY: Final = "campaign_analytics_daily"

REPORTS: Final = [{"name": "weekly_account", "split_by": "account", "period": "week"}]

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
    -- Campaigns with few people come last, because their reply rates mean little.
    ORDER BY contacted_by_email >= 20 DESC, replies DESC, emails_sent DESC
    LIMIT 8
"""

ROWS_AND_KEYS: Final = f"SELECT count(*), count(DISTINCT (campaign_id, date)) FROM {DAILY}"


def main() -> int:
    """Runs two syncs and prints the results. Returns the exit code."""
    # The state of an earlier demo is in it.
    for old in (DATABASE, DATABASE.with_name(f"{DATABASE.name}.wal")):
        old.unlink(missing_ok=True)
    cache, settings = settings_of("duckdb", {}, DATABASE)
    with Sandbox(settings=UNLIMITED) as sandbox:
        print(
            f"Reading the sandbox, a local Snov.io with {len(sandbox.account.campaigns)} made-up campaigns, on "
            f"{sandbox.url}.\nIts limit of 60 requests a minute is off, so this takes seconds. docs/snov.md has "
            "the minutes for each stream of a real account."
        )
        requests = []
        for _ in range(2):
            config = sandbox.config(report_owners=sandbox.account.owners(), custom_reports=REPORTS)
            if failed := load(config, str(DATABASE), lambda: opened(cache, settings), "all"):
                return failed
            requests.append(sandbox.count())
            sandbox.clear()
    first, second = requests
    print(f"\nThe first sync took {first:,} requests; the second, which read only what may have changed, {second:,}.")
    _show(DATABASE)
    return 0


def _show(database: Path) -> None:
    console = Console()
    with duckdb.connect(str(database), read_only=True) as connection:
        rows, keys = connection.execute(ROWS_AND_KEYS).fetchone() or (0, 0)
        best = connection.execute(BEST_CAMPAIGNS).fetchall()
    console.print(f"It read the last days again: {DAILY} has {rows:,} rows, {rows - keys} of them twice.")
    console.print("\nThe best e-mail campaigns, by reply rate:")
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
