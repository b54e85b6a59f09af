"""The command line: `source-snov spec | check | discover | read`.

What a command needs is imported when it runs: `spec` needs no CDK.
"""

import gc
import json
import os
import signal
import sys
from threading import Thread, Timer

from source_snov.specification import specification

SECONDS_TO_FLUSH = 2.0
"""A reader that has stopped reading would hold what is left for ever."""


def run() -> None:
    arguments = sys.argv[1:]
    if arguments == ["spec"]:
        print(json.dumps({"type": "SPEC", "spec": specification()}, ensure_ascii=False, separators=(",", ":")))
        return

    from source_snov.quick_import import quick_import

    with quick_import():
        from airbyte_cdk.entrypoint import launch

        from source_snov.source import SourceSnov
    # What is imported stays: the collector need not look through it again and again.
    gc.freeze()

    # Every thread inherits the mask. A handler would run in the midst of a write, and cut its line in two.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    Thread(target=_end_when_told, name="sigterm", daemon=True).start()
    launch(SourceSnov(), arguments)


def _end_when_told() -> None:
    """Waits for SIGTERM, then ends the process at once, with all that was said written out in whole lines.

    An orderly exit would wait for threads that may sleep for minutes.
    """
    from airbyte_cdk.entrypoint import PRINT_BUFFER

    signal.sigwait({signal.SIGTERM})
    Timer(SECONDS_TO_FLUSH, _end).start()
    with PRINT_BUFFER.lock:
        PRINT_BUFFER.flush()
        _end()


def _end() -> None:
    # Ended by the signal, as clients expect; a container's first process is not, and exits by itself.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(128 + signal.SIGTERM)
