"""Summarises a response of campaign analytics, and tells how many campaigns fit into one request."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from source_snov.records.values import to_number

EMAIL_ACTIONS = ("emails_sent", "bounced")

LINKEDIN_ACTIONS = (
    "connection_requests",
    "accepted_requests",
    "failed_connection_requests",
    "messages_sent",
    "in_mail_sent",
    "linkedin_views",
    "linkedin_likes",
    "linkedin_follows",
)

ACTIONS = EMAIL_ACTIONS + LINKEDIN_ACTIONS
"""Counts of actions that do not overlap: they add up over days (API reference 2.8, kind A)."""

COUNTS = (
    *ACTIONS,
    "first_emails",
    "follow_ups",
    "delivered",
    "total_contacted",
    "contacted_by_email",
    "email_opens",
    "link_clicks",
    "email_replies",
    "unsubscribed",
    "auto_replied",
    "contacted_by_linkedin",
    "linkedin_total_replies",
    "connection_request_replies",
    "message_replies",
    "in_mail_replies",
    "interested",
    "maybe",
    "not_interested",
)
"""Every count of a response (API reference 2.8)."""

URL_LENGTH = 1990
"""Maximum characters of a request URL: some servers and proxies refuse 2,000 and more."""

LONGER_URL = 7_500
"""Maximum characters of a request URL if there is a fallback: common servers accept 8,192 for the request line."""


def is_empty(figures: Mapping[str, Any]) -> bool:
    """Whether nothing happened: there is at least one count, and every number is zero.

    Null counts are ignored, like missing ones. A count that is not a number may hide something, so the response is not
    empty. Unknown fields count if they are numbers.
    """
    known = False
    for name, value in figures.items():
        number = _number(value)
        if number or (number is None and value is not None and name in COUNTS):
            return False
        known = known or (number is not None and name in COUNTS)
    return known


def as_numbers(figures: Mapping[str, Any]) -> Mapping[str, Any]:
    """The figures of an empty response, with 0 for "0" and "0%"."""
    return {name: value if _number(value) is None else 0 for name, value in figures.items()}


def actions(figures: Mapping[str, Any]) -> int:
    """The number of actions; unreadable counts are skipped."""
    return sum(_count(figures.get(name)) for name in ACTIONS)


NARROWED = {"sender_email_id": EMAIL_ACTIONS, "sender_linkedin_id": LINKEDIN_ACTIONS, "campaign_owner": ACTIONS}
"""The counts that filtering by this field limits for certain. Whether a filter by sender limits those of the other
channel is undocumented (API reference 2.8)."""


def narrowed(field: str, figures: Mapping[str, Any]) -> tuple[int, ...]:
    """The counts of actions that a report by this field narrows."""
    return tuple(_count(figures.get(name)) for name in NARROWED[field])


def shows_own_day(figures: Mapping[str, Any]) -> bool:
    """Whether it shows that opens, clicks and replies count on their own day: they do where no e-mail was sent."""
    led_to = (_count(figures.get(name)) for name in ("email_opens", "link_clicks", "email_replies"))
    return figures.get("emails_sent") is not None and not _count(figures["emails_sent"]) and any(led_to)


def _number(value: Any) -> int | float | None:
    try:
        return to_number(value, whole=False)
    except ValueError:
        return None


def _count(value: Any) -> int:
    try:
        return int(to_number(value, whole=True))
    except ValueError:
        return 0


FILTERS = ("campaign_owners", "sender_email_ids", "sender_linkedin_ids")
"""The fields of the configuration that limit what analytics count."""


def digest_of_filters(config: Mapping[str, Any], *period: Any) -> str:
    """A digest of the filters that change what analytics count, whatever the order of their values.

    period: the configured period, where it changes the counts too.
    """
    filters = [*(sorted(config.get(name) or ()) for name in FILTERS), *period]
    return hashlib.sha256(json.dumps(filters).encode()).hexdigest()[:16]


PARAMETERS = {
    "campaign_id": "campaign_id",
    "campaign_owner": "campaign_owner",
    "sender_email_id": "sender_email",
    "sender_linkedin_id": "sender_linkedin",
}
"""The query parameters of campaign analytics that name what a report is about, by the field of its rows."""


def most_campaigns(config: Mapping[str, Any], campaigns: Collection[int | str], url_length: int = URL_LENGTH) -> int:
    """How many of these campaigns fit into the URL of one request; at least 1."""
    return most_named(config, "campaign_id", campaigns, url_length)


def most_named(
    config: Mapping[str, Any], field: str, names: Collection[int | str], url_length: int, **further: str
) -> int:
    """How many of these names fit into the URL of one request about a field of PARAMETERS; at least 1.

    further: parameters beside the configured ones.
    """
    query = {
        "campaign_id": "",
        "date_from": "2026-01-01",
        "date_to": "2026-01-01",
        "campaign_owner": ",".join(config.get("campaign_owners", [])),
        "sender_email": ",".join(map(str, config.get("sender_email_ids", []))),
        "sender_linkedin": ",".join(map(str, config.get("sender_linkedin_ids", []))),
        **further,
    }
    if field:
        query[PARAMETERS[field]] = ""
    around = f"{config['api_url']}/v2/statistics/campaign-analytics?{urlencode(query)}"
    each = max((len(quote(str(name), safe="")) for name in names), default=1) + len("%2C")
    return max(1, (url_length - len(around)) // each)
