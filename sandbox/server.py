"""The sandbox's HTTP side: the application, and the endpoints every sync needs.

The other endpoints are in the modules that are named for what they serve.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.account import Account
from sandbox.activity import activity_routes
from sandbox.campaign_info import campaign_info_routes
from sandbox.control import control_routes
from sandbox.crm import crm_routes
from sandbox.custom_fields import custom_field_routes
from sandbox.faults import error_object, oauth_error
from sandbox.gate import Gate
from sandbox.mails import mail_routes
from sandbox.misbehaviour import Misbehaviour
from sandbox.prospects import prospect_routes
from sandbox.replies import reply_routes
from sandbox.senders import sender_routes
from sandbox.settings import Settings
from sandbox.state import State
from sandbox.warm_up import warm_up_routes
from sandbox.web import body_fields, get, ids, listed, missing, period


def create_app(account: Account, settings: Settings | None = None) -> Starlette:
    """The sandbox as an ASGI application; its State is `app.state.sandbox`."""
    state = State(account, settings or Settings())
    app = Starlette(
        routes=[route for routes in ROUTES for route in routes(state)],
        middleware=[Middleware(Gate, state), Middleware(Misbehaviour, state)],
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
    return state.account.campaign_rows()


def analytics(state: State, request: Request) -> dict[str, Any]:
    """`GET /v2/statistics/campaign-analytics`: one flat object (API reference 2.8).

    What the real API does without dates is not known: its reference marks both as required, its knowledge base calls
    them optional. A client that gets by here always sends them, and so suits either.
    """
    date_from, date_to = period(request)
    campaign_ids = ids(request, "campaign_id")
    if state.settings.unknown_ids != "ignored" and not state.account.has_campaigns(campaign_ids or ()):
        raise missing(way=state.settings.unknown_ids)
    return state.account.analytics(
        campaign_ids,
        date_from,
        date_to,
        sender_email=ids(request, "sender_email"),
        sender_linkedin=ids(request, "sender_linkedin"),
        campaign_owner=listed(request, "campaign_owner"),
    )


def progress(state: State, request: Request) -> dict[str, Any]:
    """`GET /v2/campaigns/{id}/progress`: one flat object, or 422 (API reference 2.9, E6)."""
    campaign_id: int = request.path_params["campaign_id"]
    if campaign_id not in state.account.campaigns:
        raise missing(way="unprocessable")
    return state.account.progress(campaign_id)


async def _unknown_route(request: Request, error: Exception) -> Response:
    """E1; not even a token is looked at."""
    return JSONResponse(error_object(404, "Resource not found"), 404)
