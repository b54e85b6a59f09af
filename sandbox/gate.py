"""The outermost layer of the sandbox, which sees every API request."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.control import PREFIX
from sandbox.records import Record, read_query, token_digest
from sandbox.state import State

TOO_MANY: Final = "Your rate is limited"
"""The plain text of a 429, which has no header (Snov.io API reference 1.3 and E8)."""


class TrafficControl:
    """Logs API requests, enforces the rate limit and adds the latency. Control requests pass untouched."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        record = self._record(scope)
        self._state.log.add(record)
        retry_after = self._state.settings.retry_after
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        app = self._app if self._state.limit.allows(record.time) else PlainTextResponse(TOO_MANY, 429, headers)

        async def noting_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
            await send(message)

        if self._state.settings.latency:
            await asyncio.sleep(self._state.settings.latency)
        await app(scope, receive, noting_status)

    def _record(self, scope: Scope) -> Record:
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        return Record(
            time=self._state.settings.clock(),
            method=scope["method"],
            path=scope["path"],
            query=read_query(scope["query_string"]),
            token=token_digest(authorization),
        )
