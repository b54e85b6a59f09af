"""The connector beside the alternatives: each reads the same account in turn, again and again."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from benchmarks.comparing import Content, content_of
from benchmarks.contenders import CONNECTOR, CONTENDERS, ERRORS, OUTPUT, Contender, Task
from benchmarks.measuring import Cost, Request, SandboxProcess, middle, most_in_any_minute, watch
from unit_tests._names import CAMPAIGNS_PATH, TOKEN_PATH


@dataclass(frozen=True)
class Asked:
    """What the requests of a sync come to.

    most: in any minute. refused: those answered 429. first_answer: when the first request was made that was answered
    with records of the streams (time.monotonic); None if none was.
    """

    requests: int
    most: int
    refused: int
    first_answer: float | None


@dataclass(frozen=True)
class Sync:
    """One sync: what it took, how it ended, what it asked for, and what it has written.

    first_record: seconds from the first answer with data to the first record; None if there is none of either.
    """

    cost: Cost
    code: int
    asked: Asked
    content: Content
    first_record: float | None
    error: str


@dataclass(frozen=True)
class Result:
    """The medians of some syncs of one program, all of which read the same."""

    contender: str
    cost: Cost
    requests: int
    records: int
    first_record: float


def compare(
    servers: Sequence[SandboxProcess], streams: Sequence[str], since: str, runs: int, latency: float = 0.0
) -> list[Result]:
    """The programs take turns, again and again, so that whatever slows the machine hits all of them.

    servers: each is read by one program at a time; several are for programs that mostly wait. latency: of theirs, in
    seconds. With several runs, a first one of each is not counted: it compiles and caches. Raises RuntimeError when one
    fails, or reads something else than the connector.
    """
    shares = [[each.name for each in CONTENDERS[place :: len(servers)]] for place in range(len(servers))]
    rounds: list[dict[str, Sync]] = []
    with ProcessPoolExecutor(len(servers), multiprocessing.get_context("fork")) as readers:
        for _ in range(runs if runs == 1 else runs + 1):
            read = readers.map(_in_turn, shares, servers, repeat(streams), repeat(since), repeat(latency))
            rounds.append({name: each for share in read for name, each in share.items()})
            _agree(rounds[-1])
    counted = rounds[-runs:]
    return [_result(each.name, [done[each.name] for done in counted]) for each in CONTENDERS]


def _in_turn(
    names: Sequence[str], server: SandboxProcess, streams: Sequence[str], since: str, latency: float
) -> dict[str, Sync]:
    chosen = [each for each in CONTENDERS if each.name in names]
    return {each.name: sync(each, server, streams, since, latency) for each in chosen}


def _agree(done: Mapping[str, Sync]) -> None:
    truth = done[CONNECTOR.name].content
    for name, each in done.items():
        if each.code:
            raise RuntimeError(f"{name} failed: {each.error}")
        if each.content != truth:
            raise RuntimeError(f"{name} has read other records ({each.content}) than the connector ({truth})")


def sync(
    contender: Contender,
    server: SandboxProcess,
    streams: Sequence[str],
    since: str,
    latency: float,
    paced: bool = False,
) -> Sync:
    """One program reads these streams."""
    server.clear()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = contender.command(Task(server, streams, folder, since, paced))
        seen = watch(command, folder / OUTPUT, folder / ERRORS, lambda: contender.has_written(folder))
        # In a process of its own: the memory that this one has ever had is the least that its children seem to have.
        with multiprocessing.get_context("fork").Pool(1) as reader:
            content = reader.apply(_content, (contender.name, folder))
            asked = reader.apply(_asked, (server, streams))
        first_record = seen.happened - asked.first_answer - latency if asked.first_answer and content.total else None
        error = "".join(_end(folder / name) for name in (OUTPUT, ERRORS)) if seen.code else ""
    return Sync(seen.cost, seen.code, asked, content, first_record, error)


def _end(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2000))
        return file.read().decode(errors="replace")


def _content(name: str, folder: Path) -> Content:
    [contender] = [each for each in CONTENDERS if each.name == name]
    return content_of(contender.written(folder))


def _asked(server: SandboxProcess, streams: Sequence[str]) -> Asked:
    requests = server.requests()
    return Asked(
        len(requests),
        most_in_any_minute([request["time"] for request in requests]),
        sum(request["status"] == 429 for request in requests),
        first_answer(requests, streams),
    )


def first_answer(requests: Sequence[Request], streams: Sequence[str]) -> float | None:
    """When the first request was made that was answered with records of these streams; None if none was."""
    others = (TOKEN_PATH,) if "campaigns" in streams else (TOKEN_PATH, CAMPAIGNS_PATH)
    good = (request for request in requests if request["status"] == 200 and request["path"] not in others)
    return next((request["time"] for request in good), None)


def _result(name: str, syncs: Sequence[Sync]) -> Result:
    return Result(
        name,
        middle([each.cost for each in syncs]),
        int(statistics.median(each.asked.requests for each in syncs)),
        syncs[0].content.total,
        statistics.median(each.first_record or 0.0 for each in syncs),
    )
