"""Carries out faults, in an ASGI layer that also reaches the connection below HTTP."""

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
"""SO_LINGER with a time of zero: closing sends RST instead of FIN."""

UNTIL_READ: Final = 0.05
"""Seconds for the client to read what was sent: RST may discard unread bytes."""

ENDLESS: Final = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n", b"X-More: 1\r\n"),
    "gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"a\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03\r\n",
        b"1\r\na\r\n",
    ),
}
"""The beginning of an endless response, and the piece that repeats. The gzip is in the middle of a file name."""


class HeldResponse:
    """The right response to a request, held back."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def collect(self, message: Message) -> None:
        """Keeps a message of the application instead of sending it."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def send(self, send: Send, body: bytes) -> None:
        """Sends the whole response, with this body."""
        await self.begin(send, len(body))
        await send({"type": "http.response.body", "body": body})

    async def begin(self, send: Send, length: int) -> None:
        """Sends status and headers, announcing a body of this length."""
        headers = [pair for pair in self.headers if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})


class Misbehaviour:
    """Passes requests on to the application, except those that a fault hits."""

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
    """A request that a fault hits, and its response."""

    def __init__(self, app: ASGIApp, state: State, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._state = state
        self._scope = scope
        self._receive = receive
        self._send = send

    async def suffer(self, fault: Fault) -> None:
        """Carries out the fault."""
        ways: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "answer": self._answer,
            "cut_body": self._cut_body,
            "cut_json": self._cut_json,
            "reset_before": self._reset_before,
            "reset_within": self._reset_within,
            "hang": self._hang,
            "drip": self._drip,
            "endless": self._endless,
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
        right = await self._right_response()
        if fault.action == "partial":
            right.status = fault.status
        await right.send(self._send, json.dumps(changed(fault, json.loads(right.body))).encode())

    async def _cut_json(self, fault: Fault) -> None:
        right = await self._right_response()
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
        right = await self._right_response()
        if not await self._gone(fault.seconds):
            await right.send(self._send, right.body)

    async def _drip(self, fault: Fault) -> None:
        right = await self._right_response()
        await right.begin(self._send, len(right.body))
        last = len(right.body) - 1
        for position in range(len(right.body)):
            byte = right.body[position : position + 1]
            await self._send({"type": "http.response.body", "body": byte, "more_body": position < last})
            if position < last and await self._gone(fault.seconds):
                return

    async def _endless(self, fault: Fault) -> None:
        begin, piece = ENDLESS[fault.form]
        transport = self._transport()
        transport.write(begin)
        while not await self._gone(fault.seconds):
            transport.write(piece)

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

    async def _right_response(self) -> HeldResponse:
        held = HeldResponse()
        await self._app(self._scope, self._receive, held.collect)
        return held

    async def _begin_half(self) -> None:
        right = await self._right_response()
        await right.begin(self._send, len(right.body))
        await self._send({"type": "http.response.body", "body": _half(right.body), "more_body": True})

    async def _reset(self) -> None:
        transport = self._transport()
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        await self._gone()

    def _transport(self) -> asyncio.Transport:
        """The connection of the request, which only uvicorn's request cycle knows: ASGI cannot drop it."""
        return cast("asyncio.Transport", cast(Any, self._receive).__self__.transport)

    async def _gone(self, within: float | None = None) -> bool:
        """Waits until either side drops the connection. False if it is still open after `within` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while (await self._receive())["type"] != "http.disconnect":
                    continue
                return True
        return False


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]
