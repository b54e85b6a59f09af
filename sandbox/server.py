"""The sandbox's HTTP side: the endpoints of the API as the Snov.io API reference describes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.account import Account
from sandbox.control import control_routes
from sandbox.faults import error_object, oauth_error
from sandbox.gate import Gate
from sandbox.misbehaviour import Misbehaviour
from sandbox.settings import Settings, UnknownIds
from sandbox.state import State

NO_ID: Final = -1
"""Stands for an id that is not a number: it is no campaign's and no sender's."""


def create_app(account: Account, settings: Settings | None = None) -> Starlette:
    """The sandbox as an ASGI application; its State is `app.state.sandbox`."""
    state = State(account, settings or Settings())
    api = Api(state)
    app = Starlette(
        routes=[*api.routes(), *control_routes(state)],
        middleware=[Middleware(Gate, state), Middleware(Misbehaviour, state.faults)],
        exception_handlers={404: _unknown_route},
    )
    app.router.redirect_slashes = False
    app.state.sandbox = state
    return app


Answer = Callable[["Api", Request], Response]


def bearer_only(answer: Answer) -> Answer:
    """Refuse requests without a valid token in a Bearer header; tokens elsewhere are not looked at.

    The body of the real API's 401 is not known (API reference 5.1).
    """

    @wraps(answer)
    def guarded(api: Api, request: Request) -> Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not api.state.tokens.valid(token):
            return JSONResponse(error_object(401, "Unauthorized"), 401)
        return answer(api, request)

    return guarded


class Api:
    """The endpoints, each answering from the account."""

    def __init__(self, state: State) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """The paths of the API."""
        return [
            Route("/v1/oauth/access_token", self.token, methods=["POST"]),
            self._get("/v1/get-balance", Api.balance),
            self._get("/v1/get-user-campaigns", Api.campaigns),
            self._get("/v2/statistics/campaign-analytics", Api.analytics),
            self._get("/v2/campaigns/{campaign_id:int}/progress", Api.progress),
        ]

    def _get(self, path: str, answer: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            return answer(self, request)

        return Route(path, endpoint, methods=["GET"])

    async def token(self, request: Request) -> Response:
        """`POST /v1/oauth/access_token`, form-encoded or JSON (API reference 1.2)."""
        asked = await _token_request(request)
        if asked.get("grant_type") != "client_credentials":
            return JSONResponse(oauth_error("unsupported_grant_type", "The grant type is not supported"), 400)
        if not self.state.tokens.accepts(asked.get("client_id"), asked.get("client_secret")):
            return JSONResponse(oauth_error("invalid_client", "Client authentication failed"), 401)
        token = self.state.tokens.issue()
        lifetime = self.state.settings.token_lifetime
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": lifetime})

    @bearer_only
    def balance(self, request: Request) -> Response:
        """`GET /v1/get-balance` (API reference 3.5b)."""
        return JSONResponse(self.state.account.balance())

    @bearer_only
    def campaigns(self, request: Request) -> Response:
        """`GET /v1/get-user-campaigns`: a bare array (API reference 2.1)."""
        return JSONResponse(self.state.account.campaign_rows())

    @bearer_only
    def analytics(self, request: Request) -> Response:
        """`GET /v2/statistics/campaign-analytics`: one flat object (API reference 2.8)."""
        try:
            date_from, date_to = _period(request)
        except ValueError as problem:
            # What the real API does is not known: its reference marks both dates as required, its knowledge base calls
            # them optional. A client that gets by here always sends them, and so suits either.
            return JSONResponse({"success": False, "errors": [str(problem)]}, 422)
        campaign_ids = _ids(request, "campaign_id")
        if self.state.settings.unknown_ids != "ignored" and not self.state.account.has_campaigns(campaign_ids or ()):
            return unknown_campaign(self.state.settings.unknown_ids)
        metrics = self.state.account.analytics(
            campaign_ids,
            date_from,
            date_to,
            sender_email=_ids(request, "sender_email"),
            sender_linkedin=_ids(request, "sender_linkedin"),
            campaign_owner=_listed(request, "campaign_owner"),
        )
        return JSONResponse(metrics)

    @bearer_only
    def progress(self, request: Request) -> Response:
        """`GET /v2/campaigns/{id}/progress`: one flat object, or 422 (API reference 2.9, E6)."""
        campaign_id: int = request.path_params["campaign_id"]
        if campaign_id not in self.state.account.campaigns:
            return unknown_campaign("unprocessable")
        return JSONResponse(self.state.account.progress(campaign_id))


def unknown_campaign(way: UnknownIds) -> Response:
    """An error for an id that no campaign has, in one of the shapes of API reference 1.4 (E1, E6, E3)."""
    title = "Campaign not found"
    if way == "unprocessable":
        return JSONResponse({"data": {"message": title}}, 422)
    if way == "error_in_200":
        return JSONResponse({"success": False, "errors": [title]})
    status = 400 if way == "bad_request" else 404
    return JSONResponse(error_object(status, title), status)


async def _token_request(request: Request) -> dict[str, Any]:
    """The fields of a token request, whichever of the two encodings it uses; nothing of a body that is neither."""
    body = await request.body()
    if "json" not in request.headers.get("Content-Type", ""):
        return dict(parse_qsl(body.decode("utf-8", "replace")))
    try:
        asked = await request.json()
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _listed(request: Request, name: str) -> list[str] | None:
    """The values of a comma-separated parameter, or of PHP's `name[]` as the vendor's own n8n node sends it."""
    given = [*request.query_params.getlist(name), *request.query_params.getlist(f"{name}[]")]
    values = [value for text in given for value in text.split(",") if value]
    return values or None


def _ids(request: Request, name: str) -> list[int] | None:
    values = _listed(request, name)
    return None if values is None else [int(value) if value.isdecimal() else NO_ID for value in values]


def _period(request: Request) -> tuple[date, date]:
    """The asked period; ValueError says what is wrong with it."""
    date_from, date_to = _day(request, "date_from"), _day(request, "date_to")
    if date_to < date_from:
        raise ValueError("The date_to field must not be before date_from.")
    return date_from, date_to


def _day(request: Request, name: str) -> date:
    text = request.query_params.get(name, "")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"The {name} field is required and must have the form YYYY-MM-DD.")
    return date.fromisoformat(text)


async def _unknown_route(request: Request, error: Exception) -> Response:
    """E1; not even a token is looked at."""
    return JSONResponse(error_object(404, "Resource not found"), 404)
