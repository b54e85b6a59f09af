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

    An orderly exit would wait for threads that may sleep for minutes.
    """
    # A reader that has stopped reading would hold the flush for ever.
    signal.signal(signal.SIGALRM, lambda *_: _end(signum))
    signal.alarm(2)
    try:
        sys.stdout.flush()
    finally:
        _end(signum)


def _end(signum: int) -> None:
    # Ended by the signal, as clients expect; a container's first process is not, and exits by itself.
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    os._exit(128 + signum)
