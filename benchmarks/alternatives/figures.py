"""The figures of campaign analytics, as the API names them."""

from __future__ import annotations

from typing import Final

WITH_RATE: Final = (
    *("first_emails", "follow_ups", "delivered", "bounced", "email_opens", "link_clicks", "email_replies"),
    *("unsubscribed", "auto_replied", "linkedin_total_replies", "connection_request_replies", "message_replies"),
    *("in_mail_replies", "accepted_requests", "interested", "maybe", "not_interested"),
)
"""Counts of which there is a rate, too."""

COUNTS: Final = (
    *("total_contacted", "emails_sent", "contacted_by_email", "contacted_by_linkedin", "connection_requests"),
    *("failed_connection_requests", "messages_sent", "linkedin_views", "linkedin_likes", "linkedin_follows"),
    "in_mail_sent",
    *WITH_RATE,
)
"""All counts."""
