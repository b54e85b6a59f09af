"""The command line: `source-snov spec | check | discover | read`."""

import os
import signal
import sys
from types import FrameType

from airbyte_cdk.entrypoint import launch

from source_snov.source import SourceSnov


def run() -> None:
    signal.signal(signal.SIGTERM, _stop)
    launch(SourceSnov(), sys.argv[1:])


def _stop(signum: int, frame: FrameType | None) -> None:
    """Ends the process at once, with what it has printed written out.

    As a container's first process Python would ignore SIGTERM, and an orderly exit would wait for threads that may
    sleep for minutes.
    """
    # A reader that has stopped reading would hold the flush for ever.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(2)
    try:
        sys.stdout.flush()
    finally:
        os._exit(128 + signum)
