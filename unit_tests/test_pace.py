"""When requests leave: never faster than asked for, and not at all while the API asks for a pause."""

import threading
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world import seeds
from source_snov.api.budget import MovingWindow
from unit_tests._helpers import Clock, failure, logs, records, sync


@pytest.fixture
def limited(clock: Clock) -> Iterator[Sandbox]:
    """Sixty requests a minute, then a block of five minutes that each request prolongs, in the connector's time."""
    settings = Settings(requests_per_minute=60, penalty_seconds=300, clock=clock.monotonic)
    with Sandbox(seeds.sized_account(100), settings) as sandbox:
        yield sandbox


def test_at_the_default_pace_a_server_that_allows_60_a_minute_never_answers_429(limited: Sandbox) -> None:
    output = sync(whole_config=_at_default_pace(limited.config()))
    assert not output.errors
    assert len(output.records) == 300
    # Three look whether a long period is covered.
    assert limited.statuses() == {200: 202 + 3}


# One worker: simulated time may not move on while a request of another thread is under way.
@pytest.mark.parametrize("pace", [1, 7, 60, None])
def test_no_minute_holds_more_requests_than_asked_for_tokens_included(limited: Sandbox, pace: int | None) -> None:
    config = limited.config(requests_per_minute=pace, num_workers=1, campaign_ids=_ids(limited, (pace or 55) + 3))
    output = sync("campaign_progress", whole_config=config if pace else _at_default_pace(config))
    assert not output.errors
    assert limited.count("") == (pace or 55) + 5
    assert limited.max_in_any_minute() == (pace or 55)


def _at_default_pace(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "requests_per_minute"}


def _ids(sandbox: Sandbox, count: int) -> list[int]:
    return [row["id"] for row in sandbox.account.campaign_rows()][:count]


def test_a_block_that_each_request_prolongs_is_waited_out_by_all_threads_together(limited: Sandbox) -> None:
    # 61 requests at once fill the minute and begin the block of five minutes.
    output = sync("campaign_progress", whole_config=limited.config(requests_per_minute=6000, num_workers=8))
    assert not output.errors
    assert len(records(output, "campaign_progress")) == 100
    refused = limited.statuses()[429]
    assert 0 < refused <= 8 * 4


def test_while_one_thread_waits_after_a_429_no_other_asks(clock: Clock) -> None:
    with Sandbox(seeds.sized_account(30), Settings(requests_per_minute=None, clock=clock.monotonic)) as sandbox:
        sandbox.add_fault(faults.rate_limited(path="progress", skip=5, times=1))
        output = sync("campaign_progress", whole_config=sandbox.config(num_workers=4))
        assert not output.errors
        [at] = [request.time for request in sandbox.requests if request.status == 429]
        # Requests under way at that moment may still arrive; the next leave when the pause is over.
        late = [request.time - at for request in sandbox.requests if request.time > at + 1]
        assert len(late) >= 30 - 5 - 4
        assert min(late) >= 60


def test_a_request_that_alone_is_refused_again_and_again_does_not_hold_the_others(clock: Clock) -> None:
    with Sandbox(seeds.sized_account(30), Settings(requests_per_minute=None, clock=clock.monotonic)) as sandbox:
        first = _ids(sandbox, 1)[0]
        sandbox.add_fault(faults.rate_limited(path=f"{first}/progress"))
        output = sync("campaign_progress", "campaign_analytics", whole_config=sandbox.config(num_workers=4))
        assert len(records(output, "campaign_analytics")) == 30
        assert "keeps answering 429" in failure(output, "campaign_progress").message
        assert sum("All streams wait" in text for text in logs(output, "WARN")) == 1
        assert any("the others go on" in text for text in logs(output, "WARN"))


def test_a_wall_clock_that_is_set_back_holds_nothing(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(seeds.sized_account(30), Settings(requests_per_minute=None, clock=clock.monotonic)) as sandbox:
        hours = iter(range(10_000))
        monkeypatch.setattr(clock, "time", lambda: 1_800_000_000.0 - 3600 * next(hours))
        output = sync("campaign_progress", whole_config=sandbox.config(requests_per_minute=10, num_workers=1))
        assert len(records(output, "campaign_progress")) == 30
        assert sum(clock.sleeps) < 4 * 60


def test_one_worker_is_enough_for_many_campaigns() -> None:
    with Sandbox(seeds.sized_account(300), Settings(requests_per_minute=None)) as sandbox:
        output = sync("campaign_progress", whole_config=sandbox.config(num_workers=1))
        assert len(records(output, "campaign_progress")) == 300


def test_no_thread_of_a_sync_outlives_it() -> None:
    with Sandbox(seeds.sized_account(3), Settings(requests_per_minute=None)) as sandbox:
        sync(whole_config=sandbox.config())
        assert [thread.name for thread in threading.enumerate() if thread.name == "progress"] == []


class Wait(Exception):
    """How long a request would wait for its turn."""


class Turns:
    """A clock that workers share, one of whom acts at a time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.worker = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        raise Wait(seconds)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_latency_no_minute_of_the_server_holds_more_than_the_limit(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, turns = Random(seed), Turns()
    monkeypatch.setattr("source_snov.api.budget.time", turns)
    monkeypatch.setattr("source_snov.api.budget.get_ident", lambda: turns.worker)
    limit, slowest = random.choice([1, 7, 55, 60]), random.choice([0.0, 0.3, 5.0, 90.0])
    window, arrivals = MovingWindow(limit, 60.0), list[float]()
    events = [(0.0, worker, "ask") for worker in range(random.randint(1, 10))]
    while len(arrivals) < 4 * limit + 20:
        turns.now, turns.worker, event = heappop(events)
        if event == "answered":
            window.answered()
        try:
            window.wait_and_take()
        except Wait as wait:
            heappush(events, (turns.now + wait.args[0], turns.worker, "ask"))
            continue
        latency = random.random() * slowest
        # The server may count it at any moment until it has answered.
        arrivals.append(turns.now + random.random() * latency)
        heappush(events, (turns.now + latency, turns.worker, "answered"))
    arrivals.sort()
    assert all(later - first >= 60 - 1e-6 for first, later in zip(arrivals, arrivals[limit:], strict=False))
    if slowest == 0:
        # The whole limit is used.
        assert arrivals[-1] <= 60 * (len(arrivals) // limit) + 1


def test_after_a_429_the_pace_falls_by_a_third_and_recovers_by_one_a_minute(clock: Clock) -> None:
    with Sandbox(seeds.sized_account(300), Settings(requests_per_minute=None, clock=clock.monotonic)) as sandbox:
        sandbox.add_fault(faults.rate_limited(path="progress", skip=5, times=1))
        output = sync("campaign_progress", whole_config=sandbox.config(requests_per_minute=60, num_workers=1))
        times = sorted(record.time for record in sandbox.requests if record.status == 200)
    [warning] = logs(output, "WARN")
    assert "at most 40 requests a minute" in warning
    assert len(records(output, "campaign_progress")) == 300
    resumed = next(later for first, later in pairwise(times) if later - first > 30)
    minutes = [sum(resumed + 60 * n <= time < resumed + 60 * (n + 1) for time in times) for n in range(4)]
    assert all(40 + n - 1 <= count <= 40 + n + 1 for n, count in enumerate(minutes)), minutes
