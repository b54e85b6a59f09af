"""Parts of `make bench` that measure the connector beside the alternatives."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from benchmarks.contenders import CONNECTOR, CONTENDERS, ERRORS, OUTPUT, PLAIN_START, STARTED, Task, need_alternatives
from benchmarks.measuring import MINUTE, UNLIMITED_OPTIONS, Cost, middle, running_sandbox, today, watch
from benchmarks.side_by_side import Result, Sync, compare, sync
from benchmarks.tables import Row, say, table
from unit_tests._names import ACTIVITY, DAILY, ONE_PER_CAMPAIGN, STREAMS

LATENCY: Final = 0.1
"""Seconds."""
LONG_AGO: Final = "2020-01-01"
FLOOD_DAYS: Final = 31
"""The days over which the sandbox spreads the events of its one campaign (sandbox/world/flood.py)."""
BACKFILL_DAYS: Final = 200
"""The age of the oldest campaign of the sandbox's `backfill` (sandbox/world/shapes.py)."""

MAX_GROWTH: Final = 60
"""MiB that a million events may take more than a thousand."""

MEASURED: Final = ("wall (s)", "CPU (s)", "CPU per record (ms)", "peak memory (MiB)", "requests", "records")
FIRST: Final = "first record after (s)"

WHO: Final = (
    "The loop is [written by hand](benchmarks/alternatives/loop.py), without pace, repetition, error handling or typed "
    "records. [dlt](benchmarks/alternatives/dlt_rest_api.py) is its `rest_api` source, up to the end of extraction, "
    "when records are lines of JSON as the API gave them, and up to the end of normalizing, when they have types, as "
    "the connector's have; its loading would be a destination's work. The "
    "[tap](benchmarks/alternatives/singer_tap.py) is on the Singer SDK. The [bare "
    "manifest](benchmarks/alternatives/bare_manifest.yaml) has the CDK's own components only, and no code. Whatever "
    "counts has read the same as the connector, in keys and figures."
)


@dataclass(frozen=True)
class Sizes:
    """How much is measured, and how often.

    syncs, late_syncs: campaigns and runs, without and with LATENCY. limited: campaigns at the limit.
    """

    runs: int
    syncs: Sequence[tuple[int, int]]
    late_syncs: Sequence[tuple[int, int]]
    limited: int
    backfill_runs: int
    few_events: int
    many_events: int
    event_runs: int


FULL: Final = Sizes(
    runs=5,
    syncs=((100, 5), (1000, 5)),
    # A request after the other takes 20 and 200 seconds.
    late_syncs=((100, 5), (1000, 1)),
    limited=100,
    backfill_runs=3,
    few_events=1_000,
    many_events=1_000_000,
    event_runs=1,
)
SMALL: Final = Sizes(
    runs=1,
    syncs=((10, 2),),
    late_syncs=((10, 1),),
    limited=35,
    backfill_runs=1,
    few_events=1_000,
    many_events=20_000,
    event_runs=1,
)
"""To see that everything works."""


def speed(sizes: Sizes) -> str:
    """A full sync of the streams whose requests follow from the number of campaigns."""
    return (
        f"Full sync of `campaigns`, `campaign_analytics` and `campaign_progress` without a limit; the sandbox runs "
        f"beside it on the same machine. The programs take turns, and each figure is the median of so many runs. {WHO} "
        "First record: seconds from the first answer with data until it is written:\n\n"
    ) + _syncs(sizes.syncs, 0.0)


def latency(sizes: Sizes) -> str:
    """The same when each answer takes its time: who waits for one answer after the other waits long."""
    return (
        f"The same when each answer takes {LATENCY * 1000:.0f} ms, two programs at a time since they mostly wait, each "
        "with a sandbox of its own:\n\n"
    ) + _syncs(sizes.late_syncs, LATENCY, at_a_time=2)


def _syncs(sizes: Sequence[tuple[int, int]], latency: float, at_a_time: int = 1) -> str:
    need_alternatives()
    rows: list[Row] = []
    for campaigns, runs in sizes:
        say(f"{campaigns:,} campaigns with a latency of {latency * 1000:.0f} ms, {runs} times")
        options = (*UNLIMITED_OPTIONS, "--campaigns", str(campaigns), "--latency", str(latency))
        with ExitStack() as running:
            servers = [running.enter_context(running_sandbox(*options)) for _ in range(at_a_time)]
            for result in compare(servers, ONE_PER_CAMPAIGN, LONG_AGO, runs, latency):
                rows.append((result.contender, campaigns, runs, *_numbers(result)))
    return table(("", "campaigns", "runs", *MEASURED, FIRST), rows)


def limit(sizes: Sizes) -> str:
    """How each ends when the sandbox enforces the limit."""
    need_alternatives()
    rows: list[Row] = []
    for contender in CONTENDERS:
        say(f"{contender.name} at the limit")
        with running_sandbox("--campaigns", str(sizes.limited)) as server:
            done = sync(contender, server, ONE_PER_CAMPAIGN, LONG_AGO, 0.0, paced=True)
        rows.append((contender.name, _ending(done, 3 * sizes.limited), f"{done.cost.wall:.0f}", *_counts(done)))
    return (
        f"The same streams of {sizes.limited} campaigns, with the sandbox refusing what exceeds {MINUTE} requests in "
        f"any {MINUTE} seconds. One run of each, since minutes are long. Each has the pace that it comes with: the "
        f"connector 55 a minute, the bare manifest an `HTTPAPIBudget` of {MINUTE} a minute, the others none; and each "
        "repeats what was refused as its defaults say:\n\n"
    ) + table(
        ("", "outcome", "wall (s)", "requests", f"most in any {MINUTE} s", "answers of 429", "records written"), rows
    )


