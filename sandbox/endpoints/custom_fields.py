"""`GET /v1/prospect-custom-fields`, and the values of such fields in rows (Snov.io API reference 3.4c and 2.12)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.web import get
from sandbox.state import State
from sandbox.world.account import Account, Recipient


def custom_field_routes(state: State) -> list[Route]:
    """The path of the fields."""
    return [get(state, "/v1/prospect-custom-fields", _asked)]


def _asked(state: State, request: Request) -> list[dict[str, Any]]:
    """A bare array. A field has no numeric id; its key holds its label."""
    return [
        {"key": f"customFields['{one.label}']", "label": one.label, "required": one.required, "type": one.type}
        for one in state.account.belongings.custom_fields
    ]


def custom_values(account: Account, person: Recipient) -> dict[str, str | None]:
    """The `customField_<Label>` keys of a prospect.

    Required fields are always present, some of them null. Each prospect has only some of the others.
    """
    values: dict[str, str | None] = {}
    for position, one in enumerate(account.belongings.custom_fields):
        filled = (person.id + position) % (position + 2) == 0
        if filled or one.required:
            examples = {"number": str(5 * person.id), "date": f"2027-{person.id % 12 + 1:02d}-01"}
            value = examples.get(one.type, f"{one.label} {person.id % 5}")
            values[f"customField_{one.label}"] = value if filled else None
    return values
