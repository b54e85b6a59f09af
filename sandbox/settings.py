"""Settings of the sandbox: limits, credentials, and readings of the API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

CLIENT_ID: Final = "sandbox-user"
CLIENT_SECRET: Final = "sandbox-secret"

PENALTY: Final = 300.0
"""Seconds for which a 429 blocks the whole account, as one client observed (Snov.io API reference 1.3)."""

TimeForm = Literal[
    "documented", "text", "iso", "milliseconds", "php_zone", "php_offset", "php_abbreviation", "zero_date"
]
Moving = Literal["deleted", "added", "replaced", "reordered"]

UnknownIds = Literal["ignored", "not_found", "unprocessable", "bad_request", "error_in_200"]


@dataclass(frozen=True)
class Settings:
    """Times are in seconds. `requests_per_minute` None switches the rate limit off, `penalty_seconds` 0 the penalty.

    The defaults are documented (Snov.io API reference 1.1). `clock` is monotonic; tests replace it to avoid waiting.

    `unknown_ids`: what analytics do with a `campaign_id` list that has an unknown id, which the reference (2.8) leaves
    open: ignore it, or fail the whole request with status 404, 422, 400 or 200.

    `unavailable` and `absent`: path prefixes, with `*` as a wildcard. The first get a 403, as if the plan did not
    include them, the others a 404, as if they did not exist.

    `event_page`: rows per page of the lists of sent, opened, clicked and answered e-mails (reference 2.11).
    `reply_page`: rows per page of the replies on all channels, which is undocumented (2.14). `nested_replies`: the list
    of e-mail replies has subject and body in `emails` (sources disagree, 2.15).

    The others are readings of the API that no document excludes. The defaults are what its reference suggests:

    - `last_day_left_out`: those of analytics, activity and warm_up whose `date_to` does not include its day.
      `future_days_refused`: a `date_to` after today is an error. `future_days_empty`: it gives nothing.
    - `most_days`: analytics of a longer span count only its first days. `too_large`: analytics about more campaigns
      times days than this are refused, with `too_large_status`. `first_id_only`: analytics of several campaigns count
      only the first; `several_ids_empty`: they count none. `senders_ignored`: they are about all senders and owners,
      whichever are asked for; `one_channel_narrowed`: sender accounts narrow the figures of their own channel, and the
      other one is that of all. `day_offset_hours`: how far the days of analytics are ahead of UTC.
      `distinct_across_campaigns` False: analytics count a recipient of two campaigns twice. `silent_events`: analytics
      are zero every third day.
      `on_the_day_of_the_mail`: what an e-mail led to counts on the day of the e-mail.
    - `started_again`: days by which `started_at` of the campaign list is later than the first start.
    - `time_form`: how the campaign list and the lists of e-mails write times.
    - `short_pages`: maximum rows per page of activity, warm-ups and prospects, whatever was requested; totals stay
      right. `has_more_wrong`: activity always says that there are no more pages. `limit_ignored`: pages of activity
      have 100 rows. `offset_ignored`: each page is the first. `volatile_rows`: rows have a value that changes with
      every read. `unstable_ids`: the ids of e-mails change too. `moving`: see `Listings`.
    - `dates_ignored`: activity returns the events of all days. `numbers`: text that looks like a number comes as a
      number, booleans as 0 and 1, opaque ids as integers.
    - `retry_after`: seconds in a header of each 429.
    """

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    requests_per_minute: int | None = 60
    penalty_seconds: float = 0
    token_lifetime: int = 3600
    invalidate_old_tokens: bool = False
    latency: float = 0
    unknown_ids: UnknownIds = "ignored"
    unavailable: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    event_page: int = 10_000
    reply_page: int = 100
    nested_replies: bool = False
    last_day_left_out: frozenset[str] = frozenset()
    future_days_refused: bool = False
    future_days_empty: bool = False
    most_days: int | None = None
    too_large: int | None = None
    too_large_status: int = 504
    first_id_only: bool = False
    several_ids_empty: bool = False
    senders_ignored: bool = False
    one_channel_narrowed: bool = False
    day_offset_hours: int = 0
    distinct_across_campaigns: bool = True
    silent_events: bool = False
    on_the_day_of_the_mail: bool = False
    started_again: int = 0
    time_form: TimeForm = "documented"
    short_pages: int | None = None
    has_more_wrong: bool = False
    limit_ignored: bool = False
    offset_ignored: bool = False
    volatile_rows: bool = False
    unstable_ids: bool = False
    moving: Moving | None = None
    dates_ignored: bool = False
    numbers: bool = False
    retry_after: int | None = None
    clock: Callable[[], float] = time.monotonic


UNLIMITED: Final = Settings(requests_per_minute=None)
