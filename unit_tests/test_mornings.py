"""Whatever is configured from one sync to the next, and wherever one of them stops, no day is missing in the end."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.events import FIRST_EMAIL, Event
from source_snov.incremental import partitions
from unit_tests._daily import ago
from unit_tests._helpers import Clock, records
from unit_tests._names import ACTIVITY, DAILY
from unit_tests._streams import account, at, last_states, together

pytestmark = pytest.mark.long

MONTHLY = "campaign_analytics_monthly"

KEYS = {
    DAILY: ("campaign_id", "date"),
    "account_analytics_daily": ("date",),
    MONTHLY: ("campaign_id", "month"),
    ACTIVITY: ("event_id",),
}

AGES = (tuple(range(1, 120, 2)), (70, 45, 10), (140,))
"""Ages in days of the e-mails of each campaign."""

SYNCS = 8


def configuration(random: Random) -> dict[str, Any]:
    """What may change from one sync to the next."""
    chosen: dict[str, Any] = {"lookback_days": random.choice([0, 3, 14])}
    if random.random() < 0.2:
        chosen["start_date"] = str(ago(random.randint(0, 130)))
    if random.random() < 0.6:
        chosen["daily_history_days"] = random.choice([10, 35, 60, 100, 130])
    return chosen


def rows(output: Any, stream: str) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    return {tuple(row[name] for name in KEYS[stream]): row for row in records(output, stream)}


@pytest.mark.parametrize("stream", KEYS)
@pytest.mark.parametrize("seed", [1, 3])
def test_after_any_syncs_one_without_limits_completes_the_table(
    stream: str, seed: int, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sync ends on a later day than the one before, as if it was made on that day."""
    monkeypatch.setattr(partitions, "FEW_REQUESTS", 0)
    monkeypatch.setattr(partitions, "MANY", 3)
    random = Random(seed)
    table: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    states: dict[str, Any] = {}
    stories = ([Event(at(ago(age)), FIRST_EMAIL, 1 + age % 30, 55001) for age in ages] for ages in AGES)
    with Sandbox(account(*stories), UNLIMITED) as sandbox:
        expected = rows(together(sandbox, [stream]), stream)
        for end in sorted(random.sample(range(1, 20), SYNCS), reverse=True):
            if random.random() < 0.5:
                stops = random.randint(10, 70)
                sandbox.add_fault(faults.server_error(path="statistics|recipients-activity", skip=stops, times=None))
            output = together(sandbox, [stream], states, end_date=str(ago(end)), **configuration(random))
            sandbox.clear_faults()
            states |= last_states(output)
            table |= rows(output, stream)
        last = together(sandbox, [stream], states, lookback_days=0)
    assert not last.errors
    assert table | rows(last, stream) == expected
