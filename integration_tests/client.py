"""Python programs as a user runs them: in a process and a folder of their own, and without the internet."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, *arguments: str, timeout: float = 240, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, and make sure that nothing asked for the internet."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        result = subprocess.run(
            [sys.executable, *arguments],
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
    """An environment in which all but this machine is asked for at a port of it."""
    return {
        **os.environ,
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://127.0.0.1:{proxy}"),
        "NO_PROXY": "127.0.0.1",
        "AIRBYTE_OFFLINE_MODE": "1",
        "AIRBYTE_LOGGING_ROOT": str(folder / "logs"),
        "NO_LIVE_PROGRESS": "1",
        "COLUMNS": "120",
    }
