"""`make sync`: loads a Snov.io account into DuckDB, Postgres, Snowflake or BigQuery, through PyAirbyte.

Later runs continue the incremental streams, and add a row to the balance of the account. They replace the tables of the
other streams, so that rows deleted in Snov.io disappear from them too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from warehouse.load.warehouses import WAREHOUSES, SettingsMissing, opened, settings_of

if TYPE_CHECKING:
    import airbyte as ab
    from airbyte.caches.base import CacheBase

    from warehouse.load.connector import Interrupted

CREDENTIALS: Final = {"client_id": "SNOV_CLIENT_ID", "client_secret": "SNOV_CLIENT_SECRET"}

MOMENTS: Final = ("account_balance",)
"""Streams of what was so at the moment of a sync: each adds to the table, which is the only history of it."""

Config = dict[str, Any]


class Unusable(Exception):
    """The sync cannot start. The message says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one sync. Returns the exit code: 0, 1 if the sync failed, 2 if it could not start."""
    options = _options(arguments)
    try:
        config = load_config(options.config, os.environ)
        if options.start_date:
            config["start_date"] = options.start_date
        if options.campaigns:
            config["campaign_ids"] = _ids(options.campaigns)
        cache, settings = settings_of(options.to, os.environ, options.database)
    except (Unusable, SettingsMissing) as problem:
        print(problem, file=sys.stderr)
        return 2
    where = str(options.database) if options.to == "duckdb" else WAREHOUSES[options.to].title
    print(f"Loading into {where}", file=sys.stderr)
    warehouse = partial(opened, cache, settings)
    return load(config, where, warehouse, options.streams, options.full_refresh, options.summary)


def load(
    config: Config,
    where: str,
    warehouse: Callable[[], CacheBase],
    streams: str,
    full_refresh: bool = False,
    summary: Path | None = None,
) -> int:
    """Runs a sync and prints its messages. Returns an exit code, as `main` does.

    summary: a file for what was loaded, as JSON: `{"seconds", "streams": {"<name>": {"rows", "complete"}}}`.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from warehouse.load.connector import Messages, PyAirbyteError, connector

    messages = Messages()
    began = time.monotonic()
    try:
        with warehouse() as cache:
            source = connector(config, messages)
            selected = chosen(streams, source.get_available_streams())
            rows, failed = sync(source, cache, selected, full_refresh)
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return 2
    except PyAirbyteError as failure:
        print(f"\nThe sync failed.\n{messages.reason(failure)}", file=sys.stderr)
        return 1
    except SQLAlchemyError as failure:
        print(f"\n{where} cannot be used.\n{getattr(failure, 'orig', failure)}", file=sys.stderr)
        return 1
    print(f"\n{sum(rows.values()):,} records read into {where}:")
    for stream, count in rows.items():
        print(f"  {stream:<29}{count:>9,}")
    incomplete = [stream for one in failed for stream in one.lacking]
    if summary:
        streams_loaded = {name: {"rows": count, "complete": name not in incomplete} for name, count in rows.items()}
        summary.write_text(json.dumps({"seconds": round(time.monotonic() - began), "streams": streams_loaded}))
    if not failed:
        return 0
    lacking = ", ".join(incomplete)
    reasons = "\n".join(dict.fromkeys(messages.reason(one.failure) for one in failed if one.failure))
    print(
        f"\nThe sync failed in part: {lacking} could not be read to the end. All others are loaded; run this again for "
        f"the rest.\n{reasons}",
        file=sys.stderr,
    )
    return 1


def sync(
    source: ab.Source, cache: CacheBase, streams: Sequence[str], full_refresh: bool = False
) -> tuple[Mapping[str, int], Sequence[Interrupted]]:
    """Reads the streams into the cache. Returns the number of records of each, and what failed. Raises SQLAlchemyError.

    full_refresh: reads incremental streams from the beginning, and replaces their tables. MOMENTS are kept.
    """
    from warehouse.load.connector import Interrupted

    moments = [name for name in streams if name in MOMENTS]
    incremental = [] if full_refresh else [name for name in streams if _is_incremental(source, name)]
    replaced = [name for name in streams if name not in (*moments, *incremental)]
    rows = dict.fromkeys(streams, 0)
    reads = []
    # Skips PyAirbyte's validation, whose messages may quote the secret: the connector validates its configuration.
    if replaced:
        reads.append(Interrupted(source, replaces=True))
        read = source.read(
            cache, streams=replaced, write_strategy="replace", force_full_refresh=True, skip_validation=True
        )
        rows |= _counts(read, replaced)
        # A stream that was skipped with a warning says nothing of its rows.
        doubtful = [name for name in replaced if name in reads[-1].lacking or reads[-1].warned_of(name)]
        _empty(cache, [name for name in replaced if not rows[name] and name not in doubtful])
    if moments:
        reads.append(Interrupted(source, replaces=False))
        read = source.read(
            cache, streams=moments, write_strategy="append", force_full_refresh=True, skip_validation=True
        )
        rows |= _counts(read, moments)
    if incremental:
        reads.append(Interrupted(source, replaces=False))
        rows |= _counts(source.read(cache, streams=incremental, skip_validation=True), incremental)
    return rows, [one for one in reads if one.failure]


