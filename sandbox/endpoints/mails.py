"""The older lists of a campaign's e-mails: sent, opened, clicked, answered; and its finished prospects.

`GET /v1/emails-sent`, `/v1/get-emails-opened`, `/v1/get-emails-clicked`, `/v1/get-emails-replies` and
`/v1/prospect-finished` (Snov.io API reference 2.11, 2.12, 2.13, 2.15 and 2.6): bare arrays, newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.custom_fields import custom_values
from sandbox.endpoints.forms import digest, handle, php_date, quoted, written
from sandbox.endpoints.web import get, missing, number
from sandbox.state import State
from sandbox.world.account import Campaign
from sandbox.world.events import CLICK, EMAILS, FINISHED, OPEN, REPLY, Event
from sandbox.world.wording import body, subject

Row = Callable[[State, Campaign, Event], dict[str, Any]]


def mail_routes(state: State) -> list[Route]:
    """The paths of the lists."""
    return [
        get(state, "/v1/emails-sent", lambda state, request: _page(state, request, EMAILS, sent_row)),
        get(state, "/v1/get-emails-opened", lambda state, request: _page(state, request, {OPEN}, reaction_row)),
        get(state, "/v1/get-emails-clicked", lambda state, request: _page(state, request, {CLICK}, reaction_row)),
        get(state, "/v1/get-emails-replies", lambda state, request: _page(state, request, {REPLY}, reply_row)),
        get(state, "/v1/prospect-finished", _finished),
    ]


def _campaign(state: State, request: Request) -> Campaign:
    campaign = state.account.campaigns.get(number(request.query_params, "campaignId"))
    if campaign is None:
        raise missing()
    return campaign


def _page(state: State, request: Request, kinds: Collection[str], row: Row) -> list[dict[str, Any]]:
    """One page from `offset` on, without a total."""
    campaign = _campaign(state, request)
    offset = number(request.query_params, "offset", 0)
    found = state.account.timeline(campaign.id).of_kinds(kinds)
    newest_first = range(len(found) - 1, -1, -1)
    page = state.listings.page(request.url.path + str(campaign.id), newest_first, offset, state.settings.event_page)
    return [row(state, campaign, found[index]) for index in page]


def _finished(state: State, request: Request) -> list[dict[str, Any]]:
    """Everybody whose sequence ended, in one response, without a time."""
    campaign = _campaign(state, request)
    people = dict.fromkeys(event.recipient for event in state.account.timeline(campaign.id).of_kinds({FINISHED}))
    rows = []
    for person in (state.account.recipients[recipient] for recipient in people):
        rows.append(
            {
                "id": digest("finished", campaign.id, person.id),
                "prospectId": handle(),
                "userName": person.name,
                "userEmail": person.email,
                "campaign": campaign.name,
                "hash": digest("hash of finished", campaign.id, person.id),
            }
        )
    return rows


def sent_row(state: State, campaign: Campaign, event: Event) -> dict[str, Any]:
    """A sent e-mail (2.11). Its `id` differs from the one in its opens."""
    person = state.account.recipients[event.recipient]
    return {
        "sentDate": _time(state, event.at),
        "userName": person.name,
        "userEmail": person.email,
        "campaign": campaign.name,
        "hash": digest("hash of sent", campaign.id, person.id, event.step),
        "id": digest("sent", campaign.id, person.id, event.step),
    }


def reaction_row(state: State, campaign: Campaign, event: Event) -> dict[str, Any]:
    """An open or a click (2.12, 2.13). `id` and `hash` are those of the e-mail, so its opens and clicks share them."""
    person = state.account.recipients[event.recipient]
    return {
        "visitedAt": _time(state, event.at),
        "campaignId": campaign.id,
        "campaign": campaign.name,
        "prospectId": handle(),
        "prospectFirstName": person.first_name,
        "prospectLastName": person.last_name,
        "prospectName": person.name,
        "sourcePage": person.profile,
        "source": SOURCES[person.id % len(SOURCES)],
        "locality": person.location if person.id % 2 else None,
        "industry": person.industry,
        "country": person.country if person.id % 3 else None,
        "prospectEmail": person.email,
        "hash": digest("hash of mail", campaign.id, person.id, event.step),
        "emailSubject": quoted(subject(campaign, event.step, person)),
        "emailBody": quoted(body(event.step, person)),
        "skills": "",
        "links": None,
        "customFields": None,
        "id": digest("mail", campaign.id, person.id, event.step),
        **custom_values(state.account, person),
    }


def reply_row(state: State, campaign: Campaign, event: Event) -> dict[str, Any]:
    """A reply by e-mail (2.15). The e-mail it answers is flat, or in `emails` with `nested_replies`."""
    row = reaction_row(state, campaign, event)
    if state.settings.nested_replies:
        row["emails"] = [{"emailSubject": row.pop("emailSubject"), "emailBody": row.pop("emailBody")}]
    return row


SOURCES: Final = ("copy", "import", "extension")
"""How a prospect was added to the account; only the first is documented."""


def _time(state: State, at: int) -> Any:
    form = state.settings.time_form
    return php_date(at) if form in ("documented", "zero_date") else written(at, form)
