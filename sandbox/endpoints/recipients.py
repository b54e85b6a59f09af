"""`GET /v2/campaigns/{id}/recipient`: how far people have come in a campaign, by address (API reference 2.5)."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.web import get, invalid, missing
from sandbox.state import State
from sandbox.world.account import Account
from sandbox.world.events import UNSUBSCRIBE

MOST: Final = 100
"""Addresses of a request, and characters of an address."""


def recipient_routes(state: State) -> list[Route]:
    """The path of recipients."""
    return [get(state, "/v2/campaigns/{campaign_id:int}/recipient", _recipients)]


def _recipients(state: State, request: Request) -> dict[str, Any]:
    emails = request.query_params.getlist("emails[]")
    if not 1 <= len(emails) <= MOST or len(set(emails)) < len(emails):
        raise invalid(f"The emails field must have from 1 to {MOST} different addresses.")
    if any(len(email) > MOST for email in emails):
        raise invalid(f"An address must not have more than {MOST} characters.")
    campaign = state.account.campaigns.get(request.path_params["campaign_id"])
    if campaign is None:
        raise missing()
    found = {
        str(state.account.recipients[person].email).lower(): status
        for person, status in statuses(state.account, campaign.id).items()
    }
    return {
        "data": [
            {"email": email, "exist": email.lower() in found, "status": found.get(email.lower())} for email in emails
        ]
    }


def statuses(account: Account, campaign_id: int) -> dict[int, str]:
    """How far each recipient of a campaign has come, by their id. When someone becomes `moved` is not known."""
    timeline = account.timeline(campaign_id)
    unsubscribed = {event.recipient for event in timeline.of_kinds({UNSUBSCRIBE})}
    begun = {event.recipient for event in timeline.events}
    return {
        person: "unsubscribe"
        if person in unsubscribed
        else "finished"
        if person in timeline.stopped
        else "active"
        if person in begun
        else "tocheck"
        for person in account.campaigns[campaign_id].recipients
    }