def chosen(names: str, known: Sequence[str]) -> Sequence[str]:
    """The named streams, in the connector's order. Raises Unusable for an unknown one."""
    from warehouse.load.connector import suggested_streams

    if names == "all":
        return known
    wanted = suggested_streams() if names == "suggested" else [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in known]:
        raise Unusable(f"There is no stream {', '.join(unknown)}. Choose from: {', '.join(known)}.")
    return [name for name in known if name in wanted]


def load_config(path: Path | None, environment: Mapping[str, str]) -> Config:
    """The connector's configuration, from the file, with missing credentials from the environment."""
    config: Config = {}
    if path:
        try:
            config = json.loads(path.read_text())
        except (OSError, ValueError) as problem:
            raise Unusable(f"{path} cannot be read as JSON: {problem}") from None
        if not isinstance(config, dict):
            raise Unusable(f'{path} must contain a JSON object, such as {{"client_id": "…", "client_secret": "…"}}.')
    for field, variable in CREDENTIALS.items():
        if not config.get(field) and environment.get(variable):
            config[field] = environment[variable]
    if missing := [variable for field, variable in CREDENTIALS.items() if not config.get(field)]:
        raise Unusable(
            f"There is no {' and no '.join(missing)}. Set {'it' if len(missing) == 1 else 'them'} in the environment, "
            "or use --config with a file that has client_id and client_secret. Both are in Snov.io under Account "
            "settings > API."
        )
    return config


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Load a Snov.io account into a database.")
    parser.add_argument(
        "--to", choices=["duckdb", *WAREHOUSES], default="duckdb", help="the database (default: %(default)s)"
    )
    parser.add_argument("--config", type=Path, help="the connector's configuration, a JSON file")
    parser.add_argument(
        "--database",
        type=Path,
        default=Path("snov.duckdb"),
        help="the DuckDB file, with --to duckdb (default: %(default)s)",
    )
    parser.add_argument(
        "--streams",
        default="suggested",
        help="comma-separated names, all, or suggested: the streams that most people need (default: %(default)s)",
    )
    parser.add_argument("--start-date", help="first day of analytics and events, YYYY-MM-DD, instead of the file's")
    parser.add_argument("--campaigns", help="comma-separated IDs of the campaigns to read, instead of the file's")
    parser.add_argument("--summary", type=Path, help="a file for the rows of each stream, as JSON")
    parser.add_argument("--full-refresh", action="store_true", help="read everything again and replace all tables")
    return parser.parse_args(arguments)


def _ids(text: str) -> Sequence[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise Unusable(
            f"--campaigns must be IDs with commas between them, such as 910001,910002, not {text}."
        ) from None


def _empty(cache: CacheBase, streams: Sequence[str]) -> None:
    """Deletes the rows of streams that have none any more: PyAirbyte replaces a table only once it has a row."""
    from sqlalchemy import inspect

    tables = set(inspect(cache.get_sql_engine()).get_table_names(schema=cache.schema_name))
    for name in streams:
        if name in {table.lower() for table in tables}:
            cache.execute_sql(f"DELETE FROM {cache.schema_name}.{name}")


def _is_incremental(source: ab.Source, stream: str) -> bool:
    [found] = [one for one in source.discovered_catalog.streams if one.name == stream]
    return "incremental" in [mode.value for mode in found.supported_sync_modes]


def _counts(read: ab.ReadResult, streams: Sequence[str]) -> Mapping[str, int]:
    return {stream: read._progress_tracker.stream_read_counts.get(stream, 0) for stream in streams}


if __name__ == "__main__":
    sys.exit(main())
