"""Makes standard output UTF-8 in any locale, and ends the process once it cannot be written.

The CDK loses such an error if it happens to a log line, and otherwise waits for threads that keep making requests.
"""

import io
import os
import select
import sys
from contextlib import suppress
from threading import Thread
from typing import Any, NoReturn

STDOUT = 1
"""File descriptor."""


class _Output(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            _end(error.strerror)


def open_output() -> None:
    """Replaces `sys.stdout`. From then on, a write that fails ends the process within a second."""
    try:
        raw = _Output(STDOUT, "w", closefd=False)
    except OSError as error:
        _end(error.strerror)
    # A lone surrogate is written as its JSON escape.
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors="backslashreplace", newline="\n")
    sys.__stdout__ = sys.stdout  # type: ignore[misc]  # the CDK's buffer writes to this one


def watch_output() -> None:
    """Ends the process once nobody reads its output, even while it only waits."""
    Thread(target=_end_when_closed, name="stdout", daemon=True).start()


def _end_when_closed() -> None:
    poll = select.poll()
    poll.register(STDOUT, 0)  # errors and hang-ups are always reported
    poll.poll()
    _end("nobody reads it any more")


def _end(reason: str | None) -> NoReturn:
    text = f"source-snov: standard output cannot be written ({reason}). The sync has ended; run it again.\n"
    with suppress(OSError):
        os.write(2, text.encode())
    os._exit(1)
