"""When requests leave: never faster than asked for, and not at all while the API asks for a pause."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import faults, seeds
from sandbox.running import Sandbox
from sandbox.settings import Settings
from unit_tests._helpers import Clock, records, sync


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
    assert limited.statuses() == {200: 202}


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


def test_one_worker_is_enough_for_many_campaigns() -> None:
    with Sandbox(seeds.sized_account(300), Settings(requests_per_minute=None)) as sandbox:
        output = sync("campaign_progress", whole_config=sandbox.config(num_workers=1))
        assert len(records(output, "campaign_progress")) == 300


def test_no_thread_of_a_sync_outlives_it() -> None:
    with Sandbox(seeds.sized_account(3), Settings(requests_per_minute=None)) as sandbox:
        sync(whole_config=sandbox.config())
        assert [thread.name for thread in threading.enumerate() if thread.name == "progress"] == []
