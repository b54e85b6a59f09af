"""Debian packages that some tests need: Docker, debootstrap, Postgres, Chromium.

They are installed only if the environment has INSTALL=1, as in CI, because tests should not change a machine unasked.
"""

import os
import shutil
import subprocess


class Unavailable(Exception):
    """A program that a test needs is missing and was not installed. The message says what to do."""


def end_of(text: str) -> str:
    return text.strip()[-600:]


def install(*packages: str) -> None:
    """Installs Debian packages. Raises Unavailable."""
    names = " ".join(packages)
    if os.environ.get("INSTALL") != "1" or not shutil.which("apt-get") or os.geteuid() != 0:
        raise Unavailable(f"{names} is not installed. As root on Debian, set INSTALL=1, or: apt-get install {names}")
    # Another installation may be running at the same time.
    apt_get = ("apt-get", "--option", "DPkg::Lock::Timeout=120", "--quiet")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("update",), ("install", "--yes", "--no-install-recommends", *packages):
        done = subprocess.run([*apt_get, *command], env=environment, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise Unavailable(f"apt-get {command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")
