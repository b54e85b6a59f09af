"""`make demo`: Snov.io campaign data in a DuckDB file, through the connector's own command line and PyAirbyte.

Without a configuration it starts the sandbox, a local Snov.io with made-up campaigns, and needs no account.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent

# PyAirbyte reads these when it is imported. Without the first it asks Airbyte's online registry about the connector.
os.environ["AIRBYTE_OFFLINE_MODE"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.setdefault("AIRBYTE_LOGGING_ROOT", str(ROOT / ".tmp" / "logs"))
sys.path.insert(0, str(ROOT))
# Libraries that PyAirbyte imports tell from which version on they drop which Python.
warnings.simplefilter("ignore", FutureWarning)

import airbyte as ab  # noqa: E402
import duckdb  # noqa: E402
from airbyte.caches import DuckDBCache  # noqa: E402
from airbyte.exceptions import PyAirbyteError  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402
from sqlalchemy.exc import DBAPIError  # noqa: E402

from sandbox.running import Sandbox  # noqa: E402
from sandbox.settings import Settings  # noqa: E402

DAILY: Final = "campaign_analytics_daily"
STREAMS: Final = ("campaigns", "campaign_analytics", DAILY, "campaign_progress")
DEFAULT_PACE: Final = 55

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

LAST_DAYS: Final = """
    SELECT date, sum(emails_sent)::int, sum(email_opens)::int, sum(email_replies)::int
    FROM campaign_analytics_daily
    WHERE date > (SELECT max(date) FROM campaign_analytics_daily) - 14
    GROUP BY date
    ORDER BY date
"""

ROWS_AND_KEYS: Final = "SELECT count(*), count(DISTINCT (campaign_id, date)) FROM campaign_analytics_daily"

Config = dict[str, Any]


class Unusable(Exception):
    """The configuration file cannot be used; the message says why."""


class Words(logging.Handler):
    """The connector's words: keeps its errors and shows how far it is, which PyAirbyte only writes to its log file."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self.errors.append(text)
        elif text.startswith(tuple(f"{stream}: " for stream in STREAMS)):
            print(text, file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Sync, then show what arrived. Returns the exit code."""
    options = _options(arguments)
    words = Words()
    try:
        with _config(options.config) as config:
            source = _source(config, words)
            _sync(source, options.database)
            if not options.config:
                _sync_again(source, options.database)
    except (Unusable, PyAirbyteError, DBAPIError) as failure:
        print(f"\nThe sync failed.\n{_reason(failure, words.errors)}", file=sys.stderr)
        return 1
    _show(options.database)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sync Snov.io campaigns into a DuckDB file.")
    parser.add_argument("--config", type=Path, help="configuration of a real account (default: the sandbox)")
    parser.add_argument("--database", type=Path, default=Path("demo.duckdb"), help="(default: demo.duckdb)")
    return parser.parse_args(arguments)


@contextmanager
def _config(path: Path | None) -> Iterator[Config]:
    """The account's configuration, or the sandbox's, which runs as long as the block."""
    if path:
        config = _load(path)
        pace = config.get("requests_per_minute", DEFAULT_PACE)
        print(
            f"Reading the account of {path} with two requests for each campaign, at most {pace} requests a minute: at "
            "the default of 55, 100 campaigns take about 4 minutes. Their daily history takes longer, perhaps an hour; "
            "a start_date in the file shortens it."
        )
        yield config
        return
    with Sandbox(settings=Settings(requests_per_minute=None)) as sandbox:
        print(
            f"Reading the sandbox, a local Snov.io with {len(sandbox.account.campaigns)} made-up campaigns, on "
            f"{sandbox.url}.\nIts limit of 60 requests a minute is off, so this takes seconds; a real account with as "
            "many campaigns takes about 25 minutes the first time, nearly all for the daily history."
        )
        yield sandbox.config()


def _load(path: Path) -> Config:
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise Unusable(f"{path} cannot be read as JSON: {problem}") from None
    if not isinstance(config, dict):
        raise Unusable(f'{path} must hold a JSON object, such as {{"client_id": …, "client_secret": …}}.')
    return config


def _source(config: Config, words: Words) -> ab.Source:
    # The connector is installed in the environment of the Python that runs this.
    source = ab.get_source("source-snov", local_executable=Path(sys.executable).with_name("source-snov"), config=config)
    logging.getLogger("airbyte.source-snov").addHandler(words)
    source.check()
    return source


def _sync(source: ab.Source, database: Path) -> None:
    """One full sync of all streams, in place of what an earlier one left, perhaps from another account."""
    # Not "*", for which PyAirbyte runs the connector once more.
    source.select_streams(list(STREAMS))
    with _cache(database) as cache:
        # The connector validates its configuration itself, in words that name no secret.
        source.read(cache, write_strategy="replace", force_full_refresh=True, skip_validation=True)


def _sync_again(source: ab.Source, database: Path) -> None:
    """A second sync of the daily history, incremental: the days that it reads again take the place of their rows."""
    source.select_streams([DAILY])
    with _cache(database) as cache:
        read = source.read(cache, skip_validation=True).processed_records
    with duckdb.connect(str(database), read_only=True) as connection:
        rows, keys = connection.execute(ROWS_AND_KEYS).fetchone() or (0, 0)
    print(f"\nA second sync of {DAILY} read {read:,} days again: {rows:,} rows, {rows - keys} of them twice.")


@contextmanager
def _cache(database: Path) -> Iterator[DuckDBCache]:
    cache = DuckDBCache(db_path=database, schema_name="main", cache_dir=ROOT / ".tmp" / "cache")
    try:
        yield cache
    finally:
        cache.close()


def _reason(failure: Exception, said: Sequence[str]) -> str:
    """Why it failed: in the connector's words if there are any, without its summary of them."""
    if isinstance(failure, PyAirbyteError):
        own = [text for text in dict.fromkeys(said) if not text.startswith("During the sync, the following streams")]
        return "\n".join(own) or str((failure.context or {}).get("failure_reason") or failure.get_message())
    return str(failure.orig if isinstance(failure, DBAPIError) else failure)


def _show(database: Path) -> None:
    console = Console()
    with duckdb.connect(str(database), read_only=True) as connection:
        console.print(f"\nIn {database}:")
        for stream in STREAMS:
            [count] = connection.execute(f"SELECT count(*) FROM {stream}").fetchone() or [0]
            console.print(f"  {stream:<26}{count:>6} rows")
        best = connection.execute(BEST_CAMPAIGNS).fetchall()
        last = connection.execute(LAST_DAYS).fetchall()
    if best:
        console.print("\nThe best e-mail campaigns, by the share of the people reached who replied:")
        console.print(_table(best))
    if last:
        console.print("\nThe last 14 days, over all campaigns; opened and replied count people, each once a day:")
        console.print(_chart(last))


def _chart(rows: list[tuple[date, int, int, int]]) -> Table:
    table = Table()
    table.add_column("day")
    for heading in ("e-mails sent", "opened", "replied"):
        table.add_column(heading, justify="right")
    table.add_column("sent")
    most = max(sent for _, sent, *_ in rows) or 1
    for day, sent, *others in rows:
        table.add_row(f"{day:%a %d %b}", *(f"{count:,}" for count in (sent, *others)), "█" * round(24 * sent / most))
    return table


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