def backfill(sizes: Sizes) -> str:
    """The daily history, read for the first time."""
    need_alternatives()
    say(f"the daily backfill, {sizes.backfill_runs} times")
    since = today() - timedelta(days=BACKFILL_DAYS)
    with running_sandbox(*UNLIMITED_OPTIONS, "--shape", "backfill") as server:
        results = compare([server], [DAILY], str(since), sizes.backfill_runs)
    rows = [(each.contender, *_numbers(each), f"{each.requests / MINUTE:.1f}") for each in results]
    return (
        f"First sync of `{DAILY}` without a limit: 60 campaigns, 20 of them never started, the oldest "
        f"{BACKFILL_DAYS} days old, {_runs(sizes.backfill_runs)}. Loop, dlt and tap ask about each campaign and day "
        "since its start, the bare manifest about each campaign and day since the first of all, because its cursor "
        "takes one first day for all; the connector plans:\n\n"
    ) + table(("", *MEASURED, FIRST, f"minutes at {MINUTE} a minute"), rows)


def million(sizes: Sizes) -> str:
    """Time and memory of one campaign's events, few and very many."""
    need_alternatives()
    since = str(today() - timedelta(days=FLOOD_DAYS - 1))
    rows: list[Row] = []
    peaks: list[float] = []
    for number in (sizes.few_events, sizes.many_events):
        say(f"{number:,} events, {sizes.event_runs} times")
        with running_sandbox(*UNLIMITED_OPTIONS, "--events", str(number)) as server:
            results = compare([server], [ACTIVITY], since, sizes.event_runs)
        rows += [(each.contender, number, *_numbers(each)) for each in results]
        peaks += [each.cost.memory for each in results if each.contender == CONNECTOR.name]
    if peaks[-1] > peaks[0] + MAX_GROWTH:
        raise RuntimeError(f"{peaks[-1] - peaks[0]:.0f} MiB more for more events, of {MAX_GROWTH} at most")
    return f"`{ACTIVITY}` of one campaign without a limit, {_runs(sizes.event_runs)}:\n\n" + table(
        ("", "events", *MEASURED, FIRST), rows
    )


def startup(sizes: Sizes) -> str:
    """What a command takes that reads next to nothing."""
    need_alternatives()
    say(f"the start of each command, {sizes.runs} times")
    costs: dict[tuple[str, str], list[Cost]] = {}
    with running_sandbox(*UNLIMITED_OPTIONS) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = Task(server, ONE_PER_CAMPAIGN, folder, LONG_AGO)
        config = task.config(start_date=LONG_AGO)
        ours = task.write("ours.json", {**server.credentials, "api_url": server.url})
        for turn in range(sizes.runs + 1):
            for verb in ("spec", "check", "discover"):
                for contender in STARTED:
                    # The alternatives have to be told when to begin.
                    given = ours if contender in (CONNECTOR, PLAIN_START) else config
                    command = contender.startup[verb](given)
                    seen = watch(command, folder / OUTPUT, folder / ERRORS, lambda: False)
                    if seen.code:
                        raise RuntimeError(f"{contender.name} {verb}: {(folder / ERRORS).read_text()[-2000:]}")
                    if turn:
                        costs.setdefault((verb, contender.name), []).append(seen.cost)
    rows = [(verb, name, *_cost(middle(each))) for (verb, name), each in sorted(costs.items(), key=_by_verb)]
    return (
        f"Start-up, {_runs(sizes.runs)}, the programs taking turns; byte-code is cached. *Plain start* is the "
        "connector as the CDK's template would start it: the whole CDK imported and every stream built for each "
        f"command. The connector discovers {len(STREAMS)} streams, the alternatives those that are measured here. Of "
        "the Singer SDK, `--about`, `--test` and `--discover` are what comes closest; dlt and the loop have nothing "
        "like these commands:\n\n"
    ) + table(("", "program", "wall (s)", "CPU (s)", "peak memory (MiB)"), rows)


def _by_verb(item: tuple[tuple[str, str], list[Cost]]) -> int:
    return ("spec", "check", "discover").index(item[0][0])


def _numbers(result: Result) -> tuple[object, ...]:
    per_record = 1000 * result.cost.cpu / result.records
    return (
        f"{result.cost.wall:.1f}",
        f"{result.cost.cpu:.1f}",
        f"{per_record:.3f}",
        f"{result.cost.memory:.0f}",
        result.requests,
        result.records,
        f"{result.first_record:.2f}",
    )


def _cost(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.wall:.2f}", f"{cost.cpu:.2f}", f"{cost.memory:.0f}"


def _counts(done: Sync) -> tuple[int, int, int, int]:
    return done.asked.requests, done.asked.most, done.asked.refused, done.content.total


def _ending(done: Sync, records: int) -> str:
    if done.code:
        return "failed"
    return "complete" if done.content.total == records else "incomplete, without failing"


def _runs(number: int) -> str:
    return "one run of each" if number == 1 else f"medians of {number} runs of each"
