"""`make bench`: what a sync takes, as Markdown tables.

python -m benchmarks.bench                   # everything
python -m benchmarks.bench --only daily      # one part; --help lists them
python -m benchmarks.bench --only counts     # `make bench-requests`: what can fail, in less than two minutes
python -m benchmarks.bench --write           # what is measured, and into README.md, between the part's marks
python -m benchmarks.bench --small           # beside the alternatives with little, to see that everything works
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Final

from benchmarks.counts import daily, requests, short
from benchmarks.measuring import ROOT, machine
from benchmarks.pace import pace
from benchmarks.speed import FULL, SMALL, backfill, latency, limit, million, speed, startup

README: Final = ROOT / "README.md"

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
            _write(name, text)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description="What a sync takes.")
    parser.add_argument("--only", choices=[*PARTS, *CHECKS], help="one part instead of all")
    parser.add_argument("--small", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md as well")
    options = parser.parse_args(arguments)
    if options.write and (options.small or options.only in CHECKS):
        parser.error("README.md has what was measured in full")
    if options.small and options.only and options.only not in SIDE_BY_SIDE_SMALL:
        parser.error(f"--small is for {', '.join(SIDE_BY_SIDE_SMALL)}")
    return options


def _write(name: str, text: str) -> None:
    first, last = f"<!-- bench {name} -->", f"<!-- /bench {name} -->"
    before, begin, rest = README.read_text().partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise SystemExit(f"README.md lacks the marks {first} and {last}")
    README.write_text(f"{before}{first}\n{text}\n{last}{after}")


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
    "pace": pace,
    **{name: partial(part, FULL) for name, part in SIDE_BY_SIDE.items()},
    "daily": daily,
}
CHECKS: Final[dict[str, Part]] = {"counts": short}
"""Of which README.md has no table."""

if __name__ == "__main__":
    main()
