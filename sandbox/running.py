"""Runs the sandbox, in a thread for tests or in the foreground."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from starlette.applications import Starlette

from sandbox.faults import Fault, Planted
from sandbox.records import Record, max_in_any_minute, statuses
from sandbox.server import create_app
from sandbox.settings import Settings
from sandbox.state import State
from sandbox.world.account import Account
from sandbox.world.seeds import demo_account

HOST: Final = "127.0.0.1"
PATIENCE: Final = 10.0
"""Seconds after which a start or a stop counts as failed."""

KEEP_ALIVE: Final = 75
"""Seconds that an idle connection stays open. A client at the documented pace uses each one only every few seconds."""


class Server(uvicorn.Server):
    """A uvicorn server that stops at once, whatever requests are open: some hang on purpose."""

    async def main_loop(self) -> None:
        """Like uvicorn's, but checks more often whether to stop."""
        counter = 0
        while not await self.on_tick(counter % 10):
            counter += 1
            await asyncio.sleep(0.02)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drops all connections, which ends their requests."""
        for listener in self.servers:
            listener.close()
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=PATIENCE)


def bind(port: int = 0) -> socket.socket:
    """A listening socket on the loopback interface; port 0 picks a free one."""
    # asyncio switches Nagle's algorithm off only for this protocol number. With it, the body of a response would wait
    # 40 ms for the client to acknowledge the headers.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(512)
    return listener


def server_for(app: Starlette) -> Server:
    """A server that does not touch the logging of its process and needs only the standard library."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE,
    )
    return Server(config)


class Sandbox:
    """A sandbox in a thread of this process, as a context manager.

    `with Sandbox(seeds.empty_account(), UNLIMITED) as sandbox: …sandbox.url…`
    """

    def __init__(self, account: Account | None = None, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.account = account or demo_account()
        self.url = ""
        self._app = create_app(self.account, self.settings)
        self._state: State = self._app.state.sandbox
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts, and returns once requests are accepted. This process and its children bypass any proxy for them."""
        os.environ["no_proxy"] = ",".join(
            filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), HOST])
        )
        listener = bind()
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"
        self._server = server_for(self._app)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="sandbox", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.002)

    def stop(self) -> None:
        """Stops at once; open requests lose their connection."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            raise RuntimeError("the sandbox did not stop")

    @property
    def requests(self) -> list[Record]:
        """The API requests so far, refused ones included, in order of arrival."""
        return self._state.log.all()

    def count(self, path_contains: str = "") -> int:
        """The number of API requests with this text in their path."""
        return sum(path_contains in record.path for record in self.requests)

    def statuses(self) -> Counter[int | None]:
        """The number of API requests by status; None: no response."""
        return statuses(self.requests)

    def max_in_any_minute(self) -> int:
        """The largest number of API requests, for tokens too, within any 60 seconds of the settings' clock."""
        return max_in_any_minute(self.requests)

    def add_fault(self, fault: Fault) -> Planted:
        """Activates a fault. `hits` of the result counts the requests that it hits."""
        return self._state.faults.add(fault)

    @property
    def faults(self) -> list[Planted]:
        """The active faults, oldest first, used-up ones included."""
        return self._state.faults.all()

    def clear_faults(self) -> None:
        """Removes all faults."""
        self._state.faults.clear()

    def expire_tokens(self) -> None:
        """Expires all tokens; clients can get new ones."""
        self._state.tokens.expire()

    def revoke_credentials(self) -> None:
        """Expires all tokens and rejects the credentials from now on."""
        self._state.tokens.revoke()

    def clear(self) -> None:
        """Removes faults, requests, the rate limit's window and a revocation. Tokens and account stay."""
        self._state.clear()

    def config(self, **overrides: Any) -> dict[str, Any]:
        """A configuration of the connector for this sandbox, at full speed."""
        config: dict[str, Any] = {
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
            "api_url": self.url,
            "requests_per_minute": 6000,
        }
        return config | overrides
