"""`GET /v2/campaigns/{id}/recipients-activity`: the events of a campaign, by day (Snov.io API reference 2.10)."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.account import Account, Campaign, Recipient
from sandbox.events import (
    ACCEPT,
    BOUNCE,
    CLICK,
    FIRST_EMAIL,
    FOLLOW_UP,
    IN_MAIL,
    IN_MAIL_REPLY,
    INVITE,
    INVITE_REPLY,
    LINKEDIN,
    MESSAGE,
    MESSAGE_REPLY,
    OPEN,
    REPLY,
    UNSUBSCRIBE,
    Event,
)
from sandbox.forms import spaced
from sandbox.state import State
from sandbox.web import get, invalid, missing, number, period
from sandbox.wording import message, subject

TYPES: Final = {
    FIRST_EMAIL: "sent",
    FOLLOW_UP: "sent",
    OPEN: "open",
    CLICK: "click",
    REPLY: "reply",
    BOUNCE: "bounce",
    UNSUBSCRIBE: "unsubscribe",
    INVITE: "send_invite",
    ACCEPT: "connected",
    MESSAGE: "send_message",
    IN_MAIL: "in_mail",
    INVITE_REPLY: "replied",
    MESSAGE_REPLY: "replied",
    IN_MAIL_REPLY: "replied",
}
"""The event types; those of LinkedIn are observed. Whatever is not named here, the endpoint does not show."""

WINDOW: Final = 30
"""Days after `dateFrom` that `dateTo` may lie: what both readings of the documented 31 days allow."""

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000


def activity_routes(state: State) -> list[Route]:
    """The path of the report."""
    return [get(state, "/v2/campaigns/{campaign_id:int}/recipients-activity", _asked)]


def _asked(state: State, request: Request) -> dict[str, Any]:
    campaign = state.account.campaigns.get(request.path_params["campaign_id"])
    if campaign is None:
        raise missing()
    date_from, date_to = period(request, "dateFrom", "dateTo")
    if (date_to - date_from).days > WINDOW:
        raise invalid(f"The dateTo field must be at most {WINDOW} days after dateFrom.")
    offset = number(request.query_params, "offset", 0)
    limit = number(request.query_params, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    return activity(state.account, campaign, (date_from, date_to), offset, limit)


def activity(account: Account, campaign: Campaign, days: tuple[date, date], offset: int, limit: int) -> dict[str, Any]:
    """One page of the events of these UTC days, both included, in order of time."""
    found = account.timeline(campaign.id).of_kinds(TYPES, days)
    rows = [activity_row(account, campaign, event) for event in found[offset : offset + limit]]
    more = offset + len(rows) < len(found)
    pagination = {"total": len(found), "offset": offset, "limit": limit, "has_more": more and bool(rows)}
    return {"data": rows, "pagination": pagination}


def activity_row(account: Account, campaign: Campaign, event: Event) -> dict[str, Any]:
    """One event: no id, and the profile of the recipient as it is now. Events on LinkedIn have no mailbox."""
    person = account.recipients[event.recipient]
    linkedin = event.kind in LINKEDIN
    return {
        "event_time": spaced(event.at),
        "event_type": TYPES[event.kind],
        "sender_email": None if linkedin else account.email_senders[event.sender].address,
        "email_subject": message(event, person) if linkedin else subject(campaign, event.step, person),
        "recipient_email": person.email,
        "recipient_name": person.name,
        **_profile(person),
    }


def _profile(person: Recipient) -> dict[str, Any]:
    return {
        "phone": f"1555{person.id:04d}" if person.id % 3 else None,
        "industry": person.industry,
        "country": person.country,
        "location": person.location,
        "company": person.company,
        "job_position": person.job_position,
        "hq_phone": "15550100",
        "website": "example.com" if person.id % 4 else None,
    }
