"""`python -m warehouse.report --database demo.duckdb`: makes an HTML page of the dbt models' figures."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from warehouse.load.warehouses import WAREHOUSES, SettingsMissing, address_of
from warehouse.report.marts import Unreadable, read
from warehouse.report.page import render


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the page and prints its path. Returns the exit code."""
    options = _options(arguments)
    try:
        database = address_of(options.to, os.environ) if options.to else options.database
        page = render(read(database, options.schema), options.note)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(page, encoding="utf-8", newline="\n")
    except (SettingsMissing, Unreadable) as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{options.output} cannot be written: {problem.strerror or problem}", file=sys.stderr)
        return 1
    print(options.output.resolve())
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m warehouse.report",
        description="Create an HTML report of the dbt models, which opens without a network.",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--to", choices=list(WAREHOUSES), help="the database that make sync loaded, with the same environment variables"
    )
    where.add_argument(
        "--database",
        default="demo.duckdb",
        help="DuckDB file, or SQLAlchemy URL of another database, such as postgresql://user@host/database "
        "(default: %(default)s)",
    )
    parser.add_argument("--schema", default="snov_marts", help="schema of the models (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("report.html"), help="the HTML file (default: %(default)s)")
    parser.add_argument("--note", help="a sentence for the top of the page, such as the source of the data")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
