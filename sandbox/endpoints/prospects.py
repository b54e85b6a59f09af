"""`GET /v1/get-user-lists` and `POST /v1/prospect-list`: lists, and the people in them (API reference 3.4a, 3.4b)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.forms import handle, php_date
from sandbox.endpoints.web import Fields, Refused, get, number, post
from sandbox.faults import error_object
from sandbox.state import State
from sandbox.world.account import Account, Recipient
from sandbox.world.belongings import ProspectList

DEFAULT_PER_PAGE: Final = 100
"""A guess: the reference names no default."""

MAX_PER_PAGE: Final = 5000


def prospect_routes(state: State) -> list[Route]:
    """The paths of lists and prospects."""
    return [get(state, "/v1/get-user-lists", _lists), post(state, "/v1/prospect-list", _prospects)]


def lists(account: Account) -> Iterator[ProspectList]:
    """All lists of the account: those of its campaigns, with their recipients, and the others."""
    for campaign in account.campaigns.values():
        if campaign.list_id is not None:
            name = f"List of {campaign.name}"
            yield ProspectList(campaign.list_id, name, campaign.created_at - 3600, campaign.recipients)
    yield from account.belongings.lists


def _lists(state: State, request: Request) -> list[dict[str, Any]]:
    """A bare array, deleted lists included."""
    return [
        {
            "id": one.id,
            "name": one.name,
            "contacts": len(one.members),
            "isDeleted": one.deleted_at is not None,
            "creationDate": php_date(one.created_at),
            "deletionDate": None if one.deleted_at is None else php_date(one.deleted_at),
        }
        for one in lists(state.account)
    ]


def _prospects(state: State, fields: Fields) -> dict[str, Any]:
    """A page of a list; 400 for an unknown or deleted one (E10, whose body is unknown)."""
    list_id = number(fields, "listId")
    page = number(fields, "page", 1, 1)
    per_page = number(fields, "perPage", DEFAULT_PER_PAGE, 1, MAX_PER_PAGE)
    found = next((one for one in lists(state.account) if one.id == list_id and one.deleted_at is None), None)
    if found is None:
        raise Refused({"success": False, **error_object(400, "List not found")}, 400)
    name, size = f"prospects {list_id}", min(per_page, state.settings.short_pages or per_page)
    members = state.listings.page(name, found.members, (page - 1) * size, size)
    header = {
        "name": found.name,
        "contacts": state.listings.total(name, found.members),
        "creationDate": php_date(found.created_at),
        "emailsCount": [],
    }
    return {
        "success": True,
        "list": header,
        "prospects": [_prospect(state.account.recipients[member]) for member in members],
    }


def _prospect(person: Recipient) -> dict[str, Any]:
    return {
        "id": handle(),
        "name": person.name,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "emails": [_email(person, address) for address in addresses(person)],
    }


def addresses(person: Recipient) -> list[str]:
    """No address, one, or for some people also an older one."""
    if person.email is None:
        return []
    former = f"former.{person.id}@example.org"
    return [person.email, former] if person.id % 25 == 1 else [person.email]


def _email(person: Recipient, address: str) -> dict[str, Any]:
    sure = person.id % 4 != 0
    return {
        "email": address,
        "probability": 99 if sure else 60,
        "isVerified": True if person.id % 3 == 0 else None,
        "jobStatus": "any",
        "domainType": "linkedin_email",
        "isValidFormat": True,
        "isDisposable": False,
        "isWebmail": False,
        "isGibberish": False if sure else None,
        "smtpStatus": 1 if sure else None,
    }
