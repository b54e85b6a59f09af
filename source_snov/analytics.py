"""What an answer of campaign analytics says as a whole, and about how many campaigns one request can ask."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from source_snov.record_types import to_number

ACTIONS = (
    "emails_sent",
    "bounced",
    "connection_requests",
    "accepted_requests",
    "failed_connection_requests",
    "messages_sent",
    "in_mail_sent",
    "linkedin_views",
    "linkedin_likes",
    "linkedin_follows",
)
"""Counts of actions, none of which is part of another: they add up over days (API reference 2.8, kind A)."""

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
"""Every count of the answer (API reference 2.8)."""

URL_LENGTH = 1990
"""Most characters of a URL: servers and proxies are known to refuse 2,000 and more."""

LONGER_URL = 7_500
"""Most characters where there is another way after a refusal: common servers take 8,192 for the request line."""


def is_empty(answer: Mapping[str, Any]) -> bool:
    """Whether nothing happened: some count is there, and no number in the answer is other than zero.

    A count that is null says nothing, like one that is missing; a count that is no number might hide something.
    Fields that the API adds one day are looked at if they are numbers.
    """
    known = False
    for name, value in answer.items():
        if value is None:
            continue
        try:
            number = to_number(value, whole=False)
        except ValueError:
            if name in COUNTS:
                return False
            continue
        if number != 0:
            return False
        known = known or name in COUNTS
    return known


def actions(answer: Mapping[str, Any]) -> int:
    """How many actions there were; those that cannot be read are not counted."""
    counts = (answer.get(name) for name in ACTIONS)
    return sum(count for count in counts if isinstance(count, int))


def most_campaigns(config: Mapping[str, Any], campaigns: Collection[int], url_length: int = URL_LENGTH) -> int:
    """How many of these campaigns the URL of one request has room for; at least 1."""
    query = {
        "campaign_id": "",
        "date_from": "2026-01-01",
        "date_to": "2026-01-01",
        "campaign_owner": ",".join(config.get("campaign_owners", [])),
        "sender_email": ",".join(map(str, config.get("sender_email_ids", []))),
        "sender_linkedin": ",".join(map(str, config.get("sender_linkedin_ids", []))),
    }
    around = f"{config['api_url']}/v2/statistics/campaign-analytics?{urlencode(query)}"
    each = max((len(str(campaign)) for campaign in campaigns), default=1) + len("%2C")
    return max(1, (url_length - len(around)) // each)
