"""`GET /v2/sender-accounts/emails`: the mailboxes of the account (Snov.io API reference 3.1)."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.account import Sender
from sandbox.state import State
from sandbox.web import get

PROVIDERS: Final = ("gmail-smtp", "hostinger", "godaddy", "custom-smtp")
TAGS: Final[tuple[list[str], ...]] = (["EU"], [], ["EU", "second domain"])


def sender_routes(state: State) -> list[Route]:
    """The path of the mailboxes."""
    return [get(state, "/v2/sender-accounts/emails", _asked)]


def _asked(state: State, request: Request) -> dict[str, Any]:
    return {"data": [_row(sender, place) for place, sender in enumerate(state.account.email_senders.values())]}


def _row(sender: Sender, place: int) -> dict[str, Any]:
    """The third mailbox is suspended and its IMAP side is not set up, which PHP writes as `[]`."""
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
