"""`python -m report --database demo.duckdb`: one HTML page of the campaign figures that the dbt models make."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from report.marts import Unreadable, read
from report.page import render


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the page and print its path. Returns the exit code."""
    options = _options(arguments)
    try:
        page = render(read(options.database, options.schema), options.note)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(page, encoding="utf-8", newline="\n")
    except Unreadable as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{options.output} cannot be written: {problem.strerror or problem}", file=sys.stderr)
        return 1
    print(options.output.resolve())
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m report", description="Make one HTML page, which opens without a network, of the dbt models."
    )
    parser.add_argument(
        "--database",
        default="demo.duckdb",
        help="DuckDB file, or SQLAlchemy's URL of another database, such as postgresql://user@host/database "
        "(default: demo.duckdb)",
    )
    parser.add_argument("--schema", default="snov_marts", help="schema of the models (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("report.html"), help="(default: report.html)")
    parser.add_argument("--note", help="a sentence for the top of the page, such as where the data is from")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
