"""What each stream takes in requests if all campaigns are asked about, in the words of docs/snov.md and as a formula.

The words need a reader to agree with the formula; test_documented_requests.py compares the formula with what the
sandbox counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from unit_tests._streams import DECLARED, EVENT_LISTS, LISTS, REPORTS


@dataclass(frozen=True)
class Size:
    """What the requests of a sync follow from.

    days, events: of each started campaign, in its life (from the day before its start on) and in any 30 days of it.
    rows: of each list of e-mails. replies: pages of them, of each campaign. contents: of the e-mail steps of each
    campaign. prospects: of the list of each campaign, with an address each.
    """

    days: tuple[int, ...]
    never_started: int = 0
    events: int = 0
    rows: int = 0
    replies: tuple[int, ...] = ()
    contents: tuple[int, ...] = ()
    prospects: tuple[int, ...] = ()
    senders: int = 0
    warm_ups: int = 0
    warm_ups_begun: int = 0
    lists: tuple[int, ...] = ()
    pipelines: int = 0

    @property
    def campaigns(self) -> int:
        return len(self.days) + self.never_started


class Cost(NamedTuple):
    """The requests of a stream beside the token and the lists that several streams share."""

    words: str
    requests: Callable[[Size], int]


_EMAILS = Cost(
    "for each of S, 1, and 1 more for every full 10,000 rows", lambda of: len(of.days) * (1 + of.rows // 10_000)
)
_EACH_CAMPAIGN = Cost("N", lambda of: of.campaigns)

_OTHERS = {
    "campaigns": Cost("the campaign list", lambda of: 1),
    "campaign_analytics": _EACH_CAMPAIGN,
    "campaign_progress": _EACH_CAMPAIGN,
    "campaign_recipients_activity": Cost(
        "for each of S, days ÷ 30 windows, each events ÷ 999 pages, both rounded up, at least 1",
        lambda of: sum(ceil(days / 30) for days in of.days) * max(1, ceil((of.events - 1) / 999)),
    ),
    "campaign_replies": Cost(
        "for each of N, its pages, and, if it has replies, 1 that has nothing new",
        lambda of: sum(max(pages, 1) + bool(pages) for pages in of.replies),
    ),
    **dict.fromkeys(EVENT_LISTS, _EMAILS),
    "finished_prospects": Cost(
        "for each of N, 1, and 1 more for every full 10,000 rows", lambda of: of.campaigns * (1 + of.rows // 10_000)
    ),
    "campaign_settings": _EACH_CAMPAIGN,
    "campaign_step_contents": Cost(
        "1 for each content, and N more unless `campaign_settings` is read too", lambda of: sum(of.contents)
    ),
    "recipient_statuses": Cost(
        "for each of N, 1 for every 100 addresses of its list; for each list, 1, and 1 more for every full 1,000 "
        "prospects",
        lambda of: sum(1 + people // 1000 + ceil(people / 100) for people in of.prospects),
    ),
    "sender_analytics": Cost(
        "2, and 1 for each sender account; 3 more, once for it and `campaign_analytics`, if the campaigns are older "
        "than two months and the daily history is not read",
        lambda of: 2 + of.senders + 3 * (max(of.days) > 62),
    ),
    "warm_ups": Cost("1, and 1 more for every full 100 warm-ups", lambda of: 1 + of.warm_ups // 100),
    "warm_up_daily_statistics": Cost("1 for each warm-up that has begun", lambda of: of.warm_ups_begun),
    "warm_up_provider_statistics": Cost("1 for each warm-up", lambda of: of.warm_ups),
    "list_prospects": Cost(
        "for each list that is not deleted, 1, and 1 more for every full 1,000 prospects",
        lambda of: sum(1 + contacts // 1000 for contacts in of.lists),
    ),
    "pipeline_stages": Cost("1 for each pipeline", lambda of: of.pipelines),
}
_IN_ONE_PAGE = [stream for stream in LISTS if "paginator" not in DECLARED[stream]["retriever"]]
_KNOWN = {**dict.fromkeys(_IN_ONE_PAGE, Cost("1", lambda of: 1)), **_OTHERS}

COSTS = {stream: _KNOWN[stream] for stream in DECLARED if stream not in REPORTS}
"""Without reports, whose requests depend on what happened: docs/benchmarks.md has them."""

ASSUMED = Size(
    days=(90,) * 100,
    events=1000,
    rows=1000,
    replies=(1,) * 100,
    contents=(4,) * 100,
    prospects=(400,) * 100,
    senders=10,
    warm_ups=10,
    warm_ups_begun=10,
    lists=(999,) * 20,
    pipelines=3,
)
"""The account of 100 campaigns that docs/snov.md assumes."""
NEXT_MORNING = Size(**{**vars(ASSUMED), "days": (16,) * 100})


def requests_of(campaigns: float) -> float:
    """At most, of campaigns, analytics and progress: the token, the list, and two for each campaign."""
    return 2 + 2 * campaigns
