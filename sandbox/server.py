"""The sandbox's application, and the endpoints that every sync needs. The others are in `endpoints/`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.control import control_routes
from sandbox.endpoints.activity import activity_routes
from sandbox.endpoints.campaign_info import campaign_info_routes
from sandbox.endpoints.crm import crm_routes
from sandbox.endpoints.custom_fields import custom_field_routes
from sandbox.endpoints.forms import written
from sandbox.endpoints.mails import mail_routes
from sandbox.endpoints.prospects import prospect_routes
from sandbox.endpoints.recipients import recipient_routes
from sandbox.endpoints.replies import reply_routes
from sandbox.endpoints.senders import sender_routes
from sandbox.endpoints.warm_up import warm_up_routes
from sandbox.endpoints.web import body_fields, covered, get, ids, listed, missing, period
from sandbox.faults import error_object, oauth_error
from sandbox.gate import TrafficControl
from sandbox.misbehaviour import Misbehaviour
from sandbox.settings import Settings
from sandbox.state import State
from sandbox.world.account import Account


def create_app(account: Account, settings: Settings | None = None) -> Starlette:
    """The sandbox as an ASGI application; its State is `app.state.sandbox`."""
    state = State(account, settings or Settings())
    app = Starlette(
        routes=[route for routes in ROUTES for route in routes(state)],
        middleware=[Middleware(TrafficControl, state), Middleware(Misbehaviour, state)],
        exception_handlers={404: _unknown_route},
    )
    app.router.redirect_slashes = False
    app.state.sandbox = state
    return app


def _core_routes(state: State) -> list[Route]:
    async def issue(request: Request) -> Response:
        return token(state, await body_fields(request))

    return [
        Route("/v1/oauth/access_token", issue, methods=["POST"]),
        get(state, "/v1/get-balance", balance),
        get(state, "/v1/get-user-campaigns", campaigns),
        get(state, "/v2/statistics/campaign-analytics", analytics),
        get(state, "/v2/campaigns/{campaign_id:int}/progress", progress),
    ]


ROUTES: Final[tuple[Callable[[State], list[Route]], ...]] = (
    _core_routes,
    campaign_info_routes,
    activity_routes,
    mail_routes,
    reply_routes,
    sender_routes,
    warm_up_routes,
    prospect_routes,
    recipient_routes,
    custom_field_routes,
    crm_routes,
    control_routes,
)


def token(state: State, asked: dict[str, Any]) -> Response:
    """`POST /v1/oauth/access_token`, form-encoded or JSON (API reference 1.2)."""
    if asked.get("grant_type") != "client_credentials":
        return JSONResponse(oauth_error("unsupported_grant_type", "The grant type is not supported"), 400)
    if not state.tokens.accepts(asked.get("client_id"), asked.get("client_secret")):
        return JSONResponse(oauth_error("invalid_client", "Client authentication failed"), 401)
    issued = state.tokens.issue()
    lifetime = state.settings.token_lifetime
    return JSONResponse({"access_token": issued, "token_type": "Bearer", "expires_in": lifetime})


def balance(state: State, request: Request) -> dict[str, Any]:
    """`GET /v1/get-balance` (API reference 3.5b)."""
    return state.account.balance()


def campaigns(state: State, request: Request) -> list[dict[str, Any]]:
    """`GET /v1/get-user-campaigns`: a bare array (API reference 2.1)."""
    rows, form = state.account.campaign_rows(), state.settings.time_form
    for row in rows if state.settings.started_again else ():
        later = (row["started_at"] or math.inf) + state.settings.started_again * 86_400
        row["started_at"] = later if later < time.time() else row["started_at"]
    if form == "documented":
        return rows
    times = ("started_at",) if form == "zero_date" else ("created_at", "updated_at", "started_at")
    return [row | {name: written(row[name], form) for name in times if row[name]} for row in rows]


def analytics(state: State, request: Request) -> dict[str, Any] | Response:
    """`GET /v2/statistics/campaign-analytics`: one flat object (API reference 2.8).

    Unknown: what the real API does without dates. Its reference requires both, its knowledge base calls them optional.
    Here they are required, so a client that works here sends them and works with either.
    """
    settings = state.settings
    first, last = covered(state, "analytics", period(request))
    campaign_ids = ids(request, "campaign_id")
    if settings.unknown_ids != "ignored" and not state.account.has_campaigns(campaign_ids or ()):
        raise missing(way=settings.unknown_ids)
    if settings.too_large and ((last - first).days + 1) * len(campaign_ids or (0,)) > settings.too_large:
        return _too_large(settings.too_large_status)
    if settings.most_days:
        last = min(last, first + timedelta(days=settings.most_days - 1))
    if settings.first_id_only and campaign_ids:
        campaign_ids = campaign_ids[:1]
    if settings.several_ids_empty and len(campaign_ids or ()) > 1:
        last = first - timedelta(days=1)
    heeded = not settings.senders_ignored
    return state.account.analytics(
        campaign_ids,
        first,
        last,
        sender_email=ids(request, "sender_email") if heeded else None,
        sender_linkedin=ids(request, "sender_linkedin") if heeded else None,
        campaign_owner=listed(request, "campaign_owner") if heeded else None,
        reading=settings,
    )


def _too_large(status: int) -> Response:
    """A refusal because of the request's size: from a proxy in front of the API with 5xx, else from the API itself."""
    if status >= 500:
        return Response("<html><title>504 Gateway Time-out</title></html>", status, media_type="text/html")
    return JSONResponse(error_object(status, "The requested period is too long"), status)


def progress(state: State, request: Request) -> dict[str, Any]:
    """`GET /v2/campaigns/{id}/progress`: one flat object, or 422 (API reference 2.9, E6)."""
    campaign_id: int = request.path_params["campaign_id"]
    if campaign_id not in state.account.campaigns:
        raise missing(way="unprocessable")
    return state.account.progress(campaign_id)


async def _unknown_route(request: Request, error: Exception) -> Response:
    """E1, without checking the token."""
    return JSONResponse(error_object(404, "Resource not found"), 404)
