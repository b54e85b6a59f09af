"""A temporary Postgres server for tests, with its files in a new folder and on a free port.

The programs come from Debian's package, which is installed if missing and the tests run as root.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg2

from repo_tests.debian import Unavailable, end_of, install

START: Final = 60.0
"""Seconds within which the server must start."""
STOP: Final = 30.0
"""Seconds that the server has to stop before it is killed."""


@dataclass(frozen=True)
class PostgresServer:
    """Address and credentials of the server; `user` is a superuser."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @property
    def environment(self) -> dict[str, str]:
        """The connection settings as environment variables."""
        return {
            "POSTGRES_HOST": self.host,
            "POSTGRES_PORT": str(self.port),
            "POSTGRES_USER": self.user,
            "POSTGRES_PASSWORD": self.password,
            "POSTGRES_DATABASE": self.database,
        }

    @property
    def dsn(self) -> str:
        """The connection settings for psycopg."""
        return (
            f"host={self.host} port={self.port} user={self.user} password={self.password} dbname={self.database}"
            " connect_timeout=10"
        )

    def execute(self, *statements: str) -> None:
        """Runs statements with autocommit: some, such as CREATE DATABASE, cannot run in a transaction."""
        connection = psycopg2.connect(self.dsn)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running server with an empty database `snov`. Raises Unavailable."""
    programs = _programs()
    # Directly in the folder for temporary files: the path of a Unix socket has a maximum length.
    folder = Path(tempfile.mkdtemp(prefix="snov-postgres-"))
    try:
        yield from _serve(programs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(programs: Path, folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer("127.0.0.1", _free_port(), "snov", secrets.token_hex(16), "snov")
    become = _become_unprivileged(folder)
    data = folder / "data"
    password = folder / "password"
    password.write_text(server.password)
    password.chmod(0o644)  # in a folder that only its owner can enter
    initdb = [
        *become, str(programs / "initdb"), f"--pgdata={data}", f"--username={server.user}", f"--pwfile={password}",
        "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync",
    ]  # fmt: skip
    made = subprocess.run(initdb, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if made.returncode:
        raise Unavailable(f"initdb failed: {end_of(made.stdout + made.stderr)}")
    settings = {
        "listen_addresses": server.host,
        "port": server.port,
        "unix_socket_directories": folder,
        # Nothing needs to survive a crash of the machine.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
    command = [str(programs / "postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in settings.items())]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            # So that the server stops even if this process is killed. SIGINT disconnects all clients.
            [*(become or ["setpriv"]), "--pdeathsig", "INT", "--", *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C must reach only this process, which then stops the server cleanly.
            start_new_session=True,
        )
    try:
        # Every server has this database.
        first = replace(server, database="postgres")
        _wait_until_it_answers(first, process, log)
        first.execute(f"CREATE DATABASE {server.database}")
        yield server
    finally:
        _stop(process)


def _wait_until_it_answers(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START
    while True:
        try:
            server.execute("SELECT 1")
        except psycopg2.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"Postgres does not start: {error}\n{end_of(log.read_text())}") from error
            time.sleep(0.05)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP)
    if process.poll() is None:
        # Its children notice this and exit.
        process.kill()
        process.wait()


def _programs() -> Path:
    """The folder of initdb and postgres, which Debian does not add to the PATH."""
    if found := _find_programs():
        return found
    install("postgresql")
    if found := _find_programs():
        return found
    raise Unavailable("apt-get installed Postgres, but there is no initdb in /usr/lib/postgresql")


def _find_programs() -> Path | None:
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    candidates = sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    if on_path := shutil.which("initdb"):
        # The programs find their libraries relative to their real path.
        candidates.insert(0, Path(on_path).resolve().parent)
    return next((path for path in candidates if all((path / name).exists() for name in ("initdb", "postgres"))), None)


def _become_unprivileged(folder: Path) -> list[str]:
    """A prefix that runs a command as another user than root, which Postgres refuses; gives that user the folder."""
    if os.geteuid() != 0:
        return []
    user = next(user for name in ("postgres", "nobody") if (user := _user(name)))
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _user(name: str) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(name)
    return None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
