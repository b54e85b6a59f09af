"""What each stream takes in requests: as docs/snov.md says, as the sandbox counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

import pytest

from sandbox import seeds
from sandbox.account import Account, Event
from sandbox.events import REPLY, day_start
from sandbox.furnishing import furnish, warm_ups
from sandbox.records import Record
from sandbox.running import Sandbox
from sandbox.settings import Settings
from source_snov.source import HISTORIES
from unit_tests._helpers import records, sync
from unit_tests.test_docs import SPEC, STREAMS, number, path_of, section, stream_rows

DAILY = "campaign_analytics_daily"


@dataclass(frozen=True)
class Size:
    """What the requests of a sync follow from.

    days, events: of each started campaign, in its life and in any 31 days of it. rows: of each list of e-mails.
    replies: pages of them, of each campaign.
    """

    days: tuple[int, ...]
    never_started: int = 0
    events: int = 0
    rows: int = 0
    replies: tuple[int, ...] = ()
    senders: int = 0
    warm_ups: int = 0
    warm_ups_begun: int = 0
    lists: tuple[int, ...] = ()
    pipelines: int = 0

    @property
    def campaigns(self) -> int:
        return len(self.days) + self.never_started


def windows(size: Size) -> int:
    return sum(ceil(days / 31) for days in size.days) * max(1, ceil(size.events / 1000))


def emails(size: Size) -> int:
    return len(size.days) * (1 + size.rows // 10_000)


REQUESTS: dict[str, Callable[[Size], int]] = {
    "campaigns": lambda size: 1,
    "campaign_analytics": lambda size: len(size.days) + ceil(size.never_started / 200),
    "campaign_progress": lambda size: size.campaigns,
    "campaign_recipients_activity": windows,
    "campaign_replies": lambda size: sum(size.replies) + size.campaigns,
    "emails_sent": emails,
    "email_opens": emails,
    "email_clicks": emails,
    "email_replies": emails,
    "finished_prospects": lambda size: size.campaigns * (1 + size.rows // 10_000),
    "campaign_settings": lambda size: size.campaigns,
    "sender_email_accounts": lambda size: 1,
    "sender_analytics": lambda size: size.senders,
    "warm_ups": lambda size: 1 + size.warm_ups // 100,
    "warm_up_daily_statistics": lambda size: size.warm_ups_begun,
    "prospect_lists": lambda size: 1,
    "list_prospects": lambda size: sum(1 + contacts // 1000 for contacts in size.lists),
    "prospect_custom_fields": lambda size: 1,
    "sending_schedules": lambda size: 1,
    "do_not_email_lists": lambda size: 1,
    "pipelines": lambda size: 1,
    "pipeline_stages": lambda size: size.pipelines,
    "account_balance": lambda size: 1,
    "webhooks": lambda size: 1,
}
"""As the table of docs/snov.md says it in words, without the token; the daily history is measured (README)."""

ASSUMED = Size(
    days=(90,) * 100,
    events=1000,
    rows=1000,
    replies=(1,) * 100,
    senders=10,
    warm_ups=10,
    warm_ups_begun=10,
    lists=(999,) * 20,
    pipelines=3,
)
"""The account of 100 campaigns that docs/snov.md assumes."""
NEXT_MORNING = Size(**{**vars(ASSUMED), "days": (16,) * 100})


def minutes(requests: int) -> str:
    return f"{requests / 60:.1f}"


def test_every_stream_has_its_requests() -> None:
    assert list(REQUESTS) == [stream for stream in STREAMS if stream != DAILY]


def test_the_minutes_for_100_campaigns_are_what_the_requests_give() -> None:
    for stream, row in stream_rows("docs/snov.md").items():
        if stream == DAILY:
            continue
        first, later = (minutes(REQUESTS[stream](size)) for size in (ASSUMED, NEXT_MORNING))
        assert row["Minutes for 100 campaigns"] == (first if first == later else f"{first}, then {later}"), stream


def test_the_requests_are_told_alike_in_the_readme() -> None:
    told = {stream: row["Requests of a sync"] for stream, row in stream_rows("docs/snov.md").items()}

    assert {stream: row["Requests"] for stream, row in stream_rows("README.md").items()} == told


def test_the_sum_of_all_streams_is_stated() -> None:
    text = " ".join(section("docs/snov.md", "## Performance considerations").split())
    first, later = (1 + sum(one(size) for one in REQUESTS.values()) for size in (ASSUMED, NEXT_MORNING))
    pace = SPEC["properties"]["requests_per_minute"]["default"]

    found = re.search(
        r"take ([\d,]+) requests .*?: about (\d+) minutes at (\d+), and (\d+) the next .*?\(([\d,]+)", text
    )
    assert found
    assert (number(found[1]), number(found[5]), number(found[3])) == (first, later, pace)
    assert (int(found[2]), int(found[4])) == (round(first / pace), round(later / pace))


def asked_by(stream: str, request: Record) -> bool:
    """Whether a stream asks for this; figures of senders and of campaigns have one path."""
    if not re.fullmatch(path_of(stream).replace("{}", r"\d+"), request.path):
        return False
    return ("sender_email" in request.query) == (stream == "sender_analytics")


def account() -> Account:
    """Campaigns of several ages, two of them never started, one with a second page of replies, and all else."""
    today = date.today()
    started = [today - timedelta(days=ago) for ago in (0, 30, 31, 61, 62, 100)]
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
        output = sync(*REQUESTS, whole_config=sandbox.config())
        requests = list(sandbox.requests)
    assert not output.errors
    counts = Counter(stream for stream in REQUESTS for request in requests if asked_by(stream, request))
    # Each belongs to one stream, and a list that several streams share is read once.
    assert counts.total() == len(requests) - 1
    replies = Counter(record["campaign_id"] for record in records(output, "campaign_replies"))
    assert max(replies.values()) > 3
    return counts, Size(
        days=(1, 31, 32, 62, 63, 101),
        never_started=2,
        replies=tuple(ceil(replies[campaign] / 3) for campaign in made.campaigns),
        senders=len(made.email_senders),
        warm_ups=100,
        warm_ups_begun=100,
        lists=tuple(row["contacts"] for row in records(output, "prospect_lists") if not row["is_deleted"]),
        pipelines=len(made.belongings.pipelines),
    )


@pytest.mark.parametrize("stream", REQUESTS)
def test_the_sandbox_counts_what_is_documented(found: tuple[Counter[str], Size], stream: str) -> None:
    counts, size = found

    assert counts[stream] == REQUESTS[stream](size)


def test_an_incremental_sync_takes_one_window_for_each_campaign() -> None:
    [most_days] = {history.most_days for history in HISTORIES.values()} - {None}

    assert most_days == 31
    assert REQUESTS["campaign_recipients_activity"](NEXT_MORNING) == 100
