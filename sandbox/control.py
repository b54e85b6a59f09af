"""Control endpoints of a running sandbox, for other processes. They are not part of the API and never logged."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import Planted, from_json
from sandbox.state import State

PREFIX: Final = "/_sandbox/"


def control_routes(state: State) -> list[Route]:
    """The paths under `/_sandbox/`."""
    control = Control(state)
    return [
        Route(f"{PREFIX}faults", control.add_faults, methods=["POST"]),
        Route(f"{PREFIX}faults", control.list_faults, methods=["GET"]),
        Route(f"{PREFIX}faults", control.clear_faults, methods=["DELETE"]),
        Route(f"{PREFIX}requests", control.list_requests, methods=["GET"]),
        Route(f"{PREFIX}requests", control.clear_requests, methods=["DELETE"]),
        Route(f"{PREFIX}tokens/expire", control.expire_tokens, methods=["POST"]),
        Route(f"{PREFIX}tokens/revoke", control.revoke_tokens, methods=["POST"]),
        Route(f"{PREFIX}reset", control.reset, methods=["POST"]),
    ]


class Control:
    """The handlers of the control endpoints."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add_faults(self, request: Request) -> Response:
        """Adds a fault, or an array of faults."""
        try:
            given = await request.json()
            faults = [from_json(one) for one in (given if isinstance(given, list) else [given])]
        except ValueError as problem:
            return JSONResponse({"error": str(problem)}, 400)
        return JSONResponse([_described(self._state.faults.add(fault)) for fault in faults], 201)

    async def list_faults(self, request: Request) -> Response:
        """Lists the faults, each with the number of requests it has hit."""
        return JSONResponse([_described(planted) for planted in self._state.faults.all()])

    async def clear_faults(self, request: Request) -> Response:
        """Removes all faults."""
        self._state.faults.clear()
        return Response(status_code=204)

    async def list_requests(self, request: Request) -> Response:
        """Returns the log of API requests."""
        return JSONResponse([record.as_json() for record in self._state.log.all()])

    async def clear_requests(self, request: Request) -> Response:
        """Empties the log of API requests."""
        self._state.log.clear()
        return Response(status_code=204)

    async def expire_tokens(self, request: Request) -> Response:
        """Expires all tokens; clients can get new ones."""
        self._state.tokens.expire()
        return Response(status_code=204)

    async def revoke_tokens(self, request: Request) -> Response:
        """Expires all tokens and rejects the credentials from now on."""
        self._state.tokens.revoke()
        return Response(status_code=204)

    async def reset(self, request: Request) -> Response:
        """Resets everything but the account and the tokens."""
        self._state.clear()
        return Response(status_code=204)


def _described(planted: Planted) -> dict[str, object]:
    return {**planted.fault.as_json(), "hits": planted.hits}
