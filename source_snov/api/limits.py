"""Limits responses: their time, their size, and one large one at a time.

The timeouts of a request are for the connection and for each read: a response that arrives byte by byte keeps to both
for hours, and holds a thread, or all of them when it is the token's.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from io import BytesIO
from threading import Lock, Timer, local
from typing import Any

import requests
from requests.exceptions import ChunkedEncodingError, ReadTimeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from source_snov.api.redaction import without_query
from source_snov.failures import system_error

MAX_SECONDS = 300.0
"""Seconds that one response may take: a page of 10,000 e-mails is some MB."""

MAX_RESPONSE = 256 * 2**20
"""Bytes of one response, unpacked. A page of 10,000 e-mails with 5 kB of text each has 50 MB."""

LARGE_RESPONSE = 8 * 2**20
"""Bytes of a response from which on only one is worked on at a time."""

MAX_AT_ONCE = 2**16
"""Bytes of one read."""


class LargeResponses:
    """Lets one thread at a time hold a large response: several would not fit into a small container."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._thread = local()

    @contextmanager
    def of_partition(self) -> Iterator[None]:
        """While a thread reads a partition, it waits for its turn. A thread that generates partitions does not."""
        self._thread.has_turn = False
        try:
            yield
        finally:
            self.leave()
            del self._thread.has_turn

    def wait_for_turn(self) -> None:
        """Waits for a limited time: the thread in turn may wait for a list that this one is reading for both."""
        if getattr(self._thread, "has_turn", None) is False:
            self._thread.has_turn = self._turn.acquire(timeout=MAX_SECONDS)

    def leave(self) -> None:
        if getattr(self._thread, "has_turn", False):
            self._turn.release()
            self._thread.has_turn = False


class _Deadline:
    """Ends the connection when the response took too long."""

    def __init__(self, connection: socket.socket) -> None:
        self.passed = False
        self._connection = connection
        self._begin()

    def _begin(self) -> None:
        self._timer = Timer(MAX_SECONDS, self._pass)
        self._timer.daemon = True
        self._timer.start()

    def _pass(self) -> None:
        self.passed = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def cancel(self) -> None:
        self._timer.cancel()
        # They hold each other, and the garbage collector runs code when it frees a thread: also in the middle of
        # parsing, which Python before 3.11.8 does not survive (cpython#106905).
        del self._timer

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Pauses the deadline, and starts it again from zero."""
        self.cancel()
        try:
            yield
        finally:
            self._begin()


class _UnderWay(local):
    """The request of a thread. limited: whether its response is to have a deadline, as those of the connector have."""

    limited = False
    deadline: _Deadline | None = None


_under_way = _UnderWay()


class _Limited(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        if not _under_way.limited:
            return super().getresponse()
        deadline = _under_way.deadline = _Deadline(self.sock)
        _under_way.limited = False
        try:
            return super().getresponse()
        except Exception:
            deadline.cancel()
            if deadline.passed:
                raise TimeoutError(_too_slow()) from None
            raise


class _LimitedHTTPS(_Limited, HTTPSConnection):
    pass


# How urllib3 has a connection replaced; the CDK's sessions take no adapter.
HTTPConnectionPool.ConnectionCls = _Limited
HTTPSConnectionPool.ConnectionCls = _LimitedHTTPS


def limit_response(request: requests.PreparedRequest, arrived: Callable[[], None], large: LargeResponses) -> None:
    """Applies the limits of this module to the response that the thread gets next.

    arrived: called when its headers are there. Where it is too slow, requests.ReadTimeout is raised, and
    AirbyteTracedException (system_error) where it is too large.
    """
    _under_way.limited, _under_way.deadline = True, None
    large.leave()

    def read(response: requests.Response, *args: Any, **kwargs: Any) -> requests.Response:
        arrived()
        deadline, _under_way.deadline = _under_way.deadline, None
        try:
            body = _body_of(response, large, deadline)
        except HTTPError as error:
            if not (deadline and deadline.passed):
                raise ChunkedEncodingError(error) from error
            body = b""
        finally:
            if deadline:
                deadline.cancel()
        if deadline and deadline.passed:
            response.close()
            raise ReadTimeout(_too_slow(), response=response)
        response.raw = HTTPResponse(BytesIO(body), preload_content=False)
        return response

    # One for each try: a request that is sent again keeps its hooks.
    request.hooks["response"] = [read]


def _body_of(response: requests.Response, large: LargeResponses, deadline: _Deadline | None) -> bytes:
    parts, size = [], 0
    while part := response.raw.read1(MAX_AT_ONCE, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > LARGE_RESPONSE >= size - len(part):
            with deadline.suspended() if deadline else nullcontext():
                large.wait_for_turn()
        if size > MAX_RESPONSE:
            response.close()
            raise system_error(
                f"{without_query(response.url)} answered with more than {MAX_RESPONSE // 2**20} MiB, which "
                "no page of Snov.io should have. Sync again; if this goes on, report it to the connector's "
                "maintainers.",
                f"More than {MAX_RESPONSE} bytes from {without_query(response.url)}.",
            )
    return b"".join(parts)


def _too_slow() -> str:
    return f"The response had not arrived after {MAX_SECONDS:g} seconds."
