"""Pipelines and their stages, webhooks, and do-not-email lists (Snov.io API reference 3.5a, 3.5c and 2.7)."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.forms import midnight
from sandbox.endpoints.web import get, missing
from sandbox.state import State

USER_ID: Final = 700_001


def crm_routes(state: State) -> list[Route]:
    """The paths of all of them."""
    return [
        get(state, "/v2/pipelines", _pipelines),
        get(state, "/v2/pipelines/{pipeline_id:int}/stages", _stages),
        get(state, "/v2/webhooks", _webhooks),
        get(state, "/v2/blacklists", _blacklists),
    ]


def _pipelines(state: State, request: Request) -> dict[str, Any]:
    """Deals and their values are the sums of the stages. A day is written as its midnight."""
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "deals_count": sum(stage.deals for stage in one.stages),
            "deals_value": sum(stage.value for stage in one.stages),
            "created_at": midnight(one.created),
        }
        for one in state.account.belongings.pipelines
    ]
    return {"data": rows}


def _stages(state: State, request: Request) -> dict[str, Any]:
    asked = request.path_params["pipeline_id"]
    pipeline = next((one for one in state.account.belongings.pipelines if one.id == asked), None)
    if pipeline is None:
        raise missing("Pipeline")
    rows = [
        {
            "id": one.id,
            "pipeline_id": pipeline.id,
            "name": one.name,
            "order": order,
            "deals_count": one.deals,
            "deals_value": one.value,
        }
        for order, one in enumerate(pipeline.stages, 1)
    ]
    return {"data": rows}


def _webhooks(state: State, request: Request) -> dict[str, Any]:
    """Each webhook is wrapped in its own `data`, within `data`."""
    found = state.account.belongings.webhooks
    rows = [
        {
            "id": one.id,
            "end_point": one.end_point,
            "event_object": one.event_object,
            "event_action": one.event_action,
            "status": one.status,
            "created_at": one.created_at,
        }
        for one in found
    ]
    meta = {"webhooks_count": len(found), "user_id": USER_ID}
    return {"data": [{"data": row} for row in rows], "meta": meta}


def _blacklists(state: State, request: Request) -> dict[str, Any]:
    rows = [
        {"id": one.id, "name": one.name, "owner": one.owner, "total": one.total}
        for one in state.account.belongings.blacklists
    ]
    return {"data": rows}
