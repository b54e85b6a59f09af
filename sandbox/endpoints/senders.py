"""The mailboxes of the account, and its LinkedIn accounts (Snov.io API reference 3.1)."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.web import get
from sandbox.state import State
from sandbox.world.account import Sender

PROVIDERS: Final = ("gmail-smtp", "hostinger", "godaddy", "custom-smtp")
TAGS: Final[tuple[list[str], ...]] = (["EU"], [], ["EU", "second domain"])


def sender_routes(state: State) -> list[Route]:
    """The paths of both lists."""
    return [
        get(state, "/v2/sender-accounts/emails", _asked),
        get(state, "/v2/linkedin-accounts", _linkedin),
    ]


def _linkedin(state: State, request: Request) -> dict[str, Any]:
    """Not in the reference; entries may be null, as one client found."""
    senders = state.account.linkedin_senders.values()
    return {"data": [None, *({"id": one.id, "name": one.name, "username": one.address} for one in senders)]}


def _asked(state: State, request: Request) -> dict[str, Any]:
    return {"data": [_row(sender, place) for place, sender in enumerate(state.account.email_senders.values())]}


def _row(sender: Sender, place: int) -> dict[str, Any]:
    """A mailbox. The third is suspended, and its IMAP is not set up, which PHP writes as `[]`."""
    suspended = place == 2
    return {
        "id": sender.id,
        "sender_name": sender.name,
        "email_from": sender.address,
        "valid": place != 3,
        "suspended": suspended,
        "limitation": 40 + 10 * place,
        "provider": PROVIDERS[place % len(PROVIDERS)],
        "tags": TAGS[place % len(TAGS)],
        "imap": [] if suspended else {"username": sender.address, "valid": True},
    }
