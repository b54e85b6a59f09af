"""`make bench`: what a sync takes, as Markdown tables.

python -m benchmarks.bench                   # everything
python -m benchmarks.bench --only daily      # one part; --help lists them
python -m benchmarks.bench --only counts     # `make bench-requests`: what can fail, in about five minutes
python -m benchmarks.bench --write           # what is measured, and into docs/benchmarks.md, between the part's marks
python -m benchmarks.bench --small           # beside the alternatives with little, to see that everything works
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Final

from benchmarks.counts import daily, requests, short
from benchmarks.first_sync import first_sync
from benchmarks.measuring import machine
from benchmarks.mornings import mornings
from benchmarks.pace import pace
from benchmarks.reports import reports
from benchmarks.speed import FULL, SMALL, backfill, latency, limit, million, speed, startup
from benchmarks.tables import around
from unit_tests._paths import ROOT

PAGE: Final = ROOT / "docs/benchmarks.md"

Part = Callable[[], str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for."""
    options = _options(arguments)
    parts = {**SIDE_BY_SIDE_SMALL, **CHECKS} if options.small else {**PARTS, **CHECKS}
    for name in [options.only] if options.only else [name for name in parts if name not in CHECKS]:
        part = parts[name]()
        text = f"{part}\n\nMeasured on {datetime.now(timezone.utc):%Y-%m-%d} on a machine with {machine()}."
        print(f"\n{text}", flush=True)
        if options.write:
            before, _, after = around(f"bench {name}", PAGE.read_text())
            PAGE.write_text(before + text + after)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.bench", description="Measure the requests, time and memory of a sync."
    )
    parser.add_argument("--only", choices=[*PARTS, *CHECKS], help="run only this part")
    parser.add_argument("--small", action="store_true", help="a quick run with small accounts, to test the benchmarks")
    parser.add_argument("--write", action="store_true", help="update the tables in docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if options.write and (options.small or options.only in CHECKS):
        parser.error("--write needs a full measurement: leave out --small and --only counts")
    if options.small and options.only and options.only not in SIDE_BY_SIDE_SMALL:
        parser.error(f"--small is for {', '.join(SIDE_BY_SIDE_SMALL)}")
    return options


SIDE_BY_SIDE: Final = {
    "speed": speed,
    "latency": latency,
    "limit": limit,
    "backfill": backfill,
    "million": million,
    "startup": startup,
}
SIDE_BY_SIDE_SMALL: Final[dict[str, Part]] = {name: partial(part, SMALL) for name, part in SIDE_BY_SIDE.items()}

# The last one makes this process larger, which the memory of the others must not show.
PARTS: Final[dict[str, Part]] = {
    "requests": requests,
    "first": first_sync,
    "mornings": mornings,
    "reports": reports,
    "pace": pace,
    **{name: partial(part, FULL) for name, part in SIDE_BY_SIDE.items()},
    "daily": daily,
}
CHECKS: Final[dict[str, Part]] = {"counts": short}
"""Of which docs/benchmarks.md has no table."""

if __name__ == "__main__":
    main()
