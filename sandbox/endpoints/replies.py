"""`GET /v2/campaigns/{id}/all-replies`: who replied, by e-mail or on LinkedIn (Snov.io API reference 2.14)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.forms import handle, spaced
from sandbox.endpoints.web import get, missing, number
from sandbox.state import State
from sandbox.world.account import Account, Campaign
from sandbox.world.events import IN_MAIL_REPLY, INVITE_REPLY, MESSAGE_REPLY, REPLY, Event
from sandbox.world.wording import reply_text, subject

TYPES: Final = {
    REPLY: "email",
    INVITE_REPLY: "linkedinInvite",
    MESSAGE_REPLY: "linkedinMessage",
    IN_MAIL_REPLY: "linkedinInMail",
}
"""Reply types; automatic replies have none."""


def reply_routes(state: State) -> list[Route]:
    """The path of the replies."""
    return [get(state, "/v2/campaigns/{campaign_id:int}/all-replies", _asked)]


def _asked(state: State, request: Request) -> dict[str, Any]:
    """A page from `offset` on. Only an empty page shows that there are no more."""
    campaign = state.account.campaigns.get(request.path_params["campaign_id"])
    if campaign is None:
        raise missing()
    offset = number(request.query_params, "offset", 0)
    found = _conversations(state.account, campaign)
    conversations = state.listings.page(f"replies {campaign.id}", found, offset, state.settings.reply_page)
    return {"data": [_row(state.account, campaign, replies) for replies in conversations]}


def _conversations(account: Account, campaign: Campaign) -> Sequence[Sequence[Event]]:
    """The replies grouped by person and type, in order of the first of each group."""
    found: defaultdict[tuple[int, str], list[Event]] = defaultdict(list)
    for event in account.timeline(campaign.id).of_kinds(TYPES):
        found[event.recipient, event.kind].append(event)
    return list(found.values())


def _row(account: Account, campaign: Campaign, replies: Sequence[Event]) -> dict[str, Any]:
    """A row, without an id. `receivedAt` stays that of the first reply when others follow."""
    person = account.recipients[replies[0].recipient]
    written = [
        {
            "subject": f"Re: {subject(campaign, event.step, person)}" if event.kind == REPLY else "",
            "message": reply_text(event, position),
            "receivedAt": spaced(event.at),
        }
        for position, event in enumerate(replies)
    ]
    return {
        "campaignId": campaign.id,
        "campaign": campaign.name,
        "prospectId": handle(),
        "prospectName": person.name,
        "prospectEmail": person.email,
        "linkedInProfile": person.profile,
        "replyType": TYPES[replies[0].kind],
        "receivedAt": spaced(replies[0].at),
        "replies": written,
    }
