"""What each stream takes in requests: as docs/snov.md says, as the sandbox counts."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from math import ceil

import pytest

from repo_tests.costs import ASSUMED, COSTS, NEXT_MORNING, Size
from repo_tests.tables import SPEC
from repo_tests.test_docs import number, section
from sandbox.records import Record
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world import seeds
from sandbox.world.account import Account, Event
from sandbox.world.events import REPLY, day_start
from sandbox.world.furnishing import furnish, warm_ups
from unit_tests._helpers import records, sync
from unit_tests._streams import HISTORIES, path_of


def test_the_sum_of_all_streams_is_stated() -> None:
    text = " ".join(section("docs/snov.md", "## Performance considerations").split())
    first, later = (1 + sum(cost.requests(size) for cost in COSTS.values()) for size in (ASSUMED, NEXT_MORNING))
    pace = SPEC["properties"]["requests_per_minute"]["default"]

    found = re.search(
        r"take about ([\d,]+) requests .*?: (\d+) minutes at (\d+), and (\d+) the next .*?\(about ([\d,]+)", text
    )
    assert found
    assert (number(found[1]), number(found[5]), number(found[3])) == (round(first, -2), round(later, -2), pace)
    assert (int(found[2]), int(found[4])) == (round(first / pace), round(later / pace))


STARTED = (0, 28, 29, 58, 59, 100)
"""Days ago on which the campaigns were started."""


def asked_by(stream: str, request: Record) -> bool:
    """Whether a stream asks for this; figures of senders, who are asked about with all started campaigns, and of
    campaigns have one path."""
    if not re.fullmatch(path_of(stream).replace("{}", r"\d+"), request.path):
        return False
    if "warm-up/statistics" in request.path:
        return ("period" in request.query) == (stream == "warm_up_provider_statistics")
    [named] = request.query.get("campaign_id", [""])
    of_senders = "sender_email" in request.query or named.count(",") + 1 == len(STARTED)
    return of_senders == (stream == "sender_analytics")


def account() -> Account:
    """Campaigns of several ages, two of them never started, one with a second page of replies, and all else."""
    today = date.today()
    started = [today - timedelta(days=ago) for ago in STARTED]
    made = seeds.account_active_on(
        [[today], *([day] for day in started[1:]), [], []], started=[*started, None, None], today=today
    )
    furnish(made, seed=1)
    made.belongings.warm_ups = warm_ups(100, made.today)
    first = next(iter(made.campaigns.values()))
    sender = first.email_senders[0]
    made.add_events(
        first.id, [Event(day_start(today) + 3600, REPLY, person, sender, 0) for person in first.recipients[:7]]
    )
    return made


@pytest.fixture(scope="module")
def found() -> tuple[Counter[str], Size]:
    """The requests of one sync, by stream, and what they should follow from."""
    with Sandbox(account(), Settings(requests_per_minute=None, reply_page=3)) as sandbox:
        made = sandbox.account
        config = sandbox.config(skip_quiet_campaigns=False, num_workers=1)
        # By itself, because list_prospects asks for lists too.
        statuses = sync("recipient_statuses", whole_config=config)
        of_statuses = len(sandbox.requests) - 2
        sandbox.clear()
        # One worker reads the campaign with a second page of replies first.
        output = sync(*(stream for stream in COSTS if stream != "recipient_statuses"), whole_config=config)
        requests = list(sandbox.requests)
    assert not output.errors
    assert not statuses.errors
    counts = Counter(stream for stream in COSTS for request in requests if asked_by(stream, request))
    # Each belongs to one stream, and a list that several streams share is read once.
    assert counts.total() == len(requests) - 1
    counts["recipient_statuses"] = of_statuses
    replies = Counter(record["campaign_id"] for record in records(output, "campaign_replies"))
    assert max(replies.values()) > 3
    return counts, Size(
        # From the day before the start, which was in the morning in UTC, to today.
        days=tuple(ago + 2 for ago in STARTED),
        never_started=2,
        replies=tuple(ceil(replies[campaign] / 3) for campaign in made.campaigns),
        contents=(len(records(output, "campaign_step_contents")),),
        prospects=tuple(len(campaign.recipients) for campaign in made.campaigns.values()),
        senders=len(made.email_senders),
        warm_ups=100,
        warm_ups_begun=100,
        lists=tuple(row["contacts"] for row in records(output, "prospect_lists") if not row["is_deleted"]),
        pipelines=len(made.belongings.pipelines),
    )


@pytest.mark.parametrize("stream", COSTS)
def test_the_sandbox_counts_what_is_documented(found: tuple[Counter[str], Size], stream: str) -> None:
    counts, size = found

    assert counts[stream] == COSTS[stream].requests(size)


def test_an_incremental_sync_takes_one_window_for_each_campaign() -> None:
    [most_days] = {history.get("most_days") for history in HISTORIES.values()} - {None}

    assert most_days == 30
    assert COSTS["campaign_recipients_activity"].requests(NEXT_MORNING) == 100
