"""Carries out faults, in a plain ASGI layer that can reach below HTTP to the connection itself."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import unquote_plus

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.control import PREFIX
from sandbox.faults import Fault, changed
from sandbox.state import State

RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER switched on with no time: closing drops the connection with RST instead of the orderly FIN."""

UNTIL_READ: Final = 0.05
"""Seconds a client gets to read the begun answer: RST may throw away what it has not read yet."""


class Answer:
    """The right answer to a request, held back."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def collect(self, message: Message) -> None:
        """Take a message of the application instead of sending it."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def send(self, send: Send, body: bytes) -> None:
        """Send the whole answer, with this body."""
        await self.begin(send, len(body))
        await send({"type": "http.response.body", "body": body})

    async def begin(self, send: Send, length: int) -> None:
        """Send the status and the headers, announcing a body of this length."""
        headers = [pair for pair in self.headers if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})


class Misbehaviour:
    """Passes requests on to the application, except those that a fault of the book hits."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._fault(scope)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await Exchange(self._app, self._state, scope, receive, send).suffer(fault)

    def _fault(self, scope: Scope) -> Fault | None:
        if scope["type"] != "http" or scope["path"].startswith(PREFIX):
            return None
        query = unquote_plus(scope["query_string"].decode("latin-1"))
        return self._state.faults.take(scope["method"], f"{scope['path']}?{query}" if query else scope["path"])


class Exchange:
    """One request and its answer, about to go wrong."""

    def __init__(self, app: ASGIApp, state: State, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._state = state
        self._scope = scope
        self._receive = receive
        self._send = send

    async def suffer(self, fault: Fault) -> None:
        """Do what the fault says."""
        ways: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "answer": self._answer,
            "cut_body": self._cut_body,
            "cut_json": self._cut_json,
            "reset_before": self._reset_before,
            "reset_within": self._reset_within,
            "hang": self._hang,
            "drip": self._drip,
            "delay": self._delay,
            "tokens_expire": self._tokens_expire,
            "credentials_revoked": self._credentials_revoked,
            "campaign_deleted": self._campaign_deleted,
        }
        await ways.get(fault.action, self._change)(fault)

    async def _answer(self, fault: Fault) -> None:
        response = Response(fault.body) if isinstance(fault.body, str) else JSONResponse(fault.body)
        response.status_code = fault.status
        if isinstance(fault.body, str):
            response.headers["Content-Type"] = "text/plain; charset=utf-8"
        response.headers.update(fault.headers)
        await response(self._scope, self._receive, self._send)

    async def _change(self, fault: Fault) -> None:
        right = await self._right_answer()
        await right.send(self._send, json.dumps(changed(fault, json.loads(right.body))).encode())

    async def _cut_json(self, fault: Fault) -> None:
        right = await self._right_answer()
        await right.send(self._send, _half(right.body))

    async def _cut_body(self, fault: Fault) -> None:
        await self._begin_half()
        self._transport().close()
        await self._gone()

    async def _reset_within(self, fault: Fault) -> None:
        await self._begin_half()
        if not await self._gone(UNTIL_READ):
            await self._reset()

    async def _reset_before(self, fault: Fault) -> None:
        await self._reset()

    async def _hang(self, fault: Fault) -> None:
        await self._gone()

    async def _delay(self, fault: Fault) -> None:
        right = await self._right_answer()
        if not await self._gone(fault.seconds):
            await right.send(self._send, right.body)

    async def _drip(self, fault: Fault) -> None:
        right = await self._right_answer()
        await right.begin(self._send, len(right.body))
        last = len(right.body) - 1
        for position in range(len(right.body)):
            byte = right.body[position : position + 1]
            await self._send({"type": "http.response.body", "body": byte, "more_body": position < last})
            if position < last and await self._gone(fault.seconds):
                return

    async def _tokens_expire(self, fault: Fault) -> None:
        self._state.tokens.expire()
        await self._app(self._scope, self._receive, self._send)

    async def _credentials_revoked(self, fault: Fault) -> None:
        self._state.tokens.revoke()
        await self._app(self._scope, self._receive, self._send)

    async def _campaign_deleted(self, fault: Fault) -> None:
        if (campaign := fault.fields["campaign_id"]) in self._state.account.campaigns:
            self._state.account.remove_campaign(campaign)
        await self._app(self._scope, self._receive, self._send)

    async def _right_answer(self) -> Answer:
        answer = Answer()
        await self._app(self._scope, self._receive, answer.collect)
        return answer

    async def _begin_half(self) -> None:
        right = await self._right_answer()
        await right.begin(self._send, len(right.body))
        await self._send({"type": "http.response.body", "body": _half(right.body), "more_body": True})

    async def _reset(self) -> None:
        transport = self._transport()
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        await self._gone()

    def _transport(self) -> asyncio.Transport:
        """The connection under the request: ASGI offers no way to drop it, uvicorn's request cycle holds it."""
        return cast("asyncio.Transport", cast(Any, self._receive).__self__.transport)

    async def _gone(self, within: float | None = None) -> bool:
        """Wait until the client or the server drops the connection; False if it still stands after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while (await self._receive())["type"] != "http.disconnect":
                    continue
                return True
        return False


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]
