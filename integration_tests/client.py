"""Runs programs as a user does: in their own process and folder, without the internet."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import pytest

COMMANDS: Final = Path(sys.executable).parent


def run(folder: Path, *arguments: str, timeout: float = 240, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python with these arguments, and fails the test if anything tries to reach the internet."""
    return run_program([sys.executable, *arguments], folder, environment, timeout)


def run_program(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """Runs any program in the same way."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        result = subprocess.run(
            command,
            env=offline(folder, proxy.getsockname()[1]) | environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()
    return result


def offline(folder: Path, proxy: int) -> dict[str, str]:
    """An environment that sends every request to another machine to this local port. dbt's variables are left out."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DBT_")},
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://127.0.0.1:{proxy}"),
        "NO_PROXY": "127.0.0.1",
        "AIRBYTE_OFFLINE_MODE": "1",
        "AIRBYTE_LOGGING_ROOT": str(folder / "logs"),
        "NO_LIVE_PROGRESS": "1",
        "COLUMNS": "120",
    }


def moment(seconds: int) -> datetime:
    """A Unix time as databases return it: in UTC, without a zone."""
    return datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)
