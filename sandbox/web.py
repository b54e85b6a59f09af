"""What all endpoints have in common: who may ask, how parameters are read, and how a request is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import error_object
from sandbox.settings import UnknownIds
from sandbox.state import State

NO_ID = -1
"""Stands for an id that is not a number: it is nothing's id."""

Fields = Mapping[str, str]
"""The parameters of a request, wherever the endpoint takes them from."""


class Refused(Exception):
    """Ends a request with this answer."""

    def __init__(self, body: object, status: int) -> None:
        super().__init__(status)
        self.response = JSONResponse(body, status)


def get(state: State, path: str, answer: Callable[[State, Request], object]) -> Route:
    """A path that answers GET with JSON, or with the Response itself if the answer is one."""

    async def endpoint(request: Request) -> Response:
        try:
            admit(state, request)
            found = answer(state, request)
        except Refused as refusal:
            return refusal.response
        return found if isinstance(found, Response) else JSONResponse(found)

    return Route(path, endpoint, methods=["GET"])


def post(state: State, path: str, answer: Callable[[State, Fields], object]) -> Route:
    """A path that reads by POST: it takes its parameters from a form, a JSON object, or the query."""

    async def endpoint(request: Request) -> Response:
        try:
            admit(state, request)
            return JSONResponse(answer(state, {**request.query_params, **await body_fields(request)}))
        except Refused as refusal:
            return refusal.response

    return Route(path, endpoint, methods=["POST"])


def admit(state: State, request: Request) -> None:
    """Refuse requests without a valid token in a Bearer header, and what the settings take away.

    Tokens elsewhere are not looked at. The body of the real API's 401 is not known (API reference 5.1). 404 comes
    before the token, as for every unknown path; 403 is a missing entitlement (E2).
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
    """The fields of a body, form-encoded or JSON; nothing of a body that is neither."""
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
    """Such values as ids."""
    values = listed(request, name)
    return None if values is None else [int(value) if value.isdecimal() else NO_ID for value in values]


def number(fields: Fields, name: str, default: int | None = None, least: int = 0, most: int | None = None) -> int:
    """A whole number within bounds; without a default it must be given. Refused otherwise."""
    text = str(fields.get(name, "" if default is None else default))
    if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise invalid(f"The {name} field must be a whole number, {bounds}.")
    return int(text)


def period(request: Request, first: str = "date_from", last: str = "date_to") -> tuple[date, date]:
    """The asked days, both included. Refused without two real days in order."""
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
    """A parameter is missing or wrong. The reference does not say what the API answers; this is E3 with 422."""
    return Refused({"success": False, "errors": [problem]}, 422)


def missing(what: str = "Campaign", way: UnknownIds = "not_found") -> Refused:
    """An id that nothing has, in one of the shapes of API reference 1.4: E1 unless told otherwise, E6, E3."""
    title = f"{what} not found"
    if way == "unprocessable":
        return Refused({"data": {"message": title}}, 422)
    if way == "error_in_200":
        return Refused({"success": False, "errors": [title]}, 200)
    status = 400 if way == "bad_request" else 404
    return Refused(error_object(status, title), status)
