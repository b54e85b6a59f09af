"""`GET /v2/campaigns/{id}/recipients-activity`: the events of a campaign (Snov.io API reference 2.10)."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.forms import spaced
from sandbox.endpoints.web import covered, get, invalid, missing, number, period
from sandbox.state import State
from sandbox.world.account import Account, Campaign, Recipient
from sandbox.world.events import (
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
from sandbox.world.wording import message, subject

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
"""Event types; those of LinkedIn are observed. The endpoint shows no other events."""

WINDOW: Final = 30
"""Maximum days from `dateFrom` to `dateTo`, which both readings of the documented 31 days allow."""

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000


def activity_routes(state: State) -> list[Route]:
    """The path of the report."""
    return [get(state, "/v2/campaigns/{campaign_id:int}/recipients-activity", _asked)]


def _asked(state: State, request: Request) -> dict[str, Any]:
    campaign = state.account.campaigns.get(request.path_params["campaign_id"])
    if campaign is None:
        raise missing()
    days = period(request, "dateFrom", "dateTo")
    if (days[1] - days[0]).days > WINDOW:
        raise invalid(f"The dateTo field must be at most {WINDOW} days after dateFrom.")
    offset = number(request.query_params, "offset", 0)
    limit = number(request.query_params, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    if state.settings.limit_ignored:
        limit = DEFAULT_LIMIT
    counted = None if state.settings.dates_ignored else covered(state, "activity", days)
    return activity(state, campaign, counted, offset, limit)


def activity(
    state: State, campaign: Campaign, days: tuple[date, date] | None, offset: int, limit: int
) -> dict[str, Any]:
    """One page of the events of these UTC days, both included, in order of time; without `days`, of all days."""
    found = state.account.timeline(campaign.id).of_kinds(TYPES, days)
    name = f"activity {campaign.id} {days}"
    page = state.listings.page(name, found, offset, limit)
    rows = [activity_row(state.account, campaign, event) for event in page]
    total = state.listings.total(name, found)
    more = bool(rows) and offset + len(rows) < total and not state.settings.has_more_wrong
    return {"data": rows, "pagination": {"total": total, "offset": offset, "limit": limit, "has_more": more}}


def activity_row(account: Account, campaign: Campaign, event: Event) -> dict[str, Any]:
    """One event, without an id, with the recipient's current profile. Events on LinkedIn have no mailbox."""
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
