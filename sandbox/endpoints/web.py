"""Common parts of the endpoints: authorization, parameters, and refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import error_object
from sandbox.reshaping import reshaped
from sandbox.settings import UnknownIds
from sandbox.state import State

NO_ID = -1
"""Stands in for an id that is not a number; no object has it."""

Fields = Mapping[str, str]
"""The parameters of a request, from the query, a form or JSON."""


class Refused(Exception):
    """Ends a request with this response."""

    def __init__(self, body: object, status: int) -> None:
        super().__init__(status)
        self.response = JSONResponse(body, status)


def get(state: State, path: str, handler: Callable[[State, Request], object]) -> Route:
    """A GET route. `handler` returns data for JSON, or a Response."""

    async def endpoint(request: Request) -> Response:
        try:
            admit(state, request)
            found = handler(state, request)
        except Refused as refusal:
            return refusal.response
        return found if isinstance(found, Response) else JSONResponse(reshaped(state.settings, found))

    return Route(path, endpoint, methods=["GET"])


def post(state: State, path: str, handler: Callable[[State, Fields], object]) -> Route:
    """A POST route that only reads. Its parameters come from a form, a JSON object or the query."""

    async def endpoint(request: Request) -> Response:
        try:
            admit(state, request)
            found = handler(state, {**request.query_params, **await body_fields(request)})
            return JSONResponse(reshaped(state.settings, found))
        except Refused as refusal:
            return refusal.response

    return Route(path, endpoint, methods=["POST"])


def admit(state: State, request: Request) -> None:
    """Refuses requests without a valid token in a Bearer header, and paths that the settings remove.

    Ignores tokens elsewhere. The body of the real API's 401 is unknown (API reference 5.1). A removed path gets its 404
    before the token is checked, like every unknown path; 403 is a missing entitlement (E2).
    """
    path = request.url.path
    if _begins(path, state.settings.absent):
        raise HTTPException(404)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not state.tokens.valid(token):
        raise Refused(error_object(401, "Unauthorized"), 401)
    if _begins(path, state.settings.unavailable):
        raise Refused(error_object(403, "Your plan does not include this feature"), 403)


def _begins(path: str, prefixes: Iterable[str]) -> bool:
    return any(fnmatchcase(path, f"{prefix}*") for prefix in prefixes)


async def body_fields(request: Request) -> dict[str, Any]:
    """The fields of a form-encoded or JSON body; empty for any other."""
    body = await request.body()
    if "json" not in request.headers.get("Content-Type", ""):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        asked = await request.json()
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def listed(request: Request, name: str) -> list[str] | None:
    """The values of a comma-separated parameter, or of PHP's `name[]` as the vendor's own n8n node sends it."""
    given = [*request.query_params.getlist(name), *request.query_params.getlist(f"{name}[]")]
    values = [value for text in given for value in text.split(",") if value]
    return values or None


def ids(request: Request, name: str) -> list[int] | None:
    """The same values as ids."""
    values = listed(request, name)
    return None if values is None else [int(value) if value.isdecimal() else NO_ID for value in values]


def number(fields: Fields, name: str, default: int | None = None, least: int = 0, most: int | None = None) -> int:
    """A whole number within bounds, required unless there is a default. Raises Refused."""
    text = str(fields.get(name, "" if default is None else default))
    if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise invalid(f"The {name} field must be a whole number, {bounds}.")
    return int(text)


def covered(state: State, endpoint: str, days: tuple[date, date]) -> tuple[date, date]:
    """The days that an endpoint counts of the requested ones; if none, the last is before the first.

    Raises Refused if the settings refuse future days.
    """
    first, last = days
    if state.settings.future_days_refused and last > state.account.today:
        raise invalid("The end date must not be in the future.")
    if state.settings.future_days_empty and last > state.account.today:
        return first, first - timedelta(days=1)
    return first, last - timedelta(days=1) if endpoint in state.settings.last_day_left_out else last


def period(request: Request, first: str = "date_from", last: str = "date_to") -> tuple[date, date]:
    """The requested days, both included. Raises Refused unless they are two valid days in order."""
    date_from, date_to = _day(request, first), _day(request, last)
    if date_to < date_from:
        raise invalid(f"The {last} field must not be before {first}.")
    return date_from, date_to


def _day(request: Request, name: str) -> date:
    text = request.query_params.get(name, "")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise invalid(f"The {name} field is required and must have the form YYYY-MM-DD.")
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise invalid(str(problem)) from problem


def invalid(problem: str) -> Refused:
    """The refusal of a missing or wrong parameter. The reference does not document it; this is E3 with 422."""
    return Refused({"success": False, "errors": [problem]}, 422)


def missing(what: str = "Campaign", way: UnknownIds = "not_found") -> Refused:
    """The refusal of an unknown id, in a shape of API reference 1.4: E1 by default, E6 or E3."""
    title = f"{what} not found"
    if way == "unprocessable":
        return Refused({"data": {"message": title}}, 422)
    if way == "error_in_200":
        return Refused({"success": False, "errors": [title]}, 200)
    status = 400 if way == "bad_request" else 404
    return Refused(error_object(status, title), status)
